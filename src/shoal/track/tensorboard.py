# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""TensorBoard: event files in `tensorboard/` of the run's folder, which `tensorboard --logdir runs` shows.

They are written with the package `tensorboard` alone; neither TensorFlow nor torch is needed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, types_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from shoal.track.base import Config, Run, Tracker, flat

FOLDER = "tensorboard"


class TensorBoard(Tracker):
    """Scalars, the settings as a table of text, recordings as pictures that move; it has no place for files."""

    def start(self, config: Config, run: Run) -> str:
        """Open an event file; one that goes on tells readers to forget what it will repeat."""
        folder = run.path / FOLDER
        self._writer = EventFileWriter(str(folder), flush_secs=5)
        restart = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._add(step=run.steps + 1, session_log=restart)
        rows = [f"| {key} | `{json.dumps(value)}` |" for key, value in flat(config).items()]
        self._add_text("settings", "\n".join(["| setting | value |", "|---|---|", *rows]), run.steps)
        return str(folder)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Write scalars."""
        values = [summary_pb2.Summary.Value(tag=name, simple_value=value) for name, value in metrics.items()]
        self._add(step=step, summary=summary_pb2.Summary(value=values))

    def video(self, path: Path, step: int) -> None:
        """Write the file as it is: browsers play animated PNGs."""
        data = path.read_bytes()
        width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
        image = summary_pb2.Summary.Image(width=width, height=height, colorspace=4, encoded_image_string=data)
        value = summary_pb2.Summary.Value(tag="recording", image=image)
        self._add(step=step, summary=summary_pb2.Summary(value=[value]))

    def finish(self, status: str) -> None:
        """Close the file."""
        self._writer.close()

    def _add_text(self, tag: str, text: str, step: int) -> None:
        about = summary_pb2.SummaryMetadata.PluginData(plugin_name="text")
        tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[text.encode()])
        metadata = summary_pb2.SummaryMetadata(plugin_data=about)
        value = summary_pb2.Summary.Value(tag=tag, tensor=tensor, metadata=metadata)
        self._add(step=step, summary=summary_pb2.Summary(value=[value]))

    def _add(self, **content: object) -> None:
        self._writer.add_event(event_pb2.Event(wall_time=time.time(), **content))
