# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A native learner and a torch learner with the same settings, weights, statistics and recorded rollout."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import torch

from shoal import config, native, registry
from shoal.config import Config
from shoal.learner import NativeLearner
from shoal.policy import tensors_of
from shoal.registry import Spec
from shoal.torch.learner import TorchLearner

MINGRU = {"core": "mingru", "hidden": 24, "layers": 2}
MINGRU_OWN = {"core": "mingru", "hidden": 33, "layers": 1, "value_net": "own"}
LSTM = {"core": "lstm", "hidden": 32, "layers": 2}  # whole panels: torch, too, takes native code in float32
LSTM_OWN = {"core": "lstm", "hidden": 33, "layers": 1, "value_net": "own"}
MLP = {"core": "mlp", "hidden": 32, "layers": 1}
MLP_OWN = {"core": "mlp", "hidden": 17, "layers": 2, "activation": "tanh", "value_net": "own"}

# Every kind of field, head, mask, end and absence comes up; every core with several of them.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "cartpole": (MINGRU, {}),
    "cartpole, mlp": (MLP, {"vf_clip": 0.05}),
    "breakout": (MINGRU, {"segment": 4}),
    "breakout, lstm": (LSTM, {"segment": 8, "optimizer": "adamw"}),
    "pong, mlp tanh": (MLP_OWN, {"advantage": "single", "muon_heads": True}),
    "squared": (MINGRU_OWN, {"normalize_reward": "off"}),
    "recall": (MINGRU, {"horizon": 33, "segment": 33, "muon_fused_gates": True}),
    "reset": (MINGRU_OWN, {"vf_clip": 0.05, "segment": 8, "normalize_reward": "past"}),
    "reset, lstm": (LSTM, {"horizon": 33, "segment": 33, "rho_clip": 0.9, "c_clip": 0.95}),
    "masked": (MINGRU, {"segment": 2, "schedule": "linear"}),
    "masked, lstm": (LSTM_OWN, {"priority_alpha": 0.6}),
    "mixed": (MINGRU_OWN, {"ent_coef_continuous": 0.01}),
    "mixed, lstm": (LSTM_OWN, {"vf_clip": 0.05}),
    "continuous": (MLP_OWN, {"ent_coef_continuous": 0.01}),
    "crowd": (MINGRU, {"segment": 8, "priority_alpha": 0.6}),
    "crowd, lstm": (LSTM_OWN, {"segment": 1}),
    "forever": (MLP, {"gamma": 0.9}),
    "sights": (MINGRU, {"segment": 8}),
    "sights, conv": (MINGRU_OWN | {"grid": "conv"}, {"segment": 4}),
    "sights, conv, lstm": (LSTM | {"grid": "conv"}, {"segment": 8}),
}


def settings_of(name: str, **changes: Any) -> tuple[Spec, Config]:
    """Return the spec and the resolved settings of a case, of the native backend; `changes` are [train]'s."""
    policy, train = CASES[name]
    train = train | changes
    env = name.split(",")[0]
    num_envs = 7 if env == "crowd" else 31  # many agents in each
    spec = registry.get(env).spec()
    horizon = train.get("horizon", 16)
    defaults = {"horizon": horizon, "minibatch": num_envs * spec.agents * horizon, "learning_rate": 0.01}
    overrides = {"vec": {"num_envs": num_envs, "threads": 1}, "policy": policy, "train": defaults | train}
    return spec, config.resolve(config.load(env, overrides=overrides, untuned=True, seed=3), spec)


def with_torch(settings: Config) -> Config:
    """Return the same settings for the torch backend."""
    import dataclasses

    return dataclasses.replace(settings, train=dataclasses.replace(settings.train, backend="torch", device="cpu"))


class Twins:
    """Both learners; `record` collects with the native one and gives the rollout to torch's."""

    def __init__(self, name: str, dtype: torch.dtype = torch.float32, **changes: Any) -> None:
        self.spec, self.settings = settings_of(name, **changes)
        stop = ctypes.c_int32(0)
        self.native = NativeLearner(self.spec, self.settings, warm=True, fault=0, stop=stop)
        self.torch = TorchLearner(self.spec, with_torch(self.settings), warm=True, stop=stop, dtype=dtype)
        self.arrays = tensors_of(native.library().learner_tensors, self.native._handle, self.native._memory)
        rng = np.random.default_rng(0)
        for key, tensor in self.native.policy.tensors().items():
            if key.startswith("policy."):
                tensor += (0.1 * rng.normal(size=tensor.shape)).astype(np.float32)
        if name == "continuous":
            self.native.policy.tensors()["policy.log_std"][0] = 0.7  # beyond the clip: no gradient
        self.native.policy.pack()
        self.share()

    def share(self) -> None:
        """Give torch the native weights, statistics and optimizer."""
        for key, tensor in self.torch.policy.tensors().items():
            tensor[...] = self.native.policy.tensors()[key]
        self.torch.policy.pack()
        for key, tensor in self.torch.tensors().items():
            tensor[...] = self.native.tensors()[key]

    def record(self) -> None:
        """Collect natively, and let torch believe that the rollout was its own."""
        before = self.arrays["learner.discounted"].copy()
        assert not self.native.collect()
        self.lend()
        self.torch.statistics.discounted[...] = before

    def lend(self) -> None:
        """Copy the native rollout."""
        rollout, torchs = self.torch.rollout, self.torch
        for key in ("rows", "masks", "discrete", "raw", "log_probs", "rewards", "ended", "starts", "learn"):
            getattr(rollout, key)[...] = np.swapaxes(self.arrays[f"rollout.{key}"], 0, 1)
        for key in ("values", "final_values"):
            getattr(rollout, key)[...] = torch.tensor(self.arrays[f"rollout.{key}"]).t()
        rollout.last_values[...] = torch.tensor(self.arrays["rollout.last_values"])
        n, k = self.torch.vec.num_rows, rollout.memory.shape[0]
        rollout.memory[...] = torch.tensor(self.arrays["rollout.segment_memory"]).view(n, k, -1).swapaxes(0, 1)
        torchs._counters[...] = self.arrays["learner.counters"]
        torchs._rollout_seconds = 0.0

    def update(self) -> tuple[native.Log, native.Log]:
        """Learn from it on both sides."""
        logs = native.Log(), native.Log()
        assert not self.native.update(logs[0])
        assert not self.torch.update(logs[1])
        return logs

    def gradients(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return the native and the torch gradient of every parameter."""
        found, at = {}, 0
        for name, parameter in self.torch.policy.parameters:
            here = slice(at, at + parameter.numel())
            found[name] = self.arrays["update.gradient"][here], self.torch.policy.gradient[here].numpy()
            at = here.stop
        return found


def close(got: np.ndarray, wanted: np.ndarray, tolerance: float) -> bool:
    """Is the difference at most `tolerance` of the largest wanted number."""
    return bool(np.abs(got - wanted).max(initial=0.0) <= tolerance * max(np.abs(wanted).max(initial=0.0), 1e-6))
