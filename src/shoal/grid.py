# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal eval --grid gravity=5,10,15 --grid length=0.25,1`: an evaluation at every point, as a table and a heat map.

Parameters that no grid names keep the run's values or distributions. All points see the same seeds.
"""

from __future__ import annotations

import itertools
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shoal import registry, tables
from shoal.errors import ConfigError, nearest
from shoal.settings import from_text

if TYPE_CHECKING:
    from shoal.config import Config
    from shoal.evaluate import Evaluation
    from shoal.policy import Policy
    from shoal.torch.policy import TorchPolicy

MAX_POINTS = 10_000

_EXAMPLE = "for example --grid gravity=5,10,15"
_SHADES = " .:-=+*#%@"  # low to high
_COLOURS = (54, 55, 61, 60, 24, 30, 29, 35, 71, 107, 149, 185, 221)  # of 256: dark violet, green, yellow
_DARK = 35  # colours up to this one take white letters


@dataclass(frozen=True)
class Axis:
    """A parameter and the values that it takes in turn."""

    name: str
    values: tuple[tables.Value, ...]


def take(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the values of every `--grid`, and the other arguments.

    Raises:
        ConfigError: for one without a value.
    """
    grids, rest = [], list(arguments)
    while any(argument.partition("=")[0] == "--grid" for argument in rest):
        at = next(index for index, argument in enumerate(rest) if argument.partition("=")[0] == "--grid")
        _, equals, value = rest.pop(at).partition("=")
        if not equals:
            if at >= len(rest) or rest[at].startswith("--"):
                raise ConfigError("the flag `--grid` needs a value", _EXAMPLE)
            value = rest.pop(at)
        grids.append(value)
    return grids, rest


def parse(env: registry.Environment, texts: Sequence[str]) -> list[Axis]:
    """Return the axes that these values of `--grid` mean.

    Raises:
        ConfigError: for an unknown or SIZE parameter, a bad value, or too many points.
    """
    params = {param.name: param for param in env.params}
    axes: list[Axis] = []
    for text in texts:
        name, equals, inside = text.partition("=")
        name = name.strip().removeprefix("env.").replace("-", "_")
        words = [word.strip() for word in inside.split(",")]
        if not equals or not all(words):
            raise ConfigError(f"--grid {text}: expected parameter=value,value,...", _EXAMPLE)
        if name not in params:
            raise ConfigError(f"`{env.name}` has no parameter `{name}` (at --grid {text})", nearest(name, params))
        param = params[name]
        if param.role == "size":
            changing = [other.name for other in env.params if other.role == "value"]
            problem = f"`{name}` is fixed at creation: a policy is made for one value of it (at --grid {text})"
            raise ConfigError(problem, f"these can be varied: {', '.join(changing) or 'none'}")
        if "(" in inside or ".." in inside:
            raise ConfigError(f"--grid {text}: expected values, no distribution", _EXAMPLE)
        if any(axis.name == name for axis in axes):
            raise ConfigError(f"--grid {text}: `{name}` is given twice", "put all its values into one --grid")
        axes.append(Axis(name, tuple(param.check(from_text(param.kind, word)) for word in words)))
    points = math.prod(len(axis.values) for axis in axes)
    if points > MAX_POINTS:
        raise ConfigError(f"the grid has {points} points; expected at most {MAX_POINTS}", "use fewer values")
    return axes


def run(policy: Policy | TorchPolicy, settings: Config, axes: Sequence[Axis]) -> dict[str, Any]:
    """Evaluate every point, print a table and, over one or two parameters, a heat map; return what `--json` tells."""
    from shoal.evaluate import evaluate

    spec, names = policy.spec, [axis.name for axis in axes]
    found: list[tuple[tuple[tables.Value, ...], Evaluation]] = []
    for point in itertools.product(*(axis.values for axis in axes)):
        values = {**spec.values, **dict(zip(names, point, strict=True))}
        there = spec.env.spec(values, observed=spec.observed)
        found.append((point, evaluate(there, settings, policy=policy, number=-1)))
        if len(found) == 1:
            print(_header(names, found[0][1]))
        print(_line(names, *found[-1]), flush=True)
    means = [result.mean for _, result in found]
    if len(axes) <= 2:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        print(f"\n{heat_map(axes, means, found[0][1].metric, colour=colour)}")
    points = []
    for point, result in found:
        numbers = {"interval": result.interval} | result.stats.means()
        finite = {name: number if math.isfinite(number) else None for name, number in numbers.items()}
        row: dict[str, Any] = {"lives": result.stats.lives} | finite | dict(zip(names, point, strict=True))
        points.append(row)
    return {
        "metric": found[0][1].metric,
        "grid": {axis.name: list(axis.values) for axis in axes},
        "means": _nested(means, [len(axis.values) for axis in axes]),
        "points": points,
    }


def heat_map(axes: Sequence[Axis], means: Sequence[float], metric: str, *, colour: bool) -> str:
    """Return a map of one mean for each point, in order of `itertools.product`; the first parameter runs downwards.

    Without colours a cell has one of ten letters, from blank for the lowest mean to @ for the highest.
    """
    down, across = axes[0], axes[1] if len(axes) > 1 else Axis("", ("",))
    known = [mean for mean in means if math.isfinite(mean)]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    numbers = [f"{mean:.3g}" for mean in means]
    wide = max(len(_show(value)) for value in across.values)
    wide = max(wide, *(len(number) for number in numbers)) + (2 if colour else 4)
    left = max(len(_show(value)) for value in (*down.values, down.name)) + 2
    lines = [f"{metric}, {low:.3g} to {high:.3g}" + (f"; {across.name} runs to the right" if across.name else "")]
    heads = (f"{_show(value):>{wide - colour}}{' ' * colour}" for value in across.values)  # a coloured cell ends blank
    lines.append(f"{down.name:<{left}}" + "".join(heads))
    for row, value in enumerate(down.values):
        cells = []
        for column in range(len(across.values)):
            at = row * len(across.values) + column
            share = (means[at] - low) / (high - low) if high > low and math.isfinite(means[at]) else 0.0
            cells.append(_cell(numbers[at], share, wide, colour))
        lines.append(f"{_show(value):<{left}}" + "".join(cells))
    return "\n".join(line.rstrip() for line in lines)


def _cell(number: str, share: float, wide: int, colour: bool) -> str:
    if not colour:
        shade = _SHADES[round(share * (len(_SHADES) - 1))]
        return f"{shade * 2:>{wide - len(number) - 1}} {number}"
    tone = _COLOURS[round(share * (len(_COLOURS) - 1))]
    ink = 15 if _COLOURS.index(tone) <= _COLOURS.index(_DARK) else 16
    return f"\x1b[48;5;{tone};38;5;{ink}m{number:>{wide - 1}} \x1b[0m"


def _header(names: Sequence[str], result: Evaluation) -> str:
    return "".join(f"{name:>{_wide(name)}}" for name in names) + "".join(
        f"{name:>24}" for name in (*result.stats.names, "lives")
    )


def _line(names: Sequence[str], point: Sequence[tables.Value], result: Evaluation) -> str:
    cells = [f"{result.stats.mean(name):.4g} ± {result.stats.interval(name):.2g}" for name in result.stats.names]
    values = "".join(f"{_show(value):>{_wide(name)}}" for name, value in zip(names, point, strict=True))
    return values + "".join(f"{cell:>24}" for cell in (*cells, str(result.stats.lives)))


def _wide(name: str) -> int:
    return max(len(name) + 2, 10)


def _show(value: tables.Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


def _nested(means: Sequence[float], lengths: Sequence[int]) -> list[Any]:
    """Return the means as lists within lists, one level for each parameter; what is not finite becomes None."""
    if len(lengths) == 1:
        return [mean if math.isfinite(mean) else None for mean in means]
    inner = math.prod(lengths[1:])
    return [_nested(means[at : at + inner], lengths[1:]) for at in range(0, len(means), inner)]
