# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Which settings matter, and how: what the model of a sweep's scores says, averaged over all other settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.sweep.search import STEPS
from shoal.sweep.space import Dimension, Space, Value
from shoal.sweep.trial import FAILED, RUNNING, Trial

Array = NDArray[np.float64]

OTHERS = 256  # settings of the other dimensions that are averaged over
ENOUGH = 5  # trials with a score below which nothing is said


@dataclass(frozen=True)
class Effect:
    """The mean score at values of one setting, all others averaged over; `deviation` is how uncertain that mean is."""

    values: tuple[Value, ...]
    mean: Array
    deviation: Array


def importance(space: Space, trials: Sequence[Trial], *, steps: str = STEPS) -> dict[str, float]:
    """Return the share of the scores' variance in which each setting takes part, the largest first; they sum to 1.

    Shares are total Sobol indices (Jansen, 1999) of the model's mean, where bad scores are compressed. Empty while
    there are too few trials.
    """
    if not _enough(trials):
        return {}
    from shoal.sweep.belief import Belief

    belief = Belief(space, trials, steps)
    rng = np.random.default_rng(0)
    one, two = (_drawn(space, rng) for _ in range(2))
    base, _ = belief.score.predict(one)
    found, at = {}, 0
    for dimension in space.dimensions:
        moved = one.copy()
        moved[:, at : at + dimension.width] = two[:, at : at + dimension.width]
        found[dimension.name] = float(np.mean((belief.score.predict(moved)[0] - base) ** 2))
        at += dimension.width
    total = max(sum(found.values()), 1e-12)
    return {name: share / total for name, share in sorted(found.items(), key=lambda item: -item[1])}


def effects(space: Space, trials: Sequence[Trial], *, points: int = 24, steps: str = STEPS) -> dict[str, Effect]:
    """Return the mean effect of every setting at up to `points` values; empty while there are too few trials."""
    if not _enough(trials):
        return {}
    from shoal.sweep.belief import Belief

    belief = Belief(space, trials, steps)
    others = _drawn(space, np.random.default_rng(0))
    found, at = {}, 0
    for dimension in space.dimensions:
        values = _values(dimension, points)
        means, deviations = np.empty(len(values)), np.empty(len(values))
        for i, value in enumerate(values):
            moved = others.copy()
            moved[:, at : at + dimension.width] = dimension.encode(value)
            mean, deviation = belief.score.average(moved)
            low, middle, high = belief.unwarp(mean + deviation * np.array([-1.0, 0.0, 1.0]))
            means[i], deviations[i] = middle, (high - low) / 2
        found[dimension.name] = Effect(values, means, deviations)
        at += dimension.width
    return found


def _enough(trials: Sequence[Trial]) -> bool:
    return sum(t.score is not None and t.status not in (FAILED, RUNNING) for t in trials) >= ENOUGH


def _drawn(space: Space, rng: np.random.Generator) -> Array:
    return space.snap(rng.random((OTHERS, space.width)))


def _values(dimension: Dimension, points: int) -> tuple[Value, ...]:
    """Return values evenly spread on the setting's scale, each once."""
    if dimension.scale == "choice":
        return dimension.choices
    return tuple(dict.fromkeys(dimension.decode(np.array([t])) for t in np.linspace(0, 1, points)))
