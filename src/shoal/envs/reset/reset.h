// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// reset: was a cue shown in this episode? The probe of the reset of recurrent memory.
//
// Observation  cue    flag, 1 in the first row of half of the episodes, else 0
//              asked  flag, 1 in half of all rows, whatever else happens: this answer counts
// Action       answer 0 no, 1 yes; without effect when not asked
// Reward       when asked: +1 right, -1 wrong; else 0
// Start        a fair coin decides on the cue
// Terminated   after any step, with probability 1/length: nothing announces it
// Version 1.
//
// An episode without a cue begins with a row like any other, so a memory that outlives its episode cannot tell an old
// cue from its own. A cue of t steps ago is its own with probability exp(-t / (2 length)), nearly; the best policy then
// answers 3/4 of the questions rightly, at any length, and gives up a true memory that is older than 1.4 lengths. So it
// fails even where an evaluation starts from a clean memory: `perf` takes the last question of an episode alone, the
// one with the longest way back to the cue, and 1/8 of these it gets wrong. A false yes that cost more would make that
// 1/4, but such a learner often settles on "no" before it remembers anything.
#include "shoal/env.h"

#define RESET_PARAMS(F, I, B, C) F(length, 8, 1, 200, "steps", VALUE, "mean length of an episode")
#define RESET_METRICS(M)                                                     \
  M(perf, "0..1: the last question was answered rightly, or there was none") \
  M(score, "questions answered rightly, minus those answered wrongly")
SHOAL_PARAMS_STRUCT(Reset, RESET_PARAMS)
SHOAL_METRICS_STRUCT(Reset, RESET_METRICS)

#define SHOAL_ENV_AGENTS 1
#define SHOAL_HAS_SCRIPTED

typedef struct {
  ShoalHead head;
  int32_t cue;           // the episode has one
  int32_t first;         // the next row is the episode's first
  int32_t asked;         // the next row asks
  int32_t answered;      // the last row asked and was answered, to be drawn: 1 no, 2 yes; else 0
  int32_t right, wrong;  // answers so far, to be drawn
} ResetState;

SHOAL_HOST const char *reset_spec(const ResetParams *params, ShoalSpec *out) {
  (void)params;
  out->version = 1;
  out->agents = 1;
  out->max_steps = 2000;  // ten times the largest mean length: practically never reached
  shoal_field(out, "cue", SHOAL_KIND_FLAG, SHOAL_U8, 1, 1, 1, 0, 0.0f, 1.0f, "the cue, in the first row if at all");
  shoal_field(out, "asked", SHOAL_KIND_FLAG, SHOAL_U8, 1, 1, 1, 0, 0.0f, 1.0f, "was there a cue in this episode?");
  shoal_discrete(out, "answer", 2, 0, "no|yes");
  return 0;
}

SHOAL_FN void reset_reset(const ResetParams *params, const void *shared, ResetState *state) {
  (void)params, (void)shared;
  state->cue = shoal_below(&state->head, 2);
  state->first = 1;
  state->asked = shoal_below(&state->head, 2);
}

SHOAL_FN void reset_step(const ResetParams *params, const void *shared, ResetState *state, const int32_t *discrete,
                         const float *continuous, const ShoalResult *result) {
  ResetMetrics *metrics = (ResetMetrics *)result->metrics;
  (void)shared, (void)continuous;
  int32_t right = discrete[0] == state->cue;
  if (state->first) { metrics->perf = 1.0f; }
  state->answered = state->asked ? 1 + discrete[0] : 0;
  if (state->asked) {
    state->right += right;
    state->wrong += !right;
    result->reward[0] = right ? 1.0f : -1.0f;
    metrics->perf = (float)right;
    metrics->score += result->reward[0];
  }
  state->first = 0;
  state->asked = shoal_below(&state->head, 2);
  if (shoal_uniform(&state->head, 0.0f, params->length) < 1.0f) { result->ended[0] = SHOAL_TERMINATED; }
}

SHOAL_FN void reset_observe(const ResetParams *params, const void *shared, const ResetState *state, int32_t agent,
                            void *row, uint8_t *mask) {
  uint8_t *out = (uint8_t *)row;
  __builtin_memset(out, 0, 4);  // with the padding
  (void)params, (void)shared, (void)agent, (void)mask;
  out[0] = (uint8_t)(state->first && state->cue);
  out[1] = (uint8_t)state->asked;
}

// Knows about the cue; below level 1 sometimes answers at random.
SHOAL_FN void reset_scripted(const ResetParams *params, const void *shared, const ResetState *state, int32_t agent,
                             float level, uint64_t rng, int32_t *discrete, float *continuous) {
  (void)params, (void)shared, (void)agent, (void)continuous;
  discrete[0] = shoal_uniform_of(rng) < level ? state->cue : (int32_t)(rng & 1);
}
