# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What trials say of every setting: models of the score, of the logarithm of the cost, and of whether a trial succeeds.

Scores are warped before they are modelled: what lies below the median is compressed, as it matters little how bad a bad
setting is. Models see a bounded number of observations, so that what thousands of trials say takes no longer than what
hundreds do. Half of them lie next to good settings, as the best is to be found: next to, whatever their own score,
as the best scores alone would be the luckiest trials, and say nothing of noise. The others are an even draw.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shoal.confidence import Z95
from shoal.sweep.blas import one_thread
from shoal.sweep.lessons import Data, Lessons, place
from shoal.sweep.model import Array, Process
from shoal.sweep.search import Recommendation
from shoal.sweep.space import Space
from shoal.sweep.trial import RUNNING, Trial, has_score

LIMIT = 192  # observations of the score that are modelled at most
ROUGH = 128  # likewise of the cost and of success, which are simpler
TUNED_ON = 150  # of them, for hyperparameters
CAUTION = 1.0  # deviations that a recommendation's score must bear
LEADERS = 24  # good settings, next to which half of the observations are taken
NEIGHBOURS = 8  # trials, itself among them, that say how good a setting is
FINALISTS = 48  # settings of the highest means, of four times as many of the best observed, that may be recommended
_GROWTH = 1.1  # hyperparameters are chosen again whenever there are so many times the observations

_tuned: OrderedDict[bytes, tuple[float, ...]] = OrderedDict()  # digest of data -> hyperparameters found


class Belief:
    """What finished trials and the curves of running ones say about every setting.

    Attributes:
        known: distinct settings that have a score, (n, width), at the steps that they were given.
        points: the same as settings. counts: how many trials each of them has, (n,). observed: their mean score, (n,).
        pending: settings that are running, (m, width). at: the coordinate of the number of steps, None if not varied.
    """

    def __init__(
        self,
        space: Space,
        trials: Sequence[Trial],
        steps: str,
        earlier: Sequence[Trial] = (),
        lessons: Lessons | None = None,
    ) -> None:
        """Fit the models to trials, of which at least one has a score.

        `lessons` keeps what trials teach from one call to the next; made with the same space, steps and earlier trials.
        """
        self.space, self.at = space, place(space, steps)
        running = [trial for trial in trials if trial.status == RUNNING]
        self.pending = [space.encode(trial.point) for trial in running]
        self.lessons = lessons or Lessons(space, steps, earlier)
        self.lessons.learn(trials)
        self.known, self.points = self.lessons.known, self.lessons.points
        self.counts = np.array(self.lessons.counts)
        self.observed = np.array(self.lessons.sums) / self.counts
        self.score = self._fit_score(running)
        self.cost = self._fitted(self.lessons.costs.data()) if self.lessons.costs.number else None
        self._success = self._fitted(self.lessons.ends.data()) if self.lessons.failed else None

    def warp(self, score: Array) -> Array:
        """Return scores as they are modelled."""
        return _bend((score - self._warp[0]) / self._warp[1])

    def unwarp(self, y: Array) -> Array:
        """Return modelled scores as they were told."""
        return _unbend(y) * self._warp[1] + self._warp[0]

    def success(self, x: Array) -> Array:
        """Return the probability that a trial succeeds, (m,)."""
        if self._success is None:
            return np.ones(len(x))
        return np.clip(self._success.mean(x), 1e-3, 1.0)

    def best(self) -> Array:
        """Return the setting to be recommended, (width,): the highest mean with caution.

        It is one that was tried, or such a one with all steps where only shorter trials of it were.
        """
        short = np.argsort(-self.observed, kind="stable")[: 4 * FINALISTS]
        x = self.known[short]
        if self.at is not None:
            x = np.vstack([x, self.space.snap(self.aim(x))])
        x = x[np.argsort(-self.score.mean(x), kind="stable")[:FINALISTS]]
        mean, deviation = self.score.predict(x)
        return np.asarray(x[np.argmax(mean - CAUTION * deviation + np.log(self.success(x)))])

    def aim(self, x: Array) -> Array:
        """Return settings (m, width) with all steps: what a trial is to teach about, whatever its own steps."""
        if self.at is None:
            return x
        aim = x.copy()
        aim[:, self.at] = 1.0
        return aim

    def begun(self, x: Array) -> int:
        """Return how many trials of a setting (width,) there are, with those that are running."""
        known = self.lessons.find(x)
        ended = 0 if known is None else int(self.counts[known])
        return ended + sum(np.allclose(x, waiting) for waiting in self.pending)

    def lie(self) -> None:
        """Take running trials for finished with what is expected of them, so that others look elsewhere."""
        if self.pending:
            x, y, worse, trial = self._fitted_on
            waiting = np.array(self.pending)
            alone = -1 - np.arange(len(waiting))
            self.score.fit(
                np.vstack([x, waiting]),
                np.concatenate([y, self.score.mean(waiting)]),
                np.concatenate([worse, np.ones(len(waiting))]),
                np.concatenate([trial, alone]),
            )

    def _fit_score(self, running: Sequence[Trial]) -> Process:
        data = self.lessons.scores.data()
        first = _milestone(len(data[1])) or None
        now = [self.lessons.lesson(trial).scores for trial in running]
        if any(now):
            rows = [(*row, -1 - i) for i, found in enumerate(now) for row in found]
            more = (np.array(part) for part in zip(*rows, strict=True))
            data = tuple(np.concatenate(pair) for pair in zip(data, more, strict=True))  # type: ignore[assignment]
        x, raw, worse, trial = data
        middle, high = np.percentile(raw[:first], [50, 90])
        spread = float(high - middle)
        self._warp = (float(middle), spread if spread > 1e-12 else max(float(raw[:first].std()), 1e-9))
        y = self.warp(raw)
        process = Process(self.space.width, self.at)
        _tune(process, (x, y, worse, trial), _subset(_distance(x[:first], y[:first]), worse[:first], TUNED_ON))
        keep = _subset(_distance(x, y), worse, LIMIT)
        self._fitted_on = x[keep], y[keep], worse[keep], trial[keep]
        process.fit(*self._fitted_on)
        return process

    def _fitted(self, data: Data) -> Process:
        x, y, worse, trial = data
        age = -np.arange(len(y), dtype=float)  # the latest half, some of the others
        first = _milestone(len(y))
        process = _tune(Process(self.space.width), data, _subset(age[:first], worse[:first], ROUGH))
        keep = _subset(age, worse, ROUGH)
        process.fit(x[keep], y[keep], worse[keep], trial[keep])
        return process


@one_thread
def recommend(trials: Sequence[Trial], lessons: Lessons) -> Recommendation | None:
    """Return the setting whose score is expected to be the highest with caution; None while there is no score."""
    if not any(has_score(trial) for trial in trials):
        return None
    belief = Belief(lessons.space, trials, lessons.steps, lessons=lessons)
    best = belief.best()
    mean, deviation = belief.score.predict(best[None])
    low, middle, high = belief.unwarp(mean + Z95 * deviation * np.array([-1.0, 0.0, 1.0]))
    known = lessons.find(best)
    point, number = (lessons.space.decode(best), 0) if known is None else (belief.points[known], belief.counts[known])
    return Recommendation(point, float(middle), float(low), float(high), int(number))


def _milestone(number: int) -> int:
    """Return up to which observation hyperparameters are chosen from: it grows in steps, so that choosing is rare."""
    if number <= 40:
        return number
    return math.floor(40 * _GROWTH ** math.floor(math.log(number / 40, _GROWTH) + 1e-9))


def _tune(process: Process, data: Data, keep: NDArray[np.intp]) -> Process:
    """Choose hyperparameters by some of the data; what was found is kept, as that takes longer than all the rest."""
    x, y, worse, trial = data[0][keep], data[1][keep], data[2][keep], data[3][keep]
    if len(y) < 3:
        return process
    digest = hashlib.blake2b(b"".join(part.tobytes() for part in (x, y, worse, trial)), digest_size=16).digest()
    if digest not in _tuned:
        process.tune(x, y, worse, trial)
        _tuned[digest] = tuple(process.theta)
        while len(_tuned) > 32:
            _tuned.popitem(last=False)
    process.theta = np.array(_tuned[digest])
    return process


def _distance(x: Array, y: Array) -> Array:
    """Return how far points (n, width) lie from where scores y (n,) are best, squared, (n,).

    Where that is the mean of a few trials next to each other says: it is less of luck than the best trial's score.
    """
    order = np.argsort(-y, kind="stable")[: 4 * LEADERS]
    found = (x**2).sum(1) + (x[order] ** 2).sum(1)[:, None] - 2 * (x[order] @ x.T)  # (leaders to be, n)
    close = np.argpartition(found, min(NEIGHBOURS, len(y)) - 1, axis=1)[:, :NEIGHBOURS]
    best = np.argsort(-y[close].mean(axis=1), kind="stable")[:LEADERS]
    return np.asarray(found[best].min(axis=0))


def _subset(distance: Array, worse: Array, limit: int) -> NDArray[np.intp]:
    """Return the places of at most `limit` observations: the nearest half, the rest by chance, always the same."""
    if len(distance) <= limit:
        return np.arange(len(distance))
    near = np.argpartition(distance, limit // 2)[: limit // 2]
    # The others with the largest logarithm of a uniform number, over their weight: a weighted draw without replacement.
    # An observation keeps its number, so that few are exchanged when one is added.
    chance = np.log(np.random.default_rng(0).random(len(distance))) * worse
    chance[near] = -np.inf
    rest = np.argpartition(-chance, limit - len(near))[: limit - len(near)]
    return np.sort(np.concatenate([near, rest]))


def _bend(y: Array) -> Array:
    return np.where(y < 0, -np.log1p(np.maximum(-y, 0)), y)


def _unbend(y: Array) -> Array:
    return np.where(y < 0, -np.expm1(np.maximum(-y, 0)), y)
