# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""docs/guides/bring-your-environment.md does what it says: its code is run, its commands succeed."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import shoal
from shoal.outside import known

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "bring-your-environment.md"
TEXT = GUIDE.read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = "".join(re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)).splitlines()


@pytest.fixture(autouse=True)
def _beside_the_corridor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(shoal.__file__).parents[1]))
    (tmp_path / "corridor.py").write_text(PYTHON[0], encoding="utf-8")


def test_its_program_runs() -> None:
    (program,) = PYTHON[1:]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['light', 'place'] (4, 1)\n"


def test_its_corridor_is_one_that_can_be_left() -> None:
    vec = shoal.make_vec("corridor.py:Corridor", num_envs=8, seed=1, length=3)
    light = vec.observations["light"].copy()
    assert {0, 1} == set(light.ravel().tolist())
    for step in range(3):
        rewards = vec.step(np.where(light == 1, 2, 0).astype(np.int32))[1]
        assert np.allclose(rewards, 1.0 if step == 2 else -0.01)
    vec.close()


@pytest.mark.slow
def test_its_commands_train_an_agent_that_leaves_at_the_right_end() -> None:
    assert [command.split()[1] for command in COMMANDS] == ["train", "eval"]
    for command in COMMANDS:
        program, *words = shlex.split(command)
        assert program == "shoal"
        done = subprocess.run([sys.executable, "-m", "shoal", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    perf, score = re.findall(r"^sampled +([\d.]+) ± \S+ +(-?[\d.]+)", done.stdout, re.MULTILINE)[0]
    assert float(perf) > 0.85 and float(score) > 0.8, done.stdout


def test_its_table_names_settings_that_are_there() -> None:
    references = re.findall(r"^\| `((?:gymnasium|pettingzoo):\S+)`", TEXT, re.MULTILINE)
    assert len(references) == 8
    for reference in references:
        assert known.settings_file(reference) is not None, reference
