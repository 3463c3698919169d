# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""An index of all runs of a folder, so that thousands are listed at once: <runs>/index.sqlite.

The folders of the runs are the truth. The index is brought up to date by a look at their times, may be deleted, and is
built again where it is missing, broken or of another layout. Several processes may use it at once.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import sqlite3
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal import journal
from shoal.errors import ConfigError, nearest
from shoal.store import Run

NAME = "index.sqlite"
RUNNING, STOPPED = "running", "stopped"  # beside journal's: being trained, and neither that nor ended in order

_LAYOUT = 2  # of the table; another number in the file: it is built again
_COLUMNS = {
    "path": "TEXT PRIMARY KEY",  # below the runs folder
    "name": "TEXT",
    "sweep": "TEXT",  # whose trial it is; empty of other runs
    "env": "TEXT",
    "seed": "INTEGER",
    "status": "TEXT",
    "started": "REAL",  # seconds since 1970
    "steps": "INTEGER",
    "seconds": "REAL",
    "sps": "REAL",
    "perf": "REAL",
    "score": "REAL",
    "solved": "INTEGER",
    "settings": "TEXT",
    "preset": "TEXT",
    "tags": "TEXT",  # between spaces, and one at either end
    "commit": "TEXT",
    "machine": "TEXT",
    "command": "TEXT",
    "error": "TEXT",
    "more": "TEXT",  # JSON: every setting as section.key, every mean of the last evaluation as eval.name
    "stamp": "TEXT",  # what the folder looked like when it was read
}
COLUMNS = tuple(name for name in _COLUMNS if name not in ("more", "stamp"))
BATCH = 500  # runs in a transaction

Row = dict[str, Any]


@dataclass(frozen=True)
class Condition:
    """One part of a filter, such as `perf>=0.9`: `name` is a column, a setting (`train.gamma`) or `eval.METRIC`."""

    name: str
    operator: str
    value: str

    def sql(self) -> tuple[str, list[Any]]:
        """Return an SQL expression and its values."""
        if self.name == "tag":
            return f"tags {'NOT ' if self.operator == '!=' else ''}LIKE ?", [f"% {self.value} %"]
        names: list[Any] = [] if self.name in _COLUMNS else [f'$."{self.name}"']
        left = f'"{self.name}"' if self.name in _COLUMNS else "json_extract(more, ?)"
        if self.operator == "~":
            return f"{left} LIKE ?", [*names, f"%{self.value}%"]
        value = _value(self.value)
        if isinstance(value, str) or self.name in ("settings", "commit", "name", "sweep"):  # digits there are words
            return f"CAST({left} AS TEXT) {self.operator} ?", [*names, self.value]
        return f"{left} {self.operator} ?", [*names, value]


class Index(contextlib.AbstractContextManager["Index"]):
    """The runs below one folder. Leaving its block closes it."""

    def __init__(self, runs_dir: Path) -> None:
        """Open the index, or one in memory where nothing can be written."""
        self.runs_dir = runs_dir
        self._database = self._open()

    def refresh(self) -> int:
        """Read what is new or has changed, forget what is gone; return how many were read."""
        known = dict(self._database.execute("SELECT path, stamp FROM runs"))
        changed, seen = [], set()
        for path, stamp in _scan(self.runs_dir, known):
            seen.add(path)
            if known.get(path) != stamp:
                changed.append((path, stamp))
        gone = [(path,) for path in known if path not in seen]
        if gone:
            self._write("DELETE FROM runs WHERE path = ?", gone)
        marks = ", ".join("?" * len(_COLUMNS))
        for start in range(0, len(changed), BATCH):
            rows = [read(self.runs_dir, path) | {"stamp": stamp} for path, stamp in changed[start : start + BATCH]]
            self._write(
                f"INSERT OR REPLACE INTO runs VALUES ({marks})", [tuple(row[name] for name in _COLUMNS) for row in rows]
            )
        return len(changed)

    def select(
        self, conditions: Iterable[Condition] = (), *, sort: str = "-started", limit: int = 0, offset: int = 0
    ) -> list[Row]:
        """Return runs, every one a dictionary of COLUMNS and of all that `more` holds.

        Args:
            conditions: all of them must hold; trials of sweeps are left out unless one of them is about `sweep`.
            sort: a column, a setting or eval.METRIC; with a minus the largest come first; what has none comes last.
            limit: at most so many; 0: all.
            offset: of those, leave out so many first ones; needs a limit.

        Raises:
            ConfigError: if no run has what is named.
        """
        where, values = self._where(conditions)
        name = sort.removeprefix("-")
        self.check(name)
        order = f'"{name}"' if name in _COLUMNS else "json_extract(more, ?)"
        values += [] if name in _COLUMNS else [f'$."{name}"'] * 2
        direction = "DESC" if sort.startswith("-") else "ASC"
        query = f"SELECT * FROM runs WHERE {where} ORDER BY {order} IS NULL, {order} {direction}, path"
        found = self._database.execute(query + (f" LIMIT {limit} OFFSET {offset}" if limit else ""), values)
        return [_unpacked(dict(zip(_COLUMNS, row, strict=True))) for row in found]

    def count(self, conditions: Iterable[Condition] = ()) -> int:
        """Return the number of runs for which all conditions hold; trials of sweeps are left out as `select` does."""
        where, values = self._where(conditions)
        return int(self._database.execute(f"SELECT COUNT(*) FROM runs WHERE {where}", values).fetchone()[0])

    def names(self) -> list[str]:
        """Return every name that a filter or a column may use."""
        keys = self._database.execute("SELECT DISTINCT key FROM runs, json_each(runs.more)")
        return sorted({*COLUMNS, "tag", *(str(key) for (key,) in keys)})

    def environments(self) -> list[str]:
        """Return the names of the environments that runs are of, trials of sweeps among them."""
        return sorted(str(name) for (name,) in self._database.execute("SELECT DISTINCT env FROM runs"))

    def rebuild(self) -> int:
        """Forget everything and read all runs again; return how many."""
        self._database.execute("DELETE FROM runs")
        self._database.commit()
        return self.refresh()

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._database.close()

    def check(self, name: str) -> None:
        """Raise unless some run has what is named: a column, `tag`, a setting, eval.METRIC."""
        if name in COLUMNS or name == "tag":
            return
        some = "SELECT 1 FROM runs WHERE json_type(more, ?) IS NOT NULL LIMIT 1"
        if not re.fullmatch(r"[\w.]+", name) or not self._database.execute(some, [f'$."{name}"']).fetchone():
            hint = nearest(name, self.names(), f"columns are {', '.join(COLUMNS)}; settings such as train.gamma")
            raise ConfigError(f"no run has a `{name}`", hint)

    def _where(self, conditions: Iterable[Condition]) -> tuple[str, list[Any]]:
        """Return what must hold, as SQL; trials of sweeps are left out unless a condition is about `sweep`."""
        conditions = list(conditions)
        where: list[str] = [] if any(condition.name == "sweep" for condition in conditions) else ["sweep = ''"]
        values: list[Any] = []
        for condition in conditions:
            self.check(condition.name)
            text, more = condition.sql()
            where.append(text)
            values += more
        return " AND ".join(where), values

    def _write(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        """Run one transaction; where the disk refuses it, go on in memory."""
        try:
            with self._database:
                self._database.executemany(statement, rows)
        except sqlite3.OperationalError:
            memory = _with_table(sqlite3.connect(":memory:"))
            self._database.backup(memory)
            self._database.close()
            self._database = memory
            with self._database:
                self._database.executemany(statement, rows)

    def _open(self) -> sqlite3.Connection:
        path = self.runs_dir / NAME
        if self.runs_dir.is_dir():
            for _ in range(2):
                try:
                    return _with_table(sqlite3.connect(path, timeout=30.0))
                except sqlite3.OperationalError:  # read-only, or no locks there
                    break
                except sqlite3.DatabaseError:  # it is broken: the next attempt makes another
                    for suffix in ("", "-wal", "-shm"):
                        with contextlib.suppress(OSError):
                            Path(f"{path}{suffix}").unlink()
        return _with_table(sqlite3.connect(":memory:"))


def parse(text: str) -> list[Condition]:
    """Return the conditions of a filter: `env=pong perf>=0.9 tag=good train.gamma!=0.99 command~sweep`.

    Raises:
        ConfigError: for a word that is none.
    """
    conditions = []
    for word in text.split():
        found = re.fullmatch(r"([\w.]+)(!=|<=|>=|=|<|>|~)(.*)", word)
        if not found or not found[3]:
            raise ConfigError(f"not a condition: `{word}`; expected name, one of = != < <= > >= ~, value: `perf>=0.9`")
        conditions.append(Condition(*found.groups()))
    return conditions


def settings_of(run: Run) -> dict[str, Any]:
    """Return a run's settings as they were written, none if they cannot be read."""
    try:
        return tomllib.loads(run.config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def read(runs_dir: Path, path: str) -> Row:
    """Return a run's row from its folder, whatever of it can be read."""
    run = Run(runs_dir / path)
    config = settings_of(run)
    result = journal.read(run.result)
    trained = journal.read(run.about).get("trained") or [{}]
    about = trained[-1] if isinstance(trained, list) and isinstance(trained[-1], dict) else {}
    last = {} if result else _last_line(run.metrics)
    more = {
        f"{section}.{key}": value
        for section, values in config.items()
        if isinstance(values, dict)
        for key, value in values.items()
    }
    more |= {name: value for name, value in result.items() if name.startswith("eval.")}
    more |= {f"eval.{name[4:]}": value for name, value in last.items() if name.startswith("env/")}
    status = str(result.get("status") or (RUNNING if run.is_locked() else STOPPED))
    return {
        "path": path,
        "name": run.name,
        "sweep": run.sweep,
        "env": config.get("environment", Path(path).parent.name),
        "seed": config.get("seed"),
        "status": status,
        "started": _started(trained[0] if isinstance(trained, list) else {}, run),
        "steps": result.get("steps", last.get("steps")),
        "seconds": result.get("seconds", last.get("seconds")),
        "sps": result.get("sps", last.get("perf/sps")),
        "perf": result.get("perf", last.get("env/perf")),
        "score": result.get("score", last.get("env/score")),
        "solved": result.get("solved"),
        "settings": config.get("settings"),
        "preset": config.get("preset", ""),
        "tags": "".join(f" {tag}" for tag in journal.tags(run)) + " ",
        "commit": about.get("commit"),
        "machine": about.get("machine"),
        "command": about.get("command"),
        "error": result.get("error"),
        "more": json.dumps(more),
    }


def _scan(runs_dir: Path, known: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield every run's path and stamp. A run that ended in order changes only with its folder's time."""
    try:
        groups = sorted(entry.name for entry in os.scandir(runs_dir) if entry.is_dir())
    except OSError:
        return
    for group in groups:
        with contextlib.suppress(OSError), os.scandir(runs_dir / group) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    path, stamp = f"{group}/{entry.name}", str(entry.stat().st_mtime_ns)
                    if known.get(path) != stamp:
                        if not os.path.exists(f"{entry.path}/config.toml"):
                            continue
                        if not os.path.exists(f"{entry.path}/result.json"):
                            stamp += _pulse(Run(Path(entry.path)))
                    yield path, stamp


def _pulse(run: Run) -> str:
    """Return what changes while a run is trained, and when that stops."""
    try:
        return f" {run.metrics.stat().st_size} {run.is_locked()}"
    except OSError:
        return f" - {run.is_locked()}"


def _last_line(path: Path) -> Row:
    """Return the last whole line of metrics."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 8192))
            for line in reversed(file.read().splitlines()):
                with contextlib.suppress(ValueError):
                    found = json.loads(line)
                    if isinstance(found, dict) and "steps" in found:
                        return found
    except OSError:
        pass
    return {}


def _started(about: Row, run: Run) -> float:
    try:
        return datetime.datetime.fromisoformat(about["started"]).timestamp()
    except (KeyError, TypeError, ValueError):
        pass
    try:
        return run.config.stat().st_mtime
    except OSError:
        return 0.0


def _value(text: str) -> float | str:
    """Return a number, 1 or 0 for true and false, else the text."""
    if text in ("true", "false"):
        return float(text == "true")
    try:
        return float(text)
    except ValueError:
        return text


def _unpacked(row: Row) -> Row:
    more: Row = json.loads(row.pop("more"))
    del row["stamp"]
    row["tags"] = row["tags"].split()
    row["solved"] = None if row["solved"] is None else bool(row["solved"])
    return row | more


def _with_table(database: sqlite3.Connection) -> sqlite3.Connection:
    if database.execute("PRAGMA user_version").fetchone()[0] == _LAYOUT:
        return database
    table = ", ".join(f'"{name}" {kind}' for name, kind in _COLUMNS.items())
    with database:
        database.execute("BEGIN IMMEDIATE")  # one process lays it out, the others wait and find it done
        if database.execute("PRAGMA user_version").fetchone()[0] != _LAYOUT:
            database.execute("DROP TABLE IF EXISTS runs")
            database.execute(f"CREATE TABLE runs ({table})")
            database.execute(f"PRAGMA user_version = {_LAYOUT}")
    return database
