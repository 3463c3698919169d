# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""target beside its rules in plain Python: one step from each of many states, what is observed, who eats."""

import math

import numpy as np
import pytest
from env_states import HEAD, scripted_stats, states, trajectory_hash

import shoal

AGENTS = ("x", "y", "heading", "cosine", "sine", "speed", "eaten")


def view_of(vec):
    """Return a writable view of every State: the arrays by name."""
    params = vec.spec.values
    fields = [(name, "f4", params["agents"]) for name in AGENTS]
    fields += [(name, "f4", params["stars"]) for name in ("star_x", "star_y")]
    size = np.dtype([*HEAD, *fields]).itemsize
    return states(vec, [*fields, ("pad", "u1", vec.spec.state_bytes - size)])


def moved(was, turn, push):
    """Return one agent's x, y, heading, speed after a step, by the banner's text."""
    x, y, heading, speed = was
    heading += (turn - 4) / 4 / 3
    speed = min(max(speed + (push - 2) / 2 * 2, 0), 20)
    x = min(max(x + speed * math.cos(heading), 0), 1080)
    y = min(max(y + speed * math.sin(heading), 0), 720)
    return x, y, heading, speed


@pytest.mark.parametrize(("agents", "stars"), [(8, 8), (1, 1), (3, 13), (64, 20)])
def test_target_steps_follow_the_rules(agents, stars):
    rng = np.random.default_rng(1)
    eaten = 0
    with shoal.make_vec("target", 20, seed=2, agents=agents, stars=stars) as vec:
        view = view_of(vec)
        for _ in range(60):
            close = rng.random((20, stars)) < 0.3  # stars near an agent, or nothing would happen
            near = rng.integers(0, agents, (20, stars))
            for name, other in (("star_x", "x"), ("star_y", "y")):
                at = np.take_along_axis(view[other], near, axis=1) + rng.uniform(-50, 50, (20, stars))
                view[name] = np.where(close, at, view[name])
            was = view.copy()
            actions = np.stack([rng.integers(0, 9, 20 * agents), rng.integers(0, 5, 20 * agents)], axis=1)
            _, rewards, terminated, truncated = vec.step(actions)
            assert not terminated.any() and not truncated.any()
            rewards = rewards.reshape(20, agents)
            for e in range(20):
                places = []
                for a in range(agents):
                    before = [float(was[e][name][a]) for name in ("x", "y", "heading", "speed")]
                    x, y, heading, speed = moved(before, *actions[e * agents + a])
                    places.append((x, y))
                    assert (view["x"][e, a], view["y"][e, a]) == pytest.approx((x, y), abs=2e-3)
                    assert view["speed"][e, a] == pytest.approx(speed, abs=1e-5)
                    assert math.remainder(view["heading"][e, a] - heading, math.tau) == pytest.approx(0, abs=1e-5)
                    assert abs(view["heading"][e, a]) <= math.pi + 1e-5
                expected = np.zeros(agents)
                doubtful = 0
                for s in range(stars):
                    star = float(was["star_x"][e, s]), float(was["star_y"][e, s])
                    far = sorted((math.dist(place, star), a) for a, place in enumerate(places))
                    close_call = abs(far[0][0] - 32) < 0.01 or (agents > 1 and far[1][0] - far[0][0] < 0.01)
                    doubtful += close_call
                    if close_call:
                        continue
                    gone = (view["star_x"][e, s], view["star_y"][e, s]) != star
                    assert gone == (far[0][0] < 32)
                    expected[far[0][1]] += gone
                if not doubtful:
                    assert np.array_equal(rewards[e], expected)
                    eaten += int(expected.sum())
            assert np.array_equal(view["eaten"] - was["eaten"], rewards)
    assert eaten > 50


@pytest.mark.parametrize(("agents", "stars"), [(8, 8), (1, 3), (2, 1), (20, 35)])
@pytest.mark.parametrize("entities", ["sorted", "set"])
def test_target_observes_others_in_its_own_frame(agents, stars, entities):
    with shoal.make_vec("target", 6, seed=3, agents=agents, stars=stars, entities=entities) as vec:
        vec.rows[:] = 0xAA
        for _ in range(5):
            vec.scripted(0.5)
            observations, *_ = vec.step()
        view = view_of(vec)
        for e in range(6):
            for a in range(agents):
                row = e * agents + a
                x, y, heading = (float(view[name][e, a]) for name in ("x", "y", "heading"))

                def frame(points, x=x, y=y, heading=heading):
                    found = []
                    for px, py in points:
                        far, angle = math.dist((px, py), (x, y)), math.atan2(py - y, px - x) - heading
                        found.append((far, far * math.cos(angle) / 1300, far * math.sin(angle) / 1300))
                    return [place[1:] for place in (sorted(found) if entities == "sorted" else found)]

                stars_at = frame(zip(view["star_x"][e], view["star_y"][e], strict=True))
                assert np.allclose(observations["stars"][row].reshape(-1, 2), stars_at, atol=1e-5)
                others = [(view["x"][e, b], view["y"][e, b]) for b in range(agents) if b != a]
                if others:
                    assert np.allclose(observations["others"][row].reshape(-1, 2), frame(others), atol=1e-5)
                own = [x / 540 - 1, y / 360 - 1, math.cos(heading), math.sin(heading), view["speed"][e, a] / 20]
                assert np.allclose(observations["self"][row].ravel(), own, atol=1e-5)
        if entities == "set":
            assert (observations["num_stars"] == stars).all()
            assert agents == 1 or (observations["num_others"] == agents - 1).all()


def test_target_agents_together_observe_what_each_does_alone():
    """A final row is observed alone, the rows of a world in which all are live together."""
    actions = np.random.default_rng(9).integers(0, 5, (3, 1600, 2))
    setting = {"num_envs": 200, "seed": 9, "max_steps": 3}
    with (
        shoal.make_vec("target", **setting) as alone,
        shoal.make_vec("target", autoreset="disabled", **setting) as together,
    ):
        for step in range(3):
            truncated = [vec.step(actions[step])[3].all() for vec in (alone, together)]
        assert all(truncated)
        assert np.array_equal(alone.final_row_bytes, together.rows)
        assert np.unique(together.rows, axis=0).shape == together.rows.shape


def test_target_the_nearest_agent_eats_and_of_equals_the_first():
    with shoal.make_vec("target", 3, seed=4, agents=3, stars=2) as vec:
        view = view_of(vec)
        view["speed"], view["star_x"], view["star_y"] = 0, [[500, 20]] * 3, [[300, 20]] * 3
        view["x"] = [[500 - 20, 500 + 10, 900], [500 + 16, 500 - 16, 500], [500 - 33, 500 + 32.5, 900]]
        view["y"] = [[300, 300, 300], [300, 300, 400], [300, 300, 300]]
        _, rewards, _, _ = vec.step(np.tile([4, 2], (9, 1)))
        assert rewards.reshape(3, 3).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
        assert (view["star_x"][:, 0] != 500).tolist() == [True, True, False]
        assert (view["star_x"][:, 1] == 20).all()


def test_target_stars_and_agents_start_anywhere():
    with shoal.make_vec("target", 5000, seed=5) as vec:
        view = view_of(vec)
        for name, high in (("x", 1080), ("y", 720), ("star_x", 1080), ("star_y", 720)):
            counts, _ = np.histogram(view[name], bins=20, range=(0, high))
            assert counts.sum() == 40_000
            assert ((counts - 2000) ** 2 / 2000).sum() < 43.8  # 19 degrees of freedom: exceeded once in 1,000
        assert abs(np.corrcoef(view["star_x"].ravel(), view["star_y"].ravel())[0, 1]) < 0.02
        assert (view["speed"] == 0).all()


def test_target_metrics_are_stars_in_a_thousand_steps():
    with shoal.make_vec("target", 4, seed=6, max_steps=250) as vec:
        total = 0.0
        for _ in range(250):
            vec.scripted()
            total += vec.step()[1].sum()
        stats = vec.stats()
    assert stats.lives == 32
    assert total > 100
    assert stats.mean("score") == pytest.approx(total / 32 * 4)
    assert stats.mean("perf") == pytest.approx(total / 32 * 4 / 100, rel=1e-5)


def test_target_script_eats_what_the_page_says():
    assert 20 < scripted_stats("target", 20, 1000).mean("score") < 28
    assert scripted_stats("target", 20, 1000, agents=1).mean("score") > 85
    assert scripted_stats("target", 20, 1000, level=0.0).mean("score") < 5


def test_target_golden_trajectory():
    assert trajectory_hash("target") == "f4b1e1b73518a9cc"
    assert trajectory_hash("target", entities="set", agents=3, stars=11) == "a066110eecd3948f"
