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
// It exports one symbol, <name>_descriptor. The order within a step is CONTRACT's and is numbered below.
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

static const ShoalParam SHOAL_ENV_FN(param_rows)[] = {
    SHOAL_ENV_TABLE(PARAMS)(SHOAL_ROW_F, SHOAL_ROW_I, SHOAL_ROW_B, SHOAL_ROW_C){0, 0, 0, 0, 0, 0, 0, 0, 0}};
static const ShoalMetric SHOAL_ENV_FN(metric_rows)[] = {SHOAL_ENV_TABLE(METRICS)(SHOAL_ROW_M)};

static const char *SHOAL_ENV_FN(block_spec)(const void *params, ShoalSpec *out) {
  const char *message = SHOAL_ENV_FN(spec)((const SHOAL_ENV_TYPE(Params) *)params, out);
  if (message) { return message; }
#ifdef SHOAL_HAS_SHARED
  out->shared_bytes = SHOAL_ENV_FN(shared_bytes)((const SHOAL_ENV_TYPE(Params) *)params);
#endif
  if (out->state_bytes == 0) { out->state_bytes = (int64_t)sizeof(SHOAL_ENV_TYPE(State)); }
  return 0;
}

#ifdef SHOAL_HAS_SHARED
static void SHOAL_ENV_FN(block_shared)(const void *params, uint64_t seed, void *out) {
  SHOAL_ENV_FN(shared)((const SHOAL_ENV_TYPE(Params) *)params, seed, (SHOAL_ENV_TYPE(Shared) *)out);
}
#define SHOAL_SHARED_OF(vec) ((const SHOAL_ENV_TYPE(Shared) *)(vec)->shared)
#else
#define SHOAL_SHARED_OF(vec) ((const void *)(vec)->shared)
#endif
#define SHOAL_PARAMS_OF(vec) ((const SHOAL_ENV_TYPE(Params) *)(vec)->params)
#define SHOAL_STATE_OF(vec, e) ((SHOAL_ENV_TYPE(State) *)((vec)->state + (int64_t)(e) * (vec)->state_bytes))

// Observe agent a of environment e, or zero its row and mask when it is absent. i: its index in the block.
static inline void SHOAL_ENV_FN(look)(const ShoalVec *vec, int32_t e, int32_t a, int64_t i, const ShoalIo *io) {
  uint8_t *row = io->rows + i * io->row_stride;
  uint8_t *mask = io->masks + i * io->mask_stride;
  if (vec->live[(int64_t)e * SHOAL_AGENTS(vec) + a]) {
    SHOAL_ENV_FN(observe)(SHOAL_PARAMS_OF(vec), SHOAL_SHARED_OF(vec), SHOAL_STATE_OF(vec, e), a, row, mask);
  } else {
    __builtin_memset(row, 0, (uint64_t)vec->row_bytes);
    if (vec->mask_bytes) { __builtin_memset(mask, 0, (uint64_t)vec->mask_bytes); }
  }
}

// Start an episode: State is zero but for its head.
static void SHOAL_ENV_FN(begin)(const ShoalVec *vec, int32_t e, uint32_t episode) {
  SHOAL_ENV_TYPE(State) *state = SHOAL_STATE_OF(vec, e);
  uint64_t index = (uint64_t)(vec->first_index + e);
  __builtin_memset(state, 0, (uint64_t)vec->state_bytes);
  state->head.key = shoal_hash(vec->seed, SHOAL_TAG_EPISODE, index, episode);
  state->head.episode = episode;
  state->head.phase = SHOAL_TAG_RESET;
  vec->limits[e] = vec->max_steps;
  if (vec->stagger && episode == 0) {
    uint64_t hash = shoal_hash(vec->seed, SHOAL_TAG_STAGGER, index, 0);
    vec->limits[e] = 1 + (int32_t)(((hash >> 32) * (uint64_t)(uint32_t)vec->max_steps) >> 32);
  }
  SHOAL_ENV_FN(reset)(SHOAL_PARAMS_OF(vec), SHOAL_SHARED_OF(vec), state);
  for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
    int64_t row = (int64_t)e * SHOAL_AGENTS(vec) + a;
#ifdef SHOAL_HAS_LIVE
    vec->live[row] = (uint8_t)(SHOAL_ENV_FN(live)(SHOAL_PARAMS_OF(vec), state, a) != 0);
#else
    vec->live[row] = 1;
#endif
    vec->starts[row] = vec->live[row];
  }
}

// The sums of a life that has ended or begins; they stay zero while an agent is absent.
static inline void SHOAL_ENV_FN(zero_life)(const ShoalVec *vec, int64_t row) {
  vec->returns[row] = 0.0f;
  vec->lengths[row] = 0;
  for (int32_t m = 0; m < vec->metrics; m++) { vec->metric_values[row * vec->metrics + m] = 0.0f; }
  if (vec->since_returns) {
    vec->since_returns[row] = 0.0f;
    vec->since_lengths[row] = 0;
  }
}

static void SHOAL_ENV_FN(block_reset)(const ShoalVec *vec, int32_t first, int32_t count, const ShoalIo *io) {
  for (int32_t e = first; e < first + count; e++) {
    SHOAL_ENV_FN(begin)(vec, e, 0);
    if (vec->waiting) { vec->waiting[e] = 0; }
    for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
      SHOAL_ENV_FN(zero_life)(vec, (int64_t)e * SHOAL_AGENTS(vec) + a);
      SHOAL_ENV_FN(look)(vec, e, a, (int64_t)(e - first) * SHOAL_AGENTS(vec) + a, io);
    }
  }
}

static void SHOAL_ENV_FN(block_observe)(const ShoalVec *vec, int32_t first, int32_t count, const ShoalIo *io) {
  for (int32_t e = first; e < first + count; e++) {
    for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
      SHOAL_ENV_FN(look)(vec, e, a, (int64_t)(e - first) * SHOAL_AGENTS(vec) + a, io);
    }
  }
}

// 1. Clean one agent's actions in place; returns how many were bad.
static inline int32_t SHOAL_ENV_FN(clean)(const ShoalVec *vec, int32_t live, int32_t *discrete, float *continuous,
                                          const uint8_t *mask) {
  int32_t bad = 0;
  for (int32_t h = 0; h < vec->heads; h++) {
    int32_t size = vec->spec.heads[h].size, masked = vec->spec.heads[h].masked;
    int32_t action = discrete[h];
    int32_t legal = (uint32_t)action < (uint32_t)size && (!masked || mask[action]);
    if (__builtin_expect(!live, 0)) {
      discrete[h] = 0;
    } else if (__builtin_expect(!legal, 0)) {
      action = 0;
      while (masked && action < size - 1 && !mask[action]) { action++; }
      discrete[h] = action;
      bad++;
    }
    mask += masked ? size : 0;
  }
  for (int32_t d = 0; d < vec->dims; d++) {
    float low = vec->spec.dims[d].low, high = vec->spec.dims[d].high, x = continuous[d];
    float clean = x - x == 0.0f ? shoal_clamp(x, low, high) : shoal_clamp(0.0f, low, high);
    bad += live && clean != x;
    continuous[d] = live ? clean : 0.0f;
  }
  return bad;
}

// 6. Add one ended life to the block's statistics.
static void SHOAL_ENV_FN(emit)(const ShoalVec *vec, int64_t row, double *stats) {
  double *out = stats + SHOAL_STATS_FIRST;
  stats[SHOAL_STATS_LIVES] += 1.0;
  for (int32_t m = 0; m < vec->metrics; m++, out += 2) {
    double value = (double)vec->metric_values[row * vec->metrics + m];
    out[0] += value;
    out[1] += value * value;
  }
  out[0] += (double)vec->returns[row];
  out[1] += (double)vec->returns[row] * (double)vec->returns[row];
  out[2] += (double)vec->lengths[row];
  out[3] += (double)vec->lengths[row] * (double)vec->lengths[row];
}

// 5 to 8 for an environment in which something ended. i: the block's index of its first agent.
static __attribute__((noinline)) int32_t SHOAL_ENV_FN(finish)(const ShoalVec *vec, int32_t e, int64_t i, int32_t over,
                                                              const ShoalIo *io) {
  const SHOAL_ENV_TYPE(Params) *params = SHOAL_PARAMS_OF(vec);
  SHOAL_ENV_TYPE(State) *state = SHOAL_STATE_OF(vec, e);
  int64_t base = (int64_t)e * SHOAL_AGENTS(vec);
  int32_t flagged = 0, emits = state->head.episode >= vec->emit_from && state->head.episode < vec->emit_until;
  for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
    uint8_t ended = vec->ended[base + a];
    if (!ended) { continue; }
    flagged++;
    if (io->final_rows && (vec->final_all || !(ended & SHOAL_TERMINATED))) {  // 5
      SHOAL_ENV_FN(observe)(params, SHOAL_SHARED_OF(vec), state, a, io->final_rows + (i + a) * io->final_stride,
                            io->final_masks + (i + a) * io->final_mask_stride);
    }
    if (emits) { SHOAL_ENV_FN(emit)(vec, base + a, io->stats); }  // 6
    SHOAL_ENV_FN(zero_life)(vec, base + a);
  }
  if (over && vec->mode != SHOAL_RESET_SAME_STEP) {  // the ordinary rows hold the final observations
    for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
      SHOAL_ENV_FN(look)(vec, e, a, i + a, io);
      vec->starts[base + a] = 0;
    }
    vec->waiting[e] = 1;
    return flagged;
  }
  if (over) {  // 7
    SHOAL_ENV_FN(begin)(vec, e, state->head.episode + 1);
  } else {
#ifdef SHOAL_HAS_RESPAWN
    state->head.phase = SHOAL_TAG_RESPAWN;
    for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
      if (vec->ended[base + a]) { SHOAL_ENV_FN(respawn)(params, SHOAL_SHARED_OF(vec), state, a); }
    }
#endif
    for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {  // 8
      uint8_t was = vec->live[base + a], ended = vec->ended[base + a];
#if defined(SHOAL_HAS_LIVE)
      uint8_t now = (uint8_t)(SHOAL_ENV_FN(live)(params, state, a) != 0);
#elif defined(SHOAL_HAS_RESPAWN)
      uint8_t now = 1;
#else
      uint8_t now = (uint8_t)(was && !ended);
#endif
      vec->live[base + a] = now;
      vec->starts[base + a] = (uint8_t)(now && (ended || !was));
    }
  }
  for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) { SHOAL_ENV_FN(look)(vec, e, a, i + a, io); }
  return flagged;
}

static inline int32_t SHOAL_ENV_FN(step_one)(const ShoalVec *vec, int32_t e, int64_t i, const ShoalIo *io) {
  const SHOAL_ENV_TYPE(Params) *params = SHOAL_PARAMS_OF(vec);
  SHOAL_ENV_TYPE(State) *state = SHOAL_STATE_OF(vec, e);
  int64_t base = (int64_t)e * SHOAL_AGENTS(vec);
  uint8_t *live = vec->live + base, *ended = vec->ended + base, over = 0;
  float *rewards = vec->rewards + base;
  int32_t *discrete = io->discrete + i * vec->heads, bad = 0;
  float *continuous = io->continuous + i * vec->dims;

  if (vec->waiting && vec->waiting[e]) {  // next-step mode: this call only resets
    vec->waiting[e] = 0;
    SHOAL_ENV_FN(begin)(vec, e, state->head.episode + 1);
    for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
      rewards[a] = 0.0f;
      ended[a] = 0;
      io->rewards[(i + a) * io->stride] = 0.0f;
      io->ended[(i + a) * io->stride] = 0;
      SHOAL_ENV_FN(look)(vec, e, a, i + a, io);
    }
    return 0;
  }

  for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {  // 1
    bad += SHOAL_ENV_FN(clean)(vec, live[a], discrete + a * vec->heads, continuous + a * vec->dims,
                               io->legal + (i + a) * io->mask_stride);
    rewards[a] = 0.0f;
    ended[a] = 0;
  }
  if (bad) { io->stats[SHOAL_STATS_BAD] += (double)bad; }

  state->head.tick++;  // 2
  state->head.phase = SHOAL_TAG_STEP;
  ShoalResult result = {rewards, ended, &over, vec->metric_values + base * vec->metrics};
  SHOAL_ENV_FN(step)(params, SHOAL_SHARED_OF(vec), state, discrete, continuous, &result);
  int32_t any = 0;
#if !defined(SHOAL_HAS_LIVE) && !defined(SHOAL_HAS_RESPAWN)
  int32_t remaining = 0;
#endif
  for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
    if (__builtin_expect(live[a], 1)) {
      vec->returns[base + a] += rewards[a];
      vec->lengths[base + a]++;
      any |= ended[a];
#if !defined(SHOAL_HAS_LIVE) && !defined(SHOAL_HAS_RESPAWN)
      remaining += !ended[a];
#endif
    } else {
      rewards[a] = 0.0f;
      ended[a] = 0;
      for (int32_t m = 0; m < vec->metrics; m++) { vec->metric_values[(base + a) * vec->metrics + m] = 0.0f; }
    }
  }

  over |= state->head.tick >= (uint32_t)vec->limits[e];  // 3
#if !defined(SHOAL_HAS_LIVE) && !defined(SHOAL_HAS_RESPAWN)
  over |= remaining == 0;
#endif
  if (__builtin_expect(over, 0)) {  // 4
    for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
      if (live[a] && !ended[a]) { ended[a] = SHOAL_TRUNCATED; }
    }
  }
  for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
    io->rewards[(i + a) * io->stride] = rewards[a];
    io->ended[(i + a) * io->stride] = ended[a];
  }
  if (vec->metric_steps) {
    for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
      if (!live[a]) { continue; }
      vec->since_returns[base + a] += rewards[a];
      vec->since_lengths[base + a]++;
      if ((io->clock + 1) % vec->metric_steps == 0 && !ended[a]) {
        io->stats[SHOAL_STATS_PARTIAL] += 1.0;
        io->stats[SHOAL_STATS_PARTIAL_RETURN] += (double)vec->since_returns[base + a];
        io->stats[SHOAL_STATS_PARTIAL_LENGTH] += (double)vec->since_lengths[base + a];
        vec->since_returns[base + a] = 0.0f;
        vec->since_lengths[base + a] = 0;
      }
    }
  }
  if (__builtin_expect(!(any | over | SHOAL_LIVE_CHANGES), 1)) {
    for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
      vec->starts[base + a] = 0;
      SHOAL_ENV_FN(look)(vec, e, a, i + a, io);
    }
    return 0;
  }
  return SHOAL_ENV_FN(finish)(vec, e, i, over, io);
}

static int32_t SHOAL_ENV_FN(block_step)(const ShoalVec *vec, int32_t first, int32_t count, const ShoalIo *io) {
  int32_t flagged = 0;
  for (int32_t e = 0; e < count; e++) {
    flagged += SHOAL_ENV_FN(step_one)(vec, first + e, (int64_t)e * SHOAL_AGENTS(vec), io);
  }
  return flagged;
}

#ifdef SHOAL_HAS_SCRIPTED
static void SHOAL_ENV_FN(block_scripted)(const ShoalVec *vec, int32_t first, int32_t count, float level,
                                         const ShoalIo *io) {
  for (int32_t e = 0; e < count; e++) {
    for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
      int64_t i = (int64_t)e * SHOAL_AGENTS(vec) + a, row = (int64_t)(first + e) * SHOAL_AGENTS(vec) + a;
      if (!vec->live[row]) { continue; }
      uint64_t number = (uint64_t)(vec->first_index * SHOAL_AGENTS(vec) + row);
      uint64_t rng = shoal_hash(vec->seed, SHOAL_TAG_SCRIPT, (uint64_t)io->clock, number);
      SHOAL_ENV_FN(scripted)(SHOAL_PARAMS_OF(vec), SHOAL_SHARED_OF(vec), SHOAL_STATE_OF(vec, first + e), a, level, rng,
                             io->discrete + i * vec->heads, io->continuous + i * vec->dims);
    }
  }
}
#endif

extern const ShoalEnv SHOAL_ENV_FN(descriptor);
const ShoalEnv SHOAL_ENV_FN(descriptor) = {
    .abi = SHOAL_ABI,
    .name = SHOAL_ENV_NAME,
    .params = SHOAL_ENV_FN(param_rows),
    .metrics = SHOAL_ENV_FN(metric_rows),
    .num_params = (int32_t)(sizeof SHOAL_ENV_FN(param_rows) / sizeof *SHOAL_ENV_FN(param_rows)) - 1,
    .num_metrics = (int32_t)(sizeof SHOAL_ENV_FN(metric_rows) / sizeof *SHOAL_ENV_FN(metric_rows)),
    .params_bytes = (int64_t)sizeof(SHOAL_ENV_TYPE(Params)),
    .spec = SHOAL_ENV_FN(block_spec),
    .block_reset = SHOAL_ENV_FN(block_reset),
    .block_step = SHOAL_ENV_FN(block_step),
    .block_observe = SHOAL_ENV_FN(block_observe),
#ifdef SHOAL_HAS_SHARED
    .has_shared = 1,
    .shared = SHOAL_ENV_FN(block_shared),
#endif
#ifdef SHOAL_HAS_SCRIPTED
    .has_scripted = 1,
    .block_scripted = SHOAL_ENV_FN(block_scripted),
#endif
#ifdef SHOAL_HAS_RESPAWN
    .has_respawn = 1,
#endif
#ifdef SHOAL_HAS_LIVE
    .has_live = 1,
#endif
};
