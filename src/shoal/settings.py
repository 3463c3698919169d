# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What can be set: one frozen dataclass per section, each field with its default, unit, range and one line of doc.

A field becomes a key of `[section]` in TOML, a flag `--section.key`, and a line of `--help`. `None` stands for a
number that is derived from others (config.py does so, and says how). docs/LOG.md says how the defaults were found.
Shape letters: N rows (agents over all environments), T steps in a rollout, S steps in a segment.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shoal import native
from shoal.errors import ConfigError, nearest

Scalar = bool | int | float | str

BACKENDS = ("native", "torch")
DEVICES = ("auto", "cpu", "cuda", "mps")
# Settings that the hash of a run's settings leaves out at their defaults: they came after results had been recorded.
LATER = {
    "vec": ("observe_contexts", "worker", "workers", "block", "start", "timeout", "restarts", "spin"),
    "policy": ("grid", "image", "module"),
    "train": ("backend", "device"),
    "solved": ("also_metric", "opponent"),
}

_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_MAGNITUDES = {"k": 1e3, "M": 1e6, "m": 1e6, "G": 1e9, "B": 1e9}


def setting(
    default: Any,
    doc: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    unit: str = "",
    choices: tuple[str, ...] = (),
    auto: str = "",
) -> Any:
    """Declare a field. `auto` says in a few words how a default of None is derived."""
    about = {"doc": doc, "low": low, "high": high, "unit": unit, "choices": choices, "auto": auto}
    return dataclasses.field(default=default, metadata=about)


@dataclass(frozen=True)
class VecConfig:
    """The copies of the environment."""

    num_envs: int | None = setting(None, "copies of the environment", auto="max(1, 2048 // agents)")
    threads: int = setting(0, "threads; 0 stands for all cores. Results do not depend on it", low=0, high=1024)
    max_steps: int | None = setting(
        None, "time limit, which truncates", low=1, high=2**31 - 1, unit="steps", auto="the environment's own"
    )
    stagger: bool = setting(True, "cut each copy's first episode at a random length, so that they do not end together")
    observe_contexts: bool = setting(
        False, "the policy sees the parameters that are drawn per episode, as further fields of its observation"
    )
    worker: str = setting(
        "processes",
        "what steps Python environments; serial is this process",
        choices=("processes", "threads", "serial"),
    )
    workers: int = setting(0, "of Python environments; 0 = all cores. Results do not depend on it", low=0, high=1024)
    block: int = setting(
        0, "copies of a Python environment stepped together; 0 = 16 blocks, of at least 2. Part of the result", low=0
    )
    start: str = setting("spawn", "how worker processes begin", choices=("spawn", "fork"))
    timeout: float = setting(60.0, "of a worker for one step of its copies", low=0.01, high=1e9, unit="seconds")
    restarts: int = setting(10, "failures of Python environments that a run survives", low=0, high=2**31 - 1)
    spin: bool = setting(False, "waiting for Python environments burns a core instead of parking")
    metric_steps: int = setting(0, "also report running lives every so many steps; 0 = off", low=0, high=2**31 - 1)


@dataclass(frozen=True)
class PolicyConfig:
    """The network."""

    core: str = setting(
        "mingru",
        "what the encoder feeds: mingru, lstm and gru remember, mlp does not; gru is torch's alone",
        choices=(*native.CORES, "gru"),
    )
    hidden: int | None = setting(
        None, "units in a layer", low=1, high=4096, auto="64; 128 for grids or 200 features and more"
    )
    layers: int | None = setting(
        None, "layers of the core; of an mlp the encoder is the first", low=1, high=16, auto="2; 1 of an lstm"
    )
    activation: str = setting("relu", "of an mlp's layers", choices=native.ACTIVATIONS)
    value_net: str = setting("shared", "does the value share the policy's trunk", choices=("shared", "own"))
    normalize: bool = setting(True, "normalise vector fields of the observation")
    precision: str = setting(
        "float32",
        "of the factors of matrix products; bfloat16 is faster and has other bits: natively on processors with AMX "
        "alone; auto: bfloat16 there, else, and with torch, float32",
        choices=(*native.PRECISIONS, "auto"),
    )
    gate_bias: str = setting(
        "spread",
        "mingru: memory spans start spread over 1.5 to 2 T steps, or with zero biases",
        choices=("spread", "zero"),
    )
    grid: str = setting("onehot", "how grids are encoded: one-hots, or two convolutions of 3 x 3", choices=native.GRIDS)
    image: str = setting("nature", "how images are encoded, by torch alone", choices=("small", "nature", "impala"))
    module: str = setting("", "a network of your own, file.py:Name or package.module:Name, for torch; short: --policy")


@dataclass(frozen=True)
class TrainConfig:
    """The learner."""

    backend: str = setting("native", "what learns: native code, or torch (docs/guides/torch.md)", choices=BACKENDS)
    device: str = setting("auto", "of the torch backend; auto takes a GPU where there is one", choices=DEVICES)
    total_steps: int = setting(50_000_000, "agent steps to train for", low=1, high=2**62)
    horizon: int = setting(32, "T: steps of every row in a rollout", low=1, high=65536, unit="steps")
    segment: int | None = setting(
        None,
        "S: consecutive steps of one row that are trained on together; divides T",
        low=1,
        high=65536,
        unit="steps",
        auto="T",
    )
    minibatch: int | None = setting(
        None,
        "samples in a minibatch: whole segments that divide the rollout; "
        "the default of few-samples is at most max(64, N T / 16)",
        low=1,
        high=2**31 - 1,
        unit="samples",
        auto="the largest that divides, at most 16384 and N T / 8",
    )
    shard: int | None = setting(
        None,
        "samples over which gradients are summed in row order; part of the result",
        low=1,
        high=2**31 - 1,
        unit="samples",
        auto="1024 in whole segments, at most a quarter of a minibatch",
    )
    replay_ratio: float = setting(1.0, "passes over every rollout", low=0.001, high=1000)
    gamma: float = setting(
        0.99, "discount; negative where one agent plays both sides in turn: what comes next is the opponent's",
        low=-1, high=1,
    )  # fmt: skip
    gae_lambda: float = setting(0.9, "trace decay", low=0, high=1)
    rho_clip: float = setting(1.0, "ceiling of the importance weight of an error", low=0, high=1e9)
    c_clip: float = setting(1.0, "ceiling of the importance weight of the trace", low=0, high=1e9)
    advantage: str = setting(
        "split", "error and advantage apart, or the reference's single output", choices=native.ADVANTAGES
    )
    clip_coef: float = setting(0.2, "how far the ratio may move before its gradient stops", low=0, high=1e9)
    vf_coef: float = setting(1.0, "weight of the value loss", low=0, high=1e9)
    vf_clip: float = setting(0.0, "clip the value about the rollout's; 0 = off", low=0, high=1e9)
    advantage_floor: float = setting(
        0.2, "a minibatch's advantages are divided by their spread, or by this where they spread less", low=0, high=1e9
    )
    ent_coef: float = setting(0.05, "weight of the entropy of discrete actions, at the start", low=0, high=1e9)
    ent_coef_final: float | None = setting(
        None, "its weight at the end of the schedule", low=0, high=1e9, auto="a tenth of ent_coef"
    )
    ent_coef_continuous: float = setting(0.0, "weight of the entropy of continuous actions", low=0, high=1e9)
    max_grad_norm: float = setting(1.0, "global norm at which gradients are clipped", low=1e-9, high=1e9)
    optimizer: str = setting(
        "muon", "of encoder and core matrices; the rest always uses adamw", choices=native.OPTIMIZERS
    )
    learning_rate: float = setting(0.015, "at the start of the schedule", low=0, high=1e3)
    learning_rate_final: float = setting(0.0, "at the end of the schedule, and after it", low=0, high=1e3)
    adam_ratio: float = setting(0.3, "learning rate of adamw's part, in learning rates", low=0, high=1e6)
    momentum: float = setting(0.95, "of muon", low=0, high=0.9999)
    schedule: str = setting("cosine", "how the learning rate falls over schedule_steps", choices=native.SCHEDULES)
    schedule_steps: int | None = setting(
        None,
        "where schedules end; a run that goes on keeps their last values",
        low=1,
        high=2**62,
        auto="total_steps",
    )
    priority_alpha: float = setting(0.0, "0 draws segments evenly, 1 in proportion to their advantages", low=0, high=10)
    priority_beta: float = setting(
        0.4, "how far priorities are corrected for at the start; 1 at the end", low=0, high=1
    )
    target_kl: float = setting(0.0, "end an update when the policy has moved this far; 0 = off", low=0, high=1e9)
    normalize_reward: str = setting(
        "future",
        "divide rewards by the size of discounted returns: those to come, those so far, or not at all",
        choices=native.REWARD_SCALES,
    )
    muon_heads: bool = setting(False, "ablation: muon for the heads too")
    muon_fused_gates: bool = setting(False, "ablation: muon takes a matrix's gate blocks as one")


@dataclass(frozen=True)
class TrackConfig:
    """Services and files that follow the run; results do not depend on them (docs/guides/tracking.md)."""

    to: str = setting(
        "", "trackers, commas between: tensorboard, wandb, mlflow, trackio, file.py:Name of your own; short: --track"
    )
    project: str = setting("shoal", "under which the run is filed")
    name: str | None = setting(None, "of the run there", auto="that of its folder")
    group: str | None = setting(None, "of runs that belong together", auto="environment and settings, so all seeds")
    tags: str = setting("", "words, commas between")
    offline: bool = setting(False, "nothing leaves this machine; what is written can be sent later")
    videos: bool = setting(False, "send the recordings of --record-every")
    checkpoints: bool = setting(False, "send the weight files")
    points: int = setting(
        1000, "rows that a run of its whole length sends at most, each the mean of some updates", low=1, high=2**31 - 1
    )
    patience: float = setting(
        30.0, "that a tracker may take to answer, and all together at the end", low=0, high=86400, unit="seconds"
    )


@dataclass(frozen=True)
class SelfplayConfig:
    """Who plays the other teams, where there are several. Opponents change between games, and are not learnt from."""

    share: float | None = setting(
        None, "share of games against the pool; in the others the present policy plays all teams", low=0, high=1,
        auto="0.5 where several teams play, else 0",
    )  # fmt: skip
    pool: int = setting(8, "earlier policies kept, spread over the run", low=0, high=64)
    every: int | None = setting(
        None, "how often the present policy enters the pool", low=1, high=2**62, unit="steps",
        auto="a fiftieth of schedule_steps",
    )  # fmt: skip
    draw: str = setting("uniform", "how opponents are drawn: evenly, or more often whom the policy can just beat",
                        choices=("uniform", "close"))  # fmt: skip
    against: str = setting("", "others to play against, with commas: scripted:LEVEL, random, a checkpoint, a run")


@dataclass(frozen=True)
class SolvedConfig:
    """What solved means."""

    metric: str = setting("perf", "the metric whose mean counts")
    threshold: float | None = setting(None, "solved when an evaluation's mean reaches it", auto="never")
    also_metric: str = setting("", "a second metric, whose mean must reach also_threshold")
    also_threshold: float | None = setting(None, "solved takes both", auto="no second condition")
    opponent: str = setting(
        "", "who plays the other teams in evaluations, where there are several: scripted:LEVEL, random; empty: itself"
    )

    @property
    def goals(self) -> tuple[tuple[str, float], ...]:
        """Metrics and what the mean of each must reach; none: nothing is ever solved."""
        if self.threshold is None:
            return ()
        also = ((self.also_metric, self.also_threshold),) if self.also_threshold is not None else ()
        return ((self.metric, self.threshold), *also)

    def reached(self, mean: Callable[[str], float]) -> bool:
        """Do the means reach all that is asked; `mean` gives that of a metric, NaN where it has none."""
        return bool(self.goals) and all(mean(name) >= least for name, least in self.goals)

    def __str__(self) -> str:
        """Return `perf >= 0.98, score >= 0.39`; empty where nothing is asked."""
        return ", ".join(f"{name} >= {least:g}" for name, least in self.goals)


SECTIONS: dict[str, type[Any]] = {
    "vec": VecConfig,
    "policy": PolicyConfig,
    "train": TrainConfig,
    "selfplay": SelfplayConfig,
    "track": TrackConfig,
}

PRESETS: dict[str, dict[str, dict[str, Scalar]]] = {
    # For simulators so slow that samples cost more than arithmetic: many passes, no memory, small steps.
    "few-samples": {
        "vec": {"num_envs": 8},
        "policy": {"core": "mlp", "hidden": 64, "layers": 2, "activation": "tanh", "value_net": "own"},
        "train": {
            "total_steps": 1_000_000,
            "horizon": 128,
            "segment": 1,
            "replay_ratio": 8.0,
            "optimizer": "adamw",
            "learning_rate": 3e-4,
            "adam_ratio": 1.0,
            "schedule": "linear",
            "vf_coef": 0.5,
            "max_grad_norm": 0.5,
            "ent_coef": 0.01,
            "ent_coef_final": 0.01,
            "gamma": 0.99,
            "gae_lambda": 0.95,
        },
    }
}


def kind_of(field: dataclasses.Field[Any]) -> str:
    """Return bool, int, float or str."""
    return str(field.type).removesuffix(" | None")


def check_section(section: str, values: Mapping[str, object], source: str = "") -> dict[str, Scalar]:
    """Return the values of a section in their declared types.

    Raises:
        ConfigError: for an unknown key, a wrong type, a value out of range; says where, and in which source.
    """
    fields = {field.name: field for field in dataclasses.fields(section_class(section))}
    checked = {}
    for key, value in values.items():
        path = f"at {section}.{key}" + (f" in {source}" if source else "")
        if key not in fields:
            homes = [f"{name}.{key}" for name, other in SECTIONS.items() if key in names_of(other)]
            hint = f"it is `{homes[0]}`" if homes else nearest(key, fields)
            raise ConfigError(f"unknown key `{key}` ({path})", hint)
        checked[key] = _check(fields[key], value, path)
    return checked


def section_class(section: str) -> type[Any]:
    """Return the dataclass of a section."""
    return SolvedConfig if section == "solved" else SECTIONS[section]


def names_of(section: type[Any]) -> list[str]:
    """Return the keys of a section."""
    return [field.name for field in dataclasses.fields(section)]


def from_text(kind: str, text: str) -> Scalar:
    """Return what a flag's text means as bool (or switch), int, float, or itself; text that means nothing stays text.

    Numbers may be written 50M, 1e7, 2_048; switches true, false, on, off, yes, no.
    """
    if kind in ("bool", "switch"):
        return _WORDS.get(text.lower(), text)
    if kind not in ("int", "float"):
        return text
    body, scale = (text[:-1], _MAGNITUDES[text[-1]]) if text[-1:] in _MAGNITUDES else (text, 1.0)
    try:
        number = float(body) * scale
    except ValueError:
        return text
    if kind == "int" and math.isfinite(number) and number == int(number):
        return int(number)
    return number


def _check(field: dataclasses.Field[Any], value: object, path: str) -> Scalar:
    kind, about = kind_of(field), field.metadata
    if kind == "bool":
        if not isinstance(value, bool):
            raise ConfigError(f"wrong type: {field.name}={value!r}; expected true or false ({path})")
        return value
    if kind == "str":
        if not isinstance(value, str):
            raise ConfigError(f"wrong type: {field.name}={value!r}; expected text ({path})")
        if about["choices"] and value not in about["choices"]:
            expected = ", ".join(about["choices"])
            hint = nearest(value, about["choices"], f"the default is {field.default}")
            raise ConfigError(f"{field.name}={value!r} is not a choice; expected one of {expected} ({path})", hint)
        return value
    whole = kind == "int"
    if isinstance(value, bool) or not isinstance(value, (int, float)) or (whole and value != value // 1):
        expected = "a whole number" if whole else "a number"
        raise ConfigError(f"wrong type: {field.name}={value!r}; expected {expected} ({path})")
    if not about["low"] <= value <= about["high"]:
        unit = f" {about['unit']}" if about["unit"] else ""
        bounds = f"{about['low']:.10g} to {about['high']:.10g}{unit}"
        raise ConfigError(f"out of range: {field.name}={value}; expected {bounds} ({path})")
    return int(value) if whole else float(value)
