# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""maze: what levels are made of, every step against plain Python, the wall-follower, and that levels are held out."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import pytest
from env_states import prepared_actions, scripted_stats, states, trajectory_hash
from numpy.typing import NDArray

import shoal
from shoal import config, evaluate, registry
from shoal.errors import ShoalError

FLOOR, WALL, GOAL, OUT = range(4)
MOVES = np.array([(1, 0), (-1, 0), (0, -1), (0, 1)])  # down, up, left, right
FIELDS = [(name, "i4") for name in ("level", "cell", "heading", "shortest", "explored", "unused")] + [
    ("trail", "u8", 47)
]


def make(num_envs: int = 1, *, seed: int = 3, levels: int = 40, **params: Any) -> shoal.Vec:
    return shoal.make_vec("maze", num_envs, seed=seed, threads=1, levels=levels, **params)


def levels_of(vec: shoal.Vec) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Return cells (levels, side + 10, side + 10) and the distances of rooms (levels, rooms, rooms)."""
    side, levels = int(vec.spec.values["side"]), int(vec.spec.values["levels"])  # type: ignore[arg-type]
    block = vec.versions._blocks[0].memory
    each = int(block[:8].view(np.int64)[0])
    rows = block[8 : 8 + levels * each].reshape(levels, each)
    first = 8 + 2 * (side // 2) ** 2
    cells = rows[:, first : first + (side + 10) ** 2].reshape(levels, side + 10, side + 10)
    return cells, rows[:, 8:first].copy().view(np.uint16).reshape(levels, side // 2, side // 2)


def distances(maze: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return every cell's steps to the goal, cell by cell; -1 where there is no way."""
    found = np.full(maze.shape, -1, np.int32)
    goal = tuple(np.argwhere(maze == GOAL)[0])
    found[goal] = 0
    queue = deque([goal])
    while queue:
        here = queue.popleft()
        for move in MOVES:
            there = tuple(np.add(here, move))
            if maze[there] in (FLOOR, GOAL) and found[there] < 0:
                found[there] = found[here] + 1
                queue.append(there)
    return found


def dead_ends(maze: NDArray[np.uint8]) -> int:
    ways = sum((np.roll(maze, move, axis=(0, 1)) != WALL).astype(int) for move in MOVES)
    return int(((maze != WALL) & (ways == 1)).sum())


@pytest.mark.parametrize(("side", "braid", "winding"), [(7, 0.0, 0.5), (21, 0.0, 0.0), (21, 0.0, 1.0), (47, 0.3, 0.5)])
def test_maze_levels_are_connected_and_measured(side: int, braid: float, winding: float) -> None:
    with make(levels=12, side=side, braid=braid, winding=winding) as vec:
        cells, rooms = levels_of(vec)
        edge = np.ones((side + 10, side + 10), bool)
        edge[5:-5, 5:-5] = False
        assert (cells[:, edge] == OUT).all()
        mazes = cells[:, 5:-5, 5:-5]
        assert (mazes[:, [0, -1]] == WALL).all() and (mazes[:, :, [0, -1]] == WALL).all()
        assert (mazes[:, ::2, ::2] == WALL).all()  # pillars
        for maze, stored in zip(mazes, rooms, strict=True):
            assert (maze == GOAL).sum() == 1
            steps = distances(maze)
            assert ((steps >= 0) == (maze != WALL)).all()
            np.testing.assert_array_equal(steps[1::2, 1::2], stored)
            if braid == 0.0:  # a tree: a room more than openings
                assert (maze != WALL).sum() == 2 * (side // 2) ** 2 - 1


def test_maze_braid_and_winding_do_what_they_say() -> None:
    found = {}
    for key in ((0.0, 0.0), (0.0, 1.0), (0.5, 0.0), (1.0, 0.0)):
        with make(levels=60, side=21, braid=key[0], winding=key[1]) as vec:
            mazes = levels_of(vec)[0][:, 5:-5, 5:-5]
            found[key] = np.mean([dead_ends(maze) for maze in mazes])
    assert found[1.0, 0.0] == 0
    assert 0.3 * found[0.0, 0.0] < found[0.5, 0.0] < 0.6 * found[0.0, 0.0]  # one opening can end two of them
    assert found[0.0, 1.0] < 0.5 * found[0.0, 0.0]


def test_maze_every_step_matches_plain_python() -> None:
    side, n = 11, 64
    with make(n, side=side, braid=0.4) as vec:
        cells, rooms = levels_of(vec)
        view = states(vec, FIELDS)
        begun: list[Any] = [None] * n
        won = truncated_once = blocked = 0
        for move in prepared_actions(400, n, 4):
            old = view.copy()
            for e in range(n):
                if old["tick"][e] == 0:
                    start = divmod(int(old["cell"][e]), side + 10)
                    begun[e] = {start}
                    assert old["heading"][e] == 0 and start[0] % 2 == start[1] % 2 == 0
                    assert old["shortest"][e] == rooms[old["level"][e], (start[0] - 6) // 2, (start[1] - 6) // 2] > 0
                seen = vec.observations["view"][e].reshape(11, 11)
                row, column = divmod(int(old["cell"][e]), side + 10)
                np.testing.assert_array_equal(seen, cells[old["level"][e], row - 5 : row + 6, column - 5 : column + 6])
            assert (vec.observations["heading"].ravel() == old["heading"]).all()
            _, rewards, terminated, truncated = vec.step(move)
            for e in range(n):
                row, column = np.add(divmod(int(old["cell"][e]), side + 10), MOVES[move[e]])
                what = cells[old["level"][e], row, column]
                assert rewards[e] == (what == GOAL) == terminated[e]
                assert truncated[e] == (old["tick"][e] + 1 == side * side)
                blocked += what == WALL
                won, truncated_once = won + (what == GOAL), truncated_once + bool(truncated[e] and not terminated[e])
                if terminated[e] or truncated[e]:
                    continue
                if what == WALL:
                    assert view["cell"][e] == old["cell"][e] and view["heading"][e] == old["heading"][e]
                else:
                    begun[e].add((int(row), int(column)))
                    assert divmod(int(view["cell"][e]), side + 10) == (row, column)
                    assert view["heading"][e] == 1 + move[e]
                assert view["explored"][e] == len(begun[e]) == np.unpackbits(view["trail"][e].view(np.uint8)).sum()
    assert won > 30 and truncated_once > 30 and blocked > 1000


def test_maze_starts_anywhere_but_on_the_goal() -> None:
    with make(4000, side=7, levels=1) as vec:
        cells, _ = levels_of(vec)
        view = states(vec, FIELDS)
        starts, counts = np.unique(view["cell"], return_counts=True)
        assert len(starts) == 8 and counts.min() > 400
        assert (cells[0].reshape(-1)[starts] == FLOOR).all()
    with make(4000, side=7, levels=30) as vec:
        assert np.bincount(states(vec, FIELDS)["level"], minlength=30).min() > 80


def test_maze_follower_reaches_every_goal_of_a_perfect_maze() -> None:
    for side in (7, 21):
        with make(300, side=side, levels=300) as vec:
            for _ in range((side - 1) ** 2 - 4):
                vec.scripted()
                vec.step()
            assert (states(vec, FIELDS)["episode"] > 0).all()
            assert vec.stats().mean("perf") == 1.0
    assert 0.1 < scripted_stats("maze", 100, 441, levels=300, braid=1.0).mean("perf") < 0.9  # it circles islands


def test_maze_score_is_the_shortest_way_over_the_steps() -> None:
    with make(1, side=11) as vec:
        cells, _ = levels_of(vec)
        view = states(vec, FIELDS)[0]
        for wasted in (0, 5):
            steps = distances(cells[view["level"], 5:-5, 5:-5])
            shortest = int(view["shortest"])
            here = np.array(divmod(int(view["cell"]), 21)) - 5
            wall = next(move for move in range(4) if steps[tuple(here + MOVES[move])] < 0)
            for _ in range(wasted):
                vec.step([wall])
            while steps[tuple(here)] > 0:
                move = next(move for move in range(4) if steps[tuple(here + MOVES[move])] == steps[tuple(here)] - 1)
                here = here + MOVES[move]
                vec.step([move])
            stats = vec.stats()
            assert stats.lives == 1 and stats.mean("perf") == 1.0
            assert stats.mean("score") == pytest.approx(shortest / (shortest + wasted))


def test_maze_evaluations_play_levels_that_training_has_not() -> None:
    spec = registry.get("maze").spec({"levels": 300})
    mazes = []
    settings = config.load("maze", seed=5)
    for seed in (5, evaluate.evaluation_seed(5, 0), evaluate.evaluation_seed(5, 1)):
        with shoal.vector.Vec(spec, num_envs=1, seed=seed) as vec:
            mazes.append({maze.tobytes() for maze in levels_of(vec)[0]})
    assert all(len(found) == 300 for found in mazes)
    assert not mazes[0] & mazes[1] and not mazes[0] & mazes[2] and not mazes[1] & mazes[2]
    played = [evaluate.evaluate(spec, settings, player="scripted", number=n).mean for n in (0, 0, 1)]
    assert played[0] == played[1]


def test_maze_even_sides_are_refused() -> None:
    with pytest.raises(ShoalError, match="expected an odd one"):
        make(side=20)


def test_maze_more_levels_than_are_made_in_seconds_are_refused() -> None:
    make(side=7, levels=131_072).close()
    with pytest.raises(ShoalError, match="to be at most 13,107,200"):
        make(side=23, levels=131_072)


def test_maze_golden_trajectory() -> None:
    assert trajectory_hash("maze", side=11, levels=50, braid=0.2) == "b987ae7b114a53f8"
    assert trajectory_hash("maze", 500, levels=20) == "9973c6eee0024751"
