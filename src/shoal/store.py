# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Runs on disk: runs/<environment>/<time>-<words>/ with config.toml, metrics.jsonl and checkpoints/.

A run is found by its path, by its name, or as the newest of an environment; nothing else indexes it.
"""

from __future__ import annotations

import json
import math
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from shoal.errors import CheckpointError, nearest

SUFFIX = ".safetensors"

_FIRST = (
    "amber blue brisk calm clear coral deep eager fleet gold green keen light lucky mild neat proud quick silver swift"
)
_SECOND = (
    "bream carp char cod dace dory eel gar goby ide koi ling perch pike ray roach rudd smelt sole tench trout tuna"
)


@dataclass(frozen=True)
class Run:
    """A run's folder."""

    path: Path

    @property
    def name(self) -> str:
        """Its last part: <time>-<words>."""
        return self.path.name

    @property
    def config(self) -> Path:
        """The settings as resolved."""
        return self.path / "config.toml"

    @property
    def metrics(self) -> Path:
        """One JSON object a line, written as they come."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        """Weight files, named after the steps trained."""
        return self.path / "checkpoints"

    def checkpoint(self, steps: int) -> Path:
        """Where the weights after so many steps are stored."""
        return self.checkpoints / f"{steps:015d}{SUFFIX}"

    def latest(self) -> Path:
        """Return the newest checkpoint.

        Raises:
            CheckpointError: if there is none.
        """
        found = sorted(self.checkpoints.glob(f"*{SUFFIX}"))
        if not found:
            raise CheckpointError(f"the run has no checkpoint: {self.path}")
        return found[-1]


class Stream:
    """Appends JSON objects to a file, each flushed as it comes: a crash loses nothing."""

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = path.open("a", encoding="utf-8")

    def write(self, row: dict[str, Any]) -> None:
        """Append one object; what is not finite becomes null."""
        self._file.write(to_json(row) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def create(runs_dir: Path, env: str, config: str) -> Run:
    """Make the folder of a new run and store its settings.

    Raises:
        CheckpointError: if that is not possible.
    """
    words = random.SystemRandom()
    for _ in range(100):
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{words.choice(_FIRST.split())}-{words.choice(_SECOND.split())}"
        run = Run(runs_dir / env / name)
        try:
            run.checkpoints.mkdir(parents=True)
            run.config.write_text(config, encoding="utf-8")
        except FileExistsError:
            if not run.path.is_dir():
                raise CheckpointError(f"a file is in the way of the run: {run.path}", _HINT) from None
            continue
        except OSError as error:
            raise CheckpointError(f"the run cannot be written: {run.path}: {error.strerror}", _HINT) from error
        return run
    raise CheckpointError(f"no free name for a run in {runs_dir / env}", _HINT)


def newest(runs_dir: Path, env: str = "") -> Run:
    """Return the newest run of an environment that has a checkpoint; without one, of any.

    Raises:
        CheckpointError: if there is none.
    """
    runs = [run for run in _all(runs_dir, env) if any(run.checkpoints.glob(f"*{SUFFIX}"))]
    if not runs:
        what = f"`{env}`" if env else "any environment"
        raise CheckpointError(f"no run of {what} in {runs_dir}", f"make one with `shoal train {env or 'cartpole'}`")
    return max(runs, key=lambda run: (run.name[:15], run.config.stat().st_mtime_ns))


def find(runs_dir: Path, target: str, env: str = "") -> Path:
    """Return the checkpoint that `target` means: a file, a run's folder, a run's name, or the start or end of one.

    Raises:
        CheckpointError: if it means nothing, or several runs.
    """
    path = Path(target)
    if path.is_file():
        return path
    if path.is_dir():
        return Run(path).latest()
    runs = _all(runs_dir, env)
    exact = [run for run in runs if run.name == target]
    matches = exact or [run for run in runs if run.name.startswith(target) or run.name.endswith(f"-{target}")]
    if len(matches) == 1:
        return matches[0].latest()
    if matches:
        raise CheckpointError(f"`{target}` means several runs: {', '.join(run.name for run in matches)}")
    known = [run.name for run in runs]
    raise CheckpointError(
        f"no such checkpoint or run: {target}; expected a file, a folder, or a name in {runs_dir}",
        nearest(target, known, f"newest: {known[-1]}" if known else "there are no runs yet: `shoal train` makes one"),
    )


def to_json(row: dict[str, Any]) -> str:
    """Return one line of JSON; numbers that are not finite become null."""
    return json.dumps({key: None if isinstance(v, float) and not math.isfinite(v) else v for key, v in row.items()})


_HINT = "`--runs-dir FOLDER` names another place"


def _all(runs_dir: Path, env: str) -> list[Run]:
    pattern = f"{env or '*'}/*/config.toml"
    return sorted((Run(path.parent) for path in runs_dir.glob(pattern)), key=lambda run: run.name)
