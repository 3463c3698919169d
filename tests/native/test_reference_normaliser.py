# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Cumulative statistics and the scaling of rewards: against numpy over everything that was seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native_reference import RAGGED, reference


@settings(deadline=None, max_examples=40)
@given(
    sizes=st.lists(st.sampled_from([0, *RAGGED]), min_size=1, max_size=4),
    features=st.integers(1, 5),
    offset=st.sampled_from([0.0, 1e4]),
    seed=st.integers(0, 1000),
)
def test_merging_batches_is_one_pass_over_all(sizes: list[int], features: int, offset: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    count, mean, m2 = np.zeros(1), np.zeros(features), np.zeros(features)
    seen = [np.zeros((0, features))]
    for n in sizes:
        x, learn = rng.normal(size=(n, features)) + offset, (rng.random(n) < 0.7).astype(np.uint8)
        reference().merge(n, features, x, learn, count, mean, m2)
        seen.append(x[learn == 1])
    everything = np.concatenate(seen)
    assert count[0] == len(everything)
    if len(everything):
        np.testing.assert_allclose(mean, everything.mean(0), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(m2 / count, everything.var(0), rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("horizon", RAGGED)
def test_returns_are_discounted_sums_of_the_life_so_far(horizon: int) -> None:
    rng = np.random.default_rng(horizon)
    rewards, ended, gamma = rng.normal(size=horizon), (rng.random(horizon) < 0.2).astype(np.uint8), 0.9
    g, carry = np.empty(horizon), np.zeros(1)
    half = horizon // 2  # two rollouts: the carry passes between them
    reference().returns(half, rewards[:half], ended[:half], gamma, carry, g[:half])
    reference().returns(horizon - half, rewards[half:], ended[half:], gamma, carry, g[half:])
    for t in range(horizon):
        first = max((k + 1 for k in range(t) if ended[k]), default=0)
        expected = sum(gamma ** (t - k) * rewards[k] for k in range(first, t + 1))
        assert g[t] == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_rewards_are_scaled_not_centred_and_clipped() -> None:
    ref = reference()
    assert ref.return_sigma(0.0, 0.0) == 1.0
    assert ref.return_sigma(10.0, 0.0) == 1.0  # no variance yet
    assert ref.return_sigma(4.0, 16.0) == pytest.approx(2.0)
    rewards = np.array([3.0, -1e9, 1e9, 0.0])
    ref.scale_rewards(4, 2.0, rewards)
    assert rewards.tolist() == [1.5, -10.0, 10.0, 0.0]
