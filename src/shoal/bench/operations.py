# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The native operations one at a time: on which shapes a network uses them, and how long they take."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shoal import memory, native
from shoal.policy import Policy

Matrix = tuple[str, int, int]  # name, inputs, outputs

# Which shapes an operation takes (native/bench/bench.h).
PRODUCTS, GRADIENTS, BLOCKS, UNITS, POLICY = range(5)


@dataclass(frozen=True)
class Network:
    """The shapes of a policy's matrices."""

    policy: Policy

    @property
    def hidden(self) -> int:
        """Units of a layer."""
        return int(self.policy.settings.policy.hidden or 0)

    def layers(self) -> list[Matrix]:
        """Return the matrices of a forward pass, equal ones once: the encoder's two and the heads' two side by side."""
        found = self._weights()
        encoder = sum(inputs for name, inputs, _ in found if name.startswith("encoder."))
        heads = sum(outputs for name, _, outputs in found if name in ("head.weight", "value.weight"))
        core = [(name.removesuffix(".weight"), ins, outs) for name, ins, outs in found if name.startswith("core.")]
        return _distinct([("encoder", encoder, self.hidden), *core, ("heads", self.hidden, heads)])

    def products(self) -> list[Matrix]:
        """Return the products y = x W of both passes: `layers`, and all but the encoder the other way round."""
        layers = self.layers()
        back = [(f"{name} back", outputs, inputs) for name, inputs, outputs in layers if name != "encoder"]
        return _distinct([*layers, *back])

    def blocks(self) -> list[Matrix]:
        """Return the matrices that the optimizer treats alone: each gate of a core is one."""
        gates = [
            (name.removesuffix(".weight"), inputs, self.hidden if name.startswith("core.") else outputs)
            for name, inputs, outputs in self._weights()
        ]
        return _distinct(gates)

    def flops(self) -> tuple[float, float]:
        """Return the floating-point operations of matrix products for one row: of a forward, of a backward pass."""
        weights = {name: tensor.size for name, tensor in self.policy.tensors().items() if tensor.ndim == 2}
        encoder = sum(size for name, size in weights.items() if "encoder." in name)
        return 2.0 * sum(weights.values()), 4.0 * sum(weights.values()) - 2.0 * encoder

    def shapes(self, kind: int) -> list[Matrix]:
        """Return the shapes on which an operation of that kind is measured."""
        whole = [("units" if kind == UNITS else "row", 0, self.hidden)]
        return {PRODUCTS: self.products, GRADIENTS: self.layers, BLOCKS: self.blocks}.get(kind, lambda: whole)()

    def _weights(self) -> list[Matrix]:
        """Return name, inputs, outputs of every matrix of the trunk that acts and of the heads."""
        return [
            (name.removeprefix("policy."), tensor.shape[1], tensor.shape[0])
            for name, tensor in self.policy.tensors().items()
            if tensor.ndim == 2 and "value_trunk." not in name
        ]


def names() -> list[str]:
    """Return the names of all operations, in order of their numbers."""
    lib = native.library()
    found = itertools.takewhile(lambda name: name, map(lib.bench_name, itertools.count()))
    return [name.decode() for name in found]


def measure(
    operation: str,
    shape: Matrix,
    *,
    rows: int,
    steps: int,
    threads: int,
    seconds: float,
    repeats: int,
    policy: Policy | None = None,
) -> tuple[float, list[float]]:
    """Return the floating-point operations of one call, and the seconds a call takes, of several measurements.

    With several threads each works on data of its own, and the seconds are those of all of them together divided by
    the number of calls they made.
    """
    lib, number = native.library(), names().index(operation)
    bench = native.Bench(rows, steps, shape[1], shape[2], policy.handle if policy else None)
    at = ctypes.byref(bench)
    block = memory.allocate(threads * lib.bench_bytes(number, at))
    floats = block.view(np.float32)
    floats[:] = np.random.default_rng(0).standard_normal(len(floats), np.float32)
    calls, elapsed = 1, 0.0
    while elapsed < seconds / 4:  # warms up, and finds how many calls take long enough
        calls *= 2
        elapsed = lib.bench_run(number, at, threads, calls, block.ctypes.data)
    calls = max(round(calls * seconds / elapsed), 1)
    found = [lib.bench_run(number, at, threads, calls, block.ctypes.data) for _ in range(repeats)]
    return lib.bench_flops(number, at), [elapsed / (calls * threads) for elapsed in found]


def _distinct(matrices: Sequence[Matrix]) -> list[Matrix]:
    """Return the first of every shape."""
    found: dict[tuple[int, int], Matrix] = {}
    for matrix in matrices:
        found.setdefault(matrix[1:], matrix)
    return list(found.values())
