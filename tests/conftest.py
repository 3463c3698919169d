# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What every test may rely on: the tools of the virtual environment, and no terminal."""

import os
import sys
from pathlib import Path

import pytest

# cmake, ninja and clang-format may have come by pip, beside this interpreter.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

# What tests compile is kept from one session to the next, and out of the user's own cache.
os.environ["XDG_CACHE_HOME"] = str(Path(__file__).parents[1] / "build" / "test-cache")


@pytest.fixture
def unoptimised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile environments outside the package in a tenth of the time, for tests to which speed does not matter."""
    from shoal import compile

    monkeypatch.setattr(compile, "_ERRORS", (*compile._ERRORS, "-O0"))
