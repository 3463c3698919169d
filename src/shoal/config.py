# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""One run's settings: merged from their sources, checked, and completed with the numbers that derive from others.

Merge order: defaults < the environment's own <name>.toml < preset < --config FILE < flags. `untuned` leaves out the
environment's file but for total_steps, the budget of its task, and what solved means.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal import native, registry, settings_file
from shoal.errors import ConfigError, nearest
from shoal.settings import (
    LATER,
    PRESETS,
    SECTIONS,
    PolicyConfig,
    Scalar,
    SelfplayConfig,
    SolvedConfig,
    TrackConfig,
    TrainConfig,
    VecConfig,
    check_section,
    section_class,
)

Layer = Mapping[str, Mapping[str, object]]  # section -> key -> value


@dataclass(frozen=True)
class Config:
    """The settings of one run. After `resolve` no number is None, and `reasons` says how derived ones came about.

    `folder` is the absolute path of an environment outside the package, empty for one of the package's own.
    """

    env: str
    params: dict[str, Scalar]
    vec: VecConfig
    policy: PolicyConfig
    train: TrainConfig
    solved: SolvedConfig
    track: TrackConfig = dataclasses.field(default_factory=TrackConfig)
    selfplay: SelfplayConfig = dataclasses.field(default_factory=SelfplayConfig)
    seed: int = 0
    preset: str = ""
    folder: str = ""
    reasons: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """What `registry.get` finds the environment by."""
        return self.folder or self.env

    def spec(self) -> registry.Spec:
        """Return what the environment is under these settings."""
        return registry.get(self.reference).spec(self.params, observed=self.drawn if self.vec.observe_contexts else ())

    @property
    def drawn(self) -> dict[str, Scalar]:
        """The parameters that are drawn when an episode begins, and from what."""
        return {name: self.params[name] for name in registry.get(self.reference).drawn(self.params)}

    def to_dict(self) -> dict[str, dict[str, Scalar]]:
        """Return section -> key -> value without what is None."""
        sections: dict[str, dict[str, Scalar]] = {"env": dict(self.params)}
        for name in (*SECTIONS, "solved"):
            values = dataclasses.asdict(getattr(self, name))
            sections[name] = {key: value for key, value in values.items() if value is not None}
        return sections

    def settings_hash(self, version: int) -> str:
        """Return 12 hexadecimal digits that differ when a setting could change results: not for threads or the seed."""
        sections = self.to_dict()
        del sections["track"]
        for key in ("threads", "workers", "worker", "start", "timeout", "restarts", "spin"):
            sections["vec"].pop(key)
        if not self.selfplay.share:  # a pool that nobody plays against changes nothing
            del sections["selfplay"]
        for section, keys in LATER.items():
            defaults = {field.name: field.default for field in dataclasses.fields(section_class(section))}
            for key in keys:
                if key in sections[section] and sections[section][key] == defaults[key]:
                    del sections[section][key]
        name = f"{self.env}/" if self.folder else self.env  # wherever the folder lies, and whatever ships
        text = json.dumps([name, version, self.preset, sections], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_toml(self, version: int) -> str:
        """Return the text of config.toml, which `--config` reads."""
        lines = [f"environment = {settings_file.toml(self.env)}"]
        lines += [f"folder = {settings_file.toml(self.folder)}"] if self.folder else []
        lines += [f"version = {version}", f"seed = {self.seed}"]
        lines += [f"preset = {settings_file.toml(self.preset)}"] if self.preset else []
        lines += [f"settings = {settings_file.toml(self.settings_hash(version))}"]
        for section, values in self.to_dict().items():
            if section == "track" and self.track == TrackConfig():  # as runs are that nothing tracks
                continue
            lines += ["", f"[{section}]", *(f"{key} = {settings_file.toml(value)}" for key, value in values.items())]
        return "\n".join(lines) + "\n"


def load(
    name: str,
    *,
    overrides: Layer | None = None,
    file: Path | None = None,
    preset: str = "",
    untuned: bool = False,
    seed: int | None = None,
) -> Config:
    """Return the merged and checked settings for an environment, not yet resolved.

    Args:
        name: of the environment, or the path of its folder.
        overrides: section -> key -> value of what flags or keyword arguments said.
        file: a TOML file, such as the config.toml of a run.
        preset: a name in PRESETS.
        untuned: leave out the environment's own settings but for total_steps and what solved means.
        seed: of the run; None takes the file's, else 0.

    Raises:
        ConfigError: for an unknown key, a wrong type, a value out of range; the message says where.
    """
    env = registry.get(name)
    name = env.name
    own = settings_file.read_toml(env.settings)
    solved = own.pop("solved", {})
    for section in ("watch", "keys", "outside", "sweep"):  # viewer.py's, outside/options.py's, sweep/declare.py's
        own.pop(section, None)
    if untuned:
        own = {"train": {key: value for key, value in own.get("train", {}).items() if key == "total_steps"}}
    if preset and preset not in PRESETS:
        raise ConfigError(f"no preset is called `{preset}`", nearest(preset, PRESETS))
    given = settings_file.read_toml(file, required=True) if file else {}
    top = given.pop("", {})
    preset = preset or settings_file.stored_preset(top, str(file))
    stored_seed = settings_file.stored_seed(top, str(file))
    if top.get("environment", name) != name:
        raise ConfigError(f"{file} is for the environment `{top['environment']}`; got `{name}`")

    usual = env.preset if not preset else ""  # which its own settings go on from
    layers: list[tuple[str, Layer]] = [
        (f"preset {usual}", PRESETS.get(usual, {})),
        (f"{name}.toml", own),
        (f"preset {preset}", PRESETS.get(preset, {})),
        (str(file), given),
        ("", overrides or {}),
    ]
    merged: dict[str, dict[str, Any]] = {section: {} for section in ("env", "solved", *SECTIONS)}
    merged["solved"] |= check_section("solved", solved, f"{name}.toml")
    for source, layer in layers:
        for section, values in layer.items():
            if section not in merged:
                where = f"at {section}" + (f" in {source}" if source else "")
                raise ConfigError(f"unknown section `{section}` ({where})", nearest(section, merged))
            merged[section] |= env.checked(values) if section == "env" else check_section(section, values, source)
    return Config(
        env=name,
        params=env.check(merged["env"]),
        vec=VecConfig(**merged["vec"]),
        policy=PolicyConfig(**merged["policy"]),
        train=TrainConfig(**merged["train"]),
        track=TrackConfig(**merged["track"]),
        solved=SolvedConfig(**merged["solved"]),
        selfplay=SelfplayConfig(**merged["selfplay"]),
        seed=stored_seed if seed is None else seed,
        preset=preset or usual,
        folder=env.reference if env.source else "",
    )


def resolve(config: Config, spec: registry.Spec) -> Config:
    """Return the settings with every derived number filled in and the sizes checked against each other.

    Raises:
        ConfigError: when segments, minibatch and rollout do not divide; the hint names the nearest sizes that do.
    """
    reasons: list[str] = []
    vec, policy, train = config.vec, config.policy, config.train

    num_envs = vec.num_envs
    if num_envs is None:
        num_envs = max(1, 2048 // spec.agents)
        reasons.append(f"vec.num_envs = {num_envs}: 2048 rows of agents, {spec.agents} in a world")
    if num_envs < 1:
        raise ConfigError(f"num_envs={num_envs}: expected at least 1 (at vec.num_envs)", "leave it out for a default")
    vec = dataclasses.replace(vec, num_envs=num_envs, max_steps=vec.max_steps or spec.max_steps)

    wide = spec.features >= 200 or any(field.kind == "grid" for field in spec.fields)
    hidden = policy.hidden or (128 if wide else 64)
    if policy.hidden is None:
        why = "a grid or at least 200" if wide else "fewer than 200"
        reasons.append(f"policy.hidden = {hidden}: {spec.features} features, {why}")
    layers = policy.layers or (1 if policy.core == "lstm" else 2)
    if policy.layers is None:
        reasons.append(f"policy.layers = {layers}: the core is {policy.core}")
    precision = policy.precision
    if precision == "auto":
        fast = train.backend == "native" and native.library().has_bfloat16()
        precision = "bfloat16" if fast else "float32"
        why = "the processor has 16-bit matrix products" if fast else "the processor has no 16-bit matrix products"
        why = why if train.backend == "native" else f"`auto` chooses for the native backend, not for {train.backend}"
        reasons.append(f"policy.precision = {precision}: {why}")
    policy = dataclasses.replace(policy, hidden=hidden, layers=layers, precision=precision)
    images = [field.name for field in spec.fields if field.kind == "image"]
    if images and spec.env.outside and train.backend == "native":
        train = dataclasses.replace(train, backend="torch")
        reasons.append(f"train.backend = torch: it has an encoder for the image `{images[0]}`")
    if train.backend == "native":
        if policy.core == "gru":
            raise ConfigError("core=gru: the native backend has none (at policy.core)", "`--backend torch`")
        if policy.module:
            problem = f"module={policy.module}: a network of your own needs the torch backend (at policy.module)"
            raise ConfigError(problem, "`--backend torch`")

    rows, horizon = num_envs * spec.agents, train.horizon
    segment = train.segment or horizon
    if horizon % segment:
        near = _around(segment, divisors(horizon))
        problem = f"segment={segment} does not divide horizon={horizon} (at train.segment)"
        raise ConfigError(problem, f"use {_either(near)}")
    samples = rows * horizon
    minibatch = train.minibatch
    sizes = [segment * count for count in divisors(samples // segment)]
    if minibatch is None:
        cap = max(64, samples // 16) if config.preset == "few-samples" else min(16384, samples // 8)
        minibatch = max([size for size in sizes if size <= cap], default=sizes[0])
        reasons.append(
            f"train.minibatch = {minibatch}: the largest number of whole segments ({segment} samples) that divides the "
            f"rollout of {rows} rows x {horizon} steps and is at most {cap}"
        )
    elif minibatch not in sizes:
        problem = (
            f"minibatch={minibatch} does not divide the rollout: expected whole segments of {segment} samples that "
            f"divide {rows} rows * {horizon} steps = {samples} (at train.minibatch)"
        )
        raise ConfigError(problem, f"use {_either(_around(minibatch, sizes))}")
    shard = train.shard
    if shard is None:
        shard = max(min(1024, minibatch // 4) // segment, 1) * segment
        reasons.append(f"train.shard = {shard}: 1024 samples in whole segments, at most a quarter of a minibatch")
    elif shard % segment or shard > minibatch:
        problem = f"shard={shard}: expected whole segments of {segment} samples, at most {minibatch} (at train.shard)"
        raise ConfigError(problem, f"use {min(max(shard // segment, 1) * segment, minibatch)}")
    ent_coef_final = train.ent_coef_final
    if ent_coef_final is None:
        ent_coef_final = float(f"{train.ent_coef / 10:.6g}")
        reasons.append(f"train.ent_coef_final = {ent_coef_final:g}: a tenth of ent_coef")
    schedule_steps = train.schedule_steps
    if schedule_steps is None:
        schedule_steps = train.total_steps
        reasons.append(f"train.schedule_steps = {schedule_steps}: total_steps")
    elif schedule_steps > train.total_steps:
        schedule_steps = train.total_steps
        reasons.append(f"train.schedule_steps = {schedule_steps}: no more than total_steps")
    train = dataclasses.replace(
        train,
        segment=segment,
        minibatch=minibatch,
        shard=shard,
        ent_coef_final=ent_coef_final,
        schedule_steps=schedule_steps,
    )

    known = [*(metric.name for metric in spec.env.metrics), "episode_return", "episode_length"]
    solved = config.solved
    if (solved.also_threshold is None) != (not solved.also_metric):
        raise ConfigError("one of also_metric and also_threshold is missing (at solved.also_metric)")
    for key, name in (("metric", solved.metric), ("also_metric", solved.also_metric)):
        if name not in known and not (key == "also_metric" and not name):
            raise ConfigError(f"no metric is called `{name}` (at solved.{key})", nearest(name, known))
    selfplay = _resolve_selfplay(config.selfplay, train, spec, reasons)
    return dataclasses.replace(config, vec=vec, policy=policy, train=train, selfplay=selfplay, reasons=tuple(reasons))


def _resolve_selfplay(
    selfplay: SelfplayConfig, train: TrainConfig, spec: registry.Spec, reasons: list[str]
) -> SelfplayConfig:
    share, several = selfplay.share, spec.num_teams > 1
    if share is None:
        share = 0.5 if several and train.backend == "native" and (selfplay.pool or selfplay.against) else 0.0
        if several:
            reasons.append(f"selfplay.share = {share:g}: {spec.num_teams} teams play")
    if share and not several:
        raise ConfigError(
            f"share={share:g}: in `{spec.env.name}` one team plays, so there is nobody to play against "
            "(at selfplay.share)",
            "leave it out; some environments have a parameter that brings more teams",
        )
    if share and not (selfplay.pool or selfplay.against):
        raise ConfigError(
            f"pool=0 leaves nobody for the share={share:g} of games against others (at selfplay.pool)",
            "`--selfplay.pool 8`, or `--selfplay.share 0` for games against itself alone",
        )
    if share and train.backend != "native":
        raise ConfigError(
            f"share={share:g}: the {train.backend} backend plays against itself alone (at selfplay.share)",
            "`--backend native`, or `--selfplay.share 0`",
        )
    every = selfplay.every
    if every is None:
        every = max((train.schedule_steps or train.total_steps) // 50, 1)
        if share:
            reasons.append(f"selfplay.every = {every}: a fiftieth of schedule_steps")
    return dataclasses.replace(selfplay, share=share, every=every)


def from_toml(text: str, env: registry.Environment | None = None) -> Config:
    """Return the settings that `to_toml` wrote, nothing merged into them.

    Args:
        text: of a run's config.toml.
        env: that they are for, else the package's own of the name in them: a text never chooses a folder of code.

    Raises:
        ConfigError: if they do not fit this version.
        EnvError: if the package has no such environment.
    """
    data = settings_file.split(text, "the stored settings")
    top = data.pop("", {})
    env = env or registry.get(str(top.get("environment", "")))
    sections = {key: check_section(key, data.get(key, {})) for key in (*SECTIONS, "solved")}
    return Config(
        env=env.name,
        params=env.check(data.get("env", {})),
        vec=VecConfig(**sections["vec"]),  # type: ignore[arg-type]
        policy=PolicyConfig(**sections["policy"]),  # type: ignore[arg-type]
        train=TrainConfig(**sections["train"]),  # type: ignore[arg-type]
        track=TrackConfig(**sections["track"]),  # type: ignore[arg-type]
        solved=SolvedConfig(**sections["solved"]),  # type: ignore[arg-type]
        selfplay=SelfplayConfig(**sections["selfplay"]),  # type: ignore[arg-type]
        seed=settings_file.stored_seed(top, "the stored settings"),
        preset=settings_file.stored_preset(top, "the stored settings"),
        folder=env.reference if env.source else "",
    )


def divisors(number: int) -> list[int]:
    """Return all whole numbers that divide a number, the smallest first."""
    small = [count for count in range(1, int(number**0.5) + 1) if number % count == 0]
    return sorted({*small, *(number // count for count in small)})


def _around(wanted: int, sizes: list[int]) -> list[int]:
    """Return the nearest size below and the nearest above."""
    below = [size for size in sizes if size <= wanted]
    above = [size for size in sizes if size > wanted]
    return below[-1:] + above[:1]


def _either(sizes: list[int]) -> str:
    return " or ".join(str(size) for size in sizes)
