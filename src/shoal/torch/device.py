# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Where a policy's tensors live, and how work and arrays get there and back."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shoal.errors import ConfigError
from shoal.ranks import ranks


def choose_device(name: str) -> torch.device:
    """Return the device of that name; `auto` takes a GPU where there is one, each rank one of its own.

    Raises:
        ConfigError: if there is none.
    """
    offers = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, there in offers.items() if there)
    if not offers.get(name, False):
        there = ", ".join(device for device, offered in offers.items() if offered)
        raise ConfigError(f"no device of kind `{name}`: torch {torch.__version__} finds {there} (at train.device)")
    if name == "cuda" and ranks() > 1:
        device = torch.device(name, int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
        torch.cuda.set_device(device)  # what names no device, NCCL too, takes this one
        return device
    return torch.device(name)


def is_remote(device: torch.device) -> bool:
    """Return whether a device has memory of its own, so that what is on it must be fetched."""
    return device.type != "cpu"


def overlaps(device: torch.device) -> bool:
    """Return whether a device works while the host goes on, so that dividing a rollout gains something."""
    return device.type == "cuda"


def records(device: torch.device) -> bool:
    """Return whether kernels can be recorded and launched together (`graphs`)."""
    return device.type == "cuda"


def host_view(tensor: Tensor, remote: bool) -> NDArray[Any]:
    """Return a tensor as an array: its own memory, or a copy of what is elsewhere."""
    array: NDArray[Any] = tensor.cpu().numpy()
    return array.copy() if remote else array


def host_zeros(shape: tuple[int, ...], dtype: type[np.generic], device: torch.device) -> NDArray[Any]:
    """Return zeros on the host; pinned where a GPU is to copy them without waiting."""
    zeros = torch.from_numpy(np.zeros(shape, dtype))
    found: NDArray[Any] = (zeros.pin_memory() if device.type == "cuda" else zeros).numpy()
    return found


class Lane:
    """Work that a device does in order, beside the host and other lanes: on CUDA a stream, elsewhere done at once."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
        self._done = torch.cuda.Event() if device.type == "cuda" else None  # type: ignore[no-untyped-call]

    def open(self) -> None:
        """Let what will be submitted come after what the device was given so far, such as new weights."""
        if self._stream is not None:
            self._stream.wait_stream(torch.cuda.current_stream(self._device))

    def entered(self) -> AbstractContextManager[object]:
        """Return a context in which everything goes this lane's way."""
        return nullcontext() if self._stream is None else torch.cuda.stream(self._stream)

    def submit(self, work: Callable[[], None]) -> None:
        """Begin `work`, which must not wait for the device; arrays that it reads or writes are its own until `wait`."""
        if self._stream is None or self._done is None:
            work()
            return
        with self.entered():
            work()
            self._done.record()

    def copy(self, target: Tensor, source: Tensor) -> None:
        """Copy between host and device within work that is submitted; without waiting only where `wait` knows of it."""
        target.copy_(source, non_blocking=self._stream is not None)

    def wait(self) -> None:
        """Return when everything submitted is done."""
        if self._done is not None:
            self._done.synchronize()

    def close(self) -> None:
        """Let what the device is given from now on come after everything submitted."""
        if self._stream is not None:
            torch.cuda.current_stream(self._device).wait_stream(self._stream)
