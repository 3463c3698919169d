# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Workers on a Ray cluster."""


def check() -> None:
    """Raise."""
