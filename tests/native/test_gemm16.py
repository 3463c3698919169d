# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Products of 16-bit factors: the kernels against float64 on rounded factors, and whole updates with them."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
from native_fast import FastLearner, FastPolicy, build, builds
from native_reference import make_spec, reference_of

MLP = {"core": 0, "hidden": 48, "layers": 2}
MINGRU = {"core": 1, "hidden": 33, "layers": 2}
LSTM = {"core": 2, "hidden": 40, "layers": 1}
SHAPES = [(1, 1, 1), (5, 7, 3), (33, 118, 64), (96, 64, 192), (47, 200, 130), (95, 65, 33), (16, 32, 32), (70, 3, 40)]
P, I32, I64 = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64

needs_bfloat16 = pytest.mark.skipif(
    not build(builds()[0]).has_bfloat16(), reason="this processor has no 16-bit matrix products"
)


def padded(n: int) -> int:
    return -(-n // 32) * 32


def rounded(x: np.ndarray) -> np.ndarray:
    """Round float32 to the nearest bfloat16, ties to even."""
    bits = x.astype(np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32).astype(np.float64)


def call(name: str, types: tuple[type, ...], *arguments: Any) -> None:
    function = getattr(reference_of(builds()[0])._dll, name)
    function.argtypes, function.restype = types, None
    function(*(a.ctypes.data if isinstance(a, np.ndarray) else a for a in arguments))


def random(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32)


@needs_bfloat16
@pytest.mark.parametrize("start", ["bias", "accumulate", "zero"])
@pytest.mark.parametrize(("rows", "inner", "columns"), SHAPES)
def test_a_product_is_that_of_rounded_factors(rows: int, inner: int, columns: int, start: str) -> None:
    rng = np.random.default_rng(rows)
    x, w, bias = random(rng, rows, padded(inner)), random(rng, inner, columns), random(rng, padded(columns))
    y = random(rng, rows, padded(columns))
    before = {"bias": bias[:columns], "accumulate": y[:, :columns].copy(), "zero": np.zeros(columns)}[start]
    packed = np.zeros(padded(columns) * max(padded(inner) // 2, inner), np.uint32)
    workspace = np.zeros(96 * padded(max(inner, columns)) + 16, np.uint32)
    call("shoal_pack16", (P, P, I32, I32, I64, I64), packed, w, inner, columns, columns, 1)
    call(
        "shoal_gemm16", (P, I64, P, I64, P, P, I32, I32, I32, I32, P),
        y, y.shape[1], x, x.shape[1], packed, bias if start == "bias" else None,
        rows, inner, columns, int(start == "accumulate"), workspace,
    )  # fmt: skip
    wanted = before + rounded(x[:, :inner]) @ rounded(w)
    np.testing.assert_allclose(y[:, :columns], wanted, rtol=1e-5, atol=1e-5)  # float32 sums of up to 200 products


@needs_bfloat16
@pytest.mark.parametrize(("rows", "inputs", "outputs"), SHAPES)
def test_a_weight_gradient_is_that_of_rounded_factors(rows: int, inputs: int, outputs: int) -> None:
    rng = np.random.default_rng(rows)
    x, dy, w = random(rng, rows, padded(inputs)), random(rng, rows, outputs + 3), random(rng, outputs, padded(inputs))
    wanted = w[:, :inputs] + rounded(dy[:, :outputs]).T @ rounded(x[:, :inputs])
    workspace = np.zeros(96 * padded(max(inputs, outputs)) + 16, np.uint32)
    call(
        "shoal_gemm16_outer", (P, I64, P, I64, P, I64, I32, I32, I32, P),
        w, w.shape[1], dy, dy.shape[1], x, x.shape[1], rows, outputs, inputs, workspace,
    )  # fmt: skip
    np.testing.assert_allclose(w[:, :inputs], wanted, rtol=1e-5, atol=1e-5)


@needs_bfloat16
@pytest.mark.parametrize(("rows", "count", "span", "columns"), [(1, 1, 3, 5), (33, 122, 6, 64), (200, 20, 4, 130)])
def test_products_of_one_hots_are_those_of_rounded_tables(rows: int, count: int, span: int, columns: int) -> None:
    rng = np.random.default_rng(rows)
    hot = count * span
    index = np.arange(count) * span + rng.integers(0, span, (rows, count))
    index = np.concatenate([index, np.full((rows, 2), -7)], axis=1).astype(np.int32)  # what is beyond is not read
    ones = np.zeros((rows, hot))
    np.put_along_axis(ones, index[:, :count].astype(np.int64), 1, axis=1)
    table, y, dy = random(rng, hot, columns), random(rng, rows, padded(columns)), random(rng, rows, columns + 3)
    packed = np.zeros(padded(columns) * padded(hot) // 2, np.uint32)
    workspace = np.zeros(48 * (padded(hot) + padded(columns)) + 16, np.uint32)
    call("shoal_pack16", (P, P, I32, I32, I64, I64), packed, table, hot, columns, columns, 1)
    wanted = y[:, :columns] + ones @ rounded(table)
    shape = index, index.shape[1], rows, count, hot, columns, workspace
    call("shoal_hot16", (P, I64, P, P, I64, I32, I32, I32, I32, P), y, y.shape[1], packed, *shape)
    np.testing.assert_allclose(y[:, :columns], wanted, rtol=1e-5, atol=1e-5)
    gradient = random(rng, hot, padded(columns))
    wanted = gradient[:, :columns] + ones.T @ rounded(dy[:, :columns])
    call("shoal_hot16_outer", (P, P, I64, P, I64, I32, I32, I32, I32, P), gradient, dy, dy.shape[1], *shape)
    np.testing.assert_allclose(gradient[:, :columns], wanted, rtol=1e-5, atol=1e-5)


def gradients(policy: dict[str, Any], precision: int, name: str = "breakout", threads: int = 1) -> tuple[Any, ...]:
    """Return the gradient of a first minibatch whose ratios are 1, and the log."""
    shape = policy | {"precision": precision}
    learner = FastLearner(builds()[0], name, num_envs=31, policy=shape, horizon=32, segment=8, threads=threads)
    learner.policy.shake(np.random.default_rng(3), 0.1)
    learner.rollout()
    learner.update()
    learner.rollout()
    log = learner.update()
    return learner.tensors["update.gradient"].copy(), log


@needs_bfloat16
@pytest.mark.parametrize("policy", [MLP, MINGRU, LSTM], ids=["mlp", "mingru", "lstm"])
@pytest.mark.parametrize("name", ["cartpole", "squared", "mixed", "connect4"])
def test_an_update_is_close_to_that_in_32_bits(name: str, policy: dict[str, Any]) -> None:
    """As far apart as two runs may be whose policies differ by 2^-9 of every factor; the same actions are not sure."""
    exact, _ = gradients(policy, 0, name)
    narrow, log = gradients(policy, 1, name)
    assert not np.array_equal(exact, narrow)
    cosine = exact @ narrow / np.linalg.norm(exact) / np.linalg.norm(narrow)
    assert cosine > 0.95
    assert log.first_ratio_error == 0.0


@needs_bfloat16
@pytest.mark.parametrize("policy", [MLP, MINGRU, LSTM], ids=["mlp", "mingru", "lstm"])
def test_16_bits_are_the_same_bits_for_any_threads(policy: dict[str, Any]) -> None:
    one, _ = gradients(policy, 1)
    three, _ = gradients(policy, 1, threads=3)
    np.testing.assert_array_equal(one, three)


def test_a_processor_without_them_is_one_sentence() -> None:
    spec = make_spec(fields=[(0, 0, 4, 0)], heads=[(3, False)])
    with pytest.raises(AssertionError, match=r"this processor has no 16-bit matrix products \(AMX\); expected float32"):
        FastPolicy("generic", spec, precision=1)
