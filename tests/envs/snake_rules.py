# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The rules of snake in plain Python, for one world: what snake.h is compared with.

Snakes are lists of cells and food a set; nothing is kept on a board. Random numbers are env.h's, written once more.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Cell = tuple[int, int]  # row, column inside the wall
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))  # up, right, down, left: clockwise
EMPTY, FOOD, CORPSE, WALL, BODY, HEAD, OWN = range(7)
ON, LEFT, RIGHT = range(3)  # actions
START = 3
_ALL = (1 << 64) - 1


def mix(x: int) -> int:
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & _ALL
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & _ALL
    return x ^ x >> 31


@dataclass
class Snake:
    cells: deque[Cell]  # tail first; empty when dead
    heading: int
    length: int = START
    growing: int = START - 1
    corpses: int = 0


@dataclass
class World:
    key: int  # of ShoalHead
    agents: int
    width: int
    height: int
    food_wanted: int
    draws: int = 0
    tick: int = 0
    food: set[Cell] = field(default_factory=set)
    corpses: set[Cell] = field(default_factory=set)
    snakes: list[Snake] = field(default_factory=list)

    def __post_init__(self) -> None:
        for _ in range(self.agents):
            self.snakes.append(self.born())
        self.sow()

    def below(self, n: int) -> int:
        self.draws += 1
        return (mix(self.key + 0x9E3779B97F4A7C15 * (1 << 32 | self.draws) & _ALL) >> 32) * n >> 32

    def anywhere(self) -> Cell:
        row = self.below(self.height)
        return row, self.below(self.width)

    def blocked(self, cell: Cell) -> bool:
        inside = 0 <= cell[0] < self.height and 0 <= cell[1] < self.width
        return not inside or any(cell in snake.cells for snake in self.snakes)

    def empty(self, cell: Cell) -> bool:
        return not self.blocked(cell) and cell not in self.food and cell not in self.corpses

    def born(self) -> Snake:
        for _ in range(33):
            cell = self.anywhere()
            if self.empty(cell):
                break
        else:
            cell = next((r, c) for r in range(self.height) for c in range(self.width) if not self.blocked((r, c)))
            self.food.discard(cell)
            self.corpses.discard(cell)
        return Snake(deque([cell]), self.below(4))

    def sow(self) -> None:
        for _ in range(2 * (self.food_wanted - len(self.food) - len(self.corpses))):
            if len(self.food) + len(self.corpses) >= self.food_wanted:
                break
            cell = self.anywhere()
            if self.empty(cell):
                self.food.add(cell)

    def step(self, actions: NDArray[np.int32], rewards: tuple[float, float, float]) -> tuple[list[float], list[bool]]:
        """Advance by a tick; returns rewards and who died. The dead wait for `respawn`."""
        self.tick += 1
        earned, died = [0.0] * self.agents, [False] * self.agents
        for snake, action in zip(self.snakes, actions, strict=True):
            snake.heading = (snake.heading + {ON: 0, LEFT: -1, RIGHT: 1}[int(action)]) % 4
            if snake.growing:
                snake.growing -= 1
            else:
                snake.cells.popleft()
        for i in range(self.agents):
            a = (i + self.tick) % self.agents
            snake = self.snakes[a]
            (row, column), (down, right) = snake.cells[-1], MOVES[snake.heading]
            there = row + down, column + right
            if self.blocked(there):
                died[a] = True
                continue
            snake.cells.append(there)
            eaten = there in self.food or there in self.corpses
            if eaten and sum(other.length for other in self.snakes) < self.width * self.height // 2:
                snake.length += 1
                snake.growing += 1
            if eaten:
                snake.corpses += there in self.corpses
                earned[a] = rewards[there in self.corpses]
                self.food.discard(there)
                self.corpses.discard(there)
        for snake, dead in zip(self.snakes, died, strict=True):
            if dead:
                self.corpses |= set(list(snake.cells)[1::2])
                snake.cells.clear()
        self.lengths = [snake.length for snake in self.snakes]  # of the dead too
        for a, snake in enumerate(self.snakes):
            if died[a]:
                earned[a] = rewards[2]
                snake.length = 0
        self.sow()
        return earned, died

    def respawn(self, died: list[bool]) -> None:
        for a in range(self.agents):
            if died[a]:
                self.snakes[a] = self.born()

    def view(self, agent: int) -> NDArray[np.uint8]:
        """Return what a snake sees, (11, 11)."""
        board = np.full((self.height, self.width), EMPTY, np.uint8)
        own = self.snakes[agent]
        bodies = [cell for snake in self.snakes for cell in list(snake.cells)[:-1]]
        heads = [snake.cells[-1] for snake in self.snakes if snake.cells]
        for kind, cells in ((FOOD, self.food), (CORPSE, self.corpses), (BODY, bodies), (HEAD, heads)):
            for cell in cells:
                board[cell] = kind
        for here, there in pairwise(own.cells):
            way = MOVES.index((there[0] - here[0], there[1] - here[1]))
            board[here] = OWN + (way - own.heading) % 4
        row, column = own.cells[-1]
        seen = np.pad(board, 5, constant_values=WALL)[row : row + 11, column : column + 11]
        return np.rot90(seen, own.heading)  # against the clock, so that the head looks up
