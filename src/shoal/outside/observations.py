# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Observation spaces as rows: a field for every leaf of the space, and a writer that fills the row.

    Box       float64, float32, float16, wide integers   vector, float32
              integers that fit                           vector, int16, int8 or uint8
              uint8, two sides of at least 36             image: (rows, columns, channels), whatever the order was
              uint8, 2 or 3 axes, 0 to at most 31         grid
              bool, integers from 0 to 1                  flag
    Discrete, MultiDiscrete                               category (grid if it has two axes or more)
    MultiBinary                                           flag
    Tuple, Dict                                           the fields of their parts, named by their path

A writer is compiled once for a row: closures over views of that memory, so that a step copies every value once, into
its place, and makes nothing else. It checks shapes, since numpy would broadcast what is too small.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from shoal.errors import EnvError, ShapeError
from shoal.outside.options import Options
from shoal.tables import Field

Array = np.ndarray[Any, np.dtype[Any]]
Writer = Callable[[Any], None]

MASK = "action_mask"  # the part of an observation, or of `info`, that says which actions are legal
SMALLEST_IMAGE = 36  # pixels a side, of what the convolutions of policy.image = nature can read
MOST_CATEGORIES = 31  # the highest value of a byte that is taken for a grid's, which the native backend sees as one-hot
_FLOAT_MAX = float(np.finfo(np.float32).max)  # stands for infinity in a field's bounds


@dataclass(frozen=True)
class Leaf:
    """A part of an observation that holds numbers, and the field that it fills.

    Attributes:
        path: the keys that lead to it.
        shape: of the value: () of a number.
        axes: the value's axes in the order of the row; none if it keeps its own.
        start: subtracted before it is stored: the first value of a Discrete.
    """

    path: tuple[str | int, ...]
    shape: tuple[int, ...]
    field: Field
    axes: tuple[int, ...] = ()
    start: Any = 0


def leaves(space: Any, options: Options = Options(), notes: list[str] | None = None) -> list[Leaf]:  # noqa: B008
    """Return the leaves of an observation space, in order, the mask at its root and ignored ones left out.

    Raises:
        EnvError: for a space that cannot be a row of numbers, by its path.
    """
    found: list[Leaf] = []
    names: set[str] = set()
    for path, part in _parts(space, ()):
        name = _name(path)
        if name in options.ignore:
            if notes is not None:
                notes.append(f"the observation `{name}` is left out")
            continue
        while name in names:
            name += "_"
        names.add(name)
        found.append(_leaf(part, path, name, options.fields.get(name, {})))
    return found


def writer(parts: list[Leaf], fields: tuple[Field, ...], row: Array) -> Writer:
    """Return a function that writes an observation into a row.

    Args:
        parts: the leaves of the space.
        fields: those of the declaration, with their offsets, one a leaf.
        row: uint8 (row_bytes,), contiguous; kept.
    """
    writers = [
        (part.path, _write_leaf(part, view(dataclasses.replace(part.field, offset=field.offset), row)))
        for part, field in zip(parts, fields, strict=True)
    ]
    return _write_tree(writers, 0)


def view(field: Field, row: Array) -> Array:
    """Return the elements of a field in a row, (rows, columns, channels)."""
    flat = row[field.offset : field.offset + field.bytes].view(field.dtype)
    return flat.reshape(field.rows, field.columns, field.channels)


def explain(space: Any, value: Any) -> str:
    """Return how an observation differs from its space, in one clause; empty if it does not."""
    for path, part in _parts(space, ()):
        where = "observation" + "".join(f"[{key!r}]" for key in path)
        found = value
        try:
            for key in path:
                found = found[key]
        except (TypeError, KeyError, IndexError):
            return f"{where} is missing"
        try:
            array = np.asarray(found)
        except ValueError:
            return f"{where} is ragged; expected shape {part.shape}"
        if array.dtype.kind not in "biuf":
            return f"{where} holds {type(found).__name__}; expected numbers of shape {part.shape}"
        if array.shape != part.shape:
            return f"{where} has shape {array.shape}; expected {part.shape}"
    return ""


# ---------------------------------------------------------------------------------------------- spaces to leaves


def _parts(space: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield the path and the space of every leaf but the mask at the root."""
    from gymnasium import spaces

    if isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            if path or key != MASK:
                yield from _parts(part, (*path, key))
    elif isinstance(space, spaces.Tuple):
        for index, part in enumerate(space.spaces):
            yield from _parts(part, (*path, index))
    else:
        yield path, space


def _name(path: tuple[str | int, ...]) -> str:
    """Return a field's name: its path, joined, in letters, digits and underscores."""
    name = re.sub(r"\W", "_", "_".join(str(key) for key in path), flags=re.ASCII)
    if not name:
        return "observation"
    return name if name[0].isalpha() else f"observation_{name}"


def _leaf(space: Any, path: tuple[str | int, ...], name: str, wish: Mapping[str, Any]) -> Leaf:
    from gymnasium import spaces

    if isinstance(space, spaces.Discrete):
        parts = _categories(name, (), int(space.n)), int(space.start)
        return Leaf(path, (), parts[0], start=parts[1])
    if isinstance(space, spaces.MultiDiscrete):
        start = np.asarray(getattr(space, "start", 0))
        field = _categories(name, space.nvec.shape, int(space.nvec.max()))
        return Leaf(path, space.nvec.shape, field, start=start if start.any() else 0)
    if isinstance(space, spaces.MultiBinary):
        return Leaf(path, space.shape, _field(name, "flag", "uint8", _sizes(space.shape), 0.0, 1.0))
    if isinstance(space, spaces.Box):
        if not math.prod(space.shape):
            raise EnvError(f"the observation `{name}` is empty: its shape is {space.shape}")
        return _box(space, path, name, wish)
    raise EnvError(
        f"the observation `{name}` is of the space {type(space).__name__}, which is no row of numbers; expected Box, "
        "Discrete, MultiDiscrete, MultiBinary, or Tuple and Dict of these",
        "leave it out or turn it into one of these in a wrapper (gymnasium.wrappers.FilterObservation)",
    )


def _box(space: Any, path: tuple[str | int, ...], name: str, wish: Mapping[str, Any]) -> Leaf:
    shape: tuple[int, ...] = space.shape
    low, high = float(np.min(space.low)), float(np.max(space.high))
    dtype = _row_dtype(space.dtype, low, high)
    kind = wish.get("kind") or _box_kind(space.dtype, shape, low, high)
    if kind == "flag" and not (low >= 0 and high <= 1):
        raise EnvError(f"the observation `{name}` is no flag: its values go from {low:g} to {high:g}; expected 0 to 1")
    if kind == "image":
        axes, sizes = _image_axes(shape)
        return Leaf(path, shape, _field(name, kind, dtype, sizes, low, high), axes)
    categories = int(wish.get("categories", high + 1)) if kind in ("grid", "category") else 0
    sizes = _grid_sizes(shape) if kind == "grid" else _sizes(shape)
    return Leaf(path, shape, _field(name, kind, dtype, sizes, low, high, categories))


def _row_dtype(dtype: np.dtype[Any], low: float, high: float) -> str:
    """Return the type that holds a Box's values in a row."""
    if dtype.kind == "f":
        return "float32"
    if dtype.name in ("uint8", "bool"):
        return "uint8"
    if dtype.name in ("int8", "int16"):
        return dtype.name
    return "int16" if low >= -(2**15) and high < 2**15 else "float32"


def _box_kind(dtype: np.dtype[Any], shape: tuple[int, ...], low: float, high: float) -> str:
    if dtype.kind in "biu" and low >= 0 and high <= 1:
        return "flag"
    if dtype.name != "uint8" or len(shape) not in (2, 3, 4):
        return "vector"
    if sorted(shape)[-2] >= SMALLEST_IMAGE:
        return "image"
    return "grid" if len(shape) < 4 and low >= 0 and high <= MOST_CATEGORIES else "vector"


def _image_axes(shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, int, int]]:
    """Return the value's axes as (row, column, others), and the sizes; the two long axes beside each other are sides.

    (210, 160, 3) is as it should be, (3, 84, 84) has its channels first, (4, 84, 84, 3) is a stack of pictures.
    """
    rank = len(shape)
    first = max(range(rank - 1), key=lambda axis: (min(shape[axis : axis + 2]), -axis))
    axes = (first, first + 1, *(axis for axis in range(rank) if axis not in (first, first + 1)))
    rows, columns = shape[first], shape[first + 1]
    return axes if axes != tuple(range(rank)) else (), (rows, columns, math.prod(shape) // (rows * columns))


def _categories(name: str, shape: tuple[int, ...], count: int) -> Field:
    if count > 2**15:
        return _field(name, "vector", "float32", _sizes(shape), 0.0, float(count - 1))
    kind = "grid" if len(shape) in (2, 3) else "category"
    sizes = _grid_sizes(shape) if kind == "grid" else _sizes(shape)
    return _field(name, kind, "uint8" if count <= 256 else "int16", sizes, 0.0, float(count - 1), count)


def _sizes(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return rows, columns and channels of what need not be a picture: lists are one row."""
    if len(shape) in (2, 3):
        return _grid_sizes(shape)
    return 1, math.prod(shape), 1


def _grid_sizes(shape: tuple[int, ...]) -> tuple[int, int, int]:
    rows, columns, channels = (*shape, 1)[:3] if len(shape) > 1 else (1, *shape, 1)
    return rows, columns, channels * math.prod(shape[3:])


def _field(
    name: str, kind: str, dtype: str, sizes: tuple[int, int, int], low: float, high: float, categories: int = 0
) -> Field:
    low, high = max(low, -_FLOAT_MAX), min(high, _FLOAT_MAX)
    high = high if low < high else low + max(1.0, abs(low) * 1e-6)  # a constant: bounds must not be empty
    return Field(name, kind, dtype, *sizes, categories, low, high, offset=0, doc="")


# ---------------------------------------------------------------------------------------------- writers


def _write_tree(writers: list[tuple[tuple[str | int, ...], Writer]], depth: int) -> Writer:
    """Return a writer of what lies below a path of that depth."""
    if len(writers) == 1 and len(writers[0][0]) == depth:
        return writers[0][1]
    below: dict[str | int, list[tuple[tuple[str | int, ...], Writer]]] = {}
    for path, write in writers:
        below.setdefault(path[depth], []).append((path, write))
    parts = [(key, _write_tree(group, depth + 1)) for key, group in below.items()]
    if len(parts) == 1:
        ((only, write_only),) = parts

        def write_part(value: Any) -> None:
            write_only(value[only])

        return write_part

    def write_parts(value: Any) -> None:
        for key, write in parts:
            write(value[key])

    return write_parts


def _write_leaf(part: Leaf, target: Array) -> Writer:
    shape, start = part.shape, part.start
    if shape == ():
        cell = target.reshape(1)
        if start == 0:

            def write_number(value: Any) -> None:
                cell[0] = value

            return write_number

        def write_from_start(value: Any) -> None:
            cell[0] = value - start

        return write_from_start

    place = target.reshape(shape) if not part.axes else _in_order_of_value(part, target)
    if isinstance(start, np.ndarray):

        def write_shifted(value: Any) -> None:
            value = np.asarray(value)
            if value.shape != shape:
                raise ShapeError(f"shape {value.shape}; expected {shape}")
            np.subtract(value, start, out=place, casting="unsafe")

        return write_shifted

    def write_array(value: Any) -> None:
        try:
            fits = value.shape == shape
        except AttributeError:  # a list of numbers
            value = np.asarray(value)
            fits = value.shape == shape
        if not fits:
            raise ShapeError(f"shape {value.shape}; expected {shape}")
        place[...] = value

    return write_array


def _in_order_of_value(part: Leaf, target: Array) -> Array:
    """Return the field's memory with the axes of the value."""
    shaped = target.reshape([part.shape[axis] for axis in part.axes])
    return shaped.transpose(np.argsort(part.axes))
