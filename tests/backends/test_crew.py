# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Threads that share batches by rows: order, errors, and bits that do not depend on how many there are."""

from __future__ import annotations

import threading
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from small_runs import begin  # noqa: E402

from shoal import native  # noqa: E402
from shoal.torch.crew import Crew, cut  # noqa: E402


@pytest.mark.parametrize(
    ("count", "size", "parts"), [(0, 4, 1), (1, 4, 1), (4, 4, 1), (5, 4, 2), (256, 128, 2), (9, 2, 5)]
)
def test_slices_cover_every_row_once_in_near_equal_parts(count: int, size: int, parts: int) -> None:
    found = cut(count, size)
    assert [i for part in found for i in range(count)[part]] == list(range(count))
    lengths = [part.stop - part.start for part in found]
    assert len(found) == parts and max(lengths) - min(lengths) <= 1 and max(lengths) <= size


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_parts(threads: int) -> None:
    crew, caller = Crew(threads), threading.get_ident()
    for parts in ([], [3], list(range(40))):
        found = crew.map(lambda part, leads: (part, leads == (threading.get_ident() == caller)), parts)
        assert found == [(part, True) for part in parts]


def test_helpers_take_part_with_one_thread_of_torch_each() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def work(part: int, leads: bool) -> int | None:
        meeting.wait()  # both at once, or not at all
        return None if leads else torch.get_num_threads()

    assert set(Crew(2).map(work, [0, 1])) == {None, 1}


def test_an_error_is_raised_when_nobody_works_any_more() -> None:
    working, begun = [], threading.Event()

    def work(part: int, leads: bool) -> None:
        if leads:
            begun.wait(10)
            raise ValueError("the lead's")
        begun.set()
        working.append(part)
        threading.Event().wait(0.05)
        working.remove(part)

    with pytest.raises(ValueError, match="the lead's"):
        Crew(2).map(work, [0, 1])
    assert not working

    def fail(part: int, leads: bool) -> None:
        begun.wait(10)
        if not leads:
            raise ValueError("a helper's")
        threading.Event().wait(0.05)

    with pytest.raises(ValueError, match="a helper's"):
        Crew(2).map(fail, [0, 1])


CASES: dict[str, dict[str, Any]] = {
    "mingru": {},
    "lstm": {"policy": {"core": "lstm"}},
    "lstm in native code": {"policy": {"core": "lstm", "hidden": 32}},
    "gru, continuous actions": {"name": "continuous", "policy": {"core": "gru"}},
}


@pytest.mark.parametrize("name", CASES)
def test_training_has_the_same_bits_on_any_number_of_threads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoal.torch.learner._SMALL", 0.0)  # share so little work too
    monkeypatch.setattr("shoal.torch.learner._PART", 1)  # minibatches have 3 segments
    monkeypatch.setattr("shoal.torch.policy._BLOCK", 5)
    monkeypatch.setattr("shoal.torch.optimizer._SHARE", 1)
    found = []
    for threads in (1, 2, 3):
        case = CASES[name]
        run = begin(None, **(case | {"train": {"backend": "torch", "device": "cpu"}, "vec": {"threads": threads}}))
        for _ in range(4):
            assert not run._learner.collect()
            assert not run._learner.update(native.Log())
        found.append(run.policy.theta.clone())
        assert run.policy.crew.threads == threads
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])
