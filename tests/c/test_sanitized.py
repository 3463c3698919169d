# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Builds the C programs beside this file under the sanitizers and runs them.

SHOAL_STEPS=N takes N random steps in every environment (10^8: two minutes on one core); by default it is 10^8 in the
four main ones and 10^7 in the others.
"""

import functools
import os
import subprocess
from pathlib import Path

import pytest

from shoal import registry

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted(path.stem for path in Path(__file__).parent.glob("test_*.c"))
MAIN = ("breakout", "cartpole", "pong", "squared")

pytestmark = pytest.mark.slow


@functools.cache
def build(sanitizer):
    """Return a folder with the programs, built under that sanitizer (address: with undefined behaviour)."""
    folder = ROOT / "build" / f"sanitize-{sanitizer}"
    run("cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", f"-DSHOAL_SANITIZE={sanitizer}", "-DSHOAL_WERROR=ON")
    run("cmake", "--build", folder, "--target", "shoal_c_tests")
    return folder


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]


@pytest.mark.parametrize("program", sorted({*PROGRAMS} - {"test_envs"}))
def test_program_is_clean_under_the_address_sanitizer(program):
    run(build("address") / program)


@pytest.mark.parametrize("name", registry.names())
def test_random_steps_are_clean_under_the_address_sanitizer(name):
    usual = "100000000" if name in MAIN else "10000000"
    run(build("address") / "test_envs", os.environ.get("SHOAL_STEPS", usual), name)


@pytest.mark.parametrize("program", ["test_learner", "test_pool", "test_vec"])
def test_program_is_clean_under_the_thread_sanitizer(program):
    run(build("thread") / program)
