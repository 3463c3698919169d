# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""From what is typed, and the environment's `[sweep]`, to a declaration.

[sweep]                      # <name>.toml
metric = "seconds-to-solved"
trial_seconds = 5.0
[sweep.train]
learning_rate = "log(1e-3, 0.1)"
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shoal import config, registry, settings_file
from shoal.errors import ConfigError, nearest
from shoal.flags import Parsed
from shoal.settings import SECTIONS
from shoal.sweep import search, store
from shoal.sweep.declaration import DEFAULT, Declaration, check
from shoal.sweep.space import parse, parse_all

RUNS = 100  # of the search, where no budget is given
_OWN = {"metric": str, "trial_seconds": float}  # keys of [sweep] that are no section


def declaration(name: str, parsed: Parsed, ranges: Mapping[str, str], command: str) -> Declaration:
    """Return what a sweep is to be.

    Args:
        name: of the environment, or its folder.
        parsed: the flags.
        ranges: setting -> range, of flags.
        command: as it was typed.

    Raises:
        ConfigError: if something does not fit.
    """
    options = parsed.options
    own, ours = declared(name)
    fixed = {f"{section}.{key}" for section, values in parsed.overrides.items() for key in values}
    both = sorted(fixed & set(ranges))
    if both:
        flag = both[0].replace("_", "-")
        raise ConfigError(f"--sweep.{flag} varies what --{flag} fixes", "leave out one")
    base = parsed.load(name)
    space = {key: text for key, text in ((ours or around(base)) | dict(ranges)).items() if key not in fixed}
    if options["only"]:
        only = [word.strip().replace("-", "_") for word in options["only"].split(",")]
        for word in only:
            if word not in space:
                raise ConfigError(f"not declared: --only {word}", nearest(word, space))
        space = {key: space[key] for key in only}
    if "vec" not in parsed.overrides or "threads" not in parsed.overrides["vec"]:  # cores are for trials side by side
        base = dataclasses.replace(base, vec=dataclasses.replace(base.vec, threads=1))
    made = parse_all(space)
    words = [word.strip() for word in (options["earlier"] or "").split(",") if word.strip()]
    earlier = [store.find(Path(options["runs_dir"]), word).absolute() for word in words]
    seconds = options["trial_seconds"] or own.get("trial_seconds", 600.0)
    runs = options["max_runs"] or (0 if options["max_seconds"] else RUNS)
    found = Declaration(
        env=name,
        space=space,
        first=check(base, made),
        settings=base.to_toml(base.spec().version),
        given=parsed.overrides,
        metric=options["metric"] or own.get("metric", "perf"),
        search=options["search"] or search.NAMES[0],
        earlier=tuple(str(path) for path in earlier),
        seed=base.seed,
        max_runs=runs,
        max_seconds=options["max_seconds"] or 0.0,
        confirm=options["confirm"],
        until_solved=options["until_solved"],
        trial_seconds=seconds,
        hang_seconds=options["hang_seconds"],
        trial_memory=options["trial_memory"] or 0,
        command=command,
    )
    found = dataclasses.replace(found, metric=found.make_metric().name)  # spelled in one way
    search.make(found.search, made, runs=runs)
    config.resolve(found.trial(found.first, found.seed), base.spec())
    if found.until_solved and base.solved.threshold is None:
        raise ConfigError(f"`{base.env}` does not say when it is solved", "leave out --until-solved")
    return found


def around(base: config.Config) -> dict[str, str]:
    """Return the default space, ranges that do not hold what the settings say widened to eight times beyond it."""
    stored: dict[str, Any] = config.resolve(base, base.spec()).to_dict()
    ranges = {}
    for name, text in DEFAULT.items():
        found = parse(name, text)
        section, _, key = name.partition(".")
        value, low, high = stored[section][key], found.low, found.high
        if found.scale == "pow2":
            low = min(low, max(math.floor(math.log2(value)) - 3, 0)) if value < 2**low else low
            high = max(high, math.ceil(math.log2(value)) + 3) if value > 2**high else high
        elif found.scale == "log" and value > 0:
            low = min(low, value / 8) if value < low else low
            high = max(high, value * 8) if value > high else high
        ranges[name] = str(dataclasses.replace(found, low=low, high=high))
    return ranges


def declared(name: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what the environment's own [sweep] says: its keys, and setting -> range.

    Raises:
        ConfigError: if it says something else.
    """
    env = registry.get(name)
    table = settings_file.read_toml(env.settings).get("sweep", {})
    own, ranges = {}, {}
    for key, value in table.items():
        where = f"(at sweep.{key} in {env.name}.toml)"
        if key in _OWN:
            if not isinstance(value, _OWN[key]):
                raise ConfigError(f"wrong type: {key}={value!r}; expected such as {_OWN[key](5)!r} {where}")
            own[key] = value
        elif key in ("env", *SECTIONS) and isinstance(value, dict):
            for setting, text in value.items():
                if not isinstance(text, str):
                    raise ConfigError(f"wrong type: {setting}={text!r}; expected such as 'log(1e-3, 0.1)' {where}")
                ranges[f"{key}.{setting}"] = text
        else:
            raise ConfigError(f"unknown key `{key}` {where}", nearest(key, [*_OWN, "env", *SECTIONS]))
    return own, ranges
