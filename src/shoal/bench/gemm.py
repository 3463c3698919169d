# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The machine's rate of matrix products: our micro-kernel, numpy's OpenBLAS and torch on a network's shapes.

Other libraries run in a process of their own (peer.py): a BLAS chooses its kernels when it is loaded, and shoal never
imports torch. OpenBLAS is measured as it comes and told which core it runs on, which it does not always see.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from shoal import bench, native
from shoal.bench import operations
from shoal.bench.operations import Matrix

ROWS = 256  # of a product of ours, on each thread: what a pass of the update takes at a time
PEER_ROWS = (256, 8192)  # of a product of other libraries, on each thread and in all; the better counts

CORE_TYPES = {"avx512": "SkylakeX", "avx2": "Haswell"}  # what OpenBLAS should take for a build's machine


@dataclass(frozen=True)
class Rates:
    """GFLOP/s of every library on every shape with some number of threads.

    `gflops[library][i]` holds median, lowest and highest of matrix i. `missing` says why a library was not measured.
    """

    threads: int
    matrices: list[Matrix]
    gflops: dict[str, list[list[float]]]
    missing: dict[str, str]

    def best(self) -> tuple[str, Matrix, float]:
        """Return the highest median, with whose it is and on which shape."""
        found = [
            (row[0], library, matrix)
            for library, table in self.gflops.items()
            for matrix, row in zip(self.matrices, table, strict=True)
        ]
        rate, library, matrix = max(found, key=lambda item: item[0])
        return library, matrix, rate


def measure(matrices: Sequence[Matrix], *, threads: int, seconds: float, repeats: int) -> Rates:
    """Measure all libraries on these shapes, with all threads at once."""
    gflops = {"shoal": ours(matrices, threads=threads, seconds=seconds, repeats=repeats)}
    missing: dict[str, str] = {}
    core = CORE_TYPES.get(native.library().best_isa().decode(), "")
    peers = [
        ("openblas", "numpy", ""),
        *([(f"openblas {core}", "numpy", core)] if core else []),
        ("torch", "torch", ""),
    ]
    for name, module, core_type in peers:
        try:
            gflops[name] = _peer(module, core_type, matrices, threads=threads, seconds=seconds, repeats=repeats)
        except _MissingError as reason:
            missing[name] = str(reason)
    return Rates(threads, list(matrices), gflops, missing)


def ours(matrices: Sequence[Matrix], *, threads: int, seconds: float, repeats: int) -> list[list[float]]:
    """Return GFLOP/s of our micro-kernel on each shape: median, lowest, highest."""
    found = []
    for matrix in matrices:
        flops, calls = operations.measure(
            "gemm", matrix, rows=ROWS, steps=1, threads=threads, seconds=seconds, repeats=repeats
        )
        found.append(bench.spread([flops / call / 1e9 for call in calls]))
    return found


class _MissingError(Exception):
    """Why a library cannot be measured."""


def _peer(
    module: str, core_type: str, matrices: Sequence[Matrix], *, threads: int, seconds: float, repeats: int
) -> list[list[float]]:
    if importlib.util.find_spec(module) is None:
        raise _MissingError("not installed")
    shapes = [[rows, inputs, outputs] for _, inputs, outputs in matrices for rows in _peer_rows(threads)]
    task = {"module": module, "threads": threads, "seconds": seconds, "repeats": repeats, "shapes": shapes}
    variables = {name: str(threads) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    variables |= {"OPENBLAS_CORETYPE": core_type} if core_type else {}
    done = subprocess.run(
        [sys.executable, "-m", "shoal.bench.peer", json.dumps(task)],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise _MissingError(lines[-1] if lines else f"exit code {done.returncode}")
    found = [bench.spread(rates) for rates in json.loads(done.stdout.splitlines()[-1])]
    each = len(_peer_rows(threads))
    return [max(found[i : i + each]) for i in range(0, len(found), each)]


def _peer_rows(threads: int) -> tuple[int, int]:
    return PEER_ROWS[0] * threads, PEER_ROWS[1]
