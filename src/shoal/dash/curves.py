# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Learning curves from metrics.jsonl: read as files grow, thinned to what a screen shows, seeds pooled to bands."""

from __future__ import annotations

import array
import itertools
import json
import math
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoal import compare

Numbers = NDArray[np.float64]

POINTS = 400  # of a curve, at most: more than a chart has room for
GRID = 200  # points of a band
FEW = 5  # seeds, below which a bootstrap interval is too narrow and the band is their range
DRAWS = 1000  # of the bootstrap, for each band
_TAIL = 64  # bytes before the place up to which a file was read, by which a rewritten file is told


@dataclass
class _File:
    """What was read of one file: a column for every name, NaN where a line has none."""

    offset: int = 0
    tail: bytes = b""
    rows: int = 0
    columns: dict[str, array.array[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Band:
    """Seeds of one setting: their mean over a grid and how far it may be off, all (GRID,); NaN where there are none."""

    x: Numbers
    mean: Numbers
    low: Numbers
    high: Numbers
    kind: str  # what low and high are


class Curves:
    """The metrics of runs; a file is read once, and after that only what was added to it."""

    def __init__(self, keep: int = 200) -> None:
        """`keep`: files that stay in memory, the last that were asked for."""
        self._keep = keep
        self._files: OrderedDict[Path, _File] = OrderedDict()
        self._lock = threading.Lock()

    def names(self, path: Path) -> list[str]:
        """Return the names of a file's metrics, in the order in which they appear."""
        with self._lock:
            return list(self._read(path).columns)

    def columns(self, path: Path, x: str, y: str) -> tuple[Numbers, Numbers]:
        """Return two metrics, both (points,), only where both are numbers."""
        with self._lock:
            columns = self._read(path).columns
            if x not in columns or y not in columns:
                return np.empty(0), np.empty(0)
            xs, ys = np.array(columns[x]), np.array(columns[y])
        kept = np.isfinite(xs) & np.isfinite(ys)
        return xs[kept], ys[kept]

    def _read(self, path: Path) -> _File:
        found = self._files.pop(path, None) or _File()
        try:
            found = _grown(path, found)
        except OSError:
            found = _File()
        self._files[path] = found
        while len(self._files) > self._keep:
            self._files.popitem(last=False)
        return found


def thinned(x: Numbers, y: Numbers, points: int = POINTS) -> tuple[Numbers, Numbers]:
    """Return at most so many points, the lowest and the highest of equal parts, so that no peak is lost."""
    if len(x) <= points:
        return x, y
    edges = np.linspace(0, len(x), points // 2 + 1).astype(int)
    kept = []
    for start, end in itertools.pairwise(edges):
        kept += sorted({start + int(np.argmin(y[start:end])), start + int(np.argmax(y[start:end]))})
    return x[kept], y[kept]


def band(curves: list[tuple[Numbers, Numbers]], seed: int = 0) -> Band | None:
    """Return the mean over curves, each between its own ends; None for fewer than two curves that have points.

    From five curves on, the bounds are those of a 95 % bootstrap interval of the mean over seeds, else the lowest and
    the highest curve; they are NaN where only one curve goes.
    """
    curves = [(x, y) for x, y in curves if len(x)]
    if len(curves) < 2:
        return None
    grid = np.linspace(min(x[0] for x, _ in curves), max(x[-1] for x, _ in curves), GRID)
    table = np.array([np.interp(grid, x, y, left=math.nan, right=math.nan) for x, y in curves])
    there = np.isfinite(table)
    count = there.sum(axis=0)
    zeros = np.where(there, table, 0.0)
    some = np.maximum(count, 1)
    mean = np.where(count > 0, zeros.sum(axis=0) / some, math.nan)
    if len(curves) < FEW:
        low, high = np.where(there, table, math.inf).min(axis=0), np.where(there, table, -math.inf).max(axis=0)
        kind = f"lowest to highest of {len(curves)} seeds"
    else:
        rng = np.random.default_rng(seed)
        weights = rng.multinomial(len(curves), np.full(len(curves), 1 / len(curves)), DRAWS).astype(np.float64)
        number = weights @ there
        drawn = np.where(number > 0, (weights @ zeros) / np.maximum(number, 1.0), mean)
        tail = 50 * (1 - compare.LEVEL)
        low, high = np.percentile(drawn, [tail, 100 - tail], axis=0)
        kind = f"95 % bootstrap interval of the mean of {len(curves)} seeds"
    alone = count < 2
    return Band(grid, mean, np.where(alone, math.nan, low), np.where(alone, math.nan, high), kind)


def _grown(path: Path, found: _File) -> _File:
    """Return the file with the whole lines that were added since it was read."""
    with path.open("rb") as file:
        file.seek(max(0, found.offset - _TAIL))
        if file.read(min(found.offset, _TAIL)) != found.tail:  # another file, or one that a resumed run cut
            found = _File()
            file.seek(0)
        data = file.read()
    end = data.rfind(b"\n") + 1
    for line in data[:end].splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            _append(found, row)
    found.offset += end
    found.tail = (found.tail + data[:end])[-_TAIL:]
    return found


def _append(found: _File, row: dict[str, object]) -> None:
    for name, value in row.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            column = found.columns.get(name)
            if column is None:
                column = found.columns[name] = array.array("d", [math.nan]) * found.rows
            column.append(value)
    found.rows += 1
    for column in found.columns.values():
        if len(column) < found.rows:
            column.append(math.nan)
