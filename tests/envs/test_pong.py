# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""pong against its rules in plain Python, and single events worked out by hand."""

import numpy as np
import pytest
from env_states import prepared_actions, scripted_stats, states, trajectory_hash
from pong_rules import PongGame

import shoal

FLOATS = ["opponent_y", "own_y", "ball_x", "ball_y", "ball_vx", "ball_vy"]
POINTS = ["opponent_points", "own_points"]
FIELDS = [*((name, "f4") for name in FLOATS), *((name, "i4") for name in POINTS)]
DIRECTIONS = (0.0, 1.0, -1.0)  # of the discrete actions: stay, up, down
OTHERS = {
    "frameskip": 5,
    "win_score": 3,
    "paddle_height": 110,
    "paddle_speed": 6.5,
    "opponent_speed": 5.25,
    "ball_speed": 14,
    "vy_step": 4.5,
    "max_vy": 9,
    "hit_reward": 0.25,
}


def follow(vec, view, games):
    """Copy the native states into the games."""
    for game, state in zip(games, view, strict=True):
        for name in FLOATS + POINTS:
            setattr(game, name, state[name].item())


@pytest.mark.parametrize("player", ["random", "scripted", "mixed"])
@pytest.mark.parametrize("params", [{}, {"action": "continuous"}, OTHERS], ids=["discrete", "continuous", "others"])
def test_pong_follows_its_rules(player, params):
    rules = {name: value for name, value in params.items() if name != "action"}
    with shoal.make_vec("pong", 6, seed=11, autoreset="next-step", **params) as vec:
        view = states(vec, FIELDS)
        games = [PongGame(**rules) for _ in range(6)]
        follow(vec, view, games)
        moves = prepared_actions(800, 6, 3)
        points = hits = overs = 0
        waiting = np.zeros(6, bool)
        for t in range(800):
            if player == "scripted" or (player == "mixed" and t % 16 < 12):
                vec.scripted()
            elif vec.spec.dims:
                vec.continuous[:, 0] = np.sin(np.arange(6) + t * t)
            else:
                vec.discrete[:, 0] = moves[t]
            exact = "action" not in params and not rules
            if not exact:  # not integers: rounding would add up over an episode
                follow(vec, view, games)
            chosen = vec.continuous[:, 0].copy() if vec.spec.dims else np.array(DIRECTIONS)[vec.discrete[:, 0]]
            observations, rewards, terminated, truncated = vec.step()
            for i, game in enumerate(games):
                state = view[i]
                if waiting[i]:  # this call only reset it
                    assert (rewards[i], terminated[i]) == (0, False)
                    game.opponent_points = game.own_points = 0
                    game.start_round(state["ball_vy"].item())
                else:
                    reward, point = game.step(float(chosen[i]))
                    assert rewards[i] == pytest.approx(reward, abs=1e-6)
                    assert terminated[i] == game.over
                    points, overs = points + abs(point), overs + game.over
                    hits += point == 0 and reward > 0
                    if point and not game.over:
                        game.start_round(state["ball_vy"].item())
                tolerance = 0 if exact else 1e-3
                for name in FLOATS + POINTS:
                    assert abs(state[name] - getattr(game, name)) <= tolerance, (t, i, name, state, game)
                assert np.allclose(observations["state"][i].ravel(), game.observation(), atol=1e-5)
            waiting = terminated | truncated
        assert points > 50 or player == "scripted"
        assert hits > 50
        assert overs > 0 or player == "mixed"


def one_step(move, params=None, **state):
    """Return the state as a dict, reward and terminated after one action from a round's start changed by `state`."""
    with shoal.make_vec("pong", 1, seed=1, autoreset="next-step", **(params or {})) as vec:
        view = states(vec, FIELDS)
        for name, value in {"ball_vy": 0.0, **state}.items():
            view[name] = value
        _, rewards, terminated, _ = vec.step([move])
        return {name: view[name][0].item() for name in FLOATS + POINTS}, rewards[0].item(), bool(terminated[0])


ONE = {"frameskip": 1}


def test_pong_start():
    with shoal.make_vec("pong", 4000, seed=1) as vec:
        view = states(vec, FIELDS)
        for name, value in {"opponent_y": 285, "own_y": 285, "ball_x": 100, "ball_y": 304, "ball_vx": 10}.items():
            assert (view[name] == value).all()
        assert set(np.unique(view["ball_vy"])) == {-1.0, 0.0}
        assert abs((view["ball_vy"] == 0).mean() - 0.5) < 0.04


@pytest.mark.parametrize(("move", "after"), [(0, 285), (1, 285 + 64), (2, 285 - 64)])
def test_pong_paddle_moves_8_px_a_frame(move, after):
    assert one_step(move)[0]["own_y"] == after


def test_pong_paddles_stay_in_their_range():
    assert one_step(1, own_y=600)[0]["own_y"] == 605
    assert one_step(2, own_y=-30)[0]["own_y"] == -35
    assert one_step(0, ONE, opponent_y=600, ball_y=608)[0]["opponent_y"] == 592  # 8 px towards ball y - 35
    assert one_step(0, ONE, opponent_y=570, ball_y=608)[0]["opponent_y"] == 573


def test_pong_own_hit():
    # x 460 + 10 = 470 > 468: contact; the paddle moves up to 293 and overlaps; vy 0 + 3, x back to 468
    after, reward, _ = one_step(1, ONE, ball_x=460)
    assert reward == pytest.approx(0.1)
    assert (after["ball_x"], after["ball_y"], after["ball_vx"], after["ball_vy"]) == (468, 304, -10, 3)
    assert one_step(2, ONE, ball_x=460)[0]["ball_vy"] == -3
    assert one_step(0, ONE, ball_x=460)[0]["ball_vy"] == 3  # 0 becomes 3
    assert one_step(2, ONE, ball_x=460, ball_vy=3)[0]["ball_vy"] == 3  # so does 3 - 3
    assert one_step(1, ONE, ball_x=460, ball_vy=12)[0]["ball_vy"] == 13
    assert one_step(2, ONE, ball_x=460, ball_vy=-12)[0]["ball_vy"] == -13
    assert one_step(0, ONE, ball_x=460, ball_vy=-7)[0]["ball_vy"] == -7
    assert one_step(0, ONE, ball_x=458)[1] == 0  # x + 32 = 500 is not beyond the edge


def test_pong_paddle_edges_count_as_missed():
    assert one_step(0, ONE, ball_x=460, own_y=234)[1] == -1  # its upper edge is at the ball's lower one, 304
    assert one_step(0, ONE, ball_x=460, own_y=234.5)[1] == pytest.approx(0.1)
    assert one_step(0, ONE, ball_x=460, own_y=336)[1] == -1
    assert one_step(0, ONE, ball_x=460, own_y=335.5)[1] == pytest.approx(0.1)


def test_pong_walls_negate_vy_without_moving_the_ball():
    after = one_step(0, ONE, ball_y=2, ball_vy=-5)[0]
    assert (after["ball_y"], after["ball_vy"]) == (-3, 5)
    after = one_step(0, ONE, ball_y=606, ball_vy=4)[0]
    assert (after["ball_y"], after["ball_vy"]) == (610, -4)
    assert one_step(0, ONE, ball_y=604, ball_vy=4)[0]["ball_vy"] == 4  # 640 is not beyond the edge
    # an own hit beyond the wall puts it back inside
    after = one_step(0, ONE, ball_x=460, ball_y=2, ball_vy=-5, own_y=0)[0]
    assert (after["ball_x"], after["ball_y"], after["ball_vy"]) == (468, 0, 5)


def test_pong_opponent_reflects_or_loses():
    after, reward, _ = one_step(0, ONE, ball_x=5, ball_vx=-10)
    assert (after["ball_x"], after["ball_vx"], after["ball_vy"], reward) == (-5, 10, 0, 0)  # no spin, no clamp
    after, reward, _ = one_step(0, ONE, ball_x=5, ball_vx=-10, opponent_y=0)
    assert reward == 1
    assert after["own_points"] == 1


def test_pong_point_restarts_the_round_and_ends_the_action():
    after, reward, over = one_step(1, ball_x=460, own_y=0, opponent_y=50)  # lost in the first of 8 frames
    assert (reward, over) == (-1, False)
    assert (after["opponent_points"], after["own_points"]) == (1, 0)
    assert (after["own_y"], after["opponent_y"], after["ball_x"], after["ball_y"]) == (285, 285, 100, 304)
    assert after["ball_vx"] == 10


def test_pong_21_points_end_the_game():
    assert one_step(0, ball_x=460, own_y=0, opponent_points=19)[2] is False
    after, reward, over = one_step(0, ball_x=460, own_y=0, opponent_points=20)
    assert (after["opponent_points"], reward, over) == (21, -1, True)
    after, reward, over = one_step(0, ball_x=5, ball_vx=-10, opponent_y=0, own_points=20)
    assert (after["own_points"], reward, over) == (21, 1, True)


def test_pong_metrics_and_limit():
    with shoal.make_vec("pong", 1, seed=1) as vec:
        assert vec.spec.max_steps == 5000
        states(vec, FIELDS)["opponent_points"] = 15
        states(vec, FIELDS)["own_points"] = 20
        view = states(vec, FIELDS)
        view["ball_x"], view["ball_vx"], view["opponent_y"] = 5, -10, 0
        vec.step([0])
        stats = vec.stats()
    assert stats.mean("perf") == pytest.approx(21 / 36)
    assert stats.mean("score") == 6


def test_pong_scripted_wins_every_point():
    stats = scripted_stats("pong", 16, 1000)
    assert stats.mean("perf") == 1
    assert stats.mean("score") == 21
    assert scripted_stats("pong", 16, 400, level=0.0).mean("perf") < 0.1


def test_pong_reference_observes_no_score_and_has_no_limit():
    with shoal.make_vec("pong", 1, seed=1, reference=True) as vec:
        states(vec, FIELDS)["own_points"] = 20
        observations, *_ = vec.step([0])
        assert observations["state"].ravel()[6:].tolist() == [0, 0]
        assert vec.spec.max_steps > 10**8


def test_pong_golden_trajectory():
    assert trajectory_hash("pong") == "9dbde94667ecc9bf"
    assert trajectory_hash("pong", action="continuous") == "b407bf0b208fa0d3"
