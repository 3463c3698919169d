# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Python environments in workers: what is stepped, by whom it may be stepped, and that nothing is left behind."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import shoal
from shoal import ConfigError, EnvError, Workers, native

WALK = f"{Path(__file__).parent / 'worlds.py'}:make_walk"


def play(steps: int = 60, num_envs: int = 5, workers: Workers | None = None, **settings: object) -> tuple[object, ...]:
    """Return everything that a vec shows over some steps of drawn actions, and its statistics."""
    seen: list[object] = []
    actions = np.random.default_rng(3).integers(0, 2, (steps, num_envs))
    with shoal.make_vec(WALK, num_envs, seed=4, workers=workers or Workers(kind="serial"), **settings) as vec:  # type: ignore[arg-type]
        for action in actions:
            seen += [vec.rows.tobytes(), vec.starts.tobytes()]
            _, rewards, terminated, truncated = vec.step(action)
            cut = np.flatnonzero(truncated & ~terminated)
            seen += [rewards.tobytes(), terminated.tobytes(), truncated.tobytes(), vec.final_row_bytes[cut].tobytes()]
        return (*seen, *vec.stats().values.tolist())


def test_steps_are_those_of_the_walk() -> None:
    with shoal.make_vec(WALK, 3, seed=1, workers=Workers(kind="serial"), size=6, limit=100) as vec:
        place = vec.observations["place"][:, 0].copy()
        for _ in range(8):
            _, rewards, terminated, truncated = vec.step([1, 1, 1])
            place += 1
            assert (terminated == (place >= 6)).all()
            assert (rewards == terminated).all()
            assert not truncated.any()
            place[terminated] = vec.observations["place"][terminated, 0]  # of the episode that has begun
            assert (vec.observations["place"][:, 0] == place).all()
            assert (vec.starts == terminated).all()
            assert (vec.observations["parity"][:, 0] == place % 2).all()


def test_time_limit_truncates_and_keeps_the_final_observation() -> None:
    with shoal.make_vec(WALK, 2, seed=1, workers=Workers(kind="serial"), limit=5, size=50) as vec:
        for step in range(1, 11):
            _, _, terminated, truncated = vec.step([1, 1])
            assert not terminated.any()
            assert truncated.all() == (step % 5 == 0)
            if step % 5 == 0:
                start = vec.final_observations["place"][:, 1]
                assert (vec.final_observations["place"][:, 0] == start + 5).all()
                assert (vec.observations["place"][:, 0] == vec.observations["place"][:, 1]).all()
        stats = vec.stats()
        assert (stats.lives, stats.mean("episode_length")) == (4, 5.0)


@pytest.mark.parametrize("kind", ["threads", "processes"])
@pytest.mark.parametrize("block", [1, 2, 5])
def test_same_bits_whoever_steps(kind: str, block: int) -> None:
    assert play(workers=Workers(kind=kind, count=2, block=block)) == play()


def test_same_bits_when_forked() -> None:
    assert play(workers=Workers(start="fork", count=2)) == play()


def test_next_step_and_disabled_resets_wait() -> None:
    with shoal.make_vec(WALK, 2, seed=1, workers=Workers(kind="serial"), autoreset="next-step", limit=3) as vec:
        for _ in range(3):
            _, _, _, truncated = vec.step([0, 0])
        assert truncated.all()
        assert vec.waiting.all()
        place = vec.observations["place"].copy()
        _, rewards, _, truncated = vec.step([1, 1])
        assert not rewards.any()
        assert not truncated.any()
        assert not vec.waiting.any()
        assert vec.starts.all()
        assert (vec.observations["place"][:, 1] == vec.observations["place"][:, 0]).all()
        assert (place[:, 0] == 0).all()
    with shoal.make_vec(WALK, 2, seed=1, workers=Workers(kind="serial"), autoreset="disabled", limit=3) as vec:
        for _ in range(3):
            vec.step([0, 0])
        with pytest.raises(shoal.NativeError, match="an ended environment was stepped"):
            vec.step([0, 0])
        vec.reset_ended()
        assert vec.starts.all()


def test_continuous_actions_arrive_clipped() -> None:
    arm = WALK.replace("make_walk", "make_arm")
    with shoal.make_vec(arm, 2, seed=1, workers=Workers(kind="serial")) as vec:
        before = vec.observations["angle"].copy()
        vec.step(continuous=[[0.25], [7.0]])
        assert np.allclose(vec.observations["angle"] - before, [[0.25], [1.0]])
        assert vec.stats().bad_actions == 1


def test_parameters_reach_the_environment() -> None:
    with shoal.make_vec(WALK, 2, workers=Workers(kind="serial"), size=40) as vec:
        vec.broadcast({"speed": 3.0})
        rewards = [vec.step([1, 1])[1].max() for _ in range(100)]
    assert max(rewards) == 0.0  # the walk is long, and its limit short
    with shoal.make_vec(WALK, 2, workers=Workers(kind="serial"), size=4) as vec:
        first = [vec.step([1, 1])[1].max() for _ in range(5)]
        vec.broadcast({"speed": 3.0})
        later = [vec.step([1, 1])[1].max() for _ in range(10)]
        assert vec.values("speed").tolist() == [3.0, 3.0]
    assert (max(first), max(later)) == (1.0, 3.0)


def test_a_parameter_is_drawn_per_episode() -> None:
    with shoal.make_vec(WALK, 4, workers=Workers(kind="serial"), size=4, speed="uniform(1, 2)") as vec:
        seen = {float(reward) for _ in range(40) for reward in vec.step([1] * 4)[1] if reward}
    assert len(seen) > 5
    assert 1.0 <= min(seen) <= max(seen) <= 2.0


def test_what_is_drawn_can_be_seen() -> None:
    with shoal.make_vec(
        WALK, 4, workers=Workers(kind="serial"), size=4, speed="uniform(1, 2)", observe_contexts=True
    ) as vec:
        for _ in range(20):
            before = vec.observations["speed"][:, 0].copy()
            assert (before == vec.values("speed")).all()
            rewards = vec.step([1] * 4)[1]
            assert np.allclose(rewards[rewards > 0], before[rewards > 0], rtol=1e-6)


def test_wrong_parameters_are_named() -> None:
    with pytest.raises(ConfigError, match="has no parameter `sise`"):
        shoal.make_vec(WALK, 2, sise=3)
    with pytest.raises(ConfigError, match="fixed at creation"):
        shoal.make_vec(WALK, 2, size="range(3, 5)")
    with pytest.raises(EnvError, match="no function or class `make_wolk`"):
        shoal.make_vec(WALK.replace("make_walk", "make_wolk"), 2)


def descendants() -> set[str]:
    """Return the processes that were started from here and still run."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if words[1] == str(os.getpid()) and words[0] != "Z":
            found.add(path.parent.name)
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_closing_leaves_no_process_and_no_memory() -> None:
    before, files = descendants(), len(os.listdir("/proc/self/fd"))
    with shoal.make_vec(WALK, 4, workers=Workers(count=2)) as vec:
        vec.step([1] * 4)
        assert len(descendants() - before) == 2
    assert descendants() == before
    del vec
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= files


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_workers_end_with_a_parent_that_was_killed() -> None:
    code = f"""
import shoal, time
vec = shoal.make_vec({WALK!r}, 4, workers=shoal.Workers(count=2))
print(*[process.pid for process in vec.pool._processes], flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = parent.stdout.readline().split()
    assert len(pids) == 2
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_workers_without_work_sleep() -> None:
    def spent(vec: shoal.Vec) -> float:
        assert vec.pool is not None
        files = [Path(f"/proc/{process.pid}/stat") for process in vec.pool._processes]
        words = [file.read_text(encoding="utf-8").rpartition(")")[2].split() for file in files]
        return sum(int(row[11]) + int(row[12]) for row in words) / os.sysconf("SC_CLK_TCK")

    with shoal.make_vec(WALK, 4, workers=Workers(count=2)) as vec:
        vec.step([1] * 4)
        before = spent(vec)
        time.sleep(0.5)
        assert spent(vec) - before < 0.1


def test_sides_look_before_they_sleep_while_there_are_cores_for_all() -> None:
    cores = native.library().cores()
    assert Workers(count=cores, block=1).spin_seconds(64) > 0.0
    assert Workers(count=cores + 1, block=1).spin_seconds(cores + 1) == 0.0
    assert Workers(count=cores + 1, block=1, spin=True).spin_seconds(cores + 1) < 0.0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="stops a process")
def test_what_is_done_first_is_received_first() -> None:
    with shoal.make_vec(WALK, 4, workers=Workers(count=2, block=1), size=50) as vec:
        assert vec.pool is not None
        slow = vec.pool._processes[1].pid  # has environments 1 and 3
        place = vec.observations["place"][:, 0].copy()
        os.kill(slow, signal.SIGSTOP)
        try:
            vec.send(range(4), [1, 1, 1, 1])
            assert sorted(vec.recv(2)) == [0, 2]
            vec.send([0, 2], [1, 1])
            with pytest.raises(ConfigError, match="environment 1 is under way"):
                vec.send([1], [1])
            assert sorted(vec.recv(2)) == [0, 2]
            assert (vec.observations["place"][:, 0] == place + np.array([2, 0, 2, 0])).all()
        finally:
            os.kill(slow, signal.SIGCONT)
        assert sorted(vec.recv(2)) == [1, 3]
        assert (vec.observations["place"][:, 0] == place + np.array([2, 1, 2, 1])).all()
        with pytest.raises(ConfigError, match="least=1; expected 1 to the 0 environments"):
            vec.recv()


def test_parts_of_blocks_cannot_be_sent() -> None:
    with shoal.make_vec(WALK, 4, workers=Workers(kind="serial", block=2)) as vec:
        with pytest.raises(ConfigError, match="whole blocks of 2"):
            vec.send([1, 2], [0, 0])
        vec.send([2, 3], [1, 1])
        assert vec.recv().tolist() == [2, 3]
    with pytest.raises(ConfigError, match="is in C"):
        shoal.make_vec("cartpole", 2).send([0], [1])
