# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The view of a running sweep, as a pure function: what is known and a size in, lines out, as dashboard.py does."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from shoal.dashboard import Line, clip, clock, ends, fit, number
from shoal.errors import command
from shoal.plot import sparkline
from shoal.sweep import report
from shoal.sweep.metric import Metric
from shoal.sweep.runner import Runner
from shoal.sweep.space import describe
from shoal.sweep.trial import CONFIRM, DONE, FAILED, RUNNING, STOPPED, Trial

_HELP = f"Ctrl-C ends it; `{command()} sweep --resume` goes on"
_LABEL = 13  # cells of the labels on the left
_AXIS = 9  # cells of the numbers beside the scatter


@dataclass(frozen=True)
class View:
    """What is known of a sweep at one moment."""

    name: str
    env: str
    search: str
    seed: int
    places: int
    max_runs: int
    max_seconds: float
    spent: float  # seconds of the search
    metric: Metric
    trials: tuple[Trial, ...]
    running: tuple[Trial, ...]  # in places of ours
    found: report.Report
    problem: str = ""


def of(running: Runner, found: report.Report) -> View:
    """Return the view of a sweep that this process runs."""
    declared = running.sweep.declaration
    return View(
        name=running.sweep.name,
        env=declared.env,
        search=declared.search,
        seed=declared.seed,
        places=running.workers.places,
        max_runs=declared.max_runs,
        max_seconds=declared.max_seconds,
        spent=found.seconds,
        metric=running.metric,
        trials=tuple(running.sweep.trials()),
        running=tuple(place.trial for place in running.running.values()),
        found=found,
        problem=running.problem,
    )


def frame(view: View, columns: int, rows: int) -> list[Line]:
    """Return the lines that fill a terminal of that size, or fewer."""
    inner = columns - 2
    top = [*_head(view, inner), [], *_best(view, inner), []]
    most = max((rows - len(top) - 4) // 3, 1)
    bottom = [[], *_running(view, inner, most), *_failure(view, inner)]
    bottom.append([(view.problem or _HELP, "warm" if view.problem else "label")])
    height = rows - len(top) - len(bottom) - 2
    middle = _scatter(view, inner, height) if height >= 3 else []
    lines = [*top, *middle, *bottom][:rows]
    return [clip([(" ", "plain"), *line], columns - 1) if line else [] for line in lines]


def _head(view: View, inner: int) -> list[Line]:
    about: Line = [(view.env.rpartition("/")[2], "accent"), (f"  {view.metric.name}, {view.search} search", "label")]
    trials = [trial for trial in view.trials if trial.purpose != CONFIRM]
    over = sum(trial.status != RUNNING for trial in trials)
    share, left = 0.0, math.nan
    if view.max_runs and over:
        share, left = over / view.max_runs, view.spent / over * max(view.max_runs - over, 0)
    if view.max_seconds:
        share = max(share, view.spent / view.max_seconds)
        soonest = max(view.max_seconds - view.spent, 0.0)
        left = min(left, soonest) if left == left else soonest
    of_all = f" of {view.max_runs}" if view.max_runs else ""
    confirming = [trial for trial in view.trials if trial.purpose == CONFIRM]
    tail = f"  {min(share, 1.0):4.0%}  {over}{of_all} trials, {clock(view.spent)}"
    tail += f", {clock(left)} left" if left == left and share < 1 else ""
    if confirming:
        ready = sum(trial.status != RUNNING for trial in confirming)
        tail = f"  confirming {ready} of {len(confirming)}"
        share = ready / len(confirming)
    width = max(inner - len(tail), 1)
    done = round(min(share, 1.0) * width)
    return [
        ends(about, [(view.name, "label")], inner),
        [("━" * done, "accent"), ("─" * (width - done), "label"), (tail, "value")],
    ]


def _best(view: View, inner: int) -> list[Line]:
    found, metric = view.found, view.metric
    searched = [trial for trial in view.trials if trial.purpose != CONFIRM]
    best = report.best(searched)
    counts = {status: sum(trial.status == status for trial in searched) for status in (DONE, STOPPED, FAILED)}
    told: Line = [(f"{n} {status}  ", "warm" if status == FAILED and n else "label") for status, n in counts.items()]
    single: Line = [("best so far".ljust(_LABEL), "label"), (metric.words(best.score) if best else "-", "value")]
    single += [(f"  trial {best.number}", "label")] if best else []
    lines = [ends(single, told, inner)]
    recommended = found.recommended
    if recommended is None:
        return [*lines, [("recommended".ljust(_LABEL), "label"), ("-", "value")]]
    text = report.verdict(found).removeprefix(f"{metric.name} ")
    lines.append([("recommended".ljust(_LABEL), "label"), (text, "good")])
    words, row = describe(recommended.point).split(" "), ""
    for word in [*words, ""]:
        if row and (not word or len(row) + 2 + len(word) > inner - _LABEL):
            lines.append([(" " * _LABEL, "plain"), (row, "plain")])
            row = ""
        row = f"{row}  {word}" if row else word
    return lines


def _running(view: View, inner: int, most: int) -> list[Line]:
    trials, others = view.running, sum(trial.status == RUNNING for trial in view.trials) - len(view.running)
    more = f", {others} elsewhere or waiting" if others > 0 else ""
    lines: list[Line] = [[("Running", "head"), (f"  {len(trials)} of {view.places}{more}", "label")]]
    for trial in sorted(trials, key=lambda trial: trial.number)[:most]:
        seconds = max(time.time() - trial.started, 0.0)
        curve = sparkline([score for _, _, score in trial.curve][-10:], 10)
        score = view.metric.words(trial.score).rjust(9)
        line: Line = [(f"{trial.number:>5} {trial.purpose:<8}", "plain"), (f"{seconds:6.1f} s ", "plain")]
        line += [(score, "value"), (f"  {curve}  ", "curve")]
        lines.append([*line, (fit(describe(trial.point), max(inner - 44, 1)), "label")])
    return lines


def _failure(view: View, inner: int) -> list[Line]:
    failed = [trial for trial in view.trials if trial.status == FAILED]
    if not failed:
        return []
    last = max(failed, key=lambda trial: trial.ended)
    return [[("last failure".ljust(_LABEL), "label"), (fit(f"{last.number} {last.reason}", inner - _LABEL), "warm")]]


def _scatter(view: View, inner: int, height: int) -> list[Line]:
    """Return scores by cost, logarithmic, or those that are costs by number, in `height` and two lines."""
    numbered = view.metric.to_solved
    points = [
        (float(trial.number) if numbered else math.log10(max(trial.cost, 1e-3)), trial.score)
        for trial in view.trials
        if trial.score is not None and trial.status not in (RUNNING, FAILED) and trial.purpose != CONFIRM
    ]
    axis, marked = (" over trials, ", "● best so far") if numbered else (" over seconds, ", "● best for its cost")
    title: Line = [(view.metric.name, "head"), (axis, "label"), (marked, "good")]
    if len(points) < 2:
        return [title]
    low, high = _bounds([score for _, score in points])
    first, last = min(cost for cost, _ in points), max(cost for cost, _ in points)
    width = inner - _AXIS - 1
    cells: dict[tuple[int, int], str] = {}
    front = -math.inf
    for cost, score in sorted(points, key=lambda point: (point[0], -point[1])):
        column = round((cost - first) / ((last - first) or 1.0) * (width - 1))
        row = round((high - min(max(score, low), high)) / ((high - low) or 1.0) * (height - 1))
        if score > front:
            front = score
            cells[row, column] = "●"
        else:
            cells.setdefault((row, column), "·")
    lines = [title]
    for row in range(height):
        at = {0: high, height - 1: low}.get(row)
        label = number(view.metric.shown(at)) if at is not None else ""
        line: Line = [(label.rjust(_AXIS) + " ", "label")]
        for column in range(width):
            cell = cells.get((row, column), " ")
            line.append((cell, {"●": "good", "·": "accent"}.get(cell, "plain")))
        lines.append(line)
    left, right = (f"{end:.0f}" if numbered else f"{10**end:.3g} s" for end in (first, last))
    gap = " " * max(width - len(left) - len(right), 1)
    return [*lines, [(" " * (_AXIS + 1) + left + gap + right, "label")]]


def _bounds(scores: Sequence[float]) -> tuple[float, float]:
    """Return the bounds of the axis: a few trials far below all others are drawn at its end."""
    ordered = sorted(scores)
    return ordered[len(ordered) // 10], ordered[-1]
