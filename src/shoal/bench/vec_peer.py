# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""One vector of Python environments under measurement, with all its processes: `python -m shoal.bench.vec_peer TASK`.

It is started by vec.py, which may kill it with everything that it has started, and which it does not outlive. TASK is
a JSON object with env, vector, copies, block, spin, seconds and repeats. It prints STARTED once every copy was reset,
then a list of steps a second.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

from numpy.typing import NDArray

from shoal import bench, registry
from shoal.bench import timing

STARTED = "vector started"
OURS = "shoal processes"
CYCLE = 64  # prepared steps


class Stepped(Protocol):
    """A vector of environments under measurement."""

    def step(self, actions: NDArray[Any]) -> None:
        """Step every copy."""


def main(task: dict[str, Any]) -> None:
    """Print steps a second of several measurements."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    env = registry.get(task["env"])
    spec, copies = env.spec(), task["copies"]
    discrete, continuous = bench.random_actions(spec, (CYCLE, copies))
    actions: NDArray[Any] = discrete[..., 0] if spec.heads else continuous
    vector = _Ours(spec, task) if task["vector"] == OURS else PEERS[task["vector"]](env.outside, copies)
    print(STARTED, flush=True)
    print(json.dumps(_rates(vector, actions, task["seconds"], task["repeats"])), flush=True)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(0, signal.SIGKILL)  # closing tells nothing more, and takes its time


def _end_with_parent() -> None:
    """End this process and those of the vector once the other end of the standard input is gone."""
    os.read(0, 1)  # a buffered file would be locked while the interpreter ends
    os.killpg(0, signal.SIGKILL)


def _rates(vector: Stepped, actions: NDArray[Any], seconds: float, repeats: int) -> list[float]:
    """Return steps a second of several measurements."""
    copies = actions.shape[1]

    def run(steps: int) -> None:
        for step in range(steps):
            vector.step(actions[step % CYCLE])

    return [copies * rate for rate in timing.rates(timing.clock(run), seconds, repeats)]


class _Ours:
    """Our worker processes."""

    def __init__(self, spec: registry.Spec, task: dict[str, Any]) -> None:
        from shoal.outside.pool import Workers
        from shoal.vector import Vec

        copies = task["copies"]
        workers = Workers(block=min(task["block"], copies), spin=task["spin"])
        self._vec = Vec(spec, num_envs=copies, workers=workers)
        self._discrete = bool(spec.heads)

    def step(self, actions: NDArray[Any]) -> None:
        if self._discrete:
            self._vec.step(actions)
        else:
            self._vec.step(continuous=actions)


class _Gymnasium:
    """Gymnasium's AsyncVectorEnv or SyncVectorEnv."""

    def __init__(self, reference: str, copies: int, kind: str) -> None:
        import gymnasium

        made = [_maker(reference) for _ in range(copies)]
        vector = gymnasium.vector
        self._vec: Any = (
            vector.AsyncVectorEnv(made, shared_memory=True, copy=False)
            if kind == "async"
            else vector.SyncVectorEnv(made, copy=False)
        )
        self._vec.reset(seed=0)

    def step(self, actions: NDArray[Any]) -> None:
        self._vec.step(actions)


class _Subproc:
    """Stable-Baselines3's SubprocVecEnv; forked, since a process that begins anew imports torch: seconds for each."""

    def __init__(self, reference: str, copies: int) -> None:
        from stable_baselines3.common.vec_env import SubprocVecEnv

        self._vec = SubprocVecEnv([_maker(reference) for _ in range(copies)], start_method="fork")
        self._vec.seed(0)
        self._vec.reset()

    def step(self, actions: NDArray[Any]) -> None:
        self._vec.step(actions)


def _maker(reference: str) -> Callable[[], Any]:
    """Return what opens one copy as a peer's user would, with Atari's usual preprocessing."""

    def make() -> Any:
        import gymnasium

        name = reference.removeprefix("gymnasium:")
        if not name.startswith("ALE/"):
            return gymnasium.make(name, disable_env_checker=True)
        import ale_py

        gymnasium.register_envs(ale_py)
        env = gymnasium.make(name, disable_env_checker=True, frameskip=1)
        env = gymnasium.wrappers.AtariPreprocessing(env, noop_max=30, frame_skip=4, screen_size=84)
        return gymnasium.wrappers.FrameStackObservation(env, 4)

    return make


PEERS: dict[str, Callable[[str, int], Stepped]] = {
    "gymnasium async": lambda reference, copies: _Gymnasium(reference, copies, "async"),
    "gymnasium sync": lambda reference, copies: _Gymnasium(reference, copies, "sync"),
    "stable-baselines3 subproc": _Subproc,
}


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
