# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal new`: a folder with an environment of one's own, made from a template, that trains at once."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from shoal import agents, compile, flags, folder, registry
from shoal.cli import command, leading
from shoal.errors import ConfigError

_PACKAGE = Path(__file__).parent
_SINGLE = _PACKAGE / "envs" / "template"  # also a built-in environment
_KINDS = {
    "multi-agent": "many agents in a world, some of which end while it goes on",
    "continuous": "a continuous action",
    "grid": "an observation of categories on a grid",
}
_OPTIONS = (
    *(flags.Option(kind, "bool", False, f"a template with {about}") for kind, about in _KINDS.items()),
    flags.Option("into", "str", ".", "where the folder is made"),
)


def run(arguments: list[str]) -> int:
    """Run `shoal new ARGUMENTS` and return the exit code."""
    words = leading(arguments)
    about = "Make a folder with an environment of your own, to be changed; without a kind, the smallest one."
    options = flags.parse("shoal new NAME", about, arguments[len(words) :], _OPTIONS).options
    if len(words) != 1:
        got = f"unexpected argument `{words[1]}`" if words else "no name was given"
        raise ConfigError(f"{got}; expected `shoal new NAME`", f"`{command()} new mygame` makes the folder mygame")
    kinds = [kind for kind in _KINDS if options[kind.replace("-", "_")]]
    if len(kinds) > 1:
        raise ConfigError(f"one template at a time: got {' and '.join(f'--{kind}' for kind in kinds)}")
    made = make(words[0], _PACKAGE / "templates" / kinds[0] if kinds else _SINGLE, Path(options["into"]))
    home = registry.spelled(made)
    files = f"{words[0]}.h (the simulation), {words[0]}_draw.h (its picture), {words[0]}.toml (its settings)"
    print(f"made {home}/: {files}, README.md (its page)")
    print(f"next:\n  {command()} train {home}\n  {command()} eval {home}")
    return 0


def make(name: str, template: Path, into: Path) -> Path:
    """Write the folder `into`/`name` from a template and return it.

    Raises:
        ConfigError: if the name will not do, something of that name is there, or it cannot be written.
    """
    check_name(name)
    target = into / name
    if target.exists():
        raise ConfigError(f"{target} is there already", "choose another name, or `--into FOLDER`")
    try:
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=into, prefix=f".{name}-") as work:
            draft = Path(work) / name  # the folder appears whole
            draft.mkdir()
            for source in sorted(source for source in template.iterdir() if source.name != agents.NAME):
                text = renamed(source.read_text(encoding="utf-8"), name)
                (draft / source.name.replace("template", name)).write_text(text, encoding="utf-8")
            shutil.move(draft, target)
    except OSError as error:
        raise ConfigError(f"the environment cannot be written: {target}: {error.strerror}") from error
    return target


def check_name(name: str) -> None:
    """Raise unless `name` can be that of a new environment.

    Raises:
        ConfigError: if it is no identifier in lower case, or is taken.
    """
    if not folder.NAME.fullmatch(name):
        words = re.findall(r"[a-z0-9]+", Path(name).name.lower())
        close = re.sub(r"^[0-9_]+", "", "_".join(words))
        raise ConfigError(
            f"`{name}` cannot name an environment; expected lower-case letters, digits and _, a letter first",
            f"`{close}` would do" if close else "such as `mygame`",
        )
    if name in registry.names() or name == "shoal" or name.startswith("shoal_"):
        raise ConfigError(f"the name `{name}` is taken", f"such as `my_{name}`")


def renamed(text: str, name: str) -> str:
    """Return a template's text with the names of another environment, and without our licence."""
    lines = [line for line in text.splitlines() if not re.match(r"(//|#) (SPDX-|Copyright)", line)]
    while lines[0] in ("", "//"):
        lines.pop(0)
    renamed_lines, shift = [], 0
    for old in lines:
        new = old.replace("template", name).replace("Template", compile.type_name(name))
        new = new.replace("TEMPLATE", name.upper())
        if old.startswith("SHOAL_"):  # a function's further parameters stay below its first
            shift = new.find("(") - old.find("(")
        elif old.startswith(" " * 16) and shift:
            new = " " * (len(old) - len(old.lstrip()) + shift) + new.lstrip()
        else:
            shift = 0
        if old.endswith("\\"):  # a macro's line goes on where the others do
            new = f"{new[:-1].rstrip():<{len(old) - 1}}\\"
        renamed_lines.append(new)
    return "\n".join(renamed_lines) + "\n"
