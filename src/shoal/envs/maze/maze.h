// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// maze: find the goal of a maze that has never been seen before, through a small window around oneself.
//
// A maze is a square of `side` x `side` cells (odd) inside an outer wall. Cells with an odd row and an odd column are
// rooms, always floor; a growing tree opens one wall between every room and the rest (a perfect maze), and `braid` of
// its dead ends then get a second way out, which makes loops. The mazes ("levels") are made once, from the seed, and
// lie in Shared, each with its goal and every room's distance to it; a run trains on its own `levels` mazes, and
// evaluations build others.
//
//   observation   field "view", 11 x 11 u8 of 4 categories around the agent, row by row, north up: 0 floor, 1 wall,
//                 2 goal, 3 outside the maze; walls hide nothing. The agent stands on the middle cell
//                 field "heading", u8: 0 not moved yet, else 1 + the direction of the last move that led to a cell
//   action        0 down, 1 up, 2 left, 3 right; row 0 is the top; a move into a wall does nothing
//   reward        1 on the goal, else 0
//   start         a level, uniformly, and a room of it that is not the goal
//   terminated    on the goal
//   truncated     after side^2 steps (vec.max_steps); following a wall takes at most (side - 1)^2 - 4 in a perfect maze
//
// Growing tree: the next room to grow from is the newest with probability `winding`, else any. 1 is depth-first search
// (long corridors), 0 has a short dead end everywhere.
//
// Version history: 1 first.
#ifndef SHOAL_MAZE_H
#define SHOAL_MAZE_H

#include "shoal/env.h"

#define MAZE_VERSION 1
#define MAZE_WINDOW 11  // side of the view
#define MAZE_REACH 5    // cells seen on each side; also the margin around a stored maze, so that a view needs no test
#define MAZE_VIEW 121
#define MAZE_MOST 47              // the largest side
#define MAZE_ROOMS 23             // rooms on a side of the largest
#define MAZE_MOST_ROOMS 13107200  // of all mazes together: 131,072 of side 21

enum { MAZE_FLOOR = 0, MAZE_WALL = 1, MAZE_GOAL = 2, MAZE_OUT = 3 };
enum { MAZE_DOWN = 0, MAZE_UP = 1, MAZE_LEFT = 2, MAZE_RIGHT = 3 };

#define MAZE_PARAMS(F, I, B, C)                                                                  \
  I(side, 21, 7, MAZE_MOST, "cells", SIZE, "side of a maze with its outer wall; odd")            \
  I(levels, 16384, 1, 131072, "", SIZE, "mazes to train on; an evaluation makes as many others") \
  F(braid, 0.0f, 0, 1, "", SIZE, "share of the dead ends that get a second way out: loops")      \
  F(winding, 0.5f, 0, 1, "", SIZE, "0 short dead ends everywhere, 1 long corridors")

#define MAZE_METRICS(M)                                       \
  M(perf, "0..1: share of episodes that reach the goal")      \
  M(score, "shortest path / steps taken; 0 without the goal") \
  M(explored, "share of the floor that was stepped on")

SHOAL_PARAMS_STRUCT(Maze, MAZE_PARAMS)
SHOAL_METRICS_STRUCT(Maze, MAZE_METRICS)
#define SHOAL_ENV_AGENTS 1
#define SHOAL_HAS_SHARED
#define SHOAL_HAS_SCRIPTED

typedef struct {
  ShoalHead head;
  int32_t level;
  int32_t cell;      // of the agent, an index into MazeLevel's cells
  int32_t heading;   // 0 none yet, else 1 + the last move that led to a cell
  int32_t shortest;  // steps from the start to the goal
  int32_t explored;  // different cells stood on
  int32_t unused;
  uint64_t trail[MAZE_MOST];  // bit c of element r: the agent has stood on row r, column c
} MazeState;

// Every level is a MazeLevel, u16 (rooms, rooms) steps from a room to the goal, and u8 cells (side + 10, side + 10),
// the maze in a margin of MAZE_OUT.
typedef struct {
  int32_t floor;                  // cells that are not wall
  int16_t goal_row, goal_column;  // in rooms
} MazeLevel;

typedef struct {
  int64_t level_bytes;  // then the levels
} MazeShared;

SHOAL_FN int32_t maze_stride(const MazeParams *params) { return params->side + 2 * MAZE_REACH; }
SHOAL_FN int32_t maze_rooms(const MazeParams *params) { return params->side / 2; }

SHOAL_FN int64_t maze_level_bytes(const MazeParams *params) {
  int64_t cells = (int64_t)maze_stride(params) * maze_stride(params), rooms = maze_rooms(params);
  return ((int64_t)sizeof(MazeLevel) + 2 * rooms * rooms + cells + 7) / 8 * 8;
}

SHOAL_FN const MazeLevel *maze_level(const MazeParams *params, const MazeShared *shared, int32_t level) {
  const uint8_t *levels = (const uint8_t *)(shared + 1);
  return (const MazeLevel *)(const void *)(levels + level * maze_level_bytes(params));
}

SHOAL_FN const uint16_t *maze_distances(const MazeLevel *level) { return (const uint16_t *)(const void *)(level + 1); }

SHOAL_FN const uint8_t *maze_cells(const MazeParams *params, const MazeLevel *level) {
  return (const uint8_t *)(maze_distances(level) + maze_rooms(params) * maze_rooms(params));
}

// The index into the cells of a room.
SHOAL_FN int32_t maze_cell(const MazeParams *params, int32_t room_row, int32_t room_column) {
  return (MAZE_REACH + 1 + 2 * room_row) * maze_stride(params) + MAZE_REACH + 1 + 2 * room_column;
}

// What a move adds to an index into the cells.
SHOAL_FN int32_t maze_offset(int32_t move, int32_t stride) {
  int32_t distance = move < MAZE_LEFT ? stride : 1;
  return (move == MAZE_DOWN) | (move == MAZE_RIGHT) ? distance : -distance;
}

// ---------------------------------------------------------------------------------------------------- levels

// A spanning tree over the rooms. Until it reaches a room, that is wall; beyond the outer wall everything is MAZE_OUT.
SHOAL_HOST void maze_grow(const MazeParams *params, ShoalHead *random, uint8_t *cells) {
  int32_t rooms = maze_rooms(params), stride = maze_stride(params), count = 1,
          first = shoal_below(random, rooms * rooms);
  int32_t active[MAZE_ROOMS * MAZE_ROOMS];
  active[0] = maze_cell(params, first / rooms, first % rooms);
  cells[active[0]] = MAZE_FLOOR;
  while (count > 0) {
    int32_t newest = shoal_uniform(random, 0.0f, 1.0f) < params->winding, ways[4], found = 0;
    int32_t at = newest ? count - 1 : shoal_below(random, count), room = active[at];
    for (int32_t move = 0; move < 4; move++) {
      int32_t way = maze_offset(move, stride);
      if (cells[room + 2 * way] == MAZE_WALL) { ways[found++] = way; }
    }
    if (found == 0) {
      for (count--; at < count; at++) { active[at] = active[at + 1]; }
      continue;
    }
    int32_t way = ways[shoal_below(random, found)];
    cells[room + way] = cells[room + 2 * way] = MAZE_FLOOR;
    active[count++] = room + 2 * way;
  }
}

// Open a second way out of some dead ends.
SHOAL_HOST void maze_braid(const MazeParams *params, ShoalHead *random, uint8_t *cells) {
  int32_t rooms = maze_rooms(params), stride = maze_stride(params), walls[4];
  for (int32_t i = 0; i < rooms * rooms; i++) {
    int32_t room = maze_cell(params, i / rooms, i % rooms), open = 0, found = 0;
    for (int32_t move = 0; move < 4; move++) {
      int32_t way = maze_offset(move, stride), closed = cells[room + way] == MAZE_WALL;
      open += !closed;
      if (closed && cells[room + 2 * way] == MAZE_FLOOR) { walls[found++] = room + way; }
    }
    if (open != 1 || shoal_uniform(random, 0.0f, 1.0f) >= params->braid) { continue; }
    cells[walls[shoal_below(random, found)]] = MAZE_FLOOR;
  }
}

// Breadth first from the goal, from room to room.
SHOAL_HOST void maze_measure(const MazeParams *params, const uint8_t *cells, MazeLevel *level) {
  uint16_t *distances = (uint16_t *)(void *)(level + 1);
  int32_t rooms = maze_rooms(params), stride = maze_stride(params), last = 1;
  int32_t queue[MAZE_ROOMS * MAZE_ROOMS];
  uint16_t distance[(MAZE_MOST + 2 * MAZE_REACH) * (MAZE_MOST + 2 * MAZE_REACH)];  // of a cell; 0: not found yet
  __builtin_memset(distance, 0, sizeof distance);
  queue[0] = maze_cell(params, level->goal_row, level->goal_column);
  for (int32_t first = 0; first < last; first++) {
    for (int32_t move = 0; move < 4; move++) {
      int32_t way = maze_offset(move, stride), next = queue[first] + 2 * way;
      if (cells[queue[first] + way] == MAZE_WALL || distance[next] || next == queue[0]) { continue; }
      distance[next] = (uint16_t)(distance[queue[first]] + 2);
      queue[last++] = next;
    }
  }
  for (int32_t i = 0; i < rooms * rooms; i++) { distances[i] = distance[maze_cell(params, i / rooms, i % rooms)]; }
}

SHOAL_HOST void maze_build(const MazeParams *params, ShoalHead *random, MazeLevel *level) {
  int32_t stride = maze_stride(params), rooms = maze_rooms(params);
  uint8_t *cells = (uint8_t *)(level + 1) + 2 * rooms * rooms;
  __builtin_memset(level, 0, (uint64_t)maze_level_bytes(params));
  __builtin_memset(cells, MAZE_OUT, (uint64_t)(stride * stride));
  for (int32_t row = MAZE_REACH; row < MAZE_REACH + params->side; row++) {
    __builtin_memset(cells + row * stride + MAZE_REACH, MAZE_WALL, (uint64_t)params->side);
  }
  maze_grow(params, random, cells);
  maze_braid(params, random, cells);
  level->goal_row = (int16_t)shoal_below(random, rooms);
  level->goal_column = (int16_t)shoal_below(random, rooms);
  maze_measure(params, cells, level);
  for (int32_t cell = 0; cell < stride * stride; cell++) { level->floor += cells[cell] == MAZE_FLOOR; }
  cells[maze_cell(params, level->goal_row, level->goal_column)] = MAZE_GOAL;
}

SHOAL_HOST int64_t maze_shared_bytes(const MazeParams *params) {
  return (int64_t)sizeof(MazeShared) + params->levels * maze_level_bytes(params);
}

SHOAL_HOST void maze_shared(const MazeParams *params, uint64_t seed, MazeShared *out) {
  out->level_bytes = maze_level_bytes(params);
  for (int32_t i = 0; i < params->levels; i++) {
    ShoalHead random = {shoal_hash(seed, SHOAL_TAG_RESET, (uint64_t)i, 0), 0, 0, 0, 0};
    maze_build(params, &random, (MazeLevel *)(void *)((uint8_t *)(out + 1) + i * out->level_bytes));
  }
}

// ---------------------------------------------------------------------------------------------------- play

SHOAL_HOST const char *maze_spec(const MazeParams *params, ShoalSpec *out) {
  if (params->side % 2 == 0) { return "the size of a maze is even; expected an odd one: walls and rooms alternate"; }
  if (params->levels * maze_rooms(params) * maze_rooms(params) > MAZE_MOST_ROOMS) {
    return "so many mazes of that size take long to make; expected levels * (side / 2)^2 to be at most 13,107,200";
  }
  out->version = MAZE_VERSION;
  out->agents = 1;
  out->max_steps = params->side * params->side;
  shoal_field(out, "view", SHOAL_KIND_GRID, SHOAL_U8, MAZE_WINDOW, MAZE_WINDOW, 1, 4, 0, 3,
              "0 floor, 1 wall, 2 goal, 3 outside");
  shoal_field(out, "heading", SHOAL_KIND_CATEGORY, SHOAL_U8, 1, 1, 1, 5, 0, 4, "0 none yet, 1 + the last move");
  shoal_discrete(out, "move", 4, 0, "down|up|left|right");
  return 0;
}

// Note where the agent stands.
SHOAL_FN void maze_mark(const MazeParams *params, MazeState *state) {
  int32_t stride = maze_stride(params);
  int32_t row = state->cell / stride - MAZE_REACH, column = state->cell % stride - MAZE_REACH;
  uint64_t bit = (uint64_t)1 << column;
  state->explored += (state->trail[row] & bit) == 0;
  state->trail[row] |= bit;
}

SHOAL_FN void maze_reset(const MazeParams *params, const MazeShared *shared, MazeState *state) {
  int32_t rooms = maze_rooms(params);
  state->level = shoal_below(&state->head, params->levels);
  const MazeLevel *level = maze_level(params, shared, state->level);
  int32_t room = shoal_below(&state->head, rooms * rooms - 1);
  room += room >= level->goal_row * rooms + level->goal_column;
  state->cell = maze_cell(params, room / rooms, room % rooms);
  state->shortest = maze_distances(level)[room];
  maze_mark(params, state);
}

SHOAL_FN void maze_step(const MazeParams *params, const MazeShared *shared, MazeState *state, const int32_t *discrete,
                        const float *continuous, const ShoalResult *result) {
  (void)continuous;
  const MazeLevel *level = maze_level(params, shared, state->level);
  int32_t there = state->cell + maze_offset(discrete[0], maze_stride(params));
  int32_t what = maze_cells(params, level)[there], open = what != MAZE_WALL, won = what == MAZE_GOAL;
  state->cell = open ? there : state->cell;
  state->heading = open ? 1 + discrete[0] : state->heading;
  maze_mark(params, state);

  MazeMetrics *metrics = (MazeMetrics *)result->metrics;
  result->reward[0] = (float)won;
  result->ended[0] = won ? SHOAL_TERMINATED : 0;
  metrics->perf = (float)won;
  metrics->score = won ? (float)state->shortest / (float)state->head.tick : 0.0f;
  metrics->explored = (float)state->explored / (float)level->floor;
}

SHOAL_FN void maze_observe(const MazeParams *params, const MazeShared *shared, const MazeState *state, int32_t agent,
                           void *row, uint8_t *mask) {
  (void)agent, (void)mask;
  int32_t stride = maze_stride(params);
  uint8_t *view = (uint8_t *)row;
  const MazeLevel *level = maze_level(params, shared, state->level);
  const uint8_t *corner = maze_cells(params, level) + state->cell - MAZE_REACH * (stride + 1);
  for (int32_t r = 0; r < MAZE_WINDOW; r++) {
    __builtin_memcpy(view + r * MAZE_WINDOW, corner + r * stride, MAZE_WINDOW);
  }
  view[MAZE_VIEW] = (uint8_t)state->heading;
  view[MAZE_VIEW + 1] = view[MAZE_VIEW + 2] = 0;
}

// Keeps a hand on the wall to the right of its heading, and goes to the goal where that is next to it; below level 1,
// at random in a share 1 - level of the steps.
SHOAL_FN void maze_scripted(const MazeParams *params, const MazeShared *shared, const MazeState *state, int32_t agent,
                            float level, uint64_t rng, int32_t *discrete, float *continuous) {
  (void)agent, (void)continuous;
  SHOAL_TABLE uint8_t turns[4][4] = {{MAZE_LEFT, MAZE_DOWN, MAZE_RIGHT, MAZE_UP},  // right, ahead, left, back of each
                                     {MAZE_RIGHT, MAZE_UP, MAZE_LEFT, MAZE_DOWN},
                                     {MAZE_UP, MAZE_LEFT, MAZE_DOWN, MAZE_RIGHT},
                                     {MAZE_DOWN, MAZE_RIGHT, MAZE_UP, MAZE_LEFT}};
  const uint8_t *cells = maze_cells(params, maze_level(params, shared, state->level));
  const uint8_t *turn = turns[state->heading ? state->heading - 1 : MAZE_UP];
  int32_t stride = maze_stride(params), pick = 0;
  while (pick < 3 && cells[state->cell + maze_offset(turn[pick], stride)] == MAZE_WALL) { pick++; }
  discrete[0] = turn[pick];
  if (shoal_uniform_of(rng) >= level) { discrete[0] = (int32_t)(shoal_uniform_of(shoal_mix(rng)) * 4.0f); }
}

#endif
