# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A walk over everything that can be typed wrong: one sentence, what to do, exit code 2, and nothing made or lost."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bad_inputs import ALL

from shoal import cli, memory

FILES = {
    "empty": b"",
    "text": b"this is no checkpoint",
    "bad.toml": b"[train\n",
    "latin.toml": b"# \xff\xfe\n",
    "nul.toml": b"a = 1\0\n",
    "unknown.toml": b"[train]\ngama = 1\n",
    "section.toml": b"[trian]\ngamma = 1\n",
    "type.toml": b"[train]\ngamma = 'x'\n",
    "other.toml": b"environment = 'pong'\n",
    "seed.toml": b"seed = 'x'\n",
    "seed2.toml": b"seed = -4\n",
    "nanseed.toml": b"seed = nan\n",
    "boolseed.toml": b"seed = true\n",
    "date.toml": b"seed = 2020-01-01\n",
    "preset.toml": b"preset = 'x'\n",
    "presetint.toml": b"preset = 3\n",
    "list.toml": b"[train]\ngamma = [1]\n",
    "nest.toml": b"[train.gamma]\nx = 1\n",
    "arr.toml": b"[[train]]\ngamma = 1\n",
    "solved.toml": b"[solved]\nmetric = 'x'\n",
    "thr.toml": b"[solved]\nthreshold = 'x'\n",
    "envint.toml": b"environment = 3\n",
    "envsec.toml": b"[env]\ngravity = nan\n",
    "bignum.toml": b"[train]\ntotal_steps = 1e400\n",
}
SMALL = "--vec.num-envs 32 --train.horizon 16"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with bad files, a finished run, one that can go on, and one that is damaged."""
    folder = tmp_path_factory.mktemp("place")
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to("loop")
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        assert cli.main(f"train cartpole {SMALL} --steps 3072 --runs-dir a".split()) == 0
        assert cli.main(f"train cartpole {SMALL} --steps 1G --max-seconds 0.05 --runs-dir b".split()) == 0
    next((folder / "a/cartpole").iterdir()).rename(folder / "good")
    next((folder / "b/cartpole").iterdir()).rename(folder / "unfinished")
    shutil.rmtree(folder / "a")
    shutil.rmtree(folder / "b")
    shutil.copytree(folder / "unfinished", folder / "damaged")
    for path in (folder / "damaged").rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-100])
    weights = next((folder / "good/checkpoints").glob("0*")).read_bytes()
    (folder / "truncated.safetensors").write_bytes(weights[:300])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "available", lambda: 1 << 30)
        patch.chdir(folder)
        yield folder


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of change of everything below a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        about = path.lstat()
        found[str(path.relative_to(folder))] = (about.st_size if path.is_file() else 0, about.st_mtime_ns)
    return found


def typed(line: str) -> tuple[object, str, str]:
    """Return exit code, standard output and standard error of a command line."""
    out, err = io.StringIO(), io.StringIO()
    code: object
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = cli.main(shlex.split(line))
        except SystemExit as ended:
            code = f"SystemExit({ended.code})"
    return code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize(("line", "problem", "hint"), ALL, ids=[row[0] for row in ALL])
def test_what_is_typed_wrong_is_told_in_one_sentence(line: str, problem: str, hint: str, place: Path) -> None:
    before = contents(place)
    code, out, err = typed(line)
    assert code == 2
    sentence, *more = err.splitlines()
    assert sentence.startswith(f"shoal: {problem}")
    assert len(more) <= 1 and all(text.startswith(f"hint: {hint}") for text in more)
    assert not hint or more
    assert not sentence.endswith(".")
    assert "Traceback" not in out + err
    assert contents(place) == before


def test_the_walk_is_long_and_visits_every_command() -> None:
    lines = [row[0] for row in ALL]
    assert len(set(lines)) == len(lines) >= 200
    assert {shlex.split(line)[0] for line in lines} >= set(cli.commands())
    visited = {words[1] for words in map(shlex.split, lines) if words[0] == "bench" and len(words) > 1}
    assert visited >= {"solve", "train", "sim", "kernels", "gymnasium"}


# ---------------------------------------------------------------------------------------------------- the output

SHOAL = f"{sys.executable} -m shoal"
STREAMS = [
    ("list >&-", 0, ""),
    ("nosuch >&-", 2, "shoal: no command is called `nosuch`"),
    ("nosuch 2>&-", 2, ""),
    ("list >/dev/full", 2, "shoal: the system refuses to read or write: No space left on device"),
    ("train cartpole --steps 3072 --vec.num-envs 32 >&-", 0, ""),
    ("train cartpole --steps 3072 --vec.num-envs 32 >/dev/full", 2, "shoal: the system refuses"),
    ("--help >/dev/full", 2, "shoal: the system refuses"),
    ("train cartpole --steps 3072 --vec.num-envs 32 --runs-dir $'b\\xff'", 0, ""),
]


@pytest.mark.parametrize(("line", "expected", "problem"), STREAMS, ids=[row[0] for row in STREAMS])
def test_output_that_cannot_be_written_is_told_without_a_traceback(
    line: str, expected: int, problem: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{SHOAL} {line}"], cwd=tmp_path, capture_output=True, text=True, check=False, errors="replace"
    )
    assert done.returncode == expected
    assert done.stderr.startswith(problem)
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


def test_letters_that_the_output_lacks_are_replaced(tmp_path: Path) -> None:
    line = f"{SHOAL} train cartpole --steps 3072 --vec.num-envs 32"
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        line.split(), cwd=tmp_path, env=environment, capture_output=True, text=True, encoding="ascii", check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "over 1000 lives" in done.stdout


def test_a_run_whose_output_nobody_reads_is_saved(tmp_path: Path) -> None:
    line = f"{SHOAL} train cartpole --steps 1000G --vec.num-envs 32 | grep -m 1 'value fit'"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.glob("runs/cartpole/*/checkpoints/resume.*"))
