# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The resume image: everything that a run needs to go on as if it had never stopped.

It is kept twice. A second image in memory is copied at the start of every iteration, so that one can be abandoned; now
and then that image is written into the run's checkpoints folder, where two files take turns: whatever happens while
one is being written, the other is whole. A file is a checkpoint (checkpoint.py) of kind `resume` with more tensors,

    envs.snapshots   every environment: State, time limit, sums of the present lives, `live`, `starts`
    learner.*        counters, memories of the policy, discounted returns and their statistics
    optimizer.*      both moments

and `progress`, what the training loop knows, as JSON in its header. Observations are not in it: a State is observed
again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shoal import checkpoint, memory, native, registry, store
from shoal.checkpoint import Checkpoint, Tensors
from shoal.errors import CheckpointError
from shoal.learner import Learner
from shoal.vector import Stats

SNAPSHOTS = "envs.snapshots"
FRESH_HINT = "if the environment's code has changed, `--fresh-environments` goes on with new ones"


@dataclass
class Progress:
    """What the training loop knows between iterations. Times are those of the run, over all its processes."""

    window: Stats  # of the lives since the last check whether to evaluate
    check_at: int  # steps at which the next one is due
    save_at: int  # steps at which the next weights are due
    steps: int = 0
    updates: int = 0
    seconds: float = 0.0
    training_seconds: float = 0.0
    first_ratio_error: float = 0.0  # the worst so far
    metrics_bytes: int = 0  # length of metrics.jsonl
    evaluations: int = 0  # how many there were: each has its own seeds
    until_solved: bool = False
    warm: bool = False  # the run began with weights and statistics of another
    finished: str = ""  # why the run is over; empty while it is not

    def to_json(self) -> str:
        """Return one line, from which `Generations.progress` makes the same again."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return json.dumps(values | {"window": self.window.values.tolist()})


class Image:
    """The image in memory of one learner, its policy and its environments.

    Attributes:
        progress: the loop's, as it was when the image was taken.
        live: the tensors that are copied, by name, as views of the present.
    """

    def __init__(self, learner: Learner, progress: Progress) -> None:
        """Take a first image."""
        self._vec, self._learner = learner.vec, learner
        self._lib = native.library()
        self.live = learner.policy.tensors() | learner.tensors()
        self._kept = {name: np.empty_like(array) for name, array in self.live.items()}
        size = int(self._lib.vec_snapshot_bytes(self._vec.handle))
        self._envs = memory.allocate(self._vec.num_envs * size).reshape(self._vec.num_envs, size)
        self.take(progress)

    def take(self, progress: Progress) -> None:
        """Copy everything as it is now. Native code must be at rest, between two iterations."""
        self._learner.fetch()
        for name, array in self.live.items():
            np.copyto(self._kept[name], array)
        self._lib.vec_save(self._vec.handle, self._envs.ctypes.data)
        self.progress = dataclasses.replace(progress)

    def restore(self) -> Progress:
        """Put everything back as it was, and return a copy of the progress."""
        for name, array in self.live.items():
            np.copyto(array, self._kept[name])
        self._learner.policy.pack()
        self._lib.vec_load(self._vec.handle, self._envs.ctypes.data)
        self._learner.observe()
        return dataclasses.replace(self.progress)

    def tensors(self) -> Tensors:
        """Return what a file holds, as views of this image."""
        return self._kept | {SNAPSHOTS: self._envs}

    def load(self, found: Checkpoint, progress: Progress, *, fresh_environments: bool = False) -> Progress:
        """Take over a file's tensors and put them in place; `fresh_environments` leaves the environments as they are.

        Raises:
            CheckpointError: if one is missing, or has another shape or type; nothing has changed then.
        """
        wanted = self._kept if fresh_environments else self.tensors()
        checkpoint.fit(found.tensors, self._kept, found.path)
        try:
            checkpoint.fit(found.tensors, wanted, found.path)
        except CheckpointError as error:
            raise CheckpointError(str(error), FRESH_HINT) from error
        for name, array in wanted.items():
            np.copyto(array, found.tensors[name])
        self.progress = progress
        return self.restore()


class Generations:
    """The two image files of a run, which take turns."""

    def __init__(self, run: store.Run) -> None:
        self._run = run
        self._next = 0  # the one to be overwritten
        self._count = 0  # images written since the run began

    def write(self, image: Image, about: Mapping[str, object]) -> None:
        """Write an image over the older file.

        Raises:
            CheckpointError: if that is not possible; the other file is as it was.
        """
        generation = {"kind": "resume", "abi": native.ABI, "count": self._count, "progress": image.progress.to_json()}
        checkpoint.save(self._run.images[self._next], image.tensors(), {**about, **generation})
        self._next = 1 - self._next
        self._count += 1

    def read(self, env: registry.Environment | None = None) -> tuple[Checkpoint | None, str]:
        """Return the newest image, or None if the run was stopped before its first, and a sentence to tell the user.

        `env` is the environment of the run if it lies outside the package.

        Raises:
            CheckpointError: if no image can be used.
        """
        found: list[tuple[int, int, Checkpoint]] = []
        damaged: list[CheckpointError] = []
        for slot, path in enumerate(self._run.images):
            if not path.exists():
                continue
            try:
                image = _checked(checkpoint.load(path, env))
                found.append((int(image.metadata["count"]), slot, image))
            except CheckpointError as error:
                damaged.append(error)
        if not found:
            if damaged:
                raise damaged[0]
            return None, ""
        self._count, slot, newest = max(found, key=lambda entry: entry[0])
        self._count += 1
        self._next = 1 - slot
        return newest, f"{damaged[0]}; the other image is used" if damaged else ""

    @staticmethod
    def progress(found: Checkpoint, blank: Stats, *, keep_window: bool = True) -> Progress:
        """Return the progress in a file's header; `blank` is an empty window, which `keep_window` replaces.

        Raises:
            CheckpointError: if it was written by another version.
        """
        try:
            values = json.loads(found.metadata["progress"])
            window = np.array(values.pop("window"), np.float64)
            if keep_window and window.shape != blank.values.shape:
                raise ValueError("the environment's metrics have changed")
            return Progress(Stats(blank.names, window) if keep_window else blank, **values)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            problem = f"the resume image was written by another version of shoal: {found.path}: {error}"
            raise CheckpointError(problem, FRESH_HINT) from error

    def sweep(self) -> None:
        """Remove what a kill left half written. Nobody else may be using the run."""
        for path in self._run.checkpoints.glob(".*.tmp"):
            with contextlib.suppress(OSError):
                path.unlink()


def _checked(image: Checkpoint) -> Checkpoint:
    if image.metadata.get("kind") != "resume" or not {"abi", "count", "progress"} <= set(image.metadata):
        kind = image.metadata.get("kind", "none")
        raise CheckpointError(f"the file is no resume image: {image.path} has kind {kind!r}; expected 'resume'")
    if image.metadata["abi"] != str(native.ABI):
        raise CheckpointError(
            f"the resume image was written by another version of shoal: {image.path} has ABI {image.metadata['abi']}; "
            f"expected {native.ABI}"
        )
    return image
