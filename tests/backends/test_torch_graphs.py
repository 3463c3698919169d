# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Recordings of the network, as CUDA graphs are, played by the CPU: when they are taken, what they must not change."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from small_runs import begin  # noqa: E402
from torch import Tensor  # noqa: E402

from shoal import native  # noqa: E402
from shoal.torch import graphs  # noqa: E402

Work = Callable[[], tuple[Tensor, ...]]
CASE: dict[str, Any] = {"train": {"backend": "torch", "device": "cpu"}, "vec": {"num_envs": 192}}


def replaying(work: Work) -> tuple[Callable[[], object], tuple[Tensor, ...]]:
    """Repeat work into the tensors that it returned first, as a CUDA graph does."""
    outputs = tuple(found.clone() for found in work())

    def replay() -> None:
        for mine, found in zip(outputs, work(), strict=True):
            mine.copy_(found)

    return replay, outputs


def frozen(work: Work) -> tuple[Callable[[], object], tuple[Tensor, ...]]:
    """Forget the inputs, as a graph of other addresses would."""
    return lambda: None, work()


def impossible(work: Work) -> tuple[Callable[[], object], tuple[Tensor, ...]]:
    raise RuntimeError("operation not permitted when stream is capturing\nmore of it")


def chosen(record: graphs.Record, seconds: tuple[float, float]) -> tuple[graphs.Choice, graphs.Function]:
    """Return the choice where 20 calls take so many seconds without and with a recording."""
    twice = lambda x: (2 * x, x + 1)  # noqa: E731
    ticks, now = itertools.cycle((0.0, seconds[0], 0.0, seconds[1])), [0.0]

    def clock() -> float:
        now[0] += next(ticks)
        return now[0]

    one, other = torch.zeros(3), torch.arange(3.0)
    return graphs.choose(twice, (one,), (other,), record=record, wait=lambda: None, clock=clock), twice


def test_the_quicker_way_is_taken_and_both_are_named() -> None:
    choice, function = chosen(replaying, (40e-4, 20e-4))
    assert isinstance(choice.function, graphs.Recorded) and choice.function is not function
    assert choice.why == "CUDA graph: 100 us a step of the network, 200 without"
    x = torch.tensor([1.0, 2.0, 3.0])
    first, second = choice.function(x)
    assert first.tolist() == [2.0, 4.0, 6.0] and second.tolist() == [2.0, 3.0, 4.0]
    choice.function(x + 1)
    assert first.tolist() == [4.0, 6.0, 8.0]  # overwritten
    choice, function = chosen(replaying, (20e-4, 40e-4))
    assert choice == graphs.Choice(function, "no CUDA graph: 200 us a step of the network, 100 without")


def test_what_cannot_be_recorded_or_repeats_wrongly_goes_on_as_before() -> None:
    choice, function = chosen(impossible, (2.0, 1.0))
    why = "no CUDA graph: RuntimeError: operation not permitted when stream is capturing"
    assert choice == graphs.Choice(function, why)
    choice, function = chosen(frozen, (2.0, 1.0))
    assert choice == graphs.Choice(function, "no CUDA graph: it does not repeat what it recorded")


def trained(monkeypatch: pytest.MonkeyPatch, *, recorded: bool, core: str) -> tuple[list[Tensor], str]:
    """Return weights and memories after a few iterations, and what the run says of itself."""
    with monkeypatch.context() as patch:
        if recorded:
            patch.setattr("shoal.torch.rollout.records", lambda device: True)
            patch.setattr("shoal.torch.rollout.overlaps", lambda device: True)
            genuine = graphs.choose

            def choose(function: graphs.Function, inputs: Any, others: Any) -> graphs.Choice:
                found = genuine(function, inputs, others, record=replaying, wait=lambda: None, clock=lambda: 0.0)
                assert found.why.startswith("no CUDA graph: 0 us")  # as quick as without, and it repeats what it should
                return graphs.Choice(graphs.Recorded(function, inputs, replaying), "CUDA graph")

            patch.setattr("shoal.torch.graphs.choose", choose)
        train = CASE["train"] | {"segment": 4}
        trainer = begin(None, **(CASE | {"policy": {"core": core}, "train": train}))
        for _ in range(4):
            assert not trainer._learner.collect()
            assert not trainer._learner.update(native.Log())
        rollout = trainer._learner.rollout
        return [trainer.policy.theta, rollout.memory, rollout.carried], trainer.about


@pytest.mark.parametrize("core", ["mlp", "lstm", "mingru", "gru"])
def test_recordings_see_new_weights_statistics_and_states(core: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, plain = trained(monkeypatch, recorded=False, core=core)
    found, about = trained(monkeypatch, recorded=True, core=core)
    assert about.endswith("rollouts in two halves, CUDA graph") and "graph" not in plain
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_what_a_recording_reads_stays_where_it_is() -> None:
    trainer = begin(None, **CASE)
    policy = trainer.policy

    def addresses() -> list[int]:
        return [x.data_ptr() for x in (policy.center, policy.scale, *policy.module.parameters())]

    before, center = addresses(), policy.center.clone()
    for _ in range(2):
        assert not trainer._learner.collect()
        assert not trainer._learner.update(native.Log())
    assert addresses() == before and not torch.equal(policy.center, center)


def test_a_module_of_ones_own_is_never_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoal.torch.rollout.records", lambda device: True)
    monkeypatch.setattr("shoal.torch.graphs.choose", lambda *arguments: pytest.fail("it was recorded"))
    from test_torch_runs import EXAMPLE

    trainer = begin(None, **(CASE | {"policy": {"module": EXAMPLE}}))
    assert "graph" not in trainer.about
