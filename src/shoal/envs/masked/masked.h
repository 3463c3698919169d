// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// masked: two actions of many are legal, and only the mask tells which. The probe of action masks.
//
// Observation  here   flag, always 1: nothing to see
// Action       door   0 .. doors - 1, masked. Legal are door 0, a trap, and one other, which moves every step
// Reward       +1 for the open door; -1 for the trap
// Start        a door other than 0, uniformly, is open
// Truncated    after 32 steps (vec.max_steps); never terminated
// Version 1.
//
// Under the mask there is one thing to learn: not door 0. Whoever ignores the mask finds the open door once in
// doors - 1 tries, because nothing shows where it is, and all other choices are cleaned into the first legal one, the
// trap. A mask that is applied one step too late or too early does no better.
#include "shoal/env.h"

#define MASKED_PARAMS(F, I, B, C) I(doors, 16, 3, 64, "", SIZE, "doors, of which two are legal")
#define MASKED_METRICS(M)                               \
  M(perf, "0..1: share of steps through the open door") \
  M(score, "steps through the open door")
SHOAL_PARAMS_STRUCT(Masked, MASKED_PARAMS)
SHOAL_METRICS_STRUCT(Masked, MASKED_METRICS)

#define SHOAL_ENV_AGENTS 1
#define SHOAL_HAS_SCRIPTED

typedef struct {
  ShoalHead head;
  int32_t open;     // 1 .. doors - 1
  int32_t chosen;   // the last action, to be drawn
  int32_t through;  // steps through the open door, to be drawn
  int32_t unused;   // keeps the size a multiple of 8
} MaskedState;

SHOAL_HOST const char *masked_spec(const MaskedParams *params, ShoalSpec *out) {
  out->version = 1;
  out->agents = 1;
  out->max_steps = 32;
  shoal_field(out, "here", SHOAL_KIND_FLAG, SHOAL_U8, 1, 1, 1, 0, 0.0f, 1.0f, "always 1");
  shoal_discrete(out, "door", params->doors, 1, "");
  return 0;
}

SHOAL_FN void masked_reset(const MaskedParams *params, const void *shared, MaskedState *state) {
  (void)shared;
  state->open = 1 + shoal_below(&state->head, params->doors - 1);
}

SHOAL_FN void masked_step(const MaskedParams *params, const void *shared, MaskedState *state, const int32_t *discrete,
                          const float *continuous, const ShoalResult *result) {
  MaskedMetrics *metrics = (MaskedMetrics *)result->metrics;
  (void)shared, (void)continuous;
  int32_t through = discrete[0] == state->open;
  state->open = 1 + shoal_below(&state->head, params->doors - 1);
  state->chosen = discrete[0];
  state->through += through;
  result->reward[0] = through ? 1.0f : -1.0f;
  metrics->score += (float)through;
  metrics->perf = metrics->score / (float)state->head.tick;
}

SHOAL_FN void masked_observe(const MaskedParams *params, const void *shared, const MaskedState *state, int32_t agent,
                             void *row, uint8_t *mask) {
  (void)shared, (void)agent;
  uint8_t *out = (uint8_t *)row;
  __builtin_memset(out, 0, 4);  // with the padding
  out[0] = 1;
  for (int32_t door = 0; door < params->doors; door++) { mask[door] = (uint8_t)(door == 0 || door == state->open); }
}

// Takes the open door; below level 1 sometimes the trap.
SHOAL_FN void masked_scripted(const MaskedParams *params, const void *shared, const MaskedState *state, int32_t agent,
                              float level, uint64_t rng, int32_t *discrete, float *continuous) {
  (void)params, (void)shared, (void)agent, (void)continuous;
  discrete[0] = shoal_uniform_of(rng) < level ? state->open : 0;
}
