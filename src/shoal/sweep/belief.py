# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What trials teach: models of the score, of the logarithm of the cost, and of whether a trial succeeds at all.

If the number of steps is varied, a trial also says what shorter ones would have brought: a few points of its learning
curve count as observations, of less weight, since their learning rate was not meant to end there. Scores are warped
before they are modelled: what lies below the median is compressed, as it matters little how bad a bad setting is.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.sweep.model import Array, Process
from shoal.sweep.search import Recommendation, has_score
from shoal.sweep.space import Space
from shoal.sweep.trial import FAILED, RUNNING, STOPPED, Trial

LIMIT = 256  # observations that are modelled at most
TUNED_ON = 200  # of them, for hyperparameters
CURVE = (1 / 2, 1 / 4, 1 / 8)  # shares of the steps at which a curve is observed
CURVE_NOISE = 2.0  # variance of such an observation, in that of a final one
CAUTION = 1.0  # deviations that a recommendation's score must bear
FINALISTS = 128  # settings of the highest means, of four times as many of the best observed, that may be recommended
_GROWTH = 1.1  # hyperparameters are chosen again whenever there are so many times the observations

Row = tuple[Array, float, float]  # coordinates, value, its variance in that of a final score
Data = tuple[Array, Array, Array, NDArray[np.intp]]  # those of many: (n, width), (n,), (n,), and which trial's, (n,)
_tuned: OrderedDict[bytes, tuple[float, ...]] = OrderedDict()  # digest of data -> hyperparameters found


@dataclass(frozen=True)
class Lesson:
    """What one trial teaches: observations of the score and of the logarithm of the cost, and whether it succeeded."""

    x: Array  # the setting as it was asked for
    scores: tuple[Row, ...]
    costs: tuple[Row, ...]
    success: float | None  # None: it still runs


class Belief:
    """What finished trials and the curves of running ones say about every setting.

    Attributes:
        known: distinct settings that have a score, (n, width), at the steps that they were given.
        points: the same as settings. counts: how many trials each of them has, (n,). observed: their mean score, (n,).
        pending: settings that are running, (m, width).
    """

    def __init__(
        self,
        space: Space,
        trials: Sequence[Trial],
        steps: str,
        earlier: Sequence[Trial] = (),
        memory: dict[int, tuple[Trial, Lesson]] | None = None,
    ) -> None:
        """Fit the models to trials, of which at least one has a score.

        `memory` keeps what trials teach from one call to the next.
        """
        self.space, self.steps = space, steps
        self.pending = [space.encode(trial.point) for trial in trials if trial.status == RUNNING]
        finished = sorted((t for t in trials if t.status != RUNNING), key=lambda t: (t.ended, t.number))
        lessons = [self._lesson(trial) for trial in earlier]
        lessons += [self._remembered(trial, {} if memory is None else memory) for trial in finished]
        self._summarise(finished, lessons[len(earlier) :])
        settled = sum(len(lesson.scores) for lesson in lessons)
        running = [self._lesson(trial) for trial in trials if trial.status == RUNNING]
        self.score = self._fit_score(_arrays([lesson.scores for lesson in (*lessons, *running)]), settled)
        costs = [lesson.costs for lesson in lessons]
        self.cost = self._fitted(_arrays(costs)) if any(costs) else None
        ends = [((lesson.x, lesson.success, 1.0),) for lesson in lessons if lesson.success is not None]
        self._success = self._fitted(_arrays(ends)) if any(not end[0][1] for end in ends) else None

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

    def best(self) -> int:
        """Return which known setting is to be recommended: the highest mean with caution."""
        short = np.argsort(-self.observed, kind="stable")[: 4 * FINALISTS]
        short = short[np.argsort(-self.score.mean(self.known[short]), kind="stable")[:FINALISTS]]
        mean, deviation = self.score.predict(self.known[short])
        return int(short[np.argmax(mean - CAUTION * deviation + np.log(self.success(self.known[short])))])

    def begun(self, known: int) -> int:
        """Return how many trials of a known setting there are, with those that are running."""
        x = self.known[known]
        return int(self.counts[known]) + sum(np.array_equal(x, waiting) for waiting in self.pending)

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

    def _remembered(self, trial: Trial, memory: dict[int, tuple[Trial, Lesson]]) -> Lesson:
        found = memory.get(trial.number)
        if found is None or found[0] != trial:
            memory[trial.number] = found = trial, self._lesson(trial)
        return found[1]

    def _lesson(self, trial: Trial) -> Lesson:
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

    def _summarise(self, finished: Sequence[Trial], lessons: Sequence[Lesson]) -> None:
        """Gather trials of the same setting."""
        scores: dict[bytes, list[float]] = {}
        places: dict[bytes, int] = {}
        for i, (trial, lesson) in enumerate(zip(finished, lessons, strict=True)):
            if has_score(trial):
                key = lesson.x.tobytes()
                scores.setdefault(key, []).append(float(trial.score or 0.0))
                places.setdefault(key, i)
        self.known = np.array([lessons[i].x for i in places.values()]).reshape(-1, self.space.width)
        self.points = [finished[i].point for i in places.values()]
        self.counts = np.array([len(scores[key]) for key in places])
        self.observed = np.array([sum(scores[key]) / len(scores[key]) for key in places])

    def _fit_score(self, data: Data, settled: int) -> Process:
        x, raw, worse, trial = data
        first = _milestone(settled) or len(raw)
        middle = float(np.median(raw[:first]))
        spread = float(np.percentile(raw[:first], 90)) - middle
        self._warp = (middle, spread if spread > 1e-12 else max(float(raw[:first].std()), 1e-9))
        y = self.warp(raw)
        process = _tune(Process(self.space.width), (x[:first], y[:first], worse[:first], trial[:first]))
        keep = _subset(y, worse, LIMIT)
        self._fitted_on = x[keep], y[keep], worse[keep], trial[keep]
        process.fit(*self._fitted_on)
        return process

    def _fitted(self, data: Data) -> Process:
        x, y, worse, trial = data
        first = _milestone(len(y))
        process = _tune(Process(self.space.width), (x[:first], y[:first], worse[:first], trial[:first]))
        keep = _subset(np.arange(len(y), dtype=float), worse, LIMIT)  # the latest half, some of the others
        process.fit(x[keep], y[keep], worse[keep], trial[keep])
        return process


def recommend(
    space: Space, trials: Sequence[Trial], steps: str, earlier: Sequence[Trial] = ()
) -> Recommendation | None:
    """Return the setting whose score is expected to be the highest with caution; None while there is no score."""
    if not any(has_score(trial) for trial in trials):
        return None
    belief = Belief(space, trials, steps, earlier)
    best = belief.best()
    mean, deviation = belief.score.predict(belief.known[best : best + 1])
    low, middle, high = belief.unwarp(mean + 1.96 * deviation * np.array([-1.0, 0.0, 1.0]))
    return Recommendation(belief.points[best], float(middle), float(low), float(high), int(belief.counts[best]))


def place(space: Space, steps: str) -> int | None:
    """Return the coordinate of the number of steps, None if it is not varied."""
    at = 0
    for dimension in space.dimensions:
        if dimension.name == steps and dimension.scale != "choice":
            return at
        at += dimension.width
    return None


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


def _milestone(number: int) -> int:
    """Return up to which observation hyperparameters are chosen from: it grows in steps, so that choosing is rare."""
    if number <= 40:
        return number
    return math.floor(40 * _GROWTH ** math.floor(math.log(number / 40, _GROWTH) + 1e-9))


def _arrays(trials: Sequence[Sequence[Row]]) -> Data:
    """Return the observations of several trials."""
    rows = [(*row, i) for i, found in enumerate(trials) for row in found]
    x, y, worse, trial = zip(*rows, strict=True)
    return np.concatenate(x).reshape(len(x), -1), np.array(y), np.array(worse), np.array(trial)


def _tune(process: Process, data: Data) -> Process:
    """Choose hyperparameters; what was found for the same data is remembered, as it takes longer than all the rest."""
    keep = _subset(data[1], data[2], TUNED_ON)
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


def _subset(y: Array, worse: Array, limit: int) -> NDArray[np.intp]:
    """Return the places of at most `limit` observations: the best half of them, the rest by chance, always the same."""
    if len(y) <= limit:
        return np.arange(len(y))
    order = np.argsort(-y, kind="stable")
    best, rest = order[: limit // 2], order[limit // 2 :]
    weight = 1 / worse[rest] / (1 / worse[rest]).sum()
    chance = np.random.default_rng(0).choice(rest, limit - len(best), replace=False, p=weight)
    return np.sort(np.concatenate([best, chance]))


def _bend(y: Array) -> Array:
    return np.where(y < 0, -np.log1p(np.maximum(-y, 0)), y)


def _unbend(y: Array) -> Array:
    return np.where(y < 0, -np.expm1(np.maximum(-y, 0)), y)
