# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What the pages on concepts tell one to type works as it stands."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "concepts" / "drawing.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_python_of_the_drawing_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks("python"):
        exec(block, names)
    assert (tmp_path / "breakout.png").stat().st_size > 1000
    assert names["panel"].shape == (330, 180, 4)


def test_c_of_the_drawing_page_compiles(tmp_path: Path) -> None:
    compiler = next(filter(None, map(shutil.which, ("gcc", "clang"))), None)
    if not compiler:
        pytest.skip("neither gcc nor clang is here")
    (tmp_path / "game.h").write_text(
        '#include "shoal/env.h"\ntypedef struct { int32_t none; } GameParams;\n'
        "typedef struct { ShoalHead head; float x, y, goal_x, goal_y; int32_t score; } GameState;\n"
    )
    (source,) = blocks("c")
    (tmp_path / "game_draw.h").write_text(source)
    flags = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{ROOT}/native/include", "-x", "c")
    done = subprocess.run([compiler, *flags, tmp_path / "game_draw.h"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_python_of_the_search_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("scipy")
    (block,) = re.findall(r"```python\n(.*?)```", (PAGE.parent / "search.md").read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    assert abs(names["best"].point["train.learning_rate"] - 0.02) < 0.01
    assert "train.learning_rate" in capsys.readouterr().out
