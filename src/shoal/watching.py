# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""How an environment is watched, as its settings have it: its pace, whose turn it is, its keys."""

from __future__ import annotations

from dataclasses import dataclass

from shoal import contexts, registry, settings_file
from shoal import keys as keyboard
from shoal.errors import ConfigError


@dataclass(frozen=True)
class Watching:
    """How an environment is watched: sections [watch] and [keys] of its TOML.

    Attributes:
        rate: ticks a second.
        turns: a person's turn waits for a key.
        keys: what they do.
    """

    rate: float
    turns: bool
    keys: keyboard.Keys


def of(spec: registry.Spec) -> Watching:
    """Return how an environment is watched: `rate` ticks a second, divided by the parameter that `per` names.

    Raises:
        ConfigError: for an unknown key, or a value that makes no sense.
    """
    name = spec.env.name
    sections = settings_file.read_toml(spec.env.settings)
    table = {"rate": spec.env.rate, "per": "", "turns": False} | sections.get("watch", {})
    where = f"at watch in {name}.toml"
    if len(table) != 3 or table["per"] not in ("", *spec.values):
        raise ConfigError(f"expected rate, per (a parameter) and turns; got {', '.join(table)} ({where})")
    if not isinstance(table["rate"], (int, float)) or not 0 < table["rate"] <= 10_000:
        raise ConfigError(f"out of range: rate={table['rate']!r}; expected up to 10000 ticks a second ({where})")
    divisor = 1.0
    if table["per"]:
        param = next(param for param in spec.env.params if param.name == table["per"])
        value = spec.values[param.name]
        divisor = float(param.default if contexts.is_distribution(param, value) else value)  # a pace for all episodes
    keys = keyboard.of(spec, sections.get("keys", {}), f"{name}.toml")
    return Watching(float(table["rate"]) / divisor, bool(table["turns"]), keys)
