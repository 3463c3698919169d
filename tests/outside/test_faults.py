# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Python environments that fail: the episode is truncated, the run goes on, or ends with a sentence and a way back."""

from __future__ import annotations

import logging
import os
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest

import shoal
from shoal import EnvError, Workers

WALK = f"{Path(__file__).parent / 'worlds.py'}:make_walk"
WORDS = {
    "raise": "RuntimeError: the step fails",
    "raise in reset": "RuntimeError: the reset fails",
    "die": "its worker process was ended by SIGKILL",
    "hang": "no answer within 2 s",
    "nan": "the observation `place` has NaN or infinity",
    "reward": r"the reward is \[inf\]",
    "shape": "ValueError: could not broadcast",
}


@pytest.mark.parametrize("fault", WORDS)
def test_a_failure_is_named_and_truncates(fault: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    flag = tmp_path / "flag"
    workers = Workers(count=2, timeout=2.0 if fault == "hang" else 60.0)
    caplog.set_level(logging.WARNING, "shoal")
    cut_short = 0
    with shoal.make_vec(
        WALK, 4, seed=2, workers=workers, size=50, limit=10, fault=fault, flag=str(flag), at=3
    ) as vec:  # a walk cannot end before its limit
        assert vec.pool is not None
        for step in range(1, 31):
            before = vec.rows.copy()
            _, rewards, terminated, truncated = vec.step([1] * 4)
            assert np.isfinite(rewards).all()
            assert np.isfinite(vec.observations["place"]).all()
            assert not terminated.any()
            early = truncated & (step % 10 != 0) if not cut_short else np.zeros(4, bool)
            for row in np.flatnonzero(early):
                cut_short += 1
                assert (vec.final_row_bytes[row] == before[row]).all()  # the last observation that was sound
                assert vec.starts[row]
        faults = list(vec.pool.faults)
    assert len(faults) == 1
    assert flag.exists()
    assert "of `" in faults[0]
    assert re.search(WORDS[fault], faults[0])
    assert cut_short if fault != "raise in reset" else not cut_short
    assert "its episode was truncated and it was opened anew (9 more are survived)" in caplog.text


def test_past_the_budget_one_sentence_ends_it() -> None:
    with (
        shoal.make_vec(WALK, 4, workers=Workers(count=2, restarts=2), fault="always") as vec,
        pytest.raises(
            EnvError, match=r"environment \d of `.*make_walk`: RuntimeError: the step fails; 2 failures were"
        ),
    ):
        play(vec, 20)


def play(vec: shoal.Vec, steps: int) -> None:
    """Go right in every copy."""
    for _ in range(steps):
        vec.step([1] * vec.num_envs)


def test_an_environment_that_cannot_be_reset_ends_it() -> None:
    with pytest.raises(EnvError, match="failed again as soon as it was opened anew: RuntimeError: the reset fails"):
        shoal.make_vec(WALK, 4, workers=Workers(count=2), fault="reset always")


def test_a_killed_worker_is_replaced_and_the_bits_stay_those_of_its_episodes() -> None:
    with shoal.make_vec(WALK, 4, workers=Workers(count=2), size=50, limit=10) as vec:
        assert vec.pool is not None
        vec.step([1] * 4)
        os.kill(vec.pool._processes[1].pid, signal.SIGKILL)
        _, _, _, truncated = vec.step([1] * 4)
        assert truncated.tolist() == [False, False, True, True]  # those of the second worker
        assert "SIGKILL" in vec.pool.faults[0]
        _, _, _, truncated = vec.step([1] * 4)
        assert not truncated.any()


def settings(fault: str, flag: Path, **vec: object) -> dict[str, object]:
    """Return the settings of a small run on a walk."""
    return {
        "params": {"fault": fault, "flag": str(flag)},
        "vec": {"num_envs": 4, "workers": 2} | vec,
        "train": {"total_steps": 2048, "horizon": 32},
    }


@pytest.mark.parametrize(
    "fault", ["die", *(pytest.param(name, marks=pytest.mark.slow) for name in ("raise", "hang", "nan"))]
)
def test_training_survives_a_failure(fault: str, tmp_path: Path) -> None:
    trainer = shoal.Trainer(
        WALK, runs_dir=None, **settings(fault, tmp_path / "flag", timeout=2.0 if fault == "hang" else 60.0)
    )  # type: ignore[arg-type]
    result = trainer.train()
    assert trainer.vec.pool is not None
    assert len(trainer.vec.pool.faults) == 1
    assert result.steps == 2048
    assert result.evaluation is not None


def test_a_run_past_its_budget_can_be_resumed(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    trainer = shoal.Trainer(WALK, runs_dir=tmp_path, image_seconds=0, **settings("raise", flag, restarts=0))  # type: ignore[arg-type]
    seen: list[float] = []
    flag.write_text("not yet", encoding="utf-8")

    def callback(log: dict[str, float]) -> None:
        seen.append(log["steps"])
        if len(seen) == 4:
            flag.unlink()  # now an environment fails

    with pytest.raises(EnvError, match="the step fails") as raised:
        trainer.train(callback)
    assert trainer.run is not None
    assert f"train {WALK} --resume {trainer.run.path}`" in str(raised.value)
    resumed = shoal.resume(trainer.run.path, env=WALK, runs_dir=tmp_path)
    assert 4 * 128 <= resumed.steps < 2048
    assert resumed.train().steps == 2048


def test_a_stopped_run_goes_on_with_its_learner(tmp_path: Path) -> None:
    """The environments begin their episodes again; weights, statistics and counters are as they were."""

    def run(name: str) -> shoal.Trainer:
        path = tmp_path / name
        return shoal.Trainer(WALK, runs_dir=path, image_seconds=0, **settings("", path / "none"))  # type: ignore[arg-type]

    trainer = run("a")
    stopped = trainer.train(lambda log: log["steps"] >= 1024)
    assert stopped.steps == 1024
    assert trainer.run is not None
    weights = {name: array.copy() for name, array in trainer.policy.tensors().items()}
    resumed = shoal.resume(trainer.run.path, env=WALK, runs_dir=tmp_path / "a")
    assert resumed.steps == 1024
    for name, array in resumed.policy.tensors().items():
        assert (array == weights[name]).all(), name
    assert resumed.vec.starts.all()
    assert resumed.train().steps == 2048


def test_ctrl_c_ends_workers_and_keeps_the_state(tmp_path: Path) -> None:
    import threading

    trainer = shoal.Trainer(
        WALK,
        runs_dir=tmp_path,
        params={"limit": 50},
        vec={"num_envs": 4, "workers": 2},
        train={"total_steps": 10_000_000, "horizon": 64},
    )
    threading.Timer(1.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    result = trainer.train()
    assert result.interrupted
    assert time.monotonic() - began < 20
    assert result.steps > 0
    trainer.vec.close()
