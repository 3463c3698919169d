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
from shoal.bench import timing
from shoal.policy import Policy

Matrix = tuple[str, int, int]  # name, inputs, outputs

# Which shapes an operation takes (native/bench/bench.h).
PRODUCTS, GRADIENTS, BLOCKS, UNITS, POLICY = range(5)

# Matrices whose products are sums of their rows or columns: of one-hots, embeddings, a convolution over categories.
SUMMED = ("encoder.onehot", "tables.weight", "layers.0.weight")


@dataclass(frozen=True)
class Network:
    """The shapes of a policy's matrices."""

    policy: Policy

    @property
    def hidden(self) -> int:
        """Units of a layer."""
        return int(self.policy.settings.policy.hidden or 0)

    def layers(self) -> list[Matrix]:
        """Return the matrices of a forward pass, equal ones once: the heads' two side by side, tables left out."""
        found = self._weights()
        heads = sum(outputs for name, _, outputs in found if name in ("head.weight", "value.weight"))
        rest = [
            (name.removesuffix(".weight"), ins, outs)
            for name, ins, outs in found
            if name.startswith(("encoder.", "core.")) and not name.endswith(SUMMED)
        ]
        return _distinct([*rest, ("heads", self.hidden, heads)])

    def products(self) -> list[Matrix]:
        """Return the products y = x W of both passes: `layers`, and the other way round those that pass gradients."""
        layers = self.layers()
        observed = [name.removesuffix(".weight") for name, _, _ in self._weights() if _observes(name)]
        back = [(f"{name} back", outputs, inputs) for name, inputs, outputs in layers if name not in observed]
        return _distinct([*layers, *back])

    def blocks(self) -> list[Matrix]:
        """Return the matrices that the optimizer treats alone: each gate of a core is one."""
        gates = [
            (name.removesuffix(".weight"), inputs, self.hidden if name.startswith("core.") else outputs)
            for name, inputs, outputs in self._weights()
            if not name.endswith("tables.weight")
        ]
        return _distinct(gates)

    def flops(self) -> tuple[float, float]:
        """Return the floating-point operations of matrix products for one row: of a forward, of a backward pass."""
        lib, row = native.library(), native.Bench(1, 1, 0, 0, self.policy.handle)
        numbers = (names().index(operation) for operation in ("forward", "forward_backward"))
        forward, both = (float(lib.bench_flops(number, ctypes.byref(row))) for number in numbers)
        return forward, both - forward

    def shapes(self, kind: int) -> list[Matrix]:
        """Return the shapes on which an operation of that kind is measured."""
        whole = [("units" if kind == UNITS else "row", 0, self.hidden)]
        return {PRODUCTS: self.products, GRADIENTS: self.layers, BLOCKS: self.blocks}.get(kind, lambda: whole)()

    def _weights(self) -> list[Matrix]:
        """Return name, inputs, outputs of every matrix of the trunk that acts and of the heads."""
        return [
            (name.removeprefix("policy."), tensor.size // tensor.shape[0], tensor.shape[0])
            for name, tensor in self.policy.tensors().items()
            if tensor.ndim >= 2 and "value_trunk." not in name
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

    def timed(calls: int) -> float:
        return float(lib.bench_run(number, at, threads, calls, block.ctypes.data))

    rates = timing.rates(timed, seconds, repeats)
    return lib.bench_flops(number, at), [1.0 / (rate * threads) for rate in rates]


def _observes(name: str) -> bool:
    """Return whether a matrix reads observations, which need no gradient: of vectors, of a set's entities."""
    return name.startswith("encoder.") and not name.endswith((*SUMMED, "project.weight", "layers.2.weight"))


def _distinct(matrices: Sequence[Matrix]) -> list[Matrix]:
    """Return the first of every shape."""
    found: dict[tuple[int, int], Matrix] = {}
    for matrix in matrices:
        found.setdefault(matrix[1:], matrix)
    return list(found.values())
