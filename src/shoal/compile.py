# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Compiles an environment's header with the system's compiler, once: what was compiled stays in the user's cache.

An object is kept under a hash of all that decides its bytes: preprocessed source, flags (which name the instruction
set), compiler, version of the interface. A note beside it, under a hash of what is known before the source is read,
names the files that were included and their contents, so that an unchanged environment loads without a compiler.
Files appear in the cache whole or not at all: two processes may compile the same environment at once.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from shoal import native
from shoal.compile_errors import explain, refuse_symbols
from shoal.errors import EnvError

# A library that exports one symbol, and stands alone without sanitizers. Mistakes that C lets pass are errors.
_LINK = ("-shared", "-fPIC", "-fvisibility=hidden", "-fno-stack-protector")
_ALONE = ("-nostdlib",)
_SANITIZE = ("-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
_ERRORS = (
    "-Werror=implicit-function-declaration",
    "-Werror=incompatible-pointer-types",
    "-Werror=int-conversion",
    "-Werror=return-type",
    "-Werror=uninitialized",
    "-Wno-error=maybe-uninitialized",  # of which gcc is not sure
)
_NEEDS_COMPILER = (
    "install gcc or clang (apt install gcc, dnf install gcc, xcode-select --install), or "
    f"`{sys.executable} -m pip install ziglang`; CC=/path/to/compiler names one"
)
_KEEP_DAYS = 30  # objects that nobody loaded for so long are removed

# What is compiled, after the header: each kind exports one symbol, and a further kind is a further entry.
_SOURCES = {
    "simulation": """\
#define SHOAL_ENV_NAME "{name}"
#define SHOAL_ENV_FN(name) {name}_##name
#define SHOAL_ENV_TYPE(name) {type}##name
#define SHOAL_ENV_TABLE(name) {table}_##name
#include "shoal/vec.h"
extern __attribute__((visibility("default"))) const ShoalEnv {name}_descriptor;
#include "shoal/env_block.h"
""",
    "guarded": """\
#define SHOAL_OWN_FN(name) {name}_##name
#define SHOAL_ENV_NAME "{name}"
#define SHOAL_ENV_FN(name) {name}_guarded_##name
#define SHOAL_ENV_TYPE(name) {type}##name
#define SHOAL_ENV_TABLE(name) {table}_##name
#include "shoal/env_guard.h"
extern __attribute__((visibility("default"))) const ShoalEnv {name}_guarded_descriptor;
#include "shoal/env_block.h"
""",
    "drawing": """\
#define SHOAL_ENV_NAME "{name}"
#define SHOAL_ENV_FN(name) {name}_##name
#define SHOAL_ENV_TYPE(name) {type}##name
#include "shoal/canvas.h"
extern __attribute__((visibility("default"))) const ShoalDrawing {name}_drawing;
#include "shoal/draw_block.h"
""",
}


@dataclass(frozen=True)
class Compiler:
    """A C compiler: the words that call it, and what tells it from others and from other versions of itself."""

    command: tuple[str, ...]
    identity: str

    def is_clang(self) -> bool:
        """Return whether it is clang, which keeps the sanitizers elsewhere than gcc does."""
        return "clang" in self.run(["--version"], Path.cwd()).stdout

    def run(self, arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        """Run it with messages in English, and without what `--debug` preloads."""
        command = [*self.command, *arguments]
        around = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"} | {"LC_ALL": "C"}
        try:
            return subprocess.run(command, cwd=folder, env=around, capture_output=True, text=True, errors="replace")
        except OSError as error:
            raise EnvError(f"the C compiler cannot be run: {self.command[0]}: {error.strerror}") from error


def find_compiler() -> Compiler:
    """Return `$CC`, or the first of cc, gcc, clang and the package ziglang that is there.

    Raises:
        EnvError: if there is none.
    """
    wanted = os.environ.get("CC", "").split()
    for words in [wanted] if wanted else [["cc"], ["gcc"], ["clang"]]:
        found = shutil.which(words[0])
        if found:
            path = Path(found).resolve()
            stat = path.stat()
            return Compiler(
                (found, *words[1:]), f"{' '.join([str(path), *words[1:]])} {stat.st_size} {stat.st_mtime_ns}"
            )
    if wanted:
        raise EnvError(f"CC={os.environ['CC']} names no program", "unset CC to look for cc, gcc, clang and ziglang")
    if importlib.util.find_spec("ziglang"):
        from importlib import metadata

        return Compiler((sys.executable, "-m", "ziglang", "cc"), f"ziglang {metadata.version('ziglang')}")
    raise EnvError("no C compiler was found: tried cc, gcc, clang and the package ziglang", _NEEDS_COMPILER)


def include_folder() -> Path:
    """Return where `shoal/env.h` lies: in the package, or in the checkout that it is part of."""
    package = Path(__file__).parent
    return package / "include" if (package / "include").is_dir() else package.parents[1] / "native" / "include"


def cache_folder() -> Path:
    """Return where compiled environments are kept."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if os.path.isabs(home) else Path.home() / ".cache") / "shoal" / "environments"


def type_name(name: str) -> str:
    """Return what an environment's types begin with: `tag_team` has a `TagTeamState`."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def build(header: Path, name: str, kind: str = "simulation") -> Path:
    """Return the shared library of the environment `name` in that header, compiled unless the cache has it.

    Args:
        header: its simulation, or its drawing.
        name: what its functions and types begin with.
        kind: simulation exports <name>_descriptor; guarded has the sanitizers in it, and guards around everything that
            its functions get (env_guard.h), and exports <name>_guarded_descriptor; drawing, of <name>_draw.h, exports
            <name>_drawing.

    Raises:
        EnvError: if it does not compile, calls what an environment may not call, or there is no compiler.
    """
    compiler = find_compiler()
    flags = [*native.library().env_flags().decode().split(), *_LINK, *_ERRORS]
    if kind == "guarded":
        flags = [flag for flag in flags if flag not in ("-O3", "-fopenmp-simd")]
        flags += [*_SANITIZE, *(["-shared-libasan"] if compiler.is_clang() else [])]
    else:
        flags += _ALONE
    before = [native.ABI, compiler.identity, flags, str(include_folder()), str(header), name, kind]
    cache = cache_folder()
    note = cache / f"{name}-{_digest(json.dumps(before))}.json"
    found = _noted(note)
    return found or _compile(compiler, flags, header, name, note, kind)


def _noted(note: Path) -> Path | None:
    """Return the object that a note names, if every file that went into it is as it was."""
    try:
        stored = json.loads(note.read_text(encoding="utf-8"))
        library = note.parent / str(stored["object"])
        for path, digest in stored["files"].items():
            if _digest(Path(path).read_bytes()) != digest:
                return None
        os.utime(library)  # used today; raises if it is not there
        os.utime(note)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return library


def _compile(compiler: Compiler, flags: list[str], header: Path, name: str, note: Path, kind: str) -> Path:
    """Preprocess, and compile what is not in the cache; write the note."""
    cache = note.parent
    try:
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".work-") as work:
            folder = Path(work)
            source = folder / f"{name}.c"
            text = _SOURCES[kind].format(name=name, type=type_name(name), table=name.upper())
            source.write_text(text, encoding="utf-8")
            inputs = ["-I", str(include_folder()), "-include", str(header), str(source)]

            made = compiler.run([*flags, "-E", "-P", "-MD", "-MF", "files", *inputs], folder)
            explain(made, header, name)
            files = [path for path in _dependencies(folder / "files") if path != source and path.is_file()]
            # Only now is it known what was read; a file that changes meanwhile has another digest the next time.
            digests = {str(path): _digest(path.read_bytes()) for path in files}
            key = [native.ABI, compiler.identity, flags, made.stdout]
            key += [digests] if kind == "guarded" else []  # it tells of lines, which a comment moves
            library = cache / f"{name}-{_digest(json.dumps(key))}.so"
            if not library.exists():
                output = folder / "object.so"
                explain(compiler.run([*flags, *inputs, "-o", str(output)], folder), header, name)
                if kind != "guarded":
                    refuse_symbols(output, name, include_folder(), files)
                output.replace(library)
                _forget_old(cache)
            draft = folder / "note"
            draft.write_text(json.dumps({"object": library.name, "files": digests}), encoding="utf-8")
            draft.replace(note)
    except OSError as error:
        if isinstance(error, EnvError):
            raise
        raise EnvError(
            f"the compiled environment cannot be kept: {error.filename or cache}: {error.strerror}",
            "XDG_CACHE_HOME=FOLDER names another place",
        ) from error
    return library


def _dependencies(path: Path) -> list[Path]:
    """Return the files that a make rule names."""
    _, _, names = path.read_text(encoding="utf-8").replace("\\\n", " ").partition(": ")
    return [Path(re.sub(r"\\(.)", r"\1", word).replace("$$", "$")) for word in re.findall(r"(?:\\.|\S)+", names)]


def _forget_old(cache: Path) -> None:
    """Remove what nobody used for long, and what a kill left."""
    for path in cache.iterdir():
        try:
            if time.time() - path.stat().st_mtime > _KEEP_DAYS * 86400:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError:  # another process was sooner
            continue


def _digest(data: str | bytes) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()[:20]
