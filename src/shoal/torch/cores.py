# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What the encoder feeds: mlp, mingru, lstm, gru, over whole sequences.

A layer with memory takes x (T, B, H), keep (T, B, 1), which is 0 where a life starts and else 1, and its state
(B, states * H) before the first step; it returns y (T, B, H) and the state after the last. No gradient flows into the
state. What does not depend on the step before is one matrix product over all T * B rows; minGRU's and LSTM's
recurrences have a backward pass of their own, which keeps such products whole too.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from shoal.torch import fused

# (gradient, output, grad_input=where): the gradient before the function.
_SIGMOID = torch.ops.aten.sigmoid_backward.grad_input
_TANH = torch.ops.aten.tanh_backward.grad_input

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh}


class Linear(nn.Module):
    """One hidden layer of an mlp: activation(x W^T + b)."""

    states = 0

    def __init__(self, hidden: int, activation: str) -> None:
        super().__init__()
        self.weight = _matrix(1, hidden)
        self.bias = nn.Parameter(torch.zeros(hidden))
        self.activation = ACTIVATIONS[activation]

    def forward(self, x: Tensor, keep: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return y and no state."""
        return self.activation(functional.linear(x, self.weight, self.bias)), state


class MinGru(nn.Module):
    """MinGRU with a highway (native/nn/mingru.c has the formulas); gate blocks k, g, p."""

    states = 1

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.weight = _matrix(3, hidden)
        self.bias = nn.Parameter(torch.zeros(3 * hidden))

    def forward(self, x: Tensor, keep: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return y and s after the last step."""
        if fused.fits(x, self.weight, state):
            found: tuple[Tensor, Tensor] = fused.MinGruSequence.apply(x, self.weight, self.bias, keep, state)  # type: ignore[no-untyped-call]
            return found
        k, g, p = _product(x, self.weight, self.bias, state).chunk(3, dim=-1)
        k = torch.where(k >= 0, k + 0.5, torch.sigmoid(k))
        s = _Scan.apply(k, torch.sigmoid(g), keep, state)  # type: ignore[no-untyped-call]
        return torch.lerp(x.to(s.dtype), s, torch.sigmoid(p)), s[-1]


class Lstm(nn.Module):
    """LSTM; gate blocks i, f, g, o; state h, then c."""

    states = 2

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.weight_x = _matrix(4, hidden)
        self.weight_h = _matrix(4, hidden)
        self.bias = nn.Parameter(torch.cat([torch.zeros(hidden), torch.ones(hidden), torch.zeros(2 * hidden)]))

    def forward(self, x: Tensor, keep: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return h of every step, and (h, c) after the last."""
        if fused.fits_lstm(x, self.weight_x, state):
            if len(x) == 1 and not torch.is_grad_enabled():
                h, after = fused.lstm_act(x[0], self.weight_x, self.weight_h, self.bias, keep[0], state)
                return h[None], after
            h, c = fused.LstmSequence.apply(x, self.weight_x, self.weight_h, self.bias, keep, state)  # type: ignore[no-untyped-call]
            return h, torch.cat([h[-1], c], dim=-1)
        gates = _product(x, self.weight_x, self.bias, state)
        h, c = _LstmSequence.apply(gates, self.weight_h, keep, state)  # type: ignore[no-untyped-call]
        return h, torch.cat([h[-1], c], dim=-1)


class Gru(nn.Module):
    """GRU (Cho et al. 2014, torch's form); gate blocks r, z, n.

    r, z = sigma(W x + U h + b), n = tanh(W x + b + r (U h)), h <- n + z (h - n).
    """

    states = 1

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.weight_x = _matrix(3, hidden)
        self.weight_h = _matrix(3, hidden)
        self.bias = nn.Parameter(torch.zeros(3 * hidden))

    def forward(self, x: Tensor, keep: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return h of every step, and h after the last."""
        from_x = _product(x, self.weight_x, self.bias, state)
        width = 2 * x.shape[-1]
        h, found = state, []
        for t in range(x.shape[0]):
            h = h * keep[t]
            from_h = functional.linear(h, self.weight_h).to(h.dtype)
            r, z = torch.sigmoid(from_x[t, :, :width] + from_h[:, :width]).chunk(2, dim=-1)
            n = torch.tanh(from_x[t, :, width:] + r * from_h[:, width:])
            h = torch.lerp(n, h, z)
            found.append(h)
        return torch.stack(found), h


class _Scan(torch.autograd.Function):
    """s_t = (1 - z_t) keep_t s_{t-1} + z_t k_t, in linear space and in time order."""

    @staticmethod
    def forward(ctx: Any, k: Tensor, z: Tensor, keep: Tensor, state: Tensor) -> Tensor:
        """Return s (T, B, H)."""
        decay = (1 - z) * keep
        s = z * k
        s[0].addcmul_(decay[0], state)
        for t in range(1, len(s)):
            s[t].addcmul_(decay[t], s[t - 1])
        ctx.save_for_backward(k, z, keep, state, decay, s)
        return s

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of k and z."""
        k, z, keep, state, decay, s = ctx.saved_tensors
        ds = grads[0].clone(memory_format=torch.contiguous_format)
        for t in range(len(s) - 1, 0, -1):
            ds[t - 1].addcmul_(ds[t], decay[t])
        before = torch.cat([state[None], s[:-1]]).mul_(keep)
        return ds * z, before.neg_().add_(k).mul_(ds), None, None


class _LstmSequence(torch.autograd.Function):
    """(i, f, g, o) = gates_t + U h; c <- sigma(f) c + sigma(i) tanh(g); h <- sigma(o) tanh(c).

    Per step, forward has one matrix product and eight small operations, backward one and twelve. What backward could
    prepare for the whole sequence it does step by step: arrays of a step stay in cache, those of a sequence do not.
    """

    @staticmethod
    def forward(ctx: Any, gates: Tensor, weight_h: Tensor, keep: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return h (T, B, H) and the last c (B, H); overwrites `gates` (T, B, 4H), which nobody else reads."""
        steps, rows, width = gates.shape
        hidden = width // 4
        hs, cs = gates.new_empty(steps + 1, rows, hidden), gates.new_empty(steps + 1, rows, hidden)
        squashed = gates.new_empty(steps, rows, hidden)
        hs[0], cs[0] = state[:, :hidden], state[:, hidden:]
        resets = _resets(keep)
        turned = weight_h.t()
        for t in range(steps):
            h, c, gate = hs[t], cs[t], gates[t]
            if resets[t]:
                h, c = h * keep[t], c * keep[t]
            gate.addmm_(h, turned)
            gate[:, : 2 * hidden].sigmoid_()
            gate[:, 2 * hidden : 3 * hidden].tanh_()
            gate[:, 3 * hidden :].sigmoid_()
            i, f, g, o = gate.chunk(4, dim=-1)
            torch.mul(f, c, out=cs[t + 1]).addcmul_(i, g)
            torch.mul(o, torch.tanh(cs[t + 1], out=squashed[t]), out=hs[t + 1])
        ctx.save_for_backward(weight_h, keep)
        ctx.tape = (gates, hs, cs, squashed, resets)
        return hs[1:], cs[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of gates and weight_h."""
        weight_h, keep = ctx.saved_tensors
        gates, hs, cs, squashed, resets = ctx.tape
        dy = grads[0]
        steps, rows, width = gates.shape
        hidden = width // 4
        dgates = torch.empty_like(gates)
        dh, dc = dy[-1], gates.new_zeros(rows, hidden)
        product, through = torch.empty_like(dc), torch.empty_like(dc)
        for t in range(steps - 1, -1, -1):
            i, f, g, o = gates[t].chunk(4, dim=-1)
            di, df, dg, do = dgates[t].chunk(4, dim=-1)
            before = cs[t] * keep[t] if resets[t] else cs[t]
            _SIGMOID(torch.mul(dh, squashed[t], out=product), o, grad_input=do)
            dc.add_(_TANH(torch.mul(dh, o, out=product), squashed[t], grad_input=through))
            _SIGMOID(torch.mul(dc, g, out=product), i, grad_input=di)
            _SIGMOID(torch.mul(dc, before, out=product), f, grad_input=df)
            _TANH(torch.mul(dc, i, out=product), g, grad_input=dg)
            if not t:
                break
            dc.mul_(f)
            if resets[t]:
                dc.mul_(keep[t])
                dh = torch.addcmul(dy[t - 1], dgates[t] @ weight_h, keep[t])
            else:
                dh = torch.addmm(dy[t - 1], dgates[t], weight_h)
        dweight = dgates.view(-1, width).t() @ (hs[:-1] * keep).view(-1, hidden)
        return dgates, dweight, None, None


def _product(x: Tensor, weight: Tensor, bias: Tensor, state: Tensor) -> Tensor:
    """Return x W^T + b; recurrences run in the state's type also where autocast makes products of another."""
    return functional.linear(x, weight, bias).to(state.dtype)


def _resets(keep: Tensor) -> list[bool]:
    """Return for each step whether a life may start in it; on a device that would have to be waited for, True."""
    if keep.device.type != "cpu":
        return [True] * len(keep)
    found: list[bool] = (keep == 0).flatten(1).any(1).tolist()
    return found


def _matrix(blocks: int, hidden: int) -> nn.Parameter:
    """Return gate blocks stacked in rows, each orthogonal."""
    gain = 2**0.5 if blocks == 1 else 1.0
    parts = [nn.init.orthogonal_(torch.empty(hidden, hidden), gain) for _ in range(blocks)]
    parameter = nn.Parameter(torch.cat(parts))
    parameter.blocks = blocks  # type: ignore[attr-defined]  # optimizer.py takes each as a matrix of its own
    return parameter
