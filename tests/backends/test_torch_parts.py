# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Parts of the torch backend alone: cores against torch's own cells, encoders, the optimizer's choice, the devices."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from shoal import config, registry  # noqa: E402
from shoal.settings import PolicyConfig  # noqa: E402
from shoal.tables import Field  # noqa: E402
from shoal.torch import cores, device, encoders, optimizer  # noqa: E402
from shoal.torch.network import Network  # noqa: E402

T, B, H = 4, 3, 5


def sequence(layer: nn.Module, states: int) -> tuple[torch.Tensor, ...]:
    """Return x, keep and state in float64, with lives that start inside."""
    layer.double()
    x = torch.randn(T, B, H, dtype=torch.float64, requires_grad=True)
    keep = (torch.rand(T, B, 1) > 0.25).double()
    keep[2, 1] = 0.0
    keep[3] = 1.0  # a step without starts takes another path
    return x, keep, torch.randn(B, states * H, dtype=torch.float64)


@pytest.mark.parametrize("make", [cores.MinGru, cores.Lstm, cores.Gru])
def test_gradients_of_cores_are_those_of_finite_differences(make: type[nn.Module]) -> None:
    torch.manual_seed(0)
    layer = make(H)
    x, keep, state = sequence(layer, layer.states)
    names, values = zip(*layer.named_parameters(), strict=True)

    def run(x: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, dict(zip(names, parameters, strict=True)), (x, keep, state))[0]

    leaves = [value.detach().requires_grad_() for value in values]
    assert torch.autograd.gradcheck(run, (x, *leaves), atol=1e-6)


@pytest.mark.parametrize(("make", "cell"), [(cores.Lstm, torch.lstm_cell), (cores.Gru, torch.gru_cell)])
def test_lstm_and_gru_are_torchs(make: type[nn.Module], cell: object) -> None:
    torch.manual_seed(1)
    layer = make(H)
    x, keep, state = sequence(layer, layer.states)
    found, after = layer(x, keep, state)
    none = torch.zeros_like(layer.bias)
    for t in range(T):
        state = state * keep[t]
        before = state.chunk(2, -1) if layer.states == 2 else state
        weights = (layer.weight_x, layer.weight_h, layer.bias, none)
        state = cell(x[t], before, *weights)
        state = torch.cat(state, -1) if layer.states == 2 else state
        assert torch.allclose(found[t], state[:, :H], atol=1e-12)
    assert torch.allclose(after, state, atol=1e-12)


def field(name: str, kind: str, shape: tuple[int, int, int], categories: int = 0, dtype: str = "uint8") -> Field:
    return Field(name, kind, dtype, *shape, categories, 0.0, 255.0, 0, "")


FIELDS = {
    "embedding": (field("what", "category", (1, 3, 1), 40), {}, torch.randint(0, 40, (2, 4, 3))),
    "conv": (field("map", "grid", (5, 6, 1), 3), {"grid": "conv"}, torch.randint(0, 3, (2, 4, 5, 6)).byte()),
    "conv, channels": (field("map", "grid", (5, 6, 2), 3), {"grid": "conv"}, torch.randint(0, 3, (2, 4, 5, 6, 2))),
    "small": (field("eye", "image", (20, 24, 3)), {"image": "small"}, torch.randint(0, 256, (2, 4, 20, 24, 3)).byte()),
    "nature": (field("eye", "image", (44, 44, 3)), {}, torch.randint(0, 256, (2, 4, 44, 44, 3)).byte()),
    "impala": (field("eye", "image", (16, 20, 1)), {"image": "impala"}, torch.randint(0, 256, (2, 4, 16, 20)).byte()),
    "entities": (field("who", "set", (7, 3, 1), dtype="float32"), {}, torch.randn(2, 4, 7, 3)),
}


@pytest.mark.parametrize("name", FIELDS)
def test_every_encoder_gives_hidden_units_and_learns(name: str) -> None:
    torch.manual_seed(0)
    one, settings, values = FIELDS[name]
    spec = dataclasses.replace(registry.get("cartpole").spec(), fields=(one,))
    encoder = encoders.Encoder(spec, PolicyConfig(hidden=H, **settings))
    found = encoder({one.name: values})
    assert found.shape == (2, 4, H)
    found.square().sum().backward()
    for key, parameter in encoder.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, key
    # Each row is encoded alone.
    assert torch.allclose(encoder({one.name: values[1:, 2:3]}), found[1:, 2:3], atol=1e-5)


def test_images_taken_a_few_at_a_time_are_encoded_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    one, _, values = FIELDS["small"]
    torch.manual_seed(0)
    encoder = encoders.Image(one, H, encoders.small(one.channels))

    def learn(part: int) -> list[torch.Tensor]:
        encoder.zero_grad()
        monkeypatch.setattr(encoder, "_part", part)
        found = encoder(values)
        found.square().sum().backward()
        return [found.detach(), *(parameter.grad.clone() for parameter in encoder.parameters())]  # type: ignore[union-attr]

    assert encoder._part >= values.shape[0] * values.shape[1]
    for whole, parts in zip(learn(encoder._part), learn(3), strict=True):
        torch.testing.assert_close(parts, whole, rtol=1e-5, atol=1e-5)


def test_entities_beyond_the_count_are_not_seen() -> None:
    one, _, values = FIELDS["entities"]
    encoder = encoders.Entities(one, H)
    count = torch.tensor([[0, 1, 3, 7], [2, 2, 7, 0]])
    found = encoder(values, count[..., None].float())
    assert (found[0, 0] == 0).all() and (found[1, 3] == 0).all()
    changed = values.clone()
    changed[0, 2, 3:] += 100.0
    assert torch.equal(encoder(changed, count[..., None].float())[0, 2], found[0, 2])
    assert not torch.equal(encoder(changed)[0, 2], found[0, 2])


def test_a_set_is_counted_by_the_number_in_the_row_not_by_what_normalises_it() -> None:
    spec = registry.get("sights").spec()
    sections = {"policy": {"hidden": 8}, "train": {"backend": "torch", "device": "cpu"}}
    from shoal.torch.policy import TorchPolicy

    policy = TorchPolicy(spec, config.resolve(config.load("sights", overrides=sections), spec))
    policy.tensors()["normalizer.count"][:] = 10.0
    policy.tensors()["normalizer.mean"][:] = 3.0
    policy.pack()
    rows = torch.zeros(1, 2, spec.row_bytes, dtype=torch.uint8)
    near = next(field for field in spec.fields if field.name == "near")
    rows[0, 1, near.offset] = 5
    fields = policy.fields(rows)
    assert fields["stars.count"].tolist() == [[[0], [5]]]
    assert (fields["near"][0, 0] < 0).all()
    policy.module.encoder.weight.data.zero_()  # the number itself says nothing
    seen = policy.module.encoder(fields)
    other = {**fields, "stars": fields["stars"] + 1.0}
    assert torch.equal(policy.module.encoder(other)[0, 0], seen[0, 0])
    assert not torch.equal(policy.module.encoder(other)[0, 1], seen[0, 1])


def test_a_category_out_of_range_counts_as_the_nearest() -> None:
    found = encoders.one_hot(torch.tensor([-3, 0, 2, 9]), 3, torch.float32)
    assert found.tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]]


class Own(nn.Module):
    heads = ("actor",)

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.cell = nn.LSTM(4, 8), nn.GRUCell(8, 8)
        self.table, self.conv = nn.Embedding(5, 8), nn.Conv2d(1, 2, 3)
        self.actor, self.value = nn.Linear(8, 2), nn.Linear(8, 1)


@pytest.mark.parametrize("columns", [8, 23, 24, 96])
@pytest.mark.parametrize("spectrum", [(1.0,) * 8, tuple(10.0**-i for i in range(8)), (3.0, 2.0, *[0.0] * 6)])
def test_newton_schulz_maps_the_singular_values_alone(columns: int, spectrum: tuple[float, ...]) -> None:
    """From 24 columns on, several steps are taken with the products of eight rows alone."""
    torch.manual_seed(0)
    u, _, v = torch.linalg.svd(torch.randn(2, 8, columns, dtype=torch.float64), full_matrices=False)
    values = torch.tensor(spectrum, dtype=torch.float64) / torch.tensor(spectrum).double().norm()
    x, mapped = u @ torch.diag(values) @ v, values
    for _ in range(5):
        mapped = 3.4445 * mapped - 4.7750 * mapped**3 + 2.0315 * mapped**5
    expected = u @ torch.diag(mapped) @ v
    torch.testing.assert_close(optimizer.orthogonalised(x), expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(optimizer.orthogonalised(x.float()).double(), expected, rtol=0, atol=1e-4)


def test_muon_takes_matrices_and_each_gate_block() -> None:
    train = config.TrainConfig()
    assert optimizer._blocks(Own(), train) == {
        "rnn.weight_ih_l0": 4, "rnn.weight_hh_l0": 4, "cell.weight_ih": 3, "cell.weight_hh": 3, "conv.weight": 1,
        "value.weight": 1,  # `heads` does not name it
    }  # fmt: skip
    assert optimizer._blocks(Own(), dataclasses.replace(train, optimizer="adamw")) == {}
    assert "actor.weight" in optimizer._blocks(Own(), dataclasses.replace(train, muon_heads=True))
    spec = registry.get("squared").spec()
    network = Network(spec, PolicyConfig(core="lstm", hidden=8, layers=1, value_net="own"))
    own = optimizer._blocks(network, train)
    assert own == {f"{trunk}core.0.weight_{of}": 4 for trunk in ("", "value_trunk.") for of in "xh"}


def test_actions_depend_on_nothing_but_seed_clock_and_row() -> None:
    spec = registry.get("mixed").spec()
    sections = {"policy": {"hidden": 8}, "train": {"backend": "torch", "device": "cpu"}}
    settings = config.resolve(config.load("mixed", overrides=sections), spec)
    from shoal.torch.policy import TorchPolicy

    policy = TorchPolicy(spec, settings)
    outputs, masks = torch.randn(600, policy.outputs), np.ones((600, spec.mask_bytes), np.uint8)
    whole = policy.draw(outputs, masks, None, seed=3, clock=7)
    part = policy.draw(outputs[290:].clone(), masks[290:], None, seed=3, clock=7, first=290)
    for name in ("discrete", "raw", "continuous", "log_probs"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[290:])
    other = policy.draw(outputs, masks, None, seed=3, clock=8)
    assert (other.discrete != whole.discrete).mean() > 0.2
    live = np.ones(600, np.uint8)
    live[5] = 0
    absent = policy.draw(outputs, masks, live, seed=3, clock=7)
    assert (absent.discrete[5] == 0).all() and absent.log_probs[5] == 0


def test_each_rank_takes_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    assert device.choose_device("auto") == torch.device("cuda") and not taken
    monkeypatch.setenv("WORLD_SIZE", "8")
    monkeypatch.setenv("LOCAL_RANK", "6")
    assert device.choose_device("cuda") == torch.device("cuda", 2) and taken == [torch.device("cuda", 2)]
    assert device.choose_device("cpu") == torch.device("cpu") and len(taken) == 1
