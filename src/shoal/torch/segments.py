# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A rollout cut into segments, the columns that minibatches are made of, and the order in which a pass takes them.

Letters as in `learner`: (T, N, ...) folds to (S, M, ...), with segment k of row n in column k N + n; its number, in
orders that are drawn, is the native n K + k.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shoal import native
from shoal.settings import TrainConfig
from shoal.torch.advantage import Outcome
from shoal.torch.parallel import Ranks
from shoal.torch.policy import TorchPolicy
from shoal.torch.rollout import Rollout
from shoal.torch.sums import wide


class Segments:
    """The segments of one rank's rollout among those of all.

    Attributes:
        count: segments of all ranks. batch: of a minibatch. batches: minibatches of a pass.
    """

    def __init__(
        self, config: TrainConfig, seed: int, policy: TorchPolicy, rollout: Rollout, ranks: Ranks, first_row: int
    ) -> None:
        self._config, self._seed, self._policy = config, seed, policy
        self._rollout, self._ranks, self._first_row = rollout, ranks, first_row
        self._rows = rollout.rewards.shape[1]
        self._segment = rollout.segment
        self._per_row = config.horizon // self._segment
        self.count = self._rows * ranks.size * self._per_row
        self.batch = (config.minibatch or 0) // self._segment
        self.batches = self.count // self.batch

    def fold_all(self, outcome: Outcome) -> dict[str, Tensor]:
        """Return what minibatches are cut from, each (S, M, ...)."""
        rollout = self._rollout
        data = {
            "rows": rollout.observed[:-1],
            "masks": rollout.on_device(rollout.masks[:-1]),
            "discrete": rollout.on_device(rollout.discrete),
            "raw": rollout.on_device(rollout.raw),
            "log_probs": rollout.on_device(rollout.log_probs),
            "values": rollout.values,
            "starts": outcome.starts,
            "learn": outcome.learn.to(self._policy.dtype),
        }
        return {name: self.fold(array) for name, array in data.items()}

    def fold(self, array: Tensor) -> Tensor:
        """Return (T, N, ...) as (S, M, ...)."""
        s = self._segment
        if s == len(array):
            return array
        return array.view(len(array) // s, s, *array.shape[1:]).transpose(0, 1).flatten(1, 2)

    def unfold(self, array: Tensor) -> Tensor:
        """Return (S, M) as (T, N)."""
        if self._segment == self._config.horizon:
            return array
        return array.view(self._segment, -1, self._rows).transpose(0, 1).flatten(0, 1)

    def columns(self, segments: NDArray[np.int32]) -> tuple[Tensor, NDArray[np.bool_]]:
        """Return the columns of segments, and which of them are this rank's."""
        row = segments // self._per_row - self._first_row
        here = (row >= 0) & (row < self._rows)
        columns = (segments % self._per_row * self._rows + row)[here].astype(np.int64)
        return torch.from_numpy(columns).to(self._policy.device), here

    def draw(
        self, iteration: int, number: int, progress: float, data: dict[str, Tensor]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the order of pass `number` over the segments of all ranks, and their importance weights."""
        config, m = self._config, self.count
        order, omega, priorities = np.zeros(m, np.int32), np.zeros(m, np.float32), None
        if config.priority_alpha > 0:
            sums = wide(data["advantages"].abs() * data["learn"]).sum(0)
            mine = sums.view(self._per_row, -1).t().flatten()  # in native order
            everyone = torch.zeros(m, dtype=torch.float64, device=mine.device)
            first = self._first_row * self._per_row
            everyone[first : first + len(mine)] = mine
            priorities = self._ranks.sum(everyone).cpu().numpy()
        beta = config.priority_beta + (1 - config.priority_beta) * min(progress, 1.0)
        native.library().draw_segments(
            self._seed, iteration, number, m, config.priority_alpha, beta,
            None if priorities is None else priorities.ctypes.data, order.ctypes.data, omega.ctypes.data,
        )  # fmt: skip
        return order, omega
