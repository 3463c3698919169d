# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from slots import SPACES

from shoal.errors import EnvError, ShapeError
from shoal.outside import actions


def chosen(made: actions.Actions, seed: int) -> tuple[Any, Any]:
    """Return legal choices of every head and dimension, as the engine leaves them."""
    random = np.random.default_rng(seed)
    discrete = np.array([random.integers(head.size) for head in made.heads], np.int32)
    low = np.array([dim.low for dim in made.dims], np.float32)
    high = np.array([dim.high for dim in made.dims], np.float32)
    share = random.choice([0.0, 0.3, 1.0], len(low)).astype(np.float32)
    return discrete, np.clip(low + share * (high - low), low, high)


@given(SPACES, st.integers(0, 2**31))
@settings(max_examples=150, deadline=None)
def test_every_choice_is_an_action_of_the_space(space: Any, seed: int) -> None:
    made = actions.actions(space)
    discrete, continuous = chosen(made, seed)
    action = actions.reader(space, discrete, continuous)()
    assert space.contains(action), (space, action)


def values(space: Any, action: Any) -> list[float]:
    """Return the numbers of an action in the order of its space: an oracle of its own."""
    if isinstance(space, spaces.Dict):
        return [number for key in space for number in values(space[key], action[key])]
    if isinstance(space, spaces.Tuple):
        return [number for part, found in zip(space, action, strict=True) for number in values(part, found)]
    return np.asarray(action, np.float64).ravel().tolist()


def test_mixed_actions_come_from_their_own_heads_and_dimensions() -> None:
    space = spaces.Dict(
        aim=spaces.Box(-2.0, 3.0, (2,)),
        gear=spaces.Discrete(4, start=-1),
        keys=spaces.Tuple((spaces.MultiBinary(2), spaces.Box(5, 7, (2, 1), np.int8))),
        wheel=spaces.Box(0, 1000, (1,), np.int32),
    )
    made = actions.actions(space)
    assert [head.size for head in made.heads] == [4, 2, 2, 3, 3]
    assert [(dim.low, dim.high) for dim in made.dims] == [(-2, 3), (-2, 3), (0, 1000)]
    assert [head.name for head in made.heads] == ["gear", "keys_0_0", "keys_0_1", "keys_1_0", "keys_1_1"]
    discrete, continuous = np.array([2, 1, 0, 2, 1], np.int32), np.array([-2.0, 0.5, 41.6], np.float32)
    action = actions.reader(space, discrete, continuous)()
    assert values(space, action) == [-2.0, 0.5, 1, 1, 0, 7, 6, 42]


def test_an_action_is_the_environments_to_keep() -> None:
    for space in (spaces.Box(-1, 1, (3,)), spaces.MultiDiscrete([3, 3]), spaces.Box(-1, 1, (3,), np.float64)):
        made = actions.actions(space)
        discrete, continuous = chosen(made, 0)
        read = actions.reader(space, discrete, continuous)
        before = read()
        kept = before.copy()
        discrete += 1
        continuous += 1
        read()
        np.testing.assert_array_equal(before, kept)


def test_unbounded_actions_get_stated_bounds() -> None:
    notes: list[str] = []
    low = np.array([-np.inf, 2.0, -np.inf, -5], np.float32)
    space = spaces.Box(low, np.array([np.inf, np.inf, 0.0, 5], np.float32))
    made = actions.actions(space, notes=notes)
    assert [(dim.low, dim.high) for dim in made.dims] == [(-1, 1), (2, 4), (-2, 0), (-5, 5)]
    assert notes == ["the action `action` has no bounds of its own: it is kept within 1 of what it has"]


@pytest.mark.parametrize("space", [spaces.Text(3), spaces.Dict(a=spaces.Sequence(spaces.Discrete(2)))])
def test_other_action_spaces_are_refused(space: Any) -> None:
    with pytest.raises(EnvError, match="expected Box, Discrete"):
        actions.actions(space)


@pytest.mark.parametrize(
    "mask",
    [
        np.array([1, 0, 0, 1, 1], np.int8),
        [1, 0, 0, 1, 1],
        (np.array([1, 0]), np.array([0, 1, 1])),
        ([True, False], [False, True, True]),
    ],
)
def test_a_mask_may_be_flat_or_nested(mask: Any) -> None:
    for space in (spaces.MultiDiscrete([2, 3]), spaces.Tuple((spaces.Discrete(2), spaces.Discrete(3)))):
        out = np.full(5, 9, np.uint8)
        actions.mask_writer(space, out)(mask)
        assert out.tolist() == [1, 0, 0, 1, 1]


def test_a_mask_of_a_dict_is_read_in_the_order_of_the_space() -> None:
    space = spaces.Dict(a=spaces.Discrete(2), b=spaces.Box(-1, 1, (1,)), c=spaces.Discrete(3))
    out = np.zeros(5, np.uint8)
    actions.mask_writer(space, out)({"c": np.array([0, 0, 1]), "a": np.array([0, 1])})
    assert out.tolist() == [0, 1, 0, 0, 1]
    actions.mask_writer(space, out)({"c": None, "a": np.array([0, 1])})
    assert out.tolist() == [0, 1, 1, 1, 1]


def test_a_head_without_a_legal_action_is_free() -> None:
    out = np.zeros(5, np.uint8)
    write = actions.mask_writer(spaces.MultiDiscrete([2, 3]), out)
    write(np.array([0, 0, 0, 1, 0]))
    assert out.tolist() == [1, 1, 0, 1, 0]
    write(None)
    assert out.tolist() == [1] * 5


def test_what_a_smaller_space_lacks_is_illegal() -> None:
    out = np.full(7, 9, np.uint8)
    write = actions.mask_writer(spaces.MultiDiscrete([2, 3]), out, (4, 3))
    write(None)
    assert out.tolist() == [1, 1, 0, 0, 1, 1, 1]
    write(np.array([0, 1, 1, 0, 0]))
    assert out.tolist() == [0, 1, 0, 0, 1, 0, 0]


def test_a_mask_of_another_length_is_refused() -> None:
    with pytest.raises(ShapeError, match="the action mask has 4 values; expected 5"):
        actions.mask_writer(spaces.MultiDiscrete([2, 3]), np.zeros(5, np.uint8))(np.ones(4))
