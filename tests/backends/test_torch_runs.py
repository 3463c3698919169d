# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Whole runs with torch: exact resume, weights that change backends, networks of one's own, evaluation."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from small_runs import assert_equal, begin, read, stop_after, stopped, whole  # noqa: E402

import shoal  # noqa: E402
from shoal import checkpoint, config, evaluate, registry  # noqa: E402
from shoal.errors import CheckpointError  # noqa: E402
from shoal.policy import Policy  # noqa: E402
from shoal.settings import LATER  # noqa: E402
from shoal.torch.policy import TorchPolicy  # noqa: E402

EXAMPLE = f"{Path(__file__).parents[2] / 'examples' / 'torch_policy.py'}:Remember"
EVERYTHING = {"replay_ratio": 1.5, "priority_alpha": 0.7, "segment": 4, "minibatch": 48, "vf_clip": 0.2}
CASES: dict[str, dict[str, Any]] = {
    "lstm": {"policy": {"core": "lstm"}},
    "gru, priorities, partial metrics": {
        "name": "breakout", "policy": {"core": "gru"}, "vec": {"metric_steps": 5}, "train": EVERYTHING
    },
    "continuous actions": {"name": "continuous", "policy": {"value_net": "own"}, "train": {"normalize_reward": "past"}},
    "agents that come and go": {"name": "crowd", "vec": {"num_envs": 2}},
    "one's own": {"policy": {"module": EXAMPLE}},
}  # fmt: skip


def of_torch(case: dict[str, Any]) -> dict[str, Any]:
    train = {"backend": "torch", "device": "cpu"} | case.get("train", {})
    return case | {"train": train, "vec": {"threads": 1} | case.get("vec", {})}


@pytest.mark.parametrize("name", CASES)
def test_a_torch_run_that_is_stopped_ends_with_the_bits_of_one_that_is_not(name: str, tmp_path: Path) -> None:
    case = of_torch(CASES[name])
    path = stopped(tmp_path, 2, **case)
    shoal.resume(path, image_seconds=0).train(stop_after(2))
    shoal.resume(path).train()
    assert_equal(read(path), whole(tmp_path, **case))


def test_memory_of_a_device_of_its_own_is_fetched_and_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a GPU needs, played by the CPU with copies of everything."""
    case = of_torch(CASES["gru, priorities, partial metrics"])
    expected = whole(tmp_path, **case)
    monkeypatch.setattr("shoal.torch.policy.is_remote", lambda device: True)
    path = stopped(tmp_path, 2, **case)
    shoal.resume(path).train()
    assert_equal(read(path), expected)
    run = begin(tmp_path, init_from=path, **case)
    assert torch.equal(
        run.policy.theta,
        torch.cat([torch.from_numpy(run.policy.tensors()[name]).flatten() for name, _ in run.policy.parameters]),
    )
    assert not np.shares_memory(run.policy.theta.numpy(), run.policy.tensors()["policy.head.bias"])


@pytest.mark.parametrize("name", ["collect", "update"])
def test_an_abandoned_iteration_leaves_no_trace(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = of_torch(CASES["lstm"])
    run = begin(tmp_path, **case)
    genuine, left = getattr(run._learner, name), [3]

    def press(*arguments: Any) -> bool:
        left[0] -= 1
        if left[0]:
            return genuine(*arguments)
        run._worker.stop.value = 1
        assert genuine(*arguments)  # ends early
        run._worker.stop.value = 0
        raise KeyboardInterrupt

    monkeypatch.setattr(run._learner, name, press)
    result = run.train()
    assert result.interrupted and result.run
    monkeypatch.undo()
    shoal.resume(result.run).train()
    assert_equal(read(result.run), whole(tmp_path, **case))


@pytest.mark.parametrize(("first", "second"), [("native", "torch"), ("torch", "native")])
def test_weights_of_one_backend_begin_a_run_of_the_other(first: str, second: str, tmp_path: Path) -> None:
    done = begin(tmp_path, train={"backend": first}).train(stop_after(3))
    assert done.run
    run = begin(tmp_path, init_from=done.run, train={"backend": second})
    wanted = checkpoint.load(done.checkpoint).tensors
    for name, tensor in run.policy.tensors().items():
        np.testing.assert_array_equal(tensor, wanted[name])
    assert run.train(stop_after(1)).updates > 0


def test_native_code_plays_what_torch_trained(tmp_path: Path) -> None:
    trainer = begin(tmp_path, **of_torch({"policy": {"core": "lstm"}}))
    done = trainer.train()
    policy = shoal.load(done.run)
    assert isinstance(policy, Policy)
    settings = trainer.config
    for player in ("sampled", "greedy"):
        one = evaluate.evaluate(trainer.spec, settings, player=player, policy=policy, number=9)
        two = evaluate.evaluate(trainer.spec, settings, player=player, policy=trainer.policy, number=9)
        # A draw that falls between the two backends' probabilities changes one life in a thousand.
        assert one.stats.lives == two.stats.lives == 1000
        assert one.mean == pytest.approx(two.mean, abs=0.3)
        assert one.steps == pytest.approx(two.steps, rel=0.02)


def test_both_backends_begin_with_the_same_numbers(tmp_path: Path) -> None:
    rows = {}
    for backend in ("native", "torch"):
        run = begin(tmp_path / backend, train={"backend": backend, "learning_rate": 1e-4})
        logs: list[dict[str, float]] = []
        run.train(lambda log, logs=logs: logs.append(dict(log)))
        rows[backend] = logs
    for one, two in zip(rows["native"][:3], rows["torch"][:3], strict=True):
        assert set(one) == set(two)
        for key in set(one) - {"seconds"}:
            if not key.startswith("perf/"):
                assert two[key] == pytest.approx(one[key], rel=1e-3, abs=1e-4, nan_ok=True), key


def test_a_policy_of_ones_own_is_loaded_where_it_is_named(tmp_path: Path) -> None:
    done = begin(tmp_path, **of_torch(CASES["one's own"])).train(stop_after(3))
    with pytest.raises(CheckpointError, match=r"whose code would be run: .*\nhint: if you trust it, name it"):
        shoal.load(done.run)
    policy = shoal.load(done.run, policy=EXAMPLE)
    assert isinstance(policy, TorchPolicy)
    observation = {"state": np.zeros((3, 4), np.float32)}
    discrete, continuous, state = policy.act(observation, greedy=True)
    assert (discrete.shape, continuous.shape, state.shape) == ((3, 1), (3, 0), (3, 16))
    again = policy.act(observation, state, starts=np.array([1, 0, 0]), greedy=True)[2]
    np.testing.assert_array_equal(again[0], state[0])
    assert (again[1] != state[1]).any()


@pytest.mark.parametrize("core", ["mlp", "mingru", "lstm", "gru"])
def test_sixteen_bit_products_learn_with_float32_weights(core: str) -> None:
    trainer = begin(None, **of_torch({"policy": {"core": core, "precision": "bfloat16"}}))
    result = trainer.train()
    assert result.updates > 10
    assert result.first_ratio_error < 1e-4
    policy = trainer.policy
    assert policy.theta.dtype == torch.float32
    rows = torch.from_numpy(trainer.vec.rows)[None]
    with torch.no_grad():
        found = [policy.forward(rows, torch.zeros(1, 24).bool(), torch.zeros(24, policy.state_size))[1]]
        policy.autocast = False
        found.append(policy.forward(rows, torch.zeros(1, 24).bool(), torch.zeros(24, policy.state_size))[1])
    assert 1e-4 < (found[0] - found[1]).abs().max() < 0.1


def test_settings_of_torch_alone_are_refused_by_the_native_backend() -> None:
    for policy, message in (
        ({"core": "gru"}, r"^core=gru: the native backend has none \(at policy.core\)"),
        ({"module": "a.py:B"}, r"^module=a.py:B: a network of your own needs the torch backend"),
    ):
        with pytest.raises(shoal.ConfigError, match=message):
            config.resolve(config.load("squared", overrides={"policy": policy}), registry.get("squared").spec())


def test_the_hash_of_native_settings_leaves_out_what_torch_added() -> None:
    spec = registry.get("cartpole").spec()
    settings = config.resolve(config.load("cartpole"), spec)
    sections = settings.to_dict()
    del sections["selfplay"], sections["track"]  # nobody to play against, and results do not depend on trackers
    for section, key in (("vec", "threads"), *((name, key) for name, keys in LATER.items() for key in keys)):
        del sections[section][key]
    text = json.dumps(["cartpole", spec.version, "", sections], sort_keys=True)
    assert settings.settings_hash(spec.version) == hashlib.sha256(text.encode()).hexdigest()[:12]
    other = config.load("cartpole", overrides={"train": {"backend": "torch"}})
    assert config.resolve(other, spec).settings_hash(spec.version) != settings.settings_hash(spec.version)
