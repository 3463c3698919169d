# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Rules that many copies in the engine show: threads and blocks, snapshots, ends; and how chance and a script fare."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

import numpy as np

from shoal.check.report import Report
from shoal.registry import Spec
from shoal.vector import Vec

ENVS, STEPS = 24, 120  # copies and steps that are compared
END_COPIES, END_CHUNK, END_SECONDS = 16, 500, 1.0  # for a look whether any episode ends
LONG = 1_000_000  # steps: a time limit above it ends nothing that a person waits for


def check_engine(spec: Spec, report: Report) -> None:
    """Look at everything that needs many copies."""
    _spec(spec, report)
    _threads(spec, report)
    _snapshot(spec, report)
    _ends(spec, report)


def act(vec: Vec, rng: np.random.Generator) -> None:
    """Write random legal actions into the action buffers."""
    for index, head in enumerate(vec.spec.heads):
        scores = rng.random((vec.num_rows, head.size))
        if head.name in vec.masks:
            scores[vec.masks[head.name] == 0] = -1
        vec.discrete[:, index] = scores.argmax(axis=1)
    for index, dim in enumerate(vec.spec.dims):
        vec.continuous[:, index] = rng.uniform(dim.low, dim.high, vec.num_rows)


def _spec(spec: Spec, report: Report) -> None:
    report.ok("spec")
    for param in spec.env.params:
        if param.role != "value":
            continue
        options = {"choice": param.choices, "switch": (False, True)}.get(param.kind, (param.low, param.high))
        for value in options:
            other = spec.env.spec({param.name: param.check(value)})
            if bytes(other.struct) != bytes(spec.struct):
                report.violation(
                    "spec",
                    f"{spec.env.name}_spec depends on the VALUE parameter {param.name} (at {value}); expected only "
                    "SIZE parameters to change it",
                )
                break
    names = [metric.name for metric in spec.env.metrics]
    for name in ("perf", "score"):
        if name not in names:
            report.violation("spec", f"{spec.env.name} has no metric `{name}`; expected perf in 0..1 and score")


def _threads(spec: Spec, report: Report) -> None:
    report.ok("threads")
    one = list(_history(spec))
    for threads, block in ((1, 0), (2, 1), (4, 5)):
        for step, digest in enumerate(_history(spec, threads, block)):
            if digest != one[step]:
                what = "a second run with the same seed" if threads == 1 else f"{threads} threads in blocks of {block}"
                report.violation(
                    "threads",
                    f"{spec.env.name}: {what} gives other bytes than one thread does from step {step} on: something "
                    "outside State, such as a global variable, takes part",
                )
                return


def _history(spec: Spec, threads: int = 1, block: int = 0) -> Iterator[bytes]:
    """Yield a digest of everything that a step shows, for each step."""
    with Vec(spec, num_envs=ENVS, seed=5, max_steps=40, threads=threads, block=block) as vec:
        rng = np.random.default_rng(1)
        for _ in range(STEPS):
            yield digest(vec)
            act(vec, rng)
            vec.step()


def digest(vec: Vec) -> bytes:
    """Return a hash of snapshots, rows, masks, rewards and flags."""
    found = hashlib.blake2b(digest_size=16)
    for index in range(vec.num_envs):
        found.update(vec.snapshot(index))
    live = vec.live == 1
    for part in (vec.rows[live], vec.mask_rows[live], vec.rewards, vec.ended):
        found.update(np.ascontiguousarray(part).tobytes())
    return found.digest()


def _snapshot(spec: Spec, report: Report) -> None:
    report.ok("snapshot")
    with Vec(spec, num_envs=3, seed=5, max_steps=50, threads=1) as vec:
        rng = np.random.default_rng(1)
        for _ in range(20):
            act(vec, rng)
            vec.step()
        kept = [vec.snapshot(index) for index in range(3)]
        runs: list[list[bytes]] = []
        for _ in range(2):
            for index in range(3):
                vec.restore(index, kept[index])
            rng = np.random.default_rng(2)
            runs.append([])
            for _ in range(60):
                act(vec, rng)
                vec.step()
                runs[-1].append(digest(vec))
    if runs[0] != runs[1]:
        step = next(i for i, (a, b) in enumerate(zip(*runs, strict=True)) if a != b)
        report.violation(
            "snapshot",
            f"{spec.env.name}: {step + 1} steps after a snapshot was restored the bytes are others: something outside "
            "State, such as a global variable, takes part",
        )


def _ends(spec: Spec, report: Report) -> None:
    """Play until something ends; random actions, the same ones over and over."""
    report.ok("ends")
    rng = np.random.default_rng(7)
    rows, steps = END_COPIES * spec.agents, 0
    discrete = np.zeros((END_CHUNK, rows, len(spec.heads)), np.int32)
    for index, head in enumerate(spec.heads):
        discrete[..., index] = rng.integers(0, head.size, (END_CHUNK, rows))
    continuous = np.zeros((END_CHUNK, rows, len(spec.dims)), np.float32)
    for index, dim in enumerate(spec.dims):
        continuous[..., index] = rng.uniform(dim.low, dim.high, (END_CHUNK, rows))
    with Vec(spec, num_envs=END_COPIES, seed=7, threads=1) as vec:
        end = time.perf_counter() + END_SECONDS
        while time.perf_counter() < end:
            vec.run(END_CHUNK, discrete, continuous)
            steps += END_CHUNK
            if vec.stats().lives:
                return
    sentence = (
        f"{spec.env.name}: no episode ended in {END_COPIES} times {steps:,} steps of random play, and its time limit "
        f"is {spec.max_steps:,} steps"
    )
    if spec.max_steps > LONG:
        report.violation("ends", f"{sentence}: set result->ended or *result->over, or a smaller out->max_steps in spec")
    elif spec.max_steps > steps:
        report.warning("ends", sentence)
