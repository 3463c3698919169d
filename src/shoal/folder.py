# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Environments outside the package: a folder with <name>.h, <name>.toml and README.md, compiled when it is first used.

Wherever an environment's name is expected, a path will do that has a separator in it: `./mygame`, `~/games/mygame`.
"""

from __future__ import annotations

import ctypes
import os
import re
from pathlib import Path

from shoal import compile, native, registry, store
from shoal.errors import CheckpointError, EnvError, command

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

_NAMING = f"`{command()} eval ENV RUN`, `{command()} train ENV --resume RUN`, env= in Python"

GUARDED = "SHOAL_GUARDED"  # set in the process that `--debug` starts

_loaded: dict[tuple[Path, Path], registry.Environment] = {}  # by header, and object, whose name changes with its code


def is_path(name: str) -> bool:
    """Return whether `name` means a folder, and no built-in environment."""
    return os.sep in name or name in (".", "..")


def is_outside(name: str) -> bool:
    """Return whether `name` means a Python environment: module:name, file.py:name."""
    return ":" in name[2:] and not Path(name).exists()  # and is not the colon of a drive


def load(name: str) -> registry.Environment:
    """Return the environment of the folder at the path `name`, compiled if it has changed.

    Raises:
        EnvError: if there is none, it does not compile, or is of another version of the interface.
    """
    header = find_header(name)
    library = compile.build(header, header.stem)
    if guarded():
        library = compile.build(header, header.stem, "guarded")
    if (header, library) not in _loaded:
        _loaded[header, library] = _open(library, header)
    return _loaded[header, library]


def guarded() -> bool:
    """Return whether this process is one in which `--debug` put the sanitizers (debug.py)."""
    return os.environ.get(GUARDED) == "1"


def is_environment(name: str) -> bool:
    """Return whether `name` is the path of a folder that is no run."""
    path = Path(name).expanduser()
    return path.is_dir() and not (path / "config.toml").exists()


def of_run(run: store.Run, runs_dir: Path) -> registry.Environment | None:
    """Return the environment outside the package that a run of ours was trained on; None: it is the package's own.

    Only a run inside the user's own folder of runs says which code is compiled. Of another run, which may have come
    from anywhere, the folder must be named.

    Raises:
        CheckpointError: if the folder is no longer there, or must be named.
    """
    if not run.folder:
        return None
    if run.path.resolve().parent.parent != runs_dir.resolve():
        raise CheckpointError(
            f"the run is of an environment outside the package, and does not lie in {runs_dir}: {run.path}",
            f"name the environment of `{run.path.resolve().parent.name}` too: {_NAMING}",
        )
    if not is_outside(run.folder) and not Path(run.folder).is_dir():
        raise CheckpointError(
            f"the run's environment is gone: no folder {run.folder}: {run.path}",
            f"if it was moved, name its new folder: {_NAMING}",
        )
    return registry.get(run.folder)


def way_on(run: store.Run, env: registry.Environment) -> str:
    """Return what `shoal train` is to be given to go on with a run: where `of_run` would refuse, `env` too."""
    named = env.source and run.path.resolve().parent.parent != store.RUNS.resolve()
    return f"{f'{env.spelled} ' if named else ''}--resume {run.path}"


def of_checkpoint(path: Path, runs_dir: Path) -> registry.Environment | None:
    """Return the environment outside the package of the run that a checkpoint file lies in; raises as `of_run`."""
    return of_run(store.Run(path.resolve().parent.parent), runs_dir)


def find_header(name: str) -> Path:
    """Return the absolute path of a folder's simulation: <folder>.h, or the only header that draws nothing.

    Raises:
        EnvError: if there is no such folder, or no such header in it.
    """
    folder = Path(name).expanduser().resolve()
    if folder.suffix == ".h" and folder.is_file():
        folder = folder.parent
    if not folder.is_dir():
        hint = f"`{command()} new {folder.name}` makes one, `{command()} list` names what ships"
        raise EnvError(f"no such folder: {name}", hint)
    headers = sorted(path for path in folder.glob("*.h") if not path.stem.endswith("_draw"))
    own = [path for path in headers if path.stem == folder.name] or headers
    if len(own) != 1:
        found = ", ".join(path.name for path in headers) or "no header"
        raise EnvError(f"the folder is no environment: {name} has {found}; expected {folder.name}.h")
    if not NAME.fullmatch(own[0].stem):
        raise EnvError(f"{own[0].stem}.h cannot name an environment; expected lower-case letters, digits and _")
    return own[0]


def _open(library: Path, header: Path) -> registry.Environment:
    try:
        dll = ctypes.CDLL(str(library), mode=ctypes.RTLD_LOCAL)
        descriptor = native.Env.in_dll(dll, f"{header.stem}_{'guarded_' if guarded() else ''}descriptor")
    except (OSError, ValueError) as error:
        raise EnvError(f"the compiled environment cannot be loaded: {library}: {error}", "remove that file") from error
    if descriptor.abi != native.ABI:
        raise EnvError(
            f"`{header.stem}` was compiled for another version of the interface: {descriptor.abi}; expected "
            f"{native.ABI}",
            "it must include shoal/env.h, and bring none of its own",
        )
    ours = guarded() and header.parent.parent == registry.PACKAGED  # a built-in one, compiled again
    return registry.from_descriptor(descriptor, header.parent, "" if ours else library.stem.rpartition("-")[2])
