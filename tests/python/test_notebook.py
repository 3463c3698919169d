# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal.show`, and the notebook of the examples, whose code runs as it stands."""

from __future__ import annotations

import ast
import io
import json
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import shoal
from shoal import png

NOTEBOOK = Path(__file__).parents[2] / "examples" / "quickstart.ipynb"


def frames_of(data: bytes) -> int:
    at = data.index(b"acTL")
    return int(struct.unpack(">I", data[at + 4 : at + 8])[0])


def test_a_clip_is_an_animation_that_a_notebook_displays(tmp_path: Path) -> None:
    clip = shoal.show("breakout", "random", seconds=1, frames_per_second=20, width=288, height=300)
    assert (clip.width, clip.height, clip.frames) == (288, 165, 20)  # cut to the drawing's shape
    data, size = clip._repr_png_()
    assert data.startswith(png.SIGNATURE)
    assert frames_of(data) > 10
    assert size == {"width": 288, "height": 165}
    clip.save(tmp_path / "clip.png")
    assert (tmp_path / "clip.png").read_bytes() == data
    assert repr(clip).startswith("<Clip 288x165, 20 frames")


def test_show_takes_a_policy_a_run_or_a_name(tmp_path: Path) -> None:
    trainer = shoal.Trainer("template", runs_dir=tmp_path, train={"total_steps": 200_000})
    run = trainer.train().run
    small = {"seconds": 0.5, "width": 120, "height": 80, "runs_dir": tmp_path}
    assert run
    clips = [shoal.show(target, **small).data for target in (trainer.policy, run, "template")]
    assert clips[0] == clips[1] == clips[2]
    assert shoal.show("template", "scripted", **small).data != clips[0]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("breakout", "best"), "player='best' is not a choice; expected one of sampled"),
        (("forever", "scripted"), "`forever` has no scripted player"),
        (("breakot", "random"), "no environment is called `breakot`"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(
    arguments: tuple[str, ...], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(shoal.ShoalError, match=problem):
        shoal.show(*arguments)
    with pytest.raises(shoal.ConfigError, match="the clip cannot be written"):
        shoal.Clip(b"", 1, 1, 1).save(tmp_path / "nowhere" / "clip.png")


@pytest.mark.slow
def test_the_quickstart_notebook_runs(tmp_path: Path) -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert all(not cell["outputs"] for cell in cells if cell["cell_type"] == "code")  # it is committed without
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    shown = [source for source in code if isinstance(ast.parse(source).body[-1], ast.Expr) and "show(" in source]
    assert len(shown) == 3
    program = io.StringIO()
    for source in code:  # the last expression of a cell is what it displays
        lines = ast.unparse(ast.parse(source)).splitlines()
        if source in shown:
            lines[-1] = f"print('shown', len(({lines[-1]})._repr_png_()[0]) > 10_000)"
        program.write("\n".join(lines) + "\n")
    done = subprocess.run([sys.executable, "-c", program.getvalue()], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("shown True") == 3
    assert re.search(r"^2,0\d\d,\d{3} steps in .* perf 0?\.?[91]", done.stdout, re.MULTILINE)
    assert re.search(r"^\d{3} games, points won minus lost: (1\d|20|21)\.\d$", done.stdout, re.MULTILINE)
    assert "IPython" not in done.stderr
