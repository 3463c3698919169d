# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The float32 forward pass and sampling, in every build, against the reference at sizes around a vector's width."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from native_fast import FMA_BUILDS, FastPolicy, builds, random_rows
from native_reference import (
    CATEGORY,
    F32,
    FLAG,
    GRID,
    I8,
    I16,
    RAGGED,
    SET,
    U8,
    VECTOR,
    make_spec,
    random_masks,
    reference,
)

from shoal import native

FIELDS = {
    "one number": [(VECTOR, F32, 1, 0)],
    "33 numbers": [(VECTOR, F32, 33, 0)],
    "every type": [
        (FLAG, U8, 3, 0), (VECTOR, I8, 2, 0), (GRID, U8, 5, 4), (VECTOR, I16, 3, 0), (CATEGORY, I16, 1, 7),
        (CATEGORY, U8, 1, 1), (VECTOR, F32, 2, 0), (VECTOR, U8, 1, 0), (FLAG, F32, 1, 0),
    ],
    "grid": [(GRID, U8, 121, 3)],
    "crop": [(GRID, U8, (11, 11), 8), (CATEGORY, I16, 2, 100)],
    "own encoders": [
        (SET, F32, (5, 3), 3), (CATEGORY, U8, 2, 40), (VECTOR, F32, 1, 0), (VECTOR, I16, 1, 0), (GRID, I8, (4, 5), 3),
        (SET, I8, (1, 9), 6), (FLAG, I16, 1, 0),
    ],
}  # fmt: skip
ACTIONS = {"discrete": ([(3, False)], 0), "masked": ([(5, True), (2, False)], 0), "mixed": ([(4, True)], 2)}
CORES = {
    "mingru": {"core": 1, "layers": 2},
    "mingru, own value": {"core": 1, "layers": 1, "own_value": 1},
    "lstm": {"core": 2, "layers": 2},
    "lstm, own value": {"core": 2, "layers": 1, "own_value": 1},
    "mlp relu": {"core": 0, "layers": 1},
    "mlp tanh, own value": {"core": 0, "layers": 3, "activation": 1, "own_value": 1},
    "conv": {"core": 1, "layers": 1, "grid": 1},
    "conv, lstm, own value": {"core": 2, "layers": 1, "own_value": 1, "grid": 1},
}


def make_policy(isa: str, fields: str, actions: str, core: str, hidden: int) -> FastPolicy:
    heads, dims = ACTIONS[actions]
    policy = FastPolicy(isa, make_spec(FIELDS[fields], heads, dims), hidden=hidden, **CORES[core])
    rng = np.random.default_rng(hidden)
    policy.shake(rng, 0.02 if policy.config.grid else 0.2)  # a convolution's projection sums thousands of products
    vectors = len(policy.tensors["normalizer.mean"])
    policy.set_statistics(rng.normal(size=vectors), rng.random(vectors) + 0.3)
    return policy


def make_input(policy: FastPolicy, n: int, seed: int) -> tuple[np.ndarray, ...]:
    """Return rows, masks, starts and state."""
    rng = np.random.default_rng(seed)
    state = rng.normal(size=(n, policy.state_size)).astype(np.float32)
    starts = (rng.random(n) < 0.3).astype(np.uint8)
    return random_rows(policy.spec, n, rng), random_masks(policy.spec, n, rng), starts, state


def exact_forward(
    policy: FastPolicy, rows: np.ndarray, starts: np.ndarray, state: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return outputs (n, O), values (n,) and the new state (n, size) by the reference, one step of n segments."""
    n, config, ref = len(rows), policy.config, reference()
    features, shape = policy.features(rows), policy.shape()
    params = policy.parameters()
    assert ref.policy_params(ctypes.byref(shape)) == params.size
    work = np.empty(ref.policy_work(ctypes.byref(shape), n))
    # ours (n, trunks * layers * hidden); the reference's (trunks * layers, n, hidden)
    before = np.ascontiguousarray(state.astype(np.float64).reshape(n, -1, config.hidden).swapaxes(0, 1))
    outputs, values, after = np.empty((n, policy.outputs)), np.empty(n), np.empty_like(before)
    ref.policy_forward(
        ctypes.byref(shape), params, n, 1, *features, starts, before, outputs, values, after, work
    )  # fmt: skip
    return outputs, values, after.swapaxes(0, 1).reshape(n, -1)


def test_features_are_encoded_for_every_kind_and_type() -> None:
    policy = make_policy(builds()[0], "every type", "discrete", "mlp relu", 8)
    found = policy.features(random_rows(policy.spec, 4, np.random.default_rng(0)))
    assert [part.shape for part in found] == [(4, 12), (4, 28), (4, 0)]
    policy = make_policy(builds()[0], "own encoders", "discrete", "mlp relu", 8)
    found = policy.features(random_rows(policy.spec, 4, np.random.default_rng(0)))
    assert [part.shape for part in found] == [(4, 3), (4, 60), (4, 2 + 15 + 1 + 9 + 1)]


@pytest.mark.parametrize("isa", builds())
@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(
    ("fields", "actions", "hidden"),
    [
        ("one number", "discrete", 1),
        ("33 numbers", "masked", 31),
        ("every type", "mixed", 33),
        ("grid", "discrete", 64),
        ("crop", "discrete", 128),
        ("own encoders", "mixed", 33),
    ],
)
@pytest.mark.parametrize("n", RAGGED)
def test_forward_matches_the_reference(n: int, fields: str, actions: str, hidden: int, core: str, isa: str) -> None:
    policy = make_policy(isa, fields, actions, core, hidden)
    rows, masks, starts, state = make_input(policy, n, seed=n)
    logits, values, _, _, after = policy.act(rows, masks, starts, state)
    outputs, exact_values, exact_after = exact_forward(policy, rows, starts, state)
    scale = max(1.0, np.abs(outputs).max(), np.abs(exact_values).max())
    # float32: sums of up to 363 terms through up to three layers
    np.testing.assert_allclose(logits, outputs, rtol=0, atol=2e-5 * scale)
    np.testing.assert_allclose(values, exact_values, rtol=0, atol=2e-5 * scale)
    np.testing.assert_allclose(after, exact_after if policy.state_size else state, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("core", CORES)
def test_a_row_has_the_same_bits_in_any_batch_and_any_fused_build(core: str) -> None:
    results = {}
    for isa in builds():
        policy = make_policy(isa, "every type", "mixed", core, 33)
        rows, masks, starts, state = make_input(policy, 257, seed=0)
        whole = policy.act(rows, masks, starts, state, greedy=1)
        for first, n in ((0, 1), (5, 2), (31, 33), (200, 57)):
            cut = slice(first, first + n)
            part = policy.act(rows[cut].copy(), masks[cut].copy(), starts[cut].copy(), state[cut], greedy=1)
            for ours, theirs in zip(part, whole, strict=True):
                assert ours.tobytes() == theirs[cut].tobytes()
        results[isa] = b"".join(array.tobytes() for array in whole)
    assert len({found for isa, found in results.items() if isa in FMA_BUILDS}) <= 1


@pytest.mark.parametrize("core", ["mingru", "lstm"])
def test_without_starts_nothing_is_reset(core: str) -> None:
    policy = make_policy(builds()[0], "33 numbers", "discrete", core, 32)
    rows, masks, starts, state = make_input(policy, 32, seed=2)
    kept = policy.act(rows, masks, None, state)
    for ours, theirs in zip(kept, policy.act(rows, masks, np.zeros_like(starts), state), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert np.abs(kept[0] - policy.act(rows, masks, np.ones_like(starts), state)[0]).max() > 1e-3


def hash_of(seed: int, clock: int, stream: int) -> np.ndarray:
    out = np.zeros(1, np.uint64)
    reference().env_hash(seed, 6, clock, stream, 1, out)  # SHOAL_TAG_ACTION
    return out


def uniform_of(hashed: np.ndarray) -> float:
    out = np.zeros(1, np.float32)
    reference().env_uniform(1, hashed, out)
    return float(out[0])


@pytest.mark.parametrize("isa", builds())
def test_sampled_actions_follow_their_hashes(isa: str) -> None:
    """hash(seed, ACTION, clock, row * 64 + head), + 32 for dimensions; a normal takes two uniforms from one hash."""
    policy = make_policy(isa, "33 numbers", "mixed", "mingru", 32)
    rows, masks, starts, state = make_input(policy, 257, seed=3)
    logits, _, discrete, continuous, _ = policy.act(rows, masks, starts, state, seed=11, clock=7)
    std = np.exp(np.clip(policy.tensors["policy.log_std"], -4, 0.5))
    for row in range(257):
        assert masks[row, discrete[row, 0]]
        exact = np.ascontiguousarray(logits[row, :4], np.float64)
        u = uniform_of(hash_of(11, 7, row * 64))
        near = {reference().sample_discrete(4, exact, masks[row].copy(), u + d) for d in (-1e-6, 0, 1e-6)}
        assert discrete[row, 0] in near
        for d in range(2):
            hashed = hash_of(11, 7, row * 64 + 32 + d)
            normal = reference().sample_normal(1 - uniform_of(hashed), uniform_of(hashed << np.uint64(24)))
            expected = np.clip(logits[row, 4 + d] + std[d] * normal, -1, 1)
            assert continuous[row, d] == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("isa", builds())
def test_sampled_actions_have_their_probabilities(isa: str) -> None:
    policy = make_policy(isa, "one number", "masked", "mlp relu", 31)
    n = 40_000
    rows = np.repeat(random_rows(policy.spec, 1, np.random.default_rng(1)), n, axis=0)
    masks = np.tile(np.array([1, 0, 1, 1, 0], np.uint8), (n, 1))
    logits, _, discrete, _, _ = policy.act(rows, masks, None, np.zeros((n, 0), np.float32), seed=5)
    p = np.exp(logits[0, :5].astype(np.float64)) * masks[0]
    q = np.exp(logits[0, 5:].astype(np.float64))
    joint = np.outer(p / p.sum(), q / q.sum()).ravel()
    counts = np.bincount(discrete[:, 0] * 2 + discrete[:, 1], minlength=10)
    legal = joint > 0
    assert not counts[~legal].any()
    # heads are independent: chi-squared with 5 degrees of freedom, above 30 with probability 1.5e-5
    assert ((counts - n * joint)[legal] ** 2 / (n * joint)[legal]).sum() < 30


@pytest.mark.parametrize("isa", builds())
def test_greedy_takes_the_likeliest_legal_action_and_the_mean(isa: str) -> None:
    policy = make_policy(isa, "33 numbers", "mixed", "mlp relu", 32)
    policy.spec.dims[0].low, policy.spec.dims[0].high = -1, 1
    rows, masks, starts, state = make_input(policy, 257, seed=4)
    logits, _, discrete, continuous, _ = policy.act(rows, masks, starts, state, greedy=1)
    expected = np.where(masks == 1, logits[:, :4], -np.inf).argmax(1)
    np.testing.assert_array_equal(discrete[:, 0], expected)
    np.testing.assert_allclose(continuous, np.clip(logits[:, 4:], -1, 1), rtol=0, atol=1e-6)


def test_continuous_actions_are_mapped_to_their_bounds() -> None:
    spec = make_spec(FIELDS["33 numbers"], [], 1)
    spec.dims[0] = native.Continuous(b"thrust", 2.0, 10.0)
    policy = FastPolicy(builds()[0], spec, hidden=8)
    policy.shake(np.random.default_rng(0), 0.5)
    rows, masks, starts, state = make_input(policy, 33, seed=0)
    logits, _, _, continuous, _ = policy.act(rows, masks, starts, state, greedy=1)
    np.testing.assert_allclose(continuous, 2 + 8 * (np.clip(logits, -1, 1) + 1) / 2, rtol=1e-6)


@pytest.mark.parametrize("core", CORES)
def test_initial_matrices_are_orthogonal_with_their_gains(core: str) -> None:
    config = {"hidden": 24} | CORES[core]
    policy = FastPolicy(builds()[0], make_spec(FIELDS["every type"], *ACTIONS["mixed"]), **config)
    gains = {"policy.head.weight": 0.01, "policy.value.weight": 1.0}
    checked = 0
    for name in policy.names:
        if name.endswith(("bias", "log_std")):
            continue
        tensor, gates = policy.tensors[name].astype(np.float64), "core" in name and config["core"]
        matrix = tensor.reshape(len(tensor), -1)
        for block in np.split(matrix, len(matrix) // 24) if gates else [matrix]:
            singular = np.linalg.svd(block, compute_uv=False)
            expected = gains.get(name, 1.0 if gates else np.sqrt(2))
            np.testing.assert_allclose(singular, expected, rtol=1e-5, err_msg=name)
            checked += 1
    assert checked >= 4


def test_an_embedding_starts_from_normals_of_its_own_units() -> None:
    policy = FastPolicy(builds()[0], make_spec([(CATEGORY, U8, 5, 200)], [(2, False)]), hidden=25)
    table = policy.tensors["policy.encoder.fields.field0.tables.weight"]
    assert table.shape == (1000, 25)
    assert abs(table.mean()) < 0.01
    assert table.std() == pytest.approx(0.2, rel=0.02)
    assert np.abs(np.corrcoef(table.T) - np.eye(25)).max() < 0.15


def test_initial_biases_are_zero_but_for_the_update_gates() -> None:
    """b_g = logit(1 / tau) with tau log-uniform from 1.5 to gate_tau; log-std from -0.5."""
    policy = FastPolicy(builds()[0], make_spec(FIELDS["one number"], *ACTIONS["mixed"]), hidden=256, gate_tau=64.0)
    for name in policy.names:
        bias = policy.tensors[name].astype(np.float64)
        if "core" in name and name.endswith("bias"):
            k, g, p = np.split(bias, 3)
            assert not k.any()
            assert not p.any()
            share = np.sort(np.log((1 + np.exp(-g)) / 1.5) / np.log(64 / 1.5))
            # uniform in [0, 1]: Kolmogorov-Smirnov at about 1e-4
            assert np.abs(share - np.arange(0.5, 256) / 256).max() < 2.2 / np.sqrt(256)
        elif name.endswith("bias"):
            assert not bias.any()
    assert (policy.tensors["policy.log_std"] == -0.5).all()
    plain = FastPolicy(builds()[0], policy.spec, hidden=256, gate_tau=0.0)
    assert not plain.tensors["policy.core.0.bias"].any()


def test_the_forget_gate_starts_open() -> None:
    policy = FastPolicy(builds()[0], make_spec(FIELDS["one number"], *ACTIONS["discrete"]), hidden=33, **CORES["lstm"])
    for layer in range(2):
        bias = policy.tensors[f"policy.core.{layer}.bias"].reshape(4, 33)  # i, f, g, o
        np.testing.assert_array_equal(bias, np.repeat(np.float32([[0], [1], [0], [0]]), 33, axis=1))


def test_initial_weights_depend_on_the_seed_alone() -> None:
    for isa in builds():
        one, again, two = (
            FastPolicy(isa, make_spec(FIELDS["grid"], *ACTIONS["mixed"]), hidden=33, seed=seed).parameters()
            for seed in (1, 1, 2)
        )
        assert one.tobytes() == again.tobytes() != two.tobytes()
        if isa in FMA_BUILDS:
            best = FastPolicy(builds()[0], make_spec(FIELDS["grid"], *ACTIONS["mixed"]), hidden=33, seed=1)
            assert one.tobytes() == best.parameters().tobytes()


def test_a_head_too_large_for_the_scratch_is_refused() -> None:
    FastPolicy(builds()[0], make_spec(FIELDS["one number"], [(1024, False)]), hidden=4)
    with pytest.raises(AssertionError, match="at most 1024 actions"):
        FastPolicy(builds()[0], make_spec(FIELDS["one number"], [(1025, False)]), hidden=4)
