# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The struct mirrors agree with the headers, and the library is chosen as documented."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import types
from pathlib import Path

import pytest

from shoal import config, native, native_settings
from shoal.errors import NativeError

HEADERS = Path(__file__).parents[2] / "native" / "include"
MIRRORS = {
    "ShoalSizes": native.Sizes,
    "ShoalParam": native.Param,
    "ShoalMetric": native.Metric,
    "ShoalField": native.Field,
    "ShoalDiscrete": native.Discrete,
    "ShoalContinuous": native.Continuous,
    "ShoalSpec": native.Spec,
    "ShoalEnv": native.Env,
    "ShoalContext": native.Context,
    "ShoalVecConfig": native.VecConfig,
    "ShoalTensor": native.Tensor,
    "ShoalPolicyConfig": native.PolicyConfig,
    "ShoalPlayer": native.Player,
    "ShoalTrainConfig": native.TrainConfig,
    "ShoalLog": native.Log,
    "ShoalDrawing": native.Drawing,
    "ShoalCanvas": native.Canvas,
    "ShoalOverlay": native.Overlay,
    "ShoalOutsideShape": native.OutsideShape,
    "ShoalOutsideWorker": native.OutsideWorker,
    "ShoalOutsideConfig": native.OutsideConfig,
    "ShoalBench": native.Bench,
}


def test_mirrors_have_the_layout_that_the_compiler_gives(tmp_path: Path) -> None:
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        pytest.skip("needs a C compiler")
    lines = []
    for name, mirror in MIRRORS.items():
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        for field, *_ in mirror._fields_:
            member = f"(({name} *)0)->{field}"
            lines.append(f'printf("{name}.{field} %zu %zu\\n", offsetof({name}, {field}), sizeof {member});')
    lines += [f'printf("{stage} %d\\n", SHOAL_STAGE_{stage.upper()});' for stage in native.STAGES]
    lines.append('printf("stages %d\\n", SHOAL_STAGES);')
    source = tmp_path / "layout.c"
    source.write_text(
        "#include <stdio.h>\n#include <stddef.h>\n#include <bench/bench.h>\n"
        "#include <shoal/context.h>\n#include <shoal/draw.h>\n#include <shoal/outside.h>\nint main(void) {\n"
        + "\n".join(lines)
        + "\nreturn 0; }\n"
    )
    program = tmp_path / "layout"
    subprocess.run(
        [compiler, "-std=gnu11", f"-I{HEADERS}", f"-I{HEADERS.parent}", str(source), "-o", str(program)], check=True
    )
    printed = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout.splitlines()
    expected = []
    for name, mirror in MIRRORS.items():
        expected.append(f"{name} {ctypes.sizeof(mirror)}")
        for field, *_ in mirror._fields_:
            place = getattr(mirror, field)
            expected.append(f"{name}.{field} {place.offset} {place.size}")
    expected += [f"{stage} {index}" for index, stage in enumerate(native.STAGES)]
    assert printed == [*expected, f"stages {len(native.STAGES)}"]


def test_a_missing_build_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        NativeError, match=r"has not been built: nothing at .*\nhint: build it again with `./run build`"
    ):
        native.choose_library(tmp_path)


def test_shoal_isa_names_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for isa in ("avx2", "generic"):
        (tmp_path / f"libshoal_{isa}.so").touch()
    monkeypatch.setenv("SHOAL_ISA", "avx2")
    assert native.choose_library(tmp_path).name == "libshoal_avx2.so"
    monkeypatch.setenv("SHOAL_ISA", "neon")
    with pytest.raises(NativeError, match=r"SHOAL_ISA=neon names no build .*; expected one of avx2, generic"):
        native.choose_library(tmp_path)


def test_the_best_build_that_runs_here_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOAL_ISA", raising=False)
    chosen = native.Library(native.choose_library(native.library_folder()))
    assert chosen.name == chosen.best_isa().decode()


def test_a_symbol_that_is_missing_names_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = native.Library(native.choose_library(native.library_folder()))
    monkeypatch.setitem(native.PROTOTYPES, "telepathy", (None, ()))
    with pytest.raises(NativeError, match="the native library lacks `shoal_telepathy`"):
        _ = library.telepathy


def test_a_message_outlives_the_call_that_may_write_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Watched(native.Message):
        alive = 0

        def __init__(self) -> None:
            super().__init__()
            Watched.alive += 1

        def __del__(self) -> None:
            Watched.alive -= 1

    def refuse(_spec: object, _policy: object, _message: object) -> int:
        assert Watched.alive, "the native call would write its sentence into freed memory"
        return -1

    loaded = config.load("cartpole")
    spec = loaded.spec()
    resolved = config.resolve(loaded, spec)
    monkeypatch.setattr(native, "Message", Watched)
    monkeypatch.setattr(native, "library", lambda: types.SimpleNamespace(policy_bytes=refuse))
    assert not native_settings.knows(resolved, spec)
    assert not Watched.alive
