# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Which search finds the best setting for the same cost? `python benchmarks/searches.py --help`.

    searches.py run FAMILY --width 6,12,20 --first 100 --repeats 30 --search cost,random,... [--output FILE]
    searches.py table FILE

Every search sees the same problems (search_problems.py), one for each repetition, starts at the same defaults and ends
when its trials and its own thinking have cost 800 s: trials cost made-up seconds, thinking the processor's. At 200, 400
and 800 s it recommends a setting; what counts is that setting's noiseless score. `own` is the setting of the best score
observed, as rivals recommend; `model` what shoal recommends from the same trials.

`protein` is PufferLib 3.0's, from the sdist on PyPI, whose folder PROTEIN names (pyro-ppl and torch installed). As
shipped it trains its models for 1,000 steps of 1e-4 before each suggestion, 4 to 9 s of processor time; here for 50
steps of 2e-3, which go as far, and it sees 2 points of each learning curve instead of 10: a repetition would otherwise
take a quarter of an hour, nearly all of its budget.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import os
import pickle
import random
import sys
import time
import types
from collections.abc import Sequence
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy: one processor for everyone

import numpy as np  # noqa: E402
from search_problems import FAMILIES, STEPS  # noqa: E402

from shoal.sweep import search as searches  # noqa: E402
from shoal.sweep.space import Dimension, Point, Space  # noqa: E402
from shoal.sweep.trial import FAILED, Trial  # noqa: E402

BUDGETS = (200.0, 400.0, 800.0)  # seconds
MOST = 400  # trials


class Protein(searches.Random):
    """PufferLib's search behind our ask."""

    def __init__(self, space: Space, *, seed: int = 0, first: Sequence[Point] = (), **_: object) -> None:
        super().__init__(space, seed=seed, first=first)
        self._module = _protein()
        _forget()
        center = first[0]
        declared = {d.name: self._declared(d, center.get(d.name)) for d in space.dimensions}
        with contextlib.redirect_stdout(io.StringIO()):
            self._protein = self._module.Protein(
                {"metric": "score", "goal": "maximize", "downsample": 2, "s": declared}
            )
        self._seen = 0

    def ask(self, trials: Sequence[Trial]) -> searches.Asked:
        """Tell what is new, and return a suggestion."""
        import torch

        for number in (np.random, random, torch):
            getattr(number, "manual_seed", getattr(number, "seed", None))(self.seed * 10_000 + len(trials))
        for trial in trials[self._seen :]:
            scores = [t.score for t in trials if t.score is not None]
            numbers = {d.name: self._number(d, trial.point) for d in self.space.dimensions}
            if trial.status == FAILED:
                if scores:
                    self._protein.observe({"s": numbers}, min(scores), trial.cost)
                continue
            for seconds, steps, score in (trial.curve[3], trial.curve[7]):
                self._protein.observe({"s": {**numbers, STEPS: steps}}, score, seconds)
        self._seen = len(trials)
        if trials and not self._protein.success_observations:  # it would suggest its center for ever
            return super()._next(trials)
        with contextlib.redirect_stdout(io.StringIO()):
            found = self._protein.suggest({"s": {}})[0]["s"]
        point: Point = {}
        for d in self.space.dimensions:
            value = found[d.name]
            value = (
                d.choices[int(value)]
                if d.scale == "choice"
                else int(value)
                if d.scale in ("integer", "pow2")
                else value
            )
            point[d.name] = value if isinstance(value, str | int) else float(value)
        return searches.Asked(self.space.decode(self.space.encode(point)))

    def _declared(self, d: Dimension, center: object) -> dict[str, object]:
        kinds = {"linear": "uniform", "log": "log_normal", "logit": "logit_normal", "integer": "int_uniform",
                 "pow2": "uniform_pow2", "choice": "int_uniform"}  # fmt: skip
        low, high = (0, len(d.choices) - 1) if d.scale == "choice" else (d.low, d.high)
        if d.scale == "pow2":
            low, high = 2**low, 2**high
        center = self._number(d, {d.name: center} if center is not None else {})
        return {"distribution": kinds[d.scale], "min": low, "max": high, "mean": center,
                "scale": "time" if d.name == STEPS else "auto"}  # fmt: skip

    def _number(self, d: Dimension, point: Point) -> float:
        value = point.get(d.name, d.decode(np.full(d.width, 0.5)))  # conditional: anything
        return d.choices.index(value) if d.scale == "choice" else value


def _forget() -> None:
    """Empty pyro's store, which would hand the hyperparameters of one sweep to the next of this process."""
    import pyro

    pyro.clear_param_store()


def _protein() -> types.ModuleType:
    """Return PufferLib's sweep module with what it needs of the package."""
    import torch
    from pyro.contrib import gp

    torch.set_num_threads(1)

    def flat(nested: dict[str, object]) -> object:
        for key, value in nested.items():
            if isinstance(value, dict):
                yield from ((f"{key}/{inner}", found) for inner, found in flat(value))
            else:
                yield key, value

    package = types.ModuleType("pufferlib")
    package.unroll_nested_dict = flat
    sys.modules["pufferlib"] = package
    spec = importlib.util.spec_from_file_location("protein", Path(os.environ["PROTEIN"]) / "pufferlib" / "sweep.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    train = module.gp.util.train if not hasattr(gp.util, "shortened") else gp.util.train

    def shorter(model: object, optimizer: torch.optim.Optimizer) -> object:
        for group in optimizer.param_groups:
            group["lr"] = 2e-3
        return train(model, optimizer, num_steps=50)

    if not hasattr(gp.util, "shortened"):
        gp.util.train, gp.util.shortened = shorter, True
    return module


def run(family: str, width: int, number: int, name: str, keep: Path | None) -> dict[str, object]:
    """Return a row: what a search recommends at each budget on one problem."""
    problem = FAMILIES[family](width, number)
    options = {"seed": number, "first": [problem.first]}
    if name == "protein":
        search = Protein(problem.space, **options)
    else:
        search = searches.make(name, problem.space, **options, seconds=BUDGETS[-1])
    rng = np.random.default_rng((4, number))
    trials: list[Trial] = []
    spent = 0.0
    at: list[int] = []  # trials that had ended at each budget
    while spent < BUDGETS[-1] and len(trials) < MOST:
        before = time.process_time()
        asked = search.ask(trials)
        thinking = time.process_time() - before
        outcome = problem.run(asked.point, rng)
        spent += thinking + outcome.cost
        at += [len(trials)] * (sum(spent >= budget for budget in BUDGETS) - len(at))
        trials.append(outcome.trial(len(trials), asked.point, asked.purpose, thinking))
    at += [len(trials)] * (len(BUDGETS) - len(at))
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{family}-{width}-{number}-{name}.pickle").write_bytes(pickle.dumps((at, trials)))
    return judged(family, width, number, name, at, trials)


def judged(family: str, width: int, number: int, name: str, at: list[int], trials: list[Trial]) -> dict[str, object]:
    """Return a row: the noiseless scores of what is recommended after so many trials."""
    problem = FAMILIES[family](width, number)
    row: dict[str, object] = {"family": family, "width": width, "number": number, "search": name, "trials": at,
                              "thought": round(sum(t.thought for t in trials), 2), "own": [], "model": []}  # fmt: skip
    helper = searches.make("cost", problem.space, seed=number, seconds=BUDGETS[-1])
    for end in at:
        scored = [t for t in trials[:end] if t.score is not None]
        best = max(scored, key=lambda t: t.score) if scored else None
        row["own"].append(round(problem.truth(best.point), 4) if best else 0.0)
        found = helper.recommend(trials[:end])
        row["model"].append(round(problem.truth(found.point), 4) if found else 0.0)
    return row


def table(path: Path) -> None:
    """Print means, and the paired difference of shoal's search to each other one; of equal rows the last counts."""
    read = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    rows = list({(row["family"], row["width"], row["number"], row["search"]): row for row in read}.values())
    for problem in sorted({(row["family"], row["width"]) for row in rows}):
        mine = [row for row in rows if (row["family"], row["width"]) == problem]
        ours = {row["number"]: row["model"] for row in mine if row["search"] == "cost"}
        print(
            f"{problem[0]}, {problem[1]} settings: noiseless score of what is recommended at {BUDGETS} s; "
            "gain of `cost` over it"
        )
        for name in sorted({row["search"] for row in mine}):
            for kind in ("own", "model"):
                found = {row["number"]: row[kind] for row in mine if row["search"] == name}
                numbers = sorted(set(found) & set(ours)) or sorted(found)
                theirs = np.array([found[number] for number in numbers])
                line = f"  {name:11s} {kind:6s} n={len(numbers):3d} " + " ".join(
                    f"{v:.3f}" for v in theirs.mean(axis=0)
                )
                if ours and not (name == "cost" and kind == "model"):
                    gain = np.array([ours[number] for number in numbers]) - theirs
                    draws = np.random.default_rng(0).integers(0, len(gain), (10_000, len(gain)))
                    low, high = np.percentile(gain[draws].mean(axis=1), [2.5, 97.5], axis=0)
                    gains = zip(gain.mean(axis=0), low, high, strict=True)
                    line += "   " + "  ".join(f"{m:+.3f} [{a:+.3f}, {b:+.3f}]" for m, a, b in gains)
                spent = np.mean([row["thought"] for row in mine if row["search"] == name])
                count = np.mean([row["trials"][-1] for row in mine if row["search"] == name])
                print(line + (f"   {count:.0f} trials, {spent:.1f} s thought" if kind == "own" else ""))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("run")
    one.add_argument("family", choices=FAMILIES)
    one.add_argument("--width", default="6,12,20", help="settings, such as 6,12,20")
    one.add_argument("--repeats", type=int, default=30)
    one.add_argument("--search", default=",".join((*searches.NAMES, "protein")))
    one.add_argument("--output", type=Path, help="JSON lines are appended; what is there already is left out")
    one.add_argument("--first", type=int, default=0, help="number of the first problem")
    one.add_argument("--keep", type=Path, help="a folder for the trials, for `again`")
    again = verbs.add_parser("again", help="recommend anew from kept trials, which a change of `recommend` asks for")
    again.add_argument("keep", type=Path)
    again.add_argument("output", type=Path)
    verbs.add_parser("table").add_argument("file", type=Path)
    given = parser.parse_args()
    if given.verb == "table":
        table(given.file)
        return
    if given.verb == "again":
        with given.output.open("w", encoding="utf-8") as file:
            for path in sorted(given.keep.glob("*.pickle")):
                family, width, number, name = path.stem.split("-", 3)
                row = judged(family, int(width), int(number), name, *pickle.loads(path.read_bytes()))
                file.write(json.dumps(row) + "\n")
        return
    there = set()
    if given.output and given.output.exists():
        rows = map(json.loads, given.output.read_text(encoding="utf-8").splitlines())
        there = {(row["family"], row["width"], row["number"], row["search"]) for row in rows}
    for width in map(int, given.width.split(",")):
        for number in range(given.first, given.first + given.repeats):
            for name in given.search.split(","):
                if (given.family, width, number, name) not in there:
                    text = json.dumps(run(given.family, width, number, name, given.keep))
                    print(text, flush=True)
                    if given.output:
                        with given.output.open("a", encoding="utf-8") as file:
                            file.write(text + "\n")


if __name__ == "__main__":
    main()
