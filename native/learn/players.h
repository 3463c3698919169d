// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The moves of one player in a block of environments that several may share: a policy's, random or scripted ones.
#ifndef SHOAL_PLAYERS_H
#define SHOAL_PLAYERS_H

#include "nn/policy.h"

// Where one step of a block finds what players see and leaves what they do. Every row is relative to the block's first.
typedef struct {
  const ShoalVec *vec;
  int32_t first, count;         // environments
  const uint8_t *rows, *masks;  // row_stride and mask_stride bytes apart
  int64_t row_stride, mask_stride;
  float *memory;  // (rows, memory_stride): recurrent memory of whoever plays the row
  int64_t memory_stride;
  int32_t *discrete;  // (rows, heads) = of the player's rows
  float *continuous;  // (rows, dims) =
  uint64_t seed;      // of sampled actions; random and scripted ones take the vec's
  int64_t clock;
} ShoalTurn;

// One thread's workspace for the players of a table.
typedef struct {
  ShoalTape *tapes;  // (players,)
  const uint8_t **rows, **starts;
  const float **memory;
  float **memory_out, *probs, *log_probs;
  int32_t *index;  // rows of the block that the player moves
} ShoalTurnScratch;

// Room for blocks of `rows` rows.
void shoal_turn_take(const ShoalPlayer *players, int32_t count, int32_t rows, ShoalArena *arena,
                     ShoalTurnScratch *scratch);
// Floats of memory that a row needs, whoever of the table plays it.
int64_t shoal_players_memory(const ShoalPlayer *players, int32_t count);
// The rows of the block that player `number` plays, into index; returns how many.
int32_t shoal_rows_of(const ShoalVec *vec, int32_t first, int32_t count, int32_t number, int32_t *index);
// Move every agent that player `number` of the table plays.
void shoal_take_turn(const ShoalTurn *turn, const ShoalPlayer *players, int32_t number, ShoalTurnScratch *scratch);
// A sentence about the first entry from `first` on that cannot play in this vec; SHOAL_OK if all can.
int32_t shoal_check_players(const ShoalVec *vec, const ShoalPlayer *players, int32_t first, int32_t count,
                            char *message);

#endif
