# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Does an environment keep the contract, and can it be learnt: `shoal check`.

    report = check("cartpole")
    print(report.count("violation"), [finding.sentence for finding in report.findings])

source.py asks the compiler about the header, play.py plays one copy in a program of its own under sanitizers,
engine.py plays many copies in the engine, training.py trains for a few seconds. report.py lists the rules.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from shoal import registry
from shoal.check import engine, play, source
from shoal.check.compiler import Subject, find_compiler, header_of
from shoal.check.layout import Layout
from shoal.check.report import Report


def check(name: str, *, seconds: float = 3.0) -> Report:
    """Check an environment, by its name, and return what was found.

    Args:
        name: of the environment.
        seconds: of training; 0 leaves it out.
    """
    env = registry.get(name)
    report = Report(env.name)
    spec = env.spec()
    compiler = find_compiler()
    header = header_of(env)
    sound = True
    if not compiler or not header.is_file():
        why = "no C compiler is here" if not compiler else f"no header is at {header}"
        for rule in ("data", "header", "code", "c++17", "device", *play.PLAYED, "initialised"):
            report.skip(rule, why)
    else:
        with tempfile.TemporaryDirectory(prefix="shoal-check-") as folder:
            subject = Subject(env.name, header, compiler, Path(folder))
            layout = Layout(subject)
            source.check_source(subject, layout, report)
            player = play.Player(subject, spec, layout, report)
            played = play.check_played(player)
            sound = played is not None
            if sound:
                play.check_builds(player)
    if sound:
        engine.check_engine(spec, report)
    return report
