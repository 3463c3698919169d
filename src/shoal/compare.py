# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Statistics over seeds: interquartile means with stratified bootstrap intervals, and which of two groups is better.

After Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice" (2021): scores of all seeds
of all environments are pooled, the middle half is averaged, and seeds are drawn again within each environment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = Mapping[str, NDArray[np.float64]]  # environment -> (seeds,)
Draws = NDArray[np.float64]  # (draws, seeds of all environments)

DRAWS = 10_000
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A number with the bounds of its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"


def interquartile_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the middle half along the last axis, (..., n) to (...).

    A quarter of the values, rounded down, is left out at either end. Infinite values that stay give infinity.
    """
    ordered = np.sort(values, axis=-1)
    cut = ordered.shape[-1] // 4
    middle = ordered[..., cut : ordered.shape[-1] - cut]
    return np.asarray(middle.mean(axis=-1))


def estimate(scores: Scores, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """Return the interquartile mean over all environments with its 95 % percentile interval."""
    pooled = np.concatenate([np.asarray(values, np.float64) for values in scores.values()])
    return _estimate(float(interquartile_mean(pooled)), interquartile_mean(resampled(scores, seed, draws)))


def difference(a: Scores, b: Scores, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """Return the interquartile mean of `a` less that of `b`, with the interval of independent draws of both.

    Two infinite ones, such as the steps to solved of groups that mostly did not, do not differ.
    """
    return _of_two(a, b, seed, draws, lambda x, y: _less(interquartile_mean(x), interquartile_mean(y)))


def improvement(a: Scores, b: Scores, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """Return the probability that a seed of `a` scores higher than one of `b`, ties half, averaged over environments.

    Raises:
        KeyError: if an environment of `a` is missing in `b`.
    """

    def probability(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        above = (x[..., :, None] > y[..., None, :]).mean(axis=(-2, -1))
        return np.asarray(above + 0.5 * (x[..., :, None] == y[..., None, :]).mean(axis=(-2, -1)))

    rng = np.random.default_rng(seed)
    number = min(draws, 2_000)  # each is a table of seeds by seeds
    exact = float(np.mean([probability(np.asarray(a[env]), np.asarray(b[env])) for env in a]))
    drawn = np.mean([probability(_drawn(rng, a[env], number), _drawn(rng, b[env], number)) for env in a], axis=0)
    return _estimate(exact, drawn)


def resampled(scores: Scores, seed: int = 0, draws: int = DRAWS) -> Draws:
    """Return draws with replacement within each environment, side by side, (draws, all seeds)."""
    rng = np.random.default_rng(seed)
    return np.concatenate([_drawn(rng, values, draws) for values in scores.values()], axis=1)


def _drawn(rng: np.random.Generator, values: NDArray[np.float64], draws: int) -> Draws:
    return np.asarray(values, np.float64)[rng.integers(0, len(values), (draws, len(values)))]


def _less(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    both = np.isinf(x) & (x == y)
    return np.where(both, 0.0, np.where(both, 0.0, x) - np.where(both, 0.0, y))


def _of_two(a: Scores, b: Scores, seed: int, draws: int, of: Callable[[Draws, Draws], Draws]) -> Estimate:
    pooled = (np.concatenate([np.asarray(v, np.float64) for v in side.values()]) for side in (a, b))
    first, second = pooled
    return _estimate(float(of(first, second)), of(resampled(a, seed, draws), resampled(b, seed + 1, draws)))


def _estimate(value: float, draws: NDArray[np.float64]) -> Estimate:
    """Return the percentile interval; a bound among infinite draws is infinite."""
    ordered = np.sort(draws)
    tail = (1 - LEVEL) / 2
    last = len(ordered) - 1
    return Estimate(value, float(ordered[round(tail * last)]), float(ordered[round((1 - tail) * last)]))
