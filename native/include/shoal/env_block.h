// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The engine's side of the contract: what happens around an environment's step, written once for all of them and
// compiled into each with everything inlined. Included after the environment's header by a generated file:
//
//   #include "breakout.h"
//   #define SHOAL_ENV_NAME "breakout"
//   #define SHOAL_ENV_FN(name) breakout_##name
//   #define SHOAL_ENV_TYPE(name) Breakout##name
//   #define SHOAL_ENV_TABLE(name) BREAKOUT_##name
//   #include "shoal/env_block.h"
//
// It exports one symbol, <name>_descriptor. The order within a step is the contract's: env_step.h.
#include "shoal/vec.h"

#ifdef SHOAL_ENV_AGENTS
#define SHOAL_AGENTS(vec) SHOAL_ENV_AGENTS
#else
#define SHOAL_AGENTS(vec) ((vec)->agents)
#endif

// 1: who is live may change in any step, 0: only where an agent has a flag.
#ifdef SHOAL_HAS_LIVE
#define SHOAL_LIVE_CHANGES 1
#else
#define SHOAL_LIVE_CHANGES 0
#endif

#define SHOAL_ROW_F(name, initial, low, high, unit, role, doc) \
  {#name, unit, doc, "", (double)(initial), (double)(low), (double)(high), SHOAL_PARAM_FLOAT, SHOAL_ROLE_##role},
#define SHOAL_ROW_I(name, initial, low, high, unit, role, doc) \
  {#name, unit, doc, "", (double)(initial), (double)(low), (double)(high), SHOAL_PARAM_INT, SHOAL_ROLE_##role},
#define SHOAL_ROW_B(name, initial, role, doc) \
  {#name, "", doc, "", (double)(initial), 0, 1, SHOAL_PARAM_SWITCH, SHOAL_ROLE_##role},
#define SHOAL_ROW_C(name, initial, choices, role, doc) \
  {#name, initial, doc, choices, 0, 0, 0, SHOAL_PARAM_CHOICE, SHOAL_ROLE_##role},  // unit carries the default's name
#define SHOAL_ROW_M(name, doc) {#name, doc},

static const ShoalParam SHOAL_LOOP(param_rows)[] = {
    SHOAL_ENV_TABLE(PARAMS)(SHOAL_ROW_F, SHOAL_ROW_I, SHOAL_ROW_B, SHOAL_ROW_C){0, 0, 0, 0, 0, 0, 0, 0, 0}};
static const ShoalMetric SHOAL_LOOP(metric_rows)[] = {SHOAL_ENV_TABLE(METRICS)(SHOAL_ROW_M)};

static const char *SHOAL_LOOP(block_spec)(const void *params, ShoalSpec *out) {
  const char *message = SHOAL_ENV_FN(spec)((const SHOAL_ENV_TYPE(Params) *)params, out);
  if (message) { return message; }
#ifdef SHOAL_HAS_SHARED
  out->shared_bytes = SHOAL_ENV_FN(shared_bytes)((const SHOAL_ENV_TYPE(Params) *)params);
#endif
  if (out->state_bytes == 0) { out->state_bytes = (int64_t)sizeof(SHOAL_ENV_TYPE(State)); }
  return 0;
}

#ifdef SHOAL_HAS_SHARED
static void SHOAL_LOOP(block_shared)(const void *params, uint64_t seed, void *out) {
  SHOAL_ENV_FN(shared)((const SHOAL_ENV_TYPE(Params) *)params, seed, (SHOAL_ENV_TYPE(Shared) *)out);
}
#define SHOAL_SHARED_VERSION(vec, e) ((vec)->shared_version ? (vec)->shared_version[e] : (vec)->newest_shared)
#define SHOAL_SHARED_OF(vec, e) \
  ((const SHOAL_ENV_TYPE(Shared) *)(const void *)(vec)->shared[SHOAL_SHARED_VERSION(vec, e)])
#elif !defined(SHOAL_SHARED_OF)
#define SHOAL_SHARED_OF(vec, e) ((const void *)0)
#endif
// What all environments share, or one of its own.
#define SHOAL_PARAMS_OF(vec) ((const SHOAL_ENV_TYPE(Params) *)(const void *)(vec)->newest)
#define SHOAL_PARAMS_AT(vec, e) \
  ((const SHOAL_ENV_TYPE(Params) *)(const void *)((vec)->params + (int64_t)(e) * (vec)->params_stride))

#include "shoal/env_episode.h"
#include "shoal/env_step.h"

#ifdef SHOAL_HAS_SCRIPTED
static void SHOAL_LOOP(block_scripted)(const ShoalVec *vec, int32_t first, int32_t count, float level,
                                       const ShoalIo *io) {
  for (int32_t e = 0; e < count; e++) {
    for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
      int64_t i = (int64_t)e * SHOAL_AGENTS(vec) + a, row = (int64_t)(first + e) * SHOAL_AGENTS(vec) + a;
      if (!vec->live[row] || (io->mover && vec->players && vec->players[row] != io->mover - 1)) { continue; }
      uint64_t number = (uint64_t)(vec->first_index * SHOAL_AGENTS(vec) + row);
      uint64_t rng = shoal_hash(vec->seed, SHOAL_TAG_SCRIPT, (uint64_t)io->clock, number);
      SHOAL_ENV_FN(scripted)(SHOAL_PARAMS_AT(vec, first + e), SHOAL_SHARED_OF(vec, first + e),
                             SHOAL_STATE_OF(vec, first + e), a, level, rng, io->discrete + i * vec->heads,
                             io->continuous + i * vec->dims);
    }
  }
}
#endif

#include "shoal/env_profile.h"

extern const ShoalEnv SHOAL_ENV_FN(descriptor);
const ShoalEnv SHOAL_ENV_FN(descriptor) = {
    .abi = SHOAL_ABI,
    .name = SHOAL_ENV_NAME,
    .params = SHOAL_LOOP(param_rows),
    .metrics = SHOAL_LOOP(metric_rows),
    .num_params = (int32_t)(sizeof SHOAL_LOOP(param_rows) / sizeof *SHOAL_LOOP(param_rows)) - 1,
    .num_metrics = (int32_t)(sizeof SHOAL_LOOP(metric_rows) / sizeof *SHOAL_LOOP(metric_rows)),
    .params_bytes = (int64_t)sizeof(SHOAL_ENV_TYPE(Params)),
    .spec = SHOAL_LOOP(block_spec),
    .block_reset = SHOAL_LOOP(block_reset),
    .block_step = SHOAL_LOOP(block_step),
    .block_observe = SHOAL_LOOP(block_observe),
    .block_call = SHOAL_LOOP(block_call),
#ifdef SHOAL_HAS_SHARED
    .has_shared = 1,
    .shared = SHOAL_LOOP(block_shared),
#endif
#ifdef SHOAL_HAS_SCRIPTED
    .has_scripted = 1,
    .block_scripted = SHOAL_LOOP(block_scripted),
#endif
#ifdef SHOAL_HAS_RESPAWN
    .has_respawn = 1,
#endif
#ifdef SHOAL_HAS_LIVE
    .has_live = 1,
#endif
};
