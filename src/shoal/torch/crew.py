# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Threads that share a batch by rows, each doing all of the work on the part it takes.

Torch's own threads share one operation at a time and meet after each: of the small ones that a step of a recurrence
is made of, the second thread gains little. Here each part goes through the whole network, forward and back, on one
thread; what a batch is cut into depends on its shape alone, so results do not depend on the number of threads.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

import torch

Part = TypeVar("Part")
Result = TypeVar("Result")


class Crew:
    """The thread that calls and `threads` - 1 helpers, in each of which torch itself uses one."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._helpers: ThreadPoolExecutor | None = None

    def map(self, work: Callable[[Part, bool], Result], parts: Sequence[Part]) -> list[Result]:
        """Return `work(part, leads)` of every part, in order; `leads` says that the calling thread does it.

        Gradients and inference modes are those of a fresh thread: `work` sets its own.
        """
        found: list[Result | None] = [None] * len(parts)
        left = deque(range(len(parts)))

        def take(leads: bool) -> None:
            while True:
                try:
                    i = left.popleft()
                except IndexError:
                    return
                found[i] = work(parts[i], leads)

        helping = max(min(self.threads, len(parts)) - 1, 0)
        if helping and self._helpers is None:
            self._helpers = ThreadPoolExecutor(self.threads - 1, "shoal-torch", torch.set_num_threads, (1,))
        others = [self._helpers.submit(take, False) for _ in range(helping)] if self._helpers else []
        try:
            take(True)
        finally:
            wait(others)  # they write to what the caller owns
        for other in others:
            other.result()  # raises what it raised
        return found  # type: ignore[return-value]


def cut(count: int, size: int) -> list[slice]:
    """Return slices of near-equal length, about `size`, that cover `count` rows; at least one."""
    parts = max(math.ceil(count / size), 1)
    ends = [count * i // parts for i in range(parts + 1)]
    return [slice(ends[i], ends[i + 1]) for i in range(parts)]
