# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Who plays while one watches: a trained policy, the scripted baseline, or chance.

A player is asked once a tick for the actions of all rows of a Vec; the viewer puts a person's in their place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.errors import ConfigError
from shoal.policy import Policy
from shoal.registry import Environment
from shoal.vector import Vec

if TYPE_CHECKING:
    from shoal.torch.policy import TorchPolicy


@dataclass(frozen=True)
class Choice:
    """Actions for all N rows, and what a policy thought: int32 (N, heads), float32 (N, dims), (N, outputs), (N,)."""

    discrete: NDArray[np.int32]
    continuous: NDArray[np.float32]
    logits: NDArray[np.float32] | None = None
    values: NDArray[np.float32] | None = None


class Player(Protocol):
    """Chooses actions."""

    name: str

    def choose(self, vec: Vec) -> Choice:
        """Return what to do in the present states; called once for every tick."""


class PolicyPlayer:
    """A policy that samples its actions as in training, or takes the most probable ones."""

    def __init__(self, policy: Policy | TorchPolicy, *, greedy: bool = False, seed: int = 0) -> None:
        self.policy = policy
        self.name = "greedy" if greedy else "sampled"
        self._greedy = greedy
        self._state: NDArray[np.float32] | None = None
        policy.seed, policy.clock = seed, 0

    def choose(self, vec: Vec) -> Choice:
        """Return the policy's actions with its logits and values."""
        n = vec.num_rows
        logits, values = np.zeros((n, self.policy.outputs), np.float32), np.zeros(n, np.float32)
        masks, starts = vec.mask_rows, vec.starts
        discrete, continuous, self._state = self.policy.act(
            vec.rows, self._state, mask=masks, starts=starts, greedy=self._greedy, logits=logits, values=values
        )
        return Choice(discrete, continuous, logits, values)


class ScriptedPlayer:
    """The environment's own baseline, of strength `level` in 0 .. 1."""

    name = "scripted"

    def __init__(self, env: Environment, level: float = 1.0) -> None:
        if not env.scripted:
            raise ConfigError(f"`{env.name}` has no scripted player", "watch a random one, or a trained agent")
        self._level = level

    def choose(self, vec: Vec) -> Choice:
        """Return its actions."""
        discrete, continuous = vec.scripted(self._level)
        return Choice(discrete.copy(), continuous.copy())


class RandomPlayer:
    """Legal actions, uniformly."""

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)

    def choose(self, vec: Vec) -> Choice:
        """Return random actions."""
        spec, n = vec.spec, vec.num_rows
        discrete = np.zeros((n, len(spec.heads)), np.int32)
        for index, head in enumerate(spec.heads):
            ranks = self._random.random((n, head.size))
            if head.masked:
                ranks *= vec.masks[head.name] != 0
            discrete[:, index] = ranks.argmax(axis=1)
        low = np.array([dim.low for dim in spec.dims], np.float32)
        high = np.array([dim.high for dim in spec.dims], np.float32)
        share = self._random.random((n, len(spec.dims)), np.float32)
        return Choice(discrete, low + share * (high - low))
