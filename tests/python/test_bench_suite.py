# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`bench suite`: rows that are there count, what is missing is run evenly, in several sittings; one table tells all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shoal import cli, config
from shoal.bench import solve


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool, int]]:
    """Replace training; return the list of what is run: environment, untuned, seed."""
    seen: list[tuple[str, bool, int]] = []

    def pretend(parsed: Any, name: str, seed: int) -> dict[str, Any]:
        untuned = parsed.options["untuned"]
        seen.append((name, untuned, seed))
        numbers = {"seconds": 1.0 + seed % 10, "steps": 1_000_000 * (1 + seed % 10), "score": 490.0, "perf": 0.97}
        return {"env": name, "seed": seed, "solved": not untuned, "sps": 1e6, "first_ratio_error": 0.0, **numbers}

    monkeypatch.setattr(solve, "solve_seed", pretend)
    return seen


def suite(capsys: pytest.CaptureFixture[str], folder: Path, line: str) -> tuple[list[str], dict[str, Any]]:
    assert cli.main(["bench", "suite", *line.split(), "--results", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    return lines, json.loads(lines[-1])


def test_the_suite_runs_what_is_missing_evenly_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], runs: list[tuple[str, bool, int]]
) -> None:
    _, found = suite(capsys, tmp_path, "cartpole pong --seconds 0 --seeds 2")
    assert (runs, found["missing"], found["suite"]) == ([], 8, [])
    assert not list(tmp_path.iterdir())  # nor are baselines measured
    _, found = suite(capsys, tmp_path, "cartpole pong --seeds 2")
    assert runs == [
        (name, untuned, first + number)
        for number in (0, 1)
        for name in ("cartpole", "pong")
        for untuned, first in ((False, 1000), (True, 0))
    ]
    assert found["missing"] == 0
    del runs[:]
    lines, found = suite(capsys, tmp_path, "cartpole pong --seeds 3 --only tuned")
    assert runs == [("cartpole", False, 1002), ("pong", False, 1002)]
    assert [row["kind"] for row in found["suite"]] == ["tuned", "tuned"]
    assert found["suite"][0]["seconds_median"] == 2.0
    assert any("tuned" in line and "3 of 3" in line and "2 (1 to 3)" in line for line in lines)


def test_rows_of_bench_solve_count_whatever_their_seed_and_others_do_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], runs: list[tuple[str, bool, int]]
) -> None:
    settings = config.load("cartpole")
    spec = settings.spec()
    mark = config.resolve(settings, spec).settings_hash(spec.version)
    row = {"env": "cartpole", "seed": 1777, "solved": True, "seconds": 0.5, "steps": 500_000, "score": 480.0}
    rows = [row | {"settings": mark}, row | {"settings": "another", "seed": 1778}]
    rows += [row | {"settings": mark, "seed": 1779, "error": "it fell over", "seconds": None, "solved": False}]
    (tmp_path / "solve-cartpole.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines, _ = suite(capsys, tmp_path, "cartpole --seeds 2 --only tuned")
    assert runs == [("cartpole", False, 1000)]
    assert any("2 of 2" in line and "0.75" in line for line in lines)


def test_the_table_has_baselines_which_are_measured_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], runs: list[tuple[str, bool, int]]
) -> None:
    lines, found = suite(capsys, tmp_path, f"cartpole recall forever --seeds 1 --markdown {tmp_path / 'table.md'}")
    assert ("recall", True, 0) in runs
    assert ("recall", False, 1000) not in runs  # it has no settings of its own: one line tells all
    assert not any(name == "forever" for name, *_ in runs)  # it has no goal
    cartpole = next(line for line in lines if line.startswith("| cartpole") and " untuned " in line)
    cells = [cell.strip() for cell in cartpole.strip("|").split("|")]
    assert cells[1:7] == ["score >= 475", "untuned", "0 of 1", "- (- to -)", "- (- to -)", "490"]
    assert float(cells[7]) < 30
    assert float(cells[8]) > 400
    assert found["baselines"]["cartpole"].keys() == {"random", "scripted"}
    assert (tmp_path / "table.md").read_text().splitlines() == [line for line in lines if line.startswith("|")]
    before = (tmp_path / "baselines.jsonl").read_text()
    suite(capsys, tmp_path, "cartpole recall forever --seeds 1")
    assert (tmp_path / "baselines.jsonl").read_text() == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("nosuch", "no environment is called `nosuch`"),
        ("--seeds 0", "out of range: --seeds 0; expected 1 to 100"),
        ("--only both", "--only both: expected tuned or untuned"),
        ("--seconds -1", "out of range: --seconds -1; expected at least 0"),
        ("--seconds 0 cartpole", "unexpected argument `cartpole`"),
        ("cartpole --seconds 0 --markdown /proc/none/table.md", "the table cannot be written"),
    ],
)
def test_the_suite_says_what_is_wrong(arguments: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "suite", *arguments.split(), "--results", "none"]) == 2
    assert sentence in capsys.readouterr().err
