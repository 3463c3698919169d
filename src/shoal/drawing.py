# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Environments as pictures: display lists, drawn by native code, and the rasteriser that turns them into pixels.

    drawing = shoal.drawing.Drawing(vec.spec, 576, 330)
    before = vec.state(0)
    vec.step(actions)
    image = drawing.draw(vec, 0, alpha=0.5, before=before)      # uint8 (330, 576, 4), halfway between the two states

See docs/concepts/drawing.md.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal import memory, native, registry
from shoal.errors import ConfigError
from shoal.vector import Vec

Image = NDArray[np.uint8]

_LIST_BYTES = 1 << 16  # to begin with


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

    def draw(self, items: NDArray[np.uint8], out: Image | None = None) -> Image:
        """Draw a display list, bytes (n,), into `out`, uint8 (height, width, 4), or a new picture; returns it.

        `out` may be a part of a larger picture.
        """
        if out is None:
            out = np.empty((self.height, self.width, 4), np.uint8)
        if out.shape != (self.height, self.width, 4) or out.dtype != np.uint8 or out.strides[1:] != (4, 1):
            raise ConfigError(
                f"a picture of the wrong form: {out.dtype} {out.shape}; expected uint8 {(self.height, self.width, 4)} "
                "with whole rows"
            )
        self._lib.raster_draw(self._handle, items.ctypes.data, items.nbytes, out.ctypes.data, out.strides[0])
        return out


class Drawing:
    """Pictures of the environments of a Vec.

    Attributes:
        image: uint8 (height, width, 4), the last picture.
    """

    def __init__(self, spec: registry.Spec, width: int, height: int) -> None:
        self._lib = native.library()
        self._draw = function_of(spec.env.name)
        self.raster = Raster(width, height)
        self.image = np.zeros((height, width, 4), np.uint8)
        self._items = memory.allocate(_LIST_BYTES)

    def items(self, vec: Vec, index: int = 0, alpha: float = 1.0, before: NDArray[np.uint8] | None = None) -> Image:
        """Return the display list of environment `index`; its bytes are those of the next call too."""
        canvas = native.Canvas()
        while True:
            canvas.items, canvas.capacity = self._items.ctypes.data, self._items.nbytes
            canvas.used = canvas.dropped = 0
            state = None if before is None else before.ctypes.data
            self._lib.draw_env(vec.handle, self._draw, index, state, alpha, ctypes.byref(canvas))
            if not canvas.dropped:
                return self._items[: canvas.used]
            self._items = memory.allocate(4 * self._items.nbytes)

    def draw(
        self,
        vec: Vec,
        index: int = 0,
        alpha: float = 1.0,
        before: NDArray[np.uint8] | None = None,
        out: Image | None = None,
    ) -> Image:
        """Draw environment `index` of `vec` and return the picture, uint8 (height, width, 4).

        Args:
            vec: of this drawing's environment.
            index: of the environment in it.
            alpha: the time shown, from 0, `before`, to 1, now.
            before: `vec.state(index)` as it was before the last step; without it, and across a reset, now is shown.
            out: where to draw; by default `image`, which every call overwrites.
        """
        return self.raster.draw(self.items(vec, index, alpha, before), self.image if out is None else out)


@functools.cache
def function_of(name: str) -> Any:
    """Return the address of an environment's drawing, None if it has none."""
    lib = native.library()
    for index in range(lib.env_count()):
        if lib.env_at(index).contents.name.decode() == name:
            return lib.env_draw(index)
    return None
