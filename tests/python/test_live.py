# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Looking at a policy while it trains changes nothing and takes little; the window, with a raylib that is made up."""

from __future__ import annotations

import sys
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_runs
from terminal_emulator import Session

import shoal
from shoal import cli, live, registry, viewer, watch_window
from shoal.players import RandomPlayer
from shoal.viewer import Viewer


class Place:
    """Counts frames, and leaves after some."""

    def __init__(self, frames: int = 10**9, cost: float = 0.0) -> None:
        self.left, self.cost, self.frames = frames, cost, 0
        self.lines: list[str] = []

    def show(self, view: Viewer, seconds: float, status: str) -> bool:
        self.frames += 1
        self.lines.append(status)
        view.advance(seconds)
        view.frame(60, 40)
        time.sleep(self.cost)
        return self.frames < self.left


def test_a_run_that_is_watched_and_recorded_ends_with_the_same_bits(tmp_path: Path) -> None:
    expected = small_runs.whole(tmp_path)
    trainer = small_runs.begin(tmp_path / "watched")
    watched = live.Watched(trainer, "", 3 * small_runs.ROWS * small_runs.HORIZON)
    place = Place()
    with watched:
        watched._live = live.Live(trainer, place)
        run = trainer.train(watched.with_(lambda _: None)).run
    assert run
    small_runs.assert_equal(small_runs.read(run), expected)
    names = sorted(path.name for path in (run / live.FOLDER).iterdir())
    assert names == ["000000000000576.png", "000000000001152.png"]
    assert place.frames
    assert place.lines[0].startswith("192 steps 14%")


def test_a_view_takes_its_share_of_the_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = small_runs.begin(None)
    clock = types.SimpleNamespace(now=0.0)
    monkeypatch.setattr(live.time, "perf_counter", lambda: clock.now)

    class Slow(Place):
        def show(self, view: Viewer, seconds: float, status: str) -> bool:
            clock.now += 0.01
            return super().show(view, 0.0, status)

    place = Slow()
    shown = live.Live(trainer, place)
    log: Any = {"steps": 100.0, "perf/sps": 1.0, "episode/count": 0.0}
    while clock.now < 30:
        shown(log)
        clock.now += 0.002
    assert 0.01 * place.frames / clock.now == pytest.approx(live.SHARE, rel=0.05)


def test_a_closed_view_ends_the_watching_and_the_run_goes_on(tmp_path: Path) -> None:
    for how in (Place(frames=1), types.SimpleNamespace(show=_broken)):
        trainer = small_runs.begin(tmp_path)
        watched = live.Watched(trainer, "", None)
        lines: list[shoal.Log] = []
        progress = lines.append
        with watched:
            watched._live = live.Live(trainer, how)
            result = trainer.train(watched.with_(progress))
        assert result.steps == small_runs.STEPS
        assert len(lines) == small_runs.ITERATIONS


def _broken(*_: object) -> bool:
    raise BrokenPipeError


def test_a_recording_that_cannot_be_written_is_told_and_the_run_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = small_runs.begin(tmp_path)
    assert trainer.run
    (trainer.run.path / live.FOLDER).write_text("in the way")
    with live.Watched(trainer, "", 192) as watched:
        result = trainer.train(watched.with_(lambda _: None))
    assert result.steps == small_runs.STEPS
    assert "no recording: " in capsys.readouterr().out


def test_train_watch_in_a_terminal(tmp_path: Path) -> None:
    words = ["--vec.num-envs", "64", "--steps", "1e9", "--max-seconds", "60"]
    session = Session("train", "pong", *words, "--watch", "terminal", cwd=tmp_path)
    assert session.read_until("steps 0%")
    session.type(b"q")  # ends the watching
    assert session.read_until("entropy")  # and lines are printed again
    session.process.terminate()
    code, said = session.end()
    assert (code, said) == (130, "")
    assert session.after == session.before


def test_impossible_watching_stops_before_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "template", "--runs-dir", str(tmp_path), "--steps", "1000"]
    for flags, problem in (
        (["--watch", "moon"], "--watch moon: expected window or terminal"),
        (["--watch", "terminal"], "the standard output is not a terminal"),
        (["--record-every", "0"], "out of range: --record-every 0; expected at least 1 step"),
    ):
        assert cli.main([*words, *flags]) == 2
        assert problem in capsys.readouterr().err
        assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------------------------------------------- the window


class FakeRaylib:
    """What `watch_window` calls; keys come from a script of one entry a frame."""

    def __init__(self, script: list[dict[str, Any]], *, ready: bool = True) -> None:
        self.script, self.ready, self.frame = script, ready, 0
        self.size = (0, 0)
        self.loaded: list[tuple[int, int]] = []
        self.updates = self.unloaded = self.closed = 0
        self.chars: list[int] = []
        self.codes: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None

    def SetTraceLogLevel(self, level: int) -> None:  # noqa: N802
        self.level = level

    def InitWindow(self, width: int, height: int, _: bytes) -> None:  # noqa: N802
        if not self.ready and self.level <= 6:  # LOG_FATAL, which it reports and then ends the process
            raise SystemExit(1)
        self.size = (width, height)
        self._begin()

    def _begin(self) -> None:
        now = self.script[min(self.frame, len(self.script) - 1)]
        self.chars, self.codes = [ord(c) for c in now.get("chars", "")], list(now.get("codes", ()))
        self.down, self.size = now.get("down", ()), now.get("size", self.size)

    def IsWindowReady(self) -> bool:  # noqa: N802
        return self.ready

    def WindowShouldClose(self) -> bool:  # noqa: N802
        return self.frame >= len(self.script)

    def GetFrameTime(self) -> float:  # noqa: N802
        return 1 / 15

    def GetTime(self) -> float:  # noqa: N802
        return self.frame / 15

    def GetCharPressed(self) -> int:  # noqa: N802
        return self.chars.pop(0) if self.chars else 0

    def GetKeyPressed(self) -> int:  # noqa: N802
        return self.codes.pop(0) if self.codes else 0

    def IsKeyDown(self, code: int) -> bool:  # noqa: N802
        return code in self.down

    def GetScreenWidth(self) -> int:  # noqa: N802
        return self.size[0]

    def GetScreenHeight(self) -> int:  # noqa: N802
        return self.size[1]

    def LoadTextureFromImage(self, image: list[Any]) -> Any:  # noqa: N802
        self.loaded.append((image[1], image[2]))
        return types.SimpleNamespace(width=image[1], height=image[2])

    def UpdateTexture(self, *_: object) -> None:  # noqa: N802
        self.updates += 1

    def UnloadTexture(self, _: object) -> None:  # noqa: N802
        self.unloaded += 1

    def EndDrawing(self) -> None:  # noqa: N802
        self.frame += 1
        self._begin()

    def CloseWindow(self) -> None:  # noqa: N802
        self.closed += 1


def opened(monkeypatch: pytest.MonkeyPatch, script: list[dict[str, Any]], **options: bool) -> FakeRaylib:
    fake = FakeRaylib(script, **options)
    module = types.SimpleNamespace(rl=fake, ffi=types.SimpleNamespace(cast=lambda _, address: address))
    monkeypatch.setitem(sys.modules, "raylib", module)
    monkeypatch.setenv("DISPLAY", ":0")
    return fake


def watch(**options: Any) -> Viewer:
    view = Viewer(registry.get("breakout").spec(), RandomPlayer(1), seed=1, **options)
    watch_window.watch(view, 288, 165)
    return view


def test_a_window_shows_resizes_and_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = opened(monkeypatch, [{}, {}, {"size": (400, 300)}, {}, {}])
    view = watch()
    assert fake.loaded == [(288, 165 + viewer.STATUS), (400, 300)]
    assert (fake.updates, fake.unloaded, fake.closed) == (3, 2, 1)
    assert view.running  # the window was closed
    assert view.ticks in (5, 6)  # one at once, then one a frame


def test_keys_of_a_window_reach_the_viewer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    left, space = 263, 32
    script = [{"codes": [left], "down": [left]}, {"down": [left]}, {}, {"codes": [space], "chars": "o?p"}, {}]
    fake = opened(monkeypatch, [*script, {"chars": "q"}, {}, {}])
    view = watch()
    assert fake.frame == 6
    assert (view.running, view.paused, view.overlay, view.help) == (False, True, True, True)
    assert view.held == []
    assert len(list(tmp_path.glob("breakout-*.png"))) == 1
    fake = opened(monkeypatch, [{"down": [left]}] * 4)
    view = watch()
    assert view.held == ["left"]
    assert view.choice is not None
    assert view.choice.discrete[0, 0] == 1


def test_a_window_that_cannot_be_opened_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    opened(monkeypatch, [{}], ready=False)
    with pytest.raises(shoal.ConfigError, match="no window can be opened on the display ':0'\nhint: `--watch term"):
        watch()
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(shoal.ConfigError, match=r"there is no display for a window.*\nhint: `--watch terminal`"):
        watch()
    monkeypatch.setitem(sys.modules, "raylib", None)
    with pytest.raises(shoal.ConfigError, match=r"needs the package `raylib`.*\nhint: .*window.*--record FILE.png"):
        watch()


def test_the_picture_of_a_window_is_the_viewers(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []
    frame = Viewer.frame
    monkeypatch.setattr(Viewer, "frame", lambda *a, **k: seen.append(frame(*a, **k)) or seen[-1])
    opened(monkeypatch, [{}, {}])
    watch()
    assert seen[0].shape == (165 + viewer.STATUS, 288, 4)
    assert (seen[0][..., 3] == 255).all()
