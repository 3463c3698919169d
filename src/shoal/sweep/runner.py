# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Running a sweep: what is to be run next, by whom, and what became of it.

    while trials remain: ask the search, give the trial to a free worker, record what it answers

Nothing is remembered that the trials do not hold, so that any number of processes may do this at once, and any of them
may die: `claim` decides under a lock, from the table alone.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shoal import registry
from shoal.errors import CheckpointError, ConfigError, ShoalError
from shoal.sweep import declaration, search, stopping
from shoal.sweep.declaration import Declaration
from shoal.sweep.local import Answer, Job, Workers
from shoal.sweep.metric import Metric
from shoal.sweep.space import Point
from shoal.sweep.store import Sweep, clear
from shoal.sweep.trial import CONFIRM, FAILED, RUNNING, STOPPED, Trial
from shoal.sweep.worker import END, HOST, LOST, POINT

POLL_SECONDS = 0.2
RECORD_SECONDS = 1.0  # between records of a running trial's curve
LOSSES = 5  # in a row for each place end the sweep: no machine can run its trials
HOPELESS = 10  # trials at the beginning that all fail end the sweep

INTERRUPTED, EARLY, TIME = "interrupted", "stopped early", "the sweep's time was over"
LATE = "stopped, as it took longer than the best"


@dataclass
class Running:
    """A trial in a place of ours."""

    trial: Trial
    recorded: float = 0.0
    told: str = ""  # why it was told to end


class Runner:
    """Runs trials of one sweep in the places of some workers.

    Attributes:
        sweep, workers: of both. running: place -> trial. problem: why the sweep cannot go on, else empty.
    """

    def __init__(self, sweep: Sweep, workers: Workers) -> None:
        """Join the sweep."""
        declared = sweep.declaration
        self.sweep, self.workers = sweep, workers
        self.metric = declared.make_metric()
        self.search = search.make(
            declared.search,
            declared.make_space(),
            seed=declared.seed,
            first=[declared.first],
            runs=declared.max_runs,
            seconds=declared.max_seconds * workers.places,
            earlier=earlier(declared, self.metric),
        )
        self.running: dict[int, Running] = {}
        self.problem = ""
        self._losses = 0  # trials in a row whose machine was lost
        self._unrecorded: list[Trial] = []

    def run(self, show: Callable[[Runner, Trial | None], object]) -> bool:
        """Run until the budget is spent and the recommendation confirmed; return whether Ctrl-C ended it early.

        Args:
            show: called a few times a second, with a trial when one has ended.
        """
        try:
            while True:
                over = self._fill()
                if (over or self.problem) and not self.running:
                    return False
                for place, answer in self.workers.poll(POLL_SECONDS):
                    ended = self._take(place, answer)
                    if ended:
                        show(self, ended)
                if self._out_of_time():
                    self._stop_all()
                show(self, None)
        except KeyboardInterrupt:
            return True
        finally:
            self._leave()

    # ------------------------------------------------------------------------------------------------ beginning

    def _fill(self) -> bool:
        """Give trials to free places; return whether nothing is left to be run, by anyone."""
        for place in range(self.workers.places):
            if place in self.running or self.problem:
                continue
            try:
                trial, over = claim(self.sweep, self.search)
            except CheckpointError as error:
                self.problem = str(error)
                break
            if trial is None:
                return over
            self._begin(place, trial)
        return False

    def _begin(self, place: int, trial: Trial) -> None:
        declared = self.sweep.declaration
        self.running[place] = Running(trial)
        folder = self.sweep.folder(trial.number)
        clear(folder)
        try:
            settings = declared.trial(trial.point, trial.seed)
            text = settings.to_toml(settings.spec().version)
        except ShoalError as error:
            self._take(place, {"kind": END, "status": FAILED, "reason": str(error).partition("\n")[0]})
            return
        job = Job(
            number=trial.number,
            env=declared.env,
            settings=text,
            run=str(folder.path.absolute()),
            metric=vars(self.metric),
            max_seconds=declared.trial_seconds,
            hang_seconds=declared.hang_seconds,
            memory=declared.trial_memory,
            until_solved=declared.until_solved or self.metric.to_solved,
            command=declared.command,
        )
        self.workers.start(place, job)

    # ------------------------------------------------------------------------------------------------ going on

    def _take(self, place: int, answer: Answer) -> Trial | None:
        """Note what a worker answered; return the trial if it has ended."""
        found = self.running.get(place)
        if found is None:
            return None
        if answer["kind"] == POINT:
            point = (answer["seconds"], answer["steps"], answer["score"])
            changes = {"cost": point[0], "steps": point[1], "score": point[2]}
            found.trial = dataclasses.replace(found.trial, curve=(*found.trial.curve, point), **changes)
            if found.trial.purpose != CONFIRM and not found.told and (told := self._is_hopeless(found.trial)):
                found.told = told
                self.workers.stop(place)
            elif time.monotonic() - found.recorded >= RECORD_SECONDS:
                found.recorded = time.monotonic()
                self._record(found.trial)
        if answer["kind"] != END:
            return None
        del self.running[place]
        trial = self._ended(found, answer)
        self._record(trial)
        return trial

    def _ended(self, found: Running, answer: Answer) -> Trial:
        trial, status, reason = found.trial, answer["status"], answer["reason"]
        self._losses = self._losses + 1 if status == LOST else 0
        if status == HOST or self._losses >= LOSSES * self.workers.places:
            self.problem = self.problem or reason
        if status in (HOST, LOST):
            return put_back(trial, reason)
        changes = {key: answer[key] for key in ("cost", "steps") if key in answer}
        if "cost" not in changes:  # it could not say
            changes["cost"] = round(time.time() - trial.started, 3)
        reason = found.told if status == STOPPED else reason
        score = None if status == FAILED else answer["score"]
        if score is not None and self.metric.to_solved and score < -self.metric.limit:  # not solved
            if reason == LATE:
                score = self.metric.censored(score, self.metric.taken(changes["cost"], answer["steps"]))
            if reason == TIME:
                score = None  # it may have been about to solve its task, and says nothing of its setting
        ended = dataclasses.replace(trial, status=status, reason=reason, score=score, ended=time.time(), **changes)
        if status == FAILED:
            self._give_up(ended)
        return ended

    def _give_up(self, failed: Trial) -> None:
        """See whether nothing works: then another thousand trials would not either."""
        trials = [trial for trial in self.sweep.trials() if trial.status != RUNNING]
        if len(trials) + 1 >= HOPELESS and all(trial.status == FAILED for trial in trials):
            self.problem = f"all of the first {len(trials) + 1} trials failed, the last one: {failed.reason}"

    def _is_hopeless(self, trial: Trial) -> str:
        """Return why a running trial is not worth going on with, empty if it may be."""
        trials = self.sweep.trials()
        if stopping.should_stop(trial.curve, trials):
            return EARLY
        return LATE if stopping.is_late(trial, trials, self.metric) else ""

    def _out_of_time(self) -> bool:
        declared = self.sweep.declaration
        return bool(declared.max_seconds) and spent(self.sweep.trials()) >= declared.max_seconds

    def _stop_all(self) -> None:
        for place, found in self.running.items():
            if found.trial.purpose != CONFIRM and not found.told:
                found.told = TIME
                self.workers.stop(place)

    def _record(self, *trials: Trial) -> None:
        """Write trials; what cannot be written is kept, and the sweep ends in order."""
        try:
            self.sweep.record(*self._unrecorded, *trials)
            self._unrecorded = []
        except CheckpointError as error:
            self.problem = self.problem or str(error)
            kept = {trial.number: trial for trial in (*self._unrecorded, *trials)}
            self._unrecorded = [trial for trial in kept.values() if trial.status != RUNNING]

    def _leave(self) -> None:
        """End the workers, and leave to others what they were at."""
        self.workers.close()
        left = [put_back(found.trial, INTERRUPTED) for found in self.running.values()]
        self.running = {}
        if left or self._unrecorded:
            self._record(*left)


def earlier(declared: Declaration, metric: Metric) -> list[Trial]:
    """Return the trials of earlier sweeps of the same environment and metric that have all settings of this one."""
    found = []
    always = [d.name for d in declared.make_space().dimensions if d.condition is None]
    for path in declared.earlier:
        with Sweep(Path(path)) as other:
            if other.declaration.env == declared.env and other.declaration.make_metric() == metric:
                found += [trial for trial in other.trials() if all(name in trial.point for name in always)]
    return [trial for trial in found if trial.status != RUNNING]


def put_back(trial: Trial, reason: str) -> Trial:
    """Return a trial as one that waits to be run again."""
    changes = {"curve": (), "score": None, "cost": 0.0, "steps": 0}
    return dataclasses.replace(trial, status=RUNNING, worker="", reason=reason, **changes)  # type: ignore[arg-type]


def claim(sweep: Sweep, searching: search.Random) -> tuple[Trial | None, bool]:
    """Return the next trial for this process, or None and whether nothing is left to be run, by anyone.

    First what was left behind, then what the search asks for, at the end fresh seeds of what it recommends.
    """
    declared = sweep.declaration
    with sweep.alone():
        trials, living = sweep.trials(), sweep.living()
        left = [trial for trial in trials if trial.status == RUNNING and trial.worker not in living]
        searched = [trial for trial in trials if trial.purpose != CONFIRM]
        added: list[Trial] = []
        number = max((trial.number for trial in trials), default=0) + 1
        if not left and has_budget(sweep, trials):
            before = time.perf_counter()
            asked = searching.ask(trials)
            thought = time.perf_counter() - before
            added = [_new(sweep, number, asked.point, asked.purpose, thought)]
        elif not left and not any(trial.status == RUNNING for trial in searched):
            found = recommend(sweep, searching, searched)
            if found is not None:
                missing = declared.confirm - sum(t.purpose == CONFIRM and t.point == found.point for t in trials)
                added = [_new(sweep, number + i, found.point, CONFIRM, 0.0) for i in range(missing)]
        todo = left or added
        if not todo:
            return None, not any(trial.status == RUNNING for trial in trials)
        mine = dataclasses.replace(put_back(todo[0], ""), worker=sweep.worker, started=time.time())
        sweep.record(mine, *added[1:])
        return mine, False


def recommend(sweep: Sweep, searching: search.Random, searched: Sequence[Trial]) -> search.Recommendation | None:
    """Return what the search recommends, as it would be trained; trials that confirm are not for it to see."""
    found = searching.recommend(searched) if any(trial.status != RUNNING for trial in searched) else None
    if found is None:
        return None
    return dataclasses.replace(found, point=declaration.exact(registry.get(sweep.declaration.env), found.point))


def has_budget(sweep: Sweep, trials: Sequence[Trial]) -> bool:
    """Return whether the search may try something new."""
    declared = sweep.declaration
    runs = sum(trial.purpose != CONFIRM for trial in trials)
    if declared.max_runs and runs >= declared.max_runs:
        return False
    return not declared.max_seconds or spent(trials) < declared.max_seconds


def spent(trials: Sequence[Trial]) -> float:
    """Return the seconds during which at least one trial was searched for or run, those of confirmation apart.

    Pauses between a sweep and its resumption do not count, and what several workers do at once counts once.
    """
    now, total, end = time.time(), 0.0, 0.0
    spans = [
        (trial.started - trial.thought, trial.ended or now)
        for trial in trials
        if trial.purpose != CONFIRM and (trial.worker or trial.status != RUNNING)
    ]
    for first, last in sorted(spans):
        total += max(last - max(first, end), 0.0)
        end = max(end, last)
    return total


def _new(sweep: Sweep, number: int, point: Point, purpose: str, thought: float) -> Trial:
    return Trial(
        number,
        declaration.exact(registry.get(sweep.declaration.env), point),
        status=RUNNING,
        purpose=purpose,
        seed=(sweep.declaration.seed + number) % (1 << 32),
        run=f"{sweep.name}/{sweep.folder(number).name}",
        thought=thought,
    )


def resumable(sweep: Sweep) -> None:
    """Raise if another process works on the sweep.

    Raises:
        ConfigError: if so.
    """
    with sweep.alone():
        if sweep.living() - {sweep.worker}:
            raise ConfigError(f"another process runs this sweep: {sweep.name}", f"`--join {sweep.name}` works with it")
