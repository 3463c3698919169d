# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The memory through which one Python environment and the engine exchange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Slot:
    """Views of one environment's part of the shared memory."""

    rows: Array  # uint8 (agents, row_bytes)
    masks: Array  # uint8 (agents, mask_bytes)
    discrete: Array  # int32 (agents, heads)
    continuous: Array  # float32 (agents, dims)
    rewards: Array  # float32 (agents,)
    ended: Array  # uint8 (agents,): 1 terminated, 2 truncated
    live: Array  # uint8 (agents,)
    metrics: Array  # float32 (agents, metrics)
    over: Array  # uint8 (1,)
