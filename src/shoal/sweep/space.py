# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What a sweep varies: each setting with its scale, mapped to the unit interval, and how text declares it.

linear(0, 0.5)   log(1e-4, 0.1)   logit(0.9, 0.9999)   integer(1, 8)   pow2(16, 256)   choice(mlp, mingru)
log(1e-4, 0.1) if policy.core=lstm      varied only where another varied choice has this value
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.errors import ConfigError, nearest

Value = bool | int | float | str
Point = dict[str, Value]  # section.key -> value; what a condition leaves out is absent
Unit = NDArray[np.float64]  # (coordinates,), each in [0, 1]

SCALES = ("linear", "log", "logit", "integer", "pow2", "choice")


@dataclass(frozen=True)
class Dimension:
    """One varied setting.

    `low` and `high` bound a number, `choices` a choice; `condition` is (setting, value), or None: always varied.
    """

    name: str
    scale: str
    low: float = 0.0
    high: float = 0.0
    choices: tuple[Value, ...] = ()
    condition: tuple[str, Value] | None = None

    @property
    def width(self) -> int:
        """How many coordinates it takes: a choice one for each value, so that no order is implied."""
        return len(self.choices) if self.scale == "choice" else 1

    @property
    def absent(self) -> float:
        """The coordinate that stands for not being varied: the middle."""
        return 1 / self.width if self.scale == "choice" else 0.5

    def decode(self, unit: Unit) -> Value:
        """Return the value at coordinates (width,) in [0, 1]."""
        if self.scale == "choice":
            return self.choices[int(np.argmax(unit))]
        t = min(max(float(unit[0]), 0.0), 1.0)
        if self.scale in ("integer", "pow2"):  # every whole number has an interval of the same length
            number = min(math.floor(self.low + t * (self.high - self.low + 1)), int(self.high))
            return 1 << number if self.scale == "pow2" else number
        if t in (0.0, 1.0):  # which rounding would miss
            return self.high if t else self.low
        value = _inverse(self.scale, _forward(self.scale, self.low) * (1 - t) + _forward(self.scale, self.high) * t)
        return min(max(value, self.low), self.high)  # rounding stays inside

    def encode(self, value: Value) -> Unit:
        """Return the coordinates (width,) of a value; one outside its bounds lies at the nearest bound."""
        if self.scale == "choice":
            return np.array([float(choice == value) for choice in self.choices])
        number = float(value)
        if self.scale in ("integer", "pow2"):
            number = math.log2(number) if self.scale == "pow2" else number
            t = (number - self.low + 0.5) / (self.high - self.low + 1)
        else:
            low, high = _forward(self.scale, self.low), _forward(self.scale, self.high)
            t = (_forward(self.scale, min(max(number, self.low), self.high)) - low) / (high - low)
        return np.array([min(max(t, 0.0), 1.0)])

    def __str__(self) -> str:
        if self.scale == "choice":
            inside = ", ".join(_spelled(choice) for choice in self.choices)
        else:
            power = 2.0 if self.scale == "pow2" else 0.0
            inside = ", ".join(f"{power**bound if power else bound:g}" for bound in (self.low, self.high))
        suffix = f" if {self.condition[0]}={_spelled(self.condition[1])}" if self.condition else ""
        return f"{self.scale}({inside}){suffix}"


class Space:
    """The dimensions of a sweep, in order.

    Attributes:
        dimensions: as declared. width: coordinates of a point.
    """

    def __init__(self, dimensions: Iterable[Dimension]) -> None:
        """Check that conditions name choices that are declared before.

        Raises:
            ConfigError: if one does not, a name comes twice, or there is no dimension.
        """
        self.dimensions = tuple(dimensions)
        self.width = sum(dimension.width for dimension in self.dimensions)
        if not self.dimensions:
            raise ConfigError("the sweep varies nothing; expected at least one setting", _EXAMPLE)
        seen: dict[str, Dimension] = {}
        for dimension in self.dimensions:
            if dimension.name in seen:
                raise ConfigError(f"the sweep varies `{dimension.name}` twice; expected once")
            if dimension.condition:
                other, value = dimension.condition
                if other not in seen or value not in seen[other].choices:
                    raise ConfigError(
                        f"`{dimension.name}` is varied if {other}={_spelled(value)}; expected a choice declared before "
                        "it, and one of its values",
                        nearest(other, seen) if seen else "",
                    )
            seen[dimension.name] = dimension

    def decode(self, unit: Unit) -> Point:
        """Return the settings at coordinates (width,)."""
        point: Point = {}
        at = 0
        for dimension in self.dimensions:
            if dimension.condition is None or point.get(dimension.condition[0]) == dimension.condition[1]:
                point[dimension.name] = dimension.decode(unit[at : at + dimension.width])
            at += dimension.width
        return point

    def encode(self, point: Mapping[str, Value]) -> Unit:
        """Return the coordinates (width,) of settings; what is absent lies in the middle."""
        parts = [
            dimension.encode(point[dimension.name])
            if dimension.name in point
            else np.full(dimension.width, dimension.absent)
            for dimension in self.dimensions
        ]
        return np.concatenate(parts)

    def snap(self, units: Unit) -> Unit:
        """Return the coordinates (points, width) that stand for what these mean: whole numbers, one choice of several.

        The same as encode(decode(unit)) for every point, without a loop over points.
        """
        found = np.empty_like(units)
        chosen: dict[str, NDArray[np.intp]] = {}  # choice -> its index for every point, -1 where it is absent
        at = 0
        for dimension in self.dimensions:
            part = units[:, at : at + dimension.width]
            active = np.ones(len(units), bool)
            if dimension.condition:
                other, value = dimension.condition
                wanted = next(d for d in self.dimensions if d.name == other).choices.index(value)
                active = chosen[other] == wanted
            if dimension.scale == "choice":
                index = np.argmax(part, axis=1)
                part = np.eye(dimension.width)[index]
                chosen[dimension.name] = np.where(active, index, -1)
            else:
                part = np.clip(part, 0, 1)
                if dimension.scale in ("integer", "pow2"):
                    count = dimension.high - dimension.low + 1
                    part = (np.minimum(np.floor(part * count), count - 1) + 0.5) / count
            found[:, at : at + dimension.width] = np.where(active[:, None], part, dimension.absent)
            at += dimension.width
        return found


def parse(name: str, text: str) -> Dimension:
    """Return the dimension that a declaration such as `log(1e-4, 0.1)` means.

    Raises:
        ConfigError: if it has another form or impossible bounds.
    """
    where = f"(at sweep.{name})"
    found = re.fullmatch(r"\s*(\w+)\(([^()]*)\)\s*(?:if\s+([\w.]+)\s*=\s*(\S+)\s*)?", text)
    if not found:
        raise ConfigError(f"not a range: {name}={text!r}; expected such as log(1e-4, 0.1) {where}", _EXAMPLE)
    scale, inside, other, value = found.groups()
    if scale not in SCALES:
        raise ConfigError(f"`{scale}` is no scale; expected one of {', '.join(SCALES)} {where}", nearest(scale, SCALES))
    condition = (other.replace("-", "_"), read_value(value)) if other else None
    parts = [part.strip() for part in inside.split(",") if part.strip()]
    if scale == "choice":
        choices = tuple(read_value(part) for part in parts)
        if len(set(choices)) < max(len(choices), 2):
            raise ConfigError(f"too few choices: {name}={text!r}; expected at least two, each once {where}")
        return Dimension(name, scale, choices=choices, condition=condition)
    try:
        low, high = (float(part) for part in parts)
    except ValueError:
        raise ConfigError(f"wrong bounds: {name}={text!r}; expected two numbers {where}", _EXAMPLE) from None
    problem = _problem(scale, low, high)
    if problem:
        raise ConfigError(f"wrong bounds: {name}={text!r}; expected {problem} {where}")
    if scale == "pow2":
        low, high = math.log2(low), math.log2(high)
    return Dimension(name, scale, low, high, condition=condition)


def read_value(text: str) -> Value:
    """Return true, false, a whole number, a number, or the text."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text.strip("'\"")


def parse_all(declared: Mapping[str, str]) -> Space:
    """Return the space of name -> declaration, conditions after what they depend on."""
    dimensions = [parse(name, text) for name, text in declared.items()]
    return Space([d for d in dimensions if not d.condition] + [d for d in dimensions if d.condition])


def describe(point: Mapping[str, Value], names: Sequence[str] = ()) -> str:
    """Return settings in one line, short numbers, in the order of `names` if given."""
    return " ".join(f"{name}={_spelled(point[name])}" for name in (names or point) if name in point)


_EXAMPLE = "--sweep.train.learning-rate 'log(1e-3, 0.1)'; also linear, logit, integer, pow2, choice(a, b)"


def _spelled(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _problem(scale: str, low: float, high: float) -> str:
    """Return what bounds should be, empty if they are."""
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        return "finite bounds, the lower one first"
    if scale == "log" and low <= 0:
        return "bounds above 0"
    if scale == "logit" and not 0 < low < high < 1:
        return "bounds between 0 and 1, both excluded"
    if scale == "integer" and (low != int(low) or high != int(high)):
        return "whole numbers"
    if scale == "pow2" and not all(bound >= 1 and math.log2(bound).is_integer() for bound in (low, high)):
        return "powers of two"
    return ""


def _forward(scale: str, value: float) -> float:
    if scale == "log":
        return math.log(value)
    return math.log(value / (1 - value)) if scale == "logit" else value


def _inverse(scale: str, value: float) -> float:
    if scale == "log":
        return math.exp(value)
    return 1 / (1 + math.exp(-value)) if scale == "logit" else value
