# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Draw learning curves with a band over seeds: `curve.py ENV FILE.png --seeds 1000-1004 [--steps 25M]`.

Trains the seeds that have no run of that length in `--runs-dir` yet, and draws the solved metric of training episodes
over agent steps: the median over seeds, a band from the worst to the best seed, and the threshold.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np

import shoal
from shoal import config, drawing, flags, png, store
from shoal.bench.solve import parse_seeds
from shoal.drawing import Canvas, Raster

WIDTH, HEIGHT = 720, 330
LEFT, RIGHT, TOP, BOTTOM = 64.0, 20.0, 34.0, 46.0  # pixels around the axes
BAND = 0x274A60FF
BINS = 150  # of steps


def runs_of(env: str, seeds: list[int], steps: int, runs_dir: Path) -> list[store.Run]:
    """Return a run of so many steps for each seed, trained if there is none."""
    found = {}
    for run in store.by_age(runs_dir, env):
        settings = config.load(env, file=run.config)
        if settings.train.total_steps == steps and run.weights():
            found[settings.seed] = run
    for seed in seeds:
        if seed not in found:
            print(f"training {env}, seed {seed}", flush=True)
            result = shoal.Trainer(env, seed=seed, runs_dir=runs_dir, train={"total_steps": steps}).train()
            found[seed] = store.Run(result.run or Path())
    return [found[seed] for seed in seeds]


def curve_of(run: store.Run, metric: str, steps: int) -> np.ndarray:
    """Return (BINS,): the mean over the lives that ended in each bin of steps; the one before where there was none."""
    sums, counts = np.zeros(BINS), np.zeros(BINS)
    for line in run.metrics.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["episode/count"]:
            at = min(int(row["steps"] * BINS / steps), BINS - 1)
            sums[at] += row["episode/count"] * row[f"env/{metric}"]
            counts[at] += row["episode/count"]
    values = np.divide(sums, counts, out=np.full(BINS, math.nan), where=counts > 0)
    for i in range(1, BINS):
        values[i] = values[i] if counts[i] else values[i - 1]
    return values


def nice_step(span: float) -> float:
    """Return 1, 2 or 5 times a power of ten that divides a span into about five."""
    power = 10.0 ** math.floor(math.log10(span / 5))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= span / 5)


def draw(env: str, curves: np.ndarray, steps: int, metric: str, threshold: float | None) -> png.Image:
    """Return the figure of curves (seeds, BINS)."""
    low, middle, high = np.min(curves, axis=0), np.median(curves, axis=0), np.max(curves, axis=0)
    first = int(np.argmax(np.isfinite(low)))
    top = max(float(np.nanmax(high)), threshold or 0.0) * 1.06
    floor = min(float(np.nanmin(low)), 0.0)

    def x(share: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * share

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - floor) / (top - floor)

    canvas = Canvas()
    canvas.clear(drawing.NIGHT)
    canvas.window(0, 0, WIDTH, HEIGHT)
    shares = (np.arange(first, BINS) + 0.5) / BINS
    for i in range(len(shares) - 1):  # the band, a strip a bin; opaque, and they overlap, so that no seam is seen
        at, to = first + i, first + i + 1
        left, right = x(shares[i]), x(shares[i + 1]) + 0.5
        canvas.polygon([(left, y(low[at])), (right, y(low[to])), (right, y(high[to])), (left, y(high[at]))], BAND)
    step = nice_step(top - floor)
    for k in range(math.ceil(floor / step), int(top / step) + 1):
        canvas.line([(x(0), y(k * step)), (x(1), y(k * step))], 1, drawing.PANEL)
        canvas.text(LEFT - 8, y(k * step), 8, f"{k * step:g}", drawing.MUTED, "right")
    step = nice_step(steps / 1e6)
    for k in range(int(steps / 1e6 / step) + 1):
        canvas.text(x(k * step * 1e6 / steps), HEIGHT - BOTTOM + 14, 8, f"{k * step:g}", drawing.MUTED, "centre")
    canvas.text(x(1), HEIGHT - 14, 8, "million steps", drawing.MUTED, "right")
    if threshold is not None:
        for dash in range(0, 100, 2):
            canvas.line([(x(dash / 100), y(threshold)), (x((dash + 1) / 100), y(threshold))], 1.2, drawing.YELLOW)
        canvas.text(x(0) + 6, y(threshold) - 9, 8, f"solved: {threshold:g}", drawing.YELLOW)
    canvas.line([(x(share), y(middle[first + i])) for i, share in enumerate(shares)], 2.2, drawing.SKY)
    canvas.line([(x(0), TOP), (x(0), y(floor)), (x(1), y(floor))], 1, drawing.EDGE)
    text = f"{env}: {metric} of training episodes, median of {len(curves)} seeds, worst to best"
    canvas.text(LEFT, 16, 9, text, drawing.TEXT)
    return Raster(WIDTH, HEIGHT).draw(canvas)


def main(arguments: list[str]) -> int:
    """Train, draw and write."""
    options = (
        flags.Option("seeds", "str", "1000-1004", "such as 1000-1004"),
        flags.Option("steps", "int", 25_000_000, "of each run"),
        flags.Option("runs-dir", "str", "runs/curves", "where the runs are kept"),
    )
    if len(arguments) < 2 or arguments[0].startswith("-"):
        print(__doc__)
        return 2
    env, path, *rest = arguments
    parsed = flags.parse("curve.py ENV FILE.png", str(__doc__), rest, options).options
    seeds, steps = parse_seeds(str(parsed["seeds"])), int(parsed["steps"])
    solved = config.load(env).solved
    runs = runs_of(env, seeds, steps, Path(parsed["runs_dir"]))
    curves = np.stack([curve_of(run, solved.metric, steps) for run in runs])
    png.write(path, draw(env, curves, steps, solved.metric, solved.threshold))
    print(f"{path}: {len(curves)} seeds of {env}, {steps:,} steps each")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except shoal.ShoalError as error:
        sys.exit(f"curve.py: {error}")
