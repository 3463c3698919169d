# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A Gaussian process with a length scale for each coordinate, a linear trend and noise of its own.

    k(x, x') = s (1 + r + r²/3) exp(-r) + t (x - ½)·(x' - ½),   r² = 5 Σ (x_i - x'_i)² / l_i²

(Matérn 5/2 and a plane), plus noise on the diagonal, multiplied for observations that are known to be worse, and the
luck that observations of one trial share: four points of a lucky learning curve are not four witnesses. Hyperparameters
are those of the largest posterior density: length scales have log-normal priors whose median grows with the root of the
number of coordinates (Hvarfner et al., 2024); those of noise and luck allow for little and for much. Gradients are
analytic (Rasmussen and Williams, 2006, eq. 5.9).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# Mean and deviation of the logarithms of: signal, plane, luck, noise (variances, in variances of the observations).
_PRIORS = ((0.0, 1.0), (-3.0, 1.5), (-4.0, 1.5), (-4.0, 1.5))
_SCALARS = len(_PRIORS)
_LENGTH = 0.5  # median length scale in one dimension
_LENGTH_SPREAD = 1.0
_ITERATIONS = 50
_JITTER = 1e-6


class Process:
    """A Gaussian process on the unit cube. Observations are standardised inside."""

    def __init__(self, width: int) -> None:
        """Begin with the priors' medians for `width` coordinates."""
        lengths = np.full(width, np.log(_LENGTH * np.sqrt(max(width, 1))))
        self._center = np.concatenate([lengths, [mean for mean, _ in _PRIORS]])
        self._spread = np.concatenate([np.full(width, _LENGTH_SPREAD), [spread for _, spread in _PRIORS]])
        self.theta = self._center.copy()  # log of: length scales, signal, plane, luck, noise

    @property
    def lengths(self) -> Array:
        """Length scales, (width,): a short one means that the coordinate matters."""
        return np.asarray(np.exp(self.theta[:-_SCALARS]))

    @property
    def noise(self) -> float:
        """Standard deviation of one observation about its mean, in the observations' unit."""
        return float(self._scatter() ** 0.5 * self._unit)

    def tune(self, x: Array, y: Array, worse: Array, trial: Indices) -> None:
        """Choose hyperparameters for observations (n,) at points (n, width); see fit."""
        from scipy import optimize

        y = (y - y.mean()) / max(float(y.std()), 1e-9)
        bounds = [(c - 4 * s, c + 4 * s) for c, s in zip(self._center, self._spread, strict=True)]
        self.theta = optimize.minimize(
            self._loss,
            self._center,
            args=(x - 0.5, _same(trial), y, worse),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": _ITERATIONS},
        ).x

    def fit(self, x: Array, y: Array, worse: Array, trial: Indices) -> None:
        """Condition on observations (n,) at points (n, width).

        Their noise has `worse` (n,) times the variance; those with the same `trial` (n,) share their luck.
        """
        from scipy import linalg

        self._x, self._mean, self._unit = x, float(y.mean()), max(float(y.std()), 1e-9)
        k = self._kernel(x, x)
        k += np.exp(self.theta[-2]) * _same(trial)
        k[np.diag_indices_from(k)] += np.exp(self.theta[-1]) * worse + _JITTER
        factor = linalg.cholesky(k, lower=True, overwrite_a=True, check_finite=False)
        self._weights = linalg.cho_solve((factor, True), (y - self._mean) / self._unit, check_finite=False)
        # Its inverse turns what a suggestion spends its time on, triangular systems, into a product: thrice as fast.
        self._inverse = linalg.lapack.dtrtri(factor, lower=1)[0]

    def mean(self, x: Array) -> Array:
        """Return the mean at points (m, width), (m,): several times faster than with its deviation."""
        return np.asarray(self._mean + self._unit * (self._weights @ self._kernel(self._x, x)))

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation of the noiseless value at points (m, width), each (m,)."""
        mean, half = self._project(x)
        return mean, self._unit * np.sqrt(np.maximum(self._prior(x) - (half**2).sum(axis=0), 1e-12))

    def average(self, x: Array) -> tuple[float, float]:
        """Return mean and standard deviation of the average of the noiseless values at points (m, width)."""
        mean, half = self._project(x)
        variance = float(self._kernel(x, x).mean()) - float((half.mean(axis=1) ** 2).sum())
        return float(mean.mean()), self._unit * max(variance, 1e-12) ** 0.5

    def foresee(self, x: Array, aim: Array) -> tuple[Array, Array]:
        """Return the mean at `aim` (m, width), and how far one observation at `x` (m, width) would move it, each (m,).

        The latter is the standard deviation of the mean to come: cov(x, aim) / sqrt(var(x) + noise).
        """
        mean, half_aim = self._project(aim)
        same = x is aim
        half = half_aim if same else self._project(x)[1]
        variance = self._prior(x) - (half**2).sum(axis=0)
        shared = variance if same else self._pairs(x, aim) - (half * half_aim).sum(axis=0)
        return mean, self._unit * np.abs(shared) / np.sqrt(np.maximum(variance, 1e-12) + self._scatter())

    def _scatter(self) -> float:
        """Return the variance of one trial's score, standardised."""
        return float(np.exp(self.theta[-1]) + np.exp(self.theta[-2]))

    def _project(self, x: Array) -> tuple[Array, Array]:
        k = self._kernel(self._x, x)
        return self._mean + self._unit * (self._weights @ k), self._inverse @ k

    def _prior(self, x: Array) -> Array:
        return np.asarray(np.exp(self.theta[-4]) + np.exp(self.theta[-3]) * ((x - 0.5) ** 2).sum(axis=1))

    def _pairs(self, a: Array, b: Array) -> Array:
        """Return k(a_i, b_i), (m,)."""
        r = np.sqrt(5 * (((a - b) / self.lengths) ** 2).sum(axis=1))
        plane = np.exp(self.theta[-3]) * ((a - 0.5) * (b - 0.5)).sum(axis=1)
        return np.asarray(np.exp(self.theta[-4] - r) * (1 + r + r * r / 3) + plane)

    def _kernel(self, a: Array, b: Array) -> Array:
        """Return k(a_i, b_j), (n, m)."""
        signal, slope = np.exp(self.theta[-4:-2])
        one, two = (a - 0.5) * (5**0.5 / self.lengths), (b - 0.5) * (5**0.5 / self.lengths)
        k = _distances(one, two)
        r = np.sqrt(k)
        k /= 3  # in place from here on: these arrays are what a suggestion spends its time on
        k += r
        k += 1
        np.subtract(np.log(signal), r, out=r)
        np.exp(r, out=r)
        k *= r
        k += (slope * (a - 0.5)) @ (b - 0.5).T
        return k

    def _loss(self, theta: Array, x: Array, same: Array, y: Array, worse: Array) -> tuple[float, Array]:
        """Return the negative log posterior density of hyperparameters, and its gradient.

        `x`: (n, width) about 0. `same`: (n, n), 1 for observations of one trial.
        """
        from scipy import linalg

        signal, slope, luck, noise = np.exp(theta[-_SCALARS:])
        scaled = x * (5**0.5 * np.exp(-theta[:-_SCALARS]))
        r = np.sqrt(_distances(scaled, scaled))
        decay = signal * np.exp(-r)
        matern = decay * (1 + r + r * r / 3)
        plane = slope * (x @ x.T)
        k = matern + plane + luck * same
        k[np.diag_indices_from(k)] += noise * worse + _JITTER
        gradient = (theta - self._center) / self._spread**2
        loss = 0.5 * float(gradient @ (theta - self._center))
        try:
            factor = linalg.cholesky(k, lower=True, check_finite=False)
        except linalg.LinAlgError:
            return 1e12, gradient
        full, _ = linalg.lapack.dpotri(factor, lower=1)
        full = np.tril(full) + np.tril(full, -1).T
        weights = full @ y
        loss += 0.5 * float(y @ weights) + float(np.log(np.diag(factor)).sum())
        inner = 0.5 * (full - np.outer(weights, weights))
        # dk / d log l_i = s exp(-r) (1 + r) / 3 · 5 (x_i - x'_i)² / l_i², summed over pairs without a third axis
        common = inner * decay * (1 + r) / 3
        gradient[:-_SCALARS] += 2 * (common.sum(1) @ scaled**2 - (scaled * (common @ scaled)).sum(0))
        gradient[-_SCALARS:-1] += [float((inner * part).sum()) for part in (matern, plane, luck * same)]
        gradient[-1] += noise * float((np.diag(inner) * worse).sum())
        return loss, gradient


def _distances(a: Array, b: Array) -> Array:
    """Return |a_i - b_j|², (n, m), in one product: rounding may leave a little more or less, but nothing below 0."""
    left = np.column_stack([-2 * a, (a**2).sum(1), np.ones(len(a))])
    right = np.column_stack([b, np.ones(len(b)), (b**2).sum(1)])
    found = left @ right.T
    return np.asarray(np.maximum(found, 0, out=found))


def _same(trial: Indices) -> Array:
    return np.asarray(trial[:, None] == trial[None, :], np.float64)
