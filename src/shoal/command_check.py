# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal check`: does an environment keep the contract, and can it be learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal import flags, store
from shoal.cli import command, leading
from shoal.errors import ConfigError
from shoal.folder import is_outside

if TYPE_CHECKING:
    from shoal.check.report import Report

OPTIONS = (
    flags.Option("seconds", "float", 3.0, "of training, whose course is judged"),
    flags.Option("no-train", "bool", False, "leave out the training"),
    flags.JSON,
)
ABOUT = "Check that an environment keeps the contract, then train for a few seconds and say what looks wrong."


def run(arguments: list[str]) -> int:
    """Run `shoal check ARGUMENTS`; returns 0, or 1 when a rule is broken."""
    words = leading(arguments)
    options = flags.parse("shoal check ENV|FOLDER", ABOUT, arguments[len(words) :], OPTIONS).options
    if len(words) != 1:
        got = f"unexpected argument `{words[1]}`" if words else "which environment"
        raise ConfigError(f"{got}; expected one name, or the path of one folder", f"{command()} check cartpole")
    if not options["seconds"] >= 0:
        raise ConfigError(f"out of range: --seconds {options['seconds']:g}; expected at least 0")
    if is_outside(words[0]):
        problem = f"`{words[0]}` is Python: `shoal check` reads the C of an environment"
        raise ConfigError(problem, f"`{command()} train` says what is wrong")
    from shoal.check import check

    report = check(words[0], seconds=0.0 if options["no_train"] else options["seconds"])
    _show(report)
    if options["json"]:
        print(store.to_json(summary(report)))
    return 1 if report.count("violation") else 0


def summary(report: Report) -> dict[str, object]:
    """Return what `check --json` prints."""
    return {
        "env": report.name,
        "clean": not report.count("violation"),
        "violations": report.count("violation"),
        "warnings": report.count("warning"),
        "rules": [vars(finding) for finding in report.lines()],
        "players": report.players,
        "training": report.training,
    }


def _show(report: Report) -> None:
    for finding in report.lines():
        print(f"{finding.level:<10}{finding.rule:<14}{finding.sentence}")
    if report.players:
        names = next(iter(report.players.values()))
        print(f"\n{'player':<10}" + "".join(f"{name:>16}" for name in names))
        for player, means in report.players.items():
            print(f"{player:<10}" + "".join(f"{value:>16.4g}" for value in means.values()))
    if report.training:
        seen = report.training
        print(f"trained for {seen['seconds']:g} s, {seen['steps']:,.0f} steps, value fit {seen['value_fit']:.2f}")
    violations, warnings = report.count("violation"), report.count("warning")
    verdict = f"{violations} violation{'s' * (violations != 1)}" if violations else "keeps the contract"
    print(f"\n{report.name}: {verdict}" + (f", {warnings} warning{'s' * (warnings != 1)}" if warnings else ""))
