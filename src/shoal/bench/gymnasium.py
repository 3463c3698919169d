# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Our cartpole through `gymnasium.make_vec` beside Gymnasium's own vector CartPole, and EnvPool's.

What is timed is a loop over `envs.step` with random actions prepared beforehand, as a program in Python has it: the
call, arrays of its own for every step, and the resets of the copies that ended. Ours and Gymnasium's take turns, so
that what disturbs the machine disturbs both; a ratio is the median of those of the turns.
"""

from __future__ import annotations

import importlib
import json
import statistics
import subprocess
from pathlib import Path
from typing import Any

from shoal import bench, flags, store
from shoal.bench import timing
from shoal.errors import ConfigError

# Ours in Gymnasium's default mode, which its CartPole has too; then in the others'.
OURS: dict[str, dict[str, Any]] = {"ours": {}, "same-step": {"autoreset_mode": "SameStep"}, "in place": {"copy": False}}

_CYCLE = 64  # prepared actions of each copy
_OPTIONS = (
    flags.Option("copies", "str", "64,1024,4096", "several separated by commas"),
    flags.Option("seconds", "float", 0.2, "of one measurement"),
    flags.Option("repeats", "int", 7, "measurements"),
    flags.Option("envpool", "str", None, "a Python that has EnvPool: measure it too"),
    bench.RESULTS,
)


def run(arguments: list[str]) -> int:
    """Run `shoal bench gymnasium ARGUMENTS` and return the exit code."""
    title = "Steps a second of cartpole through Gymnasium's vector interface."
    options = flags.parse("shoal bench gymnasium", title, arguments, _OPTIONS).options
    bench.check_timing(options)
    copies = bench.counts("copies", options["copies"])
    seconds, repeats = options["seconds"], options["repeats"]
    print(f"{bench.machine()}; million steps a second through `envs.step`, resets included; in brackets microseconds")
    print(f"{'copies':>7}" + "".join(f"{name:>18}" for name in (*OURS, "gymnasium")) + f"{'ratio':>8}{'of turns':>14}")
    found = []
    for count in copies:
        rates = measure(count, seconds=seconds, repeats=repeats)
        ratios = [ours / theirs for ours, theirs in zip(rates["ours"], rates["gymnasium"], strict=True)]
        row = {"env": "cartpole", "copies": count, "repeats": repeats, "ratio": bench.spread(ratios, 3)}
        row["msteps"] = {name: bench.spread(values) for name, values in rates.items()}
        found.append(row)
        shown = [f"{values[0]:.4g} ({count / values[0]:.1f})" for values in row["msteps"].values()]
        ratio, low, high = row["ratio"]
        line = "".join(f"{text:>18}" for text in shown)
        print(f"{count:>7}{line}{ratio:>8.3g}{low:>7.3g}{high:>7.3g}", flush=True)
    if options["envpool"]:
        peer = envpool(options["envpool"], copies, seconds=seconds, repeats=repeats)
        for row in found:
            threads, rates = max(peer["rates"][str(row["copies"])].items(), key=lambda item: statistics.median(item[1]))
            row["envpool"] = {"version": peer["version"], "threads": int(threads), "msteps": bench.spread(rates)}
            row["envpool"]["ratio"] = float(f"{row['msteps']['ours'][0] / row['envpool']['msteps'][0]:.3g}")
            print(
                f"{row['copies']:>7} EnvPool {peer['version']}, {threads} threads: {row['envpool']['msteps'][0]:.4g}; "
                f"ours {row['envpool']['ratio']:.3g} times as many"
            )
    for row in found:
        bench.append(options["results"], "gymnasium-cartpole", row | {"settings": "default"} | bench.about())
    print(store.to_json({"machine": bench.machine(), "commit": bench.commit(), "rows": found}))
    return 0


def measure(copies: int, *, seconds: float, repeats: int) -> dict[str, list[float]]:
    """Return million steps a second of ours and of Gymnasium's CartPole, in turns."""
    import numpy as np

    ours = importlib.import_module("shoal.gymnasium")  # first: it says so if Gymnasium is missing
    gymnasium = importlib.import_module("gymnasium")
    made = {name: ours.make_vec("cartpole", copies, **how) for name, how in OURS.items()}
    made["gymnasium"] = gymnasium.make_vec("CartPole-v1", copies, vectorization_mode="vector_entry_point")
    actions = list(np.random.default_rng(0).integers(0, 2, (_CYCLE, copies)))

    def clock(envs: Any) -> timing.Timed:
        step = envs.step

        def run(steps: int) -> None:
            for number in range(steps):
                step(actions[number % _CYCLE])

        return timing.clock(run)

    for envs in made.values():
        envs.reset(seed=1)
    rates = timing.in_turns({name: clock(envs) for name, envs in made.items()}, seconds, repeats)
    for envs in made.values():
        envs.close()
    return {name: [rate * copies / 1e6 for rate in values] for name, values in rates.items()}


def envpool(python: str, copies: list[int], *, seconds: float, repeats: int) -> dict[str, Any]:
    """Return EnvPool's version, and its rates by copies and threads, as that Python measures them.

    It runs in isolated mode, so that the folder of this file, which has a `gymnasium.py`, is not searched.

    Raises:
        ConfigError: if it cannot.
    """
    task = json.dumps({"copies": copies, "seconds": seconds, "repeats": repeats})
    program = Path(__file__).parent / "envpool_peer.py"
    try:
        done = subprocess.run([python, "-I", str(program), task], capture_output=True, text=True, check=False)
    except OSError as error:
        raise ConfigError(f"--envpool {python}: {error.strerror}; expected the path of a Python") from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        hint = "python -m venv pool && pool/bin/pip install envpool; then --envpool pool/bin/python"
        raise ConfigError(f"--envpool {python}: EnvPool cannot be measured: {reason}", hint)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
