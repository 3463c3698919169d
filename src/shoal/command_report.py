# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal report`: a sweep, or runs, as one HTML file that needs neither shoal nor a network."""

from __future__ import annotations

from pathlib import Path

from shoal import flags, index, store
from shoal.cli import command, leading, runs_folder
from shoal.command_runs import FILTER
from shoal.errors import ConfigError

OPTIONS = (
    flags.Option("output", "str", None, "the file, otherwise NAME.html here"),
    FILTER,
    flags.RUNS_DIR,
    flags.JSON,
)
_ABOUT = "Write a sweep, or runs, named or found by a filter, as one HTML file."


def run(arguments: list[str]) -> int:
    """Run `shoal report ARGUMENTS` and return the exit code."""
    words = leading(arguments)
    parsed = flags.parse("shoal report NAME ...", _ABOUT, arguments[len(words) :], OPTIONS).options
    if not words and not parsed["filter"]:
        raise ConfigError(
            "of what; expected the name of a sweep, names of runs, or --filter", f"`{command()} runs` lists them"
        )
    if words and parsed["filter"]:
        raise ConfigError(f"both names and a filter: {words[0]} --filter {parsed['filter']}; expected one of them")
    runs_dir = runs_folder(parsed["runs_dir"])
    from shoal.dash import report, trials  # with numpy, once the arguments are right
    from shoal.dash.api import Api

    known = trials.names(runs_dir)
    meant = [word for word in words if word and any(store.is_meant(name, word) for name in known)]
    sweeps = [store.find_sweep(runs_dir, word).name for word in meant]
    if sweeps and len(words) > 1:
        raise ConfigError(f"a sweep and something else: {' '.join(words)}; expected one sweep alone")
    api = Api(runs_dir)
    try:
        if sweeps:
            text, name = report.sweep(api, sweeps[0]), sweeps[0]
        else:
            api.refresh()
            rows = _rows(runs_dir, words, parsed["filter"])
            name = rows[0]["name"] if len(rows) == 1 else "runs"
            text = report.runs(api, [row["path"] for row in rows], rows, ", ".join(words) or parsed["filter"])
    finally:
        api.close()
    path = Path(parsed["output"] or f"{name}.html")
    report.write(path, text)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    if parsed["json"]:
        print(store.to_json({"file": str(path), "bytes": path.stat().st_size}))
    return 0


def _rows(runs_dir: Path, words: list[str], text: str | None) -> list[index.Row]:
    with index.Index(runs_dir) as found:
        found.refresh()
        if text:
            return found.select(index.parse(text))
        wanted = [store.find_run(runs_dir, word) for word in words]
        rows = []
        for run in wanted:
            rows += found.select([index.Condition("path", "=", f"{run.path.parent.name}/{run.name}")])
            if not rows or rows[-1]["name"] != run.name:
                raise ConfigError(f"the run does not lie in the runs folder: {run.path}", f"--runs-dir is {runs_dir}")
        return rows
