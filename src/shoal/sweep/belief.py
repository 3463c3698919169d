# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What trials teach: models of the score, of the logarithm of the cost, and of whether a trial succeeds at all.

If the number of steps is varied, a trial also says what shorter ones would have brought: a few points of its learning
curve count as observations, of less weight, since their learning rate was not meant to end there. Scores are warped before
they are modelled: what lies below the median is compressed, as it matters little how bad a bad setting is.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from shoal.sweep.model import Array, Process
from shoal.sweep.search import Recommendation
from shoal.sweep.space import Point, Space, Value
from shoal.sweep.trial import CONFIRM, FAILED, RUNNING, STOPPED, Trial

LIMIT = 400  # observations that are modelled at most
TUNED_ON = 200  # of them, for hyperparameters
CURVE = (1 / 2, 1 / 4, 1 / 8)  # shares of the steps at which a curve is observed
CURVE_NOISE = 2.0  # variance of such an observation, in that of a final one
CAUTION = 1.0  # deviations that a recommendation's score must bear
_GROWTH = 1.1  # hyperparameters are chosen again whenever there are so many times the observations

_tuned: OrderedDict[bytes, tuple[float, ...]] = OrderedDict()  # digest of data -> hyperparameters found


@dataclass
class Data:
    """Observations at points (n, width); `worse` is their variance in that of a final score."""

    x: list[Array] = field(default_factory=list)
    y: list[float] = field(default_factory=list)
    worse: list[float] = field(default_factory=list)

    def add(self, x: Array, y: float, worse: float = 1.0) -> None:
        """Append one observation."""
        self.x.append(x)
        self.y.append(y)
        self.worse.append(worse)

    def arrays(self, width: int) -> tuple[Array, Array, Array]:
        """Return x (n, width), y (n,), worse (n,)."""
        return np.array(self.x).reshape(-1, width), np.array(self.y), np.array(self.worse)


class Belief:
    """What finished trials and the curves of running ones say about every setting.

    Attributes:
        known: distinct settings that have a score, (n, width), at the steps that they were given.
        counts: how many trials each of them has, (n,). pending: settings that are running, (m, width).
    """

    def __init__(self, space: Space, trials: Sequence[Trial], steps: str, earlier: Sequence[Trial] = ()) -> None:
        """Fit the models. At least one trial must have a score."""
        self.space = space
        self.at = _place(space, steps)
        self.steps = steps
        score, cost, success = Data(), Data(), Data()
        finished = sorted((t for t in trials if t.status != RUNNING), key=lambda t: (t.ended, t.number))
        for trial in (*earlier, *finished):
            self._observe(trial, score, cost, success)
        self.final = np.array([y for y, worse in zip(score.y, score.worse, strict=True) if worse == 1.0])
        settled = len(score.y)
        for trial in trials:
            if trial.status == RUNNING:
                self._observe(trial, score, cost, success)
        self.pending = [self.encode(trial.point) for trial in trials if trial.status == RUNNING]
        self._summarise(finished)
        self.score, self._warp = self._fit_score(score, settled)
        self.cost = _fitted(Process(space.width), *cost.arrays(space.width), len(cost.y)) if cost.y else None
        failed = 0.0 in success.y
        self._success = _fitted(Process(space.width), *success.arrays(space.width), len(success.y)) if failed else None

    def encode(self, point: Mapping[str, Value]) -> Array:
        """Return the coordinates of a point."""
        return self.space.encode(point)

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
        mean, deviation = self._success.predict(x)
        z = (mean - 0.5) / np.sqrt(deviation**2 + self._success.noise**2 + 1e-4)
        return np.maximum(1 / (1 + np.exp(-1.7 * z)), 1e-3)  # the logistic curve next to the normal one

    def lie(self) -> None:
        """Take running trials for finished with what is expected of them, so that others look elsewhere."""
        if self.pending:
            x, y, worse = self._fitted_on
            waiting = np.array(self.pending)
            expected, _ = self.score.predict(waiting)
            arrays = np.vstack([x, waiting]), np.concatenate([y, expected]), np.concatenate([worse, np.ones(len(waiting))])
            self.score.fit(*arrays)

    def _observe(self, trial: Trial, score: Data, cost: Data, success: Data) -> None:
        x = self.encode(trial.point)
        full = float(trial.point[self.steps]) if self.at is not None and self.steps in trial.point else 0.0
        if trial.status != RUNNING:
            success.add(x, float(trial.status != FAILED))
        if full and trial.curve:
            for seconds, steps, value in _some(trial, full):
                if math.isfinite(value):
                    short = self.encode({**trial.point, self.steps: steps})
                    score.add(short, value, CURVE_NOISE)
                    if seconds > 0:
                        cost.add(short, math.log(seconds), CURVE_NOISE)
        if trial.status in (RUNNING, FAILED) or trial.score is None or not math.isfinite(trial.score):
            return
        cut = trial.status == STOPPED
        if cut and full and trial.steps:
            x = self.encode({**trial.point, self.steps: trial.steps})
        score.add(x, trial.score)
        if trial.cost > 0 and (full or not cut):
            cost.add(x, math.log(trial.cost))

    def _summarise(self, finished: Sequence[Trial]) -> None:
        """Gather trials of the same setting."""
        groups: dict[bytes, tuple[Array, Point, list[float]]] = {}
        for trial in finished:
            if trial.score is not None and math.isfinite(trial.score) and trial.status != FAILED:
                x = self.encode(trial.point)
                groups.setdefault(x.tobytes(), (x, trial.point, []))[2].append(trial.score)
        self.known = np.array([x for x, _, _ in groups.values()]).reshape(-1, self.space.width)
        self.points = [point for _, point, _ in groups.values()]
        self.counts = np.array([len(scores) for _, _, scores in groups.values()])

    def _fit_score(self, data: Data, settled: int) -> tuple[Process, tuple[float, float]]:
        x, raw, worse = data.arrays(self.space.width)
        first = _milestone(settled)
        base = raw[:first]
        middle = float(np.median(base))
        spread = float(np.percentile(base, 90)) - middle
        self._warp = (middle, spread if spread > 1e-12 else max(float(base.std()), 1e-9))
        y = self.warp(raw)
        keep = _subset(y, worse, LIMIT)
        process = _tune(Process(self.space.width), x[:first], y[:first], worse[:first])
        self._fitted_on = x[keep], y[keep], worse[keep]
        process.fit(*self._fitted_on)
        return process, self._warp


def recommend(
    space: Space, trials: Sequence[Trial], steps: str, earlier: Sequence[Trial] = ()
) -> Recommendation | None:
    """Return the setting whose score is expected to be the highest with caution; None while there is no score."""
    trials = [replace(t, status=FAILED) if t.score is not None and not math.isfinite(t.score) else t for t in trials]
    if not any(trial.score is not None and trial.status not in (FAILED, RUNNING) for trial in trials):
        return None
    belief = Belief(space, trials, steps, earlier)
    mean, deviation = belief.score.predict(belief.known)
    sure = belief.success(belief.known)
    best = int(np.argmax(mean - CAUTION * deviation + np.log(sure)))
    low, middle, high = belief.unwarp(mean[best] + 1.96 * deviation[best] * np.array([-1.0, 0.0, 1.0]))
    return Recommendation(belief.points[best], float(middle), float(low), float(high), int(belief.counts[best]))


def _place(space: Space, steps: str) -> int | None:
    """Return the coordinate of the number of steps, None if it is not varied."""
    at = 0
    for dimension in space.dimensions:
        if dimension.name == steps and dimension.scale != "choice":
            return at
        at += dimension.width
    return None


def _some(trial: Trial, full: float) -> list[tuple[float, int, float]]:
    """Return the points of a curve that are observed: those next to some shares of the steps, each once."""
    end = trial.curve[-1][1] if trial.status == RUNNING else 0.9 * min(full, trial.steps or full)
    found = {}
    for share in ((1.0, *CURVE) if trial.status == RUNNING else CURVE):
        at = min(trial.curve, key=lambda point: abs(point[1] - share * (end if trial.status == RUNNING else full)))
        if at[1] <= end:
            found[at[1]] = at
    return list(found.values())


def _milestone(number: int) -> int:
    """Return up to which observation hyperparameters are chosen from: it grows in steps, so that choosing is rare."""
    if number <= 40:
        return number
    return math.floor(40 * _GROWTH ** math.floor(math.log(number / 40, _GROWTH) + 1e-9))


def _fitted(process: Process, x: Array, y: Array, worse: Array, settled: int) -> Process:
    first = _milestone(settled)
    _tune(process, x[:first], y[:first], worse[:first])
    keep = _subset(-np.arange(len(y), dtype=float), worse, LIMIT)
    process.fit(x[keep], y[keep], worse[keep])
    return process


def _tune(process: Process, x: Array, y: Array, worse: Array) -> Process:
    """Choose hyperparameters; what was found for the same data is remembered, as it takes longer than all the rest."""
    keep = _subset(y, worse, TUNED_ON)
    x, y, worse = x[keep], y[keep], worse[keep]
    if len(y) < 3:
        return process
    digest = hashlib.blake2b(b"".join(a.tobytes() for a in (x, y, worse)), digest_size=16).digest()
    if digest not in _tuned:
        process.tune(x, y, worse)
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
