# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The index of runs, and `shoal runs`: what it finds, keeps up with, survives, and refuses."""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import small_runs
from made_runs import make

import shoal
from shoal import cli, index, journal, store


def rows(folder: Path, text: str = "", **how: Any) -> list[dict[str, Any]]:
    with index.Index(folder) as found:
        found.refresh()
        return found.select(index.parse(text), **how)


def names(folder: Path, text: str = "", **how: Any) -> list[str]:
    return [row["name"] for row in rows(folder, text, **how)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make(tmp_path, "20260101-000000-a", seed=1, perf=0.5, score=10.0, steps=1000, solved=False)
    make(tmp_path, "20260102-000000-b", seed=2, perf=0.9, score=7.0, steps=900, solved=True, gamma=0.9)
    make(tmp_path, "20260103-000000-c", env="pong", seed=3)
    return tmp_path


def test_a_run_tells_who_trained_it_and_how_it_ended(tmp_path: Path) -> None:
    run = store.Run(small_runs.stopped(tmp_path, iterations=2))
    (row,) = rows(tmp_path)
    assert row["status"] == "finished"
    assert row["steps"] == 2 * small_runs.ROWS * small_runs.HORIZON
    assert row["seed"] == 5
    assert row["train.horizon"] == small_runs.HORIZON
    assert row["eval.perf"] == row["perf"]
    shoal.resume(run.path).train()
    trained = journal.read(run.about)["trained"]
    assert len(trained) == 2
    assert all(entry["commit"] and entry["command"] and entry["machine"] for entry in trained)
    assert rows(tmp_path)[0]["steps"] == small_runs.STEPS


def test_a_run_that_is_trained_is_running(tmp_path: Path) -> None:
    seen = []
    trainer = small_runs.begin(tmp_path)

    def look(log: shoal.Log) -> None:
        seen.extend((row["status"], row["steps"]) for row in rows(tmp_path))

    trainer.train(look)
    assert seen[0] == ("running", small_runs.ROWS * small_runs.HORIZON)
    assert seen[-1] == ("running", small_runs.STEPS)
    assert rows(tmp_path)[0]["status"] == "finished"


def test_a_failure_is_recorded_with_its_sentence(tmp_path: Path) -> None:
    trainer = small_runs.begin(tmp_path)

    def fail(log: shoal.Log) -> None:
        raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError):
        trainer.train(fail)
    (row,) = rows(tmp_path)
    assert (row["status"], row["error"]) == ("failed", "RuntimeError: out of luck")


def test_a_killed_run_shows_its_last_metrics(folder: Path) -> None:
    (row,) = rows(folder, "env=pong")
    assert (row["status"], row["steps"], row["perf"]) == ("stopped", 700, 0.25)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "abc"),
        ("perf>=0.5", "ab"),
        ("perf>0.5", "b"),
        ("perf!=0.5", "bc"),
        ("perf<0.3", "c"),
        ("env=pong", "c"),
        ("env!=pong seed<2", "a"),
        ("train.gamma=0.9", "b"),
        ("train.gamma>0.9 solved=false", "a"),
        ("solved=true", "b"),
        ("train.schedule~osi", "abc"),
        ("train.schedule=cosine train.optimizer=adamw", ""),
        ("name~0102", "b"),
        ("tag=good", ""),
        ("tag!=good", "abc"),
    ],
)
def test_filters(folder: Path, text: str, expected: str) -> None:
    assert sorted(name[-1] for name in names(folder, text)) == list(expected)


def test_sorting_puts_what_has_no_value_last(folder: Path) -> None:
    assert [name[-1] for name in names(folder, sort="score")] == ["b", "a", "c"]
    assert [name[-1] for name in names(folder, sort="-score")] == ["a", "b", "c"]
    assert [name[-1] for name in names(folder, sort="train.gamma", limit=1)] == ["b"]


def test_the_index_follows_the_folders(folder: Path) -> None:
    with index.Index(folder) as found:
        assert found.refresh() == 3
        assert found.refresh() == 0
        make(folder, "20260104-000000-d", perf=1.0)
        (folder / "pong/20260103-000000-c/metrics.jsonl").write_text('{"steps": 800}\n{"steps": 9')
        assert found.refresh() == 2
        assert {row["name"][-1]: row["steps"] for row in found.select()} == {"a": 1000, "b": 900, "c": 800, "d": None}
        store.find_run(folder, "20260104-000000-d").path.rename(folder / "elsewhere")
        assert found.refresh() == 0
        assert found.count() == 3


def test_a_broken_index_is_built_again(folder: Path) -> None:
    assert len(rows(folder)) == 3
    (folder / index.NAME).write_bytes(b"no database" * 1000)
    assert len(rows(folder)) == 3
    with sqlite3.connect(folder / index.NAME) as database:
        database.execute("PRAGMA user_version = 99")
    assert len(rows(folder)) == 3


def test_an_index_that_cannot_be_written_stays_in_memory(folder: Path) -> None:
    (folder / index.NAME).mkdir()
    assert len(rows(folder)) == 3


def test_odd_folders_do_not_harm(folder: Path) -> None:
    (folder / "stray").write_text("")
    (folder / "cartpole/empty").mkdir()
    broken = make(folder, "20260105-000000-e")
    (broken / "config.toml").write_text("environment = ")
    (broken / "result.json").write_text("[1]")
    (broken / "about.json").write_text('{"trained": [3]}')
    (broken / "metrics.jsonl").unlink()
    (row,) = rows(folder, "name~-e")
    assert (row["env"], row["steps"], row["seed"]) == ("cartpole", None, None)


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    for number in range(60):
        make(tmp_path, f"20260101-000000-{number:03d}", perf=number / 60)
    code = (
        "import sys; from pathlib import Path; from shoal import index\n"
        "for _ in range(20):\n"
        "    with index.Index(Path(sys.argv[1])) as found: found.rebuild(); found.select()\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    assert [process.communicate()[1] for process in started] == [b""] * 3
    assert len(rows(tmp_path)) == 60
    assert (tmp_path / index.NAME).is_file()


# ---------------------------------------------------------------------------------------------------- the command


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["runs", *arguments]) == 0
    return capsys.readouterr().out


def test_the_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--runs-dir", str(folder))
    text = shown(capsys, "cartpole", *where, "--sort", "-perf", "--columns", "name,train.gamma,solved")
    assert [line.split() for line in text.splitlines()[:3]] == [
        ["name", "train.gamma", "solved"],
        ["20260102-000000-b", "0.9", "yes"],
        ["20260101-000000-a", "0.99", "no"],
    ]
    found = json.loads(shown(capsys, *where, "--json", "--limit", "1").splitlines()[-1])
    assert found["total"] == 3
    assert len(found["runs"]) == 1
    assert "no runs in" in shown(capsys, "--runs-dir", str(folder / "none"))
    assert "perf       0.9" in shown(capsys, "show", "20260102-000000-b", *where)


def test_a_word_that_is_no_verb_and_no_environment_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--runs-dir", str(folder))
    for typed, hint in (("shwo", "did you mean `show`"), ("tunin", "did you mean `tuning`"), ("zzz", "the verbs are ")):
        make(folder, f"0001-{typed}", env="tuning")  # an environment of the user's own
        assert cli.main(["runs", typed, *where]) == 2
        assert f"shoal: `{typed}` is no verb, and no environment" in (err := capsys.readouterr().err)
        assert f"hint: {hint}" in err
    assert "3 of 6 runs" in shown(capsys, "tuning", *where)
    assert "0 of 6 runs" in shown(capsys, "maze", *where)  # which ships, but has no run here


def test_tags(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--runs-dir", str(folder))
    assert shown(capsys, "tag", "20260101-000000-a", "+good", "+old", *where).strip().endswith("good old")
    assert [name[-1] for name in names(folder, "tag=good")] == ["a"]
    shown(capsys, "tag", "20260101-000000-a", "-good", *where)
    assert names(folder, "tag=good") == []
    assert [name[-1] for name in names(folder, "tag!=old")] == ["c", "b"]


def test_deleting(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--runs-dir", str(folder))
    assert cli.main(["runs", "delete", "20260101-000000-a", *where]) == 2
    assert "--yes" in capsys.readouterr().err
    shown(capsys, "delete", "20260101-000000-a", "--yes", *where)
    assert [name[-1] for name in names(folder)] == ["c", "b"]
    run = store.Run(folder / "cartpole/20260102-000000-b")
    with run.lock():
        assert cli.main(["runs", "delete", run.name, "--yes", *where]) == 2
    assert run.config.is_file()


@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl"])
def test_exporting(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    shown(capsys, "export", str(path), "--filter", "perf>0", "--sort", "seed", "--runs-dir", str(folder))
    text = path.read_text()
    if suffix == ".csv":
        found: list[dict[str, Any]] = list(csv.DictReader(text.splitlines()))
    else:
        found = json.loads(text) if suffix == ".json" else [json.loads(line) for line in text.splitlines()]
    assert [row["name"][-1] for row in found] == ["a", "b", "c"]
    assert [float(row["train.gamma"]) for row in found] == [0.99, 0.9, 0.99]


def test_trials_of_sweeps_are_left_out_unless_they_are_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(folder, "0001", env="tuning", perf=0.7)
    (folder / "tuning" / store.SWEEP).write_text("")
    assert len(names(folder)) == 3
    assert names(folder, "sweep=tuning") == ["0001"]
    assert "0 of 3 runs" in shown(capsys, "tuning", "--runs-dir", str(folder))  # known, though all are trials
    assert cli.main(["runs", "--sweep", "tuning", "--runs-dir", str(folder)]) == 0
    assert "1 of 1 runs" in capsys.readouterr().out
    assert cli.main(["runs", "--runs-dir", str(folder)]) == 0
    assert "3 of 3 runs" in capsys.readouterr().out
