# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Where a result comes from: the commit, the machine, the command. What a benchmark's row and a run keep of it."""

from __future__ import annotations

import datetime
import functools
import os
import platform
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from shoal import native


@functools.cache
def machine() -> str:
    """Return the processor, how many cores we may use, and the build that runs on it."""
    model = platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    lib = native.library()
    return f"{model}, {lib.cores()} cores, {lib.name}"


@functools.cache
def commit() -> str:
    """Return the commit of the source tree, or the package's version outside one; takes about 20 ms."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=10"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        from shoal import __version__

        return __version__
    return done.stdout.strip()


def now() -> str:
    """Return the time, in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def command() -> str:
    """Return the command line of this process, as it could be typed."""
    first = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    program = "shoal" if first in ("shoal", "__main__.py", "-m") else first
    return shlex.join([program, *sys.argv[1:]])


def describe() -> dict[str, Any]:
    """Return what a run keeps of the process that trains it."""
    from shoal import __version__

    return {
        "command": command(),
        "started": now(),
        "shoal": __version__,
        "commit": commit(),
        "machine": machine(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "host": socket.gethostname(),
        "pid": os.getpid(),
    }
