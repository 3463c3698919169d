# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What all 95 % intervals of a mean share."""

from __future__ import annotations

Z95 = 1.96  # standard errors on either side of the mean: 95 % of a normal distribution lie within
