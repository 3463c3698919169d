# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The one module that talks to the native library: which build is loaded, its calls and its messages.

The library is compiled once per instruction set; `SHOAL_ISA=generic` (or the name of any build, such as `faults`)
overrides the choice. Prototypes are bound when a function is first used. Structs and words are used from here, as
`native.Spec` and `native.CORES`.
"""

from __future__ import annotations

import ctypes
import functools
import os
from pathlib import Path
from typing import Any

from shoal.errors import NativeError
from shoal.native.prototypes import PROTOTYPES
from shoal.native.structs import *  # noqa: F403
from shoal.native.words import *  # noqa: F403

_BUILD_HINT = "build it again with `./run build`"

ABI = 2
OK, ERROR, STOPPED = 0, 1, 2
MESSAGE_BYTES = 512
ISAS = ("avx512", "avx2", "generic")  # best first


class Library:
    """One build of the native library; `lib.vec_step` is `shoal_vec_step` with its prototype."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._dll = ctypes.CDLL(str(path))
        except OSError as error:
            raise NativeError(f"the native library cannot be loaded: {path}: {error}", _BUILD_HINT) from error
        abi = int(self.abi())
        if abi != ABI:
            raise NativeError(
                f"the native library does not match this package: {path} has ABI {abi}; expected {ABI}", _BUILD_HINT
            )

    def __getattr__(self, name: str) -> Any:
        """Bind a function when it is first used."""
        if name not in PROTOTYPES:
            raise AttributeError(name)
        try:
            function = getattr(self._dll, f"shoal_{name}")
        except AttributeError:
            raise NativeError(f"the native library lacks `shoal_{name}`: {self.path}", _BUILD_HINT) from None
        function.restype, function.argtypes = PROTOTYPES[name]
        setattr(self, name, function)
        return function

    @property
    def name(self) -> str:
        """The instruction set it was compiled for."""
        return str(self.isa().decode())


class Message(ctypes.c_void_p):
    """The buffer into which native code writes one sentence when it fails.

    A call is given the message itself, which lives until the call returns; a bare address would not keep it.
    """

    def __init__(self) -> None:
        self._buffer = ctypes.create_string_buffer(MESSAGE_BYTES)
        super().__init__(ctypes.addressof(self._buffer))

    @property
    def text(self) -> str:
        """The sentence, or an apology when there is none."""
        return self._buffer.value.decode(errors="replace") or "the native library failed without a message"

    def check(self, code: int, error: type[Exception] = NativeError) -> bool:
        """Return whether a call was stopped early; raise `error` with its sentence if it failed."""
        if code == OK:
            return False
        if code == STOPPED:
            return True
        raise error(self.text)


def library_folder() -> Path:
    """Where the builds lie: inside the installed package."""
    return Path(__file__).parents[1] / "_native"


def choose_library(folder: Path) -> Path:
    """Return the path of the best build in `folder` that this machine runs, or the one `SHOAL_ISA` names.

    Raises:
        NativeError: if there is none.
    """
    found = {path.stem.removeprefix("libshoal_"): path for path in sorted(folder.glob("libshoal_*.so"))}
    if not found:
        raise NativeError(f"the native library has not been built: nothing at {folder}", _BUILD_HINT)
    wanted = os.environ.get("SHOAL_ISA", "")
    if wanted:
        if wanted not in found:
            raise NativeError(f"SHOAL_ISA={wanted} names no build in {folder}; expected one of {', '.join(found)}")
        return found[wanted]
    # The plain build runs everywhere, so it is the one to ask what this machine can do.
    asked = found.get("generic") or next(iter(found.values()))
    best = Library(asked).best_isa().decode()
    for isa in ISAS[ISAS.index(best) :]:
        if isa in found:
            return found[isa]
    raise NativeError(f"no build for this machine ({best}) in {folder}; found {', '.join(found)}", _BUILD_HINT)


@functools.cache
def library() -> Library:
    """Return the library of this process, loaded once."""
    return Library(choose_library(library_folder()))
