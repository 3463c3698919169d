# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Sweeps on disk as the page needs them: which there are, what they declare, their trials, the Pareto front.

Reading only, without a lock that could hold up the sweep.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import tomllib
import urllib.parse
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from shoal import store
from shoal.errors import CheckpointError, ShoalError
from shoal.sweep import trial as trials
from shoal.sweep.space import Space, parse_all
from shoal.sweep.trial import Trial


def names(runs_dir: Path) -> list[str]:
    """Return the sweeps of a runs folder, the newest first."""
    found = []
    with contextlib.suppress(OSError), os.scandir(runs_dir) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                found.append((os.stat(f"{entry.path}/{store.SWEEP}").st_mtime_ns, entry.name))
    return [name for _, name in sorted(found, reverse=True)]


def stamp(folder: Path) -> tuple[int, ...]:
    """Return what changes whenever a trial is recorded."""
    parts: list[int] = []
    for name in (store.TRIALS, f"{store.TRIALS}-wal"):
        try:
            about = (folder / name).stat()
            parts += [about.st_size, about.st_mtime_ns]
        except OSError:
            parts += [0, 0]
    return tuple(parts)


def declaration(folder: Path) -> dict[str, Any]:
    """Return what sweep.toml says, nothing if it cannot be read."""
    try:
        return tomllib.loads((folder / store.SWEEP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def space(declared: dict[str, Any]) -> Space | None:
    """Return the declared space; None where it is missing or wrong."""
    try:
        return parse_all(declared["space"])
    except (ShoalError, KeyError, TypeError, AttributeError):
        return None


def read(folder: Path) -> list[Trial]:
    """Return the trials so far, by number.

    Raises:
        CheckpointError: if the database is broken; one that is not there yet has no trials.
    """
    path = folder / store.TRIALS
    if not path.is_file():
        return []
    for how in ("mode=ro", "immutable=1"):  # the second where not even the files beside it can be written
        try:
            address = f"file:{urllib.parse.quote(str(path.absolute()))}?{how}"
            with contextlib.closing(sqlite3.connect(address, uri=True, timeout=5.0)) as database:
                database.row_factory = sqlite3.Row
                return [_trial(row) for row in database.execute("SELECT * FROM trials ORDER BY number")]
        except sqlite3.OperationalError as error:
            problem: sqlite3.Error = error
        except sqlite3.DatabaseError as error:
            problem = error
            break
    raise CheckpointError(f"the trials cannot be read: {path}: {problem}")


def front(found: Sequence[Trial]) -> list[int]:
    """Return the numbers of the trials that no cheaper one equals in score, cheapest first."""
    best, kept = float("-inf"), []
    for one in sorted((t for t in found if is_counted(t)), key=lambda t: (t.cost, -(t.score or 0.0))):
        assert one.score is not None
        if one.score > best:
            best = one.score
            kept.append(one.number)
    return kept


def is_counted(one: Trial) -> bool:
    """Return whether the trial has ended with a score."""
    return one.score is not None and one.status in (trials.DONE, trials.STOPPED)


def _trial(row: sqlite3.Row) -> Trial:
    known = {field.name for field in fields(Trial)}
    values = {name: row[name] for name in row.keys() if name in known and row[name] is not None}  # noqa: SIM118
    for name, empty in (("point", {}), ("curve", [])):
        with contextlib.suppress(ValueError, TypeError):
            values[name] = json.loads(values.get(name) or json.dumps(empty))
    values["point"] = values["point"] if isinstance(values.get("point"), dict) else {}
    values["curve"] = tuple(tuple(point) for point in values.get("curve") or [])
    return Trial(**values)
