# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""3-D items: where they are projected, what hides what, how they are lit; and the 2-D items around them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_raster import BLACK, WHITE, Raw, raw

from shoal.drawing import Raster

WIDTH, HEIGHT = 120, 80
VIEW = 0.9  # rad
FOCAL = HEIGHT / 2 / math.tan(VIEW / 2)  # pixels
RED, GREEN = 0xFF0000FF, 0x00FF00FF

CAMERA, GROUND, BOX, SPHERE, CYLINDER, LINE3, MESH = range(10, 17)


def scene(*items: bytes, eye: Any = (0, -10, 0), target: Any = (0, 0, 0)) -> NDArray[np.uint8]:
    camera = raw(CAMERA, 0, a=(*eye, *target, VIEW))
    return Raster(WIDTH, HEIGHT).draw(Raw(raw(1, BLACK) + camera + b"".join(items)))  # type: ignore[arg-type]


def box(x: float, y: float, z: float, half: float = 1.0, colour: int = RED, turn: float = 0.0) -> bytes:
    rotation = (math.cos(turn / 2), 0, 0, math.sin(turn / 2))
    return raw(BOX, colour, a=(x, y, z, half, half, half, *rotation))


def sphere(x: float, y: float, z: float, radius: float = 1.0, colour: int = RED) -> bytes:
    return raw(SPHERE, colour, a=(x, y, z, radius))


def extent(image: NDArray[np.uint8]) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom of what is not black."""
    rows, columns = np.nonzero(image[..., :3].any(axis=2))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_a_box_is_projected() -> None:
    half = FOCAL * 1 / (10 - 1)  # its near face
    found = extent(scene(box(0, 0, 0)))
    np.testing.assert_allclose(found, (60 - half, 40 - half, 60 + half, 40 + half), atol=1)


def test_x_is_right_and_z_is_up() -> None:
    left, top, right, bottom = extent(scene(box(3, 0, 2, 0.2)))
    assert (left + right) / 2 == pytest.approx(60 + FOCAL * 3 / 9.8, abs=1)
    assert (top + bottom) / 2 == pytest.approx(40 - FOCAL * 2 / 9.8, abs=1)


def test_a_turned_box_is_wider() -> None:
    straight, turned = (extent(scene(box(0, 0, 0, 1, RED, turn))) for turn in (0.0, math.pi / 4))
    assert turned[2] - turned[0] > 1.1 * (straight[2] - straight[0])


@pytest.mark.parametrize("radius", [0.3, 1.0, 2.0])
def test_a_sphere_is_as_large_as_its_outline(radius: float) -> None:
    found = (scene(sphere(0, 0, 0, radius))[..., 0] > 0).sum()
    assert found == pytest.approx(math.pi * FOCAL**2 * radius**2 / (100 - radius**2), rel=0.12, abs=6)


def test_the_nearer_hides_the_farther_in_any_order() -> None:
    near, far = sphere(0, -3, 0, 1, RED), box(0, 2, 0, 1, GREEN)
    one, other = scene(near, far), scene(far, near)
    np.testing.assert_array_equal(one, other)
    assert one[40, 60, 0] > 0 and one[40, 60, 1] == 0


def test_things_cut_one_another() -> None:
    image = scene(box(0, 0, 0, 1, RED), sphere(1, -0.4, 0, 1, GREEN))
    middle = image[40]
    assert middle[55, 0] > 100 and middle[55, 1] == 0
    assert middle[68, 1] > 100 and middle[68, 0] == 0


def test_what_is_behind_the_camera_is_not_seen() -> None:
    assert not scene(box(0, -14, 0), sphere(0, -13, 0), raw(LINE3, RED, a=(0, -20, 0, 0, -11, 0, 3)))[..., :3].any()


def test_what_crosses_the_camera_is_cut() -> None:
    image = scene(raw(BOX, RED, a=(0, -9, -1, 3, 5, 0.5, 1, 0, 0, 0)))  # a floor under the eye
    assert image[-1, :, 0].all() and not image[:40, :, 0].any()


def test_faces_are_lit_from_above() -> None:
    image = scene(box(0, 0, 0, 2, WHITE, 0.4), eye=(0, -8, 6))
    top, side = image[30, 60, 0], image[55, 60, 0]
    assert 80 < side < top


def test_a_sphere_is_shaded_smoothly() -> None:
    column = scene(sphere(0, 0, 0, 3, WHITE))[:, 60, 0].astype(int)
    lit = column[column > 0][2:-2]
    assert len(np.unique(lit)) > 15 and (np.abs(np.diff(lit)) < 12).all()


def test_edges_are_smooth() -> None:
    image = scene(box(0, 0, 0, 1.3, WHITE, 0.3), eye=(2, -10, 3))
    values = np.unique(image[..., 0])
    assert len(values) > 8  # three faces, and mixtures of each with the ground


def test_a_cylinder_stands_between_its_ends() -> None:
    left, top, right, bottom = extent(scene(raw(CYLINDER, RED, a=(0, 0, -2, 0, 0, 2, 0.5, 0.5))))
    assert bottom - top == pytest.approx(2 * FOCAL * 2 / 9.5, abs=2.5)
    assert right - left == pytest.approx(2 * FOCAL * 0.5 / 9.99, abs=2)


def test_a_cone_tapers() -> None:
    wide = (scene(raw(CYLINDER, RED, a=(0, 0, -2, 0, 0, 2, 1, 0)))[..., 0] > 0).sum(axis=1)
    assert wide[45] > wide[35] > wide[28] > 0


def test_a_line_is_as_wide_as_asked_at_any_distance() -> None:
    for distance in (0, 20):
        line = raw(LINE3, WHITE, a=(-50, distance, 0, 50, distance, 0, 4))
        assert (scene(line)[:, 60, 0] / 255).sum() == pytest.approx(4, abs=0.3)


def test_a_mesh_shows_its_triangles_and_skips_broken_ones() -> None:
    vertices = np.array([[-1, 0, -1], [1, 0, -1], [0, 0, 1], [np.nan, 0, 0], [3e38, 0, 0]], np.float32)
    good, bad = [[0, 1, 2]], [[0, 1, 5], [0, -1, 2], [0, 1, 3], [0, 1, 4]]
    images = []
    for triangles in (good, bad, good + bad):
        data = vertices.tobytes() + np.array(triangles, np.int32).tobytes()
        images.append(scene(raw(MESH, RED, (5, len(triangles), 0), (), data)))
    assert images[0][45, 60, 0] > 0 and not images[1][..., :3].any()
    np.testing.assert_array_equal(images[0], images[2])


def test_a_ground_is_a_grid_that_fades() -> None:
    image = scene(raw(GROUND, WHITE, a=(-2, 1, 15)))
    assert not image[:40, :, 0].any()  # nothing above the horizon
    rows = image[41:, :, 0].max(axis=1)
    assert rows[-1] > 200 and rows[0] < 60
    beside = image[-1, :, 0] > 120
    assert 4 <= np.count_nonzero(beside[1:] & ~beside[:-1]) <= 12  # lines with gaps


def test_a_translucent_thing_lets_through() -> None:
    middle = scene(box(0, 3, 0, 2, GREEN), box(0, 0, 0, 1, 0xFF000080))[40, 60]
    assert middle[0] > 40 and middle[1] > 40


def test_2d_items_after_a_scene_cover_it() -> None:
    image = scene(box(0, 0, 0, 3), raw(3, GREEN, a=(55, 35, 10, 10)))
    assert image[40, 60].tolist() == [0, 255, 0, 255]


def test_a_second_camera_begins_a_scene_over_the_first() -> None:
    camera = raw(CAMERA, 0, a=(0, -10, 0, 0, 0, 0, VIEW))
    image = scene(box(0, -5, 0, 1, RED), camera, box(0, 0, 0, 1, GREEN))
    assert image[40, 60, 1] > 0 and image[40, 60, 0] == 0


@pytest.mark.parametrize("eye", [(0, 0, 5), (0, 0, 0), (1e30, 0, 0), (1e8, 0, 0)])
def test_odd_cameras_are_safe(eye: Any) -> None:
    scene(box(0, 0, 0), sphere(0, 0, 0), raw(GROUND, WHITE, a=(0, 1, 10)), eye=eye)


def test_looking_straight_down_works() -> None:
    assert scene(box(0, 0, 0), eye=(0, 0, 8))[40, 60, 0] > 0
