# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`python -m shoal` is `shoal`."""

import sys

from shoal.cli import main

if __name__ == "__main__":
    sys.exit(main())
