# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What is shown while `shoal train` runs: a dashboard in a terminal, otherwise a line a second.

Both are callbacks of `Trainer.train`. The dashboard keeps the logs that come and looks at them a few times a second; it
paints less often rather than take more than a hundredth of the time.
"""

from __future__ import annotations

import math
import os
import resource
import sys
import threading
import time
from collections import deque
from pathlib import Path

from shoal import dashboard, terminal
from shoal.cli import command, count
from shoal.dashboard import Facts, View
from shoal.plot import History
from shoal.result import Log, log_key
from shoal.trainer import Trainer

LINE_SECONDS = 1.0  # between plain lines
PAINT_SECONDS = 0.2  # between frames at least
PAINT_SHARE = 0.005  # of the time may go into frames
QUIET_SECONDS = 0.5  # a run that is over sooner is not worth a screen

_RATE_SECONDS = 3.0  # over which rates are taken
_STAGE_SECONDS = 3.0  # over which stages are averaged
_SLICES = 8  # of what came since the last frame that the history tells apart
_COUNT = "episode/count"


def show(trainer: Trainer, *, plain: bool = False) -> Lines:
    """Return the callback to train with, a context manager: a dashboard where it can be painted, otherwise lines."""
    return Lines(trainer) if plain or not terminal.can_paint() else Painted(trainer)


class Lines:
    """Prints a line a second."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._next = 0.0

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to do."""

    def __call__(self, log: Log) -> None:
        """Show what an update reports, if it is time."""
        now = time.perf_counter()
        if now < self._next or not log["updates"]:  # the first rollout gathers statistics
            return
        self._next = now + LINE_SECONDS
        try:
            self.print(log)
        except OSError:  # nobody reads on: what Ctrl-C does loses nothing
            raise KeyboardInterrupt from None

    def tell(self, text: str) -> None:
        """Show a line that is no progress; any thread may call this."""
        print(f"shoal: {text}", file=sys.stderr, flush=True)

    def print(self, log: Log) -> None:
        """Print one line."""
        settings = self._trainer.config
        metric = settings.solved.metric
        done = log["steps"] / settings.train.total_steps
        lives = f"{metric} {log[log_key(metric)]:<8.4g} length {log['episode/length']:<7.4g}"
        if not log[_COUNT]:
            lives = f"{metric} {'-':<8} length {'-':<7}"
        print(
            f"{count(log['steps']):>7} steps {done:4.0%}  {count(log['perf/sps']):>6}/s  {lives} "
            f"entropy {log['policy/entropy']:<6.3f} "
            f"value fit {log['value/explained_variance']:<5.2f} {log['seconds']:6.1f} s",
            flush=True,
        )


class Painted(Lines):
    """Paints the dashboard; in a terminal that is too small, or is not ours, prints lines."""

    def __init__(self, trainer: Trainer) -> None:
        super().__init__(trainer)
        facts = facts_of(trainer)
        self._keys = dashboard.keys(facts)
        self.view = View(facts, History(self._keys), until_solved=trainer.until_solved, status=_HELP)
        self._weight_of = dict.fromkeys(facts.episodes.values(), _COUNT)
        self._screen = terminal.Screen()
        self._signals = terminal.Signals(self._screen, self._repaint)
        self._logs: list[Log] = []
        self._began = self._paint_at = time.perf_counter()
        self._marks: deque[tuple[float, float, float]] = deque()  # time, steps, seconds of processor
        self._lives: deque[tuple[float, float]] = deque()  # time, lives that ended
        self._notes: list[str] = []

    def __enter__(self) -> Lines:
        self._began = time.perf_counter()
        self._paint_at = self._began + QUIET_SECONDS
        self._mark(self._began, self._trainer.steps)
        self._trainer.stages()  # what was spent before
        self._signals.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._signals.__exit__()
        if self._logs:
            self._take(time.perf_counter())
        self._screen.leave()
        if self._screen.used and not self._screen.gone:
            columns = max(terminal.size()[0], dashboard.MIN_COLUMNS)
            for line in dashboard.closing(self.view, columns):
                print(terminal.render(line, colour=self._screen.colour))
        sys.stdout.flush()
        for note in self._notes:
            super().tell(note)

    def tell(self, text: str) -> None:
        """Show a line in place of the status, and again once the screen is given back."""
        self._notes.append(text)
        if threading.current_thread() is threading.main_thread():  # which may wait from now on
            self.view.status = text
            self._repaint()

    def __call__(self, log: Log) -> None:
        """Keep what an update reports, and paint if it is time."""
        if log["updates"]:  # the first rollout gathers statistics
            self._logs.append(log)
        if self._logs and (time.perf_counter() >= self._paint_at or self._ends(log)):
            self._paint()

    def _ends(self, log: Log) -> bool:
        """Is this the last log before the evaluation."""
        most = self._trainer.max_seconds
        over = bool(most) and time.perf_counter() - self._began >= most
        return over or log["steps"] >= self.view.facts.total_steps

    def _paint(self) -> None:
        before = time.perf_counter()
        last = self._logs[-1]
        self._take(before)
        self.view.status = _EVALUATING if self._ends(last) else self._notes[-1] if self._notes else _HELP
        columns, rows = terminal.size()
        if columns >= dashboard.MIN_COLUMNS and rows >= dashboard.MIN_ROWS and terminal.in_foreground():
            self._repaint()
        else:
            self._screen.leave()
            super().__call__(last)
        now = time.perf_counter()
        self._paint_at = now + max(PAINT_SECONDS, (now - before) / PAINT_SHARE)

    def _repaint(self) -> None:
        """Show what is known at the size that the terminal has now."""
        columns, rows = terminal.size()
        if columns >= dashboard.MIN_COLUMNS and rows >= dashboard.MIN_ROWS and self.view.steps:
            self._screen.repaint(lambda: dashboard.frame(self.view, columns, rows))

    def _take(self, now: float) -> None:
        """Take what came since the last time into the view."""
        view, logs, self._logs = self.view, self._logs, []
        slices = max(-(-len(logs) // _SLICES), 1)
        means = [self._mean(logs[at : at + slices]) for at in range(0, len(logs), slices)]
        view.history.add(means, dict.fromkeys(self._weight_of, _COUNT))
        latest = self._mean(logs)
        view.now |= {key: value for key, value in latest.items() if value == value}
        view.steps, view.seconds = int(logs[-1]["steps"]), logs[-1]["seconds"]

        self._mark(now, view.steps)
        then, steps, processor = self._marks[0]
        elapsed = max(now - then, 1e-9)
        view.sps = (view.steps - steps) / elapsed
        view.busy = (self._marks[-1][2] - processor) / elapsed
        self._lives.append((now, latest[_COUNT]))
        while self._lives[0][0] < now - _RATE_SECONDS:
            self._lives.popleft()
        view.lives = sum(lives for _, lives in self._lives) / min(elapsed, _RATE_SECONDS)
        view.memory = resident()

        trainer = self._trainer
        left = (view.facts.total_steps - view.steps) / view.sps if view.sps else math.nan
        if trainer.max_seconds:
            left = min(left, max(self._began + trainer.max_seconds - now, 0.0))
        view.left = left
        fade = math.exp(-(self._marks[-1][0] - self._marks[-2][0]) / _STAGE_SECONDS)
        view.stages = {stage: view.stages[stage] * fade + spent for stage, spent in trainer.stages().items()}

    def _mean(self, logs: list[Log]) -> Log:
        """Return the means over these logs: of lives by their number, of all else plainly; NaN where nothing counts."""
        total = sum(log[_COUNT] for log in logs)
        found: Log = {"steps": logs[-1]["steps"], _COUNT: total}
        for key in self._keys:
            if key in self._weight_of:
                lives = [log for log in logs if log[_COUNT]]
                found[key] = sum(log[key] * log[_COUNT] for log in lives) / total if total else math.nan
            else:
                found[key] = sum(log[key] for log in logs) / len(logs)
        return found

    def _mark(self, now: float, steps: int) -> None:
        times = os.times()
        self._marks.append((now, steps, times.user + times.system))
        while len(self._marks) > 2 and self._marks[1][0] <= now - _RATE_SECONDS:
            self._marks.popleft()


_HELP = f"Ctrl-C saves and stops; `{command()} train --resume` goes on"
_EVALUATING = "evaluating"


def facts_of(trainer: Trainer) -> Facts:
    """Return what does not change during a run."""
    from shoal import native

    settings, spec = trainer.config, trainer.spec
    policy, vec = settings.policy, settings.vec
    cores = native.library().cores()
    names = [settings.solved.metric, *(other.name for other in spec.env.metrics), "episode_return", "episode_length"]
    episodes = {dashboard.shown(name): log_key(name) for name in names}
    return Facts(
        env=settings.env,
        version=spec.version,
        solved=settings.solved,
        seed=settings.seed,
        network=f"{policy.core} {policy.hidden} × {policy.layers}",
        machine=f"{vec.num_envs} copies, {vec.threads or cores} threads, {native.library().name}",
        run=str(trainer.run.path) if trainer.run else "",
        total_steps=settings.train.total_steps,
        cores=cores,
        episodes=episodes,
    )


def resident() -> int:
    """Return the bytes of memory that this process holds now; where that is not told, the most it ever held."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
