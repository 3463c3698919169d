# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal compare A B ...`: groups of runs, by the interquartile mean over their seeds, and what sets them apart."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal import flags, index, journal, store
from shoal.cli import command, leading, runs_folder
from shoal.errors import CheckpointError, ConfigError, nearest

if TYPE_CHECKING:
    from shoal.compare import Scores

STEPS_TO_SOLVED, SECONDS_TO_SOLVED = "steps_to_solved", "seconds_to_solved"
_LESS_IS_BETTER = (STEPS_TO_SOLVED, SECONDS_TO_SOLVED, "seconds", "steps")
_MEASURED = ("perf", "score", "steps", "seconds", "sps")  # columns of the index
_APART = 12  # settings that are shown where groups differ


def run(arguments: list[str]) -> int:
    """Run `shoal compare ARGUMENTS` and return the exit code."""
    words = leading(arguments)
    options = (
        flags.Option("metric", "str", "perf", f"a column, eval.METRIC, {STEPS_TO_SOLVED} or {SECONDS_TO_SOLVED}"),
        flags.Option("seed", "int", 0, "of the bootstrap"),
        flags.RUNS_DIR,
        flags.JSON,
    )
    about = (
        "Compare groups of runs. A group is a run, several runs separated by commas, or a filter such as tag:good, "
        "settings:3c7066f0275a or 'env=pong train.gamma=0.99'."
    )
    parsed = flags.parse("shoal compare A B ...", about, arguments[len(words) :], options).options
    if not words:
        raise ConfigError("which groups; expected at least one: a run, runs separated by commas, or a filter")
    if len(set(words)) < len(words):
        raise ConfigError("a group is named twice; expected each once")
    groups = _groups(words, runs_folder(parsed["runs_dir"]))
    from shoal import compare  # with numpy, once the arguments are right

    metric = parsed["metric"]
    scores = {word: _arrays(_scores(word, rows, metric)) for word, rows in groups.items()}
    estimates = {word: compare.estimate(found, parsed["seed"]) for word, found in scores.items()}
    wide = max(len(word) for word in words)
    print(f"{metric}: interquartile mean over seeds (95 % interval, {compare.DRAWS:,} stratified bootstrap draws)")
    for word in words:
        seeds = ", ".join(f"{env} {len(values)}" for env, values in scores[word].items())
        print(f"  {word:<{wide}}  {estimates[word]!s:<32}  seeds: {seeds}")
    few = [word for word in words if min(len(values) for values in scores[word].values()) < 5]
    if few:
        print(f"  fewer than five seeds: {', '.join(few)}; an interval over so few is too narrow")
    row: dict[str, Any] = {"metric": metric, "groups": {}, "pairs": []}
    for word in words:
        row["groups"][word] = vars(estimates[word]) | {"seeds": {env: len(v) for env, v in scores[word].items()}}
    first = words[0]
    for other in words[1:]:
        row["pairs"].append(_pair(first, other, scores, metric, parsed["seed"]))
        _print_apart(groups[first], groups[other])
    if parsed["json"]:
        print(store.to_json(_finite(row)))
    return 0


def _arrays(scores: dict[str, list[float]]) -> Scores:
    import numpy as np

    return {env: np.array(values) for env, values in scores.items()}


def _pair(first: str, other: str, scores: dict[str, Scores], metric: str, seed: int) -> dict[str, Any]:
    from shoal import compare

    print(f"{first} against {other}")
    difference = compare.difference(scores[first], scores[other], seed)
    sign = -1 if metric in _LESS_IS_BETTER else 1
    apart = difference.low > 0 or difference.high < 0
    better = "the interval contains 0" if not apart else f"{first if sign * difference.value > 0 else other} is better"
    print(f"  difference {difference}: {better}")
    row = {"first": first, "second": other, "difference": vars(difference), "better": better}
    if set(scores[first]) == set(scores[other]):
        chance = compare.improvement(scores[first], scores[other], seed)
        print(f"  a seed of the first is higher with probability {chance}")
        row["higher"] = vars(chance)
    else:
        print("  they are of different environments: pooled as they are")
    return row


def _groups(words: list[str], runs_dir: Path) -> dict[str, list[index.Row]]:
    groups = {}
    with index.Index(runs_dir) as found:
        found.refresh()
        for word in words:
            text = word.replace("tag:", "tag=").replace("settings:", "settings=")
            if any(sign in text for sign in "=<>~"):
                rows = found.select(index.parse(text), sort="seed")
            else:
                runs = [store.find_run(runs_dir, name) for name in word.split(",") if name]
                rows = [row for run in runs for row in found.select(index.parse(f"name={run.name}"))]
            if not rows:
                problem = f"no run in {runs_dir} is in the group `{word}`"
                raise CheckpointError(problem, f"`{command()} runs` lists them")
            groups[word] = rows
    return groups


def _scores(word: str, rows: list[index.Row], metric: str) -> dict[str, list[float]]:
    """Return environment -> a score for each run.

    Raises:
        ConfigError: if a run has none, or is still being trained.
    """
    scores: dict[str, list[float]] = {}
    for row in rows:
        if row["status"] == index.RUNNING:
            raise ConfigError(f"a run of `{word}` is still being trained: {row['name']}", "add `status=finished`")
        if metric in (STEPS_TO_SOLVED, SECONDS_TO_SOLVED):
            value = row[metric.partition("_")[0]] if row["solved"] else math.inf
        else:
            value = row.get(metric)
        if not _is_number(value):
            why = f"; it is {row['status']}" if row["status"] != journal.FINISHED else ""
            raise ConfigError(f"the run has no `{metric}`: {row['name']}{why}", nearest(metric, _metrics(row)))
        scores.setdefault(row["env"], []).append(float(value))
    return scores


def _metrics(row: index.Row) -> list[str]:
    """Return what a run can be compared by."""
    numbers = (name for name in row if name in _MEASURED or name.startswith("eval."))
    return [*(name for name in numbers if _is_number(row[name])), STEPS_TO_SOLVED, SECONDS_TO_SOLVED]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _print_apart(a: list[index.Row], b: list[index.Row]) -> None:
    """Print the settings whose values differ between two groups."""
    names = sorted({name for row in (*a, *b) for name in row if "." in name and not name.startswith("eval.")})
    lines = []
    for name in ["env", "commit", "machine", *names]:
        sides = [" or ".join(sorted({str(row.get(name, "-")) for row in side})) for side in (a, b)]
        if sides[0] != sides[1]:
            lines.append(f"  {name}: {sides[0]} | {sides[1]}")
    if lines:
        print("what sets them apart")
        print("\n".join(lines[:_APART]))
        print(f"  and {len(lines) - _APART} more\n" if len(lines) > _APART else "", end="")


def _finite(value: Any) -> Any:
    """Return it with null for what is not finite, at any depth."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return value if not isinstance(value, float) or math.isfinite(value) else None
