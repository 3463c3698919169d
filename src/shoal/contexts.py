# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Contexts: parameters that are drawn from a distribution when an episode begins.

A distribution is written as text, in flags, in TOML and in Python: `uniform(5, 15)`, `loguniform(0.1, 10)`,
`normal(9.8, 1)` (mean, standard deviation; clipped to the parameter's range), `choice(-10, 10)`, and whole numbers as
`5..15`, both ends included. A draw is hash(episode's key, CONTEXT, parameter), so nothing else changes it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from shoal import native
from shoal.errors import ConfigError, nearest
from shoal.settings import from_text

if TYPE_CHECKING:
    from shoal.tables import Param, Value

_FORMS = {
    "uniform": "uniform(low, high)",
    "loguniform": "loguniform(low, high)",
    "normal": "normal(mean, deviation)",
    "choice": "choice(a, b, ...)",
}
_CALL = re.compile(r"\s*([A-Za-z_]\w*)\s*\((.*)\)\s*")
_RANGE = re.compile(r"\s*(\S+?)\s*\.\.\s*(\S+)\s*")


@dataclass(frozen=True)
class Distribution:
    """What a parameter is drawn from; `str` writes it as it is read."""

    param: Param
    kind: str  # one of native.CONTEXTS
    numbers: tuple[Value, ...]  # bounds, mean and deviation, or options

    def __str__(self) -> str:
        """Return the text, the same for every way to write it."""
        if self.kind == "range":
            return f"{self.numbers[0]}..{self.numbers[1]}"
        return f"{self.kind}({', '.join(_text(number) for number in self.numbers)})"

    def to_native(self, index: int) -> native.Context:
        """Return what C draws from, for the parameter in row `index` of its table."""
        param = self.param
        context = native.Context(
            param=index,
            type=native.PARAM_KINDS.index(param.kind),
            kind=native.CONTEXTS.index(self.kind),
            low=param.low,
            high=param.high,
        )
        if self.kind == "choice":
            context.count = len(self.numbers)
            context.options[: len(self.numbers)] = [_bits(param, option) for option in self.numbers]
        elif self.kind == "range":
            context.first, context.last = (int(number) for number in self.numbers)
        else:
            context.a, context.b = (float(number) for number in self.numbers)
        return context


def is_distribution(param: Param, value: object) -> bool:
    """Return whether a checked value of this parameter is a distribution."""
    return param.kind != "text" and isinstance(value, str) and value not in param.choices


def parse(param: Param, text: str) -> Distribution:
    """Return the distribution that `text` writes for a parameter.

    Raises:
        ConfigError: if it is none, or does not fit the parameter.
    """
    where = f"at env.{param.name}"
    call, span = _CALL.fullmatch(text), _RANGE.fullmatch(text)
    if not call and not span:
        _complain_about_type(param, text)
    if param.role == "size":
        problem = f"`{param.name}` is fixed at creation and cannot be drawn: {text}; expected one value ({where})"
        raise ConfigError(problem, "parameters that do not change sizes can be drawn")
    if span and not call:
        return _range(param, text, span[1], span[2])
    assert call
    kind, inside = call[1].lower(), call[2]
    if kind not in _FORMS:
        raise ConfigError(f"no distribution is called `{call[1]}`: {text} ({where})", nearest(kind, _FORMS))
    words = [word.strip() for word in inside.split(",")] if inside.strip() else []
    if kind == "choice":
        return _choice(param, text, words)
    if param.kind in ("choice", "switch"):
        options = ", ".join(param.choices or ("true", "false"))
        problem = f"`{param.name}` has no order to draw from: {text}; expected choice(...) ({where})"
        raise ConfigError(problem, f"write choice({options})")
    if len(words) != 2:
        raise ConfigError(f"{kind} takes 2 numbers; got {len(words)}: {text} ({where})", f"write {_FORMS[kind]}")
    numbers = tuple(_number(param, text, word) for word in words)
    return _real(param, text, kind, *numbers)


def table(env_params: tuple[Param, ...], values: Mapping[str, Value]) -> list[native.Context]:
    """Return what C draws from, for the values that are distributions."""
    found = [
        parse(param, str(values[param.name])).to_native(index)
        for index, param in enumerate(env_params)
        if is_distribution(param, values[param.name])
    ]
    if len(found) > native.MAX_CONTEXTS:
        raise ConfigError(f"too many parameters are drawn: {len(found)}; expected at most {native.MAX_CONTEXTS}")
    return found


def _real(param: Param, text: str, kind: str, a: float, b: float) -> Distribution:
    where, bounds = f"at env.{param.name}", f"{param.low:g} to {param.high:g}" + (f" {param.unit}" * bool(param.unit))
    if kind == "normal":
        if b < 0:
            raise ConfigError(
                f"a deviation is negative: {text}; expected at least 0 ({where})", f"write {_FORMS[kind]}"
            )
    elif a > b:
        raise ConfigError(
            f"the bounds are in the wrong order: {text}; expected low <= high ({where})",
            f"write {kind}({_text(b)}, {_text(a)})",
        )
    if kind == "loguniform" and a <= 0:
        problem = f"a logarithm needs a positive bound: {text}; expected 0 < low ({where})"
        raise ConfigError(problem, f"uniform({_text(a)}, {_text(b)}) takes any bounds")
    for number in (a,) if kind == "normal" else (a, b):
        if not param.admits(number):
            what = "the mean" if kind == "normal" else "a bound"
            raise ConfigError(f"out of range: {what} of {param.name}={text}; expected {bounds} ({where})")
    if param.kind == "int" and kind == "uniform":
        return _range(param, text, _text(a), _text(b))
    return Distribution(param, kind, (a, b))


def _range(param: Param, text: str, first: str, last: str) -> Distribution:
    where = f"at env.{param.name}"
    if param.kind != "int":
        hint = f"write uniform({first}, {last})" if param.kind == "float" else "write choice(...)"
        raise ConfigError(f"{text} draws whole numbers; `{param.name}` is a {param.kind} ({where})", hint)
    numbers = tuple(param.check(_number(param, text, word)) for word in (first, last))
    if numbers[0] > numbers[1]:  # type: ignore[operator]
        problem = f"the bounds are in the wrong order: {text}; expected low <= high ({where})"
        raise ConfigError(problem, f"write {last}..{first}")
    return Distribution(param, "range", numbers)


def _choice(param: Param, text: str, words: list[str]) -> Distribution:
    where = f"at env.{param.name}"
    if not 1 <= len(words) <= native.MAX_OPTIONS:
        problem = f"choice takes 1 to {native.MAX_OPTIONS} values; got {len(words)}: {text} ({where})"
        raise ConfigError(problem, f"write {_FORMS['choice']}")
    if param.kind in ("float", "int"):
        return Distribution(param, "choice", tuple(param.check(_number(param, text, word)) for word in words))
    options = tuple(param.check(from_text(param.kind, word)) for word in words)
    return Distribution(param, "choice", options)


def _number(param: Param, text: str, word: str) -> float:
    try:
        number = float(word)
        if number - number == 0:
            return number
    except ValueError:
        pass
    raise ConfigError(f"`{word}` is not a number: {text} (at env.{param.name})", "write it like 5, 0.5 or 1e-3")


def _complain_about_type(param: Param, text: str) -> NoReturn:
    expected = {"int": "a whole number", "float": "a number", "switch": "true or false"}.get(param.kind, "a choice")
    problem = f"wrong type: {param.name}={text!r}; expected {expected}"
    if param.role == "size":
        raise ConfigError(f"{problem} (at env.{param.name})")
    form = {"float": f"uniform({param.low:g}, {param.high:g})", "int": f"{param.low:g}..{param.high:g}"}
    like = form.get(param.kind, "choice(true, false)")
    raise ConfigError(f"{problem} (at env.{param.name})", f"a distribution is written like {like}")


def _text(number: Value) -> str:
    if isinstance(number, bool):
        return str(number).lower()
    return repr(number).removesuffix(".0") if isinstance(number, float) else str(number)


def _bits(param: Param, option: Value) -> int:
    if param.kind == "float":
        return int(struct.unpack("<I", struct.pack("<f", float(option)))[0])
    whole = param.choices.index(str(option)) if param.kind == "choice" else int(option)
    return whole & 0xFFFFFFFF
