# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""squared, from every cell with every target, move and clock."""

import numpy as np
import pytest
from env_states import prepared_actions, scripted_stats, states, trajectory_hash

import shoal

FIELDS = [("row", "i2"), ("column", "i2"), ("target_row", "i2"), ("target_column", "i2")]
MOVES = {0: (0, 0), 1: (1, 0), 2: (-1, 0), 3: (0, -1), 4: (0, 1)}  # stay, down, up, left, right


def every_case():
    """Return int arrays (cases,): agent cell, target cell, move."""
    agent, target, move = np.meshgrid(np.arange(121), np.arange(121), np.arange(5), indexing="ij")
    return agent.ravel(), target.ravel(), move.ravel()


@pytest.mark.parametrize("tick", [0, 16, 32, 33])  # steps already taken
@pytest.mark.parametrize("observe_time", [False, True])
def test_squared_every_step_from_every_state(tick, observe_time):
    agent, target, move = every_case()
    with shoal.make_vec("squared", len(agent), autoreset="next-step", observe_time=observe_time) as vec:
        vec.rows[:] = 0xAA  # every byte of a row must be written
        view = states(vec, FIELDS)
        view["row"], view["column"] = agent // 11, agent % 11
        view["target_row"], view["target_column"] = target // 11, target % 11
        view["tick"] = tick
        observations, rewards, terminated, truncated = vec.step(move)
        rows = vec.rows.copy()
        board = observations["board"].reshape(-1, 11, 11)
        time_left = observations["time_left"].ravel() if observe_time else None

    down, right = np.array([MOVES[m] for m in range(5)])[move].T
    row, column = agent // 11 + down, agent % 11 + right
    outside = (row < 0) | (row > 10) | (column < 0) | (column > 10)
    late = np.full(len(agent), tick + 1 >= 34)
    hit = ~outside & ~late & (row * 11 + column == target)
    assert np.array_equal(rewards, np.where(outside | late, -1.0, np.where(hit, 1.0, 0.0)))
    assert np.array_equal(terminated, outside | late | hit)
    assert not (truncated & ~terminated).any()

    expected = np.zeros((len(agent), 11, 11), np.uint8)
    inside = np.flatnonzero(~outside)
    expected[inside, row[inside], column[inside]] = 1
    expected[np.arange(len(agent)), target // 11, target % 11] = 2
    assert np.array_equal(board, expected)
    assert not rows[:, 121:124].any()
    if observe_time:
        assert np.allclose(time_left, 1 - (tick + 1) / 34, atol=1e-6)


def test_squared_starts_in_the_middle_with_a_uniform_target():
    with shoal.make_vec("squared", 60_000, seed=2) as vec:
        board = vec.observations["board"].reshape(-1, 121)
        assert (board[:, 60] == 1).all()
        assert ((board == 2).sum(axis=1) == 1).all()
        counts = (board == 2).sum(axis=0)
    assert counts[60] == 0
    expected = 60_000 / 120
    chi_square = ((np.delete(counts, 60) - expected) ** 2 / expected).sum()
    assert chi_square < 119 + 4.5 * np.sqrt(2 * 119)


def test_squared_deadline_terminates_on_the_34th_step():
    with shoal.make_vec("squared", 3, seed=1) as vec:
        for step in range(1, 35):
            _, rewards, terminated, truncated = vec.step([0, 0, 0])
            assert terminated.all() == (step == 34)
            assert not truncated.any()
            assert (rewards == (-1 if step == 34 else 0)).all()
    with shoal.make_vec("squared", 1, deadline=5) as vec:
        ended = [bool(vec.step([0])[2][0]) for _ in range(10)]
    assert ended == [False, False, False, False, True] * 2


def test_squared_scripted_always_reaches_the_target():
    stats = scripted_stats("squared", 256, 200)
    assert stats.lives > 1000
    assert stats.mean("perf") == stats.mean("score") == stats.mean("episode_return") == 1.0
    assert scripted_stats("squared", 256, 200, level=0.0).mean("perf") < 0.2


def test_squared_metrics_are_the_outcome():
    with shoal.make_vec("squared", 64, seed=4) as vec:
        wins = losses = 0
        for move in prepared_actions(400, 64, 5):
            _, rewards, _, _ = vec.step(move)
            wins, losses = wins + int((rewards == 1).sum()), losses + int((rewards == -1).sum())
        stats = vec.stats()
    assert wins > 20
    assert stats.lives == wins + losses
    assert stats.mean("perf") == pytest.approx(wins / stats.lives)
    assert stats.mean("score") == pytest.approx((wins - losses) / stats.lives)


def test_squared_golden_trajectory():
    assert trajectory_hash("squared") == "e0e4f2ad0b8a992d"
    assert trajectory_hash("squared", observe_time=True) == "9a9866b1ead0d9da"
