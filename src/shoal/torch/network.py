# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The network of the settings: encoder -> core -> heads, with the names and shapes of the native backend's tensors."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from shoal import registry
from shoal.settings import PolicyConfig
from shoal.torch import heads
from shoal.torch.cores import ACTIVATIONS, Gru, Linear, Lstm, MinGru
from shoal.torch.encoders import Encoder, Fields


class Trunk(nn.Module):
    """Encoder and core: fields -> (T, B, H). Its state is (B, state_size): layer by layer; of lstm h, then c."""

    def __init__(self, spec: registry.Spec, config: PolicyConfig, gate_tau: float) -> None:
        super().__init__()
        hidden, layers = config.hidden or 0, config.layers or 0
        self.encoder = Encoder(spec, config)
        self._activation = ACTIVATIONS[config.activation] if config.core == "mlp" else None
        if config.core == "mlp":
            self.core = nn.ModuleList(Linear(hidden, config.activation) for _ in range(layers - 1))
        else:
            self.core = nn.ModuleList(_CORES[config.core](hidden) for _ in range(layers))
        if config.core == "mingru" and gate_tau > 1.5:
            for layer in self.core:
                spread = torch.exp(torch.empty(hidden).uniform_(math.log(1.5), math.log(gate_tau)))
                with torch.no_grad():
                    layer.get_parameter("bias")[hidden : 2 * hidden] = -torch.log(spread - 1)
        self._widths = [int(layer.states) * hidden for layer in self.core]  # type: ignore[arg-type]
        self.state_size = sum(self._widths)

    def forward(self, fields: Fields, state: Tensor, keep: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the top (T, B, H) and each layer's state after the last step."""
        x: Tensor = self.encoder(fields)
        if self._activation is not None:
            x = self._activation(x)
        after, at = [], 0
        for layer, width in zip(self.core, self._widths, strict=True):
            x, last = layer(x, keep, state[:, at : at + width])
            after.append(last)
            at += width
        return x, after


class Head(nn.Module):
    """A linear map; its matrix is AdamW's."""

    def __init__(self, outputs: int, hidden: int, gain: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.orthogonal_(torch.empty(outputs, hidden), gain))
        self.bias = nn.Parameter(torch.zeros(outputs))


class Network(nn.Module):
    """What `[policy]` describes, as a policy of the kind that a user may write (docs/guides/torch.md)."""

    heads = ("head", "value")

    def __init__(self, spec: registry.Spec, config: PolicyConfig, gate_tau: float = 0.0) -> None:
        super().__init__()
        trunk = Trunk(spec, config, gate_tau)
        self.encoder, self.core = trunk.encoder, trunk.core  # the tensors are named without a `trunk`
        self._trunk = [trunk]  # in a list: not a second name of the same parameters
        self.value_trunk = Trunk(spec, config, gate_tau) if config.value_net == "own" else None
        self.head = Head(heads.width(spec), config.hidden or 0, 0.01)
        self.value = Head(1, config.hidden or 0, 1.0)
        self._split = trunk.state_size
        self.state_size = trunk.state_size * (2 if self.value_trunk is not None else 1)

    def forward(self, fields: Fields, state: Tensor, starts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return outputs (T, B, O), values (T, B) and the state (B, state_size) after the last step.

        Args:
            fields: by name, (T, B, ...).
            state: (B, state_size) before the first step.
            starts: bool (T, B), True where a life starts: the state is 0 there.
        """
        keep = (~starts)[..., None].to(state.dtype)
        top, after = self._trunk[0](fields, state[:, : self._split], keep)
        head, value = self.head, self.value
        if self.value_trunk is None:  # one product of few columns costs half of two, and as much again backwards
            weight, bias = torch.cat([head.weight, value.weight]), torch.cat([head.bias, value.bias])
            both = functional.linear(top, weight, bias)
            outputs, values = both[..., :-1], both[..., -1]
        else:
            outputs = functional.linear(top, head.weight, head.bias)
            top, more = self.value_trunk(fields, state[:, self._split :], keep)
            after = after + more
            values = functional.linear(top, value.weight, value.bias)[..., 0]
        if self.state_size:
            state = after[0] if len(after) == 1 else torch.cat(after, dim=-1)
        return outputs, values, state


_CORES = {"mingru": MinGru, "lstm": Lstm, "gru": Gru}
