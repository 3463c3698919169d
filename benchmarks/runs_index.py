# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""How long `shoal runs` takes over many runs: `./run python benchmarks/runs_index.py [NUMBER]`, 10,000 if not said.

Makes the folders of so many finished runs in a temporary folder, builds the index once, and times the command as a
whole process: with nothing new, and with one new run. The last line is JSON.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from shoal import config, provenance

REPEATS = 9


def make(folder: Path, number: int) -> None:
    """Write the folder of a finished run."""
    path = folder / ("cartpole", "pong", "breakout")[number % 3] / f"20260101-000000-made-{number:06d}"
    (path / "checkpoints").mkdir(parents=True)
    (path / "config.toml").write_text(CONFIG.replace("seed = 0", f"seed = {number}"))
    (path / "metrics.jsonl").write_text(json.dumps({"steps": 1000, "env/perf": 0.5}) + "\n")
    (path / "about.json").write_text(json.dumps({"trained": [{"command": "made", "started": "2026-01-01T00:00:00"}]}))
    result = {"status": "finished", "steps": 1000 + number, "perf": number % 97 / 97, "solved": number % 2 == 0}
    (path / "result.json").write_text(json.dumps(result))


def seconds(folder: Path, *arguments: str) -> float:
    """Return how long one `shoal runs` takes, from the start of the process to its end."""
    before = time.perf_counter()
    command = [sys.executable, "-m", "shoal", "runs", "--runs-dir", str(folder), *arguments]
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - before


def main() -> None:
    """Make, index, measure, print."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i in range(number):
            make(folder, i)
        row = {"runs": number, "build": seconds(folder)}
        row["list"] = statistics.median(seconds(folder) for _ in range(REPEATS))
        sort = ("--filter", "perf>0.5 train.gamma=0.99", "--sort", "-perf")
        row["filter"] = statistics.median(seconds(folder, *sort) for _ in range(REPEATS))
        news = []
        for i in range(REPEATS):
            make(folder, number + i)
            news.append(seconds(folder))
        row["one_new"] = statistics.median(news)
    for what, value in row.items():
        print(f"{what:<8} {value:.3g}" + ("" if what == "runs" else " s"))
    print(json.dumps(row | {"commit": provenance.commit(), "machine": provenance.machine()}))


CONFIG = config.load("cartpole").to_toml(1)

if __name__ == "__main__":
    main()
