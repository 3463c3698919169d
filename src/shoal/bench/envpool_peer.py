# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""EnvPool's CartPole, in a process of its own: `PYTHON envpool_peer.py TASK`, started by gymnasium.py.

It needs EnvPool and numpy, and of shoal the file timing.py beside it alone, so that PYTHON may be that of another
virtual environment. TASK is a JSON object with copies (a list), seconds and repeats. The last line printed is one JSON
object: EnvPool's version, and for every number of copies a list of million steps a second with each number of threads.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any


def main(task: dict[str, Any]) -> dict[str, Any]:
    """Return the rates of synchronous steps with random actions prepared beforehand."""
    import envpool  # type: ignore[import-not-found]
    import numpy as np

    timing = runpy.run_path(str(Path(__file__).parent / "timing.py"))
    rates: dict[str, dict[str, list[float]]] = {}
    for copies in task["copies"]:
        rates[str(copies)] = {}
        for threads in sorted({1, os.cpu_count() or 1}):
            envs = envpool.make("CartPole-v1", env_type="gymnasium", num_envs=copies, num_threads=threads, seed=1)
            envs.reset()
            actions = np.random.default_rng(0).integers(0, 2, (64, copies)).astype(np.int32)

            def run(steps: int, envs: Any = envs, actions: Any = actions) -> None:
                for step in range(steps):
                    envs.step(actions[step & 63])

            found = timing["rates"](timing["clock"](run), task["seconds"], task["repeats"])
            rates[str(copies)][str(threads)] = [rate * copies / 1e6 for rate in found]
            envs.close()
    return {"version": envpool.__version__, "rates": rates}


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
