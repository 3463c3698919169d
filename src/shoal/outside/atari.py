# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Atari games with the usual preprocessing, on the emulator itself: a Gymnasium environment of one game.

    a step    the action for 4 frames; the last two frames' brightness, the larger of both, 84 x 84 by area, as the
              newest of 4 pictures; the rewards of the frames, added
    a start   0 to 30 frames in which nothing is done, so that games differ, and FIRE where a game waits for it
    sticky    with probability 0.25 a frame repeats the action before it (Machado et al. 2018): ALE/...-v5

What the emulator is given is decided here, sticky actions too: so a start needs no new emulator for its seed, which
would take 300 ms instead of 8, and depends on the seed alone. The frames become one
picture in native/outside/picture.c.
"""

from __future__ import annotations

import re
from typing import Any

import gymnasium
import numpy as np
from ale_py import ALEInterface, LoggerMode, roms

from shoal import native
from shoal.errors import ConfigError, EnvError, nearest

Array = np.ndarray[Any, np.dtype[np.uint8]]

_FIRE = 1  # the action of the emulator that starts a game


class Atari(gymnasium.Env[Array, int]):
    """A game of ale-py's.

    Attributes:
        game_score: the rewards of the game so far, whatever became of them.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 15}  # noqa: RUF012  (Gymnasium's way)

    def __init__(
        self,
        game: str,
        frame_skip: int = 4,
        noop_max: int = 30,
        size: int = 84,
        stack: int = 4,
        sticky: float = 0.25,
        full_action_space: bool = False,
        clip_reward: bool = False,
        life_loss: bool = False,
        render_mode: str | None = None,
    ) -> None:
        """Open a game.

        Args:
            game: its name in Gymnasium: Pong.
            frame_skip: frames an action lasts.
            noop_max: frames at most in which nothing is done at the start.
            size: of a side of the picture.
            stack: pictures seen at once.
            sticky: probability that a frame repeats the action before it.
            full_action_space: all 18 actions of the console, not only the game's.
            clip_reward: replace rewards by their sign.
            life_loss: a lost life ends the episode, and the next one goes on with the game.
            render_mode: rgb_array, or None.

        Raises:
            EnvError: if there is no such game.
            ConfigError: if a number makes no sense.
        """
        for name, value, least in (("frame_skip", frame_skip, 1), ("stack", stack, 1), ("noop_max", noop_max, 0)):
            if value < least:
                raise ConfigError(f"out of range: {name}={value}; expected at least {least} (at env.{name})")
        ALEInterface.setLoggerMode(LoggerMode.Error)
        path = roms.get_rom_path(re.sub(r"(?<!^)(?=[A-Z])", "_", game).lower())
        if path is None:
            raise EnvError(f"ale-py has no game `{game}`", nearest(game, roms.get_all_rom_ids()))
        self._ale = ALEInterface()
        self._ale.setInt("random_seed", 1)
        self._ale.setFloat("repeat_action_probability", 0.0)
        self._ale.loadROM(path)
        self._actions = self._ale.getLegalActionSet() if full_action_space else self._ale.getMinimalActionSet()
        rows, columns = self._ale.getScreenDims()
        if not 1 <= size <= min(rows, columns):
            raise ConfigError(f"out of range: size={size}; expected 1 to {min(rows, columns)} (at env.size)")
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Box(0, 255, (size, size, stack), np.uint8)
        self.action_space: Any = gymnasium.spaces.Discrete(len(self._actions))
        self._frames = frame_skip
        self._noop_max = noop_max
        self._repeats = sticky
        self._clip, self._life_loss = clip_reward, life_loss
        self._waits = any(action.value == _FIRE for action in self._actions)
        self._now, self._before = np.zeros((rows, columns), np.uint8), np.zeros((rows, columns), np.uint8)
        self._stack = np.zeros((size, size, stack), np.uint8)
        address = [array.ctypes.data for array in (self._now, self._before, self._stack)]
        self._picture = (address[0], address[1], rows, columns, address[2], size, size, stack)
        self._native = native.library().picture_stack
        self._random = np.random.default_rng(0)
        self._last = self._actions[0]
        self._lives = 0
        self.game_score = 0.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Start a game, or go on with it after a lost life; returns the picture, uint8 (size, size, stack)."""
        if seed is not None:
            self._random = np.random.default_rng(seed)
        ale = self._ale
        goes_on = self._life_loss and 0 < ale.lives() < self._lives and not ale.game_over()
        if goes_on:
            self._lives = ale.lives()
        else:
            ale.reset_game()
            self._lives, self.game_score = ale.lives(), 0.0
            for _ in range(int(self._random.integers(self._noop_max + 1))):
                ale.act(self._actions[0])
                if ale.game_over():
                    ale.reset_game()
        self._last = self._actions[0]
        if self._waits:
            ale.act(self._actions[1])
            if ale.game_over():
                ale.reset_game()
        self._stack[:] = 0
        ale.getScreenGrayscale(self._now)
        self._before[:] = self._now
        self._native(*self._picture)
        return self._stack, {}

    def step(self, action: int) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Play `frame_skip` frames. The picture is overwritten by the next step."""
        ale, act, chosen, last = self._ale, self._ale.act, self._actions[action], self._last
        frames = self._frames
        sticks = (self._random.random(frames) < self._repeats).tolist()
        total = 0
        for frame, stuck in enumerate(sticks):
            if not stuck:
                last = chosen
            total += act(last)
            if frame == frames - 2:
                ale.getScreenGrayscale(self._before)
        self._last = last
        ale.getScreenGrayscale(self._now)
        if frames == 1:
            self._before[:] = self._now
        self._native(*self._picture)
        self.game_score += total
        over = ale.game_over() or (self._life_loss and ale.lives() < self._lives)
        reward = float((total > 0) - (total < 0)) if self._clip else float(total)
        return self._stack, reward, over, False, {}

    def render(self) -> Array:
        """Return the screen in colour, uint8 (210, 160, 3)."""
        screen: Array = self._ale.getScreenRGB()
        return screen
