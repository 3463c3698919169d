# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Checkpoints: one safetensors file each, with everything needed to use it in its header, written atomically.

The header's metadata: `format`, `kind` (weights or resume), `env`, `version` (of the environment), `source` (a hash of
the code of one outside the package, else empty), `config` (the text of config.toml), `settings` (their hash), `seed`,
`steps`, `updates`, and of weights `values` (the parameters as the last broadcast left them). Tensors whose names start
with `policy.` and
`normalizer.` are the policy's, `learner.returns` is the scale of its values; a resume image (image.py) has more.
Loading executes nothing.
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
from shoal import registry
from shoal.errors import CheckpointError, ShoalError, command

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
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise CheckpointError(f"the checkpoint cannot be written: {path}: {error.strerror}") from error
        raise


def load(path: Path, env: registry.Environment | None = None) -> Checkpoint:
    """Read a checkpoint.

    Args:
        path: of the file.
        env: that it must be for; None: one of the package's own. A file never causes code to be compiled.

    Raises:
        CheckpointError: if it is missing, damaged, not one of ours, or not for that environment.
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
    got = metadata.get("format", "none")
    if got != FORMAT and got.startswith("shoal "):
        raise CheckpointError(
            f"the checkpoint was written by another version of shoal: {path} has format {got!r}; expected {FORMAT!r}"
        )
    if got != FORMAT:
        raise CheckpointError(f"the checkpoint is not one of shoal's: {path} has format {got!r}; expected {FORMAT!r}")
    missing = [key for key in ("env", "version", "config", "seed", "steps") if key not in metadata]
    if missing:
        raise CheckpointError(f"the checkpoint's header is incomplete: {path} lacks {', '.join(missing)}")
    if env and metadata["env"] != env.name:
        raise CheckpointError(f"the checkpoint is for `{metadata['env']}`; got `{env.name}`: {path}")
    if not env and metadata.get("source"):
        raise CheckpointError(
            f"the checkpoint is for `{metadata['env']}`, an environment outside the package: {path}",
            f"name its folder: `{command()} eval ./{metadata['env']} {path}`, or env= in Python",
        )
    try:
        config = configs.from_toml(metadata["config"], env)
    except ShoalError as error:
        raise CheckpointError(f"the checkpoint's settings do not fit this version of shoal: {path}: {error}") from error
    return Checkpoint(path, tensors, metadata, config)


def fit(stored: Mapping[str, NDArray[Any]], wanted: Mapping[str, NDArray[Any]], source: Path) -> None:
    """Raise unless every wanted tensor is stored with the same shape and type.

    Raises:
        CheckpointError: names the first one that is not.
    """
    for name, tensor in wanted.items():
        if name not in stored:
            raise CheckpointError(f"the checkpoint lacks the tensor `{name}`: {source}")
        found = stored[name]
        if found.shape != tensor.shape or found.dtype != tensor.dtype:
            raise CheckpointError(
                f"the tensor `{name}` does not fit: {source} has {found.dtype} {found.shape}; "
                f"expected {tensor.dtype} {tensor.shape}"
            )


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
