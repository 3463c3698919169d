# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Environments as PettingZoo's parallel environments.

    env = shoal.pettingzoo.parallel_env("crowd", agents=8)
    observations, infos = env.reset(seed=1)
    while env.agents:
        actions = {agent: env.action_space(agent).sample() for agent in env.agents}
        observations, rewards, terminations, truncations, infos = env.step(actions)

There, an agent that has ended may not come back. Here one may, as someone new: the first life in seat 3 of the world is
`agent_3`, the next one `agent_3_life_1`. A life takes at least one step, so a seat sees at most as many lives as an
episode has steps, and `possible_agents` names them all, or as many as `max_lives` says.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from shoal.errors import ConfigError, installs, nearest

try:
    import pettingzoo  # type: ignore[import-untyped]
except ImportError as error:
    hint = f"`{installs('pettingzoo')}` installs it"
    raise ConfigError("`shoal.pettingzoo` needs pettingzoo, which is not installed", hint) from error

from gymnasium import spaces as gymnasium_spaces
from gymnasium.utils import seeding
from numpy.typing import NDArray

from shoal import hosted, registry, spaces, tables
from shoal.vector import Vec

Step = tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]


class ParallelEnv(pettingzoo.ParallelEnv[str, Any, Any]):  # type: ignore[misc]
    """One world with all its agents.

    Attributes:
        vec: the one copy that is stepped: `vec.stats()`, `vec.snapshot(0)`, `vec.spec`.
        agents: names of those who live.
        state_space: of what `state` returns.
    """

    def __init__(
        self,
        name: str,
        *,
        render_mode: str | None = None,
        flat: bool = False,
        max_episode_steps: int = 0,
        max_lives: int = 0,
        observe_contexts: bool = False,
        **params: tables.Value,
    ) -> None:
        """Build it.

        Args:
            name: of the environment, or the path of its folder.
            render_mode: None, "rgb_array", or "human" (a window, extra `[window]`).
            flat: observations are one float32 Box of what a policy's encoders see.
            max_episode_steps: time limit, which truncates; 0: the environment's own.
            max_lives: names that a seat has; whoever lives there later is not seen and plays action 0. 0: as many as
                it may need.
            observe_contexts: parameters that are drawn per episode are further fields of the observation.
            **params: the environment's parameters: values, or distributions such as `"uniform(5, 15)"`.

        Raises:
            EnvError: for an unknown name. ConfigError: for a bad value.
        """
        env = registry.get(name)
        spec = env.spec_given(params, observe_contexts=observe_contexts)
        if isinstance(max_lives, bool) or not isinstance(max_lives, int) or max_lives < 0:
            raise ConfigError(f"max_lives={max_lives!r}: expected a whole number of at least 1, or 0 for no limit")
        self.vec = Vec(spec, num_envs=1, threads=1, max_steps=max_episode_steps, autoreset="disabled", final_rows="all")
        returns = env.descriptor.has_live or env.descriptor.has_respawn
        self._lives = (max_lives or max_episode_steps or spec.max_steps) if returns else 1
        self.render_mode = render_mode
        self._picture = hosted.Picture(self.vec, render_mode)
        self.metadata = {
            "name": f"{env.name}_v{spec.version}",
            "render_modes": list(hosted.MODES),
            "render_fps": self._picture.rate,
            "is_parallelizable": True,
        }
        # Lives of one seat share its spaces, so that a seeded action space goes on where the life before left it.
        seats = range(spec.agents)
        self._observation_spaces = [spaces.observation_space(spec, flat) for _ in seats]
        self._action_spaces = [spaces.action_space(spec) for _ in seats]
        vec = self.vec
        self._rows = [spaces.Observations(spec, vec.rows[seat], flat).take for seat in seats]
        self._final_rows = [spaces.Observations(spec, vec.final_row_bytes[seat], flat).take for seat in seats]
        self._masks = [spaces.Masks(spec, vec.mask_rows[seat]).take for seat in seats]
        self._final_masks = [spaces.Masks(spec, vec.final_mask_rows[seat]).take for seat in seats]
        self._puts = [spaces.Actions(spec, vec.discrete[seat], vec.continuous[seat]).put for seat in seats]
        self._flat_rows = spaces.Observations(spec, vec.rows, flat=True).take
        self.state_space = gymnasium_spaces.Box(-np.inf, np.inf, (spec.agents * spec.features,), np.float32)
        self._random, _ = seeding.np_random()
        self._life = [-1] * spec.agents  # number of each seat's present life, or its last one
        self._seats: dict[str, int] = {}  # of those who live, in the order of seats
        self.agents: list[str] = []

    @cached_property
    def possible_agents(self) -> list[str]:
        """Every name that an episode may see, first lives first."""
        return [self._name(seat, life) for life in range(self._lives) for seat in range(self.vec.spec.agents)]

    def observation_space(self, agent: str) -> gymnasium_spaces.Space[Any]:
        """Return the space of an agent's observations, the same object every time."""
        return self._observation_spaces[self._seat(agent)]

    def action_space(self, agent: str) -> gymnasium_spaces.Space[Any]:
        """Return the space of an agent's actions, the same object every time."""
        return self._action_spaces[self._seat(agent)]

    def team(self, agent: str) -> int:
        """Return the number of an agent's team."""
        return self.vec.spec.teams[self._seat(agent)]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Begin an episode; return observations and infos of those who live.

        Args:
            seed: of all episodes from now on; each reset draws what decides its episode.
            options: `{"params": {"gravity": 5.0}}` are parameter values of this episode alone.
        """
        if seed is not None:
            self._random, _ = seeding.np_random(seed)
        hosted.begin(self.vec, options, lambda: self.vec.reset(int(self._random.integers(hosted.SEEDS))))
        self._life = [-1] * self.vec.spec.agents
        self._seats = {}
        observations, infos = self._wait(*self._born())
        self._picture.show()
        return observations, infos

    def step(self, actions: dict[str, Any]) -> Step:
        """Take a step of the world.

        Args:
            actions: of everyone who lives, by name.

        Returns:
            observations, rewards, terminations, truncations and infos of those who acted, ended or not, and of those
            who are new; a new agent has reward 0. Infos hold `action_mask` where there are masks.

        Raises:
            ConfigError: for an action that is missing, or of someone who does not live. ShapeError: for one of another
                shape.
        """
        if not self._seats or actions.keys() != self._seats.keys():
            self._complain(actions)
        for agent, action in actions.items():
            self._puts[self._seats[agent]](action)
        vec = self.vec
        vec.advance()
        observations: dict[str, Any] = {}
        infos: dict[str, dict[str, Any]] = {}
        rewards, terminated, truncated = {}, {}, {}
        for agent, seat in list(self._seats.items()):
            flags = int(vec.ended[seat])
            observations[agent] = (self._final_rows if flags else self._rows)[seat]()
            infos[agent] = self._info(self._final_masks if flags else self._masks, seat)
            rewards[agent] = float(vec.rewards[seat])
            terminated[agent], truncated[agent] = bool(flags & 1), bool(flags & 2)
            if flags:
                del self._seats[agent]
        if not vec.waiting[0]:
            born, new_infos = self._wait(*self._born())
            observations |= born
            infos |= new_infos
            rewards |= dict.fromkeys(born, 0.0)
            terminated |= dict.fromkeys(born, False)
            truncated |= dict.fromkeys(born, False)
        self.agents = list(self._seats)
        self._picture.show()
        return observations, rewards, terminated, truncated, infos

    def state(self) -> NDArray[np.float32]:
        """Return what all seats of the world observe, as with `flat`, one after another; zeros for who is absent."""
        rows: NDArray[np.float32] = self._flat_rows()
        state: NDArray[np.float32] = np.where(self.vec.live[:, None] != 0, rows, np.float32(0)).reshape(-1)
        return state

    def render(self) -> Any:
        """Return a picture of this moment, uint8 (height, width, 3); None unless `render_mode` is "rgb_array"."""
        return self._picture.draw() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Close the window and give the memory back."""
        self._picture.close()
        if self.vec.handle:
            self.vec.close()

    def _born(self) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Name those whose life starts with the present observation, and return what they see."""
        observations: dict[str, Any] = {}
        infos: dict[str, dict[str, Any]] = {}
        for seat in np.flatnonzero(self.vec.starts).tolist():
            self._life[seat] += 1
            if self._life[seat] >= self._lives:  # its names are used up
                self.vec.discrete[seat], self.vec.continuous[seat] = 0, 0.0
                continue
            agent = self._name(seat, self._life[seat])
            self._seats[agent] = seat
            observations[agent] = self._rows[seat]()
            infos[agent] = self._info(self._masks, seat)
        self._seats = dict(sorted(self._seats.items(), key=lambda item: item[1]))
        self.agents = list(self._seats)
        return observations, infos

    def _wait(
        self, observations: dict[str, Any], infos: dict[str, dict[str, Any]]
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Let the world go on while nobody lives in it: there, no agents means that the episode is over."""
        while not self._seats and not self.vec.waiting[0] and min(self._life) + 1 < self._lives:
            self.vec.advance()
            if not self.vec.waiting[0]:
                observations, infos = self._born()
        return observations, infos

    def _info(self, masks: list[Any], seat: int) -> dict[str, Any]:
        return {"action_mask": masks[seat]()} if self.vec.spec.mask_bytes else {}

    def _name(self, seat: int, life: int) -> str:
        return f"agent_{seat}_life_{life}" if life else f"agent_{seat}"

    def _seat(self, agent: str) -> int:
        words = str(agent).split("_")
        numbers = words[1:2] + words[3:4]
        if all(number.isdecimal() for number in numbers) and words[1:]:
            seat, life = int(numbers[0]), int(numbers[1]) if numbers[1:] else 0
            if seat < self.vec.spec.agents and life < self._lives and agent == self._name(seat, life):
                return seat
        hint = nearest(str(agent), self._seats, "`possible_agents` has all names")
        raise ConfigError(f"no agent is called {agent!r}", hint)

    def _complain(self, actions: dict[str, Any]) -> None:
        """Raise a sentence about actions that are not those of everyone who lives."""
        if not self._seats:
            raise ConfigError("the episode is over: nobody lives; expected a reset first")
        for agent in actions:
            if agent not in self._seats:
                self._seat(agent)
                raise ConfigError(f"{agent!r} does not live; expected actions of {', '.join(self._seats):.100}")
        missing = next(agent for agent in self._seats if agent not in actions)
        raise ConfigError(f"the action of {missing!r} is missing; expected one of everyone in `agents`")


parallel_env = ParallelEnv  # as PettingZoo's own modules call it
