# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Compare two settings of `bench solve`, or two backends: `./run python benchmarks/ratio.py FILE SETTINGS SETTINGS`.

Prints both medians of steps to solved over the seeds that both have, and the ratio of the second to the first with its
95 % bootstrap interval (seeds drawn again 10,000 times, for each setting by itself). Unsolved counts as infinite.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np

path, *marks = sys.argv[1:]
rows = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
steps = [{row["seed"]: row["steps"] if row["solved"] else math.inf for row in rows if row["settings"] == mark}
         for mark in marks]  # fmt: skip
seeds = sorted(set(steps[0]) & set(steps[1]))
if len(seeds) < 2:
    raise SystemExit(f"{path}: {marks[0]} and {marks[1]} share {len(seeds)} seeds; expected at least 2")
one, two = (np.array([found[seed] for seed in seeds], np.float64) for found in steps)
drawn = np.random.default_rng(0).integers(0, len(seeds), (2, 10_000, len(seeds)))
ratios = np.median(two[drawn[1]], axis=1) / np.median(one[drawn[0]], axis=1)
low, high = np.percentile(ratios, [2.5, 97.5])
print(f"{path}, {len(seeds)} seeds, median million steps to solved:")
print(f"{marks[0]} {np.median(one) / 1e6:.3g}, {marks[1]} {np.median(two) / 1e6:.3g}")
print(f"ratio {np.median(two) / np.median(one):.3f}, 95 % interval {low:.3f} to {high:.3f}")
