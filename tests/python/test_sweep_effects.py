# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Which settings matter and how, and when a trial is stopped early."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shoal.sweep.metric import SECONDS, STEPS, Metric
from shoal.sweep.space import parse_all
from shoal.sweep.stopping import is_late, should_stop
from shoal.sweep.trial import FAILED, RUNNING, STOPPED, Trial

SPACE = parse_all({"a": "linear(0, 1)", "b": "log(1, 100)", "c": "choice(x, y, z)", "n": "integer(1, 3)"})


def sweep(number: int = 120, noise: float = 0.05) -> list[Trial]:
    """Return trials whose score rises with a, is best at c=y, and does not depend on b and n."""
    rng = np.random.default_rng(0)
    points = [SPACE.decode(rng.random(SPACE.width)) for _ in range(number)]
    scores = [float(p["a"]) + 0.5 * (p["c"] == "y") + noise * rng.normal() for p in points]
    return [Trial(i, point, score, 1.0) for i, (point, score) in enumerate(zip(points, scores, strict=True))]


def test_importance_orders_settings_by_what_they_change() -> None:
    pytest.importorskip("scipy")
    from shoal.sweep.effects import importance

    found = importance(SPACE, sweep())
    assert list(found)[:2] == ["a", "c"] and sum(found.values()) == pytest.approx(1)
    assert found["a"] > 0.4 and found["c"] > 0.2 and found["b"] + found["n"] < 0.05


def test_effects_are_the_means_over_all_other_settings() -> None:
    pytest.importorskip("scipy")
    from shoal.sweep.effects import effects

    found = effects(SPACE, sweep(), points=5)
    assert found["a"].values == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert found["a"].mean == pytest.approx(np.linspace(0, 1, 5) + 0.5 / 3, abs=0.1)
    assert found["c"].values == ("x", "y", "z") and found["n"].values == (1, 2, 3)
    assert found["c"].mean[1] - found["c"].mean[0] == pytest.approx(0.5, abs=0.1)
    assert (found["a"].deviation < 0.1).all()
    assert (effects(SPACE, sweep(15, 0.3))["a"].deviation > found["a"].deviation.max()).all()


def test_too_few_trials_say_nothing() -> None:
    pytest.importorskip("scipy")
    from shoal.sweep.effects import effects, importance

    failed = [replace(trial, score=None, status=FAILED) for trial in sweep(30)]
    for trials in ([], sweep(4), failed):
        assert importance(SPACE, trials) == {} and effects(SPACE, trials) == {}


# ------------------------------------------------------------------------------------------ early stopping


def learning(number: int, height: float, pace: float, rng: np.random.Generator, noise: float = 0.02) -> Trial:
    """Return a trial that comes to `height`, half of it at the share `pace` of its steps."""
    moments = np.arange(1, 11) / 10
    scores = height / (1 + (pace / moments) ** 3) + noise * rng.normal(size=10)
    curve = tuple((100 * m, int(1e6 * m), float(s)) for m, s in zip(moments, scores, strict=True))
    return Trial(number, {}, curve[-1][2], 100.0, curve=curve, steps=1_000_000)


def played(trials: list[Trial]) -> tuple[list[Trial], float]:
    """Return trials as they would have ended had they been stopped, and the share of the cost that this saves."""
    seen: list[Trial] = []
    for trial in trials:
        ends = (i for i in range(1, 10) if should_stop(trial.curve[:i], seen))
        end = next(ends, None)
        stopped = replace(trial, status=STOPPED, curve=trial.curve[:end], cost=10.0 * (end or 0))
        seen.append(trial if end is None else stopped)
    return seen, 1 - sum(trial.cost for trial in seen) / sum(trial.cost for trial in trials)


def test_a_hopeless_trial_is_stopped_and_a_good_one_is_not() -> None:
    rng = np.random.default_rng(0)
    trials = [learning(i, h, 0.3, rng) for i, h in enumerate(np.linspace(0.1, 1, 20))]
    bad, good = learning(20, 0.1, 0.3, rng), learning(21, 0.95, 0.35, rng)
    assert should_stop(bad.curve[:6], trials) and should_stop(bad.curve[:6], trials, by="seconds")
    assert not any(should_stop(good.curve[:i], trials) for i in range(1, 10))
    assert not should_stop(bad.curve[:6], trials[:12])  # three good ones are too few to be sure
    assert not should_stop(bad.curve[:1], trials)
    running = [replace(trial, status=RUNNING) for trial in trials]
    assert not should_stop(bad.curve[:6], running)


def test_one_unlucky_moment_does_not_stop() -> None:
    rng = np.random.default_rng(0)
    trials = [learning(i, h, 0.3, rng) for i, h in enumerate(np.linspace(0.1, 1, 20))]
    curve = list(learning(20, 0.9, 0.3, rng).curve[:6])
    curve[-1] = (*curve[-1][:2], 0.0)
    assert not should_stop(curve, trials)


def test_seconds_compare_at_equal_cost() -> None:
    """A trial that takes ten times the seconds for its steps is behind by cost, not by steps."""
    rng = np.random.default_rng(0)
    trials = [learning(i, h, 0.3, rng) for i, h in enumerate(np.linspace(0.1, 1, 20))]
    dear = [(seconds * 10, steps, score) for seconds, steps, score in learning(20, 0.5, 0.8, rng).curve[:4]]
    cheap = [(seconds / 10, steps, score) for seconds, steps, score in dear]
    assert not should_stop([(s / 100, n, v) for s, n, v in dear], trials, by="seconds")
    assert should_stop(cheap, trials)


@pytest.mark.parametrize("late", [False, True])
def test_the_best_survives_and_time_is_saved(late: bool) -> None:
    """Sixty trials in twenty sweeps; `late`: the better, the later they bloom, which is what deceives the rule."""
    lost, saved, regret = 0, [], []
    for number in range(20):
        rng = np.random.default_rng(number)
        heights = rng.random(60)
        paces = 0.1 + 0.5 * rng.random(60) * (heights if late else 1.0)
        trials = [learning(i, h, p, rng) for i, (h, p) in enumerate(zip(heights, paces, strict=True))]
        best = max(trials, key=lambda trial: trial.score or 0.0)
        seen, share = played(trials)
        saved.append(share)
        lost += seen[best.number].status == STOPPED
        regret.append((best.score or 0.0) - max(t.score or 0.0 for t in seen if t.status != STOPPED))
    assert lost <= 1 and np.mean(regret) < 0.005
    assert np.mean(saved) > 0.2


# ------------------------------------------------------------------------------------------ too late to be the best

SOLVING = Metric(SECONDS, 100.0)


def solved(number: int, seconds: float) -> Trial:
    return Trial(number, {}, -seconds, seconds, steps=int(1e4 * seconds))


def running(seconds: float) -> Trial:
    score = SOLVING.score({"perf": 0.6}, seconds, 0, solved=False)
    return Trial(99, {}, score, seconds, RUNNING, steps=int(1e4 * seconds))


def test_a_trial_is_late_beyond_the_good_ones_and_their_spread() -> None:
    trials = [solved(i, 10.0 + i) for i in range(16)]  # good: 10 to 13, deviation 1.29
    assert not is_late(running(15.5), trials, SOLVING) and is_late(running(15.7), trials, SOLVING)
    assert is_late(running(15.7), [*trials, replace(solved(16, 90), score=-120.0)], SOLVING)
    few = trials[:4]  # all are good, and their deviation is that of the same four
    assert not is_late(running(15.5), few, SOLVING) and is_late(running(15.7), few, SOLVING)
    few = trials[:3]  # twice the slowest
    assert not is_late(running(23.9), few, SOLVING) and is_late(running(24.1), few, SOLVING)
    assert not is_late(running(99), [], SOLVING)
    unsolved = [replace(trial, score=-150.0) for trial in trials]
    stopped = [replace(trial, status=STOPPED) for trial in trials]
    for others in (unsolved, stopped):
        assert not is_late(running(99), others, SOLVING)
    assert not is_late(running(99), trials, Metric("perf"))


def test_steps_to_solved_are_compared_by_steps() -> None:
    trials = [replace(solved(i, 10.0 + i), score=-1e5 - 1e4 * i) for i in range(16)]
    metric = Metric(STEPS, 1e6)
    assert is_late(replace(running(1.0), steps=160_000), trials, metric)
    assert not is_late(replace(running(90.0), steps=150_000), trials, metric)


def test_a_late_trial_counts_as_a_little_slower_not_as_hopeless() -> None:
    near, far = (SOLVING.censored(SOLVING.score({"perf": p}, 20, 0, solved=False), 20.0) for p in (0.9, 0.1))
    assert near == pytest.approx(-28) and far == pytest.approx(-92)
    assert SOLVING.censored(-200.0, 20.0) == -100.0 and SOLVING.censored(-100.0, 20.0) == -20.0


@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_the_best_setting_survives_and_time_is_saved_where_seeds_differ(noise: float) -> None:
    """Eighty trials in fifty sweeps, whose times to solved spread by a factor of e; seeds by `noise`."""
    lost, saved = 0, []
    for number in range(50):
        rng = np.random.default_rng(number)
        means = 10 * np.exp(rng.random(80))
        trials = [solved(i, float(mean * np.exp(noise * rng.normal()))) for i, mean in enumerate(means)]
        seen: list[Trial] = []
        for trial in trials:
            ends = (s for s in np.arange(5, trial.cost, 5) if is_late(running(float(s)), seen, SOLVING))
            end = next(ends, None)
            seen.append(trial if end is None else replace(trial, status=STOPPED, cost=float(end)))
        lost += seen[int(np.argmin(means))].status == STOPPED
        saved.append(1 - sum(t.cost for t in seen) / sum(t.cost for t in trials))
    assert lost <= 3  # an unlucky seed of the best setting
    assert np.mean(saved) > 0.1
