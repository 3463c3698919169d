# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Broadcast versions: who adopts which when, what is freed, and exact resume through them."""

import gc
import json
import weakref

import numpy as np
import pytest
from small_runs import assert_equal, begin, read, stop_after

import shoal
from shoal import store


def ends(*which, n=4):
    return np.isin(np.arange(n), which).astype(np.int32)


def seen(vec):
    """Return (level, pull) of each environment."""
    return [tuple(row) for row in vec.observations["state"][:, :2].tolist()]


def test_each_environment_adopts_at_its_next_reset(levels):
    vec = shoal.make_vec("levels", 4, seed=7)
    assert vec.broadcast({"pull": 2.0}) == 1
    assert seen(vec) == [(7, 1)] * 4
    vec.step(ends(1))
    assert seen(vec) == [(7, 1), (7, 2), (7, 1), (7, 1)]
    assert vec.broadcast({"pull": 3.0}, shared=30) == 2
    vec.step(ends(1, 2))
    assert seen(vec) == [(7, 1), (30, 3), (30, 3), (7, 1)]
    _, rewards, *_ = vec.step(ends())
    assert rewards.tolist() == [1, 3, 3, 1]
    vec.broadcast(shared=31)  # values stay
    vec.step(ends(0, 1, 2, 3))
    assert seen(vec) == [(31, 3)] * 4
    vec.broadcast({"pull": 4.0})  # Shared stays
    vec.reset()
    assert seen(vec) == [(31, 4)] * 4


@pytest.mark.parametrize("mode", ["next-step", "disabled"])
def test_a_world_that_waits_shows_its_own_end_and_adopts_when_it_resets(levels, mode):
    vec = shoal.make_vec("levels", 4, seed=7, autoreset=mode)
    vec.broadcast({"pull": 2.0}, shared=8)
    vec.step(ends(0, 2))
    assert seen(vec) == [(7, 1)] * 4
    vec.reset_ended() if mode == "disabled" else vec.step(ends())
    assert seen(vec) == [(8, 2), (7, 1), (8, 2), (7, 1)]


def test_a_value_replaces_a_context_and_a_distribution_a_value(levels):
    vec = shoal.make_vec("levels", 4, seed=7, pull="uniform(4, 5)", lives="1..2")
    vec.broadcast({"pull": 1.0})
    vec.step(ends(0, 1, 2, 3))
    assert vec.values("pull").tolist() == [1] * 4
    assert set(vec.values("lives")) <= {1, 2}  # another context goes on
    vec.broadcast({"pull": "uniform(-3, -2)"})
    vec.step(ends(0, 1, 2, 3))
    assert ((vec.values("pull") >= -3) & (vec.values("pull") <= -2)).all()


def test_a_broadcast_changes_what_a_freshly_made_vec_would_be(levels):
    """The same bits as if the parameters had been there from the start: keys do not depend on versions."""
    told, made = shoal.make_vec("levels", 4, seed=7), shoal.make_vec("levels", 4, seed=7, pull="uniform(0, 1)")
    told.broadcast({"pull": "uniform(0, 1)"})
    for vec in (told, made):
        vec.step(ends(0, 1, 2, 3))
    assert [told.snapshot(env) for env in range(4)] == [made.snapshot(env) for env in range(4)]


def test_contents_can_be_given(levels):
    vec = shoal.make_vec("levels", 4, seed=7)
    vec.broadcast(shared=np.array([0.5, 0.25], np.float32).tobytes())
    vec.step(ends(0))
    assert seen(vec)[0] == (0.5, 1)


def test_old_blocks_are_freed_when_nothing_names_them(levels):
    vec = shoal.make_vec("levels", 4, seed=7)
    first = weakref.ref(vec.versions._blocks[0])
    for seed in range(10, 13):
        vec.broadcast(shared=seed)
        vec.step(ends(seed - 10))  # environments 0, 1, 2 are at 10, 11, 12, and 3 is where it began
    assert sorted(vec.versions.version().blocks) == [0, 1, 2, 3]
    vec.step(ends(3))
    vec.broadcast(shared=13)
    gc.collect()
    assert first() is None
    assert sorted(vec.versions.version().blocks) == [1, 2, 3, 4]
    vec.step(ends(0, 1, 2, 3))
    assert sorted(vec.versions.version().blocks) == [4]
    assert seen(vec) == [(13, 1)] * 4


def test_a_snapshot_of_a_freed_block_is_refused(levels):
    vec = shoal.make_vec("levels", 4, seed=7)
    vec.broadcast(shared=1)
    snapshot = vec.snapshot(0)
    vec.step(ends(0))
    vec.restore(0, snapshot)  # others are still there
    assert seen(vec)[0] == (7, 1)
    vec.step(ends(0, 1, 2, 3))
    vec.versions.version()
    with pytest.raises(
        shoal.NativeError, match=r"^the snapshot of levels is of a Shared block that is gone: version=0; "
    ):
        vec.restore(0, snapshot)
    assert seen(vec) == [(1, 1)] * 4


@pytest.mark.parametrize(
    ("values", "shared", "message"),
    [
        (
            {"agents": 2},
            None,
            r"^`agents` is fixed at creation; got 2 .*\nhint: these can change: pull, lives, wind, task$",
        ),
        ({"pul": 2}, None, r"^`levels` has no parameter `pul` .*\nhint: did you mean `pull`"),
        ({"pull": 20}, None, r"^out of range: pull=20; expected -10 to 10 N"),
        ({}, -1, r"^out of range: shared=-1; expected a seed of 0 to 2\*\*64 - 1, or bytes$"),
        ({}, b"short", r"^wrong shape: shared has uint8 \(5,\); expected uint8 \(8,\), or a seed$"),
    ],
)
def test_a_bad_broadcast_changes_nothing(levels, values, shared, message):
    vec = shoal.make_vec("levels", 4, seed=7)
    with pytest.raises(shoal.ShoalError, match=message):
        vec.broadcast(values, shared=shared)
    vec.step(ends(0, 1, 2, 3))
    assert seen(vec) == [(7, 1)] * 4
    assert vec.versions.count == 0


def test_an_environment_without_shared_says_so():
    with pytest.raises(shoal.ConfigError, match=r"^`cartpole` has no Shared block; got shared=3$"):
        shoal.make_vec("cartpole", 2).broadcast(shared=3)


# ---------------------------------------------------------------------------------------------------- training


def curriculum(trainer):
    """Return a callback that broadcasts after every iteration: values, now and then a seed or contents."""

    def callback(log):
        step = int(log["steps"]) // 192
        trainer.broadcast({"pull": 0.1 * step, "lives": f"1..{1 + step}"})
        if step % 2:
            contents = np.array([step / 100, 1], np.float32).tobytes()
            trainer.broadcast(shared=step if step % 4 == 1 else contents)

    return callback


def both(first, second):
    return lambda log: (first(log), second(log))[1]


def test_a_run_that_is_stopped_ends_with_the_same_bits_through_broadcasts(levels, tmp_path):
    settings = {"name": "levels", "params": {"pull": "uniform(-1, 0)"}, "vec": {"observe_contexts": True}}
    whole = begin(tmp_path / "whole", **settings)
    path = whole.train(curriculum(whole)).run
    expected = read(path)
    rows = [json.loads(line) for line in store.Run(path).metrics.read_text().splitlines()]
    told = [row.get("broadcast") for row in rows]
    assert told[0] is None
    assert told[1] == {"version": 2, "values": {"pull": 0.1, "lives": "1..2"}, "shared": 1}
    assert told[3]["shared"] == "8 bytes"
    for stop in (1, 4):
        run = begin(tmp_path / str(stop), **settings)
        path = run.train(both(curriculum(run), stop_after(stop))).run
        again = shoal.resume(path, threads=3, image_seconds=0)
        again.train(curriculum(again))
        assert_equal(read(path), expected)


def test_an_abandoned_iteration_forgets_its_broadcasts(levels, tmp_path):
    whole = begin(tmp_path / "whole", name="levels")
    expected = read(whole.train(curriculum(whole)).run)
    run = begin(tmp_path / "stopped", name="levels")

    def press(log):
        curriculum(run)(log)
        if log["steps"] > 3 * 192:
            run.broadcast({"pull": -7.0}, shared=99)
            raise KeyboardInterrupt

    path = run.train(press).run
    assert run.values["pull"] == pytest.approx(0.3)
    again = shoal.resume(path, image_seconds=0)
    assert again.values["lives"] == "1..4"
    again.train(curriculum(again))
    assert_equal(read(path), expected)


def test_fresh_environments_begin_with_the_settings_and_adopt_what_was_broadcast(levels, tmp_path):
    run = begin(tmp_path, name="levels")
    path = run.train(both(curriculum(run), stop_after(4))).run
    again = shoal.resume(path, image_seconds=0, fresh_environments=True)
    assert again.values["pull"] == pytest.approx(0.4)
    assert set(again.vec.values("pull")) == {1.0}
    again.train()
    assert set(again.vec.values("pull")) == {np.float32(0.4)}
    assert again.vec.versions.version().blocks.keys() == {again.vec.versions.version().newest}
