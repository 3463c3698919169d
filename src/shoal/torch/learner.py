# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The learner in torch: rollout, advantages, passes of minibatches, statistics, as native/learn does them.

Letters: N rows, T steps, S steps a segment, K = T / S segments of a row, M = N K segments. Everything is (S, M, ...),
time first (`segments`).
"""

from __future__ import annotations

import ctypes
import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shoal import native, registry
from shoal.checkpoint import Tensors
from shoal.config import Config
from shoal.errors import NativeError
from shoal.learner import check_memory, make_vec
from shoal.stats import Stats
from shoal.torch import loss
from shoal.torch.advantage import advantages
from shoal.torch.crew import Crew, cut
from shoal.torch.device import host_view
from shoal.torch.optimizer import Optimizer
from shoal.torch.parallel import Ranks
from shoal.torch.part import Lesson, Minibatch, study
from shoal.torch.policy import TorchPolicy
from shoal.torch.rollout import Rollout
from shoal.torch.segments import Segments
from shoal.torch.statistics import Statistics
from shoal.torch.sums import total as sum_of
from shoal.torch.sums import wide
from shoal.vector import Vec

_ROLLOUTS, _UPDATES, _CLOCK = range(3)  # of `counters`
_SMALL = 8e6  # floating-point operations of a step below which a second thread of torch costs more than it does
_PART = 128  # segments of a part of a minibatch


class TorchLearner:
    """Learns with torch; the interface is shoal.learner.Learner's."""

    def __init__(
        self,
        spec: registry.Spec,
        settings: Config,
        *,
        warm: bool,
        stop: ctypes.c_int32,
        dtype: torch.dtype = torch.float32,
        policy: TorchPolicy | None = None,
    ) -> None:
        """Allocate everything.

        Args:
            spec: of the environment.
            settings: resolved.
            warm: the first rollout is an ordinary one.
            stop: ends a rollout when it becomes non-zero.
            dtype: of the arithmetic; tests take float64.
            policy: to train; None makes one.

        Raises:
            ConfigError: if ranks cannot share the environments, or memory does not suffice.
        """
        self._config, self._warm, self._stop = settings.train, warm, stop
        self._policy = policy or TorchPolicy(spec, settings, dtype=dtype)
        self.ranks = Ranks(self._policy.device)
        self.leads, self.whole = self.ranks.rank == 0, self.ranks.size == 1
        threads = settings.vec.threads or max(native.library().cores() // self.ranks.on_this_machine, 1)
        settings = replace(settings, vec=replace(settings.vec, threads=threads))
        num_envs = self.ranks.share(settings.vec.num_envs or 0, "vec.num_envs")
        first = self.ranks.rank * num_envs
        self.vec: Vec = make_vec(spec, settings, bind=True, stop=stop, num_envs=num_envs, first_index=first)
        n, steps = self.vec.num_rows, self._config.horizon
        row = 2 * (spec.row_bytes + spec.mask_bytes) + 4 * (len(spec.heads) + len(spec.dims) + 12)
        check_memory(self.vec, steps * n * row)
        self.rollout = Rollout(self.vec, self._policy, settings)
        self._rows = n * self.ranks.size  # of all ranks
        first_row = self._first_row = first * spec.agents
        self._segments = Segments(self._config, settings.seed, self._policy, self.rollout, self.ranks, first_row)
        self.statistics = Statistics(self._config, self._policy, self.ranks, n)
        self._torch_threads = self._share_threads(threads)
        self._optimizer = Optimizer(self._policy, self._config)
        self._counters = np.zeros(3, np.int64)
        self._host = self._make_tensors()

    # ------------------------------------------------------------------------------------------------ interface

    @property
    def policy(self) -> TorchPolicy:
        """What is trained."""
        return self._policy

    @property
    def about(self) -> str:
        """Torch and its device, and what was chosen for it."""
        found = [f"torch {torch.__version__} on {self._policy.device}"]
        found += [f"{self.ranks.size} ranks"] if self.ranks.size > 1 else []
        return ", ".join([*found, *self.rollout.about()])

    @property
    def nbytes(self) -> int:
        """The memory of the rollout and the optimizer."""
        arrays = [value for value in vars(self.rollout).values() if isinstance(value, np.ndarray)]
        return sum(array.nbytes for array in arrays) + 3 * self._policy.nbytes

    def collect(self) -> bool:
        """Collect one rollout; returns whether it was stopped early."""
        begun = time.perf_counter()
        torch.set_num_threads(self._torch_threads)  # of the process, which may hold several learners
        stopped = self.rollout.collect(int(self._counters[_CLOCK]), self._first_row, self._stop)
        if self.ranks.size > 1:
            stopped = bool(self.ranks.max(torch.tensor([float(stopped)], device=self._policy.device)).item())
        if not stopped:
            self._counters[_ROLLOUTS] += 1
            self._counters[_CLOCK] += self._config.horizon
        self._rollout_seconds = time.perf_counter() - begun
        return stopped

    def stats(self) -> Stats:
        """Return what ended since the last call, on all ranks."""
        stats = self.vec.stats()
        self.ranks.sum(torch.from_numpy(stats.values))
        return stats

    def report(self) -> dict[str, float]:
        """There is nothing else to tell."""
        return {}

    def tensors(self) -> Tensors:
        """Return what it remembers between iterations, as views on the host."""
        return self._host

    def fetch(self) -> None:
        """Bring what lies on a device, the policy's weights too, into the tensors."""
        self._policy.fetch()
        for name, tensor in self._device_tensors().items():
            if self._policy.remote:
                self._host[name][...] = tensor.cpu().numpy()

    def observe(self) -> None:
        """Take over what was written to the tensors and to the environments."""
        for name, tensor in self._device_tensors().items():
            if self._policy.remote:
                tensor.copy_(torch.from_numpy(self._host[name]))
        native.library().vec_set_clock(self.vec.handle, int(self._counters[_CLOCK]))
        self.vec.run(0, self.vec.discrete[None], self.vec.continuous[None])  # no step: observes

    def agree(self, value: Any) -> Any:
        """Return what rank 0 says."""
        return self.ranks.agree(value)

    def stages(self) -> dict[str, float]:
        """Return the seconds since the last call that went into each stage."""
        self.rollout.lap("wait")
        found = dict(self.rollout.stages)
        self.rollout.stages = dict.fromkeys(native.STAGES, 0.0)
        return found

    def update(self, log: native.Log) -> bool:
        """Run all passes over the rollout; returns whether it was stopped early.

        Raises:
            NativeError: if the loss or a gradient is not finite; the weights keep their last good values.
        """
        config, rollout = self._config, self.rollout
        begun = time.perf_counter()
        progress = float((self._counters[_CLOCK] - config.horizon) * self._rows) / float(config.schedule_steps or 1)
        factor = schedule(config.schedule, progress)
        ctypes.memset(ctypes.byref(log), 0, ctypes.sizeof(log))
        log.steps = float(self._counters[_CLOCK] * self._rows)
        log.sigma_return = sigma = self.statistics.sigma()
        log.rollout_seconds = self._rollout_seconds
        log.learning_rate = anneal(config.learning_rate, config.learning_rate_final, factor)
        log.ent_coef = anneal(config.ent_coef, config.ent_coef_final or 0.0, factor)
        # A run that loaded no statistics only gathers them in its first rollout.
        gathering = bool(self._counters[_ROLLOUTS] == 1 and not self._warm)
        outcome = rollout.outcome()
        data = self._segments.fold_all(outcome)
        values, ratio = data["values"].clone(), torch.ones_like(data["values"])
        minibatches = 0 if gathering else math.ceil(config.replay_ratio * self._segments.batches)
        order, omega, passes = np.zeros(0, np.int32), np.zeros(0, np.float32), 0
        for i in range(max(minibatches, 1)):
            if i % self._segments.batches == 0:
                before = time.perf_counter()
                found = advantages(config, outcome, self._segments.unfold(values), self._segments.unfold(ratio), sigma)
                data["advantages"], data["targets"] = (self._segments.fold(part) for part in found)
                if i == 0:
                    self.statistics.explain(log, rollout.values, found[1], outcome.learn)
                if gathering:
                    break
                order, omega = self._segments.draw(int(self._counters[_ROLLOUTS]), passes, progress, data)
                passes += 1
                log.advantage_seconds += time.perf_counter() - before
                rollout.lap("advantage")
            if self._stop.value and self.ranks.size == 1:  # several ranks stop where they agreed to: in `collect`
                return True
            at = i % self._segments.batches * self._segments.batch
            picked = slice(at, at + self._segments.batch)
            kl = self._minibatch(data, values, ratio, order[picked], omega[picked], log)
            if 0 < config.target_kl < kl:
                break
        count = max(log.updates, 1.0)
        for name in ("policy_loss", "value_loss", "entropy", "kl", "clip_fraction", "grad_norm"):
            setattr(log, name, getattr(log, name) / count)
        log.updates = float(self._counters[_UPDATES])
        self.statistics.merge(outcome, rollout.observed[:-1])
        if gathering:
            rollout.carried.zero_()
        rollout.lap("statistics")
        log.update_seconds = time.perf_counter() - begun - log.advantage_seconds
        return False

    # ------------------------------------------------------------------------------------------------ a minibatch

    def _minibatch(
        self,
        data: dict[str, Tensor],
        values: Tensor,
        ratio: Tensor,
        segments: NDArray[np.int32],
        omega: NDArray[np.float32],
        log: native.Log,
    ) -> float:
        """Learn from these segments (numbered as natively), keep their new values and ratios, and return their KL."""
        policy, rollout = self._policy, self.rollout
        columns, here = self._segments.columns(segments)
        weights = torch.from_numpy(omega[here]).to(policy.device, policy.dtype)
        learn, advantage = (data[name].index_select(1, columns) for name in ("learn", "advantages"))
        sums = torch.stack([sum_of(learn), sum_of(advantage * learn), sum_of(advantage.square() * learn)])
        count, total, squares = self.ranks.sum(sums).tolist()
        if not count:
            return 0.0  # nobody learnt in these segments
        mean = total / count
        std = max(math.sqrt(max(squares / count - mean * mean, 0.0)), self._config.advantage_floor)
        rollout.lap("gather")
        memory = rollout.memory.flatten(0, 1)
        minibatch = Minibatch(data, memory, columns, weights, mean, std, count, log.ent_coef, self.ranks.size)
        lessons = self._lessons(minibatch)
        policy.gradient.zero_()
        for lesson in lessons:
            values.index_copy_(1, lesson.columns, lesson.values)
            ratio.index_copy_(1, lesson.columns, lesson.ratio)
            for parameter, gradient in zip(policy.trained, lesson.gradients, strict=True):
                if gradient is not None:
                    parameter.grad.add_(gradient)  # type: ignore[union-attr]
        parts = torch.stack([lesson.logged for lesson in lessons])
        logged = torch.cat([parts[:, :-1].sum(0), parts[:, -1].max()[None]])
        self.ranks.sum(policy.gradient)
        self.ranks.sum(logged[:-1])
        self.ranks.max(logged[-1:])
        found = torch.cat([logged, wide(policy.gradient).square().sum()[None]]).tolist()
        self._step(dict(zip(loss.SUMS, found, strict=False)), found[-1], count, log)
        rollout.lap("optimize")
        kl: float = found[loss.SUMS.index("kl")] / count
        return kl

    def _lessons(self, minibatch: Minibatch) -> list[Lesson]:
        """Return what the parts of a minibatch teach, in order."""
        policy, rollout = self._policy, self.rollout
        parts = [slice(None)] if policy.crew is None else cut(len(minibatch.columns), _PART)
        if policy.crew is None or len(parts) == 1:
            return [study(policy, self._config, minibatch, parts[0], rollout.lap)]

        def work(part: slice, leads: bool) -> Lesson:
            # The others work beside the lead: their time is not to be counted again.
            return study(policy, self._config, minibatch, part, rollout.lap if leads else lambda stage: None)

        found = policy.crew.map(work, parts)
        rollout.lap("wait")
        return found

    def _step(self, sums: dict[str, float], squares: float, count: float, log: native.Log) -> None:
        """Log the sums of a minibatch and take a step with its gradient, of which `squares` is the squared norm."""
        policy_loss, value_loss = sums["policy_loss"] / count, sums["value_loss"] / count
        if not math.isfinite(policy_loss + value_loss):
            raise NativeError(
                f"the loss is not finite: policy {policy_loss:g}, value {value_loss:g}; the weights keep their last "
                "good values"
            )
        if not math.isfinite(squares):
            bad = next((name for name, p in self._policy.parameters if not bool(p.grad.isfinite().all())), "")  # type: ignore[union-attr]
            raise NativeError(f"a gradient is not finite: {bad}; the weights keep their last good values")
        for name in ("policy_loss", "value_loss", "entropy", "kl", "clip_fraction"):
            setattr(log, name, getattr(log, name) + sums[name] / count)
        if not log.updates:
            log.first_ratio_error = sums["ratio_error"]
        log.updates += 1
        norm, limit = math.sqrt(squares), self._config.max_grad_norm
        log.grad_norm += norm
        self._counters[_UPDATES] += 1
        scale = limit / norm if norm > limit else 1.0
        self._optimizer.step(log.learning_rate, scale, int(self._counters[_UPDATES]))

    # ------------------------------------------------------------------------------------------------ set-up

    def _share_threads(self, threads: int) -> int:
        """Give the policy's crew so many threads, one where a step is little work; returns how many torch is to use."""
        if self.vec.num_rows * self._policy.operations() < _SMALL:
            threads = 1
        if self._policy.crew is None:
            return threads
        self._policy.crew = Crew(threads)
        return 1

    def _make_tensors(self) -> Tensors:
        """Return the host's views, or copies of what lies on a device."""
        named: Tensors = {"learner.counters": self._counters, "learner.discounted": self.statistics.discounted}
        named["learner.returns"] = self.statistics.returns
        return named | {name: host_view(tensor, self._policy.remote) for name, tensor in self._device_tensors().items()}

    def _device_tensors(self) -> dict[str, Tensor]:
        return {
            "optimizer.momentum": self._optimizer.momentum,
            "optimizer.second": self._optimizer.second,
            "learner.memory": self.rollout.carried,
        }


def schedule(kind: str, progress: float) -> float:
    """Return the factor in [0, 1] at a share of the schedule."""
    p = min(progress, 1.0)
    return {"constant": 1.0, "linear": 1.0 - p, "cosine": 0.5 + 0.5 * math.cos(math.pi * p)}[kind]


def anneal(first: float, last: float, factor: float) -> float:
    """Return what lies between first (factor 1) and last (factor 0)."""
    return last + (first - last) * factor
