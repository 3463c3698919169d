# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What a settings file says in [outside] about how an environment comes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shoal.errors import ConfigError, nearest

KINDS = ("vector", "grid", "category", "flag", "image")
PREPROCESSING = ("", "atari")


@dataclass(frozen=True)
class Options:
    """How an environment comes in; the defaults are for one that nobody described.

    Attributes:
        perf: the returns that count as 0 and as 1; None: what the environment states.
        ignore: names of observation fields to leave out.
        fields: observation field -> what to take it for: {"kind": "grid", "categories": 11}.
        preprocessing: "atari", or none.
        max_steps: the time limit, where the environment states none that can be seen; 0: as it states.
    """

    perf: tuple[float, float] | None = None
    ignore: tuple[str, ...] = ()
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    preprocessing: str = ""
    max_steps: int = 0


def from_table(table: Mapping[str, Any], source: str) -> Options:
    """Return the options of an [outside] section.

    Raises:
        ConfigError: for an unknown key or a value of the wrong kind.
    """
    known = Options.__dataclass_fields__
    for key in table:
        if key not in known:
            raise ConfigError(f"unknown key `{key}` (at outside.{key} in {source})", nearest(key, known))
    perf, fields = table.get("perf"), table.get("fields", {})
    if perf is not None and not (isinstance(perf, list) and len(perf) == 2 and perf[0] < perf[1]):
        raise ConfigError(f"perf={perf!r}; expected [low, high], low < high (at outside.perf in {source})")
    for name, about in fields.items():
        if about.get("kind") not in KINDS:
            expected = ", ".join(KINDS)
            raise ConfigError(
                f"kind={about.get('kind')!r}; expected one of {expected} (at outside.fields.{name} in {source})"
            )
    preprocessing = table.get("preprocessing", "")
    if preprocessing not in PREPROCESSING:
        raise ConfigError(f"preprocessing={preprocessing!r}; expected atari (at outside.preprocessing in {source})")
    max_steps = table.get("max_steps", 0)
    if not isinstance(max_steps, int) or max_steps < 0:
        raise ConfigError(
            f"max_steps={max_steps!r}; expected a whole number of steps (at outside.max_steps in {source})"
        )
    return Options(
        perf=tuple(map(float, perf)) if perf else None,  # type: ignore[arg-type]
        ignore=tuple(table.get("ignore", ())),
        fields=fields,
        preprocessing=preprocessing,
        max_steps=max_steps,
    )
