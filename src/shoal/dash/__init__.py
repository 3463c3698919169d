# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The dashboard: a local page over the folder of runs, and the same page as one file."""
