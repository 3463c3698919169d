# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The terminal: what is sent makes the picture appear, keys are understood, and it is given back as it was."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
from terminal_emulator import Emulator, Session

import shoal
from shoal import registry, watch_terminal
from shoal.players import PolicyPlayer, RandomPlayer
from shoal.viewer import Viewer


def seen(screen: Emulator, shape: tuple[int, ...], top: int, left: int) -> np.ndarray:
    """Return the cells that an emulator shows, (rows, columns, 2, 3)."""
    cells = np.zeros(shape, np.uint8)
    for row in range(shape[0]):
        for column in range(shape[1]):
            char, fore, back = screen.cells[top - 1 + row][left - 1 + column]
            lower = [int(part) for part in back.split(";")[1:]]
            cells[row, column] = (lower if char == " " else [int(part) for part in fore.split(";")[1:]], lower)
    return cells


def test_what_is_sent_makes_the_picture_appear_and_only_changes_are_sent() -> None:
    random = np.random.default_rng(1)
    screen, shown = Emulator(50, 20), None
    cells = random.integers(0, 3, (8, 30, 2, 3)).astype(np.uint8) * 100
    for change in (0, 0, 1, 5, 200):
        new = cells.copy()
        for _ in range(change):
            new[random.integers(8), random.integers(30)] = random.integers(0, 255, (2, 3))
        before = screen.written
        screen.feed(watch_terminal.encode(new, shown, 3, 7, true_colour=True))
        assert (seen(screen, new.shape, 3, 7) == new).all()
        expected = new.shape[0] * new.shape[1] if shown is None else int((new != shown).any(axis=(2, 3)).sum())
        assert screen.written - before == expected
        cells = shown = new


def test_colours_are_the_nearest_of_256() -> None:
    def codes(*pixel: int) -> str:
        return watch_terminal._cube_codes(np.array([[pixel, pixel]], np.uint8))[0][0]

    assert [codes(0, 0, 0), codes(255, 255, 255), codes(255, 0, 0)] == ["5;16", "5;231", "5;196"]
    assert codes(0x1A, 0x21, 0x2B) == "5;235"  # a grey
    assert codes(95, 175, 215) == "5;74"


def test_cells_hold_two_rows_of_pixels() -> None:
    image = np.arange(5 * 3 * 4, dtype=np.uint8).reshape(5, 3, 4)
    cells = watch_terminal.to_cells(image)
    assert cells.shape == (2, 3, 2, 3)
    assert (cells[1, 2, 0] == image[2, 2, :3]).all()
    assert (cells[1, 2, 1] == image[3, 2, :3]).all()


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"q \t\r.", [("q", True), ("space", True), ("tab", True), ("enter", True), (".", True)]),
        (b"\x1b[A\x1b[B\x1bOC\x1b[D", [("up", True), ("down", True), ("right", True), ("left", True)]),
        (b"\x1b[1;1:3D\x1b[1;1:1D\x1b[97;1:3u", [("left", False), ("left", True), ("a", False)]),
        (b"\x1b[97u\x1b[32;1:2u\x1b[27u", [("a", True), ("space", True), ("escape", True)]),
        (b"\x1b", [("escape", True)]),
        (b"\x1b[5~\x1b[?62c\xc3\xa9\x01", []),
    ],
)
def test_keys_are_understood(data: bytes, keys: list[tuple[str, bool]]) -> None:
    assert [key for key in watch_terminal.parse_keys(data) if key[0] not in ("?",)] == keys


@pytest.mark.parametrize("data", [b"\x03", b"\x1b[99;5u"])
def test_ctrl_c_interrupts(data: bytes) -> None:
    with pytest.raises(KeyboardInterrupt):
        watch_terminal.parse_keys(data)


def test_the_panel_as_text_shows_choices_and_values() -> None:
    policy = shoal.Trainer("breakout", runs_dir=None, vec={"num_envs": 8}).policy
    view = Viewer(policy.spec, PolicyPlayer(policy), seed=2)
    assert watch_terminal.panel_lines(view, 20) == []
    view.overlay = True
    for _ in range(40):
        view.tick()
    lines = watch_terminal.panel_lines(view, 20)
    assert [line.split()[0].strip("›") for line in lines[:4]] == ["move", "stay", "left", "right"]
    shares = [int(line.split()[-1].rstrip("%")) for line in lines[1:4]]
    assert 98 <= sum(shares) <= 102
    assert sum("›" in line for line in lines) == 1
    assert set(lines[-1].strip()) <= set("▁▂▃▄▅▆▇█")
    assert all(len(line) == watch_terminal.PANEL for line in lines)
    mixed = Viewer(registry.get("mixed").spec(), RandomPlayer(1))
    mixed.overlay = True
    mixed.tick()
    assert "dial0" in "".join(watch_terminal.panel_lines(mixed, 30))
    mixed.help = True
    assert len(watch_terminal.panel_lines(mixed, 12)) == 12


def test_a_bar_has_eighths() -> None:
    assert watch_terminal._bar(0.5, 4) == "██  "
    assert watch_terminal._bar(0.5625, 4) == "██▎ "
    assert watch_terminal._bar(-1, 4) == "    "
    assert watch_terminal._bar(2, 4) == "████"


# ---------------------------------------------------------------------------------------------------- for real


def test_watching_in_a_terminal_and_leaving_it_as_it_was(tmp_path: Path) -> None:
    session = Session("eval", "breakout", "--watch", "terminal", "--random", "--panel", cwd=tmp_path)
    assert session.read_until("? keys")
    picture = seen(session.screen, (10, 40, 2, 3), 7, 5)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 5  # bricks
    assert {"?1049", "?2026"} <= session.screen.ever
    session.type(b"?")
    assert session.read_until("slower, faster")
    session.type(b" ")
    assert session.read_until("paused")
    session.resize(60, 20)
    assert session.read_until("paused")
    session.resize(15, 5)
    assert session.read_until("too small")
    session.resize(60, 20)
    assert session.read_until("breakout  random")
    session.type(b"q")
    code, said = session.end()
    assert (code, said) == (0, "")
    assert session.raw.rstrip(b"\r\n").endswith(b"\x1b[?25h\x1b[?1049l")
    assert session.after == session.before


@pytest.mark.parametrize("how", ["ctrl-c", "kill"])
def test_an_interrupted_watch_gives_the_terminal_back(how: str, tmp_path: Path) -> None:
    session = Session("eval", "pong", "--watch", "terminal", "--scripted", cwd=tmp_path)
    assert session.read_until("? keys")
    if how == "kill":
        session.process.send_signal(signal.SIGTERM)
    else:
        session.type(b"\x03")
    assert session.end() == (130, "")
    assert session.raw.endswith(b"\x1b[?25h\x1b[?1049l")
    assert session.after == session.before


def test_playing_in_a_terminal(tmp_path: Path) -> None:
    session = Session("play", "template", "--watch", "terminal", cwd=tmp_path)
    assert session.read_until("any key of the game")
    session.type(b"\x1b[C")
    assert session.read_until("template  you  return -0.0")
    session.type(b"q")
    assert session.end()[0] == 0


def test_a_terminal_that_is_too_small_is_one_sentence(tmp_path: Path) -> None:
    session = Session("eval", "pong", "--watch", "terminal", "--random", columns=19, rows=24, cwd=tmp_path)
    code, said = session.end()
    assert code == 2
    assert said.splitlines()[0] == ("shoal: the terminal is too small: 19x24; expected at least 20 columns and 8 rows")


def test_watching_without_a_keyboard(tmp_path: Path) -> None:
    session = Session("eval", "pong", "--watch", "terminal", "--random", cwd=tmp_path, keyboard=False)
    assert session.read_until("? keys")
    session.process.send_signal(signal.SIGINT)
    assert session.end()[0] == 130
