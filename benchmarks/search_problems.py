# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Families of made-up sweeps for `searches.py`: `hills` and `mixed` to develop a search on, the others to report.

A family was written down before the searches that it judges; they share neither form nor noise, failures or costs.
`learners` came first; it showed a weakness, which made it a problem of development too, and `slopes` was written
before the mended search was run on it. It was level with the best rivals there: `mixed` was written to find out why,
and `layers` before the search that came of it. A problem is drawn by its number. Costs are in seconds. What is asked
for is `truth`: the mean of the final score over noise.

hills     all coordinates linear, one optimum, a bump of unequal widths; the score saturates with the steps as 1 - exp;
          noise of 0.05 and heavy tails in a tenth of trials; one slab of the space fails; cost 0.5 to 1.5 times the
          steps (1 to 100).
learners  scales and kinds of settings as a real sweep has: a learning rate whose optimum moves with the batch and that
          diverges when too high, size that costs and helps, a choice with settings of its own, out of memory for the
          largest, and others of falling weight, rotated in pairs; curves logistic in the logarithm of the steps, whose
          middle moves with the settings; some runs stay stuck, the more the worse the settings. Costs span 1 to 400 s.
slopes    Levy's function of many ridges, permuted and flipped; the score rises as a power of the steps, faster with one
          setting; short trials are noisier; three balls fail, at any time; costs as an exponential of all settings.
mixed     each problem draws a surface (rotated bowl, product of humps, bent valley, terraces, waves), a curve, noise,
          failures and costs of its own.
layers    a random network of two layers on scales as a real sweep has, most inputs of which hardly matter; the score
          is a share of all settings that are worse; curves rest on a plateau, then rise; luck is largest for middling
          settings; a half-space diverges by chance; costs as the product of two sizes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from shoal.sweep.space import Dimension, Point, Space, parse
from shoal.sweep.trial import DONE, FAILED, Trial

POINTS = 8  # of a learning curve
STEPS = "train.total_steps"


@dataclass(frozen=True)
class Outcome:
    """What became of a trial."""

    score: float | None
    cost: float
    curve: tuple[tuple[float, int, float], ...]

    def trial(self, number: int, point: Point, purpose: str, thought: float) -> Trial:
        """Return it as the trial that a search sees."""
        status = FAILED if self.score is None else DONE
        return Trial(number, point, self.score, self.cost, status, purpose, steps=int(point[STEPS]), curve=self.curve,
                     thought=thought)  # fmt: skip


class Hills:
    """See the module."""

    def __init__(self, width: int, number: int) -> None:
        rng = np.random.default_rng((1, width, number))
        self.middle = rng.uniform(0.2, 0.8, width - 1)
        weight = rng.gamma(0.7, 1, width - 1)
        self.weight = weight / weight.max() / 0.09
        self.fails_above = rng.uniform(0.75, 0.9)
        names = [f"x{i}" for i in range(width - 1)]
        self.names = names
        self.space = Space([*(Dimension(name, "linear", 0, 1) for name in names), parse(STEPS, "log(1e5, 1e7)")])
        self.first: Point = {**dict.fromkeys(names, 0.5), STEPS: 1e6}

    def truth(self, point: Point) -> float:
        """Return the mean of the final score over noise; 0 where trials fail."""
        x, steps = np.array([point[name] for name in self.names]), float(point[STEPS]) / 1e5
        return 0.0 if x[1] > self.fails_above else self._mean(x, steps)

    def run(self, point: Point, rng: np.random.Generator) -> Outcome:
        """Return what one trial brings."""
        x, steps = np.array([point[name] for name in self.names]), float(point[STEPS]) / 1e5
        cost = steps * (0.5 + x[0])
        if x[1] > self.fails_above:
            return Outcome(None, 0.3 * cost, ())
        offset = (0.04 + (rng.random() < 0.1) * 0.3 * rng.random()) * rng.normal()
        curve = []
        for i in range(1, POINTS + 1):
            share = i / POINTS
            value = np.clip(self._mean(x, steps * share) + offset + 0.03 * rng.normal(), 0, 1)
            curve.append((cost * share, int(steps * share * 1e5), float(value)))
        return Outcome(curve[-1][2], cost, tuple(curve))

    def _mean(self, x: np.ndarray, steps: float) -> float:
        base = math.exp(-float(self.weight @ (x - self.middle) ** 2) / 2)
        return base * (1 - math.exp(-steps / 15 * (0.3 + base)))


class Learners:
    """See the module."""

    def __init__(self, width: int, number: int) -> None:
        rng = np.random.default_rng((2, width, number))
        declared = {STEPS: "log(1e5, 1e7)", "policy.hidden": "pow2(16, 256)", "vec.num_envs": "pow2(128, 4096)",
                    "train.learning_rate": "log(1e-4, 0.3)", "train.gamma": "logit(0.9, 0.9999)",
                    "policy.core": "choice(plain, gated, deep)"}  # fmt: skip
        kinds = ("linear(0, 5)", "log(1e-5, 0.2)", "logit(0.6, 0.999)", "integer(1, 8)", "linear(0.01, 1)")
        for i in range(width - len(declared)):
            declared[f"train.other_{i}"] = kinds[i % len(kinds)] + (" if policy.core=deep" if i == 3 else "")
        self.space = Space([parse(name, text) for name, text in declared.items()])
        self.inner = [d for d in self.space.dimensions if d.name not in (STEPS, "policy.core", "policy.hidden")]
        n = len(self.inner)
        self.middle = rng.uniform(0.25, 0.75, n)
        self.middle[1] = rng.uniform(0.4, 0.6)  # of the learning rate, at a middling batch
        self.weight = rng.permutation(np.concatenate([[8.0, 5.0, 3.0], 3.0 * 0.7 ** np.arange(n)])[:n])
        self.weight[1] = 10.0
        self.turn = rng.uniform(-0.6, 0.6, n)  # each coordinate with the next
        self.slow = rng.uniform(0, 1, n)  # what makes learning slower, rather than worse
        self.core = {"plain": (0.8, 1.0), "gated": (1.0, rng.uniform(0.8, 2.0)), "deep": (rng.uniform(0.85, 1.0), 2.0)}
        self.start = math.log(rng.uniform(2e5, 1e6))  # steps to half of the final score at the best settings
        self.limit = rng.uniform(0.9, 1.0) * 256 * 2048
        self.cliff = rng.uniform(0.82, 0.95)
        self.draws = np.random.default_rng(3).random((200, 3))
        self.first: Point = {name: self._default(name) for name in declared}
        self.first = self.space.decode(self.space.encode(self.first))

    def truth(self, point: Point) -> float:
        """Return the mean of the final score over noise; 0 where trials fail."""
        if self._fails(point, 0.5):
            return 0.0
        rng = np.random.default_rng(0)
        normal = rng.normal(size=(200, 2))
        uniform = rng.random(200)
        finals = [self._curve(point, u, a, b)(float(point[STEPS])) for u, (a, b) in zip(uniform, normal, strict=True)]
        return float(np.mean(np.clip(finals, 0, 1)))

    def run(self, point: Point, rng: np.random.Generator) -> Outcome:
        """Return what one trial brings."""
        steps = float(point[STEPS])
        size = float(point["policy.hidden"]) / 64
        cost = 0.5 + steps / 1e6 * 5.0 * size**0.8 * (1.5 - 0.5 * self._unit(point, "vec.num_envs"))
        failed = self._fails(point, rng.random())
        if failed:
            return Outcome(None, 1.0 if failed == "memory" else 0.2 * cost, ())
        final = self._curve(point, rng.random(), rng.normal(), rng.normal())
        curve = []
        for i in range(1, POINTS + 1):
            share = i / POINTS
            value = np.clip(final(steps * share) + 0.02 * rng.normal(), 0, 1)
            curve.append((cost * share, int(steps * share), float(value)))
        return Outcome(curve[-1][2], cost, tuple(curve))

    def _default(self, name: str) -> bool | int | float | str:
        known = {STEPS: 1e6, "policy.hidden": 64, "vec.num_envs": 512, "train.learning_rate": 3e-3,
                 "train.gamma": 0.99, "policy.core": "plain"}  # fmt: skip
        return known[name] if name in known else self._dimension(name).decode(np.array([0.5]))

    def _dimension(self, name: str) -> Dimension:
        return next(d for d in self.space.dimensions if d.name == name)

    def _unit(self, point: Point, name: str) -> float:
        return float(self._dimension(name).encode(point[name])[0])

    def _fails(self, point: Point, chance: float) -> str:
        if float(point["policy.hidden"]) * float(point["vec.num_envs"]) > self.limit:
            return "memory"
        over = self._unit(point, "train.learning_rate") + 0.1 * self._unit(point, "train.gamma") - self.cliff
        return "diverged" if chance < 1 / (1 + math.exp(-min(max(40 * over, -50), 50))) else ""

    def _curve(self, point: Point, stuck: float, speed: float, height: float):
        """Return steps -> score of one run, with its luck: how fast, how high, whether it stays stuck."""
        x = np.array([float(d.encode(point[d.name])[0]) if d.name in point else m
                      for d, m in zip(self.inner, self.middle, strict=True)])  # fmt: skip
        off = x - self.middle
        off[1] -= 0.3 * (x[0] - 0.5)  # a larger batch bears a higher learning rate
        off[1] *= 1.5 if off[1] > 0 else 1.0
        off = off + self.turn * np.roll(off, -1)
        bad = self.weight * (np.sqrt(1 + (off / 0.15) ** 2) - 1) * 0.15
        quality = 1 / (1 + math.exp(min(4 * float(bad.sum()) - 3, 50))) * (1 + math.exp(-3))
        ceiling, pace = self.core[str(point["policy.core"])]
        size = math.log2(float(point["policy.hidden"]) / 16)  # 0 to 4
        top = ceiling * quality * (1 - 0.35 * math.exp(-0.8 * size))
        middle = self.start + 0.8 * float(self.slow @ bad) + math.log(pace) + 0.25 * speed
        if stuck < 0.05 + 0.2 * (1 - quality):
            top *= 0.3
        top *= 1 + 0.04 * height
        return lambda steps: top / (1 + math.exp(min(1.5 * (middle - math.log(steps)), 50)))


class Slopes:
    """See the module."""

    def __init__(self, width: int, number: int) -> None:
        rng = np.random.default_rng((5, width, number))
        self.names = [f"x{i}" for i in range(width - 1)]
        self.space = Space([*(parse(name, "linear(0, 1)") for name in self.names), parse(STEPS, "log(2e4, 2e6)")])
        self.first: Point = {**dict.fromkeys(self.names, 0.5), STEPS: 2e5}
        self.order, self.flip = rng.permutation(width - 1), rng.random(width - 1) < 0.5
        self.shift = rng.uniform(-0.15, 0.15, width - 1)
        self.dear = rng.normal(size=width - 1) * 2 / math.sqrt(width - 1)
        self.fails = rng.uniform(0.1, 0.9, (3, width - 1)), rng.uniform(0.2, 0.3) * math.sqrt((width - 1) / 5)
        self.floor = rng.uniform(0.0, 0.1)

    def truth(self, point: Point) -> float:
        """Return the mean of the final score over noise; 0 where trials fail."""
        x, steps = self._read(point)
        return 0.0 if self._failing(x) else self._mean(x, steps)

    def run(self, point: Point, rng: np.random.Generator) -> Outcome:
        """Return what one trial brings."""
        x, steps = self._read(point)
        cost = 0.3 + steps / 2e6 * 60 * math.exp(float(self.dear @ (x - 0.5)))
        if self._failing(x):
            return Outcome(None, cost * rng.random(), ())
        scale = 0.08 * math.sqrt(2e5 / (steps + 1e5))  # short trials are noisier
        luck = rng.normal()
        curve = []
        for i in range(1, POINTS + 1):
            share = i / POINTS
            curve.append(
                (cost * share, int(steps * share), self._mean(x, steps * share) + scale * (luck + rng.normal()))
            )
        return Outcome(curve[-1][2], cost, tuple(curve))

    def _read(self, point: Point) -> tuple[np.ndarray, float]:
        return np.array([float(point[name]) for name in self.names]), float(point[STEPS])

    def _failing(self, x: np.ndarray) -> bool:
        centers, radius = self.fails
        return bool((np.sqrt(((x - centers) ** 2).sum(axis=1)) < radius).any())

    def _mean(self, x: np.ndarray, steps: float) -> float:
        z = np.where(self.flip, 1 - x, x)[self.order] + self.shift
        w = 1 + 3 * (z - 0.6)  # Levy's function, whose optimum is at 1
        levy = math.sin(math.pi * w[0]) ** 2 + float(
            ((w[:-1] - 1) ** 2 * (1 + 3 * np.sin(math.pi * w[:-1] + 1) ** 2)).sum() + (w[-1] - 1) ** 2
        )
        worth = math.exp(-levy / (0.6 * len(z)))
        return self.floor + worth * (1 - (steps / 2e4 + 1) ** (-0.3 - 0.3 * x[0]))


class Mixed:
    """See the module."""

    def __init__(self, width: int, number: int) -> None:
        rng = np.random.default_rng((6, width, number))
        n = width - 1
        self.names = [f"x{i}" for i in range(n)]
        self.space = Space([*(parse(name, "linear(0, 1)") for name in self.names), parse(STEPS, "log(1e5, 1e7)")])
        self.first: Point = {**dict.fromkeys(self.names, 0.5), STEPS: 1e6}
        self.surface, self.curve, self.noise, self.failure, self.price = (
            str(rng.choice(kinds))
            for kinds in (
                ("bowl", "humps", "valley", "terraces", "waves"),
                ("exponential", "power", "logistic"),
                ("small", "large", "tails", "stuck"),
                ("none", "slab", "corner"),
                ("steps", "size", "all"),
            )
        )
        self.middle = rng.uniform(0.15, 0.85, n)
        self.weight = rng.permutation(np.exp(-np.arange(n) * rng.uniform(0.1, 0.5)))
        self.turn = np.linalg.qr(rng.normal(size=(n, n)))[0]
        self.wave, self.phase = rng.normal(size=(24, n)) * 4 * self.weight, rng.uniform(0, 2 * math.pi, 24)
        self.height = rng.normal(size=24) / math.sqrt(12)
        self.pace = rng.uniform(0.5, 2.0)
        drawn = rng.random((4096, n))
        self.scale = 1.0
        self.scale = 0.8 / max(float(np.percentile(self._raw(drawn), 99)), 1e-9)

    def truth(self, point: Point) -> float:
        """Return the mean of the final score over noise; 0 where trials fail."""
        x, steps = self._read(point)
        return 0.0 if self._fails(x) else self._mean(x, steps)

    def run(self, point: Point, rng: np.random.Generator) -> Outcome:
        """Return what one trial brings."""
        x, steps = self._read(point)
        rate = {"steps": 1.0, "size": math.exp(2 * x[0] - 1), "all": math.exp(float(np.mean(x - 0.5)) * 4)}[self.price]
        cost = 0.2 + steps / 1e5 * 0.6 * rate
        if self._fails(x):
            return Outcome(None, cost * 0.4, ())
        luck = {"small": 0.02, "large": 0.1, "tails": 0.03, "stuck": 0.03}[self.noise] * rng.normal()
        if self.noise == "tails" and rng.random() < 0.1:
            luck *= 8
        share = 0.3 if self.noise == "stuck" and rng.random() < 0.15 else 1.0
        curve = []
        for i in range(1, POINTS + 1):
            value = share * self._mean(x, steps * i / POINTS) + luck + 0.03 * rng.normal()
            curve.append((cost * i / POINTS, int(steps * i / POINTS), value))
        return Outcome(curve[-1][2], cost, tuple(curve))

    def _read(self, point: Point) -> tuple[np.ndarray, float]:
        return np.array([float(point[name]) for name in self.names]), float(point[STEPS])

    def _fails(self, x: np.ndarray) -> bool:
        return {"none": False, "slab": x[1] > 0.8, "corner": x[0] + x[1] + x[2] > 2.0}[self.failure]

    def _mean(self, x: np.ndarray, steps: float) -> float:
        worth, t = float(self._raw(x[None])[0]) * self.scale, steps / 1e6
        worth = 1 - math.exp(-1.6 * worth)
        if self.curve == "exponential":
            return worth * (1 - math.exp(-t * self.pace))
        if self.curve == "power":
            return worth * (1 - (1 + 20 * t) ** -(0.3 * self.pace))
        return worth / (1 + math.exp(-2 * (math.log(t * self.pace) + 0.5 + 2 * (worth - 0.5))))

    def _raw(self, x: np.ndarray) -> np.ndarray:
        """Return how good settings (m, n) are, (m,), at least 0."""
        off = (x - self.middle) / 0.35
        if self.surface == "bowl":
            raw = np.exp(-0.5 * ((off @ self.turn) ** 2 @ self.weight))
        elif self.surface == "humps":
            raw = np.prod(1 - self.weight * 0.5 * (1 - np.cos(math.pi * np.clip(np.abs(off), 0, 1.5))), axis=1)
        elif self.surface == "valley":
            bent = off[:, 1:] - 0.8 * off[:, :-1] ** 2 + 0.4
            raw = np.exp(-(bent**2) @ self.weight[1:] - 0.3 * off[:, 0] ** 2)
        elif self.surface == "terraces":
            raw = np.round(6 * np.exp(-np.abs(off) @ self.weight * 0.6)) / 6 + 0.02
        else:
            raw = 1 / (1 + np.exp(-2 * np.cos(x @ self.wave.T + self.phase) @ self.height))
        return raw * self.scale


class Layers:
    """See the module."""

    def __init__(self, width: int, number: int) -> None:
        rng = np.random.default_rng((7, width, number))
        declared = {STEPS: "log(2e5, 2e7)", "policy.hidden": "pow2(32, 512)", "policy.layers": "integer(1, 4)",
                    "train.optimizer": "choice(plain, rotated)"}  # fmt: skip
        kinds = ("log(1e-4, 0.1)", "logit(0.9, 0.999)", "linear(0, 1)")
        for i in range(width - len(declared)):
            declared[f"train.other_{i}"] = kinds[i % len(kinds)]
        self.space = Space([parse(name, text) for name, text in declared.items()])
        self.inner = np.arange(1, self.space.width)  # coordinates apart from the steps, which are the first
        n = len(self.inner)
        weight = rng.permutation(2.0 / (1 + np.arange(n)) ** 0.7)
        self.one, self.shift = rng.normal(size=(32, n)) * weight, rng.normal(size=32)
        self.two = rng.normal(size=32) / math.sqrt(32)
        self.side, self.edge = rng.normal(size=n) / math.sqrt(n), rng.uniform(0.2, 0.4)
        self.late = rng.uniform(0.0, 1.0)
        drawn = np.array([self.space.snap(rng.random((1, self.space.width)))[0] for _ in range(2000)])
        self.ranks = np.sort(self._raw(drawn[:, self.inner]))
        self.first: Point = self.space.decode(np.array([0.5, *np.full(n, 0.5)]))

    def truth(self, point: Point) -> float:
        """Return the mean of the final score over noise; 0 where more than half of the trials fail."""
        x, steps = self._read(point)
        chance = self._fails(x)
        return 0.0 if chance > 0.5 else (1 - chance) * self._mean(self._worth(x), steps)

    def run(self, point: Point, rng: np.random.Generator) -> Outcome:
        """Return what one trial brings."""
        x, steps = self._read(point)
        size = (float(point["policy.hidden"]) / 128) ** 0.7 * (1 + float(point["policy.layers"])) / 3
        cost = 1.0 + steps / 2e6 * 4.0 * size
        if rng.random() < self._fails(x):
            return Outcome(None, cost * rng.uniform(0.05, 0.3), ())
        worth = self._worth(x)
        luck = 0.15 * 4 * worth * (1 - worth) * rng.normal()  # middling settings sometimes work
        curve = []
        for i in range(1, POINTS + 1):
            mean = self._mean(min(max(worth + luck, 0.0), 1.0), steps * i / POINTS)
            curve.append((cost * i / POINTS, int(steps * i / POINTS), mean + 0.02 * rng.normal()))
        return Outcome(curve[-1][2], cost, tuple(curve))

    def _read(self, point: Point) -> tuple[np.ndarray, float]:
        return self.space.encode(point)[self.inner], float(point[STEPS])

    def _fails(self, x: np.ndarray) -> float:
        return 1 / (1 + math.exp(min(30 * (self.edge - float(self.side @ (x - 0.5))), 50.0)))

    def _raw(self, x: np.ndarray) -> np.ndarray:
        return np.tanh((x - 0.5) @ self.one.T * 2 + self.shift) @ self.two

    def _worth(self, x: np.ndarray) -> float:
        """Return how good a setting is, in [0, 1]: a tail of the share of others that are worse."""
        better = 1 - np.searchsorted(self.ranks, self._raw(x[None])[0]) / len(self.ranks)
        high = max(float(self._raw(x[None])[0] - self.ranks[-1]), 0.0)  # beyond all that were drawn
        return float(min(0.9 * math.exp(-4 * better) + 0.1 * math.tanh(2 * high), 1.0))

    def _mean(self, worth: float, steps: float) -> float:
        begins = 3e5 * math.exp(2 * self.late * (1 - worth))  # the worse, the longer nothing happens
        return worth * (0.1 + 0.9 * max(1 - (begins / max(steps, 1.0)) ** 0.8, 0.0))


FAMILIES = {"hills": Hills, "learners": Learners, "slopes": Slopes, "mixed": Mixed, "layers": Layers}
