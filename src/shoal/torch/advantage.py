# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Advantages, value targets and the statistics that scale rewards. Everything is (T, N), time first."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shoal import native
from shoal.settings import TrainConfig
from shoal.torch.sums import total, wide

REWARD_CLIP = 10.0


@dataclass(frozen=True)
class Outcome:
    """What a rollout led to. rewards raw; final_values and last_values (N,) scaled; ended: bits; learn: 1 or 0."""

    rewards: Tensor
    final_values: Tensor
    last_values: Tensor
    ended: Tensor
    starts: Tensor
    learn: Tensor


def advantages(config: TrainConfig, o: Outcome, values: Tensor, ratio: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """Return advantages A and value targets V + E (docs/concepts/algorithm.md).

    Args:
        config: gamma, gae_lambda, rho_clip, c_clip and the form.
        o: the rollout's outcome.
        values: V, of the present policy from the second pass on.
        ratio: w of the present policy to the rollout's.
        sigma: what rewards are divided by.
    """
    rewards = o.rewards.to(values.dtype)
    if config.normalize_reward != "off":
        rewards = (rewards / sigma).clamp(-REWARD_CLIP, REWARD_CLIP)
    upcoming = torch.cat([values[1:], o.last_values[None]])
    going = (o.ended == 0).to(values.dtype)
    upcoming = torch.where(o.ended == 0, upcoming, torch.where((o.ended & native.TERMINATED) != 0, 0.0, o.final_values))
    u = rewards + config.gamma * upcoming - values
    learn = o.learn.to(values.dtype)
    trace = config.gamma * config.gae_lambda * going
    error = backward_sums(ratio.clamp(max=config.rho_clip) * u * learn, ratio.clamp(max=config.c_clip) * trace * learn)
    if config.advantage == "single":
        return error, values + error
    following = torch.cat([error[1:], torch.zeros_like(error[:1])])
    return (u + trace * following) * learn, values + error


def backward_sums(a: Tensor, b: Tensor) -> Tensor:
    """Return x with x_t = a_t + b_t x_{t+1}, x_T = 0; overwrites `a`."""
    for t in range(len(a) - 2, -1, -1):
        a[t].addcmul_(b[t], a[t + 1])
    return a


def future_squares(config: TrainConfig, o: Outcome) -> Tensor:
    """Return count and sum of squares of the discounted sums of rewards to come, float64 (2,)."""
    learn = o.learn.to(o.rewards.dtype)
    sums = backward_sums(o.rewards * learn, config.gamma * (o.ended == 0).to(o.rewards.dtype) * learn)
    return torch.stack([total(learn), wide(sums).square().sum()])


def past_sums(config: TrainConfig, o: Outcome, carried: Tensor) -> Tensor:
    """Return G, the discounted sums of rewards so far (T, N); `carried` (N,) is G before, and becomes G after."""
    learn = o.learn.to(o.rewards.dtype)
    decay = torch.where(o.learn != 0, config.gamma * (o.starts == 0).to(o.rewards.dtype), 1.0)
    sums = o.rewards * learn
    before = carried
    for t in range(len(sums)):
        sums[t].addcmul_(decay[t], before)
        before = sums[t]
    carried.copy_(before)
    return sums


def explained_variance(values: Tensor, targets: Tensor, learn: Tensor) -> Tensor:
    """Return count and sums of V, R, R^2, R - V, (R - V)^2 over learn rows, float64 (6,)."""
    picked = learn != 0
    v, r = wide(values[picked]), wide(targets[picked])
    rest = r - v
    count = torch.full_like(v.sum(), len(v))
    return torch.stack([count, v.sum(), r.sum(), r.square().sum(), rest.sum(), rest.square().sum()])
