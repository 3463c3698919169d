# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Sums of the metrics that lives emitted when they ended, as native code adds them up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal import native, registry
from shoal.confidence import Z95
from shoal.errors import ConfigError, nearest


@dataclass(frozen=True)
class Stats:
    """Sums over the lives that ended: `stats.mean("score")`, `stats.interval("score")`.

    Two of them add up. Every metric of the environment is there, and `episode_return` and `episode_length`.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]  # as vec.h lays them out

    @property
    def lives(self) -> int:
        """Lives that ended."""
        return int(self.values[native.STATS_LIVES])

    @property
    def bad_actions(self) -> int:
        """Actions that were not finite, out of bounds or illegal, and were replaced."""
        return int(self.values[native.STATS_BAD])

    def mean(self, name: str) -> float:
        """Return a metric's mean over the lives that ended; NaN if there is none."""
        total, _ = self._pair(name)
        return total / self.lives if self.lives else math.nan

    def interval(self, name: str) -> float:
        """Return half the width of the mean's 95 % interval, from the spread between lives; NaN below two lives."""
        total, squares = self._pair(name)
        if self.lives < 2:
            return math.nan
        variance = max(squares - total * total / self.lives, 0.0) / (self.lives - 1)
        return Z95 * math.sqrt(variance / self.lives)

    def means(self) -> dict[str, float]:
        """Return every metric's mean."""
        return {name: self.mean(name) for name in self.names}

    def partial(self) -> tuple[int, float, float]:
        """Return the number of reports of running lives (`vec.metric_steps`), and the means of return and length."""
        count = int(self.values[native.STATS_PARTIAL])
        pair = self.values[[native.STATS_PARTIAL_RETURN, native.STATS_PARTIAL_LENGTH]] / max(count, 1)
        return count, float(pair[0]), float(pair[1])

    def __add__(self, other: Stats) -> Stats:
        """Return the statistics of both together."""
        return Stats(self.names, self.values + other.values)

    def _pair(self, name: str) -> tuple[float, float]:
        if name not in self.names:
            raise ConfigError(f"no metric is called `{name}`", nearest(name, self.names))
        at = native.STATS_FIRST + 2 * self.names.index(name)
        return float(self.values[at]), float(self.values[at + 1])


def stats_of(env: registry.Environment, values: NDArray[np.float64] | None = None) -> Stats:
    """Return statistics with the environment's metric names; zero without `values`."""
    names = (*(metric.name for metric in env.metrics), "episode_return", "episode_length")
    return Stats(names, np.zeros(native.stats_size(len(env.metrics))) if values is None else values)
