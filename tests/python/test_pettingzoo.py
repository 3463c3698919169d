# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Our environments in PettingZoo: its tests, and each number beside a Vec that is stepped with the same seed."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import guests
import numpy as np
import pytest
from test_live import opened

pytest.importorskip("pettingzoo")

from pettingzoo.test import parallel_api_test, parallel_seed_test, seed_test
from pettingzoo.utils import parallel_to_aec

import shoal
from shoal import registry
from shoal.errors import ConfigError, ShapeError
from shoal.pettingzoo import parallel_env

pytestmark = pytest.mark.usefixtures("unoptimised")
NAMES = [*registry.names(), "kinds", "multi-agent"]
# `possible_agents` has a name for every life that an episode may see; few see them all.
FEWER = "No agents present but not all possible_agents are terminated or truncated"


def path_of(name: str, folder: Path) -> str:
    if name == "kinds":
        return guests.kinds(folder)
    return guests.made(name, folder) if name == "multi-agent" else name


@pytest.mark.parametrize("name", NAMES)
def test_pettingzoo_accepts(name: str, tmp_path: Path) -> None:
    path = path_of(name, tmp_path)
    for options in ({}, {"flat": True, "max_lives": 2}):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            parallel_api_test(parallel_env(path, **options), num_cycles=60)
            parallel_seed_test(lambda options=options: parallel_env(path, **options))
            seed_test(lambda options=options: parallel_to_aec(parallel_env(path, **options)), num_cycles=9)
        assert {str(warning.message) for warning in said} <= {FEWER}


def sampled(env: Any) -> dict[str, Any]:
    return {agent: env.action_space(agent).sample() for agent in env.agents}


@pytest.mark.parametrize("name", ["crowd", "multi-agent"])
def test_lives_are_those_of_the_world(name: str, tmp_path: Path) -> None:
    """Crowd's agents stay away for a while, the template's come back in the step in which they end."""
    env = parallel_env(path_of(name, tmp_path), agents=5)
    seats = [env.action_space(f"agent_{seat}") for seat in range(5)]
    assert len({id(space) for space in seats}) == 5
    for seat, space in enumerate(seats):
        space.seed(seat)
    observations, _ = env.reset(seed=3)
    vec = shoal.Vec(env.vec.spec, num_envs=1, autoreset="disabled", final_rows="all")
    vec.reset(int(np.random.Generator(np.random.PCG64(np.random.SeedSequence(3))).integers(1 << 63)))
    field = vec.spec.fields[0].name
    lives = [-1] * 5
    ended: set[str] = set()
    names: dict[str, int] = {}
    while True:
        while True:
            for seat in np.flatnonzero(vec.starts):
                lives[seat] += 1
                names[f"agent_{seat}" + (f"_life_{lives[seat]}" if lives[seat] else "")] = int(seat)
            if names or vec.waiting[0]:
                break
            vec.step()  # nobody lives
        assert env.agents == sorted(names, key=lambda agent: names[agent])
        assert not ended & set(env.agents)
        assert set(env.agents) <= set(env.possible_agents)
        for agent in env.agents:
            assert env.action_space(agent) is seats[names[agent]]
            if not any(agent == other for other in ended):
                shown = vec.observations[field][names[agent]]
                assert np.array_equal(observations[agent] if name == "crowd" else observations[agent][field], shown)
        actions = sampled(env)
        vec.discrete[:] = 0
        for agent, action in actions.items():
            vec.discrete[names[agent], 0] = action
        before = dict(names)
        observations, rewards, terminated, truncated, infos = env.step(actions)
        vec.step()
        for agent, seat in before.items():
            assert rewards[agent] == vec.rewards[seat]
            assert (terminated[agent], truncated[agent]) == (bool(vec.ended[seat] & 1), bool(vec.ended[seat] & 2))
            if vec.ended[seat]:
                final = vec.final_observations[field][seat]
                assert np.array_equal(observations[agent] if name == "crowd" else observations[agent][field], final)
                ended.add(agent)
                del names[agent]
        new = set(rewards) - set(before)
        assert all(rewards[agent] == 0 and not terminated[agent] and not truncated[agent] for agent in new)
        assert observations.keys() == rewards.keys() == terminated.keys() == truncated.keys() == infos.keys()
        if vec.waiting[0]:
            break
    assert env.agents == []
    assert max(lives) > 3
    with pytest.raises(ConfigError, match="the episode is over: nobody lives; expected a reset first"):
        env.step({})


def test_max_lives_bounds_the_names() -> None:
    env = parallel_env("crowd", agents=3, max_lives=2)
    env.reset(seed=1)
    first = ["agent_0", "agent_1", "agent_2"]
    assert env.possible_agents == first + [f"{agent}_life_1" for agent in first]
    seen = set(env.agents)
    while env.agents:
        env.step(sampled(env))
        seen |= set(env.agents)
    assert seen == set(env.possible_agents)
    assert not env.vec.waiting[0]  # the world would go on, with lives that have no name
    assert len(parallel_env("crowd", agents=3, max_episode_steps=9).possible_agents) == 27
    assert parallel_env("squared").possible_agents == ["agent_0"]


def test_the_world_goes_on_while_nobody_lives() -> None:
    env = parallel_env("crowd", agents=1, life=1.0, away=20)
    env.reset(seed=2)
    ticks = lives = 0
    while env.agents:
        (agent,) = env.agents
        _, _, terminated, truncated, _ = env.step({agent: 0})
        assert terminated[agent] or truncated[agent]
        lives += 1
        ticks += 1
    assert lives > 5
    assert env.vec.waiting[0]  # over because the world is


def test_state_is_what_all_observe() -> None:
    env = parallel_env("crowd", agents=6)
    observations, _ = env.reset(seed=5)
    for _ in range(20):
        expected = np.zeros(6, np.float32)
        for agent, seen in observations.items():
            if agent in env.agents:
                expected[int(agent.split("_")[1])] = seen[0]
        assert np.array_equal(env.state(), expected)
        assert env.state() in env.state_space
        observations, *_ = env.step(sampled(env))


def test_seeds_options_and_masks(tmp_path: Path) -> None:
    env = parallel_env("crowd")
    first = env.reset(seed=7)[0], env.reset()[0]
    again = env.reset(seed=7)[0], env.reset()[0]
    assert first[0].keys() == again[0].keys() and first[1].keys() == again[1].keys()
    assert first[0].keys() != first[1].keys()
    env.reset(options={"params": {"life": 3.0}, "other": 1})
    assert env.vec.values("life") == 3
    env.reset()
    assert env.vec.values("life") == 8
    kinds = parallel_env(guests.kinds(tmp_path))
    _, infos = kinds.reset(seed=1)
    assert infos["agent_0"]["action_mask"]["discrete"][1].tolist() == [1, 0, 1]
    assert kinds.action_space("agent_0").sample(mask=infos["agent_0"]["action_mask"])["discrete"][1] != 1


def test_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    env = parallel_env("crowd", render_mode="rgb_array")
    env.reset(seed=1)
    assert env.render().shape[0] == 400 and env.render().dtype == np.uint8
    window = opened(monkeypatch, [{}])
    shown = parallel_env("crowd", render_mode="human")
    shown.reset(seed=1)
    shown.step(sampled(shown))
    shown.close()
    assert (window.frame, window.closed) == (2, 1)
    assert (str(env), env.metadata["render_modes"]) == ("crowd_v1", ["human", "rgb_array"])


def test_mistakes_are_one_sentence() -> None:
    env = parallel_env("crowd", agents=2, away=1, life=50.0)
    env.reset(seed=4)
    assert env.agents == ["agent_0", "agent_1"]
    assert env.team("agent_1") == 0
    for actions, error, said in (
        ({"agent_0": 1}, ConfigError, "the action of 'agent_1' is missing; expected one of everyone in `agents`"),
        ({"agent_0": 1, "agent_1": 1, "agent_7": 0}, ConfigError, "no agent is called 'agent_7'\nhint: did you mean"),
        ({"agent_0": 1, "agent_0_life_1": 1}, ConfigError, "'agent_0_life_1' does not live; expected actions of"),
        ({"agent_0": 1, "agent_1": [1, 2]}, ShapeError, r"wrong shape: action has \(2,\); expected \(\)"),
    ):
        with pytest.raises(error, match=said):
            env.step(actions)
    for name in ("agent_2", "agent", "agent_0_life_0", "agent_0_life_256", "x_0", "agent_0_life", "agent_00"):
        with pytest.raises(ConfigError, match="no agent is called"):
            env.observation_space(name)
    with pytest.raises(ConfigError, match="max_lives=-1: expected a whole number"):
        parallel_env("crowd", max_lives=-1)
