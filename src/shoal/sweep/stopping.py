# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Whether a running trial is so far behind at equal steps that it will not become one of the good ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from shoal.sweep.trial import DONE, Trial

Curve = Sequence[tuple[float, int, float]]  # (seconds, steps, score) in order

GOOD = 0.25  # the share of finished trials that counts as good
LEAST = 5  # good trials without which nothing is stopped: about 20 finished ones
SURE = 0.99  # how sure it must be, were the good trials' scores normal
TWICE = 2  # evaluations in a row that must say so


def should_stop(curve: Curve, trials: Sequence[Trial], *, by: str = "steps") -> bool:
    """Return whether a running trial with this curve is not worth going on with.

    It is stopped if its last two evaluations both lie below those of every good trial at that moment, and below the 99 %
    prediction interval of theirs. A good trial is one of the best quarter of those that ran to their end. As late
    bloomers among the good ones widen both, a surface where they are common stops little.

    Args:
        curve: (seconds, steps, score) of its evaluations so far.
        trials: all trials of the sweep; those that are done and have a curve are compared with.
        by: "steps" compares at equal steps, "seconds" at equal cost.
    """
    place = 0 if by == "seconds" else 1
    done = [t for t in trials if t.status == DONE and t.score is not None and math.isfinite(t.score) and t.curve]
    done.sort(key=lambda t: -(t.score or 0.0))
    good = [t.curve for t in done[: math.ceil(GOOD * len(done))]]
    if len(good) < LEAST or len(curve) < TWICE:
        return False
    return all(_behind(point[2], _at(good, place, point[place])) for point in curve[-TWICE:])


def _at(curves: Sequence[Curve], place: int, moment: float) -> list[float]:
    """Return the scores of those curves that cover a moment, at that moment."""
    found = []
    for curve in curves:
        moments = [point[place] for point in curve]
        if moments[0] <= moment <= moments[-1]:
            found.append(float(np.interp(moment, moments, [point[2] for point in curve])))
    return found


def _behind(score: float, good: list[float]) -> bool:
    if len(good) < LEAST or not math.isfinite(score):
        return False
    number = len(good)
    spread = float(np.std(good, ddof=1)) * math.sqrt(1 + 1 / number)
    return score < min(min(good), float(np.mean(good)) - _quantile(number - 1) * spread)


def _quantile(freedom: int) -> float:
    """Return Student's quantile at SURE, by the expansion about the normal one (Abramowitz and Stegun, 26.7.5)."""
    z = 2.3263478740408408  # the normal quantile at SURE
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / freedom ** (i + 1) for i, term in enumerate(terms))
