# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Each tracker with its real client and nothing but this machine: what was sent is read back with the client's reader.

A client that is not installed is skipped: `./run install wandb`, and likewise for the others.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import socket
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import small_runs

import shoal
from shoal import live, store

ITERATION = small_runs.ROWS * small_runs.HORIZON


def needs(package: str) -> None:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{package} is not installed")


def followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, **track: Any
) -> tuple[store.Run, shoal.Result, list[str]]:
    """Return a run that was stopped after three updates and went on, its end, and what the user was told."""
    monkeypatch.setattr(live, "SECONDS", 0.1)
    told: list[str] = []
    asked = {"to": name, "offline": True, "videos": True, "checkpoints": True, "patience": 120} | track
    trainer = small_runs.begin(tmp_path / "runs", track=asked)
    trainer.tell = told.append
    stop = small_runs.stop_after(3)
    watched = live.Watched(trainer, "", ITERATION)
    with watched:
        trainer.train(watched.with_(stop))
    assert trainer.run
    again = shoal.resume(trainer.run.path)
    again.tell = told.append
    result = again.train()
    assert json.loads((trainer.run.path / "track" / f"{name}.json").read_text())["id"]
    return trainer.run, result, [line for line in told if "waiting for" not in line]


def expected(run: store.Run, key: str) -> list[tuple[int, float]]:
    """Return (steps, value) of a metric as the run has it."""
    rows = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    return [(int(row["steps"]), row[key]) for row in rows if row[key] is not None]


def test_tensorboard_reads_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("tensorboard")
    run, result, told = followed(tmp_path, monkeypatch, "tensorboard")
    assert not told
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(run.path / "tensorboard"))
    found.Reload()
    for key in ("loss/policy", "episode/count", "optimizer/learning_rate"):
        assert [(row.step, pytest.approx(row.value)) for row in found.Scalars(key)] == expected(run, key)
    assert [row.step for row in found.Scalars("eval/perf")] == [3 * ITERATION, result.steps]
    recordings = sorted((run.path / live.FOLDER).iterdir())
    images = found.Images("recording")
    assert [image.encoded_image_string for image in images] == [path.read_bytes() for path in recordings]
    assert (images[0].width, images[0].height) == live.SIZE
    text = found.Tensors("settings")[0].tensor_proto.string_val[0].decode()
    assert f"| train.horizon | `{small_runs.HORIZON}` |" in text


def test_tensorboard_forgets_what_a_killed_run_repeats(tmp_path: Path) -> None:
    needs("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from shoal.track.base import Run
    from shoal.track.tensorboard import TensorBoard

    for steps, logged in ((0, (1, 2, 3)), (2, (3, 4))):
        tracker = TensorBoard(pytest.fail)
        tracker.start({"seed": 1}, Run(tmp_path, "p", "n", "g", [], True, "", steps, 1, 1.0))
        for step in logged:
            tracker.log(step, {"x": float(step + steps)})
        tracker.finish("stopped")
    found = EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    assert [(row.step, row.value) for row in found.Scalars("x")] == [(1, 1.0), (2, 2.0), (3, 5.0), (4, 6.0)]


# ------------------------------------------------------------------------------------------------- Weights & Biases


def wandb_records(path: Path) -> Iterator[Any]:
    """Yield the records of a .wandb file: blocks of 32 KiB of chunks (checksum, length, type), as LevelDB's logs."""
    from wandb.proto import wandb_internal_pb2

    data, at, record = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, size, kind = struct.unpack_from("<IHB", data, at)
        record += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # the whole of a record, or its last part
            yield wandb_internal_pb2.Record.FromString(record)
            record = b""


def wandb_history(run: store.Run) -> tuple[list[dict[str, Any]], list[Any]]:
    """Return the rows of all files of a run, in the order in which they were written, and all records."""
    files = sorted(run.path.glob("wandb/offline-run-*/run-*.wandb"))
    records = [record for file in files for record in wandb_records(file)]
    rows = []
    for record in records:
        if record.WhichOneof("record_type") == "history":
            items = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
            rows.append(items)
    return rows, records


@pytest.mark.slow
def test_wandb_keeps_a_run_that_is_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("wandb")
    run, result, told = followed(tmp_path, monkeypatch, "wandb", tags="a,b", project="ours")
    assert not told
    rows, records = wandb_history(run)
    losses = [(row["_step"], pytest.approx(row["loss/value"])) for row in rows if "loss/value" in row]
    assert losses == expected(run, "loss/value")
    assert [row["_step"] for row in rows if "eval/perf" in row] == [3 * ITERATION, result.steps]
    assert sum(row.get("recording/_type") == "video-file" for row in rows) == 3
    runs = [record.run for record in records if record.WhichOneof("record_type") == "run"]
    assert {(each.project, each.display_name, tuple(each.tags)) for each in runs} == {("ours", run.name, ("a", "b"))}
    assert len({each.run_id for each in runs}) == 1
    sent = [record.artifact for record in records if record.WhichOneof("record_type") == "artifact"]
    weights = [Path(each.manifest.contents[0].path).name for each in sent]
    assert sorted(set(weights)) == [path.name for path in run.weights()]
    gifs = list(run.path.glob("wandb/offline-run-*/files/media/videos/*.gif"))
    assert len(gifs) == 3


@pytest.mark.slow
@pytest.mark.parametrize("place", ["closed", "silent", "nobody"])
def test_wandb_that_cannot_be_reached_keeps_the_run_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    needs("wandb")
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:  # which takes calls and never answers
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        if place == "closed":
            server.close()
        monkeypatch.setenv("WANDB_BASE_URL", url)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("WANDB_API_KEY", raising=False)
        monkeypatch.delenv("WANDB_MODE", raising=False)
        if place != "nobody":
            monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)
        trainer = small_runs.begin(tmp_path / "runs", track={"to": "wandb", "patience": 30})
        told: list[str] = []
        trainer.tell = told.append
        trainer.train()
    assert trainer.run
    notes = [line for line in told if "waiting for" not in line and "no answer" not in line]
    assert len(notes) == 1
    assert notes[0].startswith("wandb: kept on this machine, for ")
    assert Path(notes[0].rpartition("wandb sync ")[2]).is_dir()
    rows, _ = wandb_history(trainer.run)
    assert [row["_step"] for row in rows] == [step for step, _ in expected(trainer.run, "updates")]


# ------------------------------------------------------------------------------------------------- MLflow, Trackio


@pytest.mark.slow
def test_mlflow_reads_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")  # offline must not touch it
    run, result, told = followed(tmp_path, monkeypatch, "mlflow", tags="a,b", project="ours")
    assert not told
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("ours")
    assert experiment is not None
    (found,) = client.search_runs([experiment.experiment_id])
    assert (found.info.run_name, found.info.status) == (run.name, "FINISHED")
    assert found.data.params["train.horizon"] == str(small_runs.HORIZON)
    assert (found.data.tags["group"], found.data.tags["tags"]) == (f"cartpole-{result.settings}", "a,b")
    history = sorted((each.step, each.value) for each in client.get_metric_history(found.info.run_id, "loss/value"))
    assert [(step, pytest.approx(value)) for step, value in history] == expected(run, "loss/value")
    sent = {Path(each.path).name for each in client.list_artifacts(found.info.run_id, "checkpoints")}
    assert sent == {path.name for path in run.weights()}
    assert len(client.list_artifacts(found.info.run_id, "recordings")) == 3


@pytest.mark.slow
def test_trackio_reads_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("trackio")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    monkeypatch.setenv("TRACKIO_SERVER_URL", "http://127.0.0.1:1")  # offline must not touch it
    run, result, told = followed(tmp_path, monkeypatch, "trackio", project="ours")
    assert not told
    with sqlite3.connect(tmp_path / "trackio" / "ours.db") as database:
        rows = database.execute("SELECT run_name, step, metrics FROM metrics ORDER BY id").fetchall()
    assert {name for name, *_ in rows} == {run.name}
    metrics = [(step, json.loads(text)) for _, step, text in rows]
    found = [(step, pytest.approx(row["loss/value"])) for step, row in metrics if "loss/value" in row]
    assert found == expected(run, "loss/value")
    assert [step for step, row in metrics if "eval/perf" in row] == [3 * ITERATION, result.steps]
    assert sum("recording" in row for _, row in metrics) == 3
    assert all(math.isfinite(value) for _, row in metrics for value in row.values() if isinstance(value, float))
