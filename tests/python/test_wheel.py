# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The wheel: what is in it, and that it trains in a fresh environment where there is no compiler and no torch."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from shoal import agents, native, registry

ROOT = Path(__file__).parents[2]
OFFLINE = ("NewConnectionError", "No matching distribution found for", "Could not fetch URL")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert (native.library_folder() / "libshoal_faults.so").exists()  # in the tree, and must stay out of the wheel
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run([ROOT / "run", "wheel", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    path = Path(done.stdout.splitlines()[-1])
    assert path.parent == folder
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh virtual environment that holds the wheel and what it depends on."""
    venv = tmp_path_factory.mktemp("fresh") / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    programs = venv / "bin"
    command = [programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel]
    done = subprocess.run(command, env={"PATH": str(programs)}, capture_output=True, text=True, check=False)
    if done.returncode and any(sign in done.stderr for sign in OFFLINE):
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr
    return programs


def run(programs: Path, *command: str, folder: Path, **variables: str) -> str:
    environment = {"PATH": str(programs), **variables}
    for compiler in ("cc", "gcc", "clang", "cmake", "ninja"):
        assert shutil.which(compiler, path=environment["PATH"]) is None
    done = subprocess.run(
        [programs / command[0], *command[1:]], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_every_build_and_no_faults(wheel: Path) -> None:
    assert re.fullmatch(r"shoal-[\d.]+-py3-none-\w+\.whl", wheel.name)
    assert not wheel.name.endswith("-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    built = {path.name for path in native.library_folder().glob("*.so")} - {"libshoal_faults.so"}
    assert {Path(name).name for name in names if name.endswith(".so")} == built
    assert len(built) > 1 or not sys.platform.startswith("linux")
    for needed in ("shoal/py.typed", "shoal/include/shoal/env.h", "shoal/envs/cartpole/cartpole.toml",
                   "shoal/templates/grid/template.h", "shoal/dash/static/index.html",
                   "shoal/dash/static/uplot/LICENSE"):  # fmt: skip
        assert needed in names
    assert not [name for name in names if "__pycache__" in name or name.startswith(("tests/", "native/"))]


def test_it_trains_without_compiler_and_torch(installed: Path, tmp_path: Path) -> None:
    command = "shoal train cartpole --steps 300k --vec.num-envs 128 --json"
    out = run(installed, *command.split(), folder=tmp_path)
    result = json.loads(out.splitlines()[-1])
    assert result["steps"] >= 300_000
    assert result["score"] > 60  # random play holds the pole for 22 steps
    assert Path(tmp_path, result["checkpoint"]).is_file()
    code = (
        "import importlib.util, sys, shoal; from shoal import native; shoal.load(sys.argv[1]); "
        "print(importlib.util.find_spec('torch'), native.library().path, native.library().name)"
    )
    torch, path, isa = run(installed, "python", "-c", code, result["run"], folder=tmp_path).split()
    assert torch == "None"
    assert Path(path).is_relative_to(installed.parent)
    assert isa == native.library().name


def test_its_agents_play_and_are_drawn_without_a_compiler(installed: Path, tmp_path: Path) -> None:
    """Each environment's agent and its drawing are in the wheel: on a fresh install there is something to see."""
    for name in filter(agents.packaged, registry.names()):
        out = run(installed, *f"shoal eval {name} --record {name}.png --seconds 0.3".split(), folder=tmp_path)
        assert "this is the agent that comes with shoal" in out
        assert (tmp_path / f"{name}.png").stat().st_size > 1000


def test_it_compiles_an_environment_of_ones_own_where_a_compiler_is(installed: Path, tmp_path: Path) -> None:
    run(installed, "shoal", "new", "game", folder=tmp_path)
    compiler = shutil.which(os.environ.get("CC", "cc")) or pytest.skip("no compiler")
    cache = {"CC": compiler, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": os.environ["PATH"]}
    command = [installed / "shoal", "train", "./game", "--steps", "3k", "--vec.num-envs", "32"]
    done = subprocess.run(command, env=cache, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    code = f"from shoal import compile; print(compile.include_folder().is_relative_to({str(installed.parent)!r}))"
    assert run(installed, "python", "-c", code, folder=tmp_path) == "True\n"


def test_every_build_in_it_loads(installed: Path, tmp_path: Path) -> None:
    best = native.ISAS.index(native.library().best_isa().decode())
    for isa in native.ISAS[best:]:
        code = "from shoal import native; print(native.library().name)"
        assert run(installed, "python", "-c", code, folder=tmp_path, SHOAL_ISA=isa).strip() == isa
