# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
from pathlib import Path

import pytest

from shoal.errors import ConfigError, EnvError
from shoal.outside.source import open_source

MAKER = """
import gymnasium
import beside

def make_env(limit: int = 30):
    return gymnasium.make("CartPole-v1", max_episode_steps=limit)

class Adapter:
    declaration = "its own"
    def bind(self, slot):
        pass

def no_env():
    return {}

def fails():
    raise RuntimeError("out of coffee")

def needs():
    import a_package_that_is_not_there

half = 3
"""


@pytest.fixture
def maker(tmp_path: Path) -> Path:
    (tmp_path / "beside.py").write_text("")
    path = tmp_path / "maker.py"
    path.write_text(MAKER)
    return path


def test_a_function_in_a_file_makes_an_environment(maker: Path) -> None:
    assert open_source(f"{maker}:make_env").declaration.max_steps == 30
    assert open_source(f"{maker}:make_env", {"limit": 7}).declaration.max_steps == 7


def test_a_function_in_a_module_makes_an_environment(maker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(maker.parent)
    assert open_source("maker:make_env").declaration.name == "make_env"


def test_an_adapter_is_taken_as_it_is(maker: Path) -> None:
    assert open_source(f"{maker}:Adapter").declaration == "its own"


def test_keyword_arguments_reach_gymnasium() -> None:
    adapter = open_source("gymnasium:FrozenLake-v1", {"map_name": "8x8"})
    assert adapter.declaration.fields[0].categories == 64


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("gymnasium:CartPole-v99", "Gymnasium has no environment `CartPole-v99`\nhint: did you mean `CartPole-v1`"),
        ("gymnasium:LunarLandr-v3", "has no environment `LunarLandr-v3`\nhint: did you mean `LunarLander-v3`"),
        ("gymnasium:no_such_package:X-v0", "needs a package.*\nhint: pip install no_such_package"),
        ("pettingzoo:json", "`json` is no PettingZoo environment: it has no parallel_env and no env"),
        ("json:lods", "json has no function or class `lods`\nhint: did you mean `loads`"),
        ("nothing.py:make_env", "no such file: nothing.py"),
        ("MAKER:make_envs", "has no function or class `make_envs`\nhint: did you mean `make_env`"),
        ("MAKER:half", "has no function or class `half`"),
        ("MAKER:no_env", "is no environment: dict has no `observation_space`"),
        ("MAKER:fails", "cannot be made: RuntimeError: out of coffee"),
        ("MAKER:needs", "needs a package.*\nhint: pip install a_package_that_is_not_there"),
    ],
)
def test_what_cannot_be_opened_is_said_in_one_sentence(maker: Path, reference: str, sentence: str) -> None:
    with pytest.raises(EnvError, match=sentence):
        open_source(reference.replace("MAKER", str(maker)))


def test_an_unknown_argument_is_a_mistake_in_the_settings(maker: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be made with limits=3: .*limits"):
        open_source(f"{maker}:make_env", {"limits": 3})
