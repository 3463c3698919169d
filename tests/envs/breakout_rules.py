# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The rules of breakout in plain Python and float64, for one game: what breakout.h is compared with.

Written from the catalogue's text: every frame looks at every brick, every wall and the paddle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

ROW, COLUMN = np.divmod(np.arange(108), 18)
BRICK_X, BRICK_Y = 32.0 * COLUMN, 50.0 + 12.0 * ROW
ROW_POINTS = (7, 7, 4, 4, 1, 1)
SIDE_WALL, BACK_WALL, PADDLE = 108, 109, 110
EPSILON = 1e-4  # decisions closer than this may fall differently in float32


@dataclass
class BreakoutGame:
    """Positions in px, y down; velocities in px per frame; `speed` in px/s."""

    frameskip: int = 4
    spare_balls: int = 5
    speed_up_hits: int = 4
    ball_size: float = 32.0
    ball_speed: float = 256.0
    ball_speed_step: float = 64.0
    ball_speed_max: float = 448.0
    full_width: float = 62.0  # parameter paddle_width
    paddle_speed: float = 620.0

    paddle_x: float = 0.0
    paddle_width: float = 0.0
    ball_x: float = 0.0
    ball_y: float = 0.0
    ball_vx: float = 0.0
    ball_vy: float = 0.0
    speed: float = 0.0
    hits: int = 0
    launched: int = 0
    score: int = 0
    rebuilt: int = 0
    broken: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(108, np.bool_))

    over: bool = False
    fragile: bool = False  # a decision of this step was closer than EPSILON
    events: list[str] = field(default_factory=list)

    def start_round(self) -> None:
        self.paddle_width = self.full_width
        self.paddle_x = (576 - self.paddle_width) / 2
        self.ball_x, self.ball_y = (576 - self.ball_size) / 2, 135.0
        self.ball_vx = self.ball_vy = 0.0
        self.speed = self.ball_speed
        self.hits = self.launched = 0

    def contacts(self) -> list[tuple[float, float, int, int]]:
        """Return (t, -overlap, what, axis) of every contact in this frame; the smallest is the one that counts."""
        x, y, vx, vy, size = self.ball_x, self.ball_y, self.ball_vx, self.ball_vy, self.ball_size
        found: list[tuple[float, float, int, int]] = []

        def bricks(t, overlap, axis):
            loose = (t > -EPSILON) & (t <= 1 + EPSILON) & (overlap > -EPSILON) & ~self.broken
            tight = (t > EPSILON) & (t <= 1 - EPSILON) & (overlap > EPSILON) & ~self.broken
            self.fragile |= bool((loose != tight).any())
            for i in np.flatnonzero((t > 0) & (t <= 1) & (overlap > 0) & ~self.broken):
                found.append((float(t[i]), -float(overlap[i]), int(i), axis))

        if vx != 0:
            t = ((BRICK_X if vx > 0 else BRICK_X + 32) - (x + size if vx > 0 else x)) / vx
            top = y + vy * t
            bricks(t, np.minimum(BRICK_Y + 12, top + size) - np.maximum(BRICK_Y, top), 0)
        if vy != 0:
            t = ((BRICK_Y if vy > 0 else BRICK_Y + 12) - (y + size if vy > 0 else y)) / vy
            left = x + vx * t
            bricks(t, np.minimum(BRICK_X + 32, left + size) - np.maximum(BRICK_X, left), 1)

        def other(t, overlap, what, axis, earliest):
            self.fragile |= abs(t - 1) < EPSILON or (abs(overlap) < EPSILON and -EPSILON < t < 1 + EPSILON)
            self.fragile |= earliest > 0 and abs(t) < EPSILON
            if earliest <= t <= 1 and overlap > 0:
                found.append((t, -overlap, what, axis))

        if vx != 0:
            t = max((576 - size - x if vx > 0 else -x) / vx, 0.0)
            top = y + vy * t
            other(t, min(330, top + size) - max(0, top), SIDE_WALL, 0, 0.0)
        if vy < 0:
            t = max(-y / vy, 0.0)
            left = x + vx * t
            other(t, min(576, left + size) - max(0, left), BACK_WALL, 1, 0.0)
        if vy > 0:
            t = (312 - (y + size)) / vy
            left = x + vx * t
            overlap = min(self.paddle_x + self.paddle_width, left + size) - max(self.paddle_x, left)
            other(t, overlap, PADDLE, 1, 1e-300)
        return sorted(found)

    def frame(self, direction: float, side: float, continuous: bool) -> int:
        """Play a frame and return the points won. `side`: where chance launches a ball, -1 left or 1 right."""
        if not self.launched:
            self.launched = 1
            self.ball_vx = side * math.sin(math.pi / 3.25) * self.speed / 60
            self.ball_vy = math.cos(math.pi / 3.25) * self.speed / 60
            direction = direction if continuous else 0.0
        self.paddle_x += direction * self.paddle_speed / 60
        self.paddle_x = min(max(self.paddle_x, 0.0), 576 - self.paddle_width)

        points = 0
        found = self.contacts()
        if len(found) > 1 and found[1][0] - found[0][0] < EPSILON and found[1][3] != found[0][3]:
            self.fragile = True
        if len(found) > 1 and found[1][0] == found[0][0] and abs(found[1][1] - found[0][1]) < EPSILON:
            self.fragile = True
        if not found:
            self.ball_x += self.ball_vx
            self.ball_y += self.ball_vy
        elif found[0][2] == PADDLE:
            self.hit_paddle()
        else:
            points = self.bounce(*found[0])

        self.fragile |= abs(self.ball_y - 320) < EPSILON
        if self.ball_y >= 320:
            self.events.append("lost")
            if self.spare_balls == 0:
                self.over = True
            else:
                self.spare_balls -= 1
                self.start_round()
        if self.score == 864:
            self.over = True
        return points

    def hit_paddle(self) -> None:
        self.events.append("paddle")
        relative = (self.ball_x + self.ball_size / 2 - self.paddle_x) / self.paddle_width
        angle = -math.pi / 4 + relative * math.pi / 2
        self.ball_vx = math.sin(angle) * self.speed / 60
        self.ball_vy = -math.cos(angle) * self.speed / 60
        self.hits += 1
        if self.hits % self.speed_up_hits == 0 and self.speed < self.ball_speed_max:
            self.speed = min(self.speed + self.ball_speed_step, self.ball_speed_max)
        if self.score == 432 and not self.rebuilt:
            self.events.append("rebuilt")
            self.broken[:] = False
            self.rebuilt = 1

    def bounce(self, t: float, _: float, what: int, axis: int) -> int:
        forward = self.ball_vx > 0 if axis == 0 else self.ball_vy > 0
        if what == SIDE_WALL:
            face = 576.0 if forward else 0.0
        elif what == BACK_WALL:
            face = 0.0
        elif axis == 0:
            face = BRICK_X[what] + (0 if forward else 32)
        else:
            face = BRICK_Y[what] + (0 if forward else 12)
        face -= self.ball_size if forward else 0
        if axis == 0:
            self.ball_x, self.ball_y = float(face), self.ball_y + self.ball_vy * t
            self.ball_vx = -self.ball_vx
        else:
            self.ball_x, self.ball_y = self.ball_x + self.ball_vx * t, float(face)
            self.ball_vy = -self.ball_vy
        if what == BACK_WALL:
            self.paddle_width = self.full_width / 2
        if what >= SIDE_WALL:
            self.events.append("back wall" if what == BACK_WALL else "side wall")
            return 0
        self.events.append("brick side" if axis == 0 else "brick face")
        self.broken[what] = True
        self.score += ROW_POINTS[ROW[what]]
        if ROW[what] < 3:
            self.speed = self.ball_speed_max
        return ROW_POINTS[ROW[what]]

    def step(self, direction: float, side: float, continuous: bool = False) -> int:
        """Play one action and return its points; the end of the game ends it."""
        self.fragile = False
        points = 0
        for _ in range(self.frameskip):
            points += self.frame(direction, side, continuous)
            if self.over:
                break
        return points

    def observation(self) -> list[float]:
        return [
            self.paddle_x / 576,
            312 / 330,
            self.ball_x / 576,
            self.ball_y / 330,
            self.ball_vx / 512,
            self.ball_vy / 512,
            self.launched / 5,
            self.score / 864,
            self.spare_balls / 5,
            self.paddle_width / 62,
        ]
