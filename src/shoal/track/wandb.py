# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Weights & Biases, online or offline; its own variables (WANDB_API_KEY, WANDB_ENTITY, WANDB_BASE_URL, ...) hold.

What it keeps on this machine is in `wandb/` of the run's folder. Where the service cannot be reached or nobody is
logged in, the run is kept there whole, and `wandb sync` sends it later.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wandb

from shoal.track.base import Config, Run, Tracker, as_gif

_EXIT_CODES = {"finished": 0, "interrupted": 130}


class WeightsAndBiases(Tracker):
    """Metrics over agent steps, settings, recordings as videos, weights as versions of one artifact."""

    def start(self, config: Config, run: Run) -> str:
        """Begin a run, or go on with the one of `run.id`."""
        self._folder = run.path / "wandb"
        name = run.id or secrets.token_hex(4)
        given: dict[str, Any] = {
            "project": run.project,
            "name": run.name,
            "group": run.group,
            "tags": run.tags,
            "config": dict(config),
            "dir": str(run.path),
            "id": name,
            "resume": "allow",
            "settings": wandb.Settings(
                init_timeout=max(run.patience / 3, 1.0),
                login_timeout=1,
                console="off",
                silent=True,
                disable_code=True,
                x_stats_pid=run.pid,
            ),
        }
        try:
            self._run = wandb.init(mode="offline" if run.offline else None, **given)
        except wandb.Error as error:
            reason = " ".join(str(error).split())[:200]
            wandb.teardown()  # which forgets the first attempt
            self._run = wandb.init(mode="offline", **given)
            folder = Path(self._run.dir).parent
            self.tell(f"kept on this machine, for {type(error).__name__}: {reason}; later: wandb sync {folder}")
        if not self._run.offline and self._run.url:
            self.tell(self._run.url)
        return name

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Log one row."""
        self._run.log(dict(metrics), step=step)

    def video(self, path: Path, step: int) -> None:
        """Log a recording as a GIF."""
        gif = as_gif(path, self._folder / "recordings")
        self._run.log({"recording": wandb.Video(str(gif), format="gif")}, step=step)

    def checkpoint(self, path: Path, step: int) -> None:
        """Log the next version of the run's weights."""
        artifact = wandb.Artifact(f"weights-{self._run.id}", type="model", metadata={"steps": step})
        artifact.add_file(str(path))
        self._run.log_artifact(artifact, aliases=["latest", f"steps-{step}"])

    def finish(self, status: str) -> None:
        """Send what is left."""
        self._run.finish(exit_code=_EXIT_CODES.get(status, 1))
        wandb.teardown()
