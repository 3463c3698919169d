# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What a person's keys do: a table from keys to actions, in the environment's TOML or derived from its action names.

    [keys]
    left = "move=left direction=-1"     # a head and its action, or a continuous dimension and its value
    rest = "push=left|right"            # without a key: these in turn

Words for actions that the present parameters do not have are passed over, so one table serves all of them. Without a
table, actions called left, right, up, down get the arrows, other heads a row of keys each, dimensions a pair of keys.
A single letter may be used that is no command of the viewer; w, a, s, d stand for the arrows where they are free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal import registry, tables
from shoal.errors import ConfigError, nearest

NAMES = ("left", "right", "up", "down", "space", "enter", "tab")  # of keys that are no single character
REST = "rest"

_WASD = {"a": "left", "d": "right", "w": "up", "s": "down"}
_ROWS = ("1234567890", "zxvbnm", "fgjkl")  # for heads whose actions have no telling names
_PAIRS = (("left", "right"), ("down", "up"), ("j", "l"), ("k", "i"))  # for dimensions


@dataclass(frozen=True)
class Effect:
    """A key sets head `index` to one of `actions` (in turn), or pushes dimension `index` to `value`."""

    index: int
    actions: tuple[int, ...] = ()
    value: float = 0.0


@dataclass(frozen=True)
class Keys:
    """The keys of one environment under its present parameters."""

    spec: registry.Spec
    effects: dict[str, tuple[Effect, ...]]  # by key, and by REST

    def known(self, key: str) -> str:
        """Return the key of the table that `key` stands for; empty if it has none."""
        if key in self.effects and key != REST:
            return key
        arrow = _WASD.get(key, "")
        return arrow if arrow in self.effects else ""

    def choose(self, held: Sequence[str], tick: int = 0) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the action of one agent, int32 (heads,) and float32 (dims,), while keys are held, the last one last.

        What no key names keeps its resting value: the table's, else action 0, and 0 within a dimension's bounds.
        """
        spec = self.spec
        discrete = np.zeros(len(spec.heads), np.int32)
        pushes = np.zeros(len(spec.dims))
        for key in (REST, *held):
            for effect in self.effects.get(self.known(key) if key != REST else REST, ()):
                if effect.actions:
                    discrete[effect.index] = effect.actions[tick % len(effect.actions)]
                else:
                    pushes[effect.index] += effect.value
        bounds = [(dim.low, dim.high) for dim in spec.dims]
        values = [min(max(push, low), high) for push, (low, high) in zip(pushes, bounds, strict=True)]
        return discrete, np.array(values, np.float32)

    def lines(self) -> list[str]:
        """Return `left: move left`, a line a key."""
        return [f"{key}: {self._about(effects)}" for key, effects in self.effects.items() if key != REST]

    def _about(self, effects: Sequence[Effect]) -> str:
        words = []
        for effect in effects:
            if effect.actions:
                head = self.spec.heads[effect.index]
                words.append(f"{head.name} {_label(head, effect.actions[0])}")
            else:
                words.append(f"{self.spec.dims[effect.index].name} {effect.value:+g}")
        return ", ".join(words)


def of(spec: registry.Spec, table: Mapping[str, object], source: str = "") -> Keys:
    """Return the keys that a `[keys]` table names; those derived from the actions' names if it is empty.

    Raises:
        ConfigError: for a key that does not exist, or a word that no action understands.
    """
    if not table:
        return Keys(spec, _derived(spec))
    effects: dict[str, tuple[Effect, ...]] = {}
    for key, words in table.items():
        where = f"(at keys.{key}{f' in {source}' if source else ''})"
        if not (key in NAMES or key == REST or len(key) == 1):
            problem = f"no key is called `{key}`; expected a character, {REST} or one of {', '.join(NAMES)} {where}"
            raise ConfigError(problem, nearest(key, (*NAMES, REST)))
        if not isinstance(words, str):
            raise ConfigError(f"wrong type: {key}={words!r}; expected text such as `move=left` {where}")
        found = tuple(effect for word in words.split() for effect in _read(spec, word, where))
        if found:
            effects[key] = found
    return Keys(spec, effects)


def _read(spec: registry.Spec, word: str, where: str) -> list[Effect]:
    name, equals, value = word.partition("=")
    if not equals:
        raise ConfigError(f"`{word}`: expected an action and its value, such as `move=left` {where}")
    for index, head in enumerate(spec.heads):
        if head.name == name:
            labels = [_label(head, i) for i in range(head.size)]
            for label in value.split("|"):
                if label not in labels:
                    raise ConfigError(f"`{name}` has no action `{label}` {where}", nearest(label, labels))
            return [Effect(index, tuple(labels.index(label) for label in value.split("|")))]
    for index, dim in enumerate(spec.dims):
        if dim.name == name:
            try:
                return [Effect(index, value=float(value))]
            except ValueError:
                raise ConfigError(f"`{word}`: expected a number for `{name}` {where}") from None
    return []


def _derived(spec: registry.Spec) -> dict[str, tuple[Effect, ...]]:
    effects: dict[str, tuple[Effect, ...]] = {}
    rows = iter(_ROWS)
    for index, head in enumerate(spec.heads):
        named = {label: action for action, label in enumerate(head.labels) if label in NAMES and label not in effects}
        for key, action in (named or dict(zip(next(rows, ""), range(head.size), strict=False))).items():
            effects[key] = (Effect(index, (action,)),)
    pairs = iter([pair for pair in _PAIRS if pair[0] not in effects])
    for index, dim in enumerate(spec.dims):
        for key, value in zip(next(pairs, ()), (dim.low, dim.high), strict=False):
            effects[key] = (Effect(index, value=value),)
    return effects


def _label(head: tables.Head, action: int) -> str:
    return head.labels[action] if action < len(head.labels) else str(action)
