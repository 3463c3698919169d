# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Environments as pictures: display lists, and the rasteriser that turns them into pixels.

    drawing = shoal.Drawing(vec.spec, 576, 330)
    before = vec.state(0)
    vec.step(actions)
    image = drawing.draw(vec, 0, alpha=0.5, before=before)      # uint8 (330, 576, 4), halfway between the two states

A presenter shows such pictures; what it adds (help, a status line, the agent's choice) goes on a `Canvas` of its own:

    canvas = Canvas()
    overlay(canvas, vec.spec, 180, 330, probabilities=p, discrete=chosen, values=history)
    Raster(180, 330).draw(canvas, out=image[:, :180])

See docs/concepts/drawing.md.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal import memory, native, registry
from shoal.errors import ConfigError, EnvError, ShapeError
from shoal.vector import Vec

Image = NDArray[np.uint8]

# The palette of canvas.h, 0xRRGGBBAA.
ORANGE, SKY, GREEN, YELLOW = 0xE69F00FF, 0x56B4E9FF, 0x009E73FF, 0xF0E442FF
BLUE, RED, PINK = 0x0072B2FF, 0xD55E00FF, 0xCC79A7FF
NIGHT, FLOOR, PANEL, EDGE, MUTED, TEXT = 0x11151CFF, 0x1A212BFF, 0x242D3AFF, 0x3A4657FF, 0x8A97A8FF, 0xE6EBF2FF

ALIGNMENTS = ("left", "centre", "right")
_CLEAR, _WINDOW, _RECTANGLE, _CIRCLE, _ARC, _LINE, _POLYGON, _TEXT = range(1, 9)  # SHOAL_ITEM_*
_ITEM = struct.Struct("<iiI3i10f")  # ShoalItem

_OBSERVATION_ASPECT = 576 / 330  # of the picture of an environment that has no drawing


class Canvas:
    """A display list, in memory that grows with it; `canvas.h` says what the items mean."""

    def __init__(self) -> None:
        self._memory = memory.allocate(1 << 15)
        self._used = 0

    @property
    def items(self) -> NDArray[np.uint8]:
        """The list so far, bytes (n,); the next change may overwrite them."""
        return self._memory[: self._used]

    def begin(self) -> None:
        """Empty it."""
        self._used = 0

    def extend(self, append: Callable[[Any], None]) -> None:
        """Have native code append to it: `append` is called with the address of a ShoalCanvas, again if it is short."""
        canvas = native.Canvas()
        while True:
            canvas.items, canvas.capacity = self._memory.ctypes.data, self._memory.nbytes
            canvas.used, canvas.dropped = self._used, 0
            append(ctypes.byref(canvas))
            if not canvas.dropped:
                self._used = canvas.used
                return
            self._reserve(2 * self._memory.nbytes)

    def clear(self, colour: int = NIGHT) -> None:
        """Fill the whole picture."""
        self._add(_CLEAR, colour)

    def window(self, left: float, top: float, right: float, bottom: float, colour: int = 0) -> None:
        """Say which part of the world is shown, and fill it (0: leave it as it is)."""
        self._add(_WINDOW, colour, (left, top, right, bottom))

    def rectangle(self, x: float, y: float, width: float, height: float, colour: int, radius: float = 0.0) -> None:
        """Add a rectangle; radius rounds its corners."""
        self._add(_RECTANGLE, colour, (x, y, width, height, radius))

    def circle(self, x: float, y: float, radius: float, colour: int) -> None:
        """Add a disc."""
        self._add(_CIRCLE, colour, (x, y, radius))

    def arc(self, x: float, y: float, radius: float, width: float, start: float, stop: float, colour: int) -> None:
        """Add a band around a circle, between two angles in radians from the x axis to the y axis."""
        self._add(_ARC, colour, (x, y, radius, width, start, stop))

    def line(self, points: ArrayLike, width: float, colour: int) -> None:
        """Add a line through points (n, 2)."""
        self._points(_LINE, points, colour, width)

    def polygon(self, corners: ArrayLike, colour: int) -> None:
        """Add a filled polygon with corners (n, 2)."""
        self._points(_POLYGON, corners, colour, 0.0)

    def text(self, x: float, y: float, height: float, text: str, colour: int = TEXT, align: str = "left") -> None:
        """Add a line of text; `height` is that of a capital, y its middle, x the end that `align` names."""
        if align not in ALIGNMENTS:
            raise ConfigError(f"align={align!r} is not a choice; expected one of {', '.join(ALIGNMENTS)}")
        data = text.encode("ascii", errors="replace")
        self._add(_TEXT, colour, (x, y, height), (len(data), ALIGNMENTS.index(align), 0), data)

    def _points(self, kind: int, points: ArrayLike, colour: int, width: float) -> None:
        array = np.ascontiguousarray(points, np.float32)
        if array.ndim != 2 or array.shape[1] != 2:
            raise ShapeError(f"wrong shape: points {array.shape}; expected (n, 2)")
        self._add(kind, colour, (width,), (len(array), 0, 0), array.tobytes())

    def _add(
        self,
        kind: int,
        colour: int,
        values: Sequence[float] = (),
        counts: tuple[int, int, int] = (0, 0, 0),
        payload: bytes = b"",
    ) -> None:
        size = _ITEM.size + (len(payload) + 3) // 4 * 4
        self._reserve(self._used + size)
        padded = (*values, *(0.0,) * (10 - len(values)))
        _ITEM.pack_into(self._memory.data, self._used, kind, size, colour, *counts, *padded)
        start = self._used + _ITEM.size
        self._memory[start : start + len(payload)] = np.frombuffer(payload, np.uint8)
        self._used += size

    def _reserve(self, size: int) -> None:
        if size > self._memory.nbytes:
            grown = memory.allocate(max(size, 2 * self._memory.nbytes))
            grown[: self._used] = self.items
            self._memory = grown


class Raster:
    """Turns display lists into pictures of one size."""

    def __init__(self, width: int, height: int) -> None:
        self._lib = native.library()
        size = self._lib.raster_bytes(width, height)
        if size < 0:
            raise ConfigError(f"impossible size of a picture: {width}x{height}; expected 1x1 to 16384x16384")
        self.width, self.height = width, height
        self._memory = memory.allocate(size)
        self._handle = self._lib.raster_create(width, height, self._memory.ctypes.data)

    def draw(self, canvas: Canvas, out: Image | None = None) -> Image:
        """Draw a display list over `out`, uint8 (height, width, 4), or into a new picture; returns it.

        `out` may be a part of a larger picture, such as `image[:, :200]`.
        """
        if out is None:
            out = np.zeros((self.height, self.width, 4), np.uint8)
        expected = (self.height, self.width, 4)
        if out.shape != expected or out.dtype != np.uint8 or out.strides[1:] != (4, 1) or out.strides[0] % 4:
            raise ShapeError(f"wrong shape: out has {out.dtype} {out.shape}; expected uint8 {expected}, in whole rows")
        if not out.flags.writeable or out.ctypes.data % 4:
            raise ShapeError("this picture cannot be drawn into: it is read-only, or not aligned to 4 bytes")
        items = canvas.items
        self._lib.raster_draw(self._handle, items.ctypes.data, items.nbytes, out.ctypes.data, out.strides[0])
        return out


class Drawing:
    """Pictures of the environments of a Vec.

    Attributes:
        image: uint8 (height, width, 4), which every `draw` overwrites.
        canvas: the display list of the last picture.
    """

    def __init__(self, spec: registry.Spec, width: int, height: int) -> None:
        self._lib = native.library()
        self._env = spec.env.name
        self._draw = function_of(spec.env)
        self._raster = Raster(width, height)
        self.image = np.zeros((height, width, 4), np.uint8)
        self.canvas = Canvas()

    def draw(
        self,
        vec: Vec,
        index: int = 0,
        alpha: float = 1.0,
        before: NDArray[np.uint8] | None = None,
        out: Image | None = None,
    ) -> Image:
        """Draw environment `index` of `vec` and return the picture, uint8 (height, width, 4), opaque.

        Args:
            vec: of this drawing's environment.
            index: of the environment in it.
            alpha: the time shown, from 0, `before`, to 1, now.
            before: `vec.state(index)` as it was before the last step; without it, and across a reset, now is shown.
            out: where to draw, such as a tile of a larger picture; by default `image`.

        Raises:
            EnvError: for a Vec of another environment. ConfigError: for an index it does not have.
        """
        return self._raster.draw(self.describe(vec, index, alpha, before), self.image if out is None else out)

    def describe(self, vec: Vec, index: int = 0, alpha: float = 1.0, before: NDArray[np.uint8] | None = None) -> Canvas:
        """Make the display list alone, with the arguments of `draw`, and return `canvas`."""
        if vec.env.name != self._env:
            raise EnvError(f"this is a drawing of `{self._env}`; got a Vec of `{vec.env.name}`")
        now = vec.address(index)  # checks the index
        if before is not None and (before.dtype != np.uint8 or before.shape != (vec.spec.state_bytes,)):
            raise ShapeError(f"wrong shape: before has {before.shape}; expected {(vec.spec.state_bytes,)}")
        was = now if before is None else before.ctypes.data
        self.canvas.begin()
        self.canvas.extend(lambda canvas: self._lib.draw_env(vec.handle, self._draw, index, was, alpha, canvas))
        return self.canvas


def aspect(vec: Vec) -> float:
    """Return width / height of what the drawing of this environment shows, so that a picture can be cut to fit."""
    if vec.pool is not None and (picture := vec.pool.render(0)) is not None:
        return float(picture.shape[1] / picture.shape[0])
    data, at = Drawing(vec.spec, 1, 1).describe(vec).items, 0
    while at < len(data):
        kind, size, _, _, _, _, left, top, right, bottom, *_ = _ITEM.unpack_from(data.data, at)
        if kind == _WINDOW:
            return float(abs((right - left) / (bottom - top)))
        at += size
    return _OBSERVATION_ASPECT


def show(picture: NDArray[np.uint8], out: Image) -> None:
    """Draw a picture, uint8 (rows, columns, 3), as large as it fits into the middle of `out`."""
    (rows, columns), (height, width) = picture.shape[:2], out.shape[:2]
    scale = min(height / rows, width / columns)
    tall, wide = max(int(rows * scale), 1), max(int(columns * scale), 1)
    top, left = (height - tall) // 2, (width - wide) // 2
    out[...] = (NIGHT >> 24 & 0xFF, NIGHT >> 16 & 0xFF, NIGHT >> 8 & 0xFF, 0xFF)
    ys, xs = (np.arange(tall) * rows // tall)[:, None], np.arange(wide) * columns // wide
    out[top : top + tall, left : left + wide, :3] = picture[ys, xs]


def overlay(
    canvas: Canvas,
    spec: registry.Spec,
    width: float,
    height: float,
    *,
    probabilities: ArrayLike | None = None,
    discrete: ArrayLike | None = None,
    continuous: ArrayLike | None = None,
    values: ArrayLike | None = None,
    background: int = NIGHT,
) -> None:
    """Append a panel that shows what one agent chose; what is left out is not shown.

    Args:
        canvas: appended to.
        spec: names the actions.
        width: of the panel, in pixels of the picture that it is drawn into.
        height: of the panel.
        probabilities: (sum of the heads' sizes,), head after head: see `probabilities_of`.
        discrete: (heads,), the chosen actions.
        continuous: (dims,), the chosen values.
        values: (n,), value estimates, oldest first.
        background: colour of the panel, 0xRRGGBBAA; may be translucent.
    """
    actions = sum(head.size for head in spec.heads)
    kept = {
        "probabilities": _vector("probabilities", probabilities, np.float32, actions),
        "discrete": _vector("discrete", discrete, np.int32, len(spec.heads)),
        "continuous": _vector("continuous", continuous, np.float32, len(spec.dims)),
        "values": _vector("values", values, np.float32, None),
    }
    shown = native.Overlay(background=background)
    for name, array in kept.items():
        setattr(shown, name, array.ctypes.data if array is not None and array.size else None)
    shown.num_values = 0 if kept["values"] is None else kept["values"].size
    draw, names, what = native.library().draw_overlay, ctypes.byref(spec.struct), ctypes.byref(shown)
    canvas.extend(lambda address: draw(names, what, width, height, address))


def probabilities_of(spec: registry.Spec, logits: ArrayLike, mask: NDArray[np.uint8] | None = None) -> Any:
    """Return the probabilities, float32 (sum of the heads' sizes,), of one row of logits under its packed mask."""
    row = np.asarray(logits, np.float32)
    out, at, legal_at = [], 0, 0
    for head in spec.heads:
        part = row[at : at + head.size].astype(np.float64)
        if head.masked:
            if mask is not None:
                part = np.where(mask[legal_at : legal_at + head.size] != 0, part, -np.inf)
            legal_at += head.size
        weights = np.exp(part - part.max())
        out.append(weights / weights.sum())
        at += head.size
    return np.concatenate(out).astype(np.float32) if out else np.zeros(0, np.float32)


@functools.cache
def function_of(env: registry.Environment) -> Any:
    """Return the address of an environment's own drawing, compiled if need be; None if it has none.

    A drawing belongs to one simulation, whose State it reads: it is found by the descriptor, not by the name.

    Raises:
        EnvError: if that of an environment outside the package does not compile.
    """
    lib, mine = native.library(), ctypes.addressof(env.descriptor)
    for index in range(lib.env_count()):
        if ctypes.addressof(lib.env_at(index).contents) == mine:
            return lib.env_draw(index)
    header = env.folder / f"{env.name}_draw.h"
    if not header.is_file():
        return None
    from shoal import compile

    library = compile.build(header, env.name, "drawing")
    try:
        found = native.Drawing.in_dll(ctypes.CDLL(str(library), mode=ctypes.RTLD_LOCAL), f"{env.name}_drawing")
    except (OSError, ValueError) as error:
        raise EnvError(f"the compiled drawing cannot be loaded: {library}: {error}", "remove that file") from error
    if found.abi != native.ABI:
        raise EnvError(f"`{header.name}` was compiled for another interface: {found.abi}; expected {native.ABI}")
    return found.draw


def _vector(name: str, values: ArrayLike | None, dtype: Any, size: int | None) -> NDArray[Any] | None:
    if values is None:
        return None
    array = np.ascontiguousarray(values, dtype)
    if array.ndim != 1 or (size is not None and array.size != size):
        raise ShapeError(f"wrong shape: {name} has {array.shape}; expected ({'n' if size is None else size},)")
    return array
