# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal doctor`: what it says when all is well, and that each thing that can be wrong is named."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import re
import tomllib
from pathlib import Path

import pytest

from shoal import cli, command_doctor, compile, memory, native, terminal
from shoal.errors import EnvError, NativeError
from shoal.trainer import Trainer


@pytest.fixture(autouse=True)
def _quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(command_doctor, "_SELF_TEST_STEPS", 30_000)


def doctor(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, dict[str, object]]:
    code = cli.main(["doctor", "--json", *words])
    out = capsys.readouterr().out
    return code, out, json.loads(out.splitlines()[-1])


def test_all_is_well_here(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, found = doctor(capsys)
    assert (code, found["ok"], found["problems"]) == (0, True, [])
    facts = found["facts"]
    assert isinstance(facts, dict)
    for name in ("shoal", "python", "system", "processor", "memory", "library", "instructions", "threads", "compiler"):
        assert facts[name] and f"\n{name} " in f"\n{out}"
    assert {"gpu", "numpy", "torch", "terminal", "runs"} <= set(facts)
    assert "the same bits" in facts["self-test"] and "first_ratio_error" in facts["self-test"]
    assert list(tmp_path.iterdir()) == []


def test_it_knows_what_every_extra_brings() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extra, needs in project["optional-dependencies"].items():
        for need in needs if extra not in ("test", "lint") else ():
            name, inner = re.match(r"([a-z0-9-]+)(?:\[(\w+)\])?", need).groups()  # type: ignore[union-attr]
            assert (inner or name) in command_doctor.OPTIONAL, extra


@pytest.mark.parametrize(
    ("size", "words"),
    [((50, 40), "`train` shows lines, and a dashboard from 60 x 15"), ((60, 15), "colours: `train` shows a dashboard")],
)
def test_a_terminal_too_small_for_the_dashboard_is_told(
    size: tuple[int, int], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(terminal, "can_paint", lambda: True)
    monkeypatch.setattr(terminal, "size", lambda: size)
    found = command_doctor.Findings()
    command_doctor._terminal(found)
    assert words in found.facts["terminal"]


def problems(found: dict[str, object]) -> str:
    assert isinstance(found["problems"], list) and all(entry["hint"] for entry in found["problems"])
    return "\n".join(entry["problem"] for entry in found["problems"])


def test_a_place_that_cannot_be_written_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("")
    code, out, found = doctor(capsys, "--runs-dir", "file")
    assert code == 1 and problems(found) == "the folder of the runs cannot be written: file: Not a directory"
    assert "problem: the folder of the runs" in out and "hint: `--runs-dir FOLDER`" in out


def test_a_missing_library_is_named_and_nothing_is_trained(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise NativeError("the native library has not been built: nothing at x", "build it again with `./run build`")

    monkeypatch.setattr(native, "library", missing)
    code, _, found = doctor(capsys)
    assert code == 1 and problems(found).startswith("the native library has not been built")
    assert found["facts"]["self-test"] == "not run"  # type: ignore[index]


def test_a_library_slower_than_the_machine_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHOAL_ISA", raising=False)
    monkeypatch.setattr(native.Library, "name", property(lambda self: "generic"))
    if native.library().best_isa() == b"generic":
        pytest.skip("this machine has nothing better")
    code, _, found = doctor(capsys)
    assert code == 1 and problems(found).startswith("the library is slower than this machine allows: generic")


def test_a_compiler_that_does_not_run_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "/nowhere/cc")
    code, _, found = doctor(capsys)
    assert code == 1 and problems(found) == "CC=/nowhere/cc names no program"
    monkeypatch.setenv("CC", "false")
    code, _, found = doctor(capsys)
    assert code == 1 and problems(found).startswith("the C compiler does not run: ")


def test_a_cache_that_cannot_be_written_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    code, _, found = doctor(capsys)
    assert code == 1 and problems(found).startswith("the folder of the cache cannot be written: /proc: ")


def test_no_compiler_is_no_problem(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise EnvError("no C compiler was found")

    monkeypatch.setattr(compile, "find_compiler", missing)
    code, _, found = doctor(capsys)
    assert code == 0 and found["facts"]["compiler"].startswith("none")  # type: ignore[index]


def test_a_missing_package_is_a_problem_only_if_it_is_needed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        if name in ("torch", "tyro"):
            raise importlib.metadata.PackageNotFoundError
        return "1.0"

    monkeypatch.setattr(importlib.metadata, "version", version)
    code, _, found = doctor(capsys)
    assert code == 1 and problems(found) == "the package `tyro` is missing: it is needed for --help"


def test_little_memory_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 100 << 20)
    code, _, found = doctor(capsys)
    assert code == 1 and problems(found) == "little memory is available: 100 MiB"


def test_the_self_test_sees_a_ratio_that_is_not_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train = Trainer.train
    monkeypatch.setattr(Trainer, "train", lambda self: dataclasses.replace(train(self), first_ratio_error=0.01))
    code, _, found = doctor(capsys)
    assert code == 1 and problems(found).startswith("rollout and update differ: first_ratio_error=0.01")


def test_the_self_test_sees_weights_that_depend_on_threads(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train = Trainer.train

    def faulty(self: Trainer) -> object:
        result = train(self)
        if self.config.vec.threads == 2:
            next(iter(self.policy.tensors().values())).flat[0] += 1e-7
        return result

    monkeypatch.setattr(Trainer, "train", faulty)
    code, _, found = doctor(capsys)
    assert code == 1 and problems(found) == "1 and 2 threads do not give the same weights"


def test_training_that_fails_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Trainer) -> None:
        raise NativeError("the loss is not finite", "a hint")

    monkeypatch.setattr(Trainer, "train", fails)
    code, _, found = doctor(capsys)
    assert code == 1 and problems(found) == "training fails: the loss is not finite"
