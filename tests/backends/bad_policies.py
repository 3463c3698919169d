# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Networks that a user may write by mistake, for test_torch_errors.py."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from shoal.config import Config
from shoal.registry import Spec


class Base(nn.Module):
    def __init__(self, spec: Spec, config: Config) -> None:
        super().__init__()
        self.actor, self.critic = nn.Linear(4, 2), nn.Linear(4, 1)

    def forward(self, fields: dict[str, Tensor], state: Tensor, starts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = fields["state"]
        return self.actor(x), self.critic(x)[..., 0], state


class TooManyOutputs(Base):
    def __init__(self, spec: Spec, config: Config) -> None:
        super().__init__(spec, config)
        self.actor = nn.Linear(4, 3)


class ValuesWithAxis(Base):
    def forward(self, fields: dict[str, Tensor], state: Tensor, starts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.actor(fields["state"]), self.critic(fields["state"]), state


class ForgetsState(Base):
    state_size = 7

    def forward(self, fields: dict[str, Tensor], state: Tensor, starts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.actor(fields["state"]), self.critic(fields["state"])[..., 0], state[:, :5]


class WrongInput(Base):
    def __init__(self, spec: Spec, config: Config) -> None:
        super().__init__(spec, config)
        self.actor = nn.Linear(5, 2)


class ReturnsPair(Base):
    def forward(self, fields: dict[str, Tensor], state: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return self.actor(fields["state"]), self.critic(fields["state"])[..., 0]


class NoParameters(nn.Module):
    def __init__(self, spec: Spec, config: Config) -> None:
        super().__init__()


class GoesWrong(Base):
    """The gradient of the critic is no number from the tenth update on."""

    updates = 0

    def extra_loss(self, batch: object) -> Tensor:
        self.updates += 1
        return self.critic.bias.sum() * (torch.nan if self.updates >= 10 else 0.0)


class LosesValues(Base):
    """Values are no numbers from some call on."""

    calls = 0

    def forward(self, fields: dict[str, Tensor], state: Tensor, starts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.calls += torch.is_grad_enabled()
        outputs, values, state = super().forward(fields, state, starts)
        return outputs, values * (torch.nan if self.calls > 10 else 1.0), state


def not_a_module(spec: Spec, config: Config) -> int:
    return 3
