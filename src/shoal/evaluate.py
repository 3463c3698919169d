# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Evaluation: one whole episode in each of about 1,000 copies (Python: 100), and what solved means.

Training seeds are below 2**32; evaluation seeds have their highest bit set and hash the run's seed with the number of
the evaluation, so no evaluation sees a world of training and each confirmation sees new ones. The seed makes the
Shared block too: an environment with levels is evaluated on levels that it was not trained on. Every life that ends in
an episode counts. Actions are sampled as in training; greedy, random and scripted players can be put beside.
"""

from __future__ import annotations

import ctypes
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shoal import native, rivals
from shoal.config import Config
from shoal.errors import ConfigError
from shoal.policy import Policy
from shoal.registry import Spec
from shoal.rivals import Rival
from shoal.stats import Stats, stats_of
from shoal.vector import Vec

if TYPE_CHECKING:
    from shoal.torch.policy import TorchPolicy

AGENTS = 1000  # evaluated, in enough worlds
OUTSIDE_AGENTS = 100  # of environments that are Python, where each life takes a thousand times longer
WORLDS = 8  # at least


class Stopped(Exception):  # noqa: N818, nothing failed
    """A native call returned early because its stop flag was set."""


@dataclass(frozen=True)
class Evaluation:
    """What a player reached in one evaluation."""

    player: str
    metric: str  # the one that solved is about
    threshold: float | None
    steps: int  # agent steps played
    stats: Stats
    also: tuple[tuple[str, float], ...] = ()  # further metrics, and what solved asks of them
    opponent: str = ""  # who played the other teams; empty: the player itself, or there is one team

    @property
    def mean(self) -> float:
        """The solved metric's mean."""
        return self.stats.mean(self.metric)

    @property
    def interval(self) -> float:
        """Half the width of its 95 % interval, from the spread between lives."""
        return self.stats.interval(self.metric)

    @property
    def solved(self) -> bool:
        """Did the mean reach the threshold, and those of `also` theirs."""
        also = all(self.stats.mean(name) >= least for name, least in self.also)
        return self.threshold is not None and self.mean >= self.threshold and also

    @property
    def asked(self) -> str:
        """Return ` (solved: 475)`, what solved asks of the means; empty where nothing is asked."""
        if self.threshold is None:
            return ""
        return f" (solved: {', '.join((f'{self.threshold:g}', *(f'{name} {least:g}' for name, least in self.also)))})"

    def __str__(self) -> str:
        """Return `score 487.1 +- 2.9 over 1000 lives`."""
        also = "".join(f", {name} {self.stats.mean(name):.4g}" for name, _ in self.also)
        against = f" against {self.opponent}" if self.opponent else ""
        return f"{self.metric} {self.mean:.4g} ± {self.interval:.2g}{also} over {self.stats.lives} lives{against}"


def check_seed(seed: int) -> int:
    """Return a training seed.

    Raises:
        ConfigError: if it is not in 0 .. 2**32 - 1, which is where training seeds lie.
    """
    if not 0 <= seed < 1 << 32:
        raise ConfigError(f"out of range: seed={seed}; expected 0 to {(1 << 32) - 1} (at seed)")
    return seed


def evaluation_seed(seed: int, number: int) -> int:
    """Return the seed of a run's evaluation `number`: never a training seed."""
    digest = hashlib.blake2b(f"shoal evaluation {seed} {number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") | 1 << 63


def worlds_for(agents: int, wanted: int = AGENTS) -> int:
    """Return how many worlds an evaluation plays, to see so many agents."""
    return max(WORLDS, -(-wanted // agents))


def evaluate(
    spec: Spec,
    config: Config,
    *,
    player: str = "sampled",
    policy: Policy | TorchPolicy | None = None,
    number: int = 0,
    level: float = 1.0,
    opponent: Rival | None = None,
    num_envs: int = 0,
    stop: ctypes.c_int32 | None = None,
) -> Evaluation:
    """Play one whole episode in every copy.

    Where several teams play, the player takes one of them, in every copy the next, and the opponent all others.

    Args:
        spec: of the environment.
        config: what was trained; its time limit, seed and threads count here.
        player: sampled, greedy, random or scripted.
        policy: who plays when sampled or greedy.
        number: of this evaluation; each has its own seeds.
        level: strength of the scripted player.
        opponent: who plays the other teams; None: whom the settings name, else the player itself.
        num_envs: copies; 0 stands for enough for 1,000 agents (100 where they are Python), at least 8.
        stop: a flag that ends the call early when it becomes non-zero.

    Raises:
        Stopped: if it was ended early.
    """
    seed = evaluation_seed(config.seed, number)
    aim, also = (config.solved.metric, config.solved.threshold), config.solved.goals[1:]
    teams = spec.num_teams
    if opponent is None and teams > 1 and config.solved.opponent:
        opponent = rivals.find(config.solved.opponent, spec)
    if teams == 1:
        opponent = None
    by_torch = policy is not None and not isinstance(policy, Policy) and player in ("sampled", "greedy")
    workers = None
    if spec.env.outside:
        from shoal.outside.pool import workers_of

        workers = workers_of(config.vec)
    vec = Vec(
        spec,
        num_envs=num_envs
        or worlds_for(
            spec.agents // teams if opponent else spec.agents, OUTSIDE_AGENTS if spec.env.outside else AGENTS
        ),
        seed=seed,
        threads=config.vec.threads,
        max_steps=config.vec.max_steps or 0,
        bind=by_torch,
        stop=stop,
        workers=workers,
    )
    stats = stats_of(spec.env)
    steps = ctypes.c_int64(0)
    message = native.Message()
    with vec:
        if by_torch and opponent:
            raise ConfigError(
                f"the torch backend cannot play against {opponent.name} (at solved.opponent)",
                "a network that the native backend knows can",
            )
        if by_torch:
            from shoal.torch.evaluate import play

            played = play(vec, policy, seed=seed, greedy=player == "greedy", stop=stop)  # type: ignore[arg-type]
            if played is None:
                raise Stopped
            return Evaluation(player, *aim, *played, also)
        table = rivals.table(Rival(player, player, level, policy if isinstance(policy, Policy) else None))
        if opponent:
            table = rivals.table(table[0], opponent)
            vec.assign(np.arange(vec.num_envs)[:, None] % teams != np.arange(teams))
        code = native.library().evaluate(
            vec.handle,
            table,
            len(table),
            stats.values.ctypes.data,
            ctypes.byref(steps),
            message,
        )
        vec.check()
    if message.check(code):
        raise Stopped
    return Evaluation(player, *aim, steps.value, stats, also, opponent.name if opponent else "")
