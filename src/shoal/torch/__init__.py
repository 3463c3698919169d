# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The torch backend: the same algorithm for any `nn.Module` on any device. Imported only where it is asked for."""

from __future__ import annotations

from shoal.errors import ConfigError

INSTALL = "pip install 'shoal[torch]'"

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise ConfigError("the torch backend needs torch, which is not installed", f"`{INSTALL}` installs it") from error

from shoal.torch.policy import TorchPolicy as TorchPolicy  # noqa: E402, after the sentence about what is missing
