# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Sweeps: spaces of settings, searches, trials as processes, and the files that hold them."""
