# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Workers as processes of this machine: each trains one trial at a time, and is watched from outside.

A trial that takes too much memory or time, says nothing for long, or dies, takes its worker with it and nothing else:
the worker is replaced when the next trial needs one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

from shoal.memory import available, human
from shoal.sweep.worker import END, STOP

COMMAND = [sys.executable, "-m", "shoal.sweep.worker"]
WATCH_SECONDS = 0.05  # between looks at memory and time
MEMORY_SHARE = 0.8  # of what is free, for all workers together, where no limit is given
GRACE_SECONDS = 60.0  # that a trial may take beyond its time: the last evaluation

_PAGE = os.sysconf("SC_PAGE_SIZE")

Answer = dict[str, Any]  # a line that a worker wrote


@dataclass(frozen=True)
class Job:
    """A trial for a worker. Seconds and bytes are limits; 0: no limit, of memory a fair share."""

    number: int
    env: str
    settings: str  # TOML
    run: str  # folder
    metric: dict[str, Any]
    max_seconds: float
    hang_seconds: float
    memory: int
    until_solved: bool
    command: str  # as the user typed it, for the run to remember

    def to_json(self) -> str:
        """Return one line."""
        return json.dumps(vars(self)) + "\n"


class Workers(Protocol):
    """A fixed number of places, each for one trial at a time; `local.Pool` and `on_ray.Cluster` are such."""

    places: int
    about: str

    def start(self, place: int, job: Job) -> None:
        """Begin a trial in a free place."""

    def stop(self, place: int) -> None:
        """Let the trial in a place end in order."""

    def poll(self, seconds: float) -> list[tuple[int, Answer]]:
        """Return what came, waiting at most so long: (place, answer); after an answer `end` the place is free."""

    def close(self) -> None:
        """End all of them at once."""


@dataclass
class _Place:
    process: subprocess.Popen[bytes]
    errors: IO[bytes]  # what it wrote to standard error
    job: Job | None = None
    began: float = 0.0
    heard: float = 0.0
    most: int = 0  # bytes that were seen resident
    text: bytes = field(default=b"")  # of a line that has not ended


class Pool:
    """So many worker processes on this machine."""

    def __init__(self, places: int, devices: list[str] | None = None, sharing: int = 0) -> None:
        """Start no process yet.

        Args:
            places: trials at a time.
            devices: of CUDA, one after the other to the places.
            sharing: trials that this machine's memory is for, if not `places`.
        """
        self.places = places
        self._share = int(available() * MEMORY_SHARE) // (sharing or places)
        self.about = f"{places} workers" if places > 1 else "1 worker"
        self._devices = devices or []
        self._open: dict[int, _Place] = {}
        self._selector = selectors.DefaultSelector()

    def start(self, place: int, job: Job) -> None:
        """Begin a trial, in the process that is there or a new one."""
        found = self._open.get(place)
        if found is None or found.process.poll() is not None:
            self._drop(place)
            found = self._open[place] = self._launch(place)
        job = dataclasses.replace(job, memory=job.memory or self._share)
        found.job, found.began, found.most = job, time.monotonic(), 0
        found.heard = found.began
        assert found.process.stdin is not None
        with contextlib.suppress(OSError):  # it has died: poll finds out
            found.process.stdin.write(job.to_json().encode())
            found.process.stdin.flush()

    def stop(self, place: int) -> None:
        """Tell the trial to end."""
        found = self._open[place]
        assert found.process.stdin is not None
        if found.job is not None:
            with contextlib.suppress(OSError):
                found.process.stdin.write(f"{STOP} {found.job.number}\n".encode())
                found.process.stdin.flush()

    def poll(self, seconds: float) -> list[tuple[int, Answer]]:
        """Return what was answered, and the ends of trials that had to be ended."""
        answers: list[tuple[int, Answer]] = []
        until = time.monotonic() + seconds
        while not answers:
            left = until - time.monotonic()
            for key, _ in self._selector.select(max(min(left, WATCH_SECONDS), 0.0)):
                answers += [(key.data, answer) for answer in self._read(key.data)]
            for place in list(self._open):
                problem = self._problem(place)
                if problem:
                    answers.append((place, {"kind": END, "status": "failed", "reason": problem}))
                    self._drop(place)
            if left <= 0:
                break
        return answers

    def close(self) -> None:
        """Kill all of them."""
        for place in list(self._open):
            self._drop(place)
        self._selector.close()

    def _launch(self, place: int) -> _Place:
        device = {"CUDA_VISIBLE_DEVICES": self._devices[place % len(self._devices)]} if self._devices else {}
        errors = tempfile.TemporaryFile()  # noqa: SIM115, as long as the process
        process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=os.environ | device,
            start_new_session=True,  # Ctrl-C is for us to handle
        )
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        self._selector.register(process.stdout, selectors.EVENT_READ, place)
        return _Place(process, errors)

    def _read(self, place: int) -> list[Answer]:
        """Return the whole lines that a worker has written."""
        found = self._open[place]
        assert found.process.stdout is not None
        try:
            data = os.read(found.process.stdout.fileno(), 1 << 16)
        except BlockingIOError:
            return []
        if not data:  # it has gone, or will have in a moment
            self._selector.unregister(found.process.stdout)
            found.process.wait()
            return []
        found.heard = time.monotonic()
        *lines, found.text = (found.text + data).split(b"\n")
        answers: list[Answer] = [json.loads(line) for line in lines]
        if any(answer["kind"] == END for answer in answers):
            found.job = None
        return answers

    def _problem(self, place: int) -> str:
        """Return why the trial in a place must end now, empty if it need not."""
        found = self._open[place]
        job, now = found.job, time.monotonic()
        if job is None:
            return ""
        resident = _resident(found.process.pid)
        found.most = max(found.most, resident)
        code = found.process.poll()
        if code is not None:
            return _died(found, code)
        if job.memory and resident > job.memory:
            return f"out of memory: it took {human(resident)}, and may take {human(job.memory)}"
        if job.hang_seconds and now - found.heard > job.hang_seconds:
            return f"hung: nothing was heard of it for {job.hang_seconds:g} s"
        if job.max_seconds and now - found.began > job.max_seconds + max(job.hang_seconds, GRACE_SECONDS):
            return f"out of time: it did not end {max(job.hang_seconds, GRACE_SECONDS):g} s after its limit"
        return ""

    def _drop(self, place: int) -> None:
        """Kill a worker and forget it."""
        found = self._open.pop(place, None)
        if found is None:
            return
        assert found.process.stdin is not None and found.process.stdout is not None
        with contextlib.suppress(KeyError):
            self._selector.unregister(found.process.stdout)
        with contextlib.suppress(OSError):  # it leads a group of its own: what it started goes with it
            os.killpg(found.process.pid, signal.SIGKILL)
        found.process.wait()
        for stream in (found.process.stdin, found.process.stdout, found.errors):
            with contextlib.suppress(OSError):
                stream.close()


def _died(found: _Place, code: int) -> str:
    """Return the sentence for a worker that has ended by itself."""
    found.errors.seek(0)
    lines = found.errors.read()[-4096:].decode(errors="replace").strip().splitlines()
    said = f": {lines[-1].strip()[:200]}" if lines else ""
    job = found.job
    if job is not None and job.memory and found.most > 0.8 * job.memory:
        return f"out of memory: it died at {human(found.most)}, and may take {human(job.memory)}{said}"
    if code < 0:
        name = signal.Signals(-code).name if -code in signal.Signals._value2member_map_ else f"signal {-code}"
        return f"crashed: {name}{said}"
    return f"crashed: exit code {code}{said}"


def _resident(pid: int) -> int:
    """Return the bytes that a process holds; 0 where nobody tells."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0


def devices() -> list[str]:
    """Return the CUDA devices that this process may use."""
    said = os.environ.get("CUDA_VISIBLE_DEVICES")
    if said is not None:
        return [name for name in said.split(",") if name.strip() and name.strip() != "-1"]
    try:
        return [str(number) for number, _ in enumerate(Path("/proc/driver/nvidia/gpus").iterdir())]
    except OSError:
        return []
