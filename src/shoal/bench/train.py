# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""How fast training is, where its time goes, and how much of the machine it uses.

Share of the machine = ((1 + r) forward + r backward) floating-point operations of the network's matrix products times
steps/s, r the replay ratio, over the best rate that our micro-kernel, OpenBLAS or torch reaches on the network's shapes
with all threads at once. Windows of training with one thread, with all of them, and of products
with each take turns, so that what disturbs the machine disturbs all alike; medians over the rounds.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from dataclasses import dataclass
from typing import Any

from shoal import bench, config, flags, memory, native, native_settings, registry, store
from shoal.bench import gemm, operations
from shoal.errors import ConfigError
from shoal.policy import Policy
from shoal.result import Log
from shoal.trainer import Trainer

_ENDLESS = 1 << 53  # total steps: a window never comes to the end of a run

_OPTIONS = (
    *flags.LAYERS,
    *flags.BACKEND,
    flags.SEED,
    bench.SET,
    flags.Option("threads", "int", 0, "0 stands for all cores"),
    flags.Option("seconds", "float", 10.0, "of training, with one thread and with all together"),
    bench.WINDOWS,
    bench.RESULTS,
)


def run(name: str, arguments: list[str]) -> int:
    """Run `shoal bench train NAME ARGUMENTS` and return the exit code."""
    parsed = bench.parse_with_settings("shoal bench train", "Training speed.", name, arguments, _OPTIONS)
    reference, name = name, registry.get(name).name
    options = parsed.options
    bench.check_timing(options)
    threads = bench.threads_of(str(options["threads"]))[0]
    runners = {count: Runner(parsed.load(reference), count) for count in sorted({1, threads})}
    trainer = runners[threads].trainer
    settings, version = trainer.config, trainer.spec.version
    network = operations.Network(_twin(trainer))
    shape = settings.policy
    title = f"{shape.core} {shape.hidden} x {shape.layers}"
    print(
        f"{name} version {version}, settings {runners[threads].mark}, {title}, {threads} threads\n{bench.machine()}",
        flush=True,
    )

    # MEASURE
    rates = gemm.measure(network.products(), threads=threads, seconds=0.02, repeats=7)
    windows: dict[int, list[Window]] = {count: [] for count in runners}
    products: dict[int, list[float]] = {count: [] for count in runners}
    for _ in range(options["windows"]):
        for count, runner in runners.items():
            windows[count].append(runner.window(options["seconds"] / len(runners) / options["windows"]))
            products[count].append(_products_rate(network, count))

    # SUMMARISE
    forward, backward = network.flops()
    replay = settings.train.replay_ratio
    flops = (1 + replay) * forward + replay * backward
    sps = {count: bench.spread([window.sps for window in found]) for count, found in windows.items()}
    library, matrix, best = rates.best()
    used = flops * sps[threads][0] / 1e9
    row: dict[str, Any] = {"env": name, "version": version, "settings": runners[threads].mark, "network": title}
    row |= {
        "backend": settings.train.backend,
        "threads": threads,
        "seed": settings.seed,
        "sps": sps[threads],
        "sps_one_thread": sps[1],
    }
    row |= _scaling(windows, products, threads)
    row |= {"flops_per_step": round(flops), "gflops": round(used, 2), "best_gflops": best}
    row |= {"best_library": library, "best_shape": matrix, "share": round(used / best, 4)}
    row |= {"gemm": {key: max(median for median, *_ in table) for key, table in rates.gflops.items()}}
    row |= {"missing": rates.missing, "stages": _stages(windows[threads]), "bytes": trainer.bytes()}
    row |= {"untuned": options["untuned"], "overrides": parsed.overrides, "windows": options["windows"]}
    row |= bench.about()
    _show(row)
    bench.append(options["results"], f"train-{name}", row)
    print(store.to_json(row))
    return 0


def _twin(trainer: Trainer) -> Policy:
    """Return the native policy with the network of what is trained, for its shapes.

    Raises:
        ConfigError: if there is none.
    """
    if isinstance(trainer.policy, Policy):
        return trainer.policy
    policy = trainer.config.policy
    if policy.module or policy.core not in native.CORES:
        raise ConfigError("the share of the machine is known for the networks of the native backend alone")
    return Policy(trainer.spec, native_settings.twin(trainer.config))


@dataclass(frozen=True)
class Window:
    """A stretch of training: agent steps, seconds, and thread-seconds by stage."""

    steps: int
    seconds: float
    stages: dict[str, float]

    @property
    def sps(self) -> float:
        """Agent steps per second."""
        return self.steps / self.seconds


class _FullError(Exception):
    """The window has lasted long enough."""


class Runner:
    """Trains with a number of threads, a window at a time."""

    def __init__(self, settings: config.Config, threads: int) -> None:
        vec = dataclasses.replace(settings.vec, threads=threads)
        train = dataclasses.replace(settings.train, total_steps=_ENDLESS, schedule_steps=_ENDLESS)
        self.trainer = Trainer(dataclasses.replace(settings, vec=vec, train=train), runs_dir=None)
        spec = self.trainer.spec
        self.mark = config.resolve(settings, spec).settings_hash(spec.version)
        self.window(0.0)  # the first rollout only gathers statistics

    def window(self, seconds: float) -> Window:
        """Train for at least so long, and one iteration before that which does not count."""
        begun: list[tuple[float, int]] = []
        found: list[Window] = []

        def callback(log: Log) -> None:
            now, steps = time.perf_counter(), int(log["steps"])
            if not begun:
                self.trainer.stages()
                begun.append((now, steps))
                return
            if now - begun[0][0] >= seconds:
                found.append(Window(steps - begun[0][1], now - begun[0][0], self.trainer.stages()))
                raise _FullError

        try:
            self.trainer.train(callback)
        except _FullError:
            return found[0]
        raise KeyboardInterrupt  # training ends by itself only when it is interrupted


def _products_rate(network: operations.Network, threads: int) -> float:
    """Return GFLOP/s of our micro-kernel on all products of the network together, each as often as any other."""
    matrices = network.products()
    rates = gemm.ours(matrices, threads=threads, seconds=0.02, repeats=1)
    flops = [inputs * outputs for _, inputs, outputs in matrices]
    return sum(flops) / sum(work / rate[0] for work, rate in zip(flops, rates, strict=True))


def _scaling(windows: dict[int, list[Window]], products: dict[int, list[float]], threads: int) -> dict[str, Any]:
    """Return how much faster all threads are than one, in training and in products, medians over rounds."""
    pairs = zip(windows[1], windows[threads], strict=True)
    training = statistics.median(many.sps / one.sps for one, many in pairs)
    multiplying = statistics.median(many / one for one, many in zip(products[1], products[threads], strict=True))
    return {
        "scaling": round(training, 3),
        "gemm_scaling": round(multiplying, 3),
        "scaling_share": round(training / multiplying, 3),
    }


def _stages(windows: list[Window]) -> dict[str, float]:
    """Return the nanoseconds that a step takes in each stage, over all threads; medians over windows."""
    return {
        stage: round(statistics.median(window.stages[stage] / window.steps for window in windows) * 1e9, 2)
        for stage in native.STAGES
    }


_ABOUT = {
    "simulate": "rollout: environments",
    "act": "rollout: forward",
    "sample": "rollout: actions",
    "gather": "rollout: bookkeeping, normaliser sums",
    "advantage": "advantages, order of a pass",
    "forward": "update: forward",
    "loss": "update: loss",
    "backward": "update: backward",
    "optimize": "update: optimizer",
    "statistics": "normaliser, return scale",
    "wait": "threads that wait; the host program",
}


def _show(row: dict[str, Any]) -> None:
    median, low, high = row["sps"]
    total = sum(row["stages"].values())
    print(f"{median:,.0f} steps/s ({low:,.0f} to {high:,.0f}); one thread {row['sps_one_thread'][0]:,.0f}")
    print(f"{'stage':<12}{'ns a step':>10}{'share':>8}")
    for stage, about in _ABOUT.items():
        cost = row["stages"][stage]
        print(f"{stage:<12}{cost:>10.1f}{cost / total:>8.1%}  {about}")
    for library, reason in row["missing"].items():
        print(f"{library}: {reason}")
    rates = ", ".join(f"{library} {rate:.4g}" for library, rate in row["gemm"].items())
    print(f"matrix products, best shape of each with {row['threads']} threads: {rates} GFLOP/s")
    print(
        f"share of the machine {row['share']:.1%}: {row['flops_per_step'] / 1e6:.4g} MFLOP a step, "
        f"{row['gflops']:.4g} of {row['best_gflops']:.4g} GFLOP/s"
    )
    if row["threads"] > 1:
        print(
            f"scaling {row['scaling']:.2f} with {row['threads']} threads, of products {row['gemm_scaling']:.2f}: "
            f"{row['scaling_share']:.2f} of it"
        )
    print("memory: " + ", ".join(f"{part} {memory.human(size)}" for part, size in row["bytes"].items()))
