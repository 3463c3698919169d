# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Damaged images, bad disks, and runs that cannot go on: one sentence each, and nothing is lost."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from small_runs import HORIZON, ITERATIONS, ROWS, STEPS, assert_equal, begin, read, stopped, whole

import shoal
from shoal import checkpoint, resuming, store
from shoal.errors import CheckpointError


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def rewrite(path: Path, **metadata: str) -> None:
    """Change the header of a file."""
    found = checkpoint.load(path)
    path.write_bytes(safetensors.numpy.save(found.tensors, found.metadata | metadata))


def rewrite_config(path: Path, old: str, new: str) -> None:
    rewrite(path, config=checkpoint.load(path).metadata["config"].replace(old, new))


def images_by_age(path: Path) -> list[Path]:
    return sorted(store.Run(path).images, key=lambda file: checkpoint.load(file).steps)


def test_a_damaged_image_falls_back_on_the_older_one_and_says_so(tmp_path: Path) -> None:
    path = stopped(tmp_path)
    older, newer = images_by_age(path)
    truncate(newer)
    run = shoal.resume(path)
    assert run.steps == checkpoint.load(older).steps < 3 * STEPS // ITERATIONS
    assert len(run.notes) == 1
    assert run.notes[0].startswith(f"the checkpoint is damaged or is no safetensors file: {newer}: ")
    assert run.notes[0].endswith("; the other image is used")
    run.train()
    assert_equal(read(path), whole(tmp_path))


FORMAT = r"^the checkpoint was written by another version of shoal: .* has format 'shoal 0'; expected 'shoal 1'$"
DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (truncate, r"^the checkpoint is damaged or is no safetensors file: .*$"),
    "empty": (lambda file: file.write_bytes(b""), r"^the checkpoint is damaged or is no safetensors file: .*$"),
    "foreign": (
        lambda file: file.write_bytes(safetensors.numpy.save({"x": np.zeros(2)})),
        r"^the checkpoint is not one of shoal's: .* has format 'none'; expected 'shoal 1'$",
    ),
    "older": (lambda file: rewrite(file, format="shoal 0"), FORMAT),
    "weights": (lambda file: rewrite(file, kind="weights"), r"^the file is no resume image: .* has kind 'weights'; "),
    "older layout": (
        lambda file: rewrite(file, abi="0"),
        r"^the resume image was written by another version of shoal: .* has ABI 0; expected \d+$",
    ),
    "older progress": (
        lambda file: rewrite(file, progress='{"steps": 1}'),
        r"^the resume image was written by another version of shoal: .*: 'window'\nhint: ",
    ),
    "other settings": (
        lambda file: rewrite_config(file, "gamma", "gamme"),
        r"^the checkpoint's settings do not fit this version of shoal: .*unknown key `gamme`",
    ),
    "other sizes": (
        lambda file: rewrite_config(file, "hidden = 16", "hidden = 17"),
        r"^the tensor `policy.encoder.weight` does not fit: .* has float32 \(16, 4\); expected float32 \(17, 4\)$",
    ),
    "other environments": (
        lambda file: rewrite_config(file, "num_envs = 24", "num_envs = 48"),
        r"^the tensor `learner.memory` does not fit: .* has float32 \(24, 32\); expected float32 \(48, 32\)$",
    ),
    "other version": (
        lambda file: rewrite(file, version="2"),
        r"^the run is of version 2 of `cartpole`; this is version 1: .*\nhint: .* `--fresh-environments` goes on",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_an_image_that_cannot_be_used_is_one_sentence_and_stays(damage: str, tmp_path: Path) -> None:
    path = stopped(tmp_path)
    spoil, message = DAMAGE[damage]
    for file in store.Run(path).images:
        spoil(file)
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    with pytest.raises(CheckpointError, match=message):
        shoal.resume(path)
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before


def test_metrics_that_were_cut_short_are_refused(tmp_path: Path) -> None:
    path = stopped(tmp_path)
    truncate(path / "metrics.jsonl")
    run = shoal.resume(path)
    with pytest.raises(CheckpointError, match=r"^lines are missing: .*metrics.jsonl has \d+ bytes; expected at least"):
        run.train()


def test_a_run_that_is_finished_or_in_use_is_refused(tmp_path: Path) -> None:
    path = stopped(tmp_path)
    with store.Run(path).lock(), pytest.raises(CheckpointError, match=r"^another process is training this run: "):
        shoal.resume(path)
    shoal.resume(path).train()
    with pytest.raises(CheckpointError, match=r"^the run is finished: it was trained for all of its steps: "):
        shoal.resume(path)


def test_the_newest_run_that_can_go_on_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = iter(f"2026010{day}-000000" for day in range(1, 6))
    monkeypatch.setattr(store.time, "strftime", lambda _: next(names))
    first, second = stopped(tmp_path), stopped(tmp_path)
    stopped(tmp_path, name="masked")
    begin(tmp_path).train()
    assert resuming.newest_unfinished(tmp_path, "cartpole").path == second
    with store.Run(second).lock():
        assert resuming.newest_unfinished(tmp_path, "cartpole").path == first
    for path in (first, second):
        shoal.resume(path).train()
    with pytest.raises(CheckpointError, match=r"^no run of `cartpole` in .* can go on\nhint: "):
        resuming.newest_unfinished(tmp_path, "cartpole")


# ---------------------------------------------------------------------------------------------------- bad disks


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_fails_ends_the_run_and_loses_nothing(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(tmp_path)
    genuine, left = os.fsync, [9]

    def fsync(handle: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(code, os.strerror(code))
        genuine(handle)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.os, "fsync", fsync)
        sentence = rf"^the \w+ cannot be written: .*: {os.strerror(code)}\nhint: once that is put right, `.+ --resume"
        with pytest.raises(CheckpointError, match=sentence):
            run.train()
    assert run.run
    assert not list(run.run.path.rglob("*.tmp"))
    shoal.resume(run.run.path).train()
    assert_equal(read(run.run.path), whole(tmp_path))


def test_a_file_that_may_not_grow_ends_the_run_with_one_sentence(tmp_path: Path) -> None:
    """A limit on the size of files stands for a disk that is full: metrics, weights and images hit it."""
    sizes = f"--vec.num-envs {ROWS} --train.horizon {HORIZON} --steps {STEPS} --image-seconds 0 --runs-dir {tmp_path}"
    code = f"""
import resource, sys
from shoal import cli
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
sys.exit(cli.main(["train", "cartpole", "--untuned", *{sizes.split()!r}]))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("shoal: the checkpoint cannot be written: ")
    assert "File too large\nhint: once that is put right, `python -m shoal train --resume" in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stopped(tmp_path)
    run = shoal.resume(path)
    genuine = Path.open

    def refuse(self: Path, mode: str = "r", *arguments: Any, **others: Any) -> Any:
        if "r" not in mode:
            raise PermissionError(errno.EACCES, "Permission denied")
        return genuine(self, mode, *arguments, **others)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CheckpointError, match=r"^the metrics cannot be written: .*metrics.jsonl: Permission denied$"):
        run.train()


# ---------------------------------------------------------------------------------------------------- kills

KILLED = """
import os, signal, sys
from pathlib import Path
from shoal import cli

moment, left = sys.argv.pop(1), [5]  # which of the images

def is_it(path):
    left[0] -= path.name.startswith((".resume", "resume"))
    return left[0] == 0

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Half:
    def __init__(self, file):
        self.file = file

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def write(self, data):
        self.file.write(data[: len(data) // 2])
        self.file.flush()
        die()

open_, replace = Path.open, Path.replace
if moment == "half written":
    def opened(self, mode="r", *arguments, **others):
        file = open_(self, mode, *arguments, **others)
        return Half(file) if "w" in mode and is_it(self) else file
    Path.open = opened
else:
    def replaced(self, target):
        now = is_it(self)
        if now and moment == "not renamed":
            die()
        replace(self, target)
        if now:
            die()
    Path.replace = replaced
sys.exit(cli.main())
"""


@pytest.mark.parametrize("moment", ["half written", "not renamed", "just renamed"])
def test_a_kill_while_an_image_is_written_loses_nothing(moment: str, tmp_path: Path) -> None:
    sizes = f"--vec.num-envs {ROWS} --vec.max-steps 30 --train.horizon {HORIZON} --policy.hidden 16 --steps {STEPS}"
    words = [
        "train",
        "cartpole",
        "--untuned",
        *sizes.split(),
        "--seed",
        "5",
        "--image-seconds",
        "0",
        "--runs-dir",
        str(tmp_path),
    ]
    child = subprocess.run([sys.executable, "-c", KILLED, moment, *words], capture_output=True, text=True, check=False)
    assert child.returncode == -9, child.stderr
    path = next(tmp_path.glob("cartpole/*"))
    assert bool(list(path.rglob("*.tmp"))) == (moment != "just renamed")
    run = shoal.resume(path)
    assert run.steps == STEPS // ITERATIONS * (4 if moment == "just renamed" else 3)
    run.train()
    assert_equal(read(path), whole(tmp_path))
