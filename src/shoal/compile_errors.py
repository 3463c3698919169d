# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What is wrong with an environment that does not compile, or calls what it may not: a sentence that names the line."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from shoal.elf import undefined_symbols
from shoal.errors import EnvError

_ALLOWED = {"memcpy", "memmove", "memset"}  # compilers call these for copies and loops of any program
_MEMORY = "State is the memory: arrays in it, or arrays of run-time length behind it"
_RANDOM = "use shoal_random, shoal_uniform or shoal_below, which repeat from the seed"
_SAYING = "a value can be watched as a metric"
_INSTEAD = {
    "printf": _SAYING,
    "fprintf": _SAYING,
    "malloc": _MEMORY,
    "calloc": _MEMORY,
    "realloc": _MEMORY,
    "free": _MEMORY,
    "rand": _RANDOM,
    "random": _RANDOM,
    "srand": _RANDOM,
    "time": "the head of State counts the steps, in `tick`",
}
_SHOWN_LINES = 12  # of what the compiler says
_ENDS = ("cc1: ", "compilation terminated", "1 error generated", "In file included", "                 from ")


def explain(done: subprocess.CompletedProcess[str], header: Path, name: str) -> None:
    """Do nothing if a compiler succeeded.

    Raises:
        EnvError: else; its first error is the sentence, what the compiler said stands below.
    """
    if done.returncode == 0:
        return
    lines = [line for line in done.stderr.splitlines() if not line.startswith(_ENDS)]
    said = "\n".join(line.replace(f"{header.parent}/", shown(f"{header.parent}/")) for line in lines[:_SHOWN_LINES])
    found = [re.match(r"(/.+?):(\d+):(?:\d+:)? (?:fatal )?(error|note): (.*)", line) for line in lines]
    places = [match for match in found if match]
    first = next((match for match in places if match[3] == "error"), None)
    if first is None:
        raise EnvError(f"`{name}` does not compile: the compiler ended with code {done.returncode}\n{said}".rstrip())
    message = re.sub(r" \[-W[^]]*\]$", "", first[4])
    unknown = re.search(r"(?:implicit|undeclared|unknown).*?'(\w+)'|'(\w+)' undeclared", message)
    symbol = (unknown[1] or unknown[2]) if unknown else ""
    at = first
    if not Path(first[1]).is_relative_to(header.parent):  # the engine stumbles over what the header lacks
        if symbol.lower().startswith(name.replace("_", "")) or symbol.lower().startswith(f"{name}_"):
            raise EnvError(
                f"`{name}` does not compile: `{symbol}` is missing; expected it in {shown(str(header))}",
                "shoal/env.h lists what an environment declares",
            )
        at = next((match for match in places if Path(match[1]).is_relative_to(header.parent)), first)
    raise EnvError(f"`{name}` does not compile: {shown(at[1])}:{at[2]}: {message}\n{said}", _INSTEAD.get(symbol, ""))


def refuse_symbols(library: Path, name: str, include: Path, files: list[Path]) -> None:
    """Do nothing if a compiled environment stands alone.

    Args:
        library: the compiled environment.
        name: of the environment.
        include: the folder of our headers.
        files: that were compiled.

    Raises:
        EnvError: if it calls anything that is not its own; the message names the call.
    """
    for symbol in sorted(undefined_symbols(library) - _ALLOWED):
        called = re.sub(r"^_*(.*?)(?:_chk)?$", r"\1", symbol)  # __printf_chk is how some systems spell printf
        called = "printf" if called in ("puts", "putchar") else called  # what compilers make of it
        maths = f"shoal_{called.removesuffix('f')}"
        hint = _INSTEAD.get(called, "an environment calls its own functions and those of shoal/env.h")
        if re.search(rf"\b{re.escape(maths)}\(", (include / "shoal" / "env.h").read_text(encoding="utf-8")):
            hint = f"use {maths}, which has the same bits on every machine"
        own = [path for path in files if not path.is_relative_to(include)]
        raise EnvError(f"`{name}` calls `{called}`, which an environment may not{_call(called, own)}", hint)


def shown(path: str) -> str:
    """Return a path as short as it can be said from here."""
    here = f"{Path.cwd()}/"
    return path[len(here) :] if path.startswith(here) else path


def _call(function: str, files: list[Path]) -> str:
    """Return where a function is called, as `: file:line`; empty if that cannot be seen."""
    for path in files:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        calls = rf"(?<!\w){re.escape(function)}\s*\("
        declares = rf"\s*(#.*|(?!return\b)\w[\w\s*]*{calls}[^;]*;\s*)"
        for number, line in enumerate(lines, 1):
            code = line.partition("//")[0]
            if re.search(calls, code) and not re.fullmatch(declares, code):
                return f": {shown(str(path))}:{number}"
    return ""
