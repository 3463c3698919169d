# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The two backends side by side: training speed with the same settings, window by window in turn."""

from __future__ import annotations

import dataclasses
from typing import Any

from shoal import bench, flags, registry, store
from shoal.bench.train import Runner
from shoal.settings import BACKENDS

_OPTIONS = (
    *flags.LAYERS,
    flags.SEED,
    bench.SET,
    flags.Option("threads", "int", 0, "0 stands for all cores"),
    flags.Option("seconds", "float", 20.0, "of training, of both together"),
    bench.WINDOWS,
    bench.RESULTS,
)


def run(name: str, arguments: list[str]) -> int:
    """Run `shoal bench backends NAME ARGUMENTS` and return the exit code."""
    about = "Training speed of both backends."
    parsed = bench.parse_with_settings("shoal bench backends", about, name, arguments, _OPTIONS)
    reference, name = name, registry.get(name).name
    options = parsed.options
    bench.check_timing(options)
    threads = bench.threads_of(str(options["threads"]))[0]
    settings = parsed.load(reference)
    runners = {
        backend: Runner(
            dataclasses.replace(settings, train=dataclasses.replace(settings.train, backend=backend)), threads
        )
        for backend in BACKENDS
    }
    policy = runners[BACKENDS[0]].trainer.config.policy
    network = f"{policy.core} {policy.hidden} x {policy.layers}"
    print(f"{name}, {network}, {threads} threads\n{bench.machine()}", flush=True)
    rates: dict[str, list[float]] = {backend: [] for backend in BACKENDS}
    for _ in range(options["windows"]):
        for backend, runner in runners.items():
            rates[backend].append(runner.window(options["seconds"] / len(runners) / options["windows"]).sps)
    row: dict[str, Any] = {"env": name, "network": network, "threads": threads, "overrides": parsed.overrides}
    print(f"{'backend':<10}{'steps/s':>12}{'lowest':>12}{'highest':>12}{'of native':>12}")
    for backend in BACKENDS:
        median, low, high = bench.spread(rates[backend])
        row |= {backend: [median, low, high], f"{backend}_settings": runners[backend].mark}
        share = median / row[BACKENDS[0]][0]
        print(f"{backend:<10}{median:>12,.0f}{low:>12,.0f}{high:>12,.0f}{share:>12.2f}")
    row |= {"untuned": options["untuned"], "windows": options["windows"]} | bench.about()
    bench.append(options["results"], f"backends-{name}", row)
    print(store.to_json(row))
    return 0
