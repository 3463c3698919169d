# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Acting: named fields and packed rows mean the same, memory passes through, masks hold, mistakes have names."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from test_checkpoint import new_policy

import shoal
from shoal import native
from shoal.checkpoint import Checkpoint
from shoal.errors import ConfigError, ShapeError
from shoal.policy import restore


def test_named_fields_and_packed_rows_mean_the_same() -> None:
    vec, policy = shoal.make_vec("breakout", 7, seed=1), new_policy("breakout")
    packed = policy.act(vec.rows, greedy=True)
    named = policy.act({name: np.array(view) for name, view in vec.observations.items()}, greedy=True)
    for left, right in zip(packed, named, strict=True):
        assert np.array_equal(left, right)
    assert packed[2].shape == (7, policy.state_size)
    assert packed[2].any()


def test_one_row_needs_no_first_axis() -> None:
    vec, policy = shoal.make_vec("cartpole", 3, seed=1), new_policy()
    discrete, continuous, state = policy.act({"state": vec.observations["state"][1]}, greedy=True)
    assert (discrete.shape, continuous.shape, state.shape) == ((1, 1), (1, 0), (1, policy.state_size))
    batch = policy.act(vec.rows, greedy=True)
    assert discrete[0] == batch[0][1]
    assert np.array_equal(state[0], batch[2][1])


def test_the_state_passed_in_is_not_written_to_and_starts_clears_it() -> None:
    vec, policy = shoal.make_vec("cartpole", 2, seed=1), new_policy()
    _, _, state = policy.act(vec.rows)
    before = state.copy()
    _, _, carried = policy.act(vec.rows, state)
    assert np.array_equal(state, before)
    _, _, mixed = policy.act(vec.rows, state, starts=[1, 0])
    _, _, fresh = policy.act(vec.rows)
    assert np.array_equal(mixed[0], fresh[0])
    assert np.array_equal(mixed[1], carried[1])
    assert not np.array_equal(fresh[1], carried[1])


def test_masked_actions_are_never_taken() -> None:
    vec, policy = shoal.make_vec("masked", 64, seed=1), new_policy("masked")
    name = vec.spec.heads[0].name
    for _ in range(20):
        discrete, continuous, _ = policy.act(vec.rows, mask=vec.masks)
        assert vec.masks[name][np.arange(64), discrete[:, 0]].all()
        vec.step(discrete, continuous)
    assert vec.stats().bad_actions == 0
    unmasked, _, _ = policy.act(vec.rows)
    assert not vec.masks[name][np.arange(64), unmasked[:, 0]].all()  # so the mask did something


def test_the_seed_repeats_samples_and_the_clock_moves_on() -> None:
    vec, policy = shoal.make_vec("pong", 256, seed=1), new_policy("pong")
    policy.seed, policy.clock = 5, 0
    first, second = policy.act(vec.rows)[0], policy.act(vec.rows)[0]
    policy.clock = 0
    assert np.array_equal(policy.act(vec.rows)[0], first)
    assert not np.array_equal(first, second)
    assert np.array_equal(policy.act(vec.rows, greedy=True)[0], policy.act(vec.rows, greedy=True)[0])


def test_continuous_actions_stay_within_their_bounds() -> None:
    vec, policy = shoal.make_vec("mixed", 128, seed=1), new_policy("mixed")
    discrete, continuous, _ = policy.act(vec.rows)
    assert continuous.shape == (128, len(vec.spec.dims))
    for index, dim in enumerate(vec.spec.dims):
        assert (continuous[:, index] >= dim.low).all()
        assert (continuous[:, index] <= dim.high).all()
    for index, head in enumerate(vec.spec.heads):
        assert set(np.unique(discrete[:, index])) <= set(range(head.size))


def test_mistakes_are_named() -> None:
    policy = new_policy()
    rows = np.zeros((4, policy.spec.row_bytes), np.uint8)
    with pytest.raises(ConfigError, match=r"`cartpole` has no field `stat`\nhint: did you mean `state`?"):
        policy.act({"stat": np.zeros(4)})
    with pytest.raises(ConfigError, match="the observation lacks the field `state`"):
        policy.act({})
    with pytest.raises(ShapeError, match=r"wrong shape: field `state` has \(2, 5\); expected \(n, 4\)"):
        policy.act({"state": np.zeros((2, 5))})
    with pytest.raises(ShapeError, match=r"wrong shape: observation has uint8 \(4, 3\); expected uint8 \(n, 16\)"):
        policy.act(rows[:, :3])
    with pytest.raises(ShapeError, match=r"wrong shape: state has \(3, 128\); expected \(4, 128\)"):
        policy.act(rows, np.zeros((3, 128), np.float32))
    with pytest.raises(ShapeError, match=r"wrong shape: starts has \(3,\); expected \(4,\)"):
        policy.act(rows, starts=np.zeros(3))
    with pytest.raises(ConfigError, match="the mask lacks the head `door`"):
        new_policy("masked").act(np.zeros((1, new_policy("masked").spec.row_bytes), np.uint8), mask={})


def test_16_bit_weights_act_in_32_where_the_processor_has_no_16_bit_products(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = new_policy("cartpole")
    shape = dataclasses.replace(exact.settings.policy, precision="bfloat16")
    found = Checkpoint(
        path=Path("there"),
        config=dataclasses.replace(exact.settings, policy=shape),
        tensors={name: tensor.copy() for name, tensor in exact.tensors().items()},
        metadata={"version": str(exact.spec.version)},
    )
    monkeypatch.setattr(native.library(), "has_bfloat16", lambda: 0)
    rows = shoal.make_vec("cartpole", 5, seed=1).rows
    for left, right in zip(restore(found).act(rows, greedy=True), exact.act(rows, greedy=True), strict=True):
        assert np.array_equal(left, right)
