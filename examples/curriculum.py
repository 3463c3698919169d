# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A curriculum over a parameter: `./run python examples/curriculum.py [steps]`.

The task is a cart with a weak motor. Training begins with a strong one, which gets weaker as the agent gets better.
"""

import sys

import shoal

steps = int(float(sys.argv[1])) if len(sys.argv) > 1 else 1_000_000
strong, weak = 10.0, 2.0  # N


def weaken(log: shoal.Log) -> None:
    """Decides from its log and `trainer.values` alone, so that a run which is resumed does the same."""
    force = float(trainer.values["force_magnitude"])
    if log["episode/return"] > 150 and force > weak:
        force = max(0.9 * force, weak)
        trainer.broadcast({"force_magnitude": force})  # each cart adopts it at its next reset
        print(f"{log['steps']:>10,} steps  return {log['episode/return']:6.1f}  force {force:4.1f} N from now on")


trainer = shoal.Trainer(
    "cartpole", seed=1, params={"force_magnitude": weak, "gravity": 15}, train={"total_steps": steps}
)
trainer.broadcast({"force_magnitude": strong})
result = trainer.train(callback=weaken)
print(f"{result.evaluation} with {weak} N")  # an evaluation keeps to the parameters of the settings
