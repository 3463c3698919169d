# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The examples run as they stand and do what they say, in 40 lines at most each, 60 with torch."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(folder: Path, name: str, *arguments: str) -> str:
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_train_then_act(tmp_path: Path) -> None:
    out = run(tmp_path, "train.py", "cartpole", "3e5")
    assert re.search(r"303,104 steps  return +[\d.]+  +[\d,]+ steps/s\nscore [\d.]+ ± [\d.]+ over 1000 lives", out)
    assert re.search(r"weights: runs/cartpole/.*\.safetensors\n$", out)
    found = re.search(r"^(\d+) episodes, score ([\d.]+) ± [\d.]+\n$", run(tmp_path, "act.py"))
    assert found
    assert int(found[1]) > 100
    assert float(found[2]) > 22.5  # random play: 22


def test_vec_random(tmp_path: Path) -> None:
    out = run(tmp_path, "vec_random.py")
    assert re.search(r"^\d+ games, random play scores 0\.\d+ ± 0\.0\d+ of the points$", out, re.MULTILINE)


def test_curriculum(tmp_path: Path) -> None:
    out = run(tmp_path, "curriculum.py").splitlines()
    forces = [float(line.split()[-5]) for line in out[:-1]]
    assert forces == sorted(forces, reverse=True)
    assert (len(forces), forces[0], forces[-1]) == (16, 9.0, 2.0)
    found = re.search(r"^score ([\d.]+) ± [\d.]+ over 1000 lives with 2.0 N$", out[-1])
    assert found
    assert float(found[1]) > 400


def test_tracking(tmp_path: Path) -> None:
    lines = run(tmp_path, "tracking.py").splitlines()
    assert lines[0] == "steps,episode/return,policy/entropy,eval/score"
    assert len(lines) == 23  # 20 points, the evaluation, an empty line of print
    assert float(lines[20].split(",")[1]) > 50
    assert float(lines[21].split(",")[3]) > 50


def test_examples_are_short() -> None:
    files = sorted(EXAMPLES.glob("*.py"))
    assert len(files) >= 6
    for file in files:
        limit = 60 if file.name.startswith("torch_") else 40
        assert len(file.read_text().splitlines()) <= limit, file


def test_torch_loop_learns(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    out = run(tmp_path, "torch_loop.py", "5e4")
    returns = [float(found) for found in re.findall(r"return +([\d.]+)", out)]
    assert returns[0] < 60
    assert max(returns[len(returns) // 2 :]) > 150


@pytest.mark.parametrize("name", ["torch_policy.py", "torch_loss.py"])
def test_torch_policies_train(tmp_path: Path, name: str) -> None:
    pytest.importorskip("torch")
    steps = ("cartpole", "3e4") if name == "torch_loss.py" else ("3e4",)
    assert re.search(r"^score [\d.]+ ± [\d.]+ over 1000 lives$", run(tmp_path, name, *steps), re.MULTILINE)


def sb3_return(folder: Path, *steps: str) -> float:
    pytest.importorskip("stable_baselines3")
    found = re.search(r"^[\d,]+ steps, return (\d+) ± \d+ of 500$", run(folder, "sb3_ppo.py", *steps), re.MULTILINE)
    assert found
    return float(found[1])


def test_stable_baselines_trains(tmp_path: Path) -> None:
    assert sb3_return(tmp_path, "1e3") > 8  # less than the shortest fall


@pytest.mark.slow
def test_stable_baselines_learns_cartpole(tmp_path: Path) -> None:
    assert sb3_return(tmp_path) > 475


@pytest.mark.slow
@pytest.mark.parametrize("name", ["torch_policy.py", "torch_loss.py"])
def test_torch_policies_learn(tmp_path: Path, name: str) -> None:
    pytest.importorskip("torch")
    found = re.search(r"^score ([\d.]+)", run(tmp_path, name), re.MULTILINE)
    assert found and float(found[1]) > 400
