# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Sums in float64; of a device that has none (Apple's), on the host."""

from __future__ import annotations

import torch
from torch import Tensor


def wide(x: Tensor) -> Tensor:
    """Return x in float64."""
    return (x.cpu() if x.device.type == "mps" else x).double()


def total(x: Tensor) -> Tensor:
    """Return the sum of all elements, in float64."""
    return wide(x.sum()) if x.device.type == "mps" else x.sum(dtype=torch.float64)
