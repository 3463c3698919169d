# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Observations and actions in the terms of Gymnasium's spaces, which PettingZoo and Stable-Baselines3 share.

A field becomes one space, several fields a Dict of them; `flat` makes of all of them one float32 Box of what the
policy's encoders see, categories and grids one-hot. One head is a Discrete, several are a MultiDiscrete, continuous
dimensions a Box, and both together a Dict of `discrete` and `continuous`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from shoal import registry, tables
from shoal.errors import ShapeError

# ---------------------------------------------------------------------------------------------------- observations


def observation_space(spec: registry.Spec, flat: bool = False) -> spaces.Space[Any]:
    """Return the space of one agent's observation."""
    if flat:
        low = np.concatenate([np.full(field.features, 0 if _one_hot(field) else field.low) for field in spec.fields])
        high = np.concatenate([np.full(field.features, 1 if _one_hot(field) else field.high) for field in spec.fields])
        return spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)
    if len(spec.fields) == 1:
        return _field_space(spec.fields[0])
    return spaces.Dict({field.name: _field_space(field) for field in spec.fields})


def _field_space(field: tables.Field) -> spaces.Space[Any]:
    if field.kind == "category":
        if field.size == 1:
            return spaces.Discrete(field.categories)
        return spaces.MultiDiscrete(np.full(field.shape, field.categories))
    if _binary(field):
        return spaces.MultiBinary(field.shape[0] if len(field.shape) == 1 else field.shape)
    low, high = (0, field.categories - 1) if field.kind == "grid" else (field.low, field.high)
    kind: Any = np.dtype(field.dtype).type
    return spaces.Box(kind(low), kind(high), field.shape, kind)


def _binary(field: tables.Field) -> bool:
    return field.kind == "flag" and field.dtype in ("uint8", "int8")


def _one_hot(field: tables.Field) -> bool:
    return field.kind in ("category", "grid")


class Observations:
    """Takes observations out of packed rows, uint8 (N, row_bytes), or out of one row, uint8 (row_bytes,).

    Attributes:
        take: returns the present observation of all rows as fresh memory: an array (N, ...), or a dictionary of them.
        views: returns the same without a copy, wherever the space's values lie in the rows as they are.
    """

    def __init__(self, spec: registry.Spec, rows: NDArray[np.uint8], flat: bool = False) -> None:
        self._spec, self._rows, self._flat = spec, rows, flat
        self._arrays = {field.name: _array(field, rows) for field in spec.fields}
        plain = all(field.dtype == "float32" and not _one_hot(field) for field in spec.fields)
        whole = rows.view(np.float32) if flat and plain and spec.row_bytes == 4 * spec.features else None
        self._whole = whole
        self.take: Callable[[], Any]
        self.views: Callable[[], Any]
        if whole is not None:
            self.take, self.views = whole.copy, lambda: whole
        elif flat:
            self.take = self.views = self._flatten
        else:
            takers = {field.name: _taker(field, self._arrays[field.name]) for field in spec.fields}
            viewers = {
                field.name: takers[field.name] if field.kind == "category" else partial(_same, self._arrays[field.name])
                for field in spec.fields
            }
            self.take, self.views = _gathering(takers), _gathering(viewers)

    def some(self, indices: NDArray[np.intp]) -> list[Any]:
        """Return fresh observations of these rows, one by one."""
        if self._whole is not None:
            return list(self._whole[indices])
        if self._flat:
            return list(Observations(self._spec, self._rows[indices], True).take())
        parts = {}
        for field in self._spec.fields:
            part = self._arrays[field.name][indices]
            if field.kind != "category":
                parts[field.name] = list(part)
            else:
                parts[field.name] = part[:, 0].tolist() if field.size == 1 else list(part.astype(np.int64))
        if len(parts) == 1:
            return next(iter(parts.values()))
        return [dict(zip(parts, row, strict=True)) for row in zip(*parts.values(), strict=True)]

    def _flatten(self) -> NDArray[np.float32]:
        lead = self._rows.shape[:-1]
        out = np.empty((*lead, self._spec.features), np.float32)
        at = 0
        for field in self._spec.fields:
            array = self._arrays[field.name].reshape(*lead, field.size)
            if _one_hot(field):
                array = (array[..., None] == np.arange(field.categories)).reshape(*lead, field.features)
            out[..., at : at + field.features] = array
            at += field.features
        return out


def _array(field: tables.Field, rows: NDArray[np.uint8]) -> NDArray[Any]:
    """Return a field of the rows as a view (*lead, *shape)."""
    dtype = "int8" if _binary(field) else field.dtype  # as MultiBinary has it
    part = rows[..., field.offset : field.offset + field.bytes].view(dtype)
    return part.reshape(*rows.shape[:-1], *field.shape)


def _taker(field: tables.Field, array: NDArray[Any]) -> Callable[[], Any]:
    """Return what copies a field, in the type that its space has."""
    if field.kind != "category":
        return array.copy
    if field.size > 1:
        return partial(array.astype, np.int64)
    if array.ndim == 1:
        return lambda: int(array[0])
    return lambda: array[..., 0].astype(np.int64)


def _same(array: NDArray[Any]) -> NDArray[Any]:
    return array


def _gathering(parts: dict[str, Callable[[], Any]]) -> Callable[[], Any]:
    """Return what calls the only one of these, or makes a dictionary of all."""
    if len(parts) == 1:
        return next(iter(parts.values()))
    return lambda: {name: part() for name, part in parts.items()}


# ---------------------------------------------------------------------------------------------------- actions


def action_space(spec: registry.Spec) -> spaces.Space[Any]:
    """Return the space of one agent's action."""
    discrete: spaces.Space[Any] | None = None
    if len(spec.heads) == 1:
        discrete = spaces.Discrete(spec.heads[0].size)
    elif spec.heads:
        discrete = spaces.MultiDiscrete([head.size for head in spec.heads])
    if not spec.dims:
        assert discrete is not None  # an environment has an action
        return discrete
    low, high = (np.array([getattr(dim, end) for dim in spec.dims], np.float32) for end in ("low", "high"))
    continuous = spaces.Box(low, high, dtype=np.float32)
    return continuous if discrete is None else spaces.Dict({"discrete": discrete, "continuous": continuous})


class Actions:
    """Writes actions of a space into the arrays that the engine reads.

    Args:
        spec: of the environment.
        discrete: int32 (..., heads), continuous: float32 (..., dims), of all rows or of one.
    """

    def __init__(self, spec: registry.Spec, discrete: NDArray[np.int32], continuous: NDArray[np.float32]) -> None:
        self._discrete = discrete[..., 0] if len(spec.heads) == 1 else discrete
        self._continuous = continuous
        self._heads, self._dims = len(spec.heads), len(spec.dims)

    def put(self, action: Any) -> None:
        """Write an action; one that the engine finds illegal it replaces.

        Raises:
            ShapeError: if it has another shape or type than the space's.
        """
        if not self._dims:
            write(self._discrete, action, "action")
        elif not self._heads:
            write(self._continuous, action, "action")
        elif isinstance(action, Mapping) and action.keys() == {"discrete", "continuous"}:
            write(self._discrete, action["discrete"], "action['discrete']")
            write(self._continuous, action["continuous"], "action['continuous']")
        else:
            raise ShapeError(f"wrong action: {action!r:.60}; expected a dictionary with `discrete` and `continuous`")


def write(into: NDArray[Any], values: ArrayLike, name: str) -> None:
    """Copy an action of this shape; whole numbers where whole numbers are expected."""
    array = values if isinstance(values, np.ndarray) else np.asarray(values)
    if array.shape != into.shape:
        raise ShapeError(f"wrong shape: {name} has {array.shape}; expected {into.shape}")
    if array.dtype.kind not in ("iu" if into.dtype.kind == "i" else "iuf"):
        expected = "whole numbers" if into.dtype.kind == "i" else "numbers"
        raise ShapeError(f"wrong type: {name} holds {array.dtype}; expected {expected}")
    into[...] = array


class Masks:
    """Takes action masks out of packed masks, uint8 (..., mask_bytes), as `action_space.sample(mask)` wants them."""

    def __init__(self, spec: registry.Spec, masks: NDArray[np.uint8]) -> None:
        parts: list[NDArray[np.int8]] = []
        at = 0
        for head in spec.heads:
            width = head.size if head.masked else 0
            free = np.ones((*masks.shape[:-1], head.size), np.int8)
            parts.append(masks[..., at : at + width].view(np.int8) if head.masked else free)
            at += width
        self._parts = parts
        self._mixed = bool(spec.dims)

    def take(self) -> Any:
        """Return fresh masks: int8 (..., size) of one head, a tuple of several, in a dictionary beside a Box."""
        return self._shape([part.copy() for part in self._parts])

    def some(self, indices: NDArray[np.intp]) -> list[Any]:
        """Return fresh masks of these rows, one by one."""
        return [self._shape(list(row)) for row in zip(*(part[indices] for part in self._parts), strict=True)]

    def _shape(self, parts: list[NDArray[np.int8]]) -> Any:
        mask = parts[0] if len(parts) == 1 else tuple(parts)
        return {"discrete": mask, "continuous": None} if self._mixed else mask
