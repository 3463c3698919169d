# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What the page asks for, as plain dictionaries: lists of runs, one run, curves, a comparison.

Nothing here writes to a run. `Api.answer` serves the live page (server.py) and fills a report (report.py).
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import tomllib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from shoal import compare, index, journal
from shoal.dash import curves, sweeps, trials
from shoal.errors import CheckpointError, ConfigError
from shoal.index import Condition, Index
from shoal.store import Run

Query = dict[str, str]
Answer = dict[str, Any]
T = TypeVar("T")

PAGE = 500  # rows of one answer, at most
MANY = 100  # runs of one chart, at most
X = ("steps", "seconds")
MEDIA = {
    ".png": "image/png",
    ".apng": "image/apng",
    ".gif": "image/gif",
    ".mp4": "video/mp4",
}

_ALWAYS = ("path", "name", "env", "status", "settings", "seed")  # of every row
_DRAWS = 2000  # of the bootstrap behind a comparison


class Api:
    """Answers about one folder of runs. Its index has a thread of its own, for SQLite wants one."""

    def __init__(self, runs_dir: Path) -> None:
        """Open the index, without looking for news: `refresh` does."""
        self.runs_dir = runs_dir
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="index")
        self._index = self._thread.submit(Index, runs_dir).result()
        self._curves = curves.Curves()
        self._known: dict[tuple[str, str], tuple[tuple[int, ...], Answer]] = {}
        self._answers: dict[str, Callable[[Query], Answer]] = {
            "runs": self._runs,
            "names": self._names,
            "run": self._run,
            "curves": self._drawn,
            "compare": self._compare,
            "sweeps": self._sweeps,
            "sweep": self._sweep,
        }

    def answer(self, name: str, query: Query) -> Answer | None:
        """Return an answer; None where nothing is called so.

        Raises:
            ConfigError: if the query makes no sense. CheckpointError: if what it names is not there.
        """
        found = self._answers.get(name)
        return found(query) if found else None

    def refresh(self) -> int:
        """Bring the index up to date and return how many runs changed."""
        return self._in_index(lambda found: found.refresh())

    def stamp(self) -> tuple[Any, ...]:
        """Return what changes when a sweep does, or the number of runs."""
        names = trials.names(self.runs_dir)
        stamps = tuple((name, trials.stamp(self.runs_dir / name)) for name in names)
        return (self._in_index(lambda found: found.count()), *stamps)

    def close(self) -> None:
        """Close the index."""
        self._in_index(lambda found: found.__exit__())
        self._thread.shutdown()

    def run(self, path: str) -> Run:
        """Return the run at GROUP/NAME below the runs folder.

        Raises:
            CheckpointError: if there is none.
        """
        found = Run(self.runs_dir / path)
        if not re.fullmatch(r"[^/\\\0]+/[^/\\\0]+", path) or ".." in path.split("/") or not found.config.is_file():
            raise CheckpointError(f"no run is there: {path}")
        return found

    def media(self, path: str, name: str) -> tuple[Path, str]:
        """Return a picture or film in a run's folder, and its type.

        Raises:
            CheckpointError: if there is none.
        """
        run = self.run(path)
        if name not in _media(run):
            raise CheckpointError(f"no recording of the run is called {name}")
        return run.path / name, MEDIA[Path(name).suffix]

    def _in_index(self, job: Callable[[Index], T]) -> T:
        return self._thread.submit(job, self._index).result()

    # ------------------------------------------------------------------------------------------------ runs

    def _runs(self, query: Query) -> Answer:
        conditions = index.parse(query.get("filter", ""))
        limit = min(max(_whole(query, "limit", 100), 1), PAGE)
        offset = max(_whole(query, "offset", 0), 0)
        columns = [name for name in query.get("columns", "").split(",") if name]

        def select(found: Index) -> Answer:
            for name in columns:
                found.check(name)
            rows = found.select(conditions, sort=query.get("sort") or "-started", limit=limit, offset=offset)
            kept = [{name: row.get(name) for name in (*_ALWAYS, *columns)} for row in rows]
            running = found.count([*conditions, Condition("status", "=", index.RUNNING)])
            return {"offset": offset, "total": found.count(conditions), "running": running, "rows": kept}

        return self._in_index(select)

    def _names(self, query: Query) -> Answer:
        del query
        return {"columns": list(index.COLUMNS), "names": self._in_index(lambda found: found.names())}

    def _run(self, query: Query) -> Answer:
        run = self.run(query.get("path", ""))
        row = self._row(run)
        config = index.settings_of(run)
        trained = journal.read(run.about).get("trained", [])
        weights = []
        for path in run.weights():
            with contextlib.suppress(OSError):
                weights.append({"steps": int(path.stem), "bytes": path.stat().st_size})
        return {
            "row": {name: row[name] for name in index.COLUMNS},
            "folder": str(run.path),
            "settings": {name: values for name, values in config.items() if isinstance(values, dict)},
            "trained": trained if isinstance(trained, list) else [],
            "result": journal.read(run.result),
            "metrics": self._curves.names(run.metrics),
            "weights": weights,
            "media": _media(run),
        }

    def _row(self, run: Run) -> index.Row:
        row = index.read(self.runs_dir, f"{run.path.parent.name}/{run.name}")
        more: index.Row = json.loads(row.pop("more"))
        return row | more | {"tags": row["tags"].split()}

    # ------------------------------------------------------------------------------------------------ curves

    def _drawn(self, query: Query) -> Answer:
        runs = [self.run(path) for path in _several(query, "runs")]
        x, metric = query.get("x") or X[0], query.get("metric") or "env/perf"
        if x not in X:
            raise ConfigError(f"no such axis: x={x}; expected {' or '.join(X)}")
        most = min(max(_whole(query, "points", curves.POINTS), 2), curves.POINTS)
        series: list[Answer] = []
        groups: dict[tuple[Any, Any], list[tuple[str, tuple[curves.Numbers, curves.Numbers]]]] = {}
        for run in runs:
            path, about = f"{run.path.parent.name}/{run.name}", _heading(run)
            points = self._curves.columns(run.metrics, x, metric)
            groups.setdefault((about["env"], about["settings"]), []).append((path, points))
            thin = curves.thinned(*points, most)
            series.append({"path": path, "name": run.name, **about, "x": thin[0], "y": thin[1]})
        bands = []
        for (env, settings), members in groups.items():
            found = curves.band([points for _, points in members]) if settings else None
            if found:
                about = {"env": env, "settings": settings, "paths": [path for path, _ in members]}
                bands.append(about | vars(found))
        metrics = dict.fromkeys(name for run in runs for name in self._curves.names(run.metrics))
        return {"x": x, "metric": metric, "metrics": list(metrics), "series": series, "groups": bands}

    def _compare(self, query: Query) -> Answer:
        rows = [self._row(self.run(path)) for path in _several(query, "runs")]
        metric = query.get("metric") or "perf"
        names = sorted({name for row in rows for name in row if "." in name and not name.startswith("eval.")})
        apart = []
        for name in ("env", "preset", "commit", "machine", *names):
            values = [row.get(name) for row in rows]
            if any(value != values[0] for value in values):
                apart.append({"name": name, "values": values})
        groups: dict[tuple[Any, Any], list[index.Row]] = {}
        for row in rows:
            groups.setdefault((row["env"], row["settings"]), []).append(row)
        estimates = []
        for (env, settings), members in groups.items():
            scores = np.array([row[metric] for row in members if isinstance(row.get(metric), (int, float))], np.float64)
            found = compare.estimate({str(env): scores}, draws=_DRAWS) if len(scores) else None
            estimates.append({"env": env, "settings": settings, "runs": len(members)} | (vars(found) if found else {}))
        ends = ("path", "name", "env", "settings", "seed", "status", "steps", "seconds", "sps", "perf", "score")
        return {
            "metric": metric,
            "rows": [{name: row.get(name) for name in ends} for row in rows],
            "apart": apart,
            "groups": estimates,
        }

    # ------------------------------------------------------------------------------------------------ sweeps

    def _sweeps(self, query: Query) -> Answer:
        del query
        return {"sweeps": [self._about_sweep(name, sweeps.summary) for name in trials.names(self.runs_dir)]}

    def _sweep(self, query: Query) -> Answer:
        name = query.get("name", "")
        if name not in trials.names(self.runs_dir):
            raise CheckpointError(f"no sweep is called {name}")
        return self._about_sweep(name, sweeps.whole)

    def _about_sweep(self, name: str, what: Callable[[Path], Answer]) -> Answer:
        """Return a summary or the whole of a sweep, made anew only when it has changed."""
        folder = self.runs_dir / name
        stamp = trials.stamp(folder)
        known = self._known.get((name, what.__name__))
        if not known or known[0] != stamp:
            known = self._known[name, what.__name__] = (stamp, what(folder))
        return known[1]


def dumps(answer: Answer) -> str:
    """Return strict JSON: what is not finite becomes null, arrays keep six digits."""
    return json.dumps(_plain(answer), allow_nan=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return [float(f"{number:.6g}") if math.isfinite(number) else None for number in value.tolist()]
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, (int, str, type(None))) else str(value)


def _media(run: Run) -> list[str]:
    """Return the recordings of a run, in its folder and the folders below, links left out."""
    found: list[Path] = []
    with contextlib.suppress(OSError):
        for folder in (run.path, *(path for path in run.path.iterdir() if path.is_dir() and not path.is_symlink())):
            found += [path for path in folder.iterdir() if path.suffix in MEDIA and not path.is_symlink()]
    return sorted(str(path.relative_to(run.path)) for path in found)


def _heading(run: Run) -> Answer:
    """Return environment, settings and seed of a run from the first lines of its config.toml."""
    lines: Iterable[str] = ()
    with contextlib.suppress(OSError, ValueError):
        lines = run.config.read_text(encoding="utf-8").partition("\n[")[0].splitlines()
    said: Answer = {}
    for line in lines:
        with contextlib.suppress(ValueError):
            said |= tomllib.loads(line)
    return {
        "env": said.get("environment", run.path.parent.name),
        "settings": said.get("settings"),
        "seed": said.get("seed"),
    }


def _several(query: Query, name: str) -> list[str]:
    found = [path for path in query.get(name, "").split(",") if path]
    if len(found) > MANY:
        raise ConfigError(f"too many runs at once: {len(found)}; expected at most {MANY}")
    return found


def _whole(query: Query, name: str, default: int) -> int:
    text = query.get(name) or str(default)
    if not re.fullmatch(r"-?\d{1,9}", text):
        raise ConfigError(f"not a whole number: {name}={text}")
    return int(text)
