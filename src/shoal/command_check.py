# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal check`: does an environment keep the contract, and can it be learnt."""

from __future__ import annotations

from shoal import flags, registry, store
from shoal.cli import environment
from shoal.errors import ConfigError

OPTIONS = (
    flags.Option("seconds", "float", 3.0, "of training, whose course is judged"),
    flags.Option("no-train", "bool", False, "leave out the training"),
    flags.JSON,
)


def run(arguments: list[str]) -> int:
    """Run `shoal check ARGUMENTS`; returns 0, or 1 when a rule is broken."""
    name, rest = environment("shoal check", arguments)
    about = "Check that an environment keeps the contract, then train for a few seconds and say what looks wrong."
    options = flags.parse("shoal check ENV", about, rest, OPTIONS).options
    if not options["seconds"] >= 0:
        raise ConfigError(f"out of range: --seconds {options['seconds']:g}; expected at least 0")
    from shoal.check import check

    print(f"{name} version {registry.get(name).spec().version}", flush=True)
    report = check(name, seconds=0.0 if options["no_train"] else options["seconds"])
    for finding in report.lines():
        print(f"  {finding.level:<10}{finding.rule:<14}{finding.sentence}")
    violations, warnings = report.count("violation"), report.count("warning")
    verdict = f"{violations} violation{'s' * (violations != 1)}" if violations else "keeps the contract"
    print(f"{name}: {verdict}" + (f", {warnings} warning{'s' * (warnings != 1)}" if warnings else ""))
    if options["json"]:
        print(
            store.to_json(
                {
                    "env": name,
                    "clean": not violations,
                    "violations": violations,
                    "warnings": warnings,
                    "rules": [vars(finding) for finding in report.lines()],
                    "players": report.players,
                    "training": report.training,
                }
            )
        )
    return 1 if violations else 0
