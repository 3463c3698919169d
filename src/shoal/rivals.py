# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Who can play a team: a trained policy, the environment's scripted player of some level, or legal actions at random.

In words: `scripted`, `scripted:4`, `random`, a checkpoint file, a run, or an environment's name, which stands for its
newest run or the agent that comes with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal import agents, checkpoint, folder, native, registry
from shoal.errors import CheckpointError, ConfigError
from shoal.policy import Policy, restore

SCRIPTED, RANDOM = "scripted", "random"


@dataclass(frozen=True, eq=False)
class Rival:
    """A player.

    Attributes:
        name: as it is told.
        kind: sampled, greedy, random or scripted.
        level: of the scripted player.
        policy: of a sampled or greedy one.
    """

    name: str
    kind: str
    level: float = 1.0
    policy: Policy | None = None

    @property
    def entry(self) -> native.Player:
        """What C knows of it; the policy must outlive its use."""
        handle = self.policy.handle if self.policy else None
        return native.Player(native.PLAYERS.index(self.kind), self.level, handle)


def table(*rivals: Rival | native.Player) -> Any:
    """Return the native table of these players, numbered from 0."""
    entries = [rival.entry if isinstance(rival, Rival) else rival for rival in rivals]
    return (native.Player * len(entries))(*entries)


def is_simple(text: str) -> bool:
    """Return whether a text names a player without a network."""
    return text == RANDOM or text.partition(":")[0] == SCRIPTED


def find(text: str, spec: registry.Spec, *, runs_dir: Path = Path("runs"), greedy: bool = False) -> Rival:
    """Return the player that a text names, for an environment.

    Raises:
        ConfigError: for a bad level, or where nothing is scripted.
        CheckpointError: if there is no such checkpoint, or it is for something else.
    """
    text = text.strip()
    if is_simple(text):
        return _simple(text, spec)
    return of_checkpoint(_load(text, spec, runs_dir), spec, text, greedy=greedy)


def of_checkpoint(found: checkpoint.Checkpoint, spec: registry.Spec, name: str, *, greedy: bool = False) -> Rival:
    """Return the player that a checkpoint holds.

    Raises:
        CheckpointError: if it sees or does other things than the environment asks for.
    """
    policy = restore(found)
    if not isinstance(policy, Policy):
        raise CheckpointError(f"only networks that the native backend knows can play here: {found.path}")
    if _signature(policy.spec) != _signature(spec):
        raise CheckpointError(
            f"the checkpoint sees or does other things than `{spec.env.name}` with these parameters: {found.path}",
            "it was trained with other ones: they are in the config.toml beside it",
        )
    return Rival(name, "greedy" if greedy else "sampled", policy=policy)


def find_all(text: str, spec: registry.Spec) -> list[Rival]:
    """Return the players of a list with commas; empty text holds none."""
    return [find(part, spec) for part in text.split(",") if part.strip()]


def _load(text: str, spec: registry.Spec, runs_dir: Path) -> checkpoint.Checkpoint:
    known = text in registry.names() or folder.is_environment(text)
    if known and registry.get(text) is not spec.env:
        raise ConfigError(f"`{text}` is another environment; got players of `{spec.env.name}`")
    words = [text] if known or not spec.env.source else [spec.env.reference, text]
    found = agents.find(words, runs_dir)
    if found.config.env != spec.env.name:
        raise CheckpointError(f"the checkpoint is for `{found.config.env}`; got `{spec.env.name}`: {found.path}")
    return found


def _simple(text: str, spec: registry.Spec) -> Rival:
    kind, colon, level = text.partition(":")
    if kind == RANDOM:
        return Rival(RANDOM, RANDOM)
    if not spec.env.scripted:
        raise ConfigError(f"`{spec.env.name}` has no scripted player; got `{text}`")
    try:
        strength = float(level) if colon else 1.0
    except ValueError:
        strength = -1.0
    if not 0 <= strength < float("inf"):
        raise ConfigError(f"`{text}` names no level; expected such as scripted:1")
    return Rival(text, SCRIPTED, strength)


def _signature(spec: registry.Spec) -> tuple[Sequence[object], ...]:
    return spec.fields, spec.heads, spec.dims
