# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Watching in a terminal, also over ssh: two pixels to a character, only what changed is sent, the keyboard is read.

A cell shows its upper pixel as the colour of `▀` and its lower one as the background. Terminals tell when a key goes
down and repeats, but few tell when it comes up (kitty's protocol): elsewhere a key counts as held for a moment.
"""

from __future__ import annotations

import os
import re
import select
import signal
import sys
import time
import tty
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal import command_watch, drawing, terminal
from shoal.errors import ConfigError
from shoal.viewer import HELP, Viewer, fitting

FRAMES_PER_SECOND = 30.0
SMALLEST = (20, 8)  # columns, rows
PANEL = 28  # columns of the panel
HELD = 0.2  # seconds that a key counts as held after it went down
NOTE = 2.0  # seconds that a note stays in view
REPEATED = 0.12  # and after each repetition

_KEYS, _NO_KEYS = "\x1b[>11u", "\x1b[<u\x1b[0m"  # tell of keys that come up, where the terminal knows how
_BLANK = "\x1b[0m\x1b[2J"
_SPARKS = "▁▂▃▄▅▆▇█"

_KEY = re.compile(
    rb"\x1b\[(?P<code>\d+)(?::\d*)*(?:;(?P<mods>\d*)(?::(?P<event>\d))?)?(?:;[\d:]*)?u"
    rb"|\x1b(?:\[|O)(?:1;(?P<amods>\d*)(?::(?P<aevent>\d))?)?(?P<arrow>[A-D])"
    rb"|\x1b\[[?\d;:]*[A-Za-z~]|(?P<char>[^\x1b])|\x1b"
)
_ARROWS = {b"A": "up", b"B": "down", b"C": "right", b"D": "left"}
_CODES = {27: "escape", 13: "enter", 9: "tab", 32: "space", 10: "enter"}
_INTERRUPT = 3  # Ctrl-C as a character
_UP = b"3"  # the event of a key that comes up

Cells = NDArray[np.uint8]  # (rows, columns, 2, 3): upper and lower pixel, red green blue


# ---------------------------------------------------------------------------------------------------- pure parts


def parse_keys(data: bytes) -> list[tuple[str, bool]]:
    """Return the keys in what a terminal sent, each with whether it went down (or repeats) or came up.

    Raises:
        KeyboardInterrupt: for Ctrl-C.
    """
    found = []
    for match in _KEY.finditer(data):
        parts = match.groupdict()
        key, down = "", True
        if parts["code"]:
            code, down = int(parts["code"]), parts["event"] != _UP
            if code == ord("c") and parts["mods"] and (int(parts["mods"]) - 1) & 4:
                raise KeyboardInterrupt
            key = _CODES.get(code, chr(code) if 32 < code < 127 else "")
        elif parts["arrow"]:
            key, down = _ARROWS[parts["arrow"]], parts["aevent"] != _UP
        elif parts["char"]:
            code = parts["char"][0]
            if code == _INTERRUPT:
                raise KeyboardInterrupt
            key = _CODES.get(code, chr(code) if 32 < code < 127 else "")
        elif match.group() == b"\x1b":
            key = "escape"
        if key:
            found.append((key, down))
    return found


def to_cells(image: drawing.Image) -> Cells:
    """Return a picture of an even height as cells."""
    height, width = image.shape[:2]
    pairs = image[: height // 2 * 2, :, :3].reshape(height // 2, 2, width, 3)
    return np.ascontiguousarray(pairs.transpose(0, 2, 1, 3))


def encode(cells: Cells, shown: Cells | None, top: int, left: int, true_colour: bool) -> str:
    """Return what turns the cells that are `shown` into `cells`; the first is at row `top`, column `left`, from 1."""
    changed = np.ones(cells.shape[:2], bool) if shown is None else (cells != shown).any(axis=(2, 3))
    out: list[str] = []
    codes = _true_codes if true_colour else _cube_codes
    for row in np.flatnonzero(changed.any(axis=1)):
        upper, lower, after = "", "", -1
        columns = np.flatnonzero(changed[row])
        colours = codes(cells[row, columns])
        for column, (over, under) in zip(columns.tolist(), colours, strict=True):
            if column != after:
                out.append(f"\x1b[{top + row};{left + column}H")
            if under != lower:
                out.append(f"\x1b[48;{under}m")
                lower = under
            if over == under:
                out.append(" ")
            else:
                if over != upper:
                    out.append(f"\x1b[38;{over}m")
                    upper = over
                out.append("▀")
            after = column + 1
    return "".join(out)


def _true_codes(pixels: NDArray[np.uint8]) -> list[tuple[str, str]]:
    return [(f"2;{a[0]};{a[1]};{a[2]}", f"2;{b[0]};{b[1]};{b[2]}") for a, b in pixels.tolist()]


def _cube_codes(pixels: NDArray[np.uint8]) -> list[tuple[str, str]]:
    """Return the nearest of xterm's 6 x 6 x 6 colours, or of its 24 greys."""
    values = pixels.astype(np.int32)
    steps = np.array([0, 95, 135, 175, 215, 255])
    cube = np.abs(values[..., None] - steps).argmin(axis=-1)
    grey = np.clip((values.mean(axis=-1) - 8 + 5) // 10, 0, 23).astype(np.int32)
    to_cube = ((steps[cube] - values) ** 2).sum(axis=-1)
    to_grey = ((8 + 10 * grey[..., None] - values) ** 2).sum(axis=-1)
    index = np.where(to_grey < to_cube, 232 + grey, 16 + 36 * cube[..., 0] + 6 * cube[..., 1] + cube[..., 2])
    return [(f"5;{a}", f"5;{b}") for a, b in index.tolist()]


def panel_lines(viewer: Viewer, rows: int) -> list[str]:
    """Return the panel as text: the keys, or what the agent chose, at most `rows` lines."""
    lines: list[str] = []
    if viewer.help:
        lines += [f" {key:<6} {what}" for key, what in HELP] + [""]
        lines += [f" {line}" for line in viewer.watching.keys.lines()]
    if viewer.overlay:
        lines += _choice_lines(viewer, [""] if lines else [])
    return [line[:PANEL].ljust(PANEL) for line in lines[:rows]]


def _choice_lines(viewer: Viewer, lines: list[str]) -> list[str]:
    shown: dict[str, Any] = viewer.chosen()
    at = 0
    for index, head in enumerate(viewer.spec.heads if shown else ()):
        lines.append(f" {head.name}")
        for action in range(head.size):
            label = head.labels[action] if action < len(head.labels) else str(action)
            lit = action == shown["discrete"][index]
            share = float(shown["probabilities"][at + action]) if "probabilities" in shown else float(lit)
            lines.append(f" {'›' if lit else ' '}{label:<8.8} {_bar(share, 10)} {share:4.0%}")
        at += head.size
    for index, dim in enumerate(viewer.spec.dims if shown else ()):
        value = float(shown["continuous"][index])
        lines.append(f"  {dim.name:<8.8} {_bar((value - dim.low) / (dim.high - dim.low), 10)} {value:+.2f}")
    values = np.asarray(shown.get("values", ()), np.float64)[-(PANEL - 2) :]
    if len(values):
        low, spread = values.min(), max(np.ptp(values), 1e-6)
        ranks = ((values - low) / spread * (len(_SPARKS) - 1)).round().astype(int)
        lines += ["", f" value {values[-1]:.2f}", " " + "".join(_SPARKS[rank] for rank in ranks)]
    return lines


def _bar(share: float, width: int) -> str:
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")).ljust(width)


# ---------------------------------------------------------------------------------------------------- the terminal


class Screen(terminal.Screen):
    """The terminal while one watches: pictures out, keys in. Leaving the block puts it back as it was."""

    def __init__(self) -> None:
        super().__init__()
        self._in = sys.stdin.fileno()
        self._keyboard = os.isatty(self._in)
        self._true_colour = os.environ.get("COLORTERM", "") in ("truecolor", "24bit")
        self._until: dict[str, float] = {}  # key -> when it no longer counts as held
        self._note, self._note_until = "", 0.0
        self.forget()

    def forget(self) -> None:
        """Paint everything next time."""
        super().forget()
        self._size = (0, 0)
        self._cells: Cells | None = None
        self._place = (0, 0)
        self._lines: list[str] = []
        self._status = ""

    def enter(self) -> None:
        """Take the terminal over."""
        super().enter()
        if self._keyboard:
            tty.setcbreak(self._in)
        self.forget()
        self._write(_KEYS)

    def leave(self) -> None:
        """Put it back."""
        if self.entered:
            self._write(_NO_KEYS)
        super().leave()

    def __enter__(self) -> Screen:
        """Take the terminal over, and the signals that would leave it as it is."""
        self.enter()
        self._signals = terminal.Signals(self, self._again)
        self._signals.__enter__()
        self._handlers = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
        return self

    def __exit__(self, *_: object) -> None:
        """Put everything back."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._signals.__exit__()
        self.leave()

    def _again(self) -> None:
        if not self.entered:  # after Ctrl-Z
            self.enter()

    def read(self, viewer: Viewer, seconds: float = 0.0) -> None:
        """Wait at most so long for keys and pass them on."""
        if not self._keyboard:
            time.sleep(seconds)
            return
        if select.select([self._in], [], [], seconds)[0]:
            now = time.perf_counter()
            try:
                data = os.read(self._in, 4096)
            except OSError:
                data = b""
            self.gone = self.gone or not data
            for key, down in parse_keys(data):
                if not down:
                    self._until.pop(key, None)
                    continue
                viewer.press(key)
                span = REPEATED if key in self._until else HELD
                self._until = {key: now + span}  # another key ends it

    def show(self, viewer: Viewer, seconds: float, status: str = "") -> bool:
        """Read the keys, let so much time go by, show what comes of it; returns whether to go on."""
        self.read(viewer)
        now = time.perf_counter()
        self._until = {key: until for key, until in self._until.items() if until > now}
        viewer.held = list(self._until)
        viewer.advance(seconds)
        if viewer.wants_picture:
            viewer.wants_picture = False
            self._note, self._note_until = command_watch.save(viewer), now + NOTE
        self._paint(viewer, self._note if now < self._note_until else status or viewer.status())
        return viewer.running and not self.gone

    def _paint(self, viewer: Viewer, status: str) -> None:
        """Send what changed: the picture, the panel beside it, the status line below."""
        columns, rows = terminal.size()
        size = (columns, rows)
        parts = [terminal.BEGIN]
        if size != self._size:
            self.forget()
            self._size = size
            parts.append(_BLANK)
        if columns < SMALLEST[0] or rows < SMALLEST[1]:
            self._write(f"{''.join(parts)}\x1b[1;1H{'too small'[:columns]}{terminal.END}")
            return
        lines = panel_lines(viewer, rows - 1) if columns >= 2 * PANEL else []
        room = columns - (PANEL if lines else 0)
        width, height = fitting(viewer, room, 2 * (rows - 1))
        cells = to_cells(viewer.frame(width, max(height // 2 * 2, 2), panel=False))
        place = ((rows - 1 - len(cells)) // 2 + 1, (room - width) // 2 + 1)
        if self._cells is None or cells.shape != self._cells.shape or place != self._place:
            parts.append(_BLANK)
            self._cells, self._lines, self._status = None, [], ""
        parts.append(encode(cells, self._cells, *place, self._true_colour))
        self._cells, self._place = cells, place
        lines += [" " * PANEL] * (len(self._lines) - len(lines))
        for i, line in enumerate(lines):
            if i >= len(self._lines) or line != self._lines[i]:
                parts.append(f"\x1b[0m\x1b[{i + 1};{columns - PANEL + 1}H{line}")
        self._lines = lines
        status = f" {status}   ? keys  q quit"[:columns].ljust(columns)
        if status != self._status:
            parts.append(f"\x1b[0m\x1b[7m\x1b[{rows};1H{status}\x1b[0m")
            self._status = status
        self._write("".join((*parts, terminal.END)))


def check() -> None:
    """Find out whether the standard output is a terminal that is large enough.

    Raises:
        ConfigError: if it is not.
    """
    record = "`--record FILE.png` needs no terminal"
    if not sys.stdout.isatty():
        raise ConfigError("watching in a terminal needs one; the standard output is not a terminal", record)
    if not terminal.can_paint():
        raise ConfigError(f"this terminal cannot show pictures: TERM={os.environ.get('TERM', '')}", record)
    columns, rows = terminal.size()
    if columns < SMALLEST[0] or rows < SMALLEST[1]:
        expected = f"expected at least {SMALLEST[0]} columns and {SMALLEST[1]} rows"
        raise ConfigError(f"the terminal is too small: {columns}x{rows}; {expected}", record)


def watch(viewer: Viewer, frames_per_second: float = FRAMES_PER_SECOND) -> None:
    """Show the viewer until `q`.

    Raises:
        ConfigError: if there is no terminal.
    """
    check()
    with Screen() as screen:
        last = time.perf_counter()
        going = True
        while going:
            due = last + 1.0 / frames_per_second
            while (left := due - time.perf_counter()) > 0:
                screen.read(viewer, left)
            now = time.perf_counter()
            going = screen.show(viewer, now - last)
            last = now


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
