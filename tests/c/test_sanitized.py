# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Builds the C programs beside this file under the sanitizers and runs them."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted(path.stem for path in Path(__file__).parent.glob("test_*.c"))

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["address", "thread"])
def sanitized(request, tmp_path_factory):
    """Return a folder with the programs, built under that sanitizer (address: with undefined behaviour)."""
    folder = Path(os.environ.get("SHOAL_BUILD_DIR", ROOT / "build")) / f"sanitize-{request.param}"
    settings = ["-G", "Ninja", f"-DSHOAL_SANITIZE={request.param}", "-DSHOAL_WERROR=ON"]
    run(["cmake", "-S", ROOT, "-B", folder, *settings])
    run(["cmake", "--build", folder, "--target", "shoal_c_tests"])
    return folder


def run(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_is_clean_under_sanitizers(sanitized, program):
    threads = sanitized.name.endswith("thread")
    if threads and program in ("test_envs", "test_maths"):
        pytest.skip("it has one thread")
    run([sanitized / program])
