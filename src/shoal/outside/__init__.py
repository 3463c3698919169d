# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Environments that are Python: Gymnasium's, PettingZoo's and your own, stepped by worker processes."""
