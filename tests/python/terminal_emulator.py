# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""As much of a terminal as the viewer talks to: where the cursor goes, what is written, in which colours."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

_TOKEN = re.compile(r"\x1b\[(?P<args>[?<>=\d;]*)(?P<final>[A-Za-z])|(?P<char>[^\x1b])", re.DOTALL)


class Emulator:
    """A screen: `cells[row][column]` is (character, foreground, background); colours are what SGR said."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.modes: set[str] = set()
        self.ever: set[str] = set()
        self._row = self._column = 0
        self.clear()

    def clear(self) -> None:
        self.cells = [[(" ", "", "")] * self.columns for _ in range(self.rows)]
        self.written = 0
        self._fore = self._back = ""

    def feed(self, text: str) -> None:
        for match in _TOKEN.finditer(text):
            if match["char"]:
                if match["char"] == "\r":
                    self._column = 0
                elif match["char"] == "\n":
                    self._row += 1
                    if self._row >= self.rows:
                        self.cells = [*self.cells[1:], [(" ", "", "")] * self.columns]
                        self._row = self.rows - 1
                elif match["char"] >= " " and self._row < self.rows and self._column < self.columns:
                    self.cells[self._row][self._column] = (match["char"], self._fore, self._back)
                    self._column += 1
                    self.written += 1
                continue
            arguments, final = match["args"], match["final"]
            if final == "H":
                row, column = (int(part) for part in arguments.split(";"))
                self._row, self._column = row - 1, column - 1
            elif final == "J":
                self.clear()
            elif final == "m":
                self._colour(arguments)
            elif final == "h":
                self.modes.add(arguments)
                self.ever.add(arguments)
            elif final == "l":
                self.modes.discard(arguments)
                self.ever.add("-" + arguments)

    def _colour(self, arguments: str) -> None:
        if arguments.startswith("38;"):
            self._fore = arguments[3:]
        elif arguments.startswith("48;"):
            self._back = arguments[3:]
        elif arguments in ("", "0"):
            self._fore = self._back = ""

    def line(self, row: int) -> str:
        return "".join(cell[0] for cell in self.cells[row])


class Session:
    """`shoal ARGUMENTS` in a terminal of its own."""

    def __init__(self, *arguments: str, columns: int = 80, rows: int = 24, cwd: Path, keyboard: bool = True) -> None:
        self.leader, follower = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(follower)
        self.screen = Emulator(columns, rows)
        self.raw = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "shoal", *arguments],
            stdin=follower if keyboard else subprocess.DEVNULL,
            stdout=follower,
            stderr=subprocess.PIPE,
            cwd=cwd,
            preexec_fn=_own_terminal,
            env={**os.environ, "COLORTERM": "truecolor", "TERM": "xterm-256color"},
        )
        self._follower = follower

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.leader, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen = Emulator(columns, rows)

    def read_until(self, text: str, seconds: float = 20.0) -> bool:
        """Feed the screen until its lines hold `text`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.leader], [], [], 0.05)[0]:
                data = os.read(self.leader, 1 << 16)
                self.raw += data
                self.screen.feed(data.decode(errors="ignore"))
            elif any(text in self.screen.line(row) for row in range(self.screen.rows)):
                return True
            elif self.process.poll() is not None:
                return False
            if any(text in self.screen.line(row) for row in range(self.screen.rows)):
                return True
        return False

    def type(self, keys: bytes) -> None:
        os.write(self.leader, keys)

    def end(self, seconds: float = 20.0) -> tuple[int, str]:
        """Return the exit code and what was said on stderr."""
        limit = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < limit:
            if select.select([self.leader], [], [], 0.05)[0]:
                self.raw += os.read(self.leader, 1 << 16)
        while select.select([self.leader], [], [], 0.05)[0]:
            self.raw += os.read(self.leader, 1 << 16)
        self.after = termios.tcgetattr(self._follower)
        assert self.process.stderr is not None
        try:
            said = self.process.communicate(timeout=5)[1].decode()
        finally:
            self.process.kill()
            os.close(self.leader)
            os.close(self._follower)
        return self.process.returncode, said


def _own_terminal() -> None:
    """Make standard output the terminal that Ctrl-C comes from."""
    os.setsid()
    fcntl.ioctl(1, termios.TIOCSCTTY, 0)
