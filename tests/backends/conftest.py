# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""One thread of torch: these tensors are small, and threads that wait for one another on a busy machine are slow."""

import contextlib

with contextlib.suppress(ImportError):
    import torch

    torch.set_num_threads(1)
