# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Looking at the policy while it trains: recordings every so many steps, and a live view that takes few of its cycles.

Both play worlds of their own between updates and only read the weights, so a run that is watched has the same bits.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from shoal.cli import count
from shoal.errors import ConfigError
from shoal.evaluate import evaluation_seed

if TYPE_CHECKING:  # what draws is imported by those who look: a run that nobody watches starts 50 ms sooner
    from shoal.result import Log
    from shoal.trainer import Callback, Trainer
    from shoal.viewer import Viewer

SHARE = 0.03  # of the time may go into a live view
SIZE = (432, 248)  # pixels of a recording during training, at most
SECONDS = 6.0
FRAMES_PER_SECOND = 30.0
FOLDER = "recordings"  # in the run's


def check(place: str, every: int | None) -> None:
    """Find out before a run begins whether it can be seen.

    Args:
        place: window, terminal, or empty.
        every: steps between recordings; None: none.

    Raises:
        ConfigError: if it cannot.
    """
    if every is not None and every < 1:
        raise ConfigError(f"out of range: --record-every {every}; expected at least 1 step")
    if place == "terminal":
        from shoal import watch_terminal

        watch_terminal.check()
    elif place == "window":
        from shoal import watch_window

        watch_window.load()


class Recorder:
    """Writes an animation of the current policy into the run's folder every so many steps."""

    def __init__(self, trainer: Trainer, every: int) -> None:
        assert trainer.run is not None
        self._trainer, self._every = trainer, every
        self._folder = trainer.run.path / FOLDER
        self._next = trainer.steps - trainer.steps % every + every

    def __call__(self, log: Log) -> None:
        """Record if it is time; a recording that cannot be written is told, and training goes on."""
        if log["steps"] < self._next:
            return
        from shoal import record
        from shoal.viewer import fitting

        steps = int(log["steps"])
        self._next = steps - steps % self._every + self._every
        viewer = _viewer(self._trainer)
        width, height = fitting(viewer, *SIZE)
        path = self._folder / f"{steps:015d}.png"
        try:
            self._folder.mkdir(exist_ok=True)
            record.record(
                viewer, path, width=width, height=height, frames_per_second=FRAMES_PER_SECOND, seconds=SECONDS
            )
            if self._trainer.tracking:
                self._trainer.tracking.video(path, steps)
        except (ConfigError, OSError) as error:
            print(f"no recording: {error}")


class Live:
    """Shows the current policy at play, in so many frames that training has the other 97 % of the time.

    Whatever happens to the window or the terminal ends the watching, not the run.
    """

    def __init__(self, trainer: Trainer, place: Any) -> None:
        self._trainer, self._place = trainer, place
        self._viewer = _viewer(trainer)
        self._metric = trainer.config.solved.metric
        self._last = self._next = time.perf_counter()
        self.going = True

    def __call__(self, log: Log) -> None:
        """Show a frame if one is due."""
        now = time.perf_counter()
        if not self.going or now < self._next:
            return
        value = log.get(f"env/{self._metric}", log.get(self._metric.replace("_", "/"), 0.0))
        steps, share = log["steps"], log["steps"] / self._trainer.config.train.total_steps
        reached = f"{value:.4g}" if log["episode/count"] else "-"
        status = f"{count(steps)} steps {share:.0%}  {count(log['perf/sps'])}/s  {self._metric} {reached}"
        try:
            self.going = self._place.show(self._viewer, now - self._last, status)
        except OSError:
            self.going = False
        self._last = now
        after = time.perf_counter()
        self._next = after + max((after - now) * (1 / SHARE - 1), 1 / FRAMES_PER_SECOND)


class Watched:
    """What is seen of a run besides its progress: a context manager around `train`.

    Args:
        trainer: of the run.
        place, every: as `check` has them.
    """

    def __init__(self, trainer: Trainer, place: str, every: int | None) -> None:
        self._trainer, self._name = trainer, place
        self._recorder = Recorder(trainer, every) if every is not None else None
        self._place: Any = None

    def __enter__(self) -> Watched:
        """Open the window, or take over the terminal; raises as `check` does."""
        if self._name == "terminal":
            from shoal import watch_terminal

            self._place = watch_terminal.Screen().__enter__()
        elif self._name == "window":
            from shoal import watch_window

            self._place = watch_window.Window(f"shoal: training {self._trainer.config.env}", 576, 330)
        self._live = Live(self._trainer, self._place) if self._place else None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the place back."""
        if self._place:
            self._place.__exit__(kind, error, trace)
            self._place = None

    def with_(self, progress: Callback) -> Callback:
        """Return a callback that does what `progress` does, and shows; the terminal is not printed to meanwhile."""

        def callback(log: Log) -> object:
            if self._recorder:
                self._recorder(log)
            if self._live:
                self._live(log)
                if not self._live.going:
                    self.__exit__(None, None, None)
                    self._live = None
                elif self._name == "terminal":
                    return None
            return progress(log)

        return callback


def _viewer(trainer: Trainer) -> Viewer:
    from shoal.players import PolicyPlayer
    from shoal.viewer import Viewer

    seed = evaluation_seed(trainer.config.seed, -1)
    return Viewer(trainer.spec, PolicyPlayer(trainer.policy, seed=seed), seed=seed)
