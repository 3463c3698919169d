# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Playing whole episodes with a torch policy, as native/learn/evaluate.c does with a native one."""

from __future__ import annotations

import ctypes

import torch

from shoal import native
from shoal.stats import Stats
from shoal.torch.policy import Drawn, TorchPolicy
from shoal.vector import Vec


@torch.inference_mode()
def play(
    vec: Vec, policy: TorchPolicy, *, seed: int, greedy: bool, stop: ctypes.c_int32 | None
) -> tuple[int, Stats] | None:
    """Play one episode in every environment of a fresh vec; returns agent steps and what ended, or None if stopped."""
    lib, drawn = native.library(), Drawn(vec.spec, vec.num_rows)
    drawn.discrete, drawn.continuous = vec.discrete, vec.continuous
    state = torch.zeros(vec.num_rows, policy.state_size, dtype=policy.dtype, device=policy.device)
    steps = clock = 0
    vec.stats()  # forget
    while playing := lib.vec_episodes(vec.handle, 0, 1):
        if stop is not None and stop.value:
            return None
        rows, starts = (torch.from_numpy(array).to(policy.device)[None] for array in (vec.rows, vec.starts != 0))
        outputs, _, state = policy.infer(rows, starts, state)
        policy.draw(outputs[0], vec.mask_rows, vec.live, seed=seed, clock=clock, greedy=greedy, out=drawn)
        vec.step()
        steps += playing * vec.spec.agents
        clock += 1
    return steps, vec.stats()
