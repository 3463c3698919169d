# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Self-play against a pool of earlier policies, where several teams play.

In a share of the games the learner plays one team, in every game of a copy another one, and the pool the rest; in all
others the learner plays every team. An opponent stays until its game is over, and what it does is not learnt from.
Whatever happens here depends on counts of steps and on the seed alone. The pool's state is in arrays and policies that
are part of a resume image.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shoal import checkpoint, native, registry, rivals
from shoal.config import Config
from shoal.policy import Policy
from shoal.rivals import Rival
from shoal.vector import Vec

SPARE = 2  # slots beyond the pool's size: a policy that left the pool goes on with the games that it is in
NEIGHBOURS = 16  # copies that meet the same opponents, so that their moves are one matrix product
LEAST = 0.02  # weight, in drawing, of an opponent that always or never wins; 0.25 is that of an equal one

FREE, ACTIVE, LEAVING = range(3)  # state of a slot


class Selfplay:
    """The players of a run's environments, beside the learner, who is number 0.

    Attributes:
        table: of the native players: number 0 is not used, then those who are always there, then the pool's slots.
        outcome: the row of the metric that says who won.
    """

    def __init__(self, spec: registry.Spec, settings: Config, vec: Vec) -> None:
        """Make room for the pool, which is empty.

        Raises:
            ConfigError, CheckpointError: for players in `selfplay.against` who are not there or do not fit.
        """
        self._settings, self._seed, self._vec = settings.selfplay, settings.seed, vec
        self._fixed = rivals.find_all(settings.selfplay.against, spec)
        slots = settings.selfplay.pool + SPARE if settings.selfplay.pool else 0
        self._pool = [Policy(spec, settings) for _ in range(slots)]
        pool = [Rival(f"slot {slot}", "sampled", policy=policy) for slot, policy in enumerate(self._pool)]
        self.table = rivals.table(native.Player(), *self._fixed, *pool)
        self.outcome = [metric.name for metric in spec.env.metrics].index(outcome_of(spec.env))
        self._state = np.zeros(slots, np.int64)
        self._entered = np.zeros(slots, np.int64)  # steps at which the policy of a slot was the present one
        self._due = np.array([settings.selfplay.every or 1], np.int64)  # steps at which the next one enters
        self._scores = np.zeros((len(self.table), 2))  # games against each player, and the sum of their outcomes
        self._last = np.zeros(2)  # both, of the last rollout

    def tensors(self) -> checkpoint.Tensors:
        """Return all that a resume image must hold, as views; `pack` after writing to them."""
        arrays: checkpoint.Tensors = {
            "selfplay.state": self._state,
            "selfplay.entered": self._entered,
            "selfplay.due": self._due,
            "selfplay.scores": self._scores,
        }
        for slot, policy in enumerate(self._pool):
            arrays |= {f"selfplay.{slot}.{name}": array for name, array in policy.tensors().items()}
        return arrays

    def pack(self) -> None:
        """Take over what was written to the tensors."""
        for policy in self._pool:
            policy.pack()

    def prepare(self, steps: int, policy: Policy) -> None:
        """Let the present policy into the pool if it is time, and say who plays the games that begin from now on."""
        if self._pool:
            first = 1 + len(self._fixed)
            playing = np.isin(np.arange(len(self._pool)) + first, self._vec.players)
            self._state[(self._state == LEAVING) & ~playing] = FREE
            free = np.flatnonzero(self._state == FREE)
            if steps >= self._due[0] and len(free):
                self._enter(int(free[0]), steps, policy)
        self.assign(steps)

    def assign(self, steps: int) -> None:
        """Draw who plays the games that begin from now on."""
        vec, teams = self._vec, self._vec.spec.num_teams
        copies = np.arange(vec.num_envs)
        weights = self._weights()
        players = np.zeros((vec.num_envs, teams), np.int16)
        if weights.any():
            against = uniform(self._seed, steps, 0, copies) < (self._settings.share or 0.0)
            cumulative = np.cumsum(weights) / weights.sum()
            for team in range(teams):
                drawn = uniform(self._seed, steps, 1 + team, copies // NEIGHBOURS)
                players[:, team] = np.minimum(np.searchsorted(cumulative, drawn, side="right"), len(weights) - 1)
            own = (copies + steps // (vec.num_rows or 1)) % teams
            players[copies, own] = 0
            players[~against] = 0
        vec.assign(players)

    def count(self, scores: NDArray[np.float64]) -> None:
        """Take the scores of a rollout, (players, 2): lives that ended, and the sum of their outcomes."""
        self._scores += scores
        self._last = scores.sum(axis=0)

    def report(self) -> dict[str, float]:
        """Return what a log tells: the size of the pool, games of the last rollout against it, and their mean."""
        games, total = self._last
        return {
            "selfplay/pool": int((self._state == ACTIVE).sum()) + len(self._fixed),
            "selfplay/games": int(games),
            "selfplay/score": float(total / games) if games else float("nan"),
        }

    def _enter(self, slot: int, steps: int, policy: Policy) -> None:
        active = np.flatnonzero(self._state == ACTIVE)
        if len(active) == self._settings.pool:
            self._state[dispensable(active, self._entered)] = LEAVING
        for name, array in self._pool[slot].tensors().items():
            array[...] = policy.tensors()[name]
        self._pool[slot].pack()
        self._state[slot], self._entered[slot] = ACTIVE, steps
        self._due[0] = steps + (self._settings.every or 1)
        self._scores *= 0.5  # what was learnt since makes earlier games say less
        self._scores[1 + len(self._fixed) + slot] = 0.0

    def _weights(self) -> NDArray[np.float64]:
        """Return how likely each player of the table is drawn, not normalised."""
        weights = np.ones(len(self.table))
        if self._settings.draw == "close":  # p (1 - p) of a win, as Vinyals et al. 2019 draw opponents of their league
            share = (self._scores[:, 1] + 0.5) / (self._scores[:, 0] + 1.0)
            weights = np.maximum(share * (1.0 - share), LEAST)
        weights[0] = 0.0
        weights[1 + len(self._fixed) :][self._state != ACTIVE] = 0.0
        return weights


def outcome_of(env: registry.Environment) -> str:
    """Return the metric that says who won: `outcome` (1 won, 0.5 drawn, 0 lost) where there is one, else perf."""
    return "outcome" if any(metric.name == "outcome" for metric in env.metrics) else "perf"


def dispensable(active: NDArray[np.int64], entered: NDArray[np.int64]) -> int:
    """Return the one whose leaving keeps the pool spread most evenly: first and last stay, if there are others."""
    order = active[np.argsort(entered[active], kind="stable")]
    if len(order) < 3:
        return int(order[0])
    gaps = entered[order[2:]] - entered[order[:-2]]
    return int(order[1 + int(np.argmin(gaps))])


def uniform(seed: int, steps: int, stream: int, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a number of [0, 1) for each of `numbers`: a hash (the finaliser of splitmix64) of all four."""
    golden = np.uint64(0x9E3779B97F4A7C15)
    mixed = np.zeros(numbers.shape, np.uint64)
    with np.errstate(over="ignore"):
        for part in (np.uint64(seed), np.uint64(steps), np.uint64(stream), numbers.astype(np.uint64)):
            mixed = (mixed ^ part) + golden
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
