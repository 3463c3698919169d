# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal doctor`: what is installed, what works, and what a bug report needs.

Each look gives lines of facts, and for what is wrong a problem: one sentence with a hint. Exit code 1 if there is one.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from shoal import __version__, compile, dashboard, flags, native, store, terminal
from shoal.errors import EnvError, ShoalError

_OPTIONS = (flags.RUNS_DIR, flags.JSON)

REQUIRED = {"numpy": "arrays", "safetensors": "weights on disk", "tyro": "--help"}
OPTIONAL = {
    "torch": "`--backend torch`; compared with by `bench kernels` and by tests",
    "raylib": "`--watch` in a window",
    "av": "`--record` of .mp4",
    "pillow": "`--record` of .gif, pictures for trackers",
    "scipy": "`shoal sweep`: its own search",
    "threadpoolctl": "likewise",
    "optuna": "`shoal sweep --search optuna-tpe`",
    "ray": "`shoal sweep --ray`",
    "tensorboard": "`--track tensorboard`",
    "wandb": "`--track wandb`",
    "mlflow": "`--track mlflow`",
    "trackio": "`--track trackio`",
    "gymnasium": "environments in Gymnasium: theirs here, and `shoal.gymnasium`",
    "pettingzoo": "environments in PettingZoo: theirs here, and `shoal.pettingzoo`",
    "ale-py": "Atari's games",
    "minigrid": "MiniGrid's worlds",
    "mujoco": "MuJoCo's robots",
    "box2d": "LunarLander and others",
    "ziglang": "a C compiler, where there is none",
    "stable-baselines3": "its checks and its PPO, by tests",
    "pytest": "`./run test`",
}
_SELF_TEST_STEPS = 1_000_000  # of cartpole; twice, in about a second
_RATIO_LIMIT = 1e-4  # docs/reference/metrics.md, policy/first_ratio_error


@dataclass
class Findings:
    """What was found: `facts` for people and programs, and what is wrong."""

    facts: dict[str, str] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)  # sentence, hint

    def problem(self, sentence: str, hint: str) -> None:
        """Note what is wrong."""
        self.problems.append((sentence, hint))


def run(arguments: list[str]) -> int:
    """Run `shoal doctor ARGUMENTS` and return the exit code: 1 if something is wrong."""
    options = flags.parse("shoal doctor", "What is installed, and what works.", arguments, _OPTIONS).options
    found = Findings()
    looks: tuple[Callable[[Findings], None], ...] = (
        _versions,
        _machine,
        _library,
        _compiler,
        _gpu,
        _packages,
        _terminal,
        lambda findings: _folder(findings, "runs", Path(options["runs_dir"]), "`--runs-dir FOLDER` names another"),
        lambda findings: _folder(findings, "cache", compile.cache_folder(), "XDG_CACHE_HOME names another"),
        _self_test,
    )
    shown = 0
    for look in looks:
        try:
            look(found)
        except ImportError as error:
            found.problem(f"a package cannot be imported: {error}", "install it; the lines above say what is there")
        for name, text in list(found.facts.items())[shown:]:
            print(f"{name:<19}{text}", flush=True)
        shown = len(found.facts)
    for sentence, hint in found.problems:
        print(f"\nproblem: {sentence}\nhint: {hint}")
    if not found.problems:
        print("\neverything is in order; a bug report is complete with these lines")
    if options["json"]:
        facts = {name: " ".join(text.split()) for name, text in found.facts.items()}
        problems = [{"problem": sentence, "hint": hint} for sentence, hint in found.problems]
        print(store.to_json({"ok": not problems, "facts": facts, "problems": problems}))
    return 1 if found.problems else 0


def _versions(found: Findings) -> None:
    from shoal import bench

    commit = bench.commit() if native.library_folder().exists() else ""
    found.facts["shoal"] = __version__ + (f", commit {commit}" if commit not in ("", __version__) else "")
    found.facts["python"] = f"{platform.python_version()} ({platform.python_implementation()}), {sys.executable}"
    found.facts["system"] = (
        f"{platform.system()} {platform.release()}, {platform.machine()}, {' '.join(platform.libc_ver())}"
    )
    if struct_bits() != 64:
        found.problem(f"this Python has {struct_bits()} bits; expected 64", "install a 64-bit Python of 3.11 or newer")


def struct_bits() -> int:
    """Return the width of a pointer in this Python."""
    return 64 if sys.maxsize > 2**32 else 32


def _machine(found: Findings) -> None:
    from shoal import bench, memory

    try:
        found.facts["processor"] = bench.machine().rpartition(",")[0]
    except ShoalError:
        found.facts["processor"] = f"{platform.machine()}, {os.cpu_count()} cores"
    free = memory.available()
    found.facts["memory"] = f"{memory.human(free)} available"
    if free < 256 << 20:
        found.problem(f"little memory is available: {memory.human(free)}", "end other programs, or train on few copies")


def _library(found: Findings) -> None:
    try:
        lib = native.library()
    except ShoalError as error:
        sentence, _, hint = str(error).partition("\nhint: ")
        found.facts["library"] = "none"
        found.problem(sentence, hint or "build it again with `./run build`")
        return
    best = lib.best_isa().decode()
    bfloat16 = "with" if lib.has_bfloat16() else "without"
    found.facts["library"] = f"{lib.name}, of {lib.path}"
    found.facts["instructions"] = f"{best} is the best that this machine runs, {bfloat16} 16-bit matrix products"
    found.facts["threads"] = f"{lib.cores()} of {os.cpu_count()} cores are ours"
    if os.environ.get("SHOAL_ISA"):
        found.facts["library"] += f"; SHOAL_ISA={os.environ['SHOAL_ISA']} chose it"
    elif lib.name in native.ISAS and native.ISAS.index(lib.name) > native.ISAS.index(best):
        found.problem(
            f"the library is slower than this machine allows: {lib.name} was loaded; expected {best}",
            "build it here with `./run build`",
        )


def _compiler(found: Findings) -> None:
    """Which compiler makes environments of one's own: without any, those that ship still work."""
    try:
        command = compile.find_compiler().command
    except EnvError as error:
        found.facts["compiler"] = "none: environments of your own need one, those that ship do not"
        if os.environ.get("CC"):
            sentence, _, hint = str(error).partition("\nhint: ")
            found.problem(sentence, hint)
        return
    text = _said([*command, "--version"])
    found.facts["compiler"] = f"{' '.join(command)}: {text.splitlines()[0] if text else 'does not run'}"
    if not text:
        found.problem(f"the C compiler does not run: {' '.join(command)}", "let CC name another one, or install gcc")


def _gpu(found: Findings) -> None:
    if not shutil.which("nvidia-smi"):
        found.facts["gpu"] = "none, and none is needed"
        return
    text = _said(["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"])
    cards = [line.strip() for line in text.splitlines() if line.strip()]
    found.facts["gpu"] = "; ".join(cards) if cards else "nvidia-smi is there but does not answer; none is needed"


def _packages(found: Findings) -> None:
    for name, purpose in (REQUIRED | OPTIONAL).items():
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            version = ""
        if version:
            found.facts[name] = f"{version:<12} {purpose}"
        elif name in REQUIRED:
            found.facts[name] = f"{'missing':<12} {purpose}"
            found.problem(f"the package `{name}` is missing: it is needed for {purpose}", f"pip install {name}")
        else:
            found.facts[name] = f"{'-':<12} {purpose}; optional"


def _terminal(found: Findings) -> None:
    columns, rows = terminal.size()
    if not terminal.can_paint():
        encoding = getattr(sys.stdout, "encoding", "none")
        found.facts["terminal"] = f"plain lines (TERM={os.environ.get('TERM', '')}, {encoding}, or no terminal)"
        return
    colour = "no colours (NO_COLOR)" if os.environ.get("NO_COLOR") else "colours"
    least = f"{dashboard.MIN_COLUMNS} x {dashboard.MIN_ROWS}"
    large = columns >= dashboard.MIN_COLUMNS and rows >= dashboard.MIN_ROWS
    shown = "`train` shows a dashboard" if large else f"`train` shows lines, and a dashboard from {least}"
    found.facts["terminal"] = f"{os.environ.get('TERM', '')}, {columns} x {rows}, {colour}: {shown}"


def _folder(found: Findings, name: str, folder: Path, hint: str) -> None:
    """Can a folder be written, or made."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".shoal-doctor-"):
            pass
        free = shutil.disk_usage(place).free
    except OSError as error:
        found.facts[name] = f"{folder}: cannot be written"
        found.problem(f"the folder of the {name} cannot be written: {place}: {error.strerror}", hint)
        return
    from shoal import memory

    found.facts[name] = f"{folder.absolute()}, {memory.human(free)} free"
    if free < 64 << 20:
        found.problem(f"the disk is nearly full: {memory.human(free)} free at {place}", "delete what is not needed")


def _self_test(found: Findings) -> None:
    """Train a little with one thread and with two: the ratio must be right, and the weights the same bit by bit."""
    if found.facts.get("library") == "none" or any(found.facts[name].startswith("missing") for name in REQUIRED):
        found.facts["self-test"] = "not run"
        return
    try:
        found.facts["self-test"] = self_test(found)
    except (ShoalError, OSError) as error:
        found.facts["self-test"] = "failed"
        found.problem(f"training fails: {str(error).partition(chr(10))[0]}", "report it, with all of these lines")


def self_test(found: Findings) -> str:
    """Return what a little training says of itself; problems go to `found`."""
    from shoal import config
    from shoal.trainer import Trainer

    settings = config.load("cartpole", overrides={"train": {"total_steps": _SELF_TEST_STEPS}})
    weights, error, sps = [], 0.0, 0.0
    began = time.perf_counter()
    for threads in (1, 2):
        trainer = Trainer(
            dataclasses.replace(settings, vec=dataclasses.replace(settings.vec, threads=threads)), runs_dir=None
        )
        result = trainer.train()
        error, sps = max(error, result.first_ratio_error), max(sps, result.sps)
        weights.append({name: tensor.tobytes() for name, tensor in trainer.policy.tensors().items()})
    same = weights[0] == weights[1]
    if not error < _RATIO_LIMIT:
        found.problem(
            f"rollout and update differ: first_ratio_error={error:.2g}; expected below {_RATIO_LIMIT:g}",
            "report it, with all of these lines",
        )
    if not same:
        found.problem("1 and 2 threads do not give the same weights", "report it, with all of these lines")
    from shoal.cli import count

    return (
        f"cartpole, {count(_SELF_TEST_STEPS)} steps with 1 and with 2 threads in {time.perf_counter() - began:.1f} s, "
        f"{count(sps)} steps/s: {'the same bits' if same else 'other bits'}, first_ratio_error {error:.1g}"
    )


def _said(command: list[str]) -> str:
    """Return what a program says, nothing if it fails or takes long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True, errors="replace")
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
