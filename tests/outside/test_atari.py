# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from shoal import native
from shoal.errors import ConfigError, EnvError


def smaller(screen: Any, rows: int, columns: int) -> Any:
    """Return the mean over areas in exact fractions, rounded half up: an oracle, slow and plain."""

    def weights(long: int, short: int) -> list[list[tuple[int, Fraction]]]:
        step = Fraction(long, short)
        found = []
        for i in range(short):
            low, high = i * step, (i + 1) * step
            shares = [(x, min(high, Fraction(x + 1)) - max(low, Fraction(x))) for x in range(int(low), long)]
            found.append([(x, share / step) for x, share in shares if share > 0])
        return found

    down, across = weights(screen.shape[0], rows), weights(screen.shape[1], columns)
    out = np.zeros((rows, columns), np.uint8)
    for i, j in np.ndindex(rows, columns):
        mean = sum(a * b * int(screen[y, x]) for y, a in down[i] for x, b in across[j])
        out[i, j] = int(mean + Fraction(1, 2))
    return out


@pytest.mark.parametrize(
    ("shape", "small", "depth"),
    [((21, 16), (8, 9), 4), ((5, 7), (5, 7), 1), ((30, 40), (1, 1), 2), ((512, 3), (4, 2), 3)],
)
def test_the_picture_is_the_mean_over_areas_of_the_larger_frame(
    shape: tuple[int, int], small: tuple[int, int], depth: int
) -> None:
    random = np.random.default_rng(0)
    now, before = random.integers(0, 256, (2, *shape), dtype=np.uint8)
    stack = random.integers(0, 256, (*small, depth), dtype=np.uint8)
    old = stack.copy()
    arguments = (now.ctypes.data, before.ctypes.data, *shape, stack.ctypes.data, *small, depth)
    assert native.library().picture_stack(*arguments) == native.OK
    np.testing.assert_array_equal(stack[..., -1], smaller(np.maximum(now, before), *small))
    np.testing.assert_array_equal(stack[..., :-1], old[..., 1:])


def test_a_picture_of_the_brightest_screen_does_not_overflow() -> None:
    now = np.full((512, 512), 255, np.uint8)
    stack = np.zeros((84, 84, 1), np.uint8)
    arguments = (now.ctypes.data, now.ctypes.data, 512, 512, stack.ctypes.data, 84, 84, 1)
    assert native.library().picture_stack(*arguments) == native.OK
    assert (stack == 255).all()
    assert native.library().picture_stack(*arguments[:2], 513, 512, *arguments[4:]) != native.OK


def game(name: str = "Pong", **settings: Any) -> Any:
    pytest.importorskip("ale_py")
    from shoal.outside.atari import Atari

    return Atari(name, **settings)


def play(env: Any, seed: int, steps: int = 30) -> Any:
    random = np.random.default_rng(5)
    seen = [env.reset(seed=seed)[0].copy()]
    for _ in range(steps):
        seen.append(env.step(int(random.integers(env.action_space.n)))[0].copy())
    return np.array(seen)


def test_a_game_depends_on_its_seed_alone() -> None:
    env, other = game(), game()
    first = play(env, 1)
    different = play(env, 2)
    np.testing.assert_array_equal(play(env, 1), first)
    np.testing.assert_array_equal(play(other, 1), first)
    assert (different != first).any()


def test_a_step_is_gymnasiums_preprocessing() -> None:
    cv2 = pytest.importorskip("cv2")
    gymnasium = pytest.importorskip("gymnasium")
    import ale_py

    gymnasium.register_envs(ale_py)
    theirs = gymnasium.make("ALE/Pong-v5", frameskip=1, repeat_action_probability=0.0)
    theirs = gymnasium.wrappers.AtariPreprocessing(theirs, noop_max=0)
    ours = game(noop_max=0, sticky=0.0)
    assert cv2
    ours._waits = False  # FIRE is CleanRL's way, not Gymnasium's
    expected, _ = theirs.reset(seed=0)
    found, _ = ours.reset(seed=0)
    for step in range(60):
        assert np.abs(found[..., -1].astype(int) - expected).max() <= 1, step
        action = [2, 3, 0, 4][step % 4]
        expected, reward, *_ = theirs.step(action)
        found, paid, *_ = ours.step(action)
        assert paid == reward


def test_a_sticky_action_is_the_one_before_it() -> None:
    env = game("Breakout", sticky=1.0, noop_max=0)
    env.reset(seed=0)
    seen = []

    class Listens:
        def __init__(self, ale: Any) -> None:
            self.ale = ale

        def act(self, action: Any) -> Any:
            seen.append(action)
            return self.ale.act(action)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.ale, name)

    env._ale = Listens(env._ale)
    env.step(3)
    assert seen == [env._actions[0]] * 4
    env._repeats = 0.0
    env.step(3)
    assert seen[4:] == [env._actions[3]] * 4
    env._repeats = 0.5
    for _ in range(200):
        env.step(2)
        env.step(3)
    changes = seen[-1600:]
    repeated = np.mean([changes[8 * i] == env._actions[3] for i in range(1, 200)])
    assert 0.35 < repeated < 0.65


def test_a_lost_life_ends_an_episode_and_not_the_game() -> None:
    env = game("Breakout", life_loss=True, noop_max=0, clip_reward=True, sticky=0.0)
    ends = []
    for _ in range(5):
        env.reset(seed=len(ends))
        lives = env._ale.lives()
        for _ in range(2000):
            if env.step(0)[2]:
                break
        ends.append((lives, env._ale.lives()))
    assert ends == [(5, 4), (4, 3), (3, 2), (2, 1), (1, 0)]
    env.reset(seed=9)
    assert env._ale.lives() == 5 and env.game_score == 0


def test_bad_settings_of_a_game_are_named() -> None:
    with pytest.raises(EnvError, match="ale-py has no game `Pongg`\nhint: did you mean `pong`"):
        game("Pongg")
    with pytest.raises(ConfigError, match="size=900; expected 1 to 160"):
        game(size=900)
    with pytest.raises(ConfigError, match="frame_skip=0; expected at least 1"):
        game(frame_skip=0)
