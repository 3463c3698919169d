# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What a hidden context costs, and what drawing parameters costs.

    ./run python benchmarks/contexts.py cartpole [SEEDS]     # four policies, 5 seeds; `breakout` likewise
    ./run python benchmarks/contexts.py speed                # million steps/s of one core with contexts and without

The policies have the same size and settings: with and without memory, told the context (`vec.observe_contexts`) and
not. Rows go to benchmarks/results/contexts-ENV.jsonl; a seed that has a row with these settings is not run again.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import shoal
from shoal import bench, config
from shoal.bench.solve import parse_seeds

RESULTS = Path(__file__).parent / "results"

# Forces that differ in sign and size: who does not know which one holds cannot balance the pole.
CARTPOLE = {
    "force_magnitude": "choice(-20, -5, 5, 20)",
    "gravity": "uniform(5, 15)",
    "pole_half_length": "loguniform(0.25, 1)",
}
# The ball's speed and the paddle's width can be seen; the paddle's speed and the ball's size cannot.
BREAKOUT = {
    "ball_speed": "uniform(150, 400)",
    "ball_size": "uniform(16, 48)",
    "paddle_width": "uniform(40, 80)",
    "paddle_speed": "loguniform(250, 1250)",
}
CASES: dict[str, dict[str, Any]] = {
    "cartpole": {
        "env": CARTPOLE,
        "vec": {"num_envs": 256},
        "train": {"total_steps": 2_000_000, "schedule_steps": 2_000_000, "learning_rate": 0.015},
    },
    "breakout": {"env": BREAKOUT, "train": {"total_steps": 8_000_000, "schedule_steps": 8_000_000}},
}
POLICIES = {
    "no memory, not told": ("mlp", False),
    "memory, not told": ("mingru", False),
    "no memory, told": ("mlp", True),
    "memory, told": ("mingru", True),
}


def compare(name: str, seeds: list[int]) -> None:
    """Train what has no row yet, and print a line for each policy."""
    case = CASES[name]
    path = RESULTS / f"contexts-{name}.jsonl"
    print(f"{name}, {', '.join(f'{key} {text}' for key, text in case['env'].items())}")
    print(f"{'policy':<24}{'score: median':>14}{'lowest':>9}{'highest':>9}{'seconds':>9}")
    for label, (core, told) in POLICIES.items():
        overrides = {
            "env": case["env"],
            "vec": case.get("vec", {}) | {"observe_contexts": told},
            "policy": {"core": core, "hidden": 64, "layers": 2},
            "train": case["train"],
        }
        done = []
        for seed in seeds:
            settings = config.load(name, overrides=overrides, seed=seed)
            mark = config.resolve(settings, settings.spec()).settings_hash(settings.spec().version)
            kept = [row for row in bench.rows(path) if (row["settings"], row["seed"]) == (mark, seed)]
            done.append(kept[-1] if kept else _train(settings, label, mark))
            if not kept:
                bench.append(str(RESULTS), f"contexts-{name}", done[-1])
        scores = bench.spread([row["score"] for row in done])
        seconds = statistics.median(row["seconds"] for row in done)
        print(f"{label:<24}{scores[0]:>14}{scores[1]:>9}{scores[2]:>9}{seconds:>9.1f}", flush=True)


def _train(settings: config.Config, label: str, mark: str) -> dict[str, Any]:
    result = shoal.Trainer(settings, runs_dir=None).train()
    if result.evaluation is None:
        raise KeyboardInterrupt
    row: dict[str, Any] = {"env": result.env, "policy": label, "seed": result.seed, "steps": result.steps}
    row |= {"score": result.evaluation.stats.mean("score"), "interval": result.evaluation.stats.interval("score")}
    row |= {"seconds": round(result.seconds, 3), "contexts": settings.drawn, "settings": mark}
    return row | bench.about()


SPEEDS: dict[str, dict[str, dict[str, Any]]] = {
    "cartpole": {
        "none": {},
        "one": {"gravity": "uniform(9.8, 9.8)"},
        "one, seen": {"gravity": "uniform(9.8, 9.8)", "observe_contexts": True},
        "three": {"gravity": "uniform(9.8, 9.8)", "cart_mass": "normal(1, 0)", "pole_mass": "loguniform(0.1, 0.1)"},
    },
    "breakout": {"none": {}, "one": {"ball_speed": "uniform(256, 256)"}},
}


def speed(rounds: int = 7, copies: int = 2048) -> None:
    """Print steps/s with distributions that always give the default, so that episodes are as long as without."""
    for name, cases in SPEEDS.items():
        rates: dict[str, list[float]] = {label: [] for label in cases}
        for _ in range(rounds):  # in turns, so that what disturbs the machine disturbs all of them
            for label, given in cases.items():
                with shoal.make_vec(name, copies, threads=1, **given) as vec:
                    random = np.random.default_rng(0)
                    actions = random.integers(0, vec.spec.heads[0].size, (64, copies, 1), np.int32)
                    nothing = np.zeros((64, copies, 0), np.float32)
                    vec.run(300, actions, nothing)
                    before = time.perf_counter()
                    vec.run(2000, actions, nothing)
                    rates[label].append(2000 * copies / (time.perf_counter() - before) / 1e6)
        for label, found in rates.items():
            print(
                f"{name:<10}{label:<12}best {max(found):6.1f}  median {statistics.median(found):6.1f} million steps/s"
            )


if __name__ == "__main__":
    words = sys.argv[1:]
    if words == ["speed"]:
        speed()
    elif words and words[0] in CASES:
        compare(words[0], parse_seeds(words[1] if len(words) > 1 else "0-4"))
    else:
        sys.exit(f"usage: contexts.py {'|'.join(CASES)} [SEEDS] or contexts.py speed")
