# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The structs of an environment: what their members are, and which of them an offset belongs to.

Members are read from the preprocessed header, which is modest C; their offsets and sizes are the compiler's.
"""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass

from shoal.check.compiler import Subject

WIDTHS = {"int8_t", "int16_t", "int32_t", "int64_t", "uint8_t", "uint16_t", "uint32_t", "uint64_t", "float"}
STRUCTS = ("State", "Params", "Shared", "Metrics")


@dataclass(frozen=True)
class Member:
    """A member of a struct; `kind` is its type's name, or what is wrong with it."""

    name: str
    kind: str
    pointer: bool = False
    bits: bool = False
    array: bool = False


@dataclass(frozen=True)
class Place:
    """A member's place in its struct: byte offset, size, and the size of one element of an array."""

    member: Member
    offset: int
    size: int
    element: int


class Layout:
    """The structs that a header declares. `structs`: their members by the struct's name."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        done = subject.compile(subject.source(""), "-std=gnu11", "-E", "-P")
        self.text = done.out
        self.enums = set(re.findall(r"typedef\s+enum\b[^;{]*\{[^}]*\}\s*(\w+)\s*;", self.text))
        self.structs = _structs(self.text)
        self.unions = set(re.findall(r"typedef\s+union\b[^{;]*\{[^}]*\}\s*(\w+)\s*;", self.text))
        self._places: dict[str, list[Place]] = {}
        self._sizes: dict[str, int] = {}

    def named(self, part: str) -> str:
        """Return the name of the environment's struct: State -> GameState."""
        return f"{self._subject.type}{part}"

    def reached(self, part: str) -> dict[str, list[Member]]:
        """Return the members of a struct and of every struct inside it, by the struct's name."""
        found: dict[str, list[Member]] = {}
        waiting = [self.named(part)]
        while waiting:
            name = waiting.pop(0)
            if name in self.structs and name not in found:
                found[name] = self.structs[name]
                waiting += [member.kind for member in self.structs[name]]
        return found

    def member_at(self, part: str, offset: int) -> str:
        """Return `State.balls[3].x` for an offset; with the offset alone where no member is found."""
        path, name = part, self.named(part)
        start = offset
        while name in self.structs:
            place = next((p for p in self.places(name) if p.offset <= offset < p.offset + p.size), None)
            if place is None:
                break
            offset -= place.offset
            path += f".{place.member.name}"
            if place.member.array:
                path += f"[{offset // place.element}]"
                offset %= place.element
            name = place.member.kind
        return path if path != part else f"byte {start} of {part}"

    def places(self, name: str) -> list[Place]:
        """Return the places of a struct's members; none where the compiler does not say."""
        if name not in self._places:
            members = [member for member in self.structs[name] if not member.bits and member.name]
            self._places[name] = self._ask(name, members) if members else []
        return self._places[name]

    def size(self, name: str) -> int:
        """Return the bytes of a struct; 0 where the compiler does not say."""
        self.places(name)
        return self._sizes.get(name, 0)

    def _ask(self, name: str, members: list[Member]) -> list[Place]:
        rows = [f"sizeof({name})"]
        for member in members:
            inside = f"(({name} *)0)->{member.name}"
            element = f"sizeof({inside}[0])" if member.array else f"sizeof({inside})"
            rows += [f"__builtin_offsetof({name}, {member.name})", f"sizeof({inside})", element]
        table = f"const unsigned long long layout[] = {{{', '.join(rows)}}};"
        path = self._subject.folder / f"layout-{name}.so"
        done = self._subject.compile(
            self._subject.source(table), "-std=gnu11", "-w", "-shared", "-fPIC", "-o", str(path)
        )
        if done.code != 0:
            return []
        numbers = (ctypes.c_ulonglong * len(rows)).in_dll(ctypes.CDLL(str(path)), "layout")
        self._sizes[name] = numbers[0]
        return [Place(member, *numbers[3 * i + 1 : 3 * i + 4]) for i, member in enumerate(members)]


def _structs(text: str) -> dict[str, list[Member]]:
    """Return the members of every struct with a name in a preprocessed text."""
    found = {}
    for match in re.finditer(r"(typedef\s+)?\bstruct\b\s*(?:__attribute__\s*\(\(.*?\)\)\s*)?(\w*)\s*\{", text):
        end = _closing(text, match.end())
        after = re.match(r"\s*(?:__attribute__\s*\(\(.*?\)\)\s*)?(\w+)\s*;", text[end:])
        name = after.group(1) if match.group(1) and after else match.group(2)
        if name:
            found[name] = _members(text[match.end() : end - 1])
    return found


def _members(body: str) -> list[Member]:
    members = []
    depth, start = 0, 0
    for at, letter in enumerate(body):
        depth += (letter == "{") - (letter == "}")
        if letter == ";" and depth == 0:
            members += _declared(body[start:at])
            start = at + 1
    return members


def _declared(text: str) -> list[Member]:
    """Return the members of one declaration, such as `float x, y[3]`."""
    text = re.sub(r"\b(const|volatile|register)\b|__attribute__\s*\(\(.*?\)\)", " ", text).strip()
    inner = re.match(r"(struct|union|enum)\b\s*\w*\s*\{.*\}", text, re.DOTALL)
    if inner:
        kind, rest = inner.group(1), text[inner.end() :]
    else:  # all words but the last before a comma, a bracket or a colon
        words = re.match(r"[\w\s*]*?(?=\*|\w+\s*(?:[,\[:]|$))", text)
        if not words or not words.group(0):
            return []
        kind, rest = " ".join(words.group(0).split()), text[words.end() :]
    members = []
    for declarator in rest.split(","):
        name = re.search(r"[A-Za-z_]\w*", declarator)
        members.append(
            Member(
                name=name.group(0) if name else "",
                kind=kind.removeprefix("struct ") if kind != "struct" else kind,
                pointer="*" in declarator.partition("[")[0],
                bits=":" in declarator.partition("[")[0],
                array="[" in declarator,
            )
        )
    return members


def _closing(text: str, start: int) -> int:
    """Return the position after the brace that closes the one before `start`."""
    depth = 1
    for at in range(start, len(text)):
        depth += (text[at] == "{") - (text[at] == "}")
        if depth == 0:
            return at + 1
    return len(text)
