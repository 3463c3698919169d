# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A whole short training has the same bits on any number of threads and every instruction set with FMA.

Weights, optimizer, memories, environments and metrics are compared, times and rates apart. The plain build of x86
rounds products before it adds them and has bits of its own, which its threads share.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import small_runs

import shoal
from shoal import native

THREADS = (1, 2, 3, 4)
WITH_FMA = ("avx512", "avx2")
ENVIRONMENTS = ("breakout", "cartpole", "continuous")
CASES = [f"{name}, {core}" for name in ENVIRONMENTS for core in native.CORES]


def train(case: str, threads: int) -> dict[str, str]:
    """Return a digest of every tensor of the image after six iterations, and of the metrics."""
    name, core = case.split(", ")
    logs: list[shoal.Log] = []
    trainer = shoal.Trainer(
        name,
        seed=7,
        runs_dir=None,
        vec={"num_envs": 211, "threads": threads, "max_steps": 40},  # three blocks, the last of another size
        policy={"core": core, "hidden": 24},
        train={"horizon": 16, "total_steps": 211 * 16 * 6, "minibatch": 211 * 4, "segment": 4, "shard": 64},
    )
    trainer.train(lambda log: logs.append(log))
    rows = [{key: log[key] for key in log if not key.startswith(small_runs.TIMES)} for log in logs]
    assert len(rows) == 6
    assert rows[-1]["updates"] > 0
    return small_runs.digests(trainer._image.tensors()) | {"metrics": json.dumps(rows)}


def train_all() -> dict[str, list[dict[str, str]]]:
    """Return the digests of every case, for each number of threads."""
    return {case: [train(case, threads) for threads in THREADS] for case in CASES}


@functools.cache
def trained_by(isa: str) -> Any:
    """Return case -> threads -> digests, from a process that uses this build."""
    code = (
        "import json, test_identity as t; print(json.dumps({c: [t.train(c, n) for n in t.THREADS] for c in t.CASES}))"
    )
    environment = os.environ | {"SHOAL_ISA": isa, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent)])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def builds() -> list[str]:
    """Return the builds that this machine runs, best first."""
    found = {path.stem.removeprefix("libshoal_") for path in native.library_folder().glob("libshoal_*.so")}
    best = native.library().best_isa().decode()
    return [isa for isa in native.ISAS[native.ISAS.index(best) :] if isa in found]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("isa", builds())
def test_training_has_the_same_bits_on_any_number_of_threads(isa: str, case: str) -> None:
    first, *others = trained_by(isa)[case]
    for other in others:
        assert other == first


@pytest.mark.parametrize("case", CASES)
@pytest.mark.skipif(len([isa for isa in builds() if isa in WITH_FMA]) < 2, reason="one instruction set with FMA")
def test_training_has_the_same_bits_on_every_instruction_set_with_fma(case: str) -> None:
    first, *others = (trained_by(isa)[case] for isa in builds() if isa in WITH_FMA)
    for other in others:
        assert other == first
