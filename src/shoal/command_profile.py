# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal profile ENV`: the time of each function of a step, and whether environment or learner is the bottleneck.

Functions are timed one by one, by a clock around many calls over one block of copies, on the states that random play
meets; then some seconds of training are split by stage. Nothing but the library is needed.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from shoal import bench, config, flags, native, registry, stages, store
from shoal.bench.train import Runner, Window
from shoal.cli import count, environment, title
from shoal.errors import ConfigError
from shoal.plot import bar
from shoal.vector import Vec

_OPTIONS = (
    *flags.LAYERS,
    flags.SEED,
    flags.THREADS,
    flags.Option("seconds", "float", 3.0, "a third for the functions, the rest for training"),
    flags.JSON,
)

_SAMPLES = 64  # of every function between looks at the clock
_APART = 8  # steps between samples
_CYCLE = 64  # prepared actions of each copy

_PARTS = ("step", "observe", "reset", "respawn", "live")  # of a step; the rest of it is the engine
_ABOUT = {
    "reset": "once an episode",
    "respawn": "once a life that ends while others go on",
    "engine": "actions, limits, rewards, metrics around them",
    "scripted": "no part of a step: evaluation only",
}


def run(arguments: list[str]) -> int:
    """Run `shoal profile ARGUMENTS` and return the exit code."""
    name, rest = environment("shoal profile", arguments)
    if registry.get(name).outside:
        raise ConfigError(
            f"`{name}` is Python: its functions cannot be timed one by one", "`shoal bench vec`, cProfile"
        )
    about = "Where the time of a step goes, and the time of training."
    parsed = flags.parse(f"shoal profile {name}", about, rest, _OPTIONS, name)
    options = parsed.options
    bench.check_timing(options)
    settings = parsed.load(name)
    runner = Runner(settings, settings.vec.threads)
    spec = runner.trainer.spec
    print(f"{title(name)}\n{bench.machine()}", flush=True)

    functions = functions_of(spec, settings, options["seconds"] / 3)
    whole = functions["whole"]["ns_a_step"]
    print(f"\na step of an agent takes {whole:.3g} ns with random actions on one thread: {1e3 / whole:.3g} million/s")
    _show_functions(functions)

    window = runner.window(options["seconds"] * 2 / 3)
    shares = stages.shares(window.stages)
    _show_training(window, shares, runner)
    advice = advise(functions, shares)
    print(f"\nbottleneck: {stages.bottleneck(window.stages)}\n{advice}")
    if options["json"]:
        row: dict[str, Any] = {
            "env": spec.env.name,
            "version": spec.version,
            "settings": runner.mark,
            "ns_a_step": whole,
        }
        row |= {"functions": {key: entry for key, entry in functions.items() if key != "whole"}}
        row |= {"sps": round(window.sps), "stages": {key: round(share, 4) for key, share in shares.items()}}
        row |= {"bottleneck": stages.largest(window.stages)[0], "advice": advice, "machine": bench.machine()}
        print(store.to_json(row))
    return 0


def functions_of(spec: registry.Spec, settings: config.Config, seconds: float) -> dict[str, dict[str, float]]:
    """Return calls and nanoseconds of each function, of the engine around them, and of a whole step.

    `calls` are per agent step, `ns_a_call` one call, `ns_a_step` their product, `share` that of a whole step; medians
    over samples.
    """
    num_envs = max(1, min(settings.vec.num_envs or 96, 96 // spec.agents))
    lib, message = native.library(), native.Message()
    found_seconds: list[Any] = []
    found_calls: list[Any] = []
    limit = settings.vec.max_steps or 0
    with Vec(spec, num_envs=num_envs, seed=settings.seed, threads=1, max_steps=limit, stagger=True) as vec:
        discrete, continuous = bench.random_actions(spec, (_CYCLE, vec.num_rows))
        began = time.perf_counter()
        while not found_seconds or time.perf_counter() - began < seconds:
            spent = np.zeros((_SAMPLES, len(native.CALLS) + 1))
            calls = np.zeros(spent.shape, np.int64)
            data = (array.ctypes.data for array in (discrete, continuous, spent, calls))
            code = lib.vec_profile(vec.handle, _SAMPLES, _APART, _CYCLE, *data, message)
            message.check(code)
            found_seconds.append(spent)
            found_calls.append(calls)
        rows = vec.num_rows
    spent, calls = np.concatenate(found_seconds[-200:]), np.concatenate(found_calls[-200:])
    return _summarise(spent, calls, rows)


def _summarise(spent: Any, calls: Any, rows: int) -> dict[str, dict[str, float]]:
    """Return the table of `functions_of`, given seconds and calls of every sample over so many agents."""
    whole = max(float(np.median(spent[:, -1])) * 1e9 / rows, 1e-9)
    table: dict[str, dict[str, float]] = {}
    for index, name in enumerate(native.CALLS):
        happened = calls[:, index] > 0
        if not happened.any():
            continue
        each = max(float(np.median(spent[happened, index] / calls[happened, index])) * 1e9, 0.0)
        number = float(calls[:, index].mean()) / rows
        if name == "reset":
            number = float(calls[:, -1].mean()) / _APART / rows
        table[name] = {"calls": number, "ns_a_call": each, "ns_a_step": number * each}
    known = sum(entry["ns_a_step"] for name, entry in table.items() if name in _PARTS)
    table["engine"] = {"calls": 1.0, "ns_a_call": max(whole - known, 0.0), "ns_a_step": max(whole - known, 0.0)}
    total = max(whole, known)
    for name, entry in table.items():
        entry["share"] = entry["ns_a_step"] / total if name != "scripted" else 0.0
    return table | {"whole": {"calls": 1.0, "ns_a_call": whole, "ns_a_step": whole, "share": 1.0}}


def advise(functions: dict[str, dict[str, float]], shares: dict[str, float]) -> str:
    """Return one sentence: what would make training faster, and by how much it could at most."""
    part, share = stages.largest(shares)
    world = shares["simulate"]
    if part == "environment":
        parts = {name: functions[name]["share"] for name in (*_PARTS, "engine") if name in functions}
        slow = max(parts.items(), key=lambda entry: entry[1])
        return (
            f"The environment is the bottleneck: `{slow[0]}` takes {slow[1]:.0%} of its step; make that faster first. "
            f"Training would be {_times(share)} times as fast if steps cost nothing"
        )
    faster = f"A faster environment would make training at most {_times(world)} times as fast"
    if part == "waiting":
        return f"{faster}; threads wait: give each more to do, with more `--vec.num-envs`, or look what else runs here"
    if part == "bookkeeping":
        return f"{faster}; a larger network or more work per observation would be nearly free"
    return (
        f"The learner is the bottleneck. {faster}; a smaller network (`--policy.hidden`, `--policy.layers`) or fewer "
        f"passes over the data (`--train.replay-ratio`) would do more"
    )


def _times(share: float) -> str:
    return f"{1.0 / max(1.0 - share, 0.01):.2f}"


def _show_functions(functions: dict[str, dict[str, float]]) -> None:
    print(f"{'function':<12}{'calls a step':>14}{'ns a call':>12}{'ns a step':>12}{'share':>8}")
    for name, entry in functions.items():
        if name in ("whole", "engine"):
            continue
        inside = name != "scripted"
        share = f"{entry['share']:.1%}" if inside else ""
        each = f"{entry['ns_a_step']:.2f}" if inside else ""
        number = f"{entry['calls']:.4g}" if inside else ""
        line = f"{name:<12}{number:>14}{entry['ns_a_call']:>12.2f}{each:>12}{share:>8}  {_ABOUT.get(name, '')}"
        print(line.rstrip())
    engine = functions["engine"]
    print(f"{'engine':<12}{'':>14}{'':>12}{engine['ns_a_step']:>12.2f}{engine['share']:>8.1%}  {_ABOUT['engine']}")


def _show_training(window: Window, shares: dict[str, float], runner: Runner) -> None:
    settings = runner.trainer.config
    policy = settings.policy
    print(
        f"\ntraining makes {count(window.sps)} steps/s, measured for {window.seconds:.1f} s: "
        f"{policy.core} {policy.hidden} x {policy.layers}, {settings.vec.num_envs} copies"
    )
    print(f"{'part':<18}{'ns a step':>10}{'share':>8}")
    total = sum(window.stages.values()) / window.steps * 1e9
    for name, share in stages.grouped(shares).items():
        print(f"{name:<18}{share * total:>10.1f}{share:>8.1%}  {bar(share, 30)}".rstrip())
