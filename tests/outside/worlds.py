# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Tiny Python environments that need nothing: well-behaved ones, and ones that fail on purpose, once or always."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import numpy as np

from shoal.outside.declaration import Adapter, Declaration, declare
from shoal.outside.slot import Slot
from shoal.tables import Dim, Field, Head

FAULTS = ("raise", "raise in reset", "die", "hang", "nan", "reward", "shape", "always", "reset always")


class Walk:
    """A walk on 0 .. size: action 1 goes right, 0 left; the right end terminates with reward 1. Starts by its seed.

    `fault` happens in the step `at` of the episode with an odd start, once: `flag`, a file, says that it has happened.
    """

    speed = 1.0

    def __init__(self, size: int = 7, limit: int = 20, fault: str = "", at: int = 3, flag: str = "") -> None:
        self.size, self.fault, self.at, self.flag = size, fault, at, flag
        self.speed = 1.0
        self.declaration: Declaration = declare(
            "walk",
            fields=[
                Field("place", "vector", "float32", 1, 2, 1, 0, -100.0, 100.0, 0, "where, and the start"),
                Field("parity", "category", "uint8", 1, 1, 1, 2, 0.0, 1.0, 0, "of the place"),
            ],
            heads=[Head("move", 2, False, ("left", "right"))],
            dims=[],
            max_steps=limit,
        )
        self.place = self.start = self.tick = 0

    def bind(self, slot: Slot) -> None:
        """Take the slot."""
        self.slot = slot
        self.numbers = slot.rows[0, :8].view(np.float32)

    def reset(self, seed: int) -> None:
        """Begin somewhere in the left half."""
        if self.fault == "reset always" or (self.fault == "raise in reset" and self._due(True)):
            raise RuntimeError("the reset fails")
        self.place = self.start = seed % (self.size // 2)
        self.tick = 0
        self.slot.metrics[:] = 0
        self.slot.live[:] = 1
        self._observe()

    def step(self) -> None:
        """Move, and fail if that is due."""
        slot = self.slot
        self.tick += 1
        due = self.tick == self.at and self._due(self.start % 2 == 1)
        if due or self.fault == "always":
            self._fail()
        self.place = max(self.place + (1 if slot.discrete[0, 0] else -1), 0)
        done = self.place >= self.size
        slot.rewards[0] = float("inf") if due and self.fault == "reward" else float(done) * self.speed
        slot.ended[0] = slot.over[0] = done
        slot.metrics[0] = float(done), float(self.place)
        self._observe()
        if due and self.fault == "nan":
            self.numbers[1] = np.nan

    def _observe(self) -> None:
        self.numbers[:] = self.place, self.start
        self.slot.rows[0, 8] = self.place % 2

    def _due(self, here: bool) -> bool:
        """Return whether the fault is to happen now: here, and for the first time."""
        if not self.fault or not here:
            return False
        try:
            os.close(os.open(self.flag, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def _fail(self) -> None:
        if self.fault == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "hang":
            time.sleep(60)
        if self.fault in ("raise", "always"):
            raise RuntimeError("the step fails")
        if self.fault == "shape":
            self.numbers[:] = np.zeros(5)

    def render(self) -> Any:
        """Return a picture of the walk."""
        picture = np.zeros((8, 8 * (self.size + 1), 3), np.uint8)
        picture[:, 8 * self.place : 8 * self.place + 8] = (250, 200, 60)
        return picture

    def close(self) -> None:
        """Nothing is held."""


class Arm:
    """One continuous action and a state that can be taken and put back; never ends by itself."""

    def __init__(self) -> None:
        self.declaration = declare(
            "arm",
            fields=[Field("angle", "vector", "float32", 1, 1, 1, 0, -1e6, 1e6, 0, "of the arm")],
            heads=[],
            dims=[Dim("torque", -1.0, 1.0)],
            max_steps=50,
        )

    def bind(self, slot: Slot) -> None:
        """Take the slot."""
        self.slot, self.row = slot, slot.rows[0].view(np.float32)

    def reset(self, seed: int) -> None:
        """Begin at an angle of the seed's."""
        self.row[0] = seed % 11 / 10
        self.slot.live[:], self.slot.metrics[:] = 1, 0

    def step(self) -> None:
        """Turn."""
        self.row[0] += self.slot.continuous[0, 0]
        self.slot.rewards[0] = -abs(self.row[0])
        self.slot.ended[0] = self.slot.over[0] = 0
        self.slot.metrics[0, 1] += self.slot.rewards[0]

    def render(self) -> None:
        """It makes no pictures."""

    def close(self) -> None:
        """Nothing is held."""


def make_walk(size: int = 7, limit: int = 20, fault: str = "", at: int = 3, flag: str = "") -> Adapter:
    """Return a walk."""
    return Walk(size, limit, fault, at, flag)


def make_arm() -> Adapter:
    """Return an arm."""
    return Arm()


class Picture(Arm):
    """An arm that shows a picture."""

    def __init__(self) -> None:
        self.declaration = declare(
            "picture",
            fields=[Field("view", "image", "uint8", 40, 40, 1, 0, 0.0, 255.0, 0, "a picture")],
            heads=[],
            dims=[Dim("torque", -1.0, 1.0)],
            max_steps=50,
        )


def make_picture() -> Adapter:
    """Return an arm that shows a picture."""
    return Picture()
