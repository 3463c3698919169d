# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Steps under way: some environments of a vec are sent, and whichever workers finish first are taken first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal import native
from shoal.errors import ConfigError, NativeError, ShapeError

if TYPE_CHECKING:
    from shoal.vector import Vec

_SENT, _DONE = 1, 2  # of a block, as native code marks it


class Flight:
    """The blocks of a vec that are under way."""

    def __init__(self, vec: Vec) -> None:
        if vec.pool is None:
            raise ConfigError(
                f"`{vec.env.spelled}` is in C: it is stepped at once, and nothing need be sent", "vec.step"
            )
        self._vec, self._pool = vec, vec.pool
        self._lib = native.library()
        self._message = native.Message()
        self._block = vec.pool.shape.block
        self._blocks = np.zeros(-(-vec.num_envs // self._block), np.uint8)

    def send(self, envs: ArrayLike, discrete: ArrayLike | None, continuous: ArrayLike | None) -> None:
        """See `Vec.send`."""
        vec = self._vec
        numbers = np.asarray(envs, np.intp)
        blocks = self._whole(numbers)
        busy = np.flatnonzero(blocks & self._blocks)
        if len(busy):
            raise ConfigError(
                f"environment {busy[0] * self._block} is under way: it must be received before it is sent"
            )
        agents = vec.spec.agents
        rows = (numbers[:, None] * agents + np.arange(agents)).ravel()
        for name, into, values in (("discrete", vec.discrete, discrete), ("continuous", vec.continuous, continuous)):
            if values is None:
                continue
            array = np.asarray(values)
            if array.size != len(rows) * into.shape[1] or len(array) != len(rows):
                raise ShapeError(f"wrong shape: {name} has {array.shape}; expected {(len(rows), into.shape[1])}")
            into[rows] = array.reshape(len(rows), -1)
        self._check(self._lib.outside_send(vec.handle, blocks.ctypes.data, self._message))
        self._blocks |= blocks

    def receive(self, least: int) -> NDArray[np.intp]:
        """See `Vec.recv`."""
        vec, block = self._vec, self._block
        wanted = -(-least // block)
        sent = int(self._blocks.sum())
        if least < 1 or wanted > sent:
            raise ConfigError(f"least={least}; expected 1 to the {sent * block} environments that were sent")
        self._check(self._lib.outside_receive(vec.handle, wanted, self._blocks.ctypes.data, self._message))
        done = np.flatnonzero(self._blocks == _DONE)
        self._blocks[done] = 0
        numbers = (done[:, None] * block + np.arange(block)).ravel()
        found: NDArray[np.intp] = numbers[numbers < vec.num_envs]
        return found

    def _whole(self, numbers: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Return, for every block, whether it is named."""
        vec, block = self._vec, self._block
        if numbers.ndim != 1 or len(numbers) == 0 or numbers.min() < 0 or numbers.max() >= vec.num_envs:
            raise ConfigError(f"envs={numbers}; expected numbers of 0 to {vec.num_envs - 1}")
        blocks = np.zeros(len(self._blocks), np.uint8)
        blocks[numbers // block] = _SENT
        expected = np.flatnonzero(np.repeat(blocks, block)[: vec.num_envs])
        if not np.array_equal(np.sort(numbers), expected):
            raise ConfigError(
                f"part of a block was named; expected whole blocks of {block} environments",
                "`shoal.Workers(block=1)` makes each a block of its own",
            )
        return blocks

    def _check(self, code: int) -> None:
        if self._message.check(code):
            self._vec.check()
            raise NativeError("the vec was stopped")
