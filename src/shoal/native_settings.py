# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Resolved settings as C reads them, and which of the networks they may name the native backend has."""

from __future__ import annotations

import ctypes
import dataclasses
from typing import TYPE_CHECKING, Any

from shoal import native, registry

if TYPE_CHECKING:
    from shoal.config import Config


def knows(config: Config, spec: registry.Spec) -> bool:
    """Return whether the native backend has the network that the settings, resolved ones, describe."""
    if config.policy.core not in native.CORES or config.policy.module:
        return False
    made = policy_of(twin(config))
    found = native.library().policy_bytes(ctypes.byref(spec.struct), ctypes.byref(made), native.Message())
    return bool(found >= 0)


def twin(config: Config) -> Config:
    """Return the settings of the native policy with the same tensors, for a core that both backends know."""
    policy = dataclasses.replace(config.policy, precision="float32")
    return dataclasses.replace(config, policy=policy, train=dataclasses.replace(config.train, backend="native"))


def policy_of(config: Config) -> native.PolicyConfig:
    """Return the policy's settings as C reads them."""
    policy = config.policy
    spread = policy.gate_bias == "spread"
    return native.PolicyConfig(
        core=native.CORES.index(policy.core),
        precision=native.PRECISIONS.index(policy.precision),
        grid=native.GRIDS.index(policy.grid),
        hidden=policy.hidden,
        layers=policy.layers,
        activation=native.ACTIVATIONS.index(policy.activation),
        own_value=policy.value_net == "own",
        normalize=policy.normalize,
        gate_tau=2.0 * config.train.horizon if spread else 0.0,
        seed=config.seed,
    )


def train_of(config: Config, *, warm: bool = False, fault: int = 0) -> native.TrainConfig:
    """Return the learner's settings as C reads them.

    Args:
        config: resolved.
        warm: statistics were loaded, and the first rollout is an ordinary one.
        fault: plants one, in a library built for tests.
    """
    values: dict[str, Any] = dataclasses.asdict(config.train)
    for key in ("total_steps", "backend", "device"):  # the trainer's business
        del values[key]
    values["optimizer"] = native.OPTIMIZERS.index(values["optimizer"])
    values["schedule"] = native.SCHEDULES.index(values["schedule"])
    values["normalize_reward"] = native.REWARD_SCALES.index(values["normalize_reward"])
    values["advantage_form"] = native.ADVANTAGES.index(values.pop("advantage"))
    return native.TrainConfig(**values, seed=config.seed, warm=warm, fault=fault)
