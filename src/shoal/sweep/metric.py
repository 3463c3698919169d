# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What a sweep looks for: a mean of the last evaluation, or the time or steps that a solution takes.

A score is what searches see, and the higher the better. A mean is its own score. Of seconds and steps to solved the
score is the negative; a trial that does not solve its task counts as its limit times (2 - perf), perf between 0 and 1:
always worse than any solution within the limit, and the worse the less was reached.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from shoal import registry
from shoal.errors import ConfigError, nearest

SECONDS, STEPS = "seconds-to-solved", "steps-to-solved"

_LIFE = ("episode_return", "episode_length")


@dataclass(frozen=True)
class Metric:
    """What is to become better. `limit`: seconds or steps that a trial may take, for those to solved."""

    name: str
    limit: float = 0.0

    @property
    def to_solved(self) -> bool:
        """Is less better, and does a trial end once it is solved."""
        return self.name in (SECONDS, STEPS)

    def score(self, means: Mapping[str, float], seconds: float, steps: int, solved: bool) -> float:
        """Return the score of an evaluation; NaN if no life ended in it."""
        if not self.to_solved:
            return float(means.get(self.name, math.nan))
        if solved:
            return -self.taken(seconds, steps)
        perf = means.get("perf", 0.0)
        return -self.limit * (2.0 - min(max(perf if perf == perf else 0.0, 0.0), 1.0))

    def taken(self, seconds: float, steps: int) -> float:
        """Return how much a trial has taken of its limit."""
        return seconds if self.name == SECONDS else float(steps)

    def censored(self, score: float, taken: float) -> float:
        """Return what a trial counts as that was stopped without a solution, as it had taken longer than the best.

        As if the share of what was left of its limit went by that it had not reached: what is a little slower than the
        best is not to look like what never solves its task.
        """
        missed = min(max(-score / self.limit - 1.0, 0.0), 1.0)
        return -(taken + max(self.limit - taken, 0.0) * missed)

    def shown(self, score: float) -> float:
        """Return a score as the user thinks of it: seconds and steps are positive."""
        return -score if self.to_solved else score

    def words(self, score: float | None) -> str:
        """Return a score in few letters, with its unit."""
        if score is None or not math.isfinite(score):
            return "-"
        value = self.shown(score)
        if self.name == STEPS:
            return f"{value / 1e6:.3g}M" if value >= 1e6 else f"{value:,.0f}"
        return f"{value:.3g} s" if self.name == SECONDS else f"{value:.4g}"


def make(name: str, env: registry.Environment, threshold: float | None, seconds: float, steps: int) -> Metric:
    """Return the metric that a user's word means.

    Args:
        name: perf, score, any metric of the environment, with or without `eval.` before it, or one of those to solved.
        env: whose metrics they are.
        threshold: of solved, None if the environment does not say.
        seconds: that a trial may take.
        steps: likewise.

    Raises:
        ConfigError: if the environment has no such metric, or does not say what solved means.
    """
    name = name.removeprefix("eval.")
    if name.replace("_", "-") in (SECONDS, STEPS):
        name = name.replace("_", "-")
        if threshold is None:
            problem = f"`{env.name}` does not say when it is solved (at solved.threshold in {env.name}.toml)"
            raise ConfigError(problem, "`--metric perf`")
        return Metric(name, seconds if name == SECONDS else float(steps))
    known = [*(metric.name for metric in env.metrics), *_LIFE, SECONDS, STEPS]
    if name not in known:
        raise ConfigError(f"no metric is called `{name}` (at sweep.metric)", nearest(name, known))
    return Metric(name)
