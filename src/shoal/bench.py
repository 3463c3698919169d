# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Benchmarks: how soon an environment is solved, and how fast it simulates.

`solve` follows ALGORITHM.md: each seed in a process of its own, the clock from the process's start to the end of the
first confirmed evaluation, an unsolved seed infinite. One row a seed is appended to <results>/solve-<env>.jsonl; a
seed that is there with the same settings is not run again, so an interrupted benchmark goes on where it stopped.
"""

from __future__ import annotations

import datetime
import json
import math
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shoal import config, flags, native, registry, store
from shoal.errors import ConfigError

_SOLVE = (
    flags.Option("seeds", "str", "0-4", "such as 0-4 or 0,3,7; 0-99 are for tuning, 1000-1999 for reporting"),
    *flags.LAYERS,
    flags.Option("set", "str", None, "section.key=value, several separated by spaces; same as the flag"),
    flags.Option("threads", "int", None, "0 stands for all cores"),
    flags.Option("again", "bool", False, "run seeds that have a row already"),
    flags.Option("results", "str", "benchmarks/results", "where rows are kept"),
)
_SIM = (
    flags.Option("num-envs", "int", None, "copies; otherwise max(1, 2048 // agents)"),
    flags.Option("threads", "int", 1, "0 stands for all cores"),
    flags.Option("seconds", "float", 0.3, "of one measurement"),
    flags.Option("repeats", "int", 7, "measurements"),
)


# ---------------------------------------------------------------------------------------------------- solve


def solve(name: str, arguments: list[str]) -> int:
    """Run `shoal bench solve NAME ARGUMENTS` and return the exit code."""
    arguments, assignments = _take_assignments(arguments)
    parsed = flags.parse("shoal bench solve", "Time and steps to solved.", arguments, _SOLVE, name)
    for assignment in assignments:
        for section, values in flags.from_assignment(name, assignment).items():
            parsed.overrides.setdefault(section, {}).update(values)
    options = parsed.options
    seeds = parse_seeds(options["seeds"])
    spec = registry.get(name).spec(parsed.load(name).params)
    settings = config.resolve(parsed.load(name), spec)
    if settings.solved.threshold is None:
        raise ConfigError(f"`{name}` does not say when it is solved (at solved.threshold in {name}.toml)")
    mark = settings.settings_hash(spec.version)
    path = Path(options["results"]) / f"solve-{name}.jsonl"
    done = {} if options["again"] else {row["seed"]: row for row in _rows(path) if row["settings"] == mark}
    print(f"{name} version {spec.version}, settings {mark}, {path}")
    for seed in seeds:
        old = seed in done
        if not old:
            done[seed] = _solve_seed(parsed, name, seed) | {"settings": mark, "version": spec.version}
            _append(path, done[seed])
        print(_line(done[seed]) + ("  (kept)" if old else ""), flush=True)
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
    seeds: list[int] = []
    try:
        for part in text.split(","):
            first, dash, last = part.partition("-")
            seeds.extend(range(int(first), int(last) + 1) if dash else [int(first)])
    except ValueError:
        seeds = []
    if not seeds:
        raise ConfigError(f"no seeds: --seeds {text}; expected such as 0-4 or 0,3,7")
    return seeds


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


def _solve_seed(parsed: flags.Parsed, name: str, seed: int) -> dict[str, Any]:
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
    about = {
        "commit": _commit(),
        "machine": machine(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "untuned": options["untuned"],
        "overrides": parsed.overrides,
    }
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as runs_dir:
        child = subprocess.run([*command, "--runs-dir", runs_dir], capture_output=True, text=True, check=False)
    row: dict[str, Any] = {"env": name, "seed": seed}
    if child.returncode == 130:
        raise KeyboardInterrupt
    if child.returncode:
        problem = child.stderr.strip() or f"exit code {child.returncode}"
        return row | {"solved": False, "seconds": None, "steps": None, "error": problem} | about
    result = json.loads(child.stdout.strip().splitlines()[-1])
    keys = ("solved", "seconds", "steps", "perf", "score", "interval", "sps", "updates", "first_ratio_error")
    return row | {key: result[key] for key in keys} | about


def _take_assignments(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Split off what `--set a.b=1 c.d=2` names: flags.parse knows flags of one value only."""
    rest: list[str] = []
    taken: list[str] = []
    taking = False
    for argument in arguments:
        if argument == "--set":
            taking = True
        elif taking and not argument.startswith("--"):
            taken.append(argument)
        else:
            taking = False
            rest.append(argument)
    if "--set" in arguments and not taken:
        raise ConfigError("--set names nothing; expected section.key=value")
    return rest, taken


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _append(path: Path, row: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(store.to_json(row) + "\n")
    except OSError as error:
        raise ConfigError(f"the results cannot be written: {path}: {error.strerror}") from error


def _line(row: dict[str, Any]) -> str:
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


# ---------------------------------------------------------------------------------------------------- sim


def sim(names: list[str], arguments: list[str]) -> int:
    """Run `shoal bench sim NAMES ARGUMENTS` and return the exit code."""
    options = flags.parse("shoal bench sim", "Million steps a second with prepared actions.", arguments, _SIM).options
    environments = [registry.get(name) for name in names or registry.names()]
    threads = options["threads"]
    print(f"{machine()}, {threads or 'all'} threads; million agent steps a second, resets included")
    print(f"{'environment':<14}{'median':>9}{'lowest':>9}{'highest':>9}")
    results: dict[str, Any] = {}
    for env in environments:
        rates = measure(env, threads=threads, num_envs=options["num_envs"], **_timing(options))
        results[env.name] = [round(rate, 3) for rate in (statistics.median(rates), min(rates), max(rates))]
        print(f"{env.name:<14}" + "".join(f"{rate:>9.2f}" for rate in results[env.name]), flush=True)
    print(store.to_json({"machine": machine(), "commit": _commit(), "threads": threads, "msteps": results}))
    return 0


def measure(
    env: registry.Environment, *, threads: int, num_envs: int | None, seconds: float, repeats: int
) -> list[float]:
    """Return million agent steps a second of several measurements, random actions prepared beforehand."""
    import numpy as np

    from shoal.vector import Vec

    spec = env.spec()
    random, cycle = np.random.default_rng(0), 64
    with Vec(spec, num_envs=max(1, 2048 // spec.agents) if num_envs is None else num_envs, threads=threads) as vec:
        shape = (cycle, vec.num_rows)
        discrete = np.empty((*shape, len(spec.heads)), np.int32)
        continuous = np.empty((*shape, len(spec.dims)), np.float32)
        for index, head in enumerate(spec.heads):
            discrete[..., index] = random.integers(0, head.size, shape)
        for index, dim in enumerate(spec.dims):
            continuous[..., index] = random.uniform(dim.low, dim.high, shape)

        def timed(steps: int) -> float:
            before = time.perf_counter()
            vec.run(steps, discrete, continuous)
            return time.perf_counter() - before

        steps, elapsed = 64, 0.0
        while elapsed < seconds / 4:  # warms up, and finds how many steps take long enough
            steps *= 2
            elapsed = timed(steps)
        steps = max(int(steps * seconds / elapsed), 1)
        return [steps * vec.num_rows / timed(steps) / 1e6 for _ in range(repeats)]


def machine() -> str:
    """Return the processor, how many cores we may use, and the build that runs on it."""
    model = platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    lib = native.library()
    return f"{model}, {lib.cores()} cores, {lib.name}"


def _timing(options: dict[str, Any]) -> dict[str, Any]:
    if options["seconds"] <= 0 or options["repeats"] < 1:
        raise ConfigError("nothing to measure: expected --seconds above 0 and --repeats of at least 1")
    return {"seconds": options["seconds"], "repeats": options["repeats"]}


def _commit() -> str:
    """Return the commit of the source tree, or the package's version outside one."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=10"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        from shoal import __version__

        return __version__
    return done.stdout.strip()
