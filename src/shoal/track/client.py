# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The process in which one tracker lives, so that nothing its client library does can reach the run.

It reads requests, lines of JSON with a list of calls [method, argument, ...], and answers each with one line that has
`done`, before which any number with something to `say` may come. When requests end without `finish`, the trainer
is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import IO, Any

from shoal import users_code
from shoal.track import TRACKERS
from shoal.track.base import Run, Tracker

NICE = 15  # training goes first, and most clients take a second of processor to import

_LONGEST = 200  # characters of an error that are told; its traceback is in the log


class Client:
    """Makes the calls, and tells what becomes of them."""

    def __init__(self, replies: IO[str]) -> None:
        self._replies = replies
        self._tracker = Tracker(self._tell)
        self._id = ""
        self.over = False

    def serve(self, calls: list[list[Any]]) -> None:
        """Make these calls, and answer."""
        for method, *arguments in calls:
            try:
                getattr(self, f"_{method}")(*arguments)
            except (Exception, SystemExit) as error:
                traceback.print_exc()
                self.over = self.over or method == "start"
                sentence = " ".join(str(error).split())[:_LONGEST]
                again = "; the run is not tracked" if self.over else ""
                self._say(method, f"{method} failed: {type(error).__name__}: {sentence}{again}")
        self._answer({"done": True, "id": self._id, "over": self.over})

    def _start(self, name: str, config: dict[str, Any], run: dict[str, Any]) -> None:
        about = Run(**(run | {"path": Path(run["path"])}))
        threading.Thread(target=_leave_after, args=(about.pid, about.patience), daemon=True).start()
        made = users_code.load(TRACKERS.get(name, name), "--track", "track.to")
        self._tracker = made(self._tell)
        self._id = str(self._tracker.start(config, about) or "")

    def _log(self, step: int, metrics: dict[str, float]) -> None:
        self._tracker.log(step, metrics)

    def _video(self, path: str, step: int) -> None:
        self._tracker.video(Path(path), step)

    def _checkpoint(self, path: str, step: int) -> None:
        self._tracker.checkpoint(Path(path), step)

    def _finish(self, status: str) -> None:
        self.over = True
        self._tracker.finish(status)

    def _tell(self, text: str) -> None:
        self._say(text, text)

    def _say(self, key: str, text: str) -> None:
        self._answer({"say": text, "key": key})

    def _answer(self, reply: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the trainer is gone
            self._replies.write(json.dumps(reply) + "\n")
            self._replies.flush()


def main() -> None:
    """Serve until the tracker has finished."""
    with contextlib.suppress(OSError):
        os.nice(NICE)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the trainer says when it ends
        signal.signal(number, signal.SIG_IGN)
    requests, replies = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # a client that asks questions gets no answer
    os.dup2(2, 1)
    client = Client(replies)
    for line in requests:
        client.serve(json.loads(line))
        if client.over:
            break
    else:
        client.serve([["finish", "stopped"]])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # whatever a client library would still do at exit


def _leave_after(trainer: int, patience: float) -> None:
    """End this process a while after the trainer, even if the tracker hangs."""
    while os.getppid() == trainer:
        time.sleep(1.0)
    time.sleep(patience)
    os._exit(1)
