# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Settings merge in order, derived numbers follow, and every mistake has one sentence."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from shoal import config, native, native_settings, registry, settings_file
from shoal.errors import ConfigError, EnvError
from shoal.evaluate import Evaluation
from shoal.settings import PRESETS, SECTIONS, TrainConfig, check_section, from_text
from shoal.stats import stats_of


def resolved(name: str = "cartpole", /, **overrides: dict[str, Any]) -> config.Config:
    settings = config.load(name, overrides=overrides, untuned=True)
    return config.resolve(settings, registry.get(name).spec(settings.params))


# ---------------------------------------------------------------------------------------------------- merging


def test_flags_win_over_the_file_over_the_environment_over_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("seed = 7\n[train]\ngamma = 0.9\nlearning_rate = 0.5\n[env]\ngravity = 5\n")
    settings = config.load("cartpole", file=file, overrides={"train": {"gamma": 0.8}})
    assert settings.train.gamma == 0.8  # flag
    assert settings.train.learning_rate == 0.5  # file
    assert settings.train.total_steps == 10_000_000  # cartpole.toml
    assert settings.train.momentum == TrainConfig.momentum  # default
    assert (settings.params["gravity"], settings.seed) == (5.0, 7)
    assert config.load("cartpole", file=file, seed=1).seed == 1


def test_untuned_keeps_only_the_budget_and_the_threshold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"solved": {"metric": "score", "threshold": 9.0}, "train": {"total_steps": 77, "gamma": 0.5}}
    own["policy"] = {"hidden": 32}
    monkeypatch.setattr(settings_file, "read_toml", lambda *_, **__: {key: dict(value) for key, value in own.items()})
    tuned, untuned = config.load("cartpole"), config.load("cartpole", untuned=True)
    assert (tuned.train.gamma, tuned.policy.hidden, tuned.train.total_steps) == (0.5, 32, 77)
    assert (untuned.train.gamma, untuned.policy.hidden, untuned.train.total_steps) == (0.99, None, 77)
    assert (untuned.solved.metric, untuned.solved.threshold) == ("score", 9.0)


def test_the_preset_lies_between_the_environment_and_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[train]\nreplay_ratio = 2\n")
    settings = config.load("cartpole", preset="few-samples", file=file)
    assert settings.train.total_steps == 1_000_000
    assert settings.train.replay_ratio == 2.0
    assert (settings.policy.core, settings.policy.value_net) == ("mlp", "own")


def test_few_samples_takes_sixteenths_of_the_rollout_as_minibatch() -> None:
    settings = config.load("cartpole", preset="few-samples", overrides={"vec": {"num_envs": 16}})
    settings = config.resolve(settings, registry.get("cartpole").spec())
    assert (settings.train.segment, settings.train.minibatch) == (1, 16 * 128 // 16)
    small = config.load("cartpole", preset="few-samples", overrides={"vec": {"num_envs": 2}})
    assert config.resolve(small, registry.get("cartpole").spec()).train.minibatch == 64


def test_presets_name_settings_that_exist() -> None:
    for name, layers in PRESETS.items():
        for section, values in layers.items():
            check_section(section, values, name)


def test_the_environments_own_settings_are_valid() -> None:
    for name in registry.names():
        settings = config.load(name)
        assert config.resolve(settings, registry.get(name).spec(settings.params)).vec.num_envs


# ---------------------------------------------------------------------------------------------------- derived numbers


def test_the_defaults_are_the_frozen_ones() -> None:
    settings = resolved()
    train = settings.train
    assert (settings.vec.num_envs, train.horizon, train.segment) == (2048, 32, 32)
    assert (train.minibatch, train.shard, train.replay_ratio) == (8192, 1024, 1.0)
    assert (train.gamma, train.gae_lambda, train.rho_clip, train.c_clip) == (0.99, 0.9, 1.0, 1.0)
    assert (train.optimizer, train.learning_rate, train.momentum, train.adam_ratio) == ("muon", 0.015, 0.95, 0.3)
    assert (train.schedule, train.ent_coef, train.ent_coef_final) == ("cosine", 0.05, 0.005)
    assert (train.clip_coef, train.vf_coef, train.vf_clip, train.max_grad_norm) == (0.2, 1.0, 0.0, 1.0)
    assert (settings.policy.core, settings.policy.hidden, settings.policy.layers) == ("mingru", 64, 2)


def test_an_lstm_has_one_layer_unless_more_are_asked_for() -> None:
    for given, expected in (({}, 1), ({"layers": 3}, 3)):
        assert resolved(policy={"core": "lstm"} | given).policy.layers == expected


@pytest.mark.parametrize(("has", "backend", "expected"), [(1, "native", "bfloat16"), (0, "native", "float32"),
                                                          (1, "torch", "float32")])  # fmt: skip
def test_precision_is_what_the_processor_is_fast_at(
    has: int, backend: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native.library(), "has_bfloat16", lambda: has)
    settings = resolved(policy={"precision": "auto"}, train={"backend": backend})
    assert settings.policy.precision == expected
    assert any(reason.startswith(f"policy.precision = {expected}: ") for reason in settings.reasons)


def test_many_agents_mean_fewer_worlds() -> None:
    spec = registry.get("crowd").spec()
    assert resolved("crowd").vec.num_envs == max(1, 2048 // spec.agents)


def test_a_grid_means_a_wider_network() -> None:
    assert resolved("squared").policy.hidden == 128
    assert resolved("squared", policy={"hidden": 64}).policy.hidden == 64  # never overwritten


@pytest.mark.parametrize(
    ("num_envs", "horizon", "segment", "minibatch"),
    [(2048, 64, 64, 16384), (1024, 64, 16, 8192), (96, 32, 32, 384), (7, 5, 5, 5), (1, 64, 8, 8), (300, 64, 64, 1920)],
)
def test_the_default_minibatch_is_the_largest_that_divides(
    num_envs: int, horizon: int, segment: int, minibatch: int
) -> None:
    train = resolved(vec={"num_envs": num_envs}, train={"horizon": horizon, "segment": segment}).train
    assert train.minibatch == minibatch
    samples = num_envs * horizon
    cap = min(16384, samples // 8)
    fits = [size for size in range(segment, cap + 1, segment) if samples % size == 0] or [segment]
    assert minibatch == max(fits)
    assert train.shard is not None
    assert train.shard % segment == 0
    assert train.shard <= minibatch


def test_derived_numbers_say_how_they_came_about() -> None:
    reasons = "\n".join(resolved().reasons)
    assert "vec.num_envs = 2048: 2048 rows of agents, 1 in a world" in reasons
    assert "train.minibatch = 8192: the largest number of whole segments" in reasons
    assert "train.minibatch" not in "\n".join(resolved(train={"minibatch": 8192}).reasons)


# ---------------------------------------------------------------------------------------------------- mistakes

MISTAKES = [
    (
        {"train": {"minibatch": 3000}},
        "minibatch=3000 does not divide the rollout: expected whole segments of 32 samples that divide "
        "2048 rows * 32 steps = 65536 (at train.minibatch)\nhint: use 2048 or 4096",
    ),
    ({"train": {"segment": 7}}, "segment=7 does not divide horizon=32 (at train.segment)\nhint: use 4 or 8"),
    (
        {"train": {"shard": 100}},
        "shard=100: expected whole segments of 32 samples, at most 8192 (at train.shard)\nhint: use 96",
    ),
    (
        {"train": {"lerning_rate": 0.1}},
        "unknown key `lerning_rate` (at train.lerning_rate)\n"
        "hint: did you mean `learning_rate` or `learning_rate_final`?",
    ),
    ({"train": {"core": "mlp"}}, "unknown key `core` (at train.core)\nhint: it is `policy.core`"),
    ({"trian": {}}, "unknown section `trian` (at trian)\nhint: did you mean `train` or `track`?"),
    ({"train": {"horizon": 2.5}}, "wrong type: horizon=2.5; expected a whole number (at train.horizon)"),
    ({"train": {"gamma": "high"}}, "wrong type: gamma='high'; expected a number (at train.gamma)"),
    ({"train": {"gamma": 1.5}}, "out of range: gamma=1.5; expected -1 to 1 (at train.gamma)"),
    ({"train": {"gamma": float("nan")}}, "out of range: gamma=nan; expected -1 to 1 (at train.gamma)"),
    ({"vec": {"stagger": 1}}, "wrong type: stagger=1; expected true or false (at vec.stagger)"),
    (
        {"policy": {"core": "mingrue"}},
        "core='mingrue' is not a choice; expected one of mlp, mingru, lstm, gru (at policy.core)\nhint: did you mean "
        "`mingru` or `gru`?",
    ),
    (
        {"env": {"gravty": 1}},
        "`cartpole` has no parameter `gravty` (at env.gravty)\nhint: did you mean `gravity`",
    ),
    ({"env": {"gravity": 1e6}}, "out of range: gravity=1e+06; expected 0 to 100 m/s2 (at env.gravity)"),
    ({"env": {"gravity": True}}, "wrong type: gravity=True; expected a number (at env.gravity)"),
    ({"env": {"reference": 2}}, "wrong type: reference=2; expected true or false (at env.reference)"),
    (
        {"env": {"integrator": "eule"}},
        "integrator='eule' is not a choice; expected one of euler, rk4 (at env.integrator)\n"
        "hint: did you mean `euler`?",
    ),
]


@pytest.mark.parametrize(("overrides", "message"), MISTAKES)
def test_a_mistake_is_one_sentence(overrides: dict[str, dict[str, Any]], message: str) -> None:
    with pytest.raises(ConfigError, match="^" + re.escape(message)):
        resolved(**overrides)


def test_an_unknown_environment_names_the_nearest() -> None:
    with pytest.raises(EnvError, match="no environment is called `cartpol`\nhint: did you mean `cartpole`"):
        registry.get("cartpol")
    with pytest.raises(EnvError, match="hint: `python -m shoal list` names them all"):
        registry.get("zzzzzz")


@pytest.mark.parametrize("value", ["日本 \U0001f41f", 'a "b" \\ \n', True, -3, 1e-9, ["a", "\U0001f41f"]])
def test_toml_reads_what_is_written(value: Any) -> None:
    assert tomllib.loads(f"value = {settings_file.toml(value)}") == {"value": value}


def test_a_mistake_in_a_file_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[train]\ngama = 1\n")
    with pytest.raises(ConfigError, match=rf"unknown key `gama` \(at train.gama in {file}\)"):
        config.load("cartpole", file=file)
    file.write_text("gamma = 1\n")
    with pytest.raises(ConfigError, match=rf"unknown key `gamma` \(at gamma in {file}\)\nhint: it is `train.gamma`"):
        config.load("cartpole", file=file)
    file.write_text("gamma = \n")
    with pytest.raises(ConfigError, match="the settings are not TOML"):
        config.load("cartpole", file=file)
    file.write_text('environment = "pong"\n')
    with pytest.raises(ConfigError, match="is for the environment `pong`; got `cartpole`"):
        config.load("cartpole", file=file)
    with pytest.raises(ConfigError, match=r"the settings file cannot be read: nowhere.toml: No such file"):
        config.load("cartpole", file=Path("nowhere.toml"))


# ---------------------------------------------------------------------------------------------------- storing


def test_stored_settings_come_back(tmp_path: Path) -> None:
    settings = resolved(train={"gamma": 0.123, "learning_rate": 1e-05}, env={"gravity": 3.25})
    text = settings.to_toml(1)
    assert dataclasses.replace(config.from_toml(text), reasons=settings.reasons) == settings
    file = tmp_path / "config.toml"
    file.write_text(text)
    again = config.load("cartpole", file=file)
    assert config.resolve(again, registry.get("cartpole").spec(again.params)).to_toml(1) == text


def test_the_settings_hash_ignores_threads_and_seed_and_nothing_else() -> None:
    base = resolved()
    mark = base.settings_hash(1)
    assert dataclasses.replace(base, seed=9).settings_hash(1) == mark
    assert resolved(vec={"threads": 3}).settings_hash(1) == mark
    assert base.settings_hash(2) != mark
    for other in ({"train": {"gamma": 0.98}}, {"env": {"gravity": 9.7}}, {"policy": {"layers": 3}}):
        assert resolved(**other).settings_hash(1) != mark


def test_every_training_setting_reaches_the_native_struct() -> None:
    changed: dict[str, Any] = {
        "total_steps": 123, "horizon": 32, "segment": 16, "minibatch": 4096, "shard": 512, "replay_ratio": 2.5,
        "gamma": 0.25, "gae_lambda": 0.5, "rho_clip": 2.0, "c_clip": 3.0, "advantage": "single", "clip_coef": 0.125,
        "advantage_floor": 0.375, "vf_coef": 0.75, "vf_clip": 0.5, "ent_coef": 0.25, "ent_coef_final": 0.125,
        "ent_coef_continuous": 0.0625, "max_grad_norm": 4.0, "optimizer": "adamw",
        "learning_rate": 0.03125, "learning_rate_final": 0.015625,
        "adam_ratio": 0.5, "momentum": 0.875,
        "schedule": "linear", "schedule_steps": 99, "priority_alpha": 0.5, "priority_beta": 0.25, "target_kl": 0.015625,
        "normalize_reward": "past", "muon_heads": True, "muon_fused_gates": True,
    }  # fmt: skip
    where = {"backend", "device"}  # which learner it is, and not the native one's business
    assert set(changed) | where == {field.name for field in dataclasses.fields(SECTIONS["train"])}
    struct = native_settings.train_of(dataclasses.replace(resolved(train=changed), seed=5), fault=3)
    words = {
        "normalize_reward": native.REWARD_SCALES,
        "advantage": native.ADVANTAGES,
        "optimizer": native.OPTIMIZERS,
        "schedule": native.SCHEDULES,
    }
    del changed["total_steps"]  # the trainer alone reads it
    for key, value in changed.items():
        expected = words[key].index(value) if key in words else value
        assert getattr(struct, "advantage_form" if key == "advantage" else key) == expected
    assert (struct.seed, struct.fault) == (5, 3)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "50M", 50_000_000), ("int", "1e7", 10_000_000), ("int", "64k", 64_000), ("int", "2_048", 2048),
        ("int", "1.5", 1.5), ("int", "ten", "ten"), ("int", "inf", float("inf")), ("float", "1e-3", 0.001),
        ("float", "-2", -2.0), ("bool", "off", False), ("bool", "True", True), ("bool", "maybe", "maybe"),
        ("switch", "1", True), ("choice", "rk4", "rk4"), ("str", "5", "5"),
    ],
)  # fmt: skip
def test_the_text_of_a_flag_becomes_its_value(kind: str, text: str, value: object) -> None:
    got = from_text(kind, text)
    assert (got, type(got)) == (value, type(value))


def test_solved_may_ask_for_a_second_metric() -> None:
    maze = config.load("maze")
    assert maze.solved.goals == (("perf", 0.98), ("score", 0.4))
    assert str(maze.solved) == "perf >= 0.98, score >= 0.4"
    stats = stats_of(maze.spec().env)
    stats.values[0] = 1.0  # one life
    at = {name: 5 + 2 * i for i, name in enumerate(stats.names)}
    for perf, score, reached in ((1.0, 0.41, True), (1.0, 0.39, False), (0.9, 0.5, False)):
        stats.values[at["perf"]], stats.values[at["score"]] = perf, score
        assert maze.solved.reached(stats.mean) is reached
        found = Evaluation("sampled", "perf", 0.98, 10, stats, maze.solved.goals[1:])
        assert found.solved is reached and found.asked == " (solved: 0.98, score 0.4)"


@pytest.mark.parametrize(
    ("also", "problem"),
    [
        ({"also_metric": "score"}, "one of also_metric and also_threshold is missing"),
        ({"also_threshold": 0.5}, "one of also_metric and also_threshold is missing"),
        ({"also_metric": "scor", "also_threshold": 0.5}, r"no metric is called `scor` \(at solved.also_metric\)"),
    ],
)
def test_a_second_metric_that_makes_no_sense_is_refused(also: dict[str, Any], problem: str) -> None:
    settings = config.load("cartpole")
    settings = dataclasses.replace(settings, solved=dataclasses.replace(settings.solved, **also))
    with pytest.raises(ConfigError, match=problem):
        config.resolve(settings, settings.spec())
