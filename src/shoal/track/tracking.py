# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The trainer's side of trackers: for each a queue, a thread that empties it, and the process that it talks to.

Training only ever appends to a queue. When a tracker falls behind, its oldest updates are dropped; when it has not
finished in time, it is ended. What goes wrong is told in one line, once.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from shoal import journal, store
from shoal.config import Config
from shoal.result import Log, Result
from shoal.track import check, words

MOST_ROWS = 4096  # updates that wait for a tracker, at most
PAUSE = 0.25  # seconds between two looks at a queue
FOLDER = "track"  # in the run's: what trackers print, and by what they find the run again

_BATCH = 256  # calls in a request
_QUIET_SECONDS = 1.0  # that the end may take before it says what it waits for
_LIVES = "episode/count"
_TOTALS, _CLOCK, _OF_LIVES = (_LIVES, "actions/bad"), ("steps", "updates", "seconds"), ("episode/", "env/")
_CODE = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from shoal.track import client; client.main()"


class Tracking(contextlib.AbstractContextManager["Tracking"]):
    """All trackers of one run, from the start of its training to the end of the block."""

    def __init__(self, run: store.Run, config: Config, version: int, steps: int, tell: Callable[[str], object]) -> None:
        """Start what `config.track` names.

        Args:
            run: that is trained.
            config: resolved.
            version: of the environment.
            steps: from which the run goes on.
            tell: shows the user a line; called by several threads.

        Raises:
            ConfigError: as `check` does.
        """
        self._settings = config.track
        self._tell = tell
        self._status = journal.FAILED
        mark = config.settings_hash(version)
        sections = {name: values for name, values in config.to_dict().items() if name != "track"}
        about = {"environment": config.env, "version": version, "seed": config.seed, "settings": mark} | sections
        asked = {
            "path": str(run.path.absolute()),
            "project": self._settings.project,
            "name": self._settings.name or run.name,
            "group": self._settings.group or f"{config.env}-{mark}",
            "tags": words(self._settings.tags),
            "offline": self._settings.offline,
            "steps": steps,
            "pid": os.getpid(),
            "patience": self._settings.patience,
        }
        self._every = max(config.train.total_steps / self._settings.points, 1.0)  # steps between rows
        self._means, self._next = Means(), (steps // self._every + 1) * self._every
        folder = run.path / FOLDER
        self._clients = [_Client(name, folder, about, asked, self._told) for name in check(self._settings)]

    def log(self, log: Log) -> None:
        """Pass on what updates report, together with others if there are many of them."""
        self._means.add(log)
        if log["steps"] >= self._next:
            self._next = (log["steps"] // self._every + 1) * self._every
            self._send()

    def video(self, path: Path, steps: int) -> None:
        """Pass on a recording, if that was asked for."""
        if self._settings.videos:
            self._put("video", str(path.absolute()), steps)

    def checkpoint(self, path: Path, steps: int) -> None:
        """Pass on a file of weights, if that was asked for."""
        if self._settings.checkpoints:
            self._put("checkpoint", str(path.absolute()), steps)

    def end(self, result: Result) -> None:
        """Pass on how training ended."""
        self._status = journal.INTERRUPTED if result.interrupted else journal.FINISHED
        self._send()
        if result.evaluation:
            means = {f"eval/{name}": value for name, value in result.evaluation.stats.means().items()}
            self._put("log", result.steps, means | {"eval/solved": float(result.solved)})

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait until all have finished, but no longer than their patience."""
        if isinstance(error, KeyboardInterrupt):
            self._status = journal.INTERRUPTED
        for client in self._clients:
            client.close(self._status)
        began, patience = time.monotonic(), self._settings.patience
        with contextlib.suppress(KeyboardInterrupt):  # another Ctrl-C ends the waiting
            if not self._join(began + min(_QUIET_SECONDS, patience)) and patience > _QUIET_SECONDS:
                waiting = ", ".join(client.name for client in self._clients if client.is_alive())
                self._told(f"waiting for {waiting}, at most {patience:g} s; Ctrl-C ends that")
                self._join(began + patience)
        for client in self._clients:
            client.end(time.monotonic() - began)

    def _join(self, until: float) -> bool:
        """Wait for all threads; return whether they have ended."""
        for client in self._clients:
            client.join(max(until - time.monotonic(), 0.0))
        return not any(client.is_alive() for client in self._clients)

    def _send(self) -> None:
        row = self._means.take()
        if row:
            self._put("log", int(row.pop("steps")), row)

    def _put(self, method: str, *arguments: Any) -> None:
        for client in self._clients:
            client.put(method, *arguments)

    def _told(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody reads on
            self._tell(text)


class Means:
    """One row for several updates: of episodes weighted by their number, of totals the sum, of the clock the last."""

    def __init__(self) -> None:
        self._row: Log = {}
        self._updates = 0

    def add(self, log: Log) -> None:
        """Take one more update in."""
        row = self._row
        self._updates += 1
        lives = row.get(_LIVES, 0.0) + log[_LIVES]
        for key, value in log.items():
            if key in _TOTALS:
                row[key] = row.get(key, 0) + value
            elif key in _CLOCK:
                row[key] = value
            elif not key.startswith(_OF_LIVES):
                row[key] = value if self._updates == 1 else row[key] + (value - row[key]) / self._updates
            elif log[_LIVES]:
                row[key] = row.get(key, 0.0) + (value - row.get(key, 0.0)) * (log[_LIVES] / lives)

    def take(self) -> Log:
        """Return the row, empty without any update, and begin the next."""
        row, self._row, self._updates = self._row, {}, 0
        return row


class _Client(threading.Thread):
    """One tracker: its queue and its process."""

    def __init__(
        self,
        name: str,
        folder: Path,
        config: Mapping[str, Any],
        run: Mapping[str, Any],
        tell: Callable[[str], object],
    ) -> None:
        super().__init__(name=name.rpartition(":")[2], daemon=True)
        self._start_with = (name, config, run)
        self._log_file, self._state = folder / f"{self.name}.log", folder / f"{self.name}.json"
        self._tell, self._told = tell, set[str]()
        self._patience = float(run["patience"])
        self._lock = threading.Lock()
        self._queue: deque[tuple[Any, ...]] = deque()
        self._rows = self._dropped = self._on_the_way = 0  # updates that wait, that were dropped, that are being sent
        self._asked_at = 0.0  # when the request that is not yet answered was sent; 0: all are
        self._closing = threading.Event()
        self._status = self._id = ""
        self._gone = False  # nothing reaches the tracker any more
        self._process: subprocess.Popen[str] | None = None
        self.start()

    def put(self, method: str, *arguments: Any) -> None:
        """Append a call; if too many updates wait, the oldest of them goes."""
        with self._lock:
            if self._gone:
                return
            self._queue.append((method, *arguments))
            self._rows += method == "log"
            if self._rows > MOST_ROWS:
                del self._queue[next(at for at, call in enumerate(self._queue) if call[0] == "log")]
                self._rows -= 1
                self._dropped += 1
        if self._asked_at and time.monotonic() - self._asked_at > self._patience:
            self._say("slow", f"no answer for {self._patience:g} s; training goes on")

    def close(self, status: str) -> None:
        """Let the thread end once the queue is empty."""
        self._status = status
        self._closing.set()

    def end(self, waited: float) -> None:
        """End the process if it still runs, and tell what was lost."""
        if self.is_alive():
            lost = self._rows + self._on_the_way
            self._say("late", f"not finished after {waited:.1f} s and ended; {lost} updates may be missing")
            self._told.add("ended")
            self._kill()
        if self._dropped:
            self._say("dropped", f"too slow for this run: {self._dropped} updates were dropped, the oldest that waited")

    def run(self) -> None:
        """Start the process and pass on what waits, until all is said."""
        try:
            self._talk()
        except (OSError, ValueError) as error:
            if self._process is None:
                self._say("ended", f"it cannot be started: {error}; the run is not tracked")
                return
            try:
                code = self._process.wait(1.0)
            except subprocess.TimeoutExpired:
                self._kill()
                code = self._process.wait()
            self._say("ended", f"its process ended with code {code}; what it printed: {self._log_file}")
        finally:
            with self._lock:
                self._gone, self._rows = True, 0
                self._queue.clear()

    def _talk(self) -> None:
        name, config, run = self._start_with
        self._log_file.parent.mkdir(exist_ok=True)
        with self._log_file.open("ab") as log:
            # A group of its own keeps Ctrl-C from it; in a session of its own its niceness would count for nothing.
            self._process = subprocess.Popen(
                [sys.executable, "-c", _CODE, json.dumps(sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                process_group=0,
            )
        self._id = str(journal.read(self._state).get("id", ""))
        going = self._ask([("start", name, config, {**run, "id": self._id})])
        while going and (not self._closing.wait(PAUSE) or self._queue):
            calls = self._take()
            going = not calls or self._ask(calls)
        if going:
            self._ask([("finish", self._status)])
        self._process.wait()

    def _take(self) -> list[tuple[Any, ...]]:
        """Return some calls of the queue, without what is not finite."""
        with self._lock:
            calls = [self._queue.popleft() for _ in range(min(len(self._queue), _BATCH))]
            self._on_the_way = sum(call[0] == "log" for call in calls)
            self._rows -= self._on_the_way
        return [(*call[:2], _finite(call[2])) if call[0] == "log" else call for call in calls]

    def _ask(self, calls: list[tuple[Any, ...]]) -> bool:
        """Send calls and wait for the answer; return whether more may come.

        Raises:
            OSError: if the process has ended.
        """
        assert self._process and self._process.stdin and self._process.stdout
        self._asked_at = time.monotonic()
        self._process.stdin.write(json.dumps(calls) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            reply = json.loads(line)
            if "say" in reply:
                self._say(reply["key"], reply["say"])
                continue
            self._asked_at, self._on_the_way = 0.0, 0
            if reply["id"] != self._id:
                self._id = reply["id"]
                journal.write(self._state, {"id": self._id})
            return not reply["over"]
        raise BrokenPipeError

    def _kill(self) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _say(self, key: str, text: str) -> None:
        """Tell the user, the first time."""
        if key not in self._told:
            self._told.add(key)
            self._tell(f"{self.name}: {text}")


def _finite(row: Mapping[str, Any]) -> dict[str, float]:
    return {key: value for key, value in row.items() if math.isfinite(value)}
