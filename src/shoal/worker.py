# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Long native calls on a thread of their own, so that the main thread sees Ctrl-C at once."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")


class Worker:
    """Runs one call at a time. `stop` is the flag that native code polls, at least every 0.2 s."""

    def __init__(self) -> None:
        self.stop = ctypes.c_int32(0)
        self._pool = ThreadPoolExecutor(1, "shoal")

    def call(self, function: Callable[[], T]) -> T:
        """Return what `function` returns.

        Raises:
            KeyboardInterrupt: when Ctrl-C arrives meanwhile; by then the call has ended, and `stop` is 0 again.
        """
        if threading.current_thread() is not threading.main_thread():
            return function()  # Ctrl-C reaches the main thread only: nothing to wait for here
        try:
            future = self._pool.submit(function)
            while not future.done():  # wakes now and then: a signal may have been delivered to another thread
                wait([future], timeout=0.1)
            return future.result()
        except KeyboardInterrupt:  # which may have come when the call had begun and `future` was not there yet
            self.stop.value = 1
            self._pool.submit(int).result()  # waits, as the one thread takes calls in turn
            self.stop.value = 0
            raise

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown()
