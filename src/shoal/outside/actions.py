# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Action spaces as discrete heads and continuous dimensions: readers that make actions of them, writers of masks.

    Discrete          a head                             MultiDiscrete, MultiBinary    a head for every element
    Box of floats     a dimension for every element      Box of integers               a head for every element of at
    Tuple, Dict       all of their parts                                               most 32 values, else a dimension

A reader is compiled once. What it returns is the environment's to keep: arrays are copies, since many environments
remember their last action and must not see the next one in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from shoal.errors import EnvError, ShapeError
from shoal.tables import Dim, Head

Array = np.ndarray[Any, np.dtype[Any]]
Reader = Callable[[], Any]

UNBOUNDED = 1.0  # the bound of a continuous action that has none
MOST_VALUES = 32  # up to which an element of a Box of integers is a head


@dataclass(frozen=True)
class Actions:
    """An action space in heads and dimensions."""

    space: Any
    heads: tuple[Head, ...]
    dims: tuple[Dim, ...]


def actions(space: Any, *, masked: bool = False, notes: list[str] | None = None) -> Actions:
    """Return what an action space is made of.

    Args:
        space: Gymnasium's.
        masked: are all its heads masked.
        notes: where to add a sentence for every bound that the space does not have.

    Raises:
        EnvError: for a space that cannot be made of choices and numbers.
    """
    heads: list[Head] = []
    dims: list[Dim] = []
    for name, part in _parts(space, "action"):
        sizes, bounds = _elements(part, name)
        many = len(sizes) + len(bounds) > 1
        heads += [Head(f"{name}_{i}" if many else name, size, masked, ()) for i, size in enumerate(sizes)]
        dims += [Dim(f"{name}_{i}" if many else name, low, high) for i, (low, high) in enumerate(bounds)]
        if notes is not None and bounds and not np.isfinite([part.low, part.high]).all():
            notes.append(
                f"the action `{name}` has no bounds of its own: it is kept within {UNBOUNDED:g} of what it has"
            )
    return Actions(space, tuple(heads), tuple(dims))


def reader(space: Any, discrete: Array, continuous: Array) -> Reader:
    """Return a function that makes an action of an agent's choices.

    Args:
        space: Gymnasium's.
        discrete: int32 (heads,), kept and read at every call.
        continuous: float32 (dims,), likewise.
    """
    made, heads, dims = _reader(space, discrete, continuous, 0, 0)
    if heads != len(discrete) or dims != len(continuous):
        raise ShapeError(f"{len(discrete)} heads and {len(continuous)} dimensions; expected {heads} and {dims}")
    return made


def mask_writer(space: Any, mask: Array, sizes: tuple[int, ...] = ()) -> Callable[[Any], None]:
    """Return a function that writes which actions are legal; None stands for all, and so does a mask of nothing.

    Args:
        space: Gymnasium's. What is written may be flat, or nested as the space is.
        mask: uint8 (mask_bytes,), kept.
        sizes: of the heads in `mask`, where some are larger than the space's: what the space lacks is illegal.
    """
    own = [size for name, part in _parts(space, "action") for size in _elements(part, name)[0]]
    ends = np.cumsum(own)
    if not sizes or tuple(own) == sizes:
        places = np.arange(len(mask))
    else:
        starts = np.cumsum((0, *sizes[:-1]))
        places = np.concatenate([start + np.arange(size) for start, size in zip(starts, own, strict=True)])
    direct = len(places) == len(mask)
    shape = places.shape

    def write_mask(value: Any) -> None:
        if value is None:
            legal = np.ones(shape, bool)
        elif type(value) is np.ndarray and value.shape == shape:
            legal = value != 0
        else:
            flat = np.concatenate([np.zeros(0), *_flat(space, value)])
            if flat.shape != shape:
                raise ShapeError(f"the action mask has {flat.size} values; expected {shape[0]}")
            legal = flat != 0
        for first, end in zip((0, *ends[:-1]), ends, strict=True):
            if not legal[first:end].any():
                legal[first:end] = True
        if direct:
            mask[:] = legal
        else:
            mask[:] = 0
            mask[places] = legal

    return write_mask


# ---------------------------------------------------------------------------------------------- spaces


def _parts(space: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield a name and the space of every leaf."""
    from gymnasium import spaces

    if isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            yield from _parts(part, str(key) if name == "action" else f"{name}_{key}")
    elif isinstance(space, spaces.Tuple):
        for index, part in enumerate(space.spaces):
            yield from _parts(part, f"{name}_{index}")
    else:
        yield name, space


def _children(space: Any) -> list[tuple[Any, Any]]:
    """Return the keys and parts of a Dict, the indices and parts of a Tuple."""
    return list(space.spaces.items() if isinstance(space.spaces, dict) else enumerate(space.spaces))


def _elements(space: Any, name: str) -> tuple[list[int], list[tuple[float, float]]]:
    """Return the sizes of a leaf's heads and the bounds of its dimensions, of which one list is empty."""
    from gymnasium import spaces

    if isinstance(space, spaces.Discrete):
        return [int(space.n)], []
    if isinstance(space, spaces.MultiDiscrete):
        return [int(size) for size in space.nvec.flat], []
    if isinstance(space, spaces.MultiBinary):
        return [2] * math.prod(space.shape), []
    if isinstance(space, spaces.Box):
        if _is_choices(space):
            return [int(high) - int(low) + 1 for low, high in zip(space.low.flat, space.high.flat, strict=True)], []
        return [], [_bounds(float(low), float(high)) for low, high in zip(space.low.flat, space.high.flat, strict=True)]
    raise EnvError(
        f"the action `{name}` is of the space {type(space).__name__}; expected Box, Discrete, MultiDiscrete, "
        "MultiBinary, or Tuple and Dict of these",
        "turn it into one of these in a wrapper (gymnasium.wrappers.TransformAction)",
    )


def _is_choices(space: Any) -> bool:
    """Return whether a Box is so narrow that its elements are choices."""
    if space.dtype.kind not in "biu":
        return False
    return bool((space.high.astype(np.float64) - space.low.astype(np.float64) < MOST_VALUES).all())


def _bounds(low: float, high: float) -> tuple[float, float]:
    """Return finite bounds that are not empty."""
    if not math.isfinite(low):
        low = high - 2 * UNBOUNDED if math.isfinite(high) else -UNBOUNDED
    if not math.isfinite(high):
        high = low + 2 * UNBOUNDED
    return low, high if low < high else low + UNBOUNDED  # a constant: the reader clips to it


# ---------------------------------------------------------------------------------------------- readers


def _reader(space: Any, discrete: Array, continuous: Array, head: int, dim: int) -> tuple[Reader, int, int]:
    """Return a reader, and the first head and dimension behind it."""
    from gymnasium import spaces

    if isinstance(space, (spaces.Dict, spaces.Tuple)):
        named = isinstance(space, spaces.Dict)
        parts = []
        for key, part in _children(space):
            read, head, dim = _reader(part, discrete, continuous, head, dim)
            parts.append((key, read))
        if named:
            return lambda: {key: read() for key, read in parts}, head, dim
        return lambda: tuple(read() for _, read in parts), head, dim
    if isinstance(space, spaces.Discrete):
        cell, start = discrete[head : head + 1].data, int(space.start)  # a memoryview gives an int, and faster
        return (lambda: cell[0] + start) if start else (lambda: cell[0]), head + 1, dim
    count = math.prod(space.shape)
    if isinstance(space, spaces.Box) and not _is_choices(space):
        return _numbers(space, continuous[dim : dim + count].reshape(space.shape)), head, dim + count
    chosen = discrete[head : head + count].reshape(space.shape)
    dtype = space.dtype
    first = space.low if isinstance(space, spaces.Box) else np.asarray(getattr(space, "start", 0))
    if first.any():
        return lambda: (chosen + first).astype(dtype), head + count, dim
    return lambda: chosen.astype(dtype), head + count, dim


def _numbers(space: Any, chosen: Array) -> Reader:
    """Return a reader of a Box. The engine keeps float32 within bounds; other types are clipped to their own."""
    dtype, low, high = space.dtype, space.low, space.high
    if dtype.kind != "f":
        return lambda: np.clip(np.rint(chosen.astype(np.float64)), low, high).astype(dtype)
    if dtype.name == "float32" and (low < high).all():
        return lambda: chosen.copy()
    return lambda: np.clip(chosen.astype(dtype), low, high)


# ---------------------------------------------------------------------------------------------- masks


def _flat(space: Any, value: Any) -> Iterator[Array]:
    """Yield the parts of a mask that is nested as the space is, in the order of the heads; None: all are legal."""
    from gymnasium import spaces

    if value is None:
        sizes = (size for name, part in _parts(space, "action") for size in _elements(part, name)[0])
        yield np.ones(sum(sizes))
    elif isinstance(space, spaces.Dict) and isinstance(value, dict):
        for key, part in space.spaces.items():
            yield from _flat(part, value.get(key))
    elif isinstance(space, spaces.Tuple) and isinstance(value, (tuple, list)) and len(value) == len(space.spaces):
        for part, found in zip(space.spaces, value, strict=True):
            yield from _flat(part, found)
    elif isinstance(value, (tuple, list)) and any(isinstance(part, (tuple, list, np.ndarray)) for part in value):
        for part in value:
            yield from _flat(None, part)
    else:
        yield np.asarray(value, dtype=np.float64).ravel()
