# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from slots import SPACES, field_of, flat, slot_of

from shoal.errors import EnvError
from shoal.outside import observations
from shoal.outside.declaration import declare
from shoal.outside.options import Options
from shoal.tables import Head

ACTION = (Head("action", 2, False, ()),)


def packed(space: Any, value: Any, options: Options = Options()) -> tuple[Any, Any]:  # noqa: B008
    """Return the slot and the declaration of an observation that was written."""
    leaves = observations.leaves(space, options)
    declaration = declare("test", fields=(leaf.field for leaf in leaves), heads=ACTION, dims=())
    slot = slot_of(declaration)
    observations.writer(leaves, declaration.fields, slot.rows[0])(value)
    return slot, declaration


def field(space: Any, options: Options = Options()) -> Any:  # noqa: B008
    (leaf,) = observations.leaves(space, options)
    return leaf.field


@given(SPACES, st.integers(0, 2**31))
@settings(max_examples=150, deadline=None)
def test_every_value_of_every_space_can_be_read_from_its_row(space: Any, seed: int) -> None:
    space.seed(seed)
    value = space.sample()
    slot, declaration = packed(space, value)
    expected = flat(space, value)
    assert len(expected) == len(declaration.fields)
    for wanted, found in zip(expected, declaration.fields, strict=True):
        elements = field_of(slot, declaration, found.name)
        with np.errstate(over="ignore"):
            exact = wanted.astype(np.float32) if found.dtype == "float32" else wanted
        np.testing.assert_array_equal(elements.astype(np.float64), exact.astype(np.float64))
        assert found.low < found.high
        assert found.size == wanted.size and found.size == found.rows * found.columns * found.channels


@given(SPACES)
@settings(max_examples=60, deadline=None)
def test_fields_are_aligned_and_do_not_overlap(space: Any) -> None:
    leaves = observations.leaves(space)
    declaration = declare("test", fields=(leaf.field for leaf in leaves), heads=ACTION, dims=())
    end = 0
    for found in declaration.fields:
        assert found.offset >= end
        assert found.offset % np.dtype(found.dtype).itemsize == 0
        end = found.offset + found.bytes
    assert end <= declaration.row_bytes < end + 4
    assert declaration.row_bytes % 4 == 0
    assert len({found.name for found in declaration.fields}) == len(declaration.fields)


@pytest.mark.parametrize(
    ("space", "kind", "dtype", "sizes"),
    [
        (spaces.Box(-1, 1, (4,)), "vector", "float32", (1, 4, 1)),
        (spaces.Box(-1, 1, (), np.float64), "vector", "float32", (1, 1, 1)),
        (spaces.Box(-1, 1, (2, 3, 4, 5)), "vector", "float32", (1, 120, 1)),
        (spaces.Box(-5, 300, (4,), np.int64), "vector", "int16", (1, 4, 1)),
        (spaces.Box(0, 40_000, (4,), np.int64), "vector", "float32", (1, 4, 1)),
        (spaces.Box(-40_000, 0, (4,), np.int32), "vector", "float32", (1, 4, 1)),
        (spaces.Box(0, 9, (4,), np.uint16), "vector", "int16", (1, 4, 1)),
        (spaces.Box(0, 1, (5,), np.int8), "flag", "int8", (1, 5, 1)),
        (spaces.MultiBinary([2, 3]), "flag", "uint8", (2, 3, 1)),
        (spaces.Box(0, 255, (210, 160, 3), np.uint8), "image", "uint8", (210, 160, 3)),
        (spaces.Box(0, 255, (4, 84, 84), np.uint8), "image", "uint8", (84, 84, 4)),
        (spaces.Box(0, 255, (4, 84, 96, 3), np.uint8), "image", "uint8", (84, 96, 12)),
        (spaces.Box(0, 255, (64, 48), np.uint8), "image", "uint8", (64, 48, 1)),
        (spaces.Box(0, 255, (7, 7, 3), np.uint8), "vector", "uint8", (7, 7, 3)),
        (spaces.Box(0, 10, (7, 7, 3), np.uint8), "grid", "uint8", (7, 7, 3)),
        (spaces.Discrete(5, start=2), "category", "uint8", (1, 1, 1)),
        (spaces.Discrete(500), "category", "int16", (1, 1, 1)),
        (spaces.Discrete(10**6), "vector", "float32", (1, 1, 1)),
        (spaces.MultiDiscrete([[3, 4], [2, 2]]), "grid", "uint8", (2, 2, 1)),
    ],
)
def test_a_space_becomes_a_field_of_its_kind(space: Any, kind: str, dtype: str, sizes: tuple[int, ...]) -> None:
    found = field(space)
    assert (found.kind, found.dtype, (found.rows, found.columns, found.channels)) == (kind, dtype, sizes)


@pytest.mark.parametrize("shape", [(4, 40, 44), (40, 44, 4), (3, 40, 44, 2)])
def test_an_image_is_stored_with_its_sides_first(shape: tuple[int, ...]) -> None:
    space = spaces.Box(0, 255, shape, np.uint8, seed=1)
    value = space.sample()
    slot, declaration = packed(space, value)
    side = shape.index(40)
    expected = np.moveaxis(value, (side, side + 1), (0, 1)).ravel()
    np.testing.assert_array_equal(field_of(slot, declaration, "observation")[: expected.size], expected)


def test_settings_say_what_a_field_is_and_what_is_ignored() -> None:
    space = spaces.Dict(image=spaces.Box(0, 255, (7, 7, 3), np.uint8), mission=spaces.Text(9))
    notes: list[str] = []
    options = Options(ignore=("mission",), fields={"image": {"kind": "grid", "categories": 11}})
    (leaf,) = observations.leaves(space, options, notes)
    assert (leaf.field.kind, leaf.field.categories) == ("grid", 11)
    assert notes == ["the observation `mission` is left out"]


def test_the_mask_at_the_root_is_no_field() -> None:
    space = spaces.Dict(action_mask=spaces.MultiBinary(3), board=spaces.Box(0, 1, (9,)))
    assert [leaf.field.name for leaf in observations.leaves(space)] == ["board"]


@pytest.mark.parametrize(
    "space", [spaces.Text(5), spaces.Sequence(spaces.Discrete(2)), spaces.Graph(spaces.Box(0, 1), None)]
)
def test_a_space_that_is_no_row_is_refused_by_its_path(space: Any) -> None:
    with pytest.raises(EnvError, match=f"`inner_text` is of the space {type(space).__name__}, which is no row"):
        observations.leaves(spaces.Dict(inner=spaces.Dict(text=space)))


def test_a_value_of_another_shape_is_refused_not_broadcast() -> None:
    space = spaces.Dict(a=spaces.Box(0, 1, (4,)))
    for wrong in (np.zeros(1), np.zeros(5), np.float32(3), [1.0]):
        with pytest.raises(ValueError, match="shape"):
            packed(space, {"a": wrong})
        assert "observation['a'] has shape" in observations.explain(space, {"a": wrong})
    assert observations.explain(space, {}) == "observation['a'] is missing"
    assert observations.explain(space, {"a": "text"}).startswith("observation['a'] holds str")
    assert observations.explain(space, {"a": np.zeros(4)}) == ""


def test_a_list_of_numbers_will_do() -> None:
    slot, declaration = packed(spaces.Box(0, 9, (3,)), [1, 2, 3])
    assert field_of(slot, declaration, "observation").tolist() == [1, 2, 3]
