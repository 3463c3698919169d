# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Small runs, and what they leave on disk without what depends on the clock: two that did the same are equal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import shoal
from shoal import checkpoint, image, registry, store

ROWS, HORIZON, ITERATIONS = 24, 8, 7
STEPS = ROWS * HORIZON * ITERATIONS
TIMES = ("seconds", "perf/")  # how metrics that measure time begin


def read(path: Path, env: registry.Environment | None = None) -> dict[str, Any]:
    """Return digests of every weight file and of each tensor of the newest image, and the metrics as text."""
    run = store.Run(path)
    newest, note = image.Generations(run).read(env)
    assert newest is not None
    assert not note
    return {
        "metrics": metrics(run.metrics),
        "weights": {file.name: digests(checkpoint.load(file, env).tensors) for file in run.weights()},
        "image": digests(newest.tensors),
        "steps": newest.steps,
        "evaluations": json.loads(newest.metadata["progress"])["evaluations"],
        "finished": json.loads(newest.metadata["progress"])["finished"],
    }


def metrics(path: Path) -> list[str]:
    """Return the lines of metrics.jsonl without times and rates."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [json.dumps({key: row[key] for key in row if not key.startswith(TIMES)}) for row in rows]


def digests(tensors: checkpoint.Tensors) -> dict[str, str]:
    """Return a digest of the bytes of each tensor."""
    return {
        name: f"{array.dtype}{array.shape}{hashlib.sha256(array.tobytes()).hexdigest()}"
        for name, array in sorted(tensors.items())
    }


def assert_equal(run: dict[str, Any], expected: dict[str, Any]) -> None:
    """Compare piece by piece, so that a failure names what differs first; a stop may have saved weights once more."""
    assert run["metrics"] == expected["metrics"]
    assert {name: run["weights"].get(name) for name in expected["weights"]} == expected["weights"]
    assert run["image"] == expected["image"]
    assert run | {"weights": 0} == expected | {"weights": 0}


# ---------------------------------------------------------------------------------------------------- making them


def begin(runs_dir: Path | None, name: str = "cartpole", **arguments: Any) -> shoal.Trainer:
    """Return a trainer of 7 short iterations that writes an image after each."""
    vec = {"num_envs": ROWS, "max_steps": 30} | arguments.pop("vec", {})
    train = {"horizon": HORIZON, "total_steps": STEPS} | arguments.pop("train", {})
    policy = {"hidden": 16} | arguments.pop("policy", {})
    options: dict[str, Any] = {"image_seconds": 0.0, "seed": 5, "untuned": True} | arguments
    return shoal.Trainer(name, runs_dir=runs_dir, vec=vec, train=train, policy=policy, **options)


def stop_after(iterations: int) -> Callable[[shoal.Log], bool]:
    """Return a callback that ends training."""
    seen: list[float] = []

    def callback(log: shoal.Log) -> bool:
        seen.append(log["steps"])
        return len(seen) == iterations

    return callback


def stopped(runs_dir: Path, iterations: int = 3, **arguments: Any) -> Path:
    """Return the folder of a run that was stopped early."""
    run = begin(runs_dir, **arguments).train(stop_after(iterations)).run
    assert run
    return run


def whole(tmp_path: Path, **arguments: Any) -> dict[str, Any]:
    """Return what an uninterrupted run leaves."""
    run = begin(tmp_path / "whole", **arguments).train().run
    assert run
    return read(run)
