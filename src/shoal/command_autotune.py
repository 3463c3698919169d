# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal autotune`: which workers, copies and blocks (of environments in C: threads and copies) step fastest here."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from shoal import bench, flags, native, registry, store
from shoal.bench import timing
from shoal.cli import command, environment
from shoal.errors import ConfigError

ENOUGH = 0.97  # of the best rate: fewer copies are taken if they reach this, for they need fewer samples

_OPTIONS = (
    flags.Option("copies", "str", None, "to try, several separated by commas; else 4,8,16,32,64, in C 256,1024,4096"),
    flags.Option("workers", "str", None, "to try; else 1, half of the cores, all of them, and twice as many"),
    flags.Option("seconds", "float", 0.5, "of one measurement"),
    flags.Option("repeats", "int", 3, "measurements"),
    flags.Option("write", "str", None, "a TOML file for --config, in which the best is written"),
    flags.JSON,
)


def run(arguments: list[str]) -> int:
    """Run `shoal autotune ENV ARGUMENTS` and return the exit code."""
    name, rest = environment("shoal autotune", arguments)
    options = flags.parse("shoal autotune", "Find what steps fastest here.", rest, _OPTIONS).options
    bench.check_timing(options)
    env = registry.get(name)
    spec = env.spec()
    workers = "workers" if env.outside else "threads"
    counts = bench.counts("copies", options["copies"] or ("4,8,16,32,64" if env.outside else "256,1024,4096"))
    tried = bench.counts("workers", options["workers"]) if options["workers"] else _usual_workers(bool(env.outside))
    print(f"{bench.machine()}; {env.spelled}, steps a second with drawn actions")
    print(f"{workers:>8}{'copies':>8}{'block':>7}{'median':>11}{'lowest':>11}{'highest':>11}")
    rows: list[dict[str, Any]] = []
    for count, number in itertools.product(counts, tried):
        for block in _blocks(count, number) if env.outside else (0,):
            rates = _measure(spec, count, number, block, options["seconds"], options["repeats"])
            row: dict[str, Any] = {workers: number, "copies": count, "block": block, "sps": bench.spread(rates)}
            rows.append(row)
            print(
                f"{number:>8}{count:>8}{block or '':>7}" + "".join(f"{rate:>11.4g}" for rate in row["sps"]), flush=True
            )
    best = choose(rows)
    settings = {"num_envs": best["copies"], workers: best[workers]} | ({"block": best["block"]} if env.outside else {})
    chosen = " ".join(f"--vec.{key.replace('_', '-')} {value}" for key, value in settings.items())
    print(f"best: {best['sps'][0]:.4g} steps/s\n  {command()} train {env.spelled} {chosen}")
    if options["write"]:
        _write(Path(options["write"]), settings)
    if options["json"]:
        print(store.to_json({"env": env.spelled, "settings": settings, "rows": rows, "machine": bench.machine()}))
    return 0


def choose(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the row with the fewest copies, then workers, that is nearly as fast as the fastest."""
    most = max(row["sps"][0] for row in rows)
    good = [row for row in rows if row["sps"][0] >= ENOUGH * most]
    return min(good, key=lambda row: (row["copies"], row.get("workers", row.get("threads")), -row["sps"][0]))


def _usual_workers(outside: bool) -> list[int]:
    cores = native.library().cores()
    return sorted({1, max(cores // 2, 1), cores, *([2 * cores] if outside else [])})


def _blocks(copies: int, workers: int) -> list[int]:
    """Return blocks of all of a worker's copies, and of half of them: while one is stepped, the other is chosen for."""
    if workers > copies:
        return []
    return sorted({-(-copies // workers), max(-(-copies // (2 * workers)), 1)})


def _measure(spec: registry.Spec, copies: int, workers: int, block: int, seconds: float, repeats: int) -> list[float]:
    """Return agent steps a second of several measurements; blocks go on without waiting for one another."""
    from shoal.outside.pool import Workers
    from shoal.vector import Vec

    about = Workers(count=workers, block=block) if spec.env.outside else None
    with Vec(spec, num_envs=copies, threads=0 if about else workers, workers=about) as vec:
        discrete, continuous = bench.random_actions(spec, (16, vec.num_rows))
        timed = timing.clock(lambda steps: vec.run(steps, discrete, continuous, in_step=about is not None))
        return [rate * vec.num_rows for rate in timing.rates(timed, seconds, repeats)]


def _write(path: Path, settings: dict[str, int]) -> None:
    text = "".join(f"{key} = {value}\n" for key, value in settings.items())
    try:
        path.write_text(f"# found by shoal autotune on {bench.machine()}\n[vec]\n{text}", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"the settings cannot be written: {path}: {error.strerror}") from error
    print(f"written to {path}, for --config")
