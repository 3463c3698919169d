# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What `shoal sweep` shows while it runs: a view in a terminal, otherwise a line for every trial that ends."""

from __future__ import annotations

import sys
import time

from shoal import terminal
from shoal.dashboard import MIN_COLUMNS, MIN_ROWS
from shoal.sweep import report, view
from shoal.sweep.runner import Runner
from shoal.sweep.trial import Trial

PAINT_SECONDS = 0.25  # between frames at least
RECOMMEND_SHARE = 0.05  # of the time may go into asking what is recommended


def show(running: Runner, *, plain: bool = False) -> Lines:
    """Return what is called while a sweep runs, a context manager."""
    return Lines(running) if plain or not terminal.can_paint() else Painted(running)


class Lines:
    """Prints a line for every trial that ends."""

    def __init__(self, running: Runner) -> None:
        self._running = running

    def __enter__(self) -> Lines:
        declared, sweep = self._running.sweep.declaration, self._running.sweep
        print(f"{declared.env}: {self._running.metric.name} by {declared.search} search, {self._running.workers.about}")
        for name, text in declared.space.items():
            print(f"  {name:<22} {text}")
        print(f"sweep {sweep.path}", flush=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to do."""

    def __call__(self, running: Runner, ended: Trial | None) -> None:
        """Show a trial that has ended."""
        if ended is None:
            return
        try:
            print(report.line(running.metric, ended), flush=True)
        except OSError:  # nobody reads on
            raise KeyboardInterrupt from None


class Painted(Lines):
    """Paints the view; in a terminal that is too small, or is not ours, prints lines."""

    def __init__(self, running: Runner) -> None:
        super().__init__(running)
        self._screen = terminal.Screen()
        self._signals = terminal.Signals(self._screen, self._repaint)
        self._view: view.View | None = None
        self._next = self._recommend_at = 0.0
        self._report = report.of(running.sweep, running.search, running.metric)

    def __enter__(self) -> Lines:
        super().__enter__()
        self._signals.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._signals.__exit__()
        self._screen.leave()
        sys.stdout.flush()

    def __call__(self, running: Runner, ended: Trial | None) -> None:
        """Take what is new, and paint if it is time."""
        now = time.monotonic()
        columns, rows = terminal.size()
        if columns < MIN_COLUMNS or rows < MIN_ROWS or not terminal.in_foreground():
            self._screen.leave()
            super().__call__(running, ended)
            return
        if now < self._next:
            return
        if now >= self._recommend_at:
            self._report = report.of(running.sweep, running.search, running.metric)
            self._recommend_at = now + (time.monotonic() - now) / RECOMMEND_SHARE
        self._view = view.of(running, self._report)
        self._repaint()
        self._next = time.monotonic() + PAINT_SECONDS

    def _repaint(self) -> None:
        """Show what is known at the size that the terminal has now."""
        columns, rows = terminal.size()
        shown = self._view
        if shown is not None and columns >= MIN_COLUMNS and rows >= MIN_ROWS:
            self._screen.repaint(lambda: view.frame(shown, columns, rows))
