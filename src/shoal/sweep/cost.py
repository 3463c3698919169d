# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The cost-aware search: where one more trial is expected to improve the recommendation most for what it costs.

The value of a trial at x is what it is expected to add to the mean of the best setting (the knowledge gradient): with
σ how far one noisy score would move the mean, E[max(μ(x) + σ Z - μ*, 0)]. It is taken at the steps that a long trial
has: a short trial is worth what it tells about the long one. Repeating a tried setting is a candidate like any other:
it is worth something where the best is uncertain. The value is multiplied by a power of the probability that the trial
succeeds, and divided by a power of the expected cost, which is one at first and falls to nought as the budget ends (Lee
et al., 2020). The model is least sure of the corners of the space and would look there first, though ranges are mostly
declared about what is good, and settings that are extreme in many ways at once fail on some seeds: so a value also
counts by how likely a bell about the middle makes its setting, the less the more trials there are (Hvarfner et al.,
2022). The model knows no outliers, so whatever would be recommended is tried a second time as soon as that is
cheap, or the end is near. Where all scores look alike it would follow noise, the cheapest first: then every second
trial is drawn evenly, and is not a short one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from shoal.sweep.belief import Belief
from shoal.sweep.blas import one_thread
from shoal.sweep.lessons import place
from shoal.sweep.model import Array
from shoal.sweep.search import Asked, Limits, Random, generator, sobol
from shoal.sweep.space import Point
from shoal.sweep.trial import REPEAT, Trial, has_score

GLOBAL, LOCAL, CENTERS = 128, 16, 12  # candidates over the space; about each of the best settings; of those
REFINED, AROUND = 6, 32  # candidates that are looked at more closely, and about each
REPEATS = 8  # trials of one setting at most
TRIED = 128  # tried settings that are looked at again, the best observed
FINALISTS = 16  # of them that may be repeated
DESIGN = 12  # trials that are spread over the space, at most
CAREFUL = 2.0  # power of the probability that a trial succeeds: the model is bold beyond an edge
UNSURE = 0.03  # share of what is left that a second trial of the setting to recommend may take at any time
LATE = 0.2  # share of the budget that is left when it may take all
OFTEN, RARELY = 2, 8  # one trial in so many is drawn evenly: while nothing stands out, and once something does
SURPRISES = 32  # points that such a trial is chosen from, the first that is bearable
LONG = 0.4  # share of the steps' range below which it takes none
BEARABLE = 0.15  # share of the seconds left that it may be expected to cost
SHORT = 0.7  # share of the steps' range from which they take theirs
BELL = 0.35  # deviation of the bell about the middle of the space, along each coordinate
FAITH = 10.0  # trials after which that bell counts as it is, before as a power of it, later as a root
TOO_DEAR = 5.0  # what a trial loses for each unit of log cost beyond what is left of the budget


class CostAware(Random):
    """See the module."""

    def __init__(self, *given: Any, **named: Any) -> None:
        """See Random."""
        super().__init__(*given, **named)
        self._at = place(self.space, self.steps)  # the coordinate of the steps

    @one_thread
    def _next(self, trials: Sequence[Trial]) -> Asked:
        number = len(trials)
        alike = not _differ(itertools.chain(self.earlier, trials))
        if number < self._design() or alike or not any(has_score(trial) for trial in trials):
            return Asked(self._spread(number))
        belief = Belief(self.space, trials, self.steps, self.earlier, self._lessons)
        belief.lie()
        rng = generator(self.seed, number)
        view = _View(belief, self.limits.left(trials), self.limits, FAITH / (number + len(self.earlier)))
        champion = belief.best()
        if belief.begun(champion) < 2 and view.share(champion) < (UNSURE if view.left > LATE else 1.0):
            return self._asked(belief, champion)
        if number % (RARELY if view.stands_out(champion) else OFTEN) == 0:
            return self._asked(belief, view.surprise(self._long(rng)))
        candidates = self._candidates(rng, view.centers())
        value = view.value(candidates)
        near = self._about(rng, candidates[np.argsort(-value)[:REFINED]], AROUND, (0.02, 0.06))
        candidates, value = np.vstack([candidates, near]), np.concatenate([value, view.value(near)])
        best = int(np.argmax(value))
        again, worth = view.repeat()
        if again is not None and worth > value[best]:
            return Asked(belief.points[again], REPEAT)
        return self._asked(belief, candidates[best])

    def _asked(self, belief: Belief, x: Array) -> Asked:
        """Return a point, as a repeat if it has been tried."""
        point = self.space.decode(x)
        same = belief.lessons.find(self.space.encode(point))
        return Asked(point) if same is None else Asked(belief.points[same], REPEAT)

    def _design(self) -> int:
        """Return how many trials come before the model is asked."""
        number = min(4 + self.space.width // 2, DESIGN)
        if self.limits.runs:
            number = min(number, max(self.limits.runs // 4, 2))
        return len(self.first) + (2 if self.earlier else number)

    def _spread(self, number: int) -> Point:
        """Return a point of the design; its trials are short if that is up to us."""
        unit = sobol(self.space.width, self.seed, number)
        if self._at is not None:
            unit[self._at] *= SHORT
        return self.space.decode(unit)

    def _long(self, rng: np.random.Generator) -> Array:
        """Return points drawn evenly whose trials are not short, (m, width)."""
        every = rng.random((SURPRISES, self.space.width))
        if self._at is not None:
            every[:, self._at] = LONG + (1 - LONG) * every[:, self._at]
        return self.space.snap(every)

    def _candidates(self, rng: np.random.Generator, centers: Array) -> Array:
        """Return points over the space and about centers, half of them with any number of steps, (m, width)."""
        every = np.vstack([rng.random((GLOBAL, self.space.width)), self._about(rng, centers, LOCAL, (0.03, 0.1, 0.3))])
        if self._at is not None:
            moved = rng.random(len(every)) < 0.5
            every[moved, self._at] = rng.random(int(moved.sum()))
        return self.space.snap(every)

    def _about(self, rng: np.random.Generator, centers: Array, number: int, scales: Sequence[float]) -> Array:
        """Return points about each center: some of its coordinates moved, little or far."""
        around = np.repeat(centers, number, axis=0)
        width = self.space.width
        scale = rng.choice(scales, (len(around), 1))
        moved = rng.random(around.shape) < rng.choice([1.5 / width, 0.3, 1.0], (len(around), 1))
        moved[np.arange(len(around)), rng.integers(0, width, len(around))] = True
        around += moved * scale * rng.normal(size=around.shape)
        return self.space.snap(1 - np.abs(1 - np.abs(around)))  # what would leave the space comes back


class _View:
    """What trials at any setting are worth, given what is believed and what is left of the budget."""

    def __init__(self, belief: Belief, left: float, limits: Limits, faith: float) -> None:
        """`left`: share of the budget. `faith`: power of the bell about the middle."""
        self.belief, self.left, self.limits, self.faith = belief, left, limits, faith
        seconds = limits.seconds
        self.most = math.log(max(left * seconds, 1e-9)) if seconds else math.inf  # logarithm of what a trial may cost
        self.tried = np.argsort(-belief.observed, kind="stable")[:TRIED]
        self.known, self.counts = belief.known[self.tried], belief.counts[self.tried]
        self.mean = belief.score.mean(self.known)  # (n,)
        self.held = belief.score.mean(belief.aim(self.known)) if belief.at is not None else self.mean  # (n,)
        self.order = np.argsort(-self.held, kind="stable")

    def share(self, x: Array) -> float:
        """Return what a trial at x (width,) is expected to take of the budget that is left."""
        shares = [1.0 / max(self.limits.runs * self.left, 1e-9)] if self.limits.runs else []
        if self.limits.seconds and self.belief.cost is not None:
            cost = float(np.exp(self.belief.cost.mean(x[None])[0]))
            shares.append(cost / max(self.limits.seconds * self.left, 1e-9))
        return max(shares, default=0.0)

    def stands_out(self, x: Array) -> bool:
        """Return whether a setting x (width,) is surely better than most: else nothing is known that could lead."""
        mean, deviation = self.belief.score.predict(x[None])
        return bool(mean[0] - 2 * deviation[0] > np.median(self.mean))

    def surprise(self, x: Array) -> Array:
        """Return, of points x (m, width), the first that is likely to succeed at a cost that can be borne."""
        bearable = self.belief.success(x) >= 0.5
        if self.belief.cost is not None:
            bearable &= self.belief.cost.mean(x) <= self.most + math.log(BEARABLE)
        return np.asarray(x[int(np.argmax(bearable))])

    def centers(self) -> Array:
        """Return the settings that are best for what they cost: a Pareto front of means, then the best others."""
        order = np.argsort(-self.mean, kind="stable")
        if self.belief.cost is not None:
            cost = self.belief.cost.mean(self.known)
            front, cheapest = [], math.inf
            for i in map(int, order):
                if cost[i] < cheapest:
                    front.append(i)
                    cheapest = cost[i]
            order = np.array([*front[: CENTERS // 2], *(i for i in order if i not in set(front))])
        return self.known[order[:CENTERS]]

    def value(self, x: Array) -> Array:
        """Return the logarithm of what new trials at x (m, width) are worth, (m,)."""
        mean, moved = self.belief.score.foresee(x, self.belief.aim(x))
        away = (x - 0.5) / BELL
        if self.belief.at is not None:
            away[:, self.belief.at] = 0.0  # the more steps, the better
        worth = self._priced(x, mean - self.held[self.order[0]], moved)
        return np.asarray(worth - self.faith * (away**2).sum(axis=1) / 2)

    def repeat(self) -> tuple[int | None, float]:
        """Return which tried setting is most worth another trial, and the logarithm of its worth."""
        few = [i for i in map(int, self.order[:FINALISTS]) if self.counts[i] < REPEATS]
        if not few or len(self.order) < 2:
            return None, -math.inf
        x = self.known[few]
        mean, moved = self.belief.score.foresee(x, self.belief.aim(x))
        best, second = self.held[self.order[:2]]
        gap = np.where(np.array(few) == self.order[0], second - best, mean - best)  # the best may turn out to be worse
        value = self._priced(x, gap, moved)
        return int(self.tried[few[int(np.argmax(value))]]), float(value.max())

    def _priced(self, x: Array, gap: Array, moved: Array) -> Array:
        value = log_gain(gap, moved) + CAREFUL * np.log(self.belief.success(x))
        if self.belief.cost is not None:
            cost = self.belief.cost.mean(x)
            value = value - self.left * cost - TOO_DEAR * np.maximum(cost - self.most, 0)
        return value


def _differ(trials: Iterable[Trial]) -> bool:
    """Return whether there are two different scores."""
    scores = (trial.score for trial in trials if has_score(trial))
    first = next(scores, None)
    return any(score != first for score in scores)


def log_gain(gap: Array, deviation: Array) -> Array:
    """Return log E[max(gap + deviation Z, 0)], also where that underflows (Ament et al., 2023, eq. 9)."""
    from scipy import special

    z = gap / deviation
    density = -0.5 * z * z - 0.5 * math.log(2 * math.pi)
    plain = np.log(np.maximum(np.exp(density) + z * special.ndtr(z), 1e-300))
    # far below: φ(z) + z Φ(z) = φ(z) (1 - sqrt(π/2) |z| erfcx(|z| / sqrt 2))
    inside = 1 - math.sqrt(math.pi / 2) * np.abs(z) * special.erfcx(np.abs(z) / math.sqrt(2))
    tail = density + np.log(np.maximum(inside, 1e-300))
    return np.asarray(np.where(z > -3, plain, tail) + np.log(deviation))
