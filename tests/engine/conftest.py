# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Compiles the toy environment in its variants and steps it from tables."""

import ctypes
import functools
import os
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from bare_vec import BareVec

from shoal import native, registry

HERE = Path(__file__).parent
INCLUDE = HERE.parents[1] / "native" / "include"


@pytest.fixture(scope="session")
def toy_library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")

    @functools.cache
    def build(*defines, source="toy"):
        path = folder / ("-".join((source, *defines)) + ".so")
        flags = ["-std=gnu11", "-O1", "-shared", "-fPIC", "-ffp-contract=off", f"-I{INCLUDE}", f"-I{HERE}"]
        subprocess.run(
            [os.environ.get("CC", "cc"), *flags, *(f"-D{name}" for name in defines), HERE / f"{source}.c", "-o", path],
            check=True,
        )
        return ctypes.CDLL(str(path))

    return build


@pytest.fixture
def toy(toy_library):
    """Return a function that builds a vec of the toy: toy("TOY_LIVE", agents=2, num_envs=1, mode="next-step", ...)."""

    def build(*defines, agents=2, num_envs=1, **settings):
        descriptor = native.Env.in_dll(toy_library(*defines), "toy_descriptor")
        params = ctypes.create_string_buffer(descriptor.params_bytes)
        struct.pack_into("i", params, ctypes.sizeof(native.Sizes), agents)
        return BareVec(descriptor, params, num_envs, **settings)

    return build


@pytest.fixture
def levels(toy_library, monkeypatch):
    """Register the environment of levels.h, which has a Shared block, and return it."""
    descriptor = native.Env.in_dll(toy_library(source="levels"), "levels_descriptor")
    env = registry.from_descriptor(descriptor, registry.PACKAGED / "levels")
    everything = registry._environments() | {"levels": env}
    monkeypatch.setattr(registry, "_environments", lambda: everything)
    return env


@pytest.fixture
def play():
    """Return a function that steps a one-environment toy and returns what it saw.

    play(vec, [[0, 1], ...]) takes `end` of each agent per step and returns, per step and agent, the tuple
    (row, reward, ended, live, starts, final), where row and final are (episode, tick, agent, born) or None for an
    absent agent's zeros and a final row that was not taken.
    """

    def run(vec, ends):
        return [step(vec, end) for end in ends]

    def step(vec, end):
        vec.discrete[:, 0], vec.discrete[:, 1] = end, 1
        vec.continuous[:] = [0, 1]
        vec.final_rows[:] = 0xFF
        vec.step()
        return [
            (
                tuple(row.tolist()) if live else (None if not row.any() else "leftovers"),
                float(reward),
                int(ended),
                int(live),
                int(starts),
                None if np.isnan(final).any() else tuple(final.tolist()),
            )
            for row, reward, ended, live, starts, final in zip(
                vec.field(0), vec.rewards, vec.ended, vec.live, vec.starts, vec.field(0, vec.final_rows), strict=True
            )
        ]

    return run
