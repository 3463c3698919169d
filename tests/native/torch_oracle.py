# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The whole policy and the whole loss in torch, float64, straight from the algorithm: the oracle of gradients.

Nothing here is shared with native/reference but the order of the parameters in one array. Shapes: B segments, S steps
each, D dense and K one-hot features, H hidden, O outputs (logits of all heads, then means).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Shape:
    """What a policy is made of; heads: (size, masked)."""

    dense: int
    hot: int
    hidden: int
    layers: int
    core: str  # "mlp", "mingru" or "lstm"
    heads: Sequence[tuple[int, bool]]
    dims: int = 0
    activation: str = "relu"
    own_value: bool = False
    own: Sequence[tuple[str, int, int, int, int]] = ()  # encoders: kind, rows, columns, channels, categories

    @property
    def outputs(self) -> int:
        """Logits and means."""
        return sum(size for size, _ in self.heads) + self.dims

    @property
    def trunks(self) -> int:
        """1, or 2 when the value has its own."""
        return 2 if self.own_value else 1

    @property
    def states(self) -> int:
        """Arrays (B, H) of state in a trunk: h and then c of each lstm layer."""
        return {"mlp": 0, "mingru": 1, "lstm": 2}[self.core] * self.layers

    def parameters(self) -> list[tuple[str, tuple[int, ...]]]:
        """Names and shapes in storage order."""
        h, found = self.hidden, []
        for trunk in ("policy", "value")[: self.trunks]:
            found += [(f"{trunk}.dense", (h, self.dense)), (f"{trunk}.hot", (h, self.hot)), (f"{trunk}.bias", (h,))]
            for i, (kind, rows_, columns, channels, categories) in enumerate(self.own):
                cells, planes = rows_ * columns, channels * categories
                found += [(f"{trunk}.own{i}.{name}", shape) for name, shape in {
                    "embedding": [("table", (cells * planes, h))],
                    "conv": [
                        ("kernel", (32, planes, 3, 3)), ("bias", (32,)), ("kernel2", (32, 32, 3, 3)), ("bias2", (32,)),
                        ("project", (h, 32 * cells)),
                    ],
                    "entities": [("map", (32, columns * channels)), ("bias", (32,)), ("project", (h, 32))],
                }[kind]]  # fmt: skip
            rows = {"mlp": 1, "mingru": 3, "lstm": 4}[self.core] * h
            weights = ("weight_x", "weight_h") if self.core == "lstm" else ("weight",)
            for layer in range(self.layers - 1 if self.core == "mlp" else self.layers):
                found += [(f"{trunk}.{layer}.{weight}", (rows, h)) for weight in weights]
                found += [(f"{trunk}.{layer}.bias", (rows,))]
        found += [("head.weight", (self.outputs, h)), ("head.bias", (self.outputs,))]
        return [*found, ("value_head.weight", (1, h)), ("value_head.bias", (1,)), ("log_std", (self.dims,))]

    def unflatten(self, flat: Tensor) -> dict[str, Tensor]:
        """Views of one array of all parameters."""
        at, found = 0, {}
        for name, shape in self.parameters():
            size = torch.Size(shape).numel()
            found[name] = flat[at : at + size].view(shape)
            at += size
        assert at == flat.numel()
        return found


@dataclass(frozen=True)
class Batch:
    """One minibatch; everything over (B, S) but where a shape is given."""

    dense: Tensor  # (B, S, D)
    hot: Tensor  # (B, S, K)
    own: Tensor  # (B, S, X): of each own encoder the categories, or the number of valid entities and all of them
    starts: Tensor  # bool
    state: Tensor  # (trunks, states, B, H)
    legal: Tensor  # (B, S, logits) bool
    discrete: Tensor  # (B, S, heads) int64
    continuous: Tensor  # (B, S, dims) raw samples
    old_log_prob: Tensor
    old_values: Tensor
    advantage: Tensor
    returns: Tensor
    omega: Tensor
    learn: Tensor  # bool


@dataclass(frozen=True)
class Coefficients:
    """Of the loss; vf_clip 0: off."""

    clip_coef: float = 0.2
    vf_coef: float = 1.0
    vf_clip: float = 0.0
    ent_coef: float = 0.01
    ent_coef_continuous: float = 0.0
    advantage_floor: float = 0.0


def mingru_layer(x: Tensor, starts: Tensor, state: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return y (B, S, H) and the state after each step (B, S, H)."""
    pre_k, pre_g, pre_p = functional.linear(x, weight, bias).chunk(3, dim=-1)
    k = torch.where(pre_k >= 0, pre_k + 0.5, torch.sigmoid(pre_k))
    s, states = state.detach(), []
    for t in range(x.shape[1]):
        s = torch.where(starts[:, t, None], torch.zeros_like(s), s)
        s = s + torch.sigmoid(pre_g[:, t]) * (k[:, t] - s)
        states.append(s)
    memory = torch.stack(states, dim=1)
    p = torch.sigmoid(pre_p)
    return p * memory + (1 - p) * x, memory


def lstm_layer(
    x: Tensor, starts: Tensor, state: Tensor, weight_x: Tensor, weight_h: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    """Return y (B, S, H) and the cell after each step (B, S, H), by torch's own cell. state: (2, B, H)."""
    (h, c), ys, cells = state.detach(), [], []
    for t in range(x.shape[1]):
        h, c = (torch.where(starts[:, t, None], torch.zeros_like(part), part) for part in (h, c))
        h, c = torch.lstm_cell(x[:, t], (h, c), weight_x, weight_h, bias, torch.zeros_like(bias))
        ys.append(h)
        cells.append(c)
    return torch.stack(ys, dim=1), torch.stack(cells, dim=1)


def own_encoder(entry: tuple[str, int, int, int, int], w: dict[str, Tensor], at: str, x: Tensor) -> Tensor:
    """Return (B, S, H) of one own encoder's inputs x (B, S, inputs)."""
    kind, rows, columns, channels, categories = entry
    n = x.shape[0] * x.shape[1]
    if kind == "entities":
        units = torch.relu(functional.linear(x[..., 1:].reshape(n, rows, -1), w[f"{at}.map"], w[f"{at}.bias"]))
        given, count = units @ w[f"{at}.project"].T, x[..., 0].reshape(n).long().clamp(0, rows)
        found = [one[:valid].max(0).values if valid else 0 * one[0] for one, valid in zip(given, count, strict=True)]
        return torch.stack(found).view(*x.shape[:2], -1)
    one_hot = functional.one_hot(x.long(), categories).to(x.dtype)  # (B, S, elements, categories)
    if kind == "embedding":
        return one_hot.flatten(2) @ w[f"{at}.table"]
    image = one_hot.view(n, rows, columns, channels * categories).permute(0, 3, 1, 2)
    image = torch.relu(functional.conv2d(image, w[f"{at}.kernel"], w[f"{at}.bias"], padding=1))
    image = torch.relu(functional.conv2d(image, w[f"{at}.kernel2"], w[f"{at}.bias2"], padding=1))
    return functional.linear(image.flatten(1), w[f"{at}.project"]).view(*x.shape[:2], -1)


def trunk(shape: Shape, w: dict[str, Tensor], name: str, batch: Batch, state: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Encoder and core: (B, S, H), and the states after the last step of each layer."""
    act = torch.relu if shape.activation == "relu" else torch.tanh
    x = functional.linear(batch.dense, w[f"{name}.dense"], w[f"{name}.bias"])
    x = x + functional.linear(batch.hot, w[f"{name}.hot"])
    at = 0
    for i, entry in enumerate(shape.own):
        inputs = entry[1] * entry[2] * entry[3] + (entry[0] == "entities")
        x = x + own_encoder(entry, w, f"{name}.own{i}", batch.own[..., at : at + inputs])
        at += inputs
    if shape.core == "mlp":
        x = act(x)
        for layer in range(shape.layers - 1):
            x = act(functional.linear(x, w[f"{name}.{layer}.weight"], w[f"{name}.{layer}.bias"]))
        return x, []
    last = []
    for layer in range(shape.layers):
        bias = w[f"{name}.{layer}.bias"]
        if shape.core == "lstm":
            weights = [w[f"{name}.{layer}.weight_{of}"] for of in "xh"]
            x, cell = lstm_layer(x, batch.starts, state[2 * layer : 2 * layer + 2], *weights, bias)
            last += [x[:, -1], cell[:, -1]]
        else:
            x, memory = mingru_layer(x, batch.starts, state[layer], w[f"{name}.{layer}.weight"], bias)
            last.append(memory[:, -1])
    return x, last


def forward(shape: Shape, flat: Tensor, batch: Batch) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Return outputs (B, S, O), values (B, S) and the states after the last step, trunk by trunk."""
    w = shape.unflatten(flat)
    top, last = trunk(shape, w, "policy", batch, batch.state[0])
    value_top = top
    if shape.own_value:
        value_top, more = trunk(shape, w, "value", batch, batch.state[1])
        last = last + more
    outputs = functional.linear(top, w["head.weight"], w["head.bias"])
    return outputs, functional.linear(value_top, w["value_head.weight"], w["value_head.bias"])[..., 0], last


def distributions(shape: Shape, outputs: Tensor, log_std: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Return log-probability of the actions taken, discrete entropy and continuous entropy, over (B, S)."""
    log_prob = torch.zeros(outputs.shape[:-1], dtype=outputs.dtype)
    entropy, entropy_continuous = torch.zeros_like(log_prob), torch.zeros_like(log_prob)
    at = 0
    for h, (size, _) in enumerate(shape.heads):
        legal = batch.legal[..., at : at + size]
        logits = outputs[..., at : at + size].masked_fill(~legal, -1e30)
        categorical = torch.distributions.Categorical(logits=logits)
        log_prob = log_prob + categorical.log_prob(batch.discrete[..., h])
        entropy = entropy + categorical.entropy()
        at += size
    if shape.dims:
        normal = torch.distributions.Normal(outputs[..., at:], log_std.clamp(-4.0, 0.5).exp())
        log_prob = log_prob + normal.log_prob(batch.continuous).sum(-1)
        entropy_continuous = entropy_continuous + normal.entropy().sum(-1)
    return log_prob, entropy, entropy_continuous


def loss_of(c: Coefficients, log_prob: Tensor, values: Tensor, entropies: tuple[Tensor, Tensor], b: Batch) -> Tensor:
    """Return the loss; the advantage is normalised here, over learn rows."""
    learn = b.learn
    advantage = b.advantage[learn]
    advantage = (advantage - advantage.mean()) / (advantage.std(correction=0).clamp(min=c.advantage_floor) + 1e-8)
    w = torch.exp(log_prob - b.old_log_prob)[learn]
    policy = torch.maximum(-advantage * w, -advantage * w.clamp(1 - c.clip_coef, 1 + c.clip_coef))
    v, v_old, r = values[learn], b.old_values[learn], b.returns[learn]
    square = (v - r) ** 2
    if c.vf_clip:
        square = torch.maximum(square, (v_old + (v - v_old).clamp(-c.vf_clip, c.vf_clip) - r) ** 2)
    entropy = c.ent_coef * entropies[0][learn] + c.ent_coef_continuous * entropies[1][learn]
    return (b.omega[learn] * (policy + c.vf_coef * 0.5 * square - entropy)).sum() / learn.sum()


def whole_loss(shape: Shape, flat: Tensor, batch: Batch, c: Coefficients) -> Tensor:
    """Return the loss of a policy on a minibatch; differentiate it with respect to `flat`."""
    outputs, values, _ = forward(shape, flat, batch)
    log_prob, *entropies = distributions(shape, outputs, shape.unflatten(flat)["log_std"], batch)
    return loss_of(c, log_prob, values, (entropies[0], entropies[1]), batch)
