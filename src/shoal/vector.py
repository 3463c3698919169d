# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Many copies of one environment, stepped together by native code over buffers that are bound once.

    vec = shoal.make_vec("breakout", num_envs=8, seed=1)
    observations = vec.reset()
    observations, rewards, terminated, truncated = vec.step(actions)

N is the number of rows: agent i of environment e is row e * agents + i of every array. The arrays are the same objects
at every step; copy what must last.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal import broadcast, memory, native, packing, registry, tables, vec_config
from shoal.errors import ConfigError, NativeError, ShapeError
from shoal.packing import Arrays
from shoal.seats import Seats
from shoal.stats import Stats, stats_of

if TYPE_CHECKING:
    from shoal.outside.flight import Flight
    from shoal.outside.pool import Pool, Workers

Step = tuple[Arrays, NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]


class Vec:
    """N rows of one environment. `make_vec` builds it.

    Attributes:
        observations: named views (N, ...) into the packed rows.
        masks: uint8 (N, size) of each masked head, 1 = legal.
        final_observations: like `observations`; holds a row's last observation before the reset where the step
            truncated it and did not terminate it (`final_rows="all"`: wherever an agent ended).
        rewards: float32 (N,). discrete: int32 (N, heads). continuous: float32 (N, dims).
        live: uint8 (N,), the agent exists. starts: uint8 (N,), its life starts with this observation.
        pool: who steps Python environments, or None.
        waiting: uint8 (num_envs,), the world has ended and waits for its reset (next-step, disabled).
        ended: uint8 (N,), flags of the last step: 1 terminated, 2 truncated.
        rows, mask_rows: the packed observation rows and masks, uint8 (N, row_bytes) and (N, mask_bytes).
        final_row_bytes, final_mask_rows: like these, of `final_observations`.
    """

    def __init__(
        self,
        spec: registry.Spec,
        *,
        num_envs: int,
        seed: int = 0,
        threads: int = 0,
        max_steps: int = 0,
        metric_steps: int = 0,
        stagger: bool = False,
        autoreset: str = "same-step",
        final_rows: str = "truncated",
        first_index: int = 0,
        bind: bool = True,
        stop: ctypes.c_int32 | None = None,
        block: int = 0,
        workers: Workers | None = None,
    ) -> None:
        """Build the copies; see `make_vec` for the arguments.

        `bind=False` leaves out the step buffers; `block` copies (0: the engine's choice) are one task of a thread;
        `stop` is a flag that ends native calls when it becomes non-zero.
        """
        self.spec = spec
        self.env = spec.env
        self.num_envs = num_envs
        self.num_rows = num_envs * spec.agents
        self._lib = native.library()
        self._vec_step = self._lib.vec_step
        self._message = native.Message()
        self.pool: Pool | None = None
        if spec.env.outside:
            from shoal.outside.pool import Workers

            workers = workers or Workers()
            block = workers.block_of(num_envs)
        self._stop = ctypes.c_int32(0) if stop is None else stop  # must outlive the native object
        config = vec_config.of(
            spec,
            num_envs=num_envs,
            seed=seed,
            threads=threads,
            max_steps=max_steps,
            metric_steps=metric_steps,
            stagger=stagger,
            autoreset=autoreset,
            final_rows=final_rows,
            first_index=first_index,
            stop=self._stop,
            block=block,
        )
        self._config = config
        memory.check_fits(num_envs, lambda count: vec_config.bytes_needed(spec, count, config, bind=bind))

        shared = memory.allocate(spec.shared_bytes)
        if spec.shared_bytes:
            broadcast.build(spec, spec.values, seed, shared)
        self._memory = memory.allocate(vec_config.bytes_needed(spec, num_envs, config, bind=False))
        self.handle: int = self._lib.vec_create(
            ctypes.byref(self.env.descriptor),
            spec.params,
            shared.ctypes.data if spec.shared_bytes else None,
            ctypes.byref(config),
            self._memory.ctypes.data,
            self._message,
        )
        if not self.handle:
            raise NativeError(self._message.text)
        if workers is not None and spec.env.outside:
            from shoal.outside.pool import Pool

            self.pool = Pool(spec, num_envs, workers, self._stop)
            self.pool.attach(self.handle)
        self.versions = broadcast.Versions(self.handle, spec, num_envs, broadcast.Block(shared, seed, spec.values))
        self.live = self._array(0)
        self.starts = self._array(1)
        self.waiting = np.zeros(num_envs, np.uint8) if autoreset == "same-step" else self._array(6)[:num_envs]
        if bind:
            self._bind()
            self.reset(seed)

    def _bind(self) -> None:
        spec, n = self.spec, self.num_rows
        self.rows = memory.allocate(n * spec.row_bytes).reshape(n, spec.row_bytes)
        self.final_row_bytes = memory.allocate(n * spec.row_bytes).reshape(n, spec.row_bytes)
        self.mask_rows = memory.allocate(n * spec.mask_bytes).reshape(n, spec.mask_bytes)
        self.final_mask_rows = memory.allocate(n * spec.mask_bytes).reshape(n, spec.mask_bytes)
        self.rewards = memory.allocate(4 * n).view(np.float32)
        self.ended = memory.allocate(n)
        self._terminated = np.zeros(n, np.bool_)
        self._truncated = np.zeros(n, np.bool_)
        self.discrete = memory.allocate(4 * n * len(spec.heads)).view(np.int32).reshape(n, len(spec.heads))
        self.continuous = memory.allocate(4 * n * len(spec.dims)).view(np.float32).reshape(n, len(spec.dims))
        buffers = (self.rows, self.mask_rows, self.final_row_bytes, self.final_mask_rows, self.rewards, self.ended)
        actions = (self.discrete, self.continuous)
        self._lib.vec_bind(self.handle, *(array.ctypes.data for array in (*buffers, *actions)))
        self.observations = packing.unpack(spec, self.rows)
        self.final_observations = packing.unpack(spec, self.final_row_bytes)
        self.masks = packing.unpack_masks(spec, self.mask_rows)

    def reset(self, seed: int | None = None) -> Arrays:
        """Start every environment again and return the observations; with a seed, from new random numbers."""
        if seed is not None:
            self._config.seed = seed
        self._message.check(self._lib.vec_reset(self._open(), self._config.seed, self._message))
        self.check()
        return self.observations

    def reset_ended(self) -> Arrays:
        """Start the worlds that ended again, with `autoreset="disabled"`, and return the observations."""
        self._message.check(self._lib.vec_reset_ended(self._open(), self._message))
        self.check()
        return self.observations

    def step(self, discrete: ArrayLike | None = None, continuous: ArrayLike | None = None) -> Step:
        """Take one step in every environment.

        Args:
            discrete: integers (N, heads), or (N,) when there is one head.
            continuous: floats (N, dims), or (N,) when there is one dimension. An argument left out stands for what
                the bound buffer holds, such as what `scripted` wrote there.

        Returns:
            observations, rewards float32 (N,), terminated bool (N,), truncated bool (N,); rewards and flags are what
            these actions caused, and both flags may be set.

        Raises:
            ShapeError: if an array does not have that shape.
        """
        self._open()
        if discrete is not None:
            packing.copy(self.discrete, discrete, "discrete")
        if continuous is not None:
            packing.copy(self.continuous, continuous, "continuous")
        self.advance()
        np.not_equal(self.ended & 1, 0, out=self._terminated)
        np.not_equal(self.ended & 2, 0, out=self._truncated)
        return self.observations, self.rewards, self._terminated, self._truncated

    def advance(self) -> None:
        """Take one step with what the action buffers hold; `rewards` and `ended` say what came of it."""
        code = self._vec_step(self.handle, self._message.value)  # 0.2 µs sooner than with the message
        if code and self._message.check(code):
            self.check()

    @functools.cached_property
    def half(self) -> int:
        """The environments that `advance_half(0)` steps, the first ones; 0: too few to be divided."""
        return int(self._lib.vec_half(self._open()))

    def advance_half(self, half: int) -> None:
        """Do what `advance` does for half of the environments: half 0, then half 1, make one step of all."""
        code = self._lib.vec_step_half(self._open(), half, self._message)
        if code and self._message.check(code):
            self.check()

    def send(self, envs: ArrayLike, discrete: ArrayLike | None = None, continuous: ArrayLike | None = None) -> None:
        """Let workers step some Python environments; `recv` says which are done. In the meantime others can be sent.

        Args:
            envs: numbers of environments: whole blocks (`vec.pool.shape.block` of them, in order).
            discrete: integers (agents of these, heads).
            continuous: floats (agents of these, dims).

        Raises:
            ConfigError: for parts of a block, environments that are under way, or ones in C.
            ShapeError: if an array does not have that shape.
        """
        self._flight.send(envs, discrete, continuous)

    def recv(self, least: int = 1) -> NDArray[np.intp]:
        """Wait until at least so many of the environments that were sent are done, and return their numbers.

        Their rows of `observations`, `rewards`, `ended`, `final_observations`, `live` and `starts` are then as `step`
        leaves them. Which are done first depends on the machine: results are not the same from run to run.
        """
        return self._flight.receive(least)

    @functools.cached_property
    def _flight(self) -> Flight:
        from shoal.outside.flight import Flight

        return Flight(self)

    def scripted(self, level: float = 1.0) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Write the scripted policy's actions for the present states into the action buffers and return them."""
        if not self.env.scripted:
            raise ConfigError(f"`{self.env.name}` has no scripted policy")
        self._message.check(self._lib.vec_scripted(self._open(), level, self._message))
        return self.discrete, self.continuous

    def assign(self, players: ArrayLike) -> None:
        """Say who plays each team from each environment's next reset on.

        Args:
            players: integers (num_envs, teams), or (teams,) for all: 0 is whoever steps this Vec or learns in it,
                the others are numbered as the native table of players has them.

        Raises:
            ShapeError: for another shape.
        """
        self._open()
        self.seats.assign(players)

    @functools.cached_property
    def seats(self) -> Seats:
        """Who plays each team, where several play; there is room for them from the first call on."""
        return Seats(self._open(), self.spec, self.num_envs)

    @property
    def players(self) -> NDArray[np.int16]:
        """Who plays each row since its environment's last reset, (N,)."""
        return self.seats.players

    def broadcast(self, values: Mapping[str, object] | None = None, *, shared: broadcast.Contents | None = None) -> int:
        """Change what every environment adopts at its next reset.

        Args:
            values: of VALUE parameters: numbers, or distributions such as `"uniform(5, 15)"`, which replace what the
                parameter had, a distribution too. What is not named stays.
            shared: the seed of a new Shared block, or its bytes.

        Returns:
            the version's number, 1 for the first.

        Raises:
            ConfigError: for a bad value. ShapeError: for bytes of another length.
        """
        self._open()
        return self.versions.broadcast(values or {}, shared)

    def values(self, name: str) -> NDArray[Any]:
        """Return a parameter's value in each environment's present episode, (num_envs,); of a choice its index."""
        self._open()
        return self.versions.present(name)

    def stats(self) -> Stats:
        """Return the sums over the lives that ended since the last call."""
        out = stats_of(self.env)
        self._lib.vec_stats(self._open(), out.values.ctypes.data)
        return out

    def snapshot(self, index: int) -> bytes:
        """Return all that environment `index` needs to go on from here; not of one that is Python."""
        if self.pool is not None:
            raise ConfigError(f"`{self.env.spelled}` is Python: it has no snapshots")
        out = np.empty(self._lib.vec_snapshot_bytes(self._open()), np.uint8)
        self._lib.vec_snapshot(self.handle, self._index(index), out.ctypes.data)
        return out.tobytes()

    def restore(self, index: int, snapshot: bytes) -> None:
        """Put environment `index` back to a snapshot of any environment of such a Vec, and observe it.

        Raises:
            ShapeError: for a snapshot of another length.
            NativeError: if it began with other parameters, and nothing here is drawn or was broadcast, or if its Shared
                block is gone.
        """
        size = self._lib.vec_snapshot_bytes(self._open())
        if len(snapshot) != size:
            raise ShapeError(f"a snapshot of `{self.env.name}` has {size} bytes; got {len(snapshot)}")
        data = np.frombuffer(snapshot, np.uint8)
        what = (self._index(index), data.ctypes.data)
        self._message.check(self._lib.vec_restore(self.handle, *what, self._message))

    def load(self, snapshots: memory.Bytes) -> None:
        """Put back all environments, (num_envs, snapshot bytes), without observing them.

        Raises:
            NativeError: as `restore` does; nothing has changed then.
        """
        self._message.check(self._lib.vec_load(self._open(), snapshots.ctypes.data, self._message))
        if self.pool is not None:  # whose environments no snapshot reaches: they begin their episodes again
            self._message.check(self._lib.outside_restart(self.handle, self._message))
            self.check()

    def check(self) -> None:
        """Raise what ended the work of the workers, if something did.

        Raises:
            EnvError: one sentence.
        """
        if self.pool is not None:
            self.pool.check()

    def state(self, index: int) -> NDArray[np.uint8]:
        """Return a copy of the State of environment `index`, as bytes."""
        start = self.address(index) - self._memory.ctypes.data
        return self._memory[start : start + self.spec.state_bytes].copy()

    def address(self, index: int) -> int:
        """Return where the State of environment `index` lies."""
        return int(self._lib.vec_array(self._open(), 4)) + self._index(index) * self.spec.state_bytes

    def run(
        self, steps: int, discrete: NDArray[np.int32], continuous: NDArray[np.float32], *, in_step: bool = False
    ) -> None:
        """Take `steps` steps inside native code with the actions of prepared arrays (cycle, N, heads or dims).

        A block of copies takes all its steps before the next one begins; with `in_step`, all copies one at a time.
        """
        cycle = max(len(discrete), len(continuous))
        data = (discrete.ctypes.data, continuous.ctypes.data)
        run = self._lib.vec_run_in_step if in_step else self._lib.vec_run
        self._message.check(run(self._open(), steps, cycle, *data, self._message))

    def close(self) -> None:
        """Give the memory back once no view of it is left, and end the workers if it has any."""
        self.handle = 0
        if self.pool is not None:
            self.pool.close()
        self._memory = memory.allocate(0)
        del self.versions

    def __enter__(self) -> Vec:
        """Return itself; leaving the block closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _open(self) -> int:
        if not self.handle:
            raise NativeError(f"this Vec of `{self.env.name}` is closed")
        return self.handle

    def _index(self, index: int) -> int:
        if not 0 <= index < self.num_envs:
            raise ConfigError(f"no environment {index}; expected 0 to {self.num_envs - 1}")
        return index

    def _array(self, which: int) -> NDArray[np.uint8]:
        """Return a view, which keeps the memory alive, of a per-row array inside the native object."""
        start = self._lib.vec_array(self.handle, which) - self._memory.ctypes.data
        return self._memory[start : start + self.num_rows]


def make_vec(
    name: str,
    num_envs: int,
    *,
    seed: int = 0,
    threads: int = 0,
    max_steps: int = 0,
    metric_steps: int = 0,
    stagger: bool = False,
    autoreset: str = "same-step",
    final_rows: str = "truncated",
    observe_contexts: bool = False,
    workers: Workers | None = None,
    **env_params: tables.Value,
) -> Vec:
    """Return `num_envs` copies of an environment, reset and observed.

    Args:
        name: of the environment, as `shoal list` shows it, the path of its folder, or what opens one that is Python,
            such as gymnasium:CartPole-v1.
        num_envs: copies; there are num_envs * agents rows.
        seed: of every random number in them.
        threads: that step them; 0 stands for all cores, or one where a step is too short to share. Results do not
            depend on it.
        max_steps: time limit, which truncates; 0 stands for the environment's own.
        metric_steps: also emit return and length of running lives every so many steps; 0 = off.
        stagger: truncate each copy's first episode after a random length, so that copies do not end together.
        autoreset: same-step (default), next-step or disabled.
        final_rows: which last observations are kept: truncated (default) or all.
        observe_contexts: parameters that are drawn per episode are further fields of the observation.
        workers: `shoal.Workers`, who step Python environments; None: a process for each core.
        **env_params: the environment's own parameters: values, or distributions such as `"uniform(5, 15)"`, from which
            they are drawn when an episode begins.

    Raises:
        EnvError: for an unknown name. ConfigError: for a bad parameter, or more copies than fit into memory.
    """
    return Vec(
        registry.get(name).spec_given(env_params, observe_contexts=observe_contexts),
        num_envs=num_envs,
        seed=seed,
        threads=threads,
        max_steps=max_steps,
        metric_steps=metric_steps,
        stagger=stagger,
        autoreset=autoreset,
        final_rows=final_rows,
        workers=workers,
    )
