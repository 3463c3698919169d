# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What is checked, and the compiler that is asked about it."""

from __future__ import annotations

import functools
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from shoal import compile, native

SECONDS = 60.0  # that a compiler may take


@dataclass(frozen=True)
class Done:
    """How a program ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Subject:
    """An environment's source, a compiler, and a folder for what is made of them."""

    name: str
    header: Path
    compiler: compile.Compiler
    folder: Path

    @property
    def type(self) -> str:
        """The first part of its types: my_game -> MyGame."""
        return compile.type_name(self.name)

    def source(self, last: str, first: Path | None = None) -> str:
        """Return a C file: the header, or `first`, which includes it; its names; then `last`."""
        return (
            f'#include "{first or self.header}"\n'
            f'#define SHOAL_ENV_NAME "{self.name}"\n'
            f"#define SHOAL_ENV_FN(name) {self.name}_##name\n"
            f"#define SHOAL_ENV_TYPE(name) {self.type}##name\n"
            f"#define SHOAL_ENV_TABLE(name) {self.name.upper()}_##name\n{last}\n"
        )

    def compile(
        self, source: str, *flags: str, language: str = "c", compiler: tuple[str, ...] = (), libraries: str = ""
    ) -> Done:
        """Compile a text; the flags say to what, `libraries` with what a program is linked (`-lm`)."""
        suffix = {"c": "c", "c++": "cpp", "cuda": "cu"}[language]
        path = self.folder / f"check-{len(list(self.folder.iterdir()))}.{suffix}"
        path.write_text(source, encoding="utf-8")
        include = (f"-I{compile.include_folder()}", f"-I{self.header.parent}")
        command = (*(compiler or self.compiler.command), *flags, *include, str(path), *libraries.split())
        return call(command, SECONDS, self.folder)

    @property
    def file(self) -> str:
        """The header's name, as sentences use it."""
        return self.header.name

    def where(self, function: str) -> str:
        """Return `game_step (game.h:70)`, or `game_step` where the header does not show it."""
        name = f"{self.name}_{function}"
        for number, line in enumerate(self.text.splitlines(), 1):
            if re.search(rf"\b{name}\s*\(", line) and not line.lstrip().startswith("//"):
                return f"{name} ({self.file}:{number})"
        return name

    @functools.cached_property
    def text(self) -> str:
        """The header's text."""
        return self.header.read_text(encoding="utf-8", errors="replace")


def numeric_flags() -> tuple[str, ...]:
    """Return the flags that decide an environment's arithmetic: those of its real compilation, but for speed."""
    return tuple(flag for flag in native.library().env_flags().decode().split() if flag.startswith("-f"))


def call(command: tuple[str, ...], seconds: float, folder: Path | None = None, **variables: str) -> Done:
    """Run a program with more environment variables and return how it ended; -1: it did not in time."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=seconds,
            cwd=folder,
            env=os.environ | {"LC_ALL": "C"} | variables,
        )
    except subprocess.TimeoutExpired:
        return Done(-1, "", f"{command[0]} did not end within {seconds:g} s")
    except OSError as error:
        return Done(-1, "", f"{command[0]}: {error.strerror}")
    return Done(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
