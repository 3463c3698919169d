# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What goes wrong with torch, in one sentence each, before training begins or without a loss."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from small_runs import begin  # noqa: E402

import shoal  # noqa: E402
from shoal import checkpoint  # noqa: E402
from shoal.errors import ConfigError, NativeError, ShapeError  # noqa: E402

HERE = Path(__file__).parent
BAD = f"{HERE / 'bad_policies.py'}"


def with_policy(name: str, runs_dir: Path | None = None, **train: object) -> shoal.Trainer:
    settings = {"backend": "torch", "device": "cpu"} | train
    return begin(runs_dir, policy={"module": f"{BAD}:{name}"}, train=settings)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "TooManyOutputs",
            r"wrong shape: outputs of .* has \(1, 3, 3\); expected \(1, 3, 2\); 2 outputs are 2 of `push`",
        ),
        ("ValuesWithAxis", r"wrong shape: values of the policy `.*:ValuesWithAxis` has \(1, 3, 1\); expected \(1, 3\)"),
        ("ForgetsState", r"wrong shape: state of .* has \(3, 5\); expected \(3, 7\)"),
        (
            "WrongInput",
            r"failed on its first call: RuntimeError: (.|\n)*\nhint: it was called with T = 1, B = 3: fields ",
        ),
        ("ReturnsPair", r"returned a tuple of 2; expected \(outputs, values, state\)"),
    ],
)
def test_wrong_shapes_are_named_at_the_start(name: str, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        with_policy(name)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (f"{BAD}:Missing", "has no class `Missing`"),
        (f"{BAD}:not_a_module", r"not_a_module\(spec, config\) is int; expected an nn.Module"),
        (f"{BAD}:NoParameters", "the policy has no parameters"),
        ("nowhere.py:Policy", "no such file: /.*nowhere.py"),
        ("no.such.package:Policy", "no.such.package cannot be imported: ModuleNotFoundError"),
        ("Policy", "expected file.py:Name or package.module:Name"),
    ],
)
def test_a_policy_that_cannot_be_had_is_named(module: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        begin(None, policy={"module": module}, train={"backend": "torch", "device": "cpu"})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("GoesWrong", r"^a gradient is not finite: policy.critic.bias; the weights keep their last good values\n"),
        ("LosesValues", r"^the loss is not finite: policy [\d.e+-]+, value nan; the weights keep"),
    ],
)
def test_a_number_that_is_none_stops_the_run_and_keeps_the_last_checkpoint(
    name: str, message: str, tmp_path: Path
) -> None:
    trainer = with_policy(name, tmp_path, normalize_reward="off", minibatch=64)
    with pytest.raises(NativeError, match=message + r"(.|\n)*hint: the last good checkpoint is .*safetensors"):
        trainer.train()
    assert trainer.run
    found = checkpoint.load(trainer.run.latest()).tensors
    assert all(np.isfinite(tensor).all() for tensor in found.values())
    assert torch.isfinite(trainer.policy.theta).all()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is such a device here")
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no device of kind `cuda`: torch .* finds cpu \(at train.device\)"):
        begin(None, train={"backend": "torch", "device": "cuda"})


def test_missing_torch_gives_the_line_that_installs_it(tmp_path: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from shoal.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "train", "cartpole", "--backend", "torch"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "shoal: the torch backend needs torch, which is not installed\nhint: `pip install 'shoal[torch]'` installs it\n"
    )
    assert not (tmp_path / "runs").exists()


def test_nothing_imports_torch_before_it_is_asked_for(tmp_path: Path) -> None:
    code = (
        "import sys, shoal; shoal.Trainer('cartpole', train={'total_steps': 10000}, runs_dir=None).train(); "
        "from shoal.cli import main; main(['train', 'cartpole', '--steps', '10k', '--json']); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=False).returncode == 0
