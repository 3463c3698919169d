# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What each trial teaches, as observations that models are fitted to.

If the number of steps is varied, a trial also says what shorter ones would have brought: a few points of its learning
curve count as observations, of less weight, since their learning rate was not meant to end there.

Those of all trials are kept from one suggestion to the next, as a suggestion must not take longer the more trials there
are. They follow from the trials alone: should these be others than before, everything is gathered anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.sweep.space import Point, Space
from shoal.sweep.trial import FAILED, RUNNING, STOPPED, Trial, has_score

Array = NDArray[np.float64]

CURVE = (1 / 2, 1 / 4, 1 / 8)  # shares of the steps at which a curve is observed
CURVE_NOISE = 2.0  # variance of such an observation, in that of a final one

Row = tuple[Array, float, float]  # coordinates, value, its variance in that of a final score
Data = tuple[Array, Array, Array, NDArray[np.intp]]  # those of many: (n, width), (n,), (n,), and which trial's, (n,)


@dataclass(frozen=True)
class Lesson:
    """What one trial teaches: observations of the score and of the logarithm of the cost, and whether it succeeded."""

    x: Array  # the setting as it was asked for
    scores: tuple[Row, ...]
    costs: tuple[Row, ...]
    success: float | None  # None: it still runs


class Table:
    """Observations of many trials in arrays that grow."""

    def __init__(self, width: int) -> None:
        """Begin without any."""
        self.number = 0
        self._x, self._rest = np.empty((64, width)), np.empty((2, 64))
        self._trial = np.empty(64, np.intp)

    def add(self, rows: Iterable[Row], trial: int) -> None:
        """Add the observations of one trial."""
        for x, value, worse in rows:
            if self.number == len(self._x):
                self._x = np.concatenate([self._x, np.empty_like(self._x)])
                self._rest = np.concatenate([self._rest, np.empty_like(self._rest)], axis=1)
                self._trial = np.concatenate([self._trial, np.empty_like(self._trial)])
            self._x[self.number], self._rest[:, self.number] = x, (value, worse)
            self._trial[self.number] = trial
            self.number += 1

    def data(self) -> Data:
        """Return all observations: views, which are those of now until the next is added."""
        n = self.number
        return self._x[:n], self._rest[0, :n], self._rest[1, :n], self._trial[:n]


class Lessons:
    """What the trials of a sweep teach, in the order in which they ended.

    Attributes:
        scores, costs, ends: observations of the score, of the logarithm of the cost, of success (0 or 1).
        failed: whether any trial did.
        points: distinct settings that have a score. counts, sums: how many, and their sum.
    """

    def __init__(self, space: Space, steps: str, earlier: Sequence[Trial] = ()) -> None:
        """Begin with the trials of earlier sweeps. `steps`: the setting that says how long a trial is."""
        self.space, self.steps, self.earlier = space, steps, tuple(earlier)
        self._taught: dict[int, tuple[Trial, Lesson]] = {}
        self._begin()

    def learn(self, trials: Sequence[Trial]) -> None:
        """Take in all trials so far that have ended."""
        ended = [trial for trial in trials if trial.status != RUNNING]
        new = [trial for trial in ended if self._known.get(trial.number) is not trial]
        others = [trial for trial in new if self._known.get(trial.number) != trial]
        in_order = len(self._known) + len(others) == len(ended) and not any(t.number in self._known for t in others)
        if not in_order or any(_when(trial) < self._last for trial in others):
            self._begin()
            new = others = ended
        self._known |= {trial.number: trial for trial in new}
        for trial in sorted(others, key=_when):
            self._take(trial)

    def lesson(self, trial: Trial) -> Lesson:
        """Return what one trial teaches."""
        x = self.space.encode(trial.point)
        success = None if trial.status == RUNNING else float(trial.status != FAILED)
        varied = place(self.space, self.steps) is not None and self.steps in trial.point
        scores: list[Row] = []
        costs: list[Row] = []
        for seconds, steps, value in _some(trial, float(trial.point[self.steps])) if varied else ():
            short = self.space.encode({**trial.point, self.steps: steps})
            scores.append((short, value, CURVE_NOISE))
            if seconds > 0:
                costs.append((short, math.log(seconds), CURVE_NOISE))
        if has_score(trial):
            cut = trial.status == STOPPED
            reached = (
                self.space.encode({**trial.point, self.steps: trial.steps}) if cut and varied and trial.steps else x
            )
            scores.append((reached, float(trial.score or 0.0), 1.0))
            if trial.cost > 0 and (varied or not cut):
                costs.append((reached, math.log(trial.cost), 1.0))
        return Lesson(x, tuple(scores), tuple(costs), success)

    @property
    def known(self) -> Array:
        """The coordinates of `points`, (n, width)."""
        return self._settings.data()[0]

    def find(self, x: Array) -> int | None:
        """Return which of `points` lies at coordinates (width,), None if none does."""
        return self._places.get(_key(x))

    def _begin(self) -> None:
        width = self.space.width
        self.scores, self.costs, self.ends, self._settings = (Table(width) for _ in range(4))
        self.failed = False
        self.points: list[Point] = []
        self.counts: list[int] = []
        self.sums: list[float] = []
        self._places: dict[bytes, int] = {}  # coordinates -> which of the points
        self._known: dict[int, Trial] = {}
        self._last = (-math.inf, 0)
        self._number = 0
        for trial in self.earlier:
            self._observe(self.lesson(trial))

    def _take(self, trial: Trial) -> None:
        taught = self._taught.get(trial.number)
        if taught is None or taught[0] != trial:
            self._taught[trial.number] = taught = trial, self.lesson(trial)
        self._last = _when(trial)
        self._observe(taught[1])
        if has_score(trial):
            x = taught[1].x
            at = self._places.setdefault(_key(x), len(self.points))
            if at == len(self.points):
                self._settings.add([(x, 0.0, 1.0)], at)
                self.points.append(trial.point)
                self.counts.append(0)
                self.sums.append(0.0)
            self.counts[at] += 1
            self.sums[at] += float(trial.score or 0.0)

    def _observe(self, lesson: Lesson) -> None:
        self._number += 1
        self.scores.add(lesson.scores, self._number)
        self.costs.add(lesson.costs, self._number)
        if lesson.success is not None:
            self.ends.add([(lesson.x, lesson.success, 1.0)], self._number)
            self.failed = self.failed or not lesson.success


def place(space: Space, steps: str) -> int | None:
    """Return the coordinate of the number of steps, None if it is not varied."""
    at = 0
    for dimension in space.dimensions:
        if dimension.name == steps and dimension.scale != "choice":
            return at
        at += dimension.width
    return None


def _key(x: Array) -> bytes:
    return (np.round(x, 9) + 0.0).tobytes()  # what rounding in a setting's own unit changes does not count


def _when(trial: Trial) -> tuple[float, int]:
    return trial.ended, trial.number


def _some(trial: Trial, full: float) -> list[tuple[float, int, float]]:
    """Return the points of a curve that are observed: those next to some shares of the steps, each once.

    The last point of a finished trial is its score and no observation of its own.
    """
    running = trial.status == RUNNING
    end = trial.curve[-1][1] if running and trial.curve else 0.9 * min(full, trial.steps or full)
    curve = [point for point in trial.curve if 0 < point[1] <= end and math.isfinite(point[2])]
    if not curve:
        return []
    wanted = [share * full for share in CURVE] + ([end] if running else [])
    found = [min(curve, key=lambda point: abs(point[1] - steps)) for steps in wanted]
    return list(dict.fromkeys(found))
