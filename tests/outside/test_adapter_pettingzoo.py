# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from outside_worlds import Relay, Shifts
from slots import field_of, slot_of

from shoal.errors import EnvError
from shoal.outside.adapter_pettingzoo import PettingZooAdapter
from shoal.outside.source import open_source


def test_agents_come_and_go() -> None:
    env = Shifts()
    adapter = PettingZooAdapter(env, "shifts")
    declaration = adapter.declaration
    assert declaration.agent_names == ("a", "b", "c")
    assert declaration.max_steps == 50
    assert (declaration.fields[0].columns, declaration.heads[0].size, declaration.heads[0].masked) == (2, 3, True)
    slot = slot_of(declaration)
    adapter.bind(slot)
    for _ in range(2):  # the second episode is as the first
        adapter.reset(0)
        assert slot.live.tolist() == [1, 1, 0]
        assert slot.masks.tolist() == [[1, 1, 1], [1, 1, 0], [0, 0, 0]]
        assert slot.metrics.tolist() == [[0, 0]] * 3
        slot.discrete[:, 0] = [2, 1, 1]
        # live after the step, flags, rewards of those that were live, returns of lives
        table = [
            ([1, 1, 0], [0, 0, 0], [1, 1, 0], [1, 1, 0]),
            ([1, 0, 1], [0, 2, 0], [2, 0, 0], [3, 1, 0]),  # b left without a flag, c came
            ([0, 0, 1], [1, 0, 0], [3, 0, 3], [6, 1, 3]),
            ([0, 1, 1], [0, 0, 0], [0, 0, 4], [6, 0, 7]),  # b is back, in a new life
            ([0, 0, 0], [0, 1, 1], [0, 5, 5], [6, 5, 12]),
        ]
        for step, (live, ended, rewards, returns) in enumerate(table, 1):
            adapter.step()
            assert slot.live.tolist() == live, step
            assert slot.ended.tolist() == ended, step
            assert slot.rewards.tolist() == rewards, step
            assert slot.metrics[:, 1].tolist() == returns, step
            assert slot.over[0] == (step == 5)
            if step == 2:
                assert field_of(slot, declaration, "observation", 2).tolist() == [3, 2]
            if step == 3:
                assert field_of(slot, declaration, "observation", 0).tolist() == [1, 3]  # the final one
        assert [sorted(acted) for acted in env.acted] == [["a", "b"], ["a", "b"], ["a", "c"], ["c"], ["b", "c"]]
        assert env.acted[0] == {"a": 2, "b": 1}


def test_agents_whose_fields_differ_are_refused() -> None:
    class Unlike(Shifts):
        def observation_space(self, agent: str) -> Any:
            return spaces.Discrete(3) if agent == "b" else spaces.Box(0, 1, (1,))

    with pytest.raises(EnvError, match="the observations of b in `unlike` have other fields than those of a"):
        PettingZooAdapter(Unlike(), "unlike")


def play(module: str, seed: int, steps: int) -> tuple[Any, list[Any]]:
    """Play legal actions at random; return the adapter and the flags of ended agents as they came."""
    adapter = open_source(f"pettingzoo:pettingzoo.classic.{module}")
    declaration = adapter.declaration
    slot = slot_of(declaration)
    adapter.bind(slot)
    random = np.random.default_rng(seed)
    adapter.reset(seed)
    found = []
    for step in range(steps):
        for agent in range(declaration.agents):
            legal = np.flatnonzero(slot.masks[agent])
            if slot.live[agent]:
                assert len(legal) >= 1
            slot.discrete[agent, 0] = random.choice(legal)
        waiting = [agent for agent in range(declaration.agents) if slot.masks[agent].sum() == 1]
        found.append((slot.masks.copy(), waiting))
        adapter.step()
        if slot.over[0]:
            found.append((slot.ended.copy(), slot.rewards.copy(), slot.rows.copy()))
            adapter.reset(seed + step + 1)
    return adapter, found


def test_of_agents_in_turn_all_but_one_wait_with_one_legal_action() -> None:
    pytest.importorskip("pettingzoo")
    pytest.importorskip("pygame")
    adapter, found = play("tictactoe_v3", 0, 60)
    assert adapter.declaration.heads[0].masked
    turns = [masks for masks, *rest in found if len(rest) == 1]
    ends = [end for end in found if len(end) == 3]
    assert len(ends) >= 5
    first = turns[0]
    assert first.sum(1).tolist() == [9, 1]
    assert turns[1].sum(1).tolist() == [1, 8]
    for ended, rewards, _ in ends:
        assert ended.tolist() == [1, 1]
        assert sorted(rewards.tolist()) in ([-1, 1], [0, 0])


def test_who_is_out_has_its_last_turn_in_which_nothing_is_done() -> None:
    env = Relay()
    adapter = PettingZooAdapter(env, "relay")
    slot = slot_of(adapter.declaration)
    adapter.bind(slot)
    adapter.reset(0)
    wait = [1, 0, 0, 1, 0]
    for step in range(1, 10):
        acting = "abc".index(env.agent_selection)
        for agent in range(3):
            here = 1 if agent != 1 or step <= 5 else 0
            assert slot.live[agent] == here
            if here:
                assert slot.masks[agent].tolist() == ([1] * 5 if agent == acting else wait), (step, agent)
        slot.discrete[:] = [2, 1]
        adapter.step()
        assert slot.rewards.tolist() == [1, float(step <= 5), 1]
        assert slot.ended.tolist() == ([0, 1, 0] if step == 5 else [2, 0, 2] if step == 9 else [0, 0, 0])
        assert slot.over[0] == (step == 9)
    assert slot.metrics[:, 1].tolist() == [9, 5, 9]
    assert ("b", None) in env.acted
    assert [agent for agent, action in env.acted if action == [2, 1]] == list("abcabcaca")


def test_turns_pay_what_the_environment_itself_pays() -> None:
    pettingzoo = pytest.importorskip("pettingzoo.classic.connect_four_v3")
    env = pettingzoo.env()
    env.reset(seed=1)
    adapter = open_source("pettingzoo:pettingzoo.classic.connect_four_v3")
    slot = slot_of(adapter.declaration)
    adapter.bind(slot)
    adapter.reset(1)
    random = np.random.default_rng(3)
    totals = dict.fromkeys(env.possible_agents, 0.0)
    while True:
        agent = env.agent_selection
        observation, _, terminated, truncated, _ = env.last()
        index = env.possible_agents.index(agent)
        if terminated or truncated:
            break
        mask = observation["action_mask"]
        np.testing.assert_array_equal(slot.masks[index], mask)
        np.testing.assert_array_equal(
            field_of(slot, adapter.declaration, "observation", index), observation["observation"].ravel()
        )
        action = int(random.choice(np.flatnonzero(mask)))
        env.step(action)
        slot.discrete[:] = 0
        slot.discrete[index, 0] = action
        adapter.step()
        for i, name in enumerate(env.possible_agents):
            totals[name] += env.rewards[name]
            assert slot.rewards[i] == env.rewards[name]
    assert slot.over[0] == 1
    assert slot.metrics[:, 1].tolist() == list(totals.values())
    assert any(totals.values())


def test_a_team_of_pettingzoo_plays_to_its_end() -> None:
    pytest.importorskip("pettingzoo.butterfly.knights_archers_zombies_v11")
    reference = "pettingzoo:pettingzoo.butterfly.knights_archers_zombies_v11"
    adapter = open_source(reference, {"max_cycles": 100})
    declaration = adapter.declaration
    assert (declaration.agents, declaration.max_steps) == (4, 100)
    slot = slot_of(declaration)
    adapter.bind(slot)
    adapter.reset(0)
    flags = np.zeros(4, int)
    for _ in range(100):
        was = slot.live.copy()
        adapter.step()
        assert (slot.ended.astype(bool) == (was > slot.live)).all()  # leaving has a flag
        flags |= slot.ended
        if slot.over[0]:
            break
    assert slot.over[0] and flags.all()
