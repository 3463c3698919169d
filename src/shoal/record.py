# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Recordings: PNG animations with nothing but zlib; GIF through Pillow and MP4 through PyAV, the extra `[video]`.

with record.open_writer(Path("play.mp4"), 60) as writer:
    writer.add(image)                  # uint8 (H, W, 3 or 4)
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from shoal import png
from shoal.errors import ConfigError, installs, nearest
from shoal.viewer import Viewer

MOST_FRAMES_PER_SECOND = 240


class Writer(Protocol):
    """A file that is written frame by frame."""

    def add(self, image: png.Image) -> None:
        """Append a frame, uint8 (H, W, 3 or 4)."""

    def close(self) -> None:
        """Complete the file."""


class Gif:
    """A GIF; each frame gets a palette of its own, so drawings keep their colours."""

    def __init__(self, path: Path, frames_per_second: float) -> None:
        self._images = _extra("PIL.Image", "pillow", "GIF")
        self._path, self._duration = path, 1000.0 / frames_per_second
        self._frames: list[Any] = []
        self._durations: list[int] = []
        self._time = 0.0
        _touch(path)

    def add(self, image: png.Image) -> None:
        """Append a frame; GIF counts hundredths of a second, so frames take turns in being longer."""
        frame = self._images.fromarray(np.ascontiguousarray(image[..., :3])).quantize(256, method=2, dither=0)
        start = round(self._time / 10)
        self._time += self._duration
        self._frames.append(frame)
        self._durations.append(10 * max(round(self._time / 10) - start, 2))

    def close(self) -> None:
        """Write the file."""
        if self._frames:
            first, *rest = self._frames
            first.save(self._path, save_all=True, append_images=rest, duration=self._durations, loop=0, optimize=False)
            self._frames = []


class Mp4:
    """An H.264 video, which every player and browser knows."""

    def __init__(self, path: Path, frames_per_second: float) -> None:
        self._av = _extra("av", "av", "MP4")
        self._rate = Fraction(frames_per_second).limit_denominator(1000)
        _touch(path)
        self._file = self._av.open(str(path), "w", format="mp4")
        self._stream: Any = None

    def add(self, image: png.Image) -> None:
        """Append a frame; an odd last row or column is left out, as H.264 halves the colours' resolution."""
        height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
        if self._stream is None:
            if not (height and width):
                raise ConfigError(f"a video needs at least 2x2 pixels; got {image.shape[1]}x{image.shape[0]}")
            self._stream = self._file.add_stream("libx264", rate=self._rate, options={"crf": "20"})
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width, :3]), format="rgb24")
        self._file.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Complete the file."""
        if self._stream is not None:
            self._file.mux(self._stream.encode(None))
        self._file.close()


def _animation(path: Path, frames_per_second: float) -> Writer:
    return png.Animation(path, frames_per_second=frames_per_second)


WRITERS: dict[str, Callable[[Path, float], Writer]] = {
    ".png": _animation,
    ".apng": _animation,
    ".gif": Gif,
    ".mp4": Mp4,
}


class open_writer(AbstractContextManager[Writer]):  # noqa: N801, used like a function
    """A writer for a file of this suffix, which is completed at the end of the block.

    Raises:
        ConfigError: for another suffix, a missing extra, or a file that cannot be written.
    """

    def __init__(self, path: Path, frames_per_second: float) -> None:
        make = WRITERS.get(path.suffix.lower())
        if make is None:
            problem = f"a recording ends in {', '.join(WRITERS)}; got `{path.name}`"
            raise ConfigError(problem, nearest(path.suffix, WRITERS, "PNG animations need no other package"))
        if not 0 < frames_per_second <= MOST_FRAMES_PER_SECOND:
            raise ConfigError(f"out of range: --fps {frames_per_second:g}; expected up to {MOST_FRAMES_PER_SECOND}")
        self._path = path
        self._writer = make(path, frames_per_second)

    def __enter__(self) -> Writer:
        """Return the writer."""
        return self._writer

    def __exit__(self, *_: object) -> None:
        """Complete the file."""
        with _explained(self._path):
            self._writer.close()


def record(
    viewer: Viewer,
    path: Path,
    *,
    width: int,
    height: int,
    frames_per_second: float = 60.0,
    seconds: float = 10.0,
    episodes: int = 0,
) -> int:
    """Play and write a recording; returns the number of frames.

    Args:
        viewer: what plays.
        path: of the file; its suffix says what it is.
        width: in pixels.
        height: in pixels.
        frames_per_second: shown; the environment ticks at its own rate.
        seconds: how long, at most.
        episodes: end when so many episodes have ended; 0: after `seconds`.

    Raises:
        ConfigError: if it cannot be written.
    """
    frames = 0
    with open_writer(path, frames_per_second) as writer, _explained(path):
        while frames < max(round(seconds * frames_per_second), 1):
            writer.add(viewer.frame(width, height))
            frames += 1
            if episodes and viewer.episodes >= episodes and not viewer.lingering:
                break
            viewer.advance(1.0 / frames_per_second)
    return frames


class _explained(AbstractContextManager[None]):  # noqa: N801
    """Turns a failed write into one sentence."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise a ConfigError in place of an OSError."""
        if isinstance(error, OSError):
            raise ConfigError(f"the recording cannot be written: {self._path}: {error.strerror or error}") from error


def _touch(path: Path) -> None:
    """Find out before the play whether its recording can be written."""
    try:
        path.open("wb").close()
    except OSError as error:
        raise ConfigError(f"the recording cannot be written: {path}: {error.strerror}") from error


def _extra(module: str, package: str, what: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ConfigError(
            f"{what} recordings need the package `{package}`, which is not installed",
            f"{installs('video')}, or record a .png animation",
        ) from None
