// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// nim: players take one to three stones in turn, and who takes the last one wins. Each is a team of its own; who waits
// is live, with the one legal action `wait`. The smallest game of several teams, for tests of self-play.
//
// Observation  turn    flag, 1: it is this player's
//              stones  category, left on the pile
// Action       take    wait, or 1 to 3 stones, masked
// Reward       +1 for the last stone, -1 / (players - 1) for each of the others
// Start        `stones`, less up to three; a random player begins
// Terminated   when the pile is empty
// Version 1.
#include "shoal/env.h"

#define NIM_PARAMS(F, I, B, C)                          \
  I(players, 2, 1, 4, "", SIZE, "players, each a team") \
  I(stones, 12, 4, 30, "", SIZE, "on the pile at the start")
#define NIM_METRICS(M)                          \
  M(perf, "0..1: 1 for the last stone, else 0") \
  M(score, "turns")
SHOAL_PARAMS_STRUCT(Nim, NIM_PARAMS)
SHOAL_METRICS_STRUCT(Nim, NIM_METRICS)

#define SHOAL_HAS_SCRIPTED

typedef struct {
  ShoalHead head;
  int32_t left, mover;
} NimState;

SHOAL_HOST const char *nim_spec(const NimParams *params, ShoalSpec *out) {
  out->version = 1;
  out->agents = params->players;
  for (int32_t a = 0; a < params->players; a++) { out->team_of[a] = (int16_t)a; }
  out->max_steps = 40;
  shoal_field(out, "turn", SHOAL_KIND_FLAG, SHOAL_U8, 1, 1, 1, 0, 0.0f, 1.0f, "1: it is this player's");
  shoal_field(out, "stones", SHOAL_KIND_CATEGORY, SHOAL_U8, 1, 1, 1, params->stones + 1, 0.0f, (float)params->stones,
              "left on the pile");
  shoal_discrete(out, "take", 4, 1, "wait|one|two|three");
  return 0;
}

SHOAL_FN void nim_reset(const NimParams *params, const void *shared, NimState *state) {
  (void)shared;
  state->left = params->stones - shoal_below(&state->head, 4);
  state->mover = shoal_below(&state->head, params->players);
}

SHOAL_FN void nim_step(const NimParams *params, const void *shared, NimState *state, const int32_t *discrete,
                       const float *continuous, const ShoalResult *result) {
  NimMetrics *metrics = (NimMetrics *)result->metrics;
  int32_t mover = state->mover;
  (void)shared, (void)continuous;
  state->left -= discrete[mover];
  metrics[mover].score += 1.0f;
  state->mover = (mover + 1) % params->players;
  if (state->left > 0) { return; }
  for (int32_t a = 0; a < params->players; a++) {
    result->reward[a] = a == mover ? 1.0f : -1.0f / (float)shoal_maxi(params->players - 1, 1);
    result->ended[a] = SHOAL_TERMINATED;
    metrics[a].perf = (float)(a == mover);
  }
}

SHOAL_FN void nim_observe(const NimParams *params, const void *shared, const NimState *state, int32_t agent, void *row,
                          uint8_t *mask) {
  uint8_t *out = (uint8_t *)row;
  (void)params, (void)shared;
  __builtin_memset(out, 0, 4);
  out[0] = (uint8_t)(agent == state->mover);
  out[1] = (uint8_t)state->left;
  mask[0] = (uint8_t)(agent != state->mover);
  for (int32_t take = 1; take < 4; take++) { mask[take] = (uint8_t)(agent == state->mover && take <= state->left); }
}

// Between two players: leaves a multiple of four if it can; below level 1 it often takes one stone, whatever is left.
SHOAL_FN void nim_scripted(const NimParams *params, const void *shared, const NimState *state, int32_t agent,
                           float level, uint64_t rng, int32_t *discrete, float *continuous) {
  (void)params, (void)shared, (void)continuous;
  int32_t best = state->left % 4;
  discrete[0] = agent != state->mover ? 0 : best && shoal_uniform_of(rng) < level ? best : 1;
}
