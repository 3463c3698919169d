# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What every test may rely on: the tools of the virtual environment, and no terminal."""

import os
import sys
from pathlib import Path

# cmake, ninja and clang-format may have come by pip, beside this interpreter.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
