# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`--debug`: the same command in a process with AddressSanitizer and UndefinedBehaviorSanitizer around the environment.

A library that Python loads finds its sanitizer only if that was there first, so the command runs in a child whose
LD_PRELOAD names it. The child ends at the first bad access; what the sanitizers wrote becomes one sentence here.
"""

from __future__ import annotations

import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from shoal import compile, folder
from shoal.compile_errors import shown
from shoal.errors import EnvError

_FOUND = 86  # the child's exit code when a sanitizer stopped it


def run(arguments: list[str]) -> int:
    """Run `shoal ARGUMENTS` under the sanitizers and return the exit code: 2 if they found something.

    Raises:
        EnvError: says what they found, with file and line; or that the compiler lacks them.
    """
    runtime = find_runtime(compile.find_compiler())
    with tempfile.TemporaryDirectory(prefix="shoal-debug-") as work:
        log = Path(work) / "asan"
        options = (
            f"exitcode={_FOUND}:detect_leaks=0:halt_on_error=1:print_stacktrace=1:allow_addr2line=1:log_path={log}"
        )
        known = {"LD_PRELOAD": str(runtime), "ASAN_OPTIONS": options, "UBSAN_OPTIONS": options, folder.GUARDED: "1"}
        command = [sys.executable, "-m", "shoal", *arguments]
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the child's business
        try:
            with (Path(work) / "stderr").open("wb") as stderr:  # where gcc's UBSan writes whatever its log_path is
                child = subprocess.Popen(command, env=os.environ | known, stderr=stderr, preexec_fn=_listen)
                code = child.wait()
        finally:
            signal.signal(signal.SIGINT, before)
        said = "".join(path.read_text(encoding="utf-8", errors="replace") for path in sorted(Path(work).iterdir()))
    if code == _FOUND:
        raise EnvError(explain(said))
    if code < 0:
        problem = f"the process was ended by {signal.Signals(-code).name} before the sanitizers could say more"
        raise EnvError(problem, "a local array of more than 4 KB, or a recursion, overflows the stack")
    print(said, end="", file=sys.stderr)
    if code == 0:
        print("debug: the sanitizers found nothing")
    return code


def _listen() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def find_runtime(compiler: compile.Compiler) -> Path:
    """Return the library of AddressSanitizer that belongs to a compiler.

    Raises:
        EnvError: if it has none.
    """
    if "ziglang" in compiler.command:
        raise EnvError("--debug needs gcc or clang: ziglang brings no AddressSanitizer", "install gcc, or set CC")
    machine = platform.machine()
    names = ["libasan.so"]
    if compiler.is_clang():
        names = [f"libclang_rt.asan-{machine}.so", "libclang_rt.asan.so"]
    for name in names:
        path = Path(compiler.run([f"-print-file-name={name}"], Path.cwd()).stdout.strip())
        if not path.is_absolute() or not path.exists():
            continue
        if path.read_bytes()[:4] == b"\x7fELF":
            return path.resolve()
        script = re.search(r"\(\s*(/\S+)", path.read_text(encoding="utf-8", errors="replace"))  # a linker script
        if script and Path(script[1]).exists():
            return Path(script[1])
    raise EnvError(
        f"--debug needs AddressSanitizer, which this compiler lacks: {compiler.command[0]}",
        "install libasan and libubsan (dnf) or the full gcc (apt), or another compiler and set CC",
    )


def explain(report: str) -> str:
    """Return a sentence for what a sanitizer wrote, with the report below it."""
    undefined = re.search(r"^(\S+):(\d+):\d+: runtime error: (.*)", report, re.MULTILINE)
    if undefined:
        return f"{_place(undefined[1], undefined[2])}: {undefined[3]}\n{_tail(report)}"
    access = re.search(r"^(READ|WRITE) of size (\d+)", report, re.MULTILINE)
    kind = re.search(r"AddressSanitizer: (\S+)", report)
    if access:
        size = "1 byte" if access[2] == "1" else f"{access[2]} bytes"
        what = f"a {access[1].lower()} of {size}"
    else:
        what = kind[1] if kind else "a fault"
    where = re.search(
        r"is located (\d+) bytes (after|before|to the right of|to the left of|inside of) (\d+)-byte", report
    )
    block = re.search(r"shoal_guard_(\w+)", report.partition("allocated by thread")[2])
    if where and block:
        side = {"to the right of": "after", "to the left of": "before"}.get(where[2], where[2])
        name = {"state": "State", "params": "Params", "shared": "Shared"}.get(block[1], block[1])
        what += f", {where[1]} bytes {side} the {where[3]} bytes of `{name}`"
    elif kind and access:
        what += f": {kind[1]}"
    for function, path, line in re.findall(r"#\d+ 0x\w+ in (\S+) (/[^\s:]+):(\d+)", report):
        if not Path(path).resolve().is_relative_to(compile.include_folder().resolve()):
            return f"{_place(path, line)}: {what}, in {function}\n{_tail(report)}"
    return f"{what}\n{_tail(report)}"


def _place(path: str, line: str) -> str:
    return f"{shown(path)}:{line}"


def _tail(report: str) -> str:
    """Return the lines of a report that say how the program came there."""
    frames = [line for line in report.splitlines() if re.match(r"\s+#\d+ ", line)]
    return "\n".join(frames[:4])
