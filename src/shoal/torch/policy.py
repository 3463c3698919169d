# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A policy of the torch backend: a module, what normalises its inputs, and how it chooses actions.

The module may be the settings' own network or a user's. It is called as

    outputs, values, state = module(fields, state, starts)

over sequences: fields by name (T, B, *shape), state (B, module.state_size), starts bool (T, B); outputs (T, B, O) are
the logits of all discrete heads in order, then the means of the continuous dimensions; values (T, B); state (B,
state_size) after the last step. A rollout calls it with T = 1.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from shoal import checkpoint, config, native, native_settings, packing, registry
from shoal import policy as policies
from shoal.errors import ConfigError, ShapeError
from shoal.torch import encoders, heads, own
from shoal.torch.crew import Crew, cut
from shoal.torch.device import choose_device, host_view, is_remote
from shoal.torch.network import Network

_FLOATS = ("vector", "flag", "set")  # kinds that a network gets as floats; the others as the integers they are
_BLOCK = 1024  # rows that act together


class TorchPolicy:
    """A network with its weights and its normaliser.

    Attributes:
        spec: the environment's. settings: resolved. module: the network. device, dtype: of its weights.
        remote: the device has memory of its own. state_size: floats of memory for each row. outputs: logits and means.
        theta: (P,), all parameters; `parameters` holds (name, parameter) in their order, as views of it, `trained`
            those that have gradients.
        crew: the threads that share batches, None where torch's own do: with a user's module, and on a device.
    """

    def __init__(self, spec: registry.Spec, settings: config.Config, *, dtype: torch.dtype = torch.float32) -> None:
        """Build a freshly initialised one.

        Args:
            spec: of the environment.
            settings: resolved.
            dtype: of the arithmetic; tests take float64.

        Raises:
            ConfigError: if the module or the device is not there.
            ShapeError: if the module does not give what it should.
        """
        self.spec, self.settings, self.dtype = spec, settings, dtype
        self.device = choose_device(settings.train.device)
        self.remote = is_remote(self.device)
        self.autocast = settings.policy.precision == "bfloat16"
        torch.manual_seed(settings.seed)
        twin = None
        if settings.policy.module:
            self.module = own.load(settings.policy.module, spec, settings)
        else:
            spread = settings.policy.gate_bias == "spread"
            self.module = Network(spec, settings.policy, 2.0 * settings.train.horizon if spread else 0.0)
            if native_settings.knows(settings, spec):
                twin = policies.Policy(spec, native_settings.twin(settings))
        self.outputs = heads.width(spec)
        self.crew = None if settings.policy.module or self.device.type != "cpu" else Crew(1)
        if spec.dims:
            self.module.register_parameter("log_std", nn.Parameter(torch.full((len(spec.dims),), -0.5)))
        self.module.to(self.device, dtype)
        self.state_size = int(getattr(self.module, "state_size", 0))
        self._flatten()
        self._normalised = [field for field in spec.fields if field.kind == "vector" and settings.policy.normalize]
        size = sum(field.size for field in self._normalised)
        self._statistics = {
            "normalizer.count": np.zeros(1), "normalizer.mean": np.zeros(size), "normalizer.m2": np.zeros(size)
        }  # fmt: skip
        self.center, self.scale = (torch.empty(size, dtype=self.dtype, device=self.device) for _ in range(2))
        self.seed = time.time_ns()  # of sampled actions; set it to repeat them
        self.clock = 0
        self._message = native.Message()
        if twin is not None:  # the same first weights on both backends
            for name, tensor in self.tensors().items():
                tensor[...] = twin.tensors()[name]
        self.pack()
        if settings.policy.module:
            own.try_out(self)

    # ------------------------------------------------------------------------------------------------ weights

    @property
    def nbytes(self) -> int:
        """The memory of the weights."""
        return self.theta.numel() * self.theta.element_size()

    @property
    def log_std(self) -> Tensor | None:
        """(dims,), or None without continuous actions."""
        return self.module.get_parameter("log_std") if self.spec.dims else None

    def host_log_std(self) -> NDArray[np.float32] | None:
        """Return `log_std` as native code reads it."""
        log_std = self.log_std
        return None if log_std is None else log_std.detach().to("cpu", torch.float32).numpy()

    def _flatten(self) -> None:
        """Lay all parameters, and their gradients, side by side in one array each."""
        named = sorted(
            self.module.named_parameters(), key=lambda entry: entry[0] == "log_std"
        )  # last, as in native code
        self.parameters = [(f"policy.{name}", parameter) for name, parameter in named]
        if not self.parameters:
            raise ConfigError("the policy has no parameters: nothing to train", "assign its layers to attributes")
        self.theta = torch.cat([parameter.detach().reshape(-1) for _, parameter in self.parameters])
        self.gradient = torch.zeros_like(self.theta)
        self.trained = [parameter for _, parameter in self.parameters if parameter.requires_grad]
        at = 0
        for _, parameter in self.parameters:
            here = slice(at, at + parameter.numel())
            parameter.data = self.theta[here].view(parameter.shape)
            parameter.grad = self.gradient[here].view(parameter.shape)
            at += parameter.numel()
        self._host = host_view(self.theta, self.remote)

    def tensors(self) -> checkpoint.Tensors:
        """Return weights and normaliser by name, as views on the host; `pack` after writing to one."""
        found: checkpoint.Tensors = {}
        at = 0
        for name, parameter in self.parameters:
            found[name] = self._host[at : at + parameter.numel()].reshape(parameter.shape)
            at += parameter.numel()
        return found | self._statistics

    def fetch(self) -> None:
        """Bring the weights to the host."""
        if self.remote:
            self._host[...] = self.theta.cpu().numpy()

    def pack(self) -> None:
        """Take over what was written to the tensors."""
        if self.remote:
            self.theta.copy_(torch.from_numpy(self._host))
        count = self._statistics["normalizer.count"][0]
        mean, m2 = self._statistics["normalizer.mean"], self._statistics["normalizer.m2"]
        std = np.sqrt(np.maximum(m2 / count, 0.0)) if count > 0 else np.ones_like(mean)
        center = mean if count > 0 else np.zeros_like(mean)
        # In place: a recording of the network (`graphs`) knows their addresses.
        self.center.copy_(torch.from_numpy(center).to(self.dtype))
        self.scale.copy_(torch.from_numpy(1.0 / np.maximum(std, 1e-3)).to(self.dtype))

    def restore(self, tensors: Mapping[str, NDArray[Any]], source: Path) -> None:
        """Copy the tensors of a checkpoint.

        Raises:
            CheckpointError: if one is missing or has another shape.
        """
        checkpoint.fit(tensors, self.tensors(), source)
        for name, tensor in self.tensors().items():
            tensor[...] = tensors[name]
        self.pack()

    # ------------------------------------------------------------------------------------------------ forward

    def fields(self, rows: Tensor) -> encoders.Fields:
        """Return the fields of packed rows, uint8 (T, B, row_bytes), as the module takes them: name -> (T, B, *shape).

        Vectors are normalised floats; flags and sets floats; grids, categories and images the bytes they are. Beside a
        set stands the number of its valid entities, (T, B, 1) int16, as `<name>.count`.
        """
        found, at = {}, 0
        for field in self.spec.fields:
            values = rows[..., field.offset : field.offset + field.bytes]
            if field.dtype != "uint8":
                values = values.view(_DTYPES[field.dtype])
            if field.kind in _FLOATS:
                values = values.to(self.dtype)
            if field.kind == "vector" and self._normalised:
                here = slice(at, at + field.size)
                values = (values - self.center[here]).mul_(self.scale[here]).clamp_(-5.0, 5.0)
                at += field.size
            found[field.name] = values.reshape(*rows.shape[:2], *field.shape)
        for index, field in enumerate(self.spec.fields):
            count = self.spec.struct.fields[index].count_field
            if count >= 0:
                counter = self.spec.fields[count]
                values = rows[..., counter.offset : counter.offset + counter.bytes]
                found[f"{field.name}.count"] = values.view(_DTYPES[counter.dtype])
        return found

    def vectors(self, rows: Tensor) -> Tensor:
        """Return the elements of all vector fields that are normalised, as they are: (..., D) in float64."""
        parts = [
            rows[..., field.offset : field.offset + field.bytes].contiguous().view(_DTYPES[field.dtype])
            for field in self._normalised
        ]
        return torch.cat([part.double() for part in parts], dim=-1)

    def forward(self, rows: Tensor, starts: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return outputs (T, B, O), values (T, B) and the state after the last step, in `dtype`.

        Args:
            rows: uint8 (T, B, row_bytes).
            starts: bool (T, B).
            state: (B, state_size).
        """
        return self.call(self.fields(rows), starts, state)

    def infer(self, rows: Tensor, starts: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Do what `forward` does, in blocks of rows that the crew shares; without gradients."""
        if self.crew is None or len(state) <= _BLOCK:
            with torch.inference_mode():
                return self.forward(rows, starts, state)
        after = torch.empty_like(state)

        def work(part: slice, leads: bool) -> tuple[Tensor, Tensor]:
            with torch.inference_mode():
                outputs, values, after[part] = self.forward(rows[:, part], starts[:, part], state[part])
            return outputs, values

        outputs, values = zip(*self.crew.map(work, cut(len(state), _BLOCK)), strict=True)
        return torch.cat(outputs, 1), torch.cat(values, 1), after

    def call(self, fields: encoders.Fields, starts: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Do what `forward` does, given the fields."""
        if not self.autocast:
            found: tuple[Tensor, Tensor, Tensor] = self.module(fields, state, starts)
            return found
        with torch.autocast(self.device.type, torch.bfloat16):
            outputs, values, state = self.module(fields, state, starts)
        return outputs.to(self.dtype), values.to(self.dtype), state.to(self.dtype)

    def operations(self) -> float:
        """Return the floating-point operations of one row's forward pass, as torch counts them.

        Counted are convolutions and matrix products, but not those in kernels of our own; it is at least two a weight.
        """
        state = torch.zeros(1, self.state_size, dtype=self.dtype, device=self.device)
        rows = torch.zeros(1, 1, self.spec.row_bytes, dtype=torch.uint8, device=self.device)
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            self.forward(rows, rows[..., 0] != 0, state)
        return max(float(counter.get_total_flops()), 2.0 * self.theta.numel())

    # ------------------------------------------------------------------------------------------------ acting

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
    ) -> policies.Actions:
        """Choose actions for n rows, as `shoal.policy.Policy.act` does."""
        rows = packing.packed_rows(self.spec, observation)
        n = len(rows)
        masks = packing.packed_masks(self.spec, mask, n)
        if state is None:
            state = self.initial_state(n)
        elif state.shape != (n, self.state_size):
            raise ShapeError(f"wrong shape: state has {state.shape}; expected {(n, self.state_size)}")
        begins = np.zeros(n, np.uint8) if starts is None else np.ascontiguousarray(starts, np.uint8)
        if begins.shape != (n,):
            raise ShapeError(f"wrong shape: starts has {begins.shape}; expected {(n,)}")
        with torch.inference_mode():
            outputs, estimates, after = self.forward(
                self._to_device(rows)[None], self._to_device(begins)[None] != 0, self._to_device(state)
            )
        policies.check_outputs(self.outputs, n, logits, values)
        for array, tensor in ((logits, outputs), (values, estimates)):
            if array is not None:
                array[...] = tensor[0].float().cpu().numpy()
        drawn = self.draw(outputs[0], masks, None, seed=self.seed & (2**64 - 1), clock=self.clock, greedy=greedy)
        self.clock += 1
        return drawn.discrete, drawn.continuous, after.float().cpu().numpy()

    def draw(
        self,
        outputs: Tensor,
        masks: NDArray[np.uint8],
        live: NDArray[np.uint8] | None,
        *,
        seed: int,
        clock: int,
        first: int = 0,
        greedy: bool = False,
        out: Drawn | None = None,
        log_std: NDArray[np.float32] | None = None,
    ) -> Drawn:
        """Draw actions for n rows from outputs (n, O), by the numbers that the native backend draws with.

        Args:
            outputs: (n, O).
            masks: uint8 (n, mask_bytes).
            live: uint8 (n,); absent agents take action 0.
            seed: of the run.
            clock: steps before this one.
            first: number of the first row.
            greedy: take the most probable action.
            out: where to write; None makes new arrays.
            log_std: what `host_log_std` gave since the weights last changed; None asks it.
        """
        n = len(outputs)
        out = out or Drawn(self.spec, n)
        host = outputs.detach().to("cpu", torch.float32).contiguous()
        std = self.host_log_std() if log_std is None else log_std
        code = native.library().draw_actions(
            ctypes.byref(self.spec.struct),
            self.settings.vec.threads,
            n,
            first,
            host.data_ptr(),
            host.shape[1],
            None if std is None else std.ctypes.data,
            masks.ctypes.data,
            None if live is None else live.ctypes.data,
            int(greedy),
            seed,
            clock,
            out.discrete.ctypes.data,
            out.raw.ctypes.data,
            out.continuous.ctypes.data,
            out.log_probs.ctypes.data,
            self._message,
        )
        self._message.check(code)
        return out

    def _to_device(self, array: NDArray[Any]) -> Tensor:
        dtype = self.dtype if array.dtype.kind == "f" else None
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device, dtype)


class Drawn:
    """Actions of n rows: discrete (n, heads), raw and continuous (n, dims), log_probs (n,)."""

    def __init__(self, spec: registry.Spec, n: int) -> None:
        self.discrete = np.zeros((n, len(spec.heads)), np.int32)
        self.raw = np.zeros((n, len(spec.dims)), np.float32)
        self.continuous = np.zeros((n, len(spec.dims)), np.float32)
        self.log_probs = np.zeros(n, np.float32)


_DTYPES = {"uint8": torch.uint8, "int8": torch.int8, "int16": torch.int16, "float32": torch.float32}
