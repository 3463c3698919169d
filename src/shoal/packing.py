# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Named arrays and the packed rows that native code reads: observations, masks, actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal import memory, registry
from shoal.errors import ConfigError, ShapeError, nearest

Arrays = dict[str, NDArray[Any]]
Observation = Mapping[str, ArrayLike] | NDArray[np.uint8]


def unpack(spec: registry.Spec, rows: NDArray[np.uint8]) -> Arrays:
    """Return the named fields of packed rows (N, row_bytes) as views (N, *shape)."""
    return {
        field.name: rows[:, field.offset : field.offset + field.bytes]
        .view(field.dtype)
        .reshape(len(rows), *field.shape)
        for field in spec.fields
    }


def unpack_masks(spec: registry.Spec, masks: NDArray[np.uint8]) -> Arrays:
    """Return the masked heads of packed masks (N, mask_bytes) as views (N, size)."""
    views, at = {}, 0
    for head in spec.heads:
        if head.masked:
            views[head.name] = masks[:, at : at + head.size]
            at += head.size
    return views


def packed_rows(spec: registry.Spec, observation: Observation) -> NDArray[np.uint8]:
    """Return the packed rows uint8 (n, row_bytes) of what `Policy.act` takes."""
    fields = {field.name: field for field in spec.fields}
    if not isinstance(observation, Mapping):
        return _packed("observation", observation, spec.row_bytes)
    for name in observation:
        if name not in fields:
            raise ConfigError(f"`{spec.env.name}` has no field `{name}`", nearest(name, fields))
    rows: NDArray[np.uint8] | None = None
    for name, field in fields.items():
        if name not in observation:
            raise ConfigError(f"the observation lacks the field `{name}`", f"expected {', '.join(fields)}")
        values = np.asarray(observation[name])
        values = values if values.ndim > len(field.shape) else values[None]
        if values.shape[1:] != field.shape or (rows is not None and len(rows) != len(values)):
            count = "n" if rows is None else len(rows)
            expected = f"({', '.join(map(str, (count, *field.shape)))})"
            raise ShapeError(f"wrong shape: field `{name}` has {values.shape}; expected {expected}")
        if rows is None:
            rows = memory.allocate(len(values) * spec.row_bytes).reshape(len(values), spec.row_bytes)
        data = np.ascontiguousarray(values, field.dtype).view(np.uint8).reshape(len(values), field.bytes)
        rows[:, field.offset : field.offset + field.bytes] = data
    assert rows is not None  # an environment declares at least one field
    return rows


def packed_masks(
    spec: registry.Spec, mask: Mapping[str, ArrayLike] | NDArray[np.uint8] | None, n: int
) -> NDArray[np.uint8]:
    """Return the packed masks uint8 (n, mask_bytes) of what `Policy.act` takes."""
    if isinstance(mask, Mapping):
        parts = []
        for head in spec.heads:
            if head.masked:
                if head.name not in mask:
                    raise ConfigError(f"the mask lacks the head `{head.name}`")
                parts.append(_packed(f"mask `{head.name}`", np.asarray(mask[head.name], np.uint8), head.size))
        mask = np.concatenate(parts, axis=1) if parts else None
    if mask is None:
        return np.ones((n, spec.mask_bytes), np.uint8)
    packed = _packed("mask", mask, spec.mask_bytes)
    if len(packed) != n:
        raise ShapeError(f"wrong shape: mask has {packed.shape}; expected {(n, spec.mask_bytes)}")
    return packed


def copy(into: NDArray[Any], values: ArrayLike, name: str) -> None:
    """Copy actions into the bound buffer `into`.

    Raises:
        ShapeError: if they have another shape, or a type that does not fit.
    """
    array = np.asarray(values)
    if array.shape != into.shape and not (into.shape[1] == 1 and array.shape == into.shape[:1]):
        raise ShapeError(f"wrong shape: {name} has {array.shape}; expected {into.shape}")
    if array.dtype.kind not in ("iub" if into.dtype.kind == "i" else "iubf"):
        raise ShapeError(f"wrong type: {name} holds {array.dtype}; expected {into.dtype}")
    np.copyto(into, array.reshape(into.shape), casting="unsafe")


def _packed(name: str, values: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    packed = values if values.ndim == 2 else values[None]
    if packed.dtype != np.uint8 or packed.ndim != 2 or packed.shape[1] != width:
        raise ShapeError(f"wrong shape: {name} has {values.dtype} {values.shape}; expected uint8 (n, {width})")
    return np.ascontiguousarray(packed)
