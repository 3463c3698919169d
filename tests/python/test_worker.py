# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Ctrl-C during a long call: wherever it arrives, the call has ended when `call` raises."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from shoal.worker import Worker


class _Interrupted(ThreadPoolExecutor):
    """Ctrl-C arrives when a call has been handed over, and `submit` has not returned yet."""

    first = True

    def submit(self, function: Callable[..., object], /, *given: object, **named: object) -> Future[object]:  # type: ignore[override]
        future = super().submit(function, *given, **named)
        if self.first:
            self.first = False
            raise KeyboardInterrupt
        return future


def test_the_call_has_ended_when_ctrl_c_is_told() -> None:
    worker, seen = Worker(), []
    worker._pool.shutdown()
    worker._pool = _Interrupted(1)

    def slow() -> None:
        end = time.monotonic() + 2.0
        while not worker.stop.value and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.2)
        seen.append(worker.stop.value)

    with pytest.raises(KeyboardInterrupt):
        worker.call(slow)
    assert seen == [1]  # it saw the flag, and nobody went on before its end
    assert worker.stop.value == 0
    assert worker.call(lambda: 7) == 7
    worker.close()
