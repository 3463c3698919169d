# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A Gaussian process with a length scale for each coordinate, a linear trend and noise of its own.

    k(x, x') = s h(x) h(x') (1 + r + r²/3) exp(-r) + t (x - ½)·(x' - ½),   r² = 5 Σ (x_i - x'_i)² / l_i²

(Matérn 5/2 and a plane), where h = exp(g (x_steps - 1)) if a coordinate is the number of steps, else 1: good and bad
settings differ little after few steps, and only a model that knows can tell from short trials what long ones bring.
Plus noise on the diagonal, multiplied for observations that are known to be worse, and the luck that observations of
one trial share: four points of a lucky learning curve are not four witnesses. Hyperparameters are those of the largest
posterior density: length scales have log-normal priors whose median grows with the root of the number of coordinates
(Hvarfner et al., 2024); those of noise and luck allow for little and for much. Gradients are analytic (Rasmussen and
Williams, 2006, eq. 5.9).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# Mean and deviation of the logarithms of: signal, plane, luck, noise (variances, in variances of the observations).
_PRIORS = ((0.0, 1.0), (-3.0, 1.5), (-4.0, 1.5), (-4.0, 1.5))
_SCALARS = len(_PRIORS)
_GROWTH = (0.7, 0.7)  # likewise, but not of a logarithm: by which power of e differences grow along a coordinate
_LENGTH = 0.5  # median length scale in one dimension
_LENGTH_SPREAD = 0.6  # deviation of their logarithm
_ITERATIONS = 50
_JITTER = 1e-6
_PART = 128  # points that are predicted at once


class Process:
    """A Gaussian process on the unit cube. Observations are standardised inside."""

    def __init__(self, width: int, grows: int | None = None) -> None:
        """Begin with the priors' medians for `width` coordinates, along one of which, `grows`, differences may grow."""
        self._width, self._grows = width, grows
        lengths = np.full(width, np.log(_LENGTH * np.sqrt(max(width, 1))))
        priors = (_GROWTH, *_PRIORS) if grows is not None else _PRIORS
        self._center = np.concatenate([lengths, [mean for mean, _ in priors]])
        self._spread = np.concatenate([np.full(width, _LENGTH_SPREAD), [spread for _, spread in priors]])
        self.theta = self._center.copy()  # log of: length scales, (growth as it is,) signal, plane, luck, noise

    @property
    def lengths(self) -> Array:
        """Length scales, (width,): a short one means that the coordinate matters."""
        return np.asarray(np.exp(self.theta[: self._width]))

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

        self._mean, self._unit = float(y.mean()), max(float(y.std()), 1e-9)
        self._scale = 5**0.5 / self.lengths
        self._signal, self._slope, luck, noise = (float(part) for part in np.exp(self.theta[-_SCALARS:]))
        self._left, self._plane = _left((x - 0.5) * self._scale), self._slope * (x - 0.5)
        self._tall = self._height(x - 0.5, self.theta)[:, None]
        k = self._kernel(x)
        k += luck * _same(trial)
        k[np.diag_indices_from(k)] += noise * worse + _JITTER
        self._factor = linalg.cholesky(k, lower=True, overwrite_a=True, check_finite=False)
        self._weights = linalg.cho_solve((self._factor, True), (y - self._mean) / self._unit, check_finite=False)
        self._inverted: Array | None = None

    def mean(self, x: Array) -> Array:
        """Return the mean at points (m, width), (m,): several times faster than with its deviation."""
        found = np.concatenate([self._weights @ self._kernel(x[part]) for part in _parts(len(x))])
        return np.asarray(self._mean + self._unit * found)

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation of the noiseless value at points (m, width), each (m,)."""
        mean, variance = np.empty((2, len(x)))
        for part in _parts(len(x)):
            k = self._kernel(x[part])
            mean[part] = self._weights @ k
            variance[part] = self._prior(x[part]) - ((self._inverse @ k) ** 2).sum(axis=0)
        return self._mean + self._unit * mean, self._unit * np.sqrt(np.maximum(variance, 1e-12))

    def average(self, x: Array) -> tuple[float, float]:
        """Return mean and standard deviation of the average of the noiseless values at points (m, width)."""
        across = self._kernel(x).mean(axis=1)
        scaled, height = (x - 0.5) * self._scale, self._height(x - 0.5, self.theta)
        within = float((_matern(_left(scaled), scaled, self._signal * height) * height[:, None]).mean())
        within += self._slope * float(((x - 0.5).mean(axis=0) ** 2).sum())
        variance = within - float(((self._inverse @ across) ** 2).sum())
        mean = self._mean + self._unit * float(self._weights @ across)
        return mean, self._unit * max(variance, 1e-12) ** 0.5

    def foresee(self, x: Array, aim: Array) -> tuple[Array, Array]:
        """Return the mean at `aim` (m, width), and how far one observation at `x` (m, width) would move it, each (m,).

        The latter is the standard deviation of the mean to come: cov(x, aim) / sqrt(var(x) + noise).
        """
        mean, variance, shared = np.empty((3, len(x)))
        for part in _parts(len(x)):
            k = self._kernel(aim[part])
            mean[part] = self._weights @ k
            half_aim = half = self._inverse @ k
            if x is not aim:
                half = self._inverse @ self._kernel(x[part])
            variance[part] = self._prior(x[part]) - (half**2).sum(axis=0)
            shared[part] = self._pairs(x[part], aim[part]) - (half * half_aim).sum(axis=0)
        moved = np.abs(shared) / np.sqrt(np.maximum(variance, 1e-12) + self._scatter())
        return self._mean + self._unit * mean, self._unit * moved

    def _scatter(self) -> float:
        """Return the variance of one trial's score, standardised."""
        return float(np.exp(self.theta[-1]) + np.exp(self.theta[-2]))

    @property
    def _inverse(self) -> Array:
        """The factor's inverse: it turns triangular systems, where a suggestion spent its time, into products."""
        from scipy import linalg

        if self._inverted is None:
            self._inverted = linalg.lapack.dtrtri(self._factor, lower=1)[0]
        return self._inverted

    def _prior(self, x: Array) -> Array:
        height = self._height(x - 0.5, self.theta)
        return np.asarray(self._signal * height**2 + self._slope * ((x - 0.5) ** 2).sum(axis=1))

    def _pairs(self, a: Array, b: Array) -> Array:
        """Return k(a_i, b_i), (m,)."""
        r = np.sqrt((((a - b) * self._scale) ** 2).sum(axis=1))
        plane = self._slope * ((a - 0.5) * (b - 0.5)).sum(axis=1)
        height = self._height(a - 0.5, self.theta) * self._height(b - 0.5, self.theta)
        return np.asarray(self._signal * height * np.exp(-r) * (1 + r + r * r / 3) + plane)

    def _kernel(self, x: Array) -> Array:
        """Return the covariance of the observed points with points x (m, width), (n, m)."""
        k = _matern(self._left, (x - 0.5) * self._scale, self._signal * self._height(x - 0.5, self.theta))
        if self._grows is not None:
            k *= self._tall
        k += self._plane @ (x - 0.5).T
        return k

    def _height(self, x: Array, theta: Array) -> Array:
        """Return how large differences between settings are at points x (m, width) about 0, in those at the end."""
        if self._grows is None:
            return np.ones(len(x))
        return np.asarray(np.exp(theta[self._width] * (x[:, self._grows] - 0.5)))

    def _loss(self, theta: Array, x: Array, same: Array, y: Array, worse: Array) -> tuple[float, Array]:
        """Return the negative log posterior density of hyperparameters, and its gradient.

        `x`: (n, width) about 0. `same`: (n, n), 1 for observations of one trial.
        """
        from scipy import linalg

        signal, slope, luck, noise = np.exp(theta[-_SCALARS:])
        scaled = x * (5**0.5 * np.exp(-theta[: self._width]))
        r = np.sqrt(_distances(_left(scaled), scaled))
        height = self._height(x, theta)
        decay = signal * np.exp(-r) * np.outer(height, height)
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
        gradient[: self._width] += 2 * (common.sum(1) @ scaled**2 - (scaled * (common @ scaled)).sum(0))
        if self._grows is not None:
            gradient[self._width] += 2 * float((inner * matern).sum(1) @ (x[:, self._grows] - 0.5))
        gradient[-_SCALARS:-1] += [float((inner * part).sum()) for part in (matern, plane, luck * same)]
        gradient[-1] += noise * float((np.diag(inner) * worse).sum())
        return loss, gradient


def _left(a: Array) -> Array:
    """Return points (n, width) as `_distances` takes them, (n, width + 2)."""
    return np.column_stack([-2 * a, (a**2).sum(1), np.ones(len(a))])


def _distances(left: Array, b: Array) -> Array:
    """Return |a_i - b_j|², (n, m), in one product: rounding may leave a little more or less, but nothing below 0."""
    found = left @ np.column_stack([b, np.ones(len(b)), (b**2).sum(1)]).T
    return np.asarray(np.maximum(found, 0, out=found))


def _matern(left: Array, b: Array, signal: Array | float) -> Array:
    """Return s_j (1 + r + r²/3) exp(-r), (n, m), with s (m,) or one for all; see _distances."""
    k = _distances(left, b)
    r = np.sqrt(k)
    k /= 3  # in place from here on: this is what a suggestion spends its time on
    k += r
    k += 1
    np.negative(r, out=r)
    np.exp(r, out=r)
    r *= signal
    k *= r
    return k


def _parts(number: int) -> Iterator[slice]:
    """Return places of so few points that their covariances stay in the processor's cache."""
    return (slice(start, start + _PART) for start in range(0, number, _PART))


def _same(trial: Indices) -> Array:
    return np.asarray(trial[:, None] == trial[None, :], np.float64)
