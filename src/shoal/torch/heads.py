# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What a network's outputs mean: log-probabilities and entropies of the actions that were taken.

Outputs (..., O) are the logits of all discrete heads in order, then the means of the continuous dimensions. Actions
are drawn by native code (native/learn/host.c), so that both backends draw the same ones.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from shoal import registry

LOG_STD = (-4.0, 0.5)  # bounds of the state-independent logarithm of the standard deviation
_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
_NEVER = -1e30  # the logit of an illegal action


def width(spec: registry.Spec) -> int:
    """Return O."""
    return sum(head.size for head in spec.heads) + len(spec.dims)


def score(
    spec: registry.Spec, outputs: Tensor, log_std: Tensor | None, masks: Tensor, discrete: Tensor, raw: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return log-probability, entropy of the discrete heads and entropy of the continuous dimensions, each (...).

    Args:
        spec: of the environment.
        outputs: (..., O).
        log_std: (dims,) as stored, None without continuous dimensions.
        masks: uint8 (..., mask_bytes), 1 = legal.
        discrete: int64 (..., heads).
        raw: (..., dims), the samples before clipping.
    """
    log_prob = outputs.new_zeros(outputs.shape[:-1])
    entropy, entropy_continuous = torch.zeros_like(log_prob), torch.zeros_like(log_prob)
    at = mask_at = 0
    for h, head in enumerate(spec.heads):
        logits = outputs[..., at : at + head.size]
        if head.masked:
            legal = masks[..., mask_at : mask_at + head.size] != 0
            logits = logits.masked_fill(~legal, _NEVER)
            mask_at += head.size
        log_probs = torch.log_softmax(logits, dim=-1)
        log_prob = log_prob + log_probs.gather(-1, discrete[..., h : h + 1])[..., 0]
        entropy = entropy - (log_probs.exp() * log_probs).sum(-1)
        at += head.size
    if log_std is not None:
        bounded = log_std.clamp(*LOG_STD)
        z = (raw - outputs[..., at:]) * torch.exp(-bounded)
        log_prob = log_prob + (-0.5 * z * z - bounded - _HALF_LOG_2PI).sum(-1)
        entropy_continuous = entropy_continuous + (bounded + 0.5 + _HALF_LOG_2PI).sum()
    return log_prob, entropy, entropy_continuous
