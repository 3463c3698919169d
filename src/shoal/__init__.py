# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""shoal trains small reinforcement-learning agents in seconds, on the computer you already have.

    vec = shoal.make_vec("breakout", num_envs=8, seed=1)       # environments alone
    result = shoal.Trainer("cartpole", seed=1).train()         # train
    policy = shoal.load(result.run)                            # use what was trained

Names load when they are first used, so that `import shoal` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from shoal.errors import CheckpointError, ConfigError, EnvError, NativeError, ShapeError, ShoalError

if TYPE_CHECKING:
    from shoal.drawing import Drawing
    from shoal.notebook import Clip, show
    from shoal.outside.pool import Workers
    from shoal.policy import Policy, load
    from shoal.result import Log, Result
    from shoal.resuming import resume
    from shoal.trainer import Trainer
    from shoal.vector import Vec, make_vec

__version__ = "0.1.0"

_HOMES = {
    "make_vec": "shoal.vector",
    "Workers": "shoal.outside.pool",
    "Vec": "shoal.vector",
    "Drawing": "shoal.drawing",
    "Trainer": "shoal.trainer",
    "Result": "shoal.result",
    "Log": "shoal.result",
    "resume": "shoal.resuming",
    "load": "shoal.policy",
    "show": "shoal.notebook",
    "Clip": "shoal.notebook",
    "Policy": "shoal.policy",
}

__all__ = [
    "CheckpointError",
    "Clip",
    "ConfigError",
    "Drawing",
    "EnvError",
    "Log",
    "NativeError",
    "Policy",
    "Result",
    "ShapeError",
    "ShoalError",
    "Trainer",
    "Vec",
    "Workers",
    "load",
    "make_vec",
    "resume",
    "show",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module `shoal` has no attribute `{name}`")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
