// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// snake: hundreds of snakes in one world eat, grow, block one another's way, die and are born again.
//
// After PufferLib's `snake`, with rules of our own.
//
//   observation   field "view", 11 x 11 u8 of 10 categories around the head, row by row, turned so that the snake looks
//                 up: 0 empty, 1 food, 2 corpse, 3 wall, 4 body of another, 5 head; 6 .. 9 own body that goes on up,
//                 right, down, left from here. The own head is in the middle
//   action        0 straight on, 1 turn left, 2 turn right
//   reward        `reward_food` or `reward_corpse` for a cell eaten, `reward_death` for dying
//   start         one cell at random, 3 long once it has moved on; the world has `food` cells of food
//   terminated    the head meets a wall, a body or another head
//   truncated     the world, after 1,000 steps (vec.max_steps)
//
// One tick: all turn; all tails leave their cell, but of those who grow; then the heads move, one snake after another,
// from agent `tick` mod `agents` on, so that nobody is always first: whoever finds the cell taken dies and stays in the
// way for this tick. Then every second cell of the dead becomes corpse, and food grows on empty cells until food and
// corpse together are `food` cells. While snakes are long enough to fill half of the board, eating lengthens no more.
//
// A cell of the board knows where the snake that lies on it goes on, so a tail finds its way without a list, and whose
// it is.
//
// Version history: 1 first. 2 the view is turned with the head and tells the own body from others; actions are turns.
#ifndef SHOAL_SNAKE_H
#define SHOAL_SNAKE_H

#include "shoal/env.h"

#define SNAKE_VERSION 2
#define SNAKE_WINDOW 11  // side of the view
#define SNAKE_REACH 5    // cells seen on each side; also the wall around the stored board, so that a view needs no test
#define SNAKE_VIEW 121
#define SNAKE_START 3      // length of a new snake
#define SNAKE_GOAL 100.0f  // length from which perf is 1

enum { SNAKE_EMPTY, SNAKE_FOOD, SNAKE_CORPSE, SNAKE_WALL, SNAKE_BODY, SNAKE_HEAD, SNAKE_OWN, SNAKE_KINDS = 10 };
enum { SNAKE_UP, SNAKE_RIGHT, SNAKE_DOWN, SNAKE_LEFT };  // clockwise: turning is adding, modulo 4

#define SNAKE_PARAMS(F, I, B, C)                                                      \
  I(agents, 256, 1, SHOAL_MAX_AGENTS, "", SIZE, "snakes in a world")                  \
  I(width, 320, 8, 1024, "cells", SIZE, "of the board inside its wall")               \
  I(height, 180, 8, 1024, "cells", SIZE, "of the board inside its wall")              \
  I(food, 1152, 0, 1000000, "cells", VALUE, "food and corpse that there is at least") \
  F(reward_food, 0.1f, -10, 10, "", VALUE, "for a cell of food")                      \
  F(reward_corpse, 0.1f, -10, 10, "", VALUE, "for a cell of corpse")                  \
  F(reward_death, -1.0f, -10, 10, "", VALUE, "for dying")

#define SNAKE_METRICS(M)                                        \
  M(perf, "0..1: length at the end of a life / 100, at most 1") \
  M(score, "cells: length at the end of a life")                \
  M(corpses, "cells of corpse eaten in a life")

SHOAL_PARAMS_STRUCT(Snake, SNAKE_PARAMS)
SHOAL_METRICS_STRUCT(Snake, SNAKE_METRICS)
#define SHOAL_HAS_RESPAWN
#define SHOAL_HAS_SCRIPTED

// One snake. head and tail are indices into the board.
typedef struct {
  int32_t head, tail;
  int32_t length;   // cells, those still to grow included
  int32_t growing;  // cells still to grow
  int32_t heading;
  int32_t corpses;  // eaten
} SnakeBody;

// Then SnakeBody (agents,) at offset[0] and the board, u16 (height + 10, width + 10), at offset[1]: what is there in
// four bits (SNAKE_EMPTY to SNAKE_HEAD), the direction in which a snake lies on from here in two, and whose it is.
typedef struct {
  ShoalHead head;
  int32_t edible;  // cells of food and corpse
  int32_t mass;    // of all snakes together, their lengths
} SnakeState;

SHOAL_FN int32_t snake_stride(const SnakeParams *params) { return params->width + 2 * SNAKE_REACH; }

SHOAL_FN const SnakeBody *snake_bodies(const SnakeParams *params, const SnakeState *state) {
  return (const SnakeBody *)(const void *)((const uint8_t *)state + params->size.offset[0]);
}

SHOAL_FN const uint16_t *snake_board(const SnakeParams *params, const SnakeState *state) {
  return (const uint16_t *)(const void *)((const uint8_t *)state + params->size.offset[1]);
}

SHOAL_FN int32_t snake_offset(int32_t heading, int32_t stride) {
  int32_t distance = heading % 2 ? 1 : stride;
  return (heading == SNAKE_DOWN) | (heading == SNAKE_RIGHT) ? distance : -distance;
}

SHOAL_FN int32_t snake_kind(uint16_t cell) { return cell & 15; }

SHOAL_FN int32_t snake_way(uint16_t cell) { return cell >> 4 & 3; }

#if SHOAL_MAX_AGENTS > 1024
#error "a cell has ten bits to say whose it is"
#endif

SHOAL_FN uint16_t snake_cell(int32_t kind, int32_t way, int32_t agent) {
  return (uint16_t)(kind | way << 4 | agent << 6);
}

// A cell inside the wall, uniformly.
SHOAL_FN int32_t snake_anywhere(const SnakeParams *params, SnakeState *state) {
  int32_t row = shoal_below(&state->head, params->height), column = shoal_below(&state->head, params->width);
  return (SNAKE_REACH + row) * snake_stride(params) + SNAKE_REACH + column;
}

SHOAL_HOST const char *snake_spec(const SnakeParams *params, ShoalSpec *out) {
  int64_t cells = (int64_t)(params->height + 2 * SNAKE_REACH) * snake_stride(params);
  if (params->width * params->height < 16 * params->agents) {
    return "the board is too small for so many snakes; expected at least 16 cells a snake";
  }
  out->version = SNAKE_VERSION;
  out->agents = params->agents;
  out->max_steps = 1000;
  out->offset[0] = (int32_t)sizeof(SnakeState);
  out->offset[1] = out->offset[0] + params->agents * (int32_t)sizeof(SnakeBody);
  out->state_bytes = (out->offset[1] + 2 * (cells + SNAKE_WINDOW) + 7) / 8 * 8;  // a view reads a little beyond
  shoal_field(out, "view", SHOAL_KIND_GRID, SHOAL_U8, SNAKE_WINDOW, SNAKE_WINDOW, 1, SNAKE_KINDS, 0, SNAKE_KINDS - 1,
              "0 empty, 1 food, 2 corpse, 3 wall, 4 body, 5 head, 6-9 own body by direction");
  shoal_discrete(out, "turn", 3, 0, "on|left|right");
  return 0;
}

// Put a new snake on an empty cell; where chance finds none, on the first that holds no snake.
SHOAL_FN void snake_birth(const SnakeParams *params, SnakeState *state, int32_t agent) {
  SnakeBody *snake = (SnakeBody *)(void *)((uint8_t *)state + params->size.offset[0]) + agent;
  uint16_t *board = (uint16_t *)(void *)((uint8_t *)state + params->size.offset[1]);
  int32_t cell = snake_anywhere(params, state);
  for (int32_t tries = 0; tries < 32 && board[cell] != SNAKE_EMPTY; tries++) { cell = snake_anywhere(params, state); }
  if (board[cell] != SNAKE_EMPTY) {
    for (cell = 0; snake_kind(board[cell]) >= SNAKE_WALL;) { cell++; }
    state->edible -= board[cell] != SNAKE_EMPTY;
  }
  snake->head = snake->tail = cell;
  snake->length = SNAKE_START;
  snake->growing = SNAKE_START - 1;
  snake->heading = shoal_below(&state->head, 4);
  board[cell] = snake_cell(SNAKE_HEAD, snake->heading, agent);
  snake->corpses = 0;
  state->mass += SNAKE_START;
}

// Food on empty cells, as far as it is missing and chance finds them.
SHOAL_FN void snake_sow(const SnakeParams *params, SnakeState *state) {
  uint16_t *board = (uint16_t *)(void *)((uint8_t *)state + params->size.offset[1]);
  for (int32_t tries = 2 * (params->food - state->edible); tries > 0 && state->edible < params->food; tries--) {
    int32_t cell = snake_anywhere(params, state);
    if (board[cell] != SNAKE_EMPTY) { continue; }
    board[cell] = SNAKE_FOOD;
    state->edible++;
  }
}

SHOAL_FN void snake_reset(const SnakeParams *params, const void *shared, SnakeState *state) {
  (void)shared;
  uint16_t *board = (uint16_t *)(void *)((uint8_t *)state + params->size.offset[1]);
  int32_t stride = snake_stride(params);
  for (int32_t i = 0; i < stride * (params->height + 2 * SNAKE_REACH) + SNAKE_WINDOW; i++) { board[i] = SNAKE_WALL; }
  for (int32_t row = 0; row < params->height; row++) {
    __builtin_memset(board + (SNAKE_REACH + row) * stride + SNAKE_REACH, 0, 2 * (uint64_t)params->width);
  }
  for (int32_t a = 0; a < params->agents; a++) { snake_birth(params, state, a); }
  snake_sow(params, state);
}

SHOAL_FN void snake_respawn(const SnakeParams *params, const void *shared, SnakeState *state, int32_t agent) {
  (void)shared;
  snake_birth(params, state, agent);
}

// A snake that has died: every second of its cells becomes corpse, the others empty.
SHOAL_FN void snake_death(const SnakeParams *params, SnakeState *state, const SnakeBody *snake) {
  uint16_t *board = (uint16_t *)(void *)((uint8_t *)state + params->size.offset[1]);
  int32_t stride = snake_stride(params), cell = snake->tail;
  int32_t cells = snake->length - snake->growing - 1;  // its tail moved on or it grew, and its head did not
  for (int32_t i = 0; i < cells; i++) {
    int32_t next = cell + snake_offset(snake_way(board[cell]), stride);
    board[cell] = i % 2 ? SNAKE_CORPSE : SNAKE_EMPTY;  // the tail itself is empty
    cell = next;
  }
  state->edible += cells / 2;
  state->mass -= snake->length;
}

SHOAL_FN void snake_step(const SnakeParams *params, const void *shared, SnakeState *state, const int32_t *discrete,
                         const float *continuous, const ShoalResult *result) {
  (void)shared, (void)continuous;
  SnakeBody *snakes = (SnakeBody *)(void *)((uint8_t *)state + params->size.offset[0]);
  uint16_t *board = (uint16_t *)(void *)((uint8_t *)state + params->size.offset[1]);
  SnakeMetrics *metrics = (SnakeMetrics *)result->metrics;
  int32_t stride = snake_stride(params), agents = params->agents;
  int32_t room = params->width * params->height / 2, first = (int32_t)(state->head.tick % (uint32_t)agents);
  SHOAL_EACH(a, agents) {  // turn; the head's cell says where the body goes on
    SnakeBody *snake = &snakes[a];
    int32_t turn = (discrete[a] == 2) - (discrete[a] == 1);
    snake->heading = (snake->heading + turn) & 3;
    board[snake->head] = snake_cell(SNAKE_BODY, snake->heading, a);
  }
  SHOAL_EACH(a, agents) {  // tails
    SnakeBody *snake = &snakes[a];
    int32_t grows = snake->growing > 0;
    uint16_t cell = board[snake->tail];
    board[snake->tail] = grows ? cell : (uint16_t)SNAKE_EMPTY;
    snake->tail += grows ? 0 : snake_offset(snake_way(cell), stride);
    snake->growing -= grows;
  }
  SHOAL_ONCE {
    for (int32_t i = 0; i < agents; i++) {  // heads
      int32_t a = i + first < agents ? i + first : i + first - agents;
      SnakeBody *snake = &snakes[a];
      int32_t there = snake->head + snake_offset(snake->heading, stride), kind = snake_kind(board[there]);
      if (kind >= SNAKE_WALL) {
        result->ended[a] = SHOAL_TERMINATED;
        continue;
      }
      board[there] = snake_cell(SNAKE_HEAD, snake->heading, a);
      snake->head = there;
      if (kind != SNAKE_EMPTY) {
        int32_t grows = state->mass < room;
        snake->length += grows;
        snake->growing += grows;
        snake->corpses += kind == SNAKE_CORPSE;
        state->mass += grows;
        state->edible--;
        result->reward[a] = kind == SNAKE_CORPSE ? params->reward_corpse : params->reward_food;
      }
    }
    for (int32_t a = 0; a < agents; a++) {
      if (result->ended[a]) {
        snake_death(params, state, &snakes[a]);
        result->reward[a] = params->reward_death;
      }
    }
    snake_sow(params, state);
  }
  SHOAL_EACH(a, agents) {
    metrics[a].perf = shoal_min((float)snakes[a].length / SNAKE_GOAL, 1.0f);
    metrics[a].score = (float)snakes[a].length;
    metrics[a].corpses = (float)snakes[a].corpses;
  }
}

// Interleave the upper and lower half of 16 x 16 bytes; four times over that is the transpose.
SHOAL_FN void snake_interleave(const uint8_t *from, uint8_t *to) {
  for (int32_t i = 0; i < 128; i++) {
    to[2 * i] = from[i];
    to[2 * i + 1] = from[i + 128];
  }
}

// A row of the view, from cells that follow one another on the board, or (step -1) that precede.
SHOAL_FN void snake_look(const uint16_t *cells, int32_t step, int32_t heading, int32_t agent, uint8_t *row) {
  uint16_t own = (uint16_t)agent, ahead = (uint16_t)heading;
  for (int32_t c = 0; c < 16; c++) {  // 5 more than are seen, as one vector
    uint16_t cell = cells[step * c], kind = cell & 15, way = (uint16_t)((cell >> 4) - ahead) & 3;
    int32_t mine = (kind == SNAKE_BODY) & (cell >> 6 == own);
    row[c] = (uint8_t)(mine ? SNAKE_OWN + way : kind);
  }
}

// The rows of the board around the head, upside down where the snake looks down or left; then turned as far as is left.
SHOAL_FN void snake_observe(const SnakeParams *params, const void *shared, const SnakeState *state, int32_t agent,
                            void *row, uint8_t *mask) {
  (void)shared, (void)mask;
  const SnakeBody *snake = snake_bodies(params, state) + agent;
  int32_t stride = snake_stride(params), heading = snake->heading, last = SNAKE_WINDOW - 1;
  const uint16_t *corner = snake_board(params, state) + snake->head - SNAKE_REACH * (stride + 1);
  uint8_t rows[256] = {0}, turned[256], *view = (uint8_t *)row;
  if (heading == SNAKE_DOWN) {
    for (int32_t r = 0; r < SNAKE_WINDOW; r++) {
      snake_look(corner + stride * (last - r) + last, -1, heading, agent, rows + 16 * r);
    }
  } else {
    const uint16_t *first = corner + (heading == SNAKE_LEFT ? stride * last : 0);
    int32_t on = heading == SNAKE_LEFT ? -stride : stride;
    for (int32_t r = 0; r < SNAKE_WINDOW; r++) { snake_look(first + on * r, 1, heading, agent, rows + 16 * r); }
  }
  if (heading == SNAKE_LEFT || heading == SNAKE_RIGHT) {
    snake_interleave(rows, turned);
    snake_interleave(turned, rows);
    snake_interleave(rows, turned);
    snake_interleave(turned, rows);
  }
  for (int32_t r = 0; r < last; r++) {  // 5 cells too many, which the next row covers
    __builtin_memcpy(view + SNAKE_WINDOW * r, rows + 16 * (heading == SNAKE_RIGHT ? last - r : r), 16);
  }
  __builtin_memcpy(view + SNAKE_WINDOW * last, rows + (heading == SNAKE_RIGHT ? 0 : 16 * last), SNAKE_WINDOW);
  view[SNAKE_VIEW] = view[SNAKE_VIEW + 1] = view[SNAKE_VIEW + 2] = 0;
}

// Goes for the nearest food or corpse in view, along the longer way first, and never into what blocks it now if another
// way is free; below level 1, at random in a share 1 - level of the steps.
SHOAL_FN void snake_scripted(const SnakeParams *params, const void *shared, const SnakeState *state, int32_t agent,
                             float level, uint64_t rng, int32_t *discrete, float *continuous) {
  (void)shared, (void)continuous;
  const SnakeBody *snake = snake_bodies(params, state) + agent;
  const uint16_t *head = snake_board(params, state) + snake->head;
  int32_t stride = snake_stride(params), nearest = 100, down = 0, right = 0, best = -1000;
  for (int32_t y = -SNAKE_REACH; y <= SNAKE_REACH; y++) {
    for (int32_t x = -SNAKE_REACH; x <= SNAKE_REACH; x++) {
      int32_t kind = snake_kind(head[y * stride + x]), far = (y < 0 ? -y : y) + (x < 0 ? -x : x);
      if ((kind != SNAKE_FOOD && kind != SNAKE_CORPSE) || far >= nearest) { continue; }
      nearest = far;
      down = y;
      right = x;
    }
  }
  int32_t gains[4] = {-down, right, down, -right}, turns[4] = {0, 2, 0, 1};
  int32_t moves[4] = {SNAKE_DOWN, SNAKE_UP, SNAKE_LEFT, SNAKE_RIGHT};
  for (int32_t i = 0; i < 4; i++) {
    int32_t move = moves[i], blocked = snake_kind(head[snake_offset(move, stride)]) >= SNAKE_WALL;
    int32_t value = 2 * gains[move] + (move == snake->heading) - 100 * blocked;
    if (move == ((snake->heading + 2) & 3) || value <= best) { continue; }
    best = value;
    discrete[0] = turns[(move - snake->heading) & 3];
  }
  if (shoal_uniform_of(rng) >= level) { discrete[0] = (int32_t)(shoal_uniform_of(shoal_mix(rng)) * 3.0f); }
}

#endif
