# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""One rank of several: `train_rank.py ENV CORE OUT` trains for three rollouts in float64 and saves what it came to."""

import ctypes
import dataclasses
import sys

import numpy as np
import torch

from shoal import config, native, registry
from shoal.torch.learner import TorchLearner

env, core, out = sys.argv[1:]
spec = registry.get(env).spec()
train = {"backend": "torch", "device": "cpu", "horizon": 8, "segment": 4, "replay_ratio": 2.0, "priority_alpha": 0.5}
sections = {"vec": {"num_envs": 8, "threads": 1}, "policy": {"core": core, "hidden": 16}, "train": train}
settings = config.resolve(config.load(env, overrides=sections, untuned=True, seed=4), spec)
settings = dataclasses.replace(settings, train=dataclasses.replace(settings.train, max_grad_norm=0.1))
learner = TorchLearner(spec, settings, warm=True, stop=ctypes.c_int32(0), dtype=torch.float64)
found: dict[str, np.ndarray] = {}
for i in range(3):
    log = native.Log()
    assert not learner.collect()
    lives = learner.stats().lives
    assert not learner.update(log)
    found[f"log{i}"] = np.array([getattr(log, name) for name, _ in native.Log._fields_[:14]] + [lives])
    found[f"gradient{i}"] = learner.policy.gradient.numpy().copy()
assert learner.agree(learner.ranks.rank) == 0
found |= learner.policy.tensors() | {"returns": learner.tensors()["learner.returns"]}
if learner.leads:
    np.savez(out, **found)
