# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The random numbers of env.h: uniform, and independent across keys, tags and counters. Fixed inputs, so no flakes."""

from __future__ import annotations

import numpy as np
import pytest
from native_reference import reference

N = 1 << 16


def hashes(key: int, tag: int = 3, first: int = 0, b: int = 0, n: int = N) -> np.ndarray:
    out = np.zeros(n, np.uint64)
    reference().env_hash(key, tag, first, b, n, out)
    return out


def uniforms(hashed: np.ndarray) -> np.ndarray:
    out = np.full(hashed.size, np.nan, np.float32)
    reference().env_uniform(hashed.size, hashed, out)
    return out


def bits(hashed: np.ndarray) -> np.ndarray:
    """Return (n, 64) zeros and ones."""
    return np.unpackbits(hashed.view(np.uint8).reshape(-1, 8), axis=1)


@pytest.mark.parametrize("key", [0, 1, 2**63])
def test_uniforms_fill_their_interval_evenly(key: int) -> None:
    """Chi-squared over 256 bins: 255 degrees of freedom, standard deviation 22.6; five of them away is 1e-6."""
    x = uniforms(hashes(key))
    assert x.min() >= 0.0
    assert x.max() < 1.0
    counts = np.bincount((x * 256).astype(int), minlength=256)
    chi = ((counts - N / 256) ** 2).sum() / (N / 256)
    assert abs(chi - 255) < 5 * np.sqrt(2 * 255)


def test_uniform_is_the_top_24_bits() -> None:
    ends = np.array([0, (1 << 40) - 1, 1 << 40, (1 << 64) - 1], np.uint64)
    assert uniforms(ends).tolist() == [0.0, 0.0, 2.0**-24, 1.0 - 2.0**-24]


def test_every_bit_is_a_fair_coin() -> None:
    share = bits(hashes(7)).mean(0)
    assert np.abs(share - 0.5).max() < 5 * 0.5 / np.sqrt(N)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ({"key": 5}, {"key": 6}),  # neighbouring seeds
        ({"key": 5, "tag": 3}, {"key": 5, "tag": 4}),  # uses
        ({"key": 5, "b": 0}, {"key": 5, "b": 1}),  # streams
        ({"key": 5, "first": 0}, {"key": 5, "first": 1}),  # ticks
        ({"key": 5, "first": 0, "b": 1}, {"key": 5, "first": 1, "b": 0}),  # the arguments are not interchangeable
    ],
)
def test_neighbouring_streams_are_independent(one: dict[str, int], two: dict[str, int]) -> None:
    a, b = hashes(**one), hashes(**two)
    assert not (a == b).any()
    flipped = bits(a ^ b).mean(0)  # half of the bits differ, at each place
    assert np.abs(flipped - 0.5).max() < 5 * 0.5 / np.sqrt(N)
    x, y = uniforms(a).astype(np.float64), uniforms(b).astype(np.float64)
    assert abs(np.corrcoef(x, y)[0, 1]) < 5 / np.sqrt(N)


def test_serial_correlation_is_absent() -> None:
    x = uniforms(hashes(11)).astype(np.float64)
    for lag in (1, 2, 3, 64):
        assert abs(np.corrcoef(x[:-lag], x[lag:])[0, 1]) < 5 / np.sqrt(N)


@pytest.mark.parametrize("bound", [1, 2, 5, 121, 1000])
def test_below_is_uniform_over_its_range(bound: int) -> None:
    out = np.full(N, -1, np.int32)
    reference().env_below(9, bound, N, out)
    assert out.min() >= 0
    assert out.max() == bound - 1
    counts = np.bincount(out, minlength=bound)
    chi = ((counts - N / bound) ** 2).sum() / (N / bound)
    assert abs(chi - (bound - 1)) <= 5 * np.sqrt(2 * (bound - 1))
