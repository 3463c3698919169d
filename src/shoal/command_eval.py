# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal eval`: a trained agent beside random and scripted players, on a grid of parameters, or to watch."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from shoal import agents, command_watch, flags, grid, store
from shoal.cli import count, leading, title
from shoal.errors import ConfigError
from shoal.evaluate import Evaluation, check_seed, evaluate
from shoal.policy import restore


def run(arguments: list[str]) -> int:
    """Run `shoal eval ARGUMENTS` and return the exit code."""
    if command_watch.wanted(arguments):
        return command_watch.run("eval", arguments)
    grids, arguments = grid.take(arguments)
    words = [word for word in leading(arguments) if word]
    options = (
        flags.Option("seed", "int", 0, "of the evaluation's worlds"),
        flags.Option("level", "float", 1.0, "strength of the scripted player"),
        flags.Option("threads", "int", None, "0 stands for all cores"),
        flags.Option("grid", "str", None, "parameter=value,value,...: evaluate at each; several make a grid"),
        flags.Option("watch", "str", None, "watch it play instead: see `shoal eval --watch --help`"),
        flags.Option("policy", "str", None, "the network of your own that was trained: file.py:Name; its code is run"),
        flags.RUNS_DIR,
        flags.DEBUG,
        flags.JSON,
    )
    about = "Evaluate a checkpoint file, a run, or the newest run, beside random and scripted baselines."
    parsed = flags.parse("shoal eval", about, arguments[len(words) :], options).options
    command_watch.check_level(parsed["level"])
    if len(words) > 2:
        raise ConfigError(f"unexpected argument `{words[2]}`", "expected `shoal eval [ENV] [RUN]`")
    runs_dir = Path(parsed["runs_dir"])
    found = agents.find(words, runs_dir)
    policy = restore(found, parsed["policy"] or "")
    vec = dataclasses.replace(found.config.vec, threads=parsed["threads"] or 0)
    settings = dataclasses.replace(found.config, seed=check_seed(parsed["seed"]), vec=vec)
    players = ["sampled", "greedy", *(["scripted"] if policy.spec.env.scripted else []), "random"]
    if policy.spec.num_teams > 1:
        print(f"against {settings.solved.opponent or 'itself'}, from every seat in turn")
    axes = grid.parse(policy.spec.env, grids)
    print(f"{title(settings.reference)}\n{found.path}, trained for {count(found.steps)} steps")
    print(agents.about(found.path, runs_dir) + "\n" if found.path.name == agents.NAME else "", end="")
    drawn = {**settings.drawn, **dict.fromkeys((axis.name for axis in axes), "")}
    print(
        "".join(f"{name} is drawn from {text} per episode\n" for name, text in drawn.items() if text),
        end="",
        flush=True,
    )
    if axes:
        row = {"env": settings.env, "checkpoint": str(found.path), "steps": found.steps, "seed": settings.seed}
        row |= grid.run(policy, settings, axes)
        if parsed["json"]:
            print(store.to_json(row))
        return 0
    results = {
        player: evaluate(policy.spec, settings, player=player, policy=policy, number=-1, level=parsed["level"])
        for player in players
    }
    if policy.spec.shared_bytes:
        print("on levels that it was not trained on")
    _table(results)
    sampled = results["sampled"]
    if sampled.threshold is not None:
        verdict = "solved" if sampled.solved else "not solved"
        print(f"{verdict}: {sampled}{sampled.asked}")
    if parsed["json"]:
        row = {"env": settings.env, "checkpoint": str(found.path), "steps": found.steps, "seed": settings.seed}
        row |= {"solved": sampled.solved, "perf": sampled.stats.mean("perf"), "score": sampled.stats.mean("score")}
        row |= {"interval": sampled.interval, "episodes": sampled.stats.lives}
        print(
            store.to_json(
                row
                | {
                    f"{player}_{key}": value
                    for player, result in results.items()
                    for key, value in result.stats.means().items()
                }
            )
        )
    return 0


def _table(results: dict[str, Evaluation]) -> None:
    names = next(iter(results.values())).stats.names
    print(f"{'player':<10}" + "".join(f"{name:>24}" for name in names) + f"{'lives':>8}")
    for player, result in results.items():
        cells = (f"{result.stats.mean(name):.4g} ± {result.stats.interval(name):.2g}" for name in names)
        print(f"{player:<10}" + "".join(f"{cell:>24}" for cell in cells) + f"{result.stats.lives:>8}", flush=True)
