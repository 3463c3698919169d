// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// template: many walkers on one field, each on its way to a goal of its own, none to run into another.
//
// Observation  goal   where the agent's goal lies from it, columns and rows, in sides of the field, -1..1
//              other  where the nearest other agent stands from it, likewise
// Action       move   0 stay, 1 left, 2 right, 3 up, 4 down; the edge of the field is not left
// Reward       +1 on the goal, -1 for two agents on one cell, -0.01 in every other step
// Start        agents and goals on random cells, no two agents on the same
// Terminated   one agent: on its goal, or on a cell with another. It then stands on a new cell, with a new goal
// Version 1.
#include "shoal/env.h"

#define TEMPLATE_MOST 64  // agents that a world has room for
#define TEMPLATE_SIDE 12  // cells

#define TEMPLATE_PARAMS(F, I, B, C) I(agents, 8, 2, TEMPLATE_MOST, "", SIZE, "walkers in a world")
#define TEMPLATE_METRICS(M)             \
  M(perf, "0..1: the goal was reached") \
  M(score, "1 for the goal, -1 for running into another")
SHOAL_PARAMS_STRUCT(Template, TEMPLATE_PARAMS)
SHOAL_METRICS_STRUCT(Template, TEMPLATE_METRICS)

#define SHOAL_HAS_RESPAWN

typedef struct {
  ShoalHead head;
  // cells, 0 .. TEMPLATE_SIDE - 1
  int32_t x[TEMPLATE_MOST], y[TEMPLATE_MOST];
  int32_t goal_x[TEMPLATE_MOST], goal_y[TEMPLATE_MOST];
} TemplateState;

SHOAL_HOST const char *template_spec(const TemplateParams *params, ShoalSpec *out) {
  out->version = 1;
  out->agents = params->agents;  // all of one team: team_of is zero on entry
  out->max_steps = 200;
  shoal_field(out, "goal", SHOAL_KIND_VECTOR, SHOAL_F32, 2, 1, 1, 0, -1.0f, 1.0f, "the agent's goal, from it");
  shoal_field(out, "other", SHOAL_KIND_VECTOR, SHOAL_F32, 2, 1, 1, 0, -1.0f, 1.0f, "the nearest other agent, from it");
  shoal_discrete(out, "move", 5, 0, "stay|left|right|up|down");
  return 0;
}

// Put agent `i` on a cell where none of the agents before `count` stands, and its goal on another cell.
SHOAL_FN void template_place(TemplateState *state, int32_t i, int32_t count) {
  int32_t taken = 1;
  while (taken) {
    state->x[i] = shoal_below(&state->head, TEMPLATE_SIDE);
    state->y[i] = shoal_below(&state->head, TEMPLATE_SIDE);
    taken = 0;
    for (int32_t j = 0; j < count; j++) { taken |= j != i && state->x[j] == state->x[i] && state->y[j] == state->y[i]; }
  }
  do {
    state->goal_x[i] = shoal_below(&state->head, TEMPLATE_SIDE);
    state->goal_y[i] = shoal_below(&state->head, TEMPLATE_SIDE);
  } while (state->goal_x[i] == state->x[i] && state->goal_y[i] == state->y[i]);
}

SHOAL_FN void template_reset(const TemplateParams *params, const void *shared, TemplateState *state) {
  (void)shared;
  for (int32_t i = 0; i < params->size.agents; i++) { template_place(state, i, i); }
}

SHOAL_FN void template_step(const TemplateParams *params, const void *shared, TemplateState *state,
                            const int32_t *discrete, const float *continuous, const ShoalResult *result) {
  TemplateMetrics *metrics = (TemplateMetrics *)result->metrics;
  int32_t agents = params->size.agents;
  (void)shared;
  (void)continuous;

  // All move at once. A loop over agents that writes only its own element and reads nothing that it writes.
  SHOAL_EACH(i, agents) {
    int32_t move = discrete[i];
    state->x[i] = shoal_clampi(state->x[i] + (move == 2) - (move == 1), 0, TEMPLATE_SIDE - 1);
    state->y[i] = shoal_clampi(state->y[i] + (move == 4) - (move == 3), 0, TEMPLATE_SIDE - 1);
  }
  SHOAL_EACH(i, agents) {
    int32_t met = 0, there = state->x[i] == state->goal_x[i] && state->y[i] == state->goal_y[i];
    for (int32_t j = 0; j < agents; j++) { met |= j != i && state->x[j] == state->x[i] && state->y[j] == state->y[i]; }
    result->reward[i] = met ? -1.0f : there ? 1.0f : -0.01f;
    result->ended[i] = met || there ? SHOAL_TERMINATED : 0;
    metrics[i].perf = (float)(there && !met);
    metrics[i].score = (float)((there && !met) - met);
  }
}

// The engine calls this for an agent that ended while its world goes on.
SHOAL_FN void template_respawn(const TemplateParams *params, const void *shared, TemplateState *state, int32_t agent) {
  (void)shared;
  template_place(state, agent, params->size.agents);
}

SHOAL_FN void template_observe(const TemplateParams *params, const void *shared, const TemplateState *state,
                               int32_t agent, void *row, uint8_t *mask) {
  float *out = (float *)row;
  int32_t nearest = 2 * TEMPLATE_SIDE * TEMPLATE_SIDE;  // farther, squared, than any two cells are apart
  const float scale = 1.0f / TEMPLATE_SIDE;
  (void)shared;
  (void)mask;
  out[0] = (float)(state->goal_x[agent] - state->x[agent]) * scale;
  out[1] = (float)(state->goal_y[agent] - state->y[agent]) * scale;
  out[2] = out[3] = 1.0f;
  for (int32_t i = 0; i < params->size.agents; i++) {
    int32_t dx = state->x[i] - state->x[agent], dy = state->y[i] - state->y[agent], far = dx * dx + dy * dy;
    if (i == agent || far >= nearest) { continue; }
    nearest = far;
    out[2] = (float)dx * scale;
    out[3] = (float)dy * scale;
  }
}
