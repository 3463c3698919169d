# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The rules of connect4 and a player that looks every line through, in plain Python: what connect4.h is compared with.

Boards are lists of columns, each a list of sides (0 plays first, 1 second) from the bottom. Nothing is pruned.
"""

from __future__ import annotations

ROWS, COLUMNS, CELLS = 6, 7, 42
LINES = [
    [(column + i * right, row + i * up) for i in range(4)]
    for right, up in ((0, 1), (1, 0), (1, 1), (1, -1))
    for column in range(COLUMNS)
    for row in range(ROWS)
    if 0 <= column + 3 * right < COLUMNS and 0 <= row + 3 * up < ROWS
]
THROUGH = {
    (column, row): [line for line in LINES if (column, row) in line] for column in range(COLUMNS) for row in range(ROWS)
}

Board = list[list[int]]


def board_of(columns: str) -> Board:
    """Return the board after stones into these columns, numbered from 1, the sides in turn."""
    board: Board = [[] for _ in range(COLUMNS)]
    for ply, column in enumerate(columns):
        board[int(column) - 1].append(ply % 2)
    return board


def plies(board: Board) -> int:
    return sum(map(len, board))


def legal(board: Board) -> list[int]:
    return [column for column in range(COLUMNS) if len(board[column]) < ROWS]


def lines_of(board: Board, column: int) -> list[list[tuple[int, int]]]:
    """Return the lines of four that the top stone of a column is part of."""
    row = len(board[column]) - 1
    side = board[column][row]
    return [line for line in THROUGH[column, row] if all(r < len(board[c]) and board[c][r] == side for c, r in line)]


def completes(board: Board, column: int, row: int, side: int) -> bool:
    """Return whether three stones of this side are on a line of four with a cell, reachable or not."""
    others = ([cell for cell in line if cell != (column, row)] for line in THROUGH[column, row])
    return any(all(r < len(board[c]) and board[c][r] == side for c, r in three) for three in others)


def value(board: Board, left: int) -> int:
    """Return what the side to move gets: 1 + the stones left after its win, as much below 0 for a loss, else 0."""
    if not left:
        return 0
    return max((worth(board, column, left) for column in legal(board)), default=0)


def worth(board: Board, column: int, left: int) -> int:
    """Return what a stone into this column gets."""
    board[column].append(plies(board) % 2)
    found = left if lines_of(board, column) else -value(board, left - 1)
    board[column].pop()
    return found


def best(board: Board, depth: int) -> set[int]:
    """Return the columns of the best moves."""
    if not depth:
        return set(legal(board))
    worths = {column: worth(board, column, depth) for column in legal(board)}
    return {column for column, found in worths.items() if found == max(worths.values())}


def stones(board: Board) -> list[int]:
    """Return the bits of both sides: 7 column + row."""
    return [
        sum(1 << 7 * c + r for c, column in enumerate(board) for r, stone in enumerate(column) if stone == side)
        for side in (0, 1)
    ]
