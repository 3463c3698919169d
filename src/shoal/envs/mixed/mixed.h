// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// mixed: two discrete choices and some continuous ones, which count only together. The probe of composite actions.
//
// Observation  shape  three flags, one of them set: the shape that is wanted
//              colour four flags, one of them set: the colour that is wanted
//              side   float per dial, -1 or 1: the side of the middle on which it must be
// Action       shape  0 .. 2;  colour 0 .. 3;  dial0 .. in [-1, 1]
// Reward       1 if shape, colour and every dial are right, else 0
// Start        wishes drawn uniformly; they are drawn anew at every step
// Truncated    after 32 steps (vec.max_steps); never terminated
// Version 1.
//
// A choice whose log-probability is left out gets no gradient and stays near chance: 1/4 of the steps for the colour,
// 1/3 for the shape, 1/2 for a dial.
#include "shoal/env.h"

#define MIXED_PARAMS(F, I, B, C) I(dials, 2, 1, 8, "", SIZE, "continuous dimensions")
#define MIXED_METRICS(M)                                        \
  M(perf, "0..1: share of steps in which everything was right") \
  M(score, "steps in which everything was right")
SHOAL_PARAMS_STRUCT(Mixed, MIXED_PARAMS)
SHOAL_METRICS_STRUCT(Mixed, MIXED_METRICS)

#define SHOAL_ENV_AGENTS 1
#define SHOAL_HAS_SCRIPTED

enum { MIXED_SHAPES = 3, MIXED_COLOURS = 4 };

typedef struct {
  int32_t shape, colour;
  float side[8];  // -1 or 1; of what was done, where the dial stood
} MixedWish;

typedef struct {
  ShoalHead head;
  MixedWish wish;        // what is wanted
  MixedWish last, done;  // what was wanted before, and what the agent then did, to be drawn
} MixedState;

SHOAL_HOST const char *mixed_spec(const MixedParams *params, ShoalSpec *out) {
  SHOAL_TABLE char names[8][6] = {"dial0", "dial1", "dial2", "dial3", "dial4", "dial5", "dial6", "dial7"};
  out->version = 1;
  out->agents = 1;
  out->max_steps = 32;
  shoal_field(out, "shape", SHOAL_KIND_FLAG, SHOAL_U8, 1, MIXED_SHAPES, 1, 0, 0.0f, 1.0f, "the wanted shape");
  shoal_field(out, "colour", SHOAL_KIND_FLAG, SHOAL_U8, 1, MIXED_COLOURS, 1, 0, 0.0f, 1.0f, "the wanted colour");
  shoal_field(out, "side", SHOAL_KIND_VECTOR, SHOAL_F32, 1, params->dials, 1, 0, -1.0f, 1.0f, "sign of each dial");
  shoal_discrete(out, "shape", MIXED_SHAPES, 0, "circle|square|triangle");
  shoal_discrete(out, "colour", MIXED_COLOURS, 0, "red|green|blue|yellow");
  for (int32_t i = 0; i < params->dials; i++) { shoal_continuous(out, names[i], -1.0f, 1.0f); }
  return 0;
}

SHOAL_FN void mixed_new_wish(const MixedParams *params, MixedState *state) {
  state->wish.shape = shoal_below(&state->head, MIXED_SHAPES);
  state->wish.colour = shoal_below(&state->head, MIXED_COLOURS);
  for (int32_t i = 0; i < params->dials; i++) { state->wish.side[i] = shoal_below(&state->head, 2) ? 1.0f : -1.0f; }
}

SHOAL_FN void mixed_reset(const MixedParams *params, const void *shared, MixedState *state) {
  (void)shared;
  mixed_new_wish(params, state);
}

SHOAL_FN int32_t mixed_right(const MixedParams *params, const MixedWish *wish, int32_t shape, int32_t colour,
                             const float *dials) {
  int32_t right = shape == wish->shape && colour == wish->colour;
  for (int32_t i = 0; i < params->dials; i++) { right = right && dials[i] * wish->side[i] > 0.0f; }
  return right;
}

SHOAL_FN void mixed_step(const MixedParams *params, const void *shared, MixedState *state, const int32_t *discrete,
                         const float *continuous, const ShoalResult *result) {
  MixedMetrics *metrics = (MixedMetrics *)result->metrics;
  (void)shared;
  int32_t right = mixed_right(params, &state->wish, discrete[0], discrete[1], continuous);
  state->last = state->wish;
  state->done.shape = discrete[0];
  state->done.colour = discrete[1];
  for (int32_t i = 0; i < params->dials; i++) { state->done.side[i] = continuous[i]; }
  mixed_new_wish(params, state);
  result->reward[0] = (float)right;
  metrics->score += (float)right;
  metrics->perf = metrics->score / (float)state->head.tick;
}

SHOAL_FN void mixed_observe(const MixedParams *params, const void *shared, const MixedState *state, int32_t agent,
                            void *row, uint8_t *mask) {
  uint8_t *flags = (uint8_t *)row;
  float *side = (float *)row + 2;  // after 7 flags, aligned to 4 bytes
  (void)shared, (void)agent, (void)mask;
  for (int32_t i = 0; i < MIXED_SHAPES; i++) { flags[i] = (uint8_t)(i == state->wish.shape); }
  for (int32_t i = 0; i < MIXED_COLOURS; i++) { flags[MIXED_SHAPES + i] = (uint8_t)(i == state->wish.colour); }
  flags[7] = 0;
  for (int32_t i = 0; i < params->dials; i++) { side[i] = state->wish.side[i]; }
}

// Does what is wanted; below level 1 sometimes asks for the next colour.
SHOAL_FN void mixed_scripted(const MixedParams *params, const void *shared, const MixedState *state, int32_t agent,
                             float level, uint64_t rng, int32_t *discrete, float *continuous) {
  (void)shared, (void)agent;
  discrete[0] = state->wish.shape;
  discrete[1] = (state->wish.colour + (shoal_uniform_of(rng) >= level)) % MIXED_COLOURS;
  for (int32_t i = 0; i < params->dials; i++) { continuous[i] = state->wish.side[i]; }
}
