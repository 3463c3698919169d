# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A PettingZoo environment as an adapter: many agents in a world, who act at once (Parallel) or in turn (AEC).

The capacity is `possible_agents`, in that order. Those that are not there are not live; one that ended is not there
any more; one that leaves without a flag is truncated. Of an AEC environment every action is one step of the world, in
which all but one agent wait: they are observed, and have exactly one legal action.

Agents may differ: shorter vectors are filled with zeros, choices that an agent does not have are masked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from shoal import native
from shoal.errors import EnvError, ShapeError
from shoal.outside import actions, observations
from shoal.outside.adapter_gymnasium import picture, stated_perf
from shoal.outside.declaration import NO_LIMIT, Declaration, declare, ended_bits, perf_of
from shoal.outside.options import Options
from shoal.outside.slot import Slot
from shoal.tables import Dim, Field, Head


class PettingZooAdapter:
    """One ParallelEnv or AECEnv in a slot; see declaration.Adapter.

    Attributes:
        turns: do the agents act in turn.
    """

    declaration: Declaration
    step: Callable[[], None]

    def __init__(self, env: Any, name: str, options: Options = Options()) -> None:  # noqa: B008
        self.env = env
        self.turns = hasattr(env, "agent_iter")
        notes: list[str] = []
        env.reset(seed=0)
        self.names = tuple(getattr(env, "possible_agents", None) or env.agents)
        if not self.names:
            raise EnvError(f"`{name}` has no agents after a reset; expected possible_agents")
        self._leaves = []
        for agent in self.names:
            once = notes if agent == self.names[0] else None
            self._leaves.append(observations.leaves(env.observation_space(agent), options, once))
        made = [actions.actions(env.action_space(agent)) for agent in self.names]
        self._sizes = [tuple(head.size for head in one.heads) for one in made]
        self._masks_from = self._find_masks()
        uneven = len(set(self._sizes)) > 1
        masked = bool(self._masks_from) or self.turns or uneven
        heads = _common_heads([one.heads for one in made], name, masked)
        limit = None if self.turns else getattr(env.unwrapped, "max_cycles", None)
        limit = options.max_steps or limit
        if not isinstance(limit, int) or limit < 1:
            limit = NO_LIMIT
            notes.append(f"it states no time limit: episodes are cut after {limit:,} steps (vec.max_steps)")
        self.declaration = declare(
            name,
            fields=_common_fields([[leaf.field for leaf in leaves] for leaves in self._leaves], self.names, name),
            heads=heads,
            dims=_common_dims([one.dims for one in made], name),
            agent_names=self.names,
            max_steps=limit,
            notes=notes,
        )
        self._masked = masked and bool(heads)
        self._perf = perf_of(options.perf or stated_perf(env, name))

    def _find_masks(self) -> str:
        """Return where masks come from after the first reset: "observation", "info", or nowhere."""
        from gymnasium import spaces

        space = self.env.observation_space(self.names[0])
        if isinstance(space, spaces.Dict) and observations.MASK in space.spaces:
            return "observation"
        infos = self.env.infos if self.turns else self.env.reset(seed=0)[1]
        return "info" if any(observations.MASK in info for info in infos.values()) else ""

    def bind(self, slot: Slot) -> None:
        """Take the slot, and compile readers and writers of every agent for it."""
        fields = self.declaration.fields
        self._slot = slot
        self._rewards: Any = slot.rewards.data  # a memoryview: see adapter_gymnasium
        self._ended, self._live = slot.ended.data, slot.live.data
        self._scores = [0.0] * len(self.names)
        self._read, self._write, self._write_mask = {}, {}, {}
        declared = tuple(head.size for head in self.declaration.heads)
        for i, agent in enumerate(self.names):
            space = self.env.action_space(agent)
            heads = slot.discrete[i][: len(self._sizes[i])]
            self._read[agent] = actions.reader(space, heads, slot.continuous[i])
            self._write[agent] = observations.writer(self._leaves[i], fields, slot.rows[i])
            if self._masked:
                self._write_mask[agent] = actions.mask_writer(space, slot.masks[i], declared)
        self._waiting = _one_each(declared)
        self.step = self._step_in_turn if self.turns else self._step_together

    def reset(self, seed: int) -> None:
        """Start an episode."""
        slot, env = self._slot, self.env
        slot.rows[:] = slot.masks[:] = 0
        slot.metrics[:] = 0.0
        self._scores = [0.0] * len(self.names)
        found, infos = (None, None) if self.turns else env.reset(seed=seed)
        if self.turns:
            env.reset(seed=seed)
        there = set(env.agents)
        for i, agent in enumerate(self.names):
            self._live[i] = agent in there
            if agent in there:
                self._observe(i, agent, env.observe(agent) if found is None else found[agent], infos)

    def render(self) -> np.ndarray[Any, np.dtype[np.uint8]] | None:
        """Return the environment's own picture, if it was opened to make them."""
        return picture(self.env)

    def close(self) -> None:
        """Close the environment."""
        self.env.close()

    # ------------------------------------------------------------------------------------------ acting

    def _step_together(self) -> None:
        env, live, rewards, ended = self.env, self._live, self._rewards, self._ended
        found, paid, terminated, truncated, infos = env.step({agent: self._read[agent]() for agent in env.agents})
        there = set(env.agents)
        for i, agent in enumerate(self.names):
            flag = ended_bits(terminated.get(agent), truncated.get(agent))
            rewards[i] = ended[i] = 0
            if live[i]:
                if not flag and agent not in there:
                    flag = native.TRUNCATED
                self._pay(i, paid.get(agent, 0.0))
                ended[i] = flag
                live[i] = not flag
                if agent in found:
                    self._observe(i, agent, found[agent], infos)
            elif agent in there and not flag:
                self._join(i)
                self._observe(i, agent, found[agent], infos)
        self._slot.over[0] = not any(live)

    def _step_in_turn(self) -> None:
        env, live, rewards, ended = self.env, self._live, self._rewards, self._ended
        env.step(self._read[env.agent_selection]())
        paid, terminated, truncated = dict(env.rewards), env.terminations, env.truncations
        there = set(env.agents)
        for i, agent in enumerate(self.names):
            rewards[i] = ended[i] = 0
            if live[i]:
                flag = ended_bits(terminated.get(agent), truncated.get(agent))
                if agent not in there:
                    flag = flag or native.TRUNCATED
                self._pay(i, paid.get(agent, 0.0))
                if flag:
                    ended[i], live[i] = flag, 0
                    if agent in there:
                        self._write[agent](env.observe(agent))
        # Those that ended still have their turn in which nothing is done, after which they are gone.
        while env.agents and (env.terminations[env.agent_selection] or env.truncations[env.agent_selection]):
            env.step(None)
        there = set(env.agents)
        for i, agent in enumerate(self.names):
            if agent in there and not ended[i] and not (env.terminations[agent] or env.truncations[agent]):
                if not live[i]:
                    self._join(i)
                self._observe(i, agent, env.observe(agent), None)
        self._slot.over[0] = not any(live)

    def _pay(self, i: int, reward: float) -> None:
        self._rewards[i] = reward
        score = self._scores[i] = self._scores[i] + reward
        self._slot.metrics[i] = self._perf(score), score

    def _join(self, i: int) -> None:
        """Let an agent's life begin in a world that goes on."""
        self._live[i] = 1
        self._scores[i] = 0.0
        self._slot.metrics[i] = 0.0

    def _observe(self, i: int, agent: str, observation: Any, infos: Any) -> None:
        """Write an agent's row and mask."""
        try:
            self._write[agent](observation)
        except Exception as error:
            space = self.env.observation_space(agent)
            wrong = observations.explain(space, observation) or str(error)
            raise ShapeError(f"`{self.declaration.name}` broke the spaces of {agent}: {wrong}") from error
        if not self._masked:
            return
        if self.turns and agent != self.env.agent_selection:
            self._slot.masks[i] = self._waiting
            return
        mask = None
        if self._masks_from == "observation":
            mask = observation[observations.MASK]
        elif self._masks_from == "info":
            mask = (self.env.infos if infos is None else infos).get(agent, {}).get(observations.MASK)
        self._write_mask[agent](mask)


def check(env: Any, name: str) -> None:
    """Refuse what lacks a part of PettingZoo's interfaces.

    Raises:
        EnvError: saying what it lacks.
    """
    for wanted in ("observation_space", "action_space", "reset", "step"):
        if not callable(getattr(env, wanted, None)):
            raise EnvError(f"`{name}` is no PettingZoo environment: {type(env).__name__} has no method `{wanted}`")


# ---------------------------------------------------------------------------------------------- agents that differ


def _common_fields(fields: list[list[Field]], names: tuple[str, ...], env: str) -> Iterator[Field]:
    """Yield the fields of a row that holds any agent's: those of all but for the length of vectors."""
    for agent, own in zip(names, fields, strict=True):
        if [_kind(field) for field in own] != [_kind(field) for field in fields[0]]:
            problem = f"the observations of {agent} in `{env}` have other fields than those of {names[0]}"
            raise EnvError(f"{problem}; expected the same but for the length of vectors", "supersuit pads and stacks")
    for same in zip(*fields, strict=True):
        yield dataclasses.replace(
            same[0],
            columns=max(field.columns for field in same),
            low=min(field.low for field in same),
            high=max(field.high for field in same),
        )


def _kind(field: Field) -> tuple[Any, ...]:
    """Return what may not differ between agents."""
    columns = 0 if field.kind == "vector" and field.rows == field.channels == 1 else field.columns
    return field.name, field.kind, field.dtype, field.rows, columns, field.channels, field.categories


def _common_heads(heads: list[tuple[Head, ...]], env: str, masked: bool) -> list[Head]:
    if len({len(own) for own in heads}) > 1:
        raise EnvError(f"the agents of `{env}` have different numbers of discrete actions; expected the same")
    return [
        dataclasses.replace(same[0], size=max(head.size for head in same), masked=masked)
        for same in zip(*heads, strict=True)
    ]


def _common_dims(dims: list[tuple[Dim, ...]], env: str) -> tuple[Dim, ...]:
    if len({tuple((dim.low, dim.high) for dim in own) for own in dims}) > 1:
        raise EnvError(f"the agents of `{env}` have different continuous actions; expected the same", "a wrapper")
    return dims[0]


def _one_each(sizes: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the mask of one who waits: the first choice of every head."""
    mask = np.zeros(sum(sizes), np.uint8)
    mask[np.cumsum((0, *sizes[:-1]))[: len(sizes)]] = 1
    return mask
