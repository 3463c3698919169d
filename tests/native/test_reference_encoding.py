# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Encoding of packed rows: against numpy's own reading of the same bytes."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native_reference import (
    CATEGORY,
    DTYPES,
    F32,
    FLAG,
    GRID,
    I8,
    I16,
    IMAGE,
    SET,
    U8,
    VECTOR,
    make_spec,
    reference,
    widths_of,
)  # fmt: skip

FIELDS = st.lists(
    st.tuples(st.sampled_from([VECTOR, FLAG, GRID, CATEGORY]), st.integers(0, 3), st.integers(1, 7), st.integers(1, 5)),
    min_size=1,
    max_size=6,
)


def encode(spec, rows: np.ndarray, mean: np.ndarray | None, sigma: np.ndarray | None, grid: int = 0):
    widths, _ = widths_of(spec, grid)
    out = [np.full((len(rows), width), np.nan) for width in widths]
    reference().encode(ctypes.byref(spec), grid, len(rows), rows, mean, sigma, *out)
    return out


@settings(deadline=None, max_examples=60)
@given(fields=FIELDS, n=st.integers(1, 5), seed=st.integers(0, 1000))
def test_encoding_reads_every_field_as_numpy_does(fields: list[tuple[int, int, int, int]], n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    spec = make_spec(fields)
    layout = np.dtype(
        {
            "names": [f"f{i}" for i in range(len(fields))],
            "formats": [(DTYPES[dtype], (elements,)) for _, dtype, elements, _ in fields],
            "offsets": [spec.fields[i].offset for i in range(len(fields))],
            "itemsize": spec.row_bytes,
        }
    )
    rows = np.zeros(n, layout)
    dense, hot = [np.zeros((n, 0))], [np.zeros((n, 0))]
    for i, (kind, _, elements, categories) in enumerate(fields):
        low = -100 if kind == VECTOR else 0
        high = {VECTOR: 100, FLAG: 2}.get(kind, categories)
        values = rng.integers(low, high, (n, elements))
        rows[f"f{i}"] = values
        read = rows[f"f{i}"].astype(np.float64)
        if kind in (VECTOR, FLAG):
            dense.append(read)
        else:
            hot.append((read[:, :, None] == np.arange(categories)).reshape(n, -1).astype(np.float64))
    packed = np.frombuffer(rows.tobytes(), np.uint8).reshape(n, -1)
    ours = encode(spec, packed, None, None)
    np.testing.assert_array_equal(ours[0], np.concatenate(dense, axis=1))
    np.testing.assert_array_equal(ours[1], np.concatenate(hot, axis=1))


def test_only_vectors_are_normalised() -> None:
    spec = make_spec([(VECTOR, F32, 2, 0), (FLAG, U8, 1, 0), (VECTOR, U8, 1, 0)])
    row = np.zeros(spec.row_bytes, np.uint8)
    row[:8] = np.frombuffer(np.array([3.0, -1000.0], np.float32).tobytes(), np.uint8)
    row[8], row[9] = 1, 7
    mean, sigma = np.array([1.0, 0.0, 50.0, 7.002]), np.array([4.0, 1.0, 50.0, 0.0])
    dense, *_ = encode(spec, row[None], mean, sigma)
    # 3: (3 - 1) / 4; -1000: clipped; the flag as it is; the byte: sigma 0 counts as 1e-3.
    np.testing.assert_allclose(dense, [[0.5, -5.0, 1.0, -2.0]], rtol=1e-9)


def test_own_inputs_are_the_elements_behind_the_count_of_a_set() -> None:
    spec = make_spec([(SET, I8, (2, 2), 1), (VECTOR, I16, 1, 0), (GRID, U8, (1, 2), 3), (CATEGORY, U8, 1, 33)])
    row = np.array([[1, 2, 3, 255, 1, 0, 2, 0, 32, 0, 0, 0]], np.uint8)
    assert widths_of(spec)[0] == (1, 6, 6)
    (dense, hot, own), convolved = encode(spec, row, None, None), encode(spec, row, None, None, grid=1)
    np.testing.assert_array_equal(dense, [[1]])
    np.testing.assert_array_equal(hot, [[0, 0, 1, 1, 0, 0]])
    np.testing.assert_array_equal(own, [[1, 1, 2, 3, -1, 32]])
    np.testing.assert_array_equal(convolved[2], [[1, 1, 2, 3, -1, 2, 0, 32]])


def test_a_field_kind_without_an_encoder_is_refused() -> None:
    (widths, encoders), spec = (
        widths_of(make_spec([(VECTOR, F32, 3, 0), (GRID, U8, 4, 5)])),
        make_spec([(IMAGE, U8, 4, 0)]),
    )
    assert (widths, encoders) == ((3, 20, 0), [])
    with pytest.raises(AssertionError):
        widths_of(spec)
