# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Benchmarks: rows are kept and not run again, unsolved counts as infinite, the settings reach the process."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from shoal import cli
from shoal.bench import solve as bench_solve
from shoal.errors import ConfigError

SMALL = "--set vec.num_envs=32 train.horizon=16 train.total_steps=2048"


def solve(capsys: pytest.CaptureFixture[str], folder: Path, line: str) -> tuple[str, dict[str, Any]]:
    capsys.readouterr()
    assert cli.main(["bench", "solve", "cartpole", "--results", str(folder), *line.split()]) == 0
    out = capsys.readouterr().out
    return out, json.loads(out.splitlines()[-1])


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "solve-cartpole.jsonl").read_text().splitlines()]


def test_a_seed_that_has_a_row_with_these_settings_is_not_run_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, summary = solve(capsys, tmp_path, f"--seeds 0-1 --untuned {SMALL}")
    assert (summary["seeds"], summary["solved"], summary["failures"]) == (2, 0, [0, 1])
    assert summary["seconds_median"] is None  # infinite: unsolved
    first = rows(tmp_path)
    assert [row["seed"] for row in first] == [0, 1]
    for row in first:
        assert {"commit", "machine", "date", "settings", "version", "steps", "first_ratio_error"} <= set(row)
        assert (row["steps"], row["untuned"], row["solved"]) == (2048, True, False)
        assert row["overrides"]["train"]["total_steps"] == 2048
        assert row["seconds"] > 0
    out, _ = solve(capsys, tmp_path, f"--seeds 0-2 --untuned {SMALL}")
    assert out.count("(kept)") == 2
    assert [row["seed"] for row in rows(tmp_path)] == [0, 1, 2]
    assert rows(tmp_path)[:2] == first
    out, _ = solve(capsys, tmp_path, f"--seeds 0 --untuned {SMALL} train.gamma=0.5")  # other settings
    assert "(kept)" not in out
    assert len({row["settings"] for row in rows(tmp_path)}) == 2
    out, _ = solve(capsys, tmp_path, f"--seeds 0 --again --untuned {SMALL}")
    assert "(kept)" not in out
    assert len(rows(tmp_path)) == 5


def test_a_seed_that_fails_is_a_row_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_solve.sys, "executable", "/bin/false")
    out, summary = solve(capsys, tmp_path, f"--seeds 3 {SMALL}")
    assert "failed: exit code 1" in out
    assert (summary["solved"], summary["failures"]) == (0, [3])
    assert rows(tmp_path)[0]["error"] == "exit code 1"


def test_unsolved_counts_as_infinite() -> None:
    def row(seed: int, seconds: float, solved: bool = True) -> dict[str, Any]:
        return {
            "seed": seed,
            "seconds": seconds,
            "steps": seconds * 10,
            "solved": solved,
            "first_ratio_error": seed / 10,
        }

    summary = bench_solve.summarise([row(0, 3.0), row(1, 1.0), row(2, 0.5, solved=False), row(3, 2.0)])
    assert (summary["seconds_median"], summary["seconds_p10"], summary["seconds_p90"]) == (2.5, 1.0, math.inf)
    assert (summary["steps_median"], summary["solved"], summary["failures"]) == (25.0, 3, [2])
    assert summary["first_ratio_error"] == 0.3
    half = bench_solve.summarise([row(0, 3.0), row(1, 1.0, solved=False)])
    assert half["seconds_median"] == math.inf
    ten = bench_solve.summarise([row(seed, float(seed)) for seed in range(10)])
    assert (ten["seconds_p10"], ten["seconds_median"], ten["seconds_p90"]) == (0.0, 4.5, 8.0)


def test_seeds_are_ranges_and_lists() -> None:
    assert bench_solve.parse_seeds("0-3,7,1000-1001") == [0, 1, 2, 3, 7, 1000, 1001]
    for bad in ("", "a", "3-1", "1-", "-1"):
        with pytest.raises(ConfigError, match="no seeds"):
            bench_solve.parse_seeds(bad)
