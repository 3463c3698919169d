# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""How fast environments step, over threads and numbers of copies, with random actions prepared beforehand.

Steps are agent steps, resets included. Two orders of stepping: `blocks`, in which a few copies that fit into a cache
take all their steps before the next ones begin, as in a rollout of the learner; and `steps`, in which all copies take
one step at a time over the caller's buffers, as a program that steps them does. The second is bound by memory when
there are many copies.
"""

from __future__ import annotations

from typing import Any

from shoal import bench, flags, memory, registry, store
from shoal.bench import timing
from shoal.errors import ConfigError

ORDERS = ("blocks", "steps")

_CYCLE = 64  # prepared actions of each copy
_ACTION_BYTES = 64 << 20  # of prepared actions at most, if that leaves two of each copy

_OPTIONS = (
    flags.Option("threads", "str", "1", "several separated by commas; 0 stands for all cores"),
    flags.Option("copies", "str", None, "several separated by commas; otherwise max(1, 2048 // agents)"),
    flags.Option("orders", "str", "blocks", "blocks: copies in one cache take all their steps; steps: all take one"),
    flags.Option("seconds", "float", 0.3, "of one measurement"),
    flags.Option("repeats", "int", 7, "measurements"),
    bench.RESULTS,
)


def run(names: list[str], arguments: list[str]) -> int:
    """Run `shoal bench sim NAMES ARGUMENTS` and return the exit code."""
    options = flags.parse(
        "shoal bench sim", "Million steps a second with prepared actions.", arguments, _OPTIONS
    ).options
    environments = [registry.get(name) for name in names or registry.names()]
    bench.check_timing(options)
    threads = bench.threads_of(options["threads"])
    copies = bench.counts("copies", options["copies"]) if options["copies"] else [None]
    orders = options["orders"].split(",")
    if not set(orders) <= set(ORDERS):
        raise ConfigError(f"--orders {options['orders']}: expected {' or '.join(ORDERS)}, or both with a comma")
    print(f"{bench.machine()}; million agent steps a second, resets included")
    print(
        f"{'environment':<14}{'copies':>10}{'threads':>9}  {'order':<8}{'median':>9}{'lowest':>9}{'highest':>9}"
        f"{'bytes a copy':>14}"
    )
    found = []
    for env in environments:
        spec = env.spec()
        mark = bench.mark(env.name + env.source, spec.version, spec.values)
        for count in copies:
            number = max(1, 2048 // spec.agents) if count is None else count
            for thread_count in threads:
                for order in orders:
                    how = {"seconds": options["seconds"], "repeats": options["repeats"]}
                    rates = measure(env, threads=thread_count, num_envs=number, order=order, **how)
                    row: dict[str, Any] = {"env": env.name, "version": spec.version, "copies": number}
                    row |= {"threads": thread_count, "order": order, "msteps": bench.spread(rates)}
                    row |= {"repeats": len(rates), "bytes_per_copy": bytes_per_copy(spec)}
                    found.append(row)
                    bench.append(options["results"], f"sim-{env.name}", row | {"settings": mark} | bench.about())
                    print(
                        f"{env.name:<14}{number:>10}{thread_count:>9}  {order:<8}"
                        + "".join(f"{rate:>9.4g}" for rate in row["msteps"])
                        + f"{row['bytes_per_copy']:>14.1f}",
                        flush=True,
                    )
    print(store.to_json({"machine": bench.machine(), "commit": bench.commit(), "rows": found}))
    return 0


def measure(
    env: registry.Environment, *, threads: int, num_envs: int, seconds: float, repeats: int, order: str = "blocks"
) -> list[float]:
    """Return million agent steps a second of several measurements, random actions prepared beforehand."""
    from shoal.vec_config import bytes_needed
    from shoal.vector import Vec

    spec = env.spec()
    action_bytes = 4 * spec.agents * (len(spec.heads) + len(spec.dims))
    memory.check_fits(num_envs, lambda count: bytes_needed(spec, count) + 2 * count * action_bytes, flag="--copies")
    cycle = max(2, min(_CYCLE, _ACTION_BYTES // (num_envs * action_bytes)))
    with Vec(spec, num_envs=num_envs, threads=threads) as vec:
        discrete, continuous = bench.random_actions(spec, (cycle, vec.num_rows))
        timed = timing.clock(lambda steps: vec.run(steps, discrete, continuous, in_step=order == "steps"))
        return [rate * vec.num_rows / 1e6 for rate in timing.rates(timed, seconds, repeats)]


def bytes_per_copy(spec: registry.Spec) -> float:
    """Return what one more copy takes: State, accumulators, its share of block sums; not the caller's buffers."""
    from shoal.vec_config import bytes_needed

    few, many = (bytes_needed(spec, count, bind=False) for count in (1 << 14, 1 << 15))
    return (many - few) / (1 << 14)
