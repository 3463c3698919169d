# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Ratings of players who met each other: Elo numbers by maximum likelihood, with their uncertainty.

The model is Bradley and Terry's (1952): of strengths s, i scores against j with probability 1 / (1 + exp(s_j - s_i)),
where a draw is half a win. 400 Elo are a factor of ten in the odds. Only differences mean something; the mean is 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.confidence import Z95

Numbers = NDArray[np.float64]

ELO = 400.0 / math.log(10.0)  # of one unit of s
PRIOR = 0.02  # information on each strength, about 0: keeps whoever won or lost every game within reason


@dataclass(frozen=True)
class Ratings:
    """Elo numbers, and half the widths of their 95 % intervals, both (players,)."""

    elo: Numbers
    interval: Numbers


def rate(points: Numbers) -> Ratings:
    """Return the ratings of players.

    Args:
        points: (players, players): what i scored against j; points[i, j] + points[j, i] games were played.

    The intervals come from the curvature of the likelihood at its maximum. Draws make them wider than they need be.
    """
    games = points + points.T
    won = points.sum(axis=1)
    strength = np.zeros(len(points))
    for _ in range(100):  # Newton's method, on a concave function
        expected = 1.0 / (1.0 + np.exp(strength[None, :] - strength[:, None]))
        gradient = won - (games * expected).sum(axis=1) - PRIOR * strength
        curvature = games * expected * (1.0 - expected)
        information = np.diag(curvature.sum(axis=1) + PRIOR) - curvature
        step = np.linalg.solve(information, gradient)
        strength += step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-10:
            break
    count = len(points)
    centre = np.eye(count) - 1.0 / count  # what is known of the differences to the mean
    variance = np.diag(centre @ np.linalg.inv(information) @ centre)
    strength -= strength.mean()
    return Ratings(ELO * strength, Z95 * ELO * np.sqrt(np.maximum(variance, 0.0)))


def elo_of(score: float) -> float:
    """Return the Elo difference that a share of the points corresponds to; infinite for all or none of them."""
    if not 0.0 < score < 1.0:
        return math.inf if score > 0.5 else -math.inf
    return ELO * math.log(score / (1.0 - score))
