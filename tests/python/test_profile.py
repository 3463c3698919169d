# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal profile`: functions timed one by one on states that are put back, and what is said of the bottleneck."""

from __future__ import annotations

import json

import numpy as np
import pytest

from shoal import cli, command_profile, config, native, registry
from shoal.errors import NativeError
from shoal.vector import Vec

CYCLE = 8


def profiled(vec: Vec, samples: int, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return seconds and calls, and the actions that were prepared."""
    random, spec = np.random.default_rng(0), vec.spec
    shape = (CYCLE, vec.num_rows)
    discrete = np.empty((*shape, len(spec.heads)), np.int32)
    for index, head in enumerate(spec.heads):
        discrete[..., index] = random.integers(0, head.size, shape)
    continuous = random.uniform(-1, 1, (*shape, len(spec.dims))).astype(np.float32)
    seconds = np.zeros((samples, len(native.CALLS) + 1))
    calls = np.zeros(seconds.shape, np.int64)
    message = native.Message()
    data = (array.ctypes.data for array in (discrete, continuous, seconds, calls))
    message.check(native.library().vec_profile(vec.handle, samples, steps, CYCLE, *data, message))
    return seconds, calls, discrete, continuous


@pytest.mark.parametrize("name", ["cartpole", "breakout", "crowd", "masked", "mixed", "continuous"])
def test_a_profile_leaves_the_environments_as_plain_steps_would(name: str) -> None:
    spec = registry.get(name).spec()
    num_envs = max(1, 96 // spec.agents)
    with Vec(spec, num_envs=num_envs, seed=3, threads=1) as one, Vec(spec, num_envs=num_envs, seed=3, threads=1) as two:
        seconds, calls, discrete, continuous = profiled(one, samples=30, steps=5)
        for step in range(150):
            two.step(discrete[step % CYCLE], continuous[step % CYCLE])
        assert [one.snapshot(e) for e in range(num_envs)] == [two.snapshot(e) for e in range(num_envs)]
        assert np.array_equal(one.rows, two.rows) and np.array_equal(one.mask_rows, two.mask_rows)
    assert np.isfinite(seconds).all() and (seconds > -1e-6).all()
    present = dict(zip(native.CALLS, calls[0], strict=False))
    rows = num_envs * spec.agents
    assert (present["step"], present["observe"], present["reset"]) == (num_envs, rows, num_envs)
    assert present["scripted"] == (rows if spec.env.scripted else 0)
    assert present["live"] == (rows if name == "crowd" else 0)
    if name == "cartpole":
        assert 0.02 < calls[:, -1].sum() / (150 * num_envs) < 0.08  # random play lasts about 22 steps


def test_a_profile_of_more_than_one_block_is_refused() -> None:
    refusal = pytest.raises(NativeError, match="a profile is of one block: num_envs=97, threads=1")
    with Vec(registry.get("cartpole").spec(), num_envs=97, threads=1) as vec, refusal:
        profiled(vec, 1, 1)


def test_profile_names_functions_stages_and_the_bottleneck(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--seconds", "0.3", "--json", "--vec.num-envs", "64", "--env.gravity", "5"]
    assert cli.main(["profile", "cartpole", *words]) == 0
    out = capsys.readouterr().out
    row = json.loads(out.splitlines()[-1])
    assert set(row["functions"]) == {"step", "observe", "reset", "scripted", "engine"}
    for name in (*row["functions"], "environment", "update backward", "bottleneck"):
        assert f"\n{name}" in out
    assert sum(entry["share"] for entry in row["functions"].values()) == pytest.approx(1.0, abs=0.01)
    assert sum(row["stages"].values()) == pytest.approx(1.0, abs=0.01)
    assert row["ns_a_step"] > 0 and row["sps"] > 0 and row["advice"]


def test_the_table_divides_a_step_into_functions_and_the_rest() -> None:
    calls = np.zeros((4, len(native.CALLS) + 1), np.int64)
    calls[:, [0, 1, 2, 5]] = [10, 20, 10, 20]
    calls[:, -1] = command_profile._APART  # one reset a step, of ten worlds with two agents each
    spent = np.zeros(calls.shape)
    spent[:, [0, 1, 2, 5, 6]] = np.array([1000.0, 400.0, 200.0, 5000.0, 2000.0]) * 1e-9
    table = command_profile._summarise(spent, calls, rows=20)
    assert table["step"] == pytest.approx({"calls": 0.5, "ns_a_call": 100.0, "ns_a_step": 50.0, "share": 0.5})
    assert table["observe"] == pytest.approx({"calls": 1.0, "ns_a_call": 20.0, "ns_a_step": 20.0, "share": 0.2})
    assert table["reset"] == pytest.approx({"calls": 0.05, "ns_a_call": 20.0, "ns_a_step": 1.0, "share": 0.01})
    assert table["engine"]["share"] == pytest.approx(0.29)
    assert table["scripted"]["share"] == 0.0
    assert "live" not in table and "respawn" not in table


@pytest.mark.parametrize(
    ("stage", "advice"),
    [
        ("simulate", "The environment is the bottleneck: `observe` takes 60% of its step; make that faster first"),
        ("backward", "The learner is the bottleneck. A faster environment would make training at most 1.11 times"),
        ("act", "The learner is the bottleneck."),
        ("wait", "A faster environment would make training at most 1.11 times as fast; threads wait"),
        ("gather", "A faster environment would make training at most 1.11 times as fast; a larger network"),
    ],
)
def test_the_advice_fits_the_bottleneck(stage: str, advice: str) -> None:
    functions = {"step": {"share": 0.3}, "observe": {"share": 0.6}, "engine": {"share": 0.1}}
    shares = dict.fromkeys(native.STAGES, 0.0) | {"simulate": 0.1}
    shares[stage] = 0.9
    assert command_profile.advise(functions, shares).startswith(advice)


def test_functions_are_timed_under_the_settings_that_are_given() -> None:
    settings = config.load("breakout", overrides={"env": {"frameskip": 1}, "vec": {"num_envs": 8}})
    few = command_profile.functions_of(registry.get("breakout").spec({"frameskip": 1}), settings, 0.1)
    many = command_profile.functions_of(registry.get("breakout").spec({"frameskip": 32}), settings, 0.1)
    assert many["step"]["ns_a_call"] > 2 * few["step"]["ns_a_call"]
