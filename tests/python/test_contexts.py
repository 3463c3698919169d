# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Distributions and grids as a user writes them: flags, TOML, Python, checkpoints, `eval`; and every mistake."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import assert_equal, begin, read

import shoal
from shoal import cli, config, grid, registry, store
from shoal.errors import ConfigError, ShoalError
from shoal.settings import from_text
from shoal.tables import Param

# ---------------------------------------------------------------------------------------------------- writing them


@pytest.mark.parametrize(
    ("env", "name", "text", "same"),
    [
        ("cartpole", "gravity", " uniform( 5,15.0 ) ", "uniform(5, 15)"),
        ("cartpole", "gravity", "Normal(9.8, 1e-1)", "normal(9.8, 0.1)"),
        ("cartpole", "gravity", "loguniform(0.1, 1e2)", "loguniform(0.1, 100)"),
        ("cartpole", "gravity", "choice(5,7.5)", "choice(5, 7.5)"),
        ("cartpole", "integrator", "choice(rk4,euler)", "choice(rk4, euler)"),
        ("breakout", "frameskip", "2 .. 4", "2..4"),
        ("breakout", "frameskip", "uniform(2, 4)", "2..4"),
        ("breakout", "frameskip", "normal(3.5, 1)", "normal(3.5, 1)"),
        ("breakout", "frameskip", "choice(2, 4)", "choice(2, 4)"),
    ],
)
def test_a_distribution_is_stored_in_one_spelling(env: str, name: str, text: str, same: str) -> None:
    param = next(param for param in registry.get(env).params if param.name == name)
    assert param.check(text) == same
    assert param.check(same) == same


@pytest.mark.parametrize("text", ["choice(true, false)", "choice(yes, NO)", "choice(on, off)", "choice(1, 0)"])
def test_a_switch_is_drawn_in_the_words_that_flags_take(text: str) -> None:
    param = Param("lit", "switch", False, 0.0, 1.0, "", "value", "is it lit", ())
    assert param.check(text) == "choice(true, false)"
    assert [from_text("switch", word) for word in text[7:-1].split(", ")] == [True, False]


@pytest.mark.parametrize(
    ("env", "name", "text", "message"),
    [
        ("cartpole", "gravity", "unifrom(5, 15)", r"no distribution is called `unifrom`: .*\nhint: did you mean `unif"),
        ("cartpole", "gravity", "uniform(15, 5)", r"bounds are in the wrong order: .*\nhint: write uniform\(5, 15\)$"),
        ("cartpole", "gravity", "uniform(5)", r"uniform takes 2 numbers; got 1: .*\nhint: write uniform\(low, high\)"),
        ("cartpole", "gravity", "uniform()", r"uniform takes 2 numbers; got 0: "),
        (
            "cartpole",
            "gravity",
            "uniform(5, x)",
            r"`x` is not a number: uniform\(5, x\) \(at env.gravity\)\nhint: write",
        ),
        ("cartpole", "gravity", "uniform(5, inf)", r"`inf` is not a number"),
        (
            "cartpole",
            "gravity",
            "uniform(5, 1000)",
            r"a bound of gravity=.*; expected 0 to 100 m/s2 \(at env.gravity\)$",
        ),
        ("cartpole", "gravity", "normal(-1, 2)", r"the mean of gravity=normal\(-1, 2\); expected 0 to 100 m/s2"),
        ("cartpole", "gravity", "normal(1, -2)", r"a deviation is negative: .*\nhint: write normal\(mean, deviation\)"),
        ("cartpole", "gravity", "loguniform(0, 2)", r"positive bound: .*\nhint: uniform\(0, 2\) takes any bounds"),
        (
            "cartpole",
            "gravity",
            "choice()",
            r"choice takes 1 to 32 values; got 0: .*\nhint: write choice\(a, b, \.\.\.\)",
        ),
        ("cartpole", "gravity", "choice(5, 500)", r"out of range: gravity=500; expected 0 to 100 m/s2"),
        ("cartpole", "gravity", "5..15", r"draws whole numbers; `gravity` is a float .*\nhint: write uniform\(5, 15\)"),
        (
            "cartpole",
            "gravity",
            "uniform(5, 15",
            r"wrong type: .*; expected a number \(.*\nhint: .* like uniform\(0, 100\)",
        ),
        ("cartpole", "action", "choice(discrete, continuous)", r"`action` is fixed at creation and cannot be drawn: "),
        ("cartpole", "reference", "choice(true, false)", r"`reference` is fixed at creation and cannot be drawn: "),
        ("cartpole", "integrator", "uniform(0, 1)", r"no order to draw from: .*\nhint: write choice\(euler, rk4\)"),
        (
            "cartpole",
            "integrator",
            "choice(euler, rk5)",
            r"integrator='rk5' is not a choice; .*\nhint: did you mean `rk4`",
        ),
        ("breakout", "frameskip", "2..x", r"`x` is not a number: 2\.\.x \(at env.frameskip\)"),
        ("breakout", "frameskip", "4..2", r"bounds are in the wrong order: 4\.\.2; .*\nhint: write 2\.\.4"),
        ("breakout", "frameskip", "2..2.5", r"wrong type: frameskip=2.5; expected a whole number"),
        ("breakout", "frameskip", "0..4", r"out of range: frameskip=0; expected 1 to 64 frames"),
    ],
)
def test_a_bad_distribution_is_one_sentence_with_a_hint(env: str, name: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        registry.get(env).check({name: text})
    assert str(error.value).partition("\n")[0].count(". ") == 0
    assert f"env.{name}" in str(error.value)


def test_flags_toml_and_python_mean_the_same(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('[env]\ngravity = "uniform(5, 15)"\n[vec]\nobserve_contexts = true\n')
    written = config.load("cartpole", file=file)
    given = config.load("cartpole", overrides={"env": {"gravity": "uniform(5,15)"}, "vec": {"observe_contexts": True}})
    assert written == given
    assert written.drawn == {"gravity": "uniform(5, 15)"}
    assert [field.name for field in written.spec().fields] == ["state", "gravity"]
    spec = written.spec()
    text = config.resolve(written, spec).to_toml(spec.version)
    assert config.from_toml(text).to_toml(spec.version) == text


def test_what_the_policy_sees_marks_the_results() -> None:
    drawn = {"gravity": "uniform(5, 15)"}
    marks = [
        config.load("cartpole", overrides={"env": env, "vec": {"observe_contexts": observe}}).settings_hash(1)
        for env, observe in (({}, False), (drawn, False), (drawn, True))
    ]
    assert len(set(marks)) == 3


# ---------------------------------------------------------------------------------------------------- training


CONTEXTS = {"gravity": "uniform(5, 15)", "integrator": "choice(euler, rk4)", "force_magnitude": "normal(10, 3)"}


@pytest.mark.parametrize("observe", [False, True])
def test_a_run_with_contexts_resumes_to_the_same_bits(observe: bool, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"params": CONTEXTS, "vec": {"observe_contexts": observe}}
    expected = read(begin(tmp_path / "whole", **settings).train().run or Path())
    for stop in (1, 4):
        run = begin(tmp_path / str(stop), **settings)
        path = run.train(lambda log, stop=stop: log["steps"] >= stop * 192).run  # type: ignore[misc]
        assert path
        shoal.resume(path, threads=3, image_seconds=0).train()
        assert_equal(read(path), expected)


def test_a_policy_that_sees_contexts_acts_on_named_fields(tmp_path: Path) -> None:
    result = begin(tmp_path, params=CONTEXTS, vec={"observe_contexts": True}).train()
    assert result.run
    policy = shoal.load(result.run)
    assert [field.name for field in policy.spec.fields] == ["state", "gravity", "force_magnitude", "integrator"]
    observation = {"state": np.zeros((2, 4)), "gravity": [[5], [15]], "integrator": [[0], [1]]}
    with pytest.raises(ConfigError, match="lacks the field `force_magnitude`"):
        policy.act(observation)
    assert policy.act(observation | {"force_magnitude": [[10], [10]]})[0].shape == (2, 1)


KILLED = """
import os, signal, sys, shoal
from small_runs import begin
def harder(log):
    run.broadcast({"gravity": 9.8 + log["steps"] / 1000, "pole_mass": f"uniform(0.1, {0.1 + log['steps'] / 5000})"})
    if log["steps"] == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
run = shoal.resume(sys.argv[3], image_seconds=0) if len(sys.argv) > 3 else begin(sys.argv[1])
run.train(harder)
"""


def test_a_curriculum_that_is_killed_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    helpers = str(Path(__file__).parent)

    def run(folder: str, kill_at: int, *more: str) -> Path:
        command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {helpers!r})\n{KILLED}"]
        done = subprocess.run([*command, str(tmp_path / folder), str(kill_at), *more], capture_output=True, check=False)
        assert done.returncode == (-signal.SIGKILL if kill_at else 0), done.stderr.decode()
        return next((tmp_path / folder).glob("*/*"))

    expected = read(run("whole", 0))
    path = run("killed", 2 * 192)
    run("killed", 5 * 192, str(path))
    run("killed", 0, str(path))
    assert_equal(read(path), expected)
    values = [json.loads(line).get("broadcast", {}).get("values", {}) for line in expected["metrics"]]
    assert values[1] == {"gravity": pytest.approx(9.992), "pole_mass": "uniform(0.1, 0.1384)"}


def test_an_evaluation_keeps_to_the_settings_whatever_was_broadcast(tmp_path: Path) -> None:
    run = begin(None, params={"gravity": "uniform(5, 15)"})
    before = run.evaluate()
    run.broadcast({"gravity": 90.0})
    run._progress.evaluations = 0
    assert run.evaluate().stats.values.tolist() == before.stats.values.tolist()


# ---------------------------------------------------------------------------------------------------- grids


@pytest.fixture
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    params = {"gravity": "uniform(5, 15)", "force_magnitude": "choice(5, 10)"}
    path = begin(Path("runs"), params=params, vec={"observe_contexts": True, "max_steps": 50}).train().run
    assert path
    return path


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = cli.main(arguments)
    return code, *capsys.readouterr()


def test_eval_uses_the_distributions_of_the_run(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "eval", str(run_dir))
    assert code == 0
    assert "gravity is drawn from uniform(5, 15) per episode\nforce_magnitude is drawn from choice(5, 10) per" in out


def test_eval_on_a_grid_prints_a_table_and_a_map(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grids = ["--grid", "gravity=2,80", "--grid=force-magnitude=0,5,10"]
    code, out, err = call(capsys, "eval", str(run_dir), *grids, "--json")
    assert (code, err) == (0, "")
    assert "is drawn" not in out  # both are given
    *lines, last = out.splitlines()
    result = json.loads(last)
    assert result["grid"] == {"gravity": [2.0, 80.0], "force_magnitude": [0.0, 5.0, 10.0]}
    assert [len(result["means"]), len(result["means"][0]), len(result["points"])] == [2, 3, 6]
    point = result["points"][4]
    assert (point["gravity"], point["force_magnitude"], point["lives"]) == (80.0, 5.0, 1000)
    assert point["score"] == result["means"][1][1]
    assert result["means"][0][1] > 1.5 * result["means"][1][1]  # a light pole falls more slowly
    table = [line.split() for line in lines if line.split()[:1] in (["2"], ["80"])]
    assert len(table) == 6 + 2
    assert table[4][:3] == ["80", "5", f"{point['perf']:.4g}"]
    assert lines[-3].split() == ["gravity", "0", "5", "10"]
    assert "\x1b" not in out

    alone = call(capsys, "eval", str(run_dir), "--grid", "gravity=2,80", "--json")[1]
    assert "force_magnitude is drawn from choice(5, 10) per episode" in alone
    assert json.loads(alone.splitlines()[-1])["means"] == pytest.approx(
        [np.mean(result["means"][0][1:]), np.mean(result["means"][1][1:])], rel=0.1
    )


def test_the_map_says_the_lowest_and_the_highest() -> None:
    axes = [grid.Axis("gravity", (5.0, 10.0)), grid.Axis("task", ("hover", "race"))]
    means = [0.0, 50.0, 100.0, float("nan")]
    plain = grid.heat_map(axes, means, "score", colour=False).splitlines()
    assert plain[0] == "score, 0 to 100; task runs to the right"
    assert plain[1].split() == ["gravity", "hover", "race"]
    assert [line.split() for line in plain[2:]] == [["5", "0", "==", "50"], ["10", "@@", "100", "nan"]]
    coloured = grid.heat_map(axes, means, "score", colour=True)
    assert coloured.count("\x1b[48;5;") == coloured.count("\x1b[0m") == 4
    assert [len(line) for line in grid.heat_map(axes[:1], [1.0, 1.0], "score", colour=False).splitlines()[2:]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gravity", r"^--grid gravity: expected parameter=value,value,...\nhint: for example --grid gravity=5,10,15$"),
        ("gravity=", r"^--grid gravity=: expected parameter=value"),
        ("gravty=5", r"^`cartpole` has no parameter `gravty` .*\nhint: did you mean `gravity`\?$"),
        ("gravity=5,x", r"^wrong type: gravity='x'; expected a number"),
        ("gravity=5,500", r"^out of range: gravity=500; expected 0 to 100 m/s2"),
        ("gravity=uniform(5,6)", r"expected values, no distribution\nhint: for example --grid gravity=5,10,15$"),
        ("action=discrete", r"^`action` is fixed at creation: .*\nhint: these can be varied: gravity, cart_mass"),
        ("integrator=rk5", r"^integrator='rk5' is not a choice"),
        ("gravity=" + ",".join(["5"] * 10_001), r"^the grid has 10001 points; expected at most 10000\nhint: use fewer"),
    ],
)
def test_a_bad_grid_is_one_sentence(text: str, message: str) -> None:
    with pytest.raises(ShoalError, match=message):
        grid.parse(registry.get("cartpole"), [text])


def test_a_grid_names_a_parameter_once() -> None:
    with pytest.raises(ConfigError, match="`gravity` is given twice\nhint: put all its values into one --grid"):
        grid.parse(registry.get("cartpole"), ["gravity=5", "env.gravity=6"])


def test_mistakes_in_a_grid_end_with_code_2(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--grid", "gravty=5"], ["--grid"], ["--grid", "--json"]):
        code, _, err = call(capsys, "eval", str(run_dir), *arguments)
        assert code == 2
        assert err.startswith("shoal: ")
        assert len(err.splitlines()) == 2
    assert store.Run(run_dir).weights()
