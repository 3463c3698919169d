# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The Gaussian process against a plain one, its gradient against differences, and what it says of noise and luck."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy")

from shoal.sweep.cost import log_gain
from shoal.sweep.model import Process, _same

RNG = np.random.default_rng(0)
X = RNG.random((24, 3))
Y = np.sin(5 * X[:, 0]) + X[:, 1] + 0.1 * RNG.normal(size=24)
WORSE = RNG.choice([1.0, 2.0], 24)
TRIAL = np.repeat(np.arange(8), 3)


def kernel(process: Process, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the covariance, one pair at a time."""
    signal, plane = np.exp(process.theta[-4:-2])
    grown = 0.0 if len(process.theta) == 7 else process.theta[3]
    found = np.empty((len(a), len(b)))
    for i, one in enumerate(a):
        for j, two in enumerate(b):
            r = np.sqrt(5 * (((one - two) / process.lengths) ** 2).sum())
            height = np.exp(grown * (one[2] - 1)) * np.exp(grown * (two[2] - 1))
            found[i, j] = signal * height * (1 + r + r * r / 3) * np.exp(-r) + plane * ((one - 0.5) @ (two - 0.5))
    return found


def fitted(grows: int | None) -> Process:
    process = Process(3, grows)
    process.tune(X, Y, WORSE, TRIAL)
    process.fit(X, Y, WORSE, TRIAL)
    return process


@pytest.mark.parametrize("grows", [None, 2])
def test_predictions_are_those_of_the_textbook(grows: int | None) -> None:
    process, at = fitted(grows), RNG.random((200, 3))  # more than are predicted at once
    luck, noise = np.exp(process.theta[-2:])
    k = kernel(process, X, X) + luck * _same(TRIAL) + np.diag(noise * WORSE + 1e-6)
    inverse, across = np.linalg.inv(k), kernel(process, X, at)
    mean = Y.mean() + across.T @ inverse @ (Y - Y.mean())
    covariance = (kernel(process, at, at) - across.T @ inverse @ across) * Y.var()
    found, deviation = process.predict(at)
    assert np.allclose(found, mean) and np.allclose(deviation**2, np.diag(covariance))
    assert np.allclose(process.mean(at), mean)
    average, spread = process.average(at)
    assert average == pytest.approx(mean.mean()) and spread**2 == pytest.approx(covariance.mean())
    aim = at[::-1].copy()
    foreseen, moved = process.foresee(at, aim)
    shared = np.diag(covariance[:, ::-1])
    assert np.allclose(foreseen, mean[::-1])
    assert np.allclose(moved, np.abs(shared) / np.sqrt(np.diag(covariance) + process.noise**2))


@pytest.mark.parametrize("grows", [None, 2])
def test_the_gradient_is_that_of_differences(grows: int | None) -> None:
    process = Process(3, grows)
    theta = process.theta + 0.3 * RNG.normal(size=len(process.theta))
    given = (X - 0.5, _same(TRIAL), (Y - Y.mean()) / Y.std(), WORSE)
    _, gradient = process._loss(theta, *given)
    for i, step in enumerate(1e-5 * np.eye(len(theta))):
        difference = (process._loss(theta + step, *given)[0] - process._loss(theta - step, *given)[0]) / 2e-5
        assert gradient[i] == pytest.approx(difference, rel=1e-5, abs=1e-6)


def test_it_finds_noise_and_what_matters() -> None:
    rng = np.random.default_rng(1)
    x = rng.random((120, 4))
    y = np.sin(6 * x[:, 1]) + 0.3 * rng.normal(size=120)
    process = Process(4)
    alone = np.arange(120)
    process.tune(x, y, np.ones(120), alone)
    process.fit(x, y, np.ones(120), alone)
    assert process.noise == pytest.approx(0.3, rel=0.3)
    assert int(np.argmin(process.lengths)) == 1
    truth = np.sin(6 * x[:, 1])
    assert np.abs(process.mean(x) - truth).mean() < 0.12  # single scores are 0.24 off


def test_short_trials_say_what_long_ones_bring_where_differences_grow_with_the_steps() -> None:
    """Forty settings that differ by 0.3 of what they will at few steps; ten of them are seen with many."""

    def worth(x: np.ndarray) -> np.ndarray:
        return np.cos(4 * x[:, 0]) * np.sin(4 * x[:, 2]) + x[:, 1]

    error = {None: 0.0, 3: 0.0}
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x = np.column_stack([rng.random((40, 3)), np.where(np.arange(40) % 4, 0.1, 1.0)])
        y = worth(x) * np.where(x[:, 3] < 0.5, 0.3, 1.0) + 0.05 * rng.normal(size=40)
        at = np.column_stack([rng.random((200, 3)), np.ones(200)])
        for grows in error:
            process = Process(4, grows)
            process.tune(x, y, np.ones(40), np.arange(40))
            process.fit(x, y, np.ones(40), np.arange(40))
            error[grows] += np.abs(process.mean(at) - worth(at)).mean()
        assert process.theta[4] == pytest.approx(np.log(1 / 0.3) / 0.9, abs=0.4)
    assert error[3] < 0.8 * error[None]


def test_points_of_one_lucky_curve_are_not_several_witnesses() -> None:
    """Forty settings of worth 0, three observations each, which share the luck of their trial."""
    rng = np.random.default_rng(2)
    x = rng.random((40, 2))
    many, trial = np.repeat(x, 3, axis=0), np.repeat(np.arange(40), 3)
    y = np.repeat(0.3 * rng.normal(size=40), 3) + 0.05 * rng.normal(size=120)
    shared, separate = Process(2), Process(2)
    for process, who in ((shared, trial), (separate, np.arange(120))):
        process.tune(many, y, np.ones(120), who)
        process.fit(many, y, np.ones(120), who)
    assert np.abs(shared.mean(x)).mean() < 0.8 * np.abs(separate.mean(x)).mean()
    assert shared.noise == pytest.approx(0.3, rel=0.5) and separate.noise < 0.1


def test_the_expected_gain_is_its_integral_and_survives_underflow() -> None:
    z = np.random.default_rng(0).normal(size=400_000)
    gap, deviation = np.array([-2.0, -0.5, 0.0, 1.0]), np.array([1.0, 0.5, 2.0, 0.3])
    drawn = [np.maximum(g + d * z, 0).mean() for g, d in zip(gap, deviation, strict=True)]
    assert np.allclose(np.exp(log_gain(gap, deviation)), drawn, rtol=0.03)
    far = log_gain(np.array([-10.0, -30.0, -100.0]), np.ones(3))
    assert np.isfinite(far).all() and far[0] == pytest.approx(-50 - 0.919 - 2 * np.log(10), abs=0.1)
    assert np.diff(log_gain(np.linspace(-8, 1, 200), np.ones(200))).min() > 0  # no step where the formula changes
