# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Runs on disk: runs/<environment>/<time>-<words>/ with config.toml, metrics.jsonl and checkpoints/.

A run is found by its path, by its name, or as the newest of an environment. index.py lists many of them fast.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from shoal.errors import CheckpointError, command, nearest

RUNS = Path("runs")  # where they are kept unless --runs-dir says otherwise
SUFFIX = ".safetensors"
SWEEP, TRIALS = "sweep.toml", "trials.sqlite"  # of a sweep: what it is, a row a trial; beside the trials' own runs

_FIRST = (
    "amber blue brisk calm clear coral deep eager fleet gold green keen light lucky mild neat proud quick silver swift"
)
_SECOND = (
    "bream carp char cod dace dory eel gar goby ide koi ling perch pike ray roach rudd smelt sole tench trout tuna"
)


@dataclass(frozen=True)
class Run:
    """A run's folder."""

    path: Path

    @property
    def name(self) -> str:
        """Its last part: <time>-<words>."""
        return self.path.name

    @property
    def sweep(self) -> str:
        """Of which sweep it is a trial; else empty."""
        return self.path.parent.name if (self.path.parent / SWEEP).is_file() else ""

    @property
    def config(self) -> Path:
        """The settings as resolved."""
        return self.path / "config.toml"

    @property
    def folder(self) -> str:
        """Of an environment outside the package: the folder in which it lay; else empty."""
        try:
            with self.config.open(encoding="utf-8") as file:
                for line in file:
                    if line.startswith("folder = "):
                        return str(json.loads(line.partition("= ")[2]))
                    if line.startswith("["):
                        break
        except (OSError, ValueError):
            pass
        return ""

    @property
    def metrics(self) -> Path:
        """One JSON object a line, written as they come."""
        return self.path / "metrics.jsonl"

    @property
    def about(self) -> Path:
        """Who trained it, with what, once for each time (journal.py)."""
        return self.path / "about.json"

    @property
    def result(self) -> Path:
        """How training ended; absent while it goes on (journal.py)."""
        return self.path / "result.json"

    @property
    def tags(self) -> Path:
        """Words by which the user finds it again."""
        return self.path / "tags.json"

    @property
    def checkpoints(self) -> Path:
        """Weight files, named after the steps trained."""
        return self.path / "checkpoints"

    def checkpoint(self, steps: int) -> Path:
        """Where the weights after so many steps are stored."""
        return self.checkpoints / f"{steps:015d}{SUFFIX}"

    @property
    def images(self) -> tuple[Path, Path]:
        """The two files that take turns in holding all that is needed to go on (image.py)."""
        return self.checkpoints / f"resume.0{SUFFIX}", self.checkpoints / f"resume.1{SUFFIX}"

    def weights(self) -> list[Path]:
        """Return the weight files, oldest first."""
        return sorted(self.checkpoints.glob(f"[0-9]*{SUFFIX}"))

    def latest(self) -> Path:
        """Return the newest weights.

        Raises:
            CheckpointError: if there is none.
        """
        found = self.weights()
        if not found:
            raise CheckpointError(f"the run has no checkpoint: {self.path}")
        return found[-1]

    def is_locked(self) -> bool:
        """Return whether a process trains this run."""
        try:
            with self.lock():
                return False
        except CheckpointError:
            return self.path.is_dir()

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from training this run meanwhile; a process that dies lets go of it.

        Raises:
            CheckpointError: if another one does train it, or the folder is not there.
        """
        try:
            handle = os.open(self.path, os.O_RDONLY)
        except OSError as error:
            raise CheckpointError(f"the run cannot be read: {self.path}: {error.strerror}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise CheckpointError(f"another process is training this run: {self.path}") from None
        except OSError:  # a file system without locks
            pass
        try:
            yield
        finally:
            os.close(handle)


class Stream(contextlib.AbstractContextManager["Stream"]):
    """Appends JSON objects to a file, each flushed as it comes: a crash loses nothing. Leaving its block closes it."""

    def __init__(self, path: Path, size: int = 0) -> None:
        """Cut the file to its first `size` bytes and append from there.

        Raises:
            CheckpointError: if it cannot be written, or is shorter than that.
        """
        self._path = path
        with self._explained():
            self._file: IO[bytes] = path.open("ab")
        if self._file.tell() < size:
            problem = f"lines are missing: {path} has {self._file.tell()} bytes; expected at least {size}"
            self._file.close()
            raise CheckpointError(problem, "put the file back as it was")
        with self._explained():
            self._file.truncate(size)

    def write(self, row: dict[str, Any]) -> int:
        """Append one object and return the file's new length; what is not finite becomes null."""
        with self._explained():
            self._file.write((to_json(row) + "\n").encode())
            self._file.flush()
            return self._file.tell()

    def sync(self) -> None:
        """Wait until all of it is on the disk."""
        with self._explained():
            os.fsync(self._file.fileno())

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CheckpointError(f"the metrics cannot be written: {self._path}: {error.strerror}") from error

    def __exit__(self, *_: object) -> None:
        """Close the file; what could not be written has been told."""
        with contextlib.suppress(OSError):
            self._file.close()


def create(runs_dir: Path, env: str, config: str) -> Run:
    """Make the folder of a new run and store its settings.

    Raises:
        CheckpointError: if that is not possible.
    """
    for _ in range(100):
        run = Run(runs_dir / env / new_name())
        try:
            lay_out(run, config)
        except FileExistsError:
            if not run.path.is_dir():
                raise CheckpointError(f"a file is in the way of the run: {run.path}", _HINT) from None
            continue
        except OSError as error:
            raise CheckpointError(f"the run cannot be written: {run.path}: {error.strerror}", _HINT) from error
        return run
    raise CheckpointError(f"no free name for a run in {runs_dir / env}", _HINT)


def lay_out(run: Run, config: str) -> None:
    """Make the folder of a run and store its settings.

    Raises:
        OSError: if that is not possible; FileExistsError if it is there.
    """
    run.checkpoints.mkdir(parents=True)
    draft = run.config.with_suffix(".tmp")
    draft.write_text(config, encoding="utf-8")
    draft.replace(run.config)  # a run is one whose settings are there, whole


def new_name() -> str:
    """Return <time>-<words>."""
    words = random.SystemRandom()
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{words.choice(_FIRST.split())}-{words.choice(_SECOND.split())}"


def newest(runs_dir: Path, env: str = "") -> Run:
    """Return the newest run of an environment that has a checkpoint; without one, of any.

    An environment is named as `Environment.reference` does: by its name, or by the absolute path of its folder.

    Raises:
        CheckpointError: if there is none.
    """
    runs = [run for run in by_age(runs_dir, env) if run.weights()]
    if not runs:
        what = f"`{env}`" if env else "any environment"
        hint = f"make one with `{command()} train {env or 'cartpole'}`"
        raise CheckpointError(f"no run of {what} in {runs_dir}", hint)
    return runs[-1]


def by_age(runs_dir: Path, env: str = "") -> list[Run]:
    """Return the runs of an environment, or without one of all, oldest first."""
    return sorted(_all(runs_dir, env), key=lambda run: (run.name[:15], run.config.stat().st_mtime_ns))


def find(runs_dir: Path, target: str, env: str = "") -> Path:
    """Return the checkpoint that `target` means: a file, a run's folder, a run's name, or the start or end of one.

    Raises:
        CheckpointError: if it means nothing, or several runs.
    """
    path = Path(target)
    return path if path.is_file() else find_run(runs_dir, target, env, what="checkpoint or run").latest()


def find_run(runs_dir: Path, target: str, env: str = "", *, what: str = "run") -> Run:
    """Return the run that `target` means: a folder, a run's name, or the start or end of one.

    Args:
        runs_dir: where runs lie.
        target: as the user typed it.
        env: only runs of this environment; empty: of all.
        what: is looked for, in the sentence that says that it is not there.

    Raises:
        CheckpointError: if it means nothing, or several runs.
    """
    if Path(target).is_dir():
        return Run(Path(target))
    runs = _all(runs_dir, env)
    exact = [run for run in runs if run.name == target]
    matches = exact or [run for run in runs if is_meant(run.name, target)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise CheckpointError(f"`{target}` means several runs: {', '.join(run.name for run in matches)}")
    known = [run.name for run in runs]
    fallback = f"newest: {known[-1]}" if known else f"there are no runs yet: `{command()} train` makes one"
    raise CheckpointError(
        f"no such {what}: {target}; expected {'a file, ' if what != 'run' else ''}a folder, or a name in {runs_dir}",
        nearest(target, known, fallback),
    )


def find_sweep(runs_dir: Path, target: str) -> Path:
    """Return the folder of the sweep that `target` means: a folder, a sweep's name, or the start or end of one.

    Raises:
        CheckpointError: if it means nothing, or several sweeps.
    """
    if (Path(target) / SWEEP).is_file():
        return Path(target)
    known = {path.parent.name: path.parent for path in runs_dir.glob(f"*/{SWEEP}")}
    matches = [target] if target in known else [name for name in sorted(known) if is_meant(name, target)]
    if len(matches) == 1:
        return known[matches[0]]
    if matches:
        raise CheckpointError(f"`{target}` means several sweeps: {', '.join(matches)}")
    hint = nearest(target, known) if known else f"`{command()} sweep cartpole` makes one"
    raise CheckpointError(f"no such sweep: {target}; expected a name in {runs_dir}, or a folder", hint)


def is_meant(name: str, target: str) -> bool:
    """Return whether what is typed means a name: all of it, or its start or end."""
    return name.startswith(target) or name.endswith(f"-{target}")


def to_json(row: dict[str, Any]) -> str:
    """Return one line of JSON; numbers that are not finite become null."""
    return json.dumps({key: None if isinstance(v, float) and not math.isfinite(v) else v for key, v in row.items()})


_HINT = "`--runs-dir FOLDER` names another place"


def _all(runs_dir: Path, env: str) -> list[Run]:
    folder = env if os.sep in env or ":" in env else ""
    runs = [Run(path.parent) for path in runs_dir.glob(f"{'*' if folder else env or '*'}/*/config.toml")]
    return sorted((run for run in runs if not env or run.folder == folder), key=lambda run: run.name)
