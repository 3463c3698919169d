# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""How often something is done a second, as every benchmark measures it.

First the number of calls is doubled until they take a quarter of the time that a measurement should; that warms up, and
says how many calls make a whole measurement. All measurements of one thing then make the same number of calls.

It needs nothing of shoal nor any package, so that a program in another virtual environment can run this file
(envpool_peer.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

Timed = Callable[[int], float]  # does something so many times, and returns the seconds that it took


def clock(run: Callable[[int], object]) -> Timed:
    """Return what times `run`, which does something so many times."""

    def timed(count: int) -> float:
        before = time.perf_counter()
        run(count)
        return time.perf_counter() - before

    return timed


def clock_calls(call: Callable[[], object]) -> Timed:
    """Return what times so many calls."""

    def run(count: int) -> None:
        for _ in range(count):
            call()

    return clock(run)


def enough(timed: Timed, seconds: float) -> int:
    """Return how many times take about so many seconds, at least 1."""
    count, elapsed = 1, 0.0
    while elapsed < seconds / 4:
        count *= 2
        elapsed = timed(count)
    return max(round(count * seconds / elapsed), 1)


def rates(timed: Timed, seconds: float, repeats: int) -> list[float]:
    """Return how many times a second, of several measurements of about so many seconds each."""
    return in_turns({"": timed}, seconds, repeats)[""]


def in_turns(timed: Mapping[str, Timed], seconds: float, repeats: int) -> dict[str, list[float]]:
    """Return the `rates` of several things that take turns, so that what disturbs the machine disturbs all alike."""
    counts = {name: enough(one, seconds) for name, one in timed.items()}
    found: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(repeats):
        for name, one in timed.items():
            found[name].append(counts[name] / one(counts[name]))
    return found
