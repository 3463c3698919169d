# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What some segments of a minibatch teach: gradients of their share of its loss. Everything is (S, B), time first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from shoal.settings import TrainConfig
from shoal.torch import heads, loss
from shoal.torch.policy import TorchPolicy


@dataclass(frozen=True)
class Minibatch:
    """What all parts of a minibatch share.

    Attributes:
        data: of all segments, name -> (S, M, ...). memory: (M, state_size), before each segment.
        columns: (B,), the segments that are picked. omega: (B,), their importance.
        mean, std: of the advantages, by which they are normalised. count: learn rows, by which the loss is divided.
        ent_coef: the present weight of the entropy of discrete actions. ranks: over which `extra_loss` is averaged.
    """

    data: dict[str, Tensor]
    memory: Tensor
    columns: Tensor
    omega: Tensor
    mean: float
    std: float
    count: float
    ent_coef: float
    ranks: int


@dataclass(frozen=True)
class Lesson:
    """Of a part: gradients of the trained parameters, sums to be logged, and of its columns the new V and ratio w."""

    gradients: tuple[Tensor | None, ...]
    logged: Tensor
    columns: Tensor
    values: Tensor
    ratio: Tensor


def study(
    policy: TorchPolicy,
    config: TrainConfig,
    minibatch: Minibatch,
    part: slice,
    lap: Callable[[str], None],
) -> Lesson:
    """Return what this part of the minibatch teaches; `lap` counts the time since its last call for a stage."""
    columns = minibatch.columns[part]
    found = {name: array.index_select(1, columns) for name, array in minibatch.data.items()}
    starts, state = found["starts"] != 0, minibatch.memory.index_select(0, columns)
    lap("gather")
    with torch.enable_grad():
        fields = policy.fields(found["rows"])
        outputs, values, _ = policy.call(fields, starts, state)
        lap("forward")
        scores = heads.score(
            policy.spec, outputs, policy.log_std, found["masks"], found["discrete"].long(), found["raw"]
        )
        batch = loss.Batch(
            fields=fields, starts=starts, discrete=found["discrete"], raw=found["raw"], masks=found["masks"],
            log_probs=found["log_probs"], values=found["values"], targets=found["targets"],
            advantages=(found["advantages"] - minibatch.mean) * (1.0 / (minibatch.std + 1e-8)),
            omega=minibatch.omega[part], learn=found["learn"],
        )  # fmt: skip
        summed, ratio, logged = loss.terms(config, minibatch.ent_coef, batch, values, scores)
        total = summed / minibatch.count
        extra = getattr(policy.module, "extra_loss", None)
        if extra is not None:
            total = total + extra(batch) / minibatch.ranks
        lap("loss")
        gradients = torch.autograd.grad(total, policy.trained, allow_unused=True)
    lap("backward")
    return Lesson(gradients, logged, columns, values.detach(), torch.where(found["learn"] != 0, ratio, 1.0))
