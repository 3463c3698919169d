# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The flags of `shoal train ENV` and its relatives, made from the settings' and the environment's own tables.

Every value stays text until the same checks that read TOML have seen it, so a mistake reads the same from both. A flag
that was not given does not override a file. Help is tyro's work, and the only reason to import it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

from shoal import config, registry, store, tables
from shoal.errors import ConfigError, nearest
from shoal.settings import SECTIONS, Scalar, from_text, kind_of


@dataclass(frozen=True)
class Option:
    """A flag of a command that is no setting: `kind` is bool (needs no value), int, float or str."""

    name: str
    kind: str
    default: Scalar | None  # None: a number or text that need not be there
    doc: str


SEED = Option("seed", "int", 0, "of every random number of the run, 0 to 4294967295")
THREADS = Option("threads", "int", None, "short for --vec.threads: 0 stands for all cores; results do not depend on it")
STEPS = Option("steps", "int", None, "short for --train.total-steps, such as 50M or 1e7")
RUNS_DIR = Option("runs-dir", "str", str(store.RUNS), "where runs are kept")
JSON = Option("json", "bool", False, "end with one line of JSON")
DEBUG = Option("debug", "bool", False, "run the environment with sanitizers; stops at its first bad access (debug.py)")
UNTUNED = Option("untuned", "bool", False, "leave out the environment's own settings, but for total_steps")
WATCH = Option("watch", "str", None, "watch it play meanwhile: `window` (the default) or `terminal`")
LAYERS = (
    Option("config", "str", None, "a TOML file of settings, such as the config.toml of a run"),
    Option("preset", "str", None, "another set of defaults: few-samples, for slow simulators"),
    UNTUNED,
)
BACKEND = (
    Option("backend", "str", None, "short for --train.backend: native or torch"),
    Option("device", "str", None, "short for --train.device: of the torch backend, auto, cpu, cuda or mps"),
    Option("policy", "str", None, "short for --policy.module: a network of your own, for the torch backend"),
)
TRAIN = (
    *LAYERS,
    *BACKEND,
    SEED,
    THREADS,
    STEPS,
    Option("max-seconds", "float", None, "end training after so long"),
    Option("until-solved", "bool", False, "end as soon as an evaluation confirms that the task is solved"),
    Option("init-from", "str", None, "begin with the weights of a checkpoint file, or of a run's newest"),
    Option("resume", "str", None, "go on with a run, without a name with the newest that can; it keeps its settings"),
    Option("fresh-environments", "bool", False, "with --resume: restart the environments, for their code has changed"),
    Option("image-seconds", "float", None, "between resume images, otherwise 10; 0: after every iteration"),
    Option("track", "str", None, "short for --track.to: tensorboard, wandb, mlflow, trackio; --resume: none ends it"),
    Option("record-every", "int", None, "write an animation of the policy into the run's folder every so many steps"),
    WATCH,
    RUNS_DIR,
    Option("plain", "bool", False, "print a line a second in a terminal too, instead of the dashboard"),
    DEBUG,
    JSON,
)
_RESUMING = (
    "threads",
    "max-seconds",
    "until-solved",
    "fresh-environments",
    "image-seconds",
    "track",
    "record-every",
    "watch",
    "runs-dir",
    "plain",
    "debug",
    "json",
)
RESUME = tuple(option for option in TRAIN if option.name in _RESUMING)

_ABOUT_ENV = (
    "The environment. What changes no sizes may be drawn per episode: 'uniform(5, 15)' (docs/guides/contexts.md)."
)
_ALIASES = {
    "threads": ("vec", "threads"),
    "steps": ("train", "total_steps"),
    "backend": ("train", "backend"),
    "device": ("train", "device"),
    "policy": ("policy", "module"),
    "track": ("track", "to"),
}


@dataclass(frozen=True)
class Parsed:
    """What a command line said: `options` all of them, `overrides` only the settings that were given."""

    options: dict[str, Any]
    overrides: dict[str, dict[str, Scalar]]
    given: frozenset[str]  # names of the options that were given

    def load(self, name: str) -> config.Config:
        """Return the merged settings for an environment."""
        options = self.options
        return config.load(
            name,
            overrides=self.overrides,
            file=Path(options["config"]) if options["config"] else None,
            preset=options["preset"] or "",
            untuned=options["untuned"],
            seed=options["seed"] if "seed" in self.given else None,
        )


def parse(
    program: str,
    about: str,
    arguments: Sequence[str],
    options: Sequence[Option],
    env: str = "",
    only: Sequence[str] = (),
) -> Parsed:
    """Return what `arguments` say; with an environment, its settings (those of the sections `only`) are flags too.

    `--help` prints and exits.

    Raises:
        ConfigError: for an unknown flag, a wrong type, a stray word.
    """
    sections = _sections(arguments, env) if env else {}
    sections = {name: rows for name, rows in sections.items() if not only or name in only}
    if not any(option.name == "track" for option in options):  # a command that trains no run has nothing to track
        sections.pop("track", None)
    if any(argument in ("-h", "--help") for argument in arguments):
        show_help(program, about, options, sections)
    texts = _read(program, arguments, options, sections)
    parsed: dict[str, Any] = {option.name.replace("-", "_"): option.default for option in options}
    given = set()
    for option in options:
        if option.name in texts:
            key = option.name.replace("-", "_")
            parsed[key] = True if option.kind == "bool" else _convert(option, texts[option.name])
            given.add(key)
    overrides: dict[str, dict[str, Scalar]] = {}
    for section, rows in sections.items():
        for key, (kind, *_) in rows.items():
            flag = f"{section}.{key.replace('_', '-')}"
            if flag in texts:
                overrides.setdefault(section, {})[key] = from_text(kind, texts[flag])
    for key, (section, setting) in _ALIASES.items():
        if key in given:
            other = overrides.get(section, {}).get(setting, parsed[key])
            if other != parsed[key]:
                flag = f"--{section}.{setting.replace('_', '-')}"
                raise ConfigError(
                    f"--{key} {parsed[key]} contradicts {flag} {other}", f"leave out one: `--{key}` is short"
                )
            overrides.setdefault(section, {})[setting] = parsed[key]
    return Parsed(parsed, overrides, frozenset(given))


def take_resume(arguments: Sequence[str], name: str = "--resume", of: str = "run") -> tuple[str, list[str]] | None:
    """Return the value of the flag, which may be empty, and the other arguments; None without that flag."""
    for index, argument in enumerate(arguments):
        flag, equals, value = argument.partition("=")
        if flag == name:
            rest = list(arguments[index + 1 :])
            named = bool(equals)
            if not named and rest and not rest[0].startswith("-"):
                named, value = True, rest.pop(0)
            if named and not value.strip():  # such as an empty variable of the shell
                raise ConfigError(f"the flag `{name}` needs a {of}; got nothing", f"`{name}` alone takes the newest")
            return value, [*arguments[:index], *rest]
    return None


def parse_resume(program: str, arguments: Sequence[str], env: str) -> Parsed:
    """Return what the flags beside `--resume` say; `env` is that of the run.

    Raises:
        ConfigError: for a flag that would change what is trained.
    """
    sections = {name: rows for name, rows in _sections((), env).items() if name != "track"}
    settings = {f"--{section}.{key}" for section, rows in sections.items() for key in rows}
    fixed = settings | {f"--{option.name}" for option in TRAIN if option not in RESUME}
    for argument in arguments:
        flag = argument.partition("=")[0].replace("-", "_").replace("__", "--", 1)
        if flag in ("--steps", "--train.total_steps"):
            problem = f"a resumed run cannot have another length: {argument}; its schedules are spread over its own"
            raise ConfigError(problem, "`--init-from` begins another run with its weights")
        if flag in fixed or flag.replace("_", "-") in fixed:
            problem = f"a resumed run keeps its own settings: {argument} would change what is trained"
            raise ConfigError(problem, "`--init-from` begins another run with its weights")
    return parse(program, "Go on with a run.", arguments, RESUME, env, only=("track",))


def from_assignment(env: str, text: str) -> dict[str, dict[str, Scalar]]:
    """Return the override that `section.key=value` means.

    Raises:
        ConfigError: if it does not have that form.
    """
    path, equals, value = text.partition("=")
    section, dot, key = path.replace("-", "_").partition(".")
    if not (equals and dot):
        raise ConfigError(f"--set {text}: expected section.key=value", "for example --set train.learning_rate=0.01")
    kinds = {param.name: param.kind for param in registry.get(env).params}
    if section in SECTIONS:
        kinds = {field.name: kind_of(field) for field in dataclasses.fields(SECTIONS[section])}
    return {section: {key: from_text(kinds.get(key, "str"), value)}}


Rows = dict[str, tuple[str, str, str]]  # key -> kind, default as text, doc


def _sections(arguments: Sequence[str], env: str) -> dict[str, Rows]:
    """Return the flags of each section with the defaults that hold for this environment and these files."""
    environment = registry.get(env)
    file, preset = peek(arguments, "--config"), peek(arguments, "--preset")
    layers: dict[str, Any] = {"file": Path(file) if file else None, "preset": preset}
    settings = config.load(env, untuned="--untuned" in arguments, **layers)
    if settings.vec.num_envs is None or settings.vec.num_envs > 0:
        settings = config.resolve(settings, settings.spec())
    stored = settings.to_dict()
    sections: dict[str, Rows] = {
        "env": {
            param.name: (param.kind, _show(stored["env"][param.name]), _about_param(param))
            for param in environment.params
        }
    }
    for name, section in SECTIONS.items():
        sections[name] = {
            field.name: (kind_of(field), _show(stored[name].get(field.name, "derived")), _about_field(field.metadata))
            for field in dataclasses.fields(section)
        }
    return sections


def _read(
    program: str, arguments: Sequence[str], options: Sequence[Option], sections: Mapping[str, Rows]
) -> dict[str, str]:
    """Return the text of each flag that was given, by its name without dashes; the last one counts."""
    switches = {f"--{option.name}" for option in options if option.kind == "bool"}
    known = switches | {f"--{option.name}" for option in options}
    known |= {f"--{section}.{key.replace('_', '-')}" for section, rows in sections.items() for key in rows}
    texts: dict[str, str] = {}
    expects_value = ""
    for argument in arguments:
        flag, equals, text = argument.partition("=")
        flag = flag.replace("_", "-")
        if expects_value and not argument.startswith("--"):
            texts[expects_value[2:]] = argument
            expects_value = ""
        elif expects_value:
            break
        elif not argument.startswith("--"):
            raise ConfigError(f"unexpected argument `{argument}`", f"`{program} --help` shows what is expected")
        elif flag not in known:
            raise ConfigError(f"unknown flag `{flag}`", _nearest_flag(flag, known, program))
        elif equals and flag in switches:
            raise ConfigError(f"the flag `{flag}` takes no value; got `{text}`", f"leave out `={text}`")
        elif equals or flag in switches:
            texts[flag[2:]] = text
        else:
            expects_value = flag
    if expects_value:
        raise ConfigError(f"the flag `{expects_value}` needs a value", f"`{program} --help` shows which")
    return texts


def _nearest_flag(flag: str, known: set[str], program: str) -> str:
    tail = flag.lstrip("-").rpartition(".")[2]
    homes = sorted(name for name in known if name.lstrip("-").rpartition(".")[2] == tail)
    if homes:
        return "did you mean " + " or ".join(f"`{name}`" for name in homes) + "?"
    return nearest(flag, sorted(known), f"`{program} --help` shows all of them")


def _help(program: str, about: str, options: Sequence[Option], sections: Mapping[str, Rows]) -> NoReturn:
    """Print every flag and exit."""
    import tyro

    def leaf(kind: str, default: str, doc: str) -> tuple[Any, Any]:
        hint = None if default not in ("", "None") else ""  # a default that says nothing is not shown
        return Annotated[str, tyro.conf.arg(metavar=kind.upper(), help=doc, help_behavior_hint=hint)], default

    fields: list[tuple[str, Any, Any]] = []
    for option in options:
        key = option.name.replace("-", "_")
        if key in sections:  # `--policy` beside `--policy.core`: a form cannot have both, so it shows policy.module
            continue
        if option.kind == "bool":
            fields.append((key, Annotated[bool, tyro.conf.arg(help=option.doc, help_behavior_hint="")], False))
        else:
            fields.append((key, *leaf(option.kind, _show(option.default), option.doc)))
    for section, rows in sections.items():
        members = [(key, *leaf(*row)) for key, row in rows.items()]
        made = dataclasses.make_dataclass(section.capitalize(), members, frozen=True)
        made.__doc__ = _ABOUT_ENV if section == "env" else SECTIONS[section].__doc__
        fields.append((section, made, dataclasses.field(default_factory=made)))
    form = dataclasses.make_dataclass("Form", fields, frozen=True)
    form.__doc__ = about
    tyro.cli(form, prog=program, description=about, args=["--help"], config=(tyro.conf.FlagCreatePairsOff,))
    raise SystemExit(0)


show_help: Callable[[str, str, Sequence[Option], Mapping[str, Rows]], NoReturn] = _help  # completion asks instead


def _convert(option: Option, text: str) -> Scalar:
    value = from_text(option.kind, text)
    if not text.strip():  # such as an empty variable of the shell
        raise ConfigError(f"the flag `--{option.name}` needs a value; got nothing", f"leave out `--{option.name}`")
    if option.kind == "str":
        return value
    if isinstance(value, str) or value != value or (option.kind == "int" and not isinstance(value, int)):
        expected = "a whole number" if option.kind == "int" else "a number"
        raise ConfigError(f"wrong type: --{option.name} {text}; expected {expected}")
    return value


def peek(arguments: Sequence[str], flag: str) -> str:
    """Return the value of a flag before anything is parsed; empty without it."""
    for index, argument in enumerate(arguments):
        if argument == flag and index + 1 < len(arguments):
            return arguments[index + 1]
        if argument.startswith(f"{flag}="):
            return argument.partition("=")[2]
    return ""


def _about_param(param: tables.Param) -> str:
    if param.kind == "choice":
        about = f"{param.doc}: {', '.join(param.choices)}"
    elif param.kind == "switch":
        about = f"{param.doc}: true or false"
    else:
        about = f"{param.doc}; {param.low:g} to {param.high:g}" + (f" {param.unit}" if param.unit else "")
    return about + ("; fixed at creation" if param.role == "size" else "")


def _about_field(about: Mapping[str, Any]) -> str:
    text = str(about["doc"])
    text += f": {', '.join(about['choices'])}" if about["choices"] else ""
    text += f" ({about['unit']})" if about["unit"] else ""
    return text + (f"; derived: {about['auto']}" if about["auto"] else "")


def _show(value: Scalar | None) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
