# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What is typed for a sweep: a name, its start or end, a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoal import store
from shoal.errors import CheckpointError


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("sweep-pong-1-calm-pike", "sweep-pong-1-calm-pike"),
        ("sweep-pong", "sweep-pong-1-calm-pike"),
        ("neat-koi", "sweep-cartpole-2-neat-koi"),
        ("wide", "wide"),  # exactly that, though another one begins with it
    ],
)
def test_a_sweep_is_found_by_its_name_or_the_start_or_end_of_it(tmp_path: Path, typed: str, meant: str) -> None:
    make(tmp_path)
    assert store.find_sweep(tmp_path, typed) == tmp_path / meant
    assert store.find_sweep(tmp_path, str(tmp_path / meant)) == tmp_path / meant


def test_a_sweep_that_is_not_there_or_not_the_only_one_is_one_sentence(tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(CheckpointError, match=r"`sweep-cart` means several sweeps: sweep-cartpole-2-neat-koi, sweep-"):
        store.find_sweep(tmp_path, "sweep-cart")
    with pytest.raises(CheckpointError, match=r"no such sweep: koi-neat; expected a name in .*, or a folder\nhint: "):
        store.find_sweep(tmp_path, "koi-neat")


def make(runs_dir: Path) -> None:
    for name in ("sweep-pong-1-calm-pike", "sweep-cartpole-2-neat-koi", "sweep-cartpole-3-brisk-eel", "wide", "wider"):
        (runs_dir / name).mkdir()
        (runs_dir / name / store.SWEEP).touch()
