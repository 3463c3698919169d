# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""MLflow: the server of MLFLOW_TRACKING_URI, or without one, and offline, `mlflow.db` in the folder of the runs.

`mlflow ui --backend-store-uri sqlite:///runs/mlflow.db` shows the latter.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from shoal.track.base import Config, Run, Tracker, flat

DATABASE, ARTIFACTS = "mlflow.db", "mlflow-artifacts"

_STATUS = {"finished": "FINISHED", "interrupted": "KILLED", "stopped": "KILLED", "failed": "FAILED"}
_MOST = 1000  # metrics that one request may carry
_MOST_PARAMS = 100
_SECONDS = 2.0  # that metrics are gathered


class MLflow(Tracker):
    """Metrics over agent steps, settings as parameters, recordings and weights as artifacts."""

    def start(self, config: Config, run: Run) -> str:
        """Begin a run in the experiment of the project's name, or go on with the one of `run.id`."""
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # by default a server is given up after minutes
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(max(int(run.patience / 5), 1)))
        runs_dir = run.path.parent.parent
        given = os.environ.get("MLFLOW_TRACKING_URI", "")
        is_local = run.offline or not given
        self._client = MlflowClient(f"sqlite:///{runs_dir / DATABASE}" if is_local else given)
        self._metrics: list[Metric] = []
        self._sent = 0.0
        if run.id:
            self._id = run.id
            self._client.update_run(self._id, status="RUNNING")
            return self._id
        experiment = self._experiment(run.project, (runs_dir / ARTIFACTS).as_uri() if is_local else None)
        self._id = self._client.create_run(experiment, run_name=run.name).info.run_id
        tags = {"group": run.group, "folder": str(run.path), "tags": ",".join(run.tags)}
        params = [Param(key, str(value)) for key, value in flat(config).items()]
        self._client.log_batch(self._id, tags=[RunTag(key, value) for key, value in tags.items()])
        for at in range(0, len(params), _MOST_PARAMS):
            self._client.log_batch(self._id, params=params[at : at + _MOST_PARAMS])
        return self._id

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Gather metrics, and send them now and then: each request takes a while."""
        now = time.time()
        self._metrics += [Metric(name, value, int(now * 1000), step) for name, value in metrics.items()]
        if len(self._metrics) > _MOST // 2 or now - self._sent > _SECONDS:
            self._send()

    def video(self, path: Path, step: int) -> None:
        """Store a recording."""
        self._client.log_artifact(self._id, str(path), "recordings")

    def checkpoint(self, path: Path, step: int) -> None:
        """Store weights."""
        self._client.log_artifact(self._id, str(path), "checkpoints")

    def finish(self, status: str) -> None:
        """Send what is left."""
        self._send()
        self._client.set_terminated(self._id, _STATUS[status])

    def _send(self) -> None:
        self._sent, metrics = time.time(), self._metrics
        self._metrics = []
        for at in range(0, len(metrics), _MOST):
            self._client.log_batch(self._id, metrics=metrics[at : at + _MOST])

    def _experiment(self, name: str, artifacts: str | None) -> str:
        """Return the experiment of that name, which another run may be making at this moment."""
        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self._client.create_experiment(name, artifacts))
            except MlflowException:
                found = self._client.get_experiment_by_name(name)
                if found is None:
                    raise
        return str(found.experiment_id)
