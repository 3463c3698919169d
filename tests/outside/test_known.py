# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
from pathlib import Path
from typing import Any

import pytest

from shoal import registry, settings_file
from shoal.errors import ConfigError
from shoal.outside import known
from shoal.outside.options import Options, from_table
from shoal.settings import check_section

FILES = sorted(known.CONFIGS.glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_holds_settings_that_exist(path: Path) -> None:
    sections = settings_file.read_toml(path, required=True)
    outside = sections.pop("outside")
    references = outside.pop("references")
    assert references
    from_table(outside, path.name)
    parameters = sections.pop("env", None)
    for section, values in sections.items():
        check_section(section, values, path.name)
    if parameters:  # what there is knows only the environment itself
        pytest.importorskip("ale_py")
        for reference in references:
            registry.get(reference).checked(parameters)


def test_an_exact_reference_comes_before_a_pattern() -> None:
    def stem(reference: str) -> str | None:
        found = known.settings_file(reference)
        return found.stem if found else None

    assert stem("gymnasium:ALE/Pong-v5") == "pong"
    assert stem("gymnasium:ALE/Breakout-v5") == "atari"
    assert stem("gymnasium:MiniGrid-DoorKey-6x6-v0") == "doorkey"
    assert stem("gymnasium:MiniGrid-Empty-5x5-v0") == "minigrid"
    assert stem("my_module:CartPole-v1") is None
    assert known.options("my_module:make_env") == Options()


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"perfs": [0, 1]}, "unknown key `perfs` .*\nhint: did you mean `perf`"),
        ({"perf": [3, 1]}, r"perf=\[3, 1\]; expected \[low, high\]"),
        ({"fields": {"a": {"kind": "grit"}}}, "kind='grit'; expected one of vector, grid"),
        ({"max_steps": "many"}, "max_steps='many'; expected a whole number"),
        ({"preprocessing": "atarri"}, "preprocessing='atarri'; expected atari"),
    ],
)
def test_a_mistake_in_a_file_is_named(table: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        from_table(table, "my.toml")
