# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""LSTM and minGRU with native steps against the same in plain torch, in float32 and, as the truth, in float64."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from shoal.torch import cores, fused  # noqa: E402

SHAPES = [(1, 1, 1), (1, 7, 33), (4, 3, 5), (5, 9, 31), (3, 33, 32), (6, 17, 130)]
# Units in whole panels; more rows than go together, and more than one group of steps backwards, the last one shorter.
PANELS = [(1, 1, 32), (1, 7, 64), (3, 150, 32), (29, 60, 32), (6, 17, 160)]


def run(layer: nn.Module, dtype: torch.dtype, *arrays: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return what the layer gives and every gradient."""
    layer = layer.to(dtype)
    layer.zero_grad()
    x, keep, state, weight = (array.to(dtype, copy=True) for array in arrays)
    x.requires_grad_()
    y, after = layer(x, keep, state)
    (y * weight).sum().backward()
    gradients = {name: parameter.grad.clone() for name, parameter in layer.named_parameters()}
    return {"y": y.detach(), "after": after.detach(), "x": x.grad} | gradients


CASES = [(cores.Lstm, fused.LstmSequence, *shape) for shape in PANELS]
CASES += [(cores.MinGru, fused.MinGruSequence, *shape) for shape in SHAPES]


@pytest.mark.parametrize(("make", "function", "steps", "rows", "hidden"), CASES)
def test_native_code_gives_what_plain_torch_does(
    make: type, function: type, steps: int, rows: int, hidden: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(hidden)
    layer = make(hidden)
    with torch.no_grad():
        layer.bias.normal_()
    keep = (torch.rand(steps, rows, 1) > 0.3).float()
    keep[steps // 2] = 1.0  # a step in which no life starts
    arrays = (
        3 * torch.randn(steps, rows, hidden),
        keep,
        torch.randn(rows, layer.states * hidden),
        torch.randn(steps, rows, hidden),
    )
    calls = []
    apply = function.apply
    monkeypatch.setattr(function, "apply", lambda *a: calls.append(1) or apply(*a))
    found = run(layer, torch.float32, *arrays)
    assert calls
    truth = run(layer, torch.float64, *arrays)
    for name in ("fits", "fits_lstm"):
        monkeypatch.setattr(fused, name, lambda *tensors: False)
    plain = run(layer, torch.float32, *arrays)
    assert len(calls) == 1
    for name, wanted in truth.items():
        scale = float(wanted.abs().max())
        error, usual = (float((got[name] - wanted).abs().max()) for got in (found, plain))
        assert error <= max(4 * usual, 3e-6 * scale), (name, error, usual)
        assert torch.allclose(found[name], plain[name], rtol=0, atol=1e-5 * scale), name


@pytest.mark.parametrize("make", [cores.Lstm, cores.MinGru])
def test_gradients_can_be_taken_twice(make: type) -> None:
    torch.manual_seed(0)
    layer = make(32)
    x = torch.randn(3, 4, 32, requires_grad=True)
    y, _ = layer(x, torch.ones(3, 4, 1), torch.zeros(4, 32 * layer.states))
    once, twice = (torch.autograd.grad(y.sum(), [x, *layer.parameters()], retain_graph=True) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(once, twice, strict=True))


@pytest.mark.parametrize("rows", [1, 130])
def test_an_lstm_acts_as_it_learns(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    layer = cores.Lstm(32)
    with torch.no_grad():
        layer.bias.normal_()
    # Part of a state of several layers: its rows do not lie side by side.
    x, keep, state = torch.randn(1, rows, 32), (torch.rand(1, rows, 1) > 0.3).float(), torch.randn(rows, 96)[:, 16:80]
    learnt, wanted = layer(x, keep, state)
    calls, act = [], fused.lstm_act
    monkeypatch.setattr(fused, "lstm_act", lambda *a: calls.append(1) or act(*a))
    with torch.inference_mode():
        found, after = layer(x, keep, state)
    assert calls and found.shape == learnt.shape
    assert torch.equal(found, learnt) and torch.equal(after, wanted)


def test_an_lstm_of_other_units_takes_plain_torch() -> None:
    x = torch.zeros(1, 2, 33)
    assert fused.fits(x) and not fused.fits_lstm(x) and fused.fits_lstm(x[..., :32])
    assert not fused.fits_lstm(x[..., :32].double())


def test_other_types_and_autocast_take_plain_torch() -> None:
    x = torch.zeros(2)
    assert fused.fits(x, x) and not fused.fits(x, x.double()) and not fused.fits(x.bfloat16())
    assert not fused.fits(x.to("meta"))
    with torch.autocast("cpu", torch.bfloat16):
        assert not fused.fits(x)
