# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Compiling an environment outside the package: when, what is kept, and what is said when it cannot be."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from own_environments import change, line_of, walk

from shoal import compile, folder, native, registry
from shoal.compile_errors import shown
from shoal.errors import EnvError

pytestmark = pytest.mark.usefixtures("unoptimised")

REACHED = "int32_t reached = state->position == state->goal;"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; returns where objects will lie."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "shoal" / "environments"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to which every call of the compiler adds a line."""
    log, script = tmp_path / "calls", tmp_path / "counted-cc"
    script.write_text(f'#!/bin/sh\necho "$*" >> {log}\nexec {os.environ.get("CC", "cc")} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("CC", str(script))
    log.touch()
    return log


def taken(calls: Path) -> int:
    """Return how often the compiler was called since the last time."""
    number = len(calls.read_text().splitlines())
    calls.write_text("")
    return number


def load(header: Path) -> registry.Environment:
    return registry.get(str(header.parent))


# ---------------------------------------------------------------------------------------------------- the cache


def test_what_has_not_changed_is_not_compiled_again(tmp_path: Path, cache: Path, calls: Path) -> None:
    header = walk(tmp_path)
    (header.parent / "more.h").write_text("#define MORE 0.5f\n")
    change(header, ('#include "shoal/env.h"', '#include "shoal/env.h"\n#include "more.h"'))
    change(header, ("reached ? 1.0f :", "reached ? MORE :"))
    first = load(header)
    assert taken(calls) == 2  # preprocessing, compiling
    assert load(header) is first
    assert taken(calls) == 0
    folder._loaded.clear()
    assert load(header).source == first.source
    assert taken(calls) == 0  # in another process either
    change(header, ("// Version 1.", "// Version one."))
    assert load(header).source == first.source
    assert taken(calls) == 1  # a comment changes no code
    (header.parent / "more.h").write_text("#define MORE 0.25f\n")
    assert load(header).source != first.source
    assert taken(calls) == 2
    (header.parent / "more.h").write_text("#define MORE 0.5f\n")
    assert load(header).source == first.source
    assert taken(calls) == 1  # that object is still there


def test_flags_and_version_of_the_interface_are_in_the_key(
    tmp_path: Path, cache: Path, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = walk(tmp_path)
    objects = {compile.build(header, "walk")}
    monkeypatch.setattr(compile, "_ERRORS", (*compile._ERRORS, "-Wall"))
    objects.add(compile.build(header, "walk"))
    monkeypatch.setattr(native, "ABI", native.ABI + 1)
    objects.add(compile.build(header, "walk"))
    assert taken(calls) == 6
    assert len(objects) == 3


def test_a_damaged_note_or_a_lost_object_is_made_again(tmp_path: Path, cache: Path, calls: Path) -> None:
    header = walk(tmp_path)
    library = compile.build(header, "walk")
    for note in cache.glob("*.json"):
        note.write_text('{"object": ')
    assert compile.build(header, "walk") == library
    library.unlink()
    assert compile.build(header, "walk") == library
    assert library.is_file()
    assert taken(calls) == 2 + 1 + 2


def test_objects_that_nobody_used_for_long_are_removed(tmp_path: Path, cache: Path) -> None:
    header = walk(tmp_path)
    old, young = compile.build(header, "walk"), cache / "young.so"
    (cache / ".work-killed").mkdir()
    for path in cache.iterdir():
        os.utime(path, (0, 0))
    young.touch()
    change(header, ("// Version 1.", "// Version 1."), (REACHED, f"state->goal += 0; {REACHED}"))
    new = compile.build(header, "walk")
    assert {path.name for path in cache.iterdir() if path.suffix != ".json"} == {new.name, young.name}
    assert new != old


def test_processes_may_compile_the_same_at_once(tmp_path: Path, cache: Path) -> None:
    header = walk(tmp_path)
    code = f"from shoal import registry; print(registry.get({str(header.parent)!r}).spec().agents)"
    command = [sys.executable, "-c", code]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [child.communicate() for child in running] == [("1\n", "")] * 3
    assert sorted(path.suffix for path in cache.iterdir()) == [".json", ".so"]


def test_a_cache_that_cannot_be_written_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header = walk(tmp_path)
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(EnvError, match=r"cannot be kept: .*: Not a directory\nhint: XDG_CACHE_HOME=FOLDER"):
        load(header)


# ---------------------------------------------------------------------------------------------------- the object


def test_an_object_exports_one_symbol_and_needs_none(tmp_path: Path, cache: Path) -> None:
    header = walk(tmp_path, ("typedef struct {", "int32_t walk_twice(int32_t x) { return 2 * x; }\ntypedef struct {"))
    library = compile.build(header, "walk")
    symbols = subprocess.run(["nm", "-D", library], capture_output=True, text=True, check=True).stdout.split("\n")
    assert [line.split()[2] for line in symbols if " U " not in line and line] == ["walk_descriptor"]
    assert {line.split()[1] for line in symbols if " U " in line} <= {"memcpy", "memmove", "memset"}


def test_a_header_for_another_interface_is_refused(tmp_path: Path, cache: Path) -> None:
    header = walk(tmp_path)
    (header.parent / "shoal").mkdir()
    text = (compile.include_folder() / "shoal" / "env.h").read_text()
    (header.parent / "shoal" / "env.h").write_text(re.sub(r"#define SHOAL_ABI \d+", "#define SHOAL_ABI 99", text))
    with pytest.raises(EnvError, match=r"`walk` was compiled for another version of the interface: 99; expected \d+"):
        load(header)


# ---------------------------------------------------------------------------------------------------- no compiler


def test_no_compiler_is_a_sentence(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header = walk(tmp_path)
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        EnvError, match=r"no C compiler was found: tried .*\nhint: install gcc .* -m pip install ziglang`"
    ):
        load(header)
    monkeypatch.setenv("CC", "no-such-cc -m64")
    with pytest.raises(EnvError, match=r"CC=no-such-cc -m64 names no program\nhint: unset CC"):
        load(header)


def test_ziglang_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ziglang-9.9.dist-info").mkdir()
    (tmp_path / "ziglang-9.9.dist-info" / "METADATA").write_text("Name: ziglang\nVersion: 9.9\n")
    (tmp_path / "ziglang").mkdir()
    (tmp_path / "ziglang" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    assert compile.find_compiler().command[1:] == ()
    monkeypatch.setenv("PATH", "")
    assert compile.find_compiler().command == (sys.executable, "-m", "ziglang", "cc")
    assert compile.find_compiler().identity == "ziglang 9.9"


# ---------------------------------------------------------------------------------------------------- mistakes


def test_a_mistake_names_file_line_and_the_compilers_words(tmp_path: Path, cache: Path) -> None:
    header = walk(tmp_path, (REACHED, "int32_t reached = state->position == state->gaol;"))
    with pytest.raises(EnvError) as caught:
        load(header)
    line = line_of(header, "gaol")
    sentence, *said = str(caught.value).splitlines()
    assert re.fullmatch(rf"`walk` does not compile: {shown(str(header))}:{line}: .*gaol.*", sentence)
    assert any("state->gaol" in text for text in said)  # the line itself


MISSING = [
    ("void walk_observe(", "void walk_obzerve(", "walk_observe"),
    ("SHOAL_HOST const char *walk_spec(", "SHOAL_HOST const char *walk_species(", "walk_spec"),
    ("#define SHOAL_ENV_AGENTS 1", "#define SHOAL_HAS_RESPAWN", "walk_respawn"),
]


@pytest.mark.parametrize(("old", "new", "missing"), MISSING)
def test_what_is_missing_is_named(tmp_path: Path, cache: Path, old: str, new: str, missing: str) -> None:
    header = walk(tmp_path, (old, new))
    expected = f"`walk` does not compile: `{missing}` is missing; expected it in {shown(str(header))}"
    with pytest.raises(EnvError, match=re.escape(expected)):
        load(header)


FORBIDDEN = [
    ("int rand(void);", "state->goal += rand();", "rand", "use shoal_random"),
    ("int printf(const char *, ...);", 'printf("here\\n");', "printf", "a value can be watched as a metric"),
    ("void *malloc(unsigned long);", "state->goal += ((int *)malloc(8))[1];", "malloc", "State is the memory"),
    ("float sinf(float);", "state->goal += sinf(1.0f * state->goal) > 0;", "sinf", "use shoal_sin, which has the same"),
]


@pytest.mark.parametrize(("declared", "called", "symbol", "hint"), FORBIDDEN)
def test_a_forbidden_call_is_named(
    tmp_path: Path, cache: Path, declared: str, called: str, symbol: str, hint: str
) -> None:
    header = walk(tmp_path, ('#include "shoal/env.h"', f'#include "shoal/env.h"\n{declared}\n'))
    change(header, (REACHED, f"{called}\n  {REACHED}"))
    with pytest.raises(EnvError) as caught:
        load(header)
    where = f"{shown(str(header))}:{line_of(header, called)}"
    expected = f"`walk` calls `{symbol}`, which an environment may not: {where}\nhint: {hint}"
    assert str(caught.value).startswith(expected)


def test_a_function_with_other_parameters_is_found_in_the_header(tmp_path: Path, cache: Path) -> None:
    header = walk(tmp_path, ("SHOAL_FN void walk_reset(const WalkParams *params, const void *shared, ",
                             "SHOAL_FN void walk_reset(const WalkParams *params, "))  # fmt: skip
    change(header, ("  int32_t cells = 2 * params->length + 1;\n  (void)shared;", "  int32_t cells = 20;"))
    line = line_of(header, "walk_reset")
    with pytest.raises(EnvError, match=rf"`walk` does not compile: .*walk\.h:{line}: too many arguments"):
        load(header)
