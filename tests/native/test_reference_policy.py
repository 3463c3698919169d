# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Whole policies: forward, and the gradient of the whole loss, against torch autograd and finite differences."""

from __future__ import annotations

import ctypes
from dataclasses import astuple, replace

import numpy as np
import pytest
from native_reference import Coefficients, Encoder, Log, Policy, legal_actions, make_spec, random_masks, reference

from shoal import native

torch = pytest.importorskip("torch")
import torch_oracle  # noqa: E402
from torch_oracle import Batch, Shape  # noqa: E402

SHAPES = {
    "mingru": Shape(dense=7, hot=0, hidden=16, layers=2, core="mingru", heads=[(3, False)]),
    "mingru, one-hots": Shape(dense=0, hot=20, hidden=33, layers=1, core="mingru", heads=[(5, True)]),
    "mingru, mixed": Shape(dense=5, hot=6, hidden=8, layers=3, core="mingru", heads=[(4, True), (2, False)], dims=2),
    "mingru, own value": Shape(3, 2, 9, 2, "mingru", [(3, True)], dims=1, own_value=True),
    "lstm": Shape(dense=5, hot=6, hidden=33, layers=1, core="lstm", heads=[(3, False)]),
    "lstm, mixed": Shape(4, 3, 8, 2, "lstm", [(4, True), (2, False)], dims=2),
    "lstm, own value": Shape(3, 2, 9, 2, "lstm", [(3, True)], own_value=True),
    "mlp relu": Shape(dense=6, hot=4, hidden=32, layers=1, core="mlp", heads=[(3, False)]),
    "mlp tanh": Shape(5, 0, 17, 2, "mlp", [], dims=3, activation="tanh", own_value=True),
    "mlp relu, deep": Shape(5, 3, 31, 3, "mlp", [(2, False), (3, True)]),
    "embedding": Shape(2, 0, 9, 1, "mingru", [(3, False)], own=[("embedding", 1, 3, 1, 40)]),
    "conv": Shape(0, 3, 8, 1, "mlp", [(3, False)], own=[("conv", 3, 4, 1, 3)]),
    "conv, channels": Shape(0, 0, 5, 1, "lstm", [(3, False)], own=[("conv", 3, 4, 2, 2)]),
    "entities": Shape(3, 0, 7, 1, "mingru", [(3, False)], own=[("entities", 5, 3, 1, 0)]),
    "all encoders, own value": Shape(
        2,
        3,
        6,
        1,
        "mlp",
        [(3, True)],
        own_value=True,
        own=[("entities", 2, 2, 2, 0), ("conv", 3, 3, 1, 2), ("embedding", 2, 1, 1, 33), ("entities", 1, 4, 1, 0)],
    ),
}
KINDS = ("embedding", "conv", "entities")
COEFFICIENTS = torch_oracle.Coefficients(0.2, 0.8, 0.1, 0.02, 0.01)


def policy_of(shape: Shape) -> Policy:
    return Policy(
        shape.dense, shape.hot, shape.outputs, shape.dims, native.CORES.index(shape.core), shape.hidden, shape.layers,
        native.ACTIVATIONS.index(shape.activation), shape.own_value,
    ).with_own([Encoder(KINDS.index(kind), *size) for kind, *size in shape.own])  # fmt: skip


def make_batch(shape: Shape, segments: int, length: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    size = (segments, length)
    spec = make_spec(heads=shape.heads, dims=shape.dims)
    masks = random_masks(spec, segments * length, rng)
    learn = (rng.random(size) < 0.9).astype(np.uint8)
    learn[0, 0] = 1
    return {
        "dense": rng.normal(size=(*size, shape.dense)),
        "hot": (rng.random((*size, shape.hot)) < 0.3).astype(np.float64),
        "own": own_inputs(shape, size, rng),
        "starts": (rng.random(size) < 0.15).astype(np.uint8),
        "state": rng.normal(size=(shape.trunks, shape.states, segments, shape.hidden)),
        "masks": masks,
        "discrete": legal_actions(spec, masks, rng),
        "continuous": rng.normal(size=(segments * length, shape.dims)),
        "old_log_prob": rng.normal(size=size) * 0.2 - 1.5 * max(1, len(shape.heads)),
        "old_values": rng.normal(size=size),
        "advantage": rng.normal(size=size),
        "returns": rng.normal(size=size),
        "omega": rng.random(size) + 0.5,
        "learn": learn,
    }


def torch_batch(shape: Shape, batch: dict[str, np.ndarray]) -> Batch:
    segments, length = batch["learn"].shape
    legal, at = [], 0
    for size, masked in shape.heads:
        legal.append(batch["masks"][:, at : at + size] if masked else np.ones((segments * length, size)))
        at += size if masked else 0
    tensors = {name: torch.tensor(value) for name, value in batch.items() if name != "masks"}
    tensors["legal"] = torch.tensor(np.concatenate([np.zeros((segments * length, 0)), *legal], axis=1)).bool()
    for name in ("legal", "discrete", "continuous"):
        tensors[name] = tensors[name].reshape(segments, length, -1)
    return Batch(**tensors | {name: tensors[name].bool() for name in ("starts", "learn")})


def own_inputs(shape: Shape, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Return what own encoders read: categories, or the number of valid entities and all of them."""
    parts = [np.zeros((*size, 0))]
    for kind, rows, columns, channels, categories in shape.own:
        count = rows * columns * channels
        if kind == "entities":
            parts += [rng.integers(0, rows + 1, (*size, 1)), rng.normal(size=(*size, count))]
        else:
            parts.append(rng.integers(0, categories, (*size, count)))
    return np.concatenate(parts, axis=-1)


def random_parameters(shape: Shape, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    parts = [rng.normal(size=size).ravel() / np.sqrt(max(1, size[-1])) for _, size in shape.parameters()]
    return np.concatenate(parts)


def reference_forward(shape: Shape, params: np.ndarray, batch: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    segments, length = batch["learn"].shape
    policy, ref = policy_of(shape), reference()
    work = np.full(ref.policy_work(ctypes.byref(policy), segments * length), np.nan)
    outputs = np.full((segments, length, shape.outputs), np.nan)
    values, state = np.full((segments, length), np.nan), np.full_like(batch["state"], np.nan)
    ref.policy_forward(
        ctypes.byref(policy), params, segments, length, batch["dense"], batch["hot"], batch["own"], batch["starts"],
        batch["state"],
        outputs, values, state, work,
    )  # fmt: skip
    return outputs, values, state, work


def reference_loss(shape: Shape, params: np.ndarray, batch: dict[str, np.ndarray]) -> tuple[float, np.ndarray]:
    """Return the whole loss and its gradient, by composing the reference's operations."""
    segments, length = batch["learn"].shape
    n, policy, ref = segments * length, policy_of(shape), reference()
    spec = make_spec(heads=shape.heads, dims=shape.dims)
    outputs, values, _, work = reference_forward(shape, params, batch)
    log_std = params[params.size - shape.dims :].copy()
    actions = (ctypes.byref(spec), n, outputs, log_std, batch["masks"], batch["discrete"], batch["continuous"])
    log_prob, entropy, entropy_continuous = np.empty((3, n))
    ref.heads(*actions, log_prob, entropy, entropy_continuous)
    advantage, log = np.empty(n), Log()
    coefficients = Coefficients(*astuple(COEFFICIENTS))
    ref.normalize(ctypes.byref(coefficients), n, batch["learn"], batch["advantage"], advantage)
    dlog_prob, dvalues, dentropy, dentropy_continuous = np.empty((4, n))
    ref.loss(
        ctypes.byref(coefficients), n,
        batch["learn"], log_prob, batch["old_log_prob"], values, batch["old_values"], batch["returns"], advantage,
        batch["omega"], entropy, entropy_continuous, dlog_prob, dvalues, dentropy, dentropy_continuous,
        ctypes.byref(log),
    )  # fmt: skip
    doutputs, dlog_std, gradient = np.empty_like(outputs), np.zeros(shape.dims), np.zeros_like(params)
    ref.heads_backward(*actions, dlog_prob, dentropy, dentropy_continuous, doutputs, dlog_std)
    ref.policy_backward(
        ctypes.byref(policy), params, segments, length, batch["dense"], batch["hot"], batch["own"], batch["starts"],
        batch["state"],
        doutputs, dvalues, gradient, work,
    )  # fmt: skip
    gradient[params.size - shape.dims :] += dlog_std
    return log.loss, gradient


@pytest.mark.parametrize("name", SHAPES)
def test_the_parameters_are_counted(name: str) -> None:
    shape = SHAPES[name]
    expected = sum(int(np.prod(size)) for _, size in shape.parameters())
    assert reference().policy_params(ctypes.byref(policy_of(shape))) == expected


@pytest.mark.parametrize(("segments", "length"), [(1, 1), (1, 33), (5, 8), (31, 2)])
@pytest.mark.parametrize("name", SHAPES)
def test_forward_matches_torch(name: str, segments: int, length: int) -> None:
    shape = SHAPES[name]
    batch, params = make_batch(shape, segments, length, seed=length), random_parameters(shape, seed=1)
    outputs, values, state, _ = reference_forward(shape, params, batch)
    with torch.no_grad():
        expected = torch_oracle.forward(shape, torch.tensor(params), torch_batch(shape, batch))
    np.testing.assert_allclose(outputs, expected[0].numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(values, expected[1].numpy(), rtol=1e-10, atol=1e-12)
    if shape.states:
        last = torch.stack(expected[2]).numpy().reshape(state.shape)
        np.testing.assert_allclose(state, last, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("segments", "length"), [(1, 1), (3, 17), (16, 2)])
@pytest.mark.parametrize("name", SHAPES)
def test_gradient_of_the_whole_loss_matches_torch(name: str, segments: int, length: int) -> None:
    shape = SHAPES[name]
    batch, params = make_batch(shape, segments, length, seed=length), random_parameters(shape, seed=1)
    loss, gradient = reference_loss(shape, params, batch)
    leaf = torch.tensor(params, requires_grad=True)
    expected = torch_oracle.whole_loss(shape, leaf, torch_batch(shape, batch), COEFFICIENTS)
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-10, abs=1e-12)
    views = shape.unflatten(torch.tensor(gradient))
    for tensor, wanted in shape.unflatten(leaf.grad).items():
        np.testing.assert_allclose(views[tensor].numpy(), wanted.numpy(), rtol=1e-8, atol=1e-11, err_msg=tensor)
    if segments * length > 1 and params.size:
        assert np.count_nonzero(gradient) > params.size // 2


@pytest.mark.parametrize("name", SHAPES)
def test_gradient_matches_finite_differences(name: str) -> None:
    """Along random directions. tanh in place of relu: a step must not cross a kink."""
    shape = replace(SHAPES[name], activation="tanh")
    batch, params = make_batch(shape, 4, 9, seed=0), random_parameters(shape, seed=1)
    _, gradient = reference_loss(shape, params, batch)
    rng = np.random.default_rng(0)
    for _ in range(5):
        along, step = rng.normal(size=params.shape), 1e-6
        high, low = (reference_loss(shape, params + sign * step * along, batch)[0] for sign in (1, -1))
        assert (high - low) / (2 * step) == pytest.approx(float(gradient @ along), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", ["mingru, own value", "lstm, own value"])
def test_segments_continue_from_the_stored_state(name: str) -> None:
    """Two segments of 8 from the state in between are the one of 16; the mlp's order does not matter."""
    shape = SHAPES[name]
    batch, params = make_batch(shape, 3, 16, seed=0), random_parameters(shape, seed=1)
    outputs, values, state, _ = reference_forward(shape, params, batch)
    halves, carried = [], batch["state"]
    for half in (slice(0, 8), slice(8, 16)):
        part = {name: np.ascontiguousarray(batch[name][:, half]) for name in ("dense", "hot", "own", "starts", "learn")}
        *found, carried, _ = reference_forward(shape, params, part | {"state": carried})
        halves.append(found)
    np.testing.assert_array_equal(np.concatenate([h[0] for h in halves], axis=1), outputs)
    np.testing.assert_array_equal(np.concatenate([h[1] for h in halves], axis=1), values)
    np.testing.assert_array_equal(carried, state)
