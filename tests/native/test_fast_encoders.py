# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Encoders in float32: what they must have the bits of, what they must not see, and what they refuse.

That they and their gradients are the reference's and torch's is in test_fast_policy.py and test_fast_learner.py.
"""

from __future__ import annotations

import numpy as np
import pytest
from native_fast import FMA_BUILDS, FastPolicy, builds, random_rows
from native_reference import CATEGORY, F32, FLAG, GRID, I8, I16, IMAGE, SET, U8, VECTOR, make_spec

from shoal import native

EVERY = [
    (SET, F32, (5, 3), 2), (GRID, U8, (4, 5), 3), (VECTOR, I16, 1, 0), (CATEGORY, U8, 2, 40), (SET, I8, (70, 2), 2),
    (CATEGORY, I16, 3, 5), (GRID, I8, (3, 3, 2), 4),
]  # fmt: skip
HEADS = [(3, False)]


def act(policy: FastPolicy, rows: np.ndarray) -> bytes:
    """Return logits and values of rows as bytes."""
    masks = np.ones((len(rows), policy.spec.mask_bytes), np.uint8)
    found = policy.act(rows, masks, None, np.zeros((len(rows), policy.state_size), np.float32), greedy=1)
    assert np.isfinite(found[0]).all()
    return found[0].tobytes() + found[1].tobytes()


def made(isa: str, fields: list[tuple[object, ...]], **config: int) -> FastPolicy:
    policy = FastPolicy(isa, make_spec(fields, HEADS), **config)
    policy.shake(np.random.default_rng(1), 0.1)
    return policy


@pytest.mark.parametrize("isa", builds())
@pytest.mark.parametrize("hidden", [16, 33, 128, 200])
def test_one_hots_have_the_bits_of_a_dense_product(hidden: int, isa: str) -> None:
    """Categories beside the same one-hots written out as flags, behind three flags that both have."""
    sparse = made(isa, [(FLAG, U8, 3, 0), (GRID, U8, (5, 7), 6), (CATEGORY, I16, 2, 32)], hidden=hidden)
    dense = made(isa, [(FLAG, U8, 3 + 35 * 6 + 2 * 32, 0)], hidden=hidden)
    rows = random_rows(sparse.spec, 37, np.random.default_rng(0))
    flags, hot, _ = sparse.features(rows)
    written = np.zeros((37, dense.spec.row_bytes), np.uint8)
    written[:, : flags.shape[1] + hot.shape[1]] = np.concatenate([flags, hot], axis=1)
    for name, tensor in dense.tensors.items():
        if name.endswith("encoder.weight"):
            tensor[...] = np.concatenate([sparse.tensors[name], sparse.tensors["policy.encoder.onehot"]], axis=1)
        else:
            tensor[...] = sparse.tensors[name]
    dense.lib.policy_pack(dense.handle)
    assert act(dense, written) == act(sparse, rows)


@pytest.mark.parametrize("grid", [0, 1])
def test_a_row_has_the_same_bits_in_any_batch_and_any_fused_build(grid: int) -> None:
    found = set()
    for isa in builds():
        policy = made(isa, EVERY, hidden=33, layers=2, grid=grid, own_value=1)
        rows = random_rows(policy.spec, 130, np.random.default_rng(2))
        whole = act(policy, rows)
        single = [act(policy, rows[i : i + 1].copy()) for i in range(130)]
        assert b"".join(part[:12] for part in single) + b"".join(part[12:] for part in single) == whole
        if isa in FMA_BUILDS:
            found.add(whole)
    assert len(found) <= 1


def test_only_valid_entities_count_and_none_give_nothing() -> None:
    policy = made(builds()[0], [(SET, F32, (5, 3), 1), (FLAG, I16, 1, 0)], hidden=24)
    policy.tensors["policy.encoder.weight"][...] = 0  # the count itself says nothing
    policy.lib.policy_pack(policy.handle)
    rng = np.random.default_rng(0)
    entities = rng.normal(size=(5, 3)).astype(np.float32)

    def given(entities: np.ndarray, valid: int) -> bytes:
        row = np.zeros((1, policy.spec.row_bytes), np.uint8)
        row[0, :60] = entities.ravel().view(np.uint8)
        row[0, 60:62] = np.array([valid], np.int16).view(np.uint8)
        return act(policy, row)

    other = entities.copy()
    other[3:] += 100
    assert given(entities, 3) == given(other, 3) == given(entities[[2, 0, 1, 3, 4]], 3)
    assert given(entities, 4) != given(other, 4)
    assert given(entities, 5) == given(entities, 9)
    policy.tensors["policy.encoder.fields.field0.bias"][...] = 3
    nothing = given(entities, 0)
    assert nothing == given(other, -2)
    policy.tensors["policy.encoder.fields.field0.project.weight"][...] = 0
    policy.lib.policy_pack(policy.handle)
    assert given(entities, 5) == nothing


@pytest.mark.parametrize("grid", [0, 1])
def test_categories_out_of_range_count_as_the_nearest(grid: int) -> None:
    policy = made(builds()[0], [(GRID, I8, (2, 3), 4), (CATEGORY, I16, 2, 50)], hidden=16, grid=grid)
    values = np.array([-7, 0, 3, 9, 1, 2], np.int8), np.array([-1, 300], np.int16)
    nearest = np.array([0, 0, 3, 3, 1, 2], np.int8), np.array([0, 49], np.int16)
    rows = [np.frombuffer(a.tobytes() + b.tobytes() + bytes(2), np.uint8)[None].copy() for a, b in (values, nearest)]
    assert act(policy, rows[0]) == act(policy, rows[1])


@pytest.mark.parametrize(
    ("fields", "grid", "message"),
    [
        ([(IMAGE, U8, (8, 8), 0)], 0, "no encoder for images"),
        ([(GRID, U8, (23, 23), 3)], 1, "grids of at most 512 cells"),
        ([(CATEGORY, U8, 1, 40)] * 9, 0, "at most 8 fields that are sets"),
        ([(GRID, U8, (40, 40), 12)], 0, "1 to 16384 features"),
        ([(CATEGORY, I16, 20000, 60)], 0, "at most 1048576 elements times categories"),
    ],
)
def test_what_is_too_large_is_one_sentence(fields: list[tuple[object, ...]], grid: int, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        FastPolicy(builds()[0], make_spec(fields, HEADS), grid=grid)


def test_matrices_of_encoders_are_named_and_shaped_as_torchs() -> None:
    policy = made(builds()[0], EVERY, hidden=16, grid=native.GRIDS.index("conv"))
    found = {name: policy.tensors[name].shape for name in policy.names if ".fields." in name}
    assert found == {
        **{f"policy.encoder.fields.field0.{name}": shape for name, shape in
           {"weight": (32, 3), "bias": (32,), "project.weight": (16, 32)}.items()},
        **{f"policy.encoder.fields.field1.{name}": shape for name, shape in
           {"layers.0.weight": (32, 3, 3, 3), "layers.0.bias": (32,), "layers.2.weight": (32, 32, 3, 3),
            "layers.2.bias": (32,), "project.weight": (16, 32 * 20)}.items()},
        "policy.encoder.fields.field3.tables.weight": (80, 16),
        **{f"policy.encoder.fields.field4.{name}": shape for name, shape in
           {"weight": (32, 2), "bias": (32,), "project.weight": (16, 32)}.items()},
        **{f"policy.encoder.fields.field6.{name}": shape for name, shape in
           {"layers.0.weight": (32, 8, 3, 3), "layers.0.bias": (32,), "layers.2.weight": (32, 32, 3, 3),
            "layers.2.bias": (32,), "project.weight": (16, 32 * 9)}.items()},
    }  # fmt: skip
