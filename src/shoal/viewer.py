# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Environments played before one's eyes: ticks at their own rate, pictures in between, keys, and what the agent chose.

    viewer = Viewer(policy.spec, PolicyPlayer(policy), rate=15)
    while viewer.running:
        viewer.advance(seconds since the last call)
        show(viewer.frame(576, 330))                # uint8 (330, 576, 4)
        viewer.press("space")                       # pause

Nothing here knows about windows, terminals or clocks: presenters show frames, pass on keys and say how much time went
by. So the same seed and the same calls give the same pictures.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal import drawing, registry, watching
from shoal.errors import ConfigError
from shoal.players import Choice, Player
from shoal.stats import Stats, stats_of
from shoal.vector import Vec

LINGER = 0.7  # seconds that the end of an episode stays in view, where one copy is shown
HISTORY = 240  # value estimates that are kept
MOST_TICKS = 8  # in one call of `advance`: a machine that is too slow plays slower, not in jumps
SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
GAP = 2  # pixels between tiles
STATUS = 22  # pixels, height of the status line
PANEL = (130, 240)  # width in pixels of the panel that shows choices, at least and at most

HELP = (
    ("space", "pause"),
    (".", "one step"),
    ("- +", "slower, faster"),
    ("tab", "next agent"),
    ("c", "next copy"),
    ("o", "what it chose"),
    ("p", "save a picture"),
    ("r", "restart"),
    ("?", "this list"),
    ("q", "quit"),
)


class Viewer:
    """One or several copies of an environment that are played and looked at.

    Attributes:
        vec: the copies. copy, agent: whom panel, keys and status line follow.
        paused, running, overlay, help: as keys have set them. wants_picture: a picture was asked for.
        held: keys that are down, the last one last; presenters keep it.
    """

    def __init__(
        self,
        spec: registry.Spec,
        player: Player,
        *,
        copies: int = 1,
        columns: int = 0,
        seed: int = 0,
        max_steps: int = 0,
        human: bool = False,
    ) -> None:
        """Start the copies.

        Args:
            spec: of the environment.
            player: who plays what no person plays.
            copies: how many.
            columns: of tiles, each showing a copy; 0: one copy fills the picture.
            seed: of the worlds.
            max_steps: time limit; 0: the environment's own.
            human: a person plays the agent that is followed; otherwise only while an action's key is held.
        """
        self.spec, self.player, self.human = spec, player, human
        self.watching = watching.of(spec)
        workers = None
        if spec.env.outside:
            from shoal.outside.pool import Workers

            workers = Workers(kind="serial", render=True)
        self.vec = Vec(
            spec,
            num_envs=copies,
            seed=seed,
            threads=1,
            max_steps=max_steps,
            autoreset="next-step",
            final_rows="all",
            workers=workers,
        )
        self.columns = columns
        self.copy = self.agent = 0
        self.running, self.paused = True, human
        self.overlay = self.help = self.wants_picture = False
        self.speed = 1.0
        self.held: list[str] = []
        self.episodes = self.ticks = 0
        self._stats = stats_of(spec.env)
        self._alpha = 1.0  # of a tick: how much of it has been shown
        self._lingering = 0.0
        self._drawings: dict[tuple[int, int], drawing.Drawing] = {}
        self._canvas = drawing.Canvas()
        self._rasters: dict[tuple[int, int], drawing.Raster] = {}
        self.before: list[NDArray[np.uint8] | None]
        self.choice: Choice | None
        self.values: deque[float] = deque(maxlen=HISTORY)
        self.returns = np.zeros(self.vec.num_rows)
        self._ended = np.zeros(self.vec.num_rows, np.bool_)
        self._fresh: list[str]
        self._forget()

    # ------------------------------------------------------------------------------------------------ time

    def advance(self, seconds: float) -> None:
        """Let so much time go by: tick as often as is due."""
        if self.paused or not self.running:
            return
        if self._waits_for_turn():
            self._alpha = min(self._alpha + seconds * self.watching.rate, 1.0)
            if self._alpha < 1.0 or not self._steering():
                return
            self._alpha, seconds = 1.0, 0.0
            self.tick()
            self._alpha = 0.0
            return
        if self._lingering > 0.0:
            self._lingering -= seconds * self.speed
            return
        self._alpha += seconds * self.watching.rate * self.speed
        for _ in range(MOST_TICKS):
            if self._alpha < 1.0 or self._lingering > 0.0:
                break
            self.tick()
            self._alpha -= 1.0
        self._alpha = min(self._alpha, 1.0)
        if self._lingering > 0.0:
            self._alpha = 1.0

    def tick(self) -> None:
        """Take one step in every copy."""
        vec = self.vec
        self.before = [vec.state(copy) for copy in range(vec.num_envs)]
        choice = self.player.choose(vec)
        if self.human or self._steering():
            held = self.held if self.watching.turns else self._fresh + self.held
            discrete, continuous = self.watching.keys.choose(held, self.ticks)
            row = self.row
            choice = dataclasses.replace(choice, discrete=choice.discrete.copy(), continuous=choice.continuous.copy())
            choice.discrete[row], choice.continuous[row] = discrete, continuous
        self._fresh = []
        self.choice = choice
        self.masks = vec.mask_rows.copy()
        if choice.values is not None:
            self.values.append(float(choice.values[self.row]))
        self.returns[self._ended] = 0.0
        _, rewards, terminated, truncated = vec.step(choice.discrete, choice.continuous)
        self.returns += rewards
        self.ticks += 1
        self._ended = terminated | truncated
        self.episodes += int(np.count_nonzero(vec.waiting))
        self._stats = self._stats + vec.stats()
        if vec.num_envs == 1 and vec.waiting[0]:
            self._lingering = LINGER

    @property
    def row(self) -> int:
        """Whom the panel follows."""
        return self.copy * self.spec.agents + self.agent

    @property
    def lingering(self) -> bool:
        """Is the end of an episode still in view."""
        return self._lingering > 0.0

    @property
    def stats(self) -> Stats:
        """Sums over the lives that ended."""
        return self._stats

    def status(self) -> str:
        """Return a line about what is shown."""
        words = [self.spec.env.name, "you" if self.human or self._steering() else self.player.name]
        if self.spec.agents > 1:
            words.append(f"agent {self.agent + 1}/{self.spec.agents}")
        if self.vec.num_envs > 1:
            words.append(f"copy {self.copy + 1}/{self.vec.num_envs}")
        words.append(f"return {self.returns[self.row]:.4g}")
        if self._stats.lives:
            words.append(f"mean score {self._stats.mean('score'):.4g} of {self._stats.lives}")
        if self.paused:
            words.append("paused: any key of the game starts" if self.human and not self.ticks else "paused")
        elif self.speed != 1.0:
            words.append(f"speed {self.speed:g}")
        return "  ".join(words)

    # ------------------------------------------------------------------------------------------------ keys

    def press(self, key: str) -> None:
        """Do what a key that went down stands for; keys of the environment's table are the person's actions."""
        keys = self.watching.keys
        if keys.known(key) and not (key == "space" and not self.human):
            self._fresh.append(key)  # counts for one tick even if it is up again by then
            if self.human:
                self.paused = False
        elif key in ("q", "escape"):
            self.running = False
        elif key == "space":
            self.paused = not self.paused
        elif key == ".":
            self.paused, self._lingering = True, 0.0
            self.tick()
            self._alpha = 1.0
        elif key in ("+", "=", "-"):
            at = SPEEDS.index(self.speed) + (-1 if key == "-" else 1)
            self.speed = SPEEDS[min(max(at, 0), len(SPEEDS) - 1)]
        elif key == "tab":
            self._follow(self.copy, (self.agent + 1) % self.spec.agents)
        elif key == "c":
            self._follow((self.copy + 1) % self.vec.num_envs, self.agent)
        elif key == "o":
            self.overlay = not self.overlay
        elif key == "p":
            self.wants_picture = True
        elif key == "r":
            self._restart()
        elif key in ("?", "/", "h"):
            self.help = not self.help

    def _steering(self) -> bool:
        return any(self.watching.keys.known(key) for key in (*self.held, *self._fresh))

    def _waits_for_turn(self) -> bool:
        return self.human and self.watching.turns and not self.vec.waiting[self.copy]

    def _follow(self, copy: int, agent: int) -> None:
        self.copy, self.agent = copy, agent
        self.values.clear()

    def _restart(self) -> None:
        self.vec.reset()
        self._forget()

    def _forget(self) -> None:
        """Begin anew with what belongs to the episodes that are under way."""
        vec = self.vec
        self.before = [None] * vec.num_envs
        self.choice = None
        self.masks = vec.mask_rows.copy()
        self.values.clear()
        self.returns[:] = 0.0
        self._ended = np.zeros(vec.num_rows, np.bool_)
        self._fresh = []
        self._alpha, self._lingering = 1.0, 0.0

    # ------------------------------------------------------------------------------------------------ pictures

    def frame(self, width: int, height: int, *, panel: bool = True, status: str = "") -> drawing.Image:
        """Return the picture of this moment, uint8 (height, width, 4).

        Args:
            width: in pixels.
            height: in pixels.
            panel: with the panel and help if they are on.
            status: a line below the picture; none if empty.
        """
        whole = np.empty((height, width, 4), np.uint8)
        image = whole
        if status and height > STATUS:
            height -= STATUS
            image = whole[:height]
            self._draw_status(status, whole[height:])
        side = min(max(width * 3 // 10, PANEL[0]), PANEL[1]) if panel and self.overlay and width >= 2 * PANEL[0] else 0
        scene = image[:, : width - side]
        if self.columns:
            self._draw_tiles(scene)
        else:
            self._draw(self.copy, scene)
        if side:
            self._canvas.begin()
            drawing.overlay(self._canvas, self.spec, side, height, **self.chosen(), background=drawing.PANEL)
            self._raster(side, height).draw(self._canvas, image[:, width - side :])
        if panel and self.help:
            self._draw_help(scene)
        return whole

    def chosen(self) -> dict[str, Any]:
        """Return what `drawing.overlay` shows of the agent that is followed."""
        if self.choice is None:
            return {}
        row, choice = self.row, self.choice
        shown: dict[str, Any] = {"discrete": choice.discrete[row], "continuous": choice.continuous[row]}
        if choice.logits is not None:
            shown["probabilities"] = drawing.probabilities_of(self.spec, choice.logits[row], self.masks[row])
        if self.values:
            shown["values"] = np.array(self.values, np.float32)
        return shown

    def _draw_tiles(self, scene: drawing.Image) -> None:
        columns = self.columns
        rows = -(-self.vec.num_envs // columns)
        height, width = scene.shape[:2]
        scene[...] = (0x3A, 0x46, 0x57, 0xFF)
        for copy in range(self.vec.num_envs):
            row, column = divmod(copy, columns)
            top, bottom = _span(row, rows, height)
            left, right = _span(column, columns, width)
            self._draw(copy, scene[top:bottom, left:right])

    def _draw(self, copy: int, out: drawing.Image) -> None:
        height, width = out.shape[:2]
        if self.vec.pool is not None and (picture := self.vec.pool.render(copy)) is not None:
            drawing.show(picture, out)
            return
        if (width, height) not in self._drawings:
            self._drawings[width, height] = drawing.Drawing(self.spec, width, height)
            if len(self._drawings) > 8:  # of a window that is being resized
                del self._drawings[next(iter(self._drawings))]
        self._drawings[width, height].draw(self.vec, copy, self._alpha, self.before[copy], out)

    def _draw_help(self, scene: drawing.Image) -> None:
        own = [line.partition(": ")[::2] for line in self.watching.keys.lines()]
        height, width = scene.shape[:2]
        rows = [(key, what, drawing.TEXT) for key, what in HELP]
        rows += [(key, what, drawing.YELLOW) for key, what in own[:12]]
        pitch = min(16.0, (height - 20.0) / len(rows))
        canvas = self._canvas
        canvas.begin()
        canvas.window(0, 0, width, height)
        canvas.rectangle(6, 6, min(13 * pitch, width - 12), pitch * len(rows) + 8, drawing.NIGHT & ~0x1F, 6)
        for i, (key, what, colour) in enumerate(rows):
            canvas.text(14, 10 + pitch * (i + 0.5), 0.5 * pitch, key, colour)
            canvas.text(14 + 3.6 * pitch, 10 + pitch * (i + 0.5), 0.5 * pitch, what, colour)
        self._raster(width, height).draw(canvas, scene)

    def _draw_status(self, status: str, strip: drawing.Image) -> None:
        height, width = strip.shape[:2]
        self._canvas.begin()
        self._canvas.window(0, 0, width, height, drawing.PANEL)
        self._canvas.text(8, height / 2, 8, status, drawing.TEXT)
        self._raster(width, height).draw(self._canvas, strip)

    def _raster(self, width: int, height: int) -> drawing.Raster:
        if (width, height) not in self._rasters:
            if len(self._rasters) > 8:
                self._rasters.clear()
            self._rasters[width, height] = drawing.Raster(width, height)
        return self._rasters[width, height]


def fitting(viewer: Viewer, width: int, height: int) -> tuple[int, int]:
    """Return the largest size within width x height that has the drawing's shape."""
    aspect = drawing.aspect(viewer.vec)
    if viewer.columns:
        aspect *= viewer.columns / -(-viewer.vec.num_envs // viewer.columns)
    return max(min(width, round(height * aspect)), 1), max(min(height, round(width / aspect)), 1)


def tiles(text: str) -> tuple[int, int]:
    """Return the columns and rows that `4x3` means.

    Raises:
        ConfigError: if it means none.
    """
    return pair("tiles", text, 64)


def pair(name: str, text: str, most: int) -> tuple[int, int]:
    """Return the two whole numbers of `576x330`.

    Raises:
        ConfigError: if they are not two numbers from 1 to `most`.
    """
    parts: Sequence[str] = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and 1 <= int(part) <= most for part in parts):
        raise ConfigError(f"--{name} {text}: expected two numbers from 1 to {most}, such as 4x3")
    return int(parts[0]), int(parts[1])


def _span(index: int, count: int, length: int) -> tuple[int, int]:
    """Return where tile `index` of `count` begins and ends, at least a pixel wide."""
    start = index * (length + GAP) // count
    return start, max((index + 1) * (length + GAP) // count - GAP, start + 1)
