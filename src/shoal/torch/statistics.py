# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What a learner counts over rollouts: the scale of returns, the normaliser, how much of the returns values explain."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shoal import native
from shoal.settings import TrainConfig
from shoal.torch.advantage import Outcome, explained_variance, future_squares, past_sums
from shoal.torch.parallel import Ranks
from shoal.torch.policy import TorchPolicy
from shoal.torch.sums import wide

_CHUNK = 1 << 22  # elements whose sums are taken at once in float64


class Statistics:
    """Sums over the rollouts of all ranks.

    Attributes:
        discounted: float32 (N,), G, the discounted sums of rewards so far.
        returns: float64 (3,), count, mean and squared deviations of G.
    """

    def __init__(self, config: TrainConfig, policy: TorchPolicy, ranks: Ranks, rows: int) -> None:
        self._config, self._policy, self._ranks = config, policy, ranks
        self.discounted = np.zeros(rows, np.float32)
        self.returns = np.zeros(3)

    def sigma(self) -> float:
        """Return what rewards are divided by."""
        count, _, m2 = self.returns
        variance = m2 / count if count > 0 else 0.0
        return math.sqrt(variance + 1e-8) if variance > 0 and self._config.normalize_reward != "off" else 1.0

    def explain(self, log: native.Log, values: Tensor, targets: Tensor, learn: Tensor) -> None:
        """Log how much of the targets the rollout's values explain, and their mean."""
        n, v, r, r2, rest, rest2 = self._ranks.sum(explained_variance(values, targets, learn)).tolist()
        if n:
            variance, unexplained = r2 / n - (r / n) ** 2, rest2 / n - (rest / n) ** 2
            log.explained_variance = 1 - unexplained / variance if variance > 0 else 0.0
            log.value_mean = v / n * log.sigma_return

    def merge(self, outcome: Outcome, observed: Tensor) -> None:
        """Merge what the rollout showed into the normaliser and the scale of returns."""
        config, policy, returns = self._config, self._policy, self.returns
        discounted = torch.from_numpy(self.discounted).to(policy.device, policy.dtype)
        past = past_sums(config, outcome, discounted)
        self.discounted[...] = discounted.cpu().numpy()
        if config.normalize_reward == "future":
            count, squares = self._ranks.sum(future_squares(config, outcome)).tolist()
            returns += (count, 0.0, squares)  # about zero: the mean stays 0 and m2 / count is the mean square
        else:
            picked = wide(past[outcome.learn != 0]) - returns[1]
            sums = torch.stack([torch.ones_like(picked).sum(), picked.sum(), picked.square().sum()])
            count, total, squares = self._ranks.sum(sums).tolist()
            mean, m2 = returns[1:2].copy(), returns[2:].copy()
            returns[0] = merge(returns[0], mean, m2, count, returns[1], np.array([total]), np.array([squares]))
            returns[1], returns[2] = mean[0], m2[0]
        statistics = policy.tensors()
        mean = statistics["normalizer.mean"]
        total, square, count = self._feature_sums(observed, outcome.learn, mean)
        before = float(statistics["normalizer.count"][0])
        statistics["normalizer.count"][0] = merge(
            before, mean, statistics["normalizer.m2"], count, mean.copy(), total, square
        )
        policy.fetch()
        policy.pack()

    def _feature_sums(
        self, observed: Tensor, learn: Tensor, shift: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Return sums of (x - shift) and its square over the learn rows of the rollout, and their number."""
        rows, picked = observed.flatten(0, 1), (learn != 0).flatten()
        if rows.device.type == "mps":
            rows, picked = rows.cpu(), picked.cpu()
        center = torch.from_numpy(shift.copy()).to(rows.device)
        sums = torch.zeros(2 * len(shift) + 1, dtype=torch.float64, device=rows.device)
        size = _CHUNK // max(len(shift), 1)
        for first in range(0, len(rows) if len(shift) else 0, size):
            here = slice(first, first + size)
            x = (self._policy.vectors(rows[here]) - center) * picked[here, None]
            sums[:-1] += torch.cat([x.sum(0), x.square().sum(0)])
        sums[-1] = picked.sum()
        found = self._ranks.sum(sums).cpu().numpy()
        return found[: len(shift)], found[len(shift) : -1], float(found[-1])


def merge(
    count: float,
    mean: NDArray[np.float64],
    m2: NDArray[np.float64],
    n: float,
    shift: NDArray[np.float64] | float,
    sums: NDArray[np.float64],
    squares: NDArray[np.float64],
) -> float:
    """Merge n samples, given by sums of (x - shift) and its square, into mean and m2 in place; returns the new count.

    Reference: Chan, Golub, LeVeque 1979.
    """
    if not n:
        return count
    total, delta = count + n, shift + sums / n - mean
    m2 += np.maximum(squares - sums * sums / n, 0.0) + delta * delta * count * n / total
    mean += delta * n / total
    return total
