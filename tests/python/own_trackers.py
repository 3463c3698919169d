# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Trackers of a user: one that writes down what it is told, and others that misbehave in every way we know."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shoal.track.base import Config, Run, Tracker

NAME = "calls.jsonl"


class Notes(Tracker):
    def start(self, config: Config, run: Run) -> str:
        self.path = run.path / NAME
        self.note("start", config=dict(config), run=dataclasses.asdict(run) | {"path": str(run.path)}, nice=os.nice(0))
        return run.id or "mine-1"

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self.note("log", step=step, metrics=dict(metrics))

    def video(self, path: Path, step: int) -> None:
        self.note("video", path=str(path), step=step)

    def checkpoint(self, path: Path, step: int) -> None:
        self.note("checkpoint", path=str(path), step=step)

    def finish(self, status: str) -> None:
        self.note("finish", status=status)

    def note(self, method: str, **about: Any) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps({"call": method, **about, "pid": os.getpid()}) + "\n")


class Plain(Tracker):
    """Implements nothing."""


class HangsAtStart(Notes):
    def start(self, config: Config, run: Run) -> str:
        super().start(config, run)
        time.sleep(1000)
        return ""


class Hangs(Notes):
    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        super().log(step, metrics)
        time.sleep(1000)


class HangsAtFinish(Notes):
    def finish(self, status: str) -> None:
        super().finish(status)
        time.sleep(1000)


class Slow(Notes):
    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        super().log(step, metrics)
        time.sleep(0.1)


class FailsAtStart(Notes):
    def start(self, config: Config, run: Run) -> str:
        super().start(config, run)
        raise ConnectionError("nobody\nanswers")


class Fails(Notes):
    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        super().log(step, metrics)
        raise ValueError(f"{step} is refused")


class Leaves(Notes):
    """As libraries do that call sys.exit when nobody is logged in."""

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        raise SystemExit(7)


class Dies(Notes):
    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)


class Asks(Notes):
    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        print("who are you?")
        self.note("answer", text=input())


class Meddles(Notes):
    """Takes over signals, writes to standard output by hand, and leaves threads and exit handlers behind."""

    def start(self, config: Config, run: Run) -> str:
        import atexit
        import threading

        signal.signal(signal.SIGINT, lambda *_: os._exit(9))
        atexit.register(time.sleep, 1000)
        threading.Thread(target=time.sleep, args=(1000,)).start()
        os.write(1, b'{"done": true}\n')
        return super().start(config, run)
