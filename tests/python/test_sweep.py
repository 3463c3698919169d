# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Sweeps without training: what is declared, what is run next, what is recorded, said and shown."""

from __future__ import annotations

import dataclasses
import math
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from own_environments import copy

from shoal import command_sweep, config, flags, registry
from shoal.errors import ConfigError
from shoal.sweep import declaration, declare, metric, report, runner, view
from shoal.sweep import space as spaces
from shoal.sweep import store as sweeps
from shoal.sweep.declaration import Declaration
from shoal.sweep.local import Job
from shoal.sweep.metric import Metric
from shoal.sweep.store import Sweep
from shoal.sweep.trial import CONFIRM, DONE, FAILED, RUNNING, STOPPED, Trial


def declared(line: str = "", env: str = "cartpole", **ranges: str) -> Declaration:
    """Return what `shoal sweep ENV LINE` declares; `train__gamma="..."` is a range."""
    parsed = flags.parse("shoal sweep", "", line.split(), command_sweep.NEW, env)
    named = {name.replace("__", "."): text for name, text in ranges.items()}
    return declare.declaration(env, parsed, named, f"shoal sweep {env} {line}")


@pytest.fixture
def sweep(tmp_path: Path) -> Iterator[Sweep]:
    """One that may run 3 trials and confirms with 2."""
    with sweeps.create(tmp_path, "s", declared("--max-runs 3 --confirm 2 --search random --metric perf")) as found:
        found.join()
        yield found


def claim(sweep: Sweep) -> tuple[Trial | None, bool]:
    return runner.claim(sweep, runner.search.make("random", sweep.declaration.make_space(), first=[{}]))


def end(sweep: Sweep, trial: Trial, **changes: Any) -> None:
    values = {"status": DONE, "score": 0.5, "cost": 1.0, "ended": trial.started + 1.0} | changes
    sweep.record(dataclasses.replace(trial, **values))


# ---------------------------------------------------------------------------------------------------- declaring


def test_the_environment_declares_a_space_and_flags_change_it() -> None:
    found = declared(train__gamma="linear(0.9, 0.95)", train__momentum="linear(0.8, 0.99)")
    assert found.space["train.learning_rate"] == "log(1e-3, 0.05)"  # cartpole.toml's
    assert found.space["train.gamma"] == "linear(0.9, 0.95)"
    assert found.space["train.momentum"] == "linear(0.8, 0.99)"
    assert (found.metric, found.trial_seconds) == ("seconds-to-solved", 5.0)
    assert list(declared("--only train.momentum", train__momentum="linear(0.8, 0.99)").space) == ["train.momentum"]


def test_what_a_flag_fixes_is_not_varied_and_holds_for_every_trial() -> None:
    found = declared("--train.gamma 0.97 --steps 1M --vec.num-envs 64")
    assert not {"train.gamma", "vec.num_envs"} & set(found.space)
    trial = found.trial({"train.horizon": 16}, seed=9)
    assert (trial.train.gamma, trial.train.total_steps, trial.train.horizon, trial.seed) == (0.97, 1_000_000, 16, 9)
    assert trial.vec.threads == 1 and declared("--threads 2").trial({}, 0).vec.threads == 2


def test_an_environment_that_declares_nothing_has_the_default_space() -> None:
    found = declared(env="squared").make_space()
    assert [d.name for d in found.dimensions] == list(declaration.DEFAULT)
    assert found.dimensions == spaces.parse_all(declaration.DEFAULT).dimensions


def test_the_default_space_holds_what_the_settings_say() -> None:
    found = declared("--preset few-samples", env="squared")
    assert (found.first["train.learning_rate"], found.first["vec.num_envs"]) == (0.0003, 8)
    assert found.space["train.learning_rate"] == "log(3.75e-05, 0.1)" and found.space["vec.num_envs"] == "pow2(1, 4096)"


def test_the_search_begins_where_the_settings_are() -> None:
    first = declared().first
    assert first["train.learning_rate"] == 0.0113 and first["vec.num_envs"] == 64
    assert first["train.schedule_steps"] == 1_560_000 and isinstance(first["train.schedule_steps"], int)
    bold = declared(train__learning_rate="log(0.02, 0.1)")
    assert bold.first["train.learning_rate"] == 0.02  # the nearest bound


def test_parameters_of_the_environment_are_varied_too() -> None:
    found = declared("--only env.gravity", env__gravity="linear(5, 15)")
    assert found.trial({"env.gravity": 7.123456789}, 0).params["gravity"] == 7.12346


@pytest.mark.parametrize(
    ("line", "ranges", "problem"),
    [
        ("", {"train__gama": "linear(0, 1)"}, "unknown key `gama` (at train.gama)"),
        ("", {"trian__gamma": "linear(0, 1)"}, "unknown section `trian` (at sweep.trian)"),
        ("", {"train__gamma": "linear(0.5, 1.5)"}, "out of range: gamma=1.5; expected -1 to 1 (at train.gamma)"),
        ("", {"policy__core": "choice(mlp, lstn)"}, "core='lstn' is not a choice"),
        ("", {"env__gravity": "linear(-5, 5)"}, "out of range: gravity=-5"),
        ("", {"env__colour": "linear(0, 1)"}, "`cartpole` has no parameter `colour`"),
        ("--train.gamma 0.9", {"train__gamma": "linear(0, 1)"}, "--sweep.train.gamma varies what --train.gamma fixes"),
        ("--only train.momentum", {}, "not declared: --only train.momentum"),
        ("--metric speed", {}, "no metric is called `speed` (at sweep.metric)"),
        ("--search magic", {}, "no search is called `magic` (at sweep.search)"),
        ("--earlier nosuch", {}, "no such sweep: nosuch"),
    ],
)
def test_what_cannot_be_swept_is_told(line: str, ranges: dict[str, str], problem: str) -> None:
    with pytest.raises(Exception, match=re.escape(problem)):
        declared(line, **ranges)


def test_to_solved_needs_to_know_what_solved_means() -> None:
    with pytest.raises(ConfigError, match="`forever` does not say when it is solved"):
        declared("--metric seconds-to-solved", env="forever")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[sweep]\nmetrik = 'x'\n", "unknown key `metrik` (at sweep.metrik in squared.toml)"),
        ("[sweep.train]\ngamma = 0.9\n", "wrong type: gamma=0.9; expected such as 'log(1e-3, 0.1)'"),
        ("[sweep]\ntrial_seconds = 'long'\n", "wrong type: trial_seconds='long'"),
        ("[sweep.train]\ngamma = 'log(0, 1)'\n", "wrong bounds: train.gamma='log(0, 1)'; expected bounds above 0"),
    ],
)
def test_a_bad_section_of_the_environment_is_told(text: str, problem: str, tmp_path: Path, unoptimised: None) -> None:
    folder = copy("squared", tmp_path)
    file = folder / "squared.toml"
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(problem)):
        declared(env=str(folder))


def test_a_declaration_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = declared("--max-runs 7 --train.gamma 0.97 --name x --policy.core lstm", vec__stagger="choice(true, false)")
    found = dataclasses.replace(found, earlier=("/a b/ü", 'c"]\n[settings]'))
    found.write(tmp_path / "sweep.toml")
    again = declaration.read(tmp_path / "sweep.toml")
    assert again == found
    assert again.base() == found.base()


def test_flags_that_declare_ranges_are_taken_from_the_others() -> None:
    taken = command_sweep.take_ranges(["--sweep.train.gae-lambda", "linear(0, 1)", "--seed", "3", "--sweep.a.b=c(d)"])
    assert taken == ({"train.gae_lambda": "linear(0, 1)", "a.b": "c(d)"}, ["--seed", "3"])


# ---------------------------------------------------------------------------------------------------- trials


@pytest.mark.parametrize("horizon", [16, 24, 100])
@pytest.mark.parametrize("minibatch", [100, 1000, 4096, 1_000_000])
@pytest.mark.parametrize("segment", [None, 7, 32])
def test_sizes_that_do_not_divide_are_made_to_fit(horizon: int, minibatch: int, segment: int | None) -> None:
    base = config.load("cartpole", overrides={"train": {"minibatch": minibatch, "shard": 5000}})
    base = dataclasses.replace(base, train=dataclasses.replace(base.train, horizon=horizon, segment=segment))
    found = config.resolve(declaration.fitted(base), base.spec()).train
    assert found.segment and found.minibatch and found.shard
    assert horizon % found.segment == 0 and 256 * horizon % found.minibatch == 0
    assert found.segment == horizon or found.segment <= (segment or horizon)
    assert (found.minibatch <= max(minibatch, found.segment) and found.shard <= 5000) or found.shard == found.segment


def test_a_solution_beats_every_failure_and_more_perf_beats_less() -> None:
    seconds = Metric(metric.SECONDS, limit=10.0)
    scores = [seconds.score({"perf": 1.0}, 3.0, 1, solved=True), seconds.score({"perf": 1.0}, 9.9, 1, solved=True)]
    scores += [seconds.score({"perf": perf}, 2.0, 1, solved=False) for perf in (0.97, 0.5, 0.0, math.nan)]
    assert scores == sorted(scores, reverse=True)
    assert scores[:3] == [-3.0, -9.9, pytest.approx(-10.3)] and scores[-1] == -20.0
    assert seconds.words(scores[0]) == "3 s" and seconds.shown(scores[0]) == 3.0
    assert Metric(metric.STEPS, 5e6).score({}, 1.0, 2_000_000, solved=True) == -2e6
    assert Metric("score").score({"score": 7.0}, 1.0, 1, solved=True) == 7.0


def test_metrics_are_named_as_evaluations_name_them() -> None:
    env = registry.get("cartpole")
    assert metric.make("eval.episode_length", env, None, 1.0, 1) == Metric("episode_length")
    assert metric.make("steps_to_solved", env, 475.0, 1.0, 100) == Metric("steps-to-solved", 100.0)


# ---------------------------------------------------------------------------------------------------- what is next


def test_trials_are_claimed_once_then_confirmed_with_fresh_seeds_then_over(sweep: Sweep) -> None:
    begun = []
    for number in (1, 2, 3):
        trial, over = claim(sweep)
        assert trial and not over
        assert (trial.number, trial.status, trial.worker, trial.run) == (
            number,
            RUNNING,
            sweep.worker,
            f"s/000{number}",
        )
        begun.append(trial)
    assert claim(sweep) == (None, False)  # others still run
    for trial, score in zip(begun, (0.2, 0.9, 0.4), strict=True):
        end(sweep, trial, score=score)
    confirming = [claim(sweep)[0] for _ in range(2)]
    assert all(trial and trial.purpose == CONFIRM and trial.point == begun[1].point for trial in confirming)
    assert len({trial.seed for trial in [*begun, *confirming] if trial}) == 5
    assert claim(sweep) == (None, False)
    for trial in confirming:
        assert trial
        end(sweep, trial)
    assert claim(sweep) == (None, True)


def test_a_trial_of_a_dead_worker_is_run_again_first(sweep: Sweep) -> None:
    first, _ = claim(sweep)
    second, _ = claim(sweep)
    assert first and second
    sweep.record(dataclasses.replace(first, worker="elsewhere-1-2", curve=((1.0, 2, 0.3),), score=0.3))
    again, _ = claim(sweep)
    assert again and (again.number, again.point, again.seed) == (1, first.point, first.seed)
    assert (again.worker, again.curve, again.score) == (sweep.worker, (), None)


def test_a_trial_of_a_living_worker_is_left_alone(sweep: Sweep) -> None:
    with Sweep(sweep.path) as other:
        other.join()
        theirs, _ = claim(other)
        mine, _ = claim(sweep)
        assert theirs and mine and (theirs.number, mine.number) == (1, 2)
        with sweep.alone():
            assert sweep.living() == {sweep.worker, other.worker}
    with sweep.alone():
        assert sweep.living() == {sweep.worker}


def test_two_processes_decide_one_after_the_other(sweep: Sweep) -> None:
    claimed: list[int] = []

    def other() -> None:
        with Sweep(sweep.path) as found:
            found.worker = "other"
            trial, _ = claim(found)
            claimed.append(trial.number if trial else 0)

    waits = threading.Thread(target=other)
    with sweep.alone():
        waits.start()
        waits.join(0.3)
        assert not claimed
    waits.join(10)
    assert claimed == [1]


def test_a_larger_budget_goes_on_with_the_search_and_confirms_what_it_recommends_then(sweep: Sweep) -> None:
    for score in (0.2, 0.9, 0.4, 0.5, 0.5):
        trial, _ = claim(sweep)
        assert trial
        end(sweep, trial, score=score)
    assert claim(sweep) == (None, True)
    sweep.declaration = dataclasses.replace(sweep.declaration, max_runs=4)
    trial, _ = claim(sweep)
    assert trial and trial.purpose == "search"
    end(sweep, trial, score=1.0)
    confirming, _ = claim(sweep)
    assert confirming and confirming.purpose == CONFIRM and confirming.point == trial.point


def test_time_is_counted_while_trials_run_or_are_thought_of() -> None:
    trials = [
        Trial(1, {}, started=100.0, ended=110.0, thought=1.0),
        Trial(2, {}, started=105.0, ended=112.0),  # at the same time
        Trial(3, {}, started=500.0, ended=503.0),  # after a pause
        Trial(4, {}, started=600.0, ended=700.0, purpose=CONFIRM),
        Trial(5, {}, status=RUNNING),  # waits
    ]
    assert runner.spent(trials) == 13.0 + 3.0


class Scripted:
    """Workers that answer at once, as a script says."""

    places, about = 1, "1 worker"

    def __init__(self, *answers: dict[str, Any]) -> None:
        self._answers, self._now, self.jobs, self.stopped = list(answers), [], [], 0  # type: ignore[var-annotated]

    def start(self, place: int, job: Job) -> None:
        self.jobs.append(job)
        self._now = [self._answers.pop(0)] if self._answers else []
        while self._answers and self._now[-1]["kind"] != "end":
            self._now.append(self._answers.pop(0))

    def stop(self, place: int) -> None:
        self.stopped += 1

    def poll(self, seconds: float) -> list[tuple[int, dict[str, Any]]]:
        if not self._now:
            raise KeyboardInterrupt
        return [(0, self._now.pop(0))]

    def close(self) -> None:
        pass


DONE_ANSWER = {"kind": "end", "status": "done", "reason": "", "score": 0.5, "cost": 1.0, "steps": 10}
POINT_ANSWER = {"kind": "point", "seconds": 0.5, "steps": 5, "score": 0.25}


def test_what_workers_answer_is_recorded(sweep: Sweep) -> None:
    failed = {"kind": "end", "status": "failed", "reason": "it diverged"}
    running = runner.Runner(sweep, Scripted(POINT_ANSWER, DONE_ANSWER, failed))
    assert running.run(lambda *_: None)  # ends as by Ctrl-C
    one, two, three = sweep.trials()
    assert (one.status, one.score, one.steps, one.curve) == (DONE, 0.5, 10, ((0.5, 5, 0.25),))
    assert (two.status, two.score, two.reason) == (FAILED, None, "it diverged")
    assert (three.status, three.worker, three.reason) == (RUNNING, "", "interrupted")
    assert running.workers.jobs[0].max_seconds == 5.0  # type: ignore[attr-defined]


def test_a_trial_that_is_hopeless_is_stopped_and_counts(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner.stopping, "should_stop", lambda curve, trials: curve[-1][2] < 0.3)
    workers = Scripted(POINT_ANSWER, POINT_ANSWER, DONE_ANSWER | {"status": "stopped"})
    runner.Runner(sweep, workers).run(lambda *_: None)
    stopped = sweep.trials()[0]
    assert (workers.stopped, stopped.status, stopped.reason, stopped.score) == (1, STOPPED, "stopped early", 0.5)


def test_a_trial_that_takes_longer_than_the_best_is_stopped_and_counts_as_a_little_slower(sweep: Sweep) -> None:
    sweep.declaration = dataclasses.replace(sweep.declaration, max_runs=100)
    solved = [Trial(i, sweep.declaration.first, -0.1 - 0.01 * i, 0.1, ended=float(i)) for i in range(1, 17)]
    sweep.record(*solved)
    slow = POINT_ANSWER | {"score": -6.0}  # of a limit of 5 s, at perf 0.8
    workers = Scripted(slow, slow, DONE_ANSWER | {"status": "stopped", "score": -6.0})
    running = runner.Runner(sweep, workers)
    running.metric = Metric(metric.SECONDS, 5.0)
    running.run(lambda *_: None)
    stopped = sweep.trials()[16]
    assert (workers.stopped, stopped.status, stopped.reason) == (1, STOPPED, runner.LATE)
    assert stopped.score == pytest.approx(-(1 + 4 * 0.2))


def test_a_sweep_whose_time_is_over_stops_its_trials(sweep: Sweep) -> None:
    sweep.declaration = dataclasses.replace(sweep.declaration, max_seconds=1e-9, max_runs=0, confirm=0)
    sweep.record(Trial(1, sweep.declaration.first, status=RUNNING))  # left by somebody
    workers = Scripted(POINT_ANSWER, DONE_ANSWER | {"status": "stopped"})
    assert not runner.Runner(sweep, workers).run(lambda *_: None)
    (only,) = sweep.trials()
    assert (workers.stopped, only.status, only.reason) == (1, STOPPED, "the sweep's time was over")


@pytest.mark.parametrize(("score", "counts"), [(-8.0, None), (-0.4, -0.4)])
def test_what_the_end_of_a_sweep_cut_off_is_not_taken_for_unsolved(
    sweep: Sweep, score: float, counts: float | None
) -> None:
    sweep.declaration = dataclasses.replace(sweep.declaration, max_seconds=1e-9, max_runs=0, confirm=0)
    sweep.record(Trial(1, sweep.declaration.first, status=RUNNING))  # left by somebody
    running = runner.Runner(sweep, Scripted(POINT_ANSWER, DONE_ANSWER | {"status": "stopped", "score": score}))
    running.metric = Metric(metric.SECONDS, 5.0)
    assert not running.run(lambda *_: None)
    (only,) = sweep.trials()
    assert (only.status, only.reason, only.score) == (STOPPED, runner.TIME, counts)


def test_machines_that_are_lost_again_and_again_end_the_sweep(sweep: Sweep) -> None:
    lost = {"kind": "end", "status": "lost", "reason": "no such module"}
    running = runner.Runner(sweep, Scripted(*[lost] * 50))
    assert not running.run(lambda *_: None)
    assert running.problem == "no such module" and len(running.workers.jobs) == runner.LOSSES  # type: ignore[attr-defined]


# ---------------------------------------------------------------------------------------------------- the report


def test_the_interval_over_seeds_is_students() -> None:
    found = report.confirmed([Trial(n, {}, score=float(n), purpose=CONFIRM) for n in range(1, 11)])
    assert found and found.mean == 5.5
    half = 2.2622 * 3.02765 / math.sqrt(10)  # t of 9 degrees, deviation of 1 .. 10
    assert found.high - found.mean == pytest.approx(half, rel=2e-3)
    assert report.confirmed([Trial(1, {}, score=None, status=FAILED)]) is None


def test_what_is_saved_is_what_was_confirmed(sweep: Sweep, tmp_path: Path) -> None:
    trial, _ = claim(sweep)
    assert trial
    end(sweep, trial)
    found = report.of(sweep, runner.search.make("random", sweep.declaration.make_space()), Metric("perf"))
    report.save(found, sweep, tmp_path / "best.toml")
    loaded = config.load("cartpole", file=tmp_path / "best.toml")
    expected = sweep.declaration.trial(trial.point, 0)
    assert dataclasses.replace(loaded, vec=expected.vec) == dataclasses.replace(expected)
    assert report.summary(found, sweep, interrupted=False)["recommended"] == trial.point


# ---------------------------------------------------------------------------------------------------- the view


def seen(count: int, name: str = "perf", **changes: Any) -> view.View:
    point = {"train.learning_rate": 0.0123456, "train.gamma": 0.99, "policy.core": "mingru", "vec.num_envs": 256}
    trials = [
        Trial(n, point, score=n / 100, cost=1.0 + n, ended=float(n), status=FAILED if n % 9 == 5 else DONE)
        for n in range(1, count + 1)
    ]
    trials = [
        dataclasses.replace(t, score=None, reason="crashed: SIGSEGV") if t.status == FAILED else t for t in trials
    ]
    curve = tuple((float(at), at, at / 9) for at in range(9))
    running = tuple(Trial(count + n, point, status=RUNNING, worker="w", curve=curve, score=0.5) for n in (1, 2))
    best = next((t for t in reversed(trials) if t.score), None)
    asked = runner.search.Recommendation(point, 0.93, 0.9, 0.96, 3) if best else None
    found = report.Report(Metric(name, 9.0), asked, None, best, {"done": count}, 75.0)
    values = {"name": "sweep-breakout-20261121-101500-calm-pike", "env": "/x/breakout", "search": "cost", "seed": 0}
    values |= {"places": 2, "max_runs": 200, "max_seconds": 0.0, "spent": 75.0, "metric": found.metric, "found": found}
    return view.View(**(values | {"trials": (*trials, *running), "running": running} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [0, 1, 50])
@pytest.mark.parametrize("columns", [60, 80, 120, 200])
@pytest.mark.parametrize("rows", [15, 24, 40, 60])
def test_the_view_fits_every_terminal(count: int, columns: int, rows: int) -> None:
    for name in ("perf", metric.SECONDS):
        lines = ["".join(text for text, _ in line) for line in view.frame(seen(count, name), columns, rows)]
        assert len(lines) <= rows and max(map(len, lines)) < columns


def test_the_view_says_what_matters() -> None:
    text = "\n".join("".join(part for part, _ in line) for line in view.frame(seen(50), 100, 40))
    for words in (
        "breakout",
        "50 of 200 trials",
        "best so far  0.49",
        "0.93 (0.9 to 0.96) expected",
        "Running  2 of 2",
    ):
        assert words in text
    assert "last failure 50 crashed: SIGSEGV" in text and "●" in text and "train.learning_rate=0.01235" in text
