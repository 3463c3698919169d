# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Every environment in one table: steps and seconds to solved, tuned and untuned, beside random and scripted players.

On top of `bench solve`: a seed is a row of <results>/solve-<env>.jsonl, and rows that are there with the present
settings count, whoever made them. What is missing is run, the same number of seeds of each environment before any has
more, until the time is up; another call goes on from there.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shoal import bench, config, flags, registry, store
from shoal.bench import solve
from shoal.errors import ConfigError
from shoal.evaluate import evaluate

TUNED, UNTUNED = "tuned", "untuned"
FIRST_SEED = {TUNED: 1000, UNTUNED: 0}  # seeds below 100 are for tuning, so they say nothing of tuned settings
MOST_SEEDS = 100

_OPTIONS = (
    flags.Option("seeds", "int", 3, "wanted of every environment, tuned and untuned"),
    flags.Option("seconds", "float", None, "begin no other seed after so long; 0 runs none and prints what is there"),
    flags.Option("only", "str", None, f"{TUNED} or {UNTUNED}"),
    flags.Option("markdown", "str", None, "also write the table to this file"),
    bench.RESULTS,
)


@dataclasses.dataclass(frozen=True)
class Entry:
    """An environment with its own settings, or without them.

    Attributes:
        settings: resolved. mark: their hash. rows: one for each seed that there is.
    """

    env: registry.Environment
    kind: str
    settings: config.Config
    mark: str
    rows: list[dict[str, Any]]

    @property
    def metric(self) -> str:
        """What solved is about."""
        return self.settings.solved.metric

    def missing(self, seeds: int) -> list[int]:
        """Return the seeds to run for so many rows."""
        done = {row["seed"] for row in self.rows}
        first = FIRST_SEED[self.kind]
        new = [seed for seed in range(first, first + seeds + len(done)) if seed not in done]
        return new[: max(seeds - len(done), 0)]


def run(words: Sequence[str], arguments: list[str]) -> int:
    """Run `shoal bench suite [ENV...] ARGUMENTS` and return the exit code."""
    about = "One table of all environments, or of those that are named. It reads what is there and runs what is missing"
    options = flags.parse("shoal bench suite [ENV...]", about, arguments, _OPTIONS).options
    if not 1 <= options["seeds"] <= MOST_SEEDS:
        raise ConfigError(f"out of range: --seeds {options['seeds']}; expected 1 to {MOST_SEEDS}")
    if options["seconds"] is not None and not options["seconds"] >= 0:
        raise ConfigError(f"out of range: --seconds {options['seconds']:g}; expected at least 0")
    if options["only"] not in (None, TUNED, UNTUNED):
        raise ConfigError(f"--only {options['only']}: expected {TUNED} or {UNTUNED}")
    bench.check_results(options["results"])
    names = [registry.get(word).reference for word in words] or registry.names()
    kinds = [options["only"]] if options["only"] else [TUNED, UNTUNED]
    entries = [_entry(name, kind, options["results"]) for name in names for kind in kinds]
    untuned = {(entry.env.name, entry.mark) for entry in entries if entry.kind == UNTUNED}
    # An environment without settings of its own that matter is told of once.
    entries = [entry for entry in entries if entry.kind == UNTUNED or (entry.env.name, entry.mark) not in untuned]
    late = _run_missing(entries, options)
    baselines = {name: _baselines(name, options["results"], measure=options["seconds"] != 0) for name in names}
    text = table(entries, baselines)
    print(text)
    if late:
        print(f"{late} seeds are missing: the time is up; the same command goes on")
    if options["markdown"]:
        try:
            Path(options["markdown"]).write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"the table cannot be written: {options['markdown']}: {error.strerror}") from error
    summary = [
        {"env": entry.env.name, "kind": entry.kind, "settings": entry.mark, **solve.summarise(entry.rows)}
        for entry in entries
        if entry.rows
    ]
    print(store.to_json({"suite": summary, "baselines": baselines, "missing": late}))
    return 0


def _entry(name: str, kind: str, results: str) -> Entry:
    settings = config.load(name, untuned=kind == UNTUNED)
    spec = settings.spec()
    settings = config.resolve(settings, spec)
    mark = settings.settings_hash(spec.version)
    latest = {row["seed"]: row for row in bench.rows(Path(results) / f"solve-{spec.env.name}.jsonl")
              if row["settings"] == mark and not row.get("error")}  # fmt: skip
    return Entry(spec.env, kind, settings, mark, [latest[seed] for seed in sorted(latest)])


def _run_missing(entries: Sequence[Entry], options: dict[str, Any]) -> int:
    """Run what is missing while there is time; return how many seeds still are."""
    began = time.perf_counter()
    goals = [entry for entry in entries if entry.settings.solved.threshold is not None]
    for number in range(options["seeds"]):
        for entry in goals:
            if len(entry.rows) > number:
                continue
            if options["seconds"] is not None and time.perf_counter() - began >= options["seconds"]:
                return sum(len(entry.missing(options["seeds"])) for entry in goals)
            seed = entry.missing(options["seeds"])[0]
            asked = {"untuned": entry.kind == UNTUNED, "config": None, "preset": None}
            row = solve.solve_seed(flags.Parsed(asked, {}, frozenset()), entry.env.reference, seed)
            row |= {"settings": entry.mark, "version": entry.settings.spec().version}
            bench.append(options["results"], f"solve-{entry.env.name}", row)
            print(f"{entry.env.name:<13}{entry.kind:<9}{solve.line(row)}", flush=True)
            entry.rows.append(row)
    return 0


def _baselines(name: str, results: str, measure: bool) -> dict[str, float]:
    """Return the mean of the solved metric of random and scripted players; `measure` what is not known yet."""
    settings = config.load(name)
    spec = settings.spec()
    settings = config.resolve(settings, spec)
    metric = settings.solved.metric
    path = Path(results) / "baselines.jsonl"
    known = {row["player"]: row["mean"] for row in bench.rows(path)
             if (row["env"], row["version"], row["metric"]) == (spec.env.name, spec.version, metric)}  # fmt: skip
    for player in ("random", "scripted"):
        if not measure or player in known or (player == "scripted" and not spec.env.scripted):
            continue
        found = evaluate(spec, settings, player=player, number=-1)
        row = {"env": spec.env.name, "version": spec.version, "metric": metric, "player": player}
        row |= {"mean": found.mean, "interval": found.interval, "lives": found.stats.lives}
        bench.append(results, "baselines", row | bench.about())
        known[player] = found.mean
    return known


# ---------------------------------------------------------------------------------------------------- the table

COLUMNS = ("environment", "goal", "settings", "solved", "million steps", "seconds", "reached", "random", "scripted")


def table(entries: Sequence[Entry], baselines: dict[str, dict[str, float]]) -> str:
    """Return the table in Markdown, aligned for a terminal: medians, and in brackets the 10th and 90th percentile."""
    rows = [COLUMNS, *(_cells(entry, baselines[entry.env.reference]) for entry in entries)]
    wide = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in wide) + "|", *lines[1:]])


def _cells(entry: Entry, baselines: dict[str, float]) -> tuple[str, ...]:
    threshold = entry.settings.solved.threshold
    goal = f"{entry.metric} >= {threshold:g}" if threshold is not None else "none"
    others = tuple(f"{baselines[player]:.3g}" if player in baselines else "" for player in ("random", "scripted"))
    if not entry.rows:
        return (entry.env.name, goal, entry.kind, "", "", "", "", *others)
    summary = solve.summarise(entry.rows)
    levels = [row[entry.metric] for row in entry.rows if row.get(entry.metric) is not None]
    return (
        entry.env.name,
        goal,
        entry.kind,
        f"{summary['solved']} of {summary['seeds']}",
        _three(summary, "steps", 1e-6),
        _three(summary, "seconds"),
        f"{statistics.median(levels):.3g}" if levels else "",
        *others,
    )


def _three(summary: dict[str, Any], key: str, scale: float = 1.0) -> str:
    median, low, high = (summary[f"{key}_{name}"] * scale for name in ("median", "p10", "p90"))
    text = "-" if math.isinf(median) else f"{median:.2g}" if median < 10 else f"{median:.0f}"
    return f"{text} ({_short(low)} to {_short(high)})"


def _short(value: float) -> str:
    return "-" if math.isinf(value) else f"{value:.2g}" if value < 10 else f"{value:.0f}"
