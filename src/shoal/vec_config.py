# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What a `Vec` is made with: its arguments, checked and as C reads them, and the memory that so many copies need."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from shoal import broadcast, native, registry
from shoal.errors import ConfigError


def of(
    spec: registry.Spec,
    *,
    num_envs: int,
    seed: int,
    threads: int,
    max_steps: int,
    metric_steps: int,
    stagger: bool,
    autoreset: str,
    final_rows: str,
    first_index: int,
    stop: ctypes.c_int32,
    block: int,
) -> native.VecConfig:
    """Return the arguments of a `Vec` as C reads them.

    Raises:
        ConfigError: for a wrong type, a number out of range, or a word that is no choice.
    """
    return _made(
        spec,
        num_envs=_count("num_envs", num_envs, 1 - (1 << 31)),
        threads=_count("threads", threads, 0),
        seed=seed,
        first_index=first_index,
        mode=_choice("autoreset", autoreset, native.AUTORESETS),
        final_all=_choice("final_rows", final_rows, ("truncated", "all")),
        max_steps=_count("max_steps", max_steps, 0),
        metric_steps=_count("metric_steps", metric_steps, 0),
        stagger=int(stagger),
        block=_count("block", block, 0),
        stop=ctypes.pointer(stop),
    )


def bytes_needed(
    spec: registry.Spec, num_envs: int, config: native.VecConfig | None = None, *, bind: bool = True
) -> int:
    """Return what `num_envs` copies need, with their step buffers unless `bind` is false.

    Any number is fine: past what C can count the result is scaled up.
    """
    unit = max((1 << 30) // spec.agents, 1)
    if num_envs > unit:
        return (num_envs // unit + 1) * bytes_needed(spec, unit, config, bind=bind)
    config = native.VecConfig.from_buffer_copy(config) if config else _made(spec)
    config.num_envs = num_envs
    message = native.Message()
    env = ctypes.byref(spec.env.descriptor)
    size = int(native.library().vec_bytes(env, spec.params, ctypes.byref(config), message))
    if size < 0:
        raise ConfigError(message.text)
    size += broadcast.own_bytes(spec, num_envs) if len(spec.contexts) else 0
    row = 2 * (spec.row_bytes + spec.mask_bytes) + 7 + 4 * (len(spec.heads) + len(spec.dims))
    return size + (num_envs * spec.agents * row if bind else 0)


def _made(spec: registry.Spec, **settings: Any) -> native.VecConfig:
    """Return a native configuration that shows the spec's observed parameters."""
    rows = spec.env.rows_of(spec.observed)
    return native.VecConfig(
        **settings, observed=ctypes.cast(rows, ctypes.POINTER(ctypes.c_int32)), num_observed=len(rows)
    )


def _count(name: str, value: int, low: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ConfigError(f"wrong type: {name}={value!r}; expected a whole number (at vec.{name})")
    if value < low:
        raise ConfigError(f"out of range: {name}={value}; expected at least {low} (at vec.{name})")
    return min(int(value), (1 << 31) - 1)


def _choice(name: str, value: str, choices: tuple[str, ...]) -> int:
    if value not in choices:
        raise ConfigError(f"{name}={value!r} is not a choice; expected one of {', '.join(choices)} (at vec.{name})")
    return choices.index(value)
