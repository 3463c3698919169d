# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The command line: `shoal train | eval | play | list | bench`.

Each command imports what it needs when it runs, so that help is instant. A mistake of the user's ends in one sentence
on stderr and exit code 2. With `--json` the last line on stdout is one JSON object.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shoal.errors import ConfigError, ShoalError, nearest

if TYPE_CHECKING:
    from shoal.evaluate import Evaluation

USAGE = """usage: shoal COMMAND [ARGUMENTS]

  train ENV             train an agent; `shoal train ENV --help` shows every setting with this environment's default
  train ENV --watch [terminal]    watch the policy while it trains; --record-every STEPS writes animations of it
  train --resume [RUN]  go on with a run that was stopped
  eval [ENV] [RUN]      evaluate a checkpoint file, a run, or the newest run, beside random and scripted baselines
  eval [ENV] --watch [terminal]   watch it play, in a window or this terminal; --record FILE.png|gif|mp4
  play ENV              play it yourself, with the keyboard
  list                  the environments
  bench solve ENV       time and steps to solved, over seeds
  bench train ENV       training speed: steps/s, where the time goes, share of the machine
  bench sim [ENV...]    simulation speed, over threads and numbers of copies
  bench draw [ENV...]   pictures a second
  bench kernels [NAME...]  each native operation beside the machine's rate of matrix products

settings are merged: defaults < the environment's own < --config FILE < flags
"""

INTERRUPTED = 130  # exit code: 128 + SIGINT, as shells have it

_STARTED = time.perf_counter()


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 2 for a mistake, 130 when Ctrl-C ended it early."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0 if arguments else 2
    try:
        if arguments[0] == "--version":
            from shoal import __version__

            print(__version__)
            return 0
        if arguments[0] not in _COMMANDS:
            raise ConfigError(f"no command is called `{arguments[0]}`", nearest(arguments[0], _COMMANDS))
        return _COMMANDS[arguments[0]](arguments[1:])
    except ShoalError as error:
        sys.stdout.flush()
        print(f"shoal: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


# ---------------------------------------------------------------------------------------------------- train


def _train(arguments: list[str]) -> int:
    from shoal import command_train

    return command_train.run(arguments)


# ---------------------------------------------------------------------------------------------------- eval


def _eval(arguments: list[str]) -> int:
    from shoal import agents, checkpoint, command_watch, flags, registry, store
    from shoal.evaluate import check_seed, evaluate
    from shoal.policy import restore

    if command_watch.wanted(arguments):
        return command_watch.run("eval", arguments)
    words = [word for word in leading(arguments) if word]
    options = (
        flags.Option("seed", "int", 0, "of the evaluation's worlds"),
        flags.Option("level", "float", 1.0, "strength of the scripted player"),
        flags.Option("threads", "int", None, "0 stands for all cores"),
        flags.Option("watch", "str", None, "watch it play instead: see `shoal eval --watch --help`"),
        flags.RUNS_DIR,
        flags.JSON,
    )
    about = "Evaluate a checkpoint file, a run, or the newest run, beside random and scripted baselines."
    parsed = flags.parse("shoal eval", about, arguments[len(words) :], options).options
    if len(words) > 2:
        raise ConfigError(f"unexpected argument `{words[2]}`", "expected `shoal eval [ENV] [RUN]`")
    env = words.pop(0) if words and words[0] in registry.names() else ""
    runs_dir = Path(parsed["runs_dir"])
    if words and not env and len(words) > 1:
        registry.get(words[0])  # raises: two words, the first of which is no environment
    try:
        path = store.find(runs_dir, words[0], env) if words else agents.newest(runs_dir, env)
    except ShoalError as error:
        close = nearest(words[0], registry.names(), " ") if words and not env else " "
        raise error if close == " " else type(error)(str(error).partition("\n")[0], close) from error
    found = checkpoint.load(path)
    policy = restore(found)
    if env and found.config.env != env:
        raise ConfigError(f"the checkpoint is for `{found.config.env}`; got `{env}`: {path}")
    import dataclasses

    vec = dataclasses.replace(found.config.vec, threads=parsed["threads"] or 0)
    settings = dataclasses.replace(found.config, seed=check_seed(parsed["seed"]), vec=vec)
    players = ["sampled", "greedy", *(["scripted"] if policy.spec.env.scripted else []), "random"]
    print(f"{title(settings.env)}\n{path}, trained for {count(found.steps)} steps")
    print(agents.about(path, runs_dir) + "\n" if path.name == agents.NAME else "", end="", flush=True)
    results = {
        player: evaluate(policy.spec, settings, player=player, policy=policy, number=-1, level=parsed["level"])
        for player in players
    }
    _table(results)
    sampled = results["sampled"]
    if sampled.threshold is not None:
        verdict = "solved" if sampled.solved else "not solved"
        print(f"{verdict}: {sampled} (solved: {sampled.threshold:g})")
    if parsed["json"]:
        row = {"env": settings.env, "checkpoint": str(path), "steps": found.steps, "seed": settings.seed}
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


def _play(arguments: list[str]) -> int:
    from shoal import command_watch

    return command_watch.run("play", arguments)


# ---------------------------------------------------------------------------------------------------- list


def _list(arguments: list[str]) -> int:
    from shoal import config, flags, registry, store

    parsed = flags.parse("shoal list", "The environments.", arguments, (flags.JSON,)).options
    rows = []
    for name in registry.names():
        spec = registry.get(name).spec()
        settings = config.load(name)
        actions = [f"{head.name} {head.size}" for head in spec.heads] + [f"{dim.name} ±" for dim in spec.dims]
        rows.append(
            {
                "env": name,
                "agents": spec.agents,
                "features": spec.features,
                "actions": ", ".join(actions),
                "max_steps": spec.max_steps,
                "budget": settings.train.total_steps,
                "metric": settings.solved.metric,
                "solved": settings.solved.threshold,
            }
        )
    wide = max(len(str(row["actions"])) for row in rows)
    print(f"{'environment':<13}{'agents':>7}{'features':>9}  {'actions':<{wide}}{'budget':>8}  solved")
    for row in rows:
        solved = f"{row['metric']} >= {row['solved']:g}" if row["solved"] is not None else ""
        print(
            f"{row['env']:<13}{row['agents']:>7}{row['features']:>9}  {row['actions']:<{wide}}"
            f"{count(row['budget']):>8}  {solved}"  # type: ignore[arg-type]
        )
    if parsed["json"]:
        print(store.to_json({"environments": rows}))
    return 0


# ---------------------------------------------------------------------------------------------------- bench


def _bench(arguments: list[str]) -> int:
    verbs = ("solve", "train", "sim", "draw", "kernels")
    if not arguments or arguments[0] not in verbs:
        got = f"no benchmark is called `{arguments[0]}`" if arguments else "which benchmark"
        raise ConfigError(f"{got}; expected `shoal bench` {', '.join(verbs[:-1])} or {verbs[-1]}")
    words = list(leading(arguments[1:]))
    rest = arguments[1 + len(words) :]
    if arguments[0] == "sim":
        from shoal.bench import sim

        return sim.run(words, rest)
    if arguments[0] == "draw":
        from shoal.bench import draw

        return draw.run(words, rest)
    if arguments[0] == "kernels":
        from shoal.bench import kernels

        return kernels.run(words, rest)
    name, extra = environment(f"shoal bench {arguments[0]}", [*words, *rest])
    if arguments[0] == "train":
        from shoal.bench import train

        return train.run(name, extra)
    from shoal.bench import solve

    return solve.run(name, extra)


# ---------------------------------------------------------------------------------------------------- helpers

_COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "train": _train,
    "eval": _eval,
    "play": _play,
    "list": _list,
    "bench": _bench,
}


def count(number: float) -> str:
    """Return a number in few digits: 950, 1.31M, 50M."""
    for scale, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= scale:
            return f"{number / scale:.3g}{unit}"
    return f"{number:.3g}"


def command() -> str:
    """Return how this program was called, for hints that can be typed."""
    if Path(sys.argv[0]).name == "shoal":
        return "shoal"
    return "./run" if Path("run").is_file() else "python -m shoal"


def process_start() -> float:
    """Return the `time.perf_counter()` of the moment this process started; where unknown, that of our import."""
    try:
        ticks = int(Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return _STARTED
    return min(time.perf_counter() - age, _STARTED)


def environment(program: str, arguments: list[str]) -> tuple[str, list[str]]:
    """Return the environment's name and the rest."""
    from shoal import registry

    if not arguments or arguments[0].startswith("-"):
        if arguments and arguments[0] in ("-h", "--help"):
            print(f"usage: {program} ENV [FLAGS]\n\n`{program} ENV --help` shows every flag, `shoal list` every ENV")
            raise SystemExit(0)
        raise ConfigError("which environment; expected its name first", f"{program} {registry.names()[0]}")
    return registry.get(arguments[0]).name, arguments[1:]


def leading(arguments: Sequence[str]) -> list[str]:
    """Return the words before the first flag."""
    words: list[str] = []
    for argument in arguments:
        if argument.startswith("-"):
            break
        words.append(argument)
    return words


def title(name: str) -> str:
    """Return the environment's name, version and goal."""
    from shoal import config, registry

    spec = registry.get(name).spec()
    solved = config.load(name).solved
    goal = f", solved at {solved.metric} >= {solved.threshold:g}" if solved.threshold is not None else ""
    return f"{name} version {spec.version}{goal}"
