# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A sweep as the page shows it: its trials, the Pareto front, the best settings, the effect of each setting."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shoal.confidence import Z95
from shoal.dash import trials
from shoal.dash.effects import effects
from shoal.errors import CheckpointError
from shoal.sweep.trial import CONFIRM, DONE, FAILED, RUNNING, STOPPED, Trial

Answer = dict[str, Any]

BEST = 10  # settings that are listed
_LESS_IS_BETTER = "-to-solved"  # how metrics end whose scores are their negatives


def summary(folder: Path) -> Answer:
    """Return what a list of sweeps shows of one; `error` where its trials cannot be read."""
    declared = trials.declaration(folder)
    row: Answer = {
        "name": folder.name,
        "env": Path(str(declared.get("env", ""))).name,  # of one outside the package the path is known
        "metric": str(declared.get("metric", "score")),
        "sign": -1 if str(declared.get("metric", "")).endswith(_LESS_IS_BETTER) else 1,
    }
    try:
        return row | _counts(trials.read(folder))
    except CheckpointError as error:
        return row | _counts([]) | {"error": str(error)}


def whole(folder: Path) -> Answer:
    """Return everything about one sweep.

    Raises:
        CheckpointError: if its trials cannot be read.
    """
    declared = trials.declaration(folder)
    found = trials.read(folder)
    space = trials.space(declared)
    settings = _by_setting(found)
    means = [float(np.mean([one.score for one in members])) for members in settings]
    best = best_settings(found)
    shown = {*trials.front(found), *(number for row in best for number in row["trials"][:1])}
    dimensions = space.dimensions if space else ()
    return {
        **summary(folder),
        "folder": str(folder),
        "declaration": {key: value for key, value in declared.items() if not isinstance(value, dict)},
        "dimensions": [
            {"name": d.name, "scale": d.scale, "low": _bound(d.scale, d.low), "high": _bound(d.scale, d.high)}
            | {"choices": list(d.choices), "text": str(d)}
            for d in dimensions
        ],
        "trials": [_row(one, one.number in shown) for one in found],
        "front": trials.front(found),
        "best": best,
        "effects": [
            dataclasses.asdict(e) for e in effects(dimensions, [members[0].point for members in settings], means)
        ],
    }


def best_settings(found: Sequence[Trial]) -> list[Answer]:
    """Return the best settings, those that were confirmed on fresh seeds first, then by the mean of their trials.

    The score of a confirmed one is that of its confirming trials alone: the best of many trials flatters itself.
    """
    rows: list[Answer] = []
    for members in _by_setting(found):
        confirming = [one for one in members if one.purpose == CONFIRM]
        used = np.array([one.score for one in confirming or members], np.float64)
        error = Z95 * float(used.std(ddof=1)) / math.sqrt(len(used)) if len(used) > 1 else math.nan
        mean = float(used.mean())
        rows.append(
            {
                "point": members[0].point,
                "trials": [one.number for one in sorted(members, key=lambda one: -(one.score or 0.0))],
                "seeds": len(used),
                "confirmed": bool(confirming),
                "score": mean,
                "low": mean - error,
                "high": mean + error,
                "cost": float(np.mean([one.cost for one in members])),
            }
        )
    return sorted(rows, key=lambda row: (not row["confirmed"], -row["score"]))[:BEST]


def _by_setting(found: Sequence[Trial]) -> list[list[Trial]]:
    """Return the trials that ended with a score, those of one setting together."""
    groups: dict[str, list[Trial]] = {}
    for one in found:
        if trials.is_counted(one):
            groups.setdefault(json.dumps(one.point, sort_keys=True), []).append(one)
    return list(groups.values())


def _counts(found: Sequence[Trial]) -> Answer:
    counted = [one.score for one in found if trials.is_counted(one) and one.score is not None]
    return {
        "counts": {status: sum(one.status == status for one in found) for status in (DONE, STOPPED, RUNNING, FAILED)},
        "seconds": sum(one.cost for one in found),
        "thought": sum(one.thought for one in found),
        "started": min((one.started for one in found if one.started), default=None),
        "score": max(counted, default=None),
    }


def _row(one: Trial, with_curve: bool) -> Answer:
    row = {
        name: getattr(one, name) for name in ("number", "point", "score", "cost", "steps", "status", "purpose", "seed")
    }
    row |= {name: getattr(one, name) for name in ("reason", "worker", "started", "ended")}
    row["run"] = f"{Path(one.run).parent.name}/{Path(one.run).name}" if one.run else ""
    return row | ({"curve": one.curve} if with_curve else {})


def _bound(scale: str, bound: float) -> float:
    return 2.0**bound if scale == "pow2" else bound
