# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Sweeps that nobody ran: an invented surface of score and cost, with noise, failures, repeats and a confirmation."""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np

from shoal.sweep import space

SPACE = {
    "train.learning_rate": "log(1e-4, 0.1)",
    "train.gamma": "logit(0.9, 0.9999)",
    "train.ent_coef": "linear(0, 0.1)",
    "policy.hidden": "pow2(16, 256)",
    "policy.layers": "integer(1, 4)",
    "policy.core": "choice(mlp, mingru)",
    "policy.chunk": "integer(2, 9) if policy.core=mingru",
    "train.total_steps": "log(1e6, 1e8)",
}
TABLE = """CREATE TABLE trials (
    number INTEGER PRIMARY KEY, point TEXT, seed INTEGER, purpose TEXT, status TEXT, reason TEXT, score REAL, cost REAL,
    steps INTEGER, curve TEXT, run TEXT, worker TEXT, started REAL, ended REAL, thought REAL)"""


def make(
    runs_dir: Path, name: str = "sweep-breakout-made", number: int = 60, seed: int = 0, metric: str = "perf"
) -> Path:
    """Write a sweep of so many trials; the last is still running."""
    folder = runs_dir / name
    folder.mkdir(parents=True)
    lines = ['env = "breakout"', f'metric = "{metric}"', 'search = "cost"', f"seed = {seed}", "", "[space]"]
    text = "\n".join(lines + [f"{json.dumps(key)} = {json.dumps(value)}" for key, value in SPACE.items()]) + "\n"
    (folder / "sweep.toml").write_text(text)
    rng = np.random.default_rng(seed)
    varied = space.parse_all(SPACE)
    best: tuple[float, space.Point] = (-1.0, {})
    with contextlib.closing(sqlite3.connect(folder / "trials.sqlite")) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(TABLE)
        for i in range(number):
            confirming = number - 6 <= i < number - 1
            point = best[1] if confirming else varied.decode(_near(rng, varied, best[1], i / number))
            row = trial(rng, point, i) | {"purpose": "confirm" if confirming else "search"}
            if i == number - 1:
                row |= {"status": "running", "score": None, "curve": "[]", "ended": None}
            if row["score"] is not None and row["score"] > best[0] and not confirming:
                best = (row["score"], point)
            row["run"] = f"{name}/{i:04d}"
            record(database, row)
    return folder


def record(database: sqlite3.Connection, row: dict[str, Any]) -> None:
    """Write one row."""
    names = ", ".join(row)
    database.execute(f"INSERT OR REPLACE INTO trials ({names}) VALUES ({', '.join('?' * len(row))})", [*row.values()])


def trial(rng: np.random.Generator, point: space.Point, number: int) -> dict[str, Any]:
    """Return what became of a setting."""
    rate, gamma, steps = (
        float(point["train.learning_rate"]),
        float(point["train.gamma"]),
        float(point["train.total_steps"]),
    )
    away = (
        (math.log10(rate) + 2.0) ** 2 * 0.5
        + (math.log10(1 - gamma) + 2) ** 2 * 0.25
        + 8 * float(point["train.ent_coef"])
    )
    away += 0.3 if point["policy.core"] == "mlp" else 0.0
    speed = 2e6 / (float(point["policy.hidden"]) / 64) ** 0.8 / float(point["policy.layers"]) ** 0.5
    score = float(np.clip(1 / (1 + math.exp(2.5 * away - 1.4 * math.log10(steps / 3e6))) + rng.normal(0, 0.03), 0, 1))
    cost = steps / speed * float(rng.uniform(0.9, 1.1))
    failed = rate > 0.05 and rng.random() < 0.6
    stopped = not failed and score < 0.2 and rng.random() < 0.5
    cost *= 0.1 if failed else 0.4 if stopped else 1.0
    curve = [[cost * t, int(steps * t), score * (1 - math.exp(-4 * t))] for t in np.linspace(0.1, 1, 10)]
    return {
        "number": number,
        "point": json.dumps(point),
        "seed": number,
        "status": "failed" if failed else "stopped" if stopped else "done",
        "reason": "diverged: a loss is not finite" if failed else "",
        "score": None if failed else score,
        "cost": cost,
        "steps": int(steps * (0.1 if failed else 1)),
        "curve": json.dumps([] if failed else curve),
        "worker": "host-0",
        "started": 1.79e9 + 100 * number,
        "ended": 1.79e9 + 100 * number + cost,
        "thought": 0.004,
    }


def _near(rng: np.random.Generator, varied: space.Space, best: space.Point, late: float) -> space.Unit:
    """Return coordinates anywhere at first, later mostly around the best."""
    if not best or rng.random() > 0.2 + 0.6 * late:
        return rng.random(varied.width)
    unit: space.Unit = np.clip(varied.encode(best) + rng.normal(0, 0.15, varied.width), 0, 1)
    return unit
