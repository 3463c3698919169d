# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Sampling, priorities, permutations and schedules."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native_reference import RAGGED, reference


@settings(deadline=None, max_examples=100)
@given(
    logits=st.lists(st.floats(-20, 20), min_size=1, max_size=12),
    u=st.floats(0, 1, exclude_max=True),
    bits=st.integers(1, 4095),
)
def test_discrete_sample_is_the_first_index_that_exceeds(logits: list[float], u: float, bits: int) -> None:
    size, x = len(logits), np.array(logits)
    mask = np.array([bits >> a & 1 for a in range(size)], np.uint8)
    if not mask.any():
        mask[-1] = 1
    p = np.where(mask, np.exp(x - x.max()), 0.0)
    cumulative = np.cumsum(p / p.sum())
    action = reference().sample_discrete(size, x, mask, u)
    assert mask[action]
    near = np.abs(cumulative - u).min() < 1e-12  # rounding decides there
    exceeding = np.flatnonzero((cumulative > u) & (mask == 1))
    assert near or action == (exceeding[0] if len(exceeding) else np.flatnonzero(mask)[-1])


def test_discrete_frequencies_are_the_probabilities() -> None:
    logits, n = np.array([0.3, -1.0, 5.0, 0.8]), 4000
    mask = np.array([1, 1, 0, 1], np.uint8)
    p = np.where(mask, np.exp(logits), 0.0)
    drawn = [reference().sample_discrete(4, logits, mask, (i + 0.5) / n) for i in range(n)]
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / n, p / p.sum(), atol=1.1 / n)


def test_the_last_legal_action_catches_rounding() -> None:
    mask = np.array([1, 1, 0], np.uint8)
    assert reference().sample_discrete(3, np.zeros(3), mask, 1.0) == 1


def test_normal_samples_are_box_mullers_cosine_branch() -> None:
    rng = np.random.default_rng(0)
    u, v = 1 - rng.random(20_000), rng.random(20_000)
    x = np.array([reference().sample_normal(a, b) for a, b in zip(u, v, strict=True)])
    np.testing.assert_allclose(x, np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v), rtol=1e-12)
    # The distribution: Kolmogorov-Smirnov at about 1e-4.
    expected = np.array([0.5 * (1 + math.erf(value / math.sqrt(2))) for value in np.sort(x)])
    assert np.abs(np.arange(1, x.size + 1) / x.size - expected).max() < 2.2 / math.sqrt(x.size)


@pytest.mark.parametrize("segments", RAGGED)
@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
def test_priorities_and_importance_weights(segments: int, alpha: float) -> None:
    rng = np.random.default_rng(segments)
    advantage, learn = rng.normal(size=(segments, 5)), (rng.random((segments, 5)) < 0.8).astype(np.uint8)
    learn[:, 0] = 1
    p, omega = np.empty(segments), np.empty(segments)
    reference().priorities(segments, 5, advantage, learn, alpha, p)
    weight = (np.abs(advantage) * learn).sum(1) ** alpha
    np.testing.assert_allclose(p, weight / weight.sum(), rtol=1e-12)
    reference().importance(segments, p, 0.7, omega)
    np.testing.assert_allclose(omega, (segments * p) ** -0.7, rtol=1e-12)
    reference().importance(segments, p, 1.0, omega)  # fully corrected: the weighted draw is unbiased
    np.testing.assert_allclose((p * omega).sum(), 1.0, rtol=1e-12)


def test_priorities_are_uniform_when_all_advantages_are_zero() -> None:
    p, learn = np.empty(4), np.ones((4, 3), np.uint8)
    reference().priorities(4, 3, np.zeros((4, 3)), learn, 0.6, p)
    assert p.tolist() == [0.25] * 4


@settings(deadline=None, max_examples=60)
@given(
    segments=st.integers(1, 60), count=st.integers(1, 90), u=st.floats(0, 1, exclude_max=True), seed=st.integers(0, 99)
)
def test_systematic_resampling_draws_each_segment_its_share(segments: int, count: int, u: float, seed: int) -> None:
    """Every segment comes floor or ceil of count * p times: that is the point of drawing systematically."""
    p = np.random.default_rng(seed).random(segments) + 1e-3
    p /= p.sum()
    drawn = np.full(count, -1, np.int32)
    reference().resample(segments, p, count, u, drawn)
    times = np.bincount(drawn, minlength=segments)
    assert times.sum() == count
    assert (times >= np.floor(count * p - 1e-9)).all()
    assert (times <= np.ceil(count * p + 1e-9)).all()


def test_systematic_resampling_is_unbiased_over_its_offset() -> None:
    p = np.array([0.5, 0.0, 0.125, 0.375])
    total = np.zeros(4)
    for i in range(1000):
        drawn = np.empty(3, np.int32)
        reference().resample(4, p, 3, (i + 0.5) / 1000, drawn)
        total += np.bincount(drawn, minlength=4)
    np.testing.assert_allclose(total / 3000, p, atol=1e-3)


@pytest.mark.parametrize("n", RAGGED)
def test_permutation_holds_every_item_once(n: int) -> None:
    one, two = np.arange(n, dtype=np.int32), np.arange(n, dtype=np.int32)
    reference().permute(n, 1, one)
    reference().permute(n, 2, two)
    assert sorted(one.tolist()) == list(range(n))
    assert n == 1 or one.tolist() != two.tolist()


def test_permutations_are_uniform() -> None:
    """All 24 orders of 4 items, chi-squared with 23 degrees of freedom: above 60 has probability 4e-5."""
    counts, n = {}, 4800
    for key in range(n):
        items = np.arange(4, dtype=np.int32)
        reference().permute(4, key, items)
        counts[tuple(items.tolist())] = counts.get(tuple(items.tolist()), 0) + 1
    assert len(counts) == 24
    assert sum((c - n / 24) ** 2 for c in counts.values()) / (n / 24) < 60


def test_schedules_are_functions_of_progress() -> None:
    ref = reference()
    for progress in (0.0, 0.25, 0.5, 1.0):
        assert ref.schedule(0, progress) == 1.0
        assert ref.schedule(1, progress) == pytest.approx(1 - progress)
        assert ref.schedule(2, progress) == pytest.approx((1 + math.cos(math.pi * progress)) / 2)
    assert ref.schedule(1, 1.5) == 0.0  # a last iteration may begin past the end
    assert ref.anneal(0.005, 0.0005, ref.schedule(2, 1.0)) == pytest.approx(0.0005)
    assert ref.anneal(0.005, 0.0005, 1.0) == pytest.approx(0.005)
