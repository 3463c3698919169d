// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// sights: three questions about three kinds of observation. The probe of the encoders.
//
// Observation  stars    set of up to `stars` stars, x and y in -1 .. 1; `near` of them are valid
//              near     how many
//              codes    two different categories of 40 (or `codes`)
//              map      grid of 4 x 5 cells: 0 grass, 1 rock, 2 tree
// Actions      star     quadrant of the nearest star: 0 right up, 1 left up, 2 left down, 3 right down
//              code     1 if the first code is the larger one
//              tree     1 if a tree stands right of a rock anywhere on the map
// Reward       a third for each right answer. Everything is drawn anew every step
// Truncated    after 32 steps (vec.max_steps); never terminated
// Version 1.
//
// Each question needs its own encoder. The nearest of a set is not seen from the set's outline, so entities must meet a
// nonlinear map before they are compared; and those behind the count, which lie nearest of all, must not be. The order
// of codes is nowhere but in their meaning. The pair of cells may stand anywhere: with `policy.grid = conv` one kernel
// finds it, a linear encoder would have to learn it at every place.
#include "shoal/env.h"

#define SIGHTS_PARAMS(F, I, B, C)               \
  I(stars, 6, 1, 64, "", SIZE, "stars at most") \
  I(codes, 40, 2, 255, "", SIZE, "different codes")
#define SIGHTS_METRICS(M)                             \
  M(perf, "0..1: share of right answers")             \
  M(score, "right answers")                           \
  M(star, "0..1: share of right answers about stars") \
  M(code, "0..1: share of right answers about codes") \
  M(tree, "0..1: share of right answers about trees")
SHOAL_PARAMS_STRUCT(Sights, SIGHTS_PARAMS)
SHOAL_METRICS_STRUCT(Sights, SIGHTS_METRICS)

#define SHOAL_ENV_AGENTS 1
#define SHOAL_HAS_SCRIPTED

enum { SIGHTS_STARS = 64, SIGHTS_ROWS = 4, SIGHTS_COLUMNS = 5, SIGHTS_CELLS = SIGHTS_ROWS * SIGHTS_COLUMNS };
enum { SIGHTS_GRASS, SIGHTS_ROCK, SIGHTS_TREE, SIGHTS_THINGS };

typedef struct {
  ShoalHead head;
  float x[SIGHTS_STARS], y[SIGHTS_STARS];  // those behind `near` are shown too, close to the middle
  int32_t near, code[2];
  int32_t right[3];  // answers of this life
  uint8_t map[SIGHTS_CELLS];
  uint8_t unused[4];
} SightsState;

SHOAL_HOST const char *sights_spec(const SightsParams *params, ShoalSpec *out) {
  out->version = 1;
  out->agents = 1;
  out->max_steps = 32;
  shoal_field(out, "stars", SHOAL_KIND_SET, SHOAL_F32, params->stars, 2, 1, 0, -1.0f, 1.0f, "x and y of each star");
  out->fields[0].count_field = shoal_field(out, "near", SHOAL_KIND_VECTOR, SHOAL_I16, 1, 1, 1, 0, 0.0f,
                                           (float)params->stars, "how many stars there are");
  shoal_field(out, "codes", SHOAL_KIND_CATEGORY, SHOAL_U8, 1, 2, 1, params->codes, 0.0f, (float)params->codes - 1.0f,
              "two different codes");
  shoal_field(out, "map", SHOAL_KIND_GRID, SHOAL_U8, SIGHTS_ROWS, SIGHTS_COLUMNS, 1, SIGHTS_THINGS, 0.0f, 2.0f,
              "0 grass, 1 rock, 2 tree");
  shoal_discrete(out, "star", 4, 0, "right up|left up|left down|right down");
  shoal_discrete(out, "code", 2, 0, "smaller|larger");
  shoal_discrete(out, "tree", 2, 0, "no|yes");
  return 0;
}

SHOAL_FN int32_t sights_quadrant(float x, float y) { return y >= 0.0f ? x < 0.0f : 2 + (x >= 0.0f); }

SHOAL_FN int32_t sights_pair_at(const SightsState *state, int32_t cell) {
  return state->map[cell] == SIGHTS_ROCK && cell % SIGHTS_COLUMNS + 1 < SIGHTS_COLUMNS &&
         state->map[cell + 1] == SIGHTS_TREE;
}

// The three right answers.
SHOAL_FN void sights_answers(const SightsState *state, int32_t *answers) {
  int32_t nearest = 0;
  for (int32_t i = 1; i < state->near; i++) {
    float d = state->x[i] * state->x[i] + state->y[i] * state->y[i];
    float least = state->x[nearest] * state->x[nearest] + state->y[nearest] * state->y[nearest];
    if (d < least) { nearest = i; }
  }
  answers[0] = sights_quadrant(state->x[nearest], state->y[nearest]);
  answers[1] = state->code[0] > state->code[1];
  answers[2] = 0;
  for (int32_t cell = 0; cell < SIGHTS_CELLS; cell++) { answers[2] |= sights_pair_at(state, cell); }
}

SHOAL_FN void sights_draw_anew(const SightsParams *params, SightsState *state) {
  state->near = 1 + shoal_below(&state->head, params->stars);
  for (int32_t i = 0; i < params->stars; i++) {
    float reach = i < state->near ? 1.0f : 0.05f;
    state->x[i] = shoal_uniform(&state->head, -reach, reach);
    state->y[i] = shoal_uniform(&state->head, -reach, reach);
  }
  state->code[0] = shoal_below(&state->head, params->codes);
  state->code[1] = (state->code[0] + 1 + shoal_below(&state->head, params->codes - 1)) % params->codes;
  for (int32_t cell = 0; cell < SIGHTS_CELLS; cell++) {
    state->map[cell] = (uint8_t)shoal_below(&state->head, SIGHTS_THINGS);
  }
  int32_t without = shoal_below(&state->head, 2);  // in half of the maps every pair loses its rock
  for (int32_t cell = 0; cell < SIGHTS_CELLS; cell++) {
    if (without && sights_pair_at(state, cell)) { state->map[cell] = SIGHTS_GRASS; }
  }
}

SHOAL_FN void sights_reset(const SightsParams *params, const void *shared, SightsState *state) {
  (void)shared;
  sights_draw_anew(params, state);
}

SHOAL_FN void sights_step(const SightsParams *params, const void *shared, SightsState *state, const int32_t *discrete,
                          const float *continuous, const ShoalResult *result) {
  SightsMetrics *metrics = (SightsMetrics *)result->metrics;
  (void)shared, (void)continuous;
  int32_t answers[3], right = 0;
  sights_answers(state, answers);
  for (int32_t i = 0; i < 3; i++) {
    state->right[i] += discrete[i] == answers[i];
    right += discrete[i] == answers[i];
  }
  sights_draw_anew(params, state);
  result->reward[0] = (float)right / 3.0f;
  float steps = (float)state->head.tick;
  metrics->score += (float)right;
  metrics->perf = metrics->score / (3.0f * steps);
  metrics->star = (float)state->right[0] / steps;
  metrics->code = (float)state->right[1] / steps;
  metrics->tree = (float)state->right[2] / steps;
}

SHOAL_FN void sights_observe(const SightsParams *params, const void *shared, const SightsState *state, int32_t agent,
                             void *row, uint8_t *mask) {
  (void)shared, (void)agent, (void)mask;
  uint8_t *out = (uint8_t *)row;
  int16_t near = (int16_t)state->near;
  for (int32_t i = 0; i < params->stars; i++, out += 8) {
    __builtin_memcpy(out, &state->x[i], 4);
    __builtin_memcpy(out + 4, &state->y[i], 4);
  }
  __builtin_memcpy(out, &near, 2);
  out[2] = (uint8_t)state->code[0];
  out[3] = (uint8_t)state->code[1];
  __builtin_memcpy(out + 4, state->map, SIGHTS_CELLS);
}

// Right; below level 1 sometimes the first of all answers.
SHOAL_FN void sights_scripted(const SightsParams *params, const void *shared, const SightsState *state, int32_t agent,
                              float level, uint64_t rng, int32_t *discrete, float *continuous) {
  (void)params, (void)shared, (void)agent, (void)continuous;
  sights_answers(state, discrete);
  if (shoal_uniform_of(rng) >= level) { discrete[0] = discrete[1] = discrete[2] = 0; }
}
