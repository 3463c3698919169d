// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// herd: animals that walk along a line to a pasture. A sound environment with everything that a contract can be broken
// with: agents who come and go, masks, Shared, fields of several types. tests/planted/test_planted.py plants faults.
//
// Observation  place     where the animal stands and where the pasture is, in lengths of the line, 0..1
//              time_left share of the day that is left
//              ground    category of the animal's cell: 0 grass, 1 mud
// Action       walk      0 stay, 1 left, 2 right; a step off the line is masked
// Reward       +1 on the pasture, -0.01 otherwise, -0.02 in mud
// Terminated   on the pasture; the animal then rests 5 ticks and comes back on a random cell
// Version 1.
#include "shoal/env.h"

#define HERD_CELLS (2 * 6)

#define HERD_PARAMS(F, I, B, C)                      \
  I(agents, 3, 1, 8, "", SIZE, "animals in a world") \
  F(mud_cost, 0.02f, 0, 1, "", VALUE, "reward lost in mud")
#define HERD_METRICS(M)                    \
  M(perf, "0..1: the pasture was reached") \
  M(score, "1 if the pasture was reached")
SHOAL_PARAMS_STRUCT(Herd, HERD_PARAMS)
SHOAL_METRICS_STRUCT(Herd, HERD_METRICS)

#define SHOAL_HAS_LIVE
#define SHOAL_HAS_SHARED

typedef struct {
  uint8_t ground[HERD_CELLS];  // 0 grass, 1 mud
} HerdShared;

typedef struct {
  ShoalHead head;
  int32_t cell[8];
  int32_t resting[8];  // ticks until it is back; 0: it is there
  int32_t pasture;
  int32_t spare;  // keeps the size a multiple of 8
} HerdState;

SHOAL_HOST int64_t herd_shared_bytes(const HerdParams *params) {
  (void)params;
  return (int64_t)sizeof(HerdShared);
}

SHOAL_HOST void herd_shared(const HerdParams *params, uint64_t seed, HerdShared *shared) {
  (void)params;
  for (int32_t i = 0; i < HERD_CELLS; i++) { shared->ground[i] = (uint8_t)(shoal_mix(seed + (uint64_t)i) & 1); }
}

SHOAL_HOST const char *herd_spec(const HerdParams *params, ShoalSpec *out) {
  out->version = 1;
  out->agents = params->agents;
  out->max_steps = 50;
  shoal_field(out, "place", SHOAL_KIND_VECTOR, SHOAL_F32, 1, 2, 1, 0, 0.0f, 1.0f, "the animal, the pasture");
  shoal_field(out, "time_left", SHOAL_KIND_VECTOR, SHOAL_F32, 1, 1, 1, 0, 0.0f, 1.0f, "of the day");
  shoal_field(out, "ground", SHOAL_KIND_CATEGORY, SHOAL_U8, 1, 1, 1, 2, 0.0f, 1.0f, "0 grass, 1 mud");
  shoal_discrete(out, "walk", 3, 1, "stay|left|right");
  return 0;
}

SHOAL_FN int32_t herd_random_cell(HerdState *state) {
  int32_t cell = shoal_below(&state->head, HERD_CELLS - 1);
  return cell + (cell >= state->pasture);
}

SHOAL_FN void herd_reset(const HerdParams *params, const HerdShared *shared, HerdState *state) {
  (void)shared;
  state->pasture = shoal_below(&state->head, HERD_CELLS);
  for (int32_t a = 0; a < params->agents; a++) { state->cell[a] = herd_random_cell(state); }
}

SHOAL_FN void herd_step(const HerdParams *params, const HerdShared *shared, HerdState *state, const int32_t *discrete,
                        const float *continuous, const ShoalResult *result) {
  HerdMetrics *metrics = (HerdMetrics *)result->metrics;
  (void)continuous;
  for (int32_t a = 0; a < params->agents; a++) {
    if (state->resting[a] > 0) {
      if (--state->resting[a] == 0) { state->cell[a] = herd_random_cell(state); }
      continue;
    }
    int32_t move = (discrete[a] == 2) - (discrete[a] == 1);
    state->cell[a] = shoal_clampi(state->cell[a] + move, 0, HERD_CELLS - 1);
    int32_t reached = state->cell[a] == state->pasture;
    float cost = shared->ground[state->cell[a]] ? params->mud_cost : 0.01f;
    result->reward[a] = reached ? 1.0f : -cost;
    metrics[a].perf = (float)reached;
    metrics[a].score = (float)reached;
    if (reached) {
      result->ended[a] = SHOAL_TERMINATED;
      state->resting[a] = 5;
    }
  }
}

SHOAL_FN void herd_observe(const HerdParams *params, const HerdShared *shared, const HerdState *state, int32_t agent,
                           void *row, uint8_t *mask) {
  float *out = (float *)row;
  uint8_t *ground = (uint8_t *)row + 12;
  (void)params;
  out[0] = (float)state->cell[agent] / (float)HERD_CELLS;
  out[1] = (float)state->pasture / (float)HERD_CELLS;
  out[2] = 1.0f - (float)shoal_mini((int32_t)state->head.tick, 50) / 50.0f;
  ground[0] = shared->ground[state->cell[agent]];
  ground[1] = ground[2] = ground[3] = 0;
  mask[0] = 1;
  mask[1] = state->cell[agent] > 0;
  mask[2] = state->cell[agent] < HERD_CELLS - 1;
}

SHOAL_FN int32_t herd_live(const HerdParams *params, const HerdState *state, int32_t agent) {
  (void)params;
  return state->resting[agent] == 0;
}
