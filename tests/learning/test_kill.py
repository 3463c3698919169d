# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Fifty kills at random moments: each run, resumed as often as it takes, ends with the bits of one left in peace."""

from __future__ import annotations

import math
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_runs import assert_equal, read

from shoal import native

pytestmark = pytest.mark.slow

KILLS = 50  # over all cases
ENVIRONMENTS = ("squared", "cartpole", "pong", "breakout")
RECURRENT = [core for core in native.CORES if core != "mlp"]
CASES = [(name, core) for core in RECURRENT for name in ENVIRONMENTS]
ITERATIONS = 30
SIZES = f"--vec.num-envs 256 --train.horizon 16 --policy.hidden 48 --steps {256 * 16 * ITERATIONS} --seed 11 --untuned"
SHOAL = [sys.executable, "-m", "shoal", "train"]
OFTEN = ["--image-seconds", "0"]  # an image after every iteration, so that many kills hit one being written
OVER = "can go on"  # what is said when the kill came after the last image, so that the run was finished after all


def finish(*arguments: str) -> float:
    """Run to the end; return the seconds it took."""
    began = time.perf_counter()
    done = subprocess.run([*SHOAL, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0 or OVER in done.stderr, done.stderr
    return time.perf_counter() - began


def kill_after(seconds: float, *arguments: str) -> bool:
    """Kill a child so long after its start; return False if it had finished by then."""
    child = subprocess.Popen([*SHOAL, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        _, problem = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return True
    assert child.returncode == 0 or OVER in problem, problem
    return False


def run_in(runs_dir: Path) -> Path | None:
    """Return the only run; None if there is none yet."""
    found = [path.parent for path in runs_dir.glob("*/*/config.toml")]
    assert len(found) < 2
    return found[0] if found else None


@pytest.mark.parametrize(("name", "core"), CASES)
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bits(name: str, core: str, tmp_path: Path) -> None:
    settings = [*SIZES.split(), "--policy.core", core, *OFTEN]
    took = finish(name, *settings, "--runs-dir", str(tmp_path / "whole"))
    whole = run_in(tmp_path / "whole")
    assert whole
    expected = read(whole)

    chance = random.Random(f"{name} {core}")
    wanted, kills, attempts = math.ceil(KILLS / len(CASES)), 0, 0
    while kills < wanted:
        attempts += 1
        runs_dir = tmp_path / str(attempts)  # a run that got to its end before it was killed often enough: another
        words = [name, *settings]
        going = True
        while going and kills < wanted:
            going = kill_after(chance.uniform(0.2, 0.8 * took), *words, "--threads", "2", "--runs-dir", str(runs_dir))
            kills += going
            words = ["--resume", *OFTEN] if run_in(runs_dir) else words
        if going:
            finish(*words, "--threads", "1", "--runs-dir", str(runs_dir))
        run = run_in(runs_dir)
        assert run
        assert_equal(read(run), expected)
