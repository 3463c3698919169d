// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// template: walk through a room of walls and eat the apples in it.
//
// Observation  cells  the room, 8 x 8 categories: 0 floor, 1 wall, 2 apple, 3 the agent
// Action       move   0 up, 1 right, 2 down, 3 left; a wall is not entered
// Reward       +1 for each apple
// Start        walls around the room and `walls` more inside it, agent and apples on different free cells
// Terminated   when the last apple is eaten
// Version 1.
#include "shoal/env.h"

#define TEMPLATE_PARAMS(F, I, B, C)                           \
  I(walls, 4, 0, 12, "cells", VALUE, "walls inside the room") \
  I(apples, 5, 1, 12, "", VALUE, "apples in the room")
#define TEMPLATE_METRICS(M)                  \
  M(perf, "0..1: share of the apples eaten") \
  M(score, "apples eaten")
SHOAL_PARAMS_STRUCT(Template, TEMPLATE_PARAMS)
SHOAL_METRICS_STRUCT(Template, TEMPLATE_METRICS)

#define SHOAL_ENV_AGENTS 1

#define TEMPLATE_SIDE 8  // cells, walls around the room included
#define TEMPLATE_CELLS (TEMPLATE_SIDE * TEMPLATE_SIDE)

enum { TEMPLATE_FLOOR = 0, TEMPLATE_WALL, TEMPLATE_APPLE, TEMPLATE_AGENT, TEMPLATE_CATEGORIES };

typedef struct {
  ShoalHead head;
  int32_t agent;                  // index of its cell: row * TEMPLATE_SIDE + column
  int32_t left;                   // apples not eaten yet
  uint8_t cells[TEMPLATE_CELLS];  // floor, wall or apple
} TemplateState;

// What a move adds to the index of the agent's cell.
SHOAL_TABLE int32_t template_moves[4] = {-TEMPLATE_SIDE, 1, TEMPLATE_SIDE, -1};

SHOAL_HOST const char *template_spec(const TemplateParams *params, ShoalSpec *out) {
  (void)params;
  out->version = 1;
  out->agents = 1;
  out->max_steps = 100;
  shoal_field(out, "cells", SHOAL_KIND_GRID, SHOAL_U8, TEMPLATE_SIDE, TEMPLATE_SIDE, 1, TEMPLATE_CATEGORIES, 0.0f,
              TEMPLATE_CATEGORIES - 1, "floor, wall, apple, agent");
  shoal_discrete(out, "move", 4, 0, "up|right|down|left");
  return 0;
}

// A random cell of floor; the room is never full, so a few draws find one.
SHOAL_FN int32_t template_free_cell(TemplateState *state) {
  int32_t cell = 0;
  do { cell = shoal_below(&state->head, TEMPLATE_CELLS); } while (state->cells[cell] != TEMPLATE_FLOOR);
  return cell;
}

SHOAL_FN void template_reset(const TemplateParams *params, const void *shared, TemplateState *state) {
  (void)shared;
  for (int32_t i = 0; i < TEMPLATE_SIDE; i++) {
    state->cells[i] = state->cells[TEMPLATE_CELLS - 1 - i] = TEMPLATE_WALL;                       // top and bottom
    state->cells[i * TEMPLATE_SIDE] = state->cells[(i + 1) * TEMPLATE_SIDE - 1] = TEMPLATE_WALL;  // left and right
  }
  // A wall is only put where all eight neighbours are free: no cell can be cut off from the others.
  for (int32_t i = 0; i < params->walls; i++) {
    int32_t cell = template_free_cell(state), neighbours = 0;
    for (int32_t row = -TEMPLATE_SIDE; row <= TEMPLATE_SIDE; row += TEMPLATE_SIDE) {
      for (int32_t column = -1; column <= 1; column++) {
        neighbours += state->cells[cell + row + column] == TEMPLATE_WALL;
      }
    }
    if (neighbours == 0) { state->cells[cell] = TEMPLATE_WALL; }
  }
  for (int32_t i = 0; i < params->apples; i++) { state->cells[template_free_cell(state)] = TEMPLATE_APPLE; }
  state->left = params->apples;
  state->agent = template_free_cell(state);
}

SHOAL_FN void template_step(const TemplateParams *params, const void *shared, TemplateState *state,
                            const int32_t *discrete, const float *continuous, const ShoalResult *result) {
  TemplateMetrics *metrics = (TemplateMetrics *)result->metrics;
  (void)shared;
  (void)continuous;
  int32_t cell = state->agent + template_moves[discrete[0]];
  state->agent = state->cells[cell] == TEMPLATE_WALL ? state->agent : cell;

  int32_t eaten = state->cells[state->agent] == TEMPLATE_APPLE;
  state->cells[state->agent] = TEMPLATE_FLOOR;
  state->left -= eaten;
  result->reward[0] = (float)eaten;
  result->ended[0] = state->left == 0 ? SHOAL_TERMINATED : 0;
  metrics->score += (float)eaten;
  metrics->perf = metrics->score / (float)params->apples;
}

SHOAL_FN void template_observe(const TemplateParams *params, const void *shared, const TemplateState *state,
                               int32_t agent, void *row, uint8_t *mask) {
  uint8_t *out = (uint8_t *)row;
  (void)params;
  (void)shared;
  (void)agent;
  (void)mask;
  for (int32_t i = 0; i < TEMPLATE_CELLS; i++) { out[i] = state->cells[i]; }
  out[state->agent] = TEMPLATE_AGENT;
}
