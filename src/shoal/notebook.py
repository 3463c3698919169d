# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal.show`: an agent at play as a picture that moves, in a notebook or as a file, with no package besides ours."""

from __future__ import annotations

import io
from pathlib import Path

from shoal import png, registry
from shoal.errors import ConfigError
from shoal.evaluate import evaluation_seed
from shoal.players import Player, PolicyPlayer, RandomPlayer, ScriptedPlayer
from shoal.policy import Policy, load
from shoal.viewer import Viewer, fitting
from shoal.viewer import tiles as parse_tiles

PLAYERS = ("sampled", "greedy", "scripted", "random")


class Clip:
    """A PNG animation; the last value of a notebook's cell is shown.

    Attributes:
        data: the bytes of the file. width, height: in pixels. frames: how many.
    """

    def __init__(self, data: bytes, width: int, height: int, frames: int) -> None:
        self.data, self.width, self.height, self.frames = data, width, height, frames

    def __repr__(self) -> str:
        """Return its size in words."""
        return f"<Clip {self.width}x{self.height}, {self.frames} frames, {len(self.data) / 1e6:.2f} MB>"

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """Return what IPython displays."""
        return self.data, {"width": self.width, "height": self.height}

    def save(self, path: str | Path) -> None:
        """Write it to a .png file.

        Raises:
            ConfigError: if it cannot be written.
        """
        try:
            Path(path).write_bytes(self.data)
        except OSError as error:
            raise ConfigError(f"the clip cannot be written: {path}: {error.strerror}") from error


def show(
    target: str | Path | Policy,
    player: str = "sampled",
    *,
    seconds: float = 5.0,
    width: int = 576,
    height: int = 330,
    frames_per_second: float = 30.0,
    tiles: str = "",
    panel: bool = False,
    seed: int = 0,
    level: float = 1.0,
    runs_dir: str | Path = "runs",
) -> Clip:
    """Return an agent at play, as a clip that a notebook shows.

    Args:
        target: a policy, what `shoal.load` takes, or for the players scripted and random an environment's name.
        player: sampled, greedy, scripted or random.
        seconds: length.
        width: in pixels, at most: without a panel, the clip is cut to the drawing's shape.
        height: in pixels, at most.
        frames_per_second: shown; the environment ticks at its own rate.
        tiles: columns and rows of copies, such as 4x3.
        panel: show what the agent chose, and its value estimates.
        seed: of the worlds.
        level: strength of the scripted player.
        runs_dir: where runs lie.

    Raises:
        ConfigError: for an unknown player or an impossible size. CheckpointError: if there is no such agent.
    """
    if player not in PLAYERS:
        raise ConfigError(f"player={player!r} is not a choice; expected one of {', '.join(PLAYERS)}")
    if not (0 < seconds <= 600 and 1 <= frames_per_second <= 240):
        raise ConfigError(f"out of range: {seconds:g} seconds at {frames_per_second:g} frames a second")
    seed = evaluation_seed(seed, -1)
    actor: Player
    if player in ("scripted", "random"):
        spec = target.spec if isinstance(target, Policy) else registry.get(str(target)).spec()
        actor = ScriptedPlayer(spec.env, level) if player == "scripted" else RandomPlayer(seed)
    else:
        policy = target if isinstance(target, Policy) else load(target, runs_dir=runs_dir)
        spec, actor = policy.spec, PolicyPlayer(policy, greedy=player == "greedy", seed=seed)
    columns, rows = parse_tiles(tiles) if tiles else (0, 1)
    viewer = Viewer(spec, actor, copies=max(columns, 1) * rows, columns=columns, seed=seed)
    viewer.overlay = panel
    if not panel:
        width, height = fitting(viewer, width, height)
    buffer, frames = io.BytesIO(), round(seconds * frames_per_second)
    with png.Animation(buffer, frames_per_second=frames_per_second) as animation:
        for _ in range(frames):
            animation.add(viewer.frame(width, height))
            viewer.advance(1.0 / frames_per_second)
    return Clip(buffer.getvalue(), width, height, frames)
