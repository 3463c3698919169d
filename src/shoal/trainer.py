# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The training loop: roll out, update, log, and now and then check whether the task is solved.

    result = shoal.Trainer("cartpole", seed=1, train={"total_steps": 2_000_000}).train()

A whole rollout and a whole update are one native call each. What changes training depends on counts of steps only;
evaluations and checkpoints look at the weights and leave them alone, and the wall clock can only end a run. It also
decides when a resume image is written, which changes nothing: a run that is killed and resumed ends with the same bits.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from shoal import checkpoint, config, learner, memory, native, store, tables
from shoal.broadcast import Contents
from shoal.config import Config
from shoal.errors import CheckpointError, ConfigError, EnvError, NativeError
from shoal.evaluate import Evaluation, Stopped, check_seed, evaluate
from shoal.image import FRESH_HINT, Generations, Image, Progress
from shoal.journal import Journal
from shoal.result import Log, Result, flatten
from shoal.saving import BEGAN_WITH, IMAGE_SECONDS, Saver
from shoal.stats import Stats, stats_of
from shoal.vec_config import bytes_needed
from shoal.worker import Worker

if TYPE_CHECKING:  # imported when something tracks the run
    from shoal.track.tracking import Tracking

Callback = Callable[[Log], object]

CHECKS = 100  # of the training average, evenly over schedule_steps, and as often afterwards
CHECK_LIVES = 32  # a check waits until that many lives have ended since the last one
CHECKPOINTS = 10  # evenly over schedule_steps, as often afterwards, and one at the end

_SOLVED, _TRAINED = "it was solved", "it was trained for all of its steps"


class Trainer:
    """Trains one policy on one environment.

    Attributes:
        config: the settings as resolved. spec: the environment's. vec, policy: what is trained on, and trained.
        notes: what a user should know about how the run was resumed or begun.
        tracking: what follows the run while it is trained, or None. tell: shows the user a line of it, from any thread.
    """

    def __init__(
        self,
        env: str | Config,
        *,
        seed: int | None = None,
        preset: str = "",
        untuned: bool = False,
        file: str | Path | None = None,
        runs_dir: str | Path | None = "runs",
        max_seconds: float = 0.0,
        until_solved: bool = False,
        init_from: str | Path | None = None,
        image_seconds: float = IMAGE_SECONDS,
        warm: bool = False,
        params: Mapping[str, object] | None = None,
        vec: Mapping[str, object] | None = None,
        policy: Mapping[str, object] | None = None,
        train: Mapping[str, object] | None = None,
        selfplay: Mapping[str, object] | None = None,
        track: str | Mapping[str, object] | None = None,
        started: float | None = None,
        fault: int = 0,
    ) -> None:
        """Allocate everything a run needs.

        Args:
            env: an environment's name or folder, or settings from `shoal.config.load`, which then stand as they are.
            seed: of the run, 0 .. 2**32 - 1.
            preset: a set of defaults, such as few-samples.
            untuned: leave out the environment's own settings but for its budget.
            file: a TOML file of settings.
            runs_dir: where the run's folder is made; None makes none.
            max_seconds: end training after so long; 0 = never.
            until_solved: end when an evaluation confirms that the task is solved.
            init_from: weights to start from, with what normalises their inputs and rewards: a file, or a run.
            image_seconds: between resume images, or more if writing takes long; 0: after every iteration.
            warm: weights and statistics are loaded before training, so the first rollout is learnt from.
            params: of the environment.
            vec: settings of the section [vec].
            policy: settings of the section [policy].
            train: settings of the section [train].
            selfplay: settings of the section [selfplay].
            track: settings of the section [track], or the names of trackers. Without a run's folder nothing is tracked.
            started: `time.perf_counter()` when the clock began to run; None: when `train` is called.
            fault: number of a fault to plant, in a native library built for tests.

        Raises:
            ConfigError: for bad settings, or more copies than fit into memory.
            CheckpointError: if there is nothing to start from, or it does not fit.
        """
        if isinstance(env, str):
            track = {"to": track} if isinstance(track, str) else track
            sections = {"env": params, "vec": vec, "policy": policy, "train": train, "selfplay": selfplay}
            sections["track"] = track
            overrides = {name: values for name, values in sections.items() if values}
            path = Path(file) if file else None
            env = config.load(env, overrides=overrides, file=path, preset=preset, untuned=untuned, seed=seed)
        check_seed(env.seed)
        if env.track.to:
            from shoal.track import check

            check(env.track)
        self.spec = env.spec()
        if env.vec.num_envs is not None:  # before anything divides: the first thing wrong is that they do not fit
            memory.check_fits(env.vec.num_envs, lambda n: learner.bytes_at_least(self.spec, env, n), " to train")
        self.config = config.resolve(env, self.spec)
        for name, seconds in (("max_seconds", max_seconds), ("image_seconds", image_seconds)):
            if not 0 <= seconds < float("inf"):
                raise ConfigError(f"out of range: {name}={seconds:g}; expected at least 0")
        if until_solved and self.config.solved.threshold is None:
            raise ConfigError(
                f"`{env.env}` does not say when it is solved (at solved.threshold in {env.env}.toml)",
                "leave out `--until-solved`, in Python until_solved",
            )
        self.max_seconds = max_seconds
        self._started = started
        self._worker = Worker()
        warm = warm or init_from is not None
        self._learner = learner.create(self.spec, self.config, warm=warm, fault=fault, stop=self._worker.stop)
        self.vec, self.policy = self._learner.vec, self._learner.policy
        self._progress = Progress(
            window=stats_of(self.spec.env),
            check_at=self._every(CHECKS),
            save_at=self._every(CHECKPOINTS),
            until_solved=until_solved,
            warm=warm,
        )
        self._image = Image(self._learner, self._progress)
        self._saver = Saver(self.spec, self.config, self._learner, self._image, image_seconds)
        self.tracking: Tracking | None = None
        self.tell: Callable[[str], object] = _tell
        self.notes: tuple[str, ...] = ()
        about = ""
        if init_from is not None:
            path = store.find(Path(runs_dir or store.RUNS), str(init_from))
            self.notes += (self._saver.start_from(path),)
            self._image.take(self._progress)
            about = f"{BEGAN_WITH}{path}\n"
        if runs_dir is not None and self._learner.leads:
            run = store.create(Path(runs_dir), self.config.env, about + self.config.to_toml(self.spec.version))
            self.adopt(run, Generations(run) if self._learner.whole else None)

    @property
    def run(self) -> store.Run | None:
        """The run's folder, or None."""
        return self._saver.run

    @property
    def leads(self) -> bool:
        """This process logs and saves: false on all but one of several ranks."""
        return self._learner.leads

    @property
    def resumable(self) -> bool:
        """The run can be resumed to the same bits."""
        return self._learner.whole

    @property
    def steps(self) -> int:
        """Agent steps trained."""
        return self._progress.steps

    @property
    def updates(self) -> int:
        """Minibatches learnt from."""
        return self._progress.updates

    @property
    def until_solved(self) -> bool:
        """Does a confirmed evaluation end training."""
        return self._progress.until_solved

    def train(self, callback: Callback | None = None) -> Result:
        """Train until total_steps, max_seconds or, with `until_solved`, a confirmed evaluation; then evaluate.

        Args:
            callback: called after every update with its log; returning True ends training.

        Ctrl-C ends training too: the iteration is abandoned, the state before it is saved, and nothing is evaluated.
        Another call goes on, as `shoal.resume` would.

        Raises:
            NativeError: if a loss or gradient is not finite; the last good checkpoint stays.
            CheckpointError: if something cannot be written, or another process trains this run; what is there stays.
        """
        if self.run is None:
            return self._train(callback, None)
        run, size = self.run, self._progress.metrics_bytes
        with run.lock(), self._tracked(run), store.Stream(run.metrics, size) as stream, Journal(run) as journal:
            self._saver.begin()
            try:
                result = self._train(callback, stream)
                journal.end(result)
                if self.tracking:
                    self.tracking.end(result)
                return result
            except (NativeError, CheckpointError, EnvError) as error:
                raise self._saver.with_way_back(error) from error

    def _train(self, callback: Callback | None, stream: store.Stream | None) -> Result:
        began = time.perf_counter()
        started = (began if self._started is None else self._started) - self._progress.seconds
        self._started = None
        evaluation, interrupted, solved = None, False, False
        try:
            if self._progress.warm and not self.steps:  # only an image holds what the run began with
                self._take_image("")
                self._saver.write_image(stream)
            while self.steps < self.config.train.total_steps:
                # COLLECT, ADVANTAGE, UPDATE
                before = time.perf_counter()
                native_log, stats = self._iterate()
                elapsed = time.perf_counter() - before
                progress, done = self._progress, int(native_log.steps) - self.steps
                progress.training_seconds += elapsed
                progress.steps, progress.updates = int(native_log.steps), int(native_log.updates)
                progress.first_ratio_error = max(progress.first_ratio_error, native_log.first_ratio_error)

                # LOG
                progress.seconds = time.perf_counter() - started
                log = flatten(native_log, stats) | {"seconds": progress.seconds, "perf/sps": done / elapsed}
                log |= self._learner.report()
                news = {"broadcast": progress.news} if progress.news else {}
                progress.news = {}
                if stream:
                    progress.metrics_bytes = stream.write(log | news)
                if self.tracking:
                    self.tracking.log(log)
                if self.run and self.steps >= progress.save_at:
                    progress.save_at = self.steps + self._every(CHECKPOINTS)
                    self._save()
                enough = callback is not None and callback(log) is True

                # SOLVED?
                progress.window = progress.window + stats
                if progress.until_solved and self.steps >= progress.check_at and progress.window.lives >= CHECK_LIVES:
                    progress.check_at = self.steps + self._every(CHECKS)
                    if self._is_candidate(progress.window):
                        evaluation = self.evaluate()
                        solved = evaluation.solved
                        if solved:
                            break
                    progress.window = stats_of(self.spec.env)
                if time.perf_counter() >= self._saver.due:
                    self._saver.write_image(stream)
                enough = enough or bool(self.max_seconds and time.perf_counter() - began >= self.max_seconds)
                if self._learner.agree(enough):
                    break
            # Before the last evaluation: a run that the clock ended is resumed as if there had been none.
            self._take_image(_SOLVED if solved else "")
            if evaluation is None or not solved:
                evaluation = self.evaluate()
            self._progress.seconds = time.perf_counter() - started
            if self.steps >= self.config.train.total_steps:
                self._take_image(_TRAINED)
        except KeyboardInterrupt:
            self._progress = self._image.restore()
            evaluation, interrupted = None, True
        except EnvError:  # the environments are gone: what is kept is the state before
            self._saver.write_image(stream)
            raise
        seconds, training = time.perf_counter() - started, self._progress.training_seconds
        path = self._save() if self.run and self.updates else None
        self._saver.write_image(stream)
        return Result(
            env=self.config.env,
            seed=self.config.seed,
            steps=self.steps,
            updates=self.updates,
            seconds=seconds,
            sps=self.steps / training if training else 0.0,
            evaluation=evaluation,
            interrupted=interrupted,
            first_ratio_error=self._progress.first_ratio_error,
            settings=self.config.settings_hash(self.spec.version),
            run=self.run.path if self.run else None,
            checkpoint=path,
        )

    def evaluate(self, player: str = "sampled") -> Evaluation:
        """Play with the present weights, in worlds that no evaluation of this run has seen before."""
        number = self._progress.evaluations
        self._progress.evaluations += 1
        spec, policy, stop, learner = self.spec, self.policy, self._worker.stop, self._learner

        def play() -> Evaluation | None:
            try:
                return evaluate(spec, self.config, player=player, policy=policy, number=number, stop=stop)
            except Stopped:
                return None

        found: Evaluation | None = self._worker.call(lambda: learner.agree(play() if learner.leads else None))
        if found is None:
            raise Stopped
        return found

    @property
    def values(self) -> dict[str, tables.Value]:
        """What environments adopt at their next reset: every parameter, as text where it is drawn."""
        return dict(self.vec.versions.values)

    def broadcast(self, values: Mapping[str, object] | None = None, *, shared: Contents | None = None) -> int:
        """Change what every environment adopts at its next reset, as `Vec.broadcast` does; return the version.

        A callback may call this. So that a run which is killed goes on to the same bits, it must decide from its log
        and from `values` alone. Evaluations keep to the parameters of the settings. The next line of metrics.jsonl
        has it as `broadcast`.
        """
        if not self._learner.whole:
            raise ConfigError("a broadcast would reach the environments of one rank alone", "train in one process")
        version = self.vec.broadcast(values, shared=shared)
        told = {"version": version, "values": self._progress.news.get("values", {}) | dict(values or {})}
        if shared is not None:
            told["shared"] = int(shared) if isinstance(shared, int) else f"{len(shared)} bytes"
        self._progress.news = self._progress.news | told
        return version

    def adopt(self, run: store.Run, generations: Generations | None) -> None:
        """Write into this run from now on, without `generations` no resume images."""
        self._saver.adopt(run, generations)

    def go_on(self, found: checkpoint.Checkpoint, progress: Progress, *, fresh_environments: bool = False) -> None:
        """Put the state of a resume image in place, with new environments if `fresh_environments`.

        Raises:
            CheckpointError: if the environment's version or a tensor does not fit.
        """
        if found.version != self.spec.version and not fresh_environments:
            raise CheckpointError(
                f"the run is of version {found.version} of `{self.config.env}`; this is version {self.spec.version}: "
                f"{found.path}",
                FRESH_HINT,
            )
        progress.until_solved = progress.until_solved or self._progress.until_solved
        self._progress = self._image.load(found, progress, fresh_environments=fresh_environments)

    def save(self, path: Path, **metadata: object) -> None:
        """Write the weights, the normaliser and the settings to one file.

        Raises:
            CheckpointError: if it cannot be written.
        """
        self._saver.save(path, self._progress, **metadata)

    def stages(self) -> dict[str, float]:
        """Return the seconds since the last call that the threads together spent in each stage of training."""
        return self._learner.stages()

    @property
    def about(self) -> str:
        """What computes, where and how, in a few words."""
        return self._learner.about

    def bytes(self) -> dict[str, int]:
        """Return the memory of what a run consists of."""
        parts = {"learner": self._learner.nbytes, "policy": self.policy.nbytes}
        return parts | {"environments": bytes_needed(self.spec, self.vec.num_envs, bind=False)}

    def _iterate(self) -> tuple[native.Log, Stats]:
        """Keep an image, collect one rollout and learn from it."""
        log, learner = native.Log(), self._learner

        def iterate() -> Stats | None:
            self._image.take(self._progress)
            if learner.collect():
                return None
            stats = learner.stats()
            return None if learner.update(log) else stats

        stats = self._worker.call(iterate)
        self.vec.check()
        if stats is None:
            raise Stopped
        return log, stats

    def _take_image(self, finished: str) -> None:
        """Keep an image of the present, which is between two iterations."""
        self._progress.finished = finished
        self._worker.call(lambda: self._image.take(self._progress))

    def _save(self) -> Path:
        assert self.run is not None
        path = self.run.checkpoint(self.steps)
        self.save(path)
        if self.tracking:
            self.tracking.checkpoint(path, self.steps)
        return path

    def _tracked(self, run: store.Run) -> AbstractContextManager[object]:
        """Start what is to follow the run."""
        if not self.config.track.to:
            return nullcontext()
        from shoal.track.tracking import Tracking

        self.tracking = Tracking(run, self.config, self.spec.version, self.steps, lambda text: self.tell(text))
        return self.tracking

    def _every(self, times: int) -> int:
        """Return the steps between events that happen so many times until schedules end."""
        train = self.config.train
        return max(min(train.total_steps, train.schedule_steps or train.total_steps) // times, 1)

    def _is_candidate(self, window: Stats) -> bool:
        if self.spec.num_teams > 1:  # half of all who play each other win: training says nothing about the goal
            return bool(self.config.solved.goals)
        return self.config.solved.reached(window.mean)


def _tell(text: str) -> None:
    print(f"shoal: {text}", file=sys.stderr, flush=True)
