# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What the engine does around a step, against tables written by hand.

A line of a table is one agent after one step: (row, reward, ended, live, starts, final row); a row is (episode, tick,
agent, born). `ended`: 1 terminated, 2 truncated. Without `live` or `respawn` an agent is absent from its flag to the
next reset.
"""

import pytest

from shoal.errors import NativeError

GO, TERMINATE, TRUNCATE, BOTH, OVER = range(5)


def test_first_observation_starts_every_life(toy):
    vec = toy(num_envs=3)
    assert vec.field(0).tolist() == [[0, 0, a, 0] for _ in range(3) for a in range(2)]
    assert vec.live.tolist() == vec.starts.tolist() == [1] * 6
    assert vec.masks.tolist() == [[0, 1, 1]] * 6


def test_same_step_resets_within_the_step(toy, play):
    vec = toy(agents=1)
    assert play(vec, [[GO], [TERMINATE], [GO], [TRUNCATE], [BOTH], [OVER], [GO]]) == [
        [((0, 1, 0, 0), 1, 0, 1, 0, None)],
        [((1, 0, 0, 0), 2, 1, 1, 1, None)],  # terminated: the world is over, no final row
        [((1, 1, 0, 0), 1, 0, 1, 0, None)],
        [((2, 0, 0, 0), 2, 2, 1, 1, (1, 2, 0, 0))],  # truncated: with its final row
        [((3, 0, 0, 0), 1, 3, 1, 1, None)],  # both: terminated wins
        [((4, 0, 0, 0), 1, 2, 1, 1, (3, 1, 0, 0))],  # over without a flag: truncated
        [((4, 1, 0, 0), 1, 0, 1, 0, None)],
    ]


def test_agent_is_absent_from_its_flag_to_the_reset(toy, play):
    vec = toy()
    assert play(vec, [[GO, GO], [TERMINATE, GO], [GO, GO], [GO, TRUNCATE], [GO, GO]]) == [
        [((0, 1, 0, 0), 1, 0, 1, 0, None), ((0, 1, 1, 0), 11, 0, 1, 0, None)],
        [(None, 2, 1, 0, 0, None), ((0, 2, 1, 0), 12, 0, 1, 0, None)],
        [(None, 0, 0, 0, 0, None), ((0, 3, 1, 0), 13, 0, 1, 0, None)],
        [((1, 0, 0, 0), 0, 0, 1, 1, None), ((1, 0, 1, 0), 14, 2, 1, 1, (0, 4, 1, 0))],  # the last flag: over
        [((1, 1, 0, 0), 1, 0, 1, 0, None), ((1, 1, 1, 0), 11, 0, 1, 0, None)],
    ]


def test_over_truncates_only_live_agents_without_a_flag(toy, play):
    vec = toy(agents=3)
    steps = play(vec, [[TERMINATE, GO, GO], [GO, TERMINATE, OVER]])
    assert [(ended, live, starts, final) for _, _, ended, live, starts, final in steps[1]] == [
        (0, 1, 1, None),  # was absent: no second flag, alive again by the reset
        (1, 1, 1, None),
        (2, 1, 1, (0, 2, 2, 0)),
    ]


def test_respawn_follows_the_final_row(toy, play):
    vec = toy("TOY_RESPAWN")
    assert play(vec, [[GO, GO], [TRUNCATE, GO], [TERMINATE, TERMINATE], [GO, GO]]) == [
        [((0, 1, 0, 0), 1, 0, 1, 0, None), ((0, 1, 1, 0), 11, 0, 1, 0, None)],
        [((0, 2, 0, 2), 2, 2, 1, 1, (0, 2, 0, 0)), ((0, 2, 1, 0), 12, 0, 1, 0, None)],  # born 0 in the final row
        [((0, 3, 0, 3), 3, 1, 1, 1, None), ((0, 3, 1, 3), 13, 1, 1, 1, None)],  # all have flags, the world goes on
        [((0, 4, 0, 3), 4, 0, 1, 0, None), ((0, 4, 1, 3), 14, 0, 1, 0, None)],
    ]


def test_agent_that_waits_is_absent_and_comes_back(toy, play):
    vec = toy("TOY_LIVE")
    assert play(vec, [[TERMINATE, GO], [GO, GO], [GO, GO], [GO, GO]]) == [
        [(None, 1, 1, 0, 0, None), ((0, 1, 1, 0), 11, 0, 1, 0, None)],
        [(None, 0, 0, 0, 0, None), ((0, 2, 1, 0), 12, 0, 1, 0, None)],  # its garbage is dropped
        [((0, 3, 0, 0), 0, 0, 1, 1, None), ((0, 3, 1, 0), 13, 0, 1, 0, None)],  # placed by step: a life starts
        [((0, 4, 0, 0), 4, 0, 1, 0, None), ((0, 4, 1, 0), 14, 0, 1, 0, None)],
    ]
    assert vec.returns.tolist() == [4, 11 + 12 + 13 + 14]
    assert vec.lengths.tolist() == [1, 4]


def test_time_limit_truncates_the_live(toy, play):
    vec = toy("TOY_LIVE", max_steps=3)
    steps = play(vec, [[GO, GO], [TERMINATE, GO], [GO, GO], [GO, GO]])
    assert steps[2] == [
        ((1, 0, 0, 0), 0, 0, 1, 1, None),  # absent at the limit: no flag
        ((1, 0, 1, 0), 13, 2, 1, 1, (0, 3, 1, 0)),
    ]
    assert steps[3][0] == ((1, 1, 0, 0), 1, 0, 1, 0, None)


def test_final_rows_of_all_agents_with_a_flag(toy, play):
    vec = toy(final_all=1)
    steps = play(vec, [[TERMINATE, GO], [GO, TRUNCATE]])
    assert steps[0][0] == (None, 1, 1, 0, 0, (0, 1, 0, 0))
    assert steps[1][1][5] == (0, 2, 1, 0)


def test_next_step_resets_in_the_following_call(toy, play):
    vec = toy(mode="next-step")
    assert play(vec, [[TERMINATE, GO], [GO, TRUNCATE], [OVER, BOTH], [GO, GO]]) == [
        [(None, 1, 1, 0, 0, None), ((0, 1, 1, 0), 11, 0, 1, 0, None)],
        [(None, 0, 0, 0, 0, None), ((0, 2, 1, 0), 12, 2, 1, 0, (0, 2, 1, 0))],  # the ordinary row is the final one
        [((1, 0, 0, 0), 0, 0, 1, 1, None), ((1, 0, 1, 0), 0, 0, 1, 1, None)],  # actions ignored, reward and flags 0
        [((1, 1, 0, 0), 1, 0, 1, 0, None), ((1, 1, 1, 0), 11, 0, 1, 0, None)],
    ]


def test_next_step_treats_an_agent_that_ends_alone_as_same_step(toy, play):
    ends = [[TRUNCATE, GO], [GO, GO], [GO, TERMINATE]]
    for variant in ("TOY_LIVE", "TOY_RESPAWN"):
        assert play(toy(variant, mode="next-step"), ends) == play(toy(variant), ends)


def test_disabled_waits_for_a_reset(toy, play):
    vec = toy(mode="disabled", num_envs=2, agents=1)
    assert play(vec, [[GO, TERMINATE]]) == [
        [((0, 1, 0, 0), 1, 0, 1, 0, None), ((0, 1, 0, 0), 1, 1, 1, 0, None)],
    ]
    assert vec.waiting.tolist() == [0, 1]
    with pytest.raises(NativeError, match="an ended environment was stepped: environment=1; expected a reset first"):
        vec.step()
    assert vec.field(0).tolist() == [[0, 1, 0, 0], [0, 1, 0, 0]]  # refused: nothing has moved
    vec.reset_ended()
    assert vec.field(0).tolist() == [[0, 1, 0, 0], [1, 0, 0, 0]]
    assert vec.starts.tolist() == [0, 1]
    assert play(vec, [[GO, GO]])[0] == [((0, 2, 0, 0), 2, 0, 1, 0, None), ((1, 1, 0, 0), 1, 0, 1, 0, None)]


def test_reset_starts_at_episode_zero_again(toy, play):
    vec = toy(mode="next-step", agents=1)
    before = vec.rows.copy(), vec.states.copy()
    play(vec, [[GO], [TERMINATE]])
    vec.reset(0)
    assert vec.rows.tobytes() == before[0].tobytes()
    assert vec.states.tobytes() == before[1].tobytes()
    assert vec.waiting.tolist() == [0]
    assert not vec.rewards.any()
    assert not vec.ended.any()
    vec.reset(1)
    assert vec.states.tobytes() != before[1].tobytes()


def test_snapshot_keeps_a_world_that_waits(toy, play):
    vec = toy(mode="next-step", agents=1)
    play(vec, [[GO], [TERMINATE]])
    kept = vec.snapshot(0)
    after = play(vec, [[GO], [GO]])
    vec.restore(0, kept)
    assert play(vec, [[GO], [GO]]) == after
