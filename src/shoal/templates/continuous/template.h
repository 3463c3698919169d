// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// template: push a cart along a track until it rests at a mark.
//
// Observation  position  of the cart, in half lengths of the track, -1..1
//              speed     of the cart, in top speeds, -1..1
//              mark      how far the mark is to the right of the cart, in half lengths of the track, -2..2
// Action       push      -1..1: share of the motor's force, to the left or to the right
// Reward       -0.01 times the distance in every step, +1 at rest at the mark
// Start        cart at rest and mark anywhere on the track, uniformly
// Terminated   at rest at the mark: nearer than 0.1 m and slower than 0.1 m/s
// Version 1.
#include "shoal/env.h"

#define TEMPLATE_PARAMS(F, I, B, C)                                                      \
  F(half_length, 2.0f, 0.5f, 100, "m", VALUE, "from the middle of the track to its end") \
  F(force, 4.0f, 0.1f, 100, "m/s2", VALUE, "acceleration at full push")                  \
  F(drag, 1.0f, 0, 10, "1/s", VALUE, "share of the speed that is lost in a second")
#define TEMPLATE_METRICS(M)                          \
  M(perf, "0..1: the cart came to rest at the mark") \
  M(score, "1 at rest at the mark, less the seconds it took / 10")
SHOAL_PARAMS_STRUCT(Template, TEMPLATE_PARAMS)
SHOAL_METRICS_STRUCT(Template, TEMPLATE_METRICS)

#define SHOAL_ENV_AGENTS 1

#define TEMPLATE_DT 0.05f         // seconds of a step
#define TEMPLATE_TOP_SPEED 10.0f  // m/s, beyond which `speed` would leave its bounds

typedef struct {
  ShoalHead head;
  float position;  // m, from the middle of the track
  float speed;     // m/s
  float mark;      // m
  int32_t unused;  // State is a whole number of 8 bytes, without gaps
} TemplateState;

SHOAL_HOST const char *template_spec(const TemplateParams *params, ShoalSpec *out) {
  (void)params;
  out->version = 1;
  out->agents = 1;
  out->max_steps = 200;
  shoal_field(out, "position", SHOAL_KIND_VECTOR, SHOAL_F32, 1, 1, 1, 0, -1.0f, 1.0f, "of the cart");
  shoal_field(out, "speed", SHOAL_KIND_VECTOR, SHOAL_F32, 1, 1, 1, 0, -1.0f, 1.0f, "of the cart");
  shoal_field(out, "mark", SHOAL_KIND_VECTOR, SHOAL_F32, 1, 1, 1, 0, -2.0f, 2.0f, "the mark, relative to the cart");
  shoal_continuous(out, "push", -1.0f, 1.0f);
  return 0;
}

SHOAL_FN void template_reset(const TemplateParams *params, const void *shared, TemplateState *state) {
  (void)shared;
  state->position = shoal_uniform(&state->head, -params->half_length, params->half_length);
  state->mark = shoal_uniform(&state->head, -params->half_length, params->half_length);
}

SHOAL_FN void template_step(const TemplateParams *params, const void *shared, TemplateState *state,
                            const int32_t *discrete, const float *continuous, const ShoalResult *result) {
  TemplateMetrics *metrics = (TemplateMetrics *)result->metrics;
  (void)shared;
  (void)discrete;

  // Dynamics: force and drag change the speed, the speed changes the position, and the ends of the track are soft.
  float speed = state->speed + TEMPLATE_DT * (params->force * continuous[0] - params->drag * state->speed);
  speed = shoal_clamp(speed, -TEMPLATE_TOP_SPEED, TEMPLATE_TOP_SPEED);
  float position = state->position + TEMPLATE_DT * speed;
  int32_t outside = shoal_abs(position) > params->half_length;
  state->position = shoal_clamp(position, -params->half_length, params->half_length);
  state->speed = outside ? 0.0f : speed;

  // Reward, flag, metrics.
  float distance = shoal_abs(state->mark - state->position);
  int32_t rests = distance < 0.1f && shoal_abs(state->speed) < 0.1f;
  result->reward[0] = rests ? 1.0f : -0.01f * distance;
  result->ended[0] = rests ? SHOAL_TERMINATED : 0;
  metrics->perf = (float)rests;
  metrics->score = rests ? 1.0f - 0.1f * TEMPLATE_DT * (float)state->head.tick : 0.0f;
}

SHOAL_FN void template_observe(const TemplateParams *params, const void *shared, const TemplateState *state,
                               int32_t agent, void *row, uint8_t *mask) {
  float *out = (float *)row;
  (void)shared;
  (void)agent;
  (void)mask;
  out[0] = state->position / params->half_length;
  out[1] = state->speed / TEMPLATE_TOP_SPEED;
  out[2] = (state->mark - state->position) / params->half_length;
}
