# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Whether a running trial is so far behind that it will not become one of the good ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from shoal.sweep.search import has_score
from shoal.sweep.trial import DONE, Trial

Curve = Sequence[tuple[float, int, float]]  # (seconds, steps, score) in order

GOOD = 0.25  # the share of finished trials that counts as good
LEAST = 4  # good ones that were still running at that moment, without which nothing is stopped
DEVIATIONS = 1.0  # of the good ones' scores below their mean
GAIN = 0.9  # the quantile of what finished trials gained from that moment on which a trial is granted
EVALUATIONS = 2  # in a row that must say so


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


def _at(curve: Curve, place: int, moment: float) -> float | None:
    """Return the score at a moment, None if the curve does not cover it."""
    moments = [point[place] for point in curve]
    return float(np.interp(moment, moments, [p[2] for p in curve])) if moments[0] <= moment <= moments[-1] else None
