# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What a shared library asks of others: the undefined names of its dynamic symbol table."""

from __future__ import annotations

import struct
from pathlib import Path

_DYNSYM = 11  # type of the section that holds dynamic symbols


def undefined_symbols(path: Path) -> set[str]:
    """Return the names that the library at `path` uses and does not define; of a foreign format, none.

    Reads 64-bit little-endian ELF (System V ABI, chapter 4): header, section headers, dynamic symbols.
    """
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        return set()
    (sections_at,) = struct.unpack_from("<Q", data, 40)
    entry_bytes, count = struct.unpack_from("<HH", data, 58)
    # name, type, flags, address, offset, size, link, info, alignment, entry size
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, sections_at + i * entry_bytes) for i in range(count)]
    names = set()
    for section in sections:
        if section[1] != _DYNSYM:
            continue
        strings_at = sections[section[6]][4]
        for at in range(section[4], section[4] + section[5], section[9]):
            name, _, _, home = struct.unpack_from("<IBBH", data, at)
            if name and home == 0:  # defined in no section
                start = strings_at + name
                names.add(data[start : data.index(b"\0", start)].decode())
    return names
