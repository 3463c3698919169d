# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What a sweep is: its environment, space, metric, search, budget and limits, as <runs>/NAME/sweep.toml holds it.

Every process that works on a sweep reads this file and nothing else, so all of them do the same.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shoal import config, registry
from shoal.errors import CheckpointError, ConfigError, nearest
from shoal.settings import SECTIONS, Scalar, check_section, kind_of
from shoal.settings_file import toml
from shoal.sweep import metric as metrics
from shoal.sweep import search as searches
from shoal.sweep import space as spaces
from shoal.sweep.space import Point, Space

# What is varied where the environment and the flags say nothing: what matters most, widely around the defaults.
DEFAULT = {
    "train.learning_rate": "log(1e-3, 0.1)",
    "train.gamma": "logit(0.9, 0.9995)",
    "train.gae_lambda": "logit(0.6, 0.995)",
    "train.ent_coef": "log(1e-3, 0.3)",
    "train.replay_ratio": "log(0.5, 4)",
    "train.horizon": "pow2(16, 128)",
    "vec.num_envs": "pow2(128, 4096)",
    "policy.hidden": "pow2(32, 256)",
}
Layer = dict[str, dict[str, Scalar]]  # section -> key -> value


@dataclass(frozen=True)
class Declaration:
    """A sweep as it was asked for.

    `space`: setting -> range. `first`: the point that is tried first, what holds without a sweep. `given`: what flags
    fixed. `settings`: TOML of all settings that hold where the space does not say otherwise. Seconds are of the clock.
    """

    env: str  # reference: its name, or the absolute path of its folder
    space: dict[str, str]
    first: Point
    settings: str
    given: Layer
    metric: str = "perf"
    search: str = searches.NAMES[0]
    earlier: tuple[str, ...] = ()  # folders of sweeps whose trials count too
    seed: int = 0
    max_runs: int = 0  # 0: no limit
    max_seconds: float = 0.0  # while trials run; 0: no limit
    confirm: int = 10
    until_solved: bool = False
    trial_seconds: float = 600.0
    hang_seconds: float = 120.0
    trial_memory: int = 0  # bytes; 0: a share of what is free
    command: str = ""

    def make_space(self) -> Space:
        """Return the space."""
        return spaces.parse_all(self.space)

    def make_metric(self) -> metrics.Metric:
        """Return the metric."""
        base = self.base()
        steps = base.train.total_steps
        env = registry.get(self.env)
        return metrics.make(self.metric, env, base.solved.threshold, self.trial_seconds, steps)

    def base(self) -> config.Config:
        """Return the settings that hold where the space does not say otherwise."""
        return config.from_toml(self.settings, registry.get(self.env))

    def trial(self, point: Point, seed: int) -> config.Config:
        """Return the settings of a trial, their sizes made to fit each other.

        Raises:
            ConfigError: if they contradict each other all the same.
        """
        return fitted(applied(self.base(), point, seed))

    def write(self, path: Path) -> None:
        """Write the file in one step.

        Raises:
            CheckpointError: if that is not possible.
        """
        plain = {k: v for k, v in vars(self).items() if k not in ("space", "first", "given", "settings")}
        lines = [f"{key} = {toml(value)}" for key, value in plain.items()]
        lines += ["", "[space]", *(f"{toml(key)} = {toml(value)}" for key, value in self.space.items())]
        lines += ["", "[first]", *(f"{toml(key)} = {toml(value)}" for key, value in self.first.items())]
        for section, values in self.given.items():
            lines += ["", f"[given.{section}]", *(f"{key} = {toml(value)}" for key, value in values.items())]
        settings = self.settings.replace("\n[", "\n[settings.")
        lines += ["", "[settings]", settings]
        draft = path.with_suffix(".tmp")
        try:
            draft.write_text("\n".join(lines), encoding="utf-8")
            draft.replace(path)
        except OSError as error:
            raise CheckpointError(f"the sweep cannot be written: {path}: {error.strerror}") from error


def read(path: Path) -> Declaration:
    """Return what the file of a sweep says.

    Raises:
        CheckpointError: if it cannot be read, or is not what `write` writes.
    """
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
        # Up to here it is checked that all is TOML; what follows is the part that config.py reads.
        settings = text[text.index("\n[settings]\n") + len("\n[settings]\n") :].replace("\n[settings.", "\n[")
        del data["settings"]
        earlier = tuple(data.pop("earlier"))
        return Declaration(**{"given": {}, **data}, earlier=earlier, settings=settings)
    except OSError as error:
        raise CheckpointError(f"the sweep cannot be read: {path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"not the declaration of a sweep: {path}: {str(error).partition(chr(10))[0]}") from error


def exact(env: registry.Environment, point: Mapping[str, Scalar]) -> Point:
    """Return a point in six digits, whole numbers where settings are: what is stored is what is trained and copied."""
    kinds = {f"env.{param.name}": param.kind for param in env.params}
    for section, fields in SECTIONS.items():
        kinds |= {f"{section}.{field.name}": kind_of(field) for field in dataclasses.fields(fields)}
    found = dict(point)
    for name, value in point.items():
        if isinstance(value, float):
            found[name] = round(value) if kinds.get(name) == "int" else float(f"{value:.6g}")
    return found


def applied(base: config.Config, point: Mapping[str, Scalar], seed: int) -> config.Config:
    """Return settings with those of a point in their places, checked.

    Raises:
        ConfigError: for a setting that is unknown, or a value that it cannot have.
    """
    env = registry.get(base.reference)
    changes: dict[str, Any] = {}
    for section, values in by_section(exact(env, point)).items():
        if section == "env":
            changes["params"] = env.check(base.params | env.checked(values))
        elif section in SECTIONS:
            changes[section] = dataclasses.replace(getattr(base, section), **check_section(section, values))
        else:
            known = ["env", *SECTIONS]
            raise ConfigError(f"unknown section `{section}` (at sweep.{section})", nearest(section, known))
    return dataclasses.replace(base, **changes, seed=seed)


def fitted(settings: config.Config) -> config.Config:
    """Return settings whose segment, minibatch and shard are the largest that divide, at most what they were.

    Points are drawn setting by setting, and most would otherwise contradict themselves.
    """
    train, spec = settings.train, settings.spec()
    free = dataclasses.replace(train, segment=None, minibatch=None, shard=None)
    copies = config.resolve(dataclasses.replace(settings, train=free), spec).vec.num_envs
    rows = (copies or 1) * spec.agents
    segment = max(size for size in config.divisors(train.horizon) if size <= (train.segment or train.horizon))
    changes: dict[str, Any] = {"segment": segment} if train.segment else {}
    if train.minibatch:
        sizes = [segment * count for count in config.divisors(rows * train.horizon // segment)]
        changes["minibatch"] = max([size for size in sizes if size <= train.minibatch], default=segment)
        if train.shard:
            changes["shard"] = max(min(train.shard, changes["minibatch"]) // segment, 1) * segment
    return dataclasses.replace(settings, train=dataclasses.replace(train, **changes))


def check(base: config.Config, declared: Space) -> Point:
    """Return the point where the search begins: what the settings say without a sweep, moved into the bounds.

    Raises:
        ConfigError: if a varied setting is unknown, or its bounds or choices are none that it can have.
    """
    for dimension in declared.dimensions:
        for value in dimension.choices or [dimension.decode(np.array([end])) for end in (0.0, 1.0)]:
            applied(base, {dimension.name: value}, base.seed)
    resolved = config.resolve(fitted(base), base.spec())
    stored: dict[str, Any] = resolved.to_dict()
    now = {}
    for dimension in declared.dimensions:
        section, _, key = dimension.name.partition(".")
        value = stored[section].get(key)
        now[dimension.name] = dimension.choices[0] if dimension.choices and value not in dimension.choices else value
        if not dimension.choices and not isinstance(value, (int, float)):  # such as text that draws it per episode
            now[dimension.name] = (dimension.low + dimension.high) / 2
    return exact(registry.get(base.reference), declared.decode(declared.encode(now)))


def by_section(point: Mapping[str, Scalar]) -> Layer:
    """Return section -> key -> value of section.key -> value."""
    layers: Layer = {}
    for name, value in point.items():
        section, _, key = name.partition(".")
        layers.setdefault(section, {})[key] = value
    return layers


def to_toml(layers: Mapping[str, Mapping[str, Scalar]]) -> str:
    """Return the text of a file for `--config`."""
    parts = []
    for section, values in layers.items():
        parts.append("\n".join([f"[{section}]", *(f"{key} = {toml(value)}" for key, value in values.items())]))
    return "\n\n".join(parts) + "\n"
