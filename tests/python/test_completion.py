# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What Tab offers: commands, environments, runs, flags, their values; and the script that asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shoal import cli, completion, flags, registry
from shoal.bench import vec
from shoal.settings import SECTIONS, names_of


def offered(*words: str, program: str = "shoal") -> list[str]:
    return completion.candidates(words[:-1], program, words[-1])


@pytest.fixture(autouse=True)
def _somewhere_with_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("cartpole/20260101-000000-calm-pike", "cartpole/20260102-000000-deep-eel", "pong/20260103-000000-a-b"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "config.toml").write_text("")


def test_commands_are_offered_first() -> None:
    assert offered("") == sorted(cli.commands())
    assert offered("tr") == ["train"]
    assert {"test", "lint", "train"} <= set(offered("", program="./run"))
    assert offered("x", "") == []


def test_environments_follow_a_command_that_takes_one() -> None:
    several = (["bench", "sim"], ["bench", "draw"], ["bench", "suite"])
    for command in (["train"], ["profile"], ["bench", "solve"], ["bench", "train"], *several):
        assert offered(*command, "") == registry.names()
    for command in several:
        assert offered(*command, "pong", "b") == ["breakout"]
    assert offered("train", "cartp") == ["cartpole"]
    assert offered("bench", "vec", "") == list(vec.ENVIRONMENTS)  # it refuses what is in C
    assert offered("bench", "vec", vec.ENVIRONMENTS[0], vec.ENVIRONMENTS[1][:-1]) == [vec.ENVIRONMENTS[1]]
    assert "breakout" not in offered("train", "pong", "b")
    assert offered("bench", "") == list(cli.BENCHMARKS)
    assert offered("completion", "") == ["bash", "zsh", "fish"]


def test_every_flag_and_setting_is_offered_once() -> None:
    found = offered("train", "breakout", "--")
    for section, fields in SECTIONS.items():
        assert {f"--{section}.{key.replace('_', '-')}" for key in names_of(fields)} <= set(found)
    assert {f"--env.{param.name.replace('_', '-')}" for param in registry.get("breakout").params} <= set(found)
    assert {f"--{option.name}" for option in flags.TRAIN} <= set(found)
    assert len(found) == len(set(found))
    assert "--json" not in offered("train", "breakout", "--json", "--")
    assert not any(flag.startswith("--train.") for flag in offered("train", "--"))  # of which environment?


@pytest.mark.parametrize(
    ("command", "some"),
    [
        (["eval"], {"--seed", "--level", "--json"}),
        (["play", "pong"], {"--speed", "--env.paddle-height"}),
        (["list"], {"--json"}),
        (["doctor"], {"--runs-dir", "--json"}),
        (["profile", "pong"], {"--seconds", "--policy.core"}),
        (["bench", "sim"], {"--copies", "--orders"}),
        (["bench", "kernels"], {"--rows", "--env"}),
        (["bench", "gymnasium"], {"--copies", "--envpool"}),
        (["bench", "solve", "pong"], {"--seeds", "--untuned"}),
        (["completion"], {"--help"}),
    ],
)
def test_each_command_is_asked_for_its_own_flags(
    command: list[str], some: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert some <= set(offered(*command, "--"))
    assert capsys.readouterr().out == ""
    assert flags.show_help is flags._help  # put back


def test_values_of_a_flag_are_offered() -> None:
    assert offered("train", "cartpole", "--policy.core", "") == ["mlp", "mingru", "lstm", "gru"]
    assert offered("train", "cartpole", "--policy.core", "m") == ["mlp", "mingru"]
    assert offered("train", "cartpole", "--vec.stagger", "") == ["true", "false"]
    assert offered("train", "cartpole", "--preset", "") == ["few-samples"]
    assert offered("train", "cartpole", "--env.integrator", "") == list(
        next(param.choices for param in registry.get("cartpole").params if param.name == "integrator")
    )
    assert offered("train", "cartpole", "--config", "") == []  # the shell completes files
    assert offered("train", "cartpole", "--steps", "") == []
    assert "--json" in offered("train", "cartpole", "--until-solved", "--")


def test_runs_are_offered_the_newest_first() -> None:
    assert offered("eval", "cartpole", "") == ["20260102-000000-deep-eel", "20260101-000000-calm-pike"]
    assert "20260103-000000-a-b" in offered("eval", "")
    assert offered("train", "cartpole", "--resume", "20260101") == ["20260101-000000-calm-pike"]
    assert len(offered("train", "cartpole", "--init-from", "")) == 2
    assert offered("train", "cartpole", "--runs-dir", "nowhere", "--resume", "") == []


def test_a_match_is_between_environments_runs_and_fixed_players() -> None:
    found = offered("match", "")
    assert {*registry.names(), "random", "scripted", "20260103-000000-a-b"} <= set(found)
    assert offered("match", "pong", "2026") == ["20260103-000000-a-b"]
    assert offered("match", "pong", "20260103-000000-a-b", "scr") == ["scripted"]


def test_a_report_is_of_a_sweep_or_of_runs(tmp_path: Path) -> None:
    for age, name in enumerate(("sweep-pong-1", "sweep-pong-2")):
        (tmp_path / "runs" / name).mkdir()
        file = tmp_path / "runs" / name / "sweep.toml"
        file.write_text("")
        os.utime(file, (age, age))
    found = offered("report", "")
    assert found[:2] == ["sweep-pong-2", "sweep-pong-1"] and "20260103-000000-a-b" in found[2:]
    assert "sweep-pong-1" not in offered("report", "20260103-000000-a-b", "")  # a sweep is reported alone
    assert not {"sweep-pong-1"} & set(offered("compare", ""))


@pytest.mark.parametrize(
    "words", [[], ["shoal"], ["shoal", "x", "train"], ["shoal", "7", "train"], ["shoal", "-3", "a"]]
)
def test_nonsense_offers_nothing_and_fails_at_nothing(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["_complete", *words]) == 0
    assert capsys.readouterr().err == ""


def test_bash_completes_with_the_script(tmp_path: Path) -> None:
    program = tmp_path / "shoal"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m shoal "$@"\n')
    program.chmod(0o755)
    script = """
PATH="$PWD:$PATH"; eval "$(shoal completion bash)"
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _shoal; echo "${COMPREPLY[@]}"; }
try shoal tra
try shoal train cartpole --policy.core ''
try shoal eval cartpole 20260102
complete -p shoal
"""
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[:3] == ["train", "mlp mingru lstm gru", "20260102-000000-deep-eel"]
    assert done.stdout.splitlines()[3] == "complete -o default -F _shoal shoal"
    assert done.stderr == ""


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_each_shell_has_a_script_that_asks_us(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", shell]) == 0
    assert " _complete " in capsys.readouterr().out


def test_a_common_completion_imports_nothing_heavy() -> None:
    code = "import sys; from shoal import completion; completion.run(['shoal', '2', 'train', 'pong', '--']); "
    code += "print(sorted({'numpy', 'torch', 'tyro'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
