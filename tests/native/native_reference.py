# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The float64 reference (native/reference/reference.h) as functions over numpy arrays: `ref.linear(...)`."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from shoal import native

VECTOR, GRID, CATEGORY, FLAG, SET, IMAGE = range(6)  # field kinds
U8, I8, I16, F32 = range(4)  # field types
DTYPES = (np.uint8, np.int8, np.int16, np.float32)
RAGGED = (1, 31, 32, 33, 257)  # sizes around a vector's width: a wrong guard fails on one of them


class Coefficients(ctypes.Structure):
    """ShoalRefCoefficients."""

    _fields_ = [
        (name, ctypes.c_double)
        for name in ("clip_coef", "vf_coef", "vf_clip", "ent_coef", "ent_coef_continuous", "advantage_floor")
    ]


class Log(ctypes.Structure):
    """ShoalRefLog."""

    _fields_ = [
        (name, ctypes.c_double)
        for name in ("loss", "policy_loss", "value_loss", "entropy", "kl", "clip_fraction", "ratio_error")
    ]


class Encoder(ctypes.Structure):
    """ShoalRefEncoder."""

    _fields_ = [(name, ctypes.c_int32) for name in ("kind", "rows", "columns", "channels", "categories")]


class Policy(ctypes.Structure):
    """ShoalRefPolicy; `with_own` adds its own encoders."""

    _fields_ = [
        (name, ctypes.c_int32)
        for name in ("dense", "hot", "outputs", "dims", "core", "hidden", "layers", "activation", "own_value")
    ] + [("num_encoders", ctypes.c_int32), ("encoders", Encoder * 8)]

    def with_own(self, encoders: Sequence[Encoder]) -> Policy:
        """Return itself with these own encoders."""
        self.num_encoders = len(encoders)
        self.encoders[: len(encoders)] = encoders
        return self


def _array(dtype: type) -> type:
    """Return an argument type that takes a contiguous array of exactly `dtype`, or None."""

    class Array:
        @classmethod
        def from_param(cls, array: np.ndarray | None) -> ctypes.c_void_p:
            if array is None:
                return ctypes.c_void_p(None)
            if array.dtype != dtype or not array.flags.c_contiguous:
                raise TypeError(f"expected a contiguous {np.dtype(dtype)} array; got {array.dtype} {array.strides}")
            return ctypes.c_void_p(array.ctypes.data)

    return Array


# One letter per argument: i int32, l int64, u uint64, U uint32, d double; arrays D double, F float, B uint8, I int32,
# Q uint64; * a struct by reference.
_LETTERS: dict[str, Any] = {
    "i": ctypes.c_int32,
    "l": ctypes.c_int64,
    "u": ctypes.c_uint64,
    "U": ctypes.c_uint32,
    "d": ctypes.c_double,
    "D": _array(np.float64),
    "F": _array(np.float32),
    "B": _array(np.uint8),
    "I": _array(np.int32),
    "Q": _array(np.uint64),
    "*": ctypes.c_void_p,
}
_PROTOTYPES = {
    "linear": "liiDDDiD",
    "linear_backward": "liiDDDDDD",
    "features": "*iIII*:i",
    "encode": "*ilBDDDDD",
    "encoder_inputs": "*:l",
    "encoder_params": "*i:l",
    "encoder_work": "*i:l",
    "encoder": "*illDDDD",
    "encoder_backward": "*illDDDDD",
    "mingru": "iiiDBDDDDDD",
    "mingru_backward": "iiiDBDDDDDDDDD",
    "lstm": "iiiDBDDDDDDD",
    "lstm_backward": "iiiDBDDDDDDDDDDDD",
    "activation": "ilD",
    "activation_backward": "ilDD",
    "heads": "*lDDBIDDDD",
    "heads_backward": "*lDDBIDDDDDD",
    "normalize": "*lBDD",
    "loss": "*lBDDDDDDDDDDDDD*",
    "explained_variance": "lBDD:d",
    "policy_params": "*:l",
    "policy_work": "*l:l",
    "policy_forward": "*DiiDDDBDDDDD",
    "policy_backward": "*DiiDDDBDDDDD",
    "advantage": "iDDDdBDBddddiDD",
    "merge": "liDBDDD",
    "returns": "iDBdDD",
    "return_sigma": "dd:d",
    "scale_rewards": "ldD",
    "clip_norm": "ldD:d",
    "adamw": "lldDDDD",
    "newton_schulz": "iiDD",
    "muon": "iiddDDDD",
    "schedule": "id:d",
    "anneal": "ddd:d",
    "sample_discrete": "iDBd:i",
    "sample_normal": "dd:d",
    "priorities": "iiDBdD",
    "importance": "iDdD",
    "resample": "iDidI",
    "permute": "iuI",
    "env_maths": "ilFF",
    "env_hash": "uUuulQ",
    "env_uniform": "lQF",
    "env_below": "uilI",
}


class Reference:
    """`ref.name(...)` calls `shoal_ref_name` of one build."""

    def __init__(self, path: Any) -> None:
        self._dll = ctypes.CDLL(str(path))

    def __getattr__(self, name: str) -> Any:
        """Bind a function when it is first used."""
        arguments, _, result = _PROTOTYPES[name].partition(":")
        function = getattr(self._dll, f"shoal_ref_{name}")
        function.argtypes = [_LETTERS[letter] for letter in arguments]
        function.restype = _LETTERS[result] if result else None
        setattr(self, name, function)
        return function


@functools.cache
def _of_path(path: Any) -> Reference:
    return Reference(path)


def reference() -> Reference:
    """Return the reference inside the library that this process uses."""
    return _of_path(native.choose_library(native.library_folder()))


def every_build() -> list[str]:
    """Return the instruction sets that are built and that this machine runs, best first."""
    found = {path.stem.removeprefix("libshoal_") for path in native.library_folder().glob("libshoal_*.so")}
    best = native.library().best_isa().decode()
    return [isa for isa in native.ISAS[native.ISAS.index(best) :] if isa in found]


def reference_of(isa: str) -> Reference:
    """Return the reference inside the build for one instruction set."""
    return _of_path(native.library_folder() / f"libshoal_{isa}.so")


def widths_of(spec: native.Spec, grid: int = 0) -> tuple[tuple[int, int, int], list[Encoder]]:
    """Return the numbers of dense features, of one-hot features and of own inputs, and the own encoders."""
    found, encoders = [np.zeros(1, np.int32) for _ in range(3)], (Encoder * 8)()
    count = reference().features(ctypes.byref(spec), grid, *found, ctypes.byref(encoders))
    assert count >= 0
    dense, hot, own = (int(width[0]) for width in found)
    return (dense, hot, own), list(encoders[:count])


def make_spec(
    fields: Sequence[tuple[Any, ...]] = (),
    heads: Sequence[tuple[int, bool]] = (),
    dims: int = 0,
) -> native.Spec:
    """Return a spec.

    fields: (kind, dtype, elements or their shape, categories), sets with the index of their count in place of these;
    heads: (size, masked).
    """
    spec = native.Spec()
    spec.agents, spec.max_steps = 1, 100
    for i, (kind, dtype, shape, last) in enumerate(fields):
        size = np.dtype(DTYPES[dtype]).itemsize
        rows, columns, channels = (*(shape if isinstance(shape, tuple) else (shape,)), 1, 1)[:3]
        categories, count = (0, last) if kind == SET else (last, -1)
        offset = -(-spec.row_bytes // size) * size
        spec.fields[i] = native.Field(
            f"field{i}".encode(), b"", -100, 100, kind, dtype, rows, columns, channels, categories, offset, count
        )
        spec.row_bytes = offset + rows * columns * channels * size
    spec.row_bytes = -(-spec.row_bytes // 4) * 4
    for i, (size, masked) in enumerate(heads):
        spec.heads[i] = native.Discrete(f"head{i}".encode(), b"", size, int(masked))
        spec.mask_bytes += size if masked else 0
    for i in range(dims):
        spec.dims[i] = native.Continuous(f"dim{i}".encode(), -1, 1)
    spec.num_fields, spec.num_heads, spec.num_dims = len(fields), len(heads), dims
    return spec


def random_masks(spec: native.Spec, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return masks (n, mask_bytes), each head with at least one legal action."""
    parts = [np.zeros((n, 0), np.uint8)]
    for head in spec.heads[: spec.num_heads]:
        if head.masked:
            part = (rng.random((n, head.size)) < 0.6).astype(np.uint8)
            part[np.arange(n), rng.integers(0, head.size, n)] = 1
            parts.append(part)
    return np.ascontiguousarray(np.concatenate(parts, axis=1))


def legal_actions(spec: native.Spec, masks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return discrete actions (n, heads), uniform over the legal ones."""
    n, at = len(masks), 0
    actions = np.zeros((n, spec.num_heads), np.int32)
    for h, head in enumerate(spec.heads[: spec.num_heads]):
        legal = np.ones((n, head.size), np.uint8)
        if head.masked:
            legal = masks[:, at : at + head.size]
            at += head.size
        actions[:, h] = np.argmax(legal * rng.random((n, head.size)), axis=1)
    return actions


def outputs_of(spec: native.Spec) -> int:
    """Return the number of logits and means."""
    return sum(head.size for head in spec.heads[: spec.num_heads]) + spec.num_dims


def by_reference(struct: ctypes.Structure) -> Any:
    """Return a pointer to a struct, as an argument."""
    return ctypes.byref(struct)
