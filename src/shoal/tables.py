# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The rows of an environment's tables: parameters, metrics, observation fields, actions; how each is read from C."""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass

from shoal import contexts, native
from shoal.errors import ConfigError, nearest

Value = bool | int | float | str


@dataclass(frozen=True)
class Param:
    """A parameter of an environment, as its table declares it."""

    name: str
    kind: str  # float, int, switch or choice; text, of Python environments, which C does not see
    default: Value
    low: float
    high: float
    unit: str
    role: str  # size: fixed at creation and may change the spec; value: may be set per environment
    doc: str
    choices: tuple[str, ...]

    def check(self, value: object) -> Value:
        """Return `value` as this parameter's type, or the text of the distribution that it is to be drawn from.

        Raises:
            ConfigError: if it has the wrong type, is out of range, names no choice, or is no such distribution.
        """
        where = f"at env.{self.name}"
        if self.kind == "text":
            if not isinstance(value, str):
                raise ConfigError(f"wrong type: {self.name}={value!r}; expected text ({where})")
            return value
        if isinstance(value, str) and value not in self.choices and (self.kind != "choice" or "(" in value):
            return str(contexts.parse(self, value))
        if self.kind == "choice":
            if not isinstance(value, str) or value not in self.choices:
                options = ", ".join(self.choices)
                problem = f"{self.name}={value!r} is not a choice; expected one of {options} ({where})"
                raise ConfigError(problem, nearest(str(value), self.choices, f"the default is {self.default}"))
            return value
        if self.kind == "switch":
            if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
                return bool(value)
            raise ConfigError(f"wrong type: {self.name}={value!r}; expected true or false ({where})")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            expected = "a whole number" if self.kind == "int" else "a number"
            raise ConfigError(f"wrong type: {self.name}={value!r}; expected {expected} ({where})")
        if self.kind == "int" and value != int(value if math.isfinite(value) else 0):
            raise ConfigError(f"wrong type: {self.name}={value!r}; expected a whole number ({where})")
        if not self.admits(value):
            unit = f" {self.unit}" if self.unit else ""
            raise ConfigError(
                f"out of range: {self.name}={value:g}; expected {self.low:g} to {self.high:g}{unit} ({where})"
            )
        return int(value) if self.kind == "int" else float(value)

    def admits(self, number: float) -> bool:
        """Return whether a number is in range; the bound 0.1f admits 0.1."""
        return _float32(self.low) <= _float32(number) <= _float32(self.high)


@dataclass(frozen=True)
class Metric:
    """A number that each agent reports about its life."""

    name: str
    doc: str


@dataclass(frozen=True)
class Field:
    """A named part of the observation row: `shape` elements of `dtype` at byte `offset`."""

    name: str
    kind: str  # vector, grid, category, flag, set or image
    dtype: str
    rows: int
    columns: int
    channels: int
    categories: int
    low: float
    high: float
    offset: int
    doc: str

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.rows * self.columns * self.channels

    @property
    def bytes(self) -> int:
        """Length in the row."""
        return self.size * {"uint8": 1, "int8": 1, "int16": 2, "float32": 4}[self.dtype]

    @property
    def shape(self) -> tuple[int, ...]:
        """Grids, images and sets: rows, columns, and channels if there are several; the rest: without ones."""
        shape = (self.rows, self.columns, self.channels)
        if self.kind in ("grid", "image", "set"):
            return shape if self.channels > 1 else shape[:2]
        return tuple(length for length in shape if length > 1) or (1,)

    @property
    def features(self) -> int:
        """How many numbers the policy's encoder sees: categories and grids are one-hot."""
        return self.size * (self.categories if self.kind in ("grid", "category") else 1)


@dataclass(frozen=True)
class Head:
    """A discrete action: one of `size`."""

    name: str
    size: int
    masked: bool
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Dim:
    """A continuous action within bounds."""

    name: str
    low: float
    high: float


def read_param(row: native.Param) -> Param:
    """Return a row of the table of parameters."""
    kind = native.PARAM_KINDS[row.type]
    choices = _names(text(row.choices))
    default: Value = row.initial
    if kind == "float":
        default = float(f"{row.initial:.7g}")  # the table holds floats: 9.81, not 9.8100004
    elif kind == "int":
        default = int(row.initial)
    elif kind == "switch":
        default = bool(row.initial)
    elif kind == "choice":
        default = text(row.unit)  # a choice has no unit: the table keeps its default's name there
    return Param(
        name=text(row.name),
        kind=kind,
        default=default,
        low=row.low,
        high=row.high,
        unit="" if kind == "choice" else text(row.unit),
        role=native.ROLES[row.role],
        doc=text(row.doc),
        choices=choices,
    )


def read_metric(row: native.Metric) -> Metric:
    """Return a row of the table of metrics."""
    return Metric(text(row.name), text(row.doc))


def read_field(row: native.Field) -> Field:
    """Return a row of the table of observation fields."""
    return Field(
        name=text(row.name),
        kind=native.FIELD_KINDS[row.kind],
        dtype=native.DTYPES[row.dtype],
        rows=row.rows,
        columns=row.columns,
        channels=row.channels,
        categories=row.categories,
        low=row.low,
        high=row.high,
        offset=row.offset,
        doc=text(row.doc),
    )


def read_head(row: native.Discrete) -> Head:
    """Return a discrete action."""
    return Head(text(row.name), row.size, bool(row.masked), _names(text(row.labels)))


def read_dim(row: native.Continuous) -> Dim:
    """Return a continuous action."""
    return Dim(text(row.name), row.low, row.high)


def _float32(value: float) -> float:
    return ctypes.c_float(value).value


def text(value: bytes | None) -> str:
    """Return the text that C points at, empty where it points at none."""
    return value.decode() if value else ""


def _names(joined: str) -> tuple[str, ...]:
    return tuple(joined.split("|")) if joined else ()
