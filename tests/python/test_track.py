# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Whatever a tracker does, the run goes on, ends with the same bits, and says in a line what became of the tracker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import own_trackers
import pytest
import small_runs

import shoal
from shoal import cli, config, journal, registry, store, users_code
from shoal.errors import ConfigError
from shoal.settings import TrackConfig
from shoal.track import check, tracking

OWN = Path(own_trackers.__file__)


def begin(runs_dir: Path, name: str, told: list[str], **track: Any) -> shoal.Trainer:
    trainer = small_runs.begin(runs_dir, track={"to": f"{OWN}:{name}", **track})
    trainer.tell = told.append
    return trainer


def tracked(tmp_path: Path, name: str, **track: Any) -> tuple[shoal.Result, list[dict[str, Any]], list[str]]:
    """Return the result of a small run, the calls that its tracker noted, and what the user was told."""
    told: list[str] = []
    result = begin(tmp_path, name, told, **track).train()
    assert result.run
    assert result.steps == small_runs.STEPS
    assert journal.read(store.Run(result.run).result)["status"] == "finished"
    return result, calls_of(result.run), told


def calls_of(run: Path) -> list[dict[str, Any]]:
    path = run / own_trackers.NAME
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def is_running(pid: int) -> bool:
    """A process that has ended but that nobody has asked for its exit code does not run."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(true: Callable[[], object], seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


# ------------------------------------------------------------------------------------------------- what is passed on


def test_a_tracker_hears_what_the_run_writes_and_the_bits_are_the_same(tmp_path: Path) -> None:
    result, calls, told = tracked(tmp_path / "tracked", "Notes", tags="a, b", checkpoints=True)
    assert result.run
    small_runs.assert_equal(small_runs.read(result.run), small_runs.whole(tmp_path))
    assert not told
    start, *_, finish = calls
    assert (start["call"], finish["call"], finish["status"]) == ("start", "finish", "finished")
    about = start["run"]
    assert (about["path"], about["id"], about["steps"]) == (str(result.run), "", 0)
    assert (about["project"], about["name"], about["tags"]) == ("shoal", result.run.name, ["a", "b"])
    assert about["group"] == f"cartpole-{result.settings}"
    assert start["config"]["train"]["horizon"] == small_runs.HORIZON
    assert start["config"]["seed"] == 5
    assert start["nice"] >= 15

    rows = [json.loads(line) for line in store.Run(result.run).metrics.read_text().splitlines()]
    logs = [call for call in calls if call["call"] == "log"]
    assert [log["step"] for log in logs] == [row["steps"] for row in rows] + [result.steps]
    for log, row in zip(logs, rows, strict=False):
        assert log["metrics"] == {key: value for key, value in row.items() if key != "steps" and value is not None}
    assert result.evaluation
    assert logs[-1]["metrics"]["eval/perf"] == result.evaluation.stats.mean("perf")
    assert logs[-1]["metrics"]["eval/solved"] == 0.0
    sent = [call["path"] for call in calls if call["call"] == "checkpoint"]
    assert set(sent) == {str(path) for path in store.Run(result.run).weights()}


def test_many_updates_are_sent_as_one_row_of_means(tmp_path: Path) -> None:
    result, calls, _ = tracked(tmp_path, "Notes", points=2)
    assert result.run
    rows = [json.loads(line) for line in store.Run(result.run).metrics.read_text().splitlines()]
    logs = [call for call in calls if call["call"] == "log"]
    assert [log["step"] for log in logs[:-1]] == [rows[3]["steps"], rows[6]["steps"]]  # 672 and 1344 or soon after
    for log, group in zip(logs, (rows[:4], rows[4:]), strict=False):
        found, lives = log["metrics"], [row["episode/count"] for row in group]
        assert found["episode/count"] == sum(lives)
        assert found["updates"] == group[-1]["updates"]
        assert found["loss/value"] == pytest.approx(sum(row["loss/value"] for row in group) / len(group))
        returns = sum(row["episode/return"] * count for row, count in zip(group, lives, strict=True) if count)
        assert found["episode/return"] == pytest.approx(returns / sum(lives))


def test_what_is_not_finite_is_left_out(tmp_path: Path) -> None:
    trainer = begin(tmp_path, "Notes", [])
    assert trainer.run
    with tracking.Tracking(trainer.run, trainer.config, 1, 0, pytest.fail) as followed:
        followed.log({"steps": 9e9, "episode/count": 0.0, "a": float("nan"), "b": float("inf"), "c": 2.0})
    assert calls_of(trainer.run.path)[1]["metrics"] == {"episode/count": 0.0, "c": 2.0}


def test_recordings_and_weights_are_sent_only_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shoal import live

    monkeypatch.setattr(live, "SECONDS", 0.1)
    for asked in (False, True):
        told: list[str] = []
        trainer = begin(tmp_path / str(asked), "Notes", told, videos=asked, checkpoints=asked)
        watched = live.Watched(trainer, "", small_runs.STEPS // 2)
        with watched:
            run = trainer.train(watched.with_(lambda _: None)).run
        assert run
        calls = calls_of(run)
        recordings = [str(path) for path in sorted((run / live.FOLDER).iterdir())]
        assert len(recordings) == 2
        assert [call["path"] for call in calls if call["call"] == "video"] == (recordings if asked else [])
        assert any(call["call"] == "checkpoint" for call in calls) == asked


def test_a_tracker_may_implement_nothing(tmp_path: Path) -> None:
    assert tracked(tmp_path, "Plain")[2] == []


def test_the_tracker_of_the_guide_works(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "tracking.md").read_text()
    (tmp_path / "mine.py").write_text(guide.partition("```python\n")[2].partition("```")[0])
    told: list[str] = []
    trainer = small_runs.begin(tmp_path / "runs", track=f"{tmp_path / 'mine.py'}:Print")
    trainer.tell = told.append
    run = trainer.train().run
    assert run
    assert not told
    assert len((run / "log.txt").read_text().splitlines()) == small_runs.ITERATIONS + 1


def test_a_run_that_goes_on_is_the_same_to_its_tracker(tmp_path: Path) -> None:
    run = small_runs.stopped(tmp_path, track={"to": f"{OWN}:Notes"})
    assert calls_of(run)[-1]["status"] == "finished"  # a callback ended it
    steps = calls_of(run)[-2]["step"]
    shoal.resume(run, track={"project": "other"}).train()
    first, second = (call["run"] for call in calls_of(run) if call["call"] == "start")
    assert (first["id"], second["id"]) == ("", "mine-1")
    assert (first["steps"], second["steps"]) == (0, steps)
    assert (first["project"], second["project"]) == ("shoal", "other")


def test_a_run_that_goes_on_may_be_tracked_no_more(tmp_path: Path) -> None:
    run = small_runs.stopped(tmp_path, track={"to": f"{OWN}:Notes"})
    before = calls_of(run)
    assert cli.main(["train", "--resume", str(run), "--track", "none"]) == 0
    assert calls_of(run) == before


# ------------------------------------------------------------------------------------------------- misbehaviour


@pytest.mark.parametrize("name", ["HangsAtStart", "Hangs", "HangsAtFinish"])
def test_a_tracker_that_hangs_is_ended_after_its_patience(tmp_path: Path, name: str) -> None:
    before = time.monotonic()
    _, calls, told = tracked(tmp_path, name, patience=0.3)
    assert time.monotonic() - before < 5
    assert len(told) == 1
    assert told[0].startswith(f"{name}: not finished after 0.3 s and ended; ")
    lost = {"HangsAtStart": 8, "Hangs": 8, "HangsAtFinish": 0}[name]  # 7 updates and an evaluation; one arrived
    assert told[0].endswith(f"; {lost} updates may be missing")
    assert wait_until(lambda: not is_running(calls[0]["pid"]))


def test_a_tracker_that_does_not_answer_is_told_once_while_training(tmp_path: Path) -> None:
    told: list[str] = []
    trainer = begin(tmp_path, "Hangs", told, patience=0.2)

    def slow(log: shoal.Log) -> None:
        time.sleep(0.1)

    trainer.train(slow)
    assert told[0] == "Hangs: no answer for 0.2 s; training goes on"
    assert [line.partition(";")[0] for line in told[1:]] == ["Hangs: not finished after 0.2 s and ended"]


def test_the_oldest_updates_are_dropped_when_a_tracker_is_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "MOST_ROWS", 3)
    result, calls, told = tracked(tmp_path, "Slow", checkpoints=True)
    logs = [call["step"] for call in calls if call["call"] == "log"]
    iteration = small_runs.ROWS * small_runs.HORIZON
    assert logs == [6 * iteration, result.steps, result.steps]  # the last of all, with the evaluation
    assert told == ["Slow: too slow for this run: 5 updates were dropped, the oldest that waited"]
    assert any(call["call"] == "checkpoint" for call in calls)  # of which none is lost


def test_passing_on_takes_microseconds_whatever_the_tracker_does(tmp_path: Path) -> None:
    told: list[str] = []
    trainer = begin(tmp_path, "HangsAtStart", told, patience=0.1)
    assert trainer.run
    log = {f"metric/{number}": float(number) for number in range(28)} | {"episode/count": 1.0}
    with tracking.Tracking(trainer.run, trainer.config, 1, 0, told.append) as followed:
        before = time.perf_counter()
        for number in range(2 * tracking.MOST_ROWS):
            followed.log(log | {"steps": 1e9 + number * 1e6})
        each = (time.perf_counter() - before) / (2 * tracking.MOST_ROWS)
    assert each < 2e-4  # 4 µs when the machine is idle
    assert f"HangsAtStart: too slow for this run: {tracking.MOST_ROWS} updates were dropped" in told[-1]


def test_a_tracker_that_cannot_start_is_left_out(tmp_path: Path) -> None:
    _, calls, told = tracked(tmp_path, "FailsAtStart")
    assert told == ["FailsAtStart: start failed: ConnectionError: nobody answers; the run is not tracked"]
    assert [call["call"] for call in calls] == ["start"]
    assert wait_until(lambda: not is_running(calls[0]["pid"]))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Fails", "log failed: ValueError: 192 is refused"),
        ("Leaves", "log failed: SystemExit: 7"),
        ("Asks", "log failed: EOFError: EOF when reading a line"),
    ],
)
def test_a_tracker_that_fails_is_told_once_and_called_on(tmp_path: Path, name: str, problem: str) -> None:
    result, calls, told = tracked(tmp_path, name)
    assert told == [f"{name}: {problem}"]
    assert calls[-1]["status"] == "finished"
    assert result.run
    log = (result.run / "track" / f"{name}.log").read_text()
    assert "Traceback" in log
    assert ("who are you?" in log) == (name == "Asks")


def test_a_tracker_whose_process_dies_is_told(tmp_path: Path) -> None:
    result, _, told = tracked(tmp_path, "Dies")
    assert result.run
    assert told == [f"Dies: its process ended with code -11; what it printed: {result.run / 'track' / 'Dies.log'}"]


def test_a_tracker_that_meddles_with_its_process_does_no_harm(tmp_path: Path) -> None:
    before = time.monotonic()
    _, calls, told = tracked(tmp_path, "Meddles")
    assert not told
    assert calls[-1]["status"] == "finished"
    assert time.monotonic() - before < 5


def test_a_class_that_is_not_there_is_told(tmp_path: Path) -> None:
    told = tracked(tmp_path, "Missing")[2]
    assert len(told) == 1
    assert "has no class `Missing`" in told[0]


def test_several_trackers_do_not_disturb_each_other(tmp_path: Path) -> None:
    told: list[str] = []
    names = ",".join(f"{OWN}:{name}" for name in ("Dies", "Notes", "FailsAtStart"))
    trainer = small_runs.begin(tmp_path, track=names)
    trainer.tell = told.append
    run = trainer.train().run
    assert run
    assert sorted(line.partition(":")[0] for line in told) == ["Dies", "FailsAtStart"]
    assert sum(call["call"] == "log" for call in calls_of(run)) == small_runs.ITERATIONS + 1


def test_a_run_that_cannot_keep_what_trackers_print_goes_on(tmp_path: Path) -> None:
    told: list[str] = []
    trainer = begin(tmp_path, "Notes", told)
    assert trainer.run
    (trainer.run.path / "track").write_text("in the way")
    assert trainer.train().steps == small_runs.STEPS
    assert len(told) == 1
    assert told[0].startswith("Notes: it cannot be started: ")


# ------------------------------------------------------------------------------------------------- how a run ends


def test_ctrl_c_ends_a_tracker_in_order(tmp_path: Path) -> None:
    told: list[str] = []
    trainer = begin(tmp_path, "Notes", told)

    def interrupt(log: shoal.Log) -> None:
        raise KeyboardInterrupt

    result = trainer.train(interrupt)
    assert result.interrupted
    assert result.run
    assert calls_of(result.run)[-1]["status"] == "interrupted"


def test_a_run_that_fails_says_so(tmp_path: Path) -> None:
    told: list[str] = []
    trainer = begin(tmp_path, "Notes", told)

    def fail(log: shoal.Log) -> None:
        raise RuntimeError("of the user's own")

    with pytest.raises(RuntimeError):
        trainer.train(fail)
    assert trainer.run
    assert calls_of(trainer.run.path)[-1]["status"] == "failed"


def started(tmp_path: Path, name: str, patience: str) -> tuple[subprocess.Popen[str], Path]:
    """Return a process that trains for long, in a process group of its own, and the folder of its run."""
    command = [sys.executable, "-m", "shoal", "train", "cartpole", "--steps", "100G", "--vec.threads", "1", "--plain"]
    command += [
        "--runs-dir",
        str(tmp_path),
        "--track",
        f"{OWN}:{name}",
        "--track.patience",
        patience,
        "--track.points",
        "1G",
    ]
    process = subprocess.Popen(command, process_group=0, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def found() -> list[Path]:
        paths = [path.parent for path in tmp_path.glob(f"cartpole/*/{own_trackers.NAME}")]
        return [path for path in paths if len(calls_of(path)) > 1]

    there = wait_until(found)
    if not there:
        process.kill()
    assert there
    return process, found()[0]


def test_ctrl_c_of_a_terminal_reaches_the_trainer_alone(tmp_path: Path) -> None:
    process, run = started(tmp_path, "Meddles", "10")  # which would leave at once
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=20)[0].rstrip().endswith(f"--resume {run}`")
    assert process.returncode == cli.INTERRUPTED
    assert calls_of(run)[-1]["status"] == "interrupted"


@pytest.mark.parametrize("name", ["Notes", "Hangs"])
def test_a_tracker_does_not_outlive_a_trainer_that_is_killed(tmp_path: Path, name: str) -> None:
    process, run = started(tmp_path, name, "0.5")
    process.kill()
    process.communicate()
    tracker = calls_of(run)[0]["pid"]
    assert wait_until(lambda: not is_running(tracker))
    assert (calls_of(run)[-1].get("status") == "stopped") == (name == "Notes")


# ------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--track", "wnadb"], "no tracker is called `wnadb` (at track.to)\nhint: did you mean `wandb`?"),
        (["--track", "neptune"], "known: tensorboard, wandb, mlflow, trackio, or file.py:Name of your own"),
        (["--track", "wandb"], "--track wandb needs the package `wandb`, which is not installed (at track.to)"),
        (["--track", "wandb"], "hint: pip install 'shoal[wandb]'"),
        (["--track", "nowhere.py:Mine"], "no such file: /"),
        (["--track", ":Mine"], "expected file.py:Name or package.module:Name (at track.to)"),
        (["--track", f"{OWN}:Notes,b.py:Notes"], "has a name that another one has too"),
        (["--track", f"{OWN}:Notes", "--track.patience", "-1"], "out of range: patience=-1"),
        (["--track", f"{OWN}:Notes", "--track.videos", "true"], "this run makes none\nhint: add --record-every"),
        (["--track", "tensorboard", "--track.to", "wandb"], "`--track` is short"),
        (["--track.projcet", "x"], "did you mean `--track.project`"),
    ],
)
def test_a_mistake_is_told_before_training(
    tmp_path: Path,
    arguments: list[str],
    problem: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(users_code, "is_installed", lambda module: False)
    assert cli.main(["train", "cartpole", "--runs-dir", str(tmp_path / "runs"), *arguments]) == 2
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_folder_of_the_name_of_a_package_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shoal_no_such_client").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert not users_code.is_installed("shoal_no_such_client")
    assert users_code.is_installed("numpy")


def test_tracking_changes_neither_the_settings_hash_nor_a_plain_runs_settings() -> None:
    spec = registry.get("cartpole").spec()
    plain = config.load("cartpole")
    followed = config.load("cartpole", overrides={"track": {"to": "wandb", "tags": "x"}})
    assert followed.settings_hash(1) == plain.settings_hash(1)
    assert "[track]" not in plain.to_toml(1)
    text = config.resolve(followed, spec).to_toml(1)
    assert config.from_toml(text).track == followed.track == TrackConfig(to="wandb", tags="x")


def test_nothing_of_a_client_is_imported_by_the_trainer(tmp_path: Path) -> None:
    code = (
        "import sys, shoal\n"
        f"shoal.Trainer('cartpole', runs_dir={str(tmp_path)!r}, track={f'{OWN}:Notes'!r}, train={{'total_steps': 99}})"
        ".train()\nassert 'own_trackers' not in sys.modules\n"
        f"shoal.Trainer('cartpole', runs_dir={str(tmp_path)!r}, train={{'total_steps': 99}}).train()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_trainer_without_a_run_is_not_tracked(tmp_path: Path) -> None:
    trainer = small_runs.begin(None, track=f"{OWN}:FailsAtStart")
    trainer.tell = pytest.fail
    trainer.train()


def test_check_takes_none_for_no_tracker() -> None:
    assert check(TrackConfig(to="none")) == []
    with pytest.raises(ConfigError, match="no tracker is called `Notes`"):
        check(TrackConfig(to="Notes"))
