# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Serves the dashboard on this machine alone.

Whoever has the token may look: it is part of the address that is printed, and a cookie afterwards. The Host header must
name this machine, so that no page of another site can be led here (DNS rebinding). Only GET, and nothing is written.
News come as server-sent events: a thread looks for changes while a page is open.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import re
import secrets
import shutil
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from typing import IO, Any

from shoal.dash.api import Api, dumps
from shoal.errors import ConfigError, ShoalError

HOST = "127.0.0.1"
PORT = 7465
STATIC = Path(__file__).parent / "static"

_LOCAL = ("127.0.0.1", "localhost", "[::1]")
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_LOOK_SECONDS = 1.0  # between two looks for news, while a page is open
_BEAT_SECONDS = 15.0  # after which an idle stream says that it lives
_POLICY = "default-src 'self'; img-src 'self' data:; media-src 'self'; frame-ancestors 'none'; base-uri 'none'"


class News:
    """`version` rises when a run or a sweep has changed."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._changed = threading.Condition()
        self.version = 0
        self._readers = 0
        self._closed = False
        self._thread = threading.Thread(target=self._look, name="news", daemon=True)
        self._thread.start()

    def versions(self) -> Iterator[int | None]:
        """Yield the version now and whenever it rises, None when nothing happened for a while; ends with the server."""
        with self._changed:
            self._readers += 1
            self._changed.notify_all()
        try:
            said = None
            while not self._closed:
                with self._changed:
                    known = said
                    self._changed.wait_for(lambda: self._closed or self.version != known, _BEAT_SECONDS)  # noqa: B023
                    version = self.version
                yield version if version != said else None
                said = version
        finally:
            with self._changed:
                self._readers -= 1

    def close(self) -> None:
        """Let the thread and all streams end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _look(self) -> None:
        stamp: tuple[Any, ...] = ()
        while not self._closed:
            before = time.monotonic()
            try:
                changed, new = self._api.refresh(), self._api.stamp()
            except Exception as error:  # whatever it is, later looks may succeed, and the page stays up
                print(f"shoal dash: the runs could not be read: {error}", file=sys.stderr)
                changed, new = 0, stamp
            took = time.monotonic() - before
            with self._changed:
                if changed or new != stamp:
                    self.version += 1
                    self._changed.notify_all()
                stamp = new
                self._changed.wait_for(lambda: self._closed, max(_LOOK_SECONDS, 10 * took))
                self._changed.wait_for(lambda: self._closed or self._readers > 0)


class Server(ThreadingHTTPServer):
    """The dashboard of one folder of runs."""

    daemon_threads = True

    def __init__(self, runs_dir: Path, port: int | None = None, token: str = "") -> None:
        """Take `port`, 0 for any, None for the usual one or any if that is taken.

        Raises:
            ConfigError: if the port is taken or not allowed.
        """
        self._closing: list[Callable[[], None]] = []  # first, for a port that is taken is closed too
        self.token = token or secrets.token_urlsafe(18)
        self.static = {path.relative_to(STATIC.parent).as_posix(): path for path in STATIC.rglob("*") if path.is_file()}
        try:
            super().__init__((HOST, PORT if port is None else port), Handler)
        except OSError as error:
            if port is not None:
                raise ConfigError(
                    f"the port cannot be used: --port {port}: {error.strerror}", "0 takes a free one"
                ) from error
            super().__init__((HOST, 0), Handler)
        self.api = Api(runs_dir)
        self.news = News(self.api)
        self._closing += [self.news.close, self.api.close]

    @property
    def address(self) -> str:
        """What opens it in a browser."""
        return f"http://{HOST}:{self.server_port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """The cookie's name; browsers keep cookies by host, not by port."""
        return f"shoal-{self.server_port}"

    def server_close(self) -> None:
        """Close everything."""
        super().server_close()
        for close in self._closing:
            close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing where a reader merely left."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    connection: socket
    protocol_version = "HTTP/1.1"
    timeout = 60.0  # seconds without a request, after which it is closed

    def do_GET(self) -> None:
        """Answer."""
        address = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(address.query))
        path = urllib.parse.unquote(address.path)
        if re.sub(r":\d*$", "", self.headers.get("Host", "")).lower() not in _LOCAL:
            self._refuse(HTTPStatus.FORBIDDEN, "this page is only for the machine that it runs on")
        elif not self._may(query):
            self._refuse(HTTPStatus.FORBIDDEN, "open the address that `shoal dash` printed: it holds a token")
        elif path == "/" and "token" in query:
            cookie = f"{self.server.cookie}={self.server.token}; Path=/; HttpOnly; SameSite=Lax"
            self._head(HTTPStatus.FOUND, "text/plain", 0, {"Location": "/", "Set-Cookie": cookie})
        elif path == "/":
            self._file(self.server.static["static/index.html"], "text/html")
        elif path[1:] in self.server.static:
            file = self.server.static[path[1:]]
            self._file(file, _TYPES.get(file.suffix, "text/plain"))
        elif path == "/api/events":
            self._events()
        elif path.startswith("/api/"):
            self._answer(path.removeprefix("/api/"), query)
        elif path.startswith("/media/"):
            self._media(path.removeprefix("/media/"))
        else:
            self._refuse(HTTPStatus.NOT_FOUND, f"nothing is at {path}")

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing: the terminal is the user's."""

    def _may(self, query: dict[str, str]) -> bool:
        """Return whether the request has the token, compared in a time that does not depend on it."""
        cookies: SimpleCookie = SimpleCookie()
        with contextlib.suppress(CookieError):
            cookies.load(self.headers.get("Cookie", ""))
        said = query.get("token", "")
        if not said and self.server.cookie in cookies:
            said = cookies[self.server.cookie].value
        return hmac.compare_digest(said.encode(errors="replace"), self.server.token.encode())

    def _answer(self, name: str, query: dict[str, str]) -> None:
        version = self.server.news.version  # before what is answered with it
        try:
            found = self.server.api.answer(name, query)
        except ConfigError as error:
            return self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except ShoalError as error:
            return self._refuse(HTTPStatus.NOT_FOUND, str(error))
        if found is None:
            return self._refuse(HTTPStatus.NOT_FOUND, f"nothing is called {name}")
        return self._send(HTTPStatus.OK, "application/json", dumps(found).encode(), {"X-Version": str(version)})

    def _media(self, path: str) -> None:
        group, _, rest = path.partition("/")
        name, _, file = rest.partition("/")
        try:
            found, kind = self.server.api.media(f"{group}/{name}", file)
        except ShoalError as error:
            return self._refuse(HTTPStatus.NOT_FOUND, str(error))
        return self._file(found, kind)

    def _events(self) -> None:
        self.close_connection = True
        self._head(HTTPStatus.OK, "text/event-stream", None, {"Connection": "close"})
        for version in self.server.news.versions():
            self.wfile.write(b": here\n\n" if version is None else f"data: {version}\n\n".encode())
            self.wfile.flush()

    def _file(self, path: Path, kind: str) -> None:
        """Send a file, or the part of it that is asked for: browsers wind films so."""
        try:
            file: IO[bytes] = path.open("rb")
        except OSError as error:
            return self._refuse(HTTPStatus.NOT_FOUND, f"{path.name}: {error.strerror}")
        with file:
            size = path.stat().st_size
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if not asked or int(asked[1]) >= size:
                self._head(HTTPStatus.OK, kind, size, {"Accept-Ranges": "bytes"})
                shutil.copyfileobj(file, self.wfile)
                return None
            start, end = int(asked[1]), min(int(asked[2] or size - 1), size - 1)
            self._head(
                HTTPStatus.PARTIAL_CONTENT, kind, end - start + 1, {"Content-Range": f"bytes {start}-{end}/{size}"}
            )
            file.seek(start)
            self.wfile.write(file.read(max(end - start + 1, 0)))
        return None

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        self._send(status, "application/json", json.dumps({"error": sentence}).encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes, more: dict[str, str] | None = None) -> None:
        self._head(status, kind, len(body), more or {})
        self.wfile.write(body)

    def _head(self, status: HTTPStatus, kind: str, size: int | None, more: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith(("text", "application")) else kind)
        if size is not None:
            self.send_header("Content-Length", str(size))
        fixed = {
            "Cache-Control": "no-cache",
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        for name, value in (fixed | more).items():
            self.send_header(name, value)
        self.end_headers()
