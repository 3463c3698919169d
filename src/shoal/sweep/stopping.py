# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Whether a running trial is so far behind, or so late, that it will not become one of the good ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from shoal.sweep.metric import Metric
from shoal.sweep.trial import DONE, Trial, has_score

Curve = Sequence[tuple[float, int, float]]  # (seconds, steps, score) in order

GOOD = 0.25  # the share of finished trials that counts as good
LEAST = 4  # good ones that were still running at that moment, without which nothing is stopped
DEVIATIONS = 1.0  # of the good ones' scores below their mean
GAIN = 0.9  # the quantile of what finished trials gained from that moment on which a trial is granted
EVALUATIONS = 2  # in a row that must say so
LATE = 2.0  # deviations of the good ones' times to solved beyond the slowest of them
FEW = 2.0  # times the slowest of them, while they are fewer than that


def should_stop(curve: Curve, trials: Sequence[Trial], *, by: str = "steps") -> bool:
    """Return whether a running trial with this curve is not worth going on with.

    It is stopped if two things hold at both of its last evaluations. It is behind: below every one of the good trials
    (the best quarter of those that ran to their end) at that moment, and a deviation below their mean. And it cannot
    catch up: if it gained as much from here on as all but a tenth of the finished trials did, it would still not be a
    good one. Where late bloomers are common, the good ones spread widely, gains are large, and little is stopped.

    Args:
        curve: (seconds, steps, score) of its evaluations so far.
        trials: all trials of the sweep; those that are done and have a curve are compared with.
        by: "steps" compares at equal steps, "seconds" at equal cost.
    """
    place = 0 if by == "seconds" else 1
    done = [trial for trial in trials if trial.status == DONE and trial.curve and has_score(trial)]
    done.sort(key=lambda trial: -(trial.score or 0.0))
    number = math.ceil(GOOD * len(done))
    if number < LEAST or len(curve) < EVALUATIONS:
        return False
    bar = done[number - 1].score or 0.0
    for point in curve[-EVALUATIONS:]:
        moment, score = point[place], point[2]
        then = [_at(trial.curve, place, moment) for trial in done]
        good = [value for value in then[:number] if value is not None]
        if len(good) < LEAST or not score < min(
            min(good), float(np.mean(good)) - DEVIATIONS * float(np.std(good, ddof=1))
        ):
            return False
        gains = [(trial.score or 0.0) - value for trial, value in zip(done, then, strict=True) if value is not None]
        if score + max(float(np.quantile(gains, GAIN)), 0.0) >= bar:
            return False
    return True


def is_late(trial: Trial, trials: Sequence[Trial], metric: Metric) -> bool:
    """Return whether a running trial, not solved, has taken longer than the good ones took until they were.

    Good ones are the best quarter of those that solved their task, at least four. It is late beyond the slowest of
    them, and two of their deviations: a setting as good as the best may be unlucky once, and another seed of it is
    likely to be tried. While fewer than four have solved it, it is late after twice the slowest of these: to wait for
    what cannot be the best is what most of a short sweep would go into (adaptive capping: Hutter et al., 2009). Of
    metrics that are not to solved nothing is ever late.
    """
    if not metric.to_solved:
        return False
    times = sorted(-(t.score or 0.0) for t in trials if t.status == DONE and has_score(t))
    times = [time for time in times if time <= metric.limit]  # the others count as worse than any solution
    if not times:
        return False
    good = times[: max(math.ceil(GOOD * len(times)), LEAST)]
    most = FEW * good[-1] if len(good) < LEAST else good[-1] + LATE * float(np.std(good, ddof=1))
    return metric.taken(trial.cost, trial.steps) > most


def _at(curve: Curve, place: int, moment: float) -> float | None:
    """Return the score at a moment, None if the curve does not cover it."""
    moments = [point[place] for point in curve]
    return float(np.interp(moment, moments, [p[2] for p in curve])) if moments[0] <= moment <= moments[-1] else None
