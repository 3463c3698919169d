# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The processes, ranks, that `torchrun` started for one run."""

import os


def ranks() -> int:
    """Return how many there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))
