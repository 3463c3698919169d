# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Trainers of nim, the game of several teams in the folder beside this file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import shoal

NIM = str(Path(__file__).parent / "nim")
ENVS, HORIZON = 40, 8  # 40 worlds of 3 players are two blocks of threads


def begin(runs_dir: Path | None, **settings: Any) -> shoal.Trainer:
    """Return a trainer of nim, by default of three players, who all but one are others'."""
    sections: dict[str, Any] = {
        "params": {"players": 3, "stones": 20},
        "vec": {"num_envs": ENVS, "stagger": False},
        "policy": {"hidden": 16},
        "train": {"horizon": HORIZON, "total_steps": 100_000},
    }
    sections = {name: values | settings.pop(name, {}) for name, values in sections.items()}
    return shoal.Trainer(NIM, seed=4, untuned=True, runs_dir=runs_dir, **sections, **settings)
