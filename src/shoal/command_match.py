# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal match`: games between two players, or a league of several."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from shoal import agents, checkpoint, flags, folder, league, match, registry, rivals, store
from shoal import config as configs
from shoal.cli import command, count, leading
from shoal.errors import ConfigError
from shoal.evaluate import check_seed
from shoal.rivals import Rival

GAMES, LEAGUE_GAMES = 4096, 512  # of two players, and of each pair of more
MOST_GAMES = 10_000_000
MOST_PLAYERS = 40

_OPTIONS = (
    flags.Option("games", "int", None, f"at least, of each pair: {GAMES} between two players, {LEAGUE_GAMES} if more"),
    flags.Option("league", "bool", False, "every checkpoint of the runs that are named plays"),
    flags.Option("greedy", "bool", False, "networks take their likeliest action instead of drawing one"),
    flags.Option("metric", "str", None, "whoever has more of it wins: outcome if there is one, else perf"),
    flags.Option("seed", "int", 0, "of the worlds"),
    flags.Option("threads", "int", None, "0 stands for all cores; results do not depend on it"),
    flags.RUNS_DIR,
    flags.JSON,
)
_ABOUT = (
    "Games between players: a checkpoint file, a run, an environment's name for its newest run or the agent that comes "
    "with it, scripted, scripted:LEVEL, random. Each world is played from both seats."
)


def run(arguments: list[str]) -> int:
    """Run `shoal match ARGUMENTS` and return the exit code."""
    words = [word for word in leading(arguments) if word]
    rest = arguments[len(words) :]
    if not words:
        if "-h" in rest or "--help" in rest:
            print("usage: shoal match [ENV] PLAYER PLAYER [PLAYER...] [FLAGS]\n")
            flags.parse("shoal match", _ABOUT, ["--help"], _OPTIONS)
        raise ConfigError(
            "who plays; expected two players or more",
            f"`{command()} match connect4 scripted:4 scripted:2 --env.self-play true`, for example",
        )
    runs_dir = Path(flags.peek(rest, "--runs-dir") or store.RUNS)
    env, words, trained = _environment(words, runs_dir, "--league" in rest)
    parsed = flags.parse("shoal match", _ABOUT, rest, _OPTIONS, env.reference, only=("env",))
    options = parsed.options
    params = trained.config.params if trained else configs.load(env.reference).params
    spec = env.spec({**params, **parsed.overrides.get("env", {})})
    match.check_teams(spec)
    metric = match.check_metric(spec, options["metric"] or "")
    players = _players(words, spec, runs_dir, options)
    games = options["games"]
    if games is None:
        games = GAMES if len(players) == 2 else LEAGUE_GAMES
    if not 1 <= games <= MOST_GAMES:
        raise ConfigError(f"out of range: --games {games}; expected 1 to {MOST_GAMES}")
    settings = {"games": games, "seed": check_seed(options["seed"]), "threads": options["threads"] or 0}
    print(f"{env.name} version {spec.version}, {metric} decides, {games} games of each pair, half from either seat")
    row: dict[str, Any] = {"env": env.name, "version": spec.version, "metric": metric, "params": dict(spec.values)}
    row |= {"seed": settings["seed"], "greedy": options["greedy"]}
    matches = []
    for first, second in combinations(range(len(players)), 2):
        found = match.play(spec, players[first], players[second], metric=metric, **settings)
        matches.append((first, second, found))
        print(f"  {_line(found)}", flush=True)
    row["matches"] = [_row(found) for _, _, found in matches]
    if len(players) > 2:
        row["league"] = _table(players, matches)
    if options["json"]:
        print(store.to_json(row))
    return 0


def _environment(
    words: list[str], runs_dir: Path, leagues: bool
) -> tuple[registry.Environment, list[str], checkpoint.Checkpoint | None]:
    """Return the environment, the words that name players, and the first checkpoint among them."""
    known = words[0] in registry.names() or folder.is_environment(words[0])
    if known and len(words) > (1 if leagues else 2):
        env, words = registry.get(words[0]), words[1:]
    elif known:
        env = registry.get(words[0])
    else:
        env = None
    trained = None
    for word in words:
        if not rivals.is_simple(word):
            trained = agents.find([env.reference, word] if env and word != words[0] and not known else [word], runs_dir)
            break
    if env is None and trained is None:
        raise ConfigError(
            f"which environment: {' '.join(words)} have none of their own",
            f"name it first: `{command()} match ENV A B`",
        )
    if env is None:
        assert trained is not None
        env = registry.get(trained.config.reference)
    if trained and trained.config.env != env.name:
        raise ConfigError(f"the players are of `{env.name}` and `{trained.config.env}`: {trained.path}")
    return env, words, trained


def _players(words: Sequence[str], spec: registry.Spec, runs_dir: Path, options: dict[str, Any]) -> list[Rival]:
    """Return those who play; with `--league`, every checkpoint of a run that is named."""
    players: list[Rival] = []
    for word in words:
        if options["league"] and not rivals.is_simple(word):
            run = store.find_run(runs_dir, word) if word not in registry.names() else store.newest(runs_dir, word)
            env = spec.env if spec.env.source else None
            for path in run.weights():
                found = checkpoint.load(path, env)
                name = f"{run.name} {count(found.steps)}" if len(words) > 1 else count(found.steps)
                players.append(rivals.of_checkpoint(found, spec, name, greedy=options["greedy"]))
            if not run.weights():
                raise ConfigError(f"the run has no checkpoint yet: {run.path}")
        else:
            player = rivals.find(word, spec, runs_dir=runs_dir, greedy=options["greedy"])
            players.append(dataclasses.replace(player, name=Path(player.name).name if player.policy else player.name))
    if len(players) == 1:
        raise ConfigError(
            f"one player only: {players[0].name}; expected two or more", "`scripted`, `random`, or another run"
        )
    if len(players) > MOST_PLAYERS:
        raise ConfigError(f"{len(players)} players; expected at most {MOST_PLAYERS}")
    names = [player.name for player in players]
    return [
        dataclasses.replace(player, name=f"{player.name} ({names[:at].count(player.name) + 1})")
        if names.count(player.name) > 1
        else player
        for at, player in enumerate(players)
    ]


def _line(found: match.Match) -> str:
    won, drawn, lost = found.counts
    return (
        f"{found.first} against {found.second}: {won} won, {drawn} drawn, {lost} lost, "
        f"score {found.score:.4f} ± {found.interval:.4f}"
    )


def _row(found: match.Match) -> dict[str, Any]:
    won, drawn, lost = found.counts
    return {
        "first": found.first,
        "second": found.second,
        "games": found.games,
        "won": won,
        "drawn": drawn,
        "lost": lost,
        "score": found.score,
        "interval": found.interval,
        "elo": league.elo_of(found.score),
        "steps": found.steps,
    }


def _table(players: Sequence[Rival], matches: Sequence[tuple[int, int, match.Match]]) -> list[dict[str, Any]]:
    """Print and return the league, the best first."""
    points = np.zeros((len(players), len(players)))
    for first, second, found in matches:
        points[first, second] = found.score * found.games
        points[second, first] = (1.0 - found.score) * found.games
    ratings = league.rate(points)
    rows = []
    wide = max(len(player.name) for player in players)
    print(f"\n{'':>3}  {'player':<{wide}}{'elo':>8}{'± 95 %':>9}{'score':>9}{'games':>8}")
    for rank, at in enumerate(np.argsort(-ratings.elo, kind="stable"), 1):
        games = points[at].sum() + points[:, at].sum()
        row = {
            "player": players[at].name,
            "elo": float(ratings.elo[at]),
            "interval": float(ratings.interval[at]),
            "score": float(points[at].sum() / games),
            "games": round(float(games)),
        }
        print(f"{rank:>3}  {row['player']:<{wide}}{row['elo']:>8.0f}{row['interval']:>9.0f}"
              f"{row['score']:>9.3f}{row['games']:>8}")  # fmt: skip
        rows.append(row)
    return rows
