# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The advantage and the two optimizers in float32, in every build, against the reference."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from native_fast import FMA_BUILDS, builds
from native_reference import RAGGED, reference, reference_of
from test_reference_advantage import advantage, make_row

MATRICES = [(1, 1), (1, 33), (33, 1), (31, 32), (32, 31), (64, 7), (192, 64), (65, 257)]


class AdvantageConfig(ctypes.Structure):
    """ShoalAdvantage of native/learn/advantage.h."""

    _fields_ = [
        *((name, ctypes.c_float) for name in ("gamma", "gae_lambda", "rho_clip", "c_clip")),
        ("single", ctypes.c_int32),
        ("reward_scale", ctypes.c_float),
        ("reward_clip", ctypes.c_float),
    ]


def address(array: np.ndarray) -> ctypes.c_void_p:
    assert array.flags.c_contiguous
    return ctypes.c_void_p(array.ctypes.data)


def bind(isa: str, name: str, *arguments: type):
    function = getattr(reference_of(isa)._dll, name)
    function.argtypes = arguments
    function.restype = ctypes.c_int64 if name.endswith("floats") else None
    return function


P, I32, I64, F32 = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64, ctypes.c_float


@pytest.mark.parametrize("isa", builds())
@pytest.mark.parametrize("form", [0, 1])
@pytest.mark.parametrize("horizon", RAGGED)
def test_advantage_matches_the_reference(horizon: int, form: int, isa: str) -> None:
    row, sigma = make_row(horizon, seed=horizon, learn=False), 0.3
    function = bind(isa, "shoal_advantage", P, I32, P, P, P, P, P, P, F32, P, P)
    config = AdvantageConfig(0.97, 0.9, 1.2, 0.8, form, 1 / sigma, 10.0)
    floats = [np.float32(x) for x in (row.rewards, row.values, row.final_values, row.ratio)]
    out = np.full((2, horizon), np.nan, np.float32)
    function(
        ctypes.addressof(config), horizon, *map(address, floats), address(row.ended), address(row.learn),
        row.last_value, address(out[0]), address(out[1]),
    )  # fmt: skip
    reference().scale_rewards(horizon, sigma, row.rewards)
    error, policy = advantage(row, 0.97, 0.9, 1.2, 0.8, form)
    # float32: a rounding at each of up to 1 / (1 - gamma lambda) = 8 steps of the trace, of numbers around 10
    np.testing.assert_allclose(out[0], policy, rtol=1e-5, atol=2e-5)
    np.testing.assert_allclose(out[1], row.values + error, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("isa", builds())
@pytest.mark.parametrize("n", RAGGED)
def test_adamw_matches_the_reference(n: int, isa: str) -> None:
    rng = np.random.default_rng(n)
    function = bind(isa, "shoal_adamw", P, P, P, P, I64, F32, F32, I64)
    weights, gradients = rng.normal(size=n).astype(np.float32), rng.normal(size=(20, n)).astype(np.float32)
    w, m, v = weights.copy(), np.zeros(n, np.float32), np.zeros(n, np.float32)
    exact, exact_m, exact_v = weights.astype(np.float64), np.zeros(n), np.zeros(n)
    for step, gradient in enumerate(gradients, start=1):
        function(address(w), address(gradient), address(m), address(v), n, 0.5, 3e-3, step)
        reference().adamw(n, step, 3e-3, 0.5 * gradient.astype(np.float64), exact_m, exact_v, exact)
    np.testing.assert_allclose(w, exact, rtol=0, atol=20 * 2e-7)  # half an ulp of a weight and a bit, each step
    assert np.abs(exact - weights).max() > 1e-3


def muon(isa: str, rows: int, cols: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weights after three steps, in float32 and by the reference."""
    rng = np.random.default_rng(rows * 1000 + cols)
    floats = bind(isa, "shoal_muon_floats", I32, I32)(rows, cols)
    function = bind(isa, "shoal_muon", P, P, P, I32, I32, F32, F32, F32, P)
    weights, gradients = rng.normal(size=(rows, cols)).astype(np.float32), rng.normal(size=(3, rows, cols))
    w, m, work = weights.copy(), np.zeros((rows, cols), np.float32), np.full(floats, np.nan, np.float32)
    exact, exact_m, short = weights.astype(np.float64), np.zeros((rows, cols)), min(rows, cols)
    exact_work = np.empty(short * 2 * (short + max(rows, cols)) + rows * cols)
    for gradient in gradients.astype(np.float32):
        function(address(w), address(gradient), address(m), rows, cols, 0.5, 0.015, 0.95, address(work))
        scaled = 0.5 * gradient.astype(np.float64)
        reference().muon(rows, cols, 0.015, 0.95, scaled, exact_m, exact, exact_work)
    np.testing.assert_allclose(m, exact_m, rtol=1e-5, atol=1e-6)
    return w - weights, exact - weights


@pytest.mark.parametrize("isa", builds())
@pytest.mark.parametrize(("rows", "cols"), MATRICES)
def test_muon_matches_the_float64_iteration(rows: int, cols: int, isa: str) -> None:
    ours, exact = muon(isa, rows, cols)
    assert np.linalg.norm(ours - exact) < 1e-4 * np.linalg.norm(exact)


@pytest.mark.parametrize(("rows", "cols"), MATRICES)
def test_muon_has_the_same_bits_with_every_fused_build(rows: int, cols: int) -> None:
    found = [muon(isa, rows, cols)[0].tobytes() for isa in builds() if isa in FMA_BUILDS]
    assert len(set(found)) <= 1
