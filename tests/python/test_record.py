# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Recordings as files, and the commands that make them; what is missing or impossible is one sentence."""

from __future__ import annotations

import importlib.util
import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

import shoal
from shoal import cli, command_watch, png, record, registry
from shoal.players import RandomPlayer
from shoal.viewer import Viewer


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = cli.main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(autouse=True)
def _somewhere_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], len(png.SIGNATURE)
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        body = data[at + 8 : at + 8 + size]
        assert zlib.crc32(data[at + 4 : at + 8 + size]) == struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0]
        found.append((data[at + 4 : at + 8], body))
        at += 12 + size
    return found


def shown_seconds(data: bytes) -> float:
    """Return how long an animation lasts."""
    delays = [struct.unpack(">HH", body[20:24]) for kind, body in chunks(data) if kind == b"fcTL"]
    return sum(numerator / denominator for numerator, denominator in delays)


# ---------------------------------------------------------------------------------------------------- files


def test_a_recording_has_its_size_and_length(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--size", "144x82", "--fps", "20", "--seconds", "1.5", "--seed", "4", "--json"]
    code, out, err = run(capsys, "eval", "breakout", "--random", "--record", "play.png", *words)
    assert (code, err) == (0, "")
    data = Path("play.png").read_bytes()
    assert struct.unpack(">II", chunks(data)[0][1][:8]) == (144, 82)
    assert shown_seconds(data) == pytest.approx(1.5)
    row = json.loads(out.splitlines()[-1])
    assert (row["frames"], row["bytes"], row["player"]) == (30, len(data), "random")
    run(capsys, "eval", "breakout", "--random", "--record=again.png", *words)
    assert Path("again.png").read_bytes() == data  # the same seed, the same pictures
    run(capsys, "eval", "breakout", "--random", "--record", "other.png", *words[:-2], "5")
    assert Path("other.png").read_bytes() != data


def test_a_recording_ends_with_its_episodes_and_their_end_in_view(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--random", "--record", "fall.png", "--fps", "50", "--size", "60x40", "--seconds", "60"]
    assert run(capsys, "eval", "cartpole", *words, "--episodes", "2")[0] == 0
    spec = registry.get("cartpole").spec()
    viewer, frames = Viewer(spec, RandomPlayer(0), seed=0), 0
    frames = record.record(viewer, Path("x.png"), width=30, height=20, frames_per_second=50, seconds=60, episodes=1)
    assert viewer.episodes == 1
    assert frames == pytest.approx(viewer.ticks + 0.7 * 50, abs=3)
    assert 1.0 < shown_seconds(Path("fall.png").read_bytes()) < 10


@pytest.mark.parametrize("player", [["--random"], ["--scripted"], []])
def test_parameters_of_the_environment_change_the_world(player: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--size", "96x55", "--fps", "10", "--seconds", "1"]
    for name, values in (("as_it_is", []), ("long", ["--env.pole-half-length", "1.5"])):
        code, _, err = run(capsys, "eval", "cartpole", *player, *words, *values, "--record", f"{name}.png")
        assert (code, err) == (0, "")
    assert Path("long.png").read_bytes() != Path("as_it_is.png").read_bytes()


def test_a_person_plays_with_parameters_that_no_agent_was_made_for(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr(command_watch, "show", lambda viewer, *_: shown.append(viewer))
    assert cli.main(["play", "crowd", "--env.agents", "3", "--env.life", "uniform(2, 9)"]) == 0
    assert cli.main(["play", "crowd", "--env.life", "9"]) == 0
    assert shown[0].spec.agents == shown[0].vec.num_rows == 3
    assert [viewer.player.name for viewer in shown] == ["scripted", "sampled"]
    assert [viewer.spec.values["life"] for viewer in shown] == ["uniform(2, 9)", 9.0]


def test_tiles_and_the_agent_that_comes_with_shoal(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--tiles", "3x2", "--size", "150x60", "--seconds", "0.2", "--panel", "--greedy", "--speed", "4"]
    code, out, err = run(capsys, "eval", "pong", "--record", "tiles.png", *words)
    assert (code, err) == (0, "")
    assert out.startswith("no run in runs: this is the agent that comes with shoal, trained for ")


@pytest.mark.skipif(not importlib.util.find_spec("PIL"), reason="Pillow is not installed: ./run install video")
def test_a_gif_has_the_same_pictures_as_the_png(capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    for name in ("play.gif", "play.png"):
        words = ["--record", name, "--size", "144x82", "--fps", "30", "--seconds", "1"]
        assert run(capsys, "eval", "breakout", "--random", *words)[0] == 0
    gif, animation = Image.open("play.gif"), Image.open("play.png")
    gif.seek(20)
    animation.seek(20)
    difference = np.asarray(gif.convert("RGB")).astype(int) - np.asarray(animation.convert("RGB"))
    assert np.abs(difference).mean() < 3
    assert gif.info["duration"] in (30, 40)  # 33 1/3 ms, in hundredths of a second


@pytest.mark.skipif(not importlib.util.find_spec("av"), reason="PyAV is not installed: ./run install video")
def test_an_mp4_plays_at_its_rate(capsys: pytest.CaptureFixture[str]) -> None:
    import av

    words = ["--record", "play.mp4", "--size", "145x83", "--fps", "30", "--seconds", "1"]
    assert run(capsys, "eval", "breakout", "--random", *words)[0] == 0
    with av.open("play.mp4") as file:
        stream = file.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in file.decode(stream)]
        assert (len(frames), stream.average_rate) == (30, 30)
    assert frames[0].shape == (82, 144, 3)  # H.264 has even sides
    assert (frames[0][20] != frames[0][60]).any()


# ---------------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--record", "play.avi"], "a recording ends in .png, .apng, .gif, .mp4; got `play.avi`"),
        (["--record", "nowhere/play.png"], "cannot be written: nowhere/play.png: No such file or directory"),
        (["--record", "play.png", "--size", "576"], "--size 576: expected two numbers from 1 to"),
        (["--record", "play.png", "--size", "0x10"], "--size 0x10: expected two numbers from 1 to"),
        (["--record", "play.png", "--tiles", "3"], "--tiles 3: expected two numbers from 1 to 64"),
        (["--record", "play.png", "--fps", "0"], "out of range: --fps 0"),
        (["--record", "play.png", "--seconds", "-1"], "out of range: --seconds -1"),
        (["--record", "play.png", "--episodes", "-1"], "out of range: --episodes -1"),
        (["--record", "play.png", "--speed", "3"], "--speed 3: expected one of 0.1,"),
        (["--record", "play.png", "--level", "2"], "out of range: --level 2"),
        (["--record", "play.png", "--scripted"], "--random and --scripted exclude one another"),
        (["--record", "play.png", "--watch"], "--watch and --record exclude one another"),
        (["--watch", "moon"], "--watch moon: expected window or terminal"),
        (["--watch", "terminal"], "the standard output is not a terminal"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(
    words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "eval", "breakout", "--random", *words)
    assert (code, out) == (2, "")
    assert problem in err
    assert err.count("\n") <= 2
    assert not list(Path().glob("*"))


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["eval", "breakot", "--random", "--record", "a.png"], "no environment is called `breakot`"),
        (["eval", "forever", "--scripted", "--record", "a.png"], "`forever` has no scripted player"),
        (["eval", "pong", "no-such-run", "--record", "a.png"], "no such checkpoint or run: no-such-run"),
        (["play"], "expected `shoal play ENV [RUN]`; got 0 words"),
        (["play", "pong", "--record", "a.png"], "unknown flag `--record`"),
    ],
)
def test_what_cannot_be_played_is_one_sentence(
    words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, *words)
    assert code == 2
    assert problem in err
    assert not list(Path().glob("*"))


@pytest.mark.parametrize(("name", "module"), [("play.gif", "PIL"), ("play.mp4", "av")])
def test_a_missing_extra_is_one_sentence(
    name: str, module: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for known in [known for known in sys.modules if known.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, known)
    monkeypatch.setitem(sys.modules, module, None)
    code, _, err = run(capsys, "eval", "breakout", "--random", "--record", name)
    assert code == 2
    assert "which is not installed\nhint: " in err
    assert "video" in err
    assert not Path(name).exists()


def test_a_full_disk_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = Viewer(registry.get("pong").spec(), RandomPlayer(1))
    monkeypatch.setitem(record.WRITERS, "", record.WRITERS[".png"])
    with pytest.raises(shoal.ConfigError, match=r"cannot be written: /dev/full: No space left"):
        record.record(viewer, Path("/dev/full"), width=60, height=40, seconds=1)
