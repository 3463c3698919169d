# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal runs`: the runs of a folder: list, filter, show, tag, delete, export."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shoal import flags, index, journal, registry, store
from shoal.cli import command, count, leading, runs_folder
from shoal.errors import CheckpointError, ConfigError, nearest

FILTER = flags.Option("filter", "str", None, "conditions that all hold: 'perf>=0.9 tag=good train.gamma!=0.99'")
_SORT = flags.Option("sort", "str", "-started", "by a column, a setting or eval.METRIC; with a minus the largest first")
_COLUMNS = ("name", "env", "status", "seed", "started", "steps", "seconds", "perf", "score", "solved", "tags")


def run(arguments: list[str]) -> int:
    """Run `shoal runs ARGUMENTS` and return the exit code."""
    words = leading(arguments)
    verb = _VERBS.get(words[0]) if words else None
    if verb:
        return verb(words[1:], arguments[len(words) :])
    return _list(words, arguments[len(words) :])


def _list(words: list[str], rest: list[str]) -> int:
    options = (
        FILTER,
        _SORT,
        flags.Option("columns", "str", None, "which, separated by commas; a setting (train.gamma) or eval.METRIC too"),
        flags.Option("sweep", "str", None, "the trials of this sweep, which are left out otherwise"),
        flags.Option("limit", "int", 30, "at most so many; 0: all"),
        flags.RUNS_DIR,
        flags.JSON,
    )
    about = "List runs, the newest first. Verbs: show RUN, tag RUN +WORD -WORD, delete RUN ..., export FILE, rebuild."
    parsed = flags.parse("shoal runs [ENV]", about, rest, options).options
    if len(words) > 1:
        hint = nearest(words[0], _VERBS, f"the verbs are {', '.join(_VERBS)}")
        raise ConfigError(f"unexpected argument `{words[1]}`; expected `shoal runs [ENV]`, or a verb first", hint)
    if parsed["limit"] < 0:
        raise ConfigError(f"out of range: --limit {parsed['limit']}; expected at least 0")
    sweep = store.find_sweep(Path(parsed["runs_dir"]), parsed["sweep"]).name if parsed["sweep"] else ""
    columns = [name.strip() for name in parsed["columns"].split(",")] if parsed["columns"] else list(_COLUMNS)
    with _index(parsed["runs_dir"]) as found:
        if words:
            _check_env(words[0], found)
        for name in columns:
            found.check(name)
        conditions = _conditions(parsed["filter"], words)
        of_sweep = [index.Condition("sweep", "=", sweep)] if sweep else []
        rows = found.select([*conditions, *of_sweep], sort=parsed["sort"], limit=parsed["limit"])
        total = found.count(of_sweep)
    if parsed["json"]:
        print(store.to_json({"runs": rows, "total": total}))
        return 0
    if not total:
        print(f"no runs in {parsed['runs_dir']} yet: `{command()} train cartpole` makes one")
        return 0
    _print_table(rows, columns)
    more = f"; --limit {parsed['limit']}" if parsed["limit"] and len(rows) == parsed["limit"] < total else ""
    print(f"{len(rows)} of {total} runs in {parsed['runs_dir']}{more}")
    return 0


def _show(words: list[str], rest: list[str]) -> int:
    parsed = flags.parse("shoal runs show RUN", "All that is known of a run.", rest, (flags.RUNS_DIR, flags.JSON))
    options = parsed.options
    found = _one(words, "show", Path(options["runs_dir"]))
    row = index.read(found.path.parent.parent, f"{found.path.parent.name}/{found.name}")
    row |= json.loads(row.pop("more")) | {"tags": journal.tags(found)}
    trained = journal.read(found.about).get("trained", [])
    if options["json"]:
        print(store.to_json(row | {"trained": trained, "folder": str(found.path)}))
        return 0
    print(found.path)
    for name in index.COLUMNS:
        if name not in ("path", "name") and row.get(name) not in (None, "", []):
            print(f"  {name:<10} {_text(name, row[name])}")
    if len(trained) > 1:
        print(f"  trained {len(trained)} times, last from {trained[-1].get('started', '?')}")
    weights = found.weights()
    print(f"  {'weights':<10} {len(weights)} files" + (f", newest {weights[-1].name}" if weights else ""))
    values = sorted((name, value) for name, value in row.items() if name.startswith("eval."))
    if values:
        print("last evaluation, or what training last measured")
        for name, value in values:
            print(f"  {name[5:]:<24} {_text(name, value)}")
    print(f"settings: {found.config}")
    return 0


def _tag(words: list[str], rest: list[str]) -> int:
    at = next((i for i, argument in enumerate(rest) if argument.startswith("--")), len(rest))
    said = [*words, *rest[:at]]
    changes = [word for word in said if word[0] in "+-"]
    runs = [word for word in said if word not in changes]
    parsed = flags.parse(
        "shoal runs tag RUN +WORD -WORD", "Tag a run.", rest[at:], (flags.RUNS_DIR, flags.JSON)
    ).options
    plain = [word[1:] for word in changes]
    if not changes or not all(word.replace("-", "").replace("_", "").replace(".", "").isalnum() for word in plain):
        raise ConfigError("which tags; expected +WORD to add and -WORD to remove", f"{command()} runs tag RUN +good")
    found = _one(runs, "tag", Path(parsed["runs_dir"]))
    add = {word[1:] for word in changes if word[0] == "+"}
    kept = journal.tag(found, add, {word[1:] for word in changes if word[0] == "-"})
    print(f"{found.name}: {' '.join(kept) or 'no tags'}")
    if parsed["json"]:
        print(store.to_json({"run": str(found.path), "tags": kept}))
    return 0


def _delete(words: list[str], rest: list[str]) -> int:
    options = (flags.Option("yes", "bool", False, "do not ask"), flags.RUNS_DIR, flags.JSON)
    parsed = flags.parse("shoal runs delete RUN ...", "Delete runs, with their weights.", rest, options).options
    if not words:
        raise ConfigError("which run; expected its name or folder", f"`{command()} runs` lists them")
    runs = [store.find_run(Path(parsed["runs_dir"]), word) for word in words]
    for found in runs:
        if not found.config.is_file():
            raise CheckpointError(f"not a run: {found.path}; expected a folder with config.toml")
        if found.is_locked():
            raise CheckpointError(f"another process is training this run: {found.path}", "end that one first")
    if not parsed["yes"]:
        if not sys.stdin.isatty():
            raise ConfigError(f"{len(runs)} runs would be deleted; expected --yes, for nobody can be asked here")
        print("\n".join(str(found.path) for found in runs))
        if input("delete these for good? [y/N] ").strip().lower() not in ("y", "yes"):
            print("nothing was deleted")
            return 0
    for found in runs:
        try:
            away = found.path.with_name(f".{found.name}.deleted")  # one step: nobody meets half a run
            found.path.rename(away)
            shutil.rmtree(away)
        except OSError as error:
            raise CheckpointError(f"the run cannot be deleted: {found.path}: {error.strerror}") from error
        print(f"deleted {found.path}")
    if parsed["json"]:
        print(store.to_json({"deleted": [str(found.path) for found in runs]}))
    return 0


def _export(words: list[str], rest: list[str]) -> int:
    options = (FILTER, _SORT, flags.RUNS_DIR, flags.JSON)
    about = "Write all columns, settings and evaluations of runs to a file: .csv, .jsonl or .json."
    parsed = flags.parse("shoal runs export FILE", about, rest, options).options
    kinds = (".csv", ".jsonl", ".json")
    if len(words) != 1 or Path(words[0]).suffix not in kinds:
        got = f"got `{' '.join(words)}`" if words else "got nothing"
        raise ConfigError(f"which file; expected one name that ends in .csv, .jsonl or .json; {got}")
    with _index(parsed["runs_dir"]) as found:
        rows = found.select(_conditions(parsed["filter"], []), sort=parsed["sort"])
    path = Path(words[0])
    try:
        path.write_text(_written(rows, path.suffix), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"the file cannot be written: {path}: {error.strerror}") from error
    print(f"{len(rows)} runs in {path}")
    if parsed["json"]:
        print(store.to_json({"file": str(path), "runs": len(rows)}))
    return 0


def _rebuild(words: list[str], rest: list[str]) -> int:
    parsed = flags.parse("shoal runs rebuild", "Read every run again.", rest, (flags.RUNS_DIR, flags.JSON)).options
    if words:
        raise ConfigError(f"unexpected argument `{words[0]}`; expected `shoal runs rebuild`")
    with index.Index(runs_folder(parsed["runs_dir"])) as found:
        number = found.rebuild()
    print(f"{number} runs in {parsed['runs_dir']}")
    if parsed["json"]:
        print(store.to_json({"runs": number}))
    return 0


_VERBS: dict[str, Callable[[list[str], list[str]], int]] = {
    "show": _show,
    "tag": _tag,
    "delete": _delete,
    "export": _export,
    "rebuild": _rebuild,
}


# ---------------------------------------------------------------------------------------------------- helpers


def _index(runs_dir: str) -> index.Index:
    found = index.Index(runs_folder(runs_dir))
    found.refresh()
    return found


def _check_env(word: str, found: index.Index) -> None:
    """Raise unless some run is of this environment, or the package has it: a verb that is mistyped stands there too."""
    if word in (known := found.environments()) or word in registry.names():
        return
    problem = f"`{word}` is no verb, and no environment that has a run in {found.runs_dir}"
    hint = f"the verbs are {', '.join(_VERBS)}; `{command()} list` names the environments"
    raise ConfigError(problem, nearest(word, sorted({*_VERBS, *known, *registry.names()}), hint))


def _conditions(text: str | None, words: list[str]) -> list[index.Condition]:
    return index.parse(text or "") + [index.Condition("env", "=", word) for word in words]


def _one(words: list[str], verb: str, runs_dir: Path) -> store.Run:
    if len(words) != 1:
        raise ConfigError(f"which run; expected `shoal runs {verb} RUN`", f"`{command()} runs` lists them")
    found = store.find_run(runs_dir, words[0])
    if not found.config.is_file():
        raise CheckpointError(f"not a run: {found.path}; expected a folder with config.toml")
    return found


def _print_table(rows: list[index.Row], columns: list[str]) -> None:
    cells = [[_text(name, row.get(name)) for name in columns] for row in rows]
    wide = [max([len(name), *(len(row[i]) for row in cells)]) for i, name in enumerate(columns)]
    right = [all(isinstance(row.get(name), (int, float, type(None))) for row in rows) for name in columns]
    for line in [columns, *cells]:
        parts = (text.rjust(w) if r else text.ljust(w) for text, w, r in zip(line, wide, right, strict=True))
        print("  ".join(parts).rstrip())


def _text(name: str, value: Any) -> str:
    """Return a cell."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "started":
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(value))
    if name in ("steps", "sps"):
        return count(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return " ".join(value) if isinstance(value, list) else str(value)


def _written(rows: list[index.Row], suffix: str) -> str:
    if suffix == ".jsonl":
        return "".join(f"{store.to_json(row)}\n" for row in rows)
    if suffix == ".json":
        return json.dumps([json.loads(store.to_json(row)) for row in rows], indent=1) + "\n"
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(row | {"tags": " ".join(row["tags"])})
    return out.getvalue()
