# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A copy of a built-in environment in a folder, compiled by itself, plays the same game to the last bit."""

import shutil

import pytest
from env_states import trajectory_hash

from shoal import registry


@pytest.mark.parametrize("name", ["breakout", "squared"])
def test_a_copy_has_the_built_in_ones_golden_hash(name, tmp_path):
    shutil.copytree(registry.get(name).folder, tmp_path / name)
    own = str(tmp_path / name)
    assert registry.get(own).source
    assert trajectory_hash(own) == trajectory_hash(name)
