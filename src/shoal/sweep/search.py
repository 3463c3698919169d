# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Searches: what to try next, and what to recommend, from the trials so far and nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.errors import ConfigError, nearest
from shoal.sweep.space import Point, Space
from shoal.sweep.trial import CONFIRM, DONE, SEARCH, Trial

NAMES = ("random", "sobol")


@dataclass(frozen=True)
class Asked:
    """What to try next."""

    point: Point
    purpose: str = SEARCH


@dataclass(frozen=True)
class Recommendation:
    """The best setting as far as is known: its expected score with a 95 % interval, and trials of it."""

    point: Point
    score: float
    low: float
    high: float
    trials: int


class Random:
    """Points drawn evenly, after those given. `earlier`: trials of earlier sweeps, for searches that learn."""

    def __init__(self, space: Space, *, seed: int, first: Sequence[Point], earlier: Sequence[Trial] = ()) -> None:
        self._space, self._seed, self._first, self.earlier = space, seed, tuple(first), tuple(earlier)

    def ask(self, trials: Sequence[Trial]) -> Asked:
        """Return what to try next."""
        number = sum(trial.purpose != CONFIRM for trial in trials)
        if number < len(self._first):
            return Asked(self._first[number])
        return Asked(self._space.decode(self._unit(number)))

    def recommend(self, trials: Sequence[Trial]) -> Recommendation | None:
        """Return the setting with the best score, None while there is none."""
        found = [trial for trial in trials if trial.status == DONE and trial.score is not None]
        if not found:
            return None
        best = max(found, key=lambda trial: trial.score or -math.inf)
        return Recommendation(best.point, float(best.score or 0.0), -math.inf, math.inf, 1)

    def _unit(self, number: int) -> NDArray[np.float64]:
        return np.random.default_rng([self._seed, number]).random(self._space.width)


class Sobol(Random):
    """Points of a scrambled Sobol sequence."""

    def _unit(self, number: int) -> NDArray[np.float64]:
        from scipy.stats import qmc

        sequence = qmc.Sobol(self._space.width, scramble=True, seed=self._seed)
        sequence.fast_forward(number)
        return np.asarray(sequence.random(1)[0])


def make(
    name: str,
    space: Space,
    *,
    seed: int = 0,
    first: Sequence[Point] = (),
    runs: int = 0,
    seconds: float = 0.0,
    earlier: Sequence[Trial] = (),
) -> Random:
    """Return a search. `runs` and `seconds`, of all trials together, are the budget; 0: not said."""
    kinds = {"random": Random, "sobol": Sobol}
    if name not in kinds:
        raise ConfigError(f"no search is called `{name}` (at sweep.search)", nearest(name, kinds))
    return kinds[name](space, seed=seed, first=first, earlier=earlier)


def should_stop(curve: Sequence[tuple[float, int, float]], trials: Sequence[Trial]) -> bool:
    """Return whether a running trial with this curve is not worth going on with."""
    return False
