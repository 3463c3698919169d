# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What a run writes while it is trained, weights and the image that it is resumed from, and what it may begin with."""

from __future__ import annotations

import json
import time
from pathlib import Path

from shoal import checkpoint, folder, registry, store
from shoal.config import Config
from shoal.errors import CheckpointError, EnvError, NativeError, ShoalError, command
from shoal.image import Generations, Image, Progress
from shoal.learner import Learner

IMAGE_SECONDS = 10.0  # between resume images
IMAGE_SHARE = 0.01  # of the time may go into writing them
RETURNS = "learner.returns"  # the scale of rewards, which weights of the value need
BEGAN_WITH = "# began with the weights of "  # first line of config.toml, before a path


class Saver:
    """Writes and reads files for one learner.

    Attributes:
        run: the folder of the run, or None.
        due: `time.perf_counter()` from which on the next resume image should be written.
    """

    def __init__(self, spec: registry.Spec, config: Config, learner: Learner, image: Image, seconds: float) -> None:
        """Write nothing yet; `seconds` is the time between resume images, or more if writing takes long."""
        self._spec, self._config, self._learner, self._image = spec, config, learner, image
        self._settings = config.settings_hash(spec.version)
        self._seconds = seconds
        self.run: store.Run | None = None
        self._generations: Generations | None = None
        self.due = 0.0

    def adopt(self, run: store.Run, generations: Generations | None) -> None:
        """Write into this run from now on, without `generations` no resume images."""
        self.run, self._generations = run, generations

    def begin(self) -> None:
        """Clear away what an earlier process left unfinished, and let the time between images begin."""
        if self._generations is not None:
            self._generations.sweep()
        self.due = time.perf_counter() + self._seconds

    def save(self, path: Path, progress: Progress, **metadata: object) -> None:
        """Write the weights, the normaliser and the settings to one file.

        Raises:
            CheckpointError: if it cannot be written.
        """
        self._learner.fetch()
        values = dict(self._learner.vec.versions.values)  # what environments adopt at their next reset
        about = self._about(progress) | {"kind": "weights", "values": json.dumps(values)}
        checkpoint.save(path, self._weights(), about | metadata)

    def start_from(self, path: Path) -> str:
        """Take over the weights, and what normalises inputs and rewards, of another run; return a note for the user.

        Raises:
            CheckpointError: if they do not fit.
        """
        found = checkpoint.load(path, self._spec.env)
        wanted = self._weights()
        checkpoint.fit(found.tensors, wanted, path)
        for name, tensor in wanted.items():
            tensor[...] = found.tensors[name]
        self._learner.policy.pack()
        other = found.version != self._spec.version
        note = f"begins with the weights of {path}, trained for {found.steps} steps"
        return note + (f" on version {found.version} of `{self._config.env}`" if other else "")

    def write_image(self, stream: store.Stream | None) -> None:
        """Write the image that is kept, after the lines that belong to it, and say when the next one is due."""
        if self._generations is None or stream is None:
            return
        before = time.perf_counter()
        stream.sync()
        self._generations.write(self._image, self._about(self._image.progress))
        now = time.perf_counter()
        self.due = now + (max(self._seconds, (now - before) / IMAGE_SHARE) if self._seconds else 0.0)

    def with_way_back(self, error: ShoalError) -> ShoalError:
        """Return the error with what can be done now."""
        assert self.run is not None
        way_on = f"once that is put right, `{command()} train {folder.way_on(self.run, self._spec.env)}` goes on"
        if isinstance(error, CheckpointError):
            return CheckpointError(str(error), way_on)
        if isinstance(error, EnvError):
            return EnvError(str(error), way_on)
        if self.run.weights():
            return NativeError(str(error), f"the last good checkpoint is {self.run.latest()}")
        return error

    def _weights(self) -> checkpoint.Tensors:
        return self._learner.policy.tensors() | {RETURNS: self._image.live[RETURNS]}

    def _about(self, progress: Progress) -> dict[str, object]:
        return {
            "env": self._config.env,
            "version": self._spec.version,
            "source": self._spec.env.source,
            "config": self._config.to_toml(self._spec.version),
            "settings": self._settings,
            "seed": self._config.seed,
            "steps": progress.steps,
            "updates": progress.updates,
        }
