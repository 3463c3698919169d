# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Settings as text: TOML files of sections, and what stands above their first section."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shoal.errors import ConfigError, nearest
from shoal.settings import PRESETS, SECTIONS, Scalar, names_of

TOP = ("environment", "folder", "version", "seed", "preset", "settings")  # top-level keys of a stored config.toml


def read_toml(path: Path, *, required: bool = False) -> dict[str, dict[str, Any]]:
    """Return section -> key -> value of a TOML file; keys above the first section are those of section "".

    Raises:
        ConfigError: if it cannot be read, is no TOML, or has an unknown key above its first section.
    """
    if not required and not path.exists():
        return {}
    try:
        return split(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise ConfigError(f"the settings file cannot be read: {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the settings file is not text: {path}: {error.reason}") from error


def split(text: str, source: str) -> dict[str, dict[str, Any]]:
    """Return section -> key -> value of TOML, as `read_toml` does; `source` is what messages call it."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the settings are not TOML: {source}: {error}") from error
    top = {key: value for key, value in data.items() if not isinstance(value, dict)}
    for key in top:
        if key not in TOP:
            homes = [f"{name}.{key}" for name, section in SECTIONS.items() if key in names_of(section)]
            hint = f"it is `{homes[0]}`" if homes else nearest(key, TOP)
            raise ConfigError(f"unknown key `{key}` (at {key} in {source})", hint)
    sections = {key: value for key, value in data.items() if isinstance(value, dict)}
    return sections | ({"": top} if top else {})


def stored_seed(top: Mapping[str, object], source: str) -> int:
    """Return the seed that a file names, else 0; its range is the trainer's to check."""
    seed = top.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ConfigError(f"wrong type: seed={seed!r}; expected a whole number (at seed in {source})")
    return seed


def stored_preset(top: Mapping[str, object], source: str) -> str:
    """Return the preset that a file names, else none."""
    preset = top.get("preset", "")
    if preset and preset not in PRESETS:
        raise ConfigError(f"no preset is called `{preset}` (at preset in {source})", nearest(str(preset), PRESETS))
    return str(preset)


def toml(value: Scalar | Sequence[str]) -> str:
    """Return a value as TOML writes it; several words become an array."""
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(toml(item) for item in value)}]"
    if isinstance(value, (str, bool)):  # TOML has no pairs of surrogates; a path may hold a lone one, which no file can
        return json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace").decode()
    return repr(value)
