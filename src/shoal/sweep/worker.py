# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The process that trains: `python -m shoal.sweep.worker` takes one job after another from standard input.

It stays warm, since starting Python and importing take longer than many trials do. A job is a line of JSON, and so is
what it answers: "beat" while it trains, "point" for its learning curve, "end". A line `stop NUMBER` ends that trial in
order. When its standard input closes, whoever asked is gone, and so is this process, at once.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import queue
import shlex
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from shoal import registry, store
from shoal.errors import CheckpointError, ShoalError
from shoal.journal import summary
from shoal.result import Log, Result, log_key
from shoal.sweep import declaration
from shoal.sweep.metric import Metric

POINTS = 20  # of a learning curve, evenly over the steps, and as often afterwards
BEAT_SECONDS = 1.0  # between signs of life

STOP = "stop"
BEAT, POINT, END = "beat", "point", "end"
HOST = "host"  # status of a trial that failed by no fault of its own: a full disk
LOST = "lost"  # likewise, of one that can be run again at once: its machine has gone

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES, errno.EMFILE, errno.ENFILE)


class Trained:
    """One trial while it runs: what it says of itself, and whether it was told to stop.

    `every`: steps between points of its curve. `stopped`: numbers of the trials that were told to stop.
    """

    def __init__(self, out: IO[str], metric: Metric, every: int, number: int, stopped: set[int]) -> None:
        self._out, self._metric, self._every = out, metric, every
        self._number, self._stopped = number, stopped
        self._next, self._beat = every, 0.0
        self._sums: dict[str, float] = {}

    @property
    def stop(self) -> bool:
        """Was it told to stop."""
        return self._number in self._stopped

    def say(self, kind: str, **about: Any) -> None:
        """Write a line."""
        self._out.write(json.dumps({"kind": kind} | about) + "\n")
        self._out.flush()

    def __call__(self, log: Log) -> bool:
        """Take the log of an update; return whether training should end."""
        lives, steps = log["episode/count"], int(log["steps"])
        names = {name: log_key(name) for name in ("perf", self._metric.name)}
        self._sums["lives"] = self._sums.get("lives", 0.0) + lives
        for name, key in names.items():
            if lives and key in log:
                self._sums[name] = self._sums.get(name, 0.0) + lives * log[key]
        now = time.monotonic()
        if steps >= self._next and self._sums["lives"]:
            means = {name: total / self._sums["lives"] for name, total in self._sums.items()}
            score = self._metric.score(means, log["seconds"], steps, solved=False)
            if math.isfinite(score):
                self.say(POINT, seconds=round(log["seconds"], 3), steps=steps, score=score)
                self._beat = now
            self._next, self._sums = steps + self._every, {}
        elif now - self._beat >= BEAT_SECONDS:
            self._beat = now
            self.say(BEAT)
        return self.stop


def train(job: dict[str, Any], trained: Trained, metric: Metric) -> dict[str, Any]:
    """Run one job and return how it ended."""
    from shoal import config
    from shoal.trainer import Trainer

    text = job["settings"]
    env = registry.get(job["env"])
    settings = declaration.fitted(config.from_toml(text, env))
    trainer = Trainer(
        settings,
        runs_dir=None,
        max_seconds=job["max_seconds"],
        until_solved=job["until_solved"],
    )
    run = store.Run(Path(job["run"]))
    store.lay_out(run, trainer.config.to_toml(trainer.spec.version))
    trainer.adopt(run, None)
    result = trainer.train(trained)
    for weights in run.weights()[:-1]:  # a sweep of a thousand trials must not fill the disk
        weights.unlink()
    return ended(result, metric, stopped=trained.stop)


def ended(result: Result, metric: Metric, *, stopped: bool) -> dict[str, Any]:
    """Return a result as the end of a trial."""
    means = {key.removeprefix("eval."): value for key, value in summary(result).items() if key.startswith("eval.")}
    score = metric.score(means, result.seconds, result.steps, result.solved)
    about = {"cost": round(result.seconds, 4), "steps": result.steps, "score": score}
    if not math.isfinite(score):
        return about | {"status": "failed", "score": None, "reason": "no life ended in its evaluation"}
    return about | {"status": "stopped" if stopped else "done", "reason": ""}


def failed(error: BaseException) -> dict[str, Any]:
    """Return an error as the end of a trial."""
    sentence = str(error).partition("\n")[0] if isinstance(error, ShoalError) else f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError) or "of memory" in sentence:
        sentence = f"out of memory: {sentence}"
    chain: BaseException | None = error
    host = isinstance(error, CheckpointError)
    while chain is not None:
        host = host or (isinstance(chain, OSError) and chain.errno in _FULL)
        chain = chain.__cause__
    return {"status": HOST if host else "failed", "reason": sentence}


def main() -> int:
    """Serve until standard input closes."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what environments print must not disturb the answers
    with contextlib.suppress(OSError):  # if memory runs out, this process is the one to go
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    from shoal import trainer  # noqa: F401, now rather than as part of the first trial

    jobs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    stopped: set[int] = set()
    threading.Thread(target=_listen, args=(jobs, stopped), daemon=True).start()
    while True:
        job = jobs.get()
        began = time.perf_counter()
        metric = Metric(**job["metric"])
        sys.argv = shlex.split(job["command"])
        steps = tomllib.loads(job["settings"])["train"]
        horizon = min(steps["total_steps"], steps.get("schedule_steps", steps["total_steps"]))
        trained = Trained(out, metric, max(horizon // POINTS, 1), job["number"], stopped)
        with _limited(job["memory"]):
            try:
                end = train(job, trained, metric)
            except Exception as error:  # whatever it is, it is the trial's end and not the sweep's
                end = failed(error)
        trained.say(END, **({"cost": round(time.perf_counter() - began, 4)} | end))


def _listen(jobs: queue.SimpleQueue[dict[str, Any]], stopped: set[int]) -> None:
    for line in sys.stdin:
        word, _, number = line.partition(" ")
        if word == STOP:
            stopped.add(int(number))
        else:
            jobs.put(json.loads(line))
    os._exit(0)


@contextlib.contextmanager
def _limited(memory: int) -> Iterator[None]:
    """Refuse the process more than so many bytes of data; 0: no limit."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    if memory and sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (memory, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


if __name__ == "__main__":
    sys.exit(main())
