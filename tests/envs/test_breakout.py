# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""breakout against its rules in plain Python, and single events worked out by hand."""

import collections
import math

import numpy as np
import pytest
from breakout_rules import BRICK_X, BRICK_Y, BreakoutGame
from env_states import prepared_actions, scripted_stats, states, trajectory_hash

import shoal

FLOATS = ["paddle_x", "paddle_width", "ball_x", "ball_y", "ball_vx", "ball_vy", "speed"]
INTS = ["hits", "launched", "spare_balls", "score", "rebuilt"]
FIELDS = [*((name, "f4") for name in FLOATS), *((name, "i4") for name in INTS), ("broken", "u4", (4,))]
DIRECTIONS = (0.0, -1.0, 1.0)  # of the discrete actions: stay, left, right
OTHERS = {
    "frameskip": 3,
    "spare_balls": 2,
    "speed_up_hits": 3,
    "ball_size": 20,
    "ball_speed": 500,
    "ball_speed_step": 400,
    "ball_speed_max": 2400,  # 40 px a frame: several lines of bricks at once
    "paddle_width": 150,
    "paddle_speed": 1500,
}


def pack(broken):
    """Return uint32 (..., 4) of bool (..., 108)."""
    bits = np.zeros((*broken.shape[:-1], 128), np.uint8)
    bits[..., :108] = broken
    return np.packbits(bits, axis=-1, bitorder="little").view("<u4")


def unpack(words):
    return np.unpackbits(words.view(np.uint8), bitorder="little")[:108].astype(bool)


def game_of(params, state):
    """Return the plain game in this native state."""
    rules = {("full_width" if name == "paddle_width" else name): value for name, value in params.items()}
    rules.pop("action", None)
    game = BreakoutGame(**rules)
    for name in FLOATS + INTS:
        setattr(game, name, state[name].item())
    game.broken = unpack(state["broken"].copy())
    return game


def difference(game, state):
    """Return the largest difference of a native state from the plain game, in px; bricks and counts count as 1000."""
    gap = max(abs(getattr(game, name) - state[name].item()) for name in FLOATS)
    same = np.array_equal(game.broken, unpack(state["broken"].copy()))
    return gap + 1000 * (not same or any(getattr(game, name) != state[name] for name in INTS))


def compare_step(vec, view, params, play):
    """Step all environments and their plain games from copied states; return their events and how many disagreed.

    They may disagree only where a decision hung on less than 1e-4 of a frame or pixel, as float32 may decide otherwise.
    """
    continuous = params.get("action") == "continuous"
    games = [game_of(params, state) for state in view]
    play()
    chosen = vec.continuous[:, 0].copy() if continuous else np.array(DIRECTIONS)[vec.discrete[:, 0]]
    observations, rewards, terminated, _ = vec.step()
    events, disagreed = [], 0
    for i, game in enumerate(games):
        state = view[i]
        side = math.copysign(1, state["ball_vx"])  # where chance launched it, if it was launched in this step
        points = game.step(float(chosen[i]), side, continuous)
        agrees = rewards[i] == points and terminated[i] == game.over and difference(game, state) < 2e-3
        assert agrees or game.fragile, (i, rewards[i], points, game, state)
        disagreed += not agrees
        events += game.events
        if agrees:
            assert np.allclose(observations["state"][i].ravel(), game.observation(), atol=1e-5)
            assert np.array_equal(observations["broken"][i].ravel(), game.broken)
    return events, disagreed


@pytest.mark.parametrize("player", ["random", "scripted"])
@pytest.mark.parametrize("params", [{}, {"action": "continuous"}, OTHERS], ids=["discrete", "continuous", "others"])
def test_breakout_follows_its_rules_over_episodes(player, params):
    steps, rows = (400, 4) if player == "random" else (500, 4)
    moves = prepared_actions(steps, rows, 3)
    counts, disagreed = collections.Counter(), 0
    with shoal.make_vec("breakout", rows, seed=5, autoreset="disabled", **params) as vec:
        view = states(vec, FIELDS)
        for t in range(steps):

            def play(t=t):
                if player == "scripted":
                    vec.scripted()
                elif vec.spec.dims:
                    vec.continuous[:, 0] = np.sin(np.arange(rows) + t * t)
                else:
                    vec.discrete[:, 0] = moves[t]

            events, wrong = compare_step(vec, view, params, play)
            counts.update(events)
            disagreed += wrong
            if (vec.ended != 0).any():
                vec.reset(seed=t)
    assert disagreed <= 0.001 * steps * rows
    assert counts["lost"] > 10 if player == "random" else counts["brick face"] > 100


@pytest.mark.parametrize("params", [{}, OTHERS], ids=["defaults", "others"])
def test_breakout_follows_its_rules_from_random_states(params):
    """One action from states all over the field: walls half broken, any direction, any speed."""
    rows, rng = 1500, np.random.default_rng(0)
    size, top_speed = params.get("ball_size", 32), params.get("ball_speed_max", 448)
    counts = collections.Counter()
    with shoal.make_vec("breakout", rows, seed=1, autoreset="next-step", **params) as vec:
        view = states(vec, FIELDS)
        speed = rng.uniform(60, top_speed, rows) / 60
        angle = rng.uniform(0, 2 * np.pi, rows)
        view["ball_x"] = rng.uniform(0, 576 - size, rows)
        low, high = np.array([[0, 150], [0, 319], [265, 319]])[rng.integers(0, 3, rows)].T
        view["ball_y"] = rng.uniform(low, high)  # most of them among the bricks or near the paddle
        view["ball_vx"], view["ball_vy"] = speed * np.sin(angle), speed * np.cos(angle)
        view["paddle_width"] *= rng.choice([1, 0.5], rows)
        near = view["ball_x"] + rng.uniform(-60, 30, rows)
        view["paddle_x"] = np.clip(near, 0, 576 - view["paddle_width"])
        view["speed"] = rng.choice([256, 320, 384, 448], rows)
        view["hits"] = rng.integers(0, 9, rows)
        view["launched"] = 1
        view["spare_balls"] = rng.integers(0, 2, rows)
        broken = rng.random((rows, 108)) < rng.random((rows, 1))
        view["broken"] = pack(broken)
        view["score"] = np.where(rng.random(rows) < 0.3, 432, rng.integers(0, 400, rows))
        vec.discrete[:, 0] = rng.integers(0, 3, rows)
        events, disagreed = compare_step(vec, view, params, lambda: None)
        counts.update(events)
    assert disagreed <= 0.001 * rows
    wanted = {"brick face": 200, "brick side": 80, "side wall": 20, "back wall": 15, "paddle": 20, "lost": 20}
    assert not {name: counts[name] for name, least in {**wanted, "rebuilt": 2}.items() if counts[name] < least}


# ------------------------------------------------------------------------------------------------ by hand

ONE = {"frameskip": 1}


def one_step(move=0, params=ONE, broken=(), **state):
    """Return the state as a dict, reward and terminated after one action from a launched ball that hangs still."""
    with shoal.make_vec("breakout", 1, seed=1, autoreset="next-step", **params) as vec:
        view = states(vec, FIELDS)
        for name, value in {"launched": 1, **state}.items():
            view[name] = value
        wall = np.zeros((1, 108), bool)
        wall[0, list(broken)] = True
        view["broken"] = pack(wall)
        _, rewards, terminated, _ = vec.step([move])
        after = {name: view[name][0].item() for name in FLOATS + INTS}
        after["broken"] = set(np.flatnonzero(unpack(view["broken"][0].copy())).tolist())
        return after, rewards[0].item(), bool(terminated[0])


def test_breakout_start_and_launch():
    with shoal.make_vec("breakout", 2000, seed=1) as vec:
        view = states(vec, FIELDS)
        start = {"paddle_x": 257, "paddle_width": 62, "ball_x": 272, "ball_y": 135, "ball_vx": 0, "ball_vy": 0}
        for name, value in {**start, "speed": 256, "spare_balls": 5, "score": 0}.items():
            assert (view[name] == value).all()
        vec.step(np.full(2000, 2))
        right = view["ball_vx"] > 0
        assert abs(right.mean() - 0.5) < 0.06
        vx, vy = 256 / 60 * math.sin(math.pi / 3.25), 256 / 60 * math.cos(math.pi / 3.25)
        assert np.allclose(np.abs(view["ball_vx"]), vx, atol=1e-5)
        assert np.allclose(view["ball_vy"], vy, atol=1e-5)
        # the ball flies in all four frames; the paddle moves right in the last three
        assert np.allclose(view["ball_y"], 135 + 4 * vy, atol=1e-4)
        assert np.allclose(view["paddle_x"], 257 + 3 * 620 / 60, atol=1e-3)
    with shoal.make_vec("breakout", 1, seed=1, action="continuous") as vec:
        vec.step(None, [0.5])  # all four frames
        assert states(vec, FIELDS)["paddle_x"][0] == pytest.approx(257 + 0.5 * 4 * 620 / 60, abs=1e-3)


@pytest.mark.parametrize(("row", "points", "speed"), [(0, 7, 448), (1, 7, 448), (2, 4, 448), (3, 4, 256), (5, 1, 256)])
def test_breakout_brick_is_worth_its_row(row, points, speed):
    below = set(range(18 * (row + 1), 108))
    bottom = 50 + 12 * (row + 1)
    after, reward, _ = one_step(broken=below, ball_x=96, ball_y=bottom + 1, ball_vy=-4)
    assert reward == after["score"] == points
    assert after["speed"] == speed  # of the next paddle hit: the three top rows
    assert (after["ball_x"], after["ball_y"], after["ball_vx"], after["ball_vy"]) == (96, bottom, 0, 4)
    assert after["broken"] == below | {18 * row + 3}


def test_breakout_larger_overlap_then_lower_index_breaks():
    assert one_step(ball_x=100, ball_y=123, ball_vy=-4)[0]["broken"] == {90 + 3}  # 28 px against 4
    assert one_step(ball_x=124, ball_y=123, ball_vy=-4)[0]["broken"] == {90 + 4}
    assert one_step(ball_x=112, ball_y=123, ball_vy=-4)[0]["broken"] == {90 + 3}  # 16 against 16


def test_breakout_brick_side_reflects_vx():
    column_5_only = {i for i in range(108) if i % 18 != 5}
    after, reward, _ = one_step(broken=column_5_only, ball_x=126, ball_y=70, ball_vx=4, ball_vy=1)
    # right edge 158 meets x = 160 after half a frame, at y 70.5 to 102.5: rows 2 and 3 overlap by 12; row 2 is first
    assert (after["ball_x"], after["ball_y"], after["ball_vx"], after["ball_vy"]) == (128, 70.5, -4, 1)
    assert after["broken"] - column_5_only == {2 * 18 + 5}
    assert reward == 4


def test_breakout_contact_loses_the_rest_of_the_frame_and_four_frames_make_an_action():
    after, _, _ = one_step(params={}, ball_x=96, ball_y=124, ball_vy=-4)
    # frame 1 ends at the contact, 122; frames 2 to 4 fly down again
    assert (after["ball_y"], after["ball_vy"]) == (134, 4)


def test_breakout_walls():
    after, _, _ = one_step(ball_x=1, ball_y=200, ball_vx=-4, ball_vy=2)
    assert (after["ball_x"], after["ball_y"], after["ball_vx"], after["ball_vy"]) == (0, 200.5, 4, 2)
    after, _, _ = one_step(ball_x=543, ball_y=200, ball_vx=4, ball_vy=2)
    assert (after["ball_x"], after["ball_y"], after["ball_vx"], after["ball_vy"]) == (544, 200.5, -4, 2)
    # a hit beside the wall may send the ball back at it: it turns where it is
    after, _, _ = one_step(ball_x=0, ball_y=200, ball_vx=-4, ball_vy=2)
    assert (after["ball_x"], after["ball_y"], after["ball_vx"], after["ball_vy"]) == (0, 200, 4, 2)

    # and so it does if rounding left it outside
    after, _, _ = one_step(ball_x=-0.5, ball_y=200, ball_vx=-4, ball_vy=2)
    assert (after["ball_x"], after["ball_y"], after["ball_vx"], after["ball_vy"]) == (0, 200, 4, 2)


@pytest.mark.parametrize(("vx", "vy"), [(-2, 0), (2, 0), (0, -2), (0, 2)])
def test_breakout_ball_does_not_meet_a_brick_that_it_touches_already(vx, vy):
    """Else it would hang for ever in a gap of its own width; it flies into the brick instead."""
    gap = {18 * row + 4 for row in (1, 2)}  # x 128 to 160, y 62 to 86
    start = {"ball_x": 136 if vx > 0 else 128, "ball_y": 62, "ball_vx": vx, "ball_vy": vy}
    after, reward, _ = one_step(params={**ONE, "ball_size": 24}, broken=gap, **start)
    assert (after["ball_x"], after["ball_y"], reward) == (start["ball_x"] + vx, 62 + vy, 0)
    assert (after["ball_vx"], after["ball_vy"]) == (vx, vy)


def test_breakout_back_wall_halves_the_paddle():
    after, _, _ = one_step(broken=range(108), ball_x=100, ball_y=1, ball_vy=-4, paddle_x=300)
    assert (after["ball_y"], after["ball_vy"]) == (0, 4)
    assert (after["paddle_width"], after["paddle_x"]) == (31, 300)
    after, _, _ = one_step(broken=range(108), ball_x=100, ball_y=1, ball_vy=-4, paddle_width=31, paddle_x=300)
    assert after["paddle_width"] == 31
    after, _, _ = one_step(broken=range(108), ball_x=100, ball_y=-0.5, ball_vx=2, ball_vy=-4)  # outside by rounding
    assert (after["ball_x"], after["ball_y"], after["ball_vx"], after["ball_vy"]) == (100, 0, 2, 4)
    lost, _, _ = one_step(ball_y=319, ball_vy=4, paddle_width=31)
    assert lost["paddle_width"] == 62  # a new round


@pytest.mark.parametrize(("width", "offset"), [(62, 0), (62, 31), (62, 62), (62, 77), (62, -15), (31, 46), (31, 15)])
def test_breakout_hit_angle(width, offset):
    """offset: of the ball's centre from the paddle's left edge; the ball is straight above the paddle, 2 px away."""
    after, _, _ = one_step(ball_x=200 + offset - 16, ball_y=278, ball_vy=4, paddle_x=200, paddle_width=width)
    angle = -math.pi / 4 + offset / width * math.pi / 2
    assert after["ball_vx"] == pytest.approx(256 / 60 * math.sin(angle), abs=1e-5)
    assert after["ball_vy"] == pytest.approx(-256 / 60 * math.cos(angle), abs=1e-5)
    assert (after["ball_x"], after["ball_y"], after["hits"]) == (200 + offset - 16, 278, 1)  # it keeps its place


def test_breakout_half_paddle_reaches_past_the_horizontal():
    after, _, _ = one_step(ball_x=200 + 46.9 - 16, ball_y=278, ball_vy=4, paddle_x=200, paddle_width=31)
    assert after["ball_vy"] > 0  # 91.2 degrees from vertical


def test_breakout_angle_uses_the_moved_paddle_and_the_ball_before_its_motion():
    after, _, _ = one_step(2, ball_x=200, ball_y=278, ball_vx=3, ball_vy=4, paddle_x=180)
    angle = -math.pi / 4 + (216 - (180 + 620 / 60)) / 62 * math.pi / 2
    assert after["ball_vx"] == pytest.approx(256 / 60 * math.sin(angle), abs=1e-4)


def test_breakout_speeds_up_after_every_fourth_hit():
    speed, seen = 256.0, []
    for hits in range(16):
        state = {"ball_x": 215, "ball_y": 278, "ball_vy": 4, "paddle_x": 200}
        after, _, _ = one_step(**state, hits=hits, speed=speed)
        flown = math.hypot(after["ball_vx"], after["ball_vy"]) * 60
        assert flown == pytest.approx(speed, rel=1e-5)  # the hit itself uses the present speed
        speed = after["speed"]
        seen.append(speed)
    assert seen == [256] * 3 + [320] * 4 + [384] * 4 + [448] * 5


def test_breakout_second_wall_comes_once_with_a_paddle_hit():
    state = {"ball_x": 215, "ball_y": 278, "ball_vy": 4, "paddle_x": 200, "broken": range(108)}
    after, _, _ = one_step(**state, score=431)
    assert len(after["broken"]) == 108
    after, _, _ = one_step(**state, score=432)
    assert (len(after["broken"]), after["rebuilt"]) == (0, 1)
    after, _, _ = one_step(**state, score=432, rebuilt=1)
    assert len(after["broken"]) == 108


def test_breakout_864_points_end_the_game_and_the_action():
    all_but_one = set(range(108)) - {93}
    flight = {"ball_x": 96, "ball_y": 123, "ball_vy": -4}
    after, reward, over = one_step(params={}, broken=all_but_one, score=863, rebuilt=1, **flight)
    assert (after["score"], reward, over) == (864, 1, True)
    assert after["ball_y"] == 122  # the other three frames are not played
    assert one_step(params={}, broken=all_but_one, score=862, rebuilt=1, **flight)[2] is False


def test_breakout_sixth_loss_ends_the_game():
    with shoal.make_vec("breakout", 1, seed=1, autoreset="next-step") as vec:
        view = states(vec, FIELDS)
        for loss in range(1, 7):
            view["launched"], view["ball_y"], view["ball_vy"], view["paddle_x"] = 1, 318, 1, 0
            _, _, terminated, _ = vec.step([0])
            assert terminated[0] == (loss == 6)
            assert view["spare_balls"][0] == max(5 - loss, 0)
            if loss < 6:
                # lost in frame 2; frame 3 launches the next ball, so that two frames of it are over
                assert view["launched"][0] == 1
                assert view["ball_y"][0] == pytest.approx(135 + 2 * 256 / 60 * math.cos(math.pi / 3.25), abs=1e-4)
        assert one_step(ball_y=318, ball_vy=1.5)[0]["spare_balls"] == 5  # 319.5 is not lost yet


def test_breakout_observation_shows_every_brick():
    with shoal.make_vec("breakout", 108, seed=1) as vec:
        states(vec, FIELDS)["broken"] = pack(np.eye(108, dtype=bool))
        observations, *_ = vec.step(np.zeros(108, int))
        assert np.array_equal(observations["broken"].reshape(108, 108), np.eye(108))
        assert vec.spec.max_steps == 20_000
    assert (BRICK_X[107], BRICK_Y[107]) == (544, 110)


def test_breakout_metrics_are_the_score():
    stats = scripted_stats("breakout", 8, 3000)
    assert stats.lives > 2
    assert stats.mean("score") > 200
    assert stats.mean("score") == pytest.approx(stats.mean("episode_return"))
    assert stats.mean("perf") == pytest.approx(stats.mean("score") / 864)
    assert scripted_stats("breakout", 32, 400, level=0.0).mean("score") < 20


def test_breakout_reference_games_begin_with_frames_of_the_last_action():
    with shoal.make_vec("breakout", 64, seed=1, reference=True) as vec:
        assert vec.spec.max_steps > 10**8
        view = states(vec, FIELDS)
        assert (view["ball_y"] == 135).all()
        view["launched"], view["ball_y"], view["ball_vy"], view["spare_balls"] = 1, 319, 4, 0
        _, _, terminated, _ = vec.step(np.zeros(64, int))
        assert terminated.all()
        frames = (view["ball_y"] - 135) / (256 / 60 * math.cos(math.pi / 3.25))
        assert set(np.round(frames, 3)) == {0, 1, 2, 3}


def test_breakout_golden_trajectory():
    assert trajectory_hash("breakout") == "cbd7461a96a16b75"
    assert trajectory_hash("breakout", action="continuous") == "c9b792a6d9f765ee"
