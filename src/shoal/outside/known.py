# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The settings that come with environments of others: configs/*.toml, each for the references that it lists.

Such a file is an environment's TOML (config.py) with one section more: [outside], whose `references` says which
environments it is for, and the rest how they come in (options.py). A reference may be a pattern, as of file names;
an exact one comes first, then the longest pattern.
"""

from __future__ import annotations

import fnmatch
import functools
from pathlib import Path
from typing import Any

from shoal.outside.options import Options, from_table
from shoal.settings_file import read_toml

CONFIGS = Path(__file__).parent / "configs"


def settings_file(reference: str) -> Path | None:
    """Return the settings file for an environment, or None."""
    found = [(pattern == reference, len(pattern), path) for pattern, path in _index() if _fits(reference, pattern)]
    return max(found)[2] if found else None


def options(reference: str) -> Options:
    """Return how an environment comes in."""
    path = settings_file(reference)
    if path is None:
        return Options()
    table = {key: value for key, value in _outside(path).items() if key != "references"}
    return from_table(table, path.name)


def _fits(reference: str, pattern: str) -> bool:
    return pattern == reference or fnmatch.fnmatchcase(reference, pattern)


@functools.cache
def _index() -> tuple[tuple[str, Path], ...]:
    paths = sorted(CONFIGS.glob("*.toml"))
    return tuple((pattern, path) for path in paths for pattern in _outside(path)["references"])


@functools.cache
def _outside(path: Path) -> dict[str, Any]:
    return read_toml(path, required=True)["outside"]
