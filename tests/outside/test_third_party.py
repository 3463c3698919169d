# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Environments that need packages of their own: each comes in as its settings say, and steps as without shoal."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from slots import slot_of

from shoal.outside.source import open_source

# reference, package, fields as (name, kind, sizes), sizes of heads, number of dimensions, time limit
TABLE: list[tuple[str, str, list[Any], list[int], int, int]] = [
    ("gymnasium:LunarLander-v3", "Box2D", [("observation", "vector", (1, 8, 1))], [4], 0, 1000),
    ("gymnasium:Hopper-v5", "mujoco", [("observation", "vector", (1, 11, 1))], [], 3, 1000),
    ("gymnasium:HalfCheetah-v5", "mujoco", [("observation", "vector", (1, 17, 1))], [], 6, 1000),
    (
        "gymnasium:MiniGrid-DoorKey-6x6-v0",
        "minigrid",
        [("direction", "category", (1, 1, 1)), ("image", "grid", (7, 7, 3))],
        [7],
        0,
        360,
    ),
    ("gymnasium:ALE/Pong-v5", "ale_py", [("observation", "image", (84, 84, 4))], [6], 0, 27_000),
]


@pytest.mark.parametrize(("reference", "package", "fields", "heads", "dims", "limit"), TABLE)
def test_it_comes_in_as_its_settings_say(
    reference: str, package: str, fields: list[Any], heads: list[int], dims: int, limit: int
) -> None:
    pytest.importorskip(package)
    adapter = open_source(reference)
    declaration = adapter.declaration
    found = [(field.name, field.kind, (field.rows, field.columns, field.channels)) for field in declaration.fields]
    assert sorted(found) == fields
    assert ([head.size for head in declaration.heads], len(declaration.dims)) == (heads, dims)
    assert declaration.max_steps == limit
    slot = slot_of(declaration)
    adapter.bind(slot)
    adapter.reset(0)
    for _ in range(10):
        adapter.step()
    assert slot.live[0] and np.isfinite(slot.metrics).all()
    adapter.close()


@pytest.mark.parametrize(("name", "package"), [("LunarLander-v3", "Box2D"), ("Hopper-v5", "mujoco")])
def test_its_trajectory_is_gymnasiums_own(name: str, package: str) -> None:
    pytest.importorskip(package)
    theirs, ours = gymnasium.make(name), open_source(f"gymnasium:{name}")
    slot = slot_of(ours.declaration)
    ours.bind(slot)
    theirs.action_space.seed(0)
    for seed in range(2):
        observation, _ = theirs.reset(seed=seed)
        ours.reset(seed)
        for _ in range(60):
            expected = np.asarray(observation, np.float64).astype(np.float32)
            np.testing.assert_array_equal(slot.rows[0].view(np.float32), expected)
            action = theirs.action_space.sample()
            slot.discrete[0, :] = action if ours.declaration.heads else 0
            slot.continuous[0, :] = 0 if ours.declaration.heads else action
            observation, reward, terminated, truncated, _ = theirs.step(action)
            ours.step()
            assert slot.rewards[0] == np.float32(reward)
            assert slot.ended[0] == terminated + 2 * truncated
            if terminated or truncated:
                break


def test_an_agent_of_a_team_has_a_share_of_the_walk() -> None:
    pytest.importorskip("pettingzoo.sisl.multiwalker_v9")
    adapter = open_source("pettingzoo:pettingzoo.sisl.multiwalker_v9")
    assert (adapter.declaration.agents, len(adapter.declaration.dims)) == (3, 4)
    slot = slot_of(adapter.declaration)
    adapter.bind(slot)
    adapter.reset(0)
    for _ in range(20):
        adapter.step()
    assert (slot.metrics[:, 1] != 0).all()
