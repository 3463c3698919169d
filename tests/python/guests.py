# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What the tests of our environments in other libraries share: folders, and `kinds`, which a tick decides."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from shoal import command_new, registry

HERE = Path(__file__).parent
TEMPLATES = registry.PACKAGED.parent / "templates"


def kinds(folder: Path) -> str:
    """Return the path of an environment with every kind of field and action."""
    target = folder / "kinds"
    target.mkdir(exist_ok=True)
    shutil.copy(HERE / "kinds.h", target)
    return str(target)


def made(kind: str, folder: Path) -> str:
    """Return the path of a new environment from a template: multi-agent, continuous or grid."""
    return str(command_new.make("mine", TEMPLATES / kind, folder))


def row(tick: int, pull: float = 1.0) -> dict[str, Any]:
    """Return the observation of `kinds` after so many steps, as Gymnasium is given it."""
    return {
        "hand": tick % 4,
        "suits": np.array([tick % 3, 2], np.int64),
        "known": np.array([tick % 2, 1], np.int8),
        "board": np.array([[0, 1], [2, tick % 3]], np.int8),
        "screen": np.arange(tick, tick + 12, dtype=np.uint8).reshape(2, 2, 3),
        "count": np.array([tick - 300], np.int16),
        "things": (np.arange(6, dtype=np.float32) / 10).reshape(3, 2),
        "speed": np.array([pull], np.float32),
        "far": np.array([[1, 0], [1, tick % 2]], np.float32),
    }


def flat(tick: int, pull: float = 1.0) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the same as one vector, categories and grids one-hot."""
    seen = row(tick, pull)
    parts = [np.eye(4)[seen["hand"]], np.eye(3)[seen["suits"]], seen["known"], np.eye(3)[seen["board"]]]
    rest = [seen[name] for name in ("screen", "count", "things", "speed", "far")]
    return np.concatenate([np.ravel(part) for part in (*parts, *rest)]).astype(np.float32)


def same(one: Any, other: Any) -> bool:
    """Return whether two observations are equal, in type and shape too."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    return type(one) is type(other) and bool(one == other)
