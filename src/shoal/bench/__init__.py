# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Benchmarks: time to solved, simulation, training and kernels; here what they share.

Every benchmark prints a table as it goes and one line of JSON at its end, and appends a row of JSON for each seed or
measurement to a file in `--results`, with the commit, the machine, the date and a hash of the settings.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal import flags, native, store
from shoal.errors import ConfigError
from shoal.provenance import commit as commit
from shoal.provenance import machine as machine
from shoal.provenance import now

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shoal import registry

RESULTS = flags.Option("results", "str", "benchmarks/results", "folder where rows are kept; none keeps no rows")
WINDOWS = flags.Option("windows", "int", 5, "into which they are divided")
SET = flags.Option("set", "str", None, "section.key=value, several separated by spaces; same as the flag")


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file, none if it is not there."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def append(folder: str, name: str, row: dict[str, Any]) -> None:
    """Add a row to <folder>/<name>.jsonl, unless the folder is `none`.

    Raises:
        ConfigError: if it cannot be written.
    """
    if folder == "none":
        return
    path = Path(folder) / f"{name}.jsonl"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(store.to_json(row) + "\n")
    except OSError as error:
        raise ConfigError(f"the results cannot be written: {path}: {error.strerror}") from error


def about() -> dict[str, Any]:
    """Return what every row says of its origin."""
    return {"commit": commit(), "machine": machine(), "date": now()}


def mark(*facts: object) -> str:
    """Return a hash of what rows must have in common to be compared."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def spread(values: Sequence[float], digits: int = 4) -> list[float]:
    """Return median, lowest and highest, rounded to so many significant digits."""
    return [float(f"{value:.{digits}g}") for value in (statistics.median(values), min(values), max(values))]


def counts(name: str, text: str, low: int = 1) -> list[int]:
    """Return the whole numbers of a list such as `1,2`.

    Raises:
        ConfigError: if it is none, or one of them is below `low`.
    """
    try:
        numbers = [int(float(part)) if "e" in part.lower() else int(part.replace("_", "")) for part in text.split(",")]
    except (ValueError, OverflowError):
        numbers = []
    if not numbers or min(numbers) < low:
        raise ConfigError(f"--{name} {text}: expected whole numbers of at least {low}, such as {max(low, 1)} or 1,2")
    return numbers


def threads_of(text: str) -> list[int]:
    """Return the numbers of threads of a list in which 0 stands for all cores, each once.

    Raises:
        ConfigError: if it is no such list, or names more than 1024.
    """
    cores = int(native.library().cores())
    numbers = list(dict.fromkeys(number or cores for number in counts("threads", text, 0)))
    if max(numbers) > 1024:
        raise ConfigError(f"--threads {text}: expected at most 1024; this machine has {cores} cores")
    return numbers


def check_results(folder: str) -> None:
    """Raise, before anything is measured, if rows cannot be kept in this folder."""
    place = Path(folder)
    while not place.exists() and place != place.parent:
        place = place.parent
    if folder != "none" and not (place.is_dir() and os.access(place, os.W_OK)):
        raise ConfigError(f"the results cannot be written: --results {folder}; expected a folder, or none")


def check_timing(options: dict[str, Any]) -> None:
    """Raise unless there is something to measure, and a place for the results."""
    check_results(options.get("results", "none"))
    if not 0 < options["seconds"] < 1e6 or options.get("repeats", 1) < 1:
        raise ConfigError("nothing to measure: expected --seconds above 0 and --repeats of at least 1")
    if options.get("windows", 1) < 1:
        raise ConfigError(f"--windows {options['windows']}: expected at least 1")


def random_actions(spec: registry.Spec, shape: tuple[int, int]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return uniform actions, the same ones at every call: int32 (*shape, heads) and float32 (*shape, dims)."""
    import numpy as np

    random = np.random.default_rng(0)
    discrete = np.empty((*shape, len(spec.heads)), np.int32)
    continuous = np.empty((*shape, len(spec.dims)), np.float32)
    for index, head in enumerate(spec.heads):
        discrete[..., index] = random.integers(0, head.size, shape, np.int32)
    for index, dim in enumerate(spec.dims):
        continuous[..., index] = random.uniform(dim.low, dim.high, shape)
    return discrete, continuous


def take_assignments(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Split off what `--set a.b=1 c.d=2` names: flags.parse knows flags of one value only."""
    rest: list[str] = []
    taken: list[str] = []
    taking = False
    for argument in arguments:
        if argument == "--set":
            taking = True
        elif taking and not argument.startswith("--"):
            taken.append(argument)
        else:
            taking = False
            rest.append(argument)
    if "--set" in arguments and not taken:
        raise ConfigError("--set names nothing; expected section.key=value")
    return rest, taken


def parse_with_settings(
    program: str, title: str, name: str, arguments: list[str], options: Sequence[flags.Option]
) -> flags.Parsed:
    """Return what arguments with settings of an environment say, `--set` among them."""
    arguments, assignments = take_assignments(arguments)
    parsed = flags.parse(program, title, arguments, options, name)
    for assignment in assignments:
        for section, values in flags.from_assignment(name, assignment).items():
            parsed.overrides.setdefault(section, {}).update(values)
    return parsed
