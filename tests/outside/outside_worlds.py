# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Small environments in Gymnasium's and PettingZoo's interfaces, each with one peculiarity."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces


class Count(gymnasium.Env[Any, Any]):
    """Counts steps in its observation; ends at `ends`, is cut at `cut`; wrong in a way that `fault` names."""

    observation_space = spaces.Box(-100, 100, (2,), np.float64)
    action_space = spaces.Discrete(3)

    def __init__(self, ends: int = 0, cut: int = 0, fault: str = "") -> None:
        self.ends, self.cut, self.fault = ends, cut, fault
        self.seed, self.steps = 0, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        self.seed, self.steps = seed or 0, 0
        return np.array([self.seed, 0.0]), {}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        self.steps += 1
        observation: Any = np.array([self.seed, float(self.steps)])
        reward: Any = 0.25 * action
        if self.fault == "shape":
            observation = np.zeros(1)
        if self.fault == "text":
            observation = "north"
        if self.fault == "reward":
            reward = None
        return observation, reward, self.steps == self.ends, self.steps == self.cut, {}


class Masked(Count):
    """Allows the action that is the number of steps, in `info`."""

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        return super().reset(**kwargs)[0], {"action_mask": np.array([1, 0, 0], np.int8)}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        found = super().step(action)
        return (*found[:4], {"action_mask": np.eye(3, dtype=np.int8)[self.steps % 3]})


class Board(Count):
    """Has the mask in its observation."""

    observation_space = spaces.Dict(board=spaces.Box(0, 9, (1,)), action_mask=spaces.Box(0, 1, (3,), np.int8))

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        super().reset(**kwargs)
        return {"board": np.zeros(1), "action_mask": np.array([0, 1, 1], np.int8)}, {}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        found = super().step(action)
        return {"board": np.ones(1), "action_mask": np.array([1, 0, 1], np.int8)}, *found[1:]


class Shifts:
    """A ParallelEnv: `a` is there until its end at 3; `b` leaves at 2 without a flag and is back at 4; `c` comes at 2.

    All end at 5. The observation is (agent, step); `b` sees one number less and has two actions of three.
    """

    metadata: dict[str, Any] = {}  # noqa: RUF012
    render_mode = None
    possible_agents = ["a", "b", "c"]  # noqa: RUF012
    max_cycles = 50

    def __init__(self) -> None:
        self.agents: list[str] = []
        self.acted: list[dict[str, int]] = []

    @property
    def unwrapped(self) -> "Shifts":
        return self

    def observation_space(self, agent: str) -> Any:
        return spaces.Box(-9, 9, (1 if agent == "b" else 2,), np.float32)

    def action_space(self, agent: str) -> Any:
        return spaces.Discrete(2 if agent == "b" else 3)

    def _look(self, agent: str) -> Any:
        full = [self.possible_agents.index(agent) + 1.0, float(self.steps)]
        return np.array(full[:1] if agent == "b" else full, np.float32)

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[Any, Any]:
        self.steps, self.agents, self.acted = 0, ["a", "b"], []
        return {agent: self._look(agent) for agent in self.agents}, {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, int]) -> tuple[Any, ...]:
        self.steps += 1
        self.acted.append(dict(actions))
        was = list(self.agents)
        ends = {agent: (agent == "a" and self.steps == 3) or self.steps == 5 for agent in was}
        if self.steps == 2:
            was.remove("b")
            was.append("c")
            ends["c"] = False
        if self.steps == 4:
            was.append("b")
            ends["b"] = False
        self.agents = [agent for agent in was if not ends[agent]]
        rewards = {agent: float(self.steps) for agent in was}
        return {agent: self._look(agent) for agent in was}, rewards, ends, dict.fromkeys(ends, False), {}

    def close(self) -> None:
        pass


class Relay:
    """An AECEnv: three act in turn, everybody is paid 1 for every action; `b` is out after its second."""

    metadata: dict[str, Any] = {}  # noqa: RUF012
    render_mode = None
    possible_agents = ["a", "b", "c"]  # noqa: RUF012

    def __init__(self) -> None:
        self.acted: list[tuple[str, Any]] = []

    @property
    def unwrapped(self) -> "Relay":
        return self

    def agent_iter(self) -> None:
        """Tell that agents act in turn."""

    def observation_space(self, agent: str) -> Any:
        return spaces.Box(-9, 9, (1,), np.float32)

    def action_space(self, agent: str) -> Any:
        return spaces.MultiDiscrete([3, 2])

    def observe(self, agent: str) -> Any:
        return np.array([len(self.acted)], np.float32)

    def reset(self, seed: int | None = None, options: Any = None) -> None:
        self.agents, self.acted, self.agent_selection = ["a", "b", "c"], [], "a"
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict(self.rewards)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos: dict[str, Any] = {agent: {} for agent in self.agents}

    def step(self, action: Any) -> None:
        agent = self.agent_selection
        self.acted.append((agent, action if action is None else action.tolist()))
        following = self.agents[(self.agents.index(agent) + 1) % len(self.agents)]
        self.agent_selection = following
        if action is None:
            for table in (self.rewards, self.terminations, self.truncations, self.infos):
                del table[agent]  # type: ignore[attr-defined]
            self.agents.remove(agent)
            return
        self._cumulative_rewards[agent] = 0.0
        for other in self.agents:
            self.rewards[other] = 1.0
            self._cumulative_rewards[other] += 1.0
        turns = sum(action is not None for _, action in self.acted)
        if turns == 5:
            self.terminations["b"] = True
        if turns == 9:
            self.truncations = dict.fromkeys(self.agents, True)

    def close(self) -> None:
        pass
