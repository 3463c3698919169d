# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Matrix products of another library, in this process alone: `python -m shoal.bench.peer TASK`, started by gemm.py.

TASK is a JSON object with module (numpy or torch), threads, seconds, repeats and shapes, each (rows, inputs, outputs).
The last line printed is a list of the GFLOP/s of every measurement for every shape.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from shoal.bench import timing


def main(task: dict[str, Any]) -> list[list[float]]:
    """Return GFLOP/s of y (rows, outputs) = x (rows, inputs) W (inputs, outputs) for every shape."""
    prepare = {"numpy": _numpy, "torch": _torch}[task["module"]]
    return [
        _measure(prepare(task["threads"], *shape), shape, task["seconds"], task["repeats"]) for shape in task["shapes"]
    ]


def _measure(product: Callable[[], object], shape: list[int], seconds: float, repeats: int) -> list[float]:
    flops = 2e-9 * shape[0] * shape[1] * shape[2]
    return [flops * rate for rate in timing.rates(timing.clock_calls(product), seconds, repeats)]


def _numpy(threads: int, rows: int, inputs: int, outputs: int) -> Callable[[], object]:
    import numpy as np

    del threads  # the environment says it: OPENBLAS_NUM_THREADS
    random = np.random.default_rng(0)
    x, w = (random.standard_normal(shape, np.float32) for shape in ((rows, inputs), (inputs, outputs)))
    y = np.empty((rows, outputs), np.float32)
    return lambda: np.matmul(x, w, out=y)


def _torch(threads: int, rows: int, inputs: int, outputs: int) -> Callable[[], object]:
    import torch

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    x, w, y = (torch.randn(shape) for shape in ((rows, inputs), (inputs, outputs), (rows, outputs)))
    return lambda: torch.mm(x, w, out=y)


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
