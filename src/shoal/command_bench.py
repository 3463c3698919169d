# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal bench BENCHMARK`: which benchmark, and what it is about."""

from __future__ import annotations

from shoal.cli import BENCHMARKS, USAGE, environment, leading
from shoal.errors import ConfigError


def run(arguments: list[str]) -> int:
    """Run `shoal bench ARGUMENTS` and return the exit code."""
    if arguments[:1] in (["-h"], ["--help"]):
        lines = [line for line in USAGE.splitlines() if line.startswith("  bench ")]
        print("usage: shoal bench BENCHMARK [ARGUMENTS]\n", *lines, sep="\n")
        return 0
    if not arguments or arguments[0] not in BENCHMARKS:
        got = f"no benchmark is called `{arguments[0]}`" if arguments else "which benchmark"
        raise ConfigError(f"{got}; expected `shoal bench` {', '.join(BENCHMARKS[:-1])} or {BENCHMARKS[-1]}")
    words = list(leading(arguments[1:]))
    rest = arguments[1 + len(words) :]
    if arguments[0] == "suite":
        from shoal.bench import suite

        return suite.run(words, rest)
    if arguments[0] == "sim":
        from shoal.bench import sim

        return sim.run(words, rest)
    if arguments[0] == "vec":
        from shoal.bench import vec

        return vec.run(words, rest)
    if arguments[0] == "draw":
        from shoal.bench import draw

        return draw.run(words, rest)
    if arguments[0] == "kernels":
        from shoal.bench import kernels

        return kernels.run(words, rest)
    if arguments[0] == "gymnasium":
        from shoal.bench import gymnasium

        return gymnasium.run(arguments[1:])
    name, extra = environment(f"shoal bench {arguments[0]}", [*words, *rest])
    if arguments[0] == "train":
        from shoal.bench import train

        return train.run(name, extra)
    if arguments[0] == "backends":
        from shoal.bench import backends

        return backends.run(name, extra)
    from shoal.bench import solve

    return solve.run(name, extra)
