# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Games between two players, and what they say of the players' strength.

Every world is played once for each way to deal the players around the table, with the same seed, so neither seats nor
worlds favour anybody.
"""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal import native, registry, rivals
from shoal.confidence import Z95
from shoal.errors import ConfigError
from shoal.evaluate import Stopped, evaluation_seed
from shoal.rivals import Rival
from shoal.vector import Vec

Numbers = NDArray[np.float64]

DEALS = 2  # ways to deal two players around a table: one begins, or the other


@dataclass(frozen=True)
class Match:
    """What came of games between two players.

    Attributes:
        results: (worlds, deals): 1 where the first player won, 0.5 where it was a draw, 0 where it lost.
        steps: agent steps played.
    """

    first: str
    second: str
    results: Numbers
    steps: int

    @property
    def games(self) -> int:
        """How many were played."""
        return int(self.results.size)

    @property
    def counts(self) -> tuple[int, int, int]:
        """Games that the first player won, drew and lost."""
        return tuple(int((self.results == value).sum()) for value in (1.0, 0.5, 0.0))  # type: ignore[return-value]

    @property
    def score(self) -> float:
        """The first player's share of the points: a draw is half of one."""
        return float(self.results.mean())

    @property
    def interval(self) -> float:
        """Half the width of the score's 95 % interval, from the spread between worlds.

        One world won and one lost are counted in, so that 0 or all of a few games do not look certain.
        """
        worlds = np.append(self.results.mean(axis=1), (0.0, 1.0))
        return Z95 * float(worlds.std(ddof=1)) / math.sqrt(len(worlds))


def play(
    spec: registry.Spec,
    first: Rival,
    second: Rival,
    *,
    games: int,
    seed: int = 0,
    threads: int = 0,
    metric: str = "",
    stop: ctypes.c_int32 | None = None,
) -> Match:
    """Play games between two players, at least as many as asked for.

    Args:
        spec: of an environment in which several teams play; the players take them in turn around the table.
        first: a player.
        second: another, or the same.
        games: how many.
        seed: of the worlds, none of which training has seen.
        threads: 0 stands for all cores.
        metric: whoever has more of it, on average over its agents, has won; empty: `outcome`, or else perf.
        stop: a flag that ends the games early when it becomes non-zero.

    Raises:
        ConfigError: if there is one team, or no such metric.
        Stopped: if it was ended early.
    """
    check_teams(spec)
    names = [each.name for each in spec.env.metrics]
    column = 1 + names.index(check_metric(spec, metric))
    worlds = max(-(-games // DEALS), 1)
    results = np.empty((worlds, DEALS))
    teams = np.array(spec.teams)
    played = 0
    for deal in range(DEALS):
        seats = (np.arange(spec.num_teams) + deal) % DEALS
        lives, steps = _episodes(spec, (first, second), seats, worlds, evaluation_seed(seed, -1), threads, stop)
        points = lives[:, :, column] / np.maximum(lives[:, :, 0], 1)
        mine, other = (points[:, seats[teams] == number].mean(axis=1) for number in (0, 1))
        results[:, deal] = 0.5 + 0.5 * np.sign(mine - other)
        played += steps
    return Match(first.name, second.name, results, played)


def check_teams(spec: registry.Spec) -> None:
    """Raise unless several teams play.

    Raises:
        ConfigError: with the parameters that may bring more of them.
    """
    if spec.num_teams < 2:
        sizes = [f"`--env.{param.name.replace('_', '-')}`" for param in spec.env.params if param.role == "size"]
        raise ConfigError(
            f"in `{spec.env.name}` one team plays, so there is nobody to play against",
            f"{', '.join(sizes)} may bring more teams" if sizes else "",
        )


def check_metric(spec: registry.Spec, metric: str) -> str:
    """Return the metric that says who has won.

    Raises:
        ConfigError: if there is none of that name.
    """
    from shoal.errors import nearest
    from shoal.selfplay import outcome_of

    names = [each.name for each in spec.env.metrics]
    if metric and metric not in names:
        raise ConfigError(f"no metric is called `{metric}`", nearest(metric, names))
    return metric or outcome_of(spec.env)


def _episodes(
    spec: registry.Spec,
    players: tuple[Rival, Rival],
    seats: NDArray[np.int64],
    worlds: int,
    seed: int,
    threads: int,
    stop: ctypes.c_int32 | None,
) -> tuple[NDArray[np.float32], int]:
    """Return what each agent's lives came to (worlds, agents, numbers), and the steps played.

    Numbers: how many lives ended, then the sums of every metric, of the return and of the length.
    """
    table = rivals.table(*players)
    out = np.empty(native.stats_size(len(spec.env.metrics)))
    steps, message = ctypes.c_int64(0), native.Message()
    with Vec(spec, num_envs=worlds, seed=seed, threads=threads, bind=False, stop=stop) as vec:
        vec.assign(seats)
        code = native.library().evaluate(vec.handle, table, len(table), out.ctypes.data, ctypes.byref(steps), message)
        if message.check(code):
            raise Stopped
        return vec.seats.lives.reshape(worlds, spec.agents, -1).copy(), steps.value
