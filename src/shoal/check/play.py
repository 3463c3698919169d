# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Rules that a played episode shows: builds native/include/shoal/check.h around the environment and reads its lines.

Under the address and undefined-behaviour sanitizers first, with parameters at their defaults and then at the ends of
their ranges; then, since a variable that was never set holds whatever the compiler leaves there, in builds that leave
zeros and a pattern and are optimised differently.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shoal import compile, native
from shoal.check.compiler import Done, Subject, call, numeric_flags
from shoal.check.layout import Layout
from shoal.check.report import Report
from shoal.registry import Environment, Spec, pack
from shoal.tables import Value

STEPS, SECONDS = 60_000, 1.0  # of the main play
CORNER_STEPS, CORNER_SECONDS = 1_500, 0.1  # of a play with unusual parameters
CORNERS_SECONDS = 3.0  # for all of them, start-up included
CORNERS_AT_RANDOM = 8
SAME_STEPS = 3_000  # that builds are compared over
TIMEOUT = 60.0
SANITIZE = ("-O1", "-g", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all")
SANITIZERS = "-fsanitize=address,undefined,float-cast-overflow"
PLAYED = (
    "memory", "returns", "written", "reads", "head", "observations", "masks", "rewards", "absent", "leaving", "metrics",
    "scripted", "parameters",
)  # fmt: skip


@dataclass(frozen=True)
class Played:
    """A play: lines by their key, each a table, and what the sanitizers said."""

    lines: dict[str, list[dict[str, str]]]
    stderr: str
    code: int

    def one(self, key: str) -> dict[str, str]:
        """Return the first line of that key, or nothing."""
        return self.lines.get(key, [{}])[0]


class Player:
    """Builds and runs the program, and says what its lines mean."""

    def __init__(self, subject: Subject, spec: Spec, layout: Layout, report: Report) -> None:
        self.subject, self.spec, self.layout, self.report = subject, spec, layout, report
        self.sanitized = True
        drawing = subject.header.with_name(f"{subject.name}_draw.h")
        draws = drawing.is_file() and (compile.include_folder() / "shoal" / "canvas.h").is_file()
        last = ("#define CHECK_DRAWS\n" if draws else "") + '#include "shoal/check.h"'
        self._source = subject.source(last, drawing if draws else None)

    def build(self, name: str, *flags: str) -> tuple[Path, Done]:
        """Return the program and how its compilation ended."""
        path = self.subject.folder / name
        words = ("-std=gnu11", "-w", *numeric_flags(), *flags, "-o", str(path))
        return path, self.subject.compile(self._source, *words, libraries="-lm")  # floorf, where no instruction does it

    def play(
        self, program: Path, values: Mapping[str, Value], steps: int, seconds: float, *, trace: bool = False
    ) -> Played:
        """Run the program with these parameters; `trace` asks for a line a step."""
        env = self.spec.env
        table = bytes(pack(env, env.check(values)))[ctypes.sizeof(native.Sizes) :].hex()
        words = (str(program), "5", str(steps), str(seconds), "0", table, *(["trace"] if trace else []))
        done = call(words, TIMEOUT, ASAN_OPTIONS="detect_leaks=0:allow_addr2line=1", UBSAN_OPTIONS="print_stacktrace=1")
        lines: dict[str, list[dict[str, str]]] = {}
        for line in done.out.splitlines():
            key, *fields = line.split("\t")
            lines.setdefault(key, []).append(dict(item.partition("=")[::2] for item in fields))
        return Played(lines, done.err, done.code)

    # ------------------------------------------------------------------------------------------------ sentences

    def findings(self, played: Played, about: str = "") -> list[tuple[str, str]]:
        """Return (rule, sentence) of everything that a play found; `about` ends each sentence."""
        found = [("memory", sentence) for sentence in self._memory(played)]
        for key, lines in played.lines.items():
            for line in lines:
                sentence = self._sentence(key, line, played)
                if sentence:
                    found.append(sentence)
        return [(rule, sentence + about) for rule, sentence in found]

    def _sentence(self, key: str, line: dict[str, str], played: Played) -> tuple[str, str] | None:
        step, observe = self.subject.where("step"), self.subject.where("observe")
        when = f"for agent {line.get('agent')} at tick {line.get('tick')}"
        at = int(line.get("offset", 0))
        if key == "outside-field":
            element = f"[{line['element']}]" if self._size(line["field"]) > 1 else ""
            bounds = f"{float(line['low']):g} to {float(line['high']):g}"
            return "observations", (
                f"{observe} writes {line['field']}{element} = {float(line['value']):g} {when}, outside its field, "
                f"which spec declares as {bounds}"
            )
        if key == "row-unwritten":
            return "written", f"{observe} does not write {self._row(at)}, so old memory shows there ({when})"
        if key == "mask-unwritten":
            return (
                "written",
                f"{observe} does not write {self._mask(at)} of the mask, so old memory shows there ({when})",
            )
        if key == "together":
            place = self._row(at) if line["part"] == "row" else f"{self._mask(at)} of the mask"
            return "written", f"{self.subject.where('observe_all')} writes {place} otherwise than observe ({when})"
        if key == "shared-unwritten":
            place = self.layout.member_at("Shared", at)
            return "written", f"{self.subject.where('shared')} does not write {place}, so old memory shows there"
        if key == "no-legal-action":
            return (
                "masks",
                f"{observe} leaves head `{line['head']}` without a legal action: its mask is all zero {when}",
            )
        if key == "mask-value":
            return "masks", (
                f"{observe} writes {line['value']} into the mask of head `{line['head']}`, action {line['action']}, "
                f"{when}; expected 0 or 1"
            )
        if key == "reward":
            return "rewards", f"{step} writes result->reward[{line['agent']}] = {line['value']} at tick {line['tick']}"
        if key == "flag":
            return "rewards", (
                f"{step} writes result->ended[{line['agent']}] = {line['value']} at tick {line['tick']}; expected "
                "SHOAL_TERMINATED, SHOAL_TRUNCATED or both"
            )
        if key == "metric":
            expected = "0 to 1" if line["metric"] == "perf" else "a finite number"
            return "metrics", (
                f"{step} leaves metric `{line['metric']}` at {float(line['value']):g} when agent {line['agent']}'s "
                f"life ends at tick {line['tick']}; expected {expected}"
            )
        if key == "absent-acts":
            what = f"{self.layout.member_at('State', at)}" if "offset" in line else f"what agent {line['of']} receives"
            return "absent", (
                f"{step} lets an absent agent act: other actions of agent {line['agent']}, which is not live, change "
                f"{what} at tick {line['tick']}"
            )
        if key == "left":
            return "leaving", (
                f"{self.subject.where('live')} says that agent {line['agent']} is gone at tick {line['tick']}, though "
                "step gave it no flag in result->ended"
            )
        if key == "alone":
            return "ends", (
                f"{step} goes on for 1,000 steps with no live agent (to tick {line['tick']}); expected *result->over = "
                "1 once nobody can come back"
            )
        if key == "scripted-illegal":
            return "scripted", (
                f"{self.subject.where('scripted')} chooses {line.get('action', line.get('number'))} for "
                f"`{line['head']}` {when}, which is not legal (-1 or nan: it did not write one)"
            )
        if key == "writes-head":
            return "head", (
                f"{self.subject.where(line['function'])} changes State.head.{line['field']} at tick {line['tick']}, "
                "which the engine keeps: its time limit and random numbers rest on it"
            )
        if key == "writes-state":
            place = self.layout.member_at("State", at)
            return "reads", f"{self.subject.where(line['function'])} changes {place}; {line['function']} may only read"
        if key in ("writes-params", "writes-shared"):
            part = "Params" if key == "writes-params" else "Shared"
            return "reads", f"{step} or another function changes {self.layout.member_at(part, at)}, which is read-only"
        if key == "band":
            return "memory", f"{self.subject.file} writes at byte {at} of {line['name']}, which is outside of it"
        if key == "hung":
            place = self._frame(played.stderr) or f"a function of {self.subject.file}"
            return "returns", f"{place} did not return within 10 s: a loop in it does not end"
        return None

    def _memory(self, played: Played) -> Iterator[str]:
        """Yield the sanitizer's first report, or the signal that ended the program, as a sentence."""
        ub = re.search(r"^(\S+?):(\d+):\d+: runtime error: (.*)$", played.stderr, re.MULTILINE)
        asan = re.search(r"ERROR: AddressSanitizer: (\S+)(?: on (?:unknown )?address (0x[0-9a-f]+))?", played.stderr)
        if ub:
            inside = self._frame(played.stderr)
            name = f" in {inside.split()[0]}" if inside and " " in inside else ""
            yield f"{Path(ub.group(1)).name}:{ub.group(2)}{name}: {ub.group(3)}{self._code(ub)}"
        elif asan:
            access = re.search(r"^(READ|WRITE) of size (\d+)", played.stderr, re.MULTILINE)
            verb = {"READ": "reads", "WRITE": "writes"}[access.group(1)] if access else "reaches"
            size = f" {access.group(2)} bytes" if access else ""
            where = self._room(int(asan.group(2), 16), played) if asan.group(2) else ""
            place = self._frame(played.stderr) or self.subject.file
            yield f"{place} {verb}{size} {where or f'where it must not ({asan.group(1)})'}"
        elif played.code < 0 or played.code > 1:
            yield f"{self.subject.file} crashed the program (exit code {played.code}) {played.stderr.strip()[-200:]}"

    def _code(self, place: re.Match[str]) -> str:
        """Return ` in `state->cell[9] = 0;``, the line of the header that a report names."""
        lines = self.subject.text.splitlines()
        number = int(place.group(2))
        mine = Path(place.group(1)).name == self.subject.file and number <= len(lines)
        return f" in `{lines[number - 1].strip()}`" if mine else ""

    def _frame(self, stderr: str) -> str:
        """Return `game_step (game.h:70)` of the first frame that is the environment's."""
        for name, path, line in re.findall(r"#\d+ 0x[0-9a-f]+ in (\S+) (\S+?):(\d+)", stderr):
            if Path(path).name == self.subject.header.name:
                return f"{name} ({Path(path).name}:{line})"
        return ""

    def _room(self, address: int, played: Played) -> str:
        """Return which array an address is next to."""
        best = ""
        nearest = 4096
        for room in played.lines.get("room", []):
            start, size = int(room["address"], 16), int(room["bytes"])
            after, before = address - start - size, start - address
            if 0 <= after < nearest:
                nearest, best = after, f"{after} bytes past the end of {room['name']} ({size} bytes)"
            if 0 < before < nearest:
                nearest, best = before, f"{before} bytes before the start of {room['name']}"
        return best

    def _size(self, field: str) -> int:
        return next((known.size for known in self.spec.fields if known.name == field), 1)

    def _row(self, offset: int) -> str:
        for field in self.spec.fields:
            if field.offset <= offset < field.offset + field.bytes:
                element = (offset - field.offset) // (field.bytes // field.size)
                return field.name + (f"[{element}]" if field.size > 1 else "")
        return f"byte {offset} of the row, which pads it to a multiple of 4"

    def _mask(self, offset: int) -> str:
        for head in self.spec.heads:
            if head.masked and offset < head.size:
                return f"action {offset} of head `{head.name}`"
            offset -= head.size if head.masked else 0
        return f"byte {offset}"


# ---------------------------------------------------------------------------------------------------- the rules


def check_played(player: Player) -> Played | None:
    """Play under the sanitizers; returns the main play, or None if what it broke makes others pointless."""
    report = player.report
    program, done = player.build("sanitized", *SANITIZE, SANITIZERS)
    if done.code != 0:
        player.sanitized = False
        report.skip("memory", "guard bands alone: this compiler brings no address sanitizer")
        program, done = player.build("sanitized", "-O1", "-g")
    if done.code != 0:
        report.violation("memory", f"{player.subject.file} does not compile: {first_error(done)}")
        return None
    report.ok(*PLAYED)
    played = player.play(program, {}, STEPS, SECONDS)
    found = player.findings(played)
    for rule, sentence in found:
        report.violation(rule, sentence)
    if not any(rule in ("memory", "returns") for rule, _ in found):
        _check_corners(player, program)
    return played if "played" in played.lines else None


def _check_corners(player: Player, program: Path) -> None:
    """Play with parameters at the ends of their ranges, each alone and then several at random."""
    known = {(rule, _shape(sentence)) for rule, sentence in _sentences(player.report)}
    spent = 0.0
    for values in corners(player.spec.env):
        played = player.play(program, values, CORNER_STEPS, CORNER_SECONDS)
        said = " and ".join(f"{name} = {value}" for name, value in values.items())
        for rule, sentence in player.findings(played, f" (with {said})"):
            if (rule, _shape(sentence)) not in known:
                known.add((rule, _shape(sentence)))
                add = player.report.warning if rule == "observations" else player.report.violation
                add("parameters", f"{rule}: {sentence}")
        spent += float(played.one("played").get("seconds", "0.1")) + 0.03
        if spent > CORNERS_SECONDS:
            break


def corners(env: Environment) -> Iterator[dict[str, Value]]:
    """Yield parameter values to try: each at its ends or its other choices, then several at random."""
    options: dict[str, tuple[Value, ...]] = {}
    for param in env.params:
        if param.kind == "choice":
            options[param.name] = param.choices
        elif param.kind == "switch":
            options[param.name] = (False, True)
        else:
            options[param.name] = (param.check(param.low), param.check(param.high))
        for value in options[param.name]:
            if value != param.default:
                yield {param.name: value}
    rng = np.random.default_rng(0)
    for _ in range(CORNERS_AT_RANDOM if len(options) > 1 else 0):
        yield {name: choices[rng.integers(len(choices))] for name, choices in options.items()}


def check_builds(player: Player) -> None:
    """Compare plays of builds that leave other values in variables that were never set."""
    report = player.report
    zero, pattern = "-ftrivial-auto-var-init=zero", "-ftrivial-auto-var-init=pattern"
    # Fills survive in GCC without optimisation alone.
    builds = (("zeros", "-O0", zero), ("pattern", "-O0", pattern), ("fast", "-O2"))
    programs, hashes = {}, {}
    for name, *flags in builds:
        programs[name], done = player.build(name, *flags)
        if done.code != 0:
            report.skip("initialised", "this compiler cannot fill variables: expected GCC 12, clang 8 or newer")
            return
        hashes[name] = player.play(programs[name], {}, SAME_STEPS, TIMEOUT).one("played").get("hash", "")
    report.ok("initialised")
    for other, why in (
        ("pattern", "reads a variable that was never set"),
        ("fast", "has undefined behaviour: -O0 and -O2 lead to other bits"),
    ):
        if hashes["zeros"] != hashes[other]:
            first = _first_difference(player, programs["zeros"], programs[other])
            place = _uninitialised(player) or player.subject.file
            report.violation("initialised", f"{place} {why}; it shows first in {first}")
            return


def _first_difference(player: Player, one: Path, other: Path) -> str:
    """Return `result->reward at step 7`: what two builds disagree about."""
    runs = [
        player.play(program, {}, SAME_STEPS, TIMEOUT, trace=True).lines.get("trace", []) for program in (one, other)
    ]
    for step, (mine, yours) in enumerate(zip(*runs, strict=False), 1):
        for name, value in mine.items():
            if yours[name] != value:
                return f"{name} at step {step}"
    return "the observation"


def _uninitialised(player: Player) -> str:
    """Return `game_step (game.h:70): 'x' is used uninitialized`, if the compiler sees it."""
    flags = ("-std=gnu11", "-O2", "-Wuninitialized", "-Wmaybe-uninitialized", "-c", "-o", "/dev/null")
    done = player.subject.compile(player.subject.source('#include "shoal/env_block.h"'), *flags)
    found = re.search(rf"{re.escape(player.subject.header.name)}:(\d+):\d+: warning: '?‘?([\w.\->]+)", done.err)
    return f"{player.subject.file}:{found.group(1)} ({found.group(2)})" if found else ""


def first_error(done: Done) -> str:
    """Return the first error of a compiler, without its folder."""
    found = re.search(r"([^\s/]+?)[:(](\d+)(?::\d+|\)): (?:fatal )?error: (.*)", done.err)
    if found:
        return f"{found.group(1)}:{found.group(2)}: {found.group(3)}"
    return (done.err.strip().splitlines() or ["no message"])[-1][:200]


def _sentences(report: Report) -> Iterator[tuple[str, str]]:
    for finding in report.findings:
        yield finding.rule, finding.sentence


def _shape(sentence: str) -> str:
    """Return a sentence without its numbers: the same finding elsewhere."""
    return re.sub(r"\(with .*\)$", "", re.sub(r"-?\d[\d.e+-]*", "0", sentence)).strip()
