# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Environments outside the package wherever an environment is expected: trained, evaluated, resumed, not confused."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from own_environments import change, copy, walk
from small_runs import begin, read, stopped, whole
from test_cli import SMALL, run

import shoal
from shoal import checkpoint, config, folder, registry, store
from shoal.errors import CheckpointError, EnvError, ShoalError

pytestmark = pytest.mark.usefixtures("unoptimised", "here")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, an empty one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---------------------------------------------------------------------------------------------------- finding it


def test_a_folder_is_found_by_any_of_its_paths(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header = walk(here)
    env = registry.get("./walk")
    for path in ("walk/", str(here / "walk"), "./walk/walk.h"):
        assert registry.get(path) is env
    assert (env.name, env.folder, env.reference) == ("walk", header.parent, str(header.parent))
    assert env.spelled == "./walk"
    monkeypatch.chdir(header.parent)
    assert registry.get(".") is env
    assert env.spelled == str(header.parent)
    header.parent.rename(here / "other")  # the only header names it then
    assert registry.get(str(here / "other")).name == "walk"


def test_a_folder_that_is_none_is_a_sentence(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = walk(here)
    with pytest.raises(EnvError, match=r"no such folder: \./wlak\nhint: `python -m shoal new wlak` makes one"):
        registry.get("./wlak")
    with pytest.raises(EnvError, match=r"no environment is called `walk`\nhint: `\./walk` means the folder"):
        registry.get("walk")
    with pytest.raises(EnvError, match=r"`\./walk` means the folder"):
        shoal.load("walk")
    code, _, err = run(capsys, "eval", "walk")
    assert (code, err) == (2, "shoal: no environment is called `walk`\nhint: `./walk` means the folder\n")
    (here / "empty").mkdir()
    with pytest.raises(EnvError, match=r"the folder is no environment: \./empty has no header; expected empty\.h"):
        registry.get("./empty")
    for name in ("one.h", "two.h", "two_draw.h"):
        shutil.copy(header, here / "empty" / name)
    with pytest.raises(EnvError, match=r"\./empty has one\.h, two\.h; expected empty\.h"):
        registry.get("./empty")
    (here / "empty" / "one.h").unlink()
    (here / "empty" / "two.h").rename(here / "empty" / "My-Game.h")
    with pytest.raises(EnvError, match=r"My-Game\.h cannot name an environment; expected lower-case letters"):
        registry.get("./empty")


def test_its_settings_are_read_from_the_folder(here: Path) -> None:
    header = walk(here)
    (header.parent / "walk.toml").write_text('[solved]\nmetric = "score"\nthreshold = 0.5\n[vec]\nnum_envs = 17\n')
    settings = config.load("./walk")
    assert (settings.env, settings.folder, settings.reference) == ("walk", *[str(header.parent)] * 2)
    assert (settings.solved.metric, settings.solved.threshold, settings.vec.num_envs) == ("score", 0.5, 17)


def test_a_changed_environment_is_another_in_the_same_process(here: Path) -> None:
    header = walk(here)
    vec = shoal.make_vec("./walk", 8, seed=1)
    change(header, ("out->max_steps = 100;", "out->max_steps = 7;"))
    assert (vec.spec.max_steps, shoal.make_vec("./walk", 8).spec.max_steps) == (100, 7)
    vec.step(np.zeros(8, int))  # the one that was loaded before goes on


# ---------------------------------------------------------------------------------------------------- training


def test_a_folder_trains_evaluates_and_resumes_from_the_command_line(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    walk(here)
    code, out, err = run(capsys, "train", "./walk", *SMALL, "--json")
    assert (code, err) == (0, "")
    assert out.startswith("walk version 1 in ./walk, solved at perf >= 0.99\n")
    assert "  python -m shoal eval ./walk\n" in out
    result = json.loads(out.splitlines()[-1])
    name = Path(result["run"]).name
    stored = Path(result["run"], "config.toml").read_text()
    assert f'environment = "walk"\nfolder = "{here}/walk"\nversion = 1\n' in stored
    for words in (["./walk"], ["./walk", name], [name], [result["run"]], [result["checkpoint"]], []):
        code, out, err = run(capsys, "eval", *words, "--json")
        assert (code, err) == (0, ""), words
        assert json.loads(out.splitlines()[-1])["checkpoint"] == result["checkpoint"]
    code, out, err = run(
        capsys, "train", "./walk", *SMALL, "--init-from", name, "--steps", "20k", "--max-seconds", "0.01"
    )
    assert (code, err) == (0, "")
    for words in (["./walk", "--resume"], ["--resume"]):
        code, out, err = run(capsys, "train", *words, "--max-seconds", "0.01", "--json")
        assert (code, err) == (0, ""), words
        assert json.loads(out.splitlines()[-1])["run"] != result["run"]
    code, out, err = run(capsys, "bench", "sim", "./walk", "--seconds", "0.01", "--repeats", "1", "--results", "none")
    assert (code, err) == (0, "")
    assert json.loads(out.splitlines()[-1])["rows"][0]["env"] == "walk"
    code, out, err = run(capsys, "bench", "solve", "./walk", "--seeds", "0", "--set", "train.total_steps=1k")
    assert (code, err) == (0, "")
    assert json.loads(Path("benchmarks/results/solve-walk.jsonl").read_text())["env"] == "walk"


@pytest.mark.parametrize("where", ["", "--runs-dir elsewhere"])
def test_what_is_said_about_going_on_can_be_typed(where: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    walk(here)
    short = [*where.split(), "--steps", "20k", "--max-seconds", "0.01"]
    code, out, _ = run(capsys, "train", "./walk", *SMALL, *short)
    said = re.search(r"^  python -m shoal (train .*--resume .*)$", out, re.MULTILINE)
    assert (code, bool(said), "./walk" in said[1] if said else None) == (0, True, bool(where))
    assert said
    assert run(capsys, *said[1].split(), "--max-seconds", "0.01")[::2] == (0, "")


def test_a_resumed_run_ends_with_the_same_bits(here: Path) -> None:
    header = walk(here)
    env = registry.get("./walk")
    one = begin(here / "whole", "./walk").train().run
    path = stopped(here / "stopped", name="./walk")
    trainer = shoal.resume(path, runs_dir=here / "stopped", threads=1)
    assert trainer.notes == ()
    trainer.train()
    assert one
    assert read(path, env) == read(one, env)
    other = stopped(here / "stopped", name="./walk")
    change(header, ("reached ? 1.0f", "reached ? 1.5f"))
    notes = shoal.resume(other, runs_dir=here / "stopped").notes
    assert notes == ("the environment's code has changed: the run will not end as it would have without the stop",)


def test_python_takes_paths(here: Path) -> None:
    walk(here)
    result = begin(here / "runs", "./walk").train()
    assert result.run
    policies = [shoal.load(target) for target in ("./walk", result.run, result.run.name, result.checkpoint)]
    assert len({policy.tensors()["policy.encoder.weight"].tobytes() for policy in policies}) == 1
    vec = shoal.make_vec("./walk", num_envs=5, seed=2, length=4)
    policies[0].act(vec.observations)


def test_the_number_of_threads_changes_no_bit(here: Path) -> None:
    walk(here)
    runs = [begin(here / str(threads), "./walk", vec={"threads": threads}).train().run for threads in (1, 2)]
    first, second = (read(path, registry.get("./walk")) for path in runs if path)
    assert first == second


# ---------------------------------------------------------------------------------------------------- one name, two


def test_a_copy_and_the_built_in_one_are_not_confused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy("cartpole", here)
    run(capsys, "train", "./cartpole", *SMALL)
    assert "no run in runs: this is the agent that comes with shoal" in run(capsys, "eval", "cartpole")[1]
    run(capsys, "train", "cartpole", *SMALL)
    found = {}
    for name in ("./cartpole", "cartpole"):
        code, out, err = run(capsys, "eval", name, "--json")
        assert (code, err) == (0, "")
        found[name] = json.loads(out.splitlines()[-1])["checkpoint"]
    own, ours = found["./cartpole"], found["cartpole"]
    assert [store.Run(Path(path).parents[1]).folder for path in (own, ours)] == [f"{here}/cartpole", ""]
    assert checkpoint.load(Path(ours)).metadata["source"] == ""
    code, _, err = run(capsys, "eval", "cartpole", own)
    assert (code, err.startswith("shoal: the checkpoint is for a `cartpole` outside the package; got")) == (2, True)
    code, _, err = run(capsys, "eval", "cartpole", Path(own).parents[1].name)
    assert (code, "no such checkpoint or run" in err) == (2, True)
    settings = [config.load(name) for name in ("./cartpole", "cartpole")]
    assert len({each.settings_hash(1) for each in settings}) == 2


# ---------------------------------------------------------------------------------------------------- whose code


def test_a_file_or_a_foreign_run_never_chooses_what_is_compiled(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    walk(here)
    result = begin(here / "runs", "./walk").train()
    assert result.run
    assert result.checkpoint
    file = Path(shutil.copy(result.checkpoint, here / "got.safetensors"))
    foreign = Path(shutil.copytree(result.run, here / "downloads" / "walk" / result.run.name))
    folder._loaded.clear()

    def forbidden(*arguments: object) -> None:
        raise AssertionError(f"compiled: {arguments}")

    with monkeypatch.context() as patch:
        patch.setattr(folder.compile, "build", forbidden)
        for words, problem in (
            (["eval", str(file)], "the checkpoint is for `walk`, an environment outside the package: "),
            (["eval", str(foreign)], "the run is of an environment outside the package, and does not lie in runs: "),
            (["train", "--resume", str(foreign)], "the run is of an environment outside the package, and does not lie"),
        ):
            code, _, err = run(capsys, *words)
            assert (code, err.startswith(f"shoal: {problem}")) == (2, True), err
            assert "\nhint: name " in err
        with pytest.raises(CheckpointError, match="outside the package"):
            shoal.load(file)
        with pytest.raises(CheckpointError, match="outside the package"):
            shoal.resume(foreign)
    for words in (["eval", "./walk", str(file)], ["eval", "./walk", str(foreign)]):
        assert run(capsys, *words)[::2] == (0, "")
    assert shoal.load(file, env="./walk").spec.env.name == "walk"
    other = stopped(here / "elsewhere", name="./walk")
    assert run(capsys, "train", "./walk", "--resume", str(other))[::2] == (0, "")


def test_a_folder_that_is_gone_is_a_sentence_and_may_be_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = walk(here)
    path = stopped(here / "runs", name="./walk")
    (here / "moved").mkdir()
    header.parent.rename(here / "moved" / "walk")
    for words in (["eval", path.name], ["train", "--resume", path.name]):
        code, _, err = run(capsys, *words)
        assert code == 2
        gone = rf"shoal: the run's environment is gone: no folder {here}/walk: .*\nhint: if it was moved, name its new"
        assert re.match(gone, err), err
    for words in (["eval", "./moved/walk", path.name], ["train", "./moved/walk", "--resume", path.name]):
        assert run(capsys, *words)[::2] == (0, "")


def test_a_checkpoint_of_another_environment_is_refused(here: Path) -> None:
    walk(here)
    result = begin(here / "runs", "cartpole").train()
    assert result.checkpoint
    with pytest.raises(ShoalError, match="the checkpoint is for `cartpole`; got `walk`"):
        shoal.load(result.checkpoint, env="./walk")
    assert whole(here)["finished"] == "it was trained for all of its steps"
