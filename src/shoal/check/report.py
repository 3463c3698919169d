# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What a check found: its rules, a level and sentences for each of them, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

# What holds when a rule is ok. docs/guides/checking.md has a line for each: what it means, how to mend it.
RULES = {
    "spec": "the specification is sound, and independent of VALUE parameters",
    "compiles": "compiles as C11, with nothing undefined",
    "data": "State, Params, Shared and Metrics are plain data without padding",
    "header": "shoal/env.h is the only include, tables stand in SHOAL_TABLE",
    "code": "no globals, no recursion, no calls outside, locals of at most 4 KB",
    "warnings": "the compiler has nothing to say",
    "c++17": "compiles as C++17 without the standard headers",
    "device": "compiles as CUDA device code",
    "memory": "no access outside an array, no undefined behaviour",
    "returns": "every call returns",
    "written": "every byte of rows, masks and Shared is written, whatever the memory held; observe_all writes the same",
    "initialised": "no variable is read before it is set: the same bits however it is compiled",
    "reads": "observe, live, scripted leave State alone; nobody writes Params or Shared",
    "head": "key, episode, tick and phase are the engine's alone",
    "observations": "every observation lies within its field",
    "masks": "every mask has a legal action",
    "rewards": "every reward is finite, every flag is known",
    "absent": "actions of absent agents change nothing",
    "leaving": "no agent leaves without a flag",
    "metrics": "metrics are finite, and perf lies in 0..1",
    "scripted": "the scripted policy acts legally",
    "parameters": "all of this also at the ends of every parameter's range",
    "threads": "the same bytes for 1, 2 and 4 threads, and for any block size",
    "snapshot": "a snapshot replays to the same bytes",
    "ends": "episodes end",
    "time limit": "the time limit is the engine's, and a deadline of the task can be seen",
    "actions": "every action does something of its own",
    "turns": "who waits for a turn has one legal action",
    "rewards vary": "there is something to learn from",
    "scale": "rewards and observations have a scale that a network can use",
    "entities": "no list of alike things in a vector, unsorted",
    "learning": "a few seconds of training do better than chance",
}


@dataclass(frozen=True)
class Finding:
    """One sentence about one rule."""

    rule: str
    level: str  # ok, skipped, warning or violation
    sentence: str


@dataclass
class Report:
    """What was found, in the order of the rules, and numbers worth knowing.

    Attributes:
        name: of the environment. findings: everything but what is ok. checked: rules that were looked at.
        players: the metrics' means of each player. training: what a few seconds of training did.
    """

    name: str
    findings: list[Finding] = field(default_factory=list)
    checked: set[str] = field(default_factory=set)
    players: dict[str, dict[str, float]] = field(default_factory=dict)
    training: dict[str, float] = field(default_factory=dict)

    def ok(self, *rules: str) -> None:
        """Say that these rules were looked at."""
        self.checked.update(rules)

    def violation(self, rule: str, sentence: str) -> None:
        """Add what breaks the contract."""
        self._add(rule, "violation", sentence)

    def warning(self, rule: str, sentence: str) -> None:
        """Add what the contract allows but probably nobody wants."""
        self._add(rule, "warning", sentence)

    def skip(self, rule: str, why: str) -> None:
        """Say that a rule could not be looked at."""
        self._add(rule, "skipped", why)

    def count(self, level: str) -> int:
        """Return how many findings have this level."""
        return sum(finding.level == level for finding in self.findings)

    def lines(self) -> Iterator[Finding]:
        """Yield a finding for every rule, several where there are several sentences."""
        for rule, meaning in RULES.items():
            found = [finding for finding in self.findings if finding.rule == rule]
            yield from found
            if not found and rule in self.checked:
                yield Finding(rule, "ok", meaning)

    def _add(self, rule: str, level: str, sentence: str) -> None:
        assert rule in RULES, rule
        self.checked.add(rule)
        finding = Finding(rule, level, sentence)
        if finding not in self.findings:
            self.findings.append(finding)
