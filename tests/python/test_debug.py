# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`--debug`: faults planted in an environment are found at their first access, with file and line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from own_environments import change, line_of, walk
from small_runs import metrics
from test_cli import SMALL, run

from shoal import compile, debug, registry
from shoal.errors import EnvError

REACHED = "int32_t reached = state->position == state->goal;"
PLACES = "  int32_t goal;      // cells, never the starting position\n"


@pytest.fixture(autouse=True)
def _somewhere_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def _sanitizers() -> None:
    try:
        debug.find_runtime(compile.find_compiler())
    except EnvError as error:
        pytest.skip(str(error))


def planted(capsys: pytest.CaptureFixture[str], *changes: tuple[str, str]) -> str:
    """Return what `--debug` says of an environment with these changes, which must be a mistake."""
    walk(Path(), *changes)
    code, _, err = run(capsys, "train", "./walk", *SMALL, "--debug")
    assert code == 2
    assert "Traceback" not in err
    return err


@pytest.mark.slow
@pytest.mark.usefixtures("_sanitizers")
@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("  out[1] = ", "  out[2] = ", "a write of 4 bytes, 0 bytes after the 8 bytes of `row`, in walk_observe"),
        (REACHED, f"result->reward[1] = 1.0f; {REACHED}", "a write of 4 bytes, 0 bytes after the 4 bytes of `reward`"),
        (REACHED, f"(&state->goal)[1] = 7; {REACHED}", "a write of 4 bytes, 0 bytes after the 32 bytes of `State`"),
        (REACHED, f"state->goal += 2147483647; {REACHED}", "signed integer overflow"),
        (REACHED, f"*(volatile int32_t *)shared = 1; {REACHED}", "store to null pointer"),
    ],
)
def test_a_bad_access_is_found(capsys: pytest.CaptureFixture[str], old: str, new: str, found: str) -> None:
    err = planted(capsys, (old, new))
    line = line_of(Path("walk/walk.h"), new)
    assert err.startswith(f"shoal: walk/walk.h:{line}: {found}"), err


@pytest.mark.slow
@pytest.mark.usefixtures("_sanitizers")
def test_an_index_beyond_an_array_inside_state_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    """No other world is touched and no allocation left: only the type knows."""
    header = walk(Path(), (PLACES, f"  int32_t seen[4];\n{PLACES}"))
    change(header, (REACHED, f"state->seen[4 + (state->position > 50)] = 1;\n  {REACHED}"))
    code, _, err = run(capsys, "train", "./walk", *SMALL, "--debug")
    assert code == 2
    line = line_of(header, "state->seen[4 +")
    assert re.match(rf"shoal: walk/walk\.h:{line}: index 4 out of bounds for type 'int32_t ?\[4\]'", err), err


@pytest.mark.slow
@pytest.mark.usefixtures("_sanitizers")
@pytest.mark.parametrize("name", ["template", "crowd", "mixed"])
def test_what_ships_is_clean_and_plays_the_same(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "train", name, *SMALL, "--vec.num-envs", "16", "--debug")
    assert (code, err) == (0, "")
    assert "debug: the sanitizers found nothing" in out
    run(capsys, "train", name, *SMALL, "--vec.num-envs", "16")
    guarded, plain = (metrics(path) for path in Path("runs").glob(f"{name}/*/metrics.jsonl"))
    assert guarded == plain


@pytest.mark.slow
@pytest.mark.usefixtures("_sanitizers")
def test_other_mistakes_read_as_without_it(capsys: pytest.CaptureFixture[str]) -> None:
    walk(Path())
    code, _, err = run(capsys, "train", "./walk", "--train.gama", "0.5", "--debug")
    assert (code, err.splitlines()[0]) == (2, "shoal: unknown flag `--train.gama`")


def test_a_compiler_without_sanitizers_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "plain-cc"
    script.write_text("#!/bin/sh\necho libasan.so\n")  # what gcc says of a file that it does not have
    script.chmod(0o755)
    monkeypatch.setenv("CC", str(script))
    code, _, err = run(capsys, "train", "template", "--debug")
    assert (code, err.splitlines()[0]) == (
        2,
        f"shoal: --debug needs AddressSanitizer, which this compiler lacks: {script}",
    )
    with pytest.raises(EnvError, match="ziglang brings no AddressSanitizer"):
        debug.find_runtime(compile.Compiler(("python", "-m", "ziglang", "cc"), "ziglang"))


def test_a_linker_script_leads_to_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library, script = tmp_path / "libasan.so.8", tmp_path / "libasan.so"
    library.write_bytes(b"\x7fELF")
    script.write_text(f"INPUT ( {library} )\n")
    compiler = tmp_path / "cc"
    compiler.write_text(f"#!/bin/sh\necho {script}\n")
    compiler.chmod(0o755)
    assert debug.find_runtime(compile.Compiler((str(compiler),), "")) == library


REPORT = """\
==1==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000018 at pc 0x7f81 bp 0x7ffd sp 0x7ffc
READ of size 1 at 0x602000000018 thread T1
    #0 0x7f8100 in shoal_clamp {include}/shoal/env.h:320
    #1 0x7f8101 in walk_step {folder}/walk.h:41:7
    #2 0x7f8102 in walk_guarded_step {include}/shoal/env_guard.h:74

0x602000000018 is located 3 bytes to the right of 5-byte region [0x602000000010,0x602000000015)
allocated by thread T1 here:
    #0 0x7f81 in __interceptor_malloc
    #1 0x7f81 in shoal_guard_mask {include}/shoal/env_guard.h:36
"""


def test_a_report_becomes_a_sentence(tmp_path: Path) -> None:
    text = REPORT.format(include=compile.include_folder(), folder=tmp_path)
    expected = "walk.h:41: a read of 1 byte, 3 bytes after the 5 bytes of `mask`, in walk_step"
    assert debug.explain(text).splitlines()[0] == expected
    undefined = f"{registry.PACKAGED}/x.h:7:3: runtime error: shift exponent 40 is too large\n"
    assert debug.explain(undefined).splitlines()[0] == f"{registry.PACKAGED}/x.h:7: shift exponent 40 is too large"
    assert debug.explain("==1==ERROR: AddressSanitizer: stack-overflow on address 0x7f\n").startswith("stack-overflow")
