# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Stepping of Python environments: our workers beside Gymnasium's and Stable-Baselines3's vectors, in one run.

Each steps the same environments with the same drawn actions, prepared beforehand. Peers are opened as their users open
them (with checks and copies of observations off), and get several numbers of copies, as ours do: their best counts.
Measurements take turns, so that what else the machine does falls on all of them alike.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from shoal import bench, flags, registry, store
from shoal.errors import ConfigError

ENVIRONMENTS = ("gymnasium:CartPole-v1", "gymnasium:LunarLander-v3", "gymnasium:ALE/Pong-v5")
CYCLE = 64  # prepared steps

_OPTIONS = (
    flags.Option("copies", "str", "8,64", "several separated by commas"),
    flags.Option("blocks", "str", "0", "copies that ours step together, several separated by commas; 0: by default"),
    flags.Option("seconds", "float", 1.0, "of one measurement"),
    flags.Option("repeats", "int", 5, "measurements"),
    flags.Option("spin", "bool", False, "waiting of ours burns cores"),
    bench.RESULTS,
)


class Stepped(Protocol):
    """A vector of environments under measurement."""

    def step(self, actions: NDArray[Any]) -> None:
        """Step every copy."""

    def close(self) -> None:
        """End it."""


def run(names: list[str], arguments: list[str]) -> int:
    """Run `shoal bench vec NAMES ARGUMENTS` and return the exit code."""
    options = flags.parse("shoal bench vec", "Steps a second of Python environments.", arguments, _OPTIONS).options
    bench.check_timing(options)
    copies, blocks = bench.counts("copies", options["copies"]), bench.counts("blocks", options["blocks"], 0)
    environments = [registry.get(name) for name in names or ENVIRONMENTS]
    for env in environments:
        if not env.outside.startswith("gymnasium:"):
            raise ConfigError(f"peers cannot step `{env.spelled}`; expected gymnasium:ID", "`shoal bench sim` is for C")
    print(f"{bench.machine()}; steps a second, resets included")
    print(f"{'environment':<26}{'vector':<26}{'copies':>7}{'block':>7}{'median':>10}{'lowest':>10}{'highest':>10}")
    found = []
    for env in environments:
        rows = _measure(env, copies, blocks, options)
        found += rows
        ours = max((row["sps"][0] for row in rows if row["vector"].startswith("shoal")), default=0.0)
        for vector in dict.fromkeys(row["vector"] for row in rows if not row["vector"].startswith("shoal")):
            best = max(row["sps"][0] for row in rows if row["vector"] == vector)
            print(f"{env.spelled:<26}{ours / best:.2f} x the best of {vector}")
    print(store.to_json({"machine": bench.machine(), "commit": bench.commit(), "rows": found}))
    return 0


def _measure(
    env: registry.Environment, copies: Sequence[int], blocks: Sequence[int], options: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return a row for every vector and number of copies."""
    spec = env.spec()
    mark = hashlib.sha256(json.dumps([env.spelled, options["seconds"]]).encode()).hexdigest()[:12]
    rows = []
    for count in copies:
        cases: list[tuple[str, int, Callable[[], Stepped]]] = [
            ("shoal processes", block, lambda count=count, block=block: _Ours(spec, count, block, options["spin"]))  # type: ignore[misc]
            for block in blocks
        ]
        cases += [(name, 0, lambda peer=peer, count=count: peer(env.outside, count)) for name, peer in PEERS.items()]  # type: ignore[misc]
        for name, block, opened in cases:
            try:
                rates = _rates(opened(), spec, count, options["seconds"], options["repeats"])
            except ImportError as error:
                print(f"{env.spelled:<26}{name:<26}{count:>7}  not measured: {error}")
                continue
            row: dict[str, Any] = {"env": env.spelled, "vector": name, "copies": count, "block": block}
            row |= {"sps": bench.spread(rates), "repeats": len(rates), "settings": mark}
            rows.append(row)
            bench.append(options["results"], f"vec-{env.name}", row | bench.about())
            print(
                f"{env.spelled:<26}{name:<26}{count:>7}{block or '':>7}"
                + "".join(f"{rate:>10.4g}" for rate in row["sps"]),
                flush=True,
            )
    return rows


def _rates(vector: Stepped, spec: registry.Spec, copies: int, seconds: float, repeats: int) -> list[float]:
    """Return steps a second of several measurements."""
    discrete, continuous = bench.random_actions(spec, (CYCLE, copies))
    actions: NDArray[Any] = discrete[..., 0] if spec.heads else continuous

    def timed(steps: int) -> float:
        before = time.perf_counter()
        for step in range(steps):
            vector.step(actions[step % CYCLE])
        return time.perf_counter() - before

    try:
        steps, elapsed = 1, 0.0
        while elapsed < seconds / 4:
            steps *= 2
            elapsed = timed(steps)
        steps = max(int(steps * seconds / elapsed), 1)
        return [steps * copies / timed(steps) for _ in range(repeats)]
    finally:
        vector.close()


class _Ours:
    """Our worker processes."""

    def __init__(self, spec: registry.Spec, copies: int, block: int, spin: bool) -> None:
        from shoal.outside.pool import Workers
        from shoal.vector import Vec

        self._vec = Vec(spec, num_envs=copies, workers=Workers(block=min(block, copies), spin=spin))
        self._discrete = bool(spec.heads)

    def step(self, actions: NDArray[Any]) -> None:
        if self._discrete:
            self._vec.step(actions)
        else:
            self._vec.step(continuous=actions)

    def close(self) -> None:
        self._vec.close()


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

    def close(self) -> None:
        self._vec.close()


class _Subproc:
    """Stable-Baselines3's SubprocVecEnv."""

    def __init__(self, reference: str, copies: int) -> None:
        from stable_baselines3.common.vec_env import SubprocVecEnv

        self._vec = SubprocVecEnv([_maker(reference) for _ in range(copies)])
        self._vec.seed(0)
        self._vec.reset()

    def step(self, actions: NDArray[Any]) -> None:
        self._vec.step(actions)

    def close(self) -> None:
        self._vec.close()


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
