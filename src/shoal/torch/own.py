# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A network of the user's own: how it is found, and what is said at once where it does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from shoal import registry, users_code
from shoal.config import Config
from shoal.errors import ConfigError, ShapeError, ShoalError

if TYPE_CHECKING:
    from shoal.torch.policy import TorchPolicy


def load(name: str, spec: registry.Spec, settings: Config) -> nn.Module:
    """Return the module that `file.py:Name` or `package.module:Name` makes of (spec, settings).

    Raises:
        ConfigError: if it is not there or is none.
    """
    made = users_code.load(name, "--policy", "policy.module")
    module = made(spec, settings)
    if not isinstance(module, nn.Module):
        what = name.rpartition(":")[2]
        raise ConfigError(f"--policy {name}: {what}(spec, config) is {type(module).__name__}; expected an nn.Module")
    return module


def try_out(policy: TorchPolicy) -> None:
    """Call a user's module once on each length that it will meet, and say what does not fit.

    Raises:
        ShapeError: names the output, what was expected and what came.
    """
    name = policy.settings.policy.module
    for steps, rows in ((1, 3), (2, 3)):
        packed = torch.zeros(steps, rows, policy.spec.row_bytes, dtype=torch.uint8, device=policy.device)
        starts = torch.zeros(steps, rows, dtype=torch.bool, device=policy.device)
        state = torch.zeros(rows, policy.state_size, device=policy.device, dtype=policy.dtype)
        try:
            with torch.no_grad():
                found = policy.module(policy.fields(packed), state, starts)
        except ShoalError:
            raise
        except Exception as error:
            shapes = ", ".join(f"{key} {tuple(value.shape)}" for key, value in policy.fields(packed).items())
            raise ShapeError(
                f"the policy `{name}` failed on its first call: {type(error).__name__}: {error}",
                f"it was called with T = {steps}, B = {rows}: fields {shapes}, state {tuple(state.shape)}, "
                f"starts {tuple(starts.shape)}",
            ) from error
        if not isinstance(found, tuple) or len(found) != 3:
            raise ShapeError(f"the policy `{name}` returned {_what(found)}; expected (outputs, values, state)")
        wanted = {
            "outputs": (steps, rows, policy.outputs), "values": (steps, rows), "state": (rows, policy.state_size)
        }  # fmt: skip
        for (what, shape), tensor in zip(wanted.items(), found, strict=True):
            got = tuple(tensor.shape) if isinstance(tensor, Tensor) else type(tensor).__name__
            if got != shape:
                parts = [f"{head.size} of `{head.name}`" for head in policy.spec.heads]
                parts += [f"1 of `{dim.name}`" for dim in policy.spec.dims]
                made = f"; {policy.outputs} outputs are {', '.join(parts)}" if what == "outputs" else ""
                raise ShapeError(f"wrong shape: {what} of the policy `{name}` has {got}; expected {shape}{made}")


def _what(found: object) -> str:
    return f"a tuple of {len(found)}" if isinstance(found, tuple) else type(found).__name__
