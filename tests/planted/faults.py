# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Plants the faults of faults.toml in herd.h."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Fault:
    """A fault: what is replaced by what, the rule that it breaks, and words of the one sentence that names it."""

    rule: str
    words: list[str]
    patches: list[dict[str, str]]
    level: str = "violation"

    def plant(self, folder):
        """Write the patched environment into a folder and return it."""
        text = (HERE / "herd.h").read_text(encoding="utf-8")
        for patch in self.patches:
            assert text.count(patch["old"]) == 1, patch["old"]
            text = text.replace(patch["old"], patch["new"])
        home = folder / "herd"
        home.mkdir(exist_ok=True)
        (home / "herd.h").write_text(text, encoding="utf-8")
        return home


FAULTS = {
    group: {name: Fault(**about) for name, about in faults.items()}
    for group, faults in tomllib.loads((HERE / "faults.toml").read_text(encoding="utf-8")).items()
}
SOUND = Fault("", [], [])
