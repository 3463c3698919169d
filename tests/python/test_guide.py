# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""docs/guides/first-environment.md does what it says: its code is compiled, its commands are run, its mistakes made.

The blocks are taken in order. `c` blocks make fruit.h, `toml` ones fruit.toml, `python` ones a program; each line of a
`sh` block is a command that succeeds. After a `diff` block, its commands (or `shoal train ./fruit`) fail and say what
the next `text` block says; then the difference is taken back.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from shoal import compile, debug, drawing, registry
from shoal.errors import EnvError

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "first-environment.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
HEADER = "\n".join(text for kind, text in BLOCKS if kind == "c")
TOML = "".join(text for kind, text in BLOCKS if kind == "toml")


@pytest.fixture(autouse=True)
def _somewhere_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(registry.__file__).parents[1]))


def shoal(command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as the guide spells it."""
    program, *words = shlex.split(command)
    assert program == "shoal", command
    return subprocess.run([sys.executable, "-m", "shoal", *words], capture_output=True, text=True, check=False)


def write_game() -> None:
    Path("fruit/fruit.h").write_text(HEADER, encoding="utf-8")
    Path("fruit/fruit_draw.h").unlink(missing_ok=True)
    Path("fruit/fruit.toml").write_text(TOML, encoding="utf-8")


def test_the_guide_has_blocks_of_every_kind() -> None:
    kinds = [kind for kind, _ in BLOCKS]
    assert [kinds.count(kind) for kind in ("c", "toml", "python", "diff", "text")] == [8, 1, 1, 3, 3]


def test_its_game_is_one_that_can_be_played() -> None:
    Path("fruit").mkdir()
    write_game()
    env = registry.get("./fruit")
    assert [metric.name for metric in env.metrics] == ["perf", "score"]
    assert env.spec().state_bytes == 24 + 24  # the head, and what the guide counts
    import shoal

    vec = shoal.make_vec("./fruit", 50, seed=3, width=1.0)  # a basket in the middle of a field as wide catches all
    for _ in range(700):
        vec.step([0] * 50)
    assert vec.stats().mean("perf") == 1.0


def test_it_names_the_files_that_are_made_and_its_game_can_be_drawn() -> None:
    assert shoal("shoal new fruit").returncode == 0
    text = GUIDE.read_text(encoding="utf-8")
    assert sorted(path.name for path in Path("fruit").iterdir() if f"`{path.name}`" not in text) == []
    assert "with four files" in text and len(list(Path("fruit").iterdir())) == 4
    assert "Delete the file `fruit/fruit_draw.h`" in text
    write_game()
    assert drawing.function_of(registry.get("./fruit")) is None  # raises if the template's drawing is still there


@pytest.mark.slow
def test_its_commands_work_in_their_order() -> None:
    ready = False
    for index, (kind, text) in enumerate(BLOCKS):
        if kind == "diff":
            break
        if kind == "toml":
            write_game()
            ready = True
        elif kind == "sh":
            for command in text.splitlines():
                done = shoal(command)
                assert (done.returncode, done.stderr) == (0, ""), (command, done.stderr)
                if "--until-solved" in command:
                    assert "\nsolved: perf " in done.stdout
        elif kind == "python":
            assert ready, index
            subprocess.run([sys.executable, "-c", text], check=True)


@pytest.mark.slow
def test_its_mistakes_say_what_it_says() -> None:
    try:
        debug.find_runtime(compile.find_compiler())
    except EnvError as error:
        pytest.skip(str(error))
    if compile.find_compiler().is_clang():
        pytest.skip("the guide shows the words of gcc")
    Path("fruit").mkdir()
    number = next(index for index, (kind, _) in enumerate(BLOCKS) if kind == "diff")
    command = "shoal train ./fruit"
    for kind, text in BLOCKS[number:]:
        if kind == "diff":
            write_game()
            taken = "".join(line[1:] + "\n" for line in text.splitlines() if line.startswith("-"))
            put = "".join(line[1:] + "\n" for line in text.splitlines() if line.startswith("+"))
            assert HEADER.count(taken) == 1, text
            Path("fruit/fruit.h").write_text(HEADER.replace(taken, put), encoding="utf-8")
        elif kind == "sh":
            command = text.strip()
        elif kind == "text":
            done = shoal(f"{command} --steps 20k")
            assert done.returncode == 2
            said = [line for line in done.stderr.splitlines() if line in text.splitlines()]
            assert said == text.splitlines(), done.stderr
