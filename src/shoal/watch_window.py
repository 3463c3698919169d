# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Watching in a window, through the raylib wheel (extra `[window]`): it shows the viewer's pictures and reads keys.

The `raylib_software` wheel, which needs no graphics driver, works as well; both are imported as `raylib`.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any

from shoal import command_watch
from shoal.drawing import Image
from shoal.errors import ConfigError, installs
from shoal.viewer import STATUS, Viewer

MOST_PIXELS = 8192  # on a side of the window
NOTE = 2.0  # seconds that a note stays in view
LONGEST = 0.25  # seconds of play in a frame: a window that was dragged does not catch up
ELSEWHERE = "`--watch terminal` shows it here, `eval ... --record FILE.png` writes it"

_QUIET = 7  # LOG_NONE: raylib ends the process when it reports what is fatal
_RESIZABLE = 0x4  # of SetConfigFlags
_RGBA8 = 7  # PIXELFORMAT_UNCOMPRESSED_R8G8B8A8
_WHITE = (255, 255, 255, 255)
_SPECIAL = {262: "right", 263: "left", 264: "down", 265: "up", 256: "escape", 257: "enter", 258: "tab"}
_CODES = {name: code for code, name in _SPECIAL.items()} | {"space": 32}


def load() -> tuple[Any, Any]:
    """Return raylib's functions and its foreign function interface.

    Raises:
        ConfigError: if there is no raylib, or no display.
    """
    try:
        with _hushed():
            module = importlib.import_module("raylib")
    except ImportError:
        hint = f"{installs('window')}; or {ELSEWHERE}"
        raise ConfigError("a window needs the package `raylib`, which is not installed", hint) from None
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not display:
        raise ConfigError("there is no display for a window: DISPLAY and WAYLAND_DISPLAY are not set", ELSEWHERE)
    return module.rl, module.ffi


class Window:
    """A window that shows a viewer's pictures; leaving the block closes it."""

    def __init__(
        self, title: str, width: int, height: int, frames_per_second: float = 0.0, *, status: int = STATUS
    ) -> None:
        """Open it; `frames_per_second` is what `show` waits for, 0: for nothing; `status` rows of pixels are added.

        Raises:
            ConfigError: if no window can be opened.
        """
        self._rl, self._ffi = rl, _ = load()
        rl.SetTraceLogLevel(_QUIET)
        rl.SetConfigFlags(_RESIZABLE)
        with _hushed():
            rl.InitWindow(width, height + status, title.encode())
        if not rl.IsWindowReady():
            raise ConfigError(f"no window can be opened on the display {os.environ.get('DISPLAY', '')!r}", ELSEWHERE)
        rl.SetExitKey(0)  # escape is the viewer's
        rl.SetWindowMinSize(160, 120)
        rl.SetTargetFPS(round(frames_per_second))
        self._texture: Any = None
        self._note, self._note_until = "", 0.0

    def __enter__(self) -> Window:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close it."""
        if self._texture is not None:
            self._rl.UnloadTexture(self._texture)
        self._rl.CloseWindow()

    def show(self, viewer: Viewer, seconds: float, status: str = "") -> bool:
        """Read the keys, let so much time go by, show what comes of it; returns whether to go on."""
        rl = self._rl
        _read_keys(rl, viewer)
        viewer.advance(min(seconds, LONGEST))
        if viewer.wants_picture:
            viewer.wants_picture = False
            self._note, self._note_until = command_watch.save(viewer), rl.GetTime() + NOTE
        line = self._note if rl.GetTime() < self._note_until else f"{status or viewer.status()}   ? keys"
        self.present(viewer.frame(*self.size(), status=line))
        return viewer.running and not rl.WindowShouldClose()

    def size(self) -> tuple[int, int]:
        """Return its present width and height."""
        return max(self._rl.GetScreenWidth(), 1), max(self._rl.GetScreenHeight(), STATUS + 1)

    def present(self, image: Image) -> None:
        """Show a picture of its size, uint8 (height, width, 4)."""
        rl, size = self._rl, image.shape[1::-1]
        pixels = self._ffi.cast("void *", image.ctypes.data)
        if self._texture is None or (self._texture.width, self._texture.height) != size:
            if self._texture is not None:
                rl.UnloadTexture(self._texture)
            self._texture = rl.LoadTextureFromImage([pixels, *size, 1, _RGBA8])
        else:
            rl.UpdateTexture(self._texture, pixels)
        rl.BeginDrawing()
        rl.DrawTexture(self._texture, 0, 0, _WHITE)
        rl.EndDrawing()

    @property
    def frame_seconds(self) -> float:
        """How long the last frame was shown."""
        return float(self._rl.GetFrameTime())


def watch(viewer: Viewer, width: int, height: int, frames_per_second: float = 60.0) -> None:
    """Show the viewer in a window of this size until it is closed.

    Raises:
        ConfigError: if no window can be opened.
    """
    with Window(f"shoal: {viewer.spec.env.name}", width, height, max(frames_per_second, 1.0)) as window:
        while window.show(viewer, window.frame_seconds):
            pass


def _read_keys(rl: Any, viewer: Viewer) -> None:
    """Pass on the keys that went down, and those that are down."""
    while (code := rl.GetCharPressed()) > 0:  # as the keyboard's layout has it
        if 32 < code < 127:
            viewer.press(chr(code))
    while (code := rl.GetKeyPressed()) > 0:
        if code in _SPECIAL or code == _CODES["space"]:
            viewer.press(_SPECIAL.get(code, "space"))
    keys = [key for key in (*_CODES, *"abcdefghijklmnopqrstuvwxyz0123456789") if viewer.watching.keys.known(key)]
    down = [key for key in keys if rl.IsKeyDown(_CODES[key] if key in _CODES else ord(key.upper()))]
    viewer.held = [key for key in viewer.held if key in down] + [key for key in down if key not in viewer.held]


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep what the library says while it starts from the terminal."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        yield
    finally:
        for number, handle in zip((1, 2), kept, strict=True):
            os.dup2(handle, number)
            os.close(handle)
        os.close(nowhere)
