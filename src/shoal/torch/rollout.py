# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Collecting one rollout: rows go through the network together, and the environments step on the thread pool.

Storage is time first, (T, N, ...), in arrays on the host; where the network is elsewhere a step's observations go
there as they come, and the rest once the rollout is complete.

    host      draw A, step A | draw B, step B | draw A, step A | ...
    device    network of B   | network of A   | network of B   | ...

A GPU works while the host does: there the copies are stepped in two halves, each with a lane of its own, so that one
chooses actions while the other steps. Every step has its own place in pinned storage, so that no copy of it waits for
another. Actions come from counter-based numbers: who is asked first does not change them.
"""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shoal import native
from shoal.config import Config
from shoal.torch import graphs
from shoal.torch.advantage import Outcome
from shoal.torch.device import Lane, host_zeros, overlaps, records
from shoal.torch.policy import Drawn, TorchPolicy
from shoal.vector import Vec


@dataclass
class _Part:
    """Rows that act and step together.

    Attributes:
        here: the rows. half: of the environments, None: all of them. lane: where the network works for them.
        network: what is called for them. outputs: float32 (n, O) on the host, of the present step. carried: (n,
            state_size), after it.
    """

    here: slice
    half: int | None
    lane: Lane
    network: graphs.Choice
    drawn: Drawn
    outputs: Tensor
    carried: Tensor


@dataclass(frozen=True)
class _Cut:
    """Rows (k,) that step `t` truncated, their final observations (k, row_bytes) and memory (k, state_size)."""

    t: int
    rows: NDArray[np.intp]
    observations: NDArray[np.uint8]
    memory: Tensor


class Rollout:
    """The storage of one rollout, and how it is filled.

    Attributes:
        rows: uint8 (T + 1, N, row_bytes). masks: uint8 (T + 1, N, mask_bytes). discrete: int32 (T, N, heads). raw:
            float32 (T, N, dims). log_probs, rewards: float32 (T, N). ended, learn: uint8 (T, N).
        values, final_values (T, N), last_values (N,), memory (T / S, N, state_size): on the policy's device.
        carried: (N, state_size), the memory before the next step.
        divided: it is collected in two halves.
        stages: seconds spent in each stage since they were last asked for.
    """

    def __init__(self, vec: Vec, policy: TorchPolicy, config: Config) -> None:
        spec, n, steps = vec.spec, vec.num_rows, config.train.horizon
        self._vec, self._policy = vec, policy
        self.segment = config.train.segment or steps
        self._seed = config.seed
        self.rows = self._host((steps + 1, n, spec.row_bytes), np.uint8)
        self.masks = self._host((steps + 1, n, spec.mask_bytes), np.uint8)
        self.discrete = self._host((steps, n, len(spec.heads)), np.int32)
        self.raw = self._host((steps, n, len(spec.dims)), np.float32)
        self.log_probs, self.rewards = (self._host((steps, n), np.float32) for _ in range(2))
        self.ended, self.learn = (self._host((steps, n), np.uint8) for _ in range(2))
        self._starts = self._host((steps + 1, n), np.uint8)

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(*shape, dtype=policy.dtype, device=policy.device)

        self.values, self.final_values, self.last_values = zeros(steps, n), zeros(steps, n), zeros(n)
        self.memory = zeros(steps // self.segment, n, policy.state_size)
        self.carried = zeros(n, policy.state_size)
        # What the network reads; on the CPU the same memory as `rows` and `starts`.
        self.observed, self._begun = (self._twin(array) for array in (self.rows, self._starts))
        self.divided = overlaps(policy.device) and vec.half > 0
        middle = vec.half * spec.agents
        heres = [slice(0, middle), slice(middle, n)] if self.divided else [slice(0, n)]
        self._parts = [self._part(here, half if self.divided else None) for half, here in enumerate(heres)]
        self.stages = dict.fromkeys(native.STAGES, 0.0)
        self._lap = time.perf_counter()

    @property
    def starts(self) -> NDArray[np.uint8]:
        """Lives that start, (T, N)."""
        starts: NDArray[np.uint8] = self._starts[:-1]
        return starts

    @torch.inference_mode()
    def collect(self, clock: int, first_row: int, stop: ctypes.c_int32) -> bool:
        """Collect T steps of every row; returns whether `stop` ended it early.

        Args:
            clock: steps before the first one.
            first_row: number of row 0 in the stream of actions.
            stop: ends it when it becomes non-zero.
        """
        cuts: list[_Cut] = []
        self.lap("wait")
        log_std = self._policy.host_log_std()
        for part in self._parts:
            part.lane.open()
            part.carried = self.carried[part.here]
            self._act(part, 0)
        for t in range(len(self.rewards)):
            for part in self._parts:
                part.lane.wait()
                if stop.value:
                    continue
                self.lap("act")
                self._draw(part, t, clock + t, first_row, log_std)
                self._step(part, t, cuts)
                self._act(part, t + 1)
            if stop.value:
                break
        for part in self._parts:
            part.lane.close()
        if stop.value:
            return True
        if cuts:
            self._value_finals(cuts)
        self.lap("act")
        return False

    def about(self) -> list[str]:
        """Return what was chosen for this device."""
        halves = ["rollouts in two halves"] if self.divided else []
        return halves + list(dict.fromkeys(part.network.why for part in self._parts if part.network.why))[:1]

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

    # ------------------------------------------------------------------------------------------------ a step

    def _act(self, part: _Part, t: int) -> None:
        """Show the rows as step t finds them, and begin to let the network choose; of t = T it only gives values."""
        vec, here, last = self._vec, part.here, t == len(self.rewards)
        self.rows[t, here], self.masks[t, here] = vec.rows[here], vec.mask_rows[here]
        self._starts[t, here] = vec.starts[here]
        if not last:
            self.learn[t, here] = vec.live[here]
        self.lap("gather")

        def work() -> None:
            if self._policy.remote:
                for there, array in ((self.observed, self.rows), (self._begun, self._starts)):
                    part.lane.copy(there[t, here], torch.from_numpy(array[t, here]))
            before = part.carried
            if last:
                self.carried[here] = before
            elif t % self.segment == 0:
                self.memory[t // self.segment, here] = before
            starts = self._begun[t : t + 1, here] != 0
            outputs, values, after = part.network.function(self.observed[t : t + 1, here], starts, before)
            if last:
                self.last_values[here] = values[0]
                return
            self.values[t, here] = values[0]
            part.lane.copy(part.outputs, outputs[0].float())
            part.carried = after

        part.lane.submit(work)
        self.lap("act")

    def _draw(self, part: _Part, t: int, clock: int, first_row: int, log_std: NDArray[np.float32] | None) -> None:
        """Draw the actions of step t from what the network said."""
        here, drawn = part.here, part.drawn
        drawn.discrete, drawn.raw, drawn.log_probs = (x[t, here] for x in (self.discrete, self.raw, self.log_probs))
        self._policy.draw(
            part.outputs, self.masks[t, here], self.learn[t, here], seed=self._seed, clock=clock,
            first=first_row + here.start, out=drawn, log_std=log_std,
        )  # fmt: skip
        self._vec.discrete[here] = drawn.discrete
        self.lap("sample")

    def _step(self, part: _Part, t: int, cuts: list[_Cut]) -> None:
        """Step the environments, and remember what step t truncated."""
        vec, here = self._vec, part.here
        if part.half is None:
            vec.advance()
        else:
            vec.advance_half(part.half)
        self.rewards[t, here], self.ended[t, here] = vec.rewards[here], vec.ended[here]
        self.lap("simulate")
        found = np.flatnonzero(self.ended[t, here] == native.TRUNCATED)
        if not len(found):
            return
        finals = vec.final_row_bytes[here][found]

        def work() -> None:
            memory = part.carried[torch.from_numpy(found).to(self._policy.device)]
            cuts.append(_Cut(t, found + here.start, finals, memory))

        part.lane.submit(work)

    def _value_finals(self, cuts: list[_Cut]) -> None:
        """Value the final observations of rows that were truncated: f(final observation, h'), all at once."""
        device = self._policy.device
        rows = torch.from_numpy(np.concatenate([cut.observations for cut in cuts])).to(device)
        memory = torch.cat([cut.memory for cut in cuts])
        starts = torch.zeros(1, len(rows), dtype=torch.bool, device=device)
        _, values, _ = self._policy.infer(rows[None], starts, memory)
        times = np.concatenate([np.full(len(cut.rows), cut.t) for cut in cuts])
        where = np.concatenate([cut.rows for cut in cuts])
        self.final_values[torch.from_numpy(times).to(device), torch.from_numpy(where).to(device)] = values[0]

    # ------------------------------------------------------------------------------------------------ storage

    def _part(self, here: slice, half: int | None) -> _Part:
        drawn = Drawn(self._vec.spec, here.stop - here.start)
        drawn.continuous = self._vec.continuous[here]
        outputs = torch.from_numpy(self._host((here.stop - here.start, self._policy.outputs), np.float32))
        lane = Lane(self._policy.device)
        return _Part(here, half, lane, self._network(here, lane), drawn, outputs, self.carried[here])

    @torch.inference_mode()
    def _network(self, here: slice, lane: Lane) -> graphs.Choice:
        """Return what is called for these rows: the network, or a recording of it that was seen to be quicker."""
        policy = self._policy
        if policy.settings.policy.module or not records(policy.device):
            return graphs.Choice(policy.infer, "")
        lane.open()
        rows = torch.from_numpy(self._vec.rows[None, here]).to(policy.device)
        starts, state = torch.zeros(rows.shape[:2], dtype=torch.bool, device=policy.device), self.carried[here]
        some = torch.arange(rows.shape[1], device=policy.device)[None] % 3 == 0
        others = (rows.roll(1, 1), some, torch.ones_like(state))
        with lane.entered():
            found = graphs.choose(policy.infer, (rows, starts, state), others)
        lane.close()
        return found

    def _host(self, shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
        return host_zeros(shape, dtype, self._policy.device)

    def _twin(self, array: NDArray[np.generic]) -> Tensor:
        """Return what stands for a host array on the device: on the CPU the same memory."""
        tensor = torch.from_numpy(array)
        return tensor.clone().to(self._policy.device) if self._policy.remote else tensor
