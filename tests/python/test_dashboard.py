# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The dashboard as a pure function: what it says, and that it fits every terminal."""

from __future__ import annotations

import math

import pytest

from shoal import dashboard, native, plot, stages, terminal
from shoal.dashboard import Facts, View
from shoal.plot import History
from shoal.settings import SolvedConfig

WEIGHTED = {"env/score": "episode/count"}


def view(updates: int = 300, **changes: object) -> View:
    facts = {
        "env": "breakout",
        "version": 1,
        "solved": SolvedConfig("score", 850.0),
        "seed": 7,
        "network": "mingru 128 × 2",
        "machine": "2048 copies, 2 threads, avx512",
        "run": "runs/breakout/20261121-101500-calm-pike",
        "total_steps": 50_000_000,
        "cores": 2,
        "episodes": {"score": "env/score", "perf": "env/perf", "return": "episode/return", "length": "episode/length"},
    } | changes
    found = Facts(**facts)  # type: ignore[arg-type]
    history = History(dashboard.keys(found))
    for update in range(1, updates + 1):
        row = dict.fromkeys(dashboard.keys(found), update / 300) | {"steps": update * 65536.0, "episode/count": 3.0}
        history.add([row | {"env/score": 850.0 * update / 300}], WEIGHTED)
    now = dict.fromkeys(dashboard.keys(found), 0.5) | {"env/score": 412.34, "policy/kl": 1.5e-5}
    seconds = dict.fromkeys(native.STAGES, 1.0) | {"backward": 6.0, "forward": 3.0}
    return View(
        found,
        history,
        now=now if updates else {},
        steps=updates * 65536,
        seconds=75.0,
        sps=1.31e6,
        lives=1234.0,
        left=3725.0,
        busy=1.96,
        memory=312 << 20,
        stages=seconds if updates else dict.fromkeys(native.STAGES, 0.0),
        status="Ctrl-C saves and stops",
    )


def texts(lines: list[dashboard.Line]) -> list[str]:
    return ["".join(text for text, _ in line) for line in lines]


NASTY = {
    "run": "/very/long/" + "日本/" * 60 + "\x1b[31m\n" + "runs/breakout/the-end",
    "env": "an_environment_with_quite_a_long_name_" * 3,
    "network": "n" * 300,
    "solved": SolvedConfig("m" * 60, 850.0),
    "total_steps": 2**62,
    "seed": 2**32 - 1,
    "episodes": {"m" * 60: "env/score"} | {f"metric_{i}": f"env/{i}" for i in range(40)},
}


@pytest.mark.parametrize("columns", [60, 61, 79, 80, 81, 100, 160, 300])
@pytest.mark.parametrize(
    "changes", [{}, {"run": "", "solved": SolvedConfig("score")}, NASTY], ids=["usual", "little", "nasty"]
)
@pytest.mark.parametrize("updates", [0, 1, 300])
def test_every_frame_fits_its_terminal(columns: int, changes: dict[str, object], updates: int) -> None:
    shown = view(updates, **changes)
    if updates == 0:
        shown.sps, shown.left, shown.lives = 0.0, math.nan, 0.0
    for rows in (15, 16, 19, 23, 24, 25, 29, 30, 50, 100):
        lines = texts(dashboard.frame(shown, columns, rows))
        assert 0 < len(lines) <= rows
        assert max(map(dashboard.cells, lines)) < columns
        assert all(line.replace("\x1b", "!").isprintable() and "\x1b" not in line for line in lines)
        assert ("bottleneck" in "".join(lines) and "steps/s" in "".join(lines)) or updates == 0


def test_a_terminal_of_80_by_24_shows_all_that_matters() -> None:
    lines = texts(dashboard.frame(view(), 80, 24))
    assert len(lines) == 24
    text = "\n".join(lines)
    for part in (
        " breakout  version 1, solved at score >= 850",
        "seed 7",
        " mingru 128 × 2, 2048 copies, 2 threads, avx512",
        " runs/breakout/20261121-101500-calm-pike",
        " 39 %  19.7M of 50.0M steps",
        "1.31M steps/s",
        "1:15",
        "1:02:05",
        "1.96 of 2 cores",
        "312 MiB",
        "1.23k lives/s",
        "412.3",
        "1.50e-05",
        "update backward",
        "bottleneck  the update, 61 % of the time, above all its backward pass",
        "Ctrl-C saves and stops",
    ):
        assert part in text, part
    for name in [*list(dashboard.LEARNING)[:7], *stages.GROUPS, "score", "perf", "return", "length"]:
        assert any(name in line for line in lines), name


def test_the_columns_of_a_table_are_aligned() -> None:
    lines = texts(dashboard.frame(view(), 80, 24))
    start = next(index for index, line in enumerate(lines) if line.startswith(" Learning"))
    table = lines[start : start + 8]
    assert {line.rstrip()[-1] for line in table[1:]} == {"%"}
    assert len({len(line.rstrip()) for line in table[1:]}) == 1
    assert all(line[28] != " " and line[29] == " " for line in table)  # the last digit of each number


def test_a_large_terminal_shows_every_stage_and_a_chart_with_its_goal() -> None:
    lines = texts(dashboard.frame(view(), 160, 50))
    assert len(lines) == 50
    for name in [*dashboard.LEARNING, *stages.LABELS.values()]:
        assert any(name in line for line in lines), name
    chart = [line for line in lines if "█" * 20 in line]
    assert len(chart) > 10
    assert any("╌╌╌" in line and "850.0" in line for line in lines)
    assert any(line.rstrip().endswith("19.7M steps") for line in lines)


def test_a_small_terminal_keeps_what_matters_most() -> None:
    text = "\n".join(texts(dashboard.frame(view(), 60, 15)))
    for part in ("breakout", " 39 %", "1.31M steps/s", "score", "bottleneck", "Ctrl-C"):
        assert part in text


def test_a_metric_that_reached_its_goal_is_ticked() -> None:
    shown = view()
    assert "✓" not in "".join(texts(dashboard.frame(shown, 80, 24)))
    shown.now["env/score"] = 850.0
    assert "".join(texts(dashboard.frame(shown, 80, 24))).count("✓") == 1


def test_a_task_of_two_goals_is_ticked_when_both_are_reached() -> None:
    found = view(solved=SolvedConfig("score", 850.0, "episode_length", 40.0))
    found.now |= {"env/score": 850.0, "episode/length": 39.0}
    text = "".join(texts(dashboard.frame(found, 80, 24)))
    assert "solved at score >= 850, episode_length >= 40" in text and "✓" not in text
    found.now["episode/length"] = 40.0
    assert "".join(texts(dashboard.frame(found, 80, 24))).count("✓") == 1
    del found.now["episode/length"]  # as before the first life ends
    assert "✓" not in "".join(texts(dashboard.frame(found, 80, 24)))


def test_what_stays_has_no_chart_and_no_progress() -> None:
    lines = texts(dashboard.closing(view(), 80))
    assert 15 < len(lines) < 22
    assert "━━━━━━━━━━━━━━━━━━━━━━━" not in "".join(lines[:3])


@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        (dashboard.count, 950, "950"),
        (dashboard.count, 1_310_000, "1.31M"),
        (dashboard.count, 50_000_000, "50.0M"),
        (dashboard.count, 2**62, "4611686T"),
        (dashboard.number, 0.0, "0.0000"),
        (dashboard.number, -0.01234, "-0.0123"),
        (dashboard.number, 1.5e-5, "1.50e-05"),
        (dashboard.number, 412.34, "412.3"),
        (dashboard.number, 123456.0, "123,456"),
        (dashboard.number, -1.5e12, "-1.50e+12"),
        (dashboard.number, math.nan, "-"),
        (dashboard.clock, 7.9, "0:07"),
        (dashboard.clock, 3725.0, "1:02:05"),
        (dashboard.clock, 1e6, "11.6 days"),
        (dashboard.clock, math.inf, "-"),
        (dashboard.percent, 0.07, " 7 %"),
        (dashboard.percent, 1.0, "100 %"),
    ],
)
def test_numbers_read_well(function, value: float, text: str) -> None:  # type: ignore[no-untyped-def]
    assert function(value) == text


# ---------------------------------------------------------------------------------------------------- plots


def test_history_keeps_weighted_means_in_bounded_memory() -> None:
    history = History(["env/score", "loss"])
    for step in range(10_000):
        history.add([{"steps": 64.0 * step, "env/score": step, "loss": 1.0, "episode/count": step % 3}], WEIGHTED)
    curve = history.curve("env/score", 10)
    assert len(curve) == 10 and len(history.curve("env/score", 10**6)) <= plot.BUCKETS
    assert curve == pytest.approx([500 + 1000 * part for part in range(10)], rel=0.1)
    assert history.curve("loss", 7) == [1.0] * 7
    history = History(["env/score"])
    history.add([{"steps": 0, "env/score": 1.0, "episode/count": 1}], WEIGHTED)
    history.add([{"steps": 1, "env/score": 4.0, "episode/count": 3}], WEIGHTED)
    assert history.curve("env/score", 1) == [3.25]


def test_a_stretch_without_lives_repeats_the_one_before() -> None:
    history = History(["env/score"])
    for step, (score, lives) in enumerate([(math.nan, 0), (2.0, 1), (math.nan, 0), (3.0, 1)]):
        history.add([{"steps": step, "env/score": score, "episode/count": lives}], WEIGHTED)
    curve = history.curve("env/score", 4)
    assert math.isnan(curve[0]) and curve[1:] == [2.0, 2.0, 3.0]


def test_sparklines_charts_and_bars_span_their_range() -> None:
    assert plot.sparkline([0.0, 1.0, math.nan, 0.5], 6) == "▁▇ ▄  "
    assert plot.sparkline([3.0, 3.0], 2) == "▁▁"
    assert plot.sparkline([], 3) == "   "
    found = plot.chart([0.0, 1.0, math.nan], 3, 0.0, 1.0)
    assert [kinds for _, kinds in found] == [" t ", " a ", "ta "]
    rows = [text for text, _ in found]
    assert [row[1] for row in rows] == ["█", "█", "█"]
    assert [row[0] for row in rows] == [" ", " ", "▁"]
    assert {row[2] for row in rows} == {" "}
    assert (plot.bar(0.5, 4), plot.bar(0.125, 4), plot.bar(2.0, 3), plot.bar(-1.0, 2)) == ("━━  ", "╸   ", "━━━", "  ")


# ---------------------------------------------------------------------------------------------------- stages


def test_every_stage_has_a_name_and_one_group() -> None:
    grouped = [stage for members in stages.GROUPS.values() for stage in members]
    assert sorted(grouped) == sorted(native.STAGES) == sorted(stages.LABELS)


def test_the_bottleneck_is_named_in_words() -> None:
    nothing = dict.fromkeys(native.STAGES, 0.0)
    assert stages.bottleneck(nothing) == "nothing was measured yet"
    assert stages.bottleneck(nothing | {"simulate": 3.0, "wait": 1.0}) == "the environment's steps, 75 % of the time"
    split = nothing | {"simulate": 3.0, "forward": 2.0, "backward": 1.0, "optimize": 1.0}
    assert stages.bottleneck(split) == "the update, 57 % of the time, above all its forward pass"
    assert stages.largest(nothing | {"wait": 1.0})[0] == "waiting"


# ---------------------------------------------------------------------------------------------------- colours


def test_styles_become_colours_or_nothing() -> None:
    line = [(" ", "plain"), ("score", "label"), ("   ", "accent"), ("4", "value"), ("  ", "plain")]
    assert terminal.render(line, colour=False) == " score   4"
    assert terminal.render(line, colour=True) == " \x1b[38;5;244mscore\x1b[0m   \x1b[1m4\x1b[0m"
    used = {style for spans in dashboard.frame(view(), 160, 50) for _, style in spans}
    assert used <= set(terminal.STYLES)
