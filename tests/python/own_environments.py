# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Folders with environments outside the package, and mistakes planted in them."""

from __future__ import annotations

import shutil
from pathlib import Path

from shoal import registry
from shoal.command_new import make

PACKAGED = registry.PACKAGED


def walk(folder: Path, *changes: tuple[str, str]) -> Path:
    """Return the header of a new environment `walk` in `folder`, with texts of it replaced."""
    header = make("walk", PACKAGED / "template", folder) / "walk.h"
    change(header, *changes)
    return header


def change(header: Path, *changes: tuple[str, str]) -> None:
    """Replace texts that stand in a header once."""
    text = header.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    header.write_text(text, encoding="utf-8")


def line_of(header: Path, text: str) -> int:
    """Return the number of the first line of a header that holds `text`."""
    lines = header.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def copy(name: str, folder: Path) -> Path:
    """Return a copy of a built-in environment's folder."""
    shutil.copytree(PACKAGED / name, folder / name)
    return folder / name
