# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What may come next on a command line: commands, environments, runs, flags, the values of a flag.

The scripts of `shoal completion` ask for it with `shoal _complete PROGRAM INDEX WORD...`, where word INDEX, the first
after the program being 0, is the one to complete. Nothing printed means: complete the name of a file. Which flags a
command has is asked of the command itself, as `--help` does.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from shoal import flags, registry, store
from shoal.cli import BENCHMARKS, commands
from shoal.errors import ShoalError
from shoal.settings import PRESETS, SECTIONS
from shoal.track import TRACKERS

RUN_VERBS = ("build", "format", "help", "install", "lint", "python", "test", "wheel")  # that `./run` adds
RUNS_VERBS = ("delete", "export", "rebuild", "show", "tag")
SHELLS = ("bash", "zsh", "fish")

_SWITCH = ("true", "false")
_WITHOUT_ENVIRONMENT = ("new", "list", "doctor", "completion", "bench kernels", "bench gymnasium", "dash", "report")
_OF_ENVIRONMENTS = ("bench sim", "bench draw", "bench suite")  # that take the names of several
_OF_RUNS = ("show", "tag", "delete")  # verbs of `runs` that want the name of one


def run(arguments: list[str]) -> int:
    """Print what may come next, one a line, and return 0 whatever was typed."""
    try:
        program, index, words = arguments[0], int(arguments[1]), arguments[2:]
        start = words[index] if 0 <= index < len(words) else ""
        found = candidates(words[: max(index, 0)], program, start)
    except (ShoalError, ValueError, IndexError, OSError):
        return 0
    print("".join(f"{candidate}\n" for candidate in found), end="")
    return 0


def candidates(before: Sequence[str], program: str = "shoal", start: str = "") -> list[str]:
    """Return everything that begins with `start` and may follow the words `before`."""
    if not before:
        found = sorted({*commands(), *(RUN_VERBS if Path(program).name == "run" else ())})
    elif before[0] in commands():
        found = _after(before[0], list(before[1:]), start)
    else:
        found = []
    return [candidate for candidate in found if candidate.startswith(start)]


def _after(command: str, rest: list[str], start: str) -> list[str]:
    if command == "bench":
        if not rest:
            return list(BENCHMARKS)
        command, rest = f"bench {rest[0]}", rest[1:]
    env = next((word for word in rest if word in registry.names()), "")
    if rest and rest[-1].startswith("--"):
        options, sections = _flags(command, env)
        values = _values(command, rest[-1][2:], options, sections, env, rest)
        if values is not None:
            return values
    words = _words(command, rest)
    if not start.startswith("-") and words:
        return words
    options, sections = _flags(command, env)
    names = [f"--{name}" for name in options]
    if env:
        names += [f"--{section}.{key.replace('_', '-')}" for section, rows in sections.items() for key in rows]
        if command == "sweep" and start.startswith("--sweep"):
            names = [name.replace("--", "--sweep.", 1) for name in names if "." in name]
    given = {word.partition("=")[0] for word in rest}
    return [name for name in [*names, "--help"] if name not in given]


class _Asked(Exception):  # noqa: N818, nothing failed
    """Carries what a command would have shown as its help."""


def _flags(command: str, env: str) -> tuple[dict[str, flags.Option], Mapping[str, flags.Rows]]:
    """Return the options of a command by their names, and the settings that are its flags too."""

    def ask(program: str, about: str, options: Sequence[flags.Option], sections: Mapping[str, flags.Rows]) -> NoReturn:
        raise _Asked(options, sections)

    name, *more = command.split()
    shown, flags.show_help = flags.show_help, ask
    try:
        for words in ([env] if env else [], [registry.names()[0]]):  # some commands want an environment first
            with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit, ShoalError):
                commands()[name]([*more, *words, "--help"])
    except _Asked as asked:
        options, sections = asked.args
        return {option.name: option for option in options}, sections
    finally:
        flags.show_help = shown
    return {}, {}


def _words(command: str, rest: Sequence[str]) -> list[str]:
    """Return the words, not flags, that may come next."""
    if any(word.startswith("-") for word in rest):
        return []
    if command == "completion" and not rest:
        return list(SHELLS)
    if command == "report":
        return [*(() if rest else _sweeps(rest)), *_runs(rest)]
    if command == "compare":
        return _runs(rest)
    if command == "runs" and rest:
        return _runs(rest) if rest[0] in _OF_RUNS else []
    if command == "runs":
        return [*RUNS_VERBS, *registry.names()]
    if command == "eval":
        return [*(() if rest else registry.names()), *_runs(rest)] if len(rest) < 2 else []
    if command == "match":
        return [*registry.names(), "random", "scripted", *_runs(rest)]
    if command == "bench vec":
        return _python_environments()
    many = command in _OF_ENVIRONMENTS
    return registry.names() if command not in _WITHOUT_ENVIRONMENT and (many or not rest) else []


def _runs(words: Sequence[str]) -> list[str]:
    """Return the names of the runs, the newest first, of the environment that is named."""
    folder = Path(flags.peek(words, "--runs-dir") or store.RUNS)
    env = next((word for word in words if word in registry.names()), "")
    return [run.name for run in reversed(store.by_age(folder, env))]


def _sweeps(words: Sequence[str]) -> list[str]:
    """Return the names of the sweeps, the newest first."""
    folder = Path(flags.peek(words, "--runs-dir") or store.RUNS)
    found = sorted(folder.glob(f"*/{store.SWEEP}"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [path.parent.name for path in found]


def _python_environments() -> list[str]:
    from shoal.bench import vec

    return list(vec.ENVIRONMENTS)


def _searches() -> Sequence[str]:
    from shoal.sweep import search

    return search.NAMES


def _values(
    command: str,
    flag: str,
    options: Mapping[str, flags.Option],
    sections: Mapping[str, flags.Rows],
    env: str,
    rest: Sequence[str],
) -> list[str] | None:
    """Return the values of a flag, none if they are no list; None if it takes none."""
    lists: dict[str, Callable[[], Iterable[str]]] = {
        "preset": lambda: PRESETS,
        "resume": lambda: _runs(rest) if command != "sweep" else _sweeps(rest),
        "join": lambda: _sweeps(rest),
        "earlier": lambda: _sweeps(rest),
        "sweep": lambda: _sweeps(rest),
        "search": _searches,
        "init-from": lambda: _runs(rest),
        "track": lambda: TRACKERS,
        "orders": lambda: ("blocks", "steps"),
        "env": registry.names,
    }
    if flag in options:
        if options[flag].kind == "bool":
            return None
        return list(lists[flag]()) if flag in lists else []
    section, _, key = flag.replace("-", "_").partition(".")
    kind = sections.get(section, {}).get(key, ("",))[0]
    return list(_SWITCH if kind in ("bool", "switch") else _choices(section, key, env))


def _choices(section: str, key: str, env: str) -> Sequence[str]:
    """Return the values that a setting allows, if they are a list."""
    if section == "env":
        return next((param.choices for param in registry.get(env).params if param.name == key), ()) if env else ()
    fields: Any = dataclasses.fields(SECTIONS[section]) if section in SECTIONS else ()
    return next((field.metadata["choices"] for field in fields if field.name == key), ())
