# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The workers of one vec of Python environments: started, watched, replaced when they fail, and ended.

What they share with the engine is memory without a name, which is gone when the last process that has it is. A worker
process ends with the process that started it, whatever ended that one.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import mmap
import os
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shoal import memory, native
from shoal.errors import EnvError
from shoal.outside import worker as workers

if TYPE_CHECKING:
    from shoal.outside.environment import OutsideEnvironment
    from shoal.registry import Spec
    from shoal.settings import VecConfig

START_SECONDS = 120.0  # for a worker to start, at least: what it imports may take long
SPIN_SECONDS = 2e-4  # of looking before a sleep: a few times what it takes to wake a core that has halted
BLOCKS = 16  # blocks that copies are cut into by default; not a function of the machine, for it is part of the result
GRACE_SECONDS = 2.0  # for a worker to close its environments

_log = logging.getLogger("shoal")


@dataclass(frozen=True)
class Workers:
    """Who steps Python environments, and how: the settings of [vec] about it.

    Attributes:
        count: workers; 0: one a core, at most one a block. kind: processes, threads or serial (the calling thread).
        start: spawn or fork. block: copies stepped together; 0: enough for 16 blocks, at least 2.
        timeout: seconds for one exchange. restarts: how many failures are survived. spin: waiting burns a core.
        render: environments are opened to make pictures.
    """

    count: int = 0
    kind: str = "processes"
    start: str = "spawn"
    block: int = 0
    timeout: float = 60.0
    restarts: int = 10
    spin: bool = False
    render: bool = False

    def block_of(self, num_envs: int) -> int:
        """Return how many copies are stepped together: whatever the machine, since it is part of the result."""
        return min(self.block or max(-(-num_envs // BLOCKS), 2), num_envs)

    def count_for(self, num_envs: int) -> int:
        """Return how many workers there are."""
        if self.kind == "serial":
            return 1
        blocks = -(-num_envs // self.block_of(num_envs))
        return min(self.count or native.library().cores(), blocks)

    def spin_seconds(self, num_envs: int) -> float:
        """Return how long each side looks before it sleeps; negative: for ever."""
        if self.spin:
            return -1.0
        return SPIN_SECONDS if self.count_for(num_envs) <= native.library().cores() else 0.0


def workers_of(vec: VecConfig, *, render: bool = False) -> Workers:
    """Return what the settings of [vec] say about workers."""
    return Workers(
        count=vec.workers,
        kind=vec.worker,
        start=vec.start,
        block=vec.block,
        timeout=vec.timeout,
        restarts=vec.restarts,
        spin=vec.spin,
        render=render,
    )


class Pool:
    """The workers of a vec.

    Attributes:
        failure: why they gave up, or None; then `stop` was set. faults: sentences about what was survived.
    """

    def __init__(self, spec: Spec, num_envs: int, settings: Workers, stop: ctypes.c_int32) -> None:
        """Start the workers; they open their environments meanwhile."""
        env: OutsideEnvironment = spec.env  # type: ignore[assignment]
        self._lib = native.library()
        self._settings, self._stop, self._name = settings, stop, env.spelled
        self.failure: EnvError | None = None
        self.faults: list[str] = []
        self._notes = env.notes
        self._lock = threading.Lock()
        self.shape = native.OutsideShape(
            num_envs=num_envs,
            agents=spec.agents,
            heads=len(spec.heads),
            dims=len(spec.dims),
            metrics=len(env.metrics),
            row_bytes=spec.row_bytes,
            mask_bytes=spec.mask_bytes,
            params_bytes=env.descriptor.params_bytes,
            block=settings.block_of(num_envs),
            workers=settings.count_for(num_envs),
        )
        size = self._lib.outside_layout(ctypes.byref(self.shape), (ctypes.c_int64 * len(native.OUTSIDE_ARRAYS))())
        self._descriptor = _nameless(size)
        self._mmap = mmap.mmap(self._descriptor, size)
        self.memory = memoryview(self._mmap)
        self._base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        count = self.shape.workers
        self._pids = (ctypes.c_int32 * count)()
        self._generations = (ctypes.c_int32 * count)()
        self._processes: list[Any] = [None] * count
        self._inside: list[workers.Worker] = []  # of threads, and the serial one
        self._setup = env.setup(spec) | {
            "shape": {name: getattr(self.shape, name) for name, *_ in native.OutsideShape._fields_},
            "finite": _floats(spec),
            "spin": settings.spin_seconds(num_envs),
            "restarts": settings.restarts,
            "render": settings.render,
            "cause": 0,
        }
        self.views = workers.views_of(self.shape, self.memory)
        self._end = weakref.finalize(
            self, _end, self._lib, self._base, count, self._processes, self._inside, self._descriptor
        )
        for index in range(count):
            self._start(index, 0)

    def attach(self, handle: int) -> None:
        """Let a native vec step its environments here."""
        settings = self._settings
        serial = settings.kind == "serial"

        def serve(block: int) -> None:
            self._inside[0].serve_now(block)

        self._trouble = native.TROUBLE_FUNCTION(self._on_trouble)
        self._serve = native.SERVE_FUNCTION(serve) if serial else native.SERVE_FUNCTION()
        config = native.OutsideConfig(
            shape=self.shape,
            base=self._base,
            trouble=self._trouble,
            serve=self._serve,
            pids=ctypes.addressof(self._pids),
            generations=ctypes.addressof(self._generations),
            timeout=settings.timeout,
            start_timeout=max(settings.timeout, START_SECONDS),
            spin=settings.spin_seconds(self.shape.num_envs),
        )
        self._native = memory.allocate(int(self._lib.outside_bytes(ctypes.byref(self.shape))))
        self._lib.outside_attach(handle, ctypes.byref(config), self._native.ctypes.data)

    def about(self) -> list[str]:
        """Return sentences on who steps the environments, and on how they came in."""
        shape, kind = self.shape, self._settings.kind
        who = {"processes": "worker process(es)", "threads": "worker thread(s)", "serial": "worker, this process"}[kind]
        return [f"{shape.workers} {who}, which step blocks of {shape.block} copies", *self._notes]

    def check(self) -> None:
        """Raise what ended the workers' work, if something did.

        Raises:
            EnvError: one sentence.
        """
        if self.failure is not None:
            self._stop.value = 0
            raise self.failure

    def render(self, e: int) -> Any:
        """Return a picture, uint8 (height, width, 3), of an environment that the calling thread steps, or None."""
        return self._inside[0].render(e) if self._settings.kind == "serial" and self._settings.render else None

    def close(self) -> None:
        """End the workers and wait for them."""
        self._end()

    # ------------------------------------------------------------------------------------------------ workers

    def _start(self, index: int, cause: int) -> None:
        setup = self._setup | {"worker": index, "cause": cause}
        kind = self._settings.kind
        if kind == "processes":
            process = _Forked if self._settings.start == "fork" else _Spawned
            self._processes[index] = process(setup, self._descriptor, self.memory)
            self._pids[index] = self._processes[index].pid
            return
        worker = workers.Worker(setup, self.memory)
        self._inside.append(worker)
        if kind == "serial":
            worker.open()
            return

        def run() -> None:
            worker.open()
            worker.run(0)

        self._processes[index] = threading.Thread(target=run, daemon=True, name=f"shoal worker {index}")
        self._processes[index].start()

    def _on_trouble(self, fault: int, worker: int, env: int, generation: int) -> int:
        """Answer the engine's question what to do: 0 to go on."""
        try:
            with self._lock:
                return self._deal_with(fault, worker, env, generation)
        except Exception as error:  # nothing may leave a callback
            self._fail(f"a worker cannot be replaced: {error}")
            return 1

    def _deal_with(self, fault: int, worker: int, env: int, generation: int) -> int:
        if self.failure is not None:
            return 1
        of_worker = fault in (workers.DIED, workers.HUNG)
        if of_worker and env >= 0:  # its environments say so too, once they are there again
            return 0
        if of_worker and generation != self._generations[worker]:
            return 0  # already replaced
        if of_worker:
            env = memoryview(self.memory)[workers.BELL_BYTES * worker + workers.AT :][:4].cast("i")[0]
            what = self._describe_end(fault, worker)
        else:
            what = bytes(self.views["messages"][env]).rstrip(b"\0").decode(errors="replace")
        sentence = f"environment {env} of `{self._name}`: {what}"
        if fault in (workers.OPENED, workers.HOPELESS):
            verb = "cannot be opened" if fault == workers.OPENED else "failed again as soon as it was opened anew"
            return self._fail(f"environment {env} of `{self._name}` {verb}: {what}")
        if len(self.faults) >= self._settings.restarts:
            return self._fail(f"{sentence}; {len(self.faults)} failures were survived before (at vec.restarts)")
        if fault == workers.HUNG and self._settings.kind != "processes":
            return self._fail(f"{sentence}; only processes can be replaced (at vec.worker)")
        self.faults.append(sentence)
        left = self._settings.restarts - len(self.faults)
        _log.warning("%s; its episode was truncated and it was opened anew (%d more are survived)", sentence, left)
        if of_worker:
            self._processes[worker].kill()
            self._generations[worker] += 1
            ctypes.memset(self._base + workers.BELL_BYTES * worker + workers.READY, 0, 4)
            self._start(worker, fault)
        return 0

    def _describe_end(self, fault: int, worker: int) -> str:
        if fault == workers.HUNG:
            return f"no answer within {self._settings.timeout:g} s (at vec.timeout)"
        code = self._processes[worker].wait()
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"its worker process was ended by {signal.Signals(-code).name}"
        return f"its worker process ended with code {code}"

    def _fail(self, sentence: str) -> int:
        self.failure = EnvError(sentence)
        self._stop.value = 1
        return 1


class _Spawned:
    """A worker process that begins as a new interpreter."""

    def __init__(self, setup: dict[str, Any], descriptor: int, _: memoryview) -> None:
        handed = setup | {"memory": descriptor, "parent": os.getpid()}
        code = f"import sys; sys.path[:] = {sys.path!r}; import runpy; runpy.run_module('shoal.outside.worker', "
        self._process = subprocess.Popen(
            [sys.executable, "-c", code + "run_name='__main__', alter_sys=True)"],
            stdin=subprocess.PIPE,
            stdout=_stderr(),
            pass_fds=(descriptor,),
            process_group=0,  # Ctrl-C is not for it; in a session of its own it could not let others have its core
            env=os.environ | {name: os.environ.get(name, "1") for name in _THREADS},
        )
        self.pid = self._process.pid
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
            pipe.write(json.dumps(handed).encode())

    def wait(self, seconds: float | None = None) -> int:
        """Return its exit code; negative: the signal that ended it."""
        return self._process.wait(seconds)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()


class _Forked:
    """A worker process that begins as a copy of this one: it starts at once, with everything imported."""

    def __init__(self, setup: dict[str, Any], descriptor: int, _: memoryview) -> None:
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setpgid(0, 0)
                os.dup2(2, 1)
                workers.main(setup | {"memory": descriptor, "parent": parent})
            finally:
                os._exit(1)
        self._code: int | None = None

    def wait(self, seconds: float | None = None) -> int:
        """Return its exit code; negative: the signal that ended it."""
        if self._code is None:
            deadline = threading.Event()
            waited = 0.0
            while True:
                pid, status = os.waitpid(self.pid, 0 if seconds is None else os.WNOHANG)
                if pid:
                    break
                if waited >= (seconds or 0.0):
                    raise subprocess.TimeoutExpired("worker", waited)
                deadline.wait(0.01)
                waited += 0.01
            self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def kill(self) -> None:
        """End it at once."""
        if self._code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.wait()


_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # workers are many: each has one


def _stderr() -> int:
    """Return where a worker's standard output goes: not where this program's results do."""
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return subprocess.DEVNULL


def _nameless(size: int) -> int:
    """Return the descriptor of so much memory that has no name, and so cannot be left behind."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("shoal")
    else:
        descriptor, path = tempfile.mkstemp(prefix="shoal-")
        os.unlink(path)
    os.ftruncate(descriptor, size)
    return descriptor


def _floats(spec: Spec) -> list[int]:
    """Return, for every four bytes of a row, whether they are a float."""
    found = np.zeros(spec.row_bytes // 4, np.uint8)
    for field in spec.fields:
        if field.dtype == "float32":
            found[field.offset // 4 : (field.offset + field.bytes) // 4] = 1
    return found.tolist() if found.any() else []


def _end(
    lib: native.Library,
    base: int,
    count: int,
    processes: list[Any],
    inside: list[workers.Worker],
    descriptor: int,
) -> None:
    """Tell every worker to quit, and kill those that do not."""
    os.close(descriptor)  # what is mapped stays
    for index in range(count):
        lib.outside_quit(base, index)
    for process in processes:
        if isinstance(process, threading.Thread):
            process.join(GRACE_SECONDS)
        elif process is not None:
            try:
                process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
    for worker in inside:
        worker.close()
