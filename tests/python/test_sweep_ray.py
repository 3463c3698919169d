# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Sweeps on a Ray cluster of several nodes, all on this machine."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shoal import cli
from shoal.sweep.store import Sweep
from shoal.sweep.trial import Trial

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")

SMALL = "--untuned --vec.num-envs 16 --train.horizon 8 --policy.hidden 16 --metric score --search random"
RANGE = ("--sweep.train.gamma", "logit(0.9, 0.99)", "--only", "train.gamma")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Three nodes of one core each."""
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    for _ in range(2):
        found.add_node(num_cpus=1)
    ray.init(address=found.address, log_to_driver=False)
    yield found
    ray.shutdown()
    found.shutdown()


def sweep(folder: Path, steps: str, runs: int) -> int:
    line = f"sweep cartpole {SMALL} --steps {steps} --max-runs {runs} --confirm 2 --name s --plain --ray"
    return cli.main([*line.split(), *RANGE, "--runs-dir", str(folder)])


def trials(folder: Path) -> list[Trial]:
    with Sweep(folder / "s") as found:
        return found.trials()


@pytest.mark.slow
def test_a_sweep_runs_on_every_node(cluster: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep(tmp_path, "2000", 6) == 0
    assert "3 workers on 3 Ray nodes" in capsys.readouterr().out
    found = trials(tmp_path)
    assert [trial.status for trial in found] == ["done"] * 8
    assert [trial.purpose for trial in found] == ["search"] * 6 + ["confirm"] * 2
    assert all((tmp_path / "s" / f"{trial.number:04d}" / "result.json").is_file() for trial in found)


@pytest.mark.slow
def test_a_ray_worker_that_is_killed_costs_its_trial_a_second_run(
    cluster: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed: list[int] = []

    def kill() -> None:
        """Kill an actor while it trains."""
        while not killed:
            time.sleep(0.1)
            if not (tmp_path / "s" / "0001" / "metrics.jsonl").exists():
                continue
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    if path.read_bytes().startswith(b"ray::Host"):
                        os.kill(int(path.parent.name), signal.SIGKILL)
                        killed.append(int(path.parent.name))
                        break
                except OSError:
                    continue

    killer = threading.Thread(target=kill)
    killer.start()
    assert sweep(tmp_path, "300000", 4) == 0
    killer.join()
    found = trials(tmp_path)
    assert killed and "its Ray worker was lost" in capsys.readouterr().out
    assert [trial.status for trial in found] == ["done"] * 6
