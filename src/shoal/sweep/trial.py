# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""One trial of a sweep: a setting, what became of it, and what it cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

from shoal.sweep.space import Point

SEARCH, REPEAT, CONFIRM = "search", "repeat", "confirm"  # a new setting, one again, the recommended one at the end
RUNNING, DONE, STOPPED, FAILED = "running", "done", "stopped", "failed"  # stopped: early, its score counts


@dataclass(frozen=True)
class Trial:
    """A setting that was tried.

    `score`: the higher the better; None while running without an evaluation, or if it failed. `cost`: seconds.
    `curve`: (seconds, steps, score) of its evaluations so far, in order.
    """

    number: int
    point: Point
    score: float | None = None
    cost: float = 0.0
    status: str = DONE
    purpose: str = SEARCH
    seed: int = 0
    reason: str = ""
    steps: int = 0
    curve: tuple[tuple[float, int, float], ...] = ()
    run: str = ""
    worker: str = ""
    started: float = 0.0
    ended: float = 0.0
    thought: float = 0.0


def has_score(trial: Trial) -> bool:
    """Return whether a trial ended with a score."""
    return trial.status not in (RUNNING, FAILED) and trial.score is not None and math.isfinite(trial.score)
