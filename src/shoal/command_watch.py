# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal eval ENV --watch`, `shoal eval ENV --record FILE` and `shoal play ENV`: who plays, and where it is shown."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal import flags, folder, registry
from shoal.cli import command, count, leading
from shoal.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from shoal.players import Player
    from shoal.registry import Spec
    from shoal.settings import Scalar
    from shoal.viewer import Viewer

    Overrides = dict[str, dict[str, Scalar]]

PLACES = ("window", "terminal")
WATCH = (
    flags.Option("random", "bool", False, "actions by chance"),
    flags.Option("scripted", "bool", False, "the environment's scripted player"),
    flags.Option("greedy", "bool", False, "the most probable actions instead of sampled ones"),
    flags.Option("level", "float", 1.0, "strength of the scripted player, 0 to 1"),
    flags.Option("seed", "int", 0, "of the worlds"),
    flags.Option("tiles", "str", None, "show many copies, such as 4x3"),
    flags.Option("size", "str", "576x330", "of a window or a recording, in pixels"),
    flags.Option("fps", "float", 60.0, "frames a second"),
    flags.Option("speed", "float", 1.0, "of play: 0.1, 0.25, 0.5, 1, 2, 4, 8 or 16"),
    flags.Option("panel", "bool", False, "show what the agent chose from the start (key `o`)"),
    flags.Option("policy", "str", None, "the network of your own that was trained: file.py:Name; its code is run"),
    flags.RUNS_DIR,
)
RECORD = (
    flags.Option("record", "str", None, "write a .png (animated), .gif or .mp4 instead of showing it"),
    flags.Option("seconds", "float", 10.0, "length of a recording, at most"),
    flags.Option("episodes", "int", 0, "end a recording after so many; 0: after `--seconds`"),
    flags.JSON,
)


def wanted(arguments: list[str]) -> bool:
    """Return whether `eval` is to show something rather than to measure."""
    return any(argument.partition("=")[0] in ("--watch", "--record") for argument in arguments)


def run(program: str, arguments: list[str]) -> int:
    """Run `shoal eval ARGUMENTS` or `shoal play ARGUMENTS` and return the exit code."""
    human = program == "play"
    place, arguments = take_watch(arguments)
    words = [word for word in leading(arguments) if word]
    about = "Play with the keyboard." if human else "Watch an agent play, or record it."
    options = WATCH if human else WATCH + RECORD
    name = words[0] if words and (words[0] in registry.names() or folder.is_environment(words[0])) else ""
    for argument in arguments[len(words) :]:
        if argument.startswith("--env.") and not name:
            flag = argument.partition("=")[0]
            raise ConfigError(f"`{flag}` needs the environment's name", f"`{command()} {program} cartpole {flag} ...`")
    title = f"shoal {program} ENV --watch [{'|'.join(PLACES)}]"
    parsed = flags.parse(title, about, arguments[len(words) :], options, env=name, only=("env",))
    chosen = {"record": None, "seconds": 0.0, "episodes": 0, "json": False} | parsed.options
    if place and chosen["record"]:
        raise ConfigError("--watch and --record exclude one another", "leave one of them out")
    if len(words) > 2 or (human and not words):
        hint = f"`{command()} list` names them"
        raise ConfigError(f"expected `shoal {program} ENV [RUN]`; got {len(words)} words", hint)
    viewer = _viewer(words, chosen, human, parsed.overrides)
    if chosen["record"]:
        return _record(viewer, chosen)
    show(viewer, place or PLACES[0], chosen)
    if viewer.stats.lives:
        print(f"{viewer.stats.lives} lives, mean score {viewer.stats.mean('score'):.4g}")
    return 0


def check_level(level: float) -> None:
    """Raise unless it is a strength that a scripted player can have."""
    if not 0 <= level <= 1:
        raise ConfigError(f"out of range: --level {level:g}; expected 0 to 1")


def take_watch(arguments: list[str]) -> tuple[str, list[str]]:
    """Return the place that `--watch [PLACE]` names (empty without the flag) and the other arguments.

    Raises:
        ConfigError: if there is no such place.
    """
    for index, argument in enumerate(arguments):
        flag, equals, place = argument.partition("=")
        if flag == "--watch":
            rest = list(arguments[index + 1 :])
            if not equals and rest and not rest[0].startswith("-"):
                place = rest.pop(0)
            place = place or PLACES[0]
            if place not in PLACES:
                raise ConfigError(f"--watch {place}: expected {' or '.join(PLACES)}")
            return place, [*arguments[:index], *rest]
    return "", arguments


# ---------------------------------------------------------------------------------------------------- who plays


def _viewer(words: list[str], options: dict[str, Any], human: bool, overrides: Overrides) -> Viewer:
    from shoal import viewer as viewers
    from shoal.evaluate import check_seed, evaluation_seed

    columns, rows = viewers.tiles(options["tiles"]) if options["tiles"] else (0, 1)
    if options["speed"] not in viewers.SPEEDS:
        expected = ", ".join(f"{speed:g}" for speed in viewers.SPEEDS)
        raise ConfigError(f"--speed {options['speed']:g}: expected one of {expected}")
    check_level(options["level"])
    seed = evaluation_seed(check_seed(options["seed"]), -1)
    spec, player, max_steps = _player(words, options, human, seed, overrides)
    viewer = viewers.Viewer(
        spec, player, copies=max(columns, 1) * rows, columns=columns, seed=seed, max_steps=max_steps, human=human
    )
    viewer.overlay, viewer.speed = options["panel"], options["speed"]
    return viewer


def _player(
    words: list[str], options: dict[str, Any], human: bool, seed: int, overrides: Overrides
) -> tuple[Spec, Player, int]:
    """Return the environment, who plays it, and its time limit (0: its own)."""
    from shoal import config, players

    named = [name for name in ("random", "scripted", "greedy") if options[name]]
    if len(named) > 1:
        raise ConfigError(f"--{named[0]} and --{named[1]} exclude one another", "leave one of them out")
    env = words[0] if words else ""
    if named and named[0] != "greedy":
        if len(words) > 1:
            raise ConfigError(f"--{named[0]} needs no run; got `{words[1]}`", "leave one of them out")
        spec = config.load(env, overrides=overrides).spec()
        if named[0] == "random":
            return spec, players.RandomPlayer(seed), 0
        return spec, players.ScriptedPlayer(spec.env, options["level"]), 0
    try:
        return _agent(words, options, seed, overrides.get("env", {}))
    except (CheckpointError, _MisfitError):
        if not human or len(words) > 1:
            raise
    spec = config.load(env, overrides=overrides).spec()  # no agent for it: the others, if any, play as well as they can
    if spec.env.scripted:
        return spec, players.ScriptedPlayer(spec.env, options["level"]), 0
    return spec, players.RandomPlayer(seed), 0


class _MisfitError(ConfigError):
    """The agent was made for other sizes."""


def _agent(words: list[str], options: dict[str, Any], seed: int, values: dict[str, Scalar]) -> tuple[Spec, Player, int]:
    """Return the world that an agent was trained in, with these parameters in place of its own, and the agent."""
    from shoal import agents, players
    from shoal.policy import restore

    runs_dir = Path(options["runs_dir"])
    found = agents.find(words, runs_dir)
    policy = restore(found, options["policy"] or "")
    own = policy.spec
    spec = own.env.spec({**own.values, **values}, observed=own.observed) if values else own
    for param in spec.env.params:
        trained, value = own.values[param.name], spec.values[param.name]
        if param.role == "size" and value != trained:
            problem = f"`{param.name}` is fixed at creation: this agent was trained with {trained}; got {value}"
            raise _MisfitError(f"{problem} (at env.{param.name})", "`--random` and `--scripted` play at any size")
    note = agents.about(found.path, runs_dir) or str(found.path)
    print(f"{note}, trained for {count(found.steps)} steps", flush=True)
    player = players.PolicyPlayer(policy, greedy=options["greedy"], seed=seed)
    return spec, player, found.config.vec.max_steps or 0


# ---------------------------------------------------------------------------------------------------- where


def show(viewer: Viewer, place: str, options: dict[str, Any]) -> None:
    """Show the viewer in a window or the terminal until it is closed.

    Raises:
        ConfigError: if that is not possible here.
    """
    from shoal import viewer as viewers

    if place == "terminal":
        from shoal import watch_terminal

        watch_terminal.watch(viewer, min(options["fps"], watch_terminal.FRAMES_PER_SECOND))
        return
    from shoal import watch_window

    width, height = viewers.pair("size", options["size"], watch_window.MOST_PIXELS)
    watch_window.watch(viewer, width, height, options["fps"])


def save(viewer: Viewer) -> str:
    """Write the present picture into this folder and return what to say; a failure is said as well."""
    from shoal import png

    path = Path(f"{viewer.spec.env.name}-{time.strftime('%Y%m%d-%H%M%S')}.png")
    try:
        png.write(path, viewer.frame(1152, 660))
    except ConfigError as error:
        return str(error)
    return f"saved {path}"


def _record(viewer: Viewer, options: dict[str, Any]) -> int:
    from shoal import record, store
    from shoal import viewer as viewers

    path = Path(options["record"])
    width, height = viewers.pair("size", options["size"], 16384)
    if not 0 < options["seconds"] <= 3600:
        raise ConfigError(f"out of range: --seconds {options['seconds']:g}; expected up to 3600")
    if options["episodes"] < 0:
        raise ConfigError(f"out of range: --episodes {options['episodes']}; expected at least 0")
    began = time.perf_counter()
    frames = record.record(
        viewer,
        path,
        width=width,
        height=height,
        frames_per_second=options["fps"],
        seconds=options["seconds"],
        episodes=options["episodes"],
    )
    spent, size = time.perf_counter() - began, path.stat().st_size
    print(f"{path}: {frames} frames of {width}x{height}, {size / 1e6:.2f} MB, made in {spent:.1f} s")
    if options["json"]:
        row = {"env": viewer.spec.env.name, "path": str(path), "frames": frames, "bytes": size, "seconds": spent}
        print(store.to_json(row | {"player": viewer.player.name, "episodes": viewer.episodes}))
    return 0
