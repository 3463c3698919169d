# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Several players in one Vec: who plays each team, and what the lives of each agent came to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal import memory, native, registry
from shoal.errors import ShapeError


class Seats:
    """The part of a Vec's memory that only games between several players need.

    Attributes:
        next_players: int16 (num_envs, teams), who plays from an environment's next reset on.
        players: int16 (N,), who plays each agent now.
        lives: float32 (N, 3 + metrics), of each agent: lives that ended, and sums over them of the metrics, the return
            and the length.
    """

    def __init__(self, handle: int, spec: registry.Spec, num_envs: int) -> None:
        """Make room in the native Vec `handle`, where player 0 plays everybody so far."""
        library = native.library()
        block = memory.allocate(int(library.vec_seat_bytes(handle)))
        library.vec_seat(handle, block.ctypes.data)
        rows = num_envs * spec.agents

        def view(which: int, size: int, dtype: Any) -> NDArray[Any]:
            """Return a view, which keeps the memory alive, of an array in it."""
            start = library.vec_array(handle, which) - block.ctypes.data
            return block[start : start + size * np.dtype(dtype).itemsize].view(dtype)

        self.next_players = view(9, num_envs * spec.num_teams, np.int16).reshape(num_envs, spec.num_teams)
        self.players = view(10, rows, np.int16)
        self.lives = view(11, rows * (3 + len(spec.env.metrics)), np.float32).reshape(rows, -1)

    def assign(self, players: ArrayLike) -> None:
        """Say who plays each team from each environment's next reset on; see `Vec.assign`."""
        try:
            self.next_players[...] = players
        except ValueError as error:
            expected = self.next_players.shape
            raise ShapeError(f"wrong shape: players has {np.shape(players)}; expected {expected}") from error
