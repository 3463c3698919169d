# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Trained agents that come with environments: agent.safetensors beside the header, for who has no run yet.

benchmarks/pretrain.sh makes them; the environment's page says how well they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shoal import checkpoint, folder, registry, store
from shoal.errors import CheckpointError, ShoalError, nearest

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


def find(words: Sequence[str], runs_dir: Path) -> checkpoint.Checkpoint:
    """Return the checkpoint that `[ENV] [RUN]` on a command line means; without words, of the newest run.

    Raises:
        CheckpointError: if there is none. EnvError: if there is no such environment.
    """
    known = words and (words[0] in registry.names() or folder.is_environment(words[0]) or folder.is_outside(words[0]))
    named = known or len(words) > 1
    env = registry.get(words[0]) if named else None
    targets = words[1:] if named else words
    try:
        if targets:  # a run of a folder that was moved is found by its own name
            path = store.find(runs_dir, targets[0], "" if env is None or env.source else env.name)
        else:
            path = newest(runs_dir, env.reference if env else "")
    except ShoalError as error:
        close = nearest(targets[0], registry.names(), " ") if targets and not env else " "
        raise error if close == " " else type(error)(str(error).partition("\n")[0], close) from error
    return checkpoint.load(path, env or folder.of_checkpoint(path, runs_dir))


def about(path: Path, runs_dir: Path) -> str:
    """Return a line that says so if the weights are those that come with an environment; else nothing."""
    return f"no run in {runs_dir}: this is the agent that comes with shoal" if path.name == NAME else ""
