# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The one loop with which benchmarks measure: how many calls, which of them count, and in what order."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shoal.bench import envpool_peer, timing


class Machine:
    """Takes so many seconds for each time that something is done, and a start; notes what it was asked for."""

    def __init__(self, each: float, start: float = 0.0) -> None:
        self.each, self.start = each, start
        self.asked: list[int] = []

    def __call__(self, count: int) -> float:
        self.asked.append(count)
        return self.start + self.each * count


@pytest.mark.parametrize(
    ("machine", "asked", "count"),
    [
        (Machine(0.01), [2, 4, 8, 16, 32], 100),  # 32 are the first that take a quarter of a second
        (Machine(0.125), [2], 8),  # a quarter exactly is enough
        (Machine(0.4), [2], 2),  # nearer to a second than 3
        (Machine(10.0), [2], 1),  # at least once, however long it takes
        (Machine(0.01, start=0.2), [2, 4, 8], 29),  # whatever a start takes is part of it
    ],
)
def test_calls_are_doubled_to_a_quarter_and_then_fill_the_time(machine: Machine, asked: list[int], count: int) -> None:
    assert timing.enough(machine, 1.0) == count
    assert machine.asked == asked


def test_measurements_are_as_many_as_asked_for_and_equally_long() -> None:
    machine = Machine(0.01)
    assert timing.rates(machine, 1.0, 3) == pytest.approx([100.0] * 3)
    assert machine.asked == [2, 4, 8, 16, 32, 100, 100, 100]


def test_each_measurement_is_a_rate_of_its_own() -> None:
    seconds = iter([0.5, 1.0, 2.0, 4.0])  # the first finds the count, 2 in half a second
    assert timing.rates(lambda count: next(seconds), 1.0, 3) == [4.0, 2.0, 1.0]


def test_things_in_turns_are_measured_round_by_round() -> None:
    order: list[tuple[str, int]] = []

    def machine(name: str, each: float) -> timing.Timed:
        def timed(count: int) -> float:
            order.append((name, count))
            return each * count

        return timed

    rates = timing.in_turns({"quick": machine("quick", 0.125), "slow": machine("slow", 0.5)}, 1.0, 2)
    assert rates == {"quick": [8.0, 8.0], "slow": [2.0, 2.0]}
    assert order == [("quick", 2), ("slow", 2), *[("quick", 8), ("slow", 2)] * 2]


def test_a_clock_reads_before_and_after_all_the_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def take(seconds: float) -> None:
        now[0] += seconds

    assert timing.clock(lambda count: take(0.5 * count))(6) == 3.0
    assert timing.clock_calls(lambda: take(0.25))(6) == 1.5


# EnvPool of a few lines, beside which a Python that knows nothing of shoal finds the program.
ENVPOOL = """
__version__ = "7"

class Envs:
    def __init__(self, copies):
        self.copies = copies

    def reset(self):
        pass

    def step(self, actions):
        assert actions.shape == (self.copies,) and str(actions.dtype) == "int32"

    def close(self):
        pass

def make(task, *, env_type, num_envs, num_threads, seed):
    return Envs(num_envs)
"""


def test_the_envpool_program_runs_without_shoal(tmp_path: Path) -> None:
    (tmp_path / "envpool.py").write_text(ENVPOOL)
    program = str(Path(envpool_peer.__file__))
    code = (  # as isolated as `bench gymnasium` starts it, where `shoal` may not even be installed
        "import runpy, sys; "
        f"sys.modules['shoal'] = None; sys.path.insert(0, {str(tmp_path)!r}); sys.argv = ['peer', sys.argv[1]]; "
        f"runpy.run_path({program!r}, run_name='__main__')"
    )
    task = json.dumps({"copies": [1, 3], "seconds": 0.001, "repeats": 2})
    done = subprocess.run([sys.executable, "-I", "-c", code, task], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["version"] == "7" and set(found["rates"]) == {"1", "3"}
    for threads in found["rates"].values():
        assert "1" in threads and all(len(rates) == 2 and min(rates) > 0 for rates in threads.values())
