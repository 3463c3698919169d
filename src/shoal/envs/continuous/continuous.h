// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// continuous: from an island, across a moat, to the wall. The probe of continuous actions at their bounds.
//
// Observation  here   flag, always 1: nothing to see
// Action       place  in [-1, 1]
// Reward       +1 at the wall (place = 1) or on the island [shore, 1 - moat), -1 in the water
// Start        nothing to draw
// Truncated    after 32 steps (vec.max_steps); never terminated
// Version 1.
//
// The policy is a wide Gaussian whose width hardly changes in so short a training. To stay dry it has to move its mean
// far beyond the wall, where every sample is clipped to it. From the island, which holds the mean at first, the return
// rises all the way; but only the raw samples show it: a sample beyond the wall says "much further". Clipped to the
// wall, the same samples weigh no more than the drowned ones beside them, and the mean stays on the island, whose
// middle is too narrow for the Gaussian: about one sample in ten at the wall.
#include "shoal/env.h"

#define CONTINUOUS_PARAMS(F, I, B, C)                                  \
  F(moat, 0.4f, 0, 1, "", VALUE, "width of the water before the wall") \
  F(shore, -0.3f, -1, 1, "", VALUE, "left end of the island")
#define CONTINUOUS_METRICS(M)                 \
  M(perf, "0..1: share of steps at the wall") \
  M(score, "steps at the wall")
SHOAL_PARAMS_STRUCT(Continuous, CONTINUOUS_PARAMS)
SHOAL_METRICS_STRUCT(Continuous, CONTINUOUS_METRICS)

#define SHOAL_ENV_AGENTS 1
#define SHOAL_HAS_SCRIPTED

typedef struct {
  ShoalHead head;
} ContinuousState;

SHOAL_HOST const char *continuous_spec(const ContinuousParams *params, ShoalSpec *out) {
  (void)params;
  out->version = 1;
  out->agents = 1;
  out->max_steps = 32;
  shoal_field(out, "here", SHOAL_KIND_FLAG, SHOAL_U8, 1, 1, 1, 0, 0.0f, 1.0f, "always 1");
  shoal_continuous(out, "place", -1.0f, 1.0f);
  return 0;
}

SHOAL_FN void continuous_reset(const ContinuousParams *params, const void *shared, ContinuousState *state) {
  (void)params, (void)shared, (void)state;
}

SHOAL_FN void continuous_step(const ContinuousParams *params, const void *shared, ContinuousState *state,
                              const int32_t *discrete, const float *continuous, const ShoalResult *result) {
  ContinuousMetrics *metrics = (ContinuousMetrics *)result->metrics;
  (void)shared, (void)discrete;
  int32_t wall = continuous[0] >= 1.0f;
  int32_t island = continuous[0] >= params->shore && continuous[0] < 1.0f - params->moat;
  result->reward[0] = wall || island ? 1.0f : -1.0f;
  metrics->score += (float)wall;
  metrics->perf = metrics->score / (float)state->head.tick;
}

SHOAL_FN void continuous_observe(const ContinuousParams *params, const void *shared, const ContinuousState *state,
                                 int32_t agent, void *row, uint8_t *mask) {
  (void)params, (void)shared, (void)state, (void)agent, (void)mask;
  uint8_t *out = (uint8_t *)row;
  __builtin_memset(out, 0, 4);  // with the padding
  out[0] = 1;
}

// Stays at the wall; below level 1 sometimes in the middle.
SHOAL_FN void continuous_scripted(const ContinuousParams *params, const void *shared, const ContinuousState *state,
                                  int32_t agent, float level, uint64_t rng, int32_t *discrete, float *continuous) {
  (void)params, (void)shared, (void)state, (void)agent, (void)discrete;
  continuous[0] = shoal_uniform_of(rng) < level ? 1.0f : 0.0f;
}
