// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// What the engine and an environment's block functions share: the copies of one environment (ShoalVec), the buffers
// of one step (ShoalIo), and the descriptor through which the engine knows an environment (ShoalEnv).
#ifndef SHOAL_VEC_H
#define SHOAL_VEC_H

#include "shoal/context.h"
#include "shoal/env.h"

enum { SHOAL_RUN = 96 };  // environments that a block's loops take together

enum { SHOAL_RESET_SAME_STEP = 0, SHOAL_RESET_NEXT_STEP = 1, SHOAL_RESET_DISABLED = 2 };

// Sums of emitted metrics, one set per block of environments. Doubles:
//   [LIVES] lives that ended, [BAD] actions that were cleaned, [PARTIAL..] count, sum of return, sum of length of
//   partial emissions, then from FIRST a pair (sum, sum of squares) for every metric, the return and the length.
enum {
  SHOAL_STATS_LIVES = 0,
  SHOAL_STATS_BAD,
  SHOAL_STATS_PARTIAL,
  SHOAL_STATS_PARTIAL_RETURN,
  SHOAL_STATS_PARTIAL_LENGTH,
  SHOAL_STATS_FIRST
};
#define SHOAL_STATS_SIZE(metrics) (SHOAL_STATS_FIRST + 2 * ((metrics) + 2))
// Floats in the record of one agent's ended lives: their number, then the sum of every metric, the return, the length.
#define SHOAL_LIVES_SIZE(metrics) (3 + (metrics))

// An environment's functions, one by one, as env_profile.h calls them.
enum {
  SHOAL_CALL_STEP = 0,
  SHOAL_CALL_OBSERVE,
  SHOAL_CALL_RESET,
  SHOAL_CALL_RESPAWN,
  SHOAL_CALL_LIVE,
  SHOAL_CALL_SCRIPTED,
  SHOAL_CALLS
};

// N copies of one environment. "Agent i of environment e" is row e * agents + i of every per-agent array.
typedef struct {
  const struct ShoalEnv *env;
  ShoalSpec spec;
  int32_t num_envs, agents, heads, dims, metrics, max_steps, row_bytes, mask_bytes;
  int32_t mode, final_all, metric_steps, stagger, threads, block;
  int64_t first_index;  // environment e is numbered first_index + e in every hash
  uint64_t seed;
  uint32_t emit_from, emit_until;  // lives of episodes in [from, until) are counted in the metrics
  int64_t state_bytes, params_bytes;
  uint8_t *newest;               // one Params, which environments adopt at their next reset
  uint8_t *params;               // Params of environment e at e * params_stride
  int64_t params_stride;         // 0: all of them use `newest`; else each has its own, with contexts drawn over it
  const uint8_t *const *shared;  // (versions,) Shared blocks, of which the last is the newest; one of null without
  int32_t *shared_version;       // (num_envs,), or null: all use the newest
  int32_t newest_shared;
  int32_t num_contexts;
  ShoalContext contexts[SHOAL_MAX_CONTEXTS];
  int32_t observed[SHOAL_MAX_CONTEXTS];   // parameters that are appended to the observation as float32
  int32_t num_observed, observed_offset;  // bytes from the start of a row
  uint8_t *state;                         // (num_envs, state_bytes)
  int32_t *limits;                        // (num_envs,): the time limit of this episode
  uint8_t *waiting;                       // (num_envs,): ended, to be reset by the next call; null in same-step mode
  // per agent
  float *rewards;  // of the last step
  uint8_t *ended;  // of the last step
  float *returns;  // of this life so far
  int32_t *lengths;
  float *metric_values;  // (rows, metrics), written by step, of this life
  float *since_returns;  // since the last partial emission; null unless metric_steps > 0
  int32_t *since_lengths;
  uint8_t *live, *starts;
  struct ShoalOutside *outside;  // who steps the environments, if not this code (outside.h)
  // Who plays what, after shoal_vec_seat; null before: player 0 plays everything.
  int32_t teams;          // of the spec, numbered from 0
  int16_t *next_players;  // (num_envs, teams): who plays each team from the environment's next reset on
  int16_t *players;       // (rows,): who plays each agent
  float *lives;           // (rows, SHOAL_LIVES_SIZE(metrics)), added to when a life ends; its reader zeroes it
} ShoalVec;

// One step's buffers for a block of environments; every index is relative to the block's first row.
typedef struct {
  int32_t *discrete;     // (rows, heads); cleaned in place
  float *continuous;     // (rows, dims); cleaned in place
  uint8_t *rows;         // observation rows, row_stride bytes apart
  uint8_t *masks;        // action masks, mask_stride bytes apart
  const uint8_t *legal;  // the masks that the actions were chosen under, mask_stride apart; may equal masks
  uint8_t *final_rows;   // final observation of truncated agents, final_stride bytes apart; null: none is taken
  uint8_t *final_masks;
  float *rewards;  // stride elements apart
  uint8_t *ended;  // stride elements apart
  double *stats;   // SHOAL_STATS_SIZE(metrics)
  int64_t row_stride, mask_stride, final_stride, final_mask_stride, stride;
  int64_t clock;  // steps of this vec before this one
  int32_t mover;  // block_scripted: 1 + the player whose agents are moved; 0: all are
} ShoalIo;

// A block's step in two halves, of environments that are stepped elsewhere meanwhile.
typedef struct {
  // Hand over the actions.
  void (*send)(const ShoalVec *vec, int32_t first, int32_t count, const ShoalIo *io);
  // Wait up to so long; returns whether the block was stepped.
  int32_t (*ready)(const ShoalVec *vec, int32_t first, double seconds);
  // block_step, once it was.
  int32_t (*finish)(const ShoalVec *vec, int32_t first, int32_t count, const ShoalIo *io);
} ShoalSplit;

typedef struct ShoalEnv {
  int32_t abi;
  const char *name;
  const ShoalParam *params;
  const ShoalMetric *metrics;
  int32_t num_params, num_metrics;
  int64_t params_bytes;
  int32_t has_scripted, has_respawn, has_live, has_shared;
  const char *(*spec)(const void *params, ShoalSpec *out);
  void (*shared)(const void *params, uint64_t seed, void *out);
  void (*block_reset)(const ShoalVec *vec, int32_t first, int32_t count, const ShoalIo *io);
  // Returns the number of agents that were flagged.
  int32_t (*block_step)(const ShoalVec *vec, int32_t first, int32_t count, const ShoalIo *io);
  void (*block_observe)(const ShoalVec *vec, int32_t first, int32_t count, const ShoalIo *io);
  void (*block_scripted)(const ShoalVec *vec, int32_t first, int32_t count, float level, const ShoalIo *io);
  // Calls one function alone, for a profile; returns how often. count is at most SHOAL_RUN.
  int64_t (*block_call)(const ShoalVec *vec, int32_t first, int32_t count, int32_t call, const ShoalIo *io);
  const ShoalSplit *split;  // or null
} ShoalEnv;

#endif
