# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Optuna's samplers behind the same ask: a study is built anew from the trials each time.

Every number is sampled on the unit interval of its scale, so that Optuna sees the same space. A trial that failed
counts as the worst score so far, and one that runs as well, so that other workers look elsewhere; one that was stopped
without a score does not count.
"""

from __future__ import annotations

from collections.abc import Sequence

import optuna

from shoal.sweep.search import Asked, Random
from shoal.sweep.space import Dimension, Point, Value
from shoal.sweep.trial import STOPPED, Trial, has_score

optuna.logging.set_verbosity(optuna.logging.ERROR)


class Tpe(Random):
    """Tree-structured Parzen estimators."""

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        return optuna.samplers.TPESampler(seed=_seed(self.seed, number))

    def _next(self, trials: Sequence[Trial]) -> Asked:
        study = optuna.create_study(direction="maximize", sampler=self._sampler(len(trials)))
        distributions = {d.name: _distribution(d) for d in self.space.dimensions}
        scores = [float(trial.score or 0.0) for trial in trials if has_score(trial)]
        for trial in trials:
            score = trial.score if has_score(trial) else None
            if score is None and (trial.status == STOPPED or not scores):  # it says nothing
                continue
            given = {d.name: _told(d, trial.point[d.name]) for d in self.space.dimensions if d.name in trial.point}
            study.add_trial(
                optuna.create_trial(
                    params=given,
                    distributions={name: distributions[name] for name in given},
                    value=min(scores) if score is None else score,
                )
            )
        asked = study.ask()
        point: Point = {}
        for d in self.space.dimensions:
            if d.condition is None or point.get(d.condition[0]) == d.condition[1]:
                point[d.name] = _meant(d, asked._suggest(d.name, distributions[d.name]))
        return Asked(self.space.decode(self.space.encode(point)))


class Gp(Tpe):
    """A Gaussian process with the logarithm of expected improvement."""

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        return optuna.samplers.GPSampler(seed=_seed(self.seed, number), warn_independent_sampling=False)


KINDS = {"optuna-tpe": Tpe, "optuna-gp": Gp}


def _seed(seed: int, number: int) -> int:
    return (seed * 1_000_003 + number) % 2**32


def _distribution(d: Dimension) -> optuna.distributions.BaseDistribution:
    if d.scale == "choice":
        return optuna.distributions.CategoricalDistribution(d.choices)
    if d.scale in ("integer", "pow2"):
        return optuna.distributions.IntDistribution(int(d.low), int(d.high))
    return optuna.distributions.FloatDistribution(0.0, 1.0)


def _told(d: Dimension, value: Value) -> Value:
    if d.scale == "choice":
        return value
    if d.scale in ("integer", "pow2"):
        return min(max(int(value).bit_length() - 1 if d.scale == "pow2" else int(value), int(d.low)), int(d.high))
    return float(d.encode(value)[0])


def _meant(d: Dimension, told: Value) -> Value:
    if d.scale == "choice":
        return told
    if d.scale in ("integer", "pow2"):
        return 1 << int(told) if d.scale == "pow2" else int(told)
    import numpy as np

    return d.decode(np.array([float(told)]))
