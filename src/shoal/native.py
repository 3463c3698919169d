# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The one module that talks to the native library: mirrors of its structs, its choice, its calls.

The structs mirror native/include/shoal/{env,vec,shoal}.h field by field. The library is compiled once per instruction
set; `SHOAL_ISA=generic` (or the name of any build, such as `faults`) overrides the choice. Prototypes are bound when a
function is first used.
"""

from __future__ import annotations

import ctypes
import functools
import os
from ctypes import POINTER, c_char, c_char_p, c_double, c_float, c_int16, c_int32, c_int64, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any

from shoal.errors import NativeError

_BUILD_HINT = "build it again with `./run build`"

ABI = 2
OK, ERROR, STOPPED = 0, 1, 2
MESSAGE_BYTES = 512
ISAS = ("avx512", "avx2", "generic")  # best first
MAX_FIELDS, MAX_HEADS, MAX_DIMS, MAX_AGENTS = 32, 16, 32, 1024

PARAM_KINDS = ("float", "int", "switch", "choice")
ROLES = ("size", "value")
FIELD_KINDS = ("vector", "grid", "category", "flag", "set", "image")
DTYPES = ("uint8", "int8", "int16", "float32")
TENSOR_DTYPES = ("float32", "float64", "int64", "uint8", "int32")
PRECISIONS = ("float32", "bfloat16")
CORES = ("mlp", "mingru", "lstm")
GRIDS = ("onehot", "conv")
ACTIVATIONS = ("relu", "tanh")
OPTIMIZERS = ("muon", "adamw")
SCHEDULES = ("constant", "linear", "cosine")
REWARD_SCALES = ("off", "past", "future")
ADVANTAGES = ("split", "single")
PLAYERS = ("sampled", "greedy", "random", "scripted")
STAGES = ("wait", "gather", "act", "sample", "simulate", "advantage", "forward", "loss", "backward", "optimize",
          "statistics")  # fmt: skip
CONTEXTS = ("uniform", "loguniform", "normal", "range", "choice")
MAX_CONTEXTS, MAX_OPTIONS = 32, 32
CALLS = ("step", "observe", "reset", "respawn", "live", "scripted")  # functions of an environment, SHOAL_CALL_*
OUTSIDE_ARRAYS = ("workers", "blocks", "commands", "seeds", "faults", "over", "renewed", "params", "rows", "final_rows",
                  "masks", "final_masks", "discrete", "continuous", "rewards", "ended", "live", "metrics",
                  "final_metrics", "messages")  # fmt: skip
AUTORESETS = ("same-step", "next-step", "disabled")

# The head of an array of sums of emitted metrics (vec.h, SHOAL_STATS_*); pairs (sum, sum of squares) follow.
STATS_LIVES, STATS_BAD, STATS_PARTIAL, STATS_PARTIAL_RETURN, STATS_PARTIAL_LENGTH, STATS_FIRST = range(6)


def stats_size(metrics: int) -> int:
    """Return the number of doubles in the statistics of an environment with that many metrics of its own."""
    return STATS_FIRST + 2 * (metrics + 2)


# ---------------------------------------------------------------------------------------------------- structs


class Sizes(ctypes.Structure):
    """ShoalSizes, the head of every Params."""

    _fields_ = [("agents", c_int32), ("offset", c_int32 * 7)]


class Param(ctypes.Structure):
    """ShoalParam, a row of a parameter table; of a choice, `unit` holds the default's name."""

    _fields_ = [
        ("name", c_char_p),
        ("unit", c_char_p),
        ("doc", c_char_p),
        ("choices", c_char_p),
        ("initial", c_double),
        ("low", c_double),
        ("high", c_double),
        ("type", c_int32),
        ("role", c_int32),
    ]


class Metric(ctypes.Structure):
    """ShoalMetric."""

    _fields_ = [("name", c_char_p), ("doc", c_char_p)]


class Field(ctypes.Structure):
    """ShoalField, a named part of the observation row."""

    _fields_ = [
        ("name", c_char_p),
        ("doc", c_char_p),
        ("low", c_float),
        ("high", c_float),
        ("kind", c_int32),
        ("dtype", c_int32),
        ("rows", c_int32),
        ("columns", c_int32),
        ("channels", c_int32),
        ("categories", c_int32),
        ("offset", c_int32),
        ("count_field", c_int32),
    ]


class Discrete(ctypes.Structure):
    """ShoalDiscrete, a head of discrete actions."""

    _fields_ = [("name", c_char_p), ("labels", c_char_p), ("size", c_int32), ("masked", c_int32)]


class Continuous(ctypes.Structure):
    """ShoalContinuous, a continuous action and its bounds."""

    _fields_ = [("name", c_char_p), ("low", c_float), ("high", c_float)]


class Spec(ctypes.Structure):
    """ShoalSpec, what an environment's spec function fills."""

    _fields_ = [
        ("version", c_int32),
        ("agents", c_int32),
        ("max_steps", c_int32),
        ("num_fields", c_int32),
        ("num_heads", c_int32),
        ("num_dims", c_int32),
        ("row_bytes", c_int32),
        ("mask_bytes", c_int32),
        ("state_bytes", c_int64),
        ("shared_bytes", c_int64),
        ("offset", c_int32 * 7),
        ("fields", Field * MAX_FIELDS),
        ("heads", Discrete * MAX_HEADS),
        ("dims", Continuous * MAX_DIMS),
        ("team_of", c_int16 * MAX_AGENTS),
    ]


class Env(ctypes.Structure):
    """ShoalEnv, the descriptor of an environment; its block functions are opaque here."""

    _fields_ = [
        ("abi", c_int32),
        ("name", c_char_p),
        ("params", POINTER(Param)),
        ("metrics", POINTER(Metric)),
        ("num_params", c_int32),
        ("num_metrics", c_int32),
        ("params_bytes", c_int64),
        ("has_scripted", c_int32),
        ("has_respawn", c_int32),
        ("has_live", c_int32),
        ("has_shared", c_int32),
        ("spec", c_void_p),
        ("shared", ctypes.CFUNCTYPE(None, c_void_p, c_uint64, c_void_p)),
        ("block_reset", c_void_p),
        ("block_step", c_void_p),
        ("block_observe", c_void_p),
        ("block_scripted", c_void_p),
        ("block_call", c_void_p),
        ("split", c_void_p),
    ]


class Context(ctypes.Structure):
    """ShoalContext, a distribution that a parameter is drawn from (native/include/shoal/context.h)."""

    _fields_ = [
        ("param", c_int32),
        ("type", c_int32),
        ("kind", c_int32),
        ("count", c_int32),
        ("first", c_int32),
        ("last", c_int32),
        ("a", c_float),
        ("b", c_float),
        ("low", c_double),
        ("high", c_double),
        ("options", c_uint32 * MAX_OPTIONS),
    ]


class VecConfig(ctypes.Structure):
    """ShoalVecConfig."""

    _fields_ = [
        ("num_envs", c_int32),
        ("threads", c_int32),
        ("seed", c_uint64),
        ("first_index", c_int64),
        ("mode", c_int32),
        ("final_all", c_int32),
        ("max_steps", c_int32),
        ("metric_steps", c_int32),
        ("stagger", c_int32),
        ("block", c_int32),
        ("stop", POINTER(c_int32)),
        ("observed", POINTER(c_int32)),
        ("num_observed", c_int32),
    ]


class Tensor(ctypes.Structure):
    """ShoalTensor, a named array inside a native object's memory."""

    _fields_ = [
        ("name", c_char * 128),
        ("data", c_void_p),
        ("dtype", c_int32),
        ("ndim", c_int32),
        ("shape", c_int64 * 4),
    ]


class PolicyConfig(ctypes.Structure):
    """ShoalPolicyConfig."""

    _fields_ = [
        ("core", c_int32),
        ("hidden", c_int32),
        ("layers", c_int32),
        ("activation", c_int32),
        ("own_value", c_int32),
        ("normalize", c_int32),
        ("precision", c_int32),
        ("grid", c_int32),
        ("gate_tau", c_float),
        ("seed", c_uint64),
    ]


class Player(ctypes.Structure):
    """ShoalPlayer."""

    _fields_ = [("kind", c_int32), ("level", c_float), ("policy", c_void_p)]


class TrainConfig(ctypes.Structure):
    """ShoalTrainConfig."""

    _fields_ = [
        ("horizon", c_int32),
        ("segment", c_int32),
        ("minibatch", c_int32),
        ("shard", c_int32),
        ("optimizer", c_int32),
        ("schedule", c_int32),
        ("advantage_form", c_int32),
        ("normalize_reward", c_int32),
        ("muon_heads", c_int32),
        ("muon_fused_gates", c_int32),
        ("replay_ratio", c_float),
        ("gamma", c_float),
        ("gae_lambda", c_float),
        ("rho_clip", c_float),
        ("c_clip", c_float),
        ("advantage_floor", c_float),
        ("clip_coef", c_float),
        ("vf_coef", c_float),
        ("vf_clip", c_float),
        ("ent_coef", c_float),
        ("ent_coef_final", c_float),
        ("ent_coef_continuous", c_float),
        ("max_grad_norm", c_float),
        ("learning_rate", c_float),
        ("learning_rate_final", c_float),
        ("adam_ratio", c_float),
        ("momentum", c_float),
        ("priority_alpha", c_float),
        ("priority_beta", c_float),
        ("target_kl", c_float),
        ("schedule_steps", c_int64),
        ("seed", c_uint64),
        ("players", POINTER(Player)),
        ("num_players", c_int32),
        ("outcome", c_int32),
        ("warm", c_int32),
        ("fault", c_int32),
    ]


class Log(ctypes.Structure):
    """ShoalLog, what one update reports."""

    _fields_ = [
        ("steps", c_double),
        ("updates", c_double),
        ("learning_rate", c_double),
        ("ent_coef", c_double),
        ("policy_loss", c_double),
        ("value_loss", c_double),
        ("entropy", c_double),
        ("kl", c_double),
        ("clip_fraction", c_double),
        ("explained_variance", c_double),
        ("grad_norm", c_double),
        ("first_ratio_error", c_double),
        ("sigma_return", c_double),
        ("value_mean", c_double),
        ("rollout_seconds", c_double),
        ("advantage_seconds", c_double),
        ("update_seconds", c_double),
    ]


class Drawing(ctypes.Structure):
    """ShoalDrawing, what an environment's drawing exports (native/include/shoal/canvas.h)."""

    _fields_ = [("abi", c_int32), ("name", c_char_p), ("draw", c_void_p)]


class Canvas(ctypes.Structure):
    """ShoalCanvas, a display list in the caller's memory (native/include/shoal/canvas.h)."""

    _fields_ = [("items", c_void_p), ("capacity", c_int32), ("used", c_int32), ("dropped", c_int32)]


class Overlay(ctypes.Structure):
    """ShoalOverlay, what an agent chose (native/include/shoal/draw.h)."""

    _fields_ = [
        ("probabilities", c_void_p),
        ("discrete", c_void_p),
        ("continuous", c_void_p),
        ("values", c_void_p),
        ("num_values", c_int32),
        ("background", c_uint32),
    ]


class OutsideShape(ctypes.Structure):
    """ShoalOutsideShape, the sizes of what the engine and its workers share (native/include/shoal/outside.h)."""

    _fields_ = [
        ("num_envs", c_int32),
        ("agents", c_int32),
        ("heads", c_int32),
        ("dims", c_int32),
        ("metrics", c_int32),
        ("row_bytes", c_int32),
        ("mask_bytes", c_int32),
        ("params_bytes", c_int32),
        ("block", c_int32),
        ("workers", c_int32),
    ]


SPEC_FUNCTION = ctypes.CFUNCTYPE(c_char_p, c_void_p, POINTER(Spec))
TROUBLE_FUNCTION = ctypes.CFUNCTYPE(c_int32, c_int32, c_int32, c_int32, c_int32)
SERVE_FUNCTION = ctypes.CFUNCTYPE(None, c_int32)


class OutsideWorker(ctypes.Structure):
    """ShoalOutsideWorker."""

    _fields_ = [
        ("shape", OutsideShape),
        ("finite", c_void_p),
        ("base", c_void_p),
        ("spin", c_double),
        ("index", c_int32),
        ("parent", c_int32),
    ]


class OutsideConfig(ctypes.Structure):
    """ShoalOutsideConfig."""

    _fields_ = [
        ("shape", OutsideShape),
        ("base", c_void_p),
        ("trouble", TROUBLE_FUNCTION),
        ("serve", SERVE_FUNCTION),
        ("pids", c_void_p),
        ("generations", c_void_p),
        ("timeout", c_double),
        ("start_timeout", c_double),
        ("spin", c_double),
    ]


class Bench(ctypes.Structure):
    """ShoalBench, the shape of one operation (native/bench/bench.h)."""

    _fields_ = [("rows", c_int32), ("steps", c_int32), ("inputs", c_int32), ("outputs", c_int32), ("policy", c_void_p)]


# ---------------------------------------------------------------------------------------------------- functions

_P = c_void_p  # arrays and opaque objects travel as addresses
_I, _L, _U, _F = c_int32, c_int64, c_uint64, c_float

# name without `shoal_`: (result, arguments)
PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "abi": (_I, ()),
    "isa": (c_char_p, ()),
    "env_flags": (c_char_p, ()),
    "has_bfloat16": (_I, ()),
    "best_isa": (c_char_p, ()),
    "cores": (_I, ()),
    "env_count": (_I, ()),
    "env_at": (POINTER(Env), (_I,)),
    "env_spec": (_I, (_P, _P, _P, _I, POINTER(Spec), _P)),
    "vec_bytes": (_L, (_P, _P, POINTER(VecConfig), _P)),
    "vec_create": (_P, (_P, _P, _P, POINTER(VecConfig), _P, _P)),
    "vec_own_bytes": (_L, (_P, _I)),
    "vec_own": (None, (_P, _P)),
    "vec_broadcast": (_I, (_P, _P, _P, _I, _P, _I, _P)),
    "vec_seat_bytes": (_L, (_P,)),
    "vec_seat": (None, (_P, _P)),
    "vec_bind": (None, (_P,) * 9),
    "vec_reset": (_I, (_P, _U, _P)),
    "vec_reset_ended": (_I, (_P, _P)),
    "vec_step": (_I, (_P, _P)),
    "vec_half": (_I, (_P,)),
    "vec_step_half": (_I, (_P, _I, _P)),
    "vec_run": (_I, (_P, _L, _I, _P, _P, _P)),
    "vec_run_in_step": (_I, (_P, _L, _I, _P, _P, _P)),
    "vec_profile": (_I, (_P, _I, _I, _I, _P, _P, _P, _P, _P)),
    "vec_scripted": (_I, (_P, _F, _P)),
    "vec_stats": (None, (_P, _P)),
    "vec_snapshot_bytes": (_L, (_P,)),
    "vec_snapshot": (None, (_P, _I, _P)),
    "vec_restore": (_I, (_P, _I, _P, _P)),
    "vec_save": (None, (_P, _P)),
    "vec_load": (_I, (_P, _P, _P)),
    "vec_set_clock": (None, (_P, _L)),
    "vec_episodes": (_I, (_P, c_uint32, c_uint32)),
    "vec_array": (_P, (_P, _I)),
    "policy_bytes": (_L, (POINTER(Spec), POINTER(PolicyConfig), _P)),
    "policy_create": (_P, (POINTER(Spec), POINTER(PolicyConfig), _P, _P)),
    "policy_tensors": (_I, (_P, POINTER(Tensor), _I)),
    "policy_pack": (None, (_P,)),
    "policy_state_size": (_I, (_P,)),
    "policy_outputs": (_I, (_P,)),
    "policy_act": (_I, (_P, _I, _P, _P, _P, _P, _I, _U, _L, _P, _P, _P, _P, _P)),
    "evaluate": (_I, (_P, POINTER(Player), _I, _P, POINTER(c_int64), _P)),
    "learner_bytes": (_L, (_P, _P, POINTER(TrainConfig), _P)),
    "learner_create": (_P, (_P, _P, POINTER(TrainConfig), _P, _P)),
    "learner_observe": (None, (_P,)),
    "learner_rollout": (_I, (_P, _P)),
    "learner_update": (_I, (_P, POINTER(Log), _P)),
    "learner_stages": (None, (_P, _P)),
    "learner_tensors": (_I, (_P, POINTER(Tensor), _I)),
    "draw_actions": (_I, (_P, _I, _I, _L, _P, _L, _P, _P, _P, _I, _U, _L, _P, _P, _P, _P, _P)),
    "draw_segments": (None, (_U, _L, _I, _I, c_double, c_double, _P, _P, _P)),
    "lstm_scratch": (_L, (_I, _I)),
    "lstm_sequence": (None, (*(_P,) * 12, _I, _I, _I)),
    "lstm_sequence_back": (None, (*(_P,) * 15, _I, _I, _I)),
    "lstm_act": (None, (*(_P,) * 8, _I, _I)),
    "mingru_sequence": (None, (*(_P,) * 6, _I, _I, _I)),
    "mingru_sequence_back": (None, (*(_P,) * 8, _I, _I, _I)),
    "env_draw": (_P, (_I,)),
    "draw_env": (None, (_P, _P, _I, _P, _F, POINTER(Canvas))),
    "draw_overlay": (None, (POINTER(Spec), POINTER(Overlay), _F, _F, POINTER(Canvas))),
    "raster_bytes": (_L, (_I, _I)),
    "raster_create": (_P, (_I, _I, _P)),
    "raster_draw": (None, (_P, _P, _L, _P, _L)),
    "outside_layout": (_L, (POINTER(OutsideShape), _P)),
    "outside_env": (POINTER(Env), ()),
    "outside_bytes": (_L, (POINTER(OutsideShape),)),
    "outside_attach": (None, (_P, POINTER(OutsideConfig), _P)),
    "outside_restart": (_I, (_P, _P)),
    "outside_send": (_I, (_P, _P, _P)),
    "outside_receive": (_I, (_P, _I, _P, _P)),
    "outside_quit": (None, (_P, _I)),
    "outside_begin": (_I, (POINTER(OutsideWorker), _I)),
    "outside_answer": (_I, (POINTER(OutsideWorker), _I)),
    "outside_next": (_I, (POINTER(OutsideWorker), _I)),
    "picture_stack": (_I, (_P, _P, _I, _I, _P, _I, _I, _I)),
    "bench_name": (c_char_p, (_I,)),
    "bench_shapes": (_I, (_I,)),
    "bench_flops": (c_double, (_I, POINTER(Bench))),
    "bench_bytes": (_L, (_I, POINTER(Bench))),
    "bench_run": (c_double, (_I, POINTER(Bench), _I, _L, _P)),
}


class Library:
    """One build of the native library; `lib.vec_step` is `shoal_vec_step` with its prototype."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._dll = ctypes.CDLL(str(path))
        except OSError as error:
            raise NativeError(f"the native library cannot be loaded: {path}: {error}", _BUILD_HINT) from error
        abi = int(self.abi())
        if abi != ABI:
            raise NativeError(
                f"the native library does not match this package: {path} has ABI {abi}; expected {ABI}", _BUILD_HINT
            )

    def __getattr__(self, name: str) -> Any:
        """Bind a function when it is first used."""
        if name not in PROTOTYPES:
            raise AttributeError(name)
        try:
            function = getattr(self._dll, f"shoal_{name}")
        except AttributeError:
            raise NativeError(f"the native library lacks `shoal_{name}`: {self.path}", _BUILD_HINT) from None
        function.restype, function.argtypes = PROTOTYPES[name]
        setattr(self, name, function)
        return function

    @property
    def name(self) -> str:
        """The instruction set it was compiled for."""
        return str(self.isa().decode())


class Message:
    """The buffer into which native code writes one sentence when it fails."""

    def __init__(self) -> None:
        self._buffer = ctypes.create_string_buffer(MESSAGE_BYTES)
        self.address = ctypes.addressof(self._buffer)

    @property
    def text(self) -> str:
        """The sentence, or an apology when there is none."""
        return self._buffer.value.decode(errors="replace") or "the native library failed without a message"

    def check(self, code: int, error: type[Exception] = NativeError) -> bool:
        """Return whether a call was stopped early; raise `error` with its sentence if it failed."""
        if code == OK:
            return False
        if code == STOPPED:
            return True
        raise error(self.text)


def library_folder() -> Path:
    """Where the builds lie: inside the installed package."""
    return Path(__file__).parent / "_native"


def choose_library(folder: Path) -> Path:
    """Return the path of the best build in `folder` that this machine runs, or the one `SHOAL_ISA` names.

    Raises:
        NativeError: if there is none.
    """
    found = {path.stem.removeprefix("libshoal_"): path for path in sorted(folder.glob("libshoal_*.so"))}
    if not found:
        raise NativeError(f"the native library has not been built: nothing at {folder}", _BUILD_HINT)
    wanted = os.environ.get("SHOAL_ISA", "")
    if wanted:
        if wanted not in found:
            raise NativeError(f"SHOAL_ISA={wanted} names no build in {folder}; expected one of {', '.join(found)}")
        return found[wanted]
    # The plain build runs everywhere, so it is the one to ask what this machine can do.
    asked = found.get("generic") or next(iter(found.values()))
    best = Library(asked).best_isa().decode()
    for isa in ISAS[ISAS.index(best) :]:
        if isa in found:
            return found[isa]
    raise NativeError(f"no build for this machine ({best}) in {folder}; found {', '.join(found)}", _BUILD_HINT)


@functools.cache
def library() -> Library:
    """Return the library of this process, loaded once."""
    return Library(choose_library(library_folder()))
