# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The float32 policy and learner of one build of the native library, opened up for comparison with the reference.

Builds for several instruction sets can be used side by side, which the package itself never does.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np
from native_reference import DTYPES, FLAG, SET, VECTOR, Policy, every_build, reference, widths_of

from shoal import memory, native, registry

FMA_BUILDS = ("avx512", "avx2")  # have the same bits; the plain build of x86 rounds twice


@functools.cache
def build(isa: str) -> native.Library:
    """Return the library for one instruction set."""
    return native.Library(native.library_folder() / f"libshoal_{isa}.so")


def builds() -> list[str]:
    """Return every instruction set that is built and that this machine runs."""
    return every_build()


def tensors_of(function: Any, handle: int) -> dict[str, np.ndarray]:
    """Return the named arrays of a native object as views of its memory."""
    count = function(handle, None, 0)
    table = (native.Tensor * count)()
    function(handle, table, count)
    found = {}
    for entry in table:
        shape, dtype = tuple(entry.shape[: entry.ndim]), np.dtype(native.TENSOR_DTYPES[entry.dtype])
        size = int(np.prod(shape)) * dtype.itemsize
        data = (ctypes.c_uint8 * size).from_address(entry.data) if size else (ctypes.c_uint8 * 0)()
        found[entry.name.decode()] = np.frombuffer(data, dtype).reshape(shape)
    return found


class FastPolicy:
    """A policy of one build. config: core, hidden, layers, activation, own_value, normalize, gate_tau, seed."""

    def __init__(self, isa: str, spec: native.Spec, **config: Any) -> None:
        self.lib, self.spec = build(isa), spec
        self.message = native.Message()
        defaults = {"core": 1, "hidden": 16, "layers": 1, "normalize": 1, "gate_tau": 16.0, "seed": 1}
        self.config = native.PolicyConfig(**(defaults | config))
        what = (ctypes.byref(spec), ctypes.byref(self.config))
        size = self.lib.policy_bytes(*what, self.message)
        assert size > 0, self.message.text
        self.memory = memory.allocate(size)
        self.handle = self.lib.policy_create(*what, self.memory.ctypes.data, self.message)
        assert self.handle, self.message.text
        self.outputs = self.lib.policy_outputs(self.handle)
        self.state_size = self.lib.policy_state_size(self.handle)
        self.tensors = tensors_of(self.lib.policy_tensors, self.handle)

    @property
    def names(self) -> list[str]:
        """The weights, in the order of the reference's one array."""
        return [name for name in self.tensors if name.startswith("policy.")]

    def parameters(self) -> np.ndarray:
        """Return all weights as float64, as the reference takes them."""
        return np.concatenate([self.tensors[name].ravel() for name in self.names]).astype(np.float64)

    def shake(self, rng: np.random.Generator, amount: float) -> None:
        """Move every weight by normal noise of that size."""
        for name in self.names:
            tensor = self.tensors[name]
            tensor += (amount * rng.normal(size=tensor.shape)).astype(np.float32)
        self.lib.policy_pack(self.handle)

    def set_statistics(self, mean: np.ndarray, variance: np.ndarray, count: float = 100.0) -> None:
        """Write the normaliser."""
        self.tensors["normalizer.count"][:] = count
        self.tensors["normalizer.mean"][:] = mean
        self.tensors["normalizer.m2"][:] = variance * count
        self.lib.policy_pack(self.handle)

    def shape(self) -> Policy:
        """Return the reference's policy of the same shape."""
        (dense, hot, _), encoders = widths_of(self.spec, self.config.grid)
        config = self.config
        return Policy(
            dense, hot, self.outputs, self.spec.num_dims, config.core, config.hidden, config.layers, config.activation,
            config.own_value,
        ).with_own(encoders)  # fmt: skip

    def features(self, rows: np.ndarray, statistics: dict[str, np.ndarray] | None = None) -> tuple[np.ndarray, ...]:
        """Return dense and one-hot features and own inputs of rows (..., row_bytes), by the reference.

        Args:
            rows: uint8 (..., row_bytes).
            statistics: tensors that hold the normaliser to use; empty: none; None: the policy's present ones.
        """
        widths, _ = widths_of(self.spec, self.config.grid)
        mean, sigma = np.zeros(widths[0]), np.ones(widths[0])
        found = self.tensors if statistics is None else statistics
        normalise = bool(found) and self.config.normalize
        if normalise and found["normalizer.count"][0] > 0:
            at = np.flatnonzero(self.vector_features())
            mean[at] = found["normalizer.mean"]
            sigma[at] = np.sqrt(found["normalizer.m2"] / found["normalizer.count"])
        flat = np.ascontiguousarray(rows.reshape(-1, self.spec.row_bytes))
        out = [np.empty((len(flat), width)) for width in widths]
        used = (mean, sigma) if normalise else (None, None)
        reference().encode(ctypes.byref(self.spec), self.config.grid, len(flat), flat, *used, *out)
        return tuple(part.reshape(*rows.shape[:-1], part.shape[-1]) for part in out)

    def vector_features(self) -> np.ndarray:
        """Return, for each dense feature, whether it is of a vector field."""
        found = []
        for field in self.spec.fields[: self.spec.num_fields]:
            if field.kind in (VECTOR, FLAG):
                found += [field.kind == VECTOR] * (field.rows * field.columns * field.channels)
        return np.array(found, bool)

    def act(
        self, rows: np.ndarray, masks: np.ndarray, starts: np.ndarray | None, state: np.ndarray, **options: int
    ) -> tuple[np.ndarray, ...]:
        """Return logits (n, O), values (n,), discrete (n, heads), continuous (n, dims), and the new state."""
        n, state = len(rows), state.copy()
        logits, values = np.full((n, self.outputs), np.nan, np.float32), np.full(n, np.nan, np.float32)
        discrete = np.full((n, self.spec.num_heads), -1, np.int32)
        continuous = np.full((n, self.spec.num_dims), np.nan, np.float32)
        choice = {"greedy": 0, "seed": 0, "clock": 0} | options
        code = self.lib.policy_act(
            self.handle, n, rows.ctypes.data, masks.ctypes.data, None if starts is None else starts.ctypes.data,
            state.ctypes.data, choice["greedy"], choice["seed"], choice["clock"], logits.ctypes.data,
            values.ctypes.data, discrete.ctypes.data, continuous.ctypes.data, self.message,
        )  # fmt: skip
        assert code == native.OK, self.message.text
        return logits, values, discrete, continuous, state


class FastLearner:
    """A learner of one build on a registered environment; `tensors` are views of its rollout and its gradient."""

    def __init__(
        self,
        isa: str,
        env: str,
        *,
        num_envs: int = 8,
        threads: int = 1,
        block: int = 0,
        params: dict[str, Any] | None = None,
        policy: dict[str, Any] | None = None,
        **train: Any,
    ) -> None:
        lib, message = build(isa), native.Message()
        self.lib, self.message = lib, message
        self.spec = registry.get(env).spec(params)
        index = registry_index(lib, env)
        self.env = lib.env_at(index)
        self.vec_config = native.VecConfig(num_envs=num_envs, threads=threads, seed=3, stagger=1, block=block)
        what = (self.env, self.spec.params)
        size = lib.vec_bytes(*what, ctypes.byref(self.vec_config), message)
        assert size > 0, message.text
        self.vec_memory = memory.allocate(size)
        self.vec = lib.vec_create(*what, None, ctypes.byref(self.vec_config), self.vec_memory.ctypes.data, message)
        assert self.vec, message.text
        self.policy = FastPolicy(isa, self.spec.struct, **(policy or {}))
        defaults = {
            "horizon": 16, "segment": 16, "minibatch": num_envs * self.spec.agents * train.get("horizon", 16),
            "shard": 64, "replay_ratio": 1.0, "gamma": 0.97, "gae_lambda": 0.9, "rho_clip": 1.0, "c_clip": 1.0,
            "clip_coef": 0.2, "vf_coef": 0.7, "ent_coef": 0.02, "ent_coef_final": 0.02, "ent_coef_continuous": 0.01,
            "max_grad_norm": 1.0, "learning_rate": 0.0, "adam_ratio": 0.1, "momentum": 0.95, "normalize_reward": 1,
            "priority_beta": 0.4, "schedule_steps": 1_000_000, "seed": 5, "warm": 1,
        }  # fmt: skip
        self.config = native.TrainConfig(**(defaults | train))
        what = (self.vec, self.policy.handle, ctypes.byref(self.config))
        size = lib.learner_bytes(*what, message)
        assert size > 0, message.text
        self.memory = memory.allocate(size)
        self.handle = lib.learner_create(*what, self.memory.ctypes.data, message)
        assert self.handle, message.text
        self.tensors = tensors_of(lib.learner_tensors, self.handle)

    def rollout(self) -> None:
        """Collect."""
        assert self.lib.learner_rollout(self.handle, self.message) == native.OK, self.message.text

    def update(self) -> native.Log:
        """Train on it."""
        log = native.Log()
        code = self.lib.learner_update(self.handle, ctypes.byref(log), self.message)
        assert code == native.OK, self.message.text
        return log

    def vec_array(self, which: int) -> np.ndarray:
        """Return a copy of the vec's live (0) or starts (1), uint8 (N,)."""
        n = self.vec_config.num_envs * self.spec.agents
        data = (ctypes.c_uint8 * n).from_address(self.lib.vec_array(self.vec, which))
        return np.frombuffer(data, np.uint8).copy()


def registry_index(lib: native.Library, env: str) -> int:
    """Return an environment's number in a build's own table."""
    names = [lib.env_at(i).contents.name.decode() for i in range(lib.env_count())]
    return names.index(env)


def random_rows(spec: native.Spec, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return n packed rows with values that suit each field; padding is zero."""
    rows = np.zeros((n, spec.row_bytes), np.uint8)
    for field in spec.fields[: spec.num_fields]:
        dtype, count = np.dtype(DTYPES[field.dtype]), field.rows * field.columns * field.channels
        if field.kind == SET:
            values = rng.normal(size=(n, count)) * (1 if dtype.kind == "f" else 9)
        elif field.kind == VECTOR:
            values = rng.normal(size=(n, count)) * (1 if dtype.kind == "f" else 20) + (0 if dtype.kind != "u" else 100)
        else:
            values = rng.integers(0, 2 if field.kind == FLAG else field.categories, (n, count))
        packed = values.astype(dtype).view(np.uint8).reshape(n, -1)
        rows[:, field.offset : field.offset + packed.shape[1]] = packed
    for field in spec.fields[: spec.num_fields]:
        if field.kind == SET:  # none, all, and one more or less than there can be
            at = spec.fields[field.count_field].offset
            valid = rng.integers(-1, field.rows + 2, n).astype(np.int16)
            rows[:, at : at + 2] = valid.view(np.uint8).reshape(n, 2)
    return rows
