# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Folders of runs that nobody trained."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from shoal import config

SETTINGS = config.load("cartpole").to_toml(1)


def make(folder: Path, name: str, *, env: str = "cartpole", seed: int = 0, gamma: float = 0.99, **result: Any) -> Path:
    """Write the folder of a run; without a result it was killed."""
    path = folder / env / name
    (path / "checkpoints").mkdir(parents=True)
    text = re.sub("(?m)^gamma = .*$", f"gamma = {gamma}", SETTINGS.replace("seed = 0", f"seed = {seed}"))
    (path / "config.toml").write_text(text.replace('"cartpole"', f'"{env}"'))
    (path / "metrics.jsonl").write_text(json.dumps({"steps": 700, "env/perf": 0.25, "seconds": 2.0}) + "\n")
    if result:
        (path / "result.json").write_text(json.dumps({"status": "finished"} | result))
    return path
