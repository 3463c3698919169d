# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A vec without comfort: every buffer is the test's, pre-filled as it likes, and read as raw bytes."""

import ctypes

import numpy as np

from shoal import memory, native

MODES = ("same-step", "next-step", "disabled")


class BareVec:
    """N rows of the environment behind `descriptor`, with params as packed bytes.

    Attributes:
        rows, masks, final_rows, final_masks: uint8 (N, bytes). rewards: float32 (N,). ended: uint8 (N,).
        discrete: int32 (N, heads). continuous: float32 (N, dims).
        live, starts: uint8 (N,). returns: float32 (N,). lengths: int32 (N,). states: uint8 (num_envs, bytes).
        limits: int32 (num_envs,). waiting: uint8 (num_envs,), or None in same-step mode.
    """

    def __init__(self, descriptor, params, num_envs, *, fill=0, seed=0, mode="same-step", **config):
        self.lib = native.library()
        self.message = native.Message()
        self.descriptor, self.params, self.num_envs = descriptor, params, num_envs
        spec = native.Spec()
        env = ctypes.byref(descriptor)
        self.message.check(self.lib.env_spec(env, params, None, 0, ctypes.byref(spec), self.message))
        self.spec = spec
        self.stop = ctypes.c_int32(0)
        settings = {"threads": 1, "seed": seed, "mode": MODES.index(mode), "stop": ctypes.pointer(self.stop)} | config
        self.config = native.VecConfig(num_envs=num_envs, **settings)
        self.shared = filled(spec.shared_bytes, fill)
        if spec.shared_bytes:
            descriptor.shared(ctypes.addressof(params), 5, self.shared.ctypes.data)
        size = self.lib.vec_bytes(env, params, ctypes.byref(self.config), self.message)
        if size < 0:
            raise ValueError(self.message.text)
        self.memory = filled(size, fill)
        shared = self.shared.ctypes.data if spec.shared_bytes else None
        where = (self.memory.ctypes.data, self.message)
        self.handle = self.lib.vec_create(env, params, shared, ctypes.byref(self.config), *where)
        if not self.handle:
            raise ValueError(self.message.text)
        n = self.n = num_envs * spec.agents
        self.rows = filled(n * spec.row_bytes, fill).reshape(n, -1)
        self.masks = filled(n * spec.mask_bytes, fill).reshape(n, spec.mask_bytes)
        self.final_rows = filled(n * spec.row_bytes, fill).reshape(n, -1)
        self.final_masks = filled(n * spec.mask_bytes, fill).reshape(n, spec.mask_bytes)
        self.rewards = filled(4 * n, fill).view(np.float32)
        self.ended = filled(n, fill)
        self.discrete = filled(4 * n * spec.num_heads, 0).view(np.int32).reshape(n, spec.num_heads)
        self.continuous = filled(4 * n * spec.num_dims, 0).view(np.float32).reshape(n, spec.num_dims)
        buffers = (self.rows, self.masks, self.final_rows, self.final_masks, self.rewards, self.ended)
        self.lib.vec_bind(self.handle, *(a.ctypes.data for a in (*buffers, self.discrete, self.continuous)))
        self.live, self.starts = self._array(0, n, np.uint8), self._array(1, n, np.uint8)
        self.returns, self.lengths = self._array(2, n, np.float32), self._array(3, n, np.int32)
        self.states = self._array(4, num_envs * spec.state_bytes, np.uint8).reshape(num_envs, -1)
        self.limits = self._array(5, num_envs, np.int32)
        self.waiting = self._array(6, num_envs, np.uint8)
        self.reset(seed)

    def reset(self, seed):
        self.message.check(self.lib.vec_reset(self.handle, seed, self.message))

    def step(self):
        self.message.check(self.lib.vec_step(self.handle, self.message))

    def reset_ended(self):
        self.message.check(self.lib.vec_reset_ended(self.handle, self.message))

    def scripted(self, level=1.0):
        self.message.check(self.lib.vec_scripted(self.handle, level, self.message))

    def run(self, steps, discrete, continuous):
        data = (discrete.ctypes.data, continuous.ctypes.data)
        cycle = max(len(discrete), len(continuous))
        self.message.check(self.lib.vec_run(self.handle, steps, cycle, *data, self.message))

    def stats(self):
        out = np.zeros(native.stats_size(self.descriptor.num_metrics))
        self.lib.vec_stats(self.handle, out.ctypes.data)
        return out

    def snapshot(self, index):
        out = np.zeros(self.lib.vec_snapshot_bytes(self.handle), np.uint8)
        self.lib.vec_snapshot(self.handle, index, out.ctypes.data)
        return out

    def restore(self, index, snapshot):
        self.message.check(self.lib.vec_restore(self.handle, index, snapshot.ctypes.data, self.message))

    def field(self, index, rows=None):
        """Return field `index` of the rows (by default the present ones) as numbers (N, elements)."""
        field = self.spec.fields[index]
        dtype = np.dtype(native.DTYPES[field.dtype])
        elements = field.rows * field.columns * field.channels
        rows = self.rows if rows is None else rows
        return np.ascontiguousarray(rows[:, field.offset : field.offset + elements * dtype.itemsize]).view(dtype)

    def head_masks(self, masks=None):
        """Return {head: uint8 (N, size)} of the masked heads."""
        masks = self.masks if masks is None else masks
        found, at = {}, 0
        for index in range(self.spec.num_heads):
            head = self.spec.heads[index]
            if head.masked:
                found[index] = masks[:, at : at + head.size]
                at += head.size
        return found

    def act_randomly(self, rng):
        """Write legal random actions into the action buffers."""
        masks = self.head_masks()
        for index in range(self.spec.num_heads):
            scores = rng.random((self.n, self.spec.heads[index].size))
            if index in masks:
                scores[masks[index] == 0] = -1
            self.discrete[:, index] = scores.argmax(axis=1)
        for index in range(self.spec.num_dims):
            dim = self.spec.dims[index]
            self.continuous[:, index] = rng.uniform(dim.low, dim.high, self.n)

    def _array(self, which, count, dtype):
        address = self.lib.vec_array(self.handle, which)
        if not address:
            return None
        start = address - self.memory.ctypes.data
        return self.memory[start : start + count * np.dtype(dtype).itemsize].view(dtype)


def filled(size, fill):
    block = memory.allocate(size)
    block[:] = fill
    return block
