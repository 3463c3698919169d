# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Where one Python environment reads its actions and writes what came of them: views into memory shared with C."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Slot:
    """The arrays of one environment, bound once.

    Attributes:
        rows: uint8 (agents, row_bytes), observations. masks: uint8 (agents, mask_bytes), 1 = legal.
        discrete: int32 (agents, heads). continuous: float32 (agents, dims). Both are read, the rest is written.
        rewards: float32 (agents,). ended: uint8 (agents,), 1 terminated, 2 truncated, of the last step.
        live: uint8 (agents,), the agent exists. metrics: float32 (agents, metrics), of its life so far.
        over: uint8 (1,), the world's episode ended in the last step.
    """

    rows: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    discrete: NDArray[np.int32]
    continuous: NDArray[np.float32]
    rewards: NDArray[np.float32]
    ended: NDArray[np.uint8]
    live: NDArray[np.uint8]
    metrics: NDArray[np.float32]
    over: NDArray[np.uint8]
