# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A step of the network recorded once as a CUDA graph: a GPU then launches its many small kernels by itself.

A recording holds addresses: it knows nothing of tensors that are put in the place of others, nor of what Python does.
Of the networks of the settings all that changes is changed in place (weights, normaliser, state); what a user's module
does between its kernels nobody can know, so it is never recorded. A recording is used only where it was seen to give on
other inputs what the function gives, and to be quicker; where anything goes wrong, the function goes on as before.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Tensors = tuple[Tensor, ...]
Function = Callable[..., Tensors]
# work -> (what repeats it, what it returned: tensors that a repetition overwrites).
Record = Callable[[Callable[[], Tensors]], tuple[Callable[[], object], Tensors]]

_WARM_UP = 3  # calls in which libraries choose kernels and allocate what may not be allocated while recording
_ROUNDS, _CALLS = 5, 20  # of the measurement, each way in turn
_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Choice:
    """What is to be called in place of a function, and a line that says why."""

    function: Function
    why: str


class Recorded:
    """A function of tensors of fixed shapes, to be repeated; each call overwrites what the last one returned."""

    def __init__(self, function: Function, inputs: Tensors, record: Record) -> None:
        self._inputs = tuple(given.clone() for given in inputs)
        self._replay, self._outputs = record(lambda: function(*self._inputs))

    def __call__(self, *inputs: Tensor) -> Tensors:
        """Return what the function gives for these inputs."""
        for mine, given in zip(self._inputs, inputs, strict=True):
            mine.copy_(given)
        self._replay()
        return self._outputs


def cuda_graph(work: Callable[[], Tensors]) -> tuple[Callable[[], object], Tensors]:
    """Record work on the current stream, which may not be the default one."""
    for _ in range(_WARM_UP):
        work()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=torch.cuda.current_stream()):
        outputs = work()
    return graph.replay, outputs


def choose(
    function: Function,
    inputs: Tensors,
    others: Tensors,
    *,
    record: Record = cuda_graph,
    wait: Callable[[], None] = torch.cuda.synchronize,
    clock: Callable[[], float] = time.perf_counter,
) -> Choice:
    """Return a recording of `function`, or the function itself, whichever is quicker.

    Args:
        function: from tensors to tensors, without any other effect.
        inputs: to record it with.
        others: inputs on which the recording is compared with the function.
        record: records; tests take one that needs no GPU.
        wait: returns when the device is done.
        clock: seconds.
    """
    try:
        recorded = Recorded(function, inputs, record)
        wanted, found = function(*others), recorded(*others)
        for a, b in zip(found, wanted, strict=True):
            if not torch.allclose(a, b, rtol=_TOLERANCE, atol=_TOLERANCE):
                return Choice(function, "no CUDA graph: it does not repeat what it recorded")
        seconds: dict[Function, list[float]] = {function: [], recorded: []}
        for _ in range(_ROUNDS):
            for way, taken in seconds.items():
                wait()
                begun = clock()
                for _ in range(_CALLS):
                    way(*inputs)
                wait()
                taken.append((clock() - begun) / _CALLS)
    except Exception as error:
        wait()  # raises if the device itself is lost
        text = str(error).strip().splitlines()
        return Choice(function, f"no CUDA graph: {type(error).__name__}: {text[0] if text else 'no message'}")
    plain, replayed = (statistics.median(taken) * 1e6 for taken in seconds.values())
    if replayed < plain:
        return Choice(recorded, f"CUDA graph: {replayed:.0f} us a step of the network, {plain:.0f} without")
    return Choice(function, f"no CUDA graph: {replayed:.0f} us a step of the network, {plain:.0f} without")
