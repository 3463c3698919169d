# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The cost-aware search: where one more trial is expected to improve the recommendation most for what it costs.

The value of a trial at x is what it is expected to add to the mean of the best setting (the knowledge gradient): with σ
how far one noisy score would move the mean, E[max(μ(x) + σ Z - μ*, 0)]. It is taken at the steps that a long trial has: a
short trial is worth what it tells about the long one. Repeating a tried setting is a candidate like any other: it is worth
something where the best is uncertain. The value is multiplied by the probability that the trial succeeds, and divided by a
power of the expected cost, which is one at first and falls to nought as the budget ends (Lee et al., 2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from shoal.sweep.belief import Belief
from shoal.sweep.model import Array
from shoal.sweep.search import Asked, Random, generator, sobol
from shoal.sweep.space import Point
from shoal.sweep.trial import CONFIRM, FAILED, REPEAT, RUNNING, Trial

GLOBAL, LOCAL, CENTERS = 384, 32, 12  # candidates over the space; about each of the best settings; of those
REFINED, AROUND = 6, 32  # candidates that are looked at more closely, and about each
REPEATS = 8  # trials of one setting at most
DESIGN = 12  # trials that are spread over the space, at most


class CostAware(Random):
    """See the module."""

    def _next(self, trials: Sequence[Trial]) -> Asked:
        number = len(trials)
        scored = [t for t in (*self.earlier, *trials) if t.status not in (RUNNING, FAILED) and t.score is not None]
        if number < self._design() or len({trial.score for trial in scored}) < 2:
            return Asked(self._spread(number))
        belief = Belief(self.space, trials, self.steps, self.earlier)
        belief.lie()
        rng = generator(self.seed, number)
        left = self.limits.left(trials)
        centers = self._centers(belief)
        candidates = self._candidates(rng, centers)
        value = self._value(belief, candidates, left, trials)
        top = candidates[np.argsort(-value)[:REFINED]]
        near = self._about(rng, top, AROUND, (0.02, 0.06))
        candidates, value = np.vstack([candidates, near]), np.concatenate([value, self._value(belief, near, left, trials)])
        best = int(np.argmax(value))
        if len(belief.known):
            again = self._value(belief, belief.known, left, trials, known=True)
            again[belief.counts >= REPEATS] = -np.inf
            if again.max() > value[best]:
                return Asked(belief.points[int(np.argmax(again))], REPEAT)
        return Asked(self.space.decode(candidates[best]))

    def _design(self) -> int:
        """Return how many trials come before the model is asked."""
        number = min(4 + self.space.width // 2, DESIGN)
        if self.limits.runs:
            number = min(number, max(self.limits.runs // 4, 2))
        return len(self.first) + (2 if self.earlier else number)

    def _spread(self, number: int) -> Point:
        """Return a point of the design; its trials are short if that is up to us."""
        unit = sobol(self.space.width, self.seed, number)
        at = self._steps_at()
        if at is not None:
            unit[at] = 0.7 * unit[at]
        return self.space.decode(unit)

    def _steps_at(self) -> int | None:
        from shoal.sweep.belief import _place

        return _place(self.space, self.steps)

    def _centers(self, belief: Belief) -> Array:
        """Return the settings that are best for what they cost: a Pareto front of means, then the best others."""
        mean, _ = belief.score.predict(belief.known)
        order = np.argsort(-mean)
        if belief.cost is not None:
            cost, _ = belief.cost.predict(belief.known)
            front, cheapest = [], math.inf
            for i in order:
                if cost[i] < cheapest:
                    front.append(int(i))
                    cheapest = cost[i]
            others = [int(i) for i in order if int(i) not in set(front)]
            order = np.array((front[: CENTERS // 2] + others)[:CENTERS])
        return belief.known[order[:CENTERS]]

    def _candidates(self, rng: np.random.Generator, centers: Array) -> Array:
        found = [rng.random((GLOBAL, self.space.width)), self._about(rng, centers, LOCAL, (0.03, 0.1, 0.3))]
        every = np.vstack(found)
        at = self._steps_at()
        if at is not None:
            moved = rng.random(len(every)) < 0.5
            every[moved, at] = rng.random(int(moved.sum()))
        return np.array([self.space.snap(unit) for unit in every])

    def _about(self, rng: np.random.Generator, centers: Array, number: int, scales: Sequence[float]) -> Array:
        """Return points about each center: some of its coordinates moved, little or far."""
        around = np.repeat(centers, number, axis=0)
        width = self.space.width
        scale = rng.choice(scales, (len(around), 1))
        moved = rng.random(around.shape) < rng.choice([1.5 / width, 0.3, 1.0], (len(around), 1))
        moved[np.arange(len(around)), rng.integers(0, width, len(around))] = True
        around = np.clip(around + moved * scale * rng.normal(size=around.shape), 0, 1)
        return np.array([self.space.snap(unit) for unit in around])

    def _value(
        self, belief: Belief, x: Array, left: float, trials: Sequence[Trial], known: bool = False
    ) -> Array:
        """Return the logarithm of what trials at x (m, width) are worth, (m,)."""
        at = self._steps_at()
        aim = x
        tried = belief.known
        if at is not None:
            aim, tried = x.copy(), tried.copy()
            aim[:, at] = 1.0
            tried[:, at] = 1.0
        mean, moved = belief.score.foresee(x, aim)
        held, _ = belief.score.predict(tried)
        order = np.sort(held)[::-1]
        gap = mean - order[0]
        if known and len(order) > 1:  # what is best already gains by what the second might
            gap = np.where(gap >= -1e-9, -(order[0] - order[1]), gap)
        gain = log_gain(gap, moved) + np.log(belief.success(x))
        if belief.cost is not None:
            cost, _ = belief.cost.predict(x)
            gain = gain - self._power(left) * cost
            if self.limits.seconds:
                rest = max(left * self.limits.seconds, 1e-9)
                gain = gain - 5.0 * np.maximum(cost - math.log(rest), 0)
        return gain

    def _power(self, left: float) -> float:
        return left


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
