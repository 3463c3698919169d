# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Where the time of training goes, in words: names for the learner's stages (native.STAGES), and groups of them."""

from __future__ import annotations

from collections.abc import Mapping

# Every stage is in one group; the order is that of an iteration.
GROUPS: dict[str, tuple[str, ...]] = {
    "environment": ("simulate",),
    "acting": ("act", "sample"),
    "bookkeeping": ("gather", "advantage", "statistics"),
    "update forward": ("forward", "loss"),
    "update backward": ("backward",),
    "optimizer": ("optimize",),
    "waiting": ("wait",),
}

LABELS = {
    "simulate": "environment",
    "act": "acting: network",
    "sample": "acting: actions",
    "gather": "records",
    "advantage": "advantages",
    "forward": "update: forward",
    "loss": "update: loss",
    "backward": "update: backward",
    "optimize": "update: optimizer",
    "statistics": "normalisers",
    "wait": "waiting",
}

_UPDATE = ("update forward", "update backward", "optimizer")
_PARTS = {"update forward": "its forward pass", "update backward": "its backward pass", "optimizer": "the optimizer"}
_WORDS = {
    "environment": "the environment's steps",
    "acting": "the policy's forward pass while acting",
    "bookkeeping": "bookkeeping between steps and updates",
    "update": "the update",
    "waiting": "threads that wait for one another, or for Python",
}


def shares(seconds: Mapping[str, float]) -> dict[str, float]:
    """Return the share of each stage in [0, 1], given thread-seconds; all 0 if nothing was measured."""
    total = sum(seconds.values())
    return {stage: seconds[stage] / total if total > 0 else 0.0 for stage in LABELS}


def grouped(stages: Mapping[str, float]) -> dict[str, float]:
    """Return the sums over the stages of each group."""
    return {group: sum(stages[stage] for stage in members) for group, members in GROUPS.items()}


def largest(stages: Mapping[str, float]) -> tuple[str, float]:
    """Return the part that takes most, with its share: environment, acting, bookkeeping, update or waiting."""
    groups = grouped(shares(stages))
    parts = {name: share for name, share in groups.items() if name not in _UPDATE}
    parts["update"] = sum(groups[name] for name in _UPDATE)
    return max(parts.items(), key=lambda part: part[1])


def members(part: str) -> tuple[str, ...]:
    """Return the stages of a part that `largest` names."""
    return sum((GROUPS[name] for name in _UPDATE), ()) if part == "update" else GROUPS[part]


def bottleneck(stages: Mapping[str, float]) -> str:
    """Return what training spends most of its time on, such as "the update, 71 % of the time, ..."."""
    part, share = largest(stages)
    if not share:
        return "nothing was measured yet"
    text = f"{_WORDS[part]}, {share:.0%} of the time".replace("%", " %")
    if part == "update":
        groups = grouped(shares(stages))
        inner = max(_UPDATE, key=lambda name: groups[name])
        text += f", above all {_PARTS[inner]}"
    return text
