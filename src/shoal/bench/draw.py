# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""How fast environments are drawn, headless, on one core.

A frame is everything that a recording needs but its file: one step of the environment (its scripted policy, or else
random actions), the display list, and the picture, each from Python as a presenter calls it.
"""

from __future__ import annotations

from typing import Any

from shoal import bench, flags, registry, store
from shoal.bench import timing

_OPTIONS = (
    flags.Option("width", "int", 576, "pixels"),
    flags.Option("height", "int", 330, "pixels"),
    flags.Option("seconds", "float", 0.3, "of one measurement"),
    flags.Option("repeats", "int", 7, "measurements"),
    bench.RESULTS,
)


def run(names: list[str], arguments: list[str]) -> int:
    """Run `shoal bench draw NAMES ARGUMENTS` and return the exit code."""
    options = flags.parse("shoal bench draw", "Pictures a second on one core.", arguments, _OPTIONS).options
    environments = [registry.get(name) for name in names or registry.names()]
    bench.check_timing(options)
    width, height = options["width"], options["height"]
    print(f"{bench.machine()}; pictures of {width} x {height} a second, one core")
    print(
        f"{'environment':<14}{'list bytes':>11}{'lists':>10}{'pictures':>10}{'frames':>10}{'lowest':>10}{'highest':>10}"
    )
    found = []
    for env in environments:
        row = {"env": env.name, "width": width, "height": height}
        row |= measure(env, width, height, seconds=options["seconds"], repeats=options["repeats"])
        found.append(row)
        mark = bench.mark(env.name, env.spec().version, width, height)
        bench.append(options["results"], f"draw-{env.name}", row | {"settings": mark} | bench.about())
        print(
            f"{env.name:<14}{row['list_bytes']:>11}{row['lists'][0]:>10.4g}{row['pictures'][0]:>10.4g}"
            + "".join(f"{rate:>10.4g}" for rate in row["frames"]),
            flush=True,
        )
    print(store.to_json({"machine": bench.machine(), "commit": bench.commit(), "rows": found}))
    return 0


def measure(env: registry.Environment, width: int, height: int, *, seconds: float, repeats: int) -> dict[str, Any]:
    """Return median, lowest and highest rates: display lists, pictures of one state, and frames of a game."""
    import numpy as np

    from shoal.drawing import Drawing
    from shoal.vector import Vec

    spec, random = env.spec(), np.random.default_rng(0)
    with Vec(spec, num_envs=1, threads=1) as vec:
        drawing = Drawing(spec, width, height)
        before = vec.state(0)

        def step() -> None:
            nonlocal before
            before = vec.state(0)
            if env.scripted:
                vec.scripted()
            else:
                vec.discrete[:] = random.integers(0, [head.size for head in spec.heads], vec.discrete.shape)
                vec.continuous[:] = random.uniform(-1.0, 1.0, vec.continuous.shape)
            vec.step()

        def frame() -> None:
            step()
            drawing.draw(vec, 0, 0.5, before)

        for _ in range(100):  # away from the start
            step()
        size = drawing.describe(vec, 0, 0.5, before).items.nbytes
        calls = {
            "lists": lambda: drawing.describe(vec, 0, 0.5, before),
            "pictures": lambda: drawing.draw(vec, 0, 0.5, before),
            "frames": frame,
        }
        rates = {name: timing.rates(timing.clock_calls(call), seconds, repeats) for name, call in calls.items()}
        return {"list_bytes": size, "repeats": repeats} | {name: bench.spread(values) for name, values in rates.items()}
