# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""One thread for the model's linear algebra.

Its matrices are of some two hundred rows: a second thread waits for longer than it helps, takes a core from the trials,
and rounds differently.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def one_thread(function: Callable[P, T]) -> Callable[P, T]:
    """Return the function, in which numpy's and scipy's BLAS use one thread. It needs the extra `sweep`."""

    @functools.wraps(function)
    def limited(*args: P.args, **named: P.kwargs) -> T:
        with _libraries().limit(limits=1, user_api="blas"):
            return function(*args, **named)

    return limited


@functools.cache
def _libraries():  # type: ignore[no-untyped-def]
    import scipy.linalg  # noqa: F401  # loads its own BLAS, which else were not found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
