# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Many copies of an environment as one of Gymnasium's vector environments, stepped by one native call.

    envs = gymnasium.make_vec("shoal/Cartpole-v1", num_envs=64, autoreset_mode="SameStep")

What a step costs beside the simulation is a few microseconds of Python, so each line of `step` counts: what can be
known before is bound in the constructor, and whatever concerns ended episodes runs only when one has ended.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector import VectorEnv as Base
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from shoal import hosted, spaces, tables
from shoal.errors import ConfigError
from shoal.gymnasium import spec_of
from shoal.vector import Vec

AUTORESETS = {
    AutoresetMode.SAME_STEP: "same-step",
    AutoresetMode.NEXT_STEP: "next-step",
    AutoresetMode.DISABLED: "disabled",
}
MODES = ("rgb_array",)


class VectorEnv(Base[Any, Any, Any]):
    """`num_envs` copies of an environment with one agent.

    Attributes:
        vec: the copies: `vec.stats()`, `vec.values("gravity")`, `vec.spec`.
    """

    metadata = {"render_modes": list(MODES), "render_fps": 10}  # noqa: RUF012, as the base class has it

    def __init__(
        self,
        name: str,
        num_envs: int = 1,
        *,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        threads: int = 0,
        render_mode: str | None = None,
        flat: bool = False,
        max_episode_steps: int = 0,
        observe_contexts: bool = False,
        **params: tables.Value,
    ) -> None:
        """Build them.

        Args:
            name: of the environment, or the path of its folder.
            num_envs: copies.
            autoreset_mode: "NextStep", "SameStep" or "Disabled".
            copy: whether every step returns arrays of its own; otherwise those that the next step overwrites.
            threads: that step them; 0: as many as pay off. Results do not depend on it.
            render_mode: None or "rgb_array".
            flat: observations are one float32 Box of what a policy's encoders see.
            max_episode_steps: time limit, which truncates; 0: the environment's own.
            observe_contexts: parameters that are drawn per episode are further fields of the observation.
            **params: the environment's parameters: values, or distributions such as `"uniform(5, 15)"`.

        Raises:
            EnvError: for an unknown name, or several agents. ConfigError: for a bad value.
        """
        spec = spec_of(name, params, observe_contexts)
        mode = _mode(autoreset_mode)
        self.vec = vec = Vec(
            spec,
            num_envs=num_envs,
            threads=threads,
            max_steps=max_episode_steps,
            autoreset=AUTORESETS[mode],
            final_rows="all",
        )
        self.num_envs = num_envs
        self.single_observation_space = spaces.observation_space(spec, flat)
        self.single_action_space = spaces.action_space(spec)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.render_mode = render_mode
        self._picture = hosted.Picture(vec, render_mode, MODES)
        self.metadata = {"render_modes": list(MODES), "render_fps": self._picture.rate, "autoreset_mode": mode}

        observations = spaces.Observations(spec, vec.rows, flat)
        self._observe = observations.take if copy else observations.views
        self._final = spaces.Observations(spec, vec.final_row_bytes, flat)
        self._masks = spaces.Masks(spec, vec.mask_rows) if spec.mask_bytes else None
        self._final_masks = spaces.Masks(spec, vec.final_mask_rows) if spec.mask_bytes else None
        self._put = spaces.Actions(spec, vec.discrete, vec.continuous).put
        self._same_step = mode == AutoresetMode.SAME_STEP
        self._advance = vec.advance
        self._rewards = vec.rewards.copy if copy else vec.rewards.view
        self._ended, self._none = vec.ended.tobytes, bytes(num_envs)
        self._ones = np.ones(num_envs, np.uint8)  # in place of numbers, which numpy would make arrays of first

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin episodes; return the first observations and an info as `step` does.

        Args:
            seed: of `np_random`, from which every reset of all copies draws what decides their episodes.
            options: `{"params": {"gravity": 5.0}}` are parameter values of the episodes that begin now, and of no
                later ones. `{"reset_mask": bool (num_envs,)}` names the copies that begin one.

        Raises:
            ConfigError: for a bad mask or parameter.
        """
        mask = (options or {}).get("reset_mask")
        if mask is None:
            super().reset(seed=seed)
            hosted.begin(self.vec, options, lambda: self.vec.reset(int(self.np_random.integers(hosted.SEEDS))))
            return self._observe(), self._info()
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (self.num_envs,):
            raise ConfigError(f"wrong type: reset_mask={mask!r:.60}; expected a bool array of shape ({self.num_envs},)")
        if self.metadata["autoreset_mode"] != AutoresetMode.DISABLED or seed is not None:
            raise ConfigError('reset_mask is for autoreset_mode="Disabled", and without a seed')
        others = self.vec.waiting & ~mask
        self.vec.waiting[:] = mask
        hosted.begin(self.vec, options, self.vec.reset_ended)
        self.vec.waiting[:] = others
        return self._observe(), self._info()

    def step(
        self, actions: Any
    ) -> tuple[Any, NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Take a step in every copy; return observations, rewards, terminated, truncated and an info.

        The info holds `action_mask` where there are masks; with "SameStep" and where an episode ended also `final_obs`
        and `final_info`.

        Raises:
            ShapeError: for actions of another shape. NativeError: for a copy that waits for its reset ("Disabled").
        """
        self._put(actions)
        self._advance()
        info = {} if self._masks is None else self._info()
        if self._ended() == self._none:
            n = self.num_envs
            return self._observe(), self._rewards(), np.zeros(n, np.bool_), np.zeros(n, np.bool_), info
        ended = self.vec.ended
        if self._same_step:
            self._add_final(info, ended != 0)
        terminated, truncated = (ended & self._ones).view(np.bool_), ended > self._ones
        return self._observe(), self._rewards(), terminated, truncated, info

    def render(self) -> tuple[Any, ...] | None:
        """Return a picture of each copy, uint8 (height, width, 3); None unless `render_mode` is "rgb_array"."""
        if self.render_mode is None:
            return None
        return tuple(self._picture.draw(index) for index in range(self.num_envs))

    def close_extras(self, **_: Any) -> None:
        """Give the memory back."""
        self.vec.close()

    def _info(self) -> dict[str, Any]:
        if self._masks is None:
            return {}
        return {"action_mask": self._masks.take(), "_action_mask": np.ones(self.num_envs, np.bool_)}

    def _add_final(self, info: dict[str, Any], ended: NDArray[np.bool_]) -> None:
        """Add what Gymnasium says of ended episodes: object arrays whose other entries are None, and where it is so."""
        which = np.flatnonzero(ended)
        info["final_obs"] = _at(which, self._final.some(which), self.num_envs)
        info["_final_obs"], info["_final_info"] = ended, ended.copy()
        info["final_info"] = {}
        if self._final_masks is not None:
            masks = _at(which, self._final_masks.some(which), self.num_envs)
            info["final_info"] = {"action_mask": masks, "_action_mask": ended.copy()}


def _at(which: NDArray[np.intp], values: list[Any], size: int) -> NDArray[Any]:
    out: NDArray[Any] = np.empty(size, dtype=object)  # None everywhere
    for index, value in zip(which.tolist(), values, strict=True):
        out[index] = value
    return out


def _mode(given: str | AutoresetMode) -> AutoresetMode:
    try:
        return AutoresetMode(given)
    except ValueError:
        choices = ", ".join(repr(mode.value) for mode in AutoresetMode)
        raise ConfigError(f"autoreset_mode={given!r} is not a choice; expected one of {choices}") from None
