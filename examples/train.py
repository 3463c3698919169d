# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Train an agent and watch its numbers: `./run python examples/train.py [environment] [steps]`."""

import sys

import shoal

env = sys.argv[1] if len(sys.argv) > 1 else "cartpole"
steps = int(float(sys.argv[2])) if len(sys.argv) > 2 else 2_000_000


def report(log: shoal.Log) -> None:
    """Called after every update with one line of metrics.jsonl."""
    print(f"{log['steps']:>10,} steps  return {log['episode/return']:8.2f}  {log['perf/sps']:>11,.0f} steps/s")


trainer = shoal.Trainer(env, seed=1, train={"total_steps": steps})
result = trainer.train(callback=report)
print(f"{result.evaluation}, solved: {result.solved}")
print(f"weights: {result.checkpoint}")
