# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Let a trained agent act: `./run train cartpole`, then `./run python examples/act.py [run or checkpoint]`."""

import sys

import shoal

policy = shoal.load(sys.argv[1] if len(sys.argv) > 1 else "cartpole")  # a name stands for its newest run
vec = shoal.make_vec(policy.spec.env.name, num_envs=100, seed=7)
state = None
for _ in range(600):
    discrete, continuous, state = policy.act(vec.observations, state, mask=vec.masks, starts=vec.starts)
    vec.step(discrete, continuous)
stats = vec.stats()
print(f"{stats.lives} episodes, score {stats.mean('score'):.1f} ± {stats.interval('score'):.1f}")
