# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""AdamW and clipping against torch; Muon against a singular value decomposition, and torch's own loosely."""

from __future__ import annotations

import numpy as np
import pytest
from native_reference import RAGGED, reference

torch = pytest.importorskip("torch")

MATRICES = [(1, 1), (1, 33), (33, 1), (32, 32), (31, 65), (96, 32)]


@pytest.mark.parametrize("n", RAGGED)
def test_adamw_matches_torch(n: int) -> None:
    rng = np.random.default_rng(n)
    weights, m, v = rng.normal(size=n), np.zeros(n), np.zeros(n)
    leaf = torch.tensor(weights.copy(), requires_grad=True)
    optimizer = torch.optim.AdamW([leaf], lr=3e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    for step in range(1, 8):
        gradient = rng.normal(size=n) * 10.0 ** rng.integers(-6, 3)
        leaf.grad = torch.tensor(gradient)
        optimizer.step()
        reference().adamw(n, step, 3e-3, gradient, m, v, weights)
    np.testing.assert_allclose(weights, leaf.detach().numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n", RAGGED)
@pytest.mark.parametrize("max_norm", [0.5, 1e9])
def test_clip_norm_matches_torch(n: int, max_norm: float) -> None:
    gradient = np.random.default_rng(n).normal(size=n) * 3
    leaf = torch.zeros(n, dtype=torch.float64, requires_grad=True)
    leaf.grad = torch.tensor(gradient.copy())
    expected = torch.nn.utils.clip_grad_norm_([leaf], max_norm).item()
    assert reference().clip_norm(n, max_norm, gradient) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, leaf.grad.numpy(), rtol=1e-5)  # torch divides by norm + 1e-6


def orthogonalise(x: np.ndarray) -> np.ndarray:
    rows, cols = x.shape
    short, out = min(x.shape), np.ascontiguousarray(x.copy())
    reference().newton_schulz(rows, cols, out, np.full(short * 2 * (short + max(x.shape)), np.nan))
    return out


def polynomial(s: np.ndarray) -> np.ndarray:
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return s


@pytest.mark.parametrize(("rows", "cols"), MATRICES)
def test_newton_schulz_maps_the_singular_values_alone(rows: int, cols: int) -> None:
    """The iteration is an odd polynomial: U and V stay, each singular value passes through it five times."""
    x = np.random.default_rng(rows).normal(size=(rows, cols))
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    expected = u * polynomial(s / (np.linalg.norm(x) + 1e-7)) @ vt
    out = orthogonalise(x)
    np.testing.assert_allclose(out, expected, rtol=1e-9, atol=1e-9)
    found = np.linalg.svd(out, compute_uv=False)
    large = s / s.max() > 0.1
    assert (found[large] > 0.5).all()
    assert (found[large] < 1.5).all()


def test_newton_schulz_of_zero_is_zero() -> None:
    assert not orthogonalise(np.zeros((4, 3))).any()


def muon(weights: np.ndarray, gradients: list[np.ndarray], lr: float, momentum: float) -> np.ndarray:
    rows, cols = weights.shape
    short = min(rows, cols)
    weights, m = weights.copy(), np.zeros((rows, cols))
    work = np.full(short * 2 * (short + max(rows, cols)) + rows * cols, np.nan)
    for gradient in gradients:
        reference().muon(rows, cols, lr, momentum, gradient, m, weights, work)
    return weights


@pytest.mark.parametrize(("rows", "cols"), MATRICES)
def test_muon_step_is_its_definition(rows: int, cols: int) -> None:
    rng = np.random.default_rng(cols)
    weights, gradients = rng.normal(size=(rows, cols)), [rng.normal(size=(rows, cols)) for _ in range(3)]
    expected, m = weights.copy(), np.zeros_like(weights)
    for gradient in gradients:
        m = 0.95 * m + gradient
        expected -= 0.015 * np.sqrt(max(1.0, rows / cols)) * orthogonalise(gradient + 0.95 * m)
    np.testing.assert_allclose(muon(weights, gradients, 0.015, 0.95), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("rows", "cols"), [(32, 32), (31, 65), (96, 32)])
def test_muon_agrees_loosely_with_torch(rows: int, cols: int) -> None:
    """torch iterates in bfloat16: 8 bits of mantissa, so a few percent of the length of a step."""
    rng = np.random.default_rng(cols)
    weights, gradients = rng.normal(size=(rows, cols)), [rng.normal(size=(rows, cols)) for _ in range(3)]
    leaf = torch.tensor(weights, dtype=torch.float32, requires_grad=True)
    optimizer = torch.optim.Muon([leaf], lr=0.02, weight_decay=0.0, momentum=0.95, adjust_lr_fn="original")
    for gradient in gradients:
        leaf.grad = torch.tensor(gradient, dtype=torch.float32)
        optimizer.step()
    ours = muon(weights, gradients, 0.02, 0.95) - weights
    theirs = leaf.detach().numpy() - weights
    assert np.linalg.norm(ours - theirs) < 0.05 * np.linalg.norm(theirs)
