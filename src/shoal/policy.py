# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A trained policy on numpy: `shoal.load(path_or_run).act(observation, state)`.

The forward pass is the one that trains, so what acts here is what was measured.
"""

from __future__ import annotations

import ctypes
import dataclasses
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal import agents, checkpoint, config, folder, memory, native, native_settings, packing, registry, store
from shoal.errors import CheckpointError, ConfigError, NativeError, ShapeError

if TYPE_CHECKING:
    from shoal.torch.policy import TorchPolicy

Actions = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]


class Policy:
    """A network with its weights; `shoal.load` brings back a trained one.

    Attributes:
        spec: the environment's observation fields and actions that it was made for.
        state_size: floats of memory for each row; 0 if it has none.
    """

    def __init__(self, spec: registry.Spec, settings: config.Config) -> None:
        """Build a freshly initialised one; `settings` must be resolved."""
        self.spec = spec
        self.settings = settings
        self._lib = native.library()
        self._message = native.Message()
        self._config = native_settings.policy_of(settings)
        what = (ctypes.byref(spec.struct), ctypes.byref(self._config))
        size = self._lib.policy_bytes(*what, self._message)
        if size < 0:
            raise ConfigError(self._message.text)
        self._memory = memory.allocate(size)
        self.handle: int = self._lib.policy_create(*what, self._memory.ctypes.data, self._message)
        if not self.handle:
            raise NativeError(self._message.text)
        self.state_size = int(self._lib.policy_state_size(self.handle))
        self.outputs = int(self._lib.policy_outputs(self.handle))
        self.seed = time.time_ns()  # of sampled actions; set it to repeat them
        self.clock = 0

    @property
    def nbytes(self) -> int:
        """The memory of weights, normaliser and what is derived from them."""
        return int(self._memory.nbytes)

    def tensors(self) -> checkpoint.Tensors:
        """Return the weights and the normaliser by name, as views; `pack` after writing to one."""
        return tensors_of(self._lib.policy_tensors, self.handle, self._memory)

    def pack(self) -> None:
        """Take over what was written to the tensors."""
        self._lib.policy_pack(self.handle)

    def restore(self, tensors: Mapping[str, NDArray[Any]], source: Path) -> None:
        """Copy the tensors of a checkpoint.

        Raises:
            CheckpointError: if one is missing or has another shape.
        """
        checkpoint.fit(tensors, self.tensors(), source)
        for name, tensor in self.tensors().items():
            tensor[...] = tensors[name]
        self.pack()

    def initial_state(self, rows: int = 1) -> NDArray[np.float32]:
        """Return the memory of `rows` rows at the start of their lives."""
        return np.zeros((rows, self.state_size), np.float32)

    def act(
        self,
        observation: packing.Observation,
        state: NDArray[np.float32] | None = None,
        *,
        mask: Mapping[str, ArrayLike] | NDArray[np.uint8] | None = None,
        starts: ArrayLike | None = None,
        greedy: bool = False,
        logits: NDArray[np.float32] | None = None,
        values: NDArray[np.float32] | None = None,
    ) -> Actions:
        """Choose actions for n rows.

        Args:
            observation: named fields (n, *shape), or packed rows uint8 (n, row_bytes) such as `Vec.rows`. One row may
                come without its first axis.
            state: float32 (n, state_size) from the call before, not written to; None starts new lives.
            mask: legal actions by head (n, size), or packed rows such as `Vec.mask_rows`; None: all are legal.
            starts: (n,), rows whose memory is cleared first, such as `Vec.starts`.
            greedy: take the most probable action instead of sampling.
            logits: float32 (n, outputs), overwritten with what actions are drawn from: heads, then means.
            values: float32 (n,), overwritten with the value estimates.

        Returns:
            discrete int32 (n, heads), continuous float32 (n, dims), and the state for the next call.

        Raises:
            ShapeError: for a wrong shape. ConfigError: for an unknown or missing field.
        """
        spec = self.spec
        rows = packing.packed_rows(spec, observation)
        n = len(rows)
        masks = packing.packed_masks(spec, mask, n)
        if state is None:
            state = self.initial_state(n)
        elif state.shape != (n, self.state_size):
            raise ShapeError(f"wrong shape: state has {state.shape}; expected {(n, self.state_size)}")
        state = np.array(state, np.float32, order="C")
        begins = None if starts is None else np.ascontiguousarray(starts, np.uint8)
        if begins is not None and begins.shape != (n,):
            raise ShapeError(f"wrong shape: starts has {begins.shape}; expected {(n,)}")
        check_outputs(self.outputs, n, logits, values)
        discrete = np.zeros((n, len(spec.heads)), np.int32)
        continuous = np.zeros((n, len(spec.dims)), np.float32)
        code = self._lib.policy_act(
            self.handle,
            n,
            rows.ctypes.data,
            masks.ctypes.data,
            None if begins is None else begins.ctypes.data,
            state.ctypes.data,
            int(greedy),
            self.seed & (2**64 - 1),
            self.clock,
            None if logits is None else logits.ctypes.data,
            None if values is None else values.ctypes.data,
            discrete.ctypes.data,
            continuous.ctypes.data,
            self._message,
        )
        self._message.check(code)
        self.clock += 1
        return discrete, continuous, state


def load(
    target: str | Path, *, env: str | Path = "", runs_dir: str | Path = "runs", policy: str = ""
) -> Policy | TorchPolicy:
    """Return a trained policy.

    Args:
        target: a checkpoint file, a run's folder, a run's name, or for its newest run an environment's name or folder;
            where there is no run, the agent that comes with it.
        env: name or folder of the environment; needed if it lies outside the package and the run outside `runs_dir`.
        runs_dir: where runs lie.
        policy: the network of your own that it is of, file.py:Name or package.module:Name; its code is run.

    Raises:
        CheckpointError: if there is none, or it does not fit this version of its environment.
    """
    runs = Path(runs_dir)
    name = str(target)
    named = folder.is_environment(name) or folder.is_outside(name) or name in registry.names()
    if not env and named and (folder.is_environment(name) or not Path(target).exists()):
        known = registry.get(name)
        return restore(checkpoint.load(agents.newest(runs, known.reference), known), policy)
    path = store.find(runs, name)
    found = checkpoint.load(path, registry.get(str(env)) if env else folder.of_checkpoint(path, runs))
    return restore(found, policy)


def restore(found: checkpoint.Checkpoint, policy: str = "") -> Policy | TorchPolicy:
    """Return the policy of a checkpoint; on a processor without 16-bit products, in float32.

    Whatever trained it, native code plays a network that it knows. `policy` names one of a user's own.

    Raises:
        CheckpointError: if it does not fit this version of its environment, or would run code that was not named.
    """
    if found.metadata.get("source") and not found.config.folder:
        raise CheckpointError(
            f"the checkpoint is for a `{found.config.env}` outside the package; got the package's own: {found.path}",
            "name its folder",
        )
    spec = found.config.spec()
    if spec.version != found.version:
        raise CheckpointError(
            f"the checkpoint is for version {found.version} of `{spec.env.name}`; this is version {spec.version}: "
            f"{found.path}"
        )
    settings = found.config
    if settings.policy.module and not policy:  # loading weights executes nothing that only the file has named
        raise CheckpointError(
            f"the checkpoint is of a network of one's own, whose code would be run: {found.path}",
            f"if you trust it, name it: `--policy {settings.policy.module}`, or policy=... in Python",
        )
    made: Policy | TorchPolicy
    if native_settings.knows(settings, spec):
        if settings.policy.precision == "bfloat16" and not native.library().has_bfloat16():
            settings = native_settings.twin(settings)
        made = Policy(spec, settings)
    else:
        from shoal.torch.policy import TorchPolicy

        named = dataclasses.replace(settings.policy, module=policy)
        made = TorchPolicy(spec, dataclasses.replace(settings, policy=named))
    made.restore(found.tensors, found.path)
    return made


def check_outputs(outputs: int, n: int, logits: NDArray[np.float32] | None, values: NDArray[np.float32] | None) -> None:
    """Raise a ShapeError unless what `Policy.act` is to write into has the right shape, float32 and contiguous."""
    for name, array, shape in (("logits", logits, (n, outputs)), ("values", values, (n,))):
        if array is not None and not (array.shape == shape and array.dtype == np.float32 and array.flags.c_contiguous):
            raise ShapeError(f"wrong shape: {name} has {array.dtype} {array.shape}; expected float32 {shape}")


def tensors_of(function: Any, handle: int, block: memory.Bytes) -> checkpoint.Tensors:
    """Return the named arrays of a native object as views into `block`, its memory."""
    count = function(handle, None, 0)
    table = (native.Tensor * count)()
    function(handle, table, count)
    tensors: checkpoint.Tensors = {}
    for entry in table:
        shape = tuple(entry.shape[: entry.ndim])
        dtype = np.dtype(native.TENSOR_DTYPES[entry.dtype])
        start = entry.data - block.ctypes.data
        end = start + math.prod(shape) * dtype.itemsize
        if start < 0 or end > len(block):
            raise NativeError(f"the tensor `{entry.name.decode()}` lies outside its object's memory")
        tensors[entry.name.decode()] = block[start:end].view(dtype).reshape(shape)
    return tensors
