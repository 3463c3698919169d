# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Runs with self-play: the same bits for any number of threads and after a stop, what they are measured against."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nim_runs import NIM, begin

import shoal
from shoal import bench, checkpoint, config, evaluate, image, registry, rivals, selfplay, settings, store
from shoal.errors import CheckpointError, ConfigError, ShapeError

SETTINGS: dict[str, Any] = {
    "vec": {"num_envs": 24, "threads": 1},
    "train": {"horizon": 8, "total_steps": 24 * 3 * 8 * 9, "replay_ratio": 1.5},
    "selfplay": {"share": 0.7, "pool": 2, "every": 24 * 3 * 8, "draw": "close", "against": "scripted:1"},
}


def digests(path: Path) -> dict[str, bytes]:
    """Return the bytes of every tensor of a run's newest image: pool, seats and memories too."""
    found, note = image.Generations(store.Run(path)).read(registry.get(NIM))
    assert found
    assert not note
    return {name: array.tobytes() for name, array in found.tensors.items()}


def stop_after(iterations: int) -> Any:
    count = iter(range(1, 1000))
    return lambda _: next(count) >= iterations


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    run = begin(tmp_path_factory.mktemp("whole"), image_seconds=0.0, **SETTINGS).train().run
    assert run
    return digests(run)


def test_a_run_that_is_stopped_twice_ends_with_the_bits_of_one_that_is_not(
    tmp_path: Path, whole: dict[str, bytes]
) -> None:
    """On one thread and on three; the pool is full and changes in every iteration."""
    run = begin(tmp_path, image_seconds=0.0, **SETTINGS).train(stop_after(4)).run
    assert run
    shoal.resume(run, env=NIM, runs_dir=tmp_path, threads=3, image_seconds=0.0).train(stop_after(2))
    shoal.resume(run, env=NIM, runs_dir=tmp_path, threads=2).train()
    ended = digests(run)
    assert {"selfplay.state", "selfplay.scores", "selfplay.3.policy.encoder.bias", "learner.guest_memory"} <= set(whole)
    assert [name for name in whole if ended[name] != whole[name]] == []
    assert set(ended) == set(whole)


def test_an_abandoned_iteration_leaves_the_pool_as_it_was(
    tmp_path: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(tmp_path, image_seconds=0.0, **SETTINGS)
    update, calls = run._learner.update, iter(range(100))

    def press(log: Any) -> bool:
        if next(calls) == 5:
            raise KeyboardInterrupt
        return update(log)

    monkeypatch.setattr(run._learner, "update", press)
    assert run.train().interrupted
    result = run.train()
    assert result.run
    ended = digests(result.run)
    assert [name for name in whole if ended[name] != whole[name]] == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nim_is_learnt_from_self_play_alone(seed: int) -> None:
    """Against the best player, who was never seen, half of the games can be won; who plays at random wins a tenth."""
    trainer = shoal.Trainer(NIM, seed=seed, runs_dir=None, params={"stones": 8}, train={"total_steps": 1_500_000})
    assert trainer.evaluate().mean < 0.15
    result = trainer.train()
    assert result.evaluation
    assert result.evaluation.opponent == "scripted:1"
    assert result.evaluation.mean >= 0.4


def test_evaluations_are_against_whom_the_settings_name_from_every_seat() -> None:
    settings = config.load(NIM)
    spec = settings.spec()
    assert settings.solved.opponent == "scripted:1"
    same = evaluate.evaluate(spec, settings, player="scripted")
    assert same.opponent == "scripted:1"
    assert same.stats.lives == 1000  # one of each world's two agents
    assert same.mean == pytest.approx(0.5, abs=0.05)
    assert str(same).endswith("over 1000 lives against scripted:1")
    weak = evaluate.evaluate(spec, settings, player="random")
    assert weak.mean < 0.1
    strong = evaluate.evaluate(spec, settings, player="scripted", opponent=rivals.find("random", spec))
    assert strong.mean > 0.9
    alone = registry.get(NIM).spec({"players": 1})
    assert evaluate.evaluate(alone, settings, player="random").opponent == ""


def test_the_pool_is_spread_over_the_run() -> None:
    entered = np.zeros(5, np.int64)
    active: list[int] = []
    for steps in range(1, 101):
        if len(active) == 5:
            active.remove(selfplay.dispensable(np.array(active), entered))
        slot = next(slot for slot in range(5) if slot not in active)
        entered[slot] = steps
        active.append(slot)
    ages = np.sort(entered)
    assert ages[0] == 1
    assert ages[-1] == 100
    assert np.diff(ages).max() <= 64


def test_draws_are_even_and_differ_by_step_and_stream() -> None:
    drawn = [selfplay.uniform(3, steps, stream, np.arange(10_000)) for steps in (0, 64) for stream in (0, 1)]
    for numbers in drawn:
        assert numbers.min() >= 0
        assert numbers.max() < 1
        assert numbers.mean() == pytest.approx(0.5, abs=0.02)
    assert np.abs(np.corrcoef(drawn) - np.eye(4)).max() < 0.05


def test_close_opponents_are_drawn_more_often() -> None:
    trainer = begin(None, selfplay={"draw": "close", "against": "random, scripted:1, scripted:0.5", "pool": 0})
    pool = trainer._learner._selfplay  # type: ignore[attr-defined]
    pool.count(np.array([[0, 0], [100, 99], [100, 1], [100, 50]], float))
    weights = pool._weights()
    assert weights[0] == 0
    assert weights[3] == pytest.approx(0.25, abs=0.01)
    assert weights[1] == weights[2] == selfplay.LEAST


def test_a_vec_takes_whom_it_is_assigned_at_the_next_reset() -> None:
    vec = shoal.make_vec(NIM, 3, seed=1)
    vec.assign([[0, 1], [1, 0], [2, 2]])
    assert vec.players.tolist() == [0] * 6
    vec.reset()
    assert vec.players.tolist() == [0, 1, 1, 0, 2, 2]
    snapshot = vec.snapshot(1)
    vec.assign([5, 6])
    vec.reset()
    assert vec.players.tolist() == [5, 6] * 3
    vec.restore(2, snapshot)
    assert vec.players.tolist() == [5, 6, 5, 6, 1, 0]
    with pytest.raises(ShapeError, match=r"^wrong shape: players has \(3,\); expected \(3, 2\)$"):
        vec.assign([0, 1, 2])


BAD: list[tuple[dict[str, Any], str]] = [
    ({"params": {"players": 1}}, r"^share=0.5: in `nim` one team plays, so there is nobody to play against"),
    ({"selfplay": {"pool": 0}}, r"^pool=0 leaves nobody for the share=0.5 of games against others"),
    ({"selfplay": {"share": 1.5}}, r"^out of range: share=1.5; expected 0 to 1 \(at selfplay.share\)"),
    ({"selfplay": {"draw": "even"}}, r"^draw='even' is not a choice; expected one of uniform, close"),
    ({"selfplay": {"against": "scripted:hard"}}, r"^`scripted:hard` names no level; expected such as scripted:1"),
    ({"train": {"backend": "torch"}}, r"^share=0.5: the torch backend plays against itself alone"),
]


@pytest.mark.parametrize(("given", "sentence"), BAD)
def test_bad_settings_are_one_sentence(given: dict[str, Any], sentence: str) -> None:
    share = {"share": 0.5} | given.pop("selfplay", {})
    with pytest.raises(ConfigError, match=sentence):
        begin(None, selfplay=share, **given)


def test_a_rival_that_is_missing_or_of_another_game_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such"):
        begin(None, selfplay={"against": str(tmp_path / "none.safetensors")})
    spec = registry.get(NIM).spec()
    with pytest.raises(ConfigError, match=r"^`cartpole` is another environment; got players of `nim`$"):
        rivals.find("cartpole", spec)
    run = begin(tmp_path, train={"total_steps": 1000}).train()
    with pytest.raises(CheckpointError, match=r"^the checkpoint sees or does other things than `nim` with these"):
        rivals.find(str(run.checkpoint), spec)


def test_without_a_pool_the_hash_of_settings_is_what_it_was() -> None:
    """Results that were recorded before there was self-play still count."""
    loaded = config.load("pong")
    spec = loaded.spec()
    rows = bench.rows(Path(__file__).parents[2] / "benchmarks" / "results" / "solve-pong.jsonl")
    assert config.resolve(loaded, spec).settings_hash(spec.version) in {row["settings"] for row in rows}
    several = config.resolve(config.load(NIM), registry.get(NIM).spec())
    hashes = {
        config.resolve(
            config.load(NIM, overrides={"selfplay": {"share": share, "pool": pool}}), registry.get(NIM).spec()
        ).settings_hash(1)
        for share, pool in ((0.0, 8), (0.0, 4), (0.5, 8), (0.5, 4))
    }
    assert len(hashes) == 3
    assert several.selfplay.share == 0.5
    assert "opponent" in settings.LATER["solved"]


def test_an_old_checkpoint_without_the_section_is_read(tmp_path: Path) -> None:
    run = begin(tmp_path, train={"total_steps": 1000}).train()
    assert run.checkpoint
    found = checkpoint.load(run.checkpoint, registry.get(NIM))
    text = found.metadata["config"].partition("[selfplay]")
    old = config.from_toml(text[0] + "[solved]" + text[2].partition("[solved]")[2], registry.get(NIM))
    assert old.selfplay == settings.SelfplayConfig()
