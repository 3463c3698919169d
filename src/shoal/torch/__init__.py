# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The torch backend: the same algorithm for any `nn.Module` on any device. Imported only where it is asked for."""

from __future__ import annotations

from shoal.errors import ConfigError, installs

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    hint = f"`{installs('torch')}` installs it"
    raise ConfigError("the torch backend needs torch, which is not installed", hint) from error

from shoal.torch.policy import TorchPolicy as TorchPolicy
