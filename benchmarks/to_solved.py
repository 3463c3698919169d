# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Made-up sweeps whose metric is seconds to solved, with the real searches and the real rule for trials that are late.

    benchmarks/to_solved.py SEARCH[,SEARCH...] [--hard 3] [--first 0] [--problems 100] [--seconds 30]

Time is virtual: two workers, a trial takes the time it says or is stopped for being late, a search what it really
takes. Nine settings on a sweep's scales move the logarithm of the time to solved, `--hard` by how much in all; the best
ones solve in 0.15 to 0.7 s of the 5 s that a trial may take; further out along one direction ever more seeds never do.
What the end of the sweep cuts off counts as unsolved, as in sweeps of version 2, with which docs/LOG.md's figures were
taken. What counts is the mean of many seeds of the recommended setting, over the time at the optimum, as a logarithm;
the others' difference to the first search is paired. To compare versions of shoal, set PYTHONPATH to the other's src.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy: one processor for everyone

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from shoal.sweep import search as searches  # noqa: E402
from shoal.sweep import space, stopping  # noqa: E402
from shoal.sweep.metric import SECONDS, Metric  # noqa: E402
from shoal.sweep.space import Point  # noqa: E402
from shoal.sweep.trial import DONE, RUNNING, STOPPED, Trial  # noqa: E402

LIMIT = 5.0  # seconds that a trial may take
WORKERS = 2
CHECK = 0.05  # seconds between looks at running trials
SEEDS = 400  # that the truth of a setting is the mean of
SPACE = {
    "train.learning_rate": "log(1e-3, 0.1)", "train.schedule_steps": "log(3e5, 1e7)",
    "train.gamma": "logit(0.9, 0.999)", "train.gae_lambda": "logit(0.6, 0.98)", "train.ent_coef": "log(1e-3, 0.2)",
    "train.horizon": "pow2(16, 128)", "train.replay_ratio": "log(0.5, 4)", "vec.num_envs": "pow2(64, 1024)",
    "policy.hidden": "pow2(16, 64)",
}  # fmt: skip
FIRST: Point = {
    "train.learning_rate": 0.015, "train.schedule_steps": 5e6, "train.gamma": 0.99, "train.gae_lambda": 0.9,
    "train.ent_coef": 0.05, "train.horizon": 32, "train.replay_ratio": 1.0, "vec.num_envs": 1024, "policy.hidden": 64,
}  # fmt: skip


class Problem:
    """A task whose time to solved depends on nine settings, drawn by its number."""

    def __init__(self, number: int, hard: float) -> None:
        rng = np.random.default_rng((77, number))
        self.space = space.parse_all(SPACE)
        width = self.space.width
        self._optimum = rng.uniform(0.05, 0.95, width)
        weights = rng.exponential(1.0, width) ** 1.5
        self._weights = weights * hard / weights.sum()
        self._best = math.log(LIMIT) - rng.uniform(2.0, 3.5)
        self._slope = rng.normal(0, 0.4, width)
        self._noise = rng.uniform(0.08, 0.3)
        outward = rng.normal(size=width) * (rng.random(width) < 0.5)
        self._outward = outward / max(float(np.linalg.norm(outward)), 1e-9)
        self._edge, self._never = rng.uniform(-0.1, 0.5), rng.choice([0, 0, 0.02, 0.05])
        self._mixed = np.eye(width) + rng.normal(size=(width, width)) * 0.5 * (rng.random((width, width)) < 0.15)

    def run(self, x: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float]:
        """Return the seconds to solved of one seed, infinite if it never is, and the perf that it reaches if not."""
        away = x - self._optimum
        bowl = float((self._weights * 4 * np.minimum((away @ self._mixed) ** 2, 0.35)).sum())
        seconds = math.exp(self._best + bowl + 0.3 * abs(float(self._slope @ away)) + self._noise * rng.normal())
        beyond = float(away @ self._outward) - self._edge
        if rng.random() < self._never + (1 - self._never) * 0.95 / (1 + math.exp(-8 * beyond)):
            seconds *= math.exp(2 * abs(rng.normal()) + 1) if rng.random() < 0.4 else math.inf
        return seconds, rng.uniform(0.1, 0.9)

    def excess(self, point: Point, metric: Metric) -> float:
        """Return the logarithm of a setting's mean, as `--confirm` takes it, over the time at the optimum."""
        rng, x = np.random.default_rng(5), self.space.encode(point)
        taken = [-_score(metric, *self.run(x, rng)) for _ in range(SEEDS)]
        return math.log(float(np.mean(taken))) - self._best


def _score(metric: Metric, seconds: float, perf: float) -> float:
    return metric.score({"perf": perf}, seconds, 0, solved=seconds <= LIMIT)


def sweep(name: str, number: int, hard: float, budget: float) -> tuple[float, int]:
    """Return how far what a search recommends is from the optimum, and how many trials it had."""
    problem, metric = Problem(number, hard), Metric(SECONDS, LIMIT)
    search = searches.make(name, problem.space, seed=number, first=[FIRST], seconds=budget * WORKERS)
    rng = np.random.default_rng((9, number))
    trials: list[Trial] = []
    active: dict[int, tuple[int, float, float]] = {}  # worker -> trial, seconds to solved, perf
    now = 0.0
    while active or now < budget:
        for worker in set(range(WORKERS)) - set(active) if now < budget else ():
            before = time.process_time()
            asked = search.ask(trials)
            thought = time.process_time() - before
            active[worker] = len(trials), *problem.run(problem.space.encode(asked.point), rng)
            trials.append(
                Trial(len(trials), asked.point, status=RUNNING, purpose=asked.purpose, thought=thought,
                      started=now + thought)
            )  # fmt: skip
        ends = [trials[i].started + min(seconds, LIMIT) for i, seconds, _ in active.values()]
        now = max(min(*ends, now + CHECK), now + 1e-6)
        for worker, (i, seconds, perf) in list(active.items()):
            taken = now - trials[i].started
            ended = _ended(trials[i], taken, seconds, perf, trials, metric, over=now >= budget)
            if ended:
                trials[i] = dataclasses.replace(ended, ended=now)
                del active[worker]
    found = search.recommend(trials)
    assert found is not None
    return problem.excess(found.point, metric), len(trials)


def _ended(
    trial: Trial, taken: float, seconds: float, perf: float, trials: list[Trial], metric: Metric, *, over: bool
) -> Trial | None:
    """Return a running trial as one that has ended, None if it has not."""
    if taken >= min(seconds, LIMIT) - 1e-9:
        score = _score(metric, seconds, perf)
        return dataclasses.replace(trial, status=DONE, score=score, cost=min(seconds, LIMIT))
    score = metric.score({"perf": perf * taken / LIMIT}, taken, 0, solved=False)
    now = dataclasses.replace(trial, cost=max(taken, 0.0), score=score)
    if stopping.is_late(now, trials, metric):
        return dataclasses.replace(now, status=STOPPED, score=metric.censored(score, taken))
    return dataclasses.replace(now, status=STOPPED) if over else None


def main() -> None:
    """Run the command line; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("search", help=", ".join(searches.NAMES))
    parser.add_argument("--hard", type=float, default=3.0)
    parser.add_argument("--first", type=int, default=0, help="number of the first problem")
    parser.add_argument("--problems", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    numbers = range(given.first, given.first + given.problems)
    found: dict[str, list[float]] = {}
    for name in given.search.split(","):
        pairs = [sweep(name, number, given.hard, given.seconds) for number in numbers]
        found[name] = [excess for excess, _ in pairs]
        apart = np.array(found[name]) - next(iter(found.values()))
        error = float(apart.std(ddof=1)) / math.sqrt(len(apart)) if len(apart) > 1 else math.nan
        print(f"{name:11s} {np.mean(found[name]):.3f} above the optimum, {np.mean([n for _, n in pairs]):.0f} trials, "
              f"{apart.mean():+.3f} ± {error:.3f}", flush=True)  # fmt: skip
    print(json.dumps({"hard": given.hard, "seconds": given.seconds, "first": given.first, "excess": found}))


if __name__ == "__main__":
    main()
