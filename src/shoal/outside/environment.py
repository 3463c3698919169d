# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A Python environment as the registry knows environments: its parameters, and a native descriptor of its own.

Parameters are the arguments of what makes it, fixed at creation, and the floats among its attributes, such as the
gravity of `gymnasium:CartPole-v1`, which may change from episode to episode. The descriptor holds the functions of
native/outside/outside.c, which exchange with workers, and a table made from the environment's declaration.
"""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import inspect
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal import native
from shoal.outside import known, source
from shoal.outside.declaration import Declaration
from shoal.registry import Environment, Spec, pack
from shoal.tables import Metric, Param, Value

VERSION = 1  # of every Python environment: theirs are in their names

_HEAD_BYTES = 24  # ShoalHead, before the flags of agents
_LARGEST = {"int": 2.0**31 - 1, "float": 3.4e38, "switch": 1.0}
_HIDDEN = ("render_mode", "self")  # arguments that are not the user's


@dataclass(frozen=True, eq=False)
class OutsideEnvironment(Environment):
    """A Python environment.

    Attributes:
        outside: the reference by which it is opened.
        arguments: names of the parameters that what makes it takes.
        kept: what the descriptor points to.
        notes: what a user should know about how it came in.
    """

    arguments: tuple[str, ...] = ()
    kept: tuple[Any, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def settings(self) -> Path:
        """The settings file that comes with it, by its reference."""
        return known.settings_file(self.outside) or self.folder / "none"

    def spec(self, values: Mapping[str, object] | None = None, *, observed: Iterable[str] = ()) -> Spec:
        """Return the specification, which what the environment is opened with may change."""
        checked = self.check(values or {})
        declaration = _declare(self.outside, json.dumps(self._given(checked)))
        return Environment.spec(_described(self, declaration), checked, observed=observed)

    def setup(self, spec: Spec) -> dict[str, Any]:
        """Return what a worker opens and sets."""
        rows = [(param.name, param.kind, param.role == "value") for param in self.params]
        opened = self.defaults | {name: spec.values[name] for name in self._given(spec.values)}
        values = (
            bytes(spec.params)[: ctypes.sizeof(native.Sizes)] + bytes(pack(self, opened))[ctypes.sizeof(native.Sizes) :]
        )
        given = self._given(spec.values)
        row_bytes = _declare(self.outside, json.dumps(given)).row_bytes
        opened_with = {"reference": self.outside, "kwargs": given, "row_bytes": row_bytes}
        return opened_with | {"params": rows, "values": values.hex()}

    def _given(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Return the arguments that differ from what they are anyway."""
        defaults = self.defaults
        return {
            name: values[name]
            for name in self.arguments
            if values[name] != defaults[name] and not self._drawn(name, values[name])
        }

    def _drawn(self, name: str, value: Value) -> bool:
        return name in self.drawn(self.defaults | {name: value})


def get(reference: str) -> OutsideEnvironment:
    """Return the environment of a reference.

    Raises:
        EnvError: if it cannot be opened.
    """
    return _get(normal(reference))


def normal(reference: str) -> str:
    """Return a reference that means the same wherever it is read: files by their absolute path."""
    where, _, function = reference.rpartition(":")
    return f"{Path(where).expanduser().resolve()}:{function}" if where.endswith(".py") else reference


@functools.cache
def _get(reference: str) -> OutsideEnvironment:
    adapter = source.open_source(reference)
    try:
        params, arguments = _params(reference, adapter)
    finally:
        adapter.close()
    declaration = adapter.declaration
    bare = OutsideEnvironment(
        name=re.sub(r"[^\w.-]", "-", declaration.name),
        params=params,
        metrics=(),
        scripted=False,
        descriptor=native.library().outside_env().contents,
        folder=known.CONFIGS,
        source="python",
        outside=reference,
        rate=_rate(adapter),
        arguments=arguments,
        notes=declaration.notes,
    )
    return _described(bare, declaration)


@functools.cache
def _declare(reference: str, arguments: str) -> Declaration:
    """Return what an environment declares when it is opened with these arguments, a JSON object."""
    adapter = source.open_source(reference, json.loads(arguments))
    adapter.close()
    return adapter.declaration


def _described(env: OutsideEnvironment, declaration: Declaration) -> OutsideEnvironment:
    """Return the environment with the descriptor of a declaration."""
    descriptor = native.Env.from_buffer_copy(native.library().outside_env().contents)
    params = (native.Param * (len(env.params) + 1))(*(_native_param(param) for param in env.params))
    metrics = (native.Metric * len(declaration.metrics))(
        *(native.Metric(metric.name.encode(), metric.doc.encode()) for metric in declaration.metrics)
    )

    written = native.Spec()
    texts = _fill(declaration, written)

    def fill(_: Any, out: Any) -> None:
        ctypes.memmove(out, ctypes.byref(written), ctypes.sizeof(native.Spec))

    function = native.SPEC_FUNCTION(fill)
    descriptor.name = env.name.encode()
    descriptor.params, descriptor.num_params = params, len(env.params)
    descriptor.metrics, descriptor.num_metrics = metrics, len(declaration.metrics)
    descriptor.params_bytes = ctypes.sizeof(native.Sizes) + 4 * len(env.params)
    descriptor.spec = ctypes.cast(function, ctypes.c_void_p)
    found = tuple(Metric(metric.name, metric.doc) for metric in declaration.metrics)
    return dataclasses.replace(env, descriptor=descriptor, metrics=found, kept=(params, metrics, function, texts))


def _fill(declaration: Declaration, out: native.Spec) -> list[bytes]:
    """Write a declaration into a native spec; returns the texts that it points to, which must be kept."""
    texts: list[bytes] = []

    def text(words: str) -> bytes:
        texts.append(words.encode())
        return texts[-1]

    out.version, out.agents, out.max_steps = VERSION, declaration.agents, declaration.max_steps
    out.row_bytes, out.mask_bytes = declaration.row_bytes, declaration.mask_bytes
    out.state_bytes = (_HEAD_BYTES + declaration.agents + 7) // 8 * 8
    out.num_fields, out.num_heads, out.num_dims = map(len, (declaration.fields, declaration.heads, declaration.dims))
    for i, field in enumerate(declaration.fields):
        out.fields[i] = native.Field(
            name=text(field.name),
            doc=text(field.doc),
            low=field.low,
            high=field.high,
            kind=native.FIELD_KINDS.index(field.kind),
            dtype=native.DTYPES.index(field.dtype),
            rows=field.rows,
            columns=field.columns,
            channels=field.channels,
            categories=field.categories,
            offset=field.offset,
            count_field=-1,
        )
    for i, head in enumerate(declaration.heads):
        out.heads[i] = native.Discrete(text(head.name), text("|".join(head.labels)), head.size, head.masked)
    for i, dim in enumerate(declaration.dims):
        out.dims[i] = native.Continuous(text(dim.name), dim.low, dim.high)
    return texts


def _params(reference: str, adapter: Any) -> tuple[tuple[Param, ...], tuple[str, ...]]:
    """Return the parameters of an environment that was opened with its defaults, and which of them are arguments."""
    inner = getattr(getattr(adapter, "env", adapter), "unwrapped", getattr(adapter, "env", adapter))
    made_with = getattr(getattr(inner, "spec", None), "kwargs", {})
    attributes = {name: value for name, value in vars(inner).items() if isinstance(value, float) and name[0] != "_"}
    arguments = _arguments(reference, inner) | made_with
    found: dict[str, Param] = {}
    for name, value in arguments.items():
        kind = _KINDS.get(type(value))
        if kind and name not in _HIDDEN and name.isidentifier():
            role = "value" if kind == "float" and attributes.get(name) == value else "size"
            found[name] = _param(name, kind, value, role, "argument of what makes the environment")
    names = tuple(found)
    for name, value in attributes.items():
        if name not in found and abs(value) <= _LARGEST["float"]:
            found[name] = _param(name, "float", value, "value", "attribute of the environment")
    return tuple(found.values()), names


def _rate(adapter: Any) -> float:
    """Return the ticks a second that an environment is to be watched at."""
    rate = (getattr(getattr(adapter, "env", adapter), "metadata", None) or {}).get("render_fps", 0)
    return float(rate) if isinstance(rate, (int, float)) and 0 < rate <= 10_000 else Environment.rate


def _arguments(reference: str, inner: Any) -> dict[str, Any]:
    """Return the arguments of what makes an environment, with their defaults."""
    make = type(inner)
    where, _, function = reference.rpartition(":")
    if where != "gymnasium" and not reference.startswith(("gymnasium:", "pettingzoo:")):
        make = source.find_function(reference, where, function)
    try:
        signature = inspect.signature(make)
    except (TypeError, ValueError):
        return {}
    empty = inspect.Parameter.empty
    return {param.name: param.default for param in signature.parameters.values() if param.default is not empty}


_KINDS = {bool: "switch", int: "int", float: "float", str: "text"}


def _param(name: str, kind: str, value: Any, role: str, doc: str) -> Param:
    most = _LARGEST.get(kind, 0.0)
    low = 0.0 if kind == "switch" else -most
    if kind == "float":
        value = float(f"{value:.7g}")  # the precision in which it travels
    return Param(name, kind, value, low, most, "", role, doc, ())


def _native_param(param: Param) -> native.Param:
    kind = "int" if param.kind == "text" else param.kind
    initial = 0.0 if param.kind == "text" else float(param.default)
    return native.Param(
        name=param.name.encode(),
        unit=b"",
        doc=param.doc.encode(),
        choices=b"",
        initial=initial,
        low=param.low,
        high=param.high,
        type=native.PARAM_KINDS.index(kind),
        role=native.ROLES.index(param.role),
    )
