# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Collecting one rollout: all rows go through the network together, and the environments step on the thread pool.

Storage is time first, (T, N, ...), in arrays on the host; where the network is elsewhere a step's observations go
there as they come, and the rest once the rollout is complete.
"""

from __future__ import annotations

import ctypes
import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shoal import native
from shoal.config import Config
from shoal.torch.advantage import TRUNCATED, Outcome
from shoal.torch.policy import Drawn, TorchPolicy
from shoal.vector import Vec


class Rollout:
    """The storage of one rollout, and how it is filled.

    Attributes:
        rows: uint8 (T + 1, N, row_bytes). masks: uint8 (T + 1, N, mask_bytes). discrete: int32 (T, N, heads). raw:
            float32 (T, N, dims). log_probs, rewards: float32 (T, N). ended, starts, learn: uint8 (T, N).
        values, final_values (T, N), last_values (N,), memory (T / S, N, state_size): on the policy's device.
        carried: (N, state_size), the memory before the next step.
        stages: seconds spent in each stage since they were last asked for.
    """

    def __init__(self, vec: Vec, policy: TorchPolicy, config: Config) -> None:
        spec, n, steps = vec.spec, vec.num_rows, config.train.horizon
        self._vec, self._policy = vec, policy
        self.segment = config.train.segment or steps
        self._pinned = policy.device.type == "cuda"
        self._seed = config.seed
        self.rows = self._host((steps + 1, n, spec.row_bytes), np.uint8)
        self.masks = self._host((steps + 1, n, spec.mask_bytes), np.uint8)
        self.discrete = self._host((steps, n, len(spec.heads)), np.int32)
        self.raw = self._host((steps, n, len(spec.dims)), np.float32)
        self.log_probs, self.rewards = (self._host((steps, n), np.float32) for _ in range(2))
        self.ended, self.starts, self.learn = (self._host((steps, n), np.uint8) for _ in range(3))

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(*shape, dtype=policy.dtype, device=policy.device)

        self.values, self.final_values, self.last_values = zeros(steps, n), zeros(steps, n), zeros(n)
        self.memory = zeros(steps // self.segment, n, policy.state_size)
        self.carried = zeros(n, policy.state_size)
        # What the network reads; on the CPU the same memory as `rows`.
        rows = torch.from_numpy(self.rows)
        self.observed = rows.clone().to(policy.device) if policy.remote else rows
        self._drawn = Drawn(spec, n)
        self._drawn.continuous = vec.continuous
        self.stages = dict.fromkeys(native.STAGES, 0.0)
        self._lap = time.perf_counter()
        self.observe()

    def observe(self) -> None:
        """Take what the environments show as the first observation of the next rollout."""
        self.rows[-1], self.masks[-1] = self._vec.rows, self._vec.mask_rows

    @torch.inference_mode()
    def collect(self, clock: int, first_row: int, stop: ctypes.c_int32) -> bool:
        """Collect T steps of every row; returns whether `stop` ended it early.

        Args:
            clock: steps before the first one.
            first_row: number of row 0 in the stream of actions.
            stop: ends it when it becomes non-zero.
        """
        vec, policy, drawn = self._vec, self._policy, self._drawn
        finals: list[tuple[int, NDArray[np.intp], NDArray[np.uint8], Tensor]] = []
        self.lap("wait")
        self.rows[0], self.masks[0] = self.rows[-1], self.masks[-1]
        self._upload(0)
        carried = self.carried
        for t in range(len(self.rewards)):
            if stop.value:
                return True
            self.starts[t], self.learn[t] = vec.starts, vec.live
            if t % self.segment == 0:
                self.memory[t // self.segment] = carried
            drawn.discrete, drawn.raw, drawn.log_probs = self.discrete[t], self.raw[t], self.log_probs[t]
            self.lap("gather")
            outputs, values, carried = policy.infer(self.observed[t : t + 1], self._device_starts(t), carried)
            self.values[t] = values[0]
            self.lap("act")
            policy.draw(
                outputs[0], self.masks[t], self.learn[t], seed=self._seed, clock=clock + t, first=first_row, out=drawn
            )
            vec.discrete[...] = drawn.discrete
            self.lap("sample")
            _, self.rewards[t], terminated, truncated = vec.step()
            np.add(terminated, truncated * np.uint8(TRUNCATED), out=self.ended[t], casting="unsafe")
            self.lap("simulate")
            self.rows[t + 1], self.masks[t + 1] = vec.rows, vec.mask_rows
            self._upload(t + 1)
            cut = np.flatnonzero(self.ended[t] == TRUNCATED)
            if len(cut):
                finals.append((t, cut, vec.final_row_bytes[cut], carried[torch.from_numpy(cut).to(policy.device)]))
            self.lap("gather")
        starts = torch.from_numpy(vec.starts != 0).to(policy.device)[None]
        self.last_values[...] = policy.infer(self.observed[-1:], starts, carried)[1][0]
        self.carried[...] = carried
        if finals:
            self._value_finals(finals)
        self.lap("act")
        return False

    def outcome(self) -> Outcome:
        """Return rewards, values at ends and flags, on the policy's device."""
        rewards, ended, starts, learn = (self.on_device(x) for x in (self.rewards, self.ended, self.starts, self.learn))
        return Outcome(rewards, self.final_values, self.last_values, ended, starts, learn)

    def on_device(self, array: NDArray[np.generic]) -> Tensor:
        """Return an array where the policy is; floats of its dtype, and on the CPU the same memory if they are."""
        tensor = torch.from_numpy(array).to(self._policy.device, non_blocking=True)
        return tensor.to(self._policy.dtype) if tensor.is_floating_point() else tensor

    def lap(self, stage: str) -> None:
        """Count the time since the last lap for a stage."""
        now = time.perf_counter()
        self.stages[stage] += now - self._lap
        self._lap = now

    def _value_finals(self, finals: list[tuple[int, NDArray[np.intp], NDArray[np.uint8], Tensor]]) -> None:
        """Value the final observations of rows that were truncated: f(final observation, h'), all at once."""
        device = self._policy.device
        rows = torch.from_numpy(np.concatenate([entry[2] for entry in finals])).to(device)
        memory = torch.cat([entry[3] for entry in finals])
        starts = torch.zeros(1, len(rows), dtype=torch.bool, device=device)
        _, values, _ = self._policy.infer(rows[None], starts, memory)
        times = np.concatenate([np.full(len(entry[1]), entry[0]) for entry in finals])
        where = np.concatenate([entry[1] for entry in finals])
        self.final_values[torch.from_numpy(times).to(device), torch.from_numpy(where).to(device)] = values[0]

    def _device_starts(self, t: int) -> Tensor:
        return torch.from_numpy(self.starts[t : t + 1] != 0).to(self._policy.device, non_blocking=True)

    def _upload(self, t: int) -> None:
        if self._policy.remote:
            self.observed[t].copy_(torch.from_numpy(self.rows[t]), non_blocking=True)

    def _host(self, shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[np.generic]:
        """Return zeros; pinned where a GPU reads them."""
        zeros = torch.from_numpy(np.zeros(shape, dtype))
        found: NDArray[np.generic] = (zeros.pin_memory() if self._pinned else zeros).numpy()
        return found
