# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The rasteriser: coverage against exact areas and a 16 x 16 supersampled oracle, clipping, broken lists, same bits."""

from __future__ import annotations

import ctypes
import hashlib
import math
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from shoal import drawing, native
from shoal.drawing import Canvas, Raster
from shoal.errors import ConfigError, ShapeError

BLACK, WHITE = 0x000000FF, 0xFFFFFFFF
SIZE = 48

HEADER = Path(__file__).parents[2] / "native" / "include" / "shoal" / "canvas.h"
ITEM = struct.Struct("<iiI3i10f")


def coverage(draw: Callable[[Canvas], None], width: int = SIZE, height: int = SIZE) -> NDArray[np.float64]:
    """Return the coverage in [0, 1] of each pixel by what `draw` appends, white on black."""
    canvas = Canvas()
    canvas.clear(BLACK)
    draw(canvas)
    image = Raster(width, height).draw(canvas)
    assert (image[..., 3] == 255).all()
    assert (image[..., 0] == image[..., 1]).all() and (image[..., 0] == image[..., 2]).all()
    return image[..., 0] / 255.0


def supersampled(inside: Callable[[Any, Any], Any], width: int = SIZE, height: int = SIZE) -> NDArray[np.float64]:
    at = (np.arange(16) + 0.5) / 16
    x = (np.arange(width)[:, None] + at).ravel()
    y = (np.arange(height)[:, None] + at).ravel()
    hits = inside(x[None, :], y[:, None])
    return hits.reshape(height, 16, width, 16).mean(axis=(1, 3))


def raw(
    kind: int, colour: int = WHITE, n: tuple[int, int, int] = (0, 0, 0), a: Any = (), payload: bytes = b""
) -> bytes:
    payload += b"\0" * (-len(payload) % 4)
    values = (*a, *(0.0,) * (10 - len(a)))
    return ITEM.pack(kind, ITEM.size + len(payload), colour, *n, *values) + payload


class Raw:
    """A list made by hand, where `Canvas` would not make it."""

    def __init__(self, data: bytes) -> None:
        self.items = np.frombuffer(data, np.uint8)


# ---------------------------------------------------------------------------------------------------- shapes


@pytest.mark.parametrize("box", [(3, 4, 10, 6), (3.25, 4.5, 10.5, 6.75), (7.3, 9.6, 0.2, 20), (-5, -5, 9.5, 8)])
def test_rectangle_covers_exactly(box: tuple[float, ...]) -> None:
    x, y, width, height = box
    edges = np.arange(SIZE)
    across = np.clip(np.minimum(x + width, edges + 1) - np.maximum(x, edges), 0, 1)
    down = np.clip(np.minimum(y + height, edges + 1) - np.maximum(y, edges), 0, 1)
    found = coverage(lambda canvas: canvas.rectangle(x, y, width, height, WHITE))
    np.testing.assert_allclose(found, down[:, None] * across, atol=0.5 / 255 + 1 / 256)


def test_sizes_may_be_negative() -> None:
    one = coverage(lambda canvas: canvas.rectangle(3.5, 4, 10, 6, WHITE, radius=2))
    other = coverage(lambda canvas: canvas.rectangle(13.5, 10, -10, -6, WHITE, radius=2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("radius", [2.0, 5.5, 100.0])
def test_rounded_rectangle_has_round_corners(radius: float) -> None:
    x0, y0, x1, y1 = 4.3, 6.8, 40.1, 30.4
    r = min(radius, (y1 - y0) / 2)

    def inside(x: Any, y: Any) -> Any:
        dx = np.maximum(np.maximum(x0 + r - x, x - (x1 - r)), 0)
        dy = np.maximum(np.maximum(y0 + r - y, y - (y1 - r)), 0)
        return (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1) & (dx * dx + dy * dy <= r * r)

    found = coverage(lambda canvas: canvas.rectangle(x0, y0, x1 - x0, y1 - y0, WHITE, radius=radius))
    np.testing.assert_allclose(found, supersampled(inside), atol=0.13)  # by distance at a curve: within a tenth or so
    assert found.sum() == pytest.approx((x1 - x0) * (y1 - y0) - (4 - math.pi) * r * r, rel=0.01)


@pytest.mark.parametrize("radius", [0.8, 3.0, 17.3])
def test_circle_covers_its_area(radius: float) -> None:
    x, y = 23.7, 24.2
    found = coverage(lambda canvas: canvas.circle(x, y, radius, WHITE))
    np.testing.assert_allclose(
        found, supersampled(lambda px, py: (px - x) ** 2 + (py - y) ** 2 <= radius**2), atol=0.16
    )
    assert found.sum() == pytest.approx(math.pi * radius**2, rel=0.03 if radius > 1 else 0.15)


def test_a_circle_smaller_than_a_pixel_fades() -> None:
    shares = [coverage(lambda canvas, r=r: canvas.circle(20.5, 20.5, r, WHITE)).sum() for r in (0.05, 0.2, 0.4)]
    assert 0 < shares[0] < shares[1] < shares[2] < 1


@pytest.mark.parametrize(("start", "stop"), [(0.3, 1.2), (-2.0, 0.4), (0.5, 5.0), (2.0, 2.1), (0.0, 7.0)])
def test_arc_runs_from_the_x_axis_to_the_y_axis(start: float, stop: float) -> None:
    x, y, radius, width = 24.0, 24.0, 15.0, 6.0

    def inside(px: Any, py: Any) -> Any:
        distance = np.hypot(px - x, py - y)
        turned = np.mod(np.arctan2(py - y, px - x) - start, 2 * math.pi)
        return (np.abs(distance - radius) <= width / 2) & (turned <= stop - start)

    found = coverage(lambda canvas: canvas.arc(x, y, radius, width, start, stop, WHITE))
    assert np.abs(found - supersampled(inside)).mean() < 0.004
    assert found.sum() == pytest.approx(radius * width * min(stop - start, 2 * math.pi), rel=0.03, abs=0.3)


@pytest.mark.parametrize("width", [1.0, 4.0])
def test_line_is_as_wide_as_asked(width: float) -> None:
    ax, ay, bx, by = 6.2, 9.1, 40.7, 33.3
    length = math.hypot(bx - ax, by - ay)

    def inside(x: Any, y: Any) -> Any:
        t = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length**2, 0, 1)
        return np.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay)) <= width / 2

    found = coverage(lambda canvas: canvas.line([(ax, ay), (bx, by)], width, WHITE))
    np.testing.assert_allclose(found, supersampled(inside), atol=0.2)
    assert found.sum() == pytest.approx(width * length + math.pi * width**2 / 4, rel=0.05)


def test_a_joint_of_a_translucent_line_is_no_darker() -> None:
    points = [(5, 5), (24, 40), (43, 5)]
    assert coverage(lambda canvas: canvas.line(points, 6, 0xFFFFFF80)).max() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    "corners",
    [
        [(4.2, 5.1), (40.3, 12.7), (21.9, 43.6)],
        [(4.2, 5.1), (21.9, 43.6), (40.3, 12.7)],  # the other way round
        [(5, 5), (43, 5), (43, 43), (24.3, 15.5), (5, 43)],  # concave
        [(-30, 10.3), (70, 20.7), (60, 90), (-10, 80)],  # beyond the picture
    ],
)
def test_polygon_covers_its_area(corners: list[tuple[float, float]]) -> None:
    def inside(x: Any, y: Any) -> Any:
        odd = np.zeros(np.broadcast_shapes(x.shape, y.shape), bool)
        for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
            crosses = (ay > y) != (by > y)
            odd ^= crosses & (x < ax + (y - ay) / ((by - ay) or 1) * (bx - ax))
        return odd

    found = coverage(lambda canvas: canvas.polygon(corners, WHITE))
    np.testing.assert_allclose(found, supersampled(inside), atol=0.05)


def test_opacity_blends() -> None:
    found = coverage(lambda canvas: canvas.rectangle(0, 0, 20, 20, 0xFFFFFF80))
    assert found[5, 5] == pytest.approx(128 / 255, abs=1 / 255)
    assert (coverage(lambda canvas: canvas.rectangle(0, 0, 20, 20, 0xFFFFFF00)) == 0).all()


def test_image_shows_its_cells() -> None:
    cells = np.array([[0, 1, 2], [2, 9, 0]], np.uint8)  # 9 is no colour: left out
    colours = np.array([0x102030FF, 0x405060FF, 0x708090FF], np.uint32)
    data = raw(1, BLACK) + raw(9, 0, (2, 3, 3), (6, 10, 30, 20), colours.tobytes() + cells.tobytes())
    image = Raster(SIZE, SIZE).draw(Raw(data))  # type: ignore[arg-type]
    assert [tuple(image[15, x, :3]) for x in (7, 20, 30)] == [(16, 32, 48), (64, 80, 96), (112, 128, 144)]
    assert [tuple(image[25, x, :3]) for x in (7, 20, 30)] == [(112, 128, 144), (0, 0, 0), (16, 32, 48)]
    assert (image[:, 37:, :3] == 0).all() and (image[31:, :, :3] == 0).all()


# ---------------------------------------------------------------------------------------------------- window


def test_window_is_centred_and_cuts_off_what_is_outside() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.window(0, 0, 10, 10, 0x808080FF)
        canvas.rectangle(-100, -100, 105, 200, WHITE)  # the left half and far beyond

    found = coverage(draw, 96, 48)
    assert (found[:, :24] == 0).all() and (found[:, 72:] == 0).all()
    assert (found[:, 24:48] == 1).all() and found[10, 60] == pytest.approx(128 / 255)


def test_the_window_says_which_way_the_axes_point() -> None:
    for window, where in (((0, 0, 8, 8), (1, 1)), ((0, 8, 8, 0), (6, 1)), ((8, 0, 0, 8), (1, 6))):

        def draw(canvas: Canvas, window: tuple[int, ...] = window) -> None:
            canvas.window(*window)
            canvas.rectangle(1, 1, 1, 1, WHITE)

        found = coverage(draw, 8, 8)
        assert np.argwhere(found > 0).tolist() == [list(where)]


def test_a_mirrored_arc_turns_the_other_way() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.window(0, SIZE, SIZE, 0)  # y up
        canvas.arc(24, 24, 10, 4, 0.2, 1.3, WHITE)

    found = coverage(draw)
    rows, columns = np.nonzero(found)
    assert rows.max() <= 24 and columns.min() >= 24  # the upper right


def test_clear_before_a_window_fills_what_is_around_it() -> None:
    canvas = Canvas()
    canvas.clear(0x112233FF)
    canvas.window(0, 0, 1, 1, 0x445566FF)
    image = Raster(30, 10).draw(canvas)
    assert image[5, 5].tolist() == [0x11, 0x22, 0x33, 255] and image[5, 15].tolist() == [0x44, 0x55, 0x66, 255]


def test_a_list_without_clear_is_drawn_over_the_picture() -> None:
    image = np.full((20, 20, 4), 200, np.uint8)
    canvas = Canvas()
    canvas.rectangle(0, 0, 5, 5, WHITE)
    Raster(20, 20).draw(canvas, image)
    assert (image[:5, :5] == 255).all() and (image[5:] == 200).all()


def test_a_part_of_a_picture_is_drawn_without_its_surroundings() -> None:
    image = np.zeros((30, 40, 4), np.uint8)
    canvas = Canvas()
    canvas.clear(WHITE)
    canvas.line([(-100, 5), (100, 5)], 3, WHITE)
    Raster(10, 10).draw(canvas, image[8:18, 20:30])
    assert (image[8:18, 20:30] == 255).all() and image.sum() == 100 * 4 * 255


# ---------------------------------------------------------------------------------------------------- text


@pytest.mark.parametrize(("align", "left", "right"), [("left", 60, 109), ("centre", 35, 84), ("right", 10, 59)])
def test_text_is_aligned(align: str, left: int, right: int) -> None:
    found = coverage(lambda canvas: canvas.text(60, 20, 12, "HELLO", WHITE, align), 120, 40)
    rows, columns = np.nonzero(found)
    assert rows.min() == 14 and rows.max() == 25  # twelve rows around the middle
    assert (columns.min(), columns.max()) == (left, right)


def test_every_character_differs_from_every_other() -> None:
    for size in (7, 12, 40):
        seen: dict[bytes, str] = {}
        for letter in map(chr, range(33, 127)):
            found = coverage(lambda canvas, text=letter, size=size: canvas.text(4, 30, size, text, WHITE), 60, 60)
            assert 0.02 * size < found.sum(), letter
            assert seen.setdefault(found.tobytes(), letter) == letter, size


def test_numbers_do_not_wobble() -> None:
    ends = set()
    for number in ("1111", "4704", "8888"):
        found = coverage(lambda canvas, text=number: canvas.text(2, 10, 9, text + "|", WHITE), 60, 20)
        ends.add(int(np.nonzero(found)[1].max()))
    assert len(ends) == 1


def test_text_stays_legible_and_kept_glyphs_change_no_bit() -> None:
    canvas = Canvas()
    canvas.clear(BLACK)
    for size in range(1, 60):
        canvas.text(3, 9 * size, size, "The quick brown fox 0123456789!?&@", WHITE)
    raster = Raster(300, 600)
    first = raster.draw(canvas)
    np.testing.assert_array_equal(first, raster.draw(canvas))  # from what is kept
    rows = np.nonzero(coverage(lambda canvas: canvas.text(2, 10, 2.6, "H", WHITE), 20, 20))[0]
    assert rows.max() - rows.min() == 6  # seven pixels
    assert not coverage(lambda canvas: canvas.text(2, 10, 2.4, "H", WHITE), 20, 20).any()


# ---------------------------------------------------------------------------------------------------- safety and bits


def test_items_with_broken_numbers_are_left_out() -> None:
    for bad in (math.nan, math.inf, -math.inf):
        assert (coverage(lambda canvas, bad=bad: canvas.circle(bad, 20, 10, WHITE)) == 0).all()
        assert (coverage(lambda canvas, bad=bad: canvas.line([(0, 0), (bad, 9)], 2, WHITE)) == 0).all()
        assert (coverage(lambda canvas, bad=bad: canvas.polygon([(0, 0), (9, bad), (9, 9)], WHITE)) == 0).all()


def test_huge_numbers_are_clipped() -> None:
    assert (coverage(lambda canvas: canvas.rectangle(-3e38, -1e30, 3e38, 2e30, WHITE)) == 0).all()
    assert (coverage(lambda canvas: canvas.rectangle(-1e30, -1e30, 2e30, 2e30, WHITE)) == 1).all()
    assert (coverage(lambda canvas: canvas.circle(24, 24, 1e20, WHITE)) == 1).all()


def test_a_malformed_item_ends_the_list() -> None:
    good = raw(1, BLACK) + raw(3, WHITE, a=(0, 0, 5, 5))
    square = raw(3, WHITE, a=(20, 20, 5, 5))
    broken = {
        "too long": square[:4] + struct.pack("<i", 9999) + square[8:],
        "too short": square[:4] + struct.pack("<i", 12) + square[8:],
        "odd": square[:4] + struct.pack("<i", 65) + square[8:] + b"\0" * 4,
        "negative": square[:4] + struct.pack("<i", -64) + square[8:],
        "text": raw(8, WHITE, (1000, 0, 0), (20, 20, 10), b"hi"),
        "points": raw(7, WHITE, (2_000_000_000, 0, 0), (), b"12345678"),
        "cells": raw(9, WHITE, (2_000_000_000, 2_000_000_000, 1), (0, 0, 40, 40), b"1234"),
        "mesh": raw(16, WHITE, (1 << 30, 1 << 30, 0), (), b"12345678"),
    }
    for name, item in broken.items():
        image = Raster(SIZE, SIZE).draw(Raw(good + item + square))  # type: ignore[arg-type]
        assert (image[:5, :5] == 255).all() and (image[10:, 10:, :3] == 0).all(), name


def everything() -> Raw:
    """A list with every kind of item, at positions that are no round numbers."""
    canvas = Canvas()
    canvas.clear(drawing.NIGHT)
    canvas.window(0.1, 0.2, 100.3, 70.4, drawing.FLOOR)
    canvas.rectangle(3.3, 4.4, 20.7, 10.1, drawing.ORANGE)
    canvas.rectangle(30.3, 4.4, 20.7, 10.1, drawing.SKY & ~0x60, radius=3.3)
    canvas.circle(60.2, 12.7, 7.9, drawing.GREEN)
    canvas.arc(80.1, 14.2, 9.3, 3.1, 0.4, 4.4, drawing.YELLOW)
    canvas.line([(5, 30), (20.5, 40.2), (33.3, 28.8), (36, 44)], 2.2, drawing.BLUE)
    canvas.polygon([(50, 25), (60.6, 45.5), (42.2, 40.1)], drawing.RED)
    canvas.text(70, 33, 6, "Text 42%", drawing.TEXT)
    data = canvas.items.tobytes()
    data += raw(10, 0, a=(4, -7, 3.6, 0, 0, 0.8, 0.8)) + raw(11, drawing.EDGE, a=(0, 1, 14))
    data += raw(12, drawing.ORANGE, a=(-1.5, 0.5, 0.5, 0.5, 0.7, 0.5, 0.966, 0, 0, 0.259))
    data += raw(13, drawing.SKY, a=(0.6, -0.6, 0.8, 0.8)) + raw(13, drawing.PINK & ~0x80, a=(0.2, -0.9, 1.5, 0.6))
    data += raw(14, drawing.GREEN, a=(2.2, 1, 0, 2.2, 1, 1.6, 0.5, 0.2)) + raw(
        15, drawing.RED, a=(-4, -1, 0, 3, 2, 2, 3)
    )
    vertices = np.array([[-0.5, -2, 0], [0.5, -2, 0], [0, -1.2, 0], [0, -1.7, 0.9]], np.float32)
    triangles = np.array([[0, 1, 3], [1, 2, 3], [2, 0, 3], [0, 2, 7]], np.int32)  # the last names no vertex
    data += raw(16, drawing.BLUE, (4, 4, 0), (), vertices.tobytes() + triangles.tobytes())
    return Raw(data + raw(3, drawing.PINK, a=(90, 60, 9, 9)))


def test_every_build_draws_the_same_bits() -> None:
    """One golden hash, whatever the instruction set; planting -ffast-math or a fused multiply-add changes it."""
    found = {}
    for path in sorted(native.library_folder().glob("libshoal_*.so")):
        lib = native.Library(path)
        if path.stem.removeprefix("libshoal_") in native.ISAS[: native.ISAS.index(lib.best_isa().decode())]:
            continue  # this machine does not run it
        items, image = everything().items, np.zeros((120, 170, 4), np.uint8)
        block = np.zeros(lib.raster_bytes(170, 120) + 64, np.uint8)
        raster = lib.raster_create(170, 120, block.ctypes.data + (-block.ctypes.data) % 64)
        lib.raster_draw(raster, items.ctypes.data, items.nbytes, image.ctypes.data, image.strides[0])
        found[path.stem] = hashlib.sha256(image.tobytes()).hexdigest()[:16]
    assert set(found.values()) == {"c71dc4f023044f9a"}, found


def test_palette_is_the_one_of_the_header() -> None:
    colours = re.findall(r"#define SHOAL_(\w+) (0x[0-9A-F]{8})u", HEADER.read_text())
    assert len(colours) == 13
    for name, value in colours:
        assert getattr(drawing, name) == int(value, 16), name


def test_item_has_the_size_that_python_writes() -> None:
    canvas = Canvas()
    canvas.clear()
    assert canvas.items.nbytes == ITEM.size == 64
    assert ctypes.sizeof(native.Canvas) == 24


def test_a_canvas_grows() -> None:
    canvas = Canvas()
    for i in range(5000):
        canvas.circle(i, i, 1, WHITE)
    assert canvas.items.nbytes == 5000 * 64
    assert struct.unpack_from("<f", canvas.items, 4999 * 64 + 24)[0] == 4999


def test_impossible_pictures_are_refused() -> None:
    for width, height in ((0, 5), (5, -1), (20000, 5)):
        with pytest.raises(ConfigError, match="impossible size of a picture"):
            Raster(width, height)
    with pytest.raises(ShapeError, match="expected uint8"):
        Raster(4, 4).draw(Canvas(), np.zeros((4, 5, 4), np.uint8))
    frozen = np.zeros((4, 4, 4), np.uint8)
    frozen.flags.writeable = False
    with pytest.raises(ShapeError, match="read-only"):
        Raster(4, 4).draw(Canvas(), frozen)
