# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The drawing of every environment: it changes nothing, fits, shows something, moves smoothly; golden frames."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from env_states import states
from test_breakout import FIELDS as BREAKOUT
from test_maze import FIELDS as MAZE

import shoal
from shoal import drawing, registry
from shoal.command_new import make
from shoal.drawing import Canvas, Drawing, Raster
from shoal.errors import ConfigError, EnvError, ShapeError

TEMPLATES = {f"new-{path.name}": str(path) for path in sorted((Path(registry.__file__).parent / "templates").iterdir())}
NAMES = registry.names()
BARS = ("forever", "sights")  # there is nothing to see in them but their observations
OWN = [name for name in NAMES if name not in BARS]
DRAWN = [*OWN, *(pytest.param(path, id=name) for name, path in TEMPLATES.items())]
ALL = [*NAMES, *DRAWN[len(OWN) :]]

# Of 25 frames of 120 x 80, alpha 0 to 1, over the scripted policy at level 0.7. A frame changes when a drawing, the
# font or the rasteriser does: look at it (`./run python`, shoal.Drawing, png.write) before renewing its hash.
GOLDEN = {
    "breakout": "21ab1024b6de599a",
    "cartpole": "b00b2e2730a94129",
    "connect4": "a682919627731edc",
    "continuous": "b094d94bc2b6f761",
    "crowd": "89fba1460fabb052",
    "forever": "f45a10b1ca521756",
    "masked": "af3015157f68bc62",
    "maze": "2985617713a60823",
    "mixed": "a59bd3df24f81961",
    "new-continuous": "5e9cd1ff168a49f8",
    "new-grid": "7ffd6a28584f7a9e",
    "new-multi-agent": "0e2e1e781dcd9fd3",
    "pong": "3cdd3888b79e15e9",
    "recall": "27013ced0cf502d0",
    "reset": "06efd81aa5856225",
    "sights": "4c256a610dfaa4a6",
    "snake": "ced65d2cf6588325",
    "squared": "9fc33a0fb7e5111a",
    "target": "0a58cd2697a2ce69",
    "template": "b640cce77be6e056",
}


def act(vec: Any, rng: np.random.Generator, level: float = 0.7) -> None:
    """Write the actions of the scripted policy, or random ones where there is none."""
    if vec.env.scripted:
        vec.scripted(level)
    else:
        vec.discrete[:] = rng.integers(0, [head.size for head in vec.spec.heads], vec.discrete.shape)
        vec.continuous[:] = rng.uniform(-1, 1, vec.continuous.shape)


def play(name: str, steps: int, width: int = 120, height: int = 80, **params: Any) -> Any:
    """Yield (vec, drawing, before) after each of `steps` steps, at alpha of one's choice."""
    with shoal.make_vec(name, 2, seed=11, threads=1, **params) as vec:
        draw = Drawing(vec.spec, width, height)
        rng = np.random.default_rng(3)
        for _ in range(steps):
            before = vec.state(1)
            act(vec, rng)
            vec.step()
            yield vec, draw, before


@pytest.mark.parametrize("name", ALL)
def test_drawing_changes_nothing_and_shows_something(name: str) -> None:
    for vec, draw, before in play(name, 12):
        snapshot, was = vec.snapshot(1), before.copy()
        image = draw.draw(vec, 1, 0.3, before)
        assert vec.snapshot(1) == snapshot and (before == was).all()
        assert (image[..., 3] == 255).all()
        assert len(np.unique(image.view(np.uint32))) > 4
        assert 200 < draw.canvas.items.nbytes < 1 << 15


@pytest.mark.parametrize("name", ALL)
def test_drawing_is_safe_in_any_state(name: str) -> None:
    """State may hold anything while an environment is being written: its picture must not crash."""
    rng = np.random.default_rng(0)
    for vec, draw, before in play(name, 8):
        size = vec.spec.state_bytes
        before[12:] = rng.integers(0, 256, size - 12)  # of this episode, else it is not looked at
        draw.draw(vec, 1, 0.5, before)


@pytest.mark.parametrize("name", ALL)
def test_golden_frames(name: str) -> None:
    digest = hashlib.sha256()
    for step, (vec, draw, before) in enumerate(play(name, 25)):
        digest.update(draw.draw(vec, 1, (step % 5) / 4, before).tobytes())
    assert digest.hexdigest()[:16] == GOLDEN[{path: new for new, path in TEMPLATES.items()}.get(name, name)]


@pytest.mark.parametrize("name", DRAWN)
def test_environment_has_a_drawing_of_its_own(name: str) -> None:
    assert drawing.function_of(registry.get(name))
    assert not drawing.function_of(registry.get("forever"))


@pytest.mark.usefixtures("unoptimised")
def test_an_environment_in_a_folder_brings_its_own_drawing(tmp_path: Path) -> None:
    header = make("walk", registry.PACKAGED / "template", tmp_path) / "walk_draw.h"
    with shoal.make_vec(str(tmp_path / "walk"), 1, seed=4) as vec, shoal.make_vec("template", 1, seed=4) as built_in:
        image = Drawing(vec.spec, 160, 90).draw(vec)
        np.testing.assert_array_equal(image, Drawing(built_in.spec, 160, 90).draw(built_in))
    header.unlink()  # one without is no drawing of the name's, but of what it observes
    env = dataclasses.replace(registry.get(str(tmp_path / "walk")), name="template")
    assert not drawing.function_of(env)


@pytest.mark.usefixtures("unoptimised")
def test_a_mistake_in_a_drawing_is_told_with_its_line(tmp_path: Path) -> None:
    header = make("walk", registry.PACKAGED / "template", tmp_path) / "walk_draw.h"
    header.write_text(header.read_text().replace("now->goal", "now->gaol"))
    with shoal.make_vec(str(tmp_path / "walk"), 1) as vec, pytest.raises(EnvError, match=r"walk_draw\.h:\d+: .*gaol"):
        Drawing(vec.spec, 160, 90)


@pytest.mark.parametrize("name", DRAWN)
def test_alpha_moves_from_before_to_now(name: str) -> None:
    moved = 0
    for vec, draw, before in play(name, 12):
        now = vec.state(1)
        images = [draw.draw(vec, 1, alpha, before).astype(int) for alpha in (0.0, 0.5, 1.0)]
        np.testing.assert_array_equal(images[2], draw.draw(vec, 1, 1.0))
        np.testing.assert_array_equal(draw.draw(vec, 1, 7.0, before), images[2])  # alpha is kept in [0, 1]
        if (before != now).any():
            moved += any((images[i] != images[j]).any() for i, j in ((0, 1), (1, 2)))
    assert moved > 3


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_is_between_two_episodes(name: str) -> None:
    with shoal.make_vec(name, 1, seed=2, threads=1, max_steps=3) as vec:
        draw = Drawing(vec.spec, 120, 80)
        rng = np.random.default_rng(3)
        resets = 0
        for _ in range(8):
            before = vec.state(0)
            episode = before.view(np.uint32)[2]
            act(vec, rng, 1.0)
            vec.step()
            if vec.state(0).view(np.uint32)[2] != episode:
                resets += 1
                halfway = draw.draw(vec, 0, 0.5, before).copy()
                np.testing.assert_array_equal(halfway, draw.draw(vec, 0, 1.0))
        assert resets >= 2


def brightest(image: Any) -> tuple[float, float]:
    """Return the mean place (x, y) of the pixels in the text's colour, in shares of the picture."""
    rows, columns = np.nonzero((image[..., :3] == (0xE6, 0xEB, 0xF2)).all(axis=2))
    return float(columns.mean()) / image.shape[1], float(rows.mean()) / image.shape[0]


def test_breakout_shows_ball_and_bricks_where_they_are() -> None:
    with shoal.make_vec("breakout", 1) as vec:
        draw = Drawing(vec.spec, 576, 330)
        state = states(vec, BREAKOUT)[0]
        state["ball_x"], state["ball_y"] = 100, 200
        state["broken"][0] = 1 << 5  # the sixth brick of the top row
        image = draw.draw(vec)
        assert image[216, 116, :3].tolist() == [0xE6, 0xEB, 0xF2]  # the middle of a ball 32 wide
        assert image[56, 16, :3].tolist() == [0xD5, 0x5E, 0x00]
        assert image[56, 5 * 32 + 16, :3].tolist() == [0x1A, 0x21, 0x2B]


def test_breakout_ball_is_halfway_at_half_alpha() -> None:
    with shoal.make_vec("breakout", 1) as vec:
        draw = Drawing(vec.spec, 576, 330)
        state = states(vec, BREAKOUT)[0]
        state["ball_x"], state["ball_y"], state["ball_vx"], state["ball_vy"] = 100, 150, 0, 0
        before = vec.state(0)
        state["ball_x"], state["ball_y"] = 300, 250
        image = draw.draw(vec, 0, 0.5, before)
        assert image[216, 216, :3].tolist() == [0xE6, 0xEB, 0xF2]
        state["spare_balls"] -= 1  # a new ball: it does not fly
        image = draw.draw(vec, 0, 0.5, before)
        assert image[266, 316, :3].tolist() == [0xE6, 0xEB, 0xF2]


def test_pong_has_y_up_and_the_agent_on_the_right() -> None:
    fields = [("opponent_y", "f4"), ("own_y", "f4"), ("ball", "f4", 4), ("points", "i4", 2)]
    with shoal.make_vec("pong", 1) as vec:
        draw = Drawing(vec.spec, 588, 784)
        state = states(vec, fields)[0]
        state["own_y"], state["opponent_y"], state["ball"] = 500, 100, (100, 550, 0, 0)
        image = draw.draw(vec)
        where = [np.nonzero((image[..., :3] == colour).all(axis=2)) for colour in ((0x56, 0xB4, 0xE9), (0xE6, 0x9F, 0))]
        paddles = [(columns[rows > 110].mean(), rows[rows > 110].mean()) for rows, columns in where]
        assert paddles[0][0] > 500 and paddles[0][1] < 300  # own: right and up
        assert paddles[1][0] < 100 and paddles[1][1] > 500
        x, y = brightest(image)
        assert x < 0.4 and y < 0.4


def test_cartpole_leans_right_for_positive_angles() -> None:
    with shoal.make_vec("cartpole", 1) as vec:
        draw = Drawing(vec.spec, 576, 330)
        state = states(vec, [("x", "f4"), ("x_dot", "f4"), ("theta", "f4"), ("theta_dot", "f4")])[0]
        for sign in (1, -1):
            state["x"], state["theta"] = 0, 0.2 * sign
            rows, columns = np.nonzero((draw.draw(vec)[..., :3] == (0xE6, 0x9F, 0)).all(axis=2))
            top = columns[rows == rows.min() + 3].mean() - 288
            assert top * sign > 10


def test_cartpole_texts_keep_apart_in_pictures_of_any_width() -> None:
    with shoal.make_vec("cartpole", 1) as vec:
        state = states(vec, [("x", "f4"), ("x_dot", "f4"), ("theta", "f4"), ("theta_dot", "f4")])[0]
        state["theta"], state["tick"] = -0.2, 488
        told = 0
        for width in range(40, 300, 3):
            image = Drawing(vec.spec, width, width * 33 // 58).draw(vec)[: width // 10, :, :3].astype(int)
            columns = np.flatnonzero((image[..., 0] > 0xB0).any(axis=0))  # of the steps, the brighter text
            if len(columns):
                told += 1
                after = image[:, columns.max() + 2 : columns.max() + 5]
                assert (np.abs(after - (0x1A, 0x21, 0x2B)).max(axis=2) < 0x20).all(), width
        assert told > 50


def test_squared_shows_agent_and_target_by_row_and_column() -> None:
    fields = [("row", "i2"), ("column", "i2"), ("target_row", "i2"), ("target_column", "i2")]
    with shoal.make_vec("squared", 1) as vec:
        draw = Drawing(vec.spec, 536, 576)  # 40 pixels a cell
        state = states(vec, fields)[0]
        state["row"], state["column"], state["target_row"], state["target_column"] = 2, 9, 8, 1
        image = draw.draw(vec)
        assert image[int((2.2 + 2.8) * 40), int((1.2 + 9.5) * 40), :3].tolist() == [0x56, 0xB4, 0xE9]
        assert image[int((2.2 + 8.5) * 40), int((1.2 + 1.5) * 40), :3].tolist() == [0xF0, 0xE4, 0x42]


def test_maze_shows_walls_goal_and_agent_where_they_are() -> None:
    with shoal.make_vec("maze", 1, side=7, levels=1) as vec:
        draw = Drawing(vec.spec, 756, 798)  # 100 pixels a cell, and margins of 28 and 70
        cells = states(vec, MAZE)[0]
        picture = draw.draw(vec)[70:770, 28:728, :3].reshape(7, 100, 7, 100, 3)[:, 50, :, 50]
        row, column = divmod(int(cells["cell"]), 17)
        assert picture[row - 5, column - 5].tolist() == [0x56, 0xB4, 0xE9]
        assert (picture == (0xF0, 0xE4, 0x42)).all(axis=2).sum() == 1
        view = vec.observations["view"].reshape(11, 11)[5 - row + 5 : 12 - row + 5, 5 - column + 5 : 12 - column + 5]
        walls = (picture == (0x3A, 0x46, 0x57)).all(axis=2)[: view.shape[0], : view.shape[1]]
        assert walls.sum() > 15


def test_snake_shows_its_own_snake_and_the_wall() -> None:
    with shoal.make_vec("snake", 1, agents=3, width=28, height=18, food=30) as vec:
        draw = Drawing(vec.spec, 600, 400)  # 20 pixels a cell, the board at 20, 20
        start = vec.address(0) - vec._memory.ctypes.data
        heads = vec._memory[start + 32 : start + 32 + 3 * 24].view(np.int32).reshape(3, 6)[:, 0]
        image = draw.draw(vec)
        row, column = divmod(int(heads[0]), 38)
        yellow = np.argwhere((image[..., :3] == (0xF0, 0xE4, 0x42)).all(axis=2)).mean(axis=0)
        np.testing.assert_allclose(yellow, [20 * (row - 4) + 10, 20 * (column - 4) + 10], atol=4)
        assert image[5, 300, :3].tolist() == [0x3A, 0x46, 0x57]


@pytest.mark.parametrize("name", ["recall", "reset", "mixed", "crowd"])
def test_right_and_wrong_answers_are_told_apart(name: str) -> None:
    """With right ones nothing is red, with wrong ones much is; of mixed, whose cards are coloured, its cross."""
    red = {}
    for right in (True, False):
        with shoal.make_vec(name, 1, seed=3, threads=1, autoreset="next-step") as vec:
            draw, found = Drawing(vec.spec, 576, 330), 0
            for _ in range(12):
                vec.scripted(1.0)
                vec.discrete[:] = vec.discrete if right else 1 - vec.discrete.clip(0, 1)
                vec.step()
                image = draw.draw(vec)[..., :3]
                area = image[110:170, 190:220] if name == "mixed" else image  # between its two cards
                found += int((area == (0xD5, 0x5E, 0x00)).all(axis=2).sum())
            red[right] = found
    assert red[True] == 0 and red[False] > 200, red


def test_every_parameter_is_drawn() -> None:
    """Unusual sizes must not put things outside: the agent stays in the picture."""
    for name, params in (
        ("cartpole", {"x_limit": 20.0}),
        ("cartpole", {"pole_half_length": 5.0}),
        ("breakout", {"ball_size": 64.0, "spare_balls": 50}),
        ("pong", {"paddle_height": 400.0, "win_score": 1000}),
        ("template", {"length": 1000}),
        ("template", {"length": 1}),
        ("maze", {"side": 47, "braid": 1.0, "levels": 3}),
        ("maze", {"side": 7, "levels": 3}),
        ("recall", {"delay": 1}),
        ("recall", {"delay": 1000}),
        ("masked", {"doors": 3}),
        ("masked", {"doors": 64}),
        ("mixed", {"dials": 1}),
        ("mixed", {"dials": 8}),
        ("continuous", {"gap": 1.0}),
        ("crowd", {"agents": 1}),
        ("crowd", {"agents": 64, "away": 1}),
        (TEMPLATES["new-multi-agent"], {"agents": 64}),
    ):
        for vec, draw, before in play(name, 3, **params):
            image = draw.draw(vec, 1, 0.5, before)
            assert (np.abs(image[..., :3].astype(int) - (0x56, 0xB4, 0xE9)).max(axis=2) < 90).any(), (name, params)


def test_aspect_is_that_of_the_window() -> None:
    with shoal.make_vec("breakout", 1) as vec:
        assert drawing.aspect(vec) == pytest.approx(576 / 330)
    with shoal.make_vec("masked", 1) as vec:
        assert drawing.aspect(vec) == pytest.approx(576 / 330)


def test_mistakes_are_told() -> None:
    with shoal.make_vec("cartpole", 2) as vec, shoal.make_vec("pong", 1) as other:
        draw = Drawing(vec.spec, 40, 30)
        with pytest.raises(EnvError, match="a drawing of `cartpole`; got a Vec of `pong`"):
            draw.draw(other)
        with pytest.raises(ConfigError, match="no environment 2; expected 0 to 1"):
            draw.draw(vec, 2)
        with pytest.raises(ShapeError, match="before has"):
            draw.draw(vec, 0, 0.5, np.zeros(3, np.uint8))


# ---------------------------------------------------------------------------------------------------- choices


def panel(name: str, width: int = 200, height: int = 200, params: dict[str, Any] | None = None, **shown: Any) -> Any:
    canvas = Canvas()
    drawing.overlay(canvas, registry.get(name).spec(params or {}), width, height, **shown)
    return Raster(width, height).draw(canvas)


def lit(image: Any) -> Any:
    """Return the rows in which there is much of the colour of what was chosen."""
    return np.flatnonzero((image[..., :3] == (0x56, 0xB4, 0xE9)).all(axis=2).sum(axis=1) > 5)


def test_overlay_lights_the_chosen_action_as_long_as_it_is_probable() -> None:
    image = panel("breakout", probabilities=[0.2, 0.7, 0.1], discrete=[1])
    wide = (image[..., :3] == (0x56, 0xB4, 0xE9)).all(axis=2).sum(axis=1).max()
    more = panel("breakout", probabilities=[0.05, 0.9, 0.05], discrete=[1])
    assert (more[..., :3] == (0x56, 0xB4, 0xE9)).all(axis=2).sum(axis=1).max() > 1.2 * wide
    assert lit(panel("breakout", probabilities=[0.2, 0.7, 0.1], discrete=[0])).max() < lit(image).min()


def test_overlay_slides_with_the_continuous_action() -> None:
    places = []
    for value in (-1.0, 0.0, 1.0):
        image = panel("cartpole", params={"action": "continuous"}, continuous=[value])
        columns = np.nonzero((image[:, 60:, :3] == (0xE6, 0xEB, 0xF2)).all(axis=2))[1]
        places.append(columns.mean())
    assert places[0] < places[1] - 30 < places[2] - 60


def test_overlay_shows_values_over_time() -> None:
    yellow = []
    for values in (np.linspace(0, 1, 50), np.linspace(1, 0, 50)):
        image = panel("breakout", values=values)
        rows, columns = np.nonzero((image[..., :3] == (0xF0, 0xE4, 0x42)).all(axis=2))
        yellow.append(rows[columns > 150].mean() - rows[columns < 50].mean())
    assert yellow[0] < -6 and yellow[1] > 6
    panel("breakout", values=[np.nan, 1.0, np.inf])  # drawn, not crashed
    panel("breakout", values=[1.0])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(240, 330), (100, 80), (20, 10)])
def test_overlay_of_every_environment_fits(name: str, size: tuple[int, int]) -> None:
    spec = registry.get(name).spec()
    actions = [1.0 / head.size for head in spec.heads for _ in range(head.size)]
    image = panel(name, *size, probabilities=actions, discrete=[0] * len(spec.heads), continuous=[0.0] * len(spec.dims))
    assert len(np.unique(image)) > 3 or size == (20, 10)


def test_overlay_checks_its_arrays() -> None:
    with pytest.raises(ShapeError, match="probabilities has"):
        panel("breakout", probabilities=[0.5, 0.5], discrete=[0])


def test_probabilities_respect_the_mask() -> None:
    spec = registry.get("masked").spec()
    size = spec.heads[0].size
    mask = np.zeros(size, np.uint8)
    mask[1] = 1
    found = drawing.probabilities_of(spec, np.zeros(size), mask)
    assert found.tolist() == [float(i == 1) for i in range(size)]
    both = drawing.probabilities_of(registry.get("breakout").spec(), [0.0, np.log(2.0), 0.0])
    np.testing.assert_allclose(both, [0.25, 0.5, 0.25], rtol=1e-6)
