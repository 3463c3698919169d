# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A block takes its environments in runs, a loop over all of them for each part of a step: nothing may show of it."""

import numpy as np
import pytest

ENVS, STEPS = 250, 60  # two runs of 96 and a rest


def act(vecs, rng):
    """Write the same actions into all: mostly on, now and then an end, some illegal, out of bounds or not finite."""
    n = vecs[0].n
    end = np.where(rng.random(n) < 0.9, 0, rng.integers(1, 5, n))
    pick = rng.integers(-1, 4, n)
    push = rng.choice([0.5, -7.0, 7.0, np.nan, np.inf], (n, 2))
    for vec in vecs:
        vec.discrete[:, 0], vec.discrete[:, 1], vec.continuous[:] = end, pick, push


def seen(vec):
    taken = vec.ended != 0
    arrays = {name: getattr(vec, name) for name in ("states", "live", "starts", "returns", "lengths", "limits")}
    arrays |= {name: getattr(vec, name) for name in ("rewards", "ended", "rows", "masks", "discrete", "continuous")}
    arrays |= {"final_rows": vec.final_rows[taken], "final_masks": vec.final_masks[taken]}
    return arrays if vec.waiting is None else arrays | {"waiting": vec.waiting}


@pytest.mark.parametrize("mode", ["same-step", "next-step"])
@pytest.mark.parametrize("variant", ["", "TOY_LIVE", "TOY_RESPAWN"])
def test_environments_side_by_side_do_as_alone(toy, variant, mode):
    settings = {"num_envs": ENVS, "mode": mode, "max_steps": 9, "metric_steps": 4, "final_all": 1}
    together, alone = (toy(*filter(None, [variant]), block=block, **settings) for block in (ENVS, 1))
    rng = np.random.default_rng(0)
    for step in range(STEPS):
        act([together, alone], rng)
        together.step()
        alone.step()
        for (name, one), other in zip(seen(together).items(), seen(alone).values(), strict=True):
            assert one.tobytes() == other.tobytes(), f"{name} at step {step}"
    stats = alone.stats()
    np.testing.assert_allclose(together.stats(), stats, rtol=1e-12)
    assert (stats[:5] > 0).all()  # lives, bad actions and partial emissions were among it
