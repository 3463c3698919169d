# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""connect4 beside its rules in plain Python: games, masks, turns, the script beside a player that prunes nothing."""

import connect4_rules as rules
import numpy as np
import pytest
from env_states import scripted_stats, states, trajectory_hash

import shoal
from shoal.errors import EnvError

FIELDS = [("stones", "u8", 2), ("plies", "i4"), ("first", "i4")]


def random_board(rng, plies):
    """Return a board of so many stones on which nobody has won."""
    while True:
        board = [[] for _ in range(rules.COLUMNS)]
        for ply in range(plies):
            column = int(rng.choice(rules.legal(board)))
            board[column].append(ply % 2)
            if rules.lines_of(board, column):
                break
        else:
            return board


def put_up(vec, board):
    """Put every copy into this position, the agent to move."""
    view = states(vec, FIELDS)
    view["stones"], view["plies"], view["first"] = rules.stones(board), rules.plies(board), rules.plies(board) % 2


def choices(vec, board, level=1.0):
    """Return the columns that the script chooses, each of many copies once."""
    put_up(vec, board)
    vec.scripted(level)
    return set(vec.discrete[:, 0].tolist())


def test_connect4_games_of_two_agents_follow_the_rules():
    rng = np.random.default_rng(0)
    seen, results = set(), {1: 0, 0: 0, -1: 0}
    with shoal.make_vec("connect4", 128, seed=2, self_play=True, random_plies=0) as vec:
        boards = [[[] for _ in range(7)] for _ in range(128)]
        firsts = states(vec, FIELDS)["first"].copy()
        for _ in range(400):
            observations = vec.observations
            board, turn = observations["board"].reshape(128, 2, 6, 7), observations["turn"].reshape(128, 2, 2)
            masks = vec.masks["column"].reshape(128, 2, 7)
            actions = np.zeros((128, 2), np.int32)
            for e in range(128):
                side = rules.plies(boards[e]) % 2
                mover = firsts[e] ^ side
                assert turn[e, mover].tolist() == [1, side == 0]
                assert turn[e, 1 - mover].tolist() == [0, side == 1]
                assert np.flatnonzero(masks[e, mover]).tolist() == rules.legal(boards[e])
                assert masks[e, 1 - mover].tolist() == [1, 0, 0, 0, 0, 0, 0]
                actions[e, mover] = rng.choice(rules.legal(boards[e]))
                if e < 8:
                    for agent in (0, 1):
                        expected = np.zeros((6, 7), int)
                        for c, column in enumerate(boards[e]):
                            for r, stone in enumerate(column):
                                expected[5 - r, c] = 1 if stone == firsts[e] ^ agent else 2
                        assert np.array_equal(board[e, agent], expected)
            _, rewards, terminated, truncated = vec.step(actions.ravel())
            rewards, terminated = rewards.reshape(128, 2), terminated.reshape(128, 2)
            assert not truncated.any()
            for e in range(128):
                side = rules.plies(boards[e]) % 2
                mover = firsts[e] ^ side
                boards[e][actions[e, mover]].append(side)
                won = rules.lines_of(boards[e], actions[e, mover])
                over = bool(won) or rules.plies(boards[e]) == rules.CELLS
                assert terminated[e].tolist() == [over, over]
                assert rewards[e, mover] == -rewards[e, 1 - mover] == bool(won)
                if over:
                    seen |= {tuple(line) for line in won}
                    results[int(rewards[e, 0])] += 1
                    boards[e] = [[] for _ in range(7)]
            firsts = states(vec, FIELDS)["first"].copy()
        stats = vec.stats()
    assert len(seen) >= 65, len(seen)  # of 69 lines
    assert min(results.values()) > 2, results
    assert stats.lives == 2 * sum(results.values())
    assert stats.mean("drawn") == pytest.approx(2 * results[0] / stats.lives)
    assert stats.mean("won") == pytest.approx((results[1] + results[-1]) / stats.lives)
    assert stats.mean("score") == 0
    assert stats.mean("perf") == 0.5


def test_connect4_shows_threats_where_a_stone_would_complete_four():
    rng, shown = np.random.default_rng(1), set()
    with shoal.make_vec("connect4", 8, seed=2, both_sides=True, random_plies=0, threats=True) as vec:
        boards = [[[] for _ in range(7)] for _ in range(8)]
        for _ in range(120):
            actions = np.array([rng.choice(rules.legal(board)) for board in boards])
            terminated = vec.step(actions)[2]
            for e, board in enumerate(boards):
                board[actions[e]].append(rules.plies(board) % 2)
                if terminated[e]:
                    boards[e] = board = [[] for _ in range(7)]
                side = rules.plies(board) % 2
                expected = np.zeros((6, 7), int)
                for c, column in enumerate(board):
                    for r, stone in enumerate(column):
                        expected[5 - r, c] = 1 if stone == side else 2
                    for r in range(len(column), 6):
                        mine, theirs = (rules.completes(board, c, r, colour) for colour in (side, 1 - side))
                        expected[5 - r, c] = 5 if mine and theirs else 3 if mine else 4 if theirs else 0
                assert np.array_equal(vec.observations["board"][e].reshape(6, 7), expected)
                shown |= set(expected.ravel().tolist())
    assert shown == set(range(6))


def held_up(rng, line, last):
    """Return both sides' cells: a line but for its last stone, on random stones without four in a row."""
    below = sorted({(column, row) for column, top in line for row in range(top)} - set(line))
    while True:
        side = rng.integers(0, 2, len(below))
        cells = [{cell for cell, of in zip(below, side, strict=True) if of == which} for which in (0, 1)]
        cells[0] |= set(line) - {last}
        if not any(set(other) <= held for other in rules.LINES for held in cells):
            return cells


@pytest.mark.parametrize("line", rules.LINES)
def test_connect4_four_in_a_row_win_whichever_comes_last(line):
    rng = np.random.default_rng(0)
    with shoal.make_vec("connect4", 4, self_play=True, autoreset="disabled") as vec:
        view = states(vec, FIELDS)
        view["plies"], view["first"] = 20, 0
        actions = np.zeros((4, 2), int)
        for e, last in enumerate(line):
            last = line[3] if line[0][0] == line[3][0] else last
            view["stones"][e] = [sum(1 << 7 * c + r for c, r in held) for held in held_up(rng, line, last)]
            actions[e, 0] = last[0]
        _, rewards, terminated, _ = vec.step(actions.ravel())
    assert terminated.all()
    assert rewards.reshape(4, 2).tolist() == [[1, -1]] * 4


@pytest.mark.parametrize("depth", [0, 1, 2, 3, 4])
def test_connect4_script_is_the_exact_minimax(depth):
    rng = np.random.default_rng(depth)
    with shoal.make_vec("connect4", 96, seed=depth, depth=depth) as vec:
        for plies in [*rng.integers(0, 36, 40 if depth < 4 else 24), 0, 41, 41]:
            board = random_board(rng, plies)
            assert choices(vec, board) == rules.best(board, depth), (depth, board)


@pytest.mark.parametrize("depth", [6, 8, 12])
def test_connect4_script_is_exact_when_it_looks_far(depth):
    rng = np.random.default_rng(depth)
    decided = 0
    with shoal.make_vec("connect4", 96, seed=1) as vec:
        for _ in range(25):
            board = random_board(rng, 31 if depth > 6 else 27)
            while len(rules.legal(board)) > (3 if depth > 6 else 4):
                board = random_board(rng, 31 if depth > 6 else 27)
            assert choices(vec, board, level=float(depth)) == rules.best(board, depth), (depth, board)
            decided += abs(rules.value(board, depth)) in range(1, depth - 2)
    assert decided >= 2  # by a win or loss that is not seen at once


def test_connect4_script_in_known_positions():
    with shoal.make_vec("connect4", 200, seed=3) as vec:
        assert choices(vec, rules.board_of("112233")) == {3}  # the fourth of a row wins
        assert choices(vec, rules.board_of("1223344")) == {4}  # ... and is blocked, here on the right
        assert choices(vec, rules.board_of("41414")) == {3}
        # Three in the middle of the lowest row with both ends open win two stones later: seen from depth 3 on.
        open_two = rules.board_of("3141")
        assert choices(vec, open_two, level=2.0) == set(range(7))
        assert choices(vec, open_two, level=3.0) == rules.best(open_two, 3) != set(range(7))
        # A position of Pascal Pons's published test set, whose side to move loses to the stone before the last.
        assert rules.value(rules.board_of("2252576253462244111563365343671351441"), 5) == -2
        end = rules.board_of("2252576253462244111563365343671351441")
        assert choices(vec, end, level=5.0) == rules.best(end, 5)


def test_connect4_ties_are_broken_uniformly():
    with shoal.make_vec("connect4", 21_000, seed=5) as vec:
        put_up(vec, rules.board_of(""))
        vec.scripted(2.0)
        counts = np.bincount(vec.discrete[:, 0], minlength=7)
    assert ((counts - 3000) ** 2 / 3000).sum() < 22.5, counts  # 6 degrees of freedom: exceeded once in 1,000


def test_connect4_script_answers_within_the_step():
    with shoal.make_vec("connect4", 64, seed=7, random_plies=0, autoreset="disabled") as vec:
        view = states(vec, FIELDS)
        put_up(vec, rules.board_of("112233"))  # the agent lets its win go, and the script takes it
        view["stones"][:32] = rules.stones(rules.board_of("1122335"))[::-1]
        view["plies"], view["first"] = 6, 0
        _, rewards, terminated, _ = vec.step(np.repeat([6, 3], 32))
        assert rewards.tolist() == [-1] * 32 + [1] * 32
        assert terminated.all()
        assert (view["plies"] == np.repeat([8, 7], 32)).all()


def test_connect4_openings_and_colours_are_drawn():
    with shoal.make_vec("connect4", 7000, seed=8, self_play=True) as vec:
        view = states(vec, FIELDS)
        assert (view["plies"] == 2).all()
        counts = [np.bincount(np.log2(view["stones"][:, 0].astype(float)).astype(int) // 7, minlength=7)]
        both = view["stones"][:, 0] | view["stones"][:, 1]
        assert abs(((both & 0x40810204081) == both).mean() - 6 / 7) < 0.02  # in two columns
        assert ((counts[0] - 1000) ** 2 / 1000).sum() < 22.5
        assert abs(view["first"].mean() - 0.5) < 0.02
    for colour, first in (("first", 0), ("second", 1)):
        with shoal.make_vec("connect4", 100, colour=colour) as vec:
            assert (states(vec, FIELDS)["first"] == first).all()
            assert (states(vec, FIELDS)["plies"] == 2 + first).all()
            assert (vec.observations["turn"] == [1, 1 - first]).all()


def test_connect4_a_full_board_is_a_draw():
    columns = "121212212121343434434343565656656565777777"
    board = rules.board_of(columns[:-1])
    assert not any(rules.lines_of(rules.board_of(columns[:n]), int(columns[n - 1]) - 1) for n in range(1, 43))
    with shoal.make_vec("connect4", 1, self_play=True) as vec:
        put_up(vec, board)
        view = states(vec, FIELDS)
        view["first"] = 1  # agent 0 plays the last stone
        _, rewards, terminated, _ = vec.step([6, 0])
        assert rewards.tolist() == [0, 0]
        assert terminated.all()
        stats = vec.stats()
    assert stats.mean("drawn") == 1
    assert stats.mean("perf") == 0.5


def test_connect4_deeper_scripts_win():
    assert scripted_stats("connect4", 300, 25).mean("perf") == pytest.approx(0.5, abs=0.1)  # against itself
    with shoal.make_vec("connect4", 300, seed=1, depth=2) as vec:
        for _ in range(25):
            vec.scripted(6.0)
            vec.step()
        assert vec.stats().mean("perf") > 0.75
    assert scripted_stats("connect4", 300, 25, level=0.0).mean("perf") < 0.2


def test_connect4_golden_trajectory():
    assert trajectory_hash("connect4") == "3308d1e0242159a1"
    assert trajectory_hash("connect4", self_play=True) == "35a84ffadc19875d"


@pytest.mark.parametrize("self_play", [True, False])
@pytest.mark.parametrize("asked", [6, 36])
def test_connect4_no_game_is_over_before_it_begins(self_play, asked):
    lines = [sum(1 << (7 * column + row) for column, row in line) for line in rules.LINES]
    with shoal.make_vec("connect4", 2000, seed=9, self_play=self_play, random_plies=asked) as vec:
        view = states(vec, FIELDS)
        for side in (0, 1):
            assert not any(((view["stones"][:, side] & line) == line).any() for line in lines)
        if asked == 6:
            assert (view["plies"] == 6).all()
        else:
            assert view["plies"].max() == 36 and 10 < view["plies"].mean() < 30  # most end before a win
        if not self_play:
            assert (view["first"] == view["plies"] % 2).all()  # the agent moves


def test_connect4_one_agent_plays_both_sides():
    """The board is seen from the side that moves, the winner gets 1, and the masks are the mover's."""
    rng = np.random.default_rng(3)
    with shoal.make_vec("connect4", 64, seed=4, both_sides=True, random_plies=0) as vec:
        boards = [[[] for _ in range(7)] for _ in range(64)]
        wins, first = 0, 0
        for _ in range(200):
            actions = np.zeros(64, np.int32)
            for e, board in enumerate(boards):
                side = rules.plies(board) % 2
                assert vec.observations["turn"][e].tolist() == [1, side == 0]
                assert np.flatnonzero(vec.masks["column"][e]).tolist() == rules.legal(board)
                actions[e] = rng.choice(rules.legal(board))
                shown = vec.observations["board"][e].reshape(6, 7)
                for c, column in enumerate(board):
                    assert [1 + (stone != side) for stone in column] == shown[::-1, c][: len(column)].tolist()
            _, rewards, terminated, _ = vec.step(actions)
            for e, board in enumerate(boards):
                board[actions[e]].append(rules.plies(board) % 2)
                won = bool(rules.lines_of(board, actions[e]))
                assert rewards[e] == won and terminated[e] == (won or rules.plies(board) == rules.CELLS)
                wins += won
                first += won and rules.plies(board) % 2 == 1
                if terminated[e]:
                    boards[e] = [[] for _ in range(7)]
        stats = vec.stats()
        assert wins > 100 and round(stats.mean("won") * stats.lives) == first


def test_connect4_stones_slip_as_often_as_asked():
    with shoal.make_vec("connect4", 20_000, seed=5, both_sides=True, random_plies=0, slips=0.5) as vec:
        vec.step(np.full(20_000, 3))
        columns = np.log2(states(vec, FIELDS)["stones"][:, 0].astype(float)).astype(int) // 7
    counts = np.bincount(columns, minlength=7) / 20_000
    assert abs(counts[3] - (0.5 + 0.5 / 7)) < 0.015 and (abs(np.delete(counts, 3) - 0.5 / 7) < 0.01).all()


def test_connect4_plays_with_two_agents_or_with_one_for_both():
    with pytest.raises(EnvError, match="expected one of the two"):
        shoal.make_vec("connect4", 1, self_play=True, both_sides=True)
