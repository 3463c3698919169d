// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// recall: a bit is shown at the first step and asked for `delay` steps later. The probe of memory.
//
// Observation  bit    two flags, (not b, b) in the first row of an episode, both 0 afterwards
//              asked  flag, 1 in the last row: this answer counts
// Action       answer 0 or 1; without effect until it is asked for
// Reward       +1 for the bit, -1 for the other, when asked; else 0
// Start        a fair bit
// Terminated   by the answer, at step delay + 1
// Version 1.
//
// Nothing in the last row depends on the bit, so a policy without memory is right half of the time. The reward
// follows at once from the answer: there is no delayed credit to assign, only something to remember.
#include "shoal/env.h"

#define RECALL_PARAMS(F, I, B, C) I(delay, 4, 1, 1000, "steps", SIZE, "steps between the bit and the question")
#define RECALL_METRICS(M)               \
  M(perf, "0..1: the bit was recalled") \
  M(score, "episodes in which it was recalled")
SHOAL_PARAMS_STRUCT(Recall, RECALL_PARAMS)
SHOAL_METRICS_STRUCT(Recall, RECALL_METRICS)

#define SHOAL_ENV_AGENTS 1
#define SHOAL_HAS_SCRIPTED

typedef struct {
  ShoalHead head;
  int32_t bit;
  int32_t left;    // steps until the question: 0 when it is asked, -1 once it was answered
  int32_t answer;  // the last action, to be drawn
  int32_t unused;  // keeps the size a multiple of 8
} RecallState;

SHOAL_HOST const char *recall_spec(const RecallParams *params, ShoalSpec *out) {
  out->version = 1;
  out->agents = 1;
  out->max_steps = params->delay + 1;
  shoal_field(out, "bit", SHOAL_KIND_FLAG, SHOAL_U8, 1, 2, 1, 0, 0.0f, 1.0f, "the bit as one of two, in the first row");
  shoal_field(out, "asked", SHOAL_KIND_FLAG, SHOAL_U8, 1, 1, 1, 0, 0.0f, 1.0f, "the bit is asked for");
  shoal_discrete(out, "answer", 2, 0, "0|1");
  return 0;
}

SHOAL_FN void recall_reset(const RecallParams *params, const void *shared, RecallState *state) {
  (void)shared;
  state->bit = shoal_below(&state->head, 2);
  state->left = params->delay;
}

SHOAL_FN void recall_step(const RecallParams *params, const void *shared, RecallState *state, const int32_t *discrete,
                          const float *continuous, const ShoalResult *result) {
  RecallMetrics *metrics = (RecallMetrics *)result->metrics;
  (void)params, (void)shared, (void)continuous;
  state->answer = discrete[0];
  if (state->left-- > 0) { return; }
  int32_t right = discrete[0] == state->bit;
  result->reward[0] = right ? 1.0f : -1.0f;
  result->ended[0] = SHOAL_TERMINATED;
  metrics->perf = (float)right;
  metrics->score = (float)right;
}

SHOAL_FN void recall_observe(const RecallParams *params, const void *shared, const RecallState *state, int32_t agent,
                             void *row, uint8_t *mask) {
  uint8_t *out = (uint8_t *)row;
  __builtin_memset(out, 0, 4);  // with the padding
  int32_t first = state->left == params->delay;
  (void)shared, (void)agent, (void)mask;
  out[0] = (uint8_t)(first && !state->bit);
  out[1] = (uint8_t)(first && state->bit);
  out[2] = (uint8_t)(state->left == 0);
}

// Knows the bit; below level 1 sometimes answers at random.
SHOAL_FN void recall_scripted(const RecallParams *params, const void *shared, const RecallState *state, int32_t agent,
                              float level, uint64_t rng, int32_t *discrete, float *continuous) {
  (void)params, (void)shared, (void)agent, (void)continuous;
  discrete[0] = shoal_uniform_of(rng) < level ? state->bit : (int32_t)(rng & 1);
}
