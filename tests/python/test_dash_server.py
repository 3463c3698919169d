# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The dashboard's server: who may look, what it refuses, news, and how the command begins and ends."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_runs import make

from shoal import cli
from shoal.dash.server import Server

Headers = dict[str, str]
RUN = "cartpole/20260101-000000-a"


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Server]:
    with Server(folder, 0) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    make(tmp_path, "20260101-000000-a", perf=0.5)
    with serving(tmp_path) as found:
        yield found


def get(server: Server, path: str, headers: Headers | None = None, method: str = "GET") -> tuple[int, Headers, bytes]:
    """Return status, headers and body; the cookie is sent unless other headers are given."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    with contextlib.closing(connection):
        said = {"Cookie": f"{server.cookie}={server.token}"} if headers is None else headers
        connection.putrequest(method, path, skip_host="Host" in said)
        for name, value in said.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()


@pytest.mark.parametrize("path", ["/", "/static/base.js", "/api/runs", "/api/events", f"/media/{RUN}/x.png"])
def test_nothing_is_shown_without_the_token(server: Server, path: str) -> None:
    wrong = [{}, {"Cookie": f"{server.cookie}=x"}, {"Cookie": f"shoal-1={server.token}"}, {"Cookie": "é=;;=,\"'"}]
    for headers in wrong:
        status, _, body = get(server, path, headers)
        assert status == 403
        assert b"token" in body
    assert get(server, f"{path}?token=x", {})[0] == 403


def test_the_address_sets_a_cookie_that_scripts_cannot_read(server: Server) -> None:
    status, headers, _ = get(server, f"/?token={server.token}", {})
    assert (status, headers["Location"]) == (302, "/")
    assert "HttpOnly" in headers["Set-Cookie"] and "SameSite" in headers["Set-Cookie"]
    status, headers, body = get(server, "/", {"Cookie": headers["Set-Cookie"].partition(";")[0]})
    assert status == 200
    assert b"<title>shoal</title>" in body
    assert "default-src 'self'" in headers["Content-Security-Policy"]


def test_only_names_of_this_machine_are_answered(server: Server) -> None:
    cookie = {"Cookie": f"{server.cookie}={server.token}"}
    for host in ("evil.example", f"evil.example:{server.server_port}", "127.0.0.1.evil.example", "localhost@evil", ""):
        assert get(server, "/api/runs", cookie | {"Host": host})[0] == 403, host
    for host in ("localhost", "127.0.0.1:9", "[::1]:9", "LOCALHOST:80"):  # another port: through a tunnel
        assert get(server, "/api/runs", cookie | {"Host": host})[0] == 200, host


def test_it_listens_to_this_machine_alone(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/../../etc/passwd",
        "/static/",
        "/api/nothing",
        "/api/../static/base.js",
        f"/media/{RUN}/config.toml",
        f"/media/{RUN}/../../cartpole/20260101-000000-a/config.toml",
        "/media/../../etc/passwd",
        "/media/%2e%2e/%2e%2e/etc/passwd",
        "/api/run?path=..%2F..",
    ],
)
def test_what_is_not_served_is_not_there(server: Server, path: str) -> None:
    status, _, body = get(server, path)
    assert status == 404
    assert json.loads(body)["error"]


def test_a_query_without_sense_is_told_in_one_sentence(server: Server) -> None:
    status, _, body = get(server, "/api/runs?filter=perf")
    assert status == 400
    assert "not a condition: `perf`" in json.loads(body)["error"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed(server: Server, method: str) -> None:
    assert get(server, "/api/runs", method=method)[0] == 501


def test_recordings_are_sent_whole_and_in_parts(server: Server) -> None:
    (server.api.runs_dir / RUN / "play.mp4").write_bytes(bytes(range(100)))
    cookie = {"Cookie": f"{server.cookie}={server.token}"}
    status, headers, body = get(server, f"/media/{RUN}/play.mp4")
    assert (status, headers["Content-Type"], body) == (200, "video/mp4", bytes(range(100)))
    status, headers, body = get(server, f"/media/{RUN}/play.mp4", cookie | {"Range": "bytes=10-19"})
    assert (status, headers["Content-Range"], body) == (206, "bytes 10-19/100", bytes(range(10, 20)))
    assert get(server, f"/media/{RUN}/play.mp4", cookie | {"Range": "bytes=90-"})[2] == bytes(range(90, 100))


def test_a_new_run_is_news(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", "/api/events", headers={"Cookie": f"{server.cookie}={server.token}"})
        answer = connection.getresponse()
        first = answer.fp.readline()
        assert first.startswith(b"data: ")
        make(server.api.runs_dir, "20260102-000000-b", perf=0.9)
        while perfs(server) != [0.5, 0.9]:  # a first look may have met half of it
            line = b""
            while not line.startswith(b"data: "):
                line = answer.fp.readline()
            assert line != first


def perfs(server: Server) -> list[float]:
    answer = json.loads(get(server, "/api/runs?sort=name&columns=perf")[2])
    return [row["perf"] for row in answer["rows"]]


def test_a_folder_without_runs_and_one_that_is_not_there_are_empty(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with serving(folder) as server:
            assert json.loads(get(server, "/api/runs")[2])["total"] == 0
            assert json.loads(get(server, "/api/sweeps")[2])["sweeps"] == []


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli.main(["dash", "--port", str(port), "--runs-dir", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert f"the port cannot be used: --port {port}" in error
    assert "Traceback" not in error


@pytest.mark.parametrize("arguments", [["here"], ["--port", "70000"], ["--runs-dir", __file__], ["--port", "x"]])
def test_misuse_is_one_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["dash", *arguments]) == 2
    assert capsys.readouterr().err.startswith("shoal: ")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_its_address_and_ends_in_order(tmp_path: Path, how: signal.Signals) -> None:
    command = [sys.executable, "-m", "shoal", "dash", "--port", "0", "--runs-dir", str(tmp_path)]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:  # type: ignore[call-overload]
        line = process.stdout.readline()
        port, token = re.search(r"http://127.0.0.1:(\d+)/\?token=(\S+)", line).groups()  # type: ignore[union-attr]
        assert len(token) >= 20
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)
        connection.request("GET", f"/api/events?token={token}")  # an open page does not keep it
        assert connection.getresponse().status == 200
        time.sleep(0.1)
        process.send_signal(how)
        _, error = process.communicate(timeout=10)
        connection.close()
    assert (process.returncode, error) == (0, "")
