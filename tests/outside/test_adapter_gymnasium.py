# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
from typing import Any

import gymnasium
import numpy as np
import pytest
from outside_worlds import Board, Count, Masked
from slots import field_of, slot_of

from shoal.errors import EnvError, ShapeError
from shoal.outside import adapter_gymnasium
from shoal.outside.adapter_gymnasium import GymnasiumAdapter
from shoal.outside.options import Options
from shoal.outside.source import open_source


def bound(env: Any, options: Options = Options()) -> tuple[GymnasiumAdapter, Any]:  # noqa: B008
    adapter = GymnasiumAdapter(env, "test", options)
    slot = slot_of(adapter.declaration)
    adapter.bind(slot)
    return adapter, slot


@pytest.mark.parametrize("name", ["CartPole-v1", "MountainCarContinuous-v0", "Blackjack-v1", "Taxi-v4"])
def test_a_trajectory_is_gymnasiums_own(name: str) -> None:
    theirs = gymnasium.make(name)
    ours = open_source(f"gymnasium:{name}")
    slot = slot_of(ours.declaration)
    ours.bind(slot)
    random = np.random.default_rng(0)
    for seed in range(3):
        observation, _ = theirs.reset(seed=seed)
        ours.reset(seed)
        total = 0.0
        for _ in range(40):
            seen = [field_of(slot, ours.declaration, field.name) for field in ours.declaration.fields]
            expected = np.asarray(observation, np.float64).astype(np.float32).ravel()
            np.testing.assert_array_equal(np.concatenate(seen).astype(np.float32), expected)
            action: Any = theirs.action_space.sample()
            if ours.declaration.heads:
                action = int(random.integers(ours.declaration.heads[0].size))
                slot.discrete[0, 0] = action
            else:
                slot.continuous[0] = action
            observation, reward, terminated, truncated, _ = theirs.step(action)
            ours.step()
            total += float(reward)
            assert slot.rewards[0] == np.float32(reward)
            assert slot.metrics[0, 1] == pytest.approx(total, rel=1e-6)
            assert slot.ended[0] == terminated + 2 * truncated
            if terminated or truncated:
                assert slot.over[0]
                break
            assert not slot.over[0]


def test_the_standard_wrappers_come_off_and_the_limit_is_kept() -> None:
    adapter = GymnasiumAdapter(gymnasium.make("CartPole-v1", max_episode_steps=70), "CartPole-v1")
    assert type(adapter.env).__name__ == "CartPoleEnv"
    assert adapter.declaration.max_steps == 70
    inside = gymnasium.wrappers.ClipReward(gymnasium.make("CartPole-v1"), -1.0, 1.0)
    adapter = GymnasiumAdapter(inside, "CartPole-v1")
    assert adapter.env is inside
    assert adapter.declaration.max_steps == 500


def test_an_environment_without_a_limit_gets_a_stated_one() -> None:
    declaration = GymnasiumAdapter(Count(), "test").declaration
    assert declaration.max_steps == 10_000
    assert declaration.notes == ("it states no time limit: episodes are cut after 10,000 steps (vec.max_steps)",)


@pytest.mark.parametrize(("ends", "cut", "flag"), [(3, 0, 1), (0, 3, 2), (3, 3, 3)])
def test_terminated_and_truncated_stay_apart(ends: int, cut: int, flag: int) -> None:
    adapter, slot = bound(Count(ends, cut))
    adapter.reset(5)
    assert slot.live[0] == 1
    for step in range(3):
        slot.discrete[0, 0] = 2
        adapter.step()
        assert (slot.ended[0], slot.over[0]) == ((flag, 1) if step == 2 else (0, 0))
    assert field_of(slot, adapter.declaration, "observation").tolist() == [5, 3]  # the final one, no reset
    assert slot.metrics[0].tolist() == [0, 1.5]
    adapter.reset(6)
    assert field_of(slot, adapter.declaration, "observation").tolist() == [6, 0]
    assert slot.metrics[0].tolist() == [0, 0]
    adapter.step()
    assert (slot.ended[0], slot.over[0]) == (0, 0)


def test_perf_is_the_share_of_the_range_of_returns() -> None:
    adapter, slot = bound(Count(), Options(perf=(1.0, 2.0)))
    adapter.reset(0)
    slot.discrete[0, 0] = 2
    expected = [0.0, 0.0, 0.5, 1.0, 1.0]
    for perf in expected:
        adapter.step()
        assert slot.metrics[0, 0] == perf


def test_perf_goes_to_the_reward_threshold_where_there_is_one() -> None:
    adapter, slot = bound(gymnasium.make("CartPole-v1"))
    adapter.reset(0)
    adapter.step()
    assert slot.metrics[0, 0] == np.float32(1 / 475)


def test_an_environment_may_state_the_range_of_perf() -> None:
    env = Count()
    env.perf_range = (0.0, 1.0)  # type: ignore[attr-defined]
    adapter, slot = bound(env)
    adapter.reset(0)
    slot.discrete[0, 0] = 2
    adapter.step()
    assert slot.metrics[0, 0] == 0.5
    env.perf_range = (1.0, 0.0)  # type: ignore[attr-defined]
    with pytest.raises(EnvError, match=r"has perf_range=\(1.0, 0.0\); expected two returns"):
        bound(env)


def test_masks_come_from_info_and_from_the_observation() -> None:
    adapter, slot = bound(Masked())
    assert adapter.declaration.heads[0].masked
    adapter.reset(0)
    assert slot.masks[0].tolist() == [1, 0, 0]
    adapter.step()
    assert slot.masks[0].tolist() == [0, 1, 0]
    adapter, slot = bound(Board())
    assert [field.name for field in adapter.declaration.fields] == ["board"]
    adapter.reset(0)
    assert slot.masks[0].tolist() == [0, 1, 1]
    adapter.step()
    assert slot.masks[0].tolist() == [1, 0, 1]
    assert not GymnasiumAdapter(Count(), "test").declaration.heads[0].masked


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("shape", r"observation has shape \(1,\); expected \(2,\)"),
        ("text", "observation holds str; expected numbers"),
        ("reward", "reward=None; expected a number"),
    ],
)
def test_an_environment_that_breaks_its_spaces_is_named(fault: str, sentence: str) -> None:
    adapter, _ = bound(Count(fault=fault))
    adapter.reset(0)
    with pytest.raises(ShapeError, match=f"`test` broke its own spaces: {sentence}"):
        adapter.step()


def test_many_environments_in_one_are_refused() -> None:
    with pytest.raises(EnvError, match="many environments in one"):
        adapter_gymnasium.check(gymnasium.make_vec("CartPole-v1", num_envs=2), "test")
    with pytest.raises(EnvError, match="dict has no `observation_space`"):
        adapter_gymnasium.check({}, "test")


def test_pictures_are_made_when_asked_for() -> None:
    pytest.importorskip("pygame")
    adapter = open_source("gymnasium:CartPole-v1", {}, render=True)
    adapter.bind(slot_of(adapter.declaration))
    adapter.reset(0)
    picture = adapter.render()
    assert picture is not None and picture.dtype == np.uint8 and picture.shape == (400, 600, 3)
    assert open_source("gymnasium:CartPole-v1").render() is None
