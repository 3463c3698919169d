# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Sweeps whose trials crash, hang, take all memory, or are killed, as is the sweep: what is lost, and what goes on."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bad_worker
import pytest

from shoal import cli
from shoal.errors import CheckpointError
from shoal.sweep import local
from shoal.sweep.store import Sweep
from shoal.sweep.trial import Trial

WORKER = str(Path(bad_worker.__file__))
SMALL = "--untuned --vec.num-envs 16 --train.horizon 8 --policy.hidden 16 --steps 2000 --metric score --search random"
ALONE = "--only train.priority_beta"


def sweep(folder: Path, *flags: str, choices: str = "0.4, 0.45", code: int = 0, name: str = "s") -> list[Trial]:
    """Run a sweep over `choices` in this process, with workers that may be bad; return its trials."""
    line = f"sweep cartpole {SMALL} {ALONE} --name {name} --plain --runs-dir {folder} --confirm 0"
    assert cli.main([*line.split(), "--sweep.train.priority-beta", f"choice({choices})", *flags]) == code
    return trials(folder / name)


def trials(path: Path) -> list[Trial]:
    with Sweep(path) as found:
        return found.trials()


def begin(folder: Path, *flags: str, choices: str = "0.8, 0.85", name: str = "s") -> subprocess.Popen[str]:
    """Begin a sweep in a process of its own."""
    line = f"sweep cartpole {SMALL} {ALONE} --name {name} --plain --runs-dir {folder} --confirm 0"
    words = [*line.split(), "--sweep.train.priority-beta", f"choice({choices})", *flags]
    return subprocess.Popen([sys.executable, WORKER, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(true: Callable[[], Any], seconds: float = 20.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def children(process: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def by_status(found: list[Trial], status: str) -> list[Trial]:
    return [trial for trial in found if trial.status == status]


@pytest.fixture(autouse=True)
def _bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "COMMAND", [sys.executable, WORKER])


@pytest.mark.parametrize(
    ("fault", "flags", "reason"),
    [
        (bad_worker.CRASH, (), "crashed: SIGSEGV: the heap is broken"),
        (bad_worker.DIVERGE, (), "the loss is not finite"),
        (bad_worker.HANG, ("--hang-seconds", "4"), "hung: nothing was heard of it for 4 s"),
        (bad_worker.HOG, ("--trial-memory", "400M"), "out of memory: it took "),
        (bad_worker.REFUSED, ("--trial-memory", "400M"), "out of memory: MemoryError"),
    ],
    ids=["crash", "diverges", "hangs", "takes all memory", "is refused memory"],
)
def test_a_trial_that_fails_is_recorded_and_the_others_go_on(
    fault: float, flags: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    found = sweep(tmp_path, *flags, "--max-runs", "6", "--workers", "2", choices=f"0.4, {fault}")
    failed, done = by_status(found, "failed"), by_status(found, "done")
    assert failed and done and len(failed) + len(done) == 6
    assert all(trial.reason.startswith(reason) and trial.score is None for trial in failed)
    assert all(trial.point == {"train.priority_beta": fault} for trial in failed)
    assert all(trial.score is not None and trial.cost > 0 and trial.steps >= 2000 for trial in done)


@pytest.mark.slow
def test_a_sweep_in_which_nothing_works_ends_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = sweep(tmp_path, "--max-runs", "90", choices=f"{bad_worker.DIVERGE}, {bad_worker.CRASH}", code=2)
    assert len(found) < 20
    assert "trials failed, the last one: " in capsys.readouterr().err


def test_a_full_disk_ends_the_sweep_in_order_and_its_trial_waits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = sweep(tmp_path, "--max-runs", "8", "--workers", "1", choices=f"0.4, {bad_worker.FULL}", code=2)
    assert "no room" in capsys.readouterr().err
    assert not by_status(found, "failed")
    (waits,) = by_status(found, "running")
    assert (waits.worker, waits.reason) == ("", "no room")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", path], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield path
    subprocess.run(["umount", path], check=True)


@pytest.mark.slow
def test_a_disk_that_trials_fill_ends_the_sweep_in_order_and_it_is_resumed(disk: Path) -> None:
    found = sweep(disk, "--max-runs", "100", "--workers", "1", code=2)
    done = [trial for trial in found if trial.status in ("done", "stopped")]
    assert len(done) > 3 and by_status(found, "running") and not by_status(found, "failed")
    with contextlib.closing(sqlite3.connect(disk / "s" / "trials.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)  # room for the reserve and a whole trial
    line = f"sweep --resume s --runs-dir {disk} --plain --max-runs {len(done) + 1} --workers 1"
    assert cli.main(line.split()) == 0
    again = trials(disk / "s")
    assert again[: len(done)] == done and len(again) == len(done) + 1 and again[-1].status in ("done", "stopped")


def test_what_has_ended_is_recorded_on_a_full_disk_from_the_reserve(disk: Path) -> None:
    found = sweep(disk, "--max-runs", "1", "--workers", "1")
    with Sweep(disk / "s") as held:
        held.join()
        with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))
        curve = tuple((float(at), at, 0.5) for at in range(2000))  # more than what the file has room for by chance
        held.record(dataclasses.replace(found[0], number=2, curve=curve))
        assert not (disk / "s" / "reserve").exists()
        with pytest.raises(CheckpointError, match=r"the trials cannot be written: .*full"):
            held.record(*(dataclasses.replace(found[0], number=at, curve=curve) for at in range(3, 30)))
    assert [trial.number for trial in trials(disk / "s")] == [1, 2]


def test_a_trial_that_is_killed_is_recorded_and_the_sweep_goes_on(tmp_path: Path) -> None:
    running = begin(tmp_path, "--max-runs", "3", "--workers", "1", choices="0.8, 0.8001")
    path = tmp_path / "s"
    (first,) = until(lambda: path.exists() and children(running.pid))
    until(lambda: (path / "trials.sqlite").exists() and any(t.worker for t in trials(path)))
    time.sleep(0.5)
    os.kill(first, signal.SIGKILL)
    until(lambda: any(t.status == "failed" for t in trials(path)))
    assert by_status(trials(path), "failed")[0].reason == "crashed: SIGKILL"
    until(lambda: children(running.pid) not in ([], [first]))
    running.kill()
    running.communicate()


def test_a_sweep_that_is_killed_loses_its_running_trials_only_and_is_resumed(tmp_path: Path) -> None:
    running = begin(tmp_path, "--max-runs", "8", "--workers", "2", choices=f"0.4, 0.45, {bad_worker.HANG}")
    path = tmp_path / "s"
    until(lambda: (path / "trials.sqlite").exists() and any(t.status == "done" for t in trials(path)))
    until(lambda: any(t.status == "running" for t in trials(path)))
    workers = until(lambda: children(running.pid))
    running.kill()
    running.communicate()
    until(lambda: not any(Path(f"/proc/{worker}/statm").exists() for worker in workers), 5)  # nothing trains on
    before = trials(path)
    done = by_status(before, "done")
    assert done and by_status(before, "running")
    assert cli.main(["train", "nosuch"]) == 2  # this process is whole
    local.COMMAND[:] = [sys.executable, "-m", "shoal.sweep.worker"]  # with which no trial is slow
    line = f"sweep --resume s --runs-dir {tmp_path} --plain --workers 2"
    assert cli.main(line.split()) == 0
    after = trials(path)
    assert len(after) == 8 and not by_status(after, "running")
    assert [t for t in after if t.number in {d.number for d in done}] == done
    for old in by_status(before, "running"):  # the same trial, not another
        new = next(t for t in after if t.number == old.number)
        assert (new.point, new.seed, new.status) == (old.point, old.seed, "done")


def test_ctrl_c_ends_in_order_and_says_what_is_recommended(tmp_path: Path) -> None:
    running = begin(tmp_path, "--max-runs", "9", "--workers", "2", choices=f"0.4, {bad_worker.SLOW}")
    path = tmp_path / "s"
    until(lambda: (path / "trials.sqlite").exists() and len(by_status(trials(path), "done")) > 0)
    until(lambda: len(by_status(trials(path), "running")) == 2)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=10)
    assert (running.returncode, err) == (130, "")
    assert "interrupted: " in out and "recommended: score " in out and "--resume s" in out
    left = by_status(trials(path), "running")
    assert left and all((t.worker, t.reason, t.curve) == ("", "interrupted", ()) for t in left)


def test_workers_may_join_and_a_resumed_sweep_must_be_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running = begin(tmp_path, "--max-runs", "9", "--workers", "1", choices=f"{bad_worker.SLOW}, 0.8001")
    path = tmp_path / "s"
    until(lambda: (path / "trials.sqlite").exists() and by_status(trials(path), "running"))
    assert cli.main(f"sweep --resume s --runs-dir {tmp_path} --plain".split()) == 2
    assert "another process runs this sweep: s" in capsys.readouterr().err
    other = subprocess.Popen(
        [sys.executable, WORKER, *f"sweep --join s --runs-dir {tmp_path} --plain --workers 2".split()],
        stdout=subprocess.PIPE,
        text=True,
    )
    found = until(lambda: len(by_status(trials(path), "running")) == 3 and trials(path))
    assert len({t.worker for t in by_status(found, "running")}) == 2
    assert len({t.number for t in found}) == len(found)
    for process in (other, running):
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_two_processes_run_every_trial_once(tmp_path: Path) -> None:
    flags = ("--max-runs", "16", "--workers", "1", "--json")
    running = begin(tmp_path, *flags, choices="0.4, 0.45, 0.46")
    until(lambda: (tmp_path / "s" / "trials.sqlite").exists() and trials(tmp_path / "s"))
    assert cli.main(f"sweep --join s --runs-dir {tmp_path} --plain --workers 1".split()) == 0
    out, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (0, "")
    found = trials(tmp_path / "s")
    assert [t.number for t in found] == list(range(1, 17)) and {t.status for t in found} == {"done"}
    assert len({t.worker for t in found}) == 2 and len({t.seed for t in found}) == 16
    assert json.loads(out.splitlines()[-1])["trials"] == 16
    assert not list((tmp_path / "s" / "workers").iterdir())
