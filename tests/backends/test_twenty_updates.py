# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Twenty updates on the same recorded rollouts, torch in float64 against the native reference: 1e-9 relative."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from reference_learner import ReferenceLearner  # noqa: E402
from twins import Twins  # noqa: E402

from shoal import native  # noqa: E402

CASES = {
    "cartpole, mlp": {"minibatch": 31 * 8, "segment": 8, "optimizer": "adamw", "max_grad_norm": 0.3},
    "pong, mlp tanh": {"minibatch": 31 * 8, "segment": 8, "replay_ratio": 1.5, "muon_heads": False},
    "breakout": {"minibatch": 31 * 8, "clip_coef": 0.01},
    "squared": {
        "minibatch": 31 * 8,
        "segment": 8,
        "normalize_reward": "future",
        "schedule": "linear",
        "schedule_steps": 8000,
    },
    "masked, lstm": {"minibatch": 31 * 8, "segment": 8, "replay_ratio": 2.0, "priority_alpha": 0.0},
    "mixed, lstm": {"minibatch": 31 * 8, "segment": 8, "ent_coef_continuous": 0.02},
    "crowd": {"horizon": 6, "segment": 3, "priority_alpha": 0.0, "replay_ratio": 2.0},
    "reset, lstm": {"segment": 11, "minibatch": 31 * 33},
    "sights": {"minibatch": 31 * 8, "segment": 8},
    "sights, conv": {"horizon": 8, "segment": 4, "minibatch": 31 * 4},
}


QUICK = ("cartpole, mlp", "breakout", "mixed, lstm", "sights")


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in CASES]
)
def test_twenty_updates_are_the_references(name: str) -> None:
    twins = Twins(name, torch.float64, **({"learning_rate": 0.003} | CASES[name]))
    wanted = ReferenceLearner(twins.spec, twins.settings, twins.native.policy.tensors())
    first = wanted.theta.copy()
    for _ in range(20):
        assert not twins.native.collect()
        data = {key.removeprefix("rollout."): value.copy() for key, value in twins.arrays.items() if "rollout." in key}
        twins.lend()
        rollouts, _, clock = (int(number) for number in twins.arrays["learner.counters"])
        n, t = data["learn"].shape
        twins.torch._counters[1] = wanted.minibatches
        assert not twins.torch.update(native.Log())
        wanted.update(data, rollouts, (clock - t) * n)
        assert not twins.native.update(native.Log())  # float32, and its own way: the next rollout is of another policy
    theta = twins.torch.policy.theta.numpy()
    assert theta.dtype == np.float64
    assert np.linalg.norm(theta - first) > 0.05
    assert np.abs(theta - wanted.theta).max() < 1e-9 * np.abs(wanted.theta).max()
    for key, array in (("mean", wanted.mean), ("m2", wanted.m2)):
        np.testing.assert_allclose(twins.torch.policy.tensors()[f"normalizer.{key}"], array, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(twins.torch.statistics.returns, wanted.returns, rtol=1e-9)
