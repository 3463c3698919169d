# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Trained agents that come with environments: agent.safetensors beside the header, for who has no run yet.

benchmarks/pretrain.sh makes them; the environment's page says how well they do.
"""

from __future__ import annotations

from pathlib import Path

from shoal import registry, store
from shoal.errors import CheckpointError

NAME = f"agent{store.SUFFIX}"
MOST_BYTES = 200_000  # of one: they are part of every wheel


def packaged(env: str) -> Path | None:
    """Return the file of the agent that comes with an environment, if one does."""
    path = registry.get(env).folder / NAME
    return path if path.is_file() else None


def newest(runs_dir: Path, env: str) -> Path:
    """Return the newest weights of an environment: those of its newest run, else the agent that comes with it.

    Raises:
        CheckpointError: if there is neither. An empty `env` stands for the newest run of any.
    """
    try:
        return store.newest(runs_dir, env).latest()
    except CheckpointError:
        path = packaged(env) if env else None
        if path is None:
            raise
        return path


def about(path: Path, runs_dir: Path) -> str:
    """Return a line that says so if the weights are those that come with an environment; else nothing."""
    return f"no run in {runs_dir}: this is the agent that comes with shoal" if path.name == NAME else ""
