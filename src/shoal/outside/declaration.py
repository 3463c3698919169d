# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What a Python environment declares about itself, in the terms that environments in C use, and how rows are laid out.

An observation row is one packed block of named fields, each aligned to its type, the whole rounded up to four bytes;
a mask row has one byte for every choice of every masked head (docs/concepts/contract.md).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from shoal import native
from shoal.errors import EnvError
from shoal.tables import Dim, Field, Head, Metric

if TYPE_CHECKING:
    from shoal.outside.slot import Slot

MAX_FIELDS, MAX_HEADS, MAX_DIMS, MAX_AGENTS = 32, 16, 32, 1024  # native/include/shoal/env.h
ROW_ALIGNMENT = 4  # bytes

NO_LIMIT = 10_000  # steps, where an environment states no limit of its own
PERF = Metric("perf", "the return, from 0 at the lowest to 1 at the highest that the settings declare; else 0")
SCORE = Metric("score", "the return: the sum of rewards, undiscounted")


def ended_bits(terminated: object, truncated: object) -> int:
    """Return the bits of `slot.ended`."""
    return (native.TERMINATED if terminated else 0) | (native.TRUNCATED if truncated else 0)


@dataclass(frozen=True)
class Declaration:
    """What an environment is: rows, actions, agents, metrics.

    Attributes:
        agents: capacity; `agent_names` has as many.
        max_steps: the time limit, which truncates; the engine keeps it.
        row_bytes: of an agent's observation, a multiple of four.
        mask_bytes: of an agent's mask: the sizes of the masked heads, added.
        notes: sentences that a user should read once, such as what was left out.
    """

    name: str
    fields: tuple[Field, ...]
    heads: tuple[Head, ...]
    dims: tuple[Dim, ...]
    agents: int
    agent_names: tuple[str, ...]
    metrics: tuple[Metric, ...]
    max_steps: int
    row_bytes: int
    mask_bytes: int
    notes: tuple[str, ...] = ()


class Adapter(Protocol):
    """One Python environment at work in a slot. It never resets by itself, and does not keep the time limit."""

    declaration: Declaration
    step: Callable[[], None]
    """Read slot.discrete and slot.continuous; write rewards, ended, over, rows, masks, live, metrics."""

    def bind(self, slot: Slot) -> None:
        """Take the arrays that `reset` and `step` read and write from now on."""

    def reset(self, seed: int) -> None:
        """Start an episode; write slot.rows, slot.masks, slot.live and zero slot.metrics."""

    def render(self) -> np.ndarray[Any, np.dtype[np.uint8]] | None:
        """Return a picture, uint8 (height, width, 3), or None."""

    def close(self) -> None:
        """Release what the environment holds."""


def declare(
    name: str,
    *,
    fields: Iterable[Field],
    heads: Iterable[Head],
    dims: Iterable[Dim],
    agent_names: Iterable[str] = ("agent",),
    metrics: Iterable[Metric] = (PERF, SCORE),
    max_steps: int = NO_LIMIT,
    notes: Iterable[str] = (),
) -> Declaration:
    """Return the declaration of an environment, with the offsets of its fields and the sizes of its rows worked out.

    Raises:
        EnvError: if it has more fields, heads, dimensions or agents than an environment may have, or none.
    """
    fields, heads, dims, agent_names = tuple(fields), tuple(heads), tuple(dims), tuple(agent_names)
    counts = (
        (
            len(fields),
            1,
            MAX_FIELDS,
            "observation fields",
            "join them in a wrapper: one Box holds any number of values",
        ),
        (len(heads), 0, MAX_HEADS, "discrete actions", "join several choices into one Discrete in a wrapper"),
        (len(dims), 0, MAX_DIMS, "continuous actions", ""),
        (len(agent_names), 1, MAX_AGENTS, "agents", ""),
    )
    for count, low, high, what, hint in counts:
        if not low <= count <= high:
            raise EnvError(f"`{name}` has {count} {what}; expected {low} to {high}", hint if count else "")
    if not heads and not dims:
        raise EnvError(f"`{name}` has no actions; expected at least one")
    placed, used = [], 0
    for field in fields:
        alignment = field.bytes // field.size
        offset = -(-used // alignment) * alignment
        placed.append(dataclasses.replace(field, offset=offset))
        used = offset + field.bytes
    return Declaration(
        name=name,
        fields=tuple(placed),
        heads=heads,
        dims=dims,
        agents=len(agent_names),
        agent_names=agent_names,
        metrics=tuple(metrics),
        max_steps=max_steps,
        row_bytes=-(-used // ROW_ALIGNMENT) * ROW_ALIGNMENT,
        mask_bytes=sum(head.size for head in heads if head.masked),
        notes=tuple(notes),
    )


def perf_of(returns: tuple[float, float] | None) -> Callable[[float], float]:
    """Return how the metric `perf` follows from a return, given the returns that count as 0 and 1; None: always 0."""
    if returns is None:
        return lambda score: 0.0
    low, high = returns

    def perf(score: float) -> float:
        return min(max((score - low) / (high - low), 0.0), 1.0)

    return perf
