# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Trackers: programs and services that follow a run, each through its own client library.

    shoal train breakout --track tensorboard,wandb

Every client lives in a process of its own (client.py), fed through a bounded queue (tracking.py): one that is slow,
hangs, fails or dies costs a line of warning and nothing else. base.py is what a tracker of one's own implements.
"""

from __future__ import annotations

from shoal import users_code
from shoal.errors import ConfigError, installs, nearest
from shoal.settings import TrackConfig

# Each needs the package of its name, which the extra of its name brings.
TRACKERS = {
    "tensorboard": "shoal.track.tensorboard:TensorBoard",
    "wandb": "shoal.track.wandb:WeightsAndBiases",
    "mlflow": "shoal.track.mlflow:MLflow",
    "trackio": "shoal.track.trackio:Trackio",
}


def words(text: str) -> list[str]:
    """Return what stands between commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def check(settings: TrackConfig) -> list[str]:
    """Return the trackers that are asked for; nothing of theirs is imported.

    Raises:
        ConfigError: if there is none of that name, it is named twice, or its client library is not installed.
    """
    names = [name for name in words(settings.to) if name != "none"]
    short = [name.rpartition(":")[2] for name in names]
    for name in names:
        if short.count(name.rpartition(":")[2]) > 1:
            raise ConfigError(f"--track {settings.to}: `{name}` has a name that another one has too (at track.to)")
        if name in TRACKERS:
            if not users_code.is_installed(name):
                problem = f"--track {name} needs the package `{name}`, which is not installed (at track.to)"
                raise ConfigError(problem, installs(name))
        elif ":" in name:
            users_code.split(name, "--track", "track.to")
        else:
            known = f"known: {', '.join(TRACKERS)}, or file.py:Name of your own"
            raise ConfigError(f"no tracker is called `{name}` (at track.to)", nearest(name, TRACKERS, known))
    return names
