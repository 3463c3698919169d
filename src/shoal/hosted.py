# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What our environments need as guests of Gymnasium and PettingZoo: pictures, and the options of a reset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal import drawing, registry, watch_window, watching
from shoal.errors import ConfigError
from shoal.vector import Vec

MODES = ("human", "rgb_array")
HEIGHT = 400  # pixels of a picture; its width follows from the drawing
SEEDS = 1 << 63  # a reset draws what decides its episodes below this

Image = NDArray[np.uint8]


class Picture:
    """Pictures of a Vec in a render mode: None, "rgb_array", or "human", which is a window.

    Attributes:
        mode: the render mode. rate: steps a second at which the environment is watched.
    """

    def __init__(self, vec: Vec, mode: str | None, modes: tuple[str, ...] = MODES) -> None:
        if mode is not None and mode not in modes:
            raise ConfigError(f"render_mode={mode!r} is not a choice; expected None or {' or '.join(map(repr, modes))}")
        self.mode, self._vec = mode, vec
        self.rate = watching.of(vec.spec).rate
        self._drawing: drawing.Drawing | None = None
        self._window: watch_window.Window | None = None

    def draw(self, index: int = 0) -> Image:
        """Return a fresh picture of a copy, uint8 (height, width, 3)."""
        if self._drawing is None:
            self._drawing = drawing.Drawing(self._vec.spec, *self._size())
        return self._drawing.draw(self._vec, index)[:, :, :3].copy()

    def show(self) -> None:
        """Show this moment in the window, at the environment's own rate; in other modes do nothing."""
        if self.mode != "human":
            return
        if self._window is None:
            self._window = watch_window.Window(f"shoal: {self._vec.env.name}", *self._size(), self.rate, status=0)
        size = self._window.size()
        if self._drawing is None or self._drawing.image.shape[1::-1] != size:
            self._drawing = drawing.Drawing(self._vec.spec, *size)
        self._window.present(self._drawing.draw(self._vec))

    def close(self) -> None:
        """Close the window."""
        if self._window is not None:
            self._window.close()
            self._window = None

    def _size(self) -> tuple[int, int]:
        return max(round(HEIGHT * drawing.aspect(self._vec)), 1), HEIGHT


def params_of(env: registry.Environment, options: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the parameter values in the options of a reset, `{"params": {"gravity": 5.0}}`; other keys are others'.

    Raises:
        ConfigError: if `params` is no dictionary, or a parameter stands beside it.
    """
    options = options or {}
    for param in env.params:
        if param.name in options:
            problem = f"the option `{param.name}` is a parameter of `{env.name}` in the wrong place"
            raise ConfigError(problem, f"options={{'params': {{'{param.name}': {options[param.name]!r}}}}}")
    values = options.get("params", {})
    if not isinstance(values, Mapping):
        raise ConfigError(f"wrong type: options['params']={values!r:.60}; expected a dictionary of parameters")
    return values


def begin(vec: Vec, options: Mapping[str, Any] | None, reset: Callable[[], object]) -> None:
    """Call `reset`, whose episodes alone have the parameter values of these options; later ones have the usual ones.

    Raises:
        ConfigError: for a bad value.
    """
    values = params_of(vec.env, options)
    if values:
        vec.broadcast(values)
    reset()
    if values:
        vec.broadcast({name: vec.spec.values[name] for name in values})
