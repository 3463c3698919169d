# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Each fault that is planted in a sound environment is named by `shoal check` in one sentence."""

import os
import shutil

import pytest
from faults import COMPILED, DESIGN, HERD, PLAIN, PLAYED, TRAINED

from shoal import compile, registry
from shoal.check import check, play, source
from shoal.check.compiler import Subject
from shoal.check.layout import Layout
from shoal.check.report import Report

ALL = PLAIN | PLAYED | COMPILED | DESIGN


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


def quickly(header, folder, report):
    """Return a player of the header; its program has guard bands in place of sanitizers."""
    subject = Subject("herd", header, compile.find_compiler().command, folder)
    return subject, Layout(subject), report


@pytest.mark.parametrize("name", PLAIN)
def test_fault_in_the_source_is_named(name, tmp_path):
    header = PLAIN[name].plant(tmp_path) / "herd.h"
    subject, layout, report = quickly(header, tmp_path, Report("herd"))
    source.check_data(subject, layout, report)
    source.check_code(subject, report)
    source.check_cpp(subject, report)
    named(PLAIN[name], report)


QUICK = ("unwritten_field", "nan_reward", "outside_field", "zero_mask", "absent_acts", "turns_back_the_clock")


@pytest.mark.parametrize("name", QUICK)
def test_fault_in_a_played_episode_is_named(name, tmp_path):
    home = PLAYED[name].plant(tmp_path)
    subject, layout, report = quickly(home / "herd.h", tmp_path, Report("herd"))
    player = play.Player(subject, registry.get(str(home)).spec(), layout, report)
    program, done = player.build("plain", "-O0")
    assert done.code == 0, done.err
    for rule, sentence in player.findings(player.play(program, {}, 2000, 1.0)):
        report.violation(rule, sentence)
    named(PLAYED[name], report)
    assert len({finding.rule for finding in report.findings}) == 1, report.findings


def test_guard_bands_see_a_write_past_the_end(tmp_path):
    """Where the compiler has no sanitizer."""
    home = PLAYED["past_the_mask"].plant(tmp_path)
    subject, layout, report = quickly(home / "herd.h", tmp_path, Report("herd"))
    player = play.Player(subject, registry.get(str(home)).spec(), layout, report)
    program, _ = player.build("plain", "-O0")
    found = player.findings(player.play(program, {}, 100, 1.0))
    assert found == [("memory", "herd.h writes at byte 3 of the action mask, which is outside of it")]


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
    (tmp_path / "herd").mkdir()
    shutil.copy(HERD, tmp_path / "herd" / "herd.h")
    report = check(str(tmp_path / "herd"), seconds=2.0)
    assert not [finding for finding in report.findings if finding.level in ("violation", "warning")]
    assert report.players["trained"]["perf"] > report.players["random"]["perf"]
