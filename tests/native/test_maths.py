# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The maths of env.h: at most 4 ulp from float64 on its stated domain, the same bits in every build."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pytest
from native_reference import every_build, reference, reference_of

from shoal import native, registry

FUNCTIONS = ("exp", "log", "sin", "cos", "tanh", "sqrt")
N = 400_000


def domain(name: str, rng: np.random.Generator) -> np.ndarray:
    """Points dense over the domain that env.h states, small magnitudes and ends included."""
    small = (rng.choice([-1, 1], N) * np.exp(rng.uniform(-60, 0, N))).astype(np.float32)
    if name == "exp":
        return np.concatenate([rng.uniform(-87, 88, N).astype(np.float32), small, np.float32([-87, 88, 0])])
    if name == "log":
        near = rng.uniform(0.5, 2, N).astype(np.float32)
        wide = np.exp(rng.uniform(-87, 88, N)).astype(np.float32)
        ends = np.float32([np.finfo(np.float32).tiny, 1, np.nextafter(np.float32(1), np.float32(2)), 3.4e38])
        return np.concatenate([near, wide, ends])
    if name in ("sin", "cos"):
        multiples = (np.arange(-5000, 5000) * np.pi / 2).astype(np.float32)
        wide = rng.uniform(-8192, 8192, N).astype(np.float32)
        return np.concatenate(
            [wide, rng.uniform(-7, 7, N).astype(np.float32), small, multiples[abs(multiples) <= 8192]]
        )
    if name == "tanh":
        return np.concatenate([rng.uniform(-12, 12, N).astype(np.float32), small, np.float32([-1e30, 1e30, 0])])
    return np.exp(rng.uniform(-80, 80, N)).astype(np.float32)


def apply(build: object, name: str, x: np.ndarray) -> np.ndarray:
    out = np.full_like(x, np.nan)
    build.env_maths(FUNCTIONS.index(name), x.size, x, out)
    return out


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_is_within_4_ulp(name: str) -> None:
    x = domain(name, np.random.default_rng(0))
    exact = getattr(np, name)(x.astype(np.float64))
    ulp = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    error = np.abs(apply(reference(), name, x) - exact) / ulp
    worst = int(error.argmax())
    assert error[worst] <= 4.0, f"{name}({x[worst]!r}): {error[worst]:.2f} ulp"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_has_the_same_bits_in_every_build(name: str) -> None:
    x = domain(name, np.random.default_rng(1))
    results = [apply(reference_of(isa), name, x).tobytes() for isa in every_build()]
    assert len(results) >= 1
    assert len(set(results)) == 1


def test_exp_clamps_and_keeps_nan() -> None:
    x = np.float32([-1000, -np.inf, 1000, np.inf, np.nan])
    out = apply(reference(), "exp", x)
    low, high = apply(reference(), "exp", np.float32([-87, 88]))
    assert out[:4].tolist() == [low, low, high, high]
    assert np.isnan(out[4])


def test_tanh_is_odd_and_never_leaves_its_range() -> None:
    x = domain("tanh", np.random.default_rng(2))
    y = apply(reference(), "tanh", x)
    np.testing.assert_array_equal(apply(reference(), "tanh", -x), -y)
    assert np.abs(y).max() <= 1.0


@pytest.mark.skipif(shutil.which("objdump") is None, reason="objdump is not there")
def test_compiled_environments_fuse_no_products() -> None:
    """GCC 12 does, even with -ffp-contract=off, where a sum and a difference of products are lanes of one vector.

    Other fused instructions convert integers, and are exact.
    """
    functions = rf"<(?!\w*_draw)(?:{'|'.join(registry.names())})_\w[\w.]*>:\n"
    for build in native.library_folder().glob("libshoal_*.so"):
        code = subprocess.run(
            ["objdump", "-d", "--no-show-raw-insn", str(build)], capture_output=True, text=True, check=True
        ).stdout
        bodies = [body.split("\n\n", 1)[0] for body in re.split(rf"\n\n\w+ (?={functions})", code)[1:]]
        fused = [body.split(">", 1)[0] for body in bodies if re.search(r"\tvfm(addsub|subadd)", body)]
        assert len(bodies) > 100
        assert not fused
