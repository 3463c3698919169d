# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A whole update made of the float64 reference's operations, on rollouts that the native learner recorded.

Letters: N rows, T steps, M segments of S steps; arrays are (N, T, ...), segments (M, S, ...).
"""

from __future__ import annotations

import ctypes
import math

import numpy as np
from native_reference import Coefficients, Log, Policy, reference, widths_of

from shoal import native
from shoal.config import Config
from shoal.registry import Spec


class ReferenceLearner:
    """Weights, optimizer and statistics in float64, and what one update does to them."""

    def __init__(self, spec: Spec, settings: Config, tensors: dict[str, np.ndarray]) -> None:
        self.spec, self.policy, self.train = spec, settings.policy, settings.train
        self.seed = settings.seed
        weights = {key: value for key, value in tensors.items() if key.startswith("policy.")}
        self.shapes = {key: value.shape for key, value in weights.items()}
        self.theta = np.concatenate([value.ravel() for value in weights.values()]).astype(np.float64)
        self.momentum, self.second = np.zeros_like(self.theta), np.zeros_like(self.theta)
        self.grid = native.GRIDS.index(self.policy.grid)
        self.widths, encoders = widths_of(spec.struct, self.grid)
        vectors = [
            np.full(field.size, field.kind == "vector") for field in spec.fields if field.kind in ("vector", "flag")
        ]
        self.normalised = np.flatnonzero(np.concatenate(vectors)) if vectors else np.zeros(0, int)
        self.count = tensors["normalizer.count"].copy()
        self.mean, self.m2 = tensors["normalizer.mean"].copy(), tensors["normalizer.m2"].copy()
        self.returns = np.zeros(3)
        self.outputs = sum(head.size for head in spec.heads) + len(spec.dims)
        self.shape = Policy(
            *self.widths[:2], self.outputs, len(spec.dims), native.CORES.index(self.policy.core), self.policy.hidden,
            self.policy.layers, native.ACTIVATIONS.index(self.policy.activation), self.policy.value_net == "own",
        ).with_own(encoders)  # fmt: skip
        assert reference().policy_params(ctypes.byref(self.shape)) == self.theta.size
        self.minibatches = 0

    def update(self, data: dict[str, np.ndarray], rollouts: int, steps: int) -> None:
        """Learn from a rollout, the `rollouts`-th, before which there were `steps` agent steps."""
        c, (n, t) = self.train, data["learn"].shape
        progress = steps / c.schedule_steps
        factor = reference().schedule(native.SCHEDULES.index(c.schedule), progress)
        rate = reference().anneal(c.learning_rate, c.learning_rate_final, factor)
        ent_coef = reference().anneal(c.ent_coef, c.ent_coef_final, factor)
        m = n * t // c.segment
        values, ratio = data["values"].astype(np.float64), np.ones((n, t))
        batch = c.minibatch // c.segment
        order, omega = np.zeros(m, np.int32), np.zeros(m, np.float32)
        for i in range(math.ceil(c.replay_ratio * m / batch)):
            at = i % (m // batch)
            if at == 0:
                error, advantage = self._advantages(data, values, ratio)
                native.library().draw_segments(
                    self.seed, rollouts, i // (m // batch), m, 0.0, 1.0, None, order.ctypes.data, omega.ctypes.data
                )
                target, new_values, new_ratio = values + error, values.copy(), ratio.copy()
            picked = order[at * batch : (at + 1) * batch]
            found = self._minibatch(data, picked, advantage, target, rate, ent_coef)
            for array, part in zip((new_values, new_ratio), found, strict=True):
                array.reshape(m, c.segment)[picked] = part
            if at == m // batch - 1:
                values, ratio = new_values, new_ratio
        self._merge(data)

    def _advantages(
        self, data: dict[str, np.ndarray], values: np.ndarray, ratio: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        c, (n, t) = self.train, values.shape
        error, advantage = np.empty((n, t)), np.empty((n, t))
        rewards, final = data["rewards"].astype(np.float64), data["final_values"].astype(np.float64)
        if c.normalize_reward != "off":
            sigma = reference().return_sigma(self.returns[0], self.returns[2])
            reference().scale_rewards(n * t, sigma, rewards)
        for row in range(n):
            reference().advantage(
                t, rewards[row], values[row], final[row], float(data["last_values"][row]), data["ended"][row],
                ratio[row], data["learn"][row], c.gamma, c.gae_lambda, c.rho_clip, c.c_clip,
                native.ADVANTAGES.index(c.advantage), error[row], advantage[row],
            )  # fmt: skip
        return error, advantage

    def _minibatch(
        self, data: dict[str, np.ndarray], picked: np.ndarray, advantage: np.ndarray, target: np.ndarray, rate: float,
        ent_coef: float,
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """Take a step; returns the new values and ratios (B, S)."""
        c, s = self.train, self.train.segment

        def cut(array: np.ndarray, dtype: type = np.float64) -> np.ndarray:
            """(N, T or T + 1, ...) -> (B S, ...)."""
            whole, (n, t) = array[:, : data["learn"].shape[1]], data["learn"].shape
            parts = np.ascontiguousarray(whole).reshape(n * t // s, s, *whole.shape[2:])[picked]
            return np.ascontiguousarray(parts.reshape(size, *whole.shape[2:]).astype(dtype))

        size = len(picked) * s
        features = [np.empty((size, width)) for width in self.widths]
        mean, sigma = np.zeros(self.widths[0]), np.ones(self.widths[0])
        if self.count[0] > 0:
            mean[self.normalised] = self.mean
            sigma[self.normalised] = np.sqrt(self.m2 / self.count)
        spec = ctypes.byref(self.spec.struct)
        reference().encode(spec, self.grid, size, cut(data["rows"], np.uint8), mean, sigma, *features)
        starts, learn, masks = (cut(data[key], np.uint8) for key in ("starts", "learn", "masks"))
        memory = data["segment_memory"].astype(np.float64)[picked]
        trunks = 1 + (self.policy.value_net == "own")
        state = None
        if memory.size:
            state = np.ascontiguousarray(np.moveaxis(memory.reshape(len(picked), trunks, -1, self.policy.hidden), 0, 2))
        outputs, values = np.empty((size, self.outputs)), np.empty(size)
        work = np.empty(reference().policy_work(ctypes.byref(self.shape), size))
        what = (ctypes.byref(self.shape), self.theta, len(picked), s, *features, starts, state)
        reference().policy_forward(*what, outputs, values, None, work)
        log_std = self.theta[-len(self.spec.dims) :] if self.spec.dims else np.zeros(0)
        actions = (masks, cut(data["discrete"], np.int32), cut(data["raw"]))
        log_prob, entropy, entropy_continuous = (np.empty(size) for _ in range(3))
        reference().heads(spec, size, outputs, log_std, *actions, log_prob, entropy, entropy_continuous)
        normal = np.empty(size)
        coefficients = Coefficients(
            c.clip_coef, c.vf_coef, c.vf_clip, ent_coef, c.ent_coef_continuous, c.advantage_floor
        )
        reference().normalize(ctypes.byref(coefficients), size, learn, cut(advantage), normal)
        slopes = [np.empty(size) for _ in range(4)]
        old = cut(data["log_probs"])
        reference().loss(
            ctypes.byref(coefficients), size, learn, log_prob, old, values, cut(data["values"]), cut(target), normal,
            np.ones(size), entropy, entropy_continuous, *slopes, ctypes.byref(Log()),
        )  # fmt: skip
        dlog_prob, dvalues, dentropy, dentropy_continuous = slopes
        gradient, doutputs, dlog_std = np.zeros_like(self.theta), np.empty_like(outputs), np.zeros(len(self.spec.dims))
        reference().heads_backward(
            spec, size, outputs, log_std, *actions, dlog_prob, dentropy, dentropy_continuous, doutputs, dlog_std
        )
        reference().policy_backward(*what, doutputs, dvalues, gradient, work)
        if self.spec.dims:
            gradient[-len(dlog_std) :] += dlog_std
        reference().clip_norm(gradient.size, c.max_grad_norm, gradient)
        self._step(gradient, rate)
        ratio = np.where(learn != 0, np.exp(log_prob - old), 1.0)
        return values.reshape(-1, s), ratio.reshape(-1, s)

    def _step(self, gradient: np.ndarray, rate: float) -> None:
        c, at = self.train, 0
        self.minibatches += 1
        gates = {"mlp": 1, "mingru": 3, "lstm": 4}[self.policy.core]
        for name, shape in self.shapes.items():
            here = slice(at, at := at + math.prod(shape))
            w, g, m, v = (array[here] for array in (self.theta, gradient, self.momentum, self.second))
            matrix = ".core." in name and ".weight" in name
            encoder = ".encoder." in name and name.endswith("weight") and not name.endswith("tables.weight")
            if c.optimizer == "muon" and (matrix or encoder):
                blocks = gates if matrix else 1
                rows, columns = shape[0] // blocks, math.prod(shape[1:])
                short, size = min(rows, columns), rows * columns
                work = np.empty(2 * short * (short + max(rows, columns)) + size)
                for k in range(blocks):
                    part = slice(k * size, (k + 1) * size)
                    reference().muon(rows, columns, rate, c.momentum, g[part], m[part], w[part], work)
            else:
                ratio = c.adam_ratio if c.optimizer == "muon" else 1.0
                reference().adamw(len(w), self.minibatches, rate * ratio, g, m, v, w)

    def _merge(self, data: dict[str, np.ndarray]) -> None:
        """Merge the rollout into the normaliser and the scale of future returns."""
        c, (n, t) = self.train, data["learn"].shape
        rows = np.ascontiguousarray(data["rows"][:, :t]).reshape(n * t, -1)
        learn = np.ascontiguousarray(data["learn"]).reshape(-1)
        features = [np.empty((n * t, width)) for width in self.widths]
        reference().encode(ctypes.byref(self.spec.struct), self.grid, n * t, rows, None, None, *features)
        vectors = np.ascontiguousarray(features[0][:, self.normalised])
        reference().merge(n * t, vectors.shape[1], vectors, learn, self.count, self.mean, self.m2)
        assert c.normalize_reward == "future"
        for row in range(n):
            total = 0.0
            for step in range(t - 1, -1, -1):
                total = float(data["rewards"][row, step]) + c.gamma * (0.0 if data["ended"][row, step] else total)
                if not data["learn"][row, step]:
                    total = 0.0
                    continue
                self.returns[0] += 1
                self.returns[2] += total * total
