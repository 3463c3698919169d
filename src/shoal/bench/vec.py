# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Stepping of Python environments: our workers beside Gymnasium's and Stable-Baselines3's vectors, in one run.

Each steps the same environments with the same drawn actions, prepared beforehand, and has the machine alone: it is
opened in a process of its own (vec_peer.py), which must start in time and is killed after its measurements with all
that it has started. Peers are opened as their users open them (with checks and copies of observations off), and get
several numbers of copies, as ours do: their best counts.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import Any

from shoal import bench, flags, registry, store
from shoal.bench.vec_peer import OURS, PEERS, STARTED
from shoal.errors import ConfigError, command

ENVIRONMENTS = ("gymnasium:CartPole-v1", "gymnasium:LunarLander-v3", "gymnasium:ALE/Pong-v5")
SLACK = 30.0  # seconds that measurements may take beyond twice what was asked for

_OPTIONS = (
    flags.Option("copies", "str", "8,64", "several separated by commas"),
    flags.Option("blocks", "str", "0", "copies that ours step together, several separated by commas; 0: by default"),
    flags.Option("seconds", "float", 1.0, "of one measurement"),
    flags.Option("repeats", "int", 5, "measurements"),
    flags.Option("start", "float", 60.0, "seconds in which a vector must have started"),
    flags.Option("spin", "bool", False, "waiting of ours burns cores"),
    bench.RESULTS,
)


class UnmeasuredError(Exception):
    """A vector that cannot be measured, and why."""


def run(names: list[str], arguments: list[str]) -> int:
    """Run `shoal bench vec NAMES ARGUMENTS` and return the exit code."""
    options = flags.parse("shoal bench vec", "Steps a second of Python environments.", arguments, _OPTIONS).options
    bench.check_timing(options)
    if not 0 < options["start"] < 1e6:
        raise ConfigError(f"--start {options['start']:g}: expected seconds above 0")
    copies, blocks = bench.counts("copies", options["copies"]), bench.counts("blocks", options["blocks"], 0)
    environments = [registry.get(name) for name in names or ENVIRONMENTS]
    for env in environments:
        if not env.outside.startswith("gymnasium:"):
            problem = f"peers cannot step `{env.spelled}`; expected gymnasium:ID"
            raise ConfigError(problem, f"`{command()} bench sim` is for C")
    print(f"{bench.machine()}; steps a second, resets included")
    print(f"{'environment':<26}{'vector':<26}{'copies':>7}{'block':>7}{'median':>10}{'lowest':>10}{'highest':>10}")
    found = []
    for env in environments:
        rows = _measure(env, copies, blocks, options)
        found += rows
        for count in copies:
            _compare(env, f"{count} copies", [row for row in rows if row["copies"] == count])
        if len(copies) > 1:
            _compare(env, "any copies", rows)
    print(store.to_json({"machine": bench.machine(), "commit": bench.commit(), "rows": found}))
    return 0


def _compare(env: registry.Environment, where: str, rows: list[dict[str, Any]]) -> None:
    """Print our best rate over the best of the peers."""
    ours = max((row["sps"][0] for row in rows if row["vector"] == OURS), default=0.0)
    best = max((row for row in rows if row["vector"] != OURS), key=lambda row: row["sps"][0], default=None)
    if ours and best:
        print(f"{env.spelled:<26}{where}: {ours / best['sps'][0]:.2f} x the best of the others, {best['vector']}")


def _measure(
    env: registry.Environment, copies: Sequence[int], blocks: Sequence[int], options: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return a row for every vector and number of copies."""
    mark = bench.mark(env.spelled, options["seconds"])
    asked = {name: options[name] for name in ("seconds", "repeats", "spin")}
    rows = []
    for count in copies:
        for name, block in [(OURS, block) for block in blocks] + [(name, 0) for name in PEERS]:
            task = {"env": env.spelled, "vector": name, "copies": count, "block": block}
            try:
                rates = _rates(task | asked, options["start"])
            except UnmeasuredError as why:
                print(f"{env.spelled:<26}{name:<26}{count:>7}{block or '':>7}  {why}", flush=True)
                continue
            row: dict[str, Any] = task | {"sps": bench.spread(rates), "repeats": len(rates), "settings": mark}
            rows.append(row)
            bench.append(options["results"], f"vec-{env.name}", row | bench.about())
            print(
                f"{env.spelled:<26}{name:<26}{count:>7}{block or '':>7}"
                + "".join(f"{rate:>10.4g}" for rate in row["sps"]),
                flush=True,
            )
    return rows


def _rates(task: dict[str, Any], start: float) -> list[float]:
    """Return steps a second of several measurements in a process of its own.

    Raises:
        UnmeasuredError: if it did not start in time, or ended without an answer.
    """
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "shoal.bench.vec_peer", json.dumps(task)],
            stdin=subprocess.PIPE,  # it ends when this is gone
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=_read, args=(process, lines), daemon=True).start()
        try:
            if _line(lines, start, "start", STARTED) is None:
                raise UnmeasuredError(f"not measured: {_last_line(errors)}")
            found = _line(lines, SLACK + 2 * task["seconds"] * (task["repeats"] + 1), "answer", "[")
            if found is None:
                raise UnmeasuredError(f"it ended in its measurements: {_last_line(errors)}")
            rates: list[float] = json.loads(found)
            return rates
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with all that it has started
            process.wait()


def _read(process: subprocess.Popen[bytes], lines: queue.SimpleQueue[str | None]) -> None:
    """Hand over what a process prints, line by line, and None at its end."""
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line.decode(errors="replace").rstrip("\n"))
    lines.put(None)


def _line(lines: queue.SimpleQueue[str | None], seconds: float, verb: str, head: str) -> str | None:
    """Return the next line that begins with `head`, or None at the end of all.

    Raises:
        UnmeasuredError: if there is none in time.
    """
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        with contextlib.suppress(queue.Empty):
            line = lines.get(timeout=left)
            if line is None or line.startswith(head):
                return line
    raise UnmeasuredError(f"did not {verb} in {seconds:g} s")


def _last_line(errors: Any) -> str:
    """Return what a traceback says in the end, without a hint."""
    errors.seek(0)
    text: list[str] = errors.read().decode(errors="replace").strip().splitlines()
    return next((line for line in reversed(text) if not line.startswith("hint:")), "it ended")
