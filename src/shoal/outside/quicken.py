# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Make an environment's own checks as fast as they can be, without a change in what they say."""

from __future__ import annotations

from typing import Any


def quicken(env: Any) -> None:
    """Let the Discrete action space of a Gymnasium environment answer `contains` for an int at once.

    Many environments assert it in every step, and Gymnasium's own answer makes a NumPy scalar first: of CartPole's
    step that is a fifth.
    """
    space: Any = getattr(env, "action_space", None)
    if type(space).__name__ != "Discrete" or not hasattr(space, "n") or "contains" in vars(space):
        return
    slow, first, last = space.contains, int(space.start), int(space.start) + int(space.n) - 1

    def contains(x: Any) -> bool:
        return first <= x <= last if type(x) is int else slow(x)

    space.contains = contains
