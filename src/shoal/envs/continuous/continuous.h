// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// continuous: stop just short of the wall. The probe of continuous actions near their bounds.
//
// Observation  here   flag, always 1: nothing to see
// Action       place  in [-1, 1]; the wall is at 1
// Reward       +1 in the gap before the wall, [1 - gap, 1); else 0, at the wall too
// Start        nothing to draw
// Truncated    after 256 steps (vec.max_steps); never terminated
// Version 1.
//
// The gap is much narrower than the policy's Gaussian, and the best that its mean can do is to stand in the gap, where
// it ends at the wall as often as short of the gap, however wide it is. The gradient of the mean is the covariance of
// reward and sample. With the raw samples it vanishes in the gap. With the samples clipped to the wall it vanishes
// where the mean of the *clipped* samples is in the gap, and that takes a Gaussian which is nearly all beyond the wall.
// (A task whose reward only rises towards the bound does not tell the two apart: both go there.)
#include "shoal/env.h"

#define CONTINUOUS_PARAMS(F, I, B, C) F(gap, 0.02f, 0.001f, 1, "", VALUE, "width of the gap before the wall")
#define CONTINUOUS_METRICS(M)                                                         \
  M(perf, "0..1: 1 - |share of steps at the wall - share of steps short of the gap|") \
  M(score, "steps in the gap")
SHOAL_PARAMS_STRUCT(Continuous, CONTINUOUS_PARAMS)
SHOAL_METRICS_STRUCT(Continuous, CONTINUOUS_METRICS)

#define SHOAL_ENV_AGENTS 1
#define SHOAL_HAS_SCRIPTED

typedef struct {
  ShoalHead head;
  int32_t balance;  // steps at the wall minus steps short of the gap
  float place;      // the last action, to be drawn
} ContinuousState;

SHOAL_HOST const char *continuous_spec(const ContinuousParams *params, ShoalSpec *out) {
  (void)params;
  out->version = 1;
  out->agents = 1;
  out->max_steps = 256;
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
  int32_t wall = continuous[0] >= 1.0f, shy = continuous[0] < 1.0f - params->gap;
  state->balance += wall - shy;
  state->place = continuous[0];
  result->reward[0] = wall || shy ? 0.0f : 1.0f;
  metrics->perf = 1.0f - shoal_abs((float)state->balance) / (float)state->head.tick;
  metrics->score += result->reward[0];
}

SHOAL_FN void continuous_observe(const ContinuousParams *params, const void *shared, const ContinuousState *state,
                                 int32_t agent, void *row, uint8_t *mask) {
  (void)params, (void)shared, (void)state, (void)agent, (void)mask;
  uint8_t *out = (uint8_t *)row;
  __builtin_memset(out, 0, 4);  // with the padding
  out[0] = 1;
}

// Stands in the gap; below level 1 sometimes in the middle.
SHOAL_FN void continuous_scripted(const ContinuousParams *params, const void *shared, const ContinuousState *state,
                                  int32_t agent, float level, uint64_t rng, int32_t *discrete, float *continuous) {
  (void)shared, (void)state, (void)agent, (void)discrete;
  continuous[0] = shoal_uniform_of(rng) < level ? 1.0f - 0.5f * params->gap : 0.0f;
}
