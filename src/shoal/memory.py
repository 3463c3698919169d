# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Memory for native objects: aligned blocks, and the check that they fit before they are allocated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoal.errors import ConfigError

Bytes = NDArray[np.uint8]

_ALIGNMENT = 64  # bytes, as the native library asks for


def allocate(size: int) -> Bytes:
    """Return `size` zeroed bytes that start at a multiple of 64."""
    block = np.zeros(size + _ALIGNMENT, np.uint8)
    start = -block.ctypes.data % _ALIGNMENT
    return block[start : start + size]


def available() -> int:
    """Return how many bytes this process may still allocate: the machine's, or its container's if that is less."""
    free = 1 << 62
    for line in _read("/proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            free = int(line.split()[1]) * 1024
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        if _read(limit).strip().isdigit() and _read(used).strip().isdigit():
            free = min(free, int(_read(limit)) - int(_read(used)))
    return max(free, 0)


def check_fits(num_envs: int, needed: Callable[[int], int], what: str = "", flag: str = "--vec.num-envs") -> None:
    """Raise unless `needed(num_envs)` bytes are available.

    Args:
        num_envs: how many copies were asked for.
        needed: bytes for that many; does not fall as they grow.
        what: the clause that names the use, such as ` to train`.
        flag: what sets the number, for the hint.

    Raises:
        ConfigError: with the memory needed, what is available, and the largest number that fits.
    """
    free = available()
    if num_envs >= 1 and needed(num_envs) <= free:
        return
    low, high = 0, 1
    while needed(high) <= free and high < 1 << 31:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if needed(middle) <= free else (low, middle)
    if num_envs < 1:
        raise ConfigError(
            f"num_envs={num_envs}: expected at least 1; one needs {human(needed(1))}{what}, {human(free)} are "
            f"available, and at most {low} fit (at vec.num_envs)"
        )
    raise ConfigError(
        f"num_envs={num_envs} needs {human(needed(num_envs))} of memory{what}; {human(free)} are available, "
        f"and at most {low} fit (at vec.num_envs)",
        f"use `{flag} {_round_down(low)}` or fewer" if low else "free some memory",
    )


def human(size: float) -> str:
    """Return a number of bytes in words: 1.5 GiB."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if size >= 100 or unit == "bytes" else f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"


def _round_down(count: int) -> int:
    """Return the largest power of two that is at most `count`."""
    return 1 << (count.bit_length() - 1)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except OSError:
        return ""
