# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""snake against its rules in plain Python, worlds laid out by hand, and what a crowd does to the engine."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from env_states import scripted_stats, trajectory_hash
from numpy.typing import NDArray
from snake_rules import BODY, CORPSE, EMPTY, FOOD, HEAD, LEFT, MOVES, ON, OWN, RIGHT, WALL, World

import shoal

BODIES = [("head", "i4"), ("tail", "i4"), ("length", "i4"), ("growing", "i4"), ("heading", "i4"), ("corpses", "i4")]


class Inside:
    """Views into the State of environment 0: head, snakes (agents,), board (height + 10, width + 10)."""

    def __init__(self, vec: shoal.Vec) -> None:
        start = vec.address(0) - vec._memory.ctypes.data
        self._raw = raw = vec._memory[start : start + vec.spec.state_bytes]
        values = vec.spec.values
        self.agents, height, width = (int(values[key]) for key in ("agents", "height", "width"))  # type: ignore[arg-type]
        board, cells = 32 + 24 * self.agents, (height + 10) * (width + 10)
        self.key = raw[:8].view(np.uint64)
        self.draws = raw[16:20].view(np.uint32)
        self.edible, self.mass = raw[24:28].view(np.int32), raw[28:32].view(np.int32)
        self.snakes = raw[32:board].view(np.dtype(BODIES))
        self.board = raw[board : board + 2 * cells].view(np.uint16).reshape(height + 10, width + 10)
        self.stride = width + 10

    def kinds(self) -> NDArray[np.uint16]:
        """Return the board inside the wall as categories, (height, width)."""
        return self.board[5:-5, 5:-5] & 15

    def clear(self) -> None:
        self.board[5:-5, 5:-5] = EMPTY
        self.edible[0] = self.mass[0] = 0

    def lay(self, agent: int, cells: list[tuple[int, int]], growing: int = 0) -> None:
        """Put a snake on these cells (row, column), tail first."""
        at = [(5 + row) * self.stride + 5 + column for row, column in cells]
        ways = [down * self.stride + right for down, right in MOVES]
        for here, there in pairwise(at):
            self.board.reshape(-1)[here] = BODY | ways.index(there - here) << 4 | agent << 6
        heading = ways.index(at[-1] - at[-2])
        self.board.reshape(-1)[at[-1]] = HEAD | heading << 4 | agent << 6
        self.snakes[agent] = (at[-1], at[0], len(at) + growing, growing, heading, 0)
        self.mass[0] += len(at) + growing

    def put(self, row: int, column: int, kind: int) -> None:
        self.board[5 + row, 5 + column] = kind
        self.edible[0] += 1


def small(agents: int, food: int = 0, height: int = 16, **params: Any) -> shoal.Vec:
    return shoal.make_vec("snake", 1, seed=6, threads=1, agents=agents, width=24, height=height, food=food, **params)


def test_snake_matches_its_rules_in_plain_python() -> None:
    agents, rewards = 14, (0.25, 0.5, -2.0)
    params = {"reward_food": rewards[0], "reward_corpse": rewards[1], "reward_death": rewards[2]}
    births = deaths = eaten = corpses = 0
    with small(agents, 30, **params) as vec:
        rng = np.random.default_rng(4)
        world = None
        for step in range(500):
            inside = Inside(vec)
            if world is None:
                world = World(int(inside.key[0]), agents, 24, 16, 30)
            assert int(inside.draws[0]) == world.draws
            views = vec.observations["view"].reshape(agents, 11, 11)
            for a in range(agents):
                np.testing.assert_array_equal(views[a], world.view(a), err_msg=f"step {step}, agent {a}")
            assert inside.snakes["heading"].tolist() == [snake.heading for snake in world.snakes]
            assert inside.snakes["length"].tolist() == [snake.length for snake in world.snakes]
            assert inside.edible[0] == len(world.food) + len(world.corpses)
            assert inside.mass[0] == sum(snake.length for snake in world.snakes)
            vec.scripted(0.9 if step % 200 < 150 else 0.2)  # long lives, then many deaths
            actions = vec.discrete[:, 0].copy()
            if step % 3 == 0:
                actions[0] = rng.integers(3)
            earned, died = world.step(actions, rewards)
            world.respawn(died)
            _, got, terminated, truncated = vec.step(actions)
            np.testing.assert_array_equal(got, np.array(earned, np.float32))
            assert terminated.tolist() == died and not truncated.any()
            assert vec.starts.tolist() == died
            births, deaths = births + sum(died), deaths + sum(died)
            eaten, corpses = eaten + earned.count(rewards[0]), corpses + earned.count(rewards[1])
    assert deaths > 40 and eaten > 60 and corpses > 60


def test_snake_food_and_board_are_what_the_rules_say() -> None:
    with small(14, 30) as vec:
        world = World(int(Inside(vec).key[0]), 14, 24, 16, 30)
        for _ in range(60):
            vec.scripted()
            _, died = world.step(vec.discrete[:, 0], (0.1, 0.1, -1.0))
            world.respawn(died)
            vec.step()
            kinds = Inside(vec).kinds()
            for kind, cells in ((FOOD, world.food), (CORPSE, world.corpses)):
                assert {(int(row), int(column)) for row, column in np.argwhere(kinds == kind)} == cells


def test_snake_eats_and_grows_a_tick_later() -> None:
    with small(1) as vec:
        inside = Inside(vec)
        inside.clear()
        inside.lay(0, [(5, 3), (5, 4), (5, 5)])
        inside.put(5, 6, FOOD)
        _, rewards, terminated, _ = vec.step([ON])
        assert rewards[0] == pytest.approx(0.1) and not terminated[0]
        assert inside.kinds()[5, 3:8].tolist() == [EMPTY, BODY, BODY, HEAD, EMPTY]
        vec.step([ON])
        assert inside.kinds()[5, 3:8].tolist() == [EMPTY, BODY, BODY, BODY, HEAD]
        assert inside.snakes["length"][0] == 4


@pytest.mark.parametrize("heading", range(4))
def test_snake_turns_from_where_it_looks(heading: int) -> None:
    with small(1) as vec:
        inside, ahead = Inside(vec), np.array(MOVES[heading])
        for action, turned in ((ON, 0), (LEFT, -1), (RIGHT, 1)):
            inside.clear()
            cells = [np.array((8, 8)) + i * ahead for i in (-2, -1, 0)]
            inside.lay(0, [(int(row), int(column)) for row, column in cells])
            _, _, terminated, _ = vec.step([action])
            assert not terminated[0]
            row, column = cells[2] + MOVES[(heading + turned) % 4]
            assert inside.kinds()[row, column] == HEAD
            assert inside.snakes["heading"][0] == (heading + turned) % 4


@pytest.mark.parametrize("heading", range(4))
def test_snake_sees_the_same_whichever_way_it_looks(heading: int) -> None:
    """One drawing of cells ahead, behind, left and right, laid out in all four directions."""
    with small(2, height=24) as vec:
        inside = Inside(vec)
        inside.clear()
        ahead, right = np.array(MOVES[heading]), np.array(MOVES[(heading + 1) % 4])

        def at(up: int, aside: int) -> tuple[int, int]:
            row, column = np.array((12, 12)) + up * ahead + aside * right
            return int(row), int(column)

        inside.lay(0, [at(-2, 2), at(-2, 1), at(-2, 0), at(-2, -1), at(-1, -1), at(0, -1), at(1, -1)])
        inside.lay(1, [at(5, 2), at(4, 2), at(3, 2), at(3, 3)])
        inside.put(*at(6, -2), FOOD)
        inside.put(*at(1, 4), CORPSE)
        view = vec.step([ON, RIGHT])[0]["view"].reshape(2, 11, 11)[0]
        expected = np.full((11, 11), EMPTY, np.uint8)
        for up, aside, kind in (
            *((up, -1, OWN) for up in (1, 0, -1, -2)),  # goes on ahead
            (-2, 0, OWN + 3), (-2, 1, OWN + 3),  # goes on to the left
            (2, -1, HEAD), (4, 2, BODY), (3, 2, BODY), (3, 3, BODY), (2, 3, HEAD), (6, -2, FOOD), (1, 4, CORPSE),
        ):  # fmt: skip
            expected[7 - up, 6 + aside] = kind
        np.testing.assert_array_equal(view, expected)


@pytest.mark.parametrize("turn", [0, 1])  # the tick decides who moves first
def test_snake_one_of_two_heads_gets_the_cell(turn: int) -> None:
    with small(2) as vec:
        inside = Inside(vec)
        for _ in range(turn):
            vec.step([ON, ON])
        inside.clear()
        inside.lay(0, [(5, 2), (5, 3), (5, 4)])
        inside.lay(1, [(5, 8), (5, 7), (5, 6)])
        _, rewards, terminated, _ = vec.step([ON, ON])
        first = (turn + 1) % 2
        assert terminated.tolist() == [first != 0, first != 1]
        assert rewards[1 - first] == -1.0 and rewards[first] == 0.0


def test_snake_may_enter_the_cell_that_a_tail_leaves() -> None:
    with small(2) as vec:
        inside = Inside(vec)
        inside.clear()
        inside.lay(0, [(5, 2), (5, 3), (5, 4)])
        inside.lay(1, [(5, 5), (6, 5), (7, 5)])
        assert not vec.step([ON, ON])[2].any()
        inside.clear()
        inside.lay(0, [(5, 2), (5, 3), (5, 4)])
        inside.lay(1, [(5, 5), (6, 5), (7, 5)], growing=1)
        assert vec.step([ON, ON])[2].tolist() == [True, False]


def test_snake_dead_become_corpse_on_every_second_cell_and_are_born_elsewhere() -> None:
    with small(1) as vec:
        inside = Inside(vec)
        inside.clear()
        inside.lay(0, [(0, column) for column in range(8)])
        observations, rewards, terminated, _ = vec.step([LEFT])
        assert rewards[0] == -1.0 and terminated[0] and vec.starts[0]
        row = inside.kinds()[0]
        assert (row[2:8:2] == CORPSE).all() and inside.edible[0] == 3
        assert inside.snakes["length"][0] == 3 and inside.mass[0] == 3
        assert (inside.kinds() == HEAD).sum() == 1 and (inside.kinds() == BODY).sum() == 0
        assert observations["view"].reshape(11, 11)[5, 5] == HEAD


def test_snake_sees_the_wall_around_the_board() -> None:
    with small(1) as vec:
        inside = Inside(vec)
        inside.clear()
        inside.lay(0, [(1, 22), (1, 21), (1, 20), (0, 20)])
        view = vec.step([LEFT])[0]["view"].reshape(11, 11)  # it looks to the west, along the upper wall
        assert (view[:, 6:] == WALL).all() and (view[10] == WALL).all()
        assert view[5:8, 4:6].tolist() == [[EMPTY, HEAD], [OWN + 1, OWN], [OWN, EMPTY]]


def test_snake_grows_no_more_when_half_of_the_board_is_theirs() -> None:
    with shoal.make_vec("snake", 1, agents=2, width=8, height=8, food=20, seed=2) as vec:
        inside, most = Inside(vec), 0
        for _ in range(3000):
            vec.scripted()
            vec.step()
            most = max(most, int(inside.mass[0]))
            assert (inside.kinds() >= BODY).sum() <= 32
    assert most >= 25


def test_snake_small_boards_are_refused() -> None:
    with pytest.raises(shoal.errors.ShoalError, match="too small for so many snakes"):
        shoal.make_vec("snake", 1, agents=100, width=20, height=20)


def test_snake_metrics_are_those_of_the_life() -> None:
    with small(8, 60) as vec:
        inside, lengths = Inside(vec), []
        for _ in range(300):
            vec.scripted()
            was = inside.snakes["length"].copy()
            _, _, terminated, _ = vec.step()
            lengths += was[terminated].tolist()
        stats = vec.stats()
        assert stats.lives == len(lengths) > 20
        assert stats.mean("score") == pytest.approx(np.mean(lengths))
        assert stats.mean("perf") == pytest.approx(np.minimum(np.array(lengths) / 100, 1).mean())


def test_snake_forager_beats_chance() -> None:
    crowd = {"agents": 64, "width": 120, "height": 120, "food": 288}
    assert scripted_stats("snake", 1, 400, **crowd).mean("score") > 10
    assert scripted_stats("snake", 1, 400, level=0.0, **crowd).mean("score") < 6


def test_snake_golden_trajectory() -> None:
    crowd = {"agents": 16, "width": 32, "height": 24, "food": 40}
    assert trajectory_hash("snake", 300, 2, **crowd) == "e94c5784d92b71e2"
