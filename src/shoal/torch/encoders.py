# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""From the fields of an observation to one vector of H units, chosen by each field's kind.

    vector, flag     one matrix over all of them
    grid, category   one matrix over their one-hots; an embedding above 32 categories
    grid             with `policy.grid = conv`: two convolutions of 3 x 3 over one-hot channels
    image            convolutions: `policy.image = small`, `nature` or `impala`
    set              one shared map for every entity (relu between two matrices), then the maximum over the valid ones

Their outputs are summed, with one bias. Fields come as `shoal.torch.policy.TorchPolicy.fields` makes them, (T, B, ...).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from shoal import registry, tables
from shoal.settings import PolicyConfig

ONE_HOT = 32  # categories up to which a field is one-hot
ENTITY_UNITS = 32  # of each entity, before its projection
GAIN = 2**0.5
_CACHED = 1 << 21  # numbers in the images that a processor takes at a time

Fields = dict[str, Tensor]


class Encoder(nn.Module):
    """Fields -> (T, B, H). `weight` (H, D), `onehot` (H, K) and `bias` (H,) are named as the native backend's."""

    def __init__(self, spec: registry.Spec, config: PolicyConfig) -> None:
        super().__init__()
        hidden = config.hidden or 0
        makers = {field.name: _maker(field, config) for field in spec.fields}
        self._dense = tuple(field.name for field in spec.fields if makers[field.name] == "dense")
        self._hot = tuple((field.name, field.categories) for field in spec.fields if makers[field.name] == "hot")
        sizes = {field.name: field.features for field in spec.fields}
        self.weight = self.onehot = None
        if self._dense:
            self.weight = _matrix(hidden, sum(sizes[name] for name in self._dense))
        if self._hot:
            self.onehot = _matrix(hidden, sum(sizes[name] for name, _ in self._hot))
            self.onehot.rule = "adam"  # type: ignore[attr-defined]
        self.bias = nn.Parameter(torch.zeros(hidden))
        self.fields = nn.ModuleDict()
        self._counts: dict[str, str] = {}  # of a set: the field that says how many entities are valid
        for index, field in enumerate(spec.fields):
            maker = makers[field.name]
            if maker in ("dense", "hot"):
                continue
            if maker in _IMAGES:
                self.fields[field.name] = Image(field, hidden, _IMAGES[maker](field.channels))
            else:
                self.fields[field.name] = _BUILDERS[maker](field, hidden)
            if maker == "entities" and spec.struct.fields[index].count_field >= 0:
                self._counts[field.name] = f"{field.name}.count"

    def forward(self, fields: Fields) -> Tensor:
        """Return the sum of what every field gives."""
        total: Tensor = self.bias
        if self.weight is not None:
            dense = [fields[name].flatten(2) for name in self._dense]
            total = functional.linear(dense[0] if len(dense) == 1 else torch.cat(dense, dim=-1), self.weight, self.bias)
        if self.onehot is not None:
            hot = [one_hot(fields[name], size, self.bias.dtype).flatten(2) for name, size in self._hot]
            total = total + functional.linear(hot[0] if len(hot) == 1 else torch.cat(hot, dim=-1), self.onehot)
        for name, encoder in self.fields.items():
            if name in self._counts:
                total = total + encoder(fields[name], fields[self._counts[name]])
            else:
                total = total + encoder(fields[name])
        return total


class Embedding(nn.Module):
    """Categories (T, B, *shape) -> (T, B, H): the sum of one row of a table for each element."""

    def __init__(self, field: tables.Field, hidden: int) -> None:
        super().__init__()
        self.categories = field.categories
        self.tables = nn.Embedding(field.size * field.categories, hidden)
        nn.init.normal_(self.tables.weight, std=hidden**-0.5)
        self.register_buffer("first", torch.arange(field.size) * field.categories, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum over the field's elements."""
        index = x.flatten(2).long().clamp(0, self.categories - 1) + self.get_buffer("first")
        found: Tensor = self.tables(index).sum(-2)
        return found


class GridConv(nn.Module):
    """Categories (T, B, rows, columns) -> (T, B, H) by two convolutions of 3 x 3 over one-hot channels."""

    def __init__(self, field: tables.Field, hidden: int) -> None:
        super().__init__()
        self.categories = field.categories
        channels = field.categories * field.channels
        layers = [nn.Conv2d(channels, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.project = nn.Linear(32 * field.rows * field.columns, hidden, bias=False)
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return the projection of the last feature map."""
        planes = one_hot(x, self.categories, self.project.weight.dtype)
        planes = planes.flatten(0, 1).flatten(3) if planes.dim() > 5 else planes.flatten(0, 1)
        return _project(self.layers(planes.permute(0, 3, 1, 2)), self.project, x)


class Image(nn.Module):
    """Images (T, B, rows, columns, channels) of bytes -> (T, B, H): convolutions, and one projection."""

    def __init__(self, field: tables.Field, hidden: int, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers
        self._part = max(1, _CACHED // field.size)
        self.project = nn.Linear(_flat(self.layers, field), hidden, bias=False)
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return the projection of the last feature map.

        A processor takes a few images at a time: as floats those of a whole minibatch leave its caches, and above 32 MB
        they lie in memory that the system has to clear each time.
        """
        images, dtype = x.flatten(0, 1), self.project.weight.dtype
        parts = torch.split(images, self._part) if x.device.type == "cpu" else (images,)
        features = [self.layers(_planes(part, dtype)) for part in parts]
        return _project(features[0] if len(features) == 1 else torch.cat(features), self.project, x)


def small(channels: int) -> nn.Sequential:
    """Return the two convolutions of Mnih et al. (2013): 8 x 8 / 4, 4 x 4 / 2."""
    return nn.Sequential(nn.Conv2d(channels, 16, 8, 4), nn.ReLU(), nn.Conv2d(16, 32, 4, 2), nn.ReLU())


def nature(channels: int) -> nn.Sequential:
    """Return the three convolutions of Mnih et al. (2015): 8 x 8 / 4, 4 x 4 / 2, 3 x 3."""
    return nn.Sequential(
        nn.Conv2d(channels, 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.ReLU()
    )


def impala(channels: int) -> nn.Sequential:
    """Return the three residual stages of Espeholt et al. (2018), of 16, 32, 32 channels."""
    stages: list[nn.Module] = []
    for outputs in (16, 32, 32):
        pool = nn.MaxPool2d(3, 2, 1)
        stages += [nn.Conv2d(channels, outputs, 3, padding=1), pool, _Residual(outputs), _Residual(outputs)]
        channels = outputs
    return nn.Sequential(*stages, nn.ReLU())


class Entities(nn.Module):
    """Sets (T, B, entities, features) -> (T, B, H): one map for all, the maximum over the first `count`.

    The projection comes before the maximum: behind it, units would see a set's convex hull alone.
    """

    def __init__(self, field: tables.Field, hidden: int) -> None:
        super().__init__()
        self.weight = _matrix(ENTITY_UNITS, field.columns * field.channels)
        self.bias = nn.Parameter(torch.zeros(ENTITY_UNITS))
        self.project = nn.Linear(ENTITY_UNITS, hidden, bias=False)
        _initialise(self)

    def forward(self, x: Tensor, count: Tensor | None = None) -> Tensor:
        """Return zeros where no entity is valid. count: (T, B, 1)."""
        found: Tensor = self.project(functional.relu(functional.linear(x.flatten(3), self.weight, self.bias)))
        if count is None:
            return found.max(-2).values
        valid = torch.arange(found.shape[-2], device=x.device) < count.reshape(*x.shape[:2], 1)
        found = found.masked_fill(~valid[..., None], -torch.inf).max(-2).values
        return torch.where(valid.any(-1, keepdim=True), found, torch.zeros_like(found))


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        convolution = nn.Conv2d(channels, channels, 3, padding=1)
        self.layers = nn.Sequential(nn.ReLU(), convolution, nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = x + self.layers(x)
        return found


def one_hot(x: Tensor, categories: int, dtype: torch.dtype) -> Tensor:
    """Return (..., categories) of zeros and one one; values out of range count as the nearest."""
    values = torch.arange(categories, device=x.device, dtype=torch.int16)
    return (x.to(torch.int16).clamp(0, categories - 1)[..., None] == values).to(dtype)


_IMAGES = {"small": small, "nature": nature, "impala": impala}
_BUILDERS = {"embedding": Embedding, "conv": GridConv, "entities": Entities}


def _maker(field: tables.Field, config: PolicyConfig) -> str:
    """Return the name of what encodes a field."""
    if field.kind in ("vector", "flag"):
        return "dense"
    if field.kind == "image":
        return config.image
    if field.kind == "set":
        return "entities"
    if field.kind == "grid" and config.grid == "conv":
        return "conv"
    return "hot" if field.categories <= ONE_HOT else "embedding"


def _planes(images: Tensor, dtype: torch.dtype) -> Tensor:
    """Return (B, channels, rows, columns) in [0, 1] of bytes (B, rows, columns[, channels])."""
    images = images[..., None] if images.dim() == 3 else images
    return images.permute(0, 3, 1, 2).to(dtype).div_(255.0)


def _project(features: Tensor, linear: nn.Linear, x: Tensor) -> Tensor:
    found: Tensor = linear(features.flatten(1))
    return found.view(*x.shape[:2], -1)


def _flat(layers: nn.Module, field: tables.Field) -> int:
    with torch.no_grad():
        return int(layers(torch.zeros(1, field.channels, field.rows, field.columns)).numel())


def _initialise(module: nn.Module) -> None:
    for part in module.modules():
        if isinstance(part, (nn.Conv2d, nn.Linear)):
            nn.init.orthogonal_(part.weight, GAIN)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def _matrix(rows: int, columns: int) -> nn.Parameter:
    return nn.Parameter(nn.init.orthogonal_(torch.empty(rows, columns), GAIN))
