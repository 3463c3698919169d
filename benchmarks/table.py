# SPDX-License-Identifier: MIT
"""Print tables of time to solved from the rows of `bench solve`: `table.py FILE...`.

A line for every environment and change of settings: seeds solved, then median, 10th and 90th percentile of steps and
of seconds. An unsolved seed counts as infinite.
"""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from pathlib import Path


def percentile(numbers: list[float], share: float) -> float:
    """Return the nearest-rank percentile of a list, which may hold infinities."""
    ranked = sorted(numbers)
    return ranked[min(len(ranked) - 1, max(0, math.ceil(share * len(ranked)) - 1))]


def spread(numbers: list[float], digits: int) -> str:
    """Return `median (10th to 90th)`."""
    texts = ["-" if math.isinf(number) else f"{number:.{digits}f}" for number in
             (percentile(numbers, 0.5), percentile(numbers, 0.1), percentile(numbers, 0.9))]  # fmt: skip
    return f"{texts[0]} ({texts[1]} to {texts[2]})"


def change_of(row: dict[str, dict[str, dict[str, object]]]) -> str:
    """Return what a row changed, in words of the command line."""
    parts = [f"{section}.{key}={value}" for section, keys in row["overrides"].items() for key, value in keys.items()]
    return " ".join(parts) or "defaults"


def main(paths: list[str]) -> None:
    """Print the table of all rows in the files."""
    groups: dict[tuple[str, str, str], list[dict[str, float]]] = defaultdict(list)
    for path in paths:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            groups[row["env"], change_of(row), row["settings"]].append(row)
    print("| environment | change | settings | solved | steps, M | seconds | worst ratio error |")
    print("|---|---|---|---|---|---|---|")
    for (env, change, settings), rows in groups.items():
        solved = sum(bool(row["solved"]) for row in rows)
        steps = [row["steps"] / 1e6 if row["solved"] else math.inf for row in rows]
        seconds = [row["seconds"] if row["solved"] else math.inf for row in rows]
        worst = max(row["first_ratio_error"] for row in rows)
        print(f"| {env} | {change} | {settings} | {solved}/{len(rows)} | {spread(steps, 2)} | {spread(seconds, 1)} | "
              f"{worst:.1e} |")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
