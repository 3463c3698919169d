# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal dash`: the runs and sweeps of a folder as a page in the browser of this machine."""

from __future__ import annotations

import signal

from shoal import flags
from shoal.cli import leading, runs_folder
from shoal.errors import ConfigError

OPTIONS = (
    flags.Option("port", "int", None, "of the page; 0: any that is free; otherwise 7465, or any if that is taken"),
    flags.Option("open", "bool", False, "open it in the browser"),
    flags.RUNS_DIR,
)
_ABOUT = "Show runs and sweeps, live, as a page that only this machine can see. Ctrl-C ends it."


def run(arguments: list[str]) -> int:
    """Run `shoal dash ARGUMENTS` and return the exit code."""
    words = leading(arguments)
    if words:
        raise ConfigError(
            f"unexpected argument `{words[0]}`; expected flags only", "`--runs-dir FOLDER` names the runs"
        )
    parsed = flags.parse("shoal dash", _ABOUT, arguments, OPTIONS).options
    runs_dir = runs_folder(parsed["runs_dir"])
    if parsed["port"] is not None and not 0 <= parsed["port"] <= 65535:
        raise ConfigError(f"out of range: --port {parsed['port']}; expected 0 to 65535")
    from shoal.dash.server import Server  # with numpy, once the arguments are right

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` ends it as Ctrl-C does
    with Server(runs_dir, parsed["port"]) as server:
        print(f"{runs_dir}: open {server.address}\nCtrl-C ends it; from another machine: ", end="")
        print(f"ssh -L {server.server_port}:127.0.0.1:{server.server_port} HOST", flush=True)
        if parsed["open"]:
            import webbrowser

            webbrowser.open(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0
