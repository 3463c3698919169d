# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal train` in a terminal of its own: the screen, another size, Ctrl-C, Ctrl-Z, and lines where it does not fit."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from shoal import terminal

ENTER, LEAVE, SHOWN = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"
ENDLESS = ["train", "cartpole", "--steps", "1000G", "--vec.num-envs", "64"]


class Terminal:
    """A program in a pseudo-terminal."""

    def __init__(self, folder: Path, words: list[str], columns: int = 80, rows: int = 24, **environment: str) -> None:
        self.ours, theirs = pty.openpty()
        self.resize(columns, rows)
        self.modes = termios.tcgetattr(theirs)

        def lead() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        known = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM")}
        self.program = subprocess.Popen(
            [sys.executable, "-m", "shoal", *words],
            cwd=folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=known | {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"} | environment,
            preexec_fn=lead,
        )
        self.theirs = theirs
        self.text = ""

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, until: Callable[[str], object], seconds: float = 30.0) -> str:
        """Return all that was written since the last call once `until` holds for it."""
        os.set_blocking(self.ours, False)
        end, data = time.monotonic() + seconds, b""
        while time.monotonic() < end:
            with contextlib.suppress(BlockingIOError, OSError):
                data += os.read(self.ours, 65536)
            text = data.decode(errors="replace")
            if until(text):
                self.text += text
                return text
            time.sleep(0.02)
        raise AssertionError(f"not seen within {seconds} s: {text[-3000:]!r}")

    def close(self) -> int:
        code = self.program.wait(30)
        os.close(self.ours)
        os.close(self.theirs)
        return code


def test_the_dashboard_is_painted_resized_suspended_and_gives_the_terminal_back(tmp_path: Path) -> None:
    shown = Terminal(tmp_path, ENDLESS)
    first = shown.read(lambda text: "bottleneck" in text and text.endswith("\x1b[?2026l"))
    assert ENTER in first and "cartpole" in first.partition(ENTER)[0]
    assert "\x1b[24;1H" in first and "\x1b[25;1H" not in first
    assert "\x1b[38;5;" in first
    quiet = termios.tcgetattr(shown.theirs)
    assert not quiet[3] & termios.ECHO and quiet[3] & termios.ISIG

    shown.resize(100, 40)
    assert "\x1b[2J" in shown.read(lambda text: "\x1b[40;1H" in text)
    shown.resize(50, 10)
    assert LEAVE in shown.read(lambda text: LEAVE in text and re.search(r"steps +\d+%", text.partition(LEAVE)[2]))
    shown.resize(80, 24)
    shown.read(lambda text: ENTER in text)

    # Nobody could continue us here, so the system goes on at once instead of stopping.
    shown.program.send_signal(signal.SIGTSTP)
    stopped = shown.read(lambda text: ENTER in text)
    assert stopped.index(SHOWN) < stopped.index(LEAVE) < stopped.index(ENTER)

    os.write(shown.ours, b"\x03")  # Ctrl-C
    last = shown.read(lambda text: "go on with" in text)
    report = last.partition(LEAVE)[2]
    assert SHOWN in last and "bottleneck" in report and "interrupted after" in report
    assert report.index("bottleneck") < report.index("interrupted after")
    assert shown.close() == 130
    assert list(tmp_path.glob("runs/cartpole/*/checkpoints/resume.*"))


def test_a_second_ctrl_c_gives_the_terminal_back_too(tmp_path: Path) -> None:
    code = (
        "import signal, os, time; from shoal import command_train, terminal\n"
        "screen = terminal.Screen(); screen.enter()\n"
        "try:\n"
        "    with command_train.interruptible():\n"
        "        try: os.kill(os.getpid(), signal.SIGINT); time.sleep(5)\n"
        "        except KeyboardInterrupt: os.kill(os.getpid(), signal.SIGINT); time.sleep(5)\n"
        "finally: print('not at once')\n"
    )
    script = tmp_path / "twice.py"
    script.write_text(code)
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    program = subprocess.run([sys.executable, str(script)], stdin=theirs, stdout=theirs, check=False, timeout=60)
    assert program.returncode == 130
    text = os.read(ours, 65536).decode()
    assert ENTER in text and text.endswith(LEAVE) and "not at once" not in text
    assert termios.tcgetattr(theirs) == before


@pytest.mark.parametrize(
    ("words", "columns", "environment"),
    [(["--plain"], 80, {}), ([], 59, {}), ([], 80, {"TERM": "dumb"})],
    ids=["plain", "narrow", "dumb"],
)
def test_lines_are_printed_where_a_dashboard_is_not_wanted_or_does_not_fit(
    words: list[str], columns: int, environment: dict[str, str], tmp_path: Path
) -> None:
    shown = Terminal(tmp_path, [*ENDLESS, "--max-seconds", "0.8", *words], columns, **environment)
    text = shown.read(lambda text: "--seed 1" in text)
    assert shown.close() == 0
    assert "\x1b" not in text
    assert re.search(r" steps +\d+%.*value fit", text.replace("\r\n", ""))


def test_no_color_leaves_out_every_style(tmp_path: Path) -> None:
    shown = Terminal(tmp_path, [*ENDLESS, "--max-seconds", "0.8"], NO_COLOR="1")
    text = shown.read(lambda text: "--seed 1" in text)
    assert shown.close() == 0
    assert ENTER in text and not re.search(r"\x1b\[[\d;]*m", text)


def test_a_pipe_gets_lines(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "shoal", *ENDLESS, "--max-seconds", "0.8"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "\x1b" not in done.stdout and "value fit" in done.stdout


def test_what_is_no_terminal_cannot_be_painted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert not terminal.can_paint() and terminal.size() == (0, 0)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert not terminal.can_paint() and terminal.size() == (0, 0)


def test_a_terminal_that_is_gone_ends_painting_alone() -> None:
    ours, theirs = pty.openpty()
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(os.fdopen(os.dup(theirs), "w", encoding="utf-8"))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(sys, "stdout", stream)
        screen = terminal.Screen()
        screen.enter()
        os.close(ours)
        screen.paint([[("x", "plain")]])
        assert screen.gone
        screen.leave()
        assert not screen.entered
    os.close(theirs)
