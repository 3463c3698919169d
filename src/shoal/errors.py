# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Every error that shoal raises on purpose.

    ShoalError
      ConfigError      (ValueError)    a setting is unknown, of the wrong type, out of range, or does not fit others
      EnvError         (LookupError)   no such environment, or its own specification refuses the parameters
      ShapeError       (ValueError)    an array has the wrong shape or type
      NativeError      (RuntimeError)  the native library is missing, is too old, or reported a failure
      CheckpointError  (OSError)       a checkpoint or run cannot be found, read or written

A message is one sentence: what is wrong, expected, got; then, on a line of its own, `hint: ...`. The command line
prints it and exits with code 2.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterable


class ShoalError(Exception):
    """The root: `except shoal.ShoalError` catches everything that shoal raises on purpose."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message}\nhint: {hint}" if hint else message)

    def __str__(self) -> str:
        return str(self.args[0])


class ConfigError(ShoalError, ValueError):
    """A setting is unknown, of the wrong type, out of range, or does not fit the others."""


class EnvError(ShoalError, LookupError):
    """No such environment, or its own specification refuses the parameters."""


class ShapeError(ShoalError, ValueError):
    """An array has the wrong shape or type."""


class NativeError(ShoalError, RuntimeError):
    """The native library is missing, does not match this package, or reported a failure."""


class CheckpointError(ShoalError, OSError):
    """A checkpoint or a run cannot be found, read or written."""


def nearest(name: str, known: Iterable[str], fallback: str = "") -> str:
    """Return a hint that names the known names closest to `name`, else `fallback` or the whole list."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.55)
    if close:
        return "did you mean " + " or ".join(f"`{match}`" for match in close) + "?"
    if fallback:
        return fallback
    return "known: " + (", ".join(known) if known else "none")


def command() -> str:
    """Return how this program was called, for hints that can be typed: shoal, ./run or python -m shoal."""
    if sys.argv and os.path.basename(sys.argv[0]) == "shoal":
        return "shoal"
    return os.environ.get("SHOAL_COMMAND", "python -m shoal")


def installs(extra: str) -> str:
    """Return what a user types to install an extra: with the script that this program was called by, or pip."""
    script = os.environ.get("SHOAL_COMMAND")  # such as ./run
    return f"{script} install {extra}" if script else f"pip install 'shoal[{extra}]'"
