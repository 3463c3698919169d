# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What training reports: a log for every update, and a result at its end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shoal import native
from shoal.evaluate import Evaluation
from shoal.stats import Stats

Log = dict[str, float]  # one line of metrics.jsonl; docs/reference/metrics.md explains each key

LOG_KEYS = {
    "policy_loss": "loss/policy",
    "value_loss": "loss/value",
    "entropy": "policy/entropy",
    "kl": "policy/kl",
    "clip_fraction": "policy/clip_fraction",
    "first_ratio_error": "policy/first_ratio_error",
    "explained_variance": "value/explained_variance",
    "value_mean": "value/mean",
    "sigma_return": "value/sigma_return",
    "grad_norm": "optimizer/grad_norm",
    "learning_rate": "optimizer/learning_rate",
    "ent_coef": "optimizer/ent_coef",
    "rollout_seconds": "perf/rollout_seconds",
    "advantage_seconds": "perf/advantage_seconds",
    "update_seconds": "perf/update_seconds",
}


def log_key(metric: str) -> str:
    """Return the key of a log under which the mean of a metric stands."""
    return metric.replace("_", "/") if metric in ("episode_return", "episode_length") else f"env/{metric}"


@dataclass(frozen=True)
class Result:
    """How a run ended.

    `seconds` run from the start (of the process, under the command line) to the end of the last evaluation; `sps` are
    agent steps per second of training, evaluations apart. `run` and `checkpoint` are None without a runs folder,
    `checkpoint` also before the first update.
    """

    env: str
    seed: int
    steps: int
    updates: int
    seconds: float
    sps: float
    evaluation: Evaluation | None  # None when interrupted
    interrupted: bool
    first_ratio_error: float  # the worst of the run
    settings: str
    run: Path | None
    checkpoint: Path | None

    @property
    def solved(self) -> bool:
        """Did the last evaluation's mean reach the threshold."""
        return self.evaluation is not None and self.evaluation.solved


def flatten(log: native.Log, stats: Stats) -> Log:
    """Return the log of one update, but for its times."""
    row: Log = {"steps": int(log.steps), "updates": int(log.updates), "episode/count": stats.lives}
    row |= {"episode/return": stats.mean("episode_return"), "episode/length": stats.mean("episode_length")}
    row |= {f"env/{name}": stats.mean(name) for name in stats.names[:-2]}
    row |= {key: float(getattr(log, name)) for name, key in LOG_KEYS.items()}
    row["actions/bad"] = stats.bad_actions
    running, mean_return, mean_length = stats.partial()
    if running:
        row |= {"running/count": running, "running/return": mean_return, "running/length": mean_length}
    return row
