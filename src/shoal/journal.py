# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What a run tells of itself beside its settings and metrics: about.json and result.json in its folder.

about.json has one entry for each time that the run was trained: the command, commit, machine, time. result.json is
there while nothing trains the run: how the last of them ended. A run that has none was killed, or is being trained.
"""

from __future__ import annotations

import contextlib
import json
import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from shoal import provenance
from shoal.errors import CheckpointError, ShoalError
from shoal.store import Run, to_json

if TYPE_CHECKING:  # which brings numpy
    from shoal.result import Result

FINISHED, INTERRUPTED, FAILED = "finished", "interrupted", "failed"


class Journal(contextlib.AbstractContextManager["Journal"]):
    """Writes both files of one run while it is trained; whoever trains it holds its lock.

    What cannot be written is left out: a run does not end because its journal has no place.
    """

    def __init__(self, run: Run) -> None:
        """Begin with the next entry of about.json, in a thread of its own: asking for the commit takes a while."""
        self._run = run
        self._writer = threading.Thread(target=self._begin, daemon=True)
        self._result: dict[str, Any] = {}
        with contextlib.suppress(OSError):
            run.result.unlink(missing_ok=True)
        self._writer.start()

    def end(self, result: Result) -> None:
        """Note how training ended."""
        self._result = {"status": INTERRUPTED if result.interrupted else FINISHED} | summary(result)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write result.json."""
        if error is not None:
            sentence = str(error) if isinstance(error, ShoalError) else f"{type(error).__name__}: {error}"
            self._result = {"status": FAILED, "error": sentence.partition("\n")[0]}
        self._writer.join()
        write(self._run.result, self._result)

    def _begin(self) -> None:
        entries = read(self._run.about).get("trained", [])
        write(self._run.about, {"trained": [*(entries if isinstance(entries, list) else []), provenance.describe()]})


def summary(result: Result) -> dict[str, Any]:
    """Return a result as one flat object: what `train --json` prints, and the means of its last evaluation."""
    evaluation = result.evaluation
    return {
        "env": result.env,
        "seed": result.seed,
        "steps": result.steps,
        "seconds": round(result.seconds, 3),
        "sps": round(result.sps),
        "perf": evaluation.stats.mean("perf") if evaluation else None,
        "score": evaluation.stats.mean("score") if evaluation else None,
        "episodes": evaluation.stats.lives if evaluation else 0,
        "solved": result.solved,
        "run": str(result.run) if result.run else None,
        "checkpoint": str(result.checkpoint) if result.checkpoint else None,
        "interval": evaluation.interval if evaluation else None,
        "updates": result.updates,
        "interrupted": result.interrupted,
        "first_ratio_error": result.first_ratio_error,
        "settings": result.settings,
    } | ({f"eval.{name}": value for name, value in evaluation.stats.means().items()} if evaluation else {})


def read(path: Path) -> dict[str, Any]:
    """Return what a file holds, nothing if it is not there or is no JSON object."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(path: Path, content: dict[str, Any]) -> bool:
    """Replace a file in one step; return whether that was possible."""
    draft = path.with_suffix(".tmp")
    try:
        draft.write_text(to_json(content) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError:
        return False
    return True


def tags(run: Run) -> list[str]:
    """Return what the user tagged the run with, sorted."""
    found = read(run.tags).get("tags", [])
    return sorted({str(tag) for tag in found}) if isinstance(found, list) else []


def tag(run: Run, add: set[str], remove: set[str]) -> list[str]:
    """Change the tags of a run and return them.

    Raises:
        CheckpointError: if they cannot be written.
    """
    kept = sorted((set(tags(run)) | add) - remove)
    if not write(run.tags, {"tags": kept}):
        raise CheckpointError(f"the tags cannot be written: {run.tags}")
    return kept
