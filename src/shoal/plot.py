# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Curves made of characters: the history of a run's numbers in bounded memory, sparklines, charts, bars."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

_EIGHTHS = " ▁▂▃▄▅▆▇█"  # of a cell, from below

BUCKETS = 512  # of a history at most; once they are full, pairs are merged


class History:
    """Weighted means of several numbers over equal stretches of steps, from the first step that was added on."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._sums: dict[str, list[float]] = {key: [] for key in keys}
        self._weights: dict[str, list[float]] = {key: [] for key in keys}
        self._first = -1
        self._stretch = 0  # steps in a bucket

    def add(self, rows: Sequence[Mapping[str, float]], weight_of: Mapping[str, str]) -> None:
        """Add rows, each with its "steps". `weight_of` names the key of a number's weight; without one it is 1."""
        for row in rows:
            steps = int(row["steps"])
            if self._first < 0:
                self._first, self._stretch = steps, 0
            elif not self._stretch:
                self._stretch = max(steps - self._first, 1)
            index = (steps - self._first) // self._stretch if self._stretch else 0
            while index >= BUCKETS:
                self._merge()
                index = (steps - self._first) // self._stretch
            for key, sums in self._sums.items():
                weights = self._weights[key]
                while len(sums) <= index:
                    sums.append(0.0)
                    weights.append(0.0)
                value = row[key]
                weight = row[weight_of[key]] if key in weight_of else 1.0
                if weight > 0 and value - value == 0:  # finite
                    sums[index] += weight * value
                    weights[index] += weight

    def _merge(self) -> None:
        self._stretch *= 2
        for table in (self._sums, self._weights):
            for key, values in table.items():
                table[key] = [sum(values[at : at + 2]) for at in range(0, len(values), 2)]

    def curve(self, key: str, width: int) -> list[float]:
        """Return at most `width` means over equal stretches of steps, oldest first.

        A stretch without anything to count repeats the one before; NaN if there is none.
        """
        sums, weights = self._sums[key], self._weights[key]
        count, columns = len(sums), min(len(sums), width)
        points, last = [], math.nan
        for column in range(columns):
            low, high = column * count // columns, (column + 1) * count // columns
            weight = sum(weights[low:high])
            last = sum(sums[low:high]) / weight if weight else last
            points.append(last)
        return points


def scale(values: Sequence[float]) -> tuple[float, float]:
    """Return the smallest and the largest of the values that are numbers; (0, 0) if none is."""
    known = [value for value in values if value == value]
    return (min(known), max(known)) if known else (0.0, 0.0)


def sparkline(values: Sequence[float], width: int) -> str:
    """Return one cell a value, from the lowest block to the second highest, which leaves a gap to the line above.

    A blank for NaN; padded to `width`.
    """
    low, high = scale(values)
    step = 6.0 / (high - low) if high > low else 0.0
    return "".join(_EIGHTHS[1 + round((value - low) * step)] if value == value else " " for value in values).ljust(
        width
    )


def chart(values: Sequence[float], height: int, low: float, high: float) -> list[tuple[str, str]]:
    """Return `height` rows, the top one first, of columns that reach from `low` to each value.

    A row is its cells and, of the same length, what they are: t the top of a column, a the area below, or a blank.
    """
    span = high - low if high > low else 1.0
    eighths = [round((value - low) / span * (height * 8 - 1)) + 1 if value == value else 0 for value in values]
    most = 8 * height
    cells = " " * most + _EIGHTHS + "█" * most  # cells[most + level]: the cell that `level` eighths begin to fill
    kinds = " " * (most + 1) + "t" * 8 + "a" * most
    rows = []
    for row in range(height - 1, -1, -1):
        start = most - 8 * row
        picked = [start + level for level in eighths]
        rows.append(("".join([cells[at] for at in picked]), "".join([kinds[at] for at in picked])))
    return rows


def bar(share: float, width: int) -> str:
    """Return a line of `share`, in [0, 1], of `width` cells, in halves of a cell; padded to `width`."""
    full, half = divmod(round(min(max(share, 0.0), 1.0) * width * 2), 2)
    return ("━" * full + "╸" * half).ljust(width)
