# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Which search finds the best setting of a real environment? `./run python benchmarks/sweeps.py --help`.

    benchmarks/sweeps.py run ENV --seconds 60 --seeds 0-4 [--search cost,random,...]
    benchmarks/sweeps.py run ENV --trials 60 --config FILE.toml --seeds 0 --search cost,random
    benchmarks/sweeps.py table ENV

Every repetition is a sweep of its own, `shoal sweep ENV --untuned --search NAME --seed N --max-seconds S --confirm 10`:
it begins with the defaults of all environments (`--config`: with those of a file), varies what the environment's
`[sweep]` declares, and its budget is the clock's, suggestions included, or a number of trials. What counts is the mean
of ten seeds that the search never saw, of the setting that it *recommends*. Rows are appended to
benchmarks/results/sweeps-ENV.jsonl; a repetition that has one is not run again.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from shoal.bench.solve import parse_seeds
from shoal.provenance import commit, machine

RESULTS = Path(__file__).parent / "results"
OURS = "cost"
SEARCHES = (OURS, "random", "sobol", "optuna-tpe", "optuna-gp")
VERSION = dict.fromkeys(SEARCHES, 3) | {OURS: 4}  # other rows are of another measurement (docs/LOG.md)


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return the repetitions that were measured."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


@dataclasses.dataclass(frozen=True)
class Task:
    """What a sweep is given: `of` is "s" or "trials", `config` a file of settings to begin with."""

    env: str
    budget: float
    of: str = "s"
    config: str = ""

    def __str__(self) -> str:
        return f"{self.env}, {self.budget:.0f} {self.of}" + (f" from {Path(self.config).stem}" if self.config else "")


def task_of(row: dict[str, Any]) -> Task:
    """Return what the sweep of a row was given; the first rows say only seconds."""
    return Task(row["env"], row["budget"], row.get("of", "s"), row.get("config", ""))


def repeat(task: Task, search: str, seed: int) -> dict[str, Any]:
    """Return the row of one sweep."""
    limit = ["--max-seconds", str(task.budget)] if task.of == "s" else ["--max-runs", str(int(task.budget))]
    with tempfile.TemporaryDirectory() as folder:
        varied = ["--search", search, "--seed", str(seed), *limit, "--runs-dir", folder]
        start = ["--untuned", *(["--config", task.config] if task.config else [])]
        command = [sys.executable, "-m", "shoal", "sweep", task.env, *varied, *start, "--confirm", "10"]
        command += ["--plain", "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)  # which said why
    found = json.loads(done.stdout.splitlines()[-1])
    kept = ("metric", "trials", "failed", "recommended", "expected", "confirmed", "low", "high", "seeds")
    about = {"search": search, "seed": seed, **dataclasses.asdict(task), "version": VERSION[search]}
    about["seconds"] = found["seconds"]
    return about | {name: found.get(name) for name in kept} | {"commit": commit(), "machine": machine()}


def run(task: Task, searches: list[str], seeds: list[int]) -> None:
    """Run what has no row yet, one sweep of every search before the next seed."""
    path = RESULTS / f"sweeps-{task.env}.jsonl"
    for seed in seeds:
        for search in searches:
            known = {(row["search"], row["seed"], task_of(row), row["version"]) for row in rows_of(path)}
            if (search, seed, task, VERSION[search]) in known:
                continue
            row = repeat(task, search, seed)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(f"{search:12} seed {seed}  {row['metric']} {row['confirmed']} on {row['seeds']} fresh seeds, "
                  f"{row['trials']} trials in {row['seconds']:.0f} s", flush=True)  # fmt: skip


def table(env: str) -> None:
    """Print the mean of each search, and by how much the others differ from ours over the seeds that both have."""
    rows = [row for row in rows_of(RESULTS / f"sweeps-{env}.jsonl") if row["version"] == VERSION[row["search"]]]
    for task in dict.fromkeys(map(task_of, rows)):
        mine = [row for row in rows if task_of(row) == task]
        found: dict[str, dict[int, float]] = {}
        for row in mine:
            if row["confirmed"] is not None:
                found.setdefault(row["search"], {})[row["seed"]] = row["confirmed"]
        head = f"{task} | {mine[0]['metric']} | lowest, highest"
        print(f"| {head} | less {OURS}, 95 % interval | sweeps |")
        print("|---|---|---|---|---|")
        for search, scores in found.items():
            seeds = sorted(set(scores) & set(found.get(OURS, {})))
            apart = ""
            if search != OURS and len(seeds) > 1:
                less = np.array([scores[seed] - found[OURS][seed] for seed in seeds])
                drawn = np.random.default_rng(0).integers(0, len(seeds), (10_000, len(seeds)))
                low, high = np.percentile(less[drawn].mean(axis=1), [2.5, 97.5])
                apart = f"{less.mean():+.3g} [{low:+.3g}, {high:+.3g}]"
            all_of = list(scores.values())
            spread = f"{np.mean(all_of):.3g} | {min(all_of):.3g}, {max(all_of):.3g}"
            print(f"| `{search}` | {spread} | {apart} | {len(all_of)} |")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("env")
    parser.add_argument("--search", default=",".join(SEARCHES))
    parser.add_argument("--seeds", default="0-4", help="such as 0-4 or 0,3,7")
    parser.add_argument("--seconds", type=float, default=60.0, help="that a sweep may take, its confirmation apart")
    parser.add_argument("--trials", type=int, help="that a sweep may have, instead of seconds")
    parser.add_argument("--config", default="", help="settings to begin with, a file of TOML")
    options = parser.parse_args()
    if options.what == "table":
        table(options.env)
        return
    budget = (options.seconds, "s") if options.trials is None else (float(options.trials), "trials")
    run(Task(options.env, *budget, options.config), options.search.split(","), parse_seeds(options.seeds))


if __name__ == "__main__":
    main()
