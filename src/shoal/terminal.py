# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The terminal: may it be painted on, how large is it, and a screen of our own that is always given back.

The screen is the terminal's alternate one, so that nothing of what was there is lost and a change of size leaves no
rubbish. Only lines that changed are written, in one write, by plain ANSI sequences. What is typed meanwhile is not
echoed, but Ctrl-C and Ctrl-Z do what they always do.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# Colours of the 256 that people tell apart whatever their eyes, on light and on dark: blue, orange, bluish green.
STYLES = {
    "plain": "",
    "label": "38;5;244",
    "value": "1",
    "head": "1",
    "accent": "1;38;5;32",
    "curve": "38;5;67",
    "area": "38;5;24",
    "warm": "38;5;172",
    "good": "1;38;5;36",
}

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l\x1b[2J", "\x1b[?25h\x1b[?1049l"
BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"  # show it all at once, where the terminal knows how

_active: list[Screen] = []  # the one that is entered, for who must leave at once


def can_paint() -> bool:
    """Return whether standard output is a terminal that understands ANSI sequences and our letters."""
    out = sys.stdout
    if out is None or out.closed or not out.isatty() or os.environ.get("TERM", "dumb") in ("", "dumb", "unknown"):
        return False
    return out.encoding.lower().replace("-", "") == "utf8"


def size() -> tuple[int, int]:
    """Return columns and rows of the terminal at standard output; (0, 0) if there is none or it does not know."""
    try:
        found = os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        return 0, 0
    return found.columns, found.lines


def in_foreground() -> bool:
    """Return whether the terminal is ours: a job in the background must not change it."""
    try:
        return os.tcgetpgrp(sys.stdout.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return True  # a terminal that controls nobody


def restore() -> None:
    """Give the terminal back now; from a signal's handler too."""
    for screen in list(_active):
        screen.leave()


def render(line: Sequence[tuple[str, str]], *, colour: bool) -> str:
    """Return a line of spans as text with ANSI sequences, or without any; no blanks at its end."""
    parts = []
    for text, style in line:
        code = STYLES[style] if colour and not text.isspace() else ""
        parts.append(f"\x1b[{code}m{text}\x1b[0m" if code and text else text)
    return "".join(parts).rstrip(" ")


class Screen:
    """The alternate screen of the terminal at standard output."""

    def __init__(self) -> None:
        self.colour = not os.environ.get("NO_COLOR")
        self._descriptor = sys.stdout.fileno()
        self._shown: list[str] = []
        self._modes: list[Any] | None = None
        self.used = False  # it was entered at least once
        self.gone = False  # the terminal was closed: nothing is written any more
        self._repainting = False

    @property
    def entered(self) -> bool:
        """Is it what the terminal shows."""
        return self in _active

    def enter(self) -> None:
        """Show the screen, empty."""
        sys.stdout.flush()
        self.used, self._shown = True, []
        with contextlib.suppress(termios.error, OSError):
            self._modes = termios.tcgetattr(self._descriptor)
            quiet = termios.tcgetattr(self._descriptor)
            quiet[3] &= ~termios.ECHO
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, quiet)
        _active.append(self)
        self._write(_ENTER)

    def leave(self) -> None:
        """Show what was there before."""
        if not self.entered:
            return
        _active.remove(self)
        self._write(_LEAVE)
        if self._modes is not None:
            with contextlib.suppress(termios.error, OSError):
                termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._modes)

    def forget(self) -> None:
        """Paint every line next time: the size has changed, and what is shown may be anything."""
        self._shown = []

    def repaint(self, frame: Callable[[], Sequence[Sequence[tuple[str, str]]]]) -> None:
        """Paint the lines that `frame` returns, on the screen that is entered for it, unless the terminal is not ours.

        A signal may come meanwhile whose handler calls this too: that call does nothing.
        """
        if self._repainting or self.gone or not in_foreground():
            return
        self._repainting = True
        try:
            if not self.entered:
                self.enter()
            self.paint(frame())
        finally:
            self._repainting = False

    def paint(self, lines: Sequence[Sequence[tuple[str, str]]]) -> None:
        """Show these lines, one a row from the top."""
        texts = [render(line, colour=self.colour) for line in lines]
        parts = [] if self._shown else ["\x1b[2J"]
        for row, text in enumerate(texts):
            if row >= len(self._shown) or self._shown[row] != text:
                parts.append(f"\x1b[{row + 1};1H{text}\x1b[K")
        if len(texts) < len(self._shown):
            parts.append(f"\x1b[{len(texts) + 1};1H\x1b[J")
        self._shown = texts
        if parts:
            self._write(BEGIN + "".join(parts) + END)

    def _write(self, text: str) -> None:
        data = text.encode(errors="replace")
        while data and not self.gone:
            try:
                data = data[os.write(self._descriptor, data) :]
            except InterruptedError:
                continue
            except OSError:
                self.gone = True


class Signals:
    """Handlers for as long as a block lasts: another size, Ctrl-Z and going on after it."""

    def __init__(self, screen: Screen, repaint: Callable[[], object]) -> None:
        self._screen = screen
        self._repaint = repaint
        self._before: Mapping[int, Any] = {}

    def __enter__(self) -> None:
        with contextlib.suppress(ValueError):  # not the main thread: then there are no signals either
            self._before = {
                signal.SIGWINCH: signal.signal(signal.SIGWINCH, self._resized),
                signal.SIGTSTP: signal.signal(signal.SIGTSTP, self._stop),
            }

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _resized(self, *_: object) -> None:
        self._screen.forget()
        self._repaint()

    def _stop(self, *_: object) -> None:
        self._screen.leave()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # stops here, until `fg` or `bg`
        signal.signal(signal.SIGTSTP, self._stop)
        self._repaint()
