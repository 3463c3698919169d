# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Both backends on one recorded rollout: the same actions, values, advantages, losses, gradients and new weights.

Tolerances are those of float32 sums in another order, relative to the largest number of an array: 2e-5 forward, 1e-4
for gradients, 1e-3 for weights after a step (Muon amplifies small singular values).
"""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from twins import CASES, Twins, close  # noqa: E402

from shoal import native  # noqa: E402

LOGGED = ("policy_loss", "value_loss", "entropy", "kl", "explained_variance", "grad_norm", "value_mean")


def second_rollout(name: str, **changes: object) -> Twins:
    """Return twins that have recorded a second rollout: observations are normalised and rewards scaled."""
    twins = Twins(name, **changes)
    twins.record()
    twins.update()
    twins.share()
    twins.record()
    return twins


@pytest.mark.parametrize("name", CASES)
def test_actions_values_and_memories_are_the_native_ones(name: str) -> None:
    twins = second_rollout(name)
    recorded, policy, arrays = twins.torch.rollout, twins.torch.policy, twins.arrays
    first_clock = int(arrays["learner.counters"][2]) - len(recorded.rewards)
    state = recorded.memory[0].clone()
    different = 0
    for t in range(len(recorded.rewards)):
        if t % recorded.segment == 0:
            started = torch.tensor(recorded.starts[t])[:, None] != 0  # what is kept of it is 0 there on both sides
            stored = torch.where(started, 0.0, recorded.memory[t // recorded.segment])
            assert close(torch.where(started, 0.0, state).numpy(), stored.numpy(), 2e-5)
        with torch.no_grad():
            starts = torch.tensor(recorded.starts[t : t + 1]) != 0
            outputs, values, state = policy.forward(recorded.observed[t : t + 1], starts, state)
        learn = recorded.learn[t] != 0
        assert close(values[0].numpy()[learn], recorded.values[t].numpy()[learn], 2e-5)
        drawn = policy.draw(outputs[0], recorded.masks[t], recorded.learn[t], seed=3, clock=first_clock + t)
        same = (drawn.discrete == recorded.discrete[t]).all(1)
        different += int((~same).sum())
        assert close(drawn.raw, recorded.raw[t], 2e-5)
        np.testing.assert_allclose(drawn.log_probs[same], recorded.log_probs[t][same], rtol=1e-4, atol=2e-5)
    # A draw lies within 1e-5 of a boundary once in 30,000.
    assert different <= 1
    assert close(state.numpy(), arrays["learner.memory"], 2e-5)


@pytest.mark.parametrize("name", CASES)
def test_an_update_is_the_native_one(name: str) -> None:
    twins = second_rollout(name)
    before = twins.torch.policy.theta.clone().numpy()
    ours, theirs = twins.update()
    assert theirs.first_ratio_error < 1e-4
    for key in LOGGED:
        assert abs(getattr(ours, key) - getattr(theirs, key)) < 2e-5 * max(1.0, abs(getattr(ours, key))), key
    assert (ours.steps, ours.updates) == (theirs.steps, theirs.updates)
    assert ours.learning_rate == pytest.approx(theirs.learning_rate, rel=1e-6)
    for key, (wanted, got) in twins.gradients().items():
        assert close(got, wanted, 1e-4), key
    after, wanted_tensors = twins.torch.policy.tensors(), twins.native.policy.tensors()
    moved = np.linalg.norm(twins.torch.policy.theta.numpy() - before)
    assert moved > 1e-3
    for key, tensor in after.items():
        limit = 1e-3 * moved if key.startswith("policy.") else 1e-6 * np.abs(wanted_tensors[key]).max(initial=0.0)
        assert np.linalg.norm(tensor - wanted_tensors[key]) <= limit, key
    for key, tensor in twins.torch.tensors().items():
        assert close(tensor, twins.native.tensors()[key], 1e-4) or key == "learner.memory", key


@pytest.mark.parametrize("name", CASES)
def test_the_first_ratios_of_its_own_rollouts_are_one(name: str) -> None:
    """What the rollout computed step by step the update computes again from each segment's stored memory."""
    twins = second_rollout(name)
    for _ in range(2):
        assert not twins.torch.collect()
        log = native.Log()
        assert not twins.torch.update(log)
        assert log.first_ratio_error < 1e-4
    assert log.updates > 0


@pytest.mark.parametrize("name", ["breakout", "reset", "masked, lstm", "crowd, lstm", "forever"])
def test_advantages_and_targets_are_the_native_ones(name: str) -> None:
    twins = second_rollout(name, learning_rate=0.0, learning_rate_final=0.0)
    found = {}
    fold = twins.torch._segments.fold

    def spy(array: torch.Tensor) -> torch.Tensor:
        found[len(found)] = array.clone()
        return fold(array)

    twins.torch._segments.fold = spy
    twins.update()
    for array, key in zip(list(found.values())[-2:], ("advantages", "targets"), strict=True):
        learn = twins.arrays["rollout.learn"] != 0
        assert close(array.numpy().T[learn], twins.arrays[f"rollout.{key}"][learn], 2e-5), key


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        (
            "cartpole",
            {"minibatch": 31 * 4, "segment": 4, "replay_ratio": 2.5},
        ),  # ten minibatches, the last pass partial
        ("masked", {"minibatch": 31 * 8, "replay_ratio": 3.0, "segment": 8, "priority_alpha": 0.7}),
        ("mixed, lstm", {"minibatch": 31 * 4, "segment": 4, "target_kl": 1e-9}),  # stops after the first minibatch
    ],
)
def test_passes_and_minibatches_are_drawn_alike(name: str, changes: dict[str, object]) -> None:
    twins = second_rollout(name, **(changes | {"learning_rate": 1e-3}))
    ours, theirs = twins.update()
    assert ours.updates == theirs.updates
    assert ours.kl == pytest.approx(theirs.kl, rel=1e-2, abs=1e-7)
    assert ours.policy_loss == pytest.approx(theirs.policy_loss, rel=1e-2, abs=1e-5)
    assert close(twins.torch.policy.theta.numpy(), np.concatenate(
        [twins.native.policy.tensors()[key].ravel() for key, _ in twins.torch.policy.parameters]), 1e-3
    )  # fmt: skip
