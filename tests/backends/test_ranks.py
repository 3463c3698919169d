# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Two ranks learn what one process learns with the environments of both: gradients, statistics, logs, weights."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

RANK = Path(__file__).parent / "train_rank.py"


def run(ranks: int, *command: str, cwd: Path) -> list[subprocess.CompletedProcess[str]]:
    """Run a command once for each rank, as torchrun does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    shared |= {"WORLD_SIZE": str(ranks), "LOCAL_WORLD_SIZE": str(ranks)}
    children = [
        subprocess.Popen(
            command,
            env=shared | {"RANK": str(rank)},
            cwd=cwd,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for rank in range(ranks)
    ]
    done = []
    for child in children:
        out, err = child.communicate(timeout=120)
        done.append(subprocess.CompletedProcess(command, child.returncode, out, err))
    return done


@pytest.mark.slow
@pytest.mark.parametrize(("env", "core"), [("breakout", "mingru"), ("mixed", "lstm")])
def test_two_ranks_learn_as_one_process(tmp_path: Path, env: str, core: str) -> None:
    found = {}
    for ranks in (1, 2):
        for done in run(ranks, sys.executable, str(RANK), env, core, f"{ranks}.npz", cwd=tmp_path):
            assert done.returncode == 0, done.stderr
        found[ranks] = np.load(tmp_path / f"{ranks}.npz")
    assert set(found[1]) == set(found[2])
    for name in found[1]:
        one, two = found[1][name], found[2][name]
        np.testing.assert_allclose(two, one, rtol=1e-8, atol=1e-10 * np.abs(one).max(initial=0.0), err_msg=name)
    assert np.abs(found[1]["gradient2"]).max() > 1e-5


@pytest.mark.slow
def test_ranks_train_one_run(tmp_path: Path) -> None:
    flags = ["--backend", "torch", "--steps", "40k", "--json", "--device", "cpu"]
    leader, other = run(2, sys.executable, "-m", "shoal", "train", "cartpole", *flags, cwd=tmp_path)
    assert (leader.returncode, other.returncode) == (0, 0), leader.stderr + other.stderr
    assert other.stdout == ""
    result = json.loads(leader.stdout.splitlines()[-1])
    assert result["steps"] == 40960
    assert len(list((tmp_path / "runs" / "cartpole").iterdir())) == 1
    refused = run(2, sys.executable, "-m", "shoal", "train", "--resume", result["run"], cwd=tmp_path)
    assert refused[0].returncode == 2
    refused = run(2, sys.executable, "-m", "shoal", "train", "cartpole", cwd=tmp_path)
    assert "2 ranks were started" in refused[0].stderr
    odd = run(2, sys.executable, "-m", "shoal", "train", "cartpole", *flags, "--vec.num-envs", "33", cwd=tmp_path)
    assert "vec.num_envs=33 cannot be divided among 2 ranks" in odd[0].stderr
