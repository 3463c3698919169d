// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// forever: reward 1 at every step of a life that is only ever cut off, never over. The probe of bootstrapping.
//
// Observation  level  1, give or take `noise`: nothing to see
// Action       idle   0 or 1, without effect
// Reward       1
// Start        nothing to draw
// Terminated   never
// Truncated    by the environment, after any step with probability 1/length
// Version 1.
//
// There is nothing to learn but the value, 1 / (1 - gamma) everywhere. Where a truncation is taken for an end it comes
// out as 1 / (1 - gamma (1 - 1/length)), where the value after a rollout of T steps is taken for 0 as
// 1 / (1 - gamma + gamma / T), nearly: 24 and 39 in place of 100, with gamma 0.99, T = 64 and the length 32.
#include "shoal/env.h"

#define FOREVER_PARAMS(F, I, B, C)                                       \
  F(length, 32, 1, 200, "steps", VALUE, "mean steps until a truncation") \
  F(noise, 0.01f, 0, 1, "", VALUE, "half-width of the noise on the observation")
#define FOREVER_METRICS(M)                                          \
  M(perf, "0..1: 1, as nothing can be lost; the test is the value") \
  M(score, "steps lived")
SHOAL_PARAMS_STRUCT(Forever, FOREVER_PARAMS)
SHOAL_METRICS_STRUCT(Forever, FOREVER_METRICS)

#define SHOAL_ENV_AGENTS 1

typedef struct {
  ShoalHead head;
  float level;     // what is observed
  int32_t unused;  // keeps the size a multiple of 8
} ForeverState;

SHOAL_HOST const char *forever_spec(const ForeverParams *params, ShoalSpec *out) {
  (void)params;
  out->version = 1;
  out->agents = 1;
  out->max_steps = 2000;  // ten times the largest mean length: practically never reached
  shoal_field(out, "level", SHOAL_KIND_VECTOR, SHOAL_F32, 1, 1, 1, 0, 0.0f, 2.0f, "1, give or take the noise");
  shoal_discrete(out, "idle", 2, 0, "this|that");
  return 0;
}

SHOAL_FN void forever_reset(const ForeverParams *params, const void *shared, ForeverState *state) {
  (void)shared;
  state->level = 1.0f + params->noise * shoal_uniform(&state->head, -1.0f, 1.0f);
}

SHOAL_FN void forever_step(const ForeverParams *params, const void *shared, ForeverState *state,
                           const int32_t *discrete, const float *continuous, const ShoalResult *result) {
  ForeverMetrics *metrics = (ForeverMetrics *)result->metrics;
  (void)shared, (void)discrete, (void)continuous;
  state->level = 1.0f + params->noise * shoal_uniform(&state->head, -1.0f, 1.0f);
  result->reward[0] = 1.0f;
  if (shoal_uniform(&state->head, 0.0f, params->length) < 1.0f) {
    result->ended[0] = SHOAL_TRUNCATED;
    *result->over = 1;
  }
  metrics->perf = 1.0f;
  metrics->score += 1.0f;
}

SHOAL_FN void forever_observe(const ForeverParams *params, const void *shared, const ForeverState *state, int32_t agent,
                              void *row, uint8_t *mask) {
  (void)params, (void)shared, (void)agent, (void)mask;
  *(float *)row = state->level;
}
