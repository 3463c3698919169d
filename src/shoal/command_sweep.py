# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal sweep ENV`: many trials in parallel, and the setting that comes out of them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal import command_train, config, flags, native, registry, store
from shoal.cli import INTERRUPTED, command, environment, leading
from shoal.errors import CheckpointError, ConfigError

if TYPE_CHECKING:  # numpy and sqlite, once the arguments are known to be right
    from shoal.sweep.local import Workers
    from shoal.sweep.store import Sweep

_SHARED = (
    flags.Option("workers", "int", None, "trials at a time; otherwise one per core, or per GPU"),
    flags.Option("max-runs", "int", None, "trials of the search; otherwise 100, unless --max-seconds is given"),
    flags.Option("max-seconds", "float", None, "that the search may take; running trials are ended then"),
    flags.Option("confirm", "int", 10, "fresh seeds that the recommended setting is run with at the end"),
    flags.Option("save", "str", None, "write the recommended setting to a file, for --config or the environment's own"),
    flags.Option("ray", "bool", False, "run the trials on a Ray cluster; needs the extra `ray`"),
    flags.Option("ray-address", "str", None, "of the cluster; otherwise RAY_ADDRESS, or one on this machine"),
    flags.RUNS_DIR,
    flags.Option("plain", "bool", False, "print a line a trial in a terminal too, instead of a view"),
    flags.JSON,
)
NEW = (
    *flags.LAYERS,
    *flags.BACKEND,
    flags.SEED,
    flags.THREADS,
    flags.STEPS,
    flags.Option("name", "str", None, "of the sweep; otherwise sweep-ENV-<time>-<words>"),
    flags.Option("metric", "str", None, "perf, score, any mean of an evaluation, seconds-to-solved, steps-to-solved"),
    flags.Option("search", "str", None, "how settings are found: cost, random, sobol, optuna-tpe, optuna-gp"),
    flags.Option("earlier", "str", None, "sweeps whose trials count too, separated by commas"),
    flags.Option("only", "str", None, "of the declared settings vary these, separated by commas"),
    flags.Option("until-solved", "bool", False, "a trial ends once it is solved, whatever the metric"),
    flags.Option("trial-seconds", "float", None, "that a trial may train; otherwise 600, or what the environment says"),
    flags.Option("trial-memory", "int", None, "bytes that a trial may take, such as 2G; otherwise its share of 80 %"),
    flags.Option("hang-seconds", "float", 120.0, "without a sign of life after which a trial is ended; 0: never"),
    flags.Option("resume", "str", None, "go on with a sweep, without a name with the newest; flags change its budget"),
    flags.Option("join", "str", None, "add workers to a sweep that another process runs, here or on another machine"),
    *_SHARED,
)
_RAISED = ("max_runs", "max_seconds", "confirm")  # what a resumed sweep may change


def run(arguments: list[str]) -> int:
    """Run `shoal sweep ARGUMENTS` and return the exit code."""
    resumed = flags.take_resume(arguments, of="sweep")
    joined = flags.take_resume(arguments, "--join", of="sweep") if not resumed else None
    if resumed or joined:
        sweep, options = _found(*(resumed or joined or ("", [])), join=joined is not None)
    else:
        sweep, options = _begun(arguments)
    from shoal.sweep import report, runner, show

    with sweep, command_train.interruptible():
        sweep.join()
        if resumed:
            runner.resumable(sweep)
        workers = _workers(sweep, options)
        running = runner.Runner(sweep, workers)
        with show.show(running, plain=options["plain"]) as shown:
            interrupted = running.run(shown)
        found = report.of(sweep, running.search, running.metric)
        where = "" if sweep.path.parent == store.RUNS else f" --runs-dir {sweep.path.parent}"
        way_on = f"{command()} sweep --resume {sweep.name}{where}"
        report.print_out(found, sweep, way_on if interrupted or running.problem else "", interrupted=interrupted)
        if options["save"] and found.recommended:
            report.save(found, sweep, Path(options["save"]))
        if options["json"]:
            print(store.to_json(report.summary(found, sweep, interrupted=interrupted)))
        if running.problem:
            raise CheckpointError(running.problem, f"once that is put right, `{way_on}` goes on")
    return INTERRUPTED if interrupted else 0


def _begun(arguments: list[str]) -> tuple[Sweep, dict[str, Any]]:
    """Return a new sweep and the options."""
    name, rest = environment("shoal sweep", arguments)
    ranges, rest = take_ranges(rest)
    env = registry.get(name)
    about = (
        "Search for good settings. `--sweep.train.learning-rate 'log(1e-3, 0.1)'` varies a setting: linear, log, "
        "logit, integer, pow2, choice(a, b); any setting below may be given a value, which then holds for all trials."
    )
    parsed = flags.parse(f"shoal sweep {env.spelled}", about, rest, NEW, name)
    options = parsed.options
    from shoal.sweep import declare
    from shoal.sweep import store as sweeps

    declared = declare.declaration(name, parsed, ranges, shlex.join(["shoal", "sweep", *arguments]))
    _check(options)
    named = sweeps.check_name(options["name"]) if options["name"] else ""
    return sweeps.create(Path(options["runs_dir"]), named, declared), options


def _found(name: str, arguments: list[str], *, join: bool) -> tuple[Sweep, dict[str, Any]]:
    """Return a sweep that is there, its budget changed as the options say, and the options."""
    what = "--join" if join else "--resume"
    words = leading(arguments)
    parsed = flags.parse(f"shoal sweep {what} NAME", "Go on with a sweep.", arguments[len(words) :], _SHARED)
    options = parsed.options
    if words:
        raise ConfigError(f"unexpected argument `{words[0]}`: `{what}` finds the environment by itself")
    _check(options)
    import dataclasses

    from shoal.sweep import store as sweeps

    sweep = sweeps.Sweep(sweeps.find(Path(options["runs_dir"]), name))
    changes = {key: options[key] for key in _RAISED if key in parsed.given}
    if changes and join:
        raise ConfigError(f"a sweep that is joined keeps its budget: --{next(iter(changes)).replace('_', '-')}")
    if changes:
        sweep.declaration = dataclasses.replace(sweep.declaration, **changes)
        sweep.declaration.write(sweep.path / store.SWEEP)
    return sweep, options


def take_ranges(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return the ranges that `--sweep.SECTION.KEY RANGE` declare, and the other arguments.

    Raises:
        ConfigError: if one has no range.
    """
    ranges, rest, at = {}, [], 0
    while at < len(arguments):
        flag, equals, text = arguments[at].partition("=")
        at += 1
        if not flag.startswith("--sweep."):
            rest.append(arguments[at - 1])
            continue
        if not equals:
            text = arguments[at] if at < len(arguments) else ""
            at += 1
        if not text.strip() or text.startswith("--"):
            raise ConfigError(f"the flag `{flag}` needs a range", f"{flag} 'log(1e-4, 0.1)'")
        ranges[flag.removeprefix("--sweep.").replace("-", "_")] = text
    return ranges, rest


def _check(options: dict[str, Any]) -> None:
    for key, low in (("workers", 1), ("max_runs", 1), ("max_seconds", 0), ("confirm", 0)):
        value = options.get(key)
        if value is not None and not low <= value < float("inf"):
            raise ConfigError(f"out of range: --{key.replace('_', '-')} {value:g}; expected at least {low}")
    for key in ("hang_seconds", "trial_memory"):
        value = options.get(key)
        if value is not None and not 0 <= value < float("inf"):
            raise ConfigError(f"out of range: --{key.replace('_', '-')} {value:g}; expected at least 0")
    seconds = options.get("trial_seconds")
    if seconds is not None and not 0 < seconds < float("inf"):
        raise ConfigError(f"out of range: --trial-seconds {seconds:g}; expected above 0")
    if options["ray_address"] and not options["ray"]:
        raise ConfigError("--ray-address goes with --ray")
    save = options["save"]
    if save and not Path(save).parent.is_dir():
        raise ConfigError(f"the file cannot be written: --save {save}: its folder is not there")
    if options["ray"]:
        from shoal.sweep import on_ray

        on_ray.check()


def _workers(sweep: Sweep, options: dict[str, Any]) -> Workers:
    """Return the places for trials: processes here, or on a cluster."""
    from shoal.sweep import local

    base: config.Config = sweep.declaration.base()
    threads = max(base.vec.threads, 1)
    if options["ray"]:
        from shoal.sweep import on_ray

        on_cuda = base.train.backend == "torch" and base.train.device in ("auto", "cuda")
        return on_ray.Cluster(options["workers"], options["ray_address"], threads=threads, gpus=on_cuda)
    devices = local.devices() if base.train.backend == "torch" and base.train.device in ("auto", "cuda") else []
    cores = native.library().cores()
    return local.Pool(options["workers"] or len(devices) or max(cores // threads, 1), devices)
