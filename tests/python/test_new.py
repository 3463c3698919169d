# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal new`: what it makes, what it refuses. That each template keeps the contract: tests/envs/test_contract.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_cli import run

from shoal import command_new, config, registry

pytestmark = pytest.mark.usefixtures("unoptimised")
KINDS = ["", "--multi-agent", "--continuous", "--grid"]


@pytest.fixture(autouse=True)
def _somewhere_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_environment_trains_at_once(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "new", "tag_team", *filter(None, [kind]), "--into", "games")
    assert (code, err) == (0, "")
    assert out.startswith(
        "made ./games/tag_team/: tag_team.h (the simulation), tag_team_draw.h (its picture), tag_team.toml (its"
    )
    assert out.endswith("next:\n  python -m shoal train ./games/tag_team\n  python -m shoal eval ./games/tag_team\n")
    texts = {path.name: path.read_text() for path in Path("games/tag_team").iterdir()}
    assert sorted(texts) == ["README.md", "tag_team.h", "tag_team.toml", "tag_team_draw.h"]
    for name, text in texts.items():
        assert "template" not in text.lower(), name
        assert "SPDX" not in text, name
        assert "Copyright" not in text, name
    code, _, err = run(capsys, "train", "./games/tag_team", "--steps", "3k", "--vec.num-envs", "32")
    assert (code, err) == (0, "")
    env = registry.get("./games/tag_team")
    assert env.name == "tag_team"
    assert env.folder == Path("games/tag_team").resolve()
    assert config.load("./games/tag_team").solved.threshold is not None
    assert (env.spec().agents > 1, bool(env.spec().dims), env.spec().fields[0].kind == "grid") == tuple(
        kind == other for other in KINDS[1:]
    )


def test_new_lines_stay_below_one_another() -> None:
    template = (registry.PACKAGED / "template" / "template.h").read_text()
    text = command_new.renamed(template, "a")
    lines = text.splitlines()
    assert len({len(line) for line in lines if line.endswith("\\") and "PARAMS" not in line}) <= 2
    for number, line in enumerate(lines):
        if line.startswith("SHOAL_FN") and not line.endswith("{"):
            following = lines[number + 1]
            assert len(following) - len(following.lstrip()) == line.index("(") + 1, line
    assert text.startswith("// a: walk along a line to a goal.\n")


MISTAKES = [
    ((), "no name was given; expected `shoal new NAME`"),
    (("one", "two"), "unexpected argument `two`; expected `shoal new NAME`"),
    (("My-Game",), "`My-Game` cannot name an environment; expected lower-case letters, digits and _, a letter first\n"
                   "hint: `my_game` would do"),
    (("2048",), "`2048` cannot name an environment; expected lower-case letters, digits and _, a letter first\n"
                "hint: such as `mygame`"),
    (("a__b",), "`a__b` cannot name an environment; expected lower-case letters, digits and _, a letter first\n"
                "hint: `a_b` would do"),
    (("../game",), "`../game` cannot name an environment; expected lower-case letters, digits and _, a letter first\n"
                   "hint: `game` would do"),
    (("breakout",), "the name `breakout` is taken\nhint: such as `my_breakout`"),
    (("shoal",), "the name `shoal` is taken\nhint: such as `my_shoal`"),
    (("there",), "there is there already\nhint: choose another name, or `--into FOLDER`"),
    (("game", "--into", "file"), "the environment cannot be written: file/game: "),
    (("game", "--grid", "--continuous"), "one template at a time: got --continuous and --grid"),
    (("game", "--grit"), "unknown flag `--grit`\nhint: did you mean `--grid`"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "sentence"), MISTAKES)
def test_a_mistake_is_one_sentence(words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("there").mkdir()
    Path("file").touch()
    code, out, err = run(capsys, "new", *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"shoal: {sentence}"), err
    assert sorted(path.name for path in Path().iterdir()) == ["file", "there"]  # nothing half made
