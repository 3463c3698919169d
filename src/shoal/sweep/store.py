# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A sweep on disk: <runs>/NAME/ with sweep.toml, trials.sqlite, and the run of trial 12 as the folder 0012.

Several processes, on several machines that share the folder, may work on one sweep. Each holds a lock on a file of its
own in workers/ for as long as it lives; a running trial whose worker's lock is free was left behind, and waits to be
run again. The table is the truth: what is recorded there survives the death of any process at any moment.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import re
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shoal import store
from shoal.errors import CheckpointError, ConfigError, command
from shoal.sweep import declaration
from shoal.sweep.declaration import Declaration
from shoal.sweep.trial import RUNNING, Trial

RESERVE_BYTES = 1 << 18  # given up when the disk is full, so that what has ended by then can still be recorded

_COLUMNS = {
    "number": "INTEGER PRIMARY KEY",
    "point": "TEXT",  # JSON
    "seed": "INTEGER",
    "purpose": "TEXT",
    "status": "TEXT",
    "reason": "TEXT",
    "score": "REAL",
    "cost": "REAL",  # seconds
    "steps": "INTEGER",
    "curve": "TEXT",  # JSON: [[seconds, steps, score], ...]
    "run": "TEXT",  # below the folder of runs, as in their index
    "worker": "TEXT",  # running and without one: waits to be run
    "started": "REAL",  # seconds since 1970
    "ended": "REAL",
    "thought": "REAL",  # seconds that the search took
}
_NETWORKS = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "lustre", "ceph", "glusterfs", "fuse.sshfs", "beegfs")


class Sweep(contextlib.AbstractContextManager["Sweep"]):
    """One sweep. `path` is its folder, `declaration` what was asked for. Leaving its block closes it."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            CheckpointError: if it is none, or cannot be read.
        """
        self.path = path
        self.declaration = declaration.read(path / store.SWEEP)
        self.worker = ""  # the name under which this process runs trials
        self._lock: int | None = None
        self._ended: dict[int, Trial] = {}  # which never change again
        self._database = self._open()

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    def trials(self) -> list[Trial]:
        """Return all trials in the order of their numbers."""
        names = ", ".join(f'"{name}"' for name in _COLUMNS)
        with self._explained("read"):
            numbers = [number for (number,) in self._database.execute("SELECT number FROM trials ORDER BY number")]
            new = [number for number in numbers if number not in self._ended]
            found: dict[int, Trial] = {}
            for start in range(0, len(new), 500):  # as many as one statement may name
                some = new[start : start + 500]
                marks = ", ".join("?" * len(some))
                rows = self._database.execute(f"SELECT {names} FROM trials WHERE number IN ({marks})", some)
                found |= {row[0]: _trial(row) for row in rows}
        self._ended |= {number: trial for number, trial in found.items() if trial.status != RUNNING}
        known = self._ended | found
        return [known[number] for number in numbers if number in known]

    def record(self, *trials: Trial) -> None:
        """Write trials, new or again, in one transaction. A full disk costs the reserve first.

        Raises:
            CheckpointError: if they cannot be written; what was recorded before stays.
        """
        try:
            self._record(trials)
        except sqlite3.OperationalError:  # locked for long, or full
            with contextlib.suppress(OSError):
                (self.path / "reserve").unlink()
            with self._explained("written"):
                self._record(trials)

    def _record(self, trials: tuple[Trial, ...]) -> None:
        marks = ", ".join("?" * len(_COLUMNS))
        with self._database:
            self._database.executemany(f"INSERT OR REPLACE INTO trials VALUES ({marks})", [_row(t) for t in trials])

    def folder(self, number: int) -> store.Run:
        """Return where the run of a trial lies."""
        return store.Run(self.path / f"{number:04d}")

    # ------------------------------------------------------------------------------------------------ workers

    def join(self) -> None:
        """Let this process run trials: name it, and hold its lock until the block ends.

        Raises:
            CheckpointError: if the folder cannot be written.
        """
        self.worker = f"{socket.gethostname()}-{os.getpid()}-{random.SystemRandom().randrange(1 << 24):06x}"
        try:
            self._workers.mkdir(exist_ok=True)
            with self.alone():
                self._lock = os.open(self._workers / self.worker, os.O_CREAT | os.O_RDWR, 0o644)
                with contextlib.suppress(OSError):  # a file system without locks
                    fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CheckpointError(f"the sweep cannot be written: {self.path}: {error.strerror}") from error

        reserve = self.path / "reserve"
        try:
            if not reserve.exists():
                reserve.write_bytes(bytes(RESERVE_BYTES))
        except OSError:  # what is left is for trials
            reserve.unlink(missing_ok=True)

    def living(self) -> set[str]:
        """Return the names of the workers that hold their locks; files of others are removed. Call it `alone`."""
        found = {self.worker} if self.worker else set()
        with contextlib.suppress(OSError):
            for path in self._workers.iterdir():
                if path.name not in found and _is_held(path):
                    found.add(path.name)
        return found

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Decide what to run next one process after the other, so that no two run the same."""
        try:
            handle = os.open(self.path / "turn.lock", os.O_CREAT | os.O_RDWR, 0o644)
        except OSError as error:
            raise CheckpointError(f"the sweep cannot be written: {self.path}: {error.strerror}") from error
        try:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    @property
    def _workers(self) -> Path:
        return self.path / "workers"

    def __exit__(self, *_: object) -> None:
        """Close the file and give up the lock."""
        self._database.close()
        if self._lock is not None:
            with contextlib.suppress(OSError):
                (self._workers / self.worker).unlink()
            os.close(self._lock)
            self._lock = None

    # ------------------------------------------------------------------------------------------------ the file

    def _open(self) -> sqlite3.Connection:
        path = self.path / store.TRIALS
        with self._explained("opened"):
            database = sqlite3.connect(path, timeout=60.0)
            if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'trials'").fetchone() is None:
                # A write-ahead log lets others read meanwhile, but needs memory that all share: one machine.
                database.execute(f"PRAGMA journal_mode = {'DELETE' if _is_remote(self.path) else 'WAL'}")
                with database:
                    table = ", ".join(f'"{name}" {kind}' for name, kind in _COLUMNS.items())
                    database.execute(f"CREATE TABLE IF NOT EXISTS trials ({table})")
            elif _is_remote(self.path) and database.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
                problem = (
                    f"the sweep was begun on a disk of another machine's own: {path}; it cannot be joined from here"
                )
                raise CheckpointError(problem, "begin it in a folder that both see over the network")
            database.execute("PRAGMA synchronous = FULL")  # a power cut takes nothing that was recorded
        return database

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise CheckpointError(f"the trials cannot be {what}: {self.path / store.TRIALS}: {error}") from error


def create(runs_dir: Path, name: str, declared: Declaration) -> Sweep:
    """Make the folder of a new sweep.

    Args:
        runs_dir: below which it is made.
        name: of the folder; empty: sweep-ENV-<time>-<words>.
        declared: what it is.

    Raises:
        CheckpointError: if that is not possible, or there is one of that name.
    """
    env = re.sub(r"[^\w.-]+", "-", Path(declared.env).name)  # such as of gymnasium:CartPole-v1
    for _ in range(100):
        path = runs_dir / (name or f"sweep-{env}-{store.new_name()}")
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            if name or not path.is_dir():
                problem = f"there is already something of that name: {path}"
                raise CheckpointError(problem, f"`--resume {name}` goes on with a sweep") from None
            continue
        except OSError as error:
            raise CheckpointError(f"the sweep cannot be written: {path}: {error.strerror}") from error
        try:
            declared.write(path / store.SWEEP)
            return Sweep(path)
        except CheckpointError:
            shutil.rmtree(path, ignore_errors=True)
            raise
    raise CheckpointError(f"no free name for a sweep in {runs_dir}")


def find(runs_dir: Path, name: str) -> Path:
    """Return the folder of the sweep that `name` means, or without one of the newest.

    Raises:
        CheckpointError: if there is none.
    """
    if name:
        return store.find_sweep(runs_dir, name)
    known = [path.parent for path in runs_dir.glob(f"*/{store.SWEEP}")]
    if known:
        return max(known, key=lambda path: (path / store.SWEEP).stat().st_mtime_ns)
    raise CheckpointError(
        f"no such sweep: any; expected a name in {runs_dir}, or a folder", f"`{command()} sweep cartpole` makes one"
    )


def check_name(name: str) -> str:
    """Return the name of a sweep.

    Raises:
        ConfigError: if it is no name of a folder.
    """
    if name in ("", ".", "..") or "/" in name or not name.isprintable() or name.startswith("-"):
        raise ConfigError(f"not a name: --name {name}; expected letters, digits, dots, dashes")
    return name


def clear(run: store.Run) -> None:
    """Remove the folder of a trial that is run again."""
    shutil.rmtree(run.path, ignore_errors=True)


def waiting(trial: Trial) -> bool:
    """Return whether a trial is to be run, and nobody runs it."""
    return trial.status == RUNNING and not trial.worker


def _is_held(path: Path) -> bool:
    """Return whether a process holds a worker's lock; remove the file if not."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            return False
        finally:
            os.close(handle)
    return path.exists()


def _is_remote(path: Path) -> bool:
    """Return whether a folder lies on a file system of the network."""
    best, kind, real = "", "", str(path.resolve())
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines():
            _, mount, found, *_ = line.split(" ")
            if len(mount) >= len(best) and (real == mount or real.startswith(mount.rstrip("/") + "/")):
                best, kind = mount, found
    return kind in _NETWORKS


def _row(trial: Trial) -> tuple[Any, ...]:
    values = vars(trial) | {"point": json.dumps(trial.point), "curve": json.dumps(trial.curve)}
    return tuple(values[name] for name in _COLUMNS)


def _trial(row: tuple[Any, ...]) -> Trial:
    values = dict(zip(_COLUMNS, row, strict=True))
    values["point"] = json.loads(values["point"])
    values["curve"] = tuple((float(s), int(n), float(v)) for s, n, v in json.loads(values["curve"]))
    return Trial(**values)
