# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What the training loop asks of a backend, and the native one, whose every method is one native call."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Protocol

from shoal import memory, native, native_settings, registry
from shoal.checkpoint import Tensors
from shoal.config import Config
from shoal.errors import ConfigError, NativeError
from shoal.policy import Policy, tensors_of
from shoal.ranks import ranks
from shoal.selfplay import Selfplay
from shoal.stats import Stats
from shoal.vec_config import bytes_needed
from shoal.vector import Vec

if TYPE_CHECKING:
    from shoal.torch.policy import TorchPolicy


class Learner(Protocol):
    """A backend's learner: environments, a policy, and how it learns.

    Attributes:
        leads: this process writes the run; false on the other ranks of several.
        whole: its tensors and its environments are all that a run needs to go on.
    """

    vec: Vec
    leads: bool
    whole: bool

    @property
    def policy(self) -> Policy | TorchPolicy:
        """What is trained."""

    @property
    def about(self) -> str:
        """What computes, where and how, in a few words."""

    @property
    def nbytes(self) -> int:
        """The memory of the learner, without its policy and environments."""

    def collect(self) -> bool:
        """Collect one rollout; returns whether it was stopped early."""

    def update(self, log: native.Log) -> bool:
        """Learn from the rollout and write what happened; returns whether it was stopped early."""

    def stats(self) -> Stats:
        """Return what ended since the last call."""

    def report(self) -> dict[str, float]:
        """Return what else the log of the last rollout tells."""

    def tensors(self) -> Tensors:
        """Return what it remembers between iterations, as views; `fetch` before reading, `observe` after writing."""

    def fetch(self) -> None:
        """Bring what lies on a device, the policy's weights too, into the tensors."""

    def observe(self) -> None:
        """Take over what was written to the tensors and to the environments."""

    def agree(self, value: Any) -> Any:
        """Return what the process that leads says."""

    def stages(self) -> dict[str, float]:
        """Return the seconds since the last call that went into each stage."""


def create(spec: registry.Spec, settings: Config, *, warm: bool, fault: int, stop: ctypes.c_int32) -> Learner:
    """Return the learner of the settings' backend.

    Args:
        spec: of the environment.
        settings: resolved.
        warm: the first rollout is an ordinary one.
        fault: number of a fault to plant, in a native library built for tests.
        stop: a flag that ends calls early when it becomes non-zero.

    Raises:
        ConfigError: for settings that the backend cannot satisfy.
    """
    if settings.train.backend == "torch":
        from shoal.torch.learner import TorchLearner

        return TorchLearner(spec, settings, warm=warm, stop=stop)
    if ranks() > 1:
        raise ConfigError(
            f"{ranks()} ranks were started, and the native backend trains in one process", "`--backend torch`"
        )
    return NativeLearner(spec, settings, warm=warm, fault=fault, stop=stop)


def make_vec(
    spec: registry.Spec, settings: Config, *, bind: bool, stop: ctypes.c_int32, num_envs: int = 0, first_index: int = 0
) -> Vec:
    """Return the copies of a run's environment; `num_envs` and `first_index` say which, 0: all of them."""
    vec = settings.vec
    workers = None
    if spec.env.outside:
        from shoal.outside.pool import workers_of

        workers = workers_of(vec)
    return Vec(
        spec,
        num_envs=num_envs or vec.num_envs or 0,
        seed=settings.seed,
        threads=vec.threads,
        max_steps=vec.max_steps or 0,
        metric_steps=vec.metric_steps,
        stagger=vec.stagger,
        first_index=first_index,
        bind=bind,
        stop=stop,
        workers=workers,
    )


class NativeLearner:
    """The learner in C."""

    leads = whole = True

    def __init__(self, spec: registry.Spec, settings: Config, *, warm: bool, fault: int, stop: ctypes.c_int32) -> None:
        self._lib = native.library()
        self._message = native.Message()
        self.vec = make_vec(spec, settings, bind=False, stop=stop)
        self._policy = Policy(spec, settings)
        train = native_settings.train_of(settings, warm=warm, fault=fault)
        self._selfplay = Selfplay(spec, settings, self.vec) if settings.selfplay.share else None
        if self._selfplay:
            self._selfplay.assign(0)
            train.players = self._selfplay.table
            train.num_players = len(self._selfplay.table)
            train.outcome = self._selfplay.outcome
        what = (self.vec.handle, self._policy.handle, ctypes.byref(train))
        size = self._lib.learner_bytes(*what, self._message)
        if size < 0:
            raise ConfigError(self._message.text)
        check_memory(self.vec, size)
        self._memory = memory.allocate(size)
        self._handle = self._lib.learner_create(*what, self._memory.ctypes.data, self._message)
        if not self._handle:
            raise NativeError(self._message.text)
        self._everything = tensors_of(self._lib.learner_tensors, self._handle, self._memory)

    @property
    def policy(self) -> Policy:
        """What is trained."""
        return self._policy

    @property
    def about(self) -> str:
        """The instruction set."""
        return self._lib.name

    @property
    def nbytes(self) -> int:
        """The memory of the learner, without its policy and environments."""
        return int(self._memory.nbytes)

    def collect(self) -> bool:
        """Collect one rollout; returns whether it was stopped early."""
        if self._selfplay:
            self._selfplay.prepare(int(self._everything["learner.counters"][2]) * self.vec.num_rows, self._policy)
        stopped = self._message.check(self._lib.learner_rollout(self._handle, self._message))
        if self._selfplay and not stopped:
            self._selfplay.count(self._everything["rollout.scores"].sum(axis=0))
        return stopped

    def update(self, log: native.Log) -> bool:
        """Learn from the rollout and write what happened; returns whether it was stopped early."""
        return self._message.check(self._lib.learner_update(self._handle, log, self._message))

    def stats(self) -> Stats:
        """Return what ended since the last call."""
        return self.vec.stats()

    def report(self) -> dict[str, float]:
        """Return how games against the pool went."""
        return self._selfplay.report() if self._selfplay else {}

    def tensors(self) -> Tensors:
        """Return what it remembers between iterations, as views; `observe` after writing."""
        # The rollout and what an update leaves behind are made anew by the next iteration.
        kept = {name: array for name, array in self._everything.items() if not name.startswith(("rollout.", "update."))}
        return kept | (self._selfplay.tensors() if self._selfplay else {})

    def fetch(self) -> None:
        """Everything is in memory already."""

    def observe(self) -> None:
        """Take over what was written to the environments, and to the pool."""
        self._lib.learner_observe(self._handle)
        if self._selfplay:
            self._selfplay.pack()

    def agree(self, value: Any) -> Any:
        """There is one process."""
        return value

    def stages(self) -> dict[str, float]:
        """Return the seconds since the last call that the threads together spent in each stage."""
        seconds = (ctypes.c_double * len(native.STAGES))()
        self._lib.learner_stages(self._handle, seconds)
        return dict(zip(native.STAGES, seconds, strict=True))


def check_memory(vec: Vec, size: int) -> None:
    """Raise unless a learner of `size` bytes fits beside an image of the environments.

    Raises:
        ConfigError: says how many copies fit.
    """
    num_envs, free = vec.num_envs, memory.available()
    needed = size + num_envs * native.library().vec_snapshot_bytes(vec.handle)  # the image holds them once more
    if needed > free:
        most = int(num_envs * free / needed)
        raise ConfigError(
            f"num_envs={num_envs} needs {memory.human(needed)} of memory to train; {memory.human(free)} are "
            f"available, and about {most} fit (at vec.num_envs)",
            "use fewer `--vec.num-envs`, or a shorter `--train.horizon`",
        )


def bytes_at_least(spec: registry.Spec, settings: Config, num_envs: int) -> int:
    """Return a lower bound of what training on so many copies takes: the copies and the rollout."""
    step = spec.row_bytes + spec.mask_bytes + 4 * (len(spec.heads) + len(spec.dims) + 6)
    return bytes_needed(spec, num_envs, bind=False) + num_envs * spec.agents * settings.train.horizon * step
