# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""PNG and APNG files, written with nothing but zlib.

    png.write("frame.png", image)                            # uint8 (H, W, 3 or 4)
    with png.Animation("play.png", frames_per_second=60) as animation:
        animation.add(image)                                 # as often as there are frames

An animation is a valid PNG of its first frame for programs that know no APNG. A frame holds only the rectangle that
differs from the one before it, and equal frames last longer.
"""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from shoal.errors import ConfigError, ShapeError

Image = NDArray[np.uint8]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LEVEL = 6  # of zlib: drawings are flat, so a higher one saves little


def encode(image: Image, level: int = LEVEL) -> bytes:
    """Return `image`, uint8 (H, W, 3 or 4), as the bytes of a PNG file."""
    pixels = _pixels(image, alpha=None)
    return b"".join((SIGNATURE, _header(pixels), _chunk(b"IDAT", _compress(pixels, level)), _chunk(b"IEND", b"")))


def write(path: str | Path, image: Image, level: int = LEVEL) -> None:
    """Write `image`, uint8 (H, W, 3 or 4), to a PNG file.

    Raises:
        ConfigError: if the file cannot be written. ShapeError: if it is no image.
    """
    data = encode(image, level)
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise ConfigError(f"the picture cannot be written: {path}: {error.strerror}") from error


class Animation:
    """An APNG that is written frame by frame; `close` completes it, as does leaving the `with` block.

    Args:
        target: a path, or a binary file that can seek.
        frames_per_second: how long a frame is shown.
        loops: how often it plays, 0 for ever.
    """

    def __init__(
        self, target: str | Path | BinaryIO, *, frames_per_second: float = 60.0, loops: int = 0, level: int = LEVEL
    ) -> None:
        self._delay = Fraction(1 / frames_per_second).limit_denominator(1000)
        self._loops, self._level = loops, level
        self._last: Image | None = None  # the frame on screen
        self._waiting: tuple[int, int, Image] | None = None  # the frame to be written: row, column, pixels
        self._repeats = 0  # how many frames it lasts
        self._sequence = self._frames = 0
        self._path = None if hasattr(target, "write") else Path(target)
        try:
            self._file: Any = target if self._path is None else self._path.open("wb")
        except OSError as error:
            raise ConfigError(f"the animation cannot be written: {target}: {error.strerror}") from error

    def add(self, image: Image) -> None:
        """Append a frame, uint8 (H, W, 3 or 4), of the first one's size."""
        pixels = _pixels(image, alpha=False)
        if self._last is None:
            self._file.write(SIGNATURE + _header(pixels))
            self._control_at = self._file.tell()
            self._file.write(_chunk(b"acTL", struct.pack(">II", 0, self._loops)))
            self._waiting, self._repeats = (0, 0, pixels.copy()), 1
        else:
            if pixels.shape != self._last.shape:
                expected = "x".join(map(str, self._last.shape[1::-1]))
                got = "x".join(map(str, pixels.shape[1::-1]))
                raise ShapeError(f"a frame of another size: {got}; expected {expected}")
            changed = (pixels != self._last).any(axis=2)
            if not changed.any():
                self._repeats += 1
                return
            self._flush()
            rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
            top, left = int(rows[0]), int(columns[0])
            part = pixels[top : rows[-1] + 1, left : columns[-1] + 1]
            self._waiting, self._repeats = (top, left, part.copy()), 1
        self._last = pixels.copy()

    def close(self) -> None:
        """Write what is left and the number of frames."""
        if self._file is None:
            return
        file = self._file
        if self._last is not None:
            self._flush()
            file.write(_chunk(b"IEND", b""))
            file.seek(self._control_at)
            file.write(_chunk(b"acTL", struct.pack(">II", self._frames, self._loops)))
            file.seek(0, io.SEEK_END)
        if self._path is not None:
            file.close()
        self._file = None

    def __enter__(self) -> Animation:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete the file."""
        self.close()

    def _flush(self) -> None:
        """Write the frame that waits, now that it is known how long it lasts."""
        assert self._waiting is not None
        top, left, pixels = self._waiting
        height, width = pixels.shape[:2]
        delay = self._delay * self._repeats
        if delay.numerator > 65535:
            delay = Fraction(65535, 1)
        control = (self._sequence, width, height, left, top, delay.numerator, delay.denominator, 0, 0)
        self._file.write(_chunk(b"fcTL", struct.pack(">IIIIIHHBB", *control)))
        self._sequence += 1
        data = _compress(pixels, self._level)
        if self._frames == 0:
            self._file.write(_chunk(b"IDAT", data))
        else:
            self._file.write(_chunk(b"fdAT", struct.pack(">I", self._sequence) + data))
            self._sequence += 1
        self._frames += 1


# ---------------------------------------------------------------------------------------------------- format


def _pixels(image: Image, alpha: bool | None) -> Image:
    """Return (H, W, 3), or (H, W, 4) where alpha says so or (None) is not opaque everywhere."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (3, 4) or 0 in image.shape:
        raise ShapeError(f"not an image: {image.dtype} {image.shape}; expected uint8 (height, width, 3 or 4)")
    if image.shape[2] == 4 and (alpha is False or (alpha is None and bool((image[..., 3] == 255).all()))):
        return np.ascontiguousarray(image[..., :3])
    return np.ascontiguousarray(image)


def _header(pixels: Image) -> bytes:
    height, width, channels = pixels.shape
    return _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 6, 0, 0, 0))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def _compress(pixels: Image, level: int) -> bytes:
    """Return the filtered rows, compressed. A row is stored as it is, or as the differences from the row above.

    Of the two, the one with the smaller sum of magnitudes, which is a fair guess of what compresses better; drawings
    are flat, and the filters that mix neighbours gain nothing over these.
    """
    height = pixels.shape[0]
    rows = pixels.reshape(height, -1)
    above = np.zeros_like(rows)
    above[1:] = rows[:-1]
    up = rows - above  # modulo 256
    use_up = _size(up) < _size(rows)
    out = np.empty((height, 1 + rows.shape[1]), np.uint8)
    out[:, 0] = 2 * use_up
    np.copyto(out[:, 1:], rows)
    np.copyto(out[:, 1:], up, where=use_up[:, None])
    return zlib.compress(out.tobytes(), level)


def _size(rows: Image) -> NDArray[np.int64]:
    sums: NDArray[np.int64] = np.minimum(rows, 0 - rows).sum(axis=1, dtype=np.int64)
    return sums
