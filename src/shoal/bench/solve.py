# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""How soon an environment is solved, as docs/guides/training.md defines it.

Each seed in a process of its own, the clock from the process's start to the end of the first confirmed evaluation, an
unsolved seed infinite. One row a seed is appended to <results>/solve-<env>.jsonl; a seed that is there with the same
settings is not run again, so an interrupted benchmark goes on where it stopped.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shoal import bench, config, flags, registry, store
from shoal.errors import ConfigError

MOST_SEEDS = 100_000

_OPTIONS = (
    flags.Option("seeds", "str", "0-4", "such as 0-4 or 0,3,7; 0-99 are for tuning, 1000-1999 for reporting"),
    *flags.LAYERS,
    *flags.BACKEND,
    bench.SET,
    flags.Option("threads", "int", None, "0 stands for all cores"),
    flags.Option("again", "bool", False, "run seeds that have a row already"),
    bench.RESULTS,
)


def run(name: str, arguments: list[str]) -> int:
    """Run `shoal bench solve NAME ARGUMENTS` and return the exit code."""
    parsed = bench.parse_with_settings("shoal bench solve", "Time and steps to solved.", name, arguments, _OPTIONS)
    options = parsed.options
    seeds = parse_seeds(options["seeds"])
    bench.check_results(options["results"])
    reference = name
    name = registry.get(reference).name
    settings = parsed.load(reference)
    spec = settings.spec()
    settings = config.resolve(settings, spec)
    if settings.solved.threshold is None:
        raise ConfigError(f"`{name}` does not say when it is solved (at solved.threshold in {name}.toml)")
    mark = settings.settings_hash(spec.version)
    path = Path(options["results"]) / f"solve-{name}.jsonl"
    done = {} if options["again"] else {row["seed"]: row for row in bench.rows(path) if row["settings"] == mark}
    print(f"{name} version {spec.version}, settings {mark}, {path}")
    for seed in seeds:
        old = seed in done
        if not old:
            done[seed] = solve_seed(parsed, reference, seed) | {"settings": mark, "version": spec.version}
            bench.append(options["results"], f"solve-{name}", done[seed])
        print(line(done[seed]) + ("  (kept)" if old else ""), flush=True)
    summary = summarise([done[seed] for seed in seeds])
    print(
        f"solved {summary['solved']} of {summary['seeds']}: "
        f"seconds {_three(summary, 'seconds')}, million steps {_three(summary, 'steps', 1e-6)} (median, 10 %, 90 %), "
        f"first_ratio_error at most {summary['first_ratio_error']:.2g}"
    )
    print(store.to_json({"env": name, "settings": mark, "untuned": options["untuned"], **summary}))
    return 0


def parse_seeds(text: str) -> list[int]:
    """Return the seeds that `0-4` or `0,3,7` means.

    Raises:
        ConfigError: if it means none.
    """
    parts = [part.partition("-") for part in text.split(",")]
    try:
        ranges = [range(int(first), int(last if dash else first) + 1) for first, dash, last in parts]
    except ValueError:
        ranges = []
    number = sum(max(found.stop - found.start, 0) for found in ranges)  # len() overflows
    if not number:
        raise ConfigError(f"no seeds: --seeds {text}; expected such as 0-4 or 0,3,7")
    if number > MOST_SEEDS or max(found[-1] for found in ranges if found) >= 1 << 32:
        raise ConfigError(f"--seeds {text}: expected at most {MOST_SEEDS} seeds of 0 to {(1 << 32) - 1}")
    return [seed for found in ranges for seed in found]


def summarise(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return median, 10th and 90th percentile (nearest rank) of seconds and steps; unsolved counts as infinite."""
    summary: dict[str, Any] = {"seeds": len(rows), "solved": sum(row["solved"] for row in rows)}
    for key in ("seconds", "steps"):
        values = sorted(row[key] if row["solved"] else math.inf for row in rows)
        summary[f"{key}_median"] = _median(values)
        summary[f"{key}_p10"] = values[max(math.ceil(0.1 * len(values)) - 1, 0)]
        summary[f"{key}_p90"] = values[math.ceil(0.9 * len(values)) - 1]
    summary["failures"] = [row["seed"] for row in rows if not row["solved"]]
    summary["first_ratio_error"] = max((row.get("first_ratio_error") or 0.0 for row in rows), default=0.0)
    return summary


def solve_seed(parsed: flags.Parsed, name: str, seed: int) -> dict[str, Any]:
    """Train one seed in a process of its own and return its row."""
    options = parsed.options
    command = [sys.executable, "-m", "shoal", "train", name, "--until-solved", "--json", "--seed", str(seed)]
    command += ["--untuned"] if options["untuned"] else []
    for key in ("config", "preset"):
        command += [f"--{key}", str(options[key])] if options[key] else []
    for section, values in parsed.overrides.items():
        for key, value in values.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            command += [f"--{section}.{key.replace('_', '-')}={text}"]
    about = bench.about() | {"untuned": options["untuned"], "overrides": parsed.overrides}
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as runs_dir:
        child = subprocess.run([*command, "--runs-dir", runs_dir], capture_output=True, text=True, check=False)
    row: dict[str, Any] = {"env": registry.get(name).name, "seed": seed}
    if child.returncode == 130:
        raise KeyboardInterrupt
    if child.returncode:
        problem = child.stderr.strip() or f"exit code {child.returncode}"
        return row | {"solved": False, "seconds": None, "steps": None, "error": problem} | about
    result = json.loads(child.stdout.strip().splitlines()[-1])
    keys = ("solved", "seconds", "steps", "perf", "score", "interval", "sps", "updates", "first_ratio_error")
    return row | {key: result[key] for key in keys} | about


def line(row: dict[str, Any]) -> str:
    """Return what is printed of a seed."""
    if row.get("error"):
        return f"seed {row['seed']:>5}  failed: {row['error']}"
    verdict = "solved" if row["solved"] else "NOT solved"
    return (
        f"seed {row['seed']:>5}  {verdict:<10} {row['seconds']:>8.2f} s {row['steps'] / 1e6:>9.2f} M steps  "
        f"perf {row['perf']:.4f}  score {row['score']:.5g}  {row['sps'] / 1e6:.2f} M steps/s"
    )


def _median(values: list[float]) -> float:
    """Return the median; infinity if half of them or more are."""
    middle = len(values) // 2
    return (
        values[middle] if len(values) % 2 or math.isinf(values[middle]) else (values[middle - 1] + values[middle]) / 2
    )


def _three(summary: dict[str, Any], key: str, scale: float = 1.0) -> str:
    return ", ".join(f"{summary[f'{key}_{name}'] * scale:.3g}" for name in ("median", "p10", "p90"))
