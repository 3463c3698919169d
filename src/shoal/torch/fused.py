# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""LSTM and minGRU over a sequence in float32 on the CPU, with native code for what they do beside their products.

`cores` has the same in plain torch, which every other type and device takes, and against which this is tested.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from shoal import native

_ROWS = 512  # of products of several steps together
_ACT_ROWS = 256  # of a step without gradients: few enough for their gates to stay in cache


def fits(*tensors: Tensor) -> bool:
    """Return whether native code can take these: float32 on the CPU, without autocast."""
    same = all(tensor.dtype == torch.float32 and tensor.device.type == "cpu" for tensor in tensors)
    return same and not torch.is_autocast_enabled("cpu")


def lstm_act(
    x: Tensor, weight_x: Tensor, weight_h: Tensor, bias: Tensor, keep: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """Return h (B, H) and the state (B, 2H) after one step without gradients; x (B, H), keep (B, 1)."""
    x, state = x.contiguous(), state.contiguous()
    rows, hidden = x.shape
    starts, after = keep == 0, torch.empty_like(state)
    gates = x.new_empty(min(rows, _ACT_ROWS), 4 * hidden)
    at = _Addresses(state, starts, after)
    turned_x, turned_h = weight_x.t(), weight_h.t()
    for first in range(0, rows, _ACT_ROWS):
        here = slice(first, min(first + _ACT_ROWS, rows))
        some = gates[: here.stop - first]
        torch.mm(x[here], turned_x, out=some)
        some.addmm_(state[here, :hidden] * keep[here], turned_h)
        native.library().lstm_act(
            gates.data_ptr(), bias.data_ptr(), at(state, first), at(starts, first), at(after, first), len(some), hidden
        )
    return after[:, :hidden], after


class LstmSequence(torch.autograd.Function):
    """(i, f, g, o) = W x + U h + b; c <- sigma(f) c + sigma(i) tanh(g); h <- sigma(o) tanh(c).

    Products that do not depend on the step before are made for a few steps together: enough rows for them to be fast,
    few enough for the gates to stay in cache until they are used.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight_x: Tensor, weight_h: Tensor, bias: Tensor, keep: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return h (T, B, H) and the last c (B, H); x (T, B, H), the rest as `cores.Lstm` has it."""
        x = x.contiguous()
        steps, rows, hidden = x.shape
        gates, squashed, h = x.new_empty(steps, rows, 4 * hidden), torch.empty_like(x), torch.empty_like(x)
        before, c = torch.empty_like(x), x.new_empty(steps + 1, rows, hidden)  # h and c as each step finds them
        starts = keep == 0
        torch.mul(state[:, :hidden], keep[0], out=before[0])
        c[0] = state[:, hidden:]
        at, biases = _Addresses(gates, c, starts, squashed, h, before), bias.data_ptr()
        step, turned_x, turned_h = native.library().lstm_step, weight_x.t(), weight_h.t()
        for some in _groups(steps, rows):
            torch.mm(x[some].flatten(0, 1), turned_x, out=gates[some].flatten(0, 1))
            for t in range(some.start, some.stop):
                gates[t].addmm_(before[t], turned_h)
                last = t == steps - 1
                step(
                    at(gates, t), biases, at(c, t), at(starts, t), None if last else at(starts, t + 1), at(c, t + 1),
                    at(squashed, t), at(h, t), None if last else at(before, t + 1), rows, hidden,
                )  # fmt: skip
        ctx.save_for_backward(weight_x, weight_h)
        ctx.tape = (x, gates, squashed, before, c, starts)
        return h, c[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of x, weight_x, weight_h and bias."""
        weight_x, weight_h = ctx.saved_tensors
        x, gates, squashed, before, c, starts = ctx.tape
        steps, rows, hidden = x.shape
        groups = _groups(steps, rows)
        dy, dx = grads[0].contiguous(), torch.empty_like(x)
        dweight_x, dweight_h, dbias = torch.zeros_like(weight_x), torch.zeros_like(weight_h), x.new_zeros(4 * hidden)
        dgates, dh, dc = torch.empty_like(gates[groups[0]]), torch.empty_like(x[0]), torch.zeros_like(x[0])
        at, back = _Addresses(gates, c, squashed, starts, dy, dgates), native.library().lstm_step_back
        carried = dh.data_ptr(), dc.data_ptr()
        for some in reversed(groups):
            for t in range(some.stop - 1, some.start - 1, -1):
                following = None if t == steps - 1 else at(starts, t + 1)
                back(
                    at(gates, t), at(c, t), at(squashed, t), at(starts, t), following,
                    at(dy, t), *carried, at(dgates, t - some.start), dbias.data_ptr(), rows, hidden,
                )  # fmt: skip
                torch.mm(dgates[t - some.start], weight_h, out=dh)
            flat = dgates[: some.stop - some.start].flatten(0, 1)
            torch.mm(flat, weight_x, out=dx[some].flatten(0, 1))
            dweight_x.addmm_(flat.t(), x[some].flatten(0, 1))
            dweight_h.addmm_(flat.t(), before[some].flatten(0, 1))
        return dx, dweight_x, dweight_h, dbias, None, None


def _groups(steps: int, rows: int) -> list[slice]:
    """Return consecutive steps in groups of about `_ROWS` rows."""
    size = max(_ROWS // max(rows, 1), 1)
    return [slice(first, min(first + size, steps)) for first in range(0, steps, size)]


class MinGruSequence(torch.autograd.Function):
    """(k, g, p) = W x + b, and what `cores.MinGru` makes of them."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, keep: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return y (T, B, H) and the last s (B, H); x (T, B, H), the rest as `cores.MinGru` has it."""
        x, state = x.contiguous(), state.contiguous()
        gates = functional.linear(x, weight, bias)
        starts, states, y = keep == 0, torch.empty_like(x), torch.empty_like(x)
        arrays = (gates, x, state, starts, states)
        native.library().mingru_sequence(*(array.data_ptr() for array in (*arrays, y)), *x.shape)
        ctx.save_for_backward(weight)
        ctx.tape = arrays
        return y, states[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of x, weight and bias."""
        (weight,) = ctx.saved_tensors
        gates, x, state, _, _ = ctx.tape
        dx = grads[0].clone(memory_format=torch.contiguous_format)
        carry, dgates = torch.empty_like(state), torch.empty_like(gates)
        native.library().mingru_sequence_back(*(array.data_ptr() for array in (*ctx.tape, dx, carry, dgates)), *x.shape)
        flat = dgates.view(-1, dgates.shape[-1])
        dx.view(-1, dx.shape[-1]).addmm_(flat, weight)
        return dx, flat.t() @ x.view(-1, x.shape[-1]), flat.sum(0), None, None


class _Addresses:
    """Where step t of each of these contiguous tensors (T, ...) begins."""

    def __init__(self, *tensors: Tensor) -> None:
        self._of = {id(x): (x.data_ptr(), x.stride(0) * x.element_size()) for x in tensors}

    def __call__(self, tensor: Tensor, t: int) -> int:
        first, stride = self._of[id(tensor)]
        return first + t * stride
