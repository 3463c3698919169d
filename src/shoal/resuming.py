# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Going on with a run that was stopped, by Ctrl-C, by a clock or by a kill.

    result = shoal.resume("runs/breakout/20261121-101500-calm-pike").train()

The run keeps its own settings, and ends with the weights and the metrics that it would have ended with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from shoal import config as configs
from shoal import folder, registry, store
from shoal.errors import CheckpointError, ShoalError, command
from shoal.image import Generations
from shoal.ranks import ranks
from shoal.saving import BEGAN_WITH, IMAGE_SECONDS
from shoal.settings import check_section
from shoal.stats import stats_of
from shoal.trainer import Trainer

_NEW_RUN = f"`{command()} train ENV --init-from CHECKPOINT` begins another run with its weights"


def resume(
    target: str | Path,
    *,
    env: str | Path = "",
    runs_dir: str | Path = "runs",
    threads: int | None = None,
    max_seconds: float = 0.0,
    until_solved: bool = False,
    image_seconds: float = IMAGE_SECONDS,
    fresh_environments: bool = False,
    track: str | Mapping[str, object] | None = None,
    started: float | None = None,
) -> Trainer:
    """Return a trainer that goes on with a run that was stopped: `train` ends as if it had not been.

    Args:
        target: the run's folder or name.
        env: name or folder of the environment; needed if it lies outside the package and the run outside `runs_dir`.
        runs_dir: where runs lie.
        threads: that share the work from now on; None: as many as before.
        max_seconds: end training after so long from now; 0 = never.
        until_solved: end when an evaluation confirms that the task is solved, also if the run did not say so.
        image_seconds: between resume images, as for `Trainer`.
        fresh_environments: restart the environments, whose code may have changed; not exact.
        track: settings of the section [track] that change from now on, or the names of trackers; "none" ends tracking.
        started: `time.perf_counter()` when the clock began to run; None: when `train` is called.

    Raises:
        CheckpointError: if there is no such run, it is finished, in use, or does not fit this version of shoal; for
            several ranks.
    """
    if ranks() > 1:  # before they meet: who waits for one that has ended waits long
        raise CheckpointError("several ranks cannot resume a run: each holds a share of the environments", _NEW_RUN)
    run = store.find_run(Path(runs_dir), str(target))
    known = registry.get(str(env)) if env else folder.of_run(run, Path(runs_dir))
    with run.lock():
        generations = Generations(run)
        found, note = generations.read(known)
    settings = found.config if found else _stored_settings(run, known)
    blank = stats_of(registry.get(settings.reference))
    progress = generations.progress(found, blank, keep_window=not fresh_environments) if found else None
    if progress and progress.finished:
        raise CheckpointError(f"the run is finished: {progress.finished}: {run.path}", _NEW_RUN)
    if threads is not None:
        settings = replace(settings, vec=replace(settings.vec, threads=threads))
    if track:
        changes: Any = check_section("track", {"to": track} if isinstance(track, str) else track)
        settings = replace(settings, track=replace(settings.track, **changes))
    trainer = Trainer(
        settings,
        runs_dir=None,
        max_seconds=max_seconds,
        until_solved=until_solved,
        image_seconds=image_seconds,
        warm=bool(progress and progress.warm),
        started=started,
    )
    trainer.adopt(run, generations)
    notes = [note] if note else []
    if found and progress:
        if fresh_environments:
            notes.append("the environments are restarted: the run will not end as it would have without the stop")
        if not fresh_environments and found.metadata.get("source", "") != trainer.spec.env.source:
            notes.append("the environment's code has changed: the run will not end as it would have without the stop")
        trainer.go_on(found, progress, fresh_environments=fresh_environments)
    else:
        notes.append("the run was stopped before its first resume image: it begins again")
    trainer.notes = tuple(notes)
    return trainer


def newest_unfinished(runs_dir: Path, env: str = "") -> store.Run:
    """Return the newest run of an environment, or without one of any, that can go on and is not being trained.

    Raises:
        CheckpointError: if there is none.
    """
    for run in reversed(store.by_age(runs_dir, env)):
        try:
            with run.lock():
                found, _ = Generations(run).read(folder.of_run(run, runs_dir))
        except ShoalError:
            continue
        if not found or '"finished": ""' in found.metadata["progress"]:
            return run
    what = f"`{env}`" if env else "any environment"
    hint = f"`{command()} train ENV --resume RUN` names one"
    raise CheckpointError(f"no run of {what} in {runs_dir} can go on", hint)


def _stored_settings(run: store.Run, env: registry.Environment | None) -> configs.Config:
    """Return the settings of a run that has no image yet."""
    try:
        text = run.config.read_text(encoding="utf-8")
    except OSError as error:
        raise CheckpointError(f"the folder is no run: {run.config}: {error.strerror}") from error
    if text.startswith(BEGAN_WITH):
        path = text.partition("\n")[0].removeprefix(BEGAN_WITH)
        raise CheckpointError(
            f"the run was stopped before its first resume image: {run.path}", f"begin again, with `--init-from {path}`"
        )
    try:
        settings = configs.from_toml(text, env)
        version = settings.spec().version
        fits = replace(settings, folder=run.folder).to_toml(version) == text
    except ShoalError as error:
        raise CheckpointError(f"the run's settings do not fit this version of shoal: {run.path}: {error}") from error
    if not fits:
        raise CheckpointError(f"the run has no resume image, and its settings were changed: {run.config}", _NEW_RUN)
    return settings
