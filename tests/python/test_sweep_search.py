# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Searches: what every one of them keeps to, and what the cost-aware one is for."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import numpy as np
import pytest

from shoal.errors import ConfigError
from shoal.sweep import search
from shoal.sweep.space import Point, Space, parse_all
from shoal.sweep.trial import CONFIRM, DONE, FAILED, REPEAT, RUNNING, SEARCH, STOPPED, Trial

pytest.importorskip("scipy")

SPACE = parse_all({"a": "linear(0, 1)", "b": "log(1e-3, 1)", "n": "integer(1, 4)", "core": "choice(x, y)",
                   "only": "linear(0, 1) if core=y"})  # fmt: skip
LONG = parse_all({"a": "linear(0, 1)", search.STEPS: "log(1e4, 1e6)"})
DEFAULTS: Point = {"a": 0.5, "b": 0.1, "n": 2, "core": "x"}


def tried(space: Space, number: int, score, seed: int = 0, **named: object) -> list[Trial]:
    """Return trials of random points, with score(point)."""
    rng = np.random.default_rng(seed)
    points = [space.decode(rng.random(space.width)) for _ in range(number)]
    return [Trial(i, point, score(point), cost=1.0, **named) for i, point in enumerate(points)]


def bump(point: Point) -> float:
    return math.exp(-8 * (float(point["a"]) - 0.7) ** 2) + 0.3 * (point.get("core") == "y")


def kinds() -> list[object]:
    missing = pytest.mark.skipif(not _has_optuna(), reason="no optuna")
    marks = {"optuna-tpe": [missing], "optuna-gp": [missing, pytest.mark.slow]}
    return [pytest.param(name, marks=marks.get(name, [])) for name in search.NAMES]


def _has_optuna() -> bool:
    try:
        import optuna  # noqa: F401
    except ImportError:
        return False
    return True


@pytest.mark.parametrize("name", kinds())
def test_the_same_trials_give_the_same_answer_in_another_process(name: str) -> None:
    trials = tried(SPACE, 15, bump)
    warm = search.make(name, SPACE, seed=3, first=[DEFAULTS], runs=50)
    for number in (5, 10, 14):
        warm.ask(trials[:number])
    fresh = search.make(name, SPACE, seed=3, first=[DEFAULTS], runs=50)
    assert warm.ask(trials) == fresh.ask(trials)
    assert warm.recommend(trials) == fresh.recommend(trials)
    other = search.make(name, SPACE, seed=4, first=[DEFAULTS], runs=50)
    assert name == "cost" or other.ask(trials) != fresh.ask(trials)  # the best so far is the same for every seed


@pytest.mark.parametrize("name", kinds())
def test_the_defaults_come_first_and_points_lie_in_the_space(name: str) -> None:
    found = search.make(name, SPACE, first=[DEFAULTS])
    asked = found.ask([])
    assert asked.point == pytest.approx(DEFAULTS)
    trials: list[Trial] = []
    for number in range(14):
        point = found.ask(trials).point
        assert point.keys() == SPACE.decode(SPACE.encode(point)).keys() and 0 <= float(point["a"]) <= 1
        failed = number in (3, 7)
        trials.append(Trial(number, point, None if failed else bump(point), 1.0, FAILED if failed else DONE))
    assert len({repr(trial.point) for trial in trials}) >= 10


@pytest.mark.parametrize("name", kinds())
def test_it_goes_on_whatever_trials_say(name: str) -> None:
    found = search.make(name, SPACE, first=[DEFAULTS], runs=40)
    bad = [
        tried(SPACE, 12, lambda p: None, status=FAILED),
        tried(SPACE, 12, lambda p: None, status=RUNNING),
        tried(SPACE, 12, lambda p: 0.5),
        tried(SPACE, 12, lambda p: math.nan),
        tried(SPACE, 12, lambda p: 1e30 * bump(p)),
        [replace(trial, cost=0.0) for trial in tried(SPACE, 12, bump)],
    ]
    for trials in bad:
        assert found.ask(trials).point
        recommended = found.recommend(trials)
        scored = any(t.status == DONE and t.score is not None and math.isfinite(t.score) for t in trials)
        assert (recommended is not None) == scored


@pytest.mark.parametrize("name", ["cost", "random"])
def test_confirmations_are_not_counted_as_search(name: str) -> None:
    trials = tried(SPACE, 10, bump)
    confirmed = [*trials, *(Trial(10 + i, trials[0].point, 0.1, 1.0, purpose=CONFIRM, seed=i) for i in range(5))]
    found = search.make(name, SPACE)
    assert found.ask(trials) == found.ask(confirmed)


def test_workers_that_ask_at_once_are_sent_to_different_places() -> None:
    found = search.make("cost", SPACE, runs=100)
    trials = tried(SPACE, 30, bump)
    asked = []
    for number in range(30, 36):
        point = found.ask(trials).point
        asked.append(SPACE.encode(point))
        trials.append(Trial(number, point, None, status=RUNNING))
    apart = [np.abs(a - b).max() for i, a in enumerate(asked) for b in asked[:i]]
    assert min(apart) > 1e-3  # a doubtful champion is repeated once, not by each of them


def test_cost_finds_the_top_in_fewer_trials_than_random() -> None:
    best = {}
    for name in ("cost", "random"):
        rng = np.random.default_rng(1)
        found, trials = search.make(name, SPACE, seed=1, first=[DEFAULTS], runs=30), []
        for number in range(30):
            asked = found.ask(trials)
            score = bump(asked.point) * float(asked.point["b"]) ** 0.2 + 0.02 * rng.normal()
            trials.append(Trial(number, asked.point, score, 1.0, purpose=asked.purpose))
        recommended = found.recommend(trials)
        assert recommended is not None
        best[name] = bump(recommended.point) * float(recommended.point["b"]) ** 0.2
    assert best["cost"] > 1.2 and best["cost"] > best["random"]


def test_cost_avoids_where_trials_fail() -> None:
    rng = np.random.default_rng(0)
    found, trials = search.make("cost", SPACE, first=[DEFAULTS], runs=60), []
    for number in range(30):
        asked = found.ask(trials)
        a = float(asked.point["a"])
        score = None if a > 0.5 else -((a - 0.35) ** 2) + 0.01 * rng.normal()
        trials.append(Trial(number, asked.point, score, 1.0, DONE if a <= 0.5 else FAILED))
    assert sum(trial.status == FAILED for trial in trials[10:]) <= 4  # random: 10


def test_cost_prefers_what_is_cheap_while_there_is_much_left() -> None:
    """The score depends on one setting, the cost on another, up to 30 times; drawn evenly the median is 5.5."""
    space = parse_all({"a": "linear(0, 1)", "size": "log(1, 30)"})
    medians = []
    for seed in range(12):  # one sweep now and then begins with a lucky dear trial, and stays about it
        rng = np.random.default_rng(seed)
        found, trials, sizes = search.make("cost", space, seed=seed, seconds=400.0), [], []
        for number in range(25):
            point = found.ask(trials).point
            sizes.append(float(point["size"]))
            trials.append(Trial(number, point, -((float(point["a"]) - 0.3) ** 2) + 0.01 * rng.normal(), sizes[-1]))
        medians.append(np.median(sizes[12:]))
    assert np.median(medians) < 3


def test_cost_does_not_go_to_the_corners_for_want_of_knowledge() -> None:
    """Scores that depend on nothing: where it looks is what it prefers without reason."""
    space = parse_all({f"s{i}": "linear(0, 1)" for i in range(9)})
    rng = np.random.default_rng(0)
    found, trials = search.make("cost", space, runs=80), []
    for number in range(40):
        trials.append(Trial(number, found.ask(trials).point, rng.normal(), 1.0))
    tried = np.array([space.encode(trial.point) for trial in trials[20:]])
    assert np.mean((tried == 0) | (tried == 1)) == 0  # what would leave the space comes back instead of staying there
    assert np.mean((tried < 0.1) | (tried > 0.9)) < 0.4  # evenly: 0.2; by what is least known alone: 0.55


def test_a_learning_curve_teaches_what_shorter_trials_bring() -> None:
    """Trials of all steps, whose curves say how a score grows with them."""
    from shoal.sweep.belief import Belief

    def trial(number: int, a: float, steps: int, share: float = 1.0) -> Trial:
        curve = tuple((s / 1e4, int(s), a * math.log10(s / 1e3)) for s in np.linspace(0.1, 1, 10) * steps * share)
        return Trial(number, {"a": a, search.STEPS: float(steps)}, curve[-1][2], steps * share / 1e4, curve=curve,
                     steps=int(steps * share))  # fmt: skip

    trials = [trial(i, a, 1_000_000) for i, a in enumerate(np.linspace(0, 1, 8))]
    with_curves = Belief(LONG, trials, search.STEPS)
    short = LONG.encode({"a": 0.8, search.STEPS: 2e5})[None]
    assert with_curves.unwarp(with_curves.score.mean(short))[0] == pytest.approx(0.8 * math.log10(200), abs=0.1)
    assert math.exp(with_curves.cost.mean(short)[0]) == pytest.approx(20, rel=0.2)
    stopped = replace(trial(8, 0.5, 1_000_000, 0.3), status=STOPPED)
    belief = Belief(LONG, [*trials, stopped], search.STEPS)
    full = LONG.encode({"a": 0.5, search.STEPS: 1e6})[None]  # its score belongs to the steps that it had
    assert belief.unwarp(belief.score.mean(full))[0] == pytest.approx(1.5, abs=0.1)


def test_what_was_good_with_few_steps_is_recommended_with_all() -> None:
    def trial(number: int, a: float, steps: int) -> Trial:
        curve = tuple((s / 1e4, int(s), a * math.log10(s / 1e3)) for s in np.linspace(0.1, 1, 10) * steps)
        return Trial(number, {"a": a, search.STEPS: float(steps)}, curve[-1][2], steps / 1e4, curve=curve, steps=steps)

    trials = [trial(i, a, 300_000 if a > 0.8 else 1_000_000) for i, a in enumerate(np.linspace(0, 1, 11))]
    found = search.make("cost", LONG).recommend(trials)
    assert found is not None and found.point == {"a": 1.0, search.STEPS: 1e6} and found.trials == 0
    assert found.low < 3.0 < found.high and found.score == pytest.approx(3.0, abs=0.2)
    asked = search.make("cost", LONG, seconds=sum(t.cost for t in trials) * 1.2).ask(trials)
    assert asked.point == found.point and asked.purpose == SEARCH  # near the end it is tried


def test_what_trials_teach_is_the_same_bit_by_bit_and_at_once() -> None:
    """Trials that end one by one, one of them late; then one that is told anew, and one that has gone."""
    from shoal.sweep.lessons import Lessons

    def content(lessons: Lessons) -> list[object]:
        tables = [part.copy() for table in (lessons.scores, lessons.costs, lessons.ends) for part in table.data()]
        return [*(table.tolist() for table in tables), lessons.points, lessons.counts, lessons.sums, lessons.failed]

    rng = np.random.default_rng(0)
    trials = [replace(t, ended=float(t.number), curve=((0.5, 10, 0.1),)) for t in tried(LONG, 120, bump)]
    trials[7] = replace(trials[7], status=FAILED, score=None)
    trials[9] = replace(trials[8], number=9, ended=9.0)
    trials[30] = replace(trials[30], ended=50.5)  # after others that began later
    late = replace(
        trials[40], status=RUNNING, score=None, curve=(), ended=0.0
    )  # recorded after others that ended later
    steps = [trials[:n] for n in sorted(rng.integers(1, 120, 20))]
    steps += [trials[:3], [*trials[:40], late, *trials[41:]], trials]
    steps += [[*trials[:5], replace(trials[5], score=7.0), *trials[6:]], trials[:60] + trials[61:], trials[:3]]
    kept = Lessons(LONG, search.STEPS)
    for told in steps:
        waiting = [t if t.ended < len(told) else replace(t, status=RUNNING, score=None, curve=()) for t in told]
        fresh = Lessons(LONG, search.STEPS)
        kept.learn(waiting)
        fresh.learn([replace(t) for t in waiting])
        assert content(kept) == content(fresh)
    again = [replace(t) for t in trials]
    kept.learn(trials)
    before = kept.scores
    kept.learn(again)
    assert kept.scores is before  # equal ones, as another process reads them, are nothing new


def test_one_lucky_trial_is_not_recommended() -> None:
    rng = np.random.default_rng(5)
    lucky = {"a": 0.1, "b": 0.5, "n": 2, "core": "x"}
    trials = [replace(t, score=(t.score or 0.0) + 0.1 * rng.normal()) for t in tried(SPACE, 60, bump)]
    trials.append(Trial(60, lucky, 1.5, 1.0))
    assert max(trials, key=lambda t: t.score or 0.0).point == lucky
    found = search.make("cost", SPACE).recommend(trials)
    assert found is not None and found.point != lucky and bump(found.point) > 1.1
    assert found.low < bump(found.point) < found.high and found.low < found.score < found.high


def test_the_luckiest_of_a_thousand_trials_promise_little() -> None:
    """More trials than the model sees: were they chosen by their scores alone, luck would look like merit."""
    promised = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        trials = tried(SPACE, 1000, lambda p, rng=rng: -4 * (float(p["a"]) - 0.5) ** 2 + 0.3 * rng.normal(), seed)
        found = search.make("cost", SPACE).recommend(trials)
        assert found is not None and abs(float(found.point["a"]) - 0.5) < 0.15
        promised.append(found.score)
    assert np.mean(promised) < 0.28  # nothing is better than 0 but by luck, up to 1; by the best scores: 0.38


def test_repeats_count_for_their_setting() -> None:
    again = {"a": 0.7, "b": 0.5, "n": 2, "core": "y", "only": 0.5}
    trials = tried(SPACE, 20, bump) + [Trial(20 + i, again, 1.3, 1.0, purpose=REPEAT, seed=i) for i in range(4)]
    found = search.make("cost", SPACE).recommend(trials)
    assert found is not None and found.point == again and found.trials == 4


def test_what_may_be_the_best_is_repeated_where_nothing_else_is_left_to_learn() -> None:
    rng = np.random.default_rng(2)
    space = parse_all({"core": "choice(a, b, c)", "n": "integer(1, 3)"})
    worth = {"a": 0.0, "b": 0.5, "c": 0.6}
    found, trials = search.make("cost", space, runs=40), []
    for number in range(40):
        asked = found.ask(trials)
        score = worth[str(asked.point["core"])] + 0.3 * rng.normal()
        tried_before = any(trial.point == asked.point for trial in trials)
        assert number < 8 or (asked.purpose == REPEAT) == tried_before
        trials.append(Trial(number, asked.point, score, 1.0, purpose=asked.purpose))
    cores = [trial.point["core"] for trial in trials if trial.purpose == REPEAT]
    assert len(cores) >= 20 and cores.count("a") < len(cores) / 4


def test_earlier_sweeps_are_learnt_from() -> None:
    earlier = tried(SPACE, 60, bump, seed=9)
    asked = search.make("cost", SPACE, runs=20, earlier=earlier).ask(tried(SPACE, 2, bump))
    assert bump(asked.point) > 1.1  # with two trials of its own it would still spread
    failed = tried(SPACE, 3, lambda p: None, status=FAILED)
    assert search.make("cost", SPACE, runs=20, earlier=earlier).ask(failed).point  # nothing of its own to recommend yet


def test_wrong_names_and_missing_extras_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="did you mean `cost`"):
        search.make("cots", SPACE)
    missing = (("sobol", "scipy.stats"), ("optuna-tpe", "optuna"), ("cost", "scipy.stats"), ("cost", "threadpoolctl"))
    for name, module in missing:
        with monkeypatch.context() as m:
            m.setitem(sys.modules, module, None)
            m.delitem(sys.modules, "shoal.sweep.optuna_search", raising=False)
            m.delattr("shoal.sweep.optuna_search", raising=False)
            with pytest.raises(ConfigError, match="is not installed") as caught:
                search.make(name, SPACE)
            assert "pip install 'shoal[" in str(caught.value) and "\n" in str(caught.value)


@pytest.mark.slow
def test_a_suggestion_takes_milliseconds_at_thousands_of_trials() -> None:
    import time

    space = parse_all({f"x{i}": "linear(0, 1)" for i in range(19)} | {search.STEPS: "log(1e5, 1e7)"})
    curve = tuple((i / 8, 10_000 * i, 0.1 * i) for i in range(1, 9))
    trials = tried(space, 2000, lambda p: float(p["x0"]) * float(p["x1"]), curve=curve, steps=80_000)
    found = search.make("cost", space, runs=4000)
    found.ask(trials)
    took = []
    for number in range(9):
        begin = time.process_time()
        point = found.ask(trials).point
        took.append(time.process_time() - begin)
        trials.append(Trial(2000 + number, point, 0.5, 1.0))
    assert np.median(took) < 0.1  # 0.036 s


def test_the_models_algebra_takes_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    from threadpoolctl import threadpool_info, threadpool_limits

    from shoal.sweep.belief import Belief

    seen: list[int] = []
    best = Belief.best

    def look(belief: Belief) -> object:
        seen.extend(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")
        return best(belief)

    monkeypatch.setattr(Belief, "best", look)
    found = search.make("cost", SPACE, runs=100)
    with threadpool_limits(2, "blas"):  # a machine of two cores, whatever this one is
        found.ask(tried(SPACE, 30, bump))
        found.recommend(tried(SPACE, 30, bump))
    assert len(seen) >= 2 and set(seen) == {1}
