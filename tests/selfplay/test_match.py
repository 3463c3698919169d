# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal match`, against what is known of a game, and ratings, against strengths that were simulated."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from nim_runs import NIM, begin

from shoal import cli, league, match, registry, rivals


def test_two_perfect_players_win_the_worlds_that_their_seat_wins() -> None:
    """Who wins is settled by the pile and who begins, so of each world's two games each player wins one."""
    spec = registry.get(NIM).spec()
    best, also, weak, chance = (rivals.find(text, spec) for text in ("scripted", "scripted:1", "scripted:0", "random"))
    even = match.play(spec, best, also, games=400)
    assert even.games == 400
    assert (even.results.sum(axis=1) == 1).all()
    assert even.score == 0.5
    assert even.counts == (200, 0, 200)
    there, back = match.play(spec, best, chance, games=400), match.play(spec, chance, best, games=400)
    assert there.score > 0.9
    assert back.score == pytest.approx(1 - there.score, abs=0.05)
    # Whoever takes one stone loses to the best wherever the pile is no multiple of four at the best one's turn.
    assert match.play(spec, best, weak, games=400).score > 0.7
    assert match.play(spec, weak, weak, games=401).games == 402


def test_a_match_of_more_teams_deals_two_players_in_turn() -> None:
    spec = registry.get(NIM).spec({"players": 3, "stones": 20})
    chance = rivals.find("random", spec)
    even = match.play(spec, chance, chance, games=4000)
    assert even.score == pytest.approx(0.5, abs=2 * even.interval)
    assert even.counts[1] == 0


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Independent games of a known score."""
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(1000):
        results = (rng.random((100, 2)) < 0.7).astype(float)
        found = match.Match("a", "b", results, 0)
        inside += abs(found.score - 0.7) <= found.interval
    assert 930 <= inside <= 980
    assert match.Match("a", "b", np.ones((100, 2)), 0).interval > 0.01


def simulate(elo: np.ndarray, games: int, rng: np.random.Generator, draws: float = 0.0) -> np.ndarray:
    """Return points (players, players) of a round robin of players of these strengths."""
    points = np.zeros((len(elo), len(elo)))
    for i in range(len(elo)):
        for j in range(i):
            chance = 1 / (1 + 10 ** ((elo[j] - elo[i]) / 400))
            drawn = rng.random(games) < draws * 2 * min(chance, 1 - chance)
            share = draws * 2 * min(chance, 1 - chance)
            won = rng.random(games) < (chance - share / 2) / (1 - share)
            points[i, j] = np.where(drawn, 0.5, won).sum()
            points[j, i] = games - points[i, j]
    return points


def test_elo_is_recovered_from_simulated_games() -> None:
    truth = np.array([-300.0, -100.0, 0.0, 50.0, 350.0])
    found = league.rate(simulate(truth, 20_000, np.random.default_rng(2)))
    np.testing.assert_allclose(found.elo, truth - truth.mean(), atol=8)
    assert found.interval.max() < 8
    drawn = league.rate(simulate(truth, 20_000, np.random.default_rng(3), draws=0.6))
    np.testing.assert_allclose(drawn.elo, truth - truth.mean(), atol=8)


def test_the_intervals_of_ratings_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(4)
    truth = np.array([-200.0, 0.0, 50.0, 150.0])
    inside = np.mean([
        np.abs((found := league.rate(simulate(truth, 100, rng))).elo - truth + truth.mean()) <= found.interval
        for _ in range(250)
    ])  # fmt: skip
    assert 0.92 < inside < 0.98


def test_whoever_won_every_game_has_a_finite_rating_and_a_wide_interval() -> None:
    found = league.rate(np.array([[0.0, 100.0, 100.0], [0.0, 0.0, 50.0], [0.0, 50.0, 0.0]]))
    assert 500 < found.elo[0] < 2500
    assert found.interval[0] > found.interval[1] > 50
    assert found.elo[1] == pytest.approx(found.elo[2])
    assert league.elo_of(10 / 11) == pytest.approx(400)
    assert league.elo_of(0.5) == 0
    assert league.elo_of(1.0) == np.inf


# ---------------------------------------------------------------------------------------------------- the command


def say(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.main(["match", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    begin(folder, params={"players": 2}, train={"total_steps": 20_000}).train()
    return folder


def test_match_prints_a_line_and_ends_with_json(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = next((runs / "nim").iterdir())
    code, out, _ = say(capsys, run, "scripted:1", "--games", 200, "--runs-dir", runs, "--json")
    assert code == 0
    row = json.loads(out.splitlines()[-1])
    found = row["matches"][0]
    assert found["won"] + found["drawn"] + found["lost"] == found["games"] == 200
    assert found["score"] == pytest.approx((found["won"] + found["drawn"] / 2) / 200)
    assert row["params"]["stones"] == 20  # as it was trained
    assert f"{run.name} against scripted:1: {found['won']} won" in out
    again = say(capsys, run, "scripted:1", "--games", 200, "--runs-dir", runs, "--json", "--threads", 1)[1]
    assert again.splitlines()[-1] == out.splitlines()[-1]
    assert say(capsys, run, "scripted:1", "--games", 200, "--runs-dir", runs, "--json", "--seed", 1)[1] != out


def test_match_makes_a_league_of_more_players_and_of_a_run(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = say(capsys, NIM, "scripted:1", "random", "scripted:0.5", "--games", 200, "--json")
    assert code == 0
    table = json.loads(out.splitlines()[-1])["league"]
    assert [row["player"] for row in table] == ["scripted:1", "scripted:0.5", "random"]
    assert sum(row["elo"] for row in table) == pytest.approx(0, abs=1e-6)
    run = next((runs / "nim").iterdir())
    code, out, _ = say(capsys, NIM, run, "--league", "--games", 20, "--runs-dir", runs, "--json")
    assert code == 0
    assert len(json.loads(out.splitlines()[-1])["league"]) == len(list((run / "checkpoints").glob("0*")))


BAD = [
    ((), "who plays; expected two players or more"),
    (("scripted", "random"), "which environment: scripted random have none of their own"),
    (("cartpole", "scripted", "random"), "in `cartpole` one team plays, so there is nobody to play against"),
    ((NIM, "random", "random", "--env.players", "1"), "hint: `--env.players`, `--env.stones` may bring more teams"),
    ((NIM, "random", "none/such/run"), "no such"),
    ((NIM, "random", "scripted:-1"), "`scripted:-1` names no level"),
    ((NIM, "random", "cartpole"), "the players are of `nim` and `cartpole`"),
    ((NIM, "random", "random", "--games", "0"), "out of range: --games 0; expected 1 to"),
    ((NIM, "random", "random", "--metric", "pref"), "no metric is called `pref`"),
    ((NIM, "random", "random", "--train.gamma", "1"), "unknown flag `--train.gamma`"),
]


@pytest.mark.parametrize(("arguments", "sentence"), BAD)
def test_match_says_what_is_wrong(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = say(capsys, *arguments, "--runs-dir", tmp_path) if arguments else say(capsys)
    assert code == 2
    assert sentence in err
    assert "Traceback" not in err
