# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What each setting of a sweep does to the score, estimated from what was tried, with uncertainty.

The importance of a setting is the share of the variance between trials that the means of its bins explain, less what
bins of this number explain by chance (adjusted R squared, never below 0). It is not causal: a search that moves two
settings together credits both. What the model of a sweep says, all other settings averaged over, is
`shoal.sweep.effects`; it takes scipy, and longer than a page that follows a sweep may wait.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.confidence import Z95
from shoal.sweep.space import Dimension, Point, Value

BINS = 8
DRAWS = 200  # of the bootstrap over trials
_FEWEST = 10  # settings below which nothing is said


@dataclass(frozen=True)
class Bin:
    """Trials whose setting lies around `value`: the mean of their scores and its 95 % interval."""

    value: Value
    count: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Effect:
    """One setting: its importance in [0, 1] with a 95 % interval, rank correlation, and its bins in order."""

    name: str
    importance: float
    low: float
    high: float
    correlation: float  # Spearman's, of numbers; 0 for choices
    bins: list[Bin]


def effects(dimensions: Sequence[Dimension], points: Sequence[Point], scores: Sequence[float]) -> list[Effect]:
    """Return the effect of each setting, the most important first; none for too few settings.

    Args:
        dimensions: what was varied.
        points: settings that were tried, each once.
        scores: theirs, the higher the better; the mean where one was tried several times.
    """
    found = []
    for dimension in dimensions:
        rows = [i for i, point in enumerate(points) if dimension.name in point]
        if len(rows) >= _FEWEST:
            values = [points[i][dimension.name] for i in rows]
            found.append(_effect(dimension, values, np.array([scores[i] for i in rows], np.float64)))
    return sorted(found, key=lambda effect: -effect.importance)


def _effect(dimension: Dimension, values: list[Value], scores: NDArray[np.float64]) -> Effect:
    bins = _bins(dimension, values)
    number = int(bins.max()) + 1
    rng = np.random.default_rng(0)
    drawn = [
        _importance(bins[rows], scores[rows], number) for rows in rng.integers(0, len(scores), (DRAWS, len(scores)))
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    spread = float(scores.std())
    made = []
    for at in range(number):
        inside = np.flatnonzero(bins == at)
        mean = float(scores[inside].mean())
        own = float(scores[inside].std(ddof=1)) if len(inside) > 1 else spread
        error = Z95 * own / np.sqrt(len(inside))
        middle = values[int(inside[0])] if dimension.scale == "choice" else _median([values[i] for i in inside])
        made.append(Bin(middle, len(inside), mean, mean - error, mean + error))
    ordered = 0.0 if dimension.scale == "choice" else _correlation(np.array(values, np.float64), scores)
    return Effect(dimension.name, _importance(bins, scores, number), float(low), float(high), ordered, made)


def _bins(dimension: Dimension, values: list[Value]) -> NDArray[np.int64]:
    """Return the bin of each trial: a choice's own, else bins with as many trials each, equal values together."""
    if dimension.scale == "choice":
        ranks: Mapping[Value, int] = {value: rank for rank, value in enumerate(dimension.choices)}
        found = np.array([ranks.get(value, 0) for value in values])
    else:
        ordered, counts = np.unique(np.array(values, np.float64), return_counts=True)
        if len(ordered) <= BINS:
            found = np.searchsorted(ordered, np.array(values, np.float64))
        else:
            number = min(BINS, max(2, len(values) // 4))
            share = (np.cumsum(counts) - counts / 2) / len(values)
            found = np.floor(share * number).astype(int)[np.searchsorted(ordered, np.array(values, np.float64))]
    return np.unique(found, return_inverse=True)[1]  # without bins that are empty


def _importance(bins: NDArray[np.int64], scores: NDArray[np.float64], number: int) -> float:
    """Return adjusted R squared of the bins' means, at least 0."""
    count = np.bincount(bins, minlength=number)
    total = float(((scores - scores.mean()) ** 2).sum())
    used = int((count > 0).sum())
    if total <= 0 or len(scores) <= used:
        return 0.0
    means = np.bincount(bins, scores, minlength=number) / np.maximum(count, 1)
    rest = float(((scores - means[bins]) ** 2).sum())
    return max(0.0, 1 - (rest / (len(scores) - used)) / (total / (len(scores) - 1)))


def _correlation(values: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    """Return the rank correlation, ties sharing their mean rank; 0 where either does not vary."""
    a, b = _ranks(values), _ranks(scores)
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse])


def _median(values: list[Value]) -> Value:
    return sorted(values, key=float)[len(values) // 2]
