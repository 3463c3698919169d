# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The advantage: against Stable-Baselines3's GAE, rlax's V-trace definition with its published numbers, and by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native_reference import RAGGED, reference

SPLIT, SINGLE = 0, 1
TERMINATED, TRUNCATED = 1, 2
EXACT = {"rtol": 1e-10, "atol": 1e-11}


def make_row(horizon: int, seed: int, *, ends: float = 0.15, learn: bool = True) -> SimpleNamespace:
    rng = np.random.default_rng(seed)
    return SimpleNamespace(
        rewards=rng.normal(size=horizon),
        values=rng.normal(size=horizon),
        final_values=rng.normal(size=horizon),
        last_value=float(rng.normal()),
        ended=(rng.choice([1, 2, 3], size=horizon) * (rng.random(horizon) < ends)).astype(np.uint8),
        ratio=np.exp(rng.normal(size=horizon)),
        learn=np.ones(horizon, np.uint8) if learn else (rng.random(horizon) < 0.7).astype(np.uint8),
    )


def advantage(row: SimpleNamespace, gamma=0.97, lam=0.9, rho=1.0, c=1.0, form=SPLIT) -> tuple[np.ndarray, np.ndarray]:
    """Return E and A."""
    horizon = len(row.rewards)
    error, policy = np.full(horizon, np.nan), np.full(horizon, np.nan)
    reference().advantage(
        horizon, row.rewards, row.values, row.final_values, row.last_value, row.ended, row.ratio, row.learn,
        gamma, lam, rho, c, form, error, policy,
    )  # fmt: skip
    return error, policy


def next_values(row: SimpleNamespace) -> np.ndarray:
    """n_t of the definition."""
    following = np.append(row.values[1:], row.last_value)
    following = np.where(row.ended & TRUNCATED, row.final_values, following)
    return np.where(row.ended & TERMINATED, 0.0, following)


@pytest.mark.parametrize("form", [SPLIT, SINGLE])
def test_a_negative_discount_is_one_agent_for_both_sides(form: int) -> None:
    """With every other step seen from the first side, a zero-sum game has an ordinary discount and the same errors."""
    row, one = make_row(40, seed=2), make_row(40, seed=2)
    sides = (-1.0) ** np.arange(41)
    one.rewards, one.values = sides[:-1] * row.rewards, sides[:-1] * row.values
    one.final_values, one.last_value = sides[1:] * row.final_values, float(sides[-1] * row.last_value)
    for both, alone in zip(advantage(row, -0.97, form=form), advantage(one, 0.97, form=form), strict=True):
        np.testing.assert_allclose(both, sides[:-1] * alone, **EXACT)


def vtrace(v_now, v_next, rewards, discounts, ratio, trace_discounts, lam, rho_clip):
    """Return V-trace errors and policy advantages as rlax defines them (`vtrace_td_error_and_advantage`, pg clip off).

    Its one discount does two things here: `discounts` multiply the next value, `trace_discounts` the trace, which a
    truncation cuts although the next value stays.
    """
    c = np.minimum(1.0, ratio) * lam
    td = np.minimum(rho_clip, ratio) * (rewards + discounts * v_next - v_now)
    errors, error = np.zeros(len(td)), 0.0
    for i in reversed(range(len(td))):
        error = td[i] + trace_discounts[i] * c[i] * error
        errors[i] = error
    targets = errors + v_now
    # The bootstrap of q: lambda * target + (1 - lambda) * value of the next step, the plain next value at the cut.
    mixed = np.append(lam * (targets[1:] - v_now[1:]), 0.0)
    q = rewards + discounts * v_next + trace_discounts * mixed
    return errors, ratio * (q - v_now)


def test_the_vtrace_oracle_gives_rlax_published_numbers() -> None:
    """rlax/_src/vtrace_test.py: two rows, lambda 1, rho clip 1, policy ratio clip 1 for the published advantages."""
    behaviour = np.array([[[8.9, 0.7], [5.0, 1.0], [0.6, 0.1], [-0.9, -0.1]],
                          [[0.3, -5.0], [1.0, -8.0], [0.3, 1.7], [4.7, 3.3]]])  # fmt: skip
    target = np.array([[[0.4, 0.5], [9.2, 8.8], [0.7, 4.4], [7.9, 1.4]],
                       [[1.0, 0.9], [1.0, -1.0], [-4.3, 8.7], [0.8, 0.3]]])  # fmt: skip
    actions = np.array([[0, 1, 0, 0], [1, 0, 0, 1]])
    rewards = np.array([[-1.3, -1.3, 2.3, 42.0], [1.3, 5.3, -3.3, -5.0]])
    discounts = np.array([[0.0, 0.89, 0.85, 0.99], [0.88, 1.0, 0.83, 0.95]])
    values = np.array([[2.1, 1.1, -3.1, 0.0], [3.1, 0.1, -1.1, 7.4]])
    bootstrap = np.array([8.4, -1.2])
    expected = np.array([[-1.6155143, -3.4973226, 1.8670533, 50.316002], [1.4662437, 3.6116405, -8.3327e-5, -13.54]])

    def log_softmax(x: np.ndarray) -> np.ndarray:
        return x - np.log(np.exp(x).sum(-1, keepdims=True))

    log_ratio = log_softmax(target) - log_softmax(behaviour)
    ratio = np.exp(np.take_along_axis(log_ratio, actions[..., None], -1)[..., 0])
    for i in range(2):
        following = np.append(values[i, 1:], bootstrap[i])
        errors, pg = vtrace(values[i], following, rewards[i], discounts[i], ratio[i], discounts[i], 1.0, 1.0)
        np.testing.assert_allclose(errors, expected[i], rtol=1e-3)
        clipped = pg / ratio[i] * np.minimum(1.0, ratio[i])
        np.testing.assert_allclose(clipped, expected[i], rtol=1e-3)


@pytest.mark.parametrize("lam", [0.0, 0.5, 0.8, 0.95, 1.0])
@pytest.mark.parametrize("rho", [0.7, 1.0, 3.0])
@pytest.mark.parametrize("horizon", RAGGED)
def test_split_form_is_vtrace(horizon: int, rho: float, lam: float) -> None:
    row, gamma = make_row(horizon, seed=horizon), 0.97
    done = row.ended != 0
    terminated = (row.ended & TERMINATED) != 0
    following = next_values(row)
    expected = vtrace(row.values, following, row.rewards, gamma * ~terminated, row.ratio, gamma * ~done, lam, rho)
    error, policy = advantage(row, gamma, lam, rho, 1.0)
    np.testing.assert_allclose(error, expected[0], **EXACT)
    np.testing.assert_allclose(policy * row.ratio, expected[1], **EXACT)


@pytest.mark.parametrize("lam", [0.0, 0.95, 1.0])
@pytest.mark.parametrize("form", [SPLIT, SINGLE])
@pytest.mark.parametrize("horizon", RAGGED)
def test_without_ratios_it_is_stable_baselines_gae(horizon: int, form: int, lam: float) -> None:
    buffers = pytest.importorskip("stable_baselines3.common.buffers")
    spaces = pytest.importorskip("gymnasium.spaces")
    torch = pytest.importorskip("torch")
    gamma, n = 0.97, 3
    rows = [make_row(horizon, seed=100 * horizon + i) for i in range(n)]
    buffer = buffers.RolloutBuffer(
        horizon, spaces.Box(-1, 1, (1,)), spaces.Discrete(2), "cpu", gae_lambda=lam, gamma=gamma, n_envs=n
    )
    done = np.stack([row.ended != 0 for row in rows], axis=1)
    # SB3 adds the value of the final observation to the reward of a truncated step, then treats it as an end.
    bootstrap = np.stack([np.where(row.ended == TRUNCATED, gamma * row.final_values, 0.0) for row in rows], axis=1)
    buffer.rewards = np.stack([row.rewards for row in rows], axis=1) + bootstrap
    buffer.values = np.stack([row.values for row in rows], axis=1)
    buffer.episode_starts = np.concatenate([np.zeros((1, n)), done[:-1]])
    buffer.advantages = np.zeros((horizon, n))
    buffer.compute_returns_and_advantage(torch.tensor([row.last_value for row in rows]), done[-1])
    for i, row in enumerate(rows):
        row.ratio[:] = 1.0
        error, policy = advantage(row, gamma, lam, form=form)
        # last_values pass through float32 there
        np.testing.assert_allclose(error, buffer.advantages[:, i], rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(policy, error)
        np.testing.assert_allclose(row.values + error, buffer.returns[:, i], rtol=1e-5, atol=1e-6)


@settings(deadline=None, max_examples=60)
@given(
    horizon=st.integers(1, 40),
    seed=st.integers(0, 10_000),
    lam=st.floats(0, 1),
    rho=st.floats(0.1, 3),
    c=st.floats(0.1, 3),
)
def test_error_is_the_sum_that_defines_it(horizon: int, seed: int, lam: float, rho: float, c: float) -> None:
    """E_t = sum over k of (product of gamma lambda c over [t, k)) rho_k u_k, up to the first cut; A_t from E_{t+1}."""
    row, gamma = make_row(horizon, seed, learn=False), 0.97
    u = row.rewards + gamma * next_values(row) - row.values
    error, policy = advantage(row, gamma, lam, rho, c)
    for t in range(horizon):
        if not row.learn[t]:
            assert error[t] == policy[t] == 0.0
            continue
        total, weight = 0.0, 1.0
        for k in range(t, horizon):
            if not row.learn[k]:
                break
            total += weight * min(row.ratio[k], rho) * u[k]
            if row.ended[k]:
                break
            weight *= gamma * lam * min(row.ratio[k], c)
        assert error[t] == pytest.approx(total, rel=1e-9, abs=1e-9)
        follows = t + 1 < horizon and not row.ended[t]
        assert policy[t] == pytest.approx(u[t] + (gamma * lam * error[t + 1] if follows else 0.0), rel=1e-9, abs=1e-9)


def test_single_form_puts_the_ratio_on_the_policy_too() -> None:
    row = make_row(33, seed=2)
    error, policy = advantage(row, form=SINGLE)
    np.testing.assert_array_equal(error, policy)
    np.testing.assert_array_equal(error, advantage(row, form=SPLIT)[0])
    assert np.abs(policy - advantage(row, form=SPLIT)[1]).max() > 0.1


def test_forever_one_is_worth_the_geometric_sum() -> None:
    """Reward 1 for ever, truncated at 3, V = 1 / (1 - gamma) everywhere: nothing to learn, at the cut and the end."""
    gamma = 0.9
    row = make_row(8, seed=0, ends=0.0)
    row.rewards[:] = 1.0
    row.values[:] = row.final_values[:] = row.last_value = 1 / (1 - gamma)
    row.ended[3] = TRUNCATED
    np.testing.assert_allclose(advantage(row, gamma), 0.0, atol=1e-12)
    row.ended[3] = TRUNCATED | TERMINATED  # terminated wins: the future is worth nothing
    row.ratio[:] = 1.0
    assert advantage(row, gamma)[1][3] == pytest.approx(-gamma / (1 - gamma))
