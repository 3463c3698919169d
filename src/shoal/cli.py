# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The command line: `shoal COMMAND`, and what `shoal --help` says of every command.

Each command imports what it needs when it runs, so that help is instant. A mistake of the user's ends in one sentence
on stderr and exit code 2. With `--json` the last line on stdout is one JSON object.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from shoal.errors import ConfigError, ShoalError, nearest
from shoal.errors import command as command  # for the commands, beside the other helpers

BENCHMARKS = ("solve", "suite", "train", "backends", "sim", "vec", "draw", "kernels", "gymnasium")

USAGE = """usage: shoal COMMAND [ARGUMENTS]

  train ENV             train an agent; `shoal train ENV --help` shows every setting with this environment's default
  train ENV --watch [terminal]    watch the policy while it trains; --record-every STEPS writes animations of it
  train --resume [RUN]  go on with a run that was stopped
  eval [ENV] [RUN]      evaluate a checkpoint file, a run, or the newest run, beside random and scripted baselines
  eval ... --grid gravity=5,10,15   at every point of a grid over parameters, as a table and a heat map
  eval [ENV] --watch [terminal]   watch it play, in a window or this terminal; --record FILE.png|gif|mp4
  match A B [C...]      games between checkpoints, runs, scripted:LEVEL, random: score, or with more than two a league
  match RUN --league    a league table of the checkpoints of a run
  play ENV              play it yourself, with the keyboard
  list                  the environments
  new NAME              a folder with an environment of your own: --multi-agent, --continuous, --grid, --into FOLDER
  check ENV|FOLDER      does an environment keep the contract, and can it be learnt
  runs [ENV]            the runs: filter, sort, show, tag, delete, export; --filter 'perf>=0.9 train.gamma!=0.99'
  compare A B ...       groups of runs: means over seeds with intervals, and which is better
  sweep ENV             search for good settings, many trials at a time; --resume [NAME], --join NAME
  dash                  runs and sweeps, live, as a page in the browser of this machine
  report NAME ...       a sweep, or runs, as one HTML file that works anywhere
  bench solve ENV       time and steps to solved, over seeds
  bench suite [ENV...]  one table of all of them, tuned and untuned; runs what is missing
  bench train ENV       training speed: steps/s, where the time goes, share of the machine
  bench backends ENV    training speed of the native and the torch backend
  bench sim [ENV...]    simulation speed, over threads and numbers of copies
  bench vec [ENV...]    stepping of Python environments, beside Gymnasium's and Stable-Baselines3's vectors
  bench draw [ENV...]   pictures a second
  bench kernels [NAME...]  each native operation beside the machine's rate of matrix products
  bench gymnasium       cartpole through Gymnasium's vector interface, beside Gymnasium's own and EnvPool's
  autotune ENV          find the workers, copies and blocks (or threads) that step fastest here
  profile ENV           the time of each function of a step; environment or learner, which is the bottleneck
  doctor                what is installed, what works, a self-test: what a bug report needs
  completion SHELL      print the script that completes what you type, in bash, zsh or fish

ENV is a name, or the folder of an environment of your own, such as ./mygame
settings are merged: defaults < the environment's own < --preset NAME < --config FILE < flags
"""

INTERRUPTED = 130  # exit code: 128 + SIGINT, as shells have it

_STARTED = time.perf_counter()


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 2 for a mistake, 130 when Ctrl-C ended it early."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _mend_output()
    try:
        if not arguments or arguments[0] in ("-h", "--help", "help"):
            print(USAGE, end="", flush=True)
            return 0 if arguments else 2
        if arguments[0] == "--version":
            from shoal import __version__

            print(__version__)
            return 0
        found = (_COMMANDS | _HIDDEN).get(arguments[0])
        if found is None:
            raise ConfigError(f"no command is called `{arguments[0]}`", nearest(arguments[0], _COMMANDS))
        if "--debug" in arguments and arguments[0] in ("train", "eval"):
            from shoal import debug

            return debug.run([argument for argument in arguments if argument != "--debug"])
        code = found(arguments[1:])
        sys.stdout.flush()  # while what goes wrong can still be told
        return code
    except ShoalError as error:
        sys.stdout.flush()
        print(f"shoal: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output left, as `head` does
        _drop_output()
        return 0
    except OSError as error:
        _drop_output()
        where = f": {error.filename}" if error.filename else ""
        print(f"shoal: the system refuses to read or write{where}: {error.strerror or error}", file=sys.stderr)
        return 2


# ---------------------------------------------------------------------------------------------------- train


def _train(arguments: list[str]) -> int:
    from shoal import command_train

    return command_train.run(arguments)


# ---------------------------------------------------------------------------------------------------- eval


def _eval(arguments: list[str]) -> int:
    from shoal import command_eval

    return command_eval.run(arguments)


def _play(arguments: list[str]) -> int:
    from shoal import command_watch

    return command_watch.run("play", arguments)


def _match(arguments: list[str]) -> int:
    from shoal import command_match

    return command_match.run(arguments)


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
                "asked": str(settings.solved),
            }
        )
    wide = max(len(str(row["actions"])) for row in rows)
    print(f"{'environment':<13}{'agents':>7}{'features':>9}  {'actions':<{wide}}{'budget':>8}  solved")
    for row in rows:
        print(
            f"{row['env']:<13}{row['agents']:>7}{row['features']:>9}  {row['actions']:<{wide}}"
            f"{count(row['budget']):>8}  {row['asked']}"  # type: ignore[arg-type]
        )
    if parsed["json"]:
        print(store.to_json({"environments": rows}))
    return 0


# ---------------------------------------------------------------------------------------------------- new


def _new(arguments: list[str]) -> int:
    from shoal import command_new

    return command_new.run(arguments)


# ---------------------------------------------------------------------------------------------------- bench


def _bench(arguments: list[str]) -> int:
    from shoal import command_bench

    return command_bench.run(arguments)


# ---------------------------------------------------------------------------------------------------- check


def _check(arguments: list[str]) -> int:
    from shoal import command_check

    return command_check.run(arguments)


# ---------------------------------------------------------------------------------------------------- others


def _runs(arguments: list[str]) -> int:
    from shoal import command_runs

    return command_runs.run(arguments)


def _compare(arguments: list[str]) -> int:
    from shoal import command_compare

    return command_compare.run(arguments)


def _sweep(arguments: list[str]) -> int:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is imported: the cores are the trials'
    from shoal import command_sweep

    return command_sweep.run(arguments)


def _dash(arguments: list[str]) -> int:
    from shoal import command_dash

    return command_dash.run(arguments)


def _report(arguments: list[str]) -> int:
    from shoal import command_report

    return command_report.run(arguments)


def _profile(arguments: list[str]) -> int:
    from shoal import command_profile

    return command_profile.run(arguments)


def _autotune(arguments: list[str]) -> int:
    from shoal import command_autotune

    return command_autotune.run(arguments)


def _doctor(arguments: list[str]) -> int:
    from shoal import command_doctor

    return command_doctor.run(arguments)


def _completion(arguments: list[str]) -> int:
    from shoal import command_completion

    return command_completion.run(arguments)


def _complete(arguments: list[str]) -> int:
    from shoal import completion

    return completion.run(arguments)


# ---------------------------------------------------------------------------------------------------- helpers

_COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "train": _train,
    "eval": _eval,
    "match": _match,
    "play": _play,
    "list": _list,
    "new": _new,
    "check": _check,
    "runs": _runs,
    "compare": _compare,
    "sweep": _sweep,
    "dash": _dash,
    "report": _report,
    "bench": _bench,
    "autotune": _autotune,
    "profile": _profile,
    "doctor": _doctor,
    "completion": _completion,
}
_HIDDEN = {"_complete": _complete}  # what the scripts of `completion` call


def _mend_output() -> None:
    """Make any text printable, also where standard output is closed or knows few letters."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, as long as the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Let nothing that is still buffered fail once more."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def commands() -> dict[str, Callable[[list[str]], int]]:
    """Return the commands that USAGE lists."""
    return _COMMANDS


def count(number: float) -> str:
    """Return a number in few digits: 950, 1.31M, 50M."""
    for scale, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= scale:
            return f"{number / scale:.3g}{unit}"
    return f"{number:.3g}"


def process_start() -> float:
    """Return the `time.perf_counter()` of the moment this process started; where unknown, that of our import."""
    try:
        ticks = int(Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return _STARTED
    return min(time.perf_counter() - age, _STARTED)


def environment(program: str, arguments: list[str]) -> tuple[str, list[str]]:
    """Return the environment's name, or the absolute path of its folder, and the rest."""
    from shoal import registry

    typed = program.replace("shoal", command(), 1)
    if not arguments or arguments[0].startswith("-"):
        if arguments and arguments[0] in ("-h", "--help"):
            print(f"usage: {program} ENV [FLAGS]\n")
            print(f"`{typed} ENV --help` shows every flag, `{command()} list` every ENV")
            raise SystemExit(0)
        raise ConfigError("which environment; expected its name first", f"{typed} {registry.names()[0]}")
    return registry.get(arguments[0]).reference, arguments[1:]


def leading(arguments: Sequence[str]) -> list[str]:
    """Return the words before the first flag."""
    words: list[str] = []
    for argument in arguments:
        if argument.startswith("-"):
            break
        words.append(argument)
    return words


def runs_folder(text: str) -> Path:
    """Return the folder that `--runs-dir` names, which need not be there.

    Raises:
        ConfigError: if something else is.
    """
    path = Path(text)
    if path.exists() and not path.is_dir():
        raise ConfigError(f"not a folder: --runs-dir {text}", "leave it out for runs/, or name another")
    return path


def title(name: str) -> str:
    """Return the environment's name, version, folder if it lies outside the package, and goal."""
    from shoal import config, registry

    env = registry.get(name)
    spec = env.spec()
    solved = config.load(name).solved
    goal = f", solved at {solved}" if solved.goals else ""
    return f"{env.name} version {spec.version}{f' in {env.spelled}' if env.source else ''}{goal}"
