// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Who plays which rows of a block, and the moves of those who do not learn.
#include "learn/players.h"

#include <string.h>

#include "engine/engine.h"
#include "learn/heads.h"

static int32_t is_policy(const ShoalPlayer *player) {
  return player->kind == SHOAL_PLAYER_SAMPLED || player->kind == SHOAL_PLAYER_GREEDY;
}

void shoal_turn_take(const ShoalPlayer *players, int32_t count, int32_t rows, ShoalArena *arena,
                     ShoalTurnScratch *scratch) {
  int64_t outputs = 0;
  scratch->tapes = shoal_take(arena, (int64_t)sizeof *scratch->tapes * count);
  for (int32_t k = 0; k < count; k++) {
    if (!is_policy(&players[k]) || !players[k].policy) { continue; }
    ShoalTape measured;
    shoal_tape_take(players[k].policy, arena, rows, 0, arena->base ? &scratch->tapes[k] : &measured);
    outputs = players[k].policy->outputs;  // the same for all: they play one environment
  }
  scratch->rows = shoal_take(arena, 8 * (int64_t)rows);
  scratch->starts = shoal_take(arena, 8 * (int64_t)rows);
  scratch->memory = shoal_take(arena, 8 * (int64_t)rows);
  scratch->memory_out = shoal_take(arena, 8 * (int64_t)rows);
  scratch->probs = shoal_take(arena, 4 * rows * outputs);
  scratch->log_probs = shoal_take(arena, 4 * rows * outputs);
  scratch->index = shoal_take(arena, 4 * (int64_t)rows);
}

int64_t shoal_players_memory(const ShoalPlayer *players, int32_t count) {
  int64_t most = 0;
  for (int32_t k = 0; k < count; k++) {
    if (is_policy(&players[k]) && players[k].policy && players[k].policy->state_size > most) {
      most = players[k].policy->state_size;
    }
  }
  return most;
}

int32_t shoal_rows_of(const ShoalVec *vec, int32_t first, int32_t count, int32_t number, int32_t *index) {
  int64_t row0 = (int64_t)first * vec->agents;
  int32_t n = 0;
  for (int32_t i = 0; i < count * vec->agents; i++) {
    if ((vec->players ? vec->players[row0 + i] : 0) == number) { index[n++] = i; }
  }
  return n;
}

// Uniform over legal actions and over continuous bounds.
static void random_action(const ShoalVec *vec, const uint8_t *mask, uint64_t clock, uint64_t row, int32_t *discrete,
                          float *continuous) {
  for (int32_t h = 0; h < vec->heads; h++) {
    int32_t size = vec->spec.heads[h].size, masked = vec->spec.heads[h].masked, legal = 0;
    for (int32_t i = 0; i < size; i++) { legal += !masked || mask[i]; }
    uint64_t hash = shoal_hash(vec->seed, SHOAL_TAG_ACTION, clock, row * 64 + (uint64_t)h);
    int32_t pick = (int32_t)(((hash >> 32) * (uint64_t)(uint32_t)legal) >> 32);
    discrete[h] = 0;
    for (int32_t i = 0; i < size; i++) {
      if ((!masked || mask[i]) && pick-- == 0) { discrete[h] = i; }
    }
    mask += masked ? size : 0;
  }
  for (int32_t d = 0; d < vec->dims; d++) {
    float u = shoal_uniform_of(shoal_hash(vec->seed, SHOAL_TAG_ACTION, clock, row * 64 + 32 + (uint64_t)d));
    continuous[d] = vec->spec.dims[d].low + u * (vec->spec.dims[d].high - vec->spec.dims[d].low);
  }
}

// Forward and draw the n rows of scratch->index.
static void act(const ShoalTurn *turn, const ShoalPlayer *player, ShoalTape *tape, int32_t n,
                ShoalTurnScratch *scratch) {
  const ShoalVec *vec = turn->vec;
  const ShoalPolicy *policy = player->policy;
  int64_t row0 = (int64_t)turn->first * vec->agents;
  for (int32_t k = 0; k < n; k++) {
    int32_t i = scratch->index[k];
    scratch->rows[k] = turn->rows + i * turn->row_stride;
    scratch->starts[k] = SHOAL_FAULT(policy, STATE_KEPT)    ? 0
                         : SHOAL_FAULT(policy, MEMORY_LOST) ? (const uint8_t *)"\1"
                                                            : vec->starts + row0 + i;
    scratch->memory[k] = scratch->memory_out[k] = turn->memory + i * turn->memory_stride;
  }
  ShoalBatch batch = {n, 1, scratch->rows, scratch->starts, scratch->memory, scratch->memory_out};
  shoal_forward(policy, &batch, tape);
  for (int32_t k = 0; k < n; k++) {
    int32_t i = scratch->index[k];
    if (!vec->live[row0 + i]) { continue; }
    const float *out = tape->out + (int64_t)k * policy->ldo;
    const uint8_t *mask = turn->masks + i * turn->mask_stride;
    float raw[SHOAL_MAX_DIMS];
    shoal_heads_softmax(policy, out, policy->ldo, mask, turn->mask_stride, 1, scratch->probs, scratch->log_probs);
    shoal_heads_sample(policy, out, scratch->probs, scratch->log_probs, mask, player->kind == SHOAL_PLAYER_GREEDY,
                       turn->seed, (uint64_t)turn->clock, (uint64_t)(row0 + i),
                       turn->discrete + (int64_t)i * vec->heads, raw);
    shoal_heads_action(policy, raw, turn->continuous + (int64_t)i * vec->dims);
  }
}

void shoal_take_turn(const ShoalTurn *turn, const ShoalPlayer *players, int32_t number, ShoalTurnScratch *scratch) {
  const ShoalVec *vec = turn->vec;
  const ShoalPlayer *player = &players[number];
  int32_t n = shoal_rows_of(vec, turn->first, turn->count, number, scratch->index);
  if (!n) { return; }
  if (player->kind == SHOAL_PLAYER_SCRIPTED) {
    ShoalIo io = {
        .discrete = turn->discrete, .continuous = turn->continuous, .clock = turn->clock, .mover = number + 1};
    uint64_t fp = shoal_fp_enter();
    vec->env->block_scripted(vec, turn->first, turn->count, player->level, &io);
    shoal_fp_leave(fp);
  } else if (player->kind == SHOAL_PLAYER_RANDOM) {
    for (int32_t k = 0; k < n; k++) {
      int64_t i = scratch->index[k];
      random_action(vec, turn->masks + i * turn->mask_stride, (uint64_t)turn->clock,
                    (uint64_t)((int64_t)turn->first * vec->agents + i), turn->discrete + i * vec->heads,
                    turn->continuous + i * vec->dims);
    }
  } else {
    act(turn, player, &scratch->tapes[number], n, scratch);
  }
}

int32_t shoal_check_players(const ShoalVec *vec, const ShoalPlayer *players, int32_t first, int32_t count,
                            char *message) {
  for (int32_t k = first; k < count; k++) {
    if (is_policy(&players[k]) && !players[k].policy) {
      return shoal_complain(message, "a policy is missing: player %d is of kind %d; expected a policy", k,
                            players[k].kind);
    }
    if (is_policy(&players[k]) && players[k].policy->spec.row_bytes != vec->row_bytes) {
      return shoal_complain(message, "player %d sees rows of %d bytes; %s has %d", k, players[k].policy->spec.row_bytes,
                            vec->env->name, vec->row_bytes);
    }
    if (players[k].kind == SHOAL_PLAYER_SCRIPTED && !vec->env->has_scripted) {
      return shoal_complain(message, "%s has no scripted policy", vec->env->name);
    }
  }
  return SHOAL_OK;
}
