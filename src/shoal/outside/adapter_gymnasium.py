# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A Gymnasium environment as an adapter: one agent, one world.

Its step is compiled by `bind` into one closure over the slot's memory: read the action, step, write. The wrappers that
`gymnasium.make` puts outermost are taken off where the engine does the same: the time limit, and checks of the order of
calls and of spaces, which shoal makes itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from shoal.errors import EnvError, ShapeError, ShoalError
from shoal.outside import actions, observations
from shoal.outside.declaration import NO_LIMIT, Declaration, declare, ended_bits
from shoal.outside.options import Options
from shoal.outside.slot import Slot

Picture = np.ndarray[Any, np.dtype[np.uint8]]


class GymnasiumAdapter:
    """One gymnasium.Env in a slot; see declaration.Adapter.

    Attributes:
        env: without the wrappers that were taken off.
        step: made by `bind`.
    """

    declaration: Declaration
    step: Callable[[], None]

    def __init__(self, env: Any, name: str, options: Options = Options()) -> None:  # noqa: B008
        notes: list[str] = []
        spec = env.spec
        self.env, limit = strip(env)
        limit = options.max_steps or limit
        if limit is None:
            limit = getattr(spec, "max_episode_steps", None)
        if limit is None:
            limit = NO_LIMIT
            notes.append(f"it states no time limit: episodes are cut after {limit:,} steps (vec.max_steps)")
        self.options = options
        self._leaves = observations.leaves(self.env.observation_space, options, notes)
        self._mask = self._find_mask()
        made = actions.actions(self.env.action_space, masked=bool(self._mask), notes=notes)
        if not made.heads:
            self._mask = ""
        self.declaration = declare(
            name,
            fields=(leaf.field for leaf in self._leaves),
            heads=made.heads,
            dims=made.dims,
            max_steps=int(limit),
            notes=notes,
        )
        threshold = getattr(spec, "reward_threshold", None)
        self._perf = options.perf or stated_perf(self.env, name) or ((0.0, float(threshold)) if threshold else None)

    def _find_mask(self) -> str:
        """Return where masks come from: "observation", "info", or nowhere. Only a reset says what is in `info`."""
        from gymnasium import spaces

        space = self.env.observation_space
        if isinstance(space, spaces.Dict) and observations.MASK in space.spaces:
            return "observation"
        _, info = self.env.reset(seed=0)
        return "info" if observations.MASK in info else ""

    def bind(self, slot: Slot) -> None:
        """Take the slot, and compile `step` and `reset` for it."""
        env, fields = self.env, self.declaration.fields
        env_step, env_reset = env.step, env.reset
        read = actions.reader(env.action_space, slot.discrete[0], slot.continuous[0])
        write = observations.writer(self._leaves, fields, slot.rows[0])
        write_mask = actions.mask_writer(env.action_space, slot.masks[0]) if self._mask else None
        in_observation, mask = self._mask == "observation", observations.MASK
        # memoryviews: items are plain numbers, and setting one takes a third of the time that an array needs
        rewards, ended, over, live = slot.rewards.data, slot.ended.data, slot.over.data, slot.live.data
        metrics = slot.metrics[0].data  # perf, score
        low, high = self._perf or (0.0, 0.0)
        scale = 1.0 / (high - low) if high > low else 0.0
        score = 0.0
        complain = self._complain
        inner = env.unwrapped
        keeps_score = hasattr(inner, "game_score")  # where the reward is not what the game counts

        def step() -> None:
            nonlocal score
            observation, reward, terminated, truncated, info = env_step(read())
            try:
                write(observation)
                rewards[0] = reward
                score += reward
            except Exception as error:
                complain(observation, reward, error)
            if keeps_score:
                score = inner.game_score
            if write_mask:
                write_mask(observation.get(mask) if in_observation else info.get(mask))
            metrics[1] = score
            perf = (score - low) * scale  # as perf_of, without a call
            metrics[0] = 0.0 if perf < 0.0 else 1.0 if perf > 1.0 else perf
            if terminated or truncated:
                ended[0] = ended_bits(terminated, truncated)
                over[0] = 1
            else:
                ended[0] = over[0] = 0

        def reset(seed: int) -> None:
            nonlocal score
            observation, info = env_reset(seed=seed)
            score = 0.0
            metrics[0] = metrics[1] = 0.0
            try:
                write(observation)
            except Exception as error:
                complain(observation, 0.0, error)
            if write_mask:
                write_mask(observation.get(mask) if in_observation else info.get(mask))
            live[0] = 1

        self.step, self._reset = step, reset

    def reset(self, seed: int) -> None:
        """Start an episode."""
        self._reset(seed)

    def render(self) -> Picture | None:
        """Return the environment's own picture, if it was opened to make them."""
        return picture(self.env)

    def close(self) -> None:
        """Close the environment."""
        self.env.close()

    def _complain(self, observation: Any, reward: Any, error: Exception) -> NoReturn:
        """Raise what is wrong with what the environment returned."""
        if isinstance(error, ShoalError) and not isinstance(error, ShapeError):
            raise error
        wrong = observations.explain(self.env.observation_space, observation)
        if not wrong:
            wrong = f"reward={reward!r}; expected a number" if not _is_number(reward) else f"{error}"
        raise ShapeError(f"`{self.declaration.name}` broke its own spaces: {wrong}") from error


def strip(env: Any) -> tuple[Any, int | None]:
    """Return an environment without its outermost standard wrappers, and the time limit that one of them kept."""
    from gymnasium import wrappers

    limit = None
    while type(env) in (wrappers.TimeLimit, wrappers.OrderEnforcing, wrappers.PassiveEnvChecker):
        if type(env) is wrappers.TimeLimit:
            limit = min(env._max_episode_steps, limit or env._max_episode_steps)
        env = env.env
    return env, limit


def stated_perf(env: Any, name: str) -> tuple[float, float] | None:
    """Return the returns that count as 0 and as 1, where an environment has them as `perf_range`.

    Raises:
        EnvError: if it is no such pair.
    """
    stated = getattr(env.unwrapped, "perf_range", None)
    if stated is None:
        return None
    try:
        low, high = map(float, stated)
    except (TypeError, ValueError):
        low = high = 0.0
    if not low < high:
        raise EnvError(f"`{name}` has perf_range={stated!r}; expected two returns, (low, high), low < high")
    return low, high


def picture(env: Any) -> Picture | None:
    """Return what an environment renders, uint8 (height, width, 3), or None if it renders nothing or something else."""
    if env.render_mode != "rgb_array":
        return None
    found = np.asarray(env.render())
    return found if found.dtype == np.uint8 and found.ndim == 3 and found.shape[2] == 3 else None


def check(env: Any, name: str) -> None:
    """Refuse what is no single Gymnasium environment.

    Raises:
        EnvError: saying what it is.
    """
    import gymnasium

    if isinstance(env, gymnasium.vector.VectorEnv):
        raise EnvError(f"`{name}` is many environments in one: {type(env).__name__}; expected one", "vec.num_envs")
    for wanted in ("observation_space", "action_space", "reset", "step"):
        if not hasattr(env, wanted):
            raise EnvError(f"`{name}` is no environment: {type(env).__name__} has no `{wanted}`")


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
