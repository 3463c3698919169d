# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Mirrors of the structs of native/include/shoal/{env,context,vec,shoal,canvas,draw,outside}.h, field by field."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char, c_char_p, c_double, c_float, c_int16, c_int32, c_int64, c_uint32, c_uint64, c_void_p

MAX_FIELDS, MAX_HEADS, MAX_DIMS, MAX_AGENTS = 32, 16, 32, 1024
MAX_CONTEXTS, MAX_OPTIONS = 32, 32


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
