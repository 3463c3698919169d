# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Trackio: a database on this machine (TRACKIO_DIR), which `trackio show --project shoal` shows.

With TRACKIO_SPACE_ID or TRACKIO_SERVER_URL it sends to a Space or a server instead, unless offline.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import trackio

from shoal.track.base import Config, Run, Tracker, as_gif, flat


class Trackio(Tracker):
    """Metrics over agent steps, settings, recordings as videos, weights as versions of one artifact."""

    def start(self, config: Config, run: Run) -> str:
        """Begin a run, or go on with the one of its name."""
        self._folder = run.path / "track"
        if run.offline:
            for variable in ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL"):
                os.environ.pop(variable, None)
        begun = trackio.init(
            run.project,
            name=run.id or run.name,
            group=run.group,
            config=flat(config) | {"tags": ",".join(run.tags)},
            resume="allow" if run.id else "never",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )
        return str(begun.name)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Log one row."""
        trackio.log(dict(metrics), step=step)

    def video(self, path: Path, step: int) -> None:
        """Log a recording as a GIF."""
        gif = as_gif(path, self._folder / "recordings")
        trackio.log({"recording": trackio.Video(gif, format="gif")}, step=step)

    def checkpoint(self, path: Path, step: int) -> None:
        """Log the next version of the run's weights."""
        trackio.log_artifact(path, type="model")

    def finish(self, status: str) -> None:
        """Write what is left."""
        trackio.finish()
