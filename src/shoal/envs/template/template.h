// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// template: walk along a line to a goal.
//
// Observation  position  where the agent stands, in lengths of the line, -1..1
//              goal      how far the goal is to the right of it, in lengths of the line, -2..2
// Action       move      0 stay, 1 left, 2 right: one cell
// Reward       +1 on the goal, -0.01 on every other step
// Start        agent and goal on two different cells, uniformly
// Terminated   on the goal
// Version 1.
#include "shoal/env.h"

#define TEMPLATE_PARAMS(F, I, B, C)                                          \
  I(length, 10, 1, 1000, "cells", VALUE, "cells on each side of the middle") \
  F(step_cost, 0.01f, 0, 1, "", VALUE, "reward lost in every step")
#define TEMPLATE_METRICS(M)             \
  M(perf, "0..1: the goal was reached") \
  M(score, "episodes that reached the goal")
SHOAL_PARAMS_STRUCT(Template, TEMPLATE_PARAMS)
SHOAL_METRICS_STRUCT(Template, TEMPLATE_METRICS)

#define SHOAL_ENV_AGENTS 1
#define SHOAL_HAS_SCRIPTED

typedef struct {
  ShoalHead head;
  int32_t position;  // cells, -length .. length
  int32_t goal;      // cells, never the starting position
} TemplateState;

SHOAL_HOST const char *template_spec(const TemplateParams *params, ShoalSpec *out) {
  (void)params;
  out->version = 1;
  out->agents = 1;
  out->max_steps = 100;
  shoal_field(out, "position", SHOAL_KIND_VECTOR, SHOAL_F32, 1, 1, 1, 0, -1.0f, 1.0f, "where the agent stands");
  shoal_field(out, "goal", SHOAL_KIND_VECTOR, SHOAL_F32, 1, 1, 1, 0, -2.0f, 2.0f, "the goal, relative to the agent");
  shoal_discrete(out, "move", 3, 0, "stay|left|right");
  return 0;
}

SHOAL_FN void template_reset(const TemplateParams *params, const void *shared, TemplateState *state) {
  int32_t cells = 2 * params->length + 1;
  (void)shared;
  state->position = shoal_below(&state->head, cells) - params->length;
  state->goal = shoal_below(&state->head, cells - 1) - params->length;
  state->goal += state->goal >= state->position;  // any cell but the agent's
}

SHOAL_FN void template_step(const TemplateParams *params, const void *shared, TemplateState *state,
                            const int32_t *discrete, const float *continuous, const ShoalResult *result) {
  TemplateMetrics *metrics = (TemplateMetrics *)result->metrics;
  (void)shared;
  (void)continuous;
  int32_t move = (discrete[0] == 2) - (discrete[0] == 1);
  state->position = shoal_clampi(state->position + move, -params->length, params->length);
  int32_t reached = state->position == state->goal;
  result->reward[0] = reached ? 1.0f : -params->step_cost;
  result->ended[0] = reached ? SHOAL_TERMINATED : 0;
  metrics->perf = (float)reached;
  metrics->score = (float)reached;
}

SHOAL_FN void template_observe(const TemplateParams *params, const void *shared, const TemplateState *state,
                               int32_t agent, void *row, uint8_t *mask) {
  float *out = (float *)row;
  (void)shared;
  (void)agent;
  (void)mask;
  out[0] = (float)state->position / (float)params->length;
  out[1] = (float)(state->goal - state->position) / (float)params->length;
}

// Walk towards the goal; below level 1 sometimes at random.
SHOAL_FN void template_scripted(const TemplateParams *params, const void *shared, const TemplateState *state,
                                int32_t agent, float level, uint64_t rng, int32_t *discrete, float *continuous) {
  (void)params;
  (void)shared;
  (void)agent;
  (void)continuous;
  discrete[0] = state->goal < state->position ? 1 : 2;
  if (shoal_uniform_of(rng) >= level) { discrete[0] = (int32_t)(shoal_mix(rng) % 3); }
}
