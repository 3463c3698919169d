# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The rules of pong in plain Python and float64, for one game: what pong.h is compared with.

Written from the catalogue's text, one sentence after the other, without regard to speed.
"""

from __future__ import annotations

from dataclasses import dataclass


def clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


@dataclass
class PongGame:
    """Positions in px, y up; velocities in px per frame."""

    frameskip: int = 8
    win_score: int = 21
    paddle_height: float = 70.0
    paddle_speed: float = 8.0
    opponent_speed: float = 8.0
    ball_speed: float = 10.0
    vy_step: float = 3.0
    max_vy: float = 13.0
    hit_reward: float = 0.1

    opponent_y: float = 0.0
    own_y: float = 0.0
    ball_x: float = 0.0
    ball_y: float = 0.0
    ball_vx: float = 0.0
    ball_vy: float = 0.0
    opponent_points: int = 0
    own_points: int = 0

    def start_round(self, ball_vy: float) -> None:
        """Everything to the middle; `ball_vy` is -1 or 0, which chance decides."""
        assert ball_vy in (-1.0, 0.0)
        self.opponent_y = self.own_y = 320 - self.paddle_height / 2  # 285
        self.ball_x, self.ball_y = 100.0, 304.0
        self.ball_vx, self.ball_vy = self.ball_speed, ball_vy

    def frame(self, direction: float) -> tuple[float, int]:
        """Return the reward and who won a point: 1 the agent, -1 the opponent, 0 nobody."""
        half = self.paddle_height / 2
        self.own_y += self.paddle_speed * direction
        wanted = self.ball_y - (self.opponent_y + half)
        self.opponent_y += clamp(wanted, -self.opponent_speed, self.opponent_speed)
        self.own_y = clamp(self.own_y, -half, 640 - half)
        self.opponent_y = clamp(self.opponent_y, -half, 640 - half)

        self.ball_x += self.ball_vx
        self.ball_y += self.ball_vy
        if self.ball_y < 0 or self.ball_y + 32 > 640:
            self.ball_vy = -self.ball_vy

        if self.ball_x < 0:
            if not self.touches(self.opponent_y):
                return 1.0, 1
            self.ball_vx = -self.ball_vx
        if self.ball_x + 32 > 500:
            if not self.touches(self.own_y):
                return -1.0, -1
            self.ball_vx = -self.ball_vx
            self.ball_vy = clamp(self.ball_vy + self.vy_step * direction, -self.max_vy, self.max_vy)
            if abs(self.ball_vy) < 0.01:
                self.ball_vy = self.vy_step
            self.ball_x = clamp(self.ball_x, 0, 468)
            self.ball_y = clamp(self.ball_y, 0, 608)
            return self.hit_reward, 0
        return 0.0, 0

    def touches(self, paddle_y: float) -> bool:
        return self.ball_y + 32 > paddle_y and self.ball_y < paddle_y + self.paddle_height

    def step(self, direction: float) -> tuple[float, int]:
        """Play one action; return its reward and who won a point. The caller starts the next round."""
        total = 0.0
        for _ in range(self.frameskip):
            reward, point = self.frame(direction)
            total += reward
            if point:
                self.own_points += point > 0
                self.opponent_points += point < 0
                return total, point
        return total, 0

    @property
    def over(self) -> bool:
        return max(self.own_points, self.opponent_points) >= self.win_score

    def observation(self) -> list[float]:
        half = self.paddle_height / 2
        return [
            (self.opponent_y + half) / 640,
            (self.own_y + half) / 640,
            self.ball_x / 500,
            self.ball_y / 640,
            (self.ball_vx + self.ball_speed) / (2 * self.ball_speed),
            (self.ball_vy + self.max_vy) / (2 * self.max_vy),
            self.opponent_points / self.win_score,
            self.own_points / self.win_score,
        ]
