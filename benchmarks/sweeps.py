# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Which search finds the best setting of a real environment? `./run python benchmarks/sweeps.py --help`.

    benchmarks/sweeps.py run ENV --seconds 60 --seeds 0-4 [--search cost,random,...]
    benchmarks/sweeps.py table ENV

Every repetition is a sweep of its own, `shoal sweep ENV --untuned --search NAME --seed N --max-seconds S --confirm 10`:
it begins with the defaults of all environments, varies what the environment's `[sweep]` declares, and its budget is the
clock's, suggestions included. What counts is the mean of ten seeds that the search never saw, of the setting that it
*recommends*. Rows are appended to benchmarks/results/sweeps-ENV.jsonl; a repetition that has one is not run again.
"""

from __future__ import annotations

import argparse
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
VERSION = 3  # of what sweeps do: other rows are another measurement (docs/LOG.md says what changed)
SEARCHES = (OURS, "random", "sobol", "optuna-tpe", "optuna-gp")


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return the repetitions that were measured."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def repeat(env: str, search: str, seed: int, seconds: float) -> dict[str, Any]:
    """Return the row of one sweep."""
    with tempfile.TemporaryDirectory() as folder:
        varied = ["--search", search, "--seed", str(seed), "--max-seconds", str(seconds), "--runs-dir", folder]
        fixed = ["--untuned", "--confirm", "10", "--plain", "--json"]
        command = [sys.executable, "-m", "shoal", "sweep", env, *varied, *fixed]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    kept = ("metric", "trials", "failed", "recommended", "expected", "confirmed", "low", "high", "seeds")
    about = {"env": env, "search": search, "seed": seed, "budget": seconds, "version": VERSION}
    about["seconds"] = found["seconds"]
    return about | {name: found.get(name) for name in kept} | {"commit": commit(), "machine": machine()}


def run(env: str, searches: list[str], seeds: list[int], seconds: float) -> None:
    """Run what has no row yet, one sweep of every search before the next seed."""
    path = RESULTS / f"sweeps-{env}.jsonl"
    for seed in seeds:
        for search in searches:
            known = {(row["search"], row["seed"], row["budget"], row["version"]) for row in rows_of(path)}
            if (search, seed, seconds, VERSION) in known:
                continue
            row = repeat(env, search, seed, seconds)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(f"{search:12} seed {seed}  {row['metric']} {row['confirmed']} on {row['seeds']} fresh seeds, "
                  f"{row['trials']} trials in {row['seconds']:.0f} s", flush=True)  # fmt: skip


def table(env: str) -> None:
    """Print the mean of each search, and by how much the others differ from ours over the seeds that both have."""
    rows = rows_of(RESULTS / f"sweeps-{env}.jsonl")
    for budget, version in sorted({(row["budget"], row["version"]) for row in rows}):
        mine = [row for row in rows if (row["budget"], row["version"]) == (budget, version)]
        found: dict[str, dict[int, float]] = {}
        for row in mine:
            if row["confirmed"] is not None:
                found.setdefault(row["search"], {})[row["seed"]] = row["confirmed"]
        head = f"{env}, {budget:.0f} s, version {version} | {mine[0]['metric']} | lowest, highest"
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
    options = parser.parse_args()
    if options.what == "table":
        table(options.env)
        return
    run(options.env, options.search.split(","), parse_seeds(options.seeds), options.seconds)


if __name__ == "__main__":
    main()
