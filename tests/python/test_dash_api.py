# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What the dashboard answers: lists, curves and their bands, sweeps, the effects of settings, and refusals."""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import made_sweeps
import numpy as np
import pytest
from made_runs import make

from shoal.dash import curves, sweeps, trials
from shoal.dash.api import Api, dumps
from shoal.dash.effects import effects
from shoal.errors import CheckpointError, ConfigError
from shoal.sweep import space
from shoal.sweep.trial import Trial


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    make(tmp_path, "20260101-000000-a", seed=1, perf=0.5, score=10.0)
    make(tmp_path, "20260102-000000-b", seed=2, perf=0.9, score=7.0, gamma=0.9)
    make(tmp_path, "20260103-000000-c", env="pong", seed=3)
    made_sweeps.make(tmp_path, "sweep-made", 30)
    make(tmp_path, "0000", env="sweep-made", perf=0.3)
    found = Api(tmp_path)
    found.refresh()
    yield found
    found.close()


def ask(api: Api, what: str, /, **query: str) -> dict[str, Any]:
    answer = api.answer(what, query)
    assert answer is not None
    found: dict[str, Any] = json.loads(dumps(answer))
    return found


def write(path: Path, *rows: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


# ---------------------------------------------------------------------------------------------------- runs


def test_runs_are_filtered_sorted_and_paged_without_the_trials_of_sweeps(api: Api) -> None:
    whole = ask(api, "runs", sort="name")
    assert [row["name"][-1] for row in whole["rows"]] == ["a", "b", "c"]
    page = ask(api, "runs", sort="-perf", offset="1", limit="1", columns="perf,train.gamma")
    assert page["total"] == 3
    assert [(row["perf"], row["train.gamma"]) for row in page["rows"]] == [(0.5, 0.99)]
    found = ask(api, "runs", filter="train.gamma=0.9")
    assert (found["total"], found["rows"][0]["seed"]) == (1, 2)


@pytest.mark.parametrize("query", [{"filter": "nonsense"}, {"columns": "nothing"}, {"sort": "x'y"}, {"limit": "many"}])
def test_a_query_without_sense_is_refused(api: Api, query: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        api.answer("runs", query)


@pytest.mark.parametrize("path", ["", "cartpole", "../x/y", "cartpole/..", "cartpole/nobody", "/etc/passwd", "a/b\0"])
def test_a_path_that_is_no_run_is_not_there(api: Api, path: str) -> None:
    with pytest.raises(CheckpointError):
        api.answer("run", {"path": path})


def test_a_run_tells_its_settings_and_survives_files_that_are_broken(api: Api) -> None:
    path = "cartpole/20260102-000000-b"
    about = ask(api, "run", path=path)
    assert about["settings"]["train"]["gamma"] == 0.9
    assert about["metrics"] == ["steps", "env/perf", "seconds"]
    for name in ("config.toml", "result.json", "metrics.jsonl", "about.json"):
        (api.runs_dir / path / name).write_bytes(b"\xff{")
    about = ask(api, "run", path=path)
    assert (about["settings"], about["metrics"]) == ({}, [])


def test_recordings_are_found_and_links_are_not_followed(api: Api) -> None:
    path = "cartpole/20260101-000000-a"
    folder = api.runs_dir / path / "recordings"
    folder.mkdir()
    (folder / "000000000000500.png").write_bytes(b"picture")
    (folder / "secret.png").symlink_to("/etc/passwd")
    assert ask(api, "run", path=path)["media"] == ["recordings/000000000000500.png"]
    assert api.media(path, "recordings/000000000000500.png")[1] == "image/png"
    for name in ("recordings/secret.png", "config.toml", "../20260102-000000-b/config.toml"):
        with pytest.raises(CheckpointError):
            api.media(path, name)


def test_a_comparison_names_the_settings_that_differ(api: Api) -> None:
    found = ask(api, "compare", runs="cartpole/20260101-000000-a,cartpole/20260102-000000-b")
    assert {one["name"]: one["values"] for one in found["apart"]} == {"train.gamma": [0.99, 0.9]}
    assert [row["perf"] for row in found["rows"]] == [0.5, 0.9]


# ---------------------------------------------------------------------------------------------------- curves


def test_a_file_that_grows_reads_like_one_that_was_whole(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    rows = [{"steps": i, "a": i * 0.5} | ({"b": -i} if i > 3 else {}) for i in range(1, 9)]
    growing = curves.Curves()
    for row in rows:
        with path.open("a") as file:
            text = json.dumps(row) + "\n"
            file.write(text[:7])
            file.flush()
            growing.columns(path, "steps", "a")  # half a line is left for later
            file.write(text[7:])
        growing.columns(path, "steps", "a")
    for name in ("a", "b"):
        np.testing.assert_array_equal(
            growing.columns(path, "steps", name), curves.Curves().columns(path, "steps", name)
        )
    assert growing.columns(path, "steps", "b")[0].tolist() == [4, 5, 6, 7, 8]


def test_a_file_that_a_resumed_run_cut_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    found = curves.Curves()
    write(path, *({"steps": i, "a": 1.0} for i in range(20)))
    assert len(found.columns(path, "steps", "a")[0]) == 20
    path.write_text("")
    write(path, *({"steps": i, "a": 2.0} for i in range(30)))
    assert found.columns(path, "steps", "a")[1].tolist() == [2.0] * 30


def test_thinning_keeps_every_peak() -> None:
    x, y = np.arange(100_000.0), np.zeros(100_000)
    y[[77, 54_321]] = 5.0, -3.0
    thin_x, thin_y = curves.thinned(x, y)
    assert len(thin_x) <= curves.POINTS
    assert (thin_y.max(), thin_y.min()) == (5.0, -3.0)
    assert (np.diff(thin_x) >= 0).all()


def test_a_band_of_few_seeds_is_their_range_and_ends_where_they_do() -> None:
    x = np.linspace(0, 10, 11)
    found = curves.band([(x, x), (x, x + 2), (x[:6], x[:6] + 4)])
    assert found is not None
    assert found.kind == "lowest to highest of 3 seeds"
    half = found.x <= 5
    np.testing.assert_allclose(found.mean[half], found.x[half] + 2)
    np.testing.assert_allclose(found.mean[~half], found.x[~half] + 1)
    np.testing.assert_allclose(found.high[half] - found.low[half], 4)
    assert curves.band([(x, x)]) is None
    alone = curves.band([(x[:3], x[:3]), (x, x)])
    assert alone is not None
    assert math.isnan(alone.low[-1]) and alone.mean[-1] == pytest.approx(10)


def test_a_band_of_many_seeds_covers_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    x, hits = np.array([0.0, 1.0]), []
    for seed in range(60):
        found = curves.band([(x, np.full(2, value)) for value in rng.normal(0, 1, 20)], seed)
        assert found is not None
        hits.append(found.low[0] <= 0 <= found.high[0])
    assert 0.85 <= np.mean(hits) < 1  # 95 %, less what a percentile interval over 20 lacks


def test_curves_pool_the_seeds_of_one_setting(api: Api) -> None:
    paths = [f"cartpole/2026010{i}-000000-{i}" for i in (4, 5)]
    for path in paths:
        make(api.runs_dir, path.partition("/")[2])
        write(api.runs_dir / path / "metrics.jsonl", {"steps": 900, "env/perf": 0.5, "seconds": math.nan})
    found = ask(api, "curves", runs=",".join(paths), x="steps")
    assert [one["y"] for one in found["series"]] == [[0.25, 0.5]] * 2
    assert [one["paths"] for one in found["groups"]] == [paths]
    assert ask(api, "curves", runs=",".join(paths), x="seconds")["series"][0]["x"] == [2.0]  # NaN is no number
    with pytest.raises(ConfigError):
        api.answer("curves", {"runs": paths[0], "x": "env/perf"})


# ---------------------------------------------------------------------------------------------------- sweeps


def test_the_front_is_what_nothing_cheaper_equals(tmp_path: Path) -> None:
    found = [t for t in trials.read(made_sweeps.make(tmp_path, number=80)) if trials.is_counted(t)]
    brute = [a for a in found if not any((b.cost, -b.score) < (a.cost, -a.score) and b.score >= a.score for b in found)]
    assert trials.front(found) == [t.number for t in sorted(brute, key=lambda t: t.cost)]
    assert 2 < len(brute) < len(found)


def test_a_sweep_is_answered_whole_and_anew_when_a_trial_is_recorded(api: Api) -> None:
    found = ask(api, "sweep", name="sweep-made")
    assert len(found["trials"]) == 30
    assert found["counts"]["running"] == 1
    assert [one["name"] for one in found["dimensions"]][:2] == ["train.learning_rate", "train.gamma"]
    assert found["best"][0]["confirmed"] and found["best"][0]["seeds"] == 5
    with contextlib.closing(sqlite3.connect(api.runs_dir / "sweep-made" / "trials.sqlite")) as database, database:
        made_sweeps.record(database, found_trial(29) | {"score": 2.0, "status": "done"})
    assert ask(api, "sweep", name="sweep-made")["score"] == 2.0
    assert ask(api, "sweeps")["sweeps"][0]["score"] == 2.0


def found_trial(number: int) -> dict[str, Any]:
    point = space.parse_all(made_sweeps.SPACE).decode(np.full(9, 0.5))
    return made_sweeps.trial(np.random.default_rng(0), point, number)


def test_trials_are_read_while_a_writer_holds_the_database(tmp_path: Path) -> None:
    folder = made_sweeps.make(tmp_path)
    with contextlib.closing(sqlite3.connect(folder / "trials.sqlite", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM trials")
        assert len(trials.read(folder)) == 60


def test_a_broken_sweep_is_one_sentence_and_leaves_the_others(api: Api) -> None:
    folder = made_sweeps.make(api.runs_dir, "sweep-broken")
    (folder / "trials.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(CheckpointError, match="the trials cannot be read"):
        api.answer("sweep", {"name": "sweep-broken"})
    assert ["error" in one for one in ask(api, "sweeps")["sweeps"]] == [True, False]
    for name in ("nobody", "..", "../x"):
        with pytest.raises(CheckpointError, match="no sweep"):
            api.answer("sweep", {"name": name})


def test_a_confirmed_setting_has_the_score_of_its_fresh_seeds_alone() -> None:
    lucky = [Trial(0, {"a": 1}, 1.0), Trial(1, {"a": 2}, 0.7)]
    confirming = [Trial(2 + i, {"a": 1}, 0.5, purpose="confirm") for i in range(3)]
    best = sweeps.best_settings([*lucky, *confirming])
    assert [(row["point"], row["score"]) for row in best] == [({"a": 1}, 0.5), ({"a": 2}, 0.7)]


def test_effects_find_the_setting_that_matters_and_its_direction() -> None:
    rng = np.random.default_rng(0)
    declared = space.parse_all({"x.a": "linear(0, 1)", "x.b": "log(1e-3, 1)", "x.c": "choice(p, q, r)"})
    points = [declared.decode(rng.random(declared.width)) for _ in range(200)]
    scores = [3 * float(p["x.a"]) + 0.5 * (p["x.c"] == "q") + rng.normal(0, 0.1) for p in points]
    found = effects(declared.dimensions, points, scores)
    by_name = {effect.name: effect for effect in found}
    assert found[0].name == "x.a" and found[0].low > 0.8
    assert found[0].correlation > 0.9
    assert by_name["x.b"].importance < 0.05
    means = [part.mean for part in found[0].bins]
    assert means == sorted(means)
    assert max(by_name["x.c"].bins, key=lambda part: part.mean).value == "q"
    assert effects(declared.dimensions, points[:5], scores[:5]) == []


def test_repeats_of_a_setting_do_not_make_it_important(tmp_path: Path) -> None:
    folder = made_sweeps.make(tmp_path, number=12)
    row = found_trial(0)
    with contextlib.closing(sqlite3.connect(folder / "trials.sqlite")) as database, database:
        database.execute("DELETE FROM trials")
        for number in range(40):
            made_sweeps.record(database, row | {"number": number, "score": 0.5, "purpose": "repeat", "status": "done"})
    assert sweeps.whole(folder)["effects"] == []
