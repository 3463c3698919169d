# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Open the Python environment that a reference names: one copy, where it will be stepped.

gymnasium:CartPole-v1            an id of Gymnasium's registry; gymnasium:package:Id-v0 imports package first
pettingzoo:pettingzoo.sisl.pursuit_v5    a module with parallel_env or env
my_module:make_env               a function or class in a module that can be imported
path/to/file.py:make_env         the same in a file
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from shoal.errors import ConfigError, EnvError, ShoalError, installs, nearest
from shoal.outside import known
from shoal.outside.declaration import Adapter
from shoal.outside.options import Options

# What registers an id's environments with Gymnasium, by how the id begins.
_FAMILIES = {"ALE/": "ale_py", "MiniGrid-": "minigrid", "BabyAI-": "minigrid"}
# Packages that an environment may turn out to need when it is made: the extra that brings them, or their own name.
_EXTRAS = {
    "ale_py": "atari",
    "minigrid": "minigrid",
    "Box2D": "box2d",
    "box2d": "box2d",
    "mujoco": "mujoco",
    "gymnasium": "gymnasium",
    "pettingzoo": "pettingzoo",
}
_PACKAGES = {"pygame": "pygame-ce", "cv2": "opencv-python-headless"}


def open_source(reference: str, kwargs: Mapping[str, Any] | None = None, *, render: bool = False) -> Adapter:
    """Return one environment, opened.

    Args:
        reference: as the module's text says.
        kwargs: for the function that makes it.
        render: it will be asked for pictures.

    Raises:
        EnvError: if there is no such environment, a package is missing, or what is made is no environment.
        ConfigError: if it does not take these arguments.
    """
    given = dict(kwargs or {})
    scheme, _, rest = reference.partition(":")
    if scheme == "gymnasium":
        return _open_gymnasium(reference, rest, given, render)
    if scheme == "pettingzoo":
        return _open_pettingzoo(reference, rest, given, render)
    where, _, function = reference.rpartition(":")
    return _open_function(reference, where, function, given, render)


# ---------------------------------------------------------------------------------------------- the three kinds


def _open_gymnasium(reference: str, name: str, kwargs: dict[str, Any], render: bool) -> Adapter:
    gymnasium = _import("gymnasium", reference)
    package, colon, bare = name.rpartition(":")
    if colon:
        _import(package, reference)
    for prefix, module in _FAMILIES.items():
        if bare.startswith(prefix):
            gymnasium.register_envs(_import(module, reference))
    if bare not in gymnasium.registry:
        raise EnvError(f"Gymnasium has no environment `{bare}`", nearest(bare, gymnasium.registry, _families()))
    if render:
        kwargs["render_mode"] = "rgb_array"
    options = known.options(reference)
    if options.preprocessing == "atari":
        from shoal.outside.atari import Atari

        game = bare.removeprefix("ALE/").removesuffix("-v5")
        env = _make(lambda: Atari(game, **kwargs), reference, kwargs)
    else:
        env = _make(lambda: gymnasium.make(bare, disable_env_checker=True, **kwargs), reference, kwargs)
    return _adapt(env, reference, bare, options)


def _open_pettingzoo(reference: str, module: str, kwargs: dict[str, Any], render: bool) -> Adapter:
    _import("pettingzoo", reference)
    found = _import(module, reference)
    make = getattr(found, "parallel_env", None) or getattr(found, "env", None)
    if make is None:
        raise EnvError(f"`{module}` is no PettingZoo environment: it has no parallel_env and no env")
    if render:
        kwargs["render_mode"] = "rgb_array"
    return _adapt(
        _make(lambda: make(**kwargs), reference, kwargs), reference, module.rpartition(".")[2], known.options(reference)
    )


def _open_function(reference: str, where: str, function: str, kwargs: dict[str, Any], render: bool) -> Adapter:
    make = find_function(reference, where, function)
    if render and _takes(make, "render_mode"):
        kwargs["render_mode"] = "rgb_array"
    return _adapt(_make(lambda: make(**kwargs), reference, kwargs), reference, function, known.options(reference))


def find_function(reference: str, where: str, function: str) -> Any:
    """Return a function or class of a module or file."""
    module = _load_file(where, reference) if where.endswith(".py") else _import(where, reference)
    make = getattr(module, function, None)
    if not callable(make):
        public = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise EnvError(f"{where} has no function or class `{function}`", nearest(function, public))
    return make


def _adapt(env: Any, reference: str, name: str, options: Options) -> Adapter:
    """Return an adapter around an environment of any kind."""
    if hasattr(env, "declaration") and hasattr(env, "bind"):
        return env  # type: ignore[no-any-return]
    from shoal.outside import adapter_gymnasium, adapter_pettingzoo

    if hasattr(env, "possible_agents") or hasattr(env, "agent_iter"):
        adapter_pettingzoo.check(env, reference)
        return adapter_pettingzoo.PettingZooAdapter(env, name, options)
    adapter_gymnasium.check(env, reference)
    return adapter_gymnasium.GymnasiumAdapter(env, name, options)


# ---------------------------------------------------------------------------------------------- imports and errors


def _make(make: Any, reference: str, kwargs: Mapping[str, Any]) -> Any:
    try:
        return make()
    except ShoalError:
        raise
    except ImportError as error:
        raise _missing(error, reference) from error
    except TypeError as error:
        if "argument" in str(error) and kwargs:
            given = ", ".join(f"{key}={value!r}" for key, value in kwargs.items())
            raise ConfigError(f"`{reference}` cannot be made with {given}: {error} (at env)") from error
        raise EnvError(f"`{reference}` cannot be made: {type(error).__name__}: {error}") from error
    except Exception as error:
        if type(error).__name__ == "DependencyNotInstalled":  # Gymnasium's own, which ImportError is behind
            cause = error.__cause__ if isinstance(error.__cause__, ImportError) else ImportError(str(error))
            raise _missing(cause, reference) from error
        raise EnvError(f"`{reference}` cannot be made: {type(error).__name__}: {error}") from error


def _import(module: str, reference: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # `python -m` looks here too, a console script does not
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _missing(error, reference) from error
    except Exception as error:
        raise EnvError(f"{module} cannot be imported: {type(error).__name__}: {error}") from error


def _load_file(where: str, reference: str) -> ModuleType:
    path = Path(where).expanduser().resolve()
    if not path.is_file():
        raise EnvError(f"no such file: {where} (in `{reference}`)")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # what lies beside it can be imported
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        raise _missing(error, reference) from error
    except Exception as error:
        raise EnvError(f"{where} cannot be run: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(path.parent))
    return module


def _missing(error: ImportError, reference: str) -> EnvError:
    """Return the error for a package that is not there."""
    name = (getattr(error, "name", None) or "").partition(".")[0]
    hint = installs(_EXTRAS[name]) if name in _EXTRAS else f"pip install {_PACKAGES.get(name, name)}" if name else ""
    return EnvError(f"`{reference}` needs a package that cannot be imported: {error}", hint)


def _families() -> str:
    return "python -c 'import gymnasium; gymnasium.pprint_registry()' names them; package:Id imports a package first"


def _takes(make: Any, name: str) -> bool:
    try:
        return name in inspect.signature(make).parameters
    except (TypeError, ValueError):
        return False
