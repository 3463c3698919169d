# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The page of a sweep, or of some runs, as one HTML file: the same drawing code, with the answers inside."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shoal import provenance
from shoal.dash.api import MANY, Api, X, dumps
from shoal.errors import CheckpointError, ConfigError

STATIC = Path(__file__).parent / "static"

_POINTS = 2000  # of all curves of one metric together, so that a file of many runs stays small
_FEWEST = 60  # of one curve


def sweep(api: Api, name: str) -> str:
    """Return the report of a sweep.

    Raises:
        CheckpointError: if there is none of that name, or its trials cannot be read.
    """
    query = {"name": name}
    return _page({_key("sweep", query): api.answer("sweep", query)}, {"page": "sweep", "id": name}, name)


def runs(api: Api, paths: list[str], rows: list[dict[str, Any]], title: str) -> str:
    """Return the report of runs, each given as GROUP/NAME below the runs folder and as a row of the index.

    Raises:
        ConfigError: if they are none or too many. CheckpointError: if one is not there.
    """
    if not paths or len(paths) > MANY:
        raise ConfigError(f"a report of {len(paths)} runs; expected 1 to {MANY}", "`--filter` narrows them")
    joined = ",".join(paths)
    shown = [{name: value for name, value in row.items() if "." not in name} for row in rows]
    answers: dict[str, Any] = {_key("runs", {}): {"offset": 0, "total": len(rows), "running": 0, "rows": shown}}
    answers[_key("names", {})] = {"columns": [], "names": []}
    answers[_key("compare", {})] = api.answer("compare", {"runs": joined})
    for path in paths:
        answers[_key("run", {"path": path})] = api.answer("run", {"path": path})
    metrics = (api.answer("curves", {"runs": joined}) or {})["metrics"]
    for metric in metrics:
        for x in X:
            query = {"metric": metric, "x": x}
            more = {"runs": joined, "points": str(max(_POINTS // len(paths), _FEWEST))}
            answers[_key("curves", query)] = api.answer("curves", query | more)
    return _page(answers, {"page": "runs", "id": "", "runs": joined if len(paths) > 1 else ""}, title)


def _page(answers: dict[str, Any], home: dict[str, str], title: str) -> str:
    """Return index.html with everything that it names inside it."""
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    page = page.replace("<title>shoal</title>", f"<title>{_escaped(title)} · shoal</title>")
    made = f"report of {provenance.now()[:16].replace('T', ' ')} UTC"
    data = dumps({**answers, "home": home, "made": made}).replace("<", "\\u003c")  # no script ends within
    page = page.replace("<script src=", f"<script>window.SHOAL_REPORT = {data};</script>\n<script src=", 1)
    page = _inlined(page, r'<link rel="stylesheet" href="static/([\w./]+)">', lambda text: f"<style>\n{text}</style>")
    return _inlined(page, r'<script src="static/([\w./]+)"></script>', lambda text: f"<script>\n{text}</script>")


def _inlined(page: str, pattern: str, wrapped: Callable[[str], str]) -> str:
    def text(found: re.Match[str]) -> str:
        return wrapped((STATIC / found[1]).read_text(encoding="utf-8"))

    return re.sub(pattern, text, page)


def _key(name: str, query: dict[str, str]) -> str:
    """Return what base.js looks an answer up by."""
    return json.dumps([name, sorted([*pair] for pair in query.items())], separators=(",", ":"), ensure_ascii=False)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def write(path: Path, text: str) -> None:
    """Write a report in one step.

    Raises:
        CheckpointError: if that is not possible.
    """
    draft = path.with_name(f"{path.name}.tmp")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise CheckpointError(f"the report cannot be written: {path}: {error.strerror}") from error
