# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Environments in Gymnasium: importing this module registers every one that has a single agent.

    import gymnasium
    import shoal.gymnasium

    env = gymnasium.make("shoal/Breakout-v1", frameskip=2, render_mode="rgb_array")
    envs = gymnasium.make_vec("shoal/Cartpole-v1", num_envs=64)
    env = shoal.gymnasium.make("./mygame")                                  # a folder of your own

`gymnasium.make("shoal.gymnasium:shoal/Breakout-v1")` imports it by itself. See docs/guides/gymnasium.md.
"""

from __future__ import annotations

from typing import Any

from shoal.errors import ConfigError, EnvError, installs

try:
    import gymnasium
except ImportError as error:
    hint = f"`{installs('gymnasium')}` installs it"
    raise ConfigError("`shoal.gymnasium` needs gymnasium, which is not installed", hint) from error

from gymnasium.envs.registration import EnvSpec

from shoal import hosted, registry, spaces, tables
from shoal.vector import Vec

NAMESPACE = "shoal"


class Env(gymnasium.Env[Any, Any]):
    """One environment with one agent.

    Attributes:
        vec: the one copy that is stepped: `vec.stats()`, `vec.snapshot(0)`, `vec.spec`.
    """

    metadata = {"render_modes": list(hosted.MODES), "render_fps": 10}  # noqa: RUF012, as the base class has it

    def __init__(
        self,
        name: str,
        *,
        render_mode: str | None = None,
        flat: bool = False,
        max_episode_steps: int = 0,
        observe_contexts: bool = False,
        **params: tables.Value,
    ) -> None:
        """Build it.

        Args:
            name: of the environment, or the path of its folder.
            render_mode: None, "rgb_array", or "human" (a window, extra `[window]`).
            flat: observations are one float32 Box of what a policy's encoders see.
            max_episode_steps: time limit, which truncates; 0: the environment's own.
            observe_contexts: parameters that are drawn per episode are further fields of the observation.
            **params: the environment's parameters: values, or distributions such as `"uniform(5, 15)"`.

        Raises:
            EnvError: for an unknown name, or several agents. ConfigError: for a bad value.
        """
        spec = spec_of(name, params, observe_contexts)
        self.vec = Vec(spec, num_envs=1, threads=1, max_steps=max_episode_steps, autoreset="disabled")
        self.observation_space = spaces.observation_space(spec, flat)
        self.action_space = spaces.action_space(spec)
        self.render_mode = render_mode
        self._picture = hosted.Picture(self.vec, render_mode)
        self.metadata = {"render_modes": list(hosted.MODES), "render_fps": self._picture.rate}
        self._observe = spaces.Observations(spec, self.vec.rows[0], flat).take
        self._masks = spaces.Masks(spec, self.vec.mask_rows[0]) if spec.mask_bytes else None
        self._put = spaces.Actions(spec, self.vec.discrete[0], self.vec.continuous[0]).put

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; return its first observation and an info as `step` does.

        Args:
            seed: of `np_random`, from which every reset draws what decides its episode.
            options: `{"params": {"gravity": 5.0}}` are parameter values of this episode alone.
        """
        super().reset(seed=seed)
        hosted.begin(self.vec, options, lambda: self.vec.reset(int(self.np_random.integers(hosted.SEEDS))))
        self._picture.show()
        return self._observe(), self._info()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take a step; return observation, reward, terminated, truncated, and an info, empty unless there are masks.

        Raises:
            ShapeError: for an action of another shape. NativeError: if the episode has ended.
        """
        self._put(action)
        _, rewards, terminated, truncated = self.vec.step()
        if self.render_mode == "human":
            self._picture.show()
        return self._observe(), float(rewards[0]), bool(terminated[0]), bool(truncated[0]), self._info()

    def render(self) -> Any:
        """Return a picture of this moment, uint8 (height, width, 3); None unless `render_mode` is "rgb_array"."""
        return self._picture.draw() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Close the window and give the memory back."""
        self._picture.close()
        if self.vec.handle:
            self.vec.close()

    def _info(self) -> dict[str, Any]:
        return {} if self._masks is None else {"action_mask": self._masks.take()}


def spec_of(name: str, params: dict[str, tables.Value], observe_contexts: bool) -> registry.Spec:
    """Return the specification of an environment whose one agent ends when its world does.

    Raises:
        EnvError: for an unknown name, or if it is not like that. ConfigError: for a bad parameter.
    """
    env = registry.get(name)
    spec = env.spec_given(params, observe_contexts=observe_contexts)
    if not _is_single(env, spec):
        agents = f"has {spec.agents} agents" if spec.agents > 1 else "has an agent that leaves and comes back"
        hint = f'`shoal.pettingzoo.parallel_env("{env.spelled}")` has several'
        raise EnvError(f"`{env.name}` {agents}; expected one whose end is the world's", hint)
    return spec


def _is_single(env: registry.Environment, spec: registry.Spec) -> bool:
    return spec.agents == 1 and not env.descriptor.has_respawn and not env.descriptor.has_live


def make(name: str, *, max_episode_steps: int = 0, **options: Any) -> gymnasium.Env[Any, Any]:
    """Return `gymnasium.make` of an environment by its name in shoal, or of the one in a folder.

    Args:
        name: such as `"breakout"` or `"./mygame"`.
        max_episode_steps: time limit; 0: the environment's own.
        **options: as `Env` takes them.
    """
    return gymnasium.make(_entry(registry.get(name), max_episode_steps), **options)


def make_vec(name: str, num_envs: int = 1, **options: Any) -> Any:
    """Return `gymnasium.make_vec` of an environment by its name in shoal, or of the one in a folder.

    Args:
        name: such as `"breakout"` or `"./mygame"`.
        num_envs: copies.
        **options: as `shoal.gymnasium_vector.VectorEnv` takes them.
    """
    return gymnasium.make_vec(_entry(registry.get(name)), num_envs, **options)


def _entry(env: registry.Environment, max_episode_steps: int = 0) -> EnvSpec:
    kwargs: dict[str, Any] = {"name": env.reference}
    if max_episode_steps:
        kwargs["max_episode_steps"] = max_episode_steps
    return EnvSpec(
        id=identifier(env),
        entry_point=f"{__name__}:Env",
        vector_entry_point="shoal.gymnasium_vector:VectorEnv",
        kwargs=kwargs,
    )


def identifier(env: registry.Environment) -> str:
    """Return the name in Gymnasium: `tower_climb` of version 2 is `shoal/TowerClimb-v2`."""
    words = "".join(word.capitalize() for word in env.name.split("_"))
    return f"{NAMESPACE}/{words}-v{env.spec().version}"


def register() -> None:
    """Register every environment of the package whose single agent ends when its world does."""
    for name in registry.names():
        env = registry.get(name)
        entry = _entry(env)
        if _is_single(env, env.spec()) and entry.id not in gymnasium.registry:
            gymnasium.registry[entry.id] = entry


register()
