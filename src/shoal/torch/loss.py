# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The loss of one minibatch (docs/concepts/algorithm.md). Everything is (S, B): S steps of B segments."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shoal.settings import TrainConfig
from shoal.torch.sums import total, wide

# Sums over learn rows, in this order; the last one is a maximum.
SUMS = ("policy_loss", "value_loss", "entropy", "kl", "clip_fraction", "ratio_error")


@dataclass(frozen=True)
class Batch:
    """A minibatch of segments, as the loss and a policy's own `extra_loss` see it.

    Attributes:
        fields: of the observations, name -> (S, B, ...), normalised. starts: bool (S, B), a life starts here.
        discrete: int64 (S, B, heads). raw: (S, B, dims), continuous actions before clipping. masks: (S, B, mask_bytes).
        log_probs, values: the rollout's. advantages: normalised. targets: of the value. omega: importance (B,).
        learn: (S, B), 1 where a row enters the loss, else 0.
    """

    fields: dict[str, Tensor]
    starts: Tensor
    discrete: Tensor
    raw: Tensor
    masks: Tensor
    log_probs: Tensor
    values: Tensor
    advantages: Tensor
    targets: Tensor
    omega: Tensor
    learn: Tensor


def terms(
    config: TrainConfig, ent_coef: float, batch: Batch, values: Tensor, scores: tuple[Tensor, Tensor, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the loss summed over learn rows, the ratio w (S, B), and the sums that are logged, float64 (len(SUMS),).

    Args:
        config: coefficients.
        ent_coef: the present weight of the entropy of discrete actions.
        batch: the minibatch.
        values: V of the present policy.
        scores: log-probability and entropies of the present policy, from `heads.score`.
    """
    log_prob, entropy, entropy_continuous = scores
    log_ratio = log_prob - batch.log_probs
    ratio = torch.exp(log_ratio)
    bounded = ratio.clamp(1 - config.clip_coef, 1 + config.clip_coef)
    policy_loss = torch.maximum(-batch.advantages * ratio, -batch.advantages * bounded)
    square = (values - batch.targets).square()
    if config.vf_clip > 0:
        move = (values - batch.values).clamp(-config.vf_clip, config.vf_clip)
        square = torch.maximum(square, (batch.values + move - batch.targets).square())
    value_loss = 0.5 * square
    bonus = ent_coef * entropy + config.ent_coef_continuous * entropy_continuous
    weight = batch.omega * batch.learn
    loss = (weight * (policy_loss + config.vf_coef * value_loss - bonus)).sum()
    with torch.no_grad():
        learn, error = batch.learn, (ratio - 1).abs()
        logged = torch.stack(
            [
                total(weight * policy_loss),
                total(weight * value_loss),
                total(learn * (entropy + entropy_continuous)),
                total(learn * (ratio - 1 - log_ratio)),
                total(learn * (error > config.clip_coef)),
                wide(torch.cat([(learn * error).flatten(), learn.new_zeros(1)]).max()),  # a rank may have no rows
            ]
        )
    return loss, ratio.detach(), logged
