# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Checkpoints: one safetensors file each, with everything needed to use it in its header, written atomically.

The header's metadata: `format`, `kind` (weights), `env`, `version` (of the environment), `config` (the text of
config.toml), `settings` (their hash), `seed`, `steps`, `updates`. Tensors whose names start with `policy.` are the
policy's weights and normaliser; a resume image will add other prefixes and another kind. Loading executes nothing.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal import config as configs
from shoal.errors import CheckpointError, ShoalError

FORMAT = "shoal 1"

Tensors = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds."""

    path: Path
    tensors: Tensors
    metadata: dict[str, str]
    config: configs.Config

    @property
    def version(self) -> int:
        """Version of the environment that it was trained on."""
        return int(self.metadata["version"])

    @property
    def steps(self) -> int:
        """Agent steps trained."""
        return int(self.metadata["steps"])


def save(path: Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, object]) -> None:
    """Write a checkpoint so that the file is there whole or not at all.

    Raises:
        CheckpointError: if it cannot be written.
    """
    import safetensors.numpy

    arrays = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    data = safetensors.numpy.save(arrays, {"format": FORMAT, **{key: str(value) for key, value in metadata.items()}})
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise CheckpointError(f"the checkpoint cannot be written: {path}: {error.strerror}") from error


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: if it is missing, damaged, or not one of ours.
    """
    import safetensors

    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dictionary
    except FileNotFoundError:
        raise CheckpointError(f"no such checkpoint: {path}") from None
    except OSError as error:
        raise CheckpointError(f"the checkpoint cannot be read: {path}: {error.strerror or error}") from error
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"the checkpoint is damaged or is no safetensors file: {path}: {error}") from error
    if metadata.get("format") != FORMAT:
        got = metadata.get("format", "none")
        raise CheckpointError(f"the checkpoint is not one of shoal's: {path} has format {got!r}; expected {FORMAT!r}")
    missing = [key for key in ("env", "version", "config", "seed", "steps") if key not in metadata]
    if missing:
        raise CheckpointError(f"the checkpoint's header is incomplete: {path} lacks {', '.join(missing)}")
    try:
        config = configs.from_toml(metadata["config"])
    except ShoalError as error:
        raise CheckpointError(f"the checkpoint's settings do not fit this version of shoal: {path}: {error}") from error
    return Checkpoint(path, tensors, metadata, config)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
