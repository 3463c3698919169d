# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A recorded rollout of a native learner, seen by torch and by the reference in float64.

Letters: N rows, T steps, M segments of S steps, M = N T / S.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from native_fast import FastLearner, FastPolicy
from native_reference import reference, widths_of
from torch_oracle import Batch, Coefficients, Shape

from shoal import native


def shape_of(policy: FastPolicy) -> Shape:
    """Return the torch twin's shape."""
    (dense, hot, _), encoders = widths_of(policy.spec, policy.config.grid)
    own = [(("embedding", "conv", "entities")[e.kind], e.rows, e.columns, e.channels, e.categories) for e in encoders]
    heads = [(head.size, bool(head.masked)) for head in policy.spec.heads[: policy.spec.num_heads]]
    config = policy.config
    return Shape(
        dense, hot, config.hidden, config.layers, native.CORES[config.core], heads, policy.spec.num_dims,
        native.ACTIVATIONS[config.activation], bool(config.own_value), own,
    )  # fmt: skip


def coefficients_of(learner: FastLearner) -> Coefficients:
    """Return the loss's coefficients, at the start of a run."""
    c = learner.config
    return Coefficients(c.clip_coef, c.vf_coef, c.vf_clip, c.ent_coef, c.ent_coef_continuous, c.advantage_floor)


@dataclass
class Rollout:
    """Copies of what a learner recorded, and the statistics that were in force."""

    learner: FastLearner
    data: dict[str, np.ndarray]  # name without "rollout."
    statistics: dict[str, np.ndarray]
    sigma: float  # of the return

    @property
    def size(self) -> tuple[int, int]:
        """(N, T)."""
        return self.data["learn"].shape

    def segments(self, array: np.ndarray) -> np.ndarray:
        """Return (N, T, ...) as (M, S, ...)."""
        n, t = self.size
        segment = self.learner.config.segment
        return np.ascontiguousarray(array).reshape(n * t // segment, segment, *array.shape[2:])

    def advantages(self, values: np.ndarray, ratio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return E and A (N, T) by the reference, from values and ratios (N, T)."""
        (n, t), c, d = self.size, self.learner.config, self.data
        error, advantage = np.empty((n, t)), np.empty((n, t))
        rewards, final_values = d["rewards"].astype(np.float64), d["final_values"].astype(np.float64)
        if c.normalize_reward:
            reference().scale_rewards(n * t, self.sigma, rewards)
        for i in range(n):
            reference().advantage(
                t, rewards[i], values[i].astype(np.float64), final_values[i], float(d["last_values"][i]), d["ended"][i],
                ratio[i].astype(np.float64), d["learn"][i], c.gamma, c.gae_lambda, c.rho_clip, c.c_clip,
                c.advantage_form, error[i], advantage[i],
            )  # fmt: skip
        return error, advantage

    def batch(self, error: np.ndarray, advantage: np.ndarray, values: np.ndarray, omega: np.ndarray) -> Batch:
        """Return all M segments as torch takes them. error, advantage, values: (N, T); omega: (M,)."""
        policy, d = self.learner.policy, self.data
        t = self.size[1]
        dense, hot, own = policy.features(self.segments(d["rows"][:, :t]), self.statistics)
        m, s = dense.shape[:2]
        masks, legal, at = self.segments(d["masks"][:, :t]), [np.zeros((m, s, 0), bool)], 0
        for head in policy.spec.heads[: policy.spec.num_heads]:
            legal.append(masks[..., at : at + head.size] > 0 if head.masked else np.ones((m, s, head.size), bool))
            at += head.size if head.masked else 0
        shape = shape_of(policy)
        memory = d["segment_memory"].reshape(m, shape.trunks, shape.states, shape.hidden)
        floats = {
            "dense": dense,
            "hot": hot,
            "own": own,
            "state": np.moveaxis(memory, 0, 2),
            "continuous": self.segments(d["raw"]),
            "old_log_prob": self.segments(d["log_probs"]),
            "old_values": self.segments(d["values"]),
            "advantage": self.segments(advantage),
            "returns": self.segments(values + error),
            "omega": np.repeat(omega[:, None], s, axis=1),
        }
        return Batch(
            starts=torch.tensor(self.segments(d["starts"])).bool(),
            legal=torch.tensor(np.concatenate(legal, axis=-1)),
            discrete=torch.tensor(self.segments(d["discrete"])).long(),
            learn=torch.tensor(self.segments(d["learn"])).bool(),
            **{name: torch.tensor(array.astype(np.float64)) for name, array in floats.items()},
        )


def record(learner: FastLearner) -> Rollout:
    """Collect one rollout and copy it, with the statistics that it was made under."""
    policy = learner.policy
    statistics = {k: v.copy() for k, v in policy.tensors.items() if k.startswith("normalizer.")}
    count, _, m2 = learner.tensors["learner.returns"]
    sigma = reference().return_sigma(count, m2)
    learner.rollout()
    names = [name for name in learner.tensors if name.startswith("rollout.")]
    data = {name.removeprefix("rollout."): learner.tensors[name].copy() for name in names}
    return Rollout(learner, data, statistics, sigma)


def pick(batch: Batch, segments: np.ndarray) -> Batch:
    """Return some segments of a batch, as often as they are named."""
    at = torch.tensor(segments).long()
    fields = {name: getattr(batch, name) for name in Batch.__dataclass_fields__}
    return Batch(**{name: value[:, :, at] if name == "state" else value[at] for name, value in fields.items()})
