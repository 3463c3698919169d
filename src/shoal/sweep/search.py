# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Searches: what to try next, given all trials so far, and which setting to recommend.

    search = make("cost", space, seed=0, first=[defaults], runs=200)
    asked = search.ask(trials)                # trials: all so far, those that run among them
    found = search.recommend(trials)

A search knows nothing that its trials do not hold: the same trials give the same answer, in any process, at any moment.
The higher the score the better. What `recommend` expects is a model's mean, which shrinks what one lucky trial says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.confidence import Z95
from shoal.errors import ConfigError, installs, nearest
from shoal.sweep.lessons import Lessons
from shoal.sweep.space import Point, Space
from shoal.sweep.trial import CONFIRM, SEARCH, Trial, has_score

Array = NDArray[np.float64]

STEPS = "train.total_steps"  # the setting whose smaller values a learning curve also shows
_EXTRAS = {"sobol": ("sweep",), "cost": ("sweep",), "optuna-tpe": ("optuna",), "optuna-gp": ("optuna", "torch")}
NAMES = ("cost", "random", "sobol", "optuna-tpe", "optuna-gp")


@dataclass(frozen=True)
class Asked:
    """What to try next. `purpose` is SEARCH, or REPEAT for a setting that was tried and is to be again."""

    point: Point
    purpose: str = SEARCH


@dataclass(frozen=True)
class Recommendation:
    """The setting that is best as far as is known: its expected score, a 95 % interval of that, and trials of it."""

    point: Point
    score: float
    low: float
    high: float
    trials: int


@dataclass(frozen=True)
class Limits:
    """How much a sweep may cost, 0: not said. `seconds` are of all its trials together, whatever number at once."""

    runs: int = 0
    seconds: float = 0.0

    def left(self, trials: Sequence[Trial]) -> float:
        """Return the share that is left, in [0, 1]; a half if no limit is set."""
        shares = []
        if self.runs:
            shares.append(len(trials) / self.runs)
        if self.seconds:
            shares.append(sum(trial.cost + trial.thought for trial in trials) / self.seconds)
        return min(max(1 - max(shares), 0.0), 1.0) if shares else 0.5


class Random:
    """Points drawn evenly, after those given. What all searches share."""

    def __init__(
        self,
        space: Space,
        *,
        seed: int = 0,
        first: Sequence[Point] = (),
        limits: Limits | None = None,
        earlier: Sequence[Trial] = (),
        steps: str = STEPS,
    ) -> None:
        """Search a space.

        Args:
            space: what is varied.
            seed: of everything random.
            first: settings that are tried before all others, such as the defaults.
            limits: what the sweep may cost.
            earlier: trials of earlier sweeps, from which a model learns.
            steps: the setting that says how long a trial is, if it is varied.
        """
        self.space, self.seed, self.first = space, seed, tuple(first)
        self.limits, self.earlier, self.steps = limits or Limits(), tuple(earlier), steps
        self._lessons = Lessons(space, steps, self.earlier)

    def ask(self, trials: Sequence[Trial]) -> Asked:
        """Return what to try next, given all trials begun so far."""
        trials = [trial for trial in trials if trial.purpose != CONFIRM]
        if len(trials) < len(self.first):
            return Asked(self.space.decode(self.space.encode(self.first[len(trials)])))
        return self._next(trials)

    def recommend(self, trials: Sequence[Trial]) -> Recommendation | None:
        """Return the setting that is expected to be the best; None while no trial has a score."""
        try:
            import scipy.linalg  # noqa: F401
            import threadpoolctl  # noqa: F401
        except ImportError:
            return _shrunken(self.space, trials)
        from shoal.sweep import belief

        return belief.recommend(trials, self._lessons)

    def _next(self, trials: Sequence[Trial]) -> Asked:
        return Asked(self.space.decode(generator(self.seed, len(trials)).random(self.space.width)))


class Sobol(Random):
    """Points of a scrambled Sobol sequence, after those given."""

    def _next(self, trials: Sequence[Trial]) -> Asked:
        return Asked(self.space.decode(sobol(self.space.width, self.seed, len(trials) - len(self.first))))


def make(
    name: str,
    space: Space,
    *,
    seed: int = 0,
    first: Sequence[Point] = (),
    runs: int = 0,
    seconds: float = 0.0,
    earlier: Sequence[Trial] = (),
    steps: str = STEPS,
) -> Random:
    """Return a search by its name; see Random and Limits for the rest.

    Raises:
        ConfigError: if there is none of that name, or what it needs is not installed.
    """
    if name not in NAMES:
        raise ConfigError(f"no search is called `{name}` (at sweep.search)", nearest(name, NAMES))
    kind: type[Random] = {"random": Random, "sobol": Sobol}.get(name, Random)
    try:
        if name in ("sobol", "cost"):
            import scipy.stats  # noqa: F401
        if name == "cost":
            import threadpoolctl  # noqa: F401

            from shoal.sweep.cost import CostAware

            kind = CostAware
        if name == "optuna-gp":
            import torch  # noqa: F401
        if name.startswith("optuna"):
            from shoal.sweep import optuna_search

            kind = optuna_search.KINDS[name]
    except ImportError as error:
        raise ConfigError(
            f"the search `{name}` needs {error.name}, which is not installed (at sweep.search)",
            " && ".join(installs(extra) for extra in _EXTRAS[name]) + ", or --search random",
        ) from None
    limits = Limits(runs, seconds)
    return kind(space, seed=seed, first=first, limits=limits, earlier=earlier, steps=steps)


def generator(seed: int, number: int) -> np.random.Generator:
    """Return the random numbers that belong to trial `number`."""
    return np.random.default_rng((seed, number))


def sobol(width: int, seed: int, number: int) -> Array:
    """Return point `number` of a scrambled Sobol sequence, (width,)."""
    from scipy.stats import qmc

    engine = qmc.Sobol(width, rng=np.random.default_rng(seed))
    if number:
        engine.fast_forward(number)
    return np.asarray(engine.random(1)[0])


def _shrunken(space: Space, trials: Sequence[Trial]) -> Recommendation | None:
    """Recommend without a model: means, drawn to that of all as if noise made half of the variance."""
    groups: dict[bytes, tuple[Point, list[float]]] = {}
    for trial in trials:
        if has_score(trial):
            key = space.encode(trial.point).tobytes()
            groups.setdefault(key, (trial.point, []))[1].append(float(trial.score or 0.0))
    if not groups:
        return None
    everything = np.concatenate([scores for _, scores in groups.values()])
    middle, half = float(everything.mean()), float(everything.var()) / 2
    point, scores = max(
        groups.values(), key=lambda group: (np.mean(group[1]) - middle) * len(group[1]) / (len(group[1]) + 1)
    )
    number = len(scores)
    score = middle + (float(np.mean(scores)) - middle) * number / (number + 1)
    margin = Z95 * math.sqrt(half / (number + 1))
    return Recommendation(point, score, score - margin, score + margin, number)
