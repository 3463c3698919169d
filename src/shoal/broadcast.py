# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What the environments of a vec adopt at their next reset: parameter values, distributions, a Shared block.

An environment keeps the parameters that it began its episode with as bytes of its own, so only Shared blocks, which
are large, have versions that live on: one is freed when no environment and no resume image names it any more.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal import memory, native, registry, tables
from shoal.errors import ConfigError, ShapeError, nearest

Contents = int | bytes | NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Block:
    """A Shared block: `seed` built it with the parameters `values`; without a seed it was given as bytes."""

    memory: memory.Bytes
    seed: int | None
    values: dict[str, tables.Value]

    def about(self) -> dict[str, Any]:
        """Return what makes it again, but for the contents of one that has no seed."""
        return {"seed": self.seed, "values": self.values}


@dataclass(frozen=True)
class Version:
    """What is to be adopted: the values of all parameters, some of them distributions, and the blocks in use."""

    count: int  # broadcasts so far
    values: dict[str, tables.Value]
    newest: int  # number of the newest block
    blocks: dict[int, Block]

    def about(self) -> dict[str, Any]:
        """Return it without the contents of blocks, as JSON can hold it."""
        blocks = {str(number): block.about() for number, block in self.blocks.items()}
        return {"count": self.count, "values": self.values, "newest": self.newest, "blocks": blocks}


class Versions:
    """The newest version of a native vec, and the memory that versions take.

    Attributes:
        values: of all parameters, as the next reset of an environment adopts them; text where they are drawn.
        count: broadcasts so far.
    """

    def __init__(self, handle: int, spec: registry.Spec, num_envs: int, block: Block) -> None:
        """`block` is what the vec was created with."""
        self._handle, self._spec, self._num_envs = handle, spec, num_envs
        self._lib = native.library()
        self._message = native.Message()
        self._own: memory.Bytes | None = None
        self._blocks = {0: block}
        self._newest = 0
        self._table = (ctypes.c_void_p * 1)()
        self.values = dict(spec.values)
        self.count = 0
        if len(spec.contexts):
            self._send(self.values, self._blocks, 0)

    def broadcast(self, values: Mapping[str, object], shared: Contents | None) -> int:
        """Make a new version and return its number; see `Vec.broadcast`."""
        env = self._spec.env
        new = env.checked(values)
        for param in env.params:
            if param.role == "size" and param.name in new and new[param.name] != self.values[param.name]:
                problem = f"`{param.name}` is fixed at creation; got {new[param.name]!r} (at env.{param.name})"
                changing = [other.name for other in env.params if other.role == "value"]
                raise ConfigError(problem, f"these can change: {', '.join(changing) or 'none'}")
        merged = self.values | new
        blocks, newest = self._used(), self._newest
        if shared is not None:
            newest += 1
            blocks[newest] = self._block(shared, merged)
        self._send(merged, blocks, newest)
        self.count += 1
        return self.count

    def version(self) -> Version:
        """Return the present version with the blocks that are in use, and free the others."""
        if len(self._blocks) > 1:
            self._send(self.values, self._used(), self._newest)
        return Version(self.count, self.values, self._newest, self._blocks)

    def put_back(self, version: Version) -> None:
        """Go back to a version of this vec, or to one like it; environments keep the blocks that they name."""
        self.count = version.count
        if version.count or self._own is not None:
            named = {number: block for number, block in self._used().items() if number <= version.newest}
            self._send(version.values, named | version.blocks, version.newest)

    def read(self, about: Mapping[str, Any], contents: Mapping[str, NDArray[np.uint8]]) -> Version:
        """Return the version that `Version.about` wrote, with the contents of the blocks that have no seed.

        Raises:
            ConfigError: if it does not fit the environment. KeyError: if something is missing.
        """
        blocks = {}
        for number, block in about["blocks"].items():
            made = contents[number] if block["seed"] is None else block["seed"]
            blocks[int(number)] = self._block(made, block["values"]) if int(number) else self._blocks[0]
        return Version(about["count"], self._spec.env.check(about["values"]), about["newest"], blocks)

    def present(self, name: str) -> NDArray[Any]:
        """Return a parameter's value in each environment's present episode, (num_envs,)."""
        params = self._spec.env.params
        at = {param.name: row for row, param in enumerate(params)}
        if name not in at:
            raise ConfigError(f"`{self._spec.env.name}` has no parameter `{name}`", nearest(name, at))
        size = self._spec.env.descriptor.params_bytes
        if self._own is None:
            rows = np.frombuffer(bytes(self._spec.params), np.uint8)[None].repeat(self._num_envs, axis=0)
        else:
            rows = self._own[: self._num_envs * size].reshape(self._num_envs, size)
        start = ctypes.sizeof(native.Sizes) + 4 * at[name]
        dtype = np.float32 if params[at[name]].kind == "float" else np.int32
        found: NDArray[Any] = rows[:, start : start + 4].copy().view(dtype)[:, 0]
        return found

    def _send(self, values: dict[str, tables.Value], blocks: dict[int, Block], newest: int) -> None:
        """Hand a version to native code, which needs Params of every environment's own from now on."""
        env = self._spec.env
        contexts = registry.contexts_of(env, values)
        if self._own is None:
            self._own = memory.allocate(own_bytes(self._spec, self._num_envs))
            self._lib.vec_own(self._handle, self._own.ctypes.data)
        params = registry.pack(env, values)
        table = (ctypes.c_void_p * (newest + 1))()
        for number, block in blocks.items():
            table[number] = block.memory.ctypes.data
        shared = (table, newest + 1) if self._spec.shared_bytes else (None, 0)
        what = (params, contexts, len(contexts), *shared)
        self._message.check(self._lib.vec_broadcast(self._handle, *what, self._message))
        self.values, self._blocks, self._newest, self._table = dict(values), blocks, newest, table

    def _used(self) -> dict[int, Block]:
        """Return the blocks that an environment names, and the newest."""
        address = self._lib.vec_array(self._handle, _SHARED_VERSIONS)
        if not address:
            return dict(self._blocks)
        assert self._own is not None
        start = address - self._own.ctypes.data
        named = self._own[start : start + 4 * self._num_envs].view(np.int32)
        used = {self._newest, *np.unique(named).tolist()}
        return {number: block for number, block in self._blocks.items() if number in used}

    def _block(self, shared: Contents, values: dict[str, tables.Value]) -> Block:
        """Return a block built from a seed, or one that holds these bytes."""
        env, size = self._spec.env, self._spec.shared_bytes
        if not size:
            raise ConfigError(f"`{env.name}` has no Shared block; got shared={shared!r:.40}")
        block = memory.allocate(size)
        if isinstance(shared, (int, np.integer)):
            if not 0 <= int(shared) < 1 << 64:
                raise ConfigError(f"out of range: shared={shared}; expected a seed of 0 to 2**64 - 1, or bytes")
            build(self._spec, values, int(shared), block)
            return Block(block, int(shared), dict(values))
        data = np.frombuffer(shared, np.uint8) if isinstance(shared, bytes) else np.asarray(shared)
        if data.dtype != np.uint8 or data.shape != (size,):
            raise ShapeError(f"wrong shape: shared has {data.dtype} {data.shape}; expected uint8 ({size},), or a seed")
        block[:] = data
        return Block(block, None, dict(values))


_SHARED_VERSIONS = 8  # of shoal_vec_array


def build(spec: registry.Spec, values: Mapping[str, tables.Value], seed: int, block: memory.Bytes) -> None:
    """Let the environment fill a Shared block."""
    params = registry.pack(spec.env, values)
    ctypes.memmove(params, spec.params, ctypes.sizeof(native.Sizes))
    spec.env.descriptor.shared(ctypes.addressof(params), seed, block.ctypes.data)


def own_bytes(spec: registry.Spec, num_envs: int) -> int:
    """Return what Params of every environment's own take."""
    return int(native.library().vec_own_bytes(ctypes.byref(spec.env.descriptor), num_envs))
