# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal check` as a user meets it: what it prints, its exit codes, its guide."""

import json
import re
from pathlib import Path

import pytest

from shoal import cli
from shoal.check import engine, play, source, training
from shoal.check.report import RULES, Report

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "checking.md"


@pytest.fixture
def without_compiler(monkeypatch):
    """No compiler: what is left is quick."""
    monkeypatch.setenv("CC", "no-such-compiler")


@pytest.mark.usefixtures("without_compiler")
def test_check_prints_a_line_for_every_rule_and_json(capsys):
    assert cli.main(["check", "cartpole", "--no-train", "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    found = json.loads(lines[-1])
    assert found["env"] == "cartpole"
    assert found["clean"] is True
    assert found["violations"] == 0
    assert found["players"]["scripted"]["score"] == 500
    levels = {rule["rule"]: rule["level"] for rule in found["rules"]}
    assert levels["memory"] == "skipped"
    assert levels["threads"] == levels["ends"] == levels["scale"] == "ok"
    assert set(levels) == set(RULES) - {"returns", "time limit", "actions", "turns", "learning"} | {"returns"}
    assert [line for line in lines if line.startswith("cartpole: keeps the contract")]


@pytest.mark.usefixtures("without_compiler")
def test_check_has_exit_code_one_for_a_violation(capsys, monkeypatch):
    monkeypatch.setattr(engine, "check_engine", lambda spec, report: report.violation("ends", "it never does"))
    monkeypatch.setattr(training, "check_training", lambda *_: None)
    assert cli.main(["check", "cartpole"]) == 1
    out = capsys.readouterr().out
    assert re.search(r"^violation ends +it never does$", out, re.MULTILINE)
    assert out.endswith("cartpole: 1 violation\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "which environment; expected one name, or the path of one folder"),
        (["cartpole", "pong"], "unexpected argument `pong`"),
        (["cartpol"], "no environment is called `cartpol`"),
        (["cartpole", "--seconds", "-1"], "out of range: --seconds -1; expected at least 0"),
        (["cartpole", "--second", "1"], "unknown flag `--second`"),
        (["./no-such-folder"], "no-such-folder"),
    ],
)
def test_check_refuses_misuse_in_one_sentence(capsys, words, sentence):
    assert cli.main(["check", *words]) == 2
    assert sentence in capsys.readouterr().err.splitlines()[0]


def test_guide_explains_every_rule():
    rows = re.findall(r"^\| ([^|]+) \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    explained = {rule.strip() for row in rows for rule in row.split(",")} - {"rule"}
    assert explained == set(RULES)


def test_every_skipped_rule_is_known():
    assert {*source.LOOKED, *play.PLAYED} <= set(RULES)


def test_report_has_the_worst_of_a_rule_and_each_sentence_once():
    report = Report("game")
    report.ok("masks", "rewards")
    for _ in range(2):
        report.violation("masks", "game.h: all zero")
    assert [(line.rule, line.level) for line in report.lines()] == [("masks", "violation"), ("rewards", "ok")]
