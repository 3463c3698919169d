# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What comes out of a sweep: the recommended setting, its score on fresh seeds, the lines to copy."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.errors import ConfigError
from shoal.sweep import declaration, runner, search
from shoal.sweep.metric import Metric
from shoal.sweep.space import describe
from shoal.sweep.store import Sweep
from shoal.sweep.trial import CONFIRM, FAILED, RUNNING, Trial


@dataclass(frozen=True)
class Confirmed:
    """The mean score over seeds that the search never saw, with a 95 % interval; NaN below two."""

    mean: float
    low: float
    high: float
    seeds: int
    failed: int


@dataclass(frozen=True)
class Report:
    """What is known of a sweep."""

    metric: Metric
    recommended: search.Recommendation | None
    confirmed: Confirmed | None
    best: Trial | None  # the highest score of a single trial, which luck may have made
    counts: dict[str, int]  # status -> trials of the search
    seconds: float


def of(sweep: Sweep, searching: search.Random, metric: Metric) -> Report:
    """Return the report of a sweep as it is now."""
    trials = sweep.trials()
    searched = [trial for trial in trials if trial.purpose != CONFIRM]
    found = runner.recommend(sweep, searching, searched)
    return Report(
        metric=metric,
        recommended=found,
        confirmed=confirmed([t for t in trials if found and t.purpose == CONFIRM and t.point == found.point]),
        best=best(searched),
        counts=dict(Counter(trial.status for trial in searched)),
        seconds=runner.spent(trials),
    )


def best(trials: Sequence[Trial]) -> Trial | None:
    """Return the trial with the highest score; None if none has one."""
    scored = [trial for trial in trials if trial.status not in (RUNNING, FAILED) and trial.score is not None]
    return max(scored, key=lambda trial: -math.inf if trial.score is None else trial.score, default=None)


def confirmed(trials: Sequence[Trial]) -> Confirmed | None:
    """Return the mean of those that have ended; None if none has."""
    scores = [trial.score for trial in trials if trial.status not in (RUNNING, FAILED) and trial.score is not None]
    failed = sum(trial.status == FAILED for trial in trials)
    if not scores:
        return None
    mean, half = statistics.fmean(scores), math.nan
    if len(scores) > 1:
        half = _student(len(scores) - 1) * statistics.stdev(scores) / math.sqrt(len(scores))
    return Confirmed(mean, mean - half, mean + half, len(scores), failed)


def _student(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t: Abramowitz and Stegun 26.7.5, within 1 % from 3 degrees on."""
    z = statistics.NormalDist().inv_cdf(0.975)
    terms = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96, (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + sum(term / float(freedom) ** power for power, term in enumerate(terms, 1))


def settings(found: Report, sweep: Sweep) -> str:
    """Return the recommended setting, and what flags fixed, as TOML for `--config` or the environment's own file."""
    assert found.recommended is not None
    layers = {section: dict(values) for section, values in sweep.declaration.given.items()}
    for section, values in declaration.by_section(found.recommended.point).items():
        layers.setdefault(section, {}).update(values)
    return declaration.to_toml(layers)


def save(found: Report, sweep: Sweep, path: Path) -> None:
    """Write the recommended setting to a file.

    Raises:
        ConfigError: if that is not possible.
    """
    try:
        path.write_text(f"# {verdict(found)}, from {sweep.name}\n{settings(found, sweep)}", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"the file cannot be written: --save {path}: {error.strerror}") from error
    print(f"written to {path}")


def verdict(found: Report) -> str:
    """Return what is to be expected of the recommended setting, in one line."""
    metric, recommended = found.metric, found.recommended
    if recommended is None:
        return "nothing to recommend yet"
    if found.confirmed is None:
        return f"{metric.name} {span(metric, recommended.score, recommended.low, recommended.high)} expected"
    sure = found.confirmed
    failed = f", {sure.failed} more failed" if sure.failed else ""
    return f"{metric.name} {span(metric, sure.mean, sure.low, sure.high)} over {sure.seeds} fresh seeds{failed}"


def span(metric: Metric, mean: float, low: float, high: float) -> str:
    """Return a score with its interval, as far as that is known."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return metric.words(mean)
    first, last = sorted((metric.shown(low), metric.shown(high)))
    return f"{metric.words(mean)} ({first:.4g} to {last:.4g})"


def print_out(found: Report, sweep: Sweep, way_on: str, *, interrupted: bool) -> None:
    """Print the report. `way_on`: how to go on, empty if nothing is left to do."""
    counts = found.counts
    told = [f"{counts[status]} {status}" for status in ("done", "stopped", "failed", "running") if counts.get(status)]
    over = "interrupted" if interrupted else "the sweep cannot go on" if way_on else "over"
    print(f"\n{over}: {', '.join(told) or 'no trials'} in {found.seconds:.1f} s, {sweep.path}")
    if found.best is not None:
        print(f"best of a single trial: {found.metric.words(found.best.score)}, {found.best.run}")
    print(f"recommended: {verdict(found)}\n")
    if found.recommended is not None:
        print(settings(found, sweep))
    if way_on:
        print(f"go on with `{way_on}`")


def summary(found: Report, sweep: Sweep, *, interrupted: bool) -> dict[str, Any]:
    """Return the report as one flat object."""
    sure, recommended, metric = found.confirmed, found.recommended, found.metric
    about: dict[str, Any] = {
        "sweep": sweep.name,
        "folder": str(sweep.path),
        "env": sweep.declaration.env,
        "metric": metric.name,
        "trials": sum(found.counts.values()),
        "failed": found.counts.get(FAILED, 0),
        "seconds": round(found.seconds, 3),
        "interrupted": interrupted,
        "recommended": recommended.point if recommended else None,
        "expected": metric.shown(recommended.score) if recommended else None,
        "confirmed": metric.shown(sure.mean) if sure else None,
        "seeds": sure.seeds if sure else 0,
    }
    if sure:
        about["low"], about["high"] = sorted((metric.shown(sure.low), metric.shown(sure.high)))
    return about


def line(metric: Metric, trial: Trial) -> str:
    """Return a trial in one line."""
    if trial.status == RUNNING:
        return f"{trial.number:>5} waits   {trial.reason}"
    what = trial.reason if trial.status == FAILED else metric.words(trial.score)
    purpose = f" {trial.purpose}" if trial.purpose != "search" else ""
    early = f" ({trial.reason})" if trial.status == "stopped" else ""
    return f"{trial.number:>5} {trial.status:<7} {what}{early}  {trial.cost:.1f} s{purpose}  {describe(trial.point)}"
