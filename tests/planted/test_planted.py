# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Each fault that is planted in a sound environment is named by `shoal check` in one sentence."""

import os

import pytest
from faults import FAULTS, SOUND

from shoal import compile, registry
from shoal.check import check, play, source
from shoal.check.compiler import Subject
from shoal.check.layout import Layout
from shoal.check.report import Report

PLAIN, PLAYED, TRAINED = FAULTS["plain"], FAULTS["played"], FAULTS["trained"]
ALL = PLAIN | PLAYED | FAULTS["compiled"] | FAULTS["design"]


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    """Keep what is compiled here out of the user's cache."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    yield
    del os.environ["XDG_CACHE_HOME"]
    if before is not None:
        os.environ["XDG_CACHE_HOME"] = before


def named(fault, report):
    """Assert that one sentence names the fault."""
    found = [finding for finding in report.findings if finding.rule == fault.rule and finding.level == fault.level]
    assert any(all(word in finding.sentence for word in fault.words) for finding in found), report.findings
    assert all("\n" not in finding.sentence for finding in found)


@pytest.fixture(scope="module")
def spec(tmp_path_factory, cache):
    """What the sound environment declares; most faults do not change it."""
    return registry.get(str(SOUND.plant(tmp_path_factory.mktemp("sound")))).spec()


def quickly(fault, folder, spec):
    """Return what a play finds; the program is not optimised, and has guard bands in place of sanitizers."""
    subject = Subject("herd", fault.plant(folder) / "herd.h", compile.find_compiler(), folder)
    player = play.Player(subject, spec, Layout(subject), Report("herd"))
    program, done = player.build("plain", "-O0")
    assert done.code == 0, done.err
    for rule, sentence in player.findings(player.play(program, {}, 2000, 1.0)):
        player.report.violation(rule, sentence)
    return player.report


@pytest.mark.parametrize("name", PLAIN)
def test_fault_in_the_source_is_named(name, tmp_path):
    header = PLAIN[name].plant(tmp_path) / "herd.h"
    subject, report = Subject("herd", header, compile.find_compiler(), tmp_path), Report("herd")
    look = {"code": source.check_code, "c++17": source.check_cpp}.get(PLAIN[name].rule)
    if look:
        look(subject, report)
    else:
        source.check_data(subject, Layout(subject), report)
    named(PLAIN[name], report)


QUICK = (
    "unwritten_field", "observes_otherwise_together", "nan_reward", "outside_field", "zero_mask", "absent_acts",
    "turns_back_the_clock",
)  # fmt: skip


@pytest.mark.parametrize("name", QUICK)
def test_fault_in_a_played_episode_is_named(name, tmp_path, spec):
    report = quickly(PLAYED[name], tmp_path, spec)
    named(PLAYED[name], report)
    assert len({finding.rule for finding in report.findings}) == 1, report.findings


def test_guard_bands_see_a_write_past_the_end(tmp_path, spec):
    """Where the compiler has no sanitizer."""
    (finding,) = quickly(PLAYED["past_the_mask"], tmp_path, spec).findings
    assert finding.rule == "memory"
    assert finding.sentence == "herd.h writes at byte 3 of the action mask, which is outside of it"


def test_sound_environment_has_no_findings(tmp_path, spec):
    assert not quickly(SOUND, tmp_path, spec).findings


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_fault_is_named(name, tmp_path):
    named(ALL[name], check(str(ALL[name].plant(tmp_path)), seconds=0.0))


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_fault_is_named_after_training(name, tmp_path):
    named(TRAINED[name], check(str(TRAINED[name].plant(tmp_path)), seconds=2.0))


@pytest.mark.slow
def test_sound_environment_is_clean(tmp_path):
    report = check(str(SOUND.plant(tmp_path)), seconds=2.0)
    assert not [finding for finding in report.findings if finding.level in ("violation", "warning")]
    assert report.players["trained"]["perf"] > report.players["random"]["perf"]


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names())
def test_shipped_environment_keeps_the_contract(name):
    report = check(name, seconds=0.0)
    assert not report.count("violation"), report.findings
    assert ("memory", "skipped") not in {(finding.rule, finding.level) for finding in report.findings}
    warned = {finding.rule for finding in report.findings if finding.level == "warning"}
    assert warned <= HONEST.get(name, set()), report.findings


HONEST = {  # what an environment does on purpose
    "squared": {"time limit"},  # keeps the reference's row, without the time
    "pong": {"parameters"},  # the paddle's field is wide enough for sensible speeds
    "recall": {"time limit"},  # what is to be remembered is when
    "forever": {"actions", "scale"},  # nothing can be done there
    "masked": {"scale"},  # nothing can be seen there but the mask
    "continuous": {"scale"},  # a bandit
    "crowd": {"scale"},  # far from zero, to probe the normaliser
}
