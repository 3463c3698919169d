# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal train`: a new run or one that goes on, what is shown of it, and what Ctrl-C does."""

from __future__ import annotations

import contextlib
import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal import command_watch, flags, folder, native, registry, settings_file, store, terminal
from shoal.cli import INTERRUPTED, command, count, environment, leading, process_start, title
from shoal.errors import ConfigError

if TYPE_CHECKING:  # what needs numpy is imported once the arguments are known to be right
    from shoal.result import Result
    from shoal.trainer import Trainer


def run(arguments: list[str]) -> int:
    """Run `shoal train ARGUMENTS` and return the exit code."""
    place, arguments = command_watch.take_watch(arguments)
    resumed = flags.take_resume(arguments)
    with interruptible():
        trainer, options = _resumed(*resumed, place) if resumed else _begun(arguments, place)
        from shoal import journal, live, progress

        with contextlib.nullcontext() if trainer.leads else contextlib.redirect_stdout(io.StringIO()):
            _announce(trainer)
            plain = options["plain"] or place == "terminal"
            seen = (place, options["record_every"]) if trainer.leads else ("", None)
            with progress.show(trainer, plain=plain) as callback, live.Watched(trainer, *seen) as watched:
                trainer.tell = callback.tell
                result = trainer.train(watched.with_(callback))
            _report(result, trainer)
            if options["json"]:
                print(store.to_json(journal.summary(result)))
    return INTERRUPTED if result.interrupted else 0


def _begun(arguments: list[str], place: str) -> tuple[Trainer, dict[str, Any]]:
    """Return the trainer of a new run, and the options."""
    name, rest = environment("shoal train", arguments)
    parsed = flags.parse(f"shoal train {registry.get(name).spelled}", title(name), rest, flags.TRAIN, name)
    settings = parsed.load(name)
    options = parsed.options
    if options["fresh_environments"]:
        raise ConfigError("--fresh-environments goes with --resume: a new run has new environments")
    from shoal import live
    from shoal.trainer import Trainer

    live.check(place, options["record_every"])
    if settings.track.videos and options["record_every"] is None:
        raise ConfigError("--track.videos sends recordings, and this run makes none", "add --record-every 5M")
    trainer = Trainer(
        settings,
        runs_dir=options["runs_dir"],
        init_from=options["init_from"],
        until_solved=options["until_solved"],
        **_times(options),
    )
    return trainer, options


def _resumed(target: str, arguments: list[str], place: str) -> tuple[Trainer, dict[str, Any]]:
    """Return the trainer of a run that goes on, and the options. An empty target means the newest."""
    if "-h" in arguments or "--help" in arguments:
        flags.parse("shoal train [ENV] --resume [RUN]", "Go on with a run that was stopped.", ["--help"], flags.RESUME)
    words = leading(arguments)
    env = registry.get(words[0]) if words else None
    runs_dir = Path(flags.peek(arguments, "--runs-dir") or store.RUNS)
    from shoal import live, resuming

    if target:
        run = store.find_run(runs_dir, target, "" if env is None or env.source else env.name)
    else:
        run = resuming.newest_unfinished(runs_dir, env.reference if env else "")
    name = str(settings_file.read_toml(run.config, required=True).get("", {}).get("environment", ""))
    if env and name != env.name:
        raise ConfigError(f"the run is of `{name}`; got `{env.name}`: {run.path}")
    env = env or folder.of_run(run, runs_dir) or registry.get(name)
    parsed = flags.parse_resume("shoal train --resume", arguments[len(words) :], env.reference)
    options = parsed.options
    live.check(place, options["record_every"])
    trainer = resuming.resume(
        run.path,
        env=env.reference,
        threads=options["threads"],
        until_solved=options["until_solved"],
        fresh_environments=options["fresh_environments"],
        track=parsed.overrides.get("track"),
        **_times(options),
    )
    return trainer, options


def _times(options: dict[str, Any]) -> dict[str, Any]:
    from shoal.saving import IMAGE_SECONDS

    every = options["image_seconds"]
    return {
        "max_seconds": options["max_seconds"] or 0.0,
        "image_seconds": IMAGE_SECONDS if every is None else every,
        "started": process_start(),
    }


def _announce(trainer: Trainer) -> None:
    config = trainer.config
    policy, vec = config.policy, config.vec
    threads = vec.threads or native.library().cores()
    network = policy.module or f"{policy.core} {policy.hidden} x {policy.layers}"
    print(
        f"{title(config.reference)}\n"
        f"seed {config.seed}, {vec.num_envs} copies, {network}, "
        f"{threads} threads, {trainer.about}"
    )
    seen = "seen by" if vec.observe_contexts else "hidden from"
    for name, text in config.drawn.items():
        print(f"  {name} is drawn from {text} per episode, {seen} the policy")
    for reason in config.reasons:
        print(f"  {reason}")
    for note in (*(trainer.vec.pool.about() if trainer.vec.pool else ()), *trainer.notes):
        print(f"  {note}")
    at = f", going on at {count(trainer.steps)} of {count(config.train.total_steps)} steps" if trainer.steps else ""
    if trainer.run:
        print(f"run {trainer.run.path}{at}", flush=True)


def _report(result: Result, trainer: Trainer) -> None:
    spent = f"{count(result.steps)} steps in {result.seconds:.1f} s ({count(result.sps)} steps/s)"
    shoal = command()
    if result.evaluation is None:
        way = _way_on(trainer) if trainer.resumable else f"{trainer.spec.env.spelled} --init-from {result.run}"
        print(f"interrupted after {spent}; go on with `{shoal} train {way}`")
        return
    threshold = result.evaluation.threshold
    verdict = "solved" if result.solved else "not solved" if threshold is not None else "done"
    print(f"{verdict}: {result.evaluation}{result.evaluation.asked}, after {spent}")
    print(f"run {result.run}")
    runs_dir = trainer.run.path.parent.parent if trainer.run else store.RUNS
    where = "" if runs_dir == store.RUNS else f" --runs-dir {runs_dir}"
    env = trainer.spec.env.spelled
    print(f"next:\n  {shoal} eval {env}{where}\n  {shoal} train {env} --seed {result.seed + 1}{where}")
    if result.steps < trainer.config.train.total_steps and not result.solved and trainer.resumable:
        print(f"  {shoal} train {_way_on(trainer)}")


def _way_on(trainer: Trainer) -> str:
    assert trainer.run is not None
    return folder.way_on(trainer.run, trainer.spec.env)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Make a polite kill do what Ctrl-C does, and a second of either leave at once."""

    def leave(*_: object) -> None:
        terminal.restore()
        os._exit(INTERRUPTED)

    def interrupt(*_: object) -> None:
        for number in before:
            signal.signal(number, leave)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
