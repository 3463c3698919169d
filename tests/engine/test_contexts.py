# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Parameters drawn per episode: against a second implementation of the draw, and against the distributions."""

import math

import numpy as np
import pytest

import shoal
from shoal import registry, vector

MASK = (1 << 64) - 1
TAG_CONTEXT, TAG_EPISODE = 5, 9
PULL, LIVES, WIND, TASK = 1, 2, 3, 4  # rows of the table of levels.h


def mix(x):
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK
    return x ^ (x >> 31)


def hash_of(key, tag, a, b):
    x = mix((key + 0x9E3779B97F4A7C15 * tag) & MASK)
    x = mix((x + 0xD1B54A32D192ED03 * (a + 1)) & MASK)
    return mix((x + 0x8CB92BA72F3D8DD7 * (b + 1)) & MASK)


def draws(seed, env, episode, row):
    """Return the hash of a context: hash(hash(seed, EPISODE, environment, episode), CONTEXT, parameter)."""
    return hash_of(hash_of(seed, TAG_EPISODE, env, episode), TAG_CONTEXT, row, 0)


def unit(bits):
    return (bits >> 40) * 2.0**-24


def play_on(vec, episodes):
    """End every environment's episode, so many times."""
    for _ in range(episodes):
        vec.step(np.ones(vec.num_rows, np.int32))


def make(drawn, num_envs, observe=False, **settings):
    env = registry.get("levels")
    values = env.check(drawn)
    spec = env.spec(values, observed=env.drawn(values) if observe else ())
    return vector.Vec(spec, num_envs=num_envs, **settings)


def test_draws_are_the_hash_of_key_and_parameter(levels):
    drawn = {"pull": "uniform(-2, 5)", "lives": "5..15", "wind": "choice(true, false)", "task": "choice(race, hover)"}
    vec = make(drawn, 50, seed=42)
    for episode in range(3):
        for env in range(50):
            u = unit(draws(42, env, episode, PULL))
            assert vec.values("pull")[env] == pytest.approx(-2 + 7 * u, abs=1e-6)
            assert vec.values("lives")[env] == 5 + ((draws(42, env, episode, LIVES) >> 32) * 11 >> 32)
            assert vec.values("wind")[env] == [1, 0][(draws(42, env, episode, WIND) >> 32) * 2 >> 32]
            assert vec.values("task")[env] == [2, 0][(draws(42, env, episode, TASK) >> 32) * 2 >> 32]
        play_on(vec, 1)


def test_distributions_have_their_moments(levels):
    n = 40_000
    vec = make({"pull": "normal(2, 0.5)", "lives": "loguniform(1, 1e9)"}, n, seed=3)
    pull, lives = vec.values("pull").astype(float), np.log(vec.values("lives"))
    assert pull.mean() == pytest.approx(2, abs=0.015)
    assert pull.std() == pytest.approx(0.5, abs=0.01)
    assert ((pull - 2) ** 3).mean() / 0.125 == pytest.approx(0, abs=0.06)  # symmetric
    assert ((pull - 2) ** 4).mean() / 0.0625 == pytest.approx(3, abs=0.15)  # as peaked as a normal
    assert np.histogram(lives, 4, (0, math.log(1e9)))[0] / n == pytest.approx([0.25] * 4, abs=0.012)
    wide = make({"pull": "normal(9, 20)", "lives": "2000000000..2000000000"}, n, seed=3)
    assert (wide.values("pull").min(), wide.values("pull").max()) == (-10, 10)  # clipped to the table's range
    assert set(wide.values("lives")) == {2_000_000_000}  # whole numbers above 2**24 are exact
    every = make({"lives": "1..4", "pull": "choice(1, 2.5, -3)"}, n, seed=1)
    assert np.bincount(every.values("lives"))[1:] / n == pytest.approx([0.25] * 4, abs=0.012)
    assert np.unique(every.values("pull")).tolist() == [-3, 1, 2.5]


def test_every_episode_and_every_environment_draws_anew_and_the_simulation_sees_it(levels):
    vec = make({"pull": "uniform(-2, 5)"}, 200, seed=1)
    seen = [vec.values("pull")]
    for _ in range(3):
        _, rewards, *_ = vec.step(np.ones(200, np.int32))
        assert rewards.tolist() == seen[-1].tolist()  # the step that ends an episode is played with its parameters
        assert vec.observations["state"][:, 1].tolist() == vec.values("pull").tolist()
        seen.append(vec.values("pull"))
    assert len(np.unique(seen)) == 4 * 200
    again = vec.values("pull")
    vec.step(np.zeros(200, np.int32))
    assert vec.values("pull").tolist() == again.tolist()  # nothing is drawn within an episode


def test_observed_contexts_end_the_row_and_the_final_row(levels):
    drawn = {"pull": "uniform(-2, 5)", "task": "choice(orbit, race)", "agents": 3}
    vec = make(drawn, 64, observe=True, max_steps=2)
    assert [field.name for field in vec.spec.fields] == ["state", "pull", "task"]
    assert (vec.spec.fields[1].low, vec.spec.fields[1].high, vec.spec.fields[2].high) == (-10, 10, 2)
    on = np.zeros(vec.num_rows, np.int32)
    before = vec.values("pull").repeat(3)
    for name in ("pull", "task"):
        assert vec.observations[name][:, 0].tolist() == vec.values(name).repeat(3).tolist()
    vec.step(on)
    _, _, _, truncated = vec.step(on)
    assert truncated.all()
    assert vec.final_observations["pull"][:, 0].tolist() == before.tolist()
    assert vec.observations["pull"][:, 0].tolist() == vec.values("pull").repeat(3).tolist() != before.tolist()


def test_hidden_contexts_leave_the_observation_alone():
    plain, hidden = shoal.make_vec("cartpole", 4), shoal.make_vec("cartpole", 4, gravity="uniform(5, 15)")
    assert plain.spec.fields == hidden.spec.fields
    assert plain.rows.tobytes() == hidden.rows.tobytes()  # and no other random number has moved


DRAWN = {
    "cartpole": {"gravity": "uniform(5, 15)", "integrator": "choice(euler, rk4)", "pole_mass": "loguniform(0.01, 1)"},
    "breakout": {"ball_speed": "normal(256, 60)", "frameskip": "2..5"},
}


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_bytes_for_any_number_of_threads(name):
    digests = []
    for threads in (1, 3):
        vec = shoal.make_vec(name, 300, seed=9, threads=threads, observe_contexts=True, stagger=True, **DRAWN[name])
        rng = np.random.default_rng(1)
        for _ in range(200):
            vec.step(rng.integers(0, vec.spec.heads[0].size, 300))
        digests.append(b"".join(vec.snapshot(env) for env in range(300)) + vec.rows.tobytes())
    assert digests[0] == digests[1]


@pytest.mark.parametrize("name", DRAWN)
def test_an_environment_with_parameters_of_its_own_steps_as_one_that_shares_them(name):
    """A constant distribution takes the other instance of every loop; State and rows must have the same bits."""
    values = {"cartpole": {"gravity": 7.5, "integrator": "rk4"}, "breakout": {"ball_speed": 300.0, "frameskip": 3}}[
        name
    ]
    drawn = {key: f"choice({value})" for key, value in values.items()}
    vecs = [shoal.make_vec(name, 130, seed=2, **given) for given in (values, drawn)]
    rng = np.random.default_rng(1)
    for _ in range(150):
        actions = rng.integers(0, vecs[0].spec.heads[0].size, 130)
        for vec in vecs:
            vec.step(actions)
        assert vecs[0].rows.tobytes() == vecs[1].rows.tobytes()
        assert vecs[0].rewards.tobytes() == vecs[1].rewards.tobytes()
    assert [vecs[0].snapshot(env) for env in range(130)] == [vecs[1].snapshot(env) for env in range(130)]


def test_a_snapshot_takes_its_parameters_along(levels):
    vec = make({"pull": "uniform(-2, 5)"}, 3, seed=1)
    snapshot, pull = vec.snapshot(1), vec.values("pull")[1]
    play_on(vec, 2)
    vec.restore(2, snapshot)
    assert vec.values("pull")[2] == pull
    assert vec.observations["state"][2].tolist() == [1, pull, 0]  # Shared was built with seed 1
    shared = make({}, 3, seed=1)
    with pytest.raises(shoal.NativeError, match=r"^the snapshot of levels has other parameters than this vec, whose"):
        shared.restore(0, snapshot)


def test_values_of_shared_parameters(levels):
    assert make({"pull": 2.5}, 3).values("pull").tolist() == [2.5] * 3
    with pytest.raises(shoal.ConfigError, match=r"no parameter `pul`\nhint: did you mean `pull`"):
        make({}, 3).values("pul")
