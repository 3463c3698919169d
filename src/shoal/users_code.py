# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Classes of the user's own, named `file.py:Name` or `package.module:Name`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from shoal.errors import ConfigError, ShoalError


def split(name: str, flag: str, setting: str) -> tuple[str, str]:
    """Return where the class is and what it is called; nothing is run.

    Args:
        name: as the user typed it.
        flag: by which it was named, for sentences.
        setting: that holds it, for sentences.

    Raises:
        ConfigError: if it has not that form, or there is no such file.
    """
    where, colon, what = name.rpartition(":")
    if not colon or not where or not what.isidentifier():
        raise ConfigError(f"{flag} {name}: expected file.py:Name or package.module:Name (at {setting})")
    if where.endswith(".py") and not Path(where).is_file():
        raise ConfigError(f"{flag} {name}: no such file: {Path(where).resolve()} (at {setting})")
    return where, what


def load(name: str, flag: str, setting: str) -> Any:
    """Return the class; the code of its file or module is run.

    Raises:
        ConfigError: if it is not there, or its code fails.
    """
    where, what = split(name, flag, setting)
    try:
        if where.endswith(".py"):
            path = Path(where).resolve()
            found = importlib.util.spec_from_file_location(path.stem, path)
            assert found is not None and found.loader is not None
            code = importlib.util.module_from_spec(found)
            sys.modules.setdefault(path.stem, code)
            found.loader.exec_module(code)
        else:
            code = importlib.import_module(where)
    except ShoalError:
        raise
    except Exception as error:
        raise ConfigError(f"{flag} {name}: {where} cannot be imported: {type(error).__name__}: {error}") from error
    made = getattr(code, what, None)
    if not callable(made):
        raise ConfigError(f"{flag} {name}: {where} has no class `{what}` (at {setting})")
    return made


def is_installed(module: str) -> bool:
    """Return whether a top-level module is there, without importing it; a mere folder of that name is none."""
    if module in sys.modules:
        return True
    found = importlib.util.find_spec(module)
    return found is not None and found.origin is not None
