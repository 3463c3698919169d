# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Rollouts in two halves beside a device: the bits of undivided ones, however late the device gets to its work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from small_runs import begin  # noqa: E402
from torch import nn  # noqa: E402

import shoal  # noqa: E402
from shoal.errors import NativeError  # noqa: E402
from shoal.torch.device import Lane  # noqa: E402
from shoal.torch.rollout import Rollout  # noqa: E402
from shoal.vector import Vec, make_vec  # noqa: E402

RECORDED = ("rows", "masks", "discrete", "raw", "log_probs", "rewards", "ended", "starts", "learn")
VALUED = ("values", "final_values", "last_values", "memory", "carried")


class Sum(nn.Module):
    """A network of element-wise operations, whose bits for a row cannot depend on the rows beside it."""

    def __init__(self, spec: Any, config: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1.0, 1.0, sum(h.size for h in spec.heads) + len(spec.dims)))
        self.state_size = 3

    def forward(
        self, fields: dict[str, torch.Tensor], state: torch.Tensor, starts: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        outputs, values = [], []
        for t in range(len(starts)):
            seen = torch.stack([field[t].flatten(1)[:, -1].float() for field in fields.values()]).sum(0)
            state = torch.where(starts[t][:, None], 0.0, state) * 0.5 + seen[:, None]
            outputs.append(torch.sin(state[:, :1] * self.weight))
            values.append(torch.cos(state[:, 1]))
        return torch.stack(outputs), torch.stack(values), state


class LateLane(Lane):
    """A device that begins nothing before somebody waits for it."""

    opened = 0

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self._queue: list[Callable[[], None]] = []

    def open(self) -> None:
        LateLane.opened += 1

    def submit(self, work: Callable[[], None]) -> None:
        self._queue.append(work)

    def wait(self) -> None:
        while self._queue:
            self._queue.pop(0)()

    close = wait


OWN = {"module": f"{__file__}:Sum"}
CASES: dict[str, dict[str, Any]] = {
    "one's own": {"policy": OWN},
    "one's own, masks": {"name": "masked", "policy": OWN},
    "one's own, ends and odd copies": {"name": "reset", "policy": OWN, "vec": {"num_envs": 201}},
    "one's own, agents that come and go": {"name": "crowd", "policy": OWN, "vec": {"num_envs": 7}},
    "one's own, continuous": {"name": "mixed", "policy": OWN, "vec": {"num_envs": 97}},
    "lstm, segments": {"policy": {"core": "lstm", "hidden": 32}, "train": {"segment": 4}},
    "mingru": {"name": "reset", "policy": {"core": "mingru"}},
    "gru": {"policy": {"core": "gru", "value_net": "own"}},
}


def collected(case: dict[str, Any], rollouts: int = 3) -> list[dict[str, np.ndarray]]:
    """Return copies of everything that each rollout recorded."""
    train = {"backend": "torch", "device": "cpu", "horizon": 12} | case.get("train", {})
    vec = {"threads": 2, "max_steps": 9, "num_envs": 192} | case.get("vec", {})
    trainer = begin(None, **(case | {"train": train, "vec": vec}))
    rollout: Rollout = trainer._learner.rollout
    found = []
    for _ in range(rollouts):
        assert not trainer._learner.collect()
        copies = {name: getattr(rollout, name).copy() for name in RECORDED}
        found.append(copies | {name: getattr(rollout, name).numpy().copy() for name in VALUED})
    found.append({"episodes": trainer.vec.stats().values})
    return found


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_halves_have_the_bits_of_an_undivided_rollout(name: str, late: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[name]
    whole = collected(case)
    monkeypatch.setattr("shoal.torch.rollout.overlaps", lambda device: True)
    if late:
        monkeypatch.setattr("shoal.torch.policy.is_remote", lambda device: True)
        monkeypatch.setattr("shoal.torch.rollout.Lane", LateLane)
    before = LateLane.opened
    halves = collected(case)
    assert LateLane.opened - before == (6 if late else 0)  # two lanes, three rollouts
    assert (whole[0]["ended"] == 2).any(), "nothing was truncated: no final observation was valued"
    exact = case["policy"] is OWN
    for one, two in zip(whole, halves, strict=True):
        for key in one:
            if exact or (key in RECORDED and key != "log_probs") or key == "episodes":
                np.testing.assert_array_equal(two[key], one[key], err_msg=key)
            else:  # products of fewer rows may add up in another order
                np.testing.assert_allclose(two[key], one[key], rtol=2e-6, atol=2e-6, err_msg=key)


def test_the_cpu_is_given_undivided_rollouts_and_a_run_says_what_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    case = {"train": {"backend": "torch", "device": "cpu"}, "vec": {"num_envs": 200}}
    trainer = begin(None, **case)
    assert not trainer._learner.rollout.divided and "halves" not in trainer.about
    assert trainer.about == f"torch {torch.__version__} on cpu"
    monkeypatch.setattr("shoal.torch.rollout.overlaps", lambda device: True)
    assert begin(None, **case).about.endswith(", rollouts in two halves")
    few = begin(None, **(case | {"vec": {"num_envs": 20}}))  # one block
    assert not few._learner.rollout.divided


def test_a_stop_between_the_halves_ends_the_rollout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoal.torch.rollout.overlaps", lambda device: True)
    trainer = begin(None, train={"backend": "torch", "device": "cpu"}, vec={"num_envs": 192})
    halves: list[int] = []
    genuine = trainer.vec.advance_half

    def advance(half: int) -> None:
        halves.append(half)
        genuine(half)
        if len(halves) == 3:
            trainer._worker.stop.value = 1

    monkeypatch.setattr(trainer.vec, "advance_half", advance)
    assert trainer._learner.collect()
    assert halves == [0, 1, 0]


def both(vec: Vec) -> None:
    vec.advance_half(0)
    vec.advance_half(1)


@pytest.mark.parametrize(("name", "num_envs"), [("breakout", 300), ("crowd", 13), ("cartpole", 97)])
def test_two_halves_of_a_step_are_a_step(name: str, num_envs: int) -> None:
    whole, halves = (make_vec(name, num_envs, seed=4, threads=threads, max_steps=7) for threads in (1, 2))
    assert 0 < halves.half < num_envs
    rng = np.random.default_rng(0)
    for _ in range(20):
        actions = np.stack([rng.integers(0, head.size, whole.num_rows) for head in whole.spec.heads], -1)
        for vec, step in ((whole, Vec.advance), (halves, both)):
            vec.discrete[...] = actions
            step(vec)
        for key in ("rows", "mask_rows", "rewards", "ended", "live", "starts", "final_row_bytes"):
            np.testing.assert_array_equal(getattr(halves, key), getattr(whole, key), err_msg=key)
    np.testing.assert_array_equal(halves.stats().values, whole.stats().values)


def test_half_a_step_leaves_the_others_alone() -> None:
    vec = make_vec("cartpole", 200, seed=1)
    before, first = vec.rows.copy(), vec.half
    vec.advance_half(0)
    assert (vec.rows[:first] != before[:first]).any(1).all()
    np.testing.assert_array_equal(vec.rows[first:], before[first:])


def test_halves_need_copies_that_reset_within_a_step() -> None:
    assert make_vec("cartpole", 20).half == 0
    vec = make_vec("cartpole", 200, autoreset="next-step")
    with pytest.raises(NativeError, match=r"^this vec does not reset within a step: mode=1"):
        vec.advance_half(0)


def test_python_environments_step_in_halves_too() -> None:
    found = []
    for step in (Vec.advance, both):
        with make_vec(
            "gymnasium:CartPole-v1", 6, seed=2, max_steps=5, workers=shoal.Workers(count=2, kind="threads")
        ) as vec:
            assert 0 < vec.half < 6
            for t in range(12):
                vec.discrete[...] = t % 2
                step(vec)
            found.append((vec.rows.copy(), vec.stats().values))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])
