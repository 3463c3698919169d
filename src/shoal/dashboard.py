# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What `shoal train` shows in a terminal, as a pure function: what is known of a run and a size in, lines out.

    for line in frame(view, columns=80, rows=24): ...

A line is a list of spans, (text, style); terminal.py knows how styles look. Every size from MIN_COLUMNS x MIN_ROWS on
gives at most `rows` lines of fewer than `columns` cells: rows that do not fit go in the order of their rank, and room
to spare goes to more rows and to a chart. docs/reference/metrics.md explains the numbers.
"""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from shoal import native, stages
from shoal.memory import human
from shoal.plot import History, bar, chart, scale, sparkline
from shoal.settings import SolvedConfig

MIN_COLUMNS, MIN_ROWS = 60, 15  # below that nothing useful fits

Span = tuple[str, str]  # text and style, a key of terminal.STYLES
Line = list[Span]

LEARNING = {
    "policy loss": "loss/policy",
    "value loss": "loss/value",
    "KL (nats)": "policy/kl",
    "clip fraction": "policy/clip_fraction",
    "entropy (nats)": "policy/entropy",
    "explained variance": "value/explained_variance",
    "gradient norm": "optimizer/grad_norm",
    "learning rate": "optimizer/learning_rate",  # from here on where there is room
    "entropy weight": "optimizer/ent_coef",
    "mean value": "value/mean",
    "scale of returns": "value/sigma_return",
}
_FEW = len(stages.GROUPS)  # rows of the tables where there is little room

_NAME, _NUMBER = 19, 9  # cells of a table's first two columns
_RUNS = re.compile("a+|t+| +")  # of the kinds of a chart's cells
_NARROW = re.compile("[ -~×·≥…─-◿✓]*")  # letters of one cell; quick, since nearly all are
_GAP = 3  # between two tables side by side
_WHILE = "since the run began"


@dataclass(frozen=True)
class Facts:
    """What does not change during a run."""

    env: str
    version: int
    solved: SolvedConfig  # its metrics, without `episode_`, are names of `episodes`
    seed: int
    network: str
    machine: str  # copies, threads, instruction set
    run: str  # folder; empty without one
    total_steps: int
    cores: int
    episodes: Mapping[str, str]  # name -> key of a log, the metric first

    @property
    def metric(self) -> str:
        """The first whose mean says whether the task is solved, as `episodes` calls it."""
        return shown(self.solved.metric)


@dataclass
class View:
    """What is known of a run at one moment."""

    facts: Facts
    history: History
    now: dict[str, float] = field(default_factory=dict)  # key of a log -> recent mean
    steps: int = 0
    seconds: float = 0.0  # since the clock started
    sps: float = 0.0  # agent steps per second, lately
    lives: float = 0.0  # that ended per second, lately
    left: float = math.nan  # seconds, if nothing ends the run early
    until_solved: bool = False  # so it may be less
    busy: float = 0.0  # cores, lately
    memory: int = 0  # bytes that are resident
    stages: dict[str, float] = field(default_factory=lambda: dict.fromkeys(native.STAGES, 0.0))  # thread-seconds
    status: str = ""

    def mean(self, metric: str) -> float:
        """Return a metric's recent mean; NaN if there is none yet."""
        return self.now.get(self.facts.episodes[shown(metric)], math.nan)


def shown(metric: str) -> str:
    """Return how a metric is called here: without `episode_`."""
    return metric.removeprefix("episode_")


def keys(facts: Facts) -> list[str]:
    """Return the keys of a log whose history is shown."""
    return [*facts.episodes.values(), *LEARNING.values()]


def frame(view: View, columns: int, rows: int) -> list[Line]:
    """Return the lines that fill a terminal of that size, or fewer."""
    inner = columns - 2
    tables = len(LEARNING) if rows >= _height(view, len(LEARNING)) else _FEW
    body = _body(view, inner, tables)
    spare = rows - len(body)
    if spare >= 6:
        at = next(index for index, (_, line) in enumerate(body) if line and line[0][0].startswith("Learning"))
        body[at:at] = [(10, line) for line in [*_chart(view, inner, spare - 3), []]]
    while len(body) > rows:
        worst = max(rank for rank, _ in body)
        del body[max(index for index, (rank, _) in enumerate(body) if rank == worst)]
    return [clip([(" ", "plain"), *line], columns - 1) if line else [] for _, line in body]


def closing(view: View, columns: int) -> list[Line]:
    """Return the lines that stay in the terminal when training has ended: what lasts of the frame."""
    inner = columns - 2
    body = [_labels(view, inner), _values(view, inner), [], *_episodes(view, inner), []]
    body += [*_tables(view, inner, _FEW), _bottleneck(view), []]
    return [clip([(" ", "plain"), *line], columns - 1) if line else [] for line in body]


def _body(view: View, inner: int, tables: int) -> list[tuple[int, Line]]:
    """Return all lines but the chart with their ranks: the higher, the sooner they go."""
    facts = view.facts
    goal = f", solved at {facts.solved}" if facts.solved.goals else ""
    about = [(facts.env, "accent"), (f"  version {facts.version}{goal}", "label")]
    body: list[tuple[int, Line]] = [(1, ends(about, [("seed ", "label"), (str(facts.seed), "plain")], inner))]
    body.append((5, [(facts.network, "plain"), (f", {facts.machine}", "label")]))
    if facts.run:
        body.append((3, [(_tail(facts.run, inner), "label")]))
    body += [
        (6, []),
        (1, _progress(view, inner)),
        (8, []),
        (2, _labels(view, inner)),
        (1, _values(view, inner)),
        (6, []),
    ]
    episodes = _episodes(view, inner)
    body += [(2 if at < 2 else 3 if at < 4 else 7, line) for at, line in enumerate(episodes)]
    body += [(6, []), *((2 if at < 2 else 4, line) for at, line in enumerate(_tables(view, inner, tables)))]
    return [*body, (9, []), (1, _bottleneck(view)), (2, [(view.status, "label")])]


def _height(view: View, tables: int) -> int:
    """Return the rows that everything but the chart takes."""
    return 15 + bool(view.facts.run) + len(view.facts.episodes) + tables


# ---------------------------------------------------------------------------------------------------- parts


def _progress(view: View, inner: int) -> Line:
    share = min(view.steps / view.facts.total_steps, 1.0)
    tail = f"  {percent(share)}  {count(view.steps)} of {count(view.facts.total_steps)} steps"
    width = inner - cells(tail)
    done = round(share * width)
    return [("━" * done, "accent"), ("─" * (width - done), "label"), (tail[:6], "value"), (tail[6:], "plain")]


def _columns(texts: list[str], inner: int, style: str) -> Line:
    extra = max(inner - 58, 0) // 5
    widths = [15 + extra, 9 + extra, 10 + extra, 16 + extra, 8]
    return [(text.ljust(width), style) for text, width in zip(texts, widths, strict=True)]


def _labels(view: View, inner: int) -> Line:
    left = "at most" if view.until_solved else "time left"
    return _columns(["speed", "elapsed", left, "processor", "memory"], inner, "label")


def _values(view: View, inner: int) -> Line:
    texts = [f"{count(view.sps)} steps/s" if view.sps else "-", clock(view.seconds), clock(view.left)]
    texts += [f"{view.busy:.2f} of {view.facts.cores} cores", human(view.memory)]
    return _columns(texts, inner, "value")


def _episodes(view: View, inner: int) -> list[Line]:
    facts = view.facts
    lives = f"{count(view.lives)} lives/s" if view.lives else ""
    found = [ends(_header("Episodes", "now", _WHILE, inner), [(lives, "label")], inner)]
    for name, key in facts.episodes.items():
        reached = name == facts.metric and facts.solved.reached(view.mean)
        found.append(_row(view, name, key, inner, "accent" if name == facts.metric else "plain", reached))
    return found


def _tables(view: View, inner: int, rows: int) -> list[Line]:
    """Return what is learnt and where the time goes, side by side."""
    left = max((inner - _GAP) // 2, _NAME + _NUMBER)
    right = inner - _GAP - left
    shares = stages.shares(view.stages)
    names = {stage: stages.LABELS[stage] for stage in shares}
    if rows == _FEW:
        shares = stages.grouped(shares)
        names = {group: group for group in shares}
    slow = stages.members(stages.largest(view.stages)[0])
    width = right - _NAME - 6
    times = [ends([("Time", "head")], [("share", "label")], right)]
    for key, share in shares.items():
        style = "warm" if set(stages.GROUPS.get(key, (key,))) <= set(slow) else "plain"
        times.append(
            [
                (names[key].ljust(_NAME), "plain"),
                (bar(share, width) if width > 3 else " " * width, style),
                (percent(share).rjust(6), style),
            ]
        )
    learning = [_header("Learning", "now", _WHILE, left)]
    learning += [_row(view, name, key, left, "plain") for name, key in itertools.islice(LEARNING.items(), rows)]
    return [[*_pad(one, left + _GAP), *two] for one, two in zip(learning, times, strict=True)]


def _header(name: str, number: str, curve: str, width: int) -> Line:
    room = width - _NAME - _NUMBER - 3
    return [
        (name.ljust(_NAME), "head"),
        (number.rjust(_NUMBER), "label"),
        (f"   {curve}" * (len(curve) <= room), "label"),
    ]


def _row(view: View, name: str, key: str, width: int, style: str, reached: bool = False) -> Line:
    room = width - _NAME - _NUMBER - 3
    line = [(fit(name, _NAME - 1).ljust(_NAME), "plain"), (number(view.now.get(key, math.nan)).rjust(_NUMBER), "value")]
    if room >= 4:
        line.append((" ✓ " if reached else "   ", "good"))
        line.append((sparkline(view.history.curve(key, room), room), style if style != "plain" else "curve"))
    return line


def _bottleneck(view: View) -> Line:
    return [("bottleneck  ", "label"), (stages.bottleneck(view.stages), "plain")]


def _chart(view: View, inner: int, height: int) -> list[Line]:
    """Return a chart of the metric over steps in `height` lines and two more, with its goal as a line."""
    facts = view.facts
    goal = facts.solved.threshold
    width = inner - _NUMBER - 1
    values = view.history.curve(facts.episodes[facts.metric], width)
    low, high = scale(values)
    solved = -1  # the row of the goal
    if goal is not None and goal >= low:
        high = max(high, goal)
        solved = height - 1 - min(int((goal - low) / ((high - low) or 1.0) * height), height - 1)
    lines: list[Line] = [[(facts.metric, "head"), ("  over the steps of the run", "label")]]
    line = "╌ solved" if len(facts.solved.goals) == 1 else "╌ goal"  # the first of several
    lines[0] += [(", ", "label"), (line, "good")] if solved >= 0 else []
    for row, (text, kinds) in enumerate(chart(values, height, low, high)):
        label, style = (number(high), "label") if row == 0 else (number(low) if row == height - 1 else "", "label")
        if row == solved:
            label, style = number(goal or 0.0), "good"
        spans: Line = [(label.rjust(_NUMBER) + " ", style)]
        for run in _RUNS.finditer(kinds.ljust(width)):
            piece = text[run.start() : run.end()].ljust(len(run.group()))
            blank = "╌" * len(piece) if row == solved else piece
            spans.append({"a": (piece, "area"), "t": (piece, "accent")}.get(run.group()[0], (blank, "good")))
        lines.append(spans)
    steps = f"{count(view.steps)} steps"
    at = max(len(values) - len(steps), 2)
    return [*lines, [(" " * (_NUMBER + 1) + "0".ljust(at) + steps, "label")]]


# ---------------------------------------------------------------------------------------------------- text


def count(value: float) -> str:
    """Return a number in three digits, always as wide for the same unit: 950, 1.31M, 50.0M."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            short = value / size
            return f"{short:.{2 if short < 10 else 1 if short < 100 else 0}f}{unit}"
    return f"{value:.0f}"


def number(value: float) -> str:
    """Return a number in at most nine cells; - for NaN."""
    size = abs(value)
    if size != size or math.isinf(size):
        return "-"
    if size >= 1e6 or 0 < size < 1e-4:
        return f"{value:.2e}"
    digits = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 10 else 3 if size >= 1 else 4
    return f"{value:,.{digits}f}"


def percent(share: float) -> str:
    """Return a share in four cells or five: " 7 %", "62 %"."""
    return f"{100 * share:2.0f} %"


def clock(seconds: float) -> str:
    """Return 0:07, 1:02:03, 3 days; - for NaN."""
    if seconds != seconds or math.isinf(seconds):
        return "-"
    whole = int(seconds)
    if whole >= 100 * 3600:
        return f"{whole / 86400:.1f} days"
    hours, rest = divmod(whole, 3600)
    text = f"{rest // 60}:{rest % 60:02}"
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else text


def cells(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    if _NARROW.fullmatch(text):
        return len(text)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)


def fit(text: str, width: int) -> str:
    """Return as much of the start of a text as fits, with an ellipsis where it was cut."""
    if cells(text) <= width:
        return text
    while text and cells(text) > width - 1:
        text = text[:-1]
    return text + "…"


def _tail(text: str, width: int) -> str:
    """Return as much of the end of a text as fits, letters that would move the cursor replaced."""
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    if cells(text) <= width:
        return text
    while text and cells(text) > width - 1:
        text = text[1:]
    return "…" + text


def _width(line: Line) -> int:
    return sum(cells(text) for text, _ in line)


def _pad(line: Line, width: int) -> Line:
    return [*line, (" " * max(width - _width(line), 0), "plain")]


def ends(left: Line, right: Line, width: int) -> Line:
    """Return both with blanks between them, so that the second ends at `width`; without it if it does not fit."""
    room = width - _width(left) - _width(right)
    return [*left, (" " * room, "plain"), *right] if room > 0 else left


def clip(line: Line, width: int) -> Line:
    """Return as much of a line as fits."""
    clipped: Line = []
    for text, style in line:
        room = width - _width(clipped)
        clipped.append((fit(text, room) if room > 0 else "", style))
    return clipped
