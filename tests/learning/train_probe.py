# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Train one probe and print how it went as a line of JSON: `python train_probe.py NAME SEED CORE [FAULT]`.

A program of its own, because a process keeps the native library that it loaded first. With a FAULT training runs to the
end of its budget; without one it ends when it is solved.
"""

import json
import sys

import shoal


def main(name: str, seed: int, core: str, fault: int | None) -> dict[str, float | bool]:
    """Return steps, solved, and of the last update the training average of perf and the mean value in raw units."""
    logs: list[shoal.Log] = []
    until_solved = fault is None and name != "forever"  # which has no score that would tell
    policy = {"core": core}
    trainer = shoal.Trainer(name, seed=seed, runs_dir=None, until_solved=until_solved, fault=fault or 0, policy=policy)
    result = trainer.train(logs.append)
    assert result.evaluation is not None
    return {
        "steps": result.steps,
        "seconds": result.seconds,
        "solved": result.solved,
        "evaluated": result.evaluation.stats.mean("perf"),
        "trained": logs[-1]["env/perf"],
        "value": logs[-1]["value/mean"],
        "first_ratio_error": result.first_ratio_error,
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else None)))
