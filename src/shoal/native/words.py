# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What C counts from zero by name, in the order of its enums, and the layout of its sums of metrics."""

from __future__ import annotations

PARAM_KINDS = ("float", "int", "switch", "choice")
ROLES = ("size", "value")
FIELD_KINDS = ("vector", "grid", "category", "flag", "set", "image")
DTYPES = ("uint8", "int8", "int16", "float32")
TENSOR_DTYPES = ("float32", "float64", "int64", "uint8", "int32")
PRECISIONS = ("float32", "bfloat16")
CORES = ("mlp", "mingru", "lstm")
GRIDS = ("onehot", "conv")
ACTIVATIONS = ("relu", "tanh")
OPTIMIZERS = ("muon", "adamw")
SCHEDULES = ("constant", "linear", "cosine")
REWARD_SCALES = ("off", "past", "future")
ADVANTAGES = ("split", "single")
PLAYERS = ("sampled", "greedy", "random", "scripted")
STAGES = ("wait", "gather", "act", "sample", "simulate", "advantage", "forward", "loss", "backward", "optimize",
          "statistics")  # fmt: skip
CONTEXTS = ("uniform", "loguniform", "normal", "range", "choice")
CALLS = ("step", "observe", "reset", "respawn", "live", "scripted")  # functions of an environment, SHOAL_CALL_*
OUTSIDE_ARRAYS = ("workers", "blocks", "commands", "seeds", "faults", "over", "renewed", "params", "rows", "final_rows",
                  "masks", "final_masks", "discrete", "continuous", "rewards", "ended", "live", "metrics",
                  "final_metrics", "messages")  # fmt: skip
AUTORESETS = ("same-step", "next-step", "disabled")

TERMINATED, TRUNCATED = 1, 2  # bits of how a step ended an episode (env.h, SHOAL_TERMINATED, SHOAL_TRUNCATED)

# The head of an array of sums of emitted metrics (vec.h, SHOAL_STATS_*); pairs (sum, sum of squares) follow.
STATS_LIVES, STATS_BAD, STATS_PARTIAL, STATS_PARTIAL_RETURN, STATS_PARTIAL_LENGTH, STATS_FIRST = range(6)


def stats_size(metrics: int) -> int:
    """Return the number of doubles in the statistics of an environment with that many metrics of its own."""
    return STATS_FIRST + 2 * (metrics + 2)
