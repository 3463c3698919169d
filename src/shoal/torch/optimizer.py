# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Muon for matrices, AdamW for the rest (docs/concepts/algorithm.md).

A matrix is a parameter of two or more dimensions, a convolution's kernel outputs x the rest; the gate blocks of a
recurrent one are matrices of their own. AdamW takes vectors, embeddings, one-hot encoders, and the modules that a
policy names as its `heads` (without such an attribute, those called head, value, actor or critic).
"""

from __future__ import annotations

import functools
from collections import defaultdict

import torch
from torch import Tensor, nn

from shoal.settings import TrainConfig
from shoal.torch.crew import cut
from shoal.torch.policy import TorchPolicy
from shoal.torch.sums import wide

HEADS = ("head", "value", "actor", "critic")
BETAS, EPSILON = (0.9, 0.999), 1e-8
_SHARE = 4  # matrices that one thread steps together
_LONG = 3  # times as many columns as rows: from there products with themselves cost less than with the matrix
_POLYNOMIAL = (3.4445, -4.7750, 2.0315)
_RECURRENT: dict[type[nn.Module], int] = {
    nn.LSTM: 4,
    nn.LSTMCell: 4,
    nn.GRU: 3,
    nn.GRUCell: 3,
    nn.RNN: 1,
    nn.RNNCell: 1,
}


class Optimizer:
    """Steps the parameters of a policy. momentum, second: (P,), laid out as the policy's `theta`."""

    def __init__(self, policy: TorchPolicy, config: TrainConfig) -> None:
        self._config = config
        self.momentum, self.second = torch.zeros_like(policy.theta), torch.zeros_like(policy.theta)
        # (weights, gradient, momentum) of every matrix, as views; those of one shape go through Muon together.
        self._muon: dict[tuple[int, int], list[tuple[Tensor, Tensor, Tensor]]] = defaultdict(list)
        self._adam: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        self._policy = policy
        blocks = _blocks(policy.module, config)
        at = 0
        for name, parameter in policy.parameters:
            here = slice(at, at + parameter.numel())
            at += parameter.numel()
            views = [flat[here] for flat in (policy.theta, policy.gradient, self.momentum, self.second)]
            count = blocks.get(name.removeprefix("policy."), 0)
            if count:
                shape = (count, parameter.shape[0] // count, parameter.numel() // parameter.shape[0])
                parts = zip(*(view.view(shape) for view in views[:3]), strict=True)
                self._muon[shape[1:]] += [(w, g, m) for w, g, m in parts]
            else:
                self._adam.append((views[0], views[1], views[2], views[3]))

    @torch.no_grad()
    def step(self, rate: float, scale: float, step: int) -> None:
        """Take step number `step` >= 1 with the policy's gradient times `scale`."""
        config = self._config
        crew, groups = self._policy.crew, list(self._muon.items())
        if crew:

            def work(group: tuple[tuple[int, int], list[tuple[Tensor, Tensor, Tensor]]], leads: bool) -> None:
                _muon(*group, rate, scale, config.momentum)

            crew.map(work, [(shape, entries[here]) for shape, entries in groups for here in cut(len(entries), _SHARE)])
        else:
            for shape, entries in groups:
                _muon(shape, entries, rate, scale, config.momentum)
        if self._adam:
            ratio = config.adam_ratio if config.optimizer == "muon" else 1.0
            _adamw(self._adam, rate * ratio, scale, step)


def _blocks(module: nn.Module, config: TrainConfig) -> dict[str, int]:
    """Return the parameters that are Muon's, by name, and the number of matrices stacked in each."""
    if config.optimizer != "muon":
        return {}
    heads = tuple(getattr(module, "heads", HEADS))
    found: dict[str, int] = {}
    for prefix, part in module.named_modules():
        if isinstance(part, nn.Embedding):
            continue
        for key, parameter in part.named_parameters(recurse=False):
            name = f"{prefix}.{key}" if prefix else key
            at_heads = name.partition(".")[0] in heads
            if parameter.dim() < 2 or getattr(parameter, "rule", "") == "adam" or (at_heads and not config.muon_heads):
                continue
            count = int(getattr(parameter, "blocks", _RECURRENT.get(type(part), 1)))
            found[name] = 1 if config.muon_fused_gates else count
    return found


def _muon(
    shape: tuple[int, int], entries: list[tuple[Tensor, Tensor, Tensor]], rate: float, scale: float, momentum: float
) -> None:
    """Step matrices of one shape (rows, columns)."""
    rows, columns = shape
    weights, gradients, moments = ([entry[i] for entry in entries] for i in range(3))
    scaled = torch.stack(gradients).mul_(scale)
    torch._foreach_mul_(moments, momentum)
    torch._foreach_add_(moments, list(scaled))
    x = scaled.add_(torch.stack(moments), alpha=momentum)
    x = (x.mT if rows > columns else x).contiguous()  # on the short side
    x = x / (wide(x.flatten(1)).norm(dim=1) + 1e-7).to(x.device, x.dtype)[:, None, None]
    x = orthogonalised(x)
    x = x.mT if rows > columns else x
    torch._foreach_sub_(weights, list(x * (rate * max(1.0, rows / columns) ** 0.5)))


def orthogonalised(x: Tensor) -> Tensor:
    """Return five steps of Newton-Schulz from (count, m, n), m <= n, of norm 1: rows nearly orthonormal.

    A step is X <- p X, p = a + b G + c G G, G = X X^T. Of a long matrix two or three steps are taken with the m x m
    matrices alone: polynomials of G commute, so G becomes p G p, and X is multiplied once, by the product of the p. Not
    all five, because with every step G amplifies what rounding has left of small singular values.
    """
    a, b, c = _POLYNOMIAL
    if x.shape[2] < _LONG * x.shape[1]:
        for _ in range(5):
            gram = x @ x.mT
            x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
        return x
    for steps in (2, 3):
        gram = x @ x.mT
        factors: list[Tensor] = []
        for step in range(steps):
            if step:
                gram = factors[-1] @ (gram @ factors[-1])
            factors.append(torch.baddbmm(gram, gram, gram, beta=b, alpha=c))
            factors[-1].diagonal(dim1=1, dim2=2).add_(a)
        x = functools.reduce(torch.matmul, factors) @ x
    return x


def _adamw(entries: list[tuple[Tensor, Tensor, Tensor, Tensor]], rate: float, scale: float, step: int) -> None:
    weights, gradients, first, second = ([entry[i] for entry in entries] for i in range(4))
    scaled = torch._foreach_mul(gradients, scale)
    torch._foreach_lerp_(first, scaled, 1 - BETAS[0])
    torch._foreach_mul_(second, BETAS[1])
    torch._foreach_addcmul_(second, scaled, scaled, value=1 - BETAS[1])
    divisors = torch._foreach_div(second, 1 - BETAS[1] ** step)
    torch._foreach_sqrt_(divisors)
    torch._foreach_add_(divisors, EPSILON)
    torch._foreach_addcdiv_(weights, first, divisors, value=-rate / (1 - BETAS[0] ** step))
