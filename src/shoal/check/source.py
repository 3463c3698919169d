# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Rules that the source shows: plain data, one include, no globals, calls, recursion; other languages compile it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

from shoal.check.compiler import Subject, numeric_flags
from shoal.check.layout import STRUCTS, WIDTHS, Layout, Member
from shoal.check.play import first_error
from shoal.check.report import Report

LOOKED = ("compiles", "data", "header", "code", "warnings", "c++17", "device")
FRAME = 4096  # bytes of locals that a function may have
HOST_ONLY = ("spec", "shared", "shared_bytes")
KNOWN = {"memcpy", "memmove", "memset"}  # the calls that compilers make by themselves
LOOSE = {"int": "int32_t", "unsigned": "uint32_t", "unsigned int": "uint32_t", "short": "int16_t", "char": "int8_t",
         "signed char": "int8_t", "unsigned char": "uint8_t", "unsigned short": "uint16_t"}  # fmt: skip
FUNCTIONS = (
    "spec", "reset", "step", "observe", "observe_all", "shared", "shared_bytes", "respawn", "live", "scripted",
)  # fmt: skip


def check_source(subject: Subject, layout: Layout, report: Report) -> None:
    """Look at everything that needs no running."""
    check_data(subject, layout, report)
    check_code(subject, report)
    _warnings(subject, report)
    check_cpp(subject, report)
    _device(subject, report)


def check_data(subject: Subject, layout: Layout, report: Report) -> None:
    """Look at the structs, and at what the header includes and declares."""
    report.ok("data", "header")
    for sentence in _data(subject, layout):
        report.violation("data", sentence)
    for sentence in _header(subject):
        report.violation("header", sentence)


def check_code(subject: Subject, report: Report) -> None:
    """Look at globals, and at who calls whom."""
    report.ok("code")
    _calls(subject, report)
    _globals(subject, report)


# ---------------------------------------------------------------------------------------------------- plain data


def _data(subject: Subject, layout: Layout) -> Iterator[str]:
    seen = set()
    for part in STRUCTS:
        for name, members in layout.reached(part).items():
            if name in seen or name in ("ShoalHead", "ShoalSizes"):
                continue
            seen.add(name)
            for member in members:
                problem = _problem(member, layout)
                if problem:
                    at = _line_of(subject, member.name)
                    yield f"{name}.{member.name} ({subject.file}{at}) is {problem}"
            yield from _padding(subject, layout, name)


def _problem(member: Member, layout: Layout) -> str:
    if member.pointer:
        return f"a pointer: {member.kind} *; a copy of the bytes would not be a snapshot, so store an index"
    if member.bits:
        return "a bit-field, whose layout is the compiler's; expected a fixed-width integer"
    if member.kind.startswith("enum") or member.kind in layout.enums:
        return "an enum, whose size is the compiler's; expected a fixed-width integer such as int32_t"
    if member.kind.startswith("union") or member.kind in layout.unions:
        return "a union; expected fixed-width integers, floats, and structs of these"
    if member.kind in LOOSE:
        return f"`{member.kind}`; expected a fixed width: {LOOSE[member.kind]}"
    if member.kind not in WIDTHS and member.kind not in layout.structs and member.kind != "struct":
        return f"`{member.kind}`; expected a fixed-width integer, a float, or a struct of these"
    return ""


def _padding(subject: Subject, layout: Layout, name: str) -> Iterator[str]:
    if any(member.bits or not member.name for member in layout.structs[name]):
        return
    places = layout.places(name)
    end = 0
    for place in places:
        if place.offset > end:
            at = _line_of(subject, place.member.name)
            yield (
                f"{name} has {place.offset - end} bytes of padding before {place.member.name} ({subject.file}{at}): "
                "order its members from large to small, or fill the gap with a member"
            )
        end = place.offset + place.size
    size = layout.size(name)
    if places and size > end:
        last = places[-1].member.name
        yield (
            f"{name} has {size - end} bytes of padding after {last} ({subject.file}{_line_of(subject, last)}): "
            f"add {'an int32_t' if size - end == 4 else f'{size - end} bytes'} to fill it"
        )


def _line_of(subject: Subject, member: str) -> str:
    """Return `:12`, the line that declares a member, or nothing."""
    for number, line in enumerate(subject.text.splitlines(), 1):
        code = line.partition("//")[0]
        if re.match(rf"\s*[\w\s*]+[\s*,]{re.escape(member)}\s*(\[.*\]|:.*)?\s*[;,]", code):
            return f":{number}"
        if re.search(rf"\b[FIBCM]\(\s*{re.escape(member)}\s*,", code):
            return f":{number}"
    return ""


# ---------------------------------------------------------------------------------------------------- the header


def _header(subject: Subject) -> Iterator[str]:
    for number, line in enumerate(_without_comments(subject.text).splitlines(), 1):
        include = re.match(r'\s*#\s*include\s*([<"].*[>"])', line)
        if include and include.group(1) not in ('"shoal/env.h"', "<shoal/env.h>"):
            yield f"{subject.file}:{number} includes {include.group(1)}; expected shoal/env.h alone"
        if re.match(r"\s*(static\s+const|const\s+static)\b[^(;]*(=|\[)", line):
            name = re.search(r"(\w+)\s*(\[|=)", line)
            yield (
                f"{subject.file}:{number} declares the table `{name.group(1) if name else '?'}` as static const; "
                "expected SHOAL_TABLE, so that device code can read it"
            )


def _without_comments(text: str) -> str:
    text = re.sub(r"/\*.*?\*/", lambda match: "\n" * match.group(0).count("\n"), text, flags=re.DOTALL)
    return re.sub(r"//[^\n]*", "", text)


def _warnings(subject: Subject, report: Report) -> None:
    flags = (
        "-std=gnu11",
        "-O2",
        "-Wall",
        "-Wextra",
        "-Wshadow",
        "-Wno-unused-function",
        "-Wno-unused-parameter",
        "-c",
        "-o",
        "/dev/null",
    )
    report.ok("warnings")
    done = subject.compile(subject.source('#include "shoal/env_block.h"'), *numeric_flags(), *flags)
    found = re.findall(rf"{re.escape(subject.file)}:(\d+):\d+: warning: (.*)", done.err)
    for line, text in dict(found).items():
        report.warning("warnings", f"{subject.file}:{line}: {text}")


# ---------------------------------------------------------------------------------------------------- code


def _keep(subject: Subject) -> str:
    """Return a source in which every function of the contract is used, and nothing else is defined."""
    present = [name for name in FUNCTIONS if re.search(rf"\b{subject.name}_{name}\s*\(", subject.text)]
    table = ", ".join(f"(void *)&{subject.name}_{name}" for name in present)
    return subject.source(f"void *const shoal_keep[] = {{{table}}};")


def _calls(subject: Subject, report: Report) -> None:
    """Recursion, calls of the outside, function pointers, big locals: GCC writes who calls whom."""
    if subject.compiler.is_clang():
        report.skip("code", "who calls whom is GCC's to tell; set CC=gcc")
        return
    out = subject.folder / "calls.o"
    done = subject.compile(_keep(subject), "-std=gnu11", "-O0", "-w", "-c", "-fcallgraph-info=su", "-o", str(out))
    if done.code != 0:
        report.skip("code", "it does not compile")
        return
    graph = "".join(path.read_text(errors="replace") for path in subject.folder.glob("calls*.ci"))
    nodes = dict(re.findall(r'node: \{ title: "([^"]+)" label: "([^"]*)"', graph))
    edges: dict[str, set[str]] = {}
    lines = {}
    for source, target, where in re.findall(
        r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"(?: label: "([^"]*)")?', graph
    ):
        edges.setdefault(source, set()).add(target)
        lines[source, target] = _at(where)
    host = {f"{subject.name}_{name}" for name in HOST_ONLY}
    reachable = _reach(edges, [_title(nodes, f"{subject.name}_{name}") for name in FUNCTIONS if name not in HOST_ONLY])
    for source in sorted(edges):
        name = _bare(source)
        for target in sorted(edges[source]):
            where = lines[source, target] or subject.file
            if target == "__indirect_call":
                report.violation("code", f"{name} calls a function pointer at {where}; a GPU and a browser cannot")
            elif target not in edges and _bare(target) not in KNOWN and _is_outside(nodes.get(target, "")):
                report.violation(
                    "code", f"{name} calls {_bare(target)} at {where}; expected nothing but what shoal/env.h offers"
                )
        if source in _reach(edges, sorted(edges[source])) and source in reachable:
            report.violation("code", f"{name} ({subject.file}) calls itself, directly or through others")
    for title, label in nodes.items():
        size = re.search(r"(\d+) bytes \(([\w,]+)\)", label)
        if not size or _bare(title) in host or title not in reachable:
            continue
        if "dynamic" in size.group(2) and "bounded" not in size.group(2):
            report.violation("code", f"{_bare(title)} ({_at(label)}) has a local array of run-time length")
        elif int(size.group(1)) > FRAME:
            report.violation(
                "code", f"{_bare(title)} ({_at(label)}) has {size.group(1)} bytes of locals; expected at most {FRAME}"
            )


def _at(label: str) -> str:
    found = re.search(r"([^/\\\s]+\.\w+):(\d+)", label)
    return f"{found.group(1)}:{found.group(2)}" if found else ""


def _bare(title: str) -> str:
    return title.rpartition(":")[2]


def _title(nodes: dict[str, str], name: str) -> str:
    return next((title for title in nodes if _bare(title) == name), name)


def _is_outside(label: str) -> bool:
    """Is the function defined elsewhere, and not the compiler's own."""
    return "bytes" not in label and "<built-in>" not in label


def _reach(edges: dict[str, set[str]], start: list[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        title = waiting.pop()
        if title not in found:
            found.add(title)
            waiting += edges.get(title, ())
    return found


def _globals(subject: Subject, report: Report) -> None:
    """Data that can change and lies outside State: where threads and snapshots go wrong."""
    layout = "int shoal_marker = 1;"
    out = subject.folder / "globals.s"
    done = subject.compile(_keep(subject) + layout, "-std=gnu11", "-O0", "-w", "-S", "-o", str(out))
    if done.code != 0:
        return
    section, found = "", []
    for line in out.read_text(errors="replace").splitlines():
        words = line.split()
        if words and words[0] in (".data", ".bss", ".text"):
            section = words[0]
        elif words and words[0] == ".section":
            section = words[1].split(",")[0]
        local = re.match(r"\s*\.(?:local|comm|lcomm)\s+_?([\w.]+)", line)
        label = re.match(r"_?([A-Za-z]\w*(?:\.\d+)?):", line)
        if local:
            found.append(local.group(1))
        elif label and section.startswith((".data", ".bss", ".tdata", ".tbss")) and ".rel.ro" not in section:
            found.append(label.group(1))
    for symbol in dict.fromkeys(found):
        name = symbol.partition(".")[0]
        if name not in ("shoal_marker", "shoal_keep"):
            at = next((i for i, line in enumerate(subject.text.splitlines(), 1) if re.search(rf"\b{name}\b", line)), 0)
            report.violation(
                "code",
                f"`{name}` ({subject.file}:{at}) is a global variable: what changes belongs into State, or copies on "
                "several threads write it at once",
            )


# ---------------------------------------------------------------------------------------------------- other languages


def check_cpp(subject: Subject, report: Report) -> None:
    """Compile as C++17."""
    compiler = next((name for name in _cpp_names(subject) if shutil.which(name)), "")
    if not compiler:
        report.skip("c++17", f"no C++ compiler: tried {', '.join(_cpp_names(subject))}")
        return
    report.ok("c++17")
    flags = ("-std=c++17", "-nostdinc", "-nostdinc++", "-w", "-fsyntax-only")
    done = subject.compile(f'#include "{subject.header}"\n', *flags, language="c++", compiler=(compiler,))
    if done.code != 0:
        report.violation("c++17", f"{subject.file} is not C++17: {first_error(done)}")


def _cpp_names(subject: Subject) -> tuple[str, ...]:
    first = subject.compiler.command[0]
    mine = first.replace("gcc", "g++") if "gcc" in first else first.replace("clang", "clang++")
    return tuple(dict.fromkeys(name for name in (mine, "g++", "clang++") if name != first))


def _device(subject: Subject, report: Report) -> None:
    if not shutil.which("nvcc"):
        report.skip("device", "no CUDA compiler (nvcc) is here")
        return
    report.ok("device")
    name = subject.name
    kernel = (
        f"__global__ void shoal_device({subject.type}Params *params, {subject.type}State *state, int32_t *discrete, "
        "float *continuous, ShoalResult result, void *row, uint8_t *mask) {\n"
        f"  {name}_reset(params, 0, state);\n  {name}_step(params, 0, state, discrete, continuous, &result);\n"
        f"  {name}_observe(params, 0, state, 0, row, mask);\n}}\n"
    )
    flags = ("-std=c++17", "-w", "-ptx", "-o", str(subject.folder / "device.ptx"))
    done = subject.compile(f'#include "{subject.header}"\n{kernel}', *flags, language="cuda", compiler=("nvcc",))
    if done.code != 0:
        report.violation("device", f"{subject.file} is not CUDA device code: {first_error(done)}")
