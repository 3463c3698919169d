# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Does an environment keep the contract, and can it be learnt: `shoal check`.

    report = check("cartpole")
    print(report.count("violation"), [finding.sentence for finding in report.findings])

source.py asks the compiler about the header, play.py plays one copy in a program of its own under sanitizers and
judge.py judges that play, engine.py plays many copies in the engine, training.py trains for a few seconds. report.py
lists the rules.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from shoal import compile, folder, registry
from shoal.check import engine, judge, play, source, training
from shoal.check.compiler import Subject
from shoal.check.layout import Layout
from shoal.check.report import RULES, Report
from shoal.errors import EnvError


def check(name: str, *, seconds: float = 3.0) -> Report:
    """Check an environment and return what was found.

    Args:
        name: of the environment, or the path of its folder.
        seconds: of training; 0 leaves it out.

    Raises:
        EnvError: if there is no such environment, or no compiler for one in a folder.
    """
    header = folder.find_header(name) if folder.is_path(name) else _header(registry.get(name))
    report = Report(header.stem)
    with tempfile.TemporaryDirectory(prefix="shoal-check-") as work:
        try:
            subject = Subject(header.stem, header, compile.find_compiler(), Path(work))
        except EnvError:
            if folder.is_path(name):
                raise
            subject = None
        if subject is None or not header.is_file():
            why = "no C compiler is here" if subject is None else f"no header is at {header}"
            for rule in (*source.LOOKED, *play.PLAYED, "initialised"):
                report.skip(rule, why)
            sound = True
        else:
            sound = _check_source(subject, name, report)
    if sound:
        spec = registry.get(name).spec()
        engine.check_engine(spec, report)
        training.check_training(spec, name, seconds, report)
    for rule in RULES:
        if not sound and rule not in report.checked:
            report.skip(rule, "not looked at before the above is mended")
    return report


def _header(env: registry.Environment) -> Path:
    return env.folder / f"{env.name}.h"


def _check_source(subject: Subject, name: str, report: Report) -> bool:
    """Look at the header, and play it in a program of its own; returns whether it may run in this process."""
    layout = Layout(subject)
    report.ok("compiles", "spec")
    try:
        spec = registry.get(name).spec()
    except EnvError as error:
        sentence = str(error).partition("\n")[0]
        report.violation("compiles" if "compile" in sentence or "calls" in sentence else "spec", sentence)
        source.check_data(subject, layout, report)
        return False
    source.check_source(subject, layout, report)
    player = play.Player(subject, spec, layout, report)
    played = play.check_played(player)
    if played is None:
        return False
    play.check_builds(player)
    judge.judge(player, played)
    return True
