# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The training loop: roll out, update, log, and now and then check whether the task is solved.

    result = shoal.Trainer("cartpole", seed=1, train={"total_steps": 2_000_000}).train()

A whole rollout and a whole update are one native call each. What changes training depends on counts of steps only;
evaluations and checkpoints look at the weights and leave them alone, and the wall clock can only end a run.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shoal import checkpoint, config, memory, native, registry, store
from shoal.config import Config
from shoal.errors import ConfigError, NativeError
from shoal.evaluate import Evaluation, Stopped, check_seed, evaluate
from shoal.policy import Policy
from shoal.vector import Stats, Vec, bytes_needed, stats_of
from shoal.worker import Worker

Log = dict[str, float]  # one line of metrics.jsonl; docs/reference/metrics.md explains each key
Callback = Callable[[Log], object]

CHECKS = 100  # of the training average, evenly over schedule_steps
CHECK_LIVES = 32  # a check waits until that many lives have ended since the last one
CHECKPOINTS = 10  # evenly over schedule_steps, and one at the end

LOG_KEYS = {
    "policy_loss": "loss/policy",
    "value_loss": "loss/value",
    "entropy": "policy/entropy",
    "kl": "policy/kl",
    "clip_fraction": "policy/clip_fraction",
    "first_ratio_error": "policy/first_ratio_error",
    "explained_variance": "value/explained_variance",
    "value_mean": "value/mean",
    "sigma_return": "value/sigma_return",
    "grad_norm": "optimizer/grad_norm",
    "learning_rate": "optimizer/learning_rate",
    "ent_coef": "optimizer/ent_coef",
    "rollout_seconds": "perf/rollout_seconds",
    "advantage_seconds": "perf/advantage_seconds",
    "update_seconds": "perf/update_seconds",
}


@dataclass(frozen=True)
class Result:
    """How a run ended.

    `seconds` run from the start (of the process, under the command line) to the end of the last evaluation; `sps` are
    agent steps per second of training, evaluations apart. `run` and `checkpoint` are None without a runs folder,
    `checkpoint` also before the first update.
    """

    env: str
    seed: int
    steps: int
    updates: int
    seconds: float
    sps: float
    evaluation: Evaluation | None  # None when interrupted
    interrupted: bool
    first_ratio_error: float  # the worst of the run
    settings: str
    run: Path | None
    checkpoint: Path | None

    @property
    def solved(self) -> bool:
        """Did the last evaluation's mean reach the threshold."""
        return self.evaluation is not None and self.evaluation.solved


class Trainer:
    """Trains one policy on one environment.

    Attributes:
        config: the settings as resolved. spec: the environment's. vec, policy: what is trained on, and trained.
        run: the run's folder, or None.
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
        params: Mapping[str, object] | None = None,
        vec: Mapping[str, object] | None = None,
        policy: Mapping[str, object] | None = None,
        train: Mapping[str, object] | None = None,
        started: float | None = None,
        fault: int = 0,
    ) -> None:
        """Allocate everything a run needs.

        Args:
            env: an environment's name, or settings from `shoal.config.load`, which then stand as they are.
            seed: of the run, 0 .. 2**32 - 1.
            preset: a set of defaults, such as few-samples.
            untuned: leave out the environment's own settings but for its budget.
            file: a TOML file of settings.
            runs_dir: where the run's folder is made; None makes none.
            max_seconds: end training after so long; 0 = never.
            until_solved: end when an evaluation confirms that the task is solved.
            params: of the environment.
            vec: settings of the section [vec].
            policy: settings of the section [policy].
            train: settings of the section [train].
            started: `time.perf_counter()` when the clock began to run; None: when `train` is called.
            fault: number of a fault to plant, in a native library built for tests.

        Raises:
            ConfigError: for bad settings, or more copies than fit into memory.
        """
        if isinstance(env, str):
            sections = {"env": params, "vec": vec, "policy": policy, "train": train}
            overrides = {name: values for name, values in sections.items() if values}
            path = Path(file) if file else None
            env = config.load(env, overrides=overrides, file=path, preset=preset, untuned=untuned, seed=seed)
        check_seed(env.seed)
        self.spec = registry.get(env.env).spec(env.params)
        if env.vec.num_envs is not None:  # before anything divides: the first thing wrong is that they do not fit
            memory.check_fits(env.vec.num_envs, lambda count: _bytes_at_least(self.spec, env, count), " to train")
        self.config = config.resolve(env, self.spec)
        self.settings = self.config.settings_hash(self.spec.version)
        self.max_seconds = max_seconds
        self.until_solved = until_solved
        self._started = started
        self._worker = Worker()
        self._lib = native.library()
        self._message = native.Message()
        self.vec = Vec(
            self.spec,
            num_envs=self.config.vec.num_envs or 0,
            seed=self.config.seed,
            threads=self.config.vec.threads,
            max_steps=self.config.vec.max_steps or 0,
            metric_steps=self.config.vec.metric_steps,
            stagger=self.config.vec.stagger,
            bind=False,
            stop=self._worker.stop,
        )
        self.policy = Policy(self.spec, self.config)
        self._create_learner(config.native_train(self.config, fault=fault))
        self.run = self._create_run(Path(runs_dir)) if runs_dir is not None else None
        self.steps = 0
        self.updates = 0
        self._evaluations = 0

    def train(self, callback: Callback | None = None) -> Result:
        """Train until total_steps, max_seconds or, with `until_solved`, a confirmed evaluation; then evaluate.

        Args:
            callback: called after every update with its log; returning True ends training.

        Ctrl-C ends training too: the weights are saved, and nothing is evaluated.

        Raises:
            NativeError: if a loss or gradient is not finite; the last good checkpoint stays.
        """
        started = self._started if self._started is not None else time.perf_counter()
        began = time.perf_counter()
        stream = store.Stream(self.run.metrics) if self.run else None
        evaluation, interrupted, training, worst = None, False, 0.0, 0.0
        window, check_at, save_at = stats_of(self.spec.env), self._every(CHECKS), self._every(CHECKPOINTS)
        try:
            while self.steps < self.config.train.total_steps:
                # COLLECT, ADVANTAGE, UPDATE
                before = time.perf_counter()
                native_log, stats = self._iterate()
                elapsed = time.perf_counter() - before
                training += elapsed
                done = int(native_log.steps) - self.steps
                self.steps, self.updates = int(native_log.steps), int(native_log.updates)
                worst = max(worst, native_log.first_ratio_error)

                # LOG
                log = _flatten(native_log, stats)
                log |= {"seconds": time.perf_counter() - started, "perf/sps": done / elapsed}
                if stream:
                    stream.write(log)
                if self.run and self.steps >= save_at:
                    save_at = self.steps + self._every(CHECKPOINTS)
                    self._save()
                if callback and callback(log) is True:
                    break

                # SOLVED?
                window = window + stats
                if self.until_solved and self.steps >= check_at and window.lives >= CHECK_LIVES:
                    check_at = self.steps + self._every(CHECKS)
                    if self._is_candidate(window):
                        evaluation = self.evaluate()
                        if evaluation.solved:
                            break
                    window = stats_of(self.spec.env)
                if self.max_seconds and time.perf_counter() - began >= self.max_seconds:
                    break
            if evaluation is None or not evaluation.solved:
                evaluation = self.evaluate()
        except KeyboardInterrupt:
            evaluation, interrupted = None, True
        except NativeError as error:
            raise self._with_checkpoint(error) from error
        finally:
            if stream:
                stream.close()
        seconds = time.perf_counter() - started
        return Result(
            env=self.config.env,
            seed=self.config.seed,
            steps=self.steps,
            updates=self.updates,
            seconds=seconds,
            sps=self.steps / training if training else 0.0,
            evaluation=evaluation,
            interrupted=interrupted,
            first_ratio_error=worst,
            settings=self.settings,
            run=self.run.path if self.run else None,
            checkpoint=self._save() if self.run and self.updates else None,
        )

    def evaluate(self, player: str = "sampled") -> Evaluation:
        """Play with the present weights, in worlds that no evaluation of this run has seen before."""
        number, self._evaluations = self._evaluations, self._evaluations + 1
        spec, policy, stop = self.spec, self.policy, self._worker.stop
        return self._worker.call(
            lambda: evaluate(spec, self.config, player=player, policy=policy, number=number, stop=stop)
        )

    def save(self, path: Path, **metadata: object) -> None:
        """Write the weights, the normaliser and the settings to one file.

        Raises:
            CheckpointError: if it cannot be written.
        """
        about = {
            "kind": "weights",
            "env": self.config.env,
            "version": self.spec.version,
            "config": self.config.to_toml(self.spec.version),
            "settings": self.settings,
            "seed": self.config.seed,
            "steps": self.steps,
            "updates": self.updates,
        }
        checkpoint.save(path, self.policy.tensors(), about | metadata)

    def stages(self) -> dict[str, float]:
        """Return the seconds since the last call that the threads together spent in each stage of training."""
        seconds = (ctypes.c_double * len(native.STAGES))()
        self._lib.learner_stages(self._learner, seconds)
        return dict(zip(native.STAGES, seconds, strict=True))

    def bytes(self) -> dict[str, int]:
        """Return the memory of what a run consists of."""
        parts = {"learner": self._memory.nbytes, "policy": self.policy.nbytes}
        return parts | {"environments": bytes_needed(self.spec, self.vec.num_envs, bind=False)}

    def _iterate(self) -> tuple[native.Log, Stats]:
        """Collect one rollout and learn from it."""
        log, at = native.Log(), self._message.address
        if self._message.check(self._worker.call(lambda: self._lib.learner_rollout(self._learner, at))):
            raise Stopped
        stats = self.vec.stats()
        if self._message.check(self._worker.call(lambda: self._lib.learner_update(self._learner, log, at))):
            raise Stopped
        return log, stats

    def _create_learner(self, train: native.TrainConfig) -> None:
        what = (self.vec.handle, self.policy.handle, ctypes.byref(train))
        size = self._lib.learner_bytes(*what, self._message.address)
        if size < 0:
            raise ConfigError(self._message.text)
        num_envs, free = self.vec.num_envs, memory.available()
        if size > free:
            most = int(num_envs * free / size)
            raise ConfigError(
                f"num_envs={num_envs} needs {memory.human(size)} of memory to train; {memory.human(free)} are "
                f"available, and about {most} fit (at vec.num_envs)",
                "use fewer `--vec.num-envs`, or a shorter `--train.horizon`",
            )
        self._memory = memory.allocate(size)
        self._learner = self._lib.learner_create(*what, self._memory.ctypes.data, self._message.address)
        if not self._learner:
            raise NativeError(self._message.text)

    def _create_run(self, runs_dir: Path) -> store.Run:
        return store.create(runs_dir, self.config.env, self.config.to_toml(self.spec.version))

    def _save(self) -> Path:
        assert self.run is not None
        path = self.run.checkpoint(self.steps)
        self.save(path)
        return path

    def _every(self, times: int) -> int:
        """Return the steps between events that happen so many times until schedules end."""
        train = self.config.train
        return max(min(train.total_steps, train.schedule_steps or train.total_steps) // times, 1)

    def _is_candidate(self, window: Stats) -> bool:
        threshold = self.config.solved.threshold
        return threshold is not None and window.mean(self.config.solved.metric) >= threshold

    def _with_checkpoint(self, error: NativeError) -> NativeError:
        """Return the error with the way back to the last good weights."""
        if self.run and any(self.run.checkpoints.iterdir()):
            return NativeError(str(error), f"the last good checkpoint is {self.run.latest()}")
        return error


def _flatten(log: native.Log, stats: Stats) -> Log:
    row: Log = {"steps": int(log.steps), "updates": int(log.updates), "episode/count": stats.lives}
    row |= {"episode/return": stats.mean("episode_return"), "episode/length": stats.mean("episode_length")}
    row |= {f"env/{name}": stats.mean(name) for name in stats.names[:-2]}
    row |= {key: float(getattr(log, name)) for name, key in LOG_KEYS.items()}
    row["actions/bad"] = stats.bad_actions
    return row


def _bytes_at_least(spec: registry.Spec, settings: Config, num_envs: int) -> int:
    """Return a lower bound of what training on so many copies takes: the copies and the rollout."""
    step = spec.row_bytes + spec.mask_bytes + 4 * (len(spec.heads) + len(spec.dims) + 6)
    return bytes_needed(spec, num_envs, bind=False) + num_envs * spec.agents * settings.train.horizon * step
