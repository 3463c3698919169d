# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Emission of metrics, staggered starts and cleaning of actions."""

import math

import numpy as np
import pytest

from shoal import native

GO, TERMINATE, TRUNCATE, BOTH, OVER = range(5)


def stats(vec):
    """Return (lives, bad actions, partial emissions, {metric: (sum, sum of squares)})."""
    values = vec.stats()
    names = ("perf", "score", "return", "length")
    pairs = values[native.STATS_FIRST :].reshape(-1, 2).tolist()
    return int(values[0]), int(values[1]), values[2:5].tolist(), dict(zip(names, map(tuple, pairs), strict=True))


def test_ended_lives_emit_metrics_return_and_length(toy, play):
    vec = toy()
    play(vec, [[GO, GO], [TERMINATE, GO], [GO, GO], [GO, TRUNCATE], [GO, GO]])
    first, second = 1 + 2, 11 + 12 + 13 + 14
    assert stats(vec) == (
        2,
        0,
        [0, 0, 0],
        {
            "perf": (0.5 + 0.5, 0.25 + 0.25),
            "score": (2 + 4, 4 + 16),
            "return": (first + second, first**2 + second**2),
            "length": (2 + 4, 4 + 16),
        },
    )
    assert stats(vec)[0] == 0  # they were taken


def test_metrics_persist_over_a_life_and_not_beyond(toy, play):
    vec = toy("TOY_RESPAWN", agents=1)
    play(vec, [[GO], [GO], [TERMINATE], [GO], [TERMINATE]])
    lives, _, _, sums = stats(vec)
    assert lives == 2
    assert sums["score"] == (3 + 2, 9 + 4)
    assert sums["return"] == (6 + 9, 36 + 81)


def test_garbage_of_absent_agents_is_not_emitted(toy, play):
    vec = toy("TOY_LIVE")
    play(vec, [[TERMINATE, GO], [GO, GO], [GO, GO], [TERMINATE, GO]])
    lives, _, _, sums = stats(vec)
    assert lives == 2
    assert sums["score"] == (1 + 1, 2)
    assert sums["return"] == (1 + 4, 1 + 16)


def test_partial_emissions_leave_the_life_alone(toy, play):
    vec = toy(agents=1, metric_steps=2)
    play(vec, [[GO]] * 5 + [[TERMINATE]] + [[GO]] * 3)
    # After 2 and 4 steps what came since; the 6th step ends the life, which emits in full; after the 8th a new one.
    lives, _, partial, sums = stats(vec)
    assert partial == [3, (1 + 2) + (3 + 4) + (1 + 2), 6]
    assert lives == 1
    assert sums["return"] == (21, 21**2)
    assert sums["length"] == (6, 36)
    assert vec.returns.tolist() == [1 + 2 + 3]


def test_partial_emissions_are_off_by_default(toy, play):
    vec = toy(agents=1)
    play(vec, [[GO]] * 9)
    assert stats(vec)[2] == [0, 0, 0]


def test_partial_emissions_skip_the_absent(toy, play):
    vec = toy(metric_steps=3)
    play(vec, [[GO, TERMINATE], [GO, GO], [GO, GO]])
    assert stats(vec)[2] == [1, 1 + 2 + 3, 3]


def test_stagger_cuts_the_first_episode_alone_and_does_not_count_it(toy, play):
    vec = toy(agents=1, num_envs=400, max_steps=10, stagger=1)
    firsts = vec.limits.copy()
    assert firsts.min() == 1
    assert firsts.max() == 10
    counts = np.bincount(firsts, minlength=11)[1:]
    assert counts.min() > 15  # 40 expected
    ends = np.zeros(400, int)
    for step in range(1, 11):
        play(vec, [[GO] * 400])
        ended = vec.ended == 2
        assert (ended == (firsts == step)).all()
        assert (vec.limits[ended] == 10).all()
        ends[ended] = step
    assert stats(vec)[0] == 0
    play(vec, [[GO] * 400] * 10)
    lives, _, _, sums = stats(vec)
    assert lives == 400
    assert sums["length"] == (4000, 40000)


def test_stagger_depends_on_the_environment_alone(toy):
    limits = toy(agents=1, num_envs=9, stagger=1, seed=3).limits.tolist()
    assert toy(agents=1, num_envs=4, stagger=1, seed=3, first_index=5).limits.tolist() == limits[5:]
    assert toy(agents=1, num_envs=9, stagger=1, seed=4).limits.tolist() != limits


@pytest.mark.parametrize(
    ("given", "cleaned", "bad"),
    [
        ((0, 1, 0.5, 2), (0, 1, 0.5, 2), 0),
        ((4, 2, -1, 3), (4, 2, -1, 3), 0),
        ((5, 1, 0, 1), (0, 1, 0, 1), 1),  # out of range: the first legal one
        ((-1, 1, 0, 1), (0, 1, 0, 1), 1),
        ((0, 0, 0, 1), (0, 1, 0, 1), 1),  # masked: the first legal one is 1
        ((0, 3, 0, 1), (0, 1, 0, 1), 1),
        ((0, -(2**31), 0, 1), (0, 1, 0, 1), 1),
        ((0, 1, 2.5, 9), (0, 1, 2, 3), 2),  # clipped
        ((0, 1, -7, 0), (0, 1, -1, 1), 2),
        ((0, 1, math.nan, 2), (0, 1, 0, 2), 1),  # not finite: 0
        ((0, 1, math.inf, 2), (0, 1, 0, 2), 1),
        ((0, 1, -math.inf, math.nan), (0, 1, 0, 1), 2),  # 0, which is below this one's bounds
        ((9, 9, math.nan, 9), (0, 1, 0, 3), 4),
    ],
)
def test_bad_actions_are_cleaned_and_counted(toy, given, cleaned, bad):
    vec = toy(agents=1)
    vec.discrete[:], vec.continuous[:] = given[:2], given[2:]
    vec.step()
    assert (*vec.discrete[0].tolist(), *vec.continuous[0].tolist()) == cleaned
    assert stats(vec)[1] == bad


def test_actions_of_absent_agents_become_zero_and_are_not_counted(toy, play):
    vec = toy()
    play(vec, [[TERMINATE, GO]])
    vec.discrete[:], vec.continuous[:] = [[7, 7], [0, 1]], [[math.nan, 99], [0, 1]]
    vec.step()
    assert vec.discrete.tolist() == [[0, 0], [0, 1]]
    assert vec.continuous.tolist() == [[0, 0], [0, 1]]
    assert stats(vec)[1] == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_envs": 0}, "no such number of environments: num_envs=0; expected 1 to 1073741823"),
        ({"threads": -1}, "no such number of threads: threads=-1; expected 0 (all cores) to 1024"),
        ({"max_steps": -5}, "a count is negative: max_steps=-5, metric_steps=0, block=0; expected at least 0"),
    ],
)
def test_sizes_are_checked_once_at_creation(toy, settings, message):
    with pytest.raises(ValueError, match="expected") as caught:
        toy(**settings)
    assert str(caught.value) == message


def test_stop_flag_ends_a_call(toy):
    vec = toy(num_envs=4)
    discrete, continuous = np.zeros((1, 8, 2), np.int32), np.ones((1, 8, 2), np.float32)
    vec.stop.value = 1
    vec.run(10**12, discrete, continuous)  # returns
    assert vec.states[:, 12:16].any() == 0
