# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A worker of sweeps whose trials go wrong as `train.priority_beta` says; any other value of it trains.

python tests/python/bad_worker.py            a worker
python tests/python/bad_worker.py sweep ...  `shoal sweep ...` with such workers
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import sys
import time
from typing import Any

from shoal import cli
from shoal.errors import CheckpointError, NativeError
from shoal.sweep import local, worker

HOG, HANG, CRASH, DIVERGE, FULL, REFUSED, SLOW = 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8

_train = worker.train


def train(job: dict[str, Any], trained: worker.Trained, metric: worker.Metric) -> dict[str, Any]:
    line = next(line for line in job["settings"].splitlines() if line.startswith("priority_beta"))
    fault = float(line.partition("=")[2])
    if fault in (HOG, REFUSED):
        if fault == HOG:  # as memory that no limit of a process counts, and only a look from outside sees
            resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY,) * 2)
        held = [bytearray(os.urandom(1 << 20))]
        while True:
            held.append(bytearray(held[0]) * 8)
            time.sleep(0.002)
    if fault == HANG:
        time.sleep(1000)
    if fault == CRASH:
        print("the heap is broken", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    if fault == DIVERGE:
        raise NativeError("the loss is not finite")
    if fault == FULL:
        raise CheckpointError("no room") from OSError(errno.ENOSPC, "No space left on device")
    if fault == SLOW:
        for _ in range(1000):
            trained.say(worker.BEAT)
            time.sleep(0.05)
            if trained.stop:
                break
    return _train(job, trained, metric)


if __name__ == "__main__":
    worker.train = train
    local.COMMAND[:] = [sys.executable, __file__]
    sys.exit(cli.main(sys.argv[1:]) if sys.argv[1:] else worker.main())
