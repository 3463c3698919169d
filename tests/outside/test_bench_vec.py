# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Measurements of vectors of Python environments: bounded in time, with no process left, and none lost to another."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from shoal import ConfigError, cli
from shoal.bench import vec, vec_peer

CARTPOLE = {"env": "gymnasium:CartPole-v1", "copies": 2, "block": 0, "spin": False, "seconds": 0.01, "repeats": 3}


SLEEPER = """
import multiprocessing, os, pathlib, time
import gymnasium

class Sleeper(gymnasium.Env):
    observation_space, action_space = gymnasium.spaces.Discrete(2), gymnasium.spaces.Discrete(2)
    def reset(self, **options):
        if multiprocessing.parent_process():
            (pathlib.Path(os.environ["SLEEPERS"]) / str(os.getpid())).touch()
            time.sleep(60.0)
        return 0, {}
    def step(self, action):
        return 0, 0.0, False, False, {}

gymnasium.register("Sleeper-v0", Sleeper)
"""


def runs(pid: int) -> bool:
    """Return whether a process runs; one that ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def running() -> list[str]:
    """Return the vectors under measurement that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"shoal.bench.vec_peer\0" in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("vector", [vec_peer.OURS, "gymnasium sync"])
def test_a_vector_is_measured_in_a_process_of_its_own(vector: str) -> None:
    rates = vec._rates(CARTPOLE | {"vector": vector}, 60.0)
    assert len(rates) == 3
    assert min(rates) > 100.0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_what_does_not_start_in_time_is_said_and_killed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["gymnasium:CartPole-v1", "--copies", "64", "--start", "0.001", "--results", str(tmp_path)]
    before = time.monotonic()
    assert cli.main(["bench", "vec", *arguments]) == 0
    assert time.monotonic() - before < 20.0
    out = capsys.readouterr().out
    assert out.count("did not start in 0.001 s") == 1 + len(vec_peer.PEERS)
    assert json.loads(out.splitlines()[-1])["rows"] == []
    assert not list(tmp_path.iterdir())
    assert not running()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_what_it_has_started_is_killed_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("SLEEPERS", str(tmp_path / "sleepers"))
    (tmp_path / "sleepers").mkdir()
    with pytest.raises(vec.UnmeasuredError, match="did not start in 4 s"):
        vec._rates(CARTPOLE | {"vector": "gymnasium async", "env": "gymnasium:sleeper:Sleeper-v0"}, 4.0)
    started = [int(path.name) for path in (tmp_path / "sleepers").iterdir()]
    if not started:
        pytest.skip("this machine was too busy to start a copy")
    deadline = time.monotonic() + 10.0
    while any(runs(pid) for pid in started) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(runs(pid) for pid in started)


def test_what_cannot_be_opened_says_why() -> None:
    task: dict[str, Any] = CARTPOLE | {"vector": "gymnasium sync", "env": "gymnasium:NoSuchThing-v0"}
    with pytest.raises(vec.UnmeasuredError, match=r"not measured: .*NoSuchThing"):
        vec._rates(task, 60.0)


def test_a_start_of_no_time_is_refused() -> None:
    with pytest.raises(ConfigError, match="--start 0: expected seconds above 0"):
        vec.run(["gymnasium:CartPole-v1"], ["--start", "0"])
