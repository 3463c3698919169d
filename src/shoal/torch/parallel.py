# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Several processes that train one policy together, started by torchrun: each has a share of the environments.

Settings mean what they mean in one process: `vec.num_envs` copies and `train.minibatch` samples are those of all ranks
together, and a pass draws one order over the segments of all. So N ranks learn what one would, up to rounding.
"""

from __future__ import annotations

import atexit
import os
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from shoal.errors import ConfigError
from shoal.ranks import ranks


class Ranks:
    """What the ranks agree upon; with one process every call returns what it was given."""

    def __init__(self, device: torch.device) -> None:
        self.size = ranks()
        self.rank = int(os.environ.get("RANK", "0")) if self.size > 1 else 0
        self._device = device
        self.on_this_machine = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if self.size > 1 else 1
        if self.size > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
            # A group whose threads still run when the interpreter goes ends the process by abort, now and then.
            atexit.register(dist.destroy_process_group)

    def share(self, count: int, what: str) -> int:
        """Return this rank's part of a number that all have together.

        Raises:
            ConfigError: if it cannot be divided.
        """
        if count % self.size:
            raise ConfigError(
                f"{what}={count} cannot be divided among {self.size} ranks", f"use {-count % self.size + count}"
            )
        return count // self.size

    def sum(self, tensor: Tensor) -> Tensor:
        """Add up a tensor over the ranks, in place."""
        return self._reduce(tensor, dist.ReduceOp.SUM)

    def max(self, tensor: Tensor) -> Tensor:
        """Return the largest of each element over the ranks, in place."""
        return self._reduce(tensor, dist.ReduceOp.MAX)

    def _reduce(self, tensor: Tensor, how: Any) -> Tensor:
        if self.size > 1:
            there = tensor.to(self._device)  # NCCL reduces nothing on the host
            dist.all_reduce(there, how)
            if there is not tensor:
                tensor.copy_(there)
        return tensor

    def agree(self, value: Any) -> Any:
        """Return what rank 0 says."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, device=self._device)
        return box[0]
