# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""LSTM and minGRU over a sequence in float32 on the CPU, in native code: of a minGRU what it does beside its product.

`cores` has the same in plain torch, which every other type and device takes, and against which this is tested.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from shoal import native

_PANEL = 32  # native products of an LSTM take columns so many at a time


def fits(*tensors: Tensor) -> bool:
    """Return whether native code can take these: float32 on the CPU, without autocast."""
    same = all(tensor.dtype == torch.float32 and tensor.device.type == "cpu" for tensor in tensors)
    return same and not torch.is_autocast_enabled("cpu")


def fits_lstm(x: Tensor, *tensors: Tensor) -> bool:
    """Return whether native code can take these, the units of an LSTM too."""
    return x.shape[-1] % _PANEL == 0 and fits(x, *tensors)


def lstm_act(
    x: Tensor, weight_x: Tensor, weight_h: Tensor, bias: Tensor, keep: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """Return h (B, H) and the state (B, 2H) after one step without gradients; x (B, H), keep (B, 1)."""
    x, state = x.contiguous(), state.contiguous()
    starts, after = keep == 0, torch.empty_like(state)
    arrays = (x, weight_x, weight_h, bias, state, starts, after, _scratch(x))
    native.library().lstm_act(*(array.data_ptr() for array in arrays), *x.shape)
    return after[:, : x.shape[1]], after


class LstmSequence(torch.autograd.Function):
    """(i, f, g, o) = W x + U h + b; c <- sigma(f) c + sigma(i) tanh(g); h <- sigma(o) tanh(c)."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight_x: Tensor, weight_h: Tensor, bias: Tensor, keep: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return h (T, B, H) and the last c (B, H); x (T, B, H), the rest as `cores.Lstm` has it."""
        x, state = x.contiguous(), state.contiguous()
        starts, gates = keep == 0, x.new_empty(*x.shape[:2], 4 * x.shape[2])
        before, cells, squashed, h = (torch.empty_like(x) for _ in range(4))
        tape = (state, starts, gates, before, cells, squashed)
        arrays = (x, weight_x, weight_h, bias, *tape, h, _scratch(x[0]))
        native.library().lstm_sequence(*(array.data_ptr() for array in arrays), *x.shape)
        ctx.save_for_backward(weight_x, weight_h)
        ctx.tape = (x, *tape)
        return h, cells[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of x, weight_x, weight_h and bias."""
        weight_x, weight_h = ctx.saved_tensors
        x, *tape = ctx.tape
        dx, dy = torch.empty_like(x), grads[0].contiguous()
        sums = torch.zeros_like(weight_x), torch.zeros_like(weight_h), x.new_zeros(len(weight_x))
        arrays = (x, weight_x, weight_h, *tape, dy, dx, *sums, _scratch(x[0]))
        native.library().lstm_sequence_back(*(array.data_ptr() for array in arrays), *x.shape)
        return dx, *sums, None, None


def _scratch(x: Tensor) -> Tensor:
    """Return the memory in which native code works on rows (B, H)."""
    return x.new_empty(native.library().lstm_scratch(*x.shape))


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
