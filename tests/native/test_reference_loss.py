# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The loss and its gradients with respect to log-probabilities, values and entropies: against torch autograd."""

from __future__ import annotations

import ctypes
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest
from native_reference import RAGGED, Coefficients, Log, reference

torch = pytest.importorskip("torch")
import torch_oracle  # noqa: E402

NAMES = ("log_prob", "values", "entropy_discrete", "entropy_continuous")


def make_case(n: int, seed: int) -> SimpleNamespace:
    rng = np.random.default_rng(seed)
    learn = (rng.random(n) < 0.8).astype(np.uint8)
    learn[rng.integers(n)] = 1
    old_values = rng.normal(size=n)
    return SimpleNamespace(
        learn=learn,
        log_prob=rng.normal(size=n) * 0.3 - 1,
        old_log_prob=rng.normal(size=n) * 0.3 - 1,
        values=old_values + rng.normal(size=n) * 0.4,
        old_values=old_values,
        returns=rng.normal(size=n),
        advantage=rng.normal(size=n) + 0.5,
        omega=rng.random(n) + 0.5,
        entropy_discrete=rng.random(n),
        entropy_continuous=rng.normal(size=n),
    )


def run(case: SimpleNamespace, c: torch_oracle.Coefficients) -> tuple[Log, dict[str, np.ndarray]]:
    n = len(case.learn)
    advantage, log = np.empty(n), Log()
    grads = {name: np.full(n, np.nan) for name in NAMES}
    coefficients = Coefficients(**asdict(c))
    reference().normalize(ctypes.byref(coefficients), n, case.learn, case.advantage, advantage)
    reference().loss(
        ctypes.byref(coefficients), n, case.learn, case.log_prob, case.old_log_prob, case.values,
        case.old_values, case.returns, advantage, case.omega, case.entropy_discrete, case.entropy_continuous,
        *grads.values(), ctypes.byref(log),
    )  # fmt: skip
    return log, grads


@pytest.mark.parametrize("n", RAGGED)
@pytest.mark.parametrize(("vf_clip", "floor"), [(0.0, 0.0), (0.2, 0.0), (0.2, 2.5)])
def test_loss_and_gradients_match_torch(n: int, vf_clip: float, floor: float) -> None:
    case = make_case(n, seed=n)
    c = torch_oracle.Coefficients(0.2, 0.7, vf_clip, 0.03, 0.02, floor)
    log, grads = run(case, c)
    leaves = {name: torch.tensor(getattr(case, name), requires_grad=True) for name in NAMES}
    batch = SimpleNamespace(
        learn=torch.tensor(case.learn).bool(),
        **{k: torch.tensor(getattr(case, k)) for k in ("old_log_prob", "old_values", "advantage", "returns", "omega")},
    )
    entropies = (leaves["entropy_discrete"], leaves["entropy_continuous"])
    expected = torch_oracle.loss_of(c, leaves["log_prob"], leaves["values"], entropies, batch)
    expected.backward()
    assert log.loss == pytest.approx(expected.item(), rel=1e-10, abs=1e-12)
    for name in NAMES:
        np.testing.assert_allclose(grads[name], leaves[name].grad.numpy(), rtol=1e-9, atol=1e-12, err_msg=name)


def test_rows_that_do_not_learn_count_for_nothing() -> None:
    c = torch_oracle.Coefficients(ent_coef=0.1)
    case = make_case(40, seed=1)
    log, grads = run(case, c)
    garbage = case.learn == 0
    assert garbage.any()
    for name in (*NAMES, "returns", "advantage", "omega"):
        values = getattr(case, name).copy()
        values[garbage] = 1e9
        setattr(case, name, values)
    again, grads_again = run(case, c)
    assert bytes(log) == bytes(again)
    for name in NAMES:
        np.testing.assert_array_equal(grads[name], grads_again[name])
        assert not grads[name][garbage].any()


def test_the_clip_cuts_the_gradient_only_where_it_helps() -> None:
    """w = 2 outside the clip: no gradient when the advantage is positive, the full one when it is negative."""
    case = make_case(2, seed=0)
    case.learn[:] = 1
    case.old_log_prob[:] = 0.0
    case.log_prob[:] = np.log(2.0)
    case.omega[:] = 1.0
    case.advantage[:] = (1.0, -1.0)
    log, grads = run(case, torch_oracle.Coefficients())
    np.testing.assert_allclose(grads["log_prob"], [0.0, 2.0 / 2], rtol=1e-7)  # -A w / n; std + 1e-8 is not quite 1
    assert log.policy_loss == pytest.approx((-1.2 + 2.0) / 2, rel=1e-7)
    assert log.clip_fraction == 1.0
    assert log.ratio_error == pytest.approx(1.0)
    assert log.kl == pytest.approx(1.0 - np.log(2.0))


def test_a_minibatch_without_spread_has_no_policy_gradient() -> None:
    case = make_case(8, seed=0)
    case.learn[:] = 1
    case.advantage[:] = 3.0
    _, grads = run(case, torch_oracle.Coefficients())
    assert np.abs(grads["log_prob"]).max() == 0.0


def test_explained_variance_matches_its_definition() -> None:
    case = make_case(257, seed=5)
    keep = case.learn == 1
    error = (case.returns - case.values)[keep]
    expected = 1 - error.var() / case.returns[keep].var()
    ours = reference().explained_variance(257, case.learn, case.values, case.returns)
    assert ours == pytest.approx(expected, rel=1e-10)
    assert reference().explained_variance(257, case.learn, case.values, np.ones(257)) == 0.0
