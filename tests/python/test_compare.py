# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Statistics over seeds against scipy and against what they must cover, and `shoal compare`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from made_runs import make

from shoal import cli, compare

scipy_stats = pytest.importorskip("scipy.stats")


def test_the_interquartile_mean_is_scipys_trimmed_mean() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 4, 5, 8, 11, 100):
        values = rng.normal(size=(3, n))
        assert np.allclose(compare.interquartile_mean(values), scipy_stats.trim_mean(values, 0.25, axis=-1))


def test_the_interval_is_scipys_percentile_bootstrap() -> None:
    values = np.random.default_rng(1).normal(size=40)
    ours = compare.estimate({"a": values})
    theirs = scipy_stats.bootstrap(
        (values,),
        lambda x, axis: scipy_stats.trim_mean(x, 0.25, axis=axis),
        n_resamples=10_000,
        method="percentile",
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert ours.low == pytest.approx(theirs.low, abs=0.02)
    assert ours.high == pytest.approx(theirs.high, abs=0.02)


def test_seeds_are_drawn_within_their_environment() -> None:
    scores = {"easy": np.full(10, 1.0), "hard": np.full(10, 0.0)}
    draws = compare.resampled(scores, draws=50)
    assert (draws.sum(axis=1) == 10).all()  # pooled draws would not keep ten of each
    assert compare.estimate(scores) == compare.Estimate(0.5, 0.5, 0.5)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    inside = 0
    for repeat in range(200):
        found = compare.estimate({"a": rng.normal(size=20)}, seed=repeat, draws=500)
        inside += found.low <= 0 <= found.high
    assert 170 <= inside <= 200


def test_differences() -> None:
    rng = np.random.default_rng(4)
    low, high = {"a": rng.normal(0, 1, 30)}, {"a": rng.normal(2, 1, 30)}
    found = compare.difference(high, low)
    assert 0 < found.low < found.value < found.high
    chance = compare.improvement(high, low)
    mann_whitney = scipy_stats.mannwhitneyu(high["a"], low["a"]).statistic / 900
    assert chance.value == pytest.approx(mann_whitney)
    assert chance.low <= chance.value <= chance.high
    assert compare.improvement(low, low).value == 0.5


def test_unsolved_seeds_count_as_infinite() -> None:
    solved, never = {"a": np.array([1.0, 2, 3, np.inf])}, {"a": np.full(4, np.inf)}
    assert compare.estimate(solved).value == 2.5
    assert compare.estimate(solved).high == np.inf
    assert compare.difference(never, never) == compare.Estimate(0, 0, 0)
    assert compare.difference(never, solved).value == np.inf


# ---------------------------------------------------------------------------------------------------- the command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in range(6):
        make(tmp_path, f"20260101-00000{seed}-a", seed=seed, perf=0.5 + seed / 100, steps=1000, solved=True)
        make(
            tmp_path,
            f"20260102-00000{seed}-b",
            seed=seed,
            perf=0.9 - seed / 100,
            steps=500,
            solved=seed < 3,
            gamma=0.9,
        )
    return tmp_path


def compared(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[str, dict[str, object]]:
    assert cli.main(["compare", *arguments, "--runs-dir", str(folder), "--json"]) == 0
    text = capsys.readouterr().out
    return text, json.loads(text.splitlines()[-1])


def test_two_groups(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, row = compared(capsys, folder, "train.gamma=0.99", "train.gamma=0.9")
    assert "train.gamma=0.9 is better" in text
    assert "  train.gamma: 0.99 | 0.9" in text
    (pair,) = row["pairs"]  # type: ignore[misc]
    assert pair["difference"]["value"] == pytest.approx(0.525 - 0.875)
    assert pair["higher"]["value"] == 0


def test_steps_to_solved(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, row = compared(capsys, folder, "train.gamma=0.99", "train.gamma=0.9", "--metric", "steps_to_solved")
    assert row["groups"]["train.gamma=0.99"]["value"] == 1000  # type: ignore[index]
    assert row["groups"]["train.gamma=0.9"]["value"] is None  # type: ignore[index]


def test_single_runs_and_few_seeds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, row = compared(capsys, folder, "20260101-000000-a,20260101-000001-a", "20260102-000000-b")
    assert "fewer than five seeds" in text
    assert row["groups"]["20260102-000000-b"]["value"] == 0.9  # type: ignore[index]


def test_a_metric_that_is_mistyped_gets_the_nearest_that_the_run_has(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for typed, hint in (
        ("pref", "did you mean `perf`"),
        ("steps_to_solve", "did you mean `steps_to_solved`"),
        ("zzz", "known: steps, perf, steps_to_solved, seconds_to_solved"),
    ):
        assert cli.main(["compare", "train.gamma=0.9", "--metric", typed, "--runs-dir", str(folder)]) == 2
        sentence, told = capsys.readouterr().err.splitlines()
        assert sentence == f"shoal: the run has no `{typed}`: 20260102-000000-b"
        assert told.startswith(f"hint: {hint}")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "which groups"),
        (("tag:none",), "no run in"),
        (("nonsense",), "no such run: nonsense"),
        (("train.gamma=0.9", "train.gamma=0.9"), "a group is named twice"),
        (("train.gamme=0.9",), "no run has a `train.gamme`"),
        (("train.gamma=0.9", "--metric", "eval.nothing"), "the run has no `eval.nothing`"),
    ],
)
def test_mistakes(folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str) -> None:
    assert cli.main(["compare", *arguments, "--runs-dir", str(folder)]) == 2
    assert capsys.readouterr().err.startswith(f"shoal: {sentence}")
