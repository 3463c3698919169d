# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Training from Python: the callback, what a run leaves behind, the candidate rule, Ctrl-C, repeatability."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import threading
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shoal
from shoal import checkpoint, evaluate, memory, native, registry, trainer
from shoal.errors import CheckpointError, ConfigError, NativeError
from shoal.result import LOG_KEYS, Log

SMALL: dict[str, Any] = {"vec": {"num_envs": 32}, "train": {"horizon": 16, "total_steps": 32 * 16 * 6}}
GLOSSARY = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"


def small(tmp_path: Path | None, name: str = "cartpole", **arguments: Any) -> shoal.Trainer:
    return shoal.Trainer(name, runs_dir=tmp_path, **(SMALL | arguments))


def test_a_run_leaves_settings_metrics_and_checkpoints(tmp_path: Path) -> None:
    logs: list[Log] = []
    run = small(tmp_path, seed=3)
    result = run.train(lambda log: logs.append(dict(log)))
    assert result.run
    assert result.checkpoint
    assert [log["steps"] for log in logs] == [512 * (1 + index) for index in range(6)]
    assert (result.steps, result.seed, result.interrupted) == (3072, 3, False)
    lines = [json.loads(line) for line in (result.run / "metrics.jsonl").read_text().splitlines()]
    assert [line["steps"] for line in lines] == [log["steps"] for log in logs]
    assert set(lines[0]) == set(logs[0])
    stored = tomllib.loads((result.run / "config.toml").read_text())
    assert (stored["environment"], stored["seed"], stored["train"]["minibatch"]) == ("cartpole", 3, 64)
    assert stored["settings"] == result.settings
    assert re.fullmatch(r"\d{8}-\d{6}-[a-z]+-[a-z]+", result.run.name)
    saved = checkpoint.load(result.checkpoint)
    assert (saved.steps, saved.metadata["settings"], saved.config.seed) == (3072, result.settings, 3)
    loaded = shoal.load(result.run)
    for key, tensor in run.policy.tensors().items():
        assert np.array_equal(loaded.tensors()[key], tensor), key


def test_every_metric_is_explained_in_the_glossary() -> None:
    logs: list[Log] = []
    small(None).train(lambda log: logs.append(log))
    assert set(LOG_KEYS.values()) <= set(logs[0])
    text = GLOSSARY.read_text()
    for key in logs[0]:
        name = "env/<metric>" if key.startswith("env/") else key
        assert f"| `{name}` |" in text, key


def test_running_lives_are_reported() -> None:
    logs: list[Log] = []
    small(None, name="forever", vec={"num_envs": 32, "metric_steps": 8}).train(lambda log: logs.append(log))
    text = GLOSSARY.read_text()
    for log in logs:
        assert all(f"| `{key}` |" in text for key in log if key.startswith("running/"))
        assert 32 <= log["running/count"] <= 32 * 16 / 8  # some had ended, and begun again, in the meantime
        assert 4 < log["running/length"] <= 8
        assert log["running/return"] == log["running/length"]  # 1 a step
    small(None).train(lambda log: logs.append(log))
    assert "running/count" not in logs[-1]


def test_the_same_seed_gives_the_same_weights_for_any_number_of_threads() -> None:
    def weights(**arguments: Any) -> bytes:
        run = small(None, **arguments)
        run.train()
        return b"".join(tensor.tobytes() for tensor in run.policy.tensors().values())

    first = weights(seed=1)
    threads = {"num_envs": 32, "threads": 3}
    assert weights(seed=1, vec=threads) == first
    assert weights(seed=2) != first


def test_a_callback_that_returns_true_ends_training() -> None:
    assert small(None).train(lambda log: log["steps"] >= 1024).steps == 1024


def test_max_seconds_ends_training() -> None:
    result = small(None, train={"horizon": 16, "total_steps": 10**12}, max_seconds=0.3).train()
    assert 0 < result.steps < 10**12
    assert result.evaluation is not None


def test_until_solved_ends_at_the_first_confirmed_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The training average proposes; an evaluation with new worlds confirms, and a failed one lets training go on."""
    numbers: list[int] = []
    genuine = evaluate.evaluate

    def scripted(*arguments: Any, number: int, **others: Any) -> evaluate.Evaluation:
        numbers.append(number)
        played = genuine(*arguments, number=number, **others)
        threshold = 1e9 if len(numbers) < 3 else 0.0  # the third confirms
        return evaluate.Evaluation(played.player, played.metric, threshold, played.steps, played.stats)

    monkeypatch.setattr(trainer, "evaluate", scripted)
    monkeypatch.setattr(trainer.Trainer, "_is_candidate", lambda self, window: window.lives >= 32)
    steps = {"horizon": 16, "total_steps": 512 * 400}
    result = small(None, "cartpole", train=steps, until_solved=True).train()
    assert numbers == [0, 1, 2]
    assert result.solved
    assert result.steps < 512 * 400


def test_a_candidate_needs_the_threshold_over_lives_since_the_last_check(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[tuple[int, int]] = []
    run = small(None, train={"horizon": 16, "total_steps": 512 * 300}, until_solved=True)

    def note(window: Any) -> bool:
        checked.append((run.steps, window.lives))
        return False

    monkeypatch.setattr(run, "_is_candidate", note)
    lives: list[float] = []
    run.train(lambda log: lives.append(log["episode/count"]) is None and False)
    steps = [step for step, _ in checked]
    assert all(count >= trainer.CHECK_LIVES for _, count in checked)
    assert all(later - sooner >= 512 * 3 for sooner, later in itertools.pairwise(steps))
    assert sum(count for _, count in checked) <= sum(lives)  # no life is counted twice


def test_evaluation_seeds_are_never_training_seeds() -> None:
    seeds = {evaluate.evaluation_seed(seed, number) for seed in range(50) for number in range(20)}
    assert len(seeds) == 1000
    assert min(seeds) >= 1 << 63
    assert max(seeds) < 1 << 64
    with pytest.raises(ConfigError, match=r"out of range: seed=4294967296; expected 0 to 4294967295 \(at seed\)"):
        shoal.Trainer("cartpole", seed=1 << 32, runs_dir=None)


def test_an_evaluation_plays_one_episode_in_each_of_a_thousand_copies() -> None:
    run = small(None)
    played = run.evaluate()
    assert played.stats.lives == 1000
    assert played.steps == round(played.stats.mean("episode_length") * 1000)
    assert run.evaluate().mean != played.mean  # other worlds
    assert evaluate.worlds_for(1) == 1000
    assert evaluate.worlds_for(300) == 8
    spec = registry.get("cartpole").spec()
    random = evaluate.evaluate(spec, run.config, player="random")
    script = evaluate.evaluate(spec, run.config, player="scripted")
    assert random.mean < 60 < script.mean


@pytest.mark.parametrize("player", ["sampled", "greedy", "scripted"])
@pytest.mark.parametrize("name", ["cartpole", "recall"])
def test_an_evaluation_is_what_stepping_and_acting_give(name: str, player: str) -> None:
    """The same worlds, one call a step: each copy counts until its first episode ends."""
    run, envs = small(None, name), 70
    if player == "scripted" and not run.spec.env.scripted:
        player = "sampled"
    run.train(lambda _: True)
    played = evaluate.evaluate(run.spec, run.config, player=player, policy=run.policy, number=3, num_envs=envs)
    seed = evaluate.evaluation_seed(run.config.seed, 3)
    policy, state = run.policy, None
    policy.seed, policy.clock = seed, 0
    returns, lengths, playing = np.zeros(envs), np.zeros(envs, int), np.ones(envs, bool)
    with shoal.make_vec(name, num_envs=envs, seed=seed) as vec:
        while playing.any():
            if player == "scripted":
                discrete, continuous = vec.scripted()
            else:
                discrete, continuous, state = policy.act(
                    vec.rows, state, mask=vec.mask_rows, starts=vec.starts, greedy=player == "greedy"
                )
            _, rewards, terminated, truncated = vec.step(discrete, continuous)
            returns += np.where(playing, rewards, 0.0)
            lengths += playing
            playing &= ~(terminated | truncated).astype(bool)
    assert played.stats.lives == envs
    assert played.steps == lengths.sum()
    assert played.stats.mean("episode_length") == pytest.approx(lengths.mean(), rel=1e-12)
    assert played.stats.mean("episode_return") == pytest.approx(returns.mean(), rel=1e-6)


def test_an_evaluation_leaves_training_as_it_is() -> None:
    def weights(look: bool) -> bytes:
        run = small(None)
        run.train(lambda _: bool(look and run.evaluate()) and False)
        return b"".join(tensor.tobytes() for tensor in run.policy.tensors().values())

    assert weights(True) == weights(False)


def interrupt_after(seconds: float) -> list[float]:
    """Press Ctrl-C later; the list then holds the time."""
    pressed: list[float] = []

    def press() -> None:
        pressed.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Timer(seconds, press).start()
    return pressed


def test_ctrl_c_ends_a_long_native_call_at_once() -> None:
    passes = {"horizon": 16, "total_steps": 10**12, "replay_ratio": 1000.0}
    run = small(None, vec={"num_envs": 4096}, train=passes)  # the second iteration's update takes minutes
    pressed = interrupt_after(1.0)
    result = run.train()
    assert time.perf_counter() - pressed[0] < 1.0  # the flag is seen within 0.2 s on a machine that is not busy
    assert result.interrupted
    assert result.steps == 4096 * 16


def test_ctrl_c_saves(tmp_path: Path) -> None:
    run = small(tmp_path, train={"horizon": 16, "total_steps": 10**12})
    interrupt_after(0.5)
    result = run.train()
    assert result.interrupted
    assert result.evaluation is None
    assert result.checkpoint
    assert checkpoint.load(result.checkpoint).steps == result.steps > 0


def test_a_failing_update_names_the_last_good_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = small(tmp_path)
    genuine = run._iterate

    def iterate() -> Any:
        if run.steps >= 1024:
            raise NativeError("the gradient of `policy.encoder.weight` is not finite")
        return genuine()

    monkeypatch.setattr(run, "_iterate", iterate)
    with pytest.raises(NativeError, match=r"is not finite\nhint: the last good checkpoint is .*1024\.safetensors$"):
        run.train()


def test_too_many_copies_to_train_are_refused_before_memory_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 1 << 30)
    monkeypatch.setattr(memory, "allocate", lambda size: pytest.fail(f"allocated {size} bytes"))
    with pytest.raises(ConfigError, match=r"num_envs=1000000000 needs .*TiB of memory to train; 1 GiB are available"):
        shoal.Trainer("breakout", vec={"num_envs": 10**9}, runs_dir=None)
    with pytest.raises(ConfigError, match=r"num_envs=0: expected at least 1; one needs .* to train"):
        shoal.Trainer("breakout", vec={"num_envs": 0}, runs_dir=None)


def test_a_runs_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(CheckpointError, match="the run cannot be written"):
        small(tmp_path / "runs")


def test_the_log_has_no_field_that_is_left_out() -> None:
    used = set(LOG_KEYS) | {"steps", "updates"}
    assert used == {name for name, *_ in native.Log._fields_}
