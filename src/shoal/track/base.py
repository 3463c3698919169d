# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What a tracker is. One of your own derives from Tracker, implements what it wants, and is named `file.py:Name`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Config = Mapping[str, Any]  # environment, version, seed, settings (their hash), and section -> key -> value


@dataclass(frozen=True)
class Run:
    """What a tracker is told of the run that it is to follow, beside its settings."""

    path: Path  # its folder, in which files of the tracker belong
    project: str
    name: str
    group: str  # of runs that differ in their seed
    tags: list[str]
    offline: bool  # nothing may leave this machine
    id: str  # what `start` returned the last time, for a run that goes on; else empty
    steps: int  # agent steps from which it goes on
    pid: int  # of the process that trains
    patience: float  # seconds that `start` may take before the user is told, and `finish` before it is cut short


class Tracker:
    """Follows one run, in a process of its own, called by one thread.

    What a method raises becomes one line of warning, the first time; what it prints goes into
    `track/<name>.log` in the run's folder.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell  # shows the user a line

    def start(self, config: Config, run: Run) -> str:
        """Begin or, with `run.id`, go on; return by what the run is found again. If it raises, nothing follows."""
        return ""

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Take what an update reports after `step` agent steps; finite numbers only (docs/reference/metrics.md).

        A run that was killed and goes on repeats its last updates.
        """

    def video(self, path: Path, step: int) -> None:
        """Take a recording: an animated PNG."""

    def checkpoint(self, path: Path, step: int) -> None:
        """Take a file of weights."""

    def finish(self, status: str) -> None:
        """End: finished, interrupted, failed, or stopped if the training process was killed."""


def flat(config: Config) -> dict[str, Any]:
    """Return the settings without nesting: train.learning_rate -> value."""
    sections = {key: value for key, value in config.items() if isinstance(value, Mapping)}
    top = {key: value for key, value in config.items() if key not in sections}
    return top | {f"{name}.{key}": value for name, section in sections.items() for key, value in section.items()}


def as_gif(path: Path, folder: Path) -> Path:
    """Write an animated PNG once more as a GIF, which every viewer plays, into a folder; needs pillow."""
    import numpy as np
    from PIL import Image, ImageSequence

    from shoal import record

    gif = folder / f"{path.stem}.gif"
    folder.mkdir(parents=True, exist_ok=True)
    with Image.open(path) as image, record.open_writer(gif, 1000.0 / image.info["duration"]) as writer:
        for frame in ImageSequence.Iterator(image):
            writer.add(np.asarray(frame.convert("RGB")))
    return gif
