# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Environments from Python: named views, steps, statistics, snapshots, and the messages for bad input."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import shoal
from shoal import memory
from shoal.errors import ConfigError, NativeError, ShapeError
from shoal.stats import Stats, stats_of


def test_observations_are_views_that_a_step_refreshes() -> None:
    vec = shoal.make_vec("cartpole", 5, seed=1)
    observations = vec.reset()
    assert {name: view.shape for name, view in observations.items()} == {"state": (5, 4)}
    before = observations["state"].copy()
    after, rewards, terminated, truncated = vec.step(np.zeros(5, np.int32))
    assert after is vec.observations
    assert np.shares_memory(after["state"], vec.rows)
    assert not np.array_equal(before, after["state"])
    assert (rewards == 1).all()
    assert rewards.dtype == np.float32
    assert terminated.dtype == truncated.dtype == np.bool_


def test_the_same_seed_gives_the_same_bytes_for_any_number_of_threads() -> None:
    def play(threads: int, seed: int) -> bytes:
        vec = shoal.make_vec("breakout", 200, seed=seed, threads=threads)
        random = np.random.default_rng(0)
        for _ in range(60):
            vec.step(random.integers(0, 3, 200))
        return vec.rows.tobytes()

    assert play(1, 3) == play(2, 3)
    assert play(1, 3) != play(1, 4)


def test_fields_and_masks_have_their_declared_shapes() -> None:
    squared = shoal.make_vec("squared", 3)
    field = squared.spec.fields[0]
    assert squared.observations[field.name].shape == (3, 11, 11)
    masked = shoal.make_vec("masked", 3)
    head = masked.spec.heads[0]
    assert masked.masks[head.name].shape == (3, head.size)
    assert (masked.masks[head.name].sum(axis=1) >= 1).all()


def test_a_time_limit_truncates_and_keeps_the_final_observation() -> None:
    vec = shoal.make_vec("cartpole", 4, max_steps=3)
    for step in range(3):
        last = vec.observations["state"].copy()
        _, _, terminated, truncated = vec.step(np.zeros(4, np.int32))
        assert truncated.all() == (step == 2)
    assert not terminated.any()
    assert vec.starts.all()
    # The final observation continues the episode: x has moved by x_dot * 0.02 s; the reset's does not.
    moved = last[:, 0] + np.float32(0.02) * last[:, 1]
    np.testing.assert_allclose(vec.final_observations["state"][:, 0], moved, rtol=1e-5)
    assert not np.allclose(vec.observations["state"][:, 0], moved, rtol=1e-5)


def test_a_fall_terminates_and_does_not_truncate() -> None:
    vec = shoal.make_vec("cartpole", 4)
    for _ in range(30):
        _, _, terminated, truncated = vec.step(np.zeros(4, np.int32))
        assert not truncated.any()
        if terminated.any():
            break
    assert terminated.any()


def test_statistics_count_each_life_once_and_start_again() -> None:
    vec = shoal.make_vec("cartpole", 10, max_steps=4)
    for _ in range(8):
        vec.step(np.zeros(10, np.int32))
    stats = vec.stats()
    assert (stats.lives, stats.mean("episode_length"), stats.mean("episode_return")) == (20, 4.0, 4.0)
    assert stats.interval("episode_length") == 0.0
    assert vec.stats().lives == 0
    assert math.isnan(vec.stats().mean("score"))


def test_the_interval_is_1_96_standard_errors() -> None:
    env = shoal.make_vec("cartpole", 1).env
    values = np.array([1.0, 4.0, 2.0, 9.0])
    raw = stats_of(env).values
    raw[0] = len(values)
    raw[5:7] = values.sum(), (values**2).sum()  # the first metric
    stats = Stats(stats_of(env).names, raw)
    assert stats.interval("perf") == pytest.approx(1.96 * values.std(ddof=1) / 2)
    both = stats + stats
    assert (both.lives, both.mean("perf")) == (8, 4.0)
    with pytest.raises(ConfigError, match="no metric is called `scor`\nhint: did you mean `score`"):
        stats.mean("scor")


def test_a_snapshot_replays() -> None:
    vec = shoal.make_vec("pong", 4, seed=2)
    actions = np.random.default_rng(1).integers(0, 3, (30, 4))
    for action in actions[:10]:
        vec.step(action)
    saved = vec.snapshot(2)
    for action in actions[10:]:
        vec.step(action)
    expected = vec.rows[2].copy()
    vec.restore(2, saved)
    for action in actions[10:]:
        vec.step(action)
    assert np.array_equal(vec.rows[2], expected)
    with pytest.raises(ShapeError, match=r"a snapshot of `pong` has \d+ bytes; got 3"):
        vec.restore(2, b"abc")
    with pytest.raises(ConfigError, match="no environment 4; expected 0 to 3"):
        vec.snapshot(4)


def test_scripted_actions_are_taken_by_the_next_step() -> None:
    vec = shoal.make_vec("cartpole", 20)
    for _ in range(200):
        vec.scripted(1.0)
        vec.step()
    assert vec.stats().lives == 0  # the script balances the pole, a constant action does not for 20 steps
    with pytest.raises(ConfigError, match="`forever` has no scripted policy"):
        shoal.make_vec("forever", 1).scripted()


def test_bad_actions_are_counted() -> None:
    vec = shoal.make_vec("cartpole", 6)
    vec.step(np.array([0, 1, 7, -1, 0, 0]))
    assert vec.stats().bad_actions == 2


def test_disabled_resets_wait_for_reset_ended() -> None:
    vec = shoal.make_vec("cartpole", 2, max_steps=1, autoreset="disabled")
    vec.step(np.zeros(2, np.int32))
    with pytest.raises(NativeError, match="an ended environment was stepped: environment=0"):
        vec.step(np.zeros(2, np.int32))
    vec.reset_ended()
    vec.step(np.zeros(2, np.int32))


def test_wrong_arrays_are_named() -> None:
    vec = shoal.make_vec("cartpole", 4)
    with pytest.raises(ShapeError, match=r"wrong shape: discrete has \(3,\); expected \(4, 1\)"):
        vec.step(np.zeros(3, np.int32))
    with pytest.raises(ShapeError, match=r"wrong type: discrete holds float64; expected int32"):
        vec.step(np.zeros(4))
    with pytest.raises(ShapeError, match=r"wrong shape: continuous has \(4,\); expected \(4, 0\)"):
        vec.step(np.zeros(4, np.int32), np.zeros(4))
    with pytest.raises(ConfigError, match=r"autoreset='never' is not a choice; expected one of same-step"):
        shoal.make_vec("cartpole", 4, autoreset="never")
    with pytest.raises(ConfigError, match=r"wrong type: num_envs=2.5; expected a whole number \(at vec.num_envs\)"):
        shoal.make_vec("cartpole", 2.5)  # type: ignore[arg-type]


def test_views_outlive_a_closed_vec() -> None:
    vec = shoal.make_vec("cartpole", 4, seed=5)
    live, state = vec.live, vec.observations["state"]
    expected = state.copy()
    vec.close()
    del vec
    assert live.all()
    assert np.array_equal(state, expected)


def test_a_closed_vec_says_so() -> None:
    with shoal.make_vec("cartpole", 4) as vec:
        pass
    with pytest.raises(NativeError, match="this Vec of `cartpole` is closed"):
        vec.step(np.zeros(4, np.int32))


@pytest.mark.parametrize("num_envs", [10**9, 10**13])
def test_too_many_copies_name_the_largest_number_that_fits(num_envs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 1 << 30)
    pattern = (
        rf"^num_envs={num_envs} needs [\d.,]+ [GT]iB of memory; 1 GiB are available, and at most (\d+) fit "
        r"\(at vec.num_envs\)\nhint: use `--vec.num-envs \d+` or fewer$"
    )
    with pytest.raises(ConfigError, match=pattern) as caught:
        shoal.make_vec("cartpole", num_envs)
    most = int(str(caught.value).partition("at most ")[2].partition(" ")[0])
    monkeypatch.setattr(memory, "allocate", lambda size: pytest.fail(f"allocated {size} bytes"))
    with pytest.raises(ConfigError, match=f"at most {most} fit"):
        shoal.make_vec("cartpole", most + 1)
    with pytest.raises(pytest.fail.Exception):  # fits, so it goes on to allocate
        shoal.make_vec("cartpole", most)


@pytest.mark.parametrize("num_envs", [0, -1])
def test_no_copies_at_all_is_a_mistake(num_envs: int) -> None:
    pattern = rf"^num_envs={num_envs}: expected at least 1; one needs .* are available, and at most \d+ fit"
    with pytest.raises(ConfigError, match=pattern):
        shoal.make_vec("cartpole", num_envs)


@pytest.mark.parametrize("name", ["cartpole", "mixed", "crowd"])
def test_a_run_has_the_same_bits_in_step_and_block_by_block(name: str) -> None:
    found = []
    for in_step in (False, True):
        vec = shoal.make_vec(name, 700, seed=3, threads=2)  # more than one block
        random, shape = np.random.default_rng(5), (3, vec.num_rows)
        discrete = np.empty((*shape, len(vec.spec.heads)), np.int32)
        for index, head in enumerate(vec.spec.heads):
            discrete[..., index] = random.integers(0, head.size, shape)
        continuous = random.uniform(-1, 1, (*shape, len(vec.spec.dims))).astype(np.float32)
        vec.run(100, discrete, continuous, in_step=in_step)
        vec.step(discrete[0], continuous[0])  # over the bound buffers again
        found.append((vec.rows.tobytes(), vec.rewards.tobytes(), vec.stats().values.tobytes(), vec.snapshot(699)))
    assert found[0] == found[1]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux says what threads do")
def test_short_steps_wake_no_other_thread_unless_asked_to() -> None:
    """How often the other thread of a process fell asleep, after its reset and after steps of microseconds."""
    code = """
import os, sys, time
from pathlib import Path
import numpy, shoal
before = set(os.listdir("/proc/self/task"))
vec = shoal.make_vec("cartpole", 1024, threads=int(sys.argv[1]))
workers = set(os.listdir("/proc/self/task")) - before
def naps():
    time.sleep(0.05)  # a worker spins for a while before it falls asleep
    lines = "".join(Path(f"/proc/self/task/{worker}/status").read_text() for worker in workers).splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary"))
asleep = naps()
for _ in range(100):
    vec.step()
print(len(workers), naps() - asleep)
"""
    for threads, woken in ((0, False), (2, True)):
        out = subprocess.run([sys.executable, "-c", code, str(threads)], capture_output=True, text=True, check=True)
        workers, naps = map(int, out.stdout.split())
        assert workers >= threads // 2
        assert (naps > 0) == woken
