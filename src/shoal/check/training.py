# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A few seconds of training, and what usually goes wrong: scales, missing information, unsorted entities."""

from __future__ import annotations

import ctypes
import math
import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal import config
from shoal.check.engine import act
from shoal.check.report import Report
from shoal.evaluate import Stopped, evaluate
from shoal.packing import unpack
from shoal.registry import Spec
from shoal.result import Log
from shoal.tables import Field
from shoal.trainer import Trainer
from shoal.vector import Vec

ROWS, STEPS = 64, 256  # that are looked at, at least one world and at most 64
BASELINE_SECONDS = 2.0
LARGE_REWARD, SMALL_REWARD, RARE_REWARD = 1e3, 1e-3, 1e3  # greatest sizes, and the greatest over the usual one
OFFSET = 100.0  # spreads that a mean may lie away from zero
LARGE, SMALL = 1e4, 1e-4  # spreads of an element
ALIKE = 0.25  # spreads by which the means of alike rows differ at most
SORTED = 0.95  # share of rows in order that counts as sorted
FIT, GAIN = 0.1, 0.02  # value fit that counts as none; perf that counts as better than chance
PERFECT = 0.95  # perf of chance that leaves nothing to learn


@dataclass(frozen=True)
class Sample:
    """What random play shows: rewards (n,), and observations by field (n, *shape), of live rows."""

    rewards: NDArray[np.float32]
    observations: dict[str, NDArray[Any]]
    ends: int


def check_training(spec: Spec, reference: str, seconds: float, report: Report) -> None:
    """Look at the scales, play the baselines and, for so many seconds, train."""
    report.ok("rewards vary", "scale", "entities")
    sample = _sample(spec)
    _rewards(spec, sample, report)
    for field in spec.fields:
        values = sample.observations[field.name]
        _scale(spec, field, values, report)
        if (
            field.kind == "vector"
            and field.dtype == "float32"
            and field.rows >= 3
            and field.columns * field.channels >= 2
        ):
            _entities(spec, field, values.reshape(len(values), field.rows, -1), report)
    settings = config.load(reference, seed=1)
    for player in ("random", "scripted")[: 1 + spec.env.scripted]:
        means = _baseline(spec, settings, player)
        if means:
            report.players[player] = means
    if seconds > 0:
        _train(spec, settings, seconds, report)


def _sample(spec: Spec) -> Sample:
    """Return what random play shows, and where there is a scripted policy half of it by that."""
    copies = max(1, ROWS // spec.agents)
    rng = np.random.default_rng(3)
    rewards, rows, ends = [], [], 0
    with Vec(spec, num_envs=copies, seed=3, threads=1, stagger=True) as vec:
        for step in range(STEPS):
            was = vec.live == 1
            if spec.env.scripted and step >= STEPS // 2:
                vec.scripted(1.0)
            else:
                act(vec, rng)
            vec.step()
            rewards.append(vec.rewards[was].copy())
            rows.append(vec.rows[vec.live == 1].copy())
        ends = vec.stats().lives
    return Sample(np.concatenate(rewards), unpack(spec, np.concatenate(rows)), ends)


# ---------------------------------------------------------------------------------------------------- scales


def _rewards(spec: Spec, sample: Sample, report: Report) -> None:
    sizes = np.abs(sample.rewards[np.isfinite(sample.rewards)])
    some = sizes[sizes > 0]
    name = f"{spec.env.name}_step"
    if not len(some):
        report.warning(
            "rewards vary",
            f"{name} gave no reward in {len(sizes):,} steps: chance finds nothing to learn from; expected rewards on "
            "the way, or starts near the goal",
        )
        return
    if not sample.ends and float(np.ptp(sample.rewards)) == 0:
        report.warning(
            "rewards vary", f"{name} gave the reward {some[0]:g} in every of {len(sizes):,} steps, and nothing ended"
        )
    most, usual = float(some.max()), float(np.median(some))
    if most > LARGE_REWARD or most < SMALL_REWARD:
        report.warning("scale", f"{name} gives rewards of size {most:g}; expected sizes about 1: scale result->reward")
    elif most > RARE_REWARD * usual:
        report.warning(
            "scale",
            f"{name} gives rewards of size {usual:g} usually and {most:g} at times: the rare ones drown the usual ones "
            "in the scale of the returns",
        )


def _scale(spec: Spec, field: Field, values: NDArray[Any], report: Report) -> None:
    flat = values.reshape(len(values), -1).astype(np.float64)
    spread, mean = flat.std(axis=0), flat.mean(axis=0)
    where = f"{spec.env.name}_observe: field `{field.name}`"
    if not spread.any():
        report.warning("scale", f"{where} never changed in {len(flat):,} rows: it tells nothing")
        return
    if field.kind not in ("vector", "set") or field.dtype != "float32":
        return
    moving = spread > 0
    index = int(np.argmax(np.where(moving, np.abs(mean) / np.where(moving, spread, 1), 0)))
    if abs(mean[index]) > OFFSET * spread[index]:
        report.warning(
            "scale",
            f"{where}[{index}] hardly varies about {mean[index]:g} (spread {spread[index]:.2g}): subtract what is "
            "constant",
        )
    for index in (int(np.argmax(spread)), int(np.argmin(np.where(moving, spread, np.inf)))):
        if not SMALL <= spread[index] <= LARGE:
            units = "larger" if spread[index] > LARGE else "smaller"
            report.warning(
                "scale",
                f"{where}[{index}] has a spread of {spread[index]:.2g}; expected about 1: give it in {units} units",
            )


def _entities(spec: Spec, field: Field, values: NDArray[Any], report: Report) -> None:
    """Warn of rows that are alike, as a list of things is, and in no order. values: (n, rows, columns)."""
    mean, spread = values.mean(axis=0), values.std(axis=0)
    usual = np.maximum(spread.mean(axis=0), 1e-9)
    alike = (np.abs(mean - mean.mean(axis=0)) < ALIKE * usual).all() and (spread < 1.5 * usual + 1e-6).all()
    alike = alike and bool((spread > 0.67 * usual).all()) and bool((spread.mean(axis=0) > 0).any())
    steps = np.diff(values, axis=1)
    in_order = max(
        float((steps >= 0).all(axis=1).mean(axis=0).max()), float((steps <= 0).all(axis=1).mean(axis=0).max())
    )
    if alike and in_order < SORTED:
        report.warning(
            "entities",
            f"{spec.env.name}_observe: the {field.rows} rows of vector `{field.name}` look like a list of alike things "
            "in no order, each of which a linear encoder learns apart: sort them, nearest first, or declare a field of "
            "kind set",
        )


# ---------------------------------------------------------------------------------------------------- training


def _baseline(spec: Spec, settings: config.Config, player: str) -> dict[str, float]:
    """Return a player's metrics, or nothing if it takes too long."""
    stop = ctypes.c_int32(0)
    timer = threading.Timer(BASELINE_SECONDS, lambda: setattr(stop, "value", 1))
    timer.start()
    try:
        return evaluate(spec, settings, player=player, number=-1, stop=stop).stats.means()
    except Stopped:
        return {}
    finally:
        timer.cancel()


def _train(spec: Spec, settings: config.Config, seconds: float, report: Report) -> None:
    report.ok("learning")
    logs: list[Log] = []
    end = time.perf_counter() + seconds

    def watch(log: Log) -> None:
        logs.append(log)
        if time.perf_counter() >= end:
            raise KeyboardInterrupt  # ends training as Ctrl-C does: without an evaluation, which may take long

    Trainer(settings, runs_dir=None, image_seconds=1e9).train(watch)
    logs = [log for log in logs if log["updates"]]
    last = logs[-max(1, len(logs) // 4) :]
    lives = sum(log["episode/count"] for log in last)
    if not lives:
        report.skip("learning", f"no life ended after an update within {seconds:g} s: try a longer `--seconds`")
        return
    trained = {name: _mean(last, f"env/{name}") for name in (metric.name for metric in spec.env.metrics)}
    trained |= {"episode_return": _mean(last, "episode/return"), "episode_length": _mean(last, "episode/length")}
    report.players["trained"] = trained
    fit = float(np.nanmean([log["value/explained_variance"] for log in last]))
    perf, steps = trained["perf"], last[-1]["steps"]
    report.training = {"seconds": seconds, "steps": steps, "perf": perf, "value_fit": fit}
    report.training["entropy"] = float(np.mean([log["policy/entropy"] for log in last]))
    chance = report.players.get("random", {}).get("perf", math.nan)
    if math.isnan(chance) or chance > PERFECT or perf > chance + GAIN:
        return
    about = f"after {steps:,.0f} steps perf is {perf:.3f}, by chance {chance:.3f}"
    if fit < FIT and max(log["value/sigma_return"] for log in last) > 0:
        report.warning(
            "learning",
            f"nothing was learnt: {about}, and the value explains {max(fit, 0.0):.0%} of the returns, which vary: what "
            f"decides the reward is probably not in what {spec.env.name}_observe shows",
        )
    else:
        report.warning("learning", f"nothing was learnt yet: {about} (value fit {fit:.2f}); try a longer `--seconds`")


def _mean(logs: list[Log], key: str) -> float:
    """Return a mean over the lives that ended."""
    some = [log for log in logs if log["episode/count"]]
    return sum(log[key] * log["episode/count"] for log in some) / sum(log["episode/count"] for log in some)
