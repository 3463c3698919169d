# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Layers in float64: against torch and against finite differences, at sizes around a vector's width."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from native_reference import RAGGED, reference

torch = pytest.importorskip("torch")
import torch_oracle  # noqa: E402

EXACT = {"rtol": 1e-11, "atol": 1e-11}  # float64: only the order of sums differs


def slope(function: Callable[[np.ndarray], float], at: np.ndarray, along: np.ndarray, step: float = 1e-6) -> float:
    """Return the derivative of a function along a direction, by central differences."""
    return (function(at + step * along) - function(at - step * along)) / (2 * step)


@pytest.mark.parametrize("n", RAGGED)
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (33, 31), (8, 65)])
def test_linear_matches_torch(n: int, inputs: int, outputs: int) -> None:
    rng = np.random.default_rng(n)
    x, w, b = rng.normal(size=(n, inputs)), rng.normal(size=(outputs, inputs)), rng.normal(size=outputs)
    dy = rng.normal(size=(n, outputs))
    y, dx, dw, db = np.empty((n, outputs)), np.empty_like(x), np.zeros_like(w), np.zeros_like(b)
    ref = reference()
    ref.linear(n, inputs, outputs, x, w, b, 0, y)
    ref.linear_backward(n, inputs, outputs, x, w, dy, dx, dw, db)
    leaves = [torch.tensor(a, requires_grad=True) for a in (x, w, b)]
    expected = torch.nn.functional.linear(*leaves)
    expected.backward(torch.tensor(dy))
    np.testing.assert_allclose(y, expected.detach().numpy(), **EXACT)
    for ours, leaf in zip((dx, dw, db), leaves, strict=True):
        np.testing.assert_allclose(ours, leaf.grad.numpy(), **EXACT)


def test_linear_accumulates_only_when_asked() -> None:
    x, w, y = np.ones((2, 3)), np.ones((1, 3)), np.full((2, 1), 10.0)
    reference().linear(2, 3, 1, x, w, None, 1, y)
    assert y.tolist() == [[13.0], [13.0]]
    reference().linear(2, 3, 1, x, w, np.array([0.5]), 0, y)
    assert y.tolist() == [[3.5], [3.5]]


def mingru_case(segments: int, length: int, hidden: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "x": rng.normal(size=(segments, length, hidden)),
        "starts": (rng.random((segments, length)) < 0.2).astype(np.uint8),
        "state": rng.normal(size=(segments, hidden)),
        "w": rng.normal(size=(3 * hidden, hidden)) / np.sqrt(hidden),
        "b": rng.normal(size=3 * hidden),
        "dy": rng.normal(size=(segments, length, hidden)),
    }


def run_mingru(case: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    segments, length, hidden = case["x"].shape
    out = {"gates": np.empty((segments, length, 3 * hidden)), "dgates": np.empty((segments, length, 3 * hidden))}
    out |= {name: np.empty_like(case["x"]) for name in ("memory", "y", "dx")}
    out |= {"dw": np.zeros_like(case["w"]), "db": np.zeros_like(case["b"])}
    ref, sizes = reference(), (segments, length, hidden)
    inputs = [case[name] for name in ("x", "starts", "state", "w")]
    ref.mingru(*sizes, *inputs, case["b"], out["gates"], out["memory"], out["y"])
    ref.mingru_backward(
        *sizes, *inputs, out["gates"], out["memory"], case["dy"], out["dgates"], out["dx"], out["dw"], out["db"]
    )
    return out


@pytest.mark.parametrize(("segments", "length"), [(1, 1), (3, 31), (2, 64), (33, 2)])
@pytest.mark.parametrize("hidden", [1, 32, 33])
def test_mingru_matches_torch(segments: int, length: int, hidden: int) -> None:
    case = mingru_case(segments, length, hidden, seed=segments)
    out = run_mingru(case)
    leaves = [torch.tensor(case[name], requires_grad=True) for name in ("x", "w", "b")]
    y, memory = torch_oracle.mingru_layer(
        leaves[0], torch.tensor(case["starts"]).bool(), torch.tensor(case["state"]), leaves[1], leaves[2]
    )
    y.backward(torch.tensor(case["dy"]))
    np.testing.assert_allclose(out["y"], y.detach().numpy(), **EXACT)
    np.testing.assert_allclose(out["memory"], memory.detach().numpy(), **EXACT)
    for name, leaf in zip(("dx", "dw", "db"), leaves, strict=True):
        np.testing.assert_allclose(out[name], leaf.grad.numpy(), rtol=1e-10, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("name", ["x", "w", "b"])
def test_mingru_gradient_matches_finite_differences(name: str) -> None:
    case = mingru_case(3, 17, 9, seed=1)
    out = run_mingru(case)
    along = np.random.default_rng(2).normal(size=case[name].shape)

    def total(value: np.ndarray) -> float:
        return float((run_mingru(case | {name: value})["y"] * case["dy"]).sum())

    assert slope(total, case[name], along) == pytest.approx(float((out[f"d{name}"] * along).sum()), rel=1e-6)


def test_mingru_start_forgets_everything_before_it() -> None:
    case = mingru_case(1, 8, 5, seed=3)
    case["starts"][:] = 0
    case["starts"][0, 4] = 1
    other = dict(case, x=case["x"].copy(), state=case["state"] + 1.0)
    other["x"][0, :4] += 1.0
    one, two = run_mingru(case), run_mingru(other)
    assert np.abs(one["y"][0, :4] - two["y"][0, :4]).max() > 1e-3
    np.testing.assert_array_equal(one["y"][0, 4:], two["y"][0, 4:])


def test_mingru_candidate_has_both_branches() -> None:
    """k = k~ + 1/2 from 0 on, sigmoid below: with open gates the output is the candidate itself."""
    for pre, expected in ((0.0, 0.5), (2.0, 2.5), (-2.0, 1 / (1 + np.exp(2.0)))):
        case = mingru_case(1, 1, 1, seed=0)
        case["w"][:] = 0
        case["b"][:] = (pre, 50.0, 50.0)
        assert run_mingru(case)["y"].item() == pytest.approx(expected, rel=1e-12)


def lstm_case(segments: int, length: int, hidden: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    case = {
        "x": rng.normal(size=(segments, length, hidden)),
        "starts": (rng.random((segments, length)) < 0.2).astype(np.uint8),
        "state": rng.normal(size=(2, segments, hidden)),
        "b": rng.normal(size=4 * hidden),
        "dy": rng.normal(size=(segments, length, hidden)),
    }
    return case | {name: rng.normal(size=(4 * hidden, hidden)) / np.sqrt(hidden) for name in ("w_x", "w_h")}


def run_lstm(case: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    segments, length, hidden = case["x"].shape
    out = {"gates": np.empty((segments, length, 4 * hidden)), "dgates": np.empty((segments, length, 4 * hidden))}
    out |= {name: np.empty_like(case["x"]) for name in ("cell", "y", "dx")}
    out |= {f"d{name}": np.zeros_like(case[name]) for name in ("w_x", "w_h", "b")}
    ref, sizes = reference(), (segments, length, hidden)
    inputs = [case[name] for name in ("x", "starts", "state", "w_x", "w_h")]
    forward = [out[name] for name in ("gates", "cell", "y")]
    ref.lstm(*sizes, *inputs, case["b"], *forward)
    ref.lstm_backward(
        *sizes, *inputs, *forward, case["dy"], *(out[name] for name in ("dgates", "dx", "dw_x", "dw_h", "db"))
    )
    return out


@pytest.mark.parametrize(("segments", "length"), [(1, 1), (3, 31), (2, 64), (33, 2)])
@pytest.mark.parametrize("hidden", [1, 32, 33])
def test_lstm_matches_torch(segments: int, length: int, hidden: int) -> None:
    """By torch's cell, between lives; and by its whole layer where nothing starts in between."""
    case = lstm_case(segments, length, hidden, seed=segments)
    out = run_lstm(case)
    leaves = [torch.tensor(case[name], requires_grad=True) for name in ("x", "w_x", "w_h", "b")]
    starts, state = torch.tensor(case["starts"]).bool(), torch.tensor(case["state"])
    y, cell = torch_oracle.lstm_layer(leaves[0], starts, state, *leaves[1:])
    y.backward(torch.tensor(case["dy"]))
    np.testing.assert_allclose(out["y"], y.detach().numpy(), **EXACT)
    np.testing.assert_allclose(out["cell"], cell.detach().numpy(), **EXACT)
    for name, leaf in zip(("dx", "dw_x", "dw_h", "db"), leaves, strict=True):
        np.testing.assert_allclose(out[name], leaf.grad.numpy(), rtol=1e-10, atol=1e-10, err_msg=name)

    case["starts"][:] = 0
    out = run_lstm(case)
    layer = torch.nn.LSTM(hidden, hidden, batch_first=True, dtype=torch.float64)
    weights = dict(zip(("weight_ih_l0", "weight_hh_l0", "bias_ih_l0"), leaves[1:], strict=True))
    weights["bias_hh_l0"] = torch.zeros_like(leaves[3])
    y, (_, cell) = torch.func.functional_call(layer, weights, (leaves[0], tuple(state[:, None])))
    np.testing.assert_allclose(out["y"], y.detach().numpy(), **EXACT)
    np.testing.assert_allclose(out["cell"][:, -1], cell[0].detach().numpy(), **EXACT)
    for name, gradient in zip(
        ("dx", "dw_x", "dw_h", "db"), torch.autograd.grad(y, leaves, torch.tensor(case["dy"])), strict=True
    ):
        np.testing.assert_allclose(out[name], gradient.numpy(), rtol=1e-10, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("name", ["x", "w_x", "w_h", "b"])
def test_lstm_gradient_matches_finite_differences(name: str) -> None:
    case = lstm_case(3, 17, 9, seed=1)
    out = run_lstm(case)
    along = np.random.default_rng(2).normal(size=case[name].shape)

    def total(value: np.ndarray) -> float:
        return float((run_lstm(case | {name: value})["y"] * case["dy"]).sum())

    assert slope(total, case[name], along) == pytest.approx(float((out[f"d{name}"] * along).sum()), rel=1e-6)


def test_lstm_start_forgets_everything_before_it() -> None:
    case = lstm_case(1, 8, 5, seed=3)
    case["starts"][:] = 0
    case["starts"][0, 4] = 1
    other = dict(case, x=case["x"].copy(), state=case["state"] + 1.0)
    other["x"][0, :4] += 1.0
    one, two = run_lstm(case), run_lstm(other)
    assert np.abs(one["y"][0, :4] - two["y"][0, :4]).max() > 1e-3
    np.testing.assert_array_equal(one["y"][0, 4:], two["y"][0, 4:])


@pytest.mark.parametrize(("kind", "name"), [(0, "relu"), (1, "tanh")])
def test_activation_matches_torch(kind: int, name: str) -> None:
    rng = np.random.default_rng(kind)
    x, dy = rng.normal(size=257), rng.normal(size=257)
    x[0] = 0.0
    leaf = torch.tensor(x, requires_grad=True)
    expected = getattr(torch, name)(leaf)
    expected.backward(torch.tensor(dy))
    y, dx = x.copy(), dy.copy()
    reference().activation(kind, y.size, y)
    reference().activation_backward(kind, y.size, y, dx)
    np.testing.assert_allclose(y, expected.detach().numpy(), **EXACT)
    np.testing.assert_allclose(dx, leaf.grad.numpy(), **EXACT)
