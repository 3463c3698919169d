# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The environments: what each declares about itself, and how parameter values become the bytes that C reads."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shoal import contexts, native, tables
from shoal.errors import ConfigError, EnvError, command, nearest
from shoal.tables import Dim, Field, Head, Metric, Param, Value

PACKAGED = Path(__file__).parent / "envs"


@dataclass(frozen=True, eq=False)
class Spec:
    """What an environment is, given its parameters.

    `params` holds the bytes that C reads, `struct` the native ShoalSpec that the policy is built from, `contexts` what
    is drawn when an episode begins, `observed` the parameters that are further fields of the observation.
    """

    env: Environment
    values: dict[str, Value]
    params: ctypes.Array[ctypes.c_char]
    contexts: ctypes.Array[native.Context]
    observed: tuple[str, ...]
    struct: native.Spec
    version: int
    agents: int
    max_steps: int
    row_bytes: int
    mask_bytes: int
    state_bytes: int
    shared_bytes: int
    fields: tuple[Field, ...]
    heads: tuple[Head, ...]
    dims: tuple[Dim, ...]
    teams: tuple[int, ...]

    @property
    def num_teams(self) -> int:
        """How many teams play; 1 where nobody opposes anybody."""
        return max(self.teams) + 1

    @property
    def features(self) -> int:
        """How many numbers the policy's encoder sees."""
        return sum(field.features for field in self.fields)


@dataclass(frozen=True, eq=False)
class Environment:
    """An environment: its tables, and `spec(values)` for one setting of its parameters.

    Attributes:
        folder: where its header, settings and page lie.
        source: a hash of the compiled code of one from a folder of the user's; empty: it is part of the library.
        outside: of one that is Python, what it is opened by.
        rate: ticks a second when it is watched, unless its settings say.
    """

    name: str
    params: tuple[Param, ...]
    metrics: tuple[Metric, ...]
    scripted: bool
    descriptor: native.Env
    folder: Path
    source: str = ""
    outside: str = ""
    rate: float = 10.0

    @property
    def reference(self) -> str:
        """What `get` finds it by: its name, or its folder's absolute path."""
        return self.outside or (str(self.folder) if self.source else self.name)

    @property
    def spelled(self) -> str:
        """What a user types for it here: its name, or the path of its folder."""
        return self.outside or (spelled(self.folder) if self.source else self.name)

    @property
    def settings(self) -> Path:
        """Its settings file, which need not be there."""
        return self.folder / f"{self.name}.toml"

    @property
    def preset(self) -> str:
        """The set of defaults that its own settings go on from."""
        return "few-samples" if self.outside else ""

    @property
    def defaults(self) -> dict[str, Value]:
        """Every parameter's default."""
        return {param.name: param.default for param in self.params}

    def check(self, values: Mapping[str, object]) -> dict[str, Value]:
        """Return every parameter's value, given some of them; raises as `checked` does."""
        return self.defaults | self.checked(values)

    def checked(self, values: Mapping[str, object]) -> dict[str, Value]:
        """Return these values in their parameters' types.

        Raises:
            ConfigError: for an unknown name, a wrong type, a value out of range.
        """
        known = {param.name: param for param in self.params}
        for name in values:
            if name not in known:
                raise ConfigError(f"`{self.name}` has no parameter `{name}` (at env.{name})", nearest(name, known))
        return {name: known[name].check(value) for name, value in values.items()}

    def drawn(self, values: Mapping[str, Value]) -> tuple[str, ...]:
        """Return the names of the parameters that these checked values draw when an episode begins."""
        drawn = (param.name for param in self.params if contexts.is_distribution(param, values[param.name]))
        return tuple(drawn)

    def rows_of(self, names: Iterable[str]) -> ctypes.Array[ctypes.c_int32]:
        """Return the rows of these parameters in the table."""
        at = {param.name: row for row, param in enumerate(self.params)}
        rows = [at[name] for name in names]
        return (ctypes.c_int32 * len(rows))(*rows)

    def spec_given(self, values: Mapping[str, object], *, observe_contexts: bool = False) -> Spec:
        """Return the specification under these values; with `observe_contexts` the policy sees what they draw.

        Raises:
            ConfigError, EnvError: as `spec` does.
        """
        checked = self.check(values)
        return self.spec(checked, observed=self.drawn(checked) if observe_contexts else ())

    def spec(self, values: Mapping[str, object] | None = None, *, observed: Iterable[str] = ()) -> Spec:
        """Return the specification under these parameter values, defaults for the rest.

        `observed` names VALUE parameters that the policy sees as further fields.

        Raises:
            ConfigError: for a bad value.
            EnvError: if the environment's own spec refuses the combination.
        """
        checked = self.check(values or {})
        blob = pack(self, checked)
        observed = tuple(observed)
        rows = self.rows_of(observed)
        out = native.Spec()
        message = native.Message()
        lib = native.library()
        what = (ctypes.byref(self.descriptor), blob, rows, len(rows))
        message.check(lib.env_spec(*what, ctypes.byref(out), message), EnvError)
        return Spec(
            env=self,
            values=checked,
            params=blob,
            contexts=contexts_of(self, checked),
            observed=observed,
            struct=out,
            version=out.version,
            agents=out.agents,
            max_steps=out.max_steps,
            row_bytes=out.row_bytes,
            mask_bytes=out.mask_bytes,
            state_bytes=out.state_bytes,
            shared_bytes=out.shared_bytes,
            fields=tuple(tables.read_field(field) for field in out.fields[: out.num_fields]),
            heads=tuple(tables.read_head(head) for head in out.heads[: out.num_heads]),
            dims=tuple(tables.read_dim(dim) for dim in out.dims[: out.num_dims]),
            teams=tuple(out.team_of[: out.agents]),
        )


def names() -> list[str]:
    """Return the names of all environments, sorted."""
    return sorted(_environments())


def get(name: str) -> Environment:
    """Return the environment of that name, or in the folder of that path (`./mygame`), compiled if need be.

    Raises:
        EnvError: if there is none; the hint names the nearest ones. Or it does not compile.
    """
    from shoal import folder  # which builds on this module

    if folder.is_outside(name):
        from shoal.outside import environment

        return environment.get(name)
    if folder.is_path(name):
        return folder.load(name)
    found = _environments().get(name)
    if found and folder.guarded():
        return folder.load(str(found.folder))
    if found is None:
        here = f"`./{name}` means the folder" if Path(name).is_dir() else f"`{command()} list` names them all"
        hint = here if Path(name).is_dir() else nearest(name, names(), here)
        raise EnvError(f"no environment is called `{name}`", hint)
    return found


def spelled(folder: Path) -> str:
    """Return the path by which a folder is named from here."""
    path, here = folder.resolve(), Path.cwd()
    return f"./{path.relative_to(here)}" if path != here and path.is_relative_to(here) else str(path)


def pack(env: Environment, values: Mapping[str, Value]) -> ctypes.Array[ctypes.c_char]:
    """Return the bytes of the environment's Params: ShoalSizes, then four bytes for every row of its table.

    What is drawn stands there with its default, until an episode begins.
    """
    blob = ctypes.create_string_buffer(env.descriptor.params_bytes)
    at = ctypes.sizeof(native.Sizes)
    expected = at + 4 * len(env.params)
    if expected != env.descriptor.params_bytes:
        raise EnvError(f"the Params of `{env.name}` have {env.descriptor.params_bytes} bytes; expected {expected}")
    for param in env.params:
        value = values[param.name]
        if contexts.is_distribution(param, value):
            value = param.default
        if param.kind == "text":
            pass
        elif param.kind == "float":
            ctypes.c_float.from_buffer(blob, at).value = float(value)
        elif param.kind == "choice":
            ctypes.c_int32.from_buffer(blob, at).value = param.choices.index(str(value))
        else:
            ctypes.c_int32.from_buffer(blob, at).value = int(value)
        at += 4
    return blob


def contexts_of(env: Environment, values: Mapping[str, Value]) -> ctypes.Array[native.Context]:
    """Return what C draws when an episode begins, under these checked values."""
    drawn = contexts.table(env.params, values)
    return (native.Context * len(drawn))(*drawn)


@functools.cache
def _environments() -> dict[str, Environment]:
    lib = native.library()
    found = {}
    for index in range(lib.env_count()):
        descriptor = lib.env_at(index).contents
        env = from_descriptor(descriptor, PACKAGED / tables.text(descriptor.name))
        found[env.name] = env
    return found


def from_descriptor(descriptor: native.Env, folder: Path, source: str = "") -> Environment:
    """Return the environment that a native descriptor tells of."""
    return Environment(
        name=tables.text(descriptor.name),
        params=tuple(tables.read_param(row) for row in descriptor.params[: descriptor.num_params]),
        metrics=tuple(tables.read_metric(row) for row in descriptor.metrics[: descriptor.num_metrics]),
        scripted=bool(descriptor.has_scripted),
        descriptor=descriptor,
        folder=folder,
        source=source,
    )
