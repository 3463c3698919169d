# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Our environments in Gymnasium, one at a time: its checkers, Stable-Baselines3's, and Gymnasium's own CartPole beside
ours."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import guests
import numpy as np
import pytest
from test_live import opened

gymnasium = pytest.importorskip("gymnasium")

from gymnasium.utils.env_checker import check_env, data_equivalence  # noqa: E402

import shoal.gymnasium  # noqa: E402
from shoal import drawing, registry  # noqa: E402
from shoal.errors import ConfigError, EnvError, NativeError, ShapeError  # noqa: E402

pytestmark = pytest.mark.usefixtures("unoptimised")
IDS = sorted(name for name in gymnasium.registry if name.startswith("shoal/"))
FOLDERS = ["kinds", "continuous", "grid"]

# What a checker may say, by environment: each sentence is true, and is the user's to weigh.
BOX = "unconventional shape (neither an image, nor a 1D vector)"  # a board; `flat` has one vector
PAIR = "The action space is not based off a numpy array"  # discrete and continuous together
IMAGE = "The minimal resolution for an image is 36x36"
EXPLAINED = {f"shoal/{name}-v1": [BOX] for name in ("Breakout", "Connect4", "Maze", "Sights", "Squared")}
EXPLAINED |= {"shoal/Mixed-v1": [PAIR], "grid": [BOX], "kinds": [BOX, PAIR, IMAGE]}


def build(name: str, folder: Path, **options: Any) -> Any:
    """Return an environment by its id in Gymnasium, by its template, or `kinds`."""
    if name in FOLDERS:
        path = guests.kinds(folder) if name == "kinds" else guests.made(name, folder)
        return shoal.gymnasium.make(path, **options)
    return gymnasium.make(name, **options)


# ---------------------------------------------------------------------------------------------------- checkers


def test_every_environment_with_one_agent_is_registered() -> None:
    single = [name for name in registry.names() if registry.get(name).spec().agents == 1]
    assert len(IDS) == len(single) >= 11
    assert shoal.gymnasium.identifier(registry.get("cartpole")) == "shoal/Cartpole-v1"


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("name", [*IDS, *FOLDERS])
def test_gymnasium_and_stable_baselines_accept(
    name: str, flat: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = opened(monkeypatch, [{}])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(build(name, tmp_path, flat=flat).unwrapped)  # in both render modes too
    assert window.closed == 1
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    (tmp_path / "again").mkdir()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        checker.check_env(build(name, tmp_path / "again", flat=flat))
    expected = [text for text in EXPLAINED.get(name, []) if not flat or text == PAIR]
    assert all(any(text in str(warning.message) for text in expected) for warning in said), said[0]
    assert len({text for text in expected if any(text in str(w.message) for w in said)}) == len(expected)


def test_a_module_in_the_name_is_imported() -> None:
    code = (
        "import gymnasium; env = gymnasium.make('shoal.gymnasium:shoal/Pong-v1', frameskip=4, max_episode_steps=7); "
        "env.reset(seed=1); ends = [env.step(0)[3] for _ in range(7)]; assert ends == [False] * 6 + [True]; print(env)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "shoal/Pong-v1" in done.stdout


@pytest.mark.parametrize("name", ["gymnasium", "pettingzoo"])
def test_a_missing_library_is_one_sentence(name: str) -> None:
    code = (
        f"import sys; sys.modules['{name}'] = None\n"
        f"try: import shoal.{name}\n"
        "except ValueError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said = f"`shoal.{name}` needs {name}, which is not installed\nhint: `pip install 'shoal[{name}]'` installs it\n"
    assert done.stdout == said


# ---------------------------------------------------------------------------------------------------- spaces


def test_every_kind_of_field_and_action_has_its_space(tmp_path: Path) -> None:
    env = shoal.gymnasium.make(guests.kinds(tmp_path)).unwrapped
    names = ("Discrete(4)", "MultiDiscrete([3 3])", "MultiBinary(2)", "Box(0, 2, (2, 2), int8)")
    names += ("Box(0, 255, (2, 2, 3), uint8)", "Box(-300, 300, (1,), int16)", "Box(-1.0, 1.0, (3, 2), float32)")
    names += ("Box(0.0, 9.0, (1,), float32)", "Box(0.0, 1.0, (2, 2), float32)")
    assert {key: str(space) for key, space in env.observation_space.items()} == dict(
        zip(guests.row(0), names, strict=True)
    )
    continuous, discrete = env.action_space["continuous"], env.action_space["discrete"]
    assert (str(continuous), str(discrete)) == ("Box(-1.0, 1.0, (1,), float32)", "MultiDiscrete([2 3])")
    without = shoal.gymnasium.make(guests.kinds(tmp_path), push=False, flat=True)
    assert str(without.action_space) == "MultiDiscrete([2 3])"
    assert without.observation_space.shape == guests.flat(0).shape
    assert (without.observation_space.low[:10] == 0).all() and (without.observation_space.high[:10] == 1).all()


@pytest.mark.parametrize("flat", [False, True])
def test_observations_rewards_and_masks_arrive_as_they_are(flat: bool, tmp_path: Path) -> None:
    env = shoal.gymnasium.make(guests.kinds(tmp_path), flat=flat).unwrapped
    expected = guests.flat if flat else guests.row
    seen, info = env.reset(seed=1)
    assert guests.same(seen, expected(0))
    for tick in range(1, 6):
        mask = info["action_mask"]
        assert mask["discrete"][0].tolist() == [1, 1]
        assert mask["discrete"][1].tolist() == ([0, 1, 0] if tick % 2 == 0 else [1, 0, 1])
        action = env.action_space.sample(mask=mask)
        action["discrete"][0] = tick == 4
        if tick == 5:
            with pytest.raises(NativeError, match="an ended environment was stepped"):
                env.step(action)
            break
        seen, reward, terminated, truncated, info = env.step(action)
        end, pick = action["discrete"]
        assert reward == np.float32(100 * end + 10 * pick) + action["continuous"][0]
        assert (terminated, truncated) == (tick == 4, False)
        assert guests.same(seen, expected(tick))
    assert env.vec.stats().bad_actions == 0


def test_an_action_of_another_shape_or_type_is_one_sentence(tmp_path: Path) -> None:
    pair = shoal.gymnasium.make(guests.kinds(tmp_path)).unwrapped
    pair.reset(seed=0)
    one = gymnasium.make("shoal/Continuous-v1").unwrapped
    one.reset(seed=0)
    for env, action, said in (
        (pair, 3, r"wrong action: 3; expected a dictionary with `discrete` and `continuous`"),
        (pair, {"discrete": [1], "continuous": [0.0]}, r"wrong shape: action\['discrete'\] has \(1,\); expected \(2"),
        (pair, {"discrete": [0.5, 1], "continuous": [0]}, r"wrong type: action\['discrete'\] holds float64; expected"),
        (one, "up", r"wrong shape: action has \(\); expected \(1,\)"),
        (one, ["up"], r"wrong type: action holds <U2; expected numbers"),
    ):
        with pytest.raises(ShapeError, match=said):
            env.step(action)


# ---------------------------------------------------------------------------------------------------- episodes


def play(env: Any, steps: int, **reset: Any) -> list[Any]:
    seen, info = env.reset(**reset)
    out = [(seen, info)]
    for action in np.random.default_rng(0).integers(0, 2, steps):
        out.append(env.step(int(action)))
        if out[-1][2]:
            out.append(env.reset())
    return out


def test_a_seed_and_np_random_decide_the_trajectory() -> None:
    env, other = (gymnasium.make("shoal/Cartpole-v1").unwrapped for _ in range(2))
    first = play(env, 200, seed=5)
    assert data_equivalence(first, play(other, 200, seed=5), exact=True)
    assert not data_equivalence(first, play(other, 200, seed=6))
    begins = [part[0].tobytes() for part in first if len(part) == 2]
    assert len(set(begins)) == len(begins) > 5  # no two episodes are the same
    env.np_random = copy.deepcopy(other.np_random)  # nothing else is random
    assert data_equivalence(play(env, 100), play(other, 100), exact=True)


def test_options_are_parameters_of_one_episode() -> None:
    env = gymnasium.make("shoal/Cartpole-v1", gravity=7.0).unwrapped
    for options, gravity in (({"params": {"gravity": 20.0}}, 20.0), (None, 7.0), ({"other": 1}, 7.0)):
        env.reset(seed=3, options=options)
        assert env.vec.values("gravity") == gravity
        alone = gymnasium.make("shoal/Cartpole-v1", gravity=gravity).unwrapped
        alone.reset(seed=3)
        assert np.array_equal([env.step(1)[0] for _ in range(5)], [alone.step(1)[0] for _ in range(5)])
    for options, said in (
        ({"gravity": 5.0}, "wrong place\nhint: options={'params': {'gravity': 5.0}}"),
        ({"params": {"gravty": 5.0}}, "no parameter `gravty`.*\nhint: did you mean `gravity`"),
        ({"params": {"action": "continuous"}}, "`action` is fixed at creation"),
        ({"params": 3}, r"wrong type: options\['params'\]=3; expected a dictionary"),
    ):
        with pytest.raises(ConfigError, match=said):
            env.reset(options=options)


def test_contexts_are_drawn_and_seen() -> None:
    env = gymnasium.make("shoal/Cartpole-v1", gravity="uniform(5, 15)", observe_contexts=True)
    drawn = {float(env.reset(seed=seed)[0]["gravity"][0]) for seed in range(9)}
    assert len(drawn) == 9 and min(drawn) >= 5 and max(drawn) <= 15


def test_several_agents_are_refused() -> None:
    said = 'has 16 agents; expected one whose end is the world\'s\nhint: `shoal.pettingzoo.parallel_env\\("crowd"\\)`'
    with pytest.raises(EnvError, match=said):
        shoal.gymnasium.make("crowd")
    with pytest.raises(EnvError, match="`crowd` has an agent that leaves and comes back"):
        shoal.gymnasium.make_vec("crowd", 3, agents=1)


# ---------------------------------------------------------------------------------------------------- pictures


def test_a_picture_is_the_drawing() -> None:
    env = gymnasium.make("shoal/Breakout-v1", render_mode="rgb_array")
    env.reset(seed=1)
    env.step(1)
    picture = env.render()
    assert picture.dtype == np.uint8 and picture.shape == (400, 698, 3)
    inner = env.unwrapped
    assert np.array_equal(picture, drawing.Drawing(inner.vec.spec, 698, 400).draw(inner.vec)[:, :, :3])
    assert env.metadata["render_fps"] == 15
    env.step(1)
    assert not np.array_equal(picture, env.render())
    assert gymnasium.make("shoal/Breakout-v1").unwrapped.render() is None
    with pytest.raises(ConfigError, match="render_mode='ansi' is not a choice; expected None or 'human' or 'rgb"):
        shoal.gymnasium.Env("breakout", render_mode="ansi")


def test_a_window_follows_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    window = opened(monkeypatch, [{}, {}, {"size": (300, 200)}, {}, {}])
    env = gymnasium.make("shoal/Cartpole-v1", render_mode="human")
    env.reset(seed=1)
    for _ in range(3):
        env.step(0)
    assert window.frame == 4
    assert window.loaded[-1] == (300, 200) and len(window.loaded) == 2
    env.close()
    assert window.closed == 1


# ---------------------------------------------------------------------------------------------------- the guide


def test_python_of_the_guide_runs() -> None:
    pytest.importorskip("stable_baselines3")
    pytest.importorskip("pettingzoo")
    page = Path(__file__).parents[2] / "docs" / "guides" / "gymnasium.md"
    names: dict[str, Any] = {}
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    for block in blocks:
        exec(block.replace("100_000", "10").replace('device="cpu"', 'device="cpu", n_steps=8, batch_size=8'), names)
    assert len(blocks) == 4
    assert names["envs"].num_envs == 64
    assert names["model"].num_timesteps == 16
    assert names["env"].agents == []


# ---------------------------------------------------------------------------------------------------- an oracle


def test_cartpole_follows_gymnasiums_through_whole_episodes() -> None:
    """Each step of both begins at our state; the controller falls in some episodes and is truncated in others."""
    ours, oracle = gymnasium.make("shoal/Cartpole-v1"), gymnasium.make("CartPole-v1", max_episode_steps=500)
    random = np.random.default_rng(0)
    ends = []
    for episode in range(12):
        seen, _ = ours.reset(seed=episode)
        oracle.reset(seed=episode)
        for step in range(1, 501):
            oracle.unwrapped.state = seen.astype(np.float64)
            action = int(random.integers(2)) if episode % 3 else int(seen @ [0.5, 1.0, 12.0, 3.0] > 0)
            seen, reward, terminated, truncated, _ = ours.step(action)
            theirs = oracle.step(action)
            assert np.allclose(seen, theirs[0], rtol=1e-5, atol=1e-6)
            assert (reward, terminated, truncated) == theirs[1:4]
            if terminated or truncated:
                ends.append((step, terminated, truncated))
                break
    assert (500, False, True) in ends
    assert any(terminated for _, terminated, _ in ends)
