# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A run that is stopped and resumed ends with the bits of one that was not; whatever goes wrong loses nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from small_runs import ITERATIONS, ROWS, STEPS, assert_equal, begin, read, stop_after, stopped, whole

import shoal
from shoal import checkpoint, evaluate, image, native, saving, store, trainer
from shoal.errors import CheckpointError, NativeError

# ---------------------------------------------------------------------------------------------------- exactness

EVERYTHING = {"replay_ratio": 1.5, "priority_alpha": 0.7, "segment": 4, "minibatch": 48, "vf_clip": 0.2}
CASES: dict[str, dict[str, Any]] = {
    **{f"cartpole, {core}": {"name": "cartpole", "policy": {"core": core}} for core in native.CORES},
    "continuous actions": {"name": "continuous", "policy": {"value_net": "own"}},
    "partial metrics, priorities": {"name": "breakout", "vec": {"metric_steps": 5}, "train": EVERYTHING},
    "agents that come and go": {"name": "crowd", "vec": {"num_envs": 2}, "train": {"normalize_reward": "past"}},
    "masks, adamw": {"name": "masked", "train": {"optimizer": "adamw", "schedule": "linear"}},
}


@pytest.mark.parametrize("case", CASES)
def test_a_run_that_is_stopped_twice_ends_with_the_bits_of_one_that_is_not(case: str, tmp_path: Path) -> None:
    path = stopped(tmp_path, 1, **CASES[case])
    shoal.resume(path, threads=1, image_seconds=0).train(stop_after(3))
    shoal.resume(path, threads=3).train()
    assert_equal(read(path), whole(tmp_path, **CASES[case]))


def test_an_abandoned_iteration_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of a rollout, of an update, and of an evaluation."""
    expected = whole(tmp_path)
    rollout = native.library().learner_rollout  # runs to its end: what it counted must be forgotten
    for number, (name, calls) in enumerate([("learner_rollout", 3), ("learner_update", 3), ("evaluate", 1)]):
        run = begin(tmp_path)
        genuine = getattr(native.library(), name)
        left = [calls]

        def press(*arguments: Any, run: shoal.Trainer = run, genuine: Any = genuine, left: list[int] = left) -> int:
            left[0] -= 1
            if left[0]:
                return int(genuine(*arguments))
            run._worker.stop.value = int(genuine is not rollout)
            assert genuine(*arguments) == (native.OK if genuine is rollout else native.STOPPED)
            run._worker.stop.value = 0
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(native.library(), name, press)
            result = run.train()
        assert result.interrupted
        assert result.steps == STEPS // ITERATIONS * (2 if number < 2 else ITERATIONS)
        assert result.run
        if number < 2:
            run.train()  # the trainer itself can go on too
        else:
            shoal.resume(result.run).train()
        assert_equal(read(result.run), expected)


def test_checks_and_evaluations_go_on_where_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The window of lives, the steps of the next check and the number of the next evaluation are in the image."""
    numbers: list[int] = []
    lives: list[int] = []
    genuine = evaluate.evaluate

    def counted(*arguments: Any, number: int, **others: Any) -> evaluate.Evaluation:
        numbers.append(number)
        return genuine(*arguments, number=number, num_envs=4, **others)

    def propose(self: shoal.Trainer, window: Any) -> bool:
        lives.append(window.lives)
        return len(lives) % 2 == 0

    monkeypatch.setattr(trainer, "evaluate", counted)
    monkeypatch.setattr(trainer.Trainer, "_is_candidate", propose)
    monkeypatch.setattr(trainer, "CHECK_LIVES", 20)
    train = {"total_steps": 4 * STEPS}
    expected = whole(tmp_path, until_solved=True, train=train)
    seen = (list(numbers), list(lives))
    assert len(numbers) >= 3
    assert any(count > 20 for count in lives)
    del numbers[:], lives[:]
    path = stopped(tmp_path, 5, until_solved=True, train=train)
    assert numbers.pop() == 0  # the one at the end of a run that was cut off is forgotten
    for iterations in (4, 7):
        shoal.resume(path, image_seconds=0).train(stop_after(iterations))
        del numbers[-1]
    shoal.resume(path).train()
    assert (numbers, lives) == seen
    assert_equal(read(path), expected)


def test_a_run_without_an_image_begins_again(tmp_path: Path) -> None:
    path = stopped(tmp_path)
    for file in store.Run(path).images:
        file.unlink(missing_ok=True)
    run = shoal.resume(path)
    assert run.notes == ("the run was stopped before its first resume image: it begins again",)
    run.train()
    assert_equal(read(path), whole(tmp_path))
    config = store.Run(path).config
    for file in store.Run(path).images:
        file.unlink(missing_ok=True)
    config.write_text(config.read_text().replace("gamma = ", "gamma = 0.5 # "))
    with pytest.raises(CheckpointError, match=r"^the run has no resume image, and its settings were changed: .*toml\n"):
        shoal.resume(path)


def test_what_a_kill_left_half_written_is_swept_away(tmp_path: Path) -> None:
    path = stopped(tmp_path)
    litter = path / "checkpoints" / ".resume.0.safetensors.123.tmp"
    litter.write_bytes(b"half")
    with (path / "metrics.jsonl").open("a") as file:
        file.write('{"steps": 5')
    shoal.resume(path).train()
    assert not litter.exists()
    assert_equal(read(path), whole(tmp_path))


# ---------------------------------------------------------------------------------------------------- other starts


def test_init_from_begins_with_the_weights_and_what_scales_them(tmp_path: Path) -> None:
    first = begin(tmp_path)
    result = first.train()
    assert result.run
    for source in (result.checkpoint, result.run, store.Run(result.run).images[1]):
        run = begin(tmp_path, init_from=source, train={"learning_rate": 0.0})
        assert len(run.notes) == 1
        assert run.notes[0].startswith("begins with the weights of ")
        assert run.notes[0].endswith(f"trained for {STEPS} steps")
    logs: list[shoal.Log] = []
    run.train(lambda log: logs.append(log))
    assert logs[0]["updates"] > 0  # no rollout is spent on gathering statistics
    count, _, squares = first._image.live[saving.RETURNS]
    assert logs[0]["value/sigma_return"] == pytest.approx(np.sqrt(squares / count))
    weights = first.policy.tensors()
    assert all(np.array_equal(run.policy.tensors()[name], weights[name]) for name in weights if "policy." in name)
    assert run.run
    assert run.run.config.read_text().startswith("# began with the weights of ")


def test_a_run_that_began_with_weights_is_resumed_exactly(tmp_path: Path) -> None:
    source = begin(tmp_path).train().checkpoint
    path = stopped(tmp_path, 1, init_from=source)
    shoal.resume(path).train()
    assert_equal(read(path), whole(tmp_path, init_from=source))

    def press(_: shoal.Log) -> bool:
        raise KeyboardInterrupt

    interrupted = begin(tmp_path, init_from=source).train(press).run  # in its first iteration
    assert interrupted
    assert shoal.resume(interrupted).steps == 0
    shoal.resume(interrupted).train()
    assert_equal(read(interrupted), read(path))
    for file in store.Run(path).images:
        file.unlink()
    with pytest.raises(CheckpointError, match=r"^the run was stopped before its .*\nhint: begin again, with `--ini"):
        shoal.resume(path)


def test_init_from_what_does_not_fit_is_one_sentence(tmp_path: Path) -> None:
    source = begin(tmp_path).train(stop_after(2)).checkpoint
    with pytest.raises(CheckpointError, match=r"^the checkpoint is for `cartpole`; got `masked`: .*safetensors$"):
        begin(tmp_path, "masked", init_from=source)
    with pytest.raises(CheckpointError, match=r"^the tensor `policy.encoder.weight` does not fit: .*\(32, 4\)$"):
        begin(tmp_path, init_from=source, policy={"hidden": 32})
    with pytest.raises(CheckpointError, match=r"^the checkpoint lacks the tensor `policy.core.2.weight`: "):
        begin(tmp_path, init_from=source, policy={"layers": 3})
    with pytest.raises(CheckpointError, match=r"^no such checkpoint or run: nowhere; expected a file, "):
        begin(tmp_path, init_from="nowhere")
    assert len(store.by_age(tmp_path)) == 1  # a start that fails leaves no folder


def test_fresh_environments_keep_the_learner_and_say_that_it_is_not_exact(tmp_path: Path) -> None:
    path = stopped(tmp_path)
    older, newer = sorted(store.Run(path).images, key=lambda file: checkpoint.load(file).steps)
    kept = checkpoint.load(newer).tensors
    tensors = kept | {image.SNAPSHOTS: np.zeros((ROWS, 5), np.uint8)}  # another State
    for file in (older, newer):
        file.write_bytes(safetensors.numpy.save(tensors, checkpoint.load(newer).metadata | {"version": "0"}))
    with pytest.raises(CheckpointError, match="`--fresh-environments` goes on with new ones"):
        shoal.resume(path)
    run = shoal.resume(path, fresh_environments=True)
    assert run.notes == ("the environments are restarted: the run will not end as it would have without the stop",)
    assert run.vec.starts.all()
    assert all(np.array_equal(array, kept[name]) for name, array in run._image.live.items())
    assert run.train().steps == STEPS


# ---------------------------------------------------------------------------------------------------- native


def test_a_saved_vec_is_the_snapshots_of_its_environments_in_order() -> None:
    vec = shoal.make_vec("crowd", 100, seed=1, metric_steps=3)
    random = np.random.default_rng(0)
    for _ in range(10):  # not a multiple of metric_steps: sums since the last report are not zero
        vec.step(*(random.integers(0, head.size, (vec.num_rows, 1)) for head in vec.spec.heads))
    snapshots = [vec.snapshot(index) for index in range(100)]
    out = np.zeros((100, len(snapshots[0])), np.uint8)
    vec._lib.vec_save(vec.handle, out.ctypes.data)
    assert [row.tobytes() for row in out] == snapshots
    other = shoal.make_vec("crowd", 100, seed=2, metric_steps=3)
    other.load(out)
    assert [other.snapshot(index) for index in range(100)] == snapshots


def test_a_failing_update_keeps_the_last_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begin(tmp_path)
    genuine = run._iterate

    def iterate() -> Any:
        if run.steps >= 3 * STEPS // ITERATIONS:
            raise NativeError("the loss is not finite")
        return genuine()

    monkeypatch.setattr(run, "_iterate", iterate)
    with pytest.raises(NativeError, match="the loss is not finite"):
        run.train()
    assert run.run
    assert 0 < shoal.resume(run.run.path).steps < run.steps
    rows = [json.loads(line) for line in run.run.metrics.read_text().splitlines()]
    assert len(rows) == 3
