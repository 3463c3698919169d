# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Python environments on the command line: trained, evaluated, watched, tuned, by the reference that opens them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import shoal
from shoal import cli, command_autotune, config, registry
from shoal.outside.quicken import quicken
from shoal.players import RandomPlayer
from shoal.viewer import Viewer

WORLDS = Path(__file__).parent / "worlds.py"
WALK = f"{WORLDS}:make_walk"
SMALL = "--plain --vec.num-envs 4 --train.horizon 32 --vec.worker serial --steps 2048"


def last_json(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """Return the JSON object that a command ended with."""
    found: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_train_and_eval_by_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(WORLDS.parent)  # a relative path means the same file wherever the run is looked at
    assert cli.main(f"train worlds.py:make_walk {SMALL} --runs-dir {tmp_path} --json".split()) == 0
    trained = last_json(capsys)
    assert (trained["env"], trained["steps"]) == ("walk", 2048)
    monkeypatch.chdir(tmp_path)
    assert cli.main(f"eval {WALK} --runs-dir {tmp_path} --json".split()) == 0
    assert "random" in str(last_json(capsys))
    assert cli.main(f"eval --runs-dir {tmp_path}".split()) == 0  # the newest run of any environment
    path = next((tmp_path / "walk").iterdir())
    assert f'folder = "{WALK}"' in (path / "config.toml").read_text(encoding="utf-8")
    assert shoal.load(str(WALK), runs_dir=tmp_path).spec.env.name == "walk"  # as of an environment in C


def test_a_run_from_elsewhere_does_not_choose_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(f"train {WALK} {SMALL} --runs-dir {tmp_path}".split()) == 0
    run = next((tmp_path / "walk").iterdir())
    assert cli.main(["eval", str(run)]) == 2
    assert "does not lie in runs" in capsys.readouterr().err
    with pytest.raises(shoal.CheckpointError, match="outside the package"):
        shoal.load(next((run / "checkpoints").glob("0*")))


def test_few_samples_is_what_they_learn_with() -> None:
    settings = config.load(WALK)
    assert settings.preset == "few-samples"
    assert (settings.vec.num_envs, settings.policy.core, settings.train.optimizer) == (8, "mlp", "adamw")
    assert config.load(WALK, overrides={"train": {"optimizer": "muon"}}).train.optimizer == "muon"
    assert config.load("cartpole").preset == ""


def test_who_steps_does_not_change_the_hash_of_settings() -> None:
    def mark(**vec: object) -> str:
        return config.load(WALK, overrides={"vec": vec}).settings_hash(1)

    assert mark() == mark(worker="serial", workers=3, start="fork", timeout=5.0, restarts=1, spin=True)
    assert mark() != mark(block=4)  # sums are added block by block


def test_arguments_and_attributes_are_parameters() -> None:
    env = registry.get(WALK)
    assert {param.name: (param.kind, param.role) for param in env.params} == {
        "size": ("int", "size"),
        "limit": ("int", "size"),
        "fault": ("text", "size"),
        "at": ("int", "size"),
        "flag": ("text", "size"),
        "speed": ("float", "value"),
    }
    assert env.spec({"limit": 33}).max_steps == 33
    assert [metric.name for metric in env.metrics] == ["perf", "score"]


def test_wide_rows_take_the_torch_backend() -> None:
    pytest.importorskip("torch")
    reference = WALK.replace("make_walk", "make_picture")
    settings = config.resolve(config.load(reference), registry.get(reference).spec())
    assert settings.train.backend == "torch"
    assert any("it has an encoder for the image `view`" in reason for reason in settings.reasons)


def test_a_convolution_is_work_for_several_threads() -> None:
    pytest.importorskip("torch")
    vec = {"threads": 2, "num_envs": 16, "worker": "serial"}
    train, shared = {"horizon": 8}, {"value_net": "shared"}
    picture = WALK.replace("make_walk", "make_picture")
    trainer = shoal.Trainer(picture, train=train, policy=shared, vec=vec, runs_dir=None)
    policy = trainer._learner.policy
    convolutions = 81 * 32 * 8 * 8 + 9 * 64 * 32 * 4 * 4 + 64 * 64 * 3 * 3  # of 40 x 40 x 1: 9 x 9, 3 x 3, 1 x 1
    rest = policy.operations() - 2 * convolutions
    assert 0 < rest < 2 * policy.theta.numel() < 2 * convolutions
    assert policy.crew.threads == 2
    small = shoal.Trainer(WALK, train=train | {"backend": "torch", "device": "cpu"}, vec=vec, runs_dir=None)
    assert small._learner.policy.crew.threads == 1


def test_a_viewer_shows_the_environments_own_picture() -> None:
    viewer = Viewer(registry.get(WALK).spec(), RandomPlayer(1), seed=3)
    frame = viewer.frame(160, 120)
    place = int(viewer.vec.observations["place"][0, 0])
    assert (frame[60, 20 * place + 10, :3] == (250, 200, 60)).all()  # 8 squares fill the width
    assert (frame[60, 20 * (place + 1) + 10, :3] == 0).all()
    assert (frame[10, 80, :3] != 0).any()  # the picture is low: there is a margin above
    for _ in range(30):
        viewer.tick()
    assert viewer.episodes > 0
    viewer.vec.close()


def test_autotune_prefers_fewer_copies_that_are_as_fast(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"workers": 1, "copies": 8, "sps": [50.0]},
        {"workers": 4, "copies": 16, "sps": [98.0]},
        {"workers": 2, "copies": 16, "sps": [97.5]},
        {"workers": 2, "copies": 64, "sps": [100.0]},
    ]
    assert command_autotune.choose(rows) is rows[2]
    best = tmp_path / "best.toml"
    line = f"autotune {WALK} --copies 2,4 --workers 1 --seconds 0.02 --repeats 1 --json --write {best}"
    assert cli.main(line.split()) == 0
    found = last_json(capsys)
    assert set(found["settings"]) == {"num_envs", "workers", "block"}  # type: ignore[call-overload]
    assert config.load(WALK, file=best).vec.num_envs in (2, 4)
    assert (
        cli.main(
            ["autotune", "cartpole", "--copies", "8", "--workers", "1", "--seconds", "0.02", "--repeats", "1", "--json"]
        )
        == 0
    )
    assert last_json(capsys)["settings"] == {"num_envs": 8, "threads": 1}


def test_quick_answers_are_the_slow_ones() -> None:
    gymnasium = pytest.importorskip("gymnasium")

    class Holder:
        action_space = gymnasium.spaces.Discrete(3, start=2)

    asked = [1, 2, 4, 5, -1, 10**9, True, 3.0, "3", None, np.int32(4), np.int64(5), np.array(2), np.float32(3), [2]]
    slow = [Holder.action_space.contains(x) for x in asked]
    quicken(Holder)
    assert [Holder.action_space.contains(x) for x in asked] == slow
    assert "contains" in vars(Holder.action_space)
