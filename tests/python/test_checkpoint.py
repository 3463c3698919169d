# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A checkpoint brings back the same policy, is written whole or not at all, and says what is wrong with a bad one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import shoal
from shoal import checkpoint, config, registry, store
from shoal.errors import CheckpointError
from shoal.policy import Policy, restore


def new_policy(name: str = "cartpole", seed: int = 0) -> Policy:
    spec = registry.get(name).spec()
    return Policy(spec, config.resolve(config.load(name, seed=seed, untuned=True), spec))


def save(path: Path, policy: Policy, **metadata: object) -> Path:
    about = {
        "kind": "weights",
        "env": policy.spec.env.name,
        "version": policy.spec.version,
        "config": policy.settings.to_toml(policy.spec.version),
        "seed": 0,
        "steps": 123,
    }
    checkpoint.save(path, policy.tensors(), about | metadata)
    return path


@pytest.mark.parametrize("name", ["cartpole", "squared", "mixed", "masked"])
def test_a_loaded_policy_has_the_same_tensors_and_acts_alike(name: str, tmp_path: Path) -> None:
    policy = new_policy(name, seed=1)
    for tensor in policy.tensors().values():  # what training would have moved: weights and statistics alike
        if tensor.dtype == np.float32:
            tensor += np.linspace(-0.1, 0.1, tensor.size, dtype=np.float32).reshape(tensor.shape)
    policy.pack()
    loaded = shoal.load(save(tmp_path / "a.safetensors", policy))
    for key, tensor in policy.tensors().items():
        assert np.array_equal(loaded.tensors()[key], tensor), key
    vec = shoal.make_vec(name, 16, seed=3)
    state, other = None, None
    for _ in range(5):
        policy.seed = loaded.seed = 11
        *actions, state = policy.act(vec.rows, state, mask=vec.mask_rows, starts=vec.starts)
        *others, other = loaded.act(vec.rows, other, mask=vec.mask_rows, starts=vec.starts)
        for mine, theirs in zip(actions, others, strict=True):
            assert np.array_equal(mine, theirs)
        assert np.array_equal(state, other)
        vec.step(*actions)


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.safetensors", new_policy(seed=1))
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(CheckpointError, match=r"the checkpoint cannot be written: .*: No space left on device"):
        save(path, new_policy(seed=2))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]


def test_bad_files_are_one_sentence(tmp_path: Path) -> None:
    good = save(tmp_path / "good.safetensors", new_policy())
    bad = tmp_path / "bad.safetensors"
    with pytest.raises(CheckpointError, match=r"^no such checkpoint: .*bad.safetensors$"):
        checkpoint.load(bad)
    bad.write_bytes(good.read_bytes()[:-7])
    with pytest.raises(CheckpointError, match=r"^the checkpoint is damaged or is no safetensors file: .*$"):
        checkpoint.load(bad)
    bad.write_bytes(b"not a checkpoint")
    with pytest.raises(CheckpointError, match=r"^the checkpoint is damaged or is no safetensors file: .*$"):
        checkpoint.load(bad)
    bad.write_bytes(safetensors.numpy.save({"x": np.zeros(1)}))
    with pytest.raises(CheckpointError, match=r"not one of shoal's: .* has format 'none'; expected 'shoal 1'$"):
        checkpoint.load(bad)
    checkpoint.save(bad, {"x": np.zeros(1)}, {"env": "cartpole"})
    with pytest.raises(CheckpointError, match=r"header is incomplete: .* lacks version, config, seed, steps$"):
        checkpoint.load(bad)


def test_a_checkpoint_of_another_world_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    policy = new_policy()
    save(path, policy, version=policy.spec.version + 1)
    with pytest.raises(CheckpointError, match=r"is for version 2 of `cartpole`; this is version 1: "):
        shoal.load(path)
    text = policy.settings.to_toml(1)
    save(path, policy, config=text.replace('"cartpole"', '"cartpool"'))
    with pytest.raises(CheckpointError, match=r"do not fit this version of shoal: .*no environment is called `cartp"):
        shoal.load(path)
    save(path, policy, config=text.replace("gamma", "gamme"))
    with pytest.raises(CheckpointError, match=r"do not fit this version of shoal: .*unknown key `gamme`"):
        shoal.load(path)
    tensors = policy.tensors()
    name = next(iter(tensors))
    found = checkpoint.load(save(path, policy))
    del found.tensors[name]
    with pytest.raises(CheckpointError, match=f"lacks the tensor `{name}`"):
        restore(found)
    found.tensors[name] = np.zeros((1, 2, 3), np.float32)
    with pytest.raises(
        CheckpointError, match=rf"the tensor `{name}` does not fit: .* has float32 \(1, 2, 3\); expected"
    ):
        restore(found)


# ---------------------------------------------------------------------------------------------------- finding runs


def make_run(runs_dir: Path, env: str, name: str) -> store.Run:
    run = store.Run(runs_dir / env / name)
    run.checkpoints.mkdir(parents=True)
    run.config.touch()
    for steps in (5, 1000, 70):
        run.checkpoint(steps).touch()
    return run


def test_runs_are_found_by_path_name_and_age(tmp_path: Path) -> None:
    old = make_run(tmp_path, "pong", "20260101-000000-calm-carp")
    new = make_run(tmp_path, "pong", "20260102-000000-blue-pike")
    other = make_run(tmp_path, "squared", "20270101-000000-blue-ide")
    (tmp_path / "pong" / "20280101-000000-green-tuna" / "checkpoints").mkdir(parents=True)  # has no checkpoint
    (tmp_path / "pong" / "20280101-000000-green-tuna" / "config.toml").touch()
    assert old.latest() == old.checkpoint(1000)
    assert store.newest(tmp_path, "pong") == new
    assert store.newest(tmp_path) == other
    assert store.find(tmp_path, str(old.path)) == old.checkpoint(1000)
    assert store.find(tmp_path, str(old.checkpoint(5))) == old.checkpoint(5)
    assert store.find(tmp_path, "20260101-000000-calm-carp") == old.checkpoint(1000)
    assert store.find(tmp_path, "calm-carp") == store.find(tmp_path, "20260101") == old.checkpoint(1000)
    with pytest.raises(CheckpointError, match="`2026` means several runs: 20260101-000000-calm-carp, 20260102"):
        store.find(tmp_path, "2026")
    with pytest.raises(
        CheckpointError, match=r"no such checkpoint or run: 20260101-000000-calm-crap; expected .*\nhint:"
    ):
        store.find(tmp_path, "20260101-000000-calm-crap")
    with pytest.raises(
        CheckpointError, match=r"no run of `maze` in .*\nhint: make one with `python -m shoal train maze`"
    ):
        store.newest(tmp_path, "maze")


def test_a_runs_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(CheckpointError, match=r"^the run cannot be written: .*: Not a directory\nhint: `--runs-dir"):
        store.create(blocked, "pong", "")


def test_json_lines_have_no_nan() -> None:
    assert store.to_json({"a": float("nan"), "b": float("inf"), "c": 1}) == '{"a": null, "b": null, "c": 1}'
