# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""cartpole against Gymnasium's CartPole-v1, and both integrators against the Lagrangian equations in float64."""

import numpy as np
import pytest
from env_states import prepared_actions, scripted_stats, states, trajectory_hash

import shoal

FIELDS = [("x", "f4"), ("x_dot", "f4"), ("theta", "f4"), ("theta_dot", "f4")]
NAMES = [name for name, _ in FIELDS]
DEFAULTS = {
    "gravity": 9.8,
    "cart_mass": 1.0,
    "pole_mass": 0.1,
    "pole_half_length": 0.5,
    "force_magnitude": 10.0,
    "time_step": 0.02,
}
OTHERS = {
    "gravity": 3.7,
    "cart_mass": 2.5,
    "pole_mass": 0.6,
    "pole_half_length": 1.3,
    "force_magnitude": 23.0,
    "time_step": 0.05,
}


def random_states(count, seed=0):
    """Return float32 (count, 4), some of them beyond the thresholds or about to cross them."""
    high = np.array([2.45, 3.0, 0.22, 3.5])
    return np.random.default_rng(seed).uniform(-high, high, (count, 4)).astype(np.float32)


def step_states(start, *, discrete=None, continuous=None, **params):
    """Return states (N, 4), rewards, terminated, truncated after one step from copied states."""
    with shoal.make_vec("cartpole", len(start), autoreset="next-step", **params) as vec:
        view = states(vec, FIELDS)
        for column, name in enumerate(NAMES):
            view[name] = start[:, column]
        _, rewards, terminated, truncated = vec.step(discrete, continuous)
        after = np.stack([view[name] for name in NAMES], axis=1)
        assert np.array_equal(vec.observations["state"].reshape(-1, 4), after)
        return after, rewards.copy(), terminated.copy(), truncated.copy()


def test_cartpole_matches_gymnasium():
    gymnasium = pytest.importorskip("gymnasium")
    start = random_states(10_000)
    actions = prepared_actions(1, len(start), 2)[0]
    after, rewards, terminated, truncated = step_states(start, discrete=actions)

    oracle = gymnasium.make("CartPole-v1").unwrapped
    oracle.reset(seed=0)
    expected = np.empty((len(start), 4))
    flags = np.empty(len(start), bool)
    for i, row in enumerate(start.astype(np.float64)):
        oracle.state, oracle.steps_beyond_terminated = row, None
        _, reward, flags[i], _, _ = oracle.step(int(actions[i]))
        expected[i] = oracle.state
        assert reward == rewards[i] == 1.0
    tolerance = 1e-6 * np.maximum(1.0, np.abs(expected))
    assert (np.abs(after - expected) <= tolerance).all()
    limits = np.array([oracle.x_threshold, oracle.theta_threshold_radians])
    near = (np.abs(np.abs(expected[:, [0, 2]]) - limits) <= tolerance[:, [0, 2]]).any(axis=1)
    assert ((terminated == flags) | near).all()
    assert 0.05 < flags.mean() < 0.5  # both outcomes were compared
    assert not truncated.any()


def lagrangian(state, force, p):
    """Return d(state)/dt, float64 (N, 4), from M(theta) acceleration = forces; independent of the closed form."""
    _, x_dot, theta, theta_dot = state.T
    moment = p["pole_mass"] * p["pole_half_length"]
    coupling = moment * np.cos(theta)
    matrix = np.empty((len(state), 2, 2))
    matrix[:, 0, 0] = p["cart_mass"] + p["pole_mass"]
    matrix[:, 0, 1] = matrix[:, 1, 0] = coupling
    matrix[:, 1, 1] = 4 / 3 * moment * p["pole_half_length"]
    right = np.stack([force + moment * theta_dot**2 * np.sin(theta), moment * p["gravity"] * np.sin(theta)], axis=1)
    acceleration = np.linalg.solve(matrix, right[:, :, None])[:, :, 0]
    return np.stack([x_dot, acceleration[:, 0], theta_dot, acceleration[:, 1]], axis=1)


def integrate(state, force, p, substeps):
    dt = p["time_step"] / substeps
    for _ in range(substeps):
        a = lagrangian(state, force, p)
        b = lagrangian(state + dt / 2 * a, force, p)
        c = lagrangian(state + dt / 2 * b, force, p)
        d = lagrangian(state + dt * c, force, p)
        state = state + dt / 6 * (a + 2 * b + 2 * c + d)
    return state


@pytest.mark.parametrize("params", [DEFAULTS, OTHERS], ids=["defaults", "others"])
@pytest.mark.parametrize("integrator", ["euler", "rk4"])
def test_cartpole_integrators_follow_the_lagrangian_equations(params, integrator):
    start = random_states(500, seed=1)
    push = np.random.default_rng(2).uniform(-1, 1, len(start)).astype(np.float32)
    after, *_ = step_states(start, continuous=push, action="continuous", integrator=integrator, **params)
    force = push.astype(np.float64) * params["force_magnitude"]
    state = start.astype(np.float64)
    if integrator == "euler":
        expected = state + params["time_step"] * lagrangian(state, force, params)
    else:
        expected = integrate(state, force, params, 1)
        # one step of fourth order is close to the exact flow, which 64 substeps stand for
        assert np.abs(expected - integrate(state, force, params, 64)).max() < 1e-3
    assert (np.abs(after - expected) <= 2e-6 * np.maximum(1.0, np.abs(expected))).all()


def test_cartpole_force_is_the_share_of_the_full_push():
    start = random_states(100, seed=3)
    full, *_ = step_states(start, discrete=np.ones(100, int))
    same, *_ = step_states(start, continuous=np.ones(100), action="continuous")
    none, *_ = step_states(start, continuous=np.zeros(100), action="continuous")
    left, *_ = step_states(start, discrete=np.zeros(100, int))
    assert np.array_equal(full, same)
    assert np.allclose((full + left) / 2, none, atol=1e-6)  # linear in the force
    assert (full[:, 1] > left[:, 1]).all()


def test_cartpole_ends_at_its_thresholds_and_limit():
    start = np.array([[2.5, 0, 0, 0], [-2.5, 0, 0, 0], [0, 0, 0.22, 0], [0, 0, -0.22, 0], [2.3, 0, 0.2, 0]])
    _, _, terminated, truncated = step_states(start, discrete=np.zeros(5, int))
    assert terminated.tolist() == [True, True, True, True, False]
    assert not truncated.any()
    _, _, terminated, _ = step_states(start, discrete=np.zeros(5, int), x_limit=3, angle_limit=20)
    assert not terminated.any()

    with shoal.make_vec("cartpole", 4, seed=1) as vec:
        assert (np.abs(vec.observations["state"]) <= 0.05).all()
        for step in range(1, 501):
            vec.scripted()
            _, rewards, terminated, truncated = vec.step()
            assert (rewards == 1).all()
            assert not terminated.any()
            assert truncated.all() == (step == 500)
        stats = vec.stats()
    assert stats.mean("score") == 500
    assert stats.mean("perf") == 1


def test_cartpole_start_is_uniform():
    with shoal.make_vec("cartpole", 4000, seed=5) as vec:
        start = vec.observations["state"].reshape(-1, 4).astype(np.float64)
    assert np.abs(start).max() <= 0.05
    assert np.abs(start.mean(axis=0)).max() < 0.003  # 6.6 standard errors
    assert np.abs(start.var(axis=0) / (0.1**2 / 12) - 1).max() < 0.1
    assert np.abs(np.corrcoef(start.T) - np.eye(4)).max() < 0.1


def test_cartpole_reference_rules():
    with shoal.make_vec("cartpole", 64, seed=1, reference=True) as vec:
        start = np.abs(vec.observations["state"])
        assert start.max() <= 0.04
        assert start.max() > 0.035
        for step in range(1, 201):
            vec.scripted()
            _, rewards, _, truncated = vec.step()
            assert (rewards == (0 if step == 200 else 1)).all()
            assert truncated.all() == (step == 200)
        assert vec.stats().mean("perf") == 1
    beyond = np.array([[0, 0, 0.3, 0]])
    assert step_states(beyond, discrete=np.zeros(1, int), reference=True)[1][0] == 0


def test_cartpole_scripted_holds_the_pole_and_weakens_with_its_level():
    assert scripted_stats("cartpole", 64, 1000).mean("score") == 500
    assert scripted_stats("cartpole", 64, 1000, action="continuous").mean("score") == 500
    random = scripted_stats("cartpole", 64, 500, level=0.0)
    assert 15 < random.mean("score") < 30  # as uniform actions do


def test_cartpole_in_lanes_has_the_bits_of_one_after_another():
    """Full pushes left and right: discrete ones run as lanes of a vector, continuous ones through the plain loop."""
    n, steps = 500, 200
    rng = np.random.default_rng(2)
    with (
        shoal.make_vec("cartpole", n, seed=3) as lanes,
        shoal.make_vec("cartpole", n, seed=3, action="continuous") as plain,
    ):
        for _ in range(steps):
            push = rng.integers(0, 2, n)
            for one, other in zip(lanes.step(push), plain.step(None, 2.0 * push - 1.0), strict=True):
                one, other = (x["state"] if isinstance(x, dict) else x for x in (one, other))
                assert one.tobytes() == other.tobytes()
        assert lanes.stats().lives == plain.stats().lives > n


def test_cartpole_golden_trajectory():
    assert trajectory_hash("cartpole") == "4c637c88791a751a"
    assert trajectory_hash("cartpole", action="continuous", integrator="rk4") == "707d634019c6ab30"
