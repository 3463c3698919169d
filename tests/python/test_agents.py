# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The agents that come with environments: they load, are small, play as their page says, and yield to a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import shoal
from shoal import agents, checkpoint, cli, registry
from shoal.evaluate import evaluate

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "agents.jsonl"
NAMES = (
    "breakout", "cartpole", "connect4", "continuous", "crowd", "forever", "masked", "maze", "mixed", "pong", "recall",
    "reset", "sights", "snake", "squared", "target", "template",
)  # fmt: skip
UNSOLVED = ("forever", "maze")  # the first has no threshold


def test_these_environments_bring_one_along() -> None:
    assert [name for name in registry.names() if agents.packaged(name)] == list(NAMES)
    rows = [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]
    assert [row["env"] for row in rows] == list(NAMES)
    for row in rows:
        path = agents.packaged(row["env"])
        assert path
        assert path.stat().st_size == row["bytes"] <= agents.MOST_BYTES
        assert checkpoint.load(path).steps == row["steps"]
        assert row["solved"] is (row["env"] not in UNSOLVED)
        guide = (RESULTS.parents[2] / "docs" / "guides" / "watching.md").read_text(encoding="utf-8")
        reached = f"{row['sampled']:.4g} ± {row['interval']:.2g}"
        assert f"| {row['env']} | `{row['metric']}` | {reached} |" in guide
        if row["env"] == "template":  # whose page is copied
            continue
        page = (path.parent / "README.md").read_text(encoding="utf-8")
        assert f"`{row['metric']}` is {reached} with sampled actions" in page


@pytest.mark.parametrize(
    "name", ["cartpole", "pong", "template", "recall", "reset", "masked", "mixed", "continuous", "crowd"]
)
def test_they_play_as_stated(name: str, tmp_path: Path) -> None:
    policy = shoal.load(name, runs_dir=tmp_path)
    found = evaluate(policy.spec, policy.settings, policy=policy, number=77)
    assert found.solved


def test_a_run_comes_first_and_eval_says_whose_weights_it_took(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["eval", "template", "--json"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[2] == "no run in runs: this is the agent that comes with shoal"
    assert json.loads(out.splitlines()[-1])["solved"] is True
    vec, train = {"num_envs": 32}, {"total_steps": 4096}
    run = shoal.Trainer("template", vec=vec, train=train).train().run
    assert run
    assert cli.main(["eval", "template"]) == 0
    out = capsys.readouterr().out
    assert str(run.relative_to(tmp_path) if run.is_absolute() else run) in out
    assert "comes with shoal" not in out
    assert cli.main(["eval"]) == 0  # the newest run of any


def test_an_environment_without_one_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents, "NAME", "none.safetensors")
    with pytest.raises(
        shoal.CheckpointError, match=r"no run of `mixed` in .*\nhint: make one with `python -m shoal train mixed`"
    ):
        shoal.load("mixed", runs_dir=tmp_path)
