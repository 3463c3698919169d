# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What steps Python environments: in a process of its own, a thread, or the calling thread (pool.py starts them).

A worker has whole blocks of environments. It waits in native code until one is to be served, does with each environment
what its command says, and answers (native/include/shoal/outside.h). An environment that raises, or returns what is not
finite, is opened anew and reset; the engine hears of it and cuts the episode.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import mmap
import os
import signal
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal import native
from shoal.outside.quicken import quicken
from shoal.outside.slot import Slot

REST, STEP, LAST, STEP_ALONE, RESET = range(5)  # commands, SHOAL_OUTSIDE_*
RAISED, NUMBER, DIED, HUNG, HOPELESS, OPENED = range(1, 7)  # faults, SHOAL_FAULT_*
MIXED = 1 << 30  # SHOAL_OUTSIDE_MIXED
BELL_BYTES = 128  # of a worker's words, at the start of the shared memory
READY, AT = 8, 16  # bytes from there: it has started; the environment that is being stepped
MESSAGE_BYTES = 256

Views = dict[str, NDArray[Any]]


def views_of(shape: native.OutsideShape, memory: memoryview) -> Views:
    """Return the arrays of the shared memory by name, per environment first."""
    offsets = (ctypes.c_int64 * len(native.OUTSIDE_ARRAYS))()
    native.library().outside_layout(ctypes.byref(shape), offsets)
    n, agents = shape.num_envs, shape.agents
    rows: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
        "commands": (np.uint8, (n,)),
        "seeds": (np.uint64, (n,)),
        "faults": (np.uint8, (n,)),
        "over": (np.uint8, (n,)),
        "renewed": (np.uint8, (n,)),
        "params": (np.uint8, (n, shape.params_bytes)),
        "rows": (np.uint8, (n, agents, shape.row_bytes)),
        "final_rows": (np.uint8, (n, agents, shape.row_bytes)),
        "masks": (np.uint8, (n, agents, shape.mask_bytes)),
        "final_masks": (np.uint8, (n, agents, shape.mask_bytes)),
        "discrete": (np.int32, (n, agents, shape.heads)),
        "continuous": (np.float32, (n, agents, shape.dims)),
        "rewards": (np.float32, (n, agents)),
        "ended": (np.uint8, (n, agents)),
        "live": (np.uint8, (n, agents)),
        "metrics": (np.float32, (n, agents, shape.metrics)),
        "final_metrics": (np.float32, (n, agents, shape.metrics)),
        "messages": (np.uint8, (n, MESSAGE_BYTES)),
    }
    found = {}
    for name, (dtype, dims) in rows.items():
        at = offsets[native.OUTSIDE_ARRAYS.index(name)]
        count = int(np.prod(dims))
        found[name] = np.frombuffer(memory, dtype, count, at).reshape(dims)
    return found


class Turns(NamedTuple):
    """What it takes to step a block.

    Attributes:
        steps: environments and their steps. over: their flags in the shared memory. none: these if no episode ended.
    """

    steps: list[tuple[int, Callable[[], None]]]
    over: memoryview
    none: bytes


class Worker:
    """The environments of one worker.

    Args:
        setup: what to open and how, as pool.py writes it.
        memory: what is shared.
    """

    def __init__(self, setup: Mapping[str, Any], memory: memoryview) -> None:
        self._setup = setup
        self._lib = native.library()
        self._shape = native.OutsideShape(**setup["shape"])
        self._index: int = setup["worker"]
        self._memory = memory
        self._base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        self._views = views_of(self._shape, memory)
        names = ("commands", "over", "renewed", "faults", "seeds")
        self._commands, self._over, self._renewed, self._faults, self._seeds = (self._views[n].data for n in names)
        self._at = memory[BELL_BYTES * self._index :][AT : AT + 4].cast("i")
        self._finite = (ctypes.c_uint8 * len(setup["finite"]))(*setup["finite"])
        self._native = native.OutsideWorker(
            shape=self._shape,
            finite=ctypes.addressof(self._finite) if len(self._finite) else None,
            base=self._base,
            spin=setup["spin"],
            index=self._index,
        )
        self._params: list[tuple[str, str, bool]] = [tuple(row) for row in setup["params"]]
        self._opened_with = bytes.fromhex(setup["values"])
        self._adapters: dict[int, Any] = {}
        self._errors: dict[int, BaseException] = {}
        self._values: dict[int, bytes] = {}  # the parameters as each environment has them
        self._fresh: set[int] = set()  # opened after a fault of the worker, and not yet reset
        self._turns: dict[int, Turns] = {}  # by block
        self._pictureless = False

    def open(self) -> None:
        """Open every environment of this worker."""
        shape = self._shape
        for block in range(self._index, -(-shape.num_envs // shape.block), shape.workers):
            for e in self._members(block):
                self._at[0] = e
                try:
                    self._open(e)
                except (Exception, SystemExit) as error:
                    self._errors[e] = error
                if self._setup["cause"]:
                    self._fresh.add(e)
        self._memory[BELL_BYTES * self._index + READY] = 1

    def run(self, parent: int) -> None:
        """Serve blocks until told to quit, or until the process `parent` (0: none) has gone."""
        wait, worker = self._lib.outside_next, ctypes.byref(self._native)
        self._native.parent = parent
        served = -1
        while (block := wait(worker, served)) != -1:
            if block < 0:
                self._replace(-2 - block)
                continue  # `served` is answered by the next call
            self._serve(block)
            served = block & ~MIXED

    def serve_now(self, block: int) -> None:
        """Serve a block that was asked for, and answer, on this thread."""
        worker = ctypes.byref(self._native)
        self._serve(self._lib.outside_begin(worker, block))
        while (left := self._lib.outside_answer(worker, block)) >= 0:
            self._replace(left)

    def _serve(self, block: int) -> None:
        """Do with each environment of a block what its command says; MIXED is added where not all are to step."""
        turns = self._turns.get(block)
        if turns is None:
            self._serve_each(block & ~MIXED)
            return
        at, steps = self._at, iter(turns.steps)
        while True:
            try:
                for e, step in steps:  # goes on behind one that raised
                    at[0] = e
                    step()
                break
            except (Exception, SystemExit) as error:
                self._recover(e, RAISED, error)
                if self._errors:
                    return
        if turns.over != turns.none:
            for (e, _), ended in zip(turns.steps, turns.over.tolist(), strict=True):
                if ended:
                    at[0] = e
                    self._renew(e)

    def _serve_each(self, block: int) -> None:
        members = self._members(block)
        for e, command in zip(members, bytes(self._commands[members.start : members.stop]), strict=True):
            if command:
                self._at[0] = e
                self._do(e, command)
        if not self._errors and not self._fresh:
            over = self._over[members.start : members.stop]
            steps = [(e, self._adapters[e].step) for e in members]
            self._turns[block] = Turns(steps, over, bytes(len(members)))

    def close(self) -> None:
        """Close every environment."""
        for adapter in self._adapters.values():
            with contextlib.suppress(Exception):
                adapter.close()
        self._adapters.clear()

    def render(self, e: int) -> Any:
        """Return a picture of an environment, or None if it makes none; why not is said once."""
        if self._pictureless:
            return None
        try:
            return self._adapters[e].render()
        except Exception as error:
            self._pictureless = True
            logging.getLogger("shoal").warning("`%s` makes no picture: %s", self._setup["reference"], explain(error))
            return None

    # ------------------------------------------------------------------------------------------------ one environment

    def _do(self, e: int, command: int) -> None:
        if e in self._errors:
            return self._give_up(e, OPENED, self._errors[e])
        try:
            if e in self._fresh:
                self._fresh.discard(e)
                self._begin(e)
                if command != RESET:
                    self._lost(e, self._setup["cause"], "")
            elif command == RESET:
                self._begin(e)
            else:
                self._adapters[e].step()
                if command == LAST or (command == STEP and self._over[e]):
                    self._renew(e)
        except (Exception, SystemExit) as error:
            self._recover(e, RAISED, error)
        return None

    def _renew(self, e: int) -> None:
        """Put what an episode ended with aside, and begin the next."""
        views = self._views
        views["final_rows"][e] = views["rows"][e]
        views["final_metrics"][e] = views["metrics"][e]
        if self._shape.mask_bytes:
            views["final_masks"][e] = views["masks"][e]
        try:
            self._begin(e)
            self._renewed[e] = 1
        except (Exception, SystemExit) as error:
            self._recover(e, RAISED, error)

    def _begin(self, e: int) -> None:
        adapter = self._adapters[e]
        if self._params:
            self._adopt(e)
        adapter.reset(self._seeds[e])

    def _adopt(self, e: int) -> None:
        """Give an environment the parameters of the episode that begins."""
        has, gets = self._values[e], self._views["params"][e].tobytes()
        if has == gets:
            return
        changed: dict[str, Any] = {}
        for i, (name, kind, settable) in enumerate(self._params):
            at = ctypes.sizeof(native.Sizes) + 4 * i
            if settable and has[at : at + 4] != gets[at : at + 4]:
                (number,) = struct.unpack_from("=f" if kind == "float" else "=i", gets, at)
                changed[name] = float(f"{number:.7g}") if kind == "float" else number
        self._values[e] = gets
        if changed:
            set_values(self._adapters[e], changed)

    def _open(self, e: int) -> None:
        """Open environment e and bind it to its slot; the step of each is compiled into its block's list."""
        from shoal.outside.source import open_source

        setup, views = self._setup, self._views
        adapter = open_source(setup["reference"], setup["kwargs"], render=setup["render"])
        quicken(getattr(getattr(adapter, "env", None), "unwrapped", None))
        declared = adapter.declaration
        shape = self._shape
        same = (declared.agents, declared.row_bytes, declared.mask_bytes, len(declared.heads), len(declared.dims))
        expected = (shape.agents, setup["row_bytes"], shape.mask_bytes, shape.heads, shape.dims)
        if same != expected:
            raise ValueError(f"it was opened with other spaces than the first one: {same}; expected {expected}")
        views["live"][e] = 0
        rows = views["rows"][e][:, : declared.row_bytes]  # parameters that the policy sees stand behind
        names = ("masks", "discrete", "continuous", "rewards", "ended", "live", "metrics")
        adapter.bind(Slot(rows=rows, **{name: views[name][e] for name in names}, over=views["over"][e : e + 1]))
        self._adapters[e] = adapter
        self._values[e] = self._opened_with

    def _replace(self, e: int) -> None:
        """Open an environment anew that returned a number which is not finite; give up if it does so again at once."""
        if self._faults[e]:
            return self._give_up(e, HOPELESS, self._unfit(e))
        return self._recover(e, NUMBER, self._unfit(e))

    def _recover(self, e: int, fault: int, error: BaseException) -> None:
        """Open an environment anew and reset it."""
        self._turns.pop(e // self._shape.block, None)
        for _ in range(max(self._setup["restarts"], 1)):
            with contextlib.suppress(Exception):
                self._adapters[e].close()
            try:
                self._open(e)
                self._begin(e)
                return self._lost(e, fault, explain(error))
            except (Exception, SystemExit) as again:
                error = again
        return self._give_up(e, HOPELESS, error)

    def _lost(self, e: int, fault: int, message: str) -> None:
        """Report that the episode is lost and another one has begun."""
        self._views["rewards"][e] = 0.0
        self._views["ended"][e] = 0
        self._over[e] = 0
        self._renewed[e] = 1
        self._faults[e] = fault
        self._say(e, message)

    def _give_up(self, e: int, fault: int, error: BaseException) -> None:
        self._errors[e] = error
        self._turns.clear()
        self._views["rewards"][e] = 0.0
        for name in ("rows", "final_rows"):
            self._views[name][e] = 0
        self._over[e] = 0
        self._faults[e] = fault
        self._say(e, explain(error))

    def _say(self, e: int, message: str) -> None:
        data = message.encode()[: MESSAGE_BYTES - 1]
        self._views["messages"][e] = 0
        self._views["messages"][e, : len(data)] = np.frombuffer(data, np.uint8)

    def _unfit(self, e: int) -> Exception:
        """Return what is not finite."""
        if not np.isfinite(self._views["rewards"][e]).all():
            return ValueError(f"the reward is {self._views['rewards'][e].tolist()}; expected finite numbers")
        for field in self._adapters[e].declaration.fields:
            for row in (*self._views["rows"][e], *self._views["final_rows"][e]):
                values = row[field.offset : field.offset + field.bytes]
                if field.dtype == "float32" and not np.isfinite(values.view(np.float32)).all():
                    return ValueError(f"the observation `{field.name}` has NaN or infinity; expected finite numbers")
        return ValueError("an observation is not finite")

    def _members(self, block: int) -> range:
        first = block * self._shape.block
        return range(first, min(first + self._shape.block, self._shape.num_envs))


def set_values(adapter: Any, values: Mapping[str, Any]) -> None:
    """Change parameters of an environment: by a hook of its own if there is one, else attributes of these names."""
    inner = getattr(getattr(adapter, "env", adapter), "unwrapped", getattr(adapter, "env", adapter))
    for owner in (adapter, inner):
        for hook in ("set_values", "set_context"):
            if callable(getattr(owner, hook, None)):
                getattr(owner, hook)(dict(values))
                return
    for name, value in values.items():
        setattr(inner, name, value)


def explain(error: BaseException) -> str:
    """Return an exception in one line."""
    text = " ".join(str(error).split())
    return text if type(error).__module__.startswith("shoal.") else f"{type(error).__name__}: {text}"


def main(setup: Mapping[str, Any]) -> None:
    """Run a worker process: the memory is the file descriptor setup["memory"]."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    memory = memoryview(mmap.mmap(setup["memory"], 0))
    worker = Worker(setup, memory)
    worker.open()
    worker.run(setup["parent"])
    worker.close()
    sys.stderr.flush()
    os._exit(0)  # views of the memory are left, and nobody waits for what else would run


if __name__ == "__main__":
    main(json.loads(sys.stdin.read()))
