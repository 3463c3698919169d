# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Our vector environment against Gymnasium's own around our single one, in each way to begin the next episode."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import guests
import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium")

from gymnasium.vector import AutoresetMode, SyncVectorEnv  # noqa: E402

import shoal.gymnasium  # noqa: E402
from shoal.errors import ConfigError, NativeError, ShapeError  # noqa: E402
from shoal.gymnasium_vector import VectorEnv  # noqa: E402

pytestmark = pytest.mark.usefixtures("unoptimised")
N = 7
MODES = [mode.value for mode in AutoresetMode]
IDS = sorted(name for name in gymnasium.registry if name.startswith("shoal/"))


def close(one: Any, other: Any) -> bool:
    """Return whether two batches of observations or of final ones are equal."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(close(one[name], other[name]) for name in one)
    if one.dtype == object:
        return all(guests.same(a, b) for a, b in zip(one, other, strict=True))
    return one.dtype == other.dtype and np.array_equal(one, other)


def masks_of(info: dict[str, Any]) -> list[tuple[list[int], ...] | None]:
    """Return the masks of both heads, by copy, as ours gives them or as Gymnasium collects single ones."""
    found = info["action_mask"]["discrete"]
    pairs = zip(*found, strict=True) if isinstance(found, tuple) else found
    return [None if pair is None else tuple(part.tolist() for part in pair) for pair in pairs]


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_episodes_end_and_begin_as_in_gymnasium(mode: str, flat: bool, tmp_path: Path) -> None:
    """In `kinds` what is seen follows from the ticks, so both say the same whatever the seed."""
    path = guests.kinds(tmp_path)
    ours = VectorEnv(path, N, autoreset_mode=mode, flat=flat)
    theirs = SyncVectorEnv([lambda: shoal.gymnasium.make(path, flat=flat)] * N, autoreset_mode=mode)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert ours.metadata == theirs.metadata | {"render_modes": ["rgb_array"]}
    ours.action_space.seed(3)
    (seen, info), (expected, other) = ours.reset(seed=1), theirs.reset(seed=1)
    finals = 0
    for step in range(40):
        assert close(seen, expected)
        assert seen in ours.observation_space
        assert masks_of(info) == masks_of(other)
        actions = ours.action_space.sample()
        actions["discrete"][:, 0] = np.random.default_rng(step).random(N) < 0.2
        actions["discrete"][:, 1] = [pair[1].index(1) for pair in masks_of(info)]
        one, two = ours.step(actions), theirs.step(actions)
        (seen, *results, info), (expected, *others, other) = one, two
        for a, b in zip(results, others, strict=True):
            assert a.dtype == (np.float32 if b.dtype == np.float64 else b.dtype)
            assert np.array_equal(a, b.astype(a.dtype))
        assert info.keys() == other.keys()
        if "final_obs" in info:
            finals += 1
            assert close(info["final_obs"], other["final_obs"])
            assert np.array_equal(info["_final_obs"], other["_final_obs"])
            assert np.array_equal(info["_final_info"], other["_final_info"])
            final = [found for found in info["final_info"]["action_mask"] if found is not None]
            assert final == [None] * len(final) or all(set(found) == {"discrete", "continuous"} for found in final)
        ended = results[1] | results[2]
        if mode == "Disabled" and ended.any():
            assert close(seen, expected)
            with pytest.raises(NativeError, match="an ended environment was stepped"):
                ours.step(actions)
            ended[step % N] = True  # one that may not have ended begins again too
            seen, info = ours.reset(options={"reset_mask": ended})
            expected, _ = theirs.reset(options={"reset_mask": ended})
            other = info  # Gymnasium's holds masks of those alone that were reset
    assert (finals > 5) == (mode == "SameStep")


@pytest.mark.parametrize("name", IDS)
def test_every_environment_steps_as_a_vector(name: str) -> None:
    for mode in MODES:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            envs = gymnasium.make_vec(name, num_envs=3, autoreset_mode=mode)
        (seen, info), ended = envs.reset(seed=1), np.zeros(3, bool)
        for _ in range(5):
            assert seen in envs.observation_space
            expected = {"action_mask", "_action_mask"} if envs.vec.spec.mask_bytes else set()
            if mode == "SameStep" and ended.any():
                expected |= {"final_obs", "_final_obs", "final_info", "_final_info"}
            assert info.keys() == expected
            seen, _, terminated, truncated, info = envs.step(envs.action_space.sample())
            ended = terminated | truncated
            if mode == "Disabled" and ended.any():
                break
        assert envs.metadata["autoreset_mode"] == AutoresetMode(mode)
        assert envs.spec.id == name
        envs.close()
        envs.close()


def trajectory(steps: int = 150, num_envs: int = 300, **options: Any) -> tuple[list[Any], shoal.Vec]:
    envs = gymnasium.make_vec("shoal/Cartpole-v1", num_envs=num_envs, **options)
    out = [(envs.reset(seed=4)[0],)]
    random = np.random.default_rng(2)
    out += [envs.step(random.integers(0, 2, num_envs)) for _ in range(steps)]
    return out, envs.unwrapped.vec


def test_worlds_that_wait_change_nothing_for_the_others() -> None:
    """A run of copies with waiting ones is stepped as a whole: as when each is alone, and as without waiting."""
    whole, vec = trajectory()
    for row in (0, 95, 96, 299):
        alone = shoal.Vec(vec.spec, num_envs=1, seed=vec._config.seed, first_index=row, autoreset="next-step")
        random, ends = np.random.default_rng(2), 0
        alone.reset(vec._config.seed)
        for seen, rewards, terminated, truncated, _ in whole[1:]:
            observations, *results = alone.step(random.integers(0, 2, 300)[row : row + 1])
            assert np.array_equal(observations["state"][0], seen[row])
            assert [part[0] for part in results] == [rewards[row], terminated[row], truncated[row]]
            ends += terminated[row]
        assert ends > 2
    stats = vec.stats()
    assert stats.lives == sum((part[2] | part[3]).sum() for part in whole[1:])
    assert stats.bad_actions == 0
    starts = np.concatenate([part[0][part[1] == 0] for part in whole[1:]])  # rows whose step was a reset
    assert len(starts) > 300 and (np.abs(starts) < 0.05).all()


@pytest.mark.parametrize("mode", MODES[:2])
def test_threads_change_nothing(mode: str) -> None:
    (one, _), (two, _), (chosen, _) = (trajectory(40, 3000, threads=n, autoreset_mode=mode) for n in (1, 2, 0))
    for a, b, c in zip(one, two, chosen, strict=True):
        for x, y, z in zip(a[:4], b[:4], c[:4], strict=True):
            assert x.tobytes() == y.tobytes() == z.tobytes()


def test_steps_return_memory_of_their_own_unless_told_otherwise() -> None:
    kept, _ = trajectory(30)
    again, _ = trajectory(30)
    for one, other in zip(kept, again, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one[:4], other[:4], strict=True))
    views, _ = trajectory(30, copy=False)
    assert np.shares_memory(views[5][0], views[6][0]) and np.shares_memory(views[5][1], views[6][1])
    assert np.array_equal(views[-1][0], kept[-1][0])


def test_a_reset_mask_ends_a_life_without_counting_it() -> None:
    envs = gymnasium.make_vec("shoal/Cartpole-v1", num_envs=2, autoreset_mode="Disabled", max_episode_steps=9)
    envs.reset(seed=1)
    inner = envs.unwrapped
    for step in range(4):
        envs.step(np.array([0, step % 2]))
    seen, _ = envs.reset(options={"reset_mask": np.array([True, False]), "params": {"gravity": 20.0}})
    assert (np.abs(seen[0]) <= 0.05).all() and np.abs(seen[1]).max() > 0.05
    assert inner.vec.values("gravity").tolist() == [20, np.float32(9.8)]
    for step in range(5):
        _, _, _, truncated, _ = envs.step(np.array([step % 2, step % 2]))
    assert truncated.tolist() == [False, True]
    envs.reset(options={"reset_mask": truncated})
    for step in range(4):
        envs.step(np.array([step % 2, 0]))
    stats = inner.vec.stats()
    assert (stats.lives, stats.mean("episode_length")) == (2, 9)
    envs.reset(seed=2)
    assert inner.vec.values("gravity").tolist() == [np.float32(9.8)] * 2


def test_resets_follow_np_random() -> None:
    envs = gymnasium.make_vec("shoal/Template-v1", num_envs=4, flat=True)
    first, second = envs.reset(seed=8)[0], envs.reset()[0]
    assert not np.array_equal(first, second)
    assert np.array_equal(envs.reset(seed=8)[0], first) and np.array_equal(envs.reset()[0], second)
    assert len({row.tobytes() for row in first}) == 4


def test_the_other_ways_to_make_a_vector_work() -> None:
    for way, kind in (("sync", "SyncVectorEnv"), ("async", "AsyncVectorEnv"), (None, "VectorEnv")):
        envs = gymnasium.make_vec("shoal/Squared-v1", num_envs=2, vectorization_mode=way)
        assert type(envs.unwrapped).__name__ == kind
        envs.reset(seed=1)
        assert envs.step(envs.action_space.sample())[0].shape == (2, 11, 11)
        envs.close()
    wrapped = gymnasium.wrappers.vector.RecordEpisodeStatistics(
        gymnasium.make_vec("shoal/Cartpole-v1", num_envs=8, max_episode_steps=3)
    )
    wrapped.reset(seed=1)
    for _ in range(3):
        *_, truncated, info = wrapped.step(np.zeros(8, np.int64))
    assert truncated.all() and info["episode"]["r"].tolist() == [3.0] * 8


def test_pictures_of_all() -> None:
    envs = gymnasium.make_vec("shoal/Template-v1", num_envs=3, render_mode="rgb_array")
    envs.reset(seed=1)
    pictures = envs.render()
    assert [picture.shape for picture in pictures] == [pictures[0].shape] * 3
    assert not np.array_equal(pictures[0], pictures[1])


def test_mistakes_are_one_sentence() -> None:
    with pytest.raises(ConfigError, match="autoreset_mode='Never' is not a choice; expected one of 'NextStep'"):
        gymnasium.make_vec("shoal/Cartpole-v1", 2, autoreset_mode="Never")
    with pytest.raises(ConfigError, match="render_mode='human' is not a choice"):
        gymnasium.make_vec("shoal/Cartpole-v1", 2, render_mode="human")
    envs = gymnasium.make_vec("shoal/Cartpole-v1", 2)
    envs.reset(seed=1)
    for actions, said in (
        (np.zeros((2, 1), int), r"wrong shape: action has \(2, 1\); expected \(2,\)"),
        (0, r"wrong shape: action has \(\); expected \(2,\)"),
        (np.zeros(2), "wrong type: action holds float64; expected whole numbers"),
    ):
        with pytest.raises(ShapeError, match=said):
            envs.step(actions)
    for options, said in (
        ({"reset_mask": [True, False]}, r"wrong type: reset_mask=\[True, False\]; expected a bool array of shape"),
        ({"reset_mask": np.ones(2, bool)}, 'reset_mask is for autoreset_mode="Disabled", and without a seed'),
    ):
        with pytest.raises(ConfigError, match=said):
            envs.reset(options=options)
