// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// squared: walk to the one marked cell of a small board before time runs out.
//
// Rules of PufferLib's `squared`; nothing differs.
//
//   observation   field "board", 11 x 11 u8 of 3 categories, row by row: 0 empty, 1 agent, 2 target; an agent that
//                 left the board, or stands on the target, is not drawn
//                 field "time_left", 1 x f32 in [0, 1], with `observe_time`: share of the deadline that remains
//   action        0 stay, 1 down, 2 up, 3 left, 4 right; row 0 is the top
//   reward        +1 on the target; -1 outside the board or when the deadline comes; else 0
//   start         the agent in the middle, the target uniform over the 120 other cells
//   terminated    on the target, outside, or on the 34th step, which is -1 wherever the agent stands then
//
// Version history: 1 first.
#ifndef SHOAL_SQUARED_H
#define SHOAL_SQUARED_H

#include "shoal/env.h"

#define SQUARED_VERSION 1
#define SQUARED_SIDE 11
#define SQUARED_CELLS 121
#define SQUARED_MIDDLE 5       // row and column of the start
#define SQUARED_ROW_BYTES 124  // the board, up to the row's multiple of 4; "time_left" follows

enum { SQUARED_EMPTY = 0, SQUARED_AGENT = 1, SQUARED_TARGET = 2 };
enum { SQUARED_STAY = 0, SQUARED_DOWN = 1, SQUARED_UP = 2, SQUARED_LEFT = 3, SQUARED_RIGHT = 4 };

#define SQUARED_PARAMS(F, I, B, C)                                                      \
  B(observe_time, 0, SIZE, "add the share of the time that is left to the observation") \
  I(deadline, 34, 2, 10000, "steps", SIZE, "the step on which the episode is lost")

#define SQUARED_METRICS(M)                                 \
  M(perf, "0..1: share of episodes that reach the target") \
  M(score, "1 reached the target, -1 left the board or came too late")

SHOAL_PARAMS_STRUCT(Squared, SQUARED_PARAMS)
SHOAL_METRICS_STRUCT(Squared, SQUARED_METRICS)
#define SHOAL_ENV_AGENTS 1
#define SHOAL_HAS_SCRIPTED

// The deadline is the task's own (terminated); the engine's limit only has to be no shorter.
SHOAL_HOST const char *squared_spec(const SquaredParams *params, ShoalSpec *out) {
  out->version = SQUARED_VERSION;
  out->agents = 1;
  out->max_steps = params->deadline;
  shoal_field(out, "board", SHOAL_KIND_GRID, SHOAL_U8, SQUARED_SIDE, SQUARED_SIDE, 1, 3, 0, 2,
              "0 empty, 1 agent, 2 target");
  if (params->observe_time) {
    shoal_field(out, "time_left", SHOAL_KIND_VECTOR, SHOAL_F32, 1, 1, 1, 0, 0, 1, "1 - steps / deadline");
  }
  shoal_discrete(out, "move", 5, 0, "stay|down|up|left|right");
  return 0;
}

typedef struct {
  ShoalHead head;
  int16_t row, column;  // of the agent; -1 or 11 when it left the board
  int16_t target_row, target_column;
} SquaredState;

SHOAL_FN void squared_reset(const SquaredParams *params, const void *shared, SquaredState *state) {
  (void)params, (void)shared;
  int32_t middle = SQUARED_MIDDLE * SQUARED_SIDE + SQUARED_MIDDLE;
  int32_t cell = shoal_below(&state->head, SQUARED_CELLS - 1);
  cell += cell >= middle;
  state->row = SQUARED_MIDDLE;
  state->column = SQUARED_MIDDLE;
  state->target_row = (int16_t)(cell / SQUARED_SIDE);
  state->target_column = (int16_t)(cell % SQUARED_SIDE);
}

SHOAL_FN void squared_step(const SquaredParams *params, const void *shared, SquaredState *state,
                           const int32_t *discrete, const float *continuous, const ShoalResult *result) {
  (void)shared, (void)continuous;
  int32_t move = discrete[0];
  int32_t row = state->row + (move == SQUARED_DOWN) - (move == SQUARED_UP);
  int32_t column = state->column + (move == SQUARED_RIGHT) - (move == SQUARED_LEFT);
  state->row = (int16_t)row;
  state->column = (int16_t)column;
  int32_t lost = ((uint32_t)row >= SQUARED_SIDE) | ((uint32_t)column >= SQUARED_SIDE) |
                 (state->head.tick >= (uint32_t)params->deadline);
  int32_t won = !lost & (row == state->target_row) & (column == state->target_column);
  result->reward[0] = (float)(won - lost);
  result->ended[0] = won | lost ? SHOAL_TERMINATED : 0;
  SquaredMetrics *metrics = (SquaredMetrics *)result->metrics;
  metrics->perf = (float)won;
  metrics->score = (float)(won - lost);
}

SHOAL_FN void squared_observe(const SquaredParams *params, const void *shared, const SquaredState *state, int32_t agent,
                              void *row, uint8_t *mask) {
  (void)shared, (void)agent, (void)mask;
  uint8_t *board = (uint8_t *)row;
  int32_t inside = ((uint32_t)state->row < SQUARED_SIDE) & ((uint32_t)state->column < SQUARED_SIDE);
  int32_t target = state->target_row * SQUARED_SIDE + state->target_column;
  // The target's cell stands in for an agent outside: the target is drawn over it, without a branch.
  int32_t cell = inside ? state->row * SQUARED_SIDE + state->column : target;
  // Two overlapping halves, each a few vector stores: of the whole, compilers make a slow string instruction.
  __builtin_memset(board, SQUARED_EMPTY, 64);
  __builtin_memset(board + SQUARED_ROW_BYTES - 64, SQUARED_EMPTY, 64);
  board[cell] = SQUARED_AGENT;
  board[target] = SQUARED_TARGET;
  if (params->observe_time) {
    float *time_left = (float *)(board + SQUARED_ROW_BYTES);
    *time_left = 1.0f - (float)state->head.tick / (float)params->deadline;
  }
}

// Walk along the column, then along the row; below level 1, at random in a share 1 - level of the steps.
SHOAL_FN void squared_scripted(const SquaredParams *params, const void *shared, const SquaredState *state,
                               int32_t agent, float level, uint64_t rng, int32_t *discrete, float *continuous) {
  (void)params, (void)shared, (void)agent, (void)continuous;
  int32_t down = state->target_row - state->row, right = state->target_column - state->column;
  int32_t sideways = right > 0 ? SQUARED_RIGHT : right < 0 ? SQUARED_LEFT : SQUARED_STAY;
  discrete[0] = down > 0 ? SQUARED_DOWN : down < 0 ? SQUARED_UP : sideways;
  if (shoal_uniform_of(rng) >= level) { discrete[0] = (int32_t)(shoal_uniform_of(shoal_mix(rng)) * 5.0f); }
}

#endif
