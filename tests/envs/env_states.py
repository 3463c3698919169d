# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What the tests of the arcade environments share: native State as a numpy array, and golden hashes."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

import shoal
from shoal.stats import Stats

HEAD = [("key", "u8"), ("episode", "u4"), ("tick", "u4"), ("draws", "u4"), ("phase", "u4")]  # ShoalHead of env.h


def states(vec: shoal.Vec, fields: list[tuple[Any, ...]]) -> NDArray[Any]:
    """Return a writable structured view (num_envs,) of every State: its head, then `fields` in order."""
    dtype = np.dtype([*HEAD, *fields])
    assert dtype.itemsize == vec.spec.state_bytes, (dtype.itemsize, vec.spec.state_bytes)
    start = vec._lib.vec_array(vec.handle, 4) - vec._memory.ctypes.data
    return vec._memory[start : start + vec.num_envs * dtype.itemsize].view(dtype)


def prepared_actions(steps: int, rows: int, choices: int) -> NDArray[np.int32]:
    """Return actions (steps, rows) in 0 .. choices - 1 that depend on no library's generator (splitmix64)."""
    x = np.arange(1, steps * rows + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((x ^ (x >> np.uint64(31))) % np.uint64(choices)).astype(np.int32).reshape(steps, rows)


def trajectory_hash(name: str, steps: int = 1000, worlds: int = 8, **params: Any) -> str:
    """Return a hash of rows, rewards and flags over `steps` steps: prepared actions, every other 100 steps scripted."""
    with shoal.make_vec(name, worlds, seed=7, threads=1, **params) as vec:
        sizes = [head.size for head in vec.spec.heads] or [201]
        actions = prepared_actions(steps, vec.num_rows * len(sizes), sizes[0]).reshape(steps, vec.num_rows, -1) % sizes
        digest = hashlib.sha256(vec.rows.tobytes())
        for step in range(steps):
            if step // 100 % 2:
                vec.scripted()
                outcome = vec.step()
            elif vec.spec.heads:
                outcome = vec.step(actions[step])
            else:
                outcome = vec.step(None, (actions[step, :, 0].astype(np.float32) - 100) / 100)
            for array in (vec.rows, *outcome[1:]):
                digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def scripted_stats(name: str, num_envs: int, steps: int, level: float = 1.0, **params: Any) -> Stats:
    """Return the statistics of the scripted policy over so many steps."""
    with shoal.make_vec(name, num_envs, seed=3, **params) as vec:
        for _ in range(steps):
            vec.scripted(level)
            vec.step()
        return vec.stats()
