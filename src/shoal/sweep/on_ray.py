# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Workers on a Ray cluster: an actor in each place, which keeps one worker process of its node as local.py does.

So a trial has the same limits there, and the process that trains it may die without its actor. When an actor or its
node dies, the trial waits to be run again, and the place gets another actor wherever the cluster has room.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from shoal.errors import ConfigError, installs
from shoal.sweep.local import Answer, Job, Pool
from shoal.sweep.worker import END, LOST

LISTEN_SECONDS = 1.0  # that an actor waits for news before it answers that there is none


def check() -> None:
    """Raise unless Ray is installed.

    Raises:
        ConfigError: if it is not.
    """
    try:
        import ray  # noqa: F401
    except ImportError:
        raise ConfigError("--ray needs the package `ray`, which is not installed", installs("ray")) from None


class Host:
    """What runs in an actor."""

    def __init__(self) -> None:
        self._pool = Pool(1, sharing=os.cpu_count() or 1)
        self._run = Path()

    def start(self, job: Job) -> None:
        """Begin a trial; its folder is made where it is not shared."""
        self._run = Path(job.run)
        self._run.parent.mkdir(parents=True, exist_ok=True)
        self._pool.start(0, job)

    def stop(self) -> None:
        """Let the trial end in order."""
        self._pool.stop(0)

    def poll(self) -> list[Answer]:
        """Return what came; the end of a trial with its files."""
        answers = [answer for _, answer in self._pool.poll(LISTEN_SECONDS)]
        for answer in answers:
            if answer["kind"] == END:
                files = [path for path in self._run.rglob("*") if path.is_file()]
                answer["files"] = {str(path.relative_to(self._run)): path.read_bytes() for path in files}
        return answers


class Cluster:
    """Places on a Ray cluster, so many, or as many as it has room for."""

    def __init__(self, places: int | None, address: str | None, *, threads: int, gpus: bool) -> None:
        """Connect.

        Args:
            places: trials at a time; None: as many as the cluster has room for.
            address: of the cluster; None: RAY_ADDRESS, or one that is started on this machine.
            threads: cores of a trial.
            gpus: does a trial need a GPU, if the cluster has any.

        Raises:
            ConfigError: if there is no such cluster, or no room for one trial.
        """
        import ray

        self._ray = ray
        self._ours = not ray.is_initialized()
        try:
            if self._ours:
                ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
        except (ConnectionError, ValueError) as error:
            problem = f"no Ray cluster: {address or 'on this machine'}: {str(error).partition(chr(10))[0]}"
            raise ConfigError(problem, "`ray start --head` begins one") from None
        found = ray.cluster_resources()
        on_gpus = gpus and bool(found.get("GPU"))
        room = int(found["GPU"]) if on_gpus else int(found.get("CPU", 0)) // threads
        if not (places or room):
            raise ConfigError(f"no room for a trial: the Ray cluster has {int(found.get('CPU', 0))} cores")
        self.places = places or room
        nodes = sum(node["Alive"] for node in ray.nodes())
        self.about = f"{self.places} workers on {nodes} Ray node{'s' if nodes != 1 else ''}"
        needs = {"num_gpus": 1} if on_gpus else {"num_cpus": threads}
        self._make = ray.remote(Host).options(**needs, max_restarts=0)
        self._actors: dict[int, Any] = {}
        self._jobs: dict[int, Job] = {}
        self._news: dict[Any, int] = {}  # what is waited for -> its place

    def start(self, place: int, job: Job) -> None:
        """Begin a trial, on the actor that is there or a new one."""
        actor = self._actors.get(place)
        if actor is None:
            actor = self._actors[place] = self._make.remote()
        self._jobs[place] = job
        actor.start.remote(job)
        self._news[actor.poll.remote()] = place

    def stop(self, place: int) -> None:
        """Let the trial end in order."""
        if place in self._jobs:
            self._actors[place].stop.remote()

    def poll(self, seconds: float) -> list[tuple[int, Answer]]:
        """Return what came."""
        ready, _ = self._ray.wait(list(self._news), timeout=seconds) if self._news else ([], [])
        answers: list[tuple[int, Answer]] = []
        for news in ready:
            place = self._news.pop(news)
            try:
                answers += [(place, self._taken(place, answer)) for answer in self._ray.get(news)]
            except self._ray.exceptions.RayError as error:
                del self._actors[place]
                reason = f"its Ray worker was lost: {str(error).partition(chr(10))[0]}"
                answers.append((place, {"kind": END, "status": LOST, "reason": reason}))
            if any(answer["kind"] == END for at, answer in answers if at == place):
                del self._jobs[place]
            else:
                self._news[self._actors[place].poll.remote()] = place
        return answers

    def close(self) -> None:
        """End all actors, and with them their processes."""
        for actor in self._actors.values():
            self._ray.kill(actor)
        self._actors = {}
        if self._ours:
            self._ray.shutdown()

    def _taken(self, place: int, answer: Answer) -> Answer:
        """Return an answer without files; those of a node with another disk are written here."""
        files = answer.pop("files", {})
        run = Path(self._jobs[place].run)
        if not run.exists():
            for name, data in files.items():
                (run / name).parent.mkdir(parents=True, exist_ok=True)
                (run / name).write_bytes(data)
        return answer
