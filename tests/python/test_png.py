# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""PNG and APNG against a decoder of our own, which knows every filter and checks every sum, and against Pillow."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from shoal import png
from shoal.errors import ConfigError, ShapeError


def chunks(data: bytes) -> list[tuple[str, bytes]]:
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = [], 8
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(kind + body)
        found.append((kind.decode(), body))
        at += 12 + size
    assert found[0][0] == "IHDR" and found[-1] == ("IEND", b"")
    return found


def unfilter(data: bytes, width: int, height: int, channels: int) -> NDArray[np.uint8]:
    """Return the pixels (height, width, channels) of inflated rows, by the specification's five filters."""
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, 1 + width * channels)
    out = np.zeros((height + 1, width * channels + channels), np.int64)  # a row and a pixel of zeros around
    for y in range(height):
        kind, line = rows[y, 0], rows[y, 1:]
        for i in range(width * channels):
            a, b, c = out[y + 1, i], out[y, i + channels], out[y, i]  # left, above, both
            paeth = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            out[y + 1, i + channels] = (int(line[i]) + (0, a, b, (a + b) // 2, paeth)[kind]) % 256
    return out[1:, channels:].astype(np.uint8).reshape(height, width, channels)


def decode(data: bytes) -> NDArray[np.uint8]:
    parts = chunks(data)
    width, height, depth, kind, *rest = struct.unpack(">IIBBBBB", parts[0][1])
    assert depth == 8 and kind in (2, 6) and rest == [0, 0, 0]
    body = b"".join(body for name, body in parts if name == "IDAT")
    return unfilter(body, width, height, 3 if kind == 2 else 4)


def decode_animation(data: bytes) -> tuple[list[NDArray[np.uint8]], list[float]]:
    """Return the frames as shown, and how long each is, in seconds."""
    parts = chunks(data)
    width, height = struct.unpack_from(">II", parts[0][1])
    screen = np.zeros((height, width, 3), np.uint8)
    frames: list[NDArray[np.uint8]] = []
    delays: list[float] = []
    sequence = 0
    box = (0, 0, 0, 0)
    for name, body in parts:
        if name in ("fcTL", "fdAT"):
            assert struct.unpack_from(">I", body)[0] == sequence
            sequence += 1
        if name == "fcTL":
            _, w, h, x, y, top, bottom, dispose, blend = struct.unpack(">IIIIIHHBB", body)
            assert dispose == blend == 0 and x + w <= width and y + h <= height
            box = (x, y, w, h)
            delays.append(top / bottom)
        if name in ("IDAT", "fdAT"):
            x, y, w, h = box
            screen[y : y + h, x : x + w] = unfilter(body[4:] if name == "fdAT" else body, w, h, 3)
            frames.append(screen.copy())
    assert struct.unpack(">II", dict(parts)["acTL"])[0] == len(frames) == len(delays)
    return frames, delays


def picture(height: int = 13, width: int = 17, channels: int = 4, seed: int = 0) -> NDArray[np.uint8]:
    """Return half noise, half a flat area."""
    image = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    image[height // 2 :] = 77
    return image


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (13, 17)])
def test_png_is_what_was_written(size: tuple[int, int], channels: int) -> None:
    image = picture(*size, channels)
    np.testing.assert_array_equal(decode(png.encode(image)), image)


def test_opaque_pictures_lose_their_opacity() -> None:
    image = picture()
    image[..., 3] = 255
    np.testing.assert_array_equal(decode(png.encode(image)), image[..., :3])


def test_rows_of_any_stride_are_written() -> None:
    large = picture(40, 60)
    np.testing.assert_array_equal(decode(png.encode(large[3:20:2, 5:30])), large[3:20:2, 5:30])


def test_flat_pictures_are_small() -> None:
    assert len(png.encode(np.full((330, 576, 4), 40, np.uint8))) < 2500
    slope = np.repeat(np.arange(200, dtype=np.uint8)[:, None, None], 300, axis=1).repeat(3, axis=2)
    assert len(png.encode(slope)) < 1500  # rows as differences from the one above


def frames_of(count: int) -> list[NDArray[np.uint8]]:
    frames = []
    for i in range(count):
        frame = np.full((20, 30, 4), 30, np.uint8)
        frame[4 + i : 9 + i, 3 * i : 3 * i + 6] = (200, 10 * i, 50, 255)
        frame[..., 3] = 255
        frames.append(frame)
    return frames


def test_animation_shows_every_frame() -> None:
    file = io.BytesIO()
    with png.Animation(file, frames_per_second=25) as animation:
        for frame in frames_of(8):
            animation.add(frame)
    shown, delays = decode_animation(file.getvalue())
    for frame, expected in zip(shown, frames_of(8), strict=True):
        np.testing.assert_array_equal(frame, expected[..., :3])
    assert delays == [1 / 25] * 8


def test_equal_frames_last_longer_and_only_changes_are_written() -> None:
    first, second = picture(100, 100, 3), picture(100, 100, 3)
    second[50:53, 60:62] ^= 255
    file = io.BytesIO()
    with png.Animation(file, frames_per_second=50) as animation:
        for frame in (first, first, first, second, first, first):
            animation.add(frame)
    shown, delays = decode_animation(file.getvalue())
    assert [bool((frame == first).all()) for frame in shown] == [True, False, True]
    assert delays == pytest.approx([3 / 50, 1 / 50, 2 / 50])
    assert len(file.getvalue()) < len(png.encode(first)) + 500


def test_a_picture_drawn_into_again_does_not_change_earlier_frames() -> None:
    frame = frames_of(1)[0]
    file = io.BytesIO()
    with png.Animation(file) as animation:
        for i in range(3):
            frame[:] = 10 * i
            animation.add(frame)
    assert [int(shown[0, 0, 0]) for shown in decode_animation(file.getvalue())[0]] == [0, 10, 20]


def test_an_animation_is_also_a_picture_of_its_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "play.png"
    with png.Animation(path) as animation:
        for frame in frames_of(3):
            animation.add(frame)
    np.testing.assert_array_equal(decode(path.read_bytes()), frames_of(1)[0][..., :3])


def test_one_frame_and_none_leave_files_that_can_be_read(tmp_path: Path) -> None:
    with png.Animation(tmp_path / "one.png") as animation:
        animation.add(frames_of(1)[0])
    assert len(decode_animation((tmp_path / "one.png").read_bytes())[0]) == 1
    with png.Animation(tmp_path / "none.png"):
        pass
    assert (tmp_path / "none.png").read_bytes() == b""


def test_pillow_reads_both(tmp_path: Path) -> None:
    pillow: Any = pytest.importorskip("PIL.Image")
    image = picture(21, 34)
    png.write(tmp_path / "one.png", image)
    np.testing.assert_array_equal(np.asarray(pillow.open(tmp_path / "one.png")), image)
    with png.Animation(tmp_path / "play.png", frames_per_second=10) as animation:
        for frame in frames_of(5):
            animation.add(frame)
    with pillow.open(tmp_path / "play.png") as file:
        assert file.n_frames == 5
        for i, expected in enumerate(frames_of(5)):
            file.seek(i)
            np.testing.assert_array_equal(np.asarray(file.convert("RGB")), expected[..., :3])
            assert file.info["duration"] == pytest.approx(100)


def test_mistakes_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the picture cannot be written: .*: No such file or directory"):
        png.write(tmp_path / "missing" / "one.png", picture())
    with pytest.raises(ConfigError, match="the animation cannot be written"):
        png.Animation(tmp_path / "missing" / "play.png")
    with pytest.raises(ShapeError, match="not an image: float64"):
        png.encode(np.zeros((4, 4, 3)))  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="not an image"):
        png.encode(np.zeros((4, 0, 3), np.uint8))
    with png.Animation(io.BytesIO()) as animation:
        animation.add(frames_of(1)[0])
        with pytest.raises(ShapeError, match="a frame of another size: 17x13; expected 30x20"):
            animation.add(picture())
