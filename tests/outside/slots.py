# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Memory for one environment without an engine, and spaces made at random."""

from typing import Any

import numpy as np
from gymnasium import spaces
from hypothesis import strategies as st

from shoal.outside.declaration import Declaration
from shoal.outside.slot import Slot


def slot_of(declaration: Declaration) -> Slot:
    """Return a slot whose memory is full of rubbish, as the engine's may be."""

    def full(dtype: str, *shape: int) -> Any:
        return np.full(shape, 77, dtype)

    agents = declaration.agents
    return Slot(
        rows=full("uint8", agents, declaration.row_bytes),
        masks=full("uint8", agents, declaration.mask_bytes),
        discrete=np.zeros((agents, len(declaration.heads)), np.int32),
        continuous=np.zeros((agents, len(declaration.dims)), np.float32),
        rewards=full("float32", agents),
        ended=full("uint8", agents),
        live=full("uint8", agents),
        metrics=full("float32", agents, len(declaration.metrics)),
        over=full("uint8", 1),
    )


def field_of(slot: Slot, declaration: Declaration, name: str, agent: int = 0) -> Any:
    """Return a field's elements, flat."""
    field = next(field for field in declaration.fields if field.name == name)
    return slot.rows[agent, field.offset : field.offset + field.bytes].view(field.dtype)


# ---------------------------------------------------------------------------------------------- spaces at random

_SHAPES = st.lists(st.integers(1, 4), max_size=4).map(tuple)


def _boxes(dtypes: list[str]) -> st.SearchStrategy[Any]:
    def box(shape: tuple[int, ...], name: str, low: int, width: int) -> Any:
        dtype = np.dtype(name)
        if dtype.kind in "iu":
            low = int(np.clip(low, np.iinfo(dtype).min, np.iinfo(dtype).max))
            return spaces.Box(low, int(min(low + width, np.iinfo(dtype).max)), shape, dtype)
        if dtype.kind == "b":
            return spaces.Box(0, 1, shape, dtype)
        return spaces.Box(low, low + width, shape, dtype) if width else spaces.Box(-np.inf, np.inf, shape, dtype)

    widths = st.sampled_from([0, 1, 5, 30, 31, 32, 255, 40_000])
    return st.builds(box, _SHAPES, st.sampled_from(dtypes), st.integers(-300, 300), widths)


_DTYPES = ["float64", "float32", "float16", "uint8", "int8", "int16", "uint16", "int32", "int64", "bool"]
_COUNTS = st.integers(1, 6)
LEAVES = st.one_of(
    _boxes(_DTYPES),
    st.builds(lambda n, start: spaces.Discrete(n, start=start), st.integers(1, 400), st.integers(-3, 3)),
    st.builds(
        lambda shape, n, start: spaces.MultiDiscrete(np.full(shape, n), start=np.full(shape, start)),
        st.lists(st.integers(1, 3), min_size=1, max_size=3),
        st.integers(1, 40),
        st.integers(-2, 2),
    ),
    st.builds(spaces.MultiBinary, st.lists(st.integers(1, 3), min_size=1, max_size=2)),
)
SPACES = st.recursive(
    LEAVES,
    lambda below: st.one_of(
        st.lists(below, min_size=1, max_size=3).map(spaces.Tuple),
        st.dictionaries(st.sampled_from("abcde"), below, min_size=1, max_size=3).map(spaces.Dict),
    ),
    max_leaves=6,
)


def flat(space: Any, value: Any) -> list[np.ndarray[Any, Any]]:
    """Return the values of a nested space in its order, float64: an oracle that knows nothing of fields or views."""
    if isinstance(space, spaces.Dict):
        return [part for key in space for part in flat(space[key], value[key])]
    if isinstance(space, spaces.Tuple):
        return [part for below, found in zip(space, value, strict=True) for part in flat(below, found)]
    start = getattr(space, "start", 0)
    return [(np.asarray(value, np.float64) - start).ravel()]
