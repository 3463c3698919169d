# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Step many copies of an environment with random actions: `./run python examples/vec_random.py`."""

import numpy as np

import shoal

random = np.random.default_rng(0)
with shoal.make_vec("pong", num_envs=256, seed=1, frameskip=4) as vec:
    for field in vec.spec.fields:
        print(f"{field.name}: {field.dtype} {vec.observations[field.name].shape}, {field.doc}")
    for _ in range(2_000):
        actions = random.integers(0, vec.spec.heads[0].size, vec.num_rows)
        observations, rewards, terminated, truncated = vec.step(actions)
        # Arrays are the same at every step. Where truncated and not terminated, the last observation of the episode
        # is in vec.final_observations: `observations` is the next episode's first.
    stats = vec.stats()

print(f"{stats.lives} games, random play scores {stats.mean('perf'):.3f} ± {stats.interval('perf'):.3f} of the points")
