# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Who makes which move of a rollout, and what is learnt from it, replayed move by move in Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nim_runs import ENVS, HORIZON, begin
from numpy.typing import NDArray

import shoal
from shoal import native
from shoal.policy import Policy

ITERATIONS = 12


@pytest.fixture(scope="module")
def other_network(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a checkpoint of another architecture."""
    small = {"core": "lstm", "hidden": 8, "layers": 1}
    result = begin(tmp_path_factory.mktemp("runs"), policy=small, train={"total_steps": 3000}).train()
    return str(result.checkpoint)


class Replay:
    """The moves that everyone should make, from the observations alone."""

    def __init__(self, trainer: shoal.Trainer) -> None:
        self.trainer = trainer
        self.learner: Any = trainer._learner
        self.vec = trainer.vec
        self.selfplay = self.learner._selfplay
        self.seats = self.vec.players.copy()  # (rows,)
        self.memory: dict[int, NDArray[np.float32]] = {}
        self.clock = 0

    def policies(self) -> dict[int, Policy]:
        players = {0: self.trainer.policy}
        first = 1 + len(self.selfplay._fixed)
        players |= {1 + at: rival.policy for at, rival in enumerate(self.selfplay._fixed) if rival.policy}
        return players | {first + at: policy for at, policy in enumerate(self.selfplay._pool)}

    def check_rollout(self) -> set[int]:
        """Collect a rollout and compare every move; return who made one."""
        assert not self.learner.collect()
        seen = self.learner._everything
        rows, starts, learn = seen["rollout.rows"], seen["rollout.starts"], seen["rollout.learn"]
        agents, played = self.trainer.spec.agents, set()
        scripted = 1 + len(self.selfplay._fixed) - 1
        for t in range(HORIZON):
            fresh = starts[:, t].astype(bool)
            if self.clock:  # what the reset adopted was said before this rollout, or before the last one at its end
                adopted = self.next if t else self.before
                self.seats[fresh] = adopted.reshape(-1)[fresh]
            np.testing.assert_array_equal(learn[:, t], self.seats == 0)
            left, now_left = (rows[::agents, at, 1].astype(int) for at in (t, t + 1))
            over = starts[::agents, t + 1].astype(bool) if t + 1 < HORIZON else self.vec.starts[::agents].astype(bool)
            movers = np.flatnonzero(rows[:, t, 0])
            masks = np.ascontiguousarray(seen["rollout.masks"][:, t])
            for number, policy in self.policies().items():
                policy.seed, policy.clock = self.trainer.config.seed, self.clock
                state = self.memory.get(number, policy.initial_state(len(rows)))
                moves, _, self.memory[number] = policy.act(
                    np.ascontiguousarray(rows[:, t]), state, mask=masks, starts=starts[:, t]
                )
                for row in movers[self.seats[movers] == number]:
                    world = row // agents
                    played.add(number)
                    if number == 0:
                        assert seen["rollout.discrete"][row, t, 0] == moves[row, 0]
                    if over[world]:
                        assert moves[row, 0] == left[world]
                    else:
                        assert moves[row, 0] == left[world] - now_left[world]
            for row in movers[self.seats[movers] == scripted]:
                world = row // agents
                played.add(scripted)
                taken = left[world] - (0 if over[world] else now_left[world])
                assert taken == (left[world] % 4 or 1)
            self.clock += 1
        self.before = self.next
        return played

    def prepare(self) -> None:
        """Note who is to play the next games; the learner does the same once more when it collects."""
        steps = self.clock * self.vec.num_rows
        self.selfplay.prepare(steps, self.trainer.policy)
        self.next = self.vec.seats.next_players.copy()


@pytest.mark.parametrize("draw", ["uniform", "close"])
def test_everyone_makes_their_own_moves_with_their_own_memory(draw: str, other_network: str) -> None:
    """The pool changes in every iteration, so its slots are reused while games go on."""
    selfplay = {"share": 0.8, "pool": 2, "every": 1, "draw": draw, "against": f"random, {other_network}, scripted:1"}
    trainer = begin(None, selfplay=selfplay)
    replay = Replay(trainer)
    played: set[int] = set()
    log = native.Log()
    for _ in range(ITERATIONS):
        replay.prepare()
        played |= replay.check_rollout()
        assert not replay.learner.update(log)
        assert log.first_ratio_error < 1e-4
    assert played == {0, 2, 3, 4, 5, 6, 7}  # 1 is random


def test_a_seat_is_kept_until_the_game_is_over_and_then_alternates() -> None:
    trainer = begin(None, selfplay={"share": 1.0, "pool": 1, "every": 1}, train={"horizon": 16})
    learner: Any = trainer._learner
    seats = np.zeros(3)
    for _ in range(8):
        learner.collect()
        learner.update(native.Log())
        learn, starts = learner._everything["rollout.learn"], learner._everything["rollout.starts"]
        changed = learn[:, 1:] != learn[:, :-1]
        assert starts[:, 1:][changed].all()
        seats += learn.reshape(ENVS, 3, -1)[:, :, -1].sum(axis=0)
    assert changed.any()
    assert seats.min() > 0.8 * seats.max()


def test_what_others_do_is_not_learnt_from() -> None:
    weights = []
    for garbage in (0.0, 1e6):
        trainer = begin(None, selfplay={"share": 1.0, "against": "random", "pool": 0}, warm=True)
        learner: Any = trainer._learner
        for _ in range(3):
            learner.collect()
            rollout = learner._everything
            unlearnt = rollout["rollout.learn"] == 0
            assert unlearnt.mean() > 0.6
            rollout["rollout.rewards"][unlearnt] += garbage
            rollout["rollout.values"][unlearnt] -= garbage
            rollout["rollout.log_probs"][unlearnt] += garbage
            learner.update(native.Log())
            assert not rollout["rollout.advantages"][unlearnt].any()
        weights.append({name: array.copy() for name, array in (trainer.policy.tensors() | learner.tensors()).items()})
    for name, array in weights[0].items():
        np.testing.assert_array_equal(array, weights[1][name], err_msg=name)


def test_metrics_are_of_the_learner_alone() -> None:
    """Against a player who takes one stone, lives are counted once a game, and half of the scores are told."""
    trainer = begin(None, selfplay={"share": 1.0, "against": "scripted:0", "pool": 0}, params={"players": 2})
    learner: Any = trainer._learner
    lives = points = 0.0
    for _ in range(10):
        learner.collect()
        stats, report = learner.stats(), learner.report()
        ended = learner._everything["rollout.ended"][learner._everything["rollout.learn"] == 1]
        assert stats.lives == (ended > 0).sum()
        assert report["selfplay/games"] == stats.lives
        if stats.lives:
            assert report["selfplay/score"] == pytest.approx(stats.mean("perf"))
            points += stats.mean("perf") * stats.lives
        lives += stats.lives
        learner.update(native.Log())
    assert lives > 100
    assert 0 < points < lives
