// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// kinds: every kind of observation field and of action, each number following from the tick, so that a test can write
// down what another library must be given.
//
// Observation  see kinds_observe; t is the tick, which starts at 0
// Action       `end`: 1 terminates; `pick`: after an even tick 0 and 2 are legal, after an odd one 1; `push` in [-1, 1]
// Reward       100 * end + 10 * pick + push
// Truncated    after 5 steps (vec.max_steps)
#include "shoal/env.h"

#define KINDS_PARAMS(F, I, B, C) \
  F(pull, 1, 0, 9, "", VALUE, "shown in `speed`") B(push, 1, SIZE, "there is a dimension")
#define KINDS_METRICS(M) M(perf, "0..1: nothing") M(score, "steps")
SHOAL_PARAMS_STRUCT(Kinds, KINDS_PARAMS)
SHOAL_METRICS_STRUCT(Kinds, KINDS_METRICS)
#define SHOAL_ENV_AGENTS 1

typedef struct {
  ShoalHead head;
} KindsState;

typedef struct {
  uint8_t hand, suits[2], known[2];
  int8_t board[4];
  uint8_t screen[12];
  uint8_t unused;
  int16_t count;
  float things[6], speed, far[4];
} KindsRow;

SHOAL_HOST const char *kinds_spec(const KindsParams *params, ShoalSpec *out) {
  out->version = 3;
  out->agents = 1;
  out->max_steps = 5;
  shoal_field(out, "hand", SHOAL_KIND_CATEGORY, SHOAL_U8, 1, 1, 1, 4, 0, 3, "t % 4");
  shoal_field(out, "suits", SHOAL_KIND_CATEGORY, SHOAL_U8, 1, 2, 1, 3, 0, 2, "t % 3, 2");
  shoal_field(out, "known", SHOAL_KIND_FLAG, SHOAL_U8, 1, 2, 1, 0, 0, 1, "t % 2, 1");
  shoal_field(out, "board", SHOAL_KIND_GRID, SHOAL_I8, 2, 2, 1, 3, 0, 2, "0, 1, 2, t % 3");
  shoal_field(out, "screen", SHOAL_KIND_IMAGE, SHOAL_U8, 2, 2, 3, 0, 0, 255, "t + element");
  shoal_field(out, "count", SHOAL_KIND_VECTOR, SHOAL_I16, 1, 1, 1, 0, -300, 300, "-300 + t");
  int32_t set = shoal_field(out, "things", SHOAL_KIND_SET, SHOAL_F32, 3, 2, 1, 0, -1, 1, "element / 10");
  out->fields[set].count_field = 5;
  shoal_field(out, "speed", SHOAL_KIND_VECTOR, SHOAL_F32, 1, 1, 1, 0, 0, 9, "pull");
  shoal_field(out, "far", SHOAL_KIND_FLAG, SHOAL_F32, 2, 2, 1, 0, 0, 1, "1, 0, 1, t % 2");
  shoal_discrete(out, "end", 2, 0, "on|end");
  shoal_discrete(out, "pick", 3, 1, "a|b|c");
  if (params->push) { shoal_continuous(out, "push", -1, 1); }
  return 0;
}

SHOAL_FN void kinds_reset(const KindsParams *params, const void *shared, KindsState *state) {
  (void)params, (void)shared, (void)state;
}

SHOAL_FN void kinds_step(const KindsParams *params, const void *shared, KindsState *state, const int32_t *discrete,
                         const float *continuous, const ShoalResult *result) {
  KindsMetrics *metrics = (KindsMetrics *)result->metrics;
  (void)shared, (void)state;
  result->reward[0] = (float)(100 * discrete[0] + 10 * discrete[1]) + (params->push ? continuous[0] : 0.0f);
  result->ended[0] = discrete[0] ? SHOAL_TERMINATED : 0;
  metrics->score += 1.0f;
}

SHOAL_FN void kinds_observe(const KindsParams *params, const void *shared, const KindsState *state, int32_t agent,
                            void *row, uint8_t *mask) {
  int32_t t = (int32_t)state->head.tick;
  KindsRow *out = (KindsRow *)row;
  (void)shared, (void)agent;
  out->hand = (uint8_t)(t % 4);
  out->suits[0] = (uint8_t)(t % 3);
  out->suits[1] = 2;
  out->known[0] = (uint8_t)(t % 2);
  out->known[1] = 1;
  for (int32_t i = 0; i < 3; i++) { out->board[i] = (int8_t)i; }
  out->board[3] = (int8_t)(t % 3);
  for (int32_t i = 0; i < 12; i++) { out->screen[i] = (uint8_t)(t + i); }
  out->unused = 0;
  out->count = (int16_t)(t - 300);
  for (int32_t i = 0; i < 6; i++) { out->things[i] = (float)i / 10.0f; }
  out->speed = params->pull;
  for (int32_t i = 0; i < 4; i++) { out->far[i] = i == 3 ? (float)(t % 2) : (float)(i % 2 == 0); }
  for (int32_t i = 0; i < 3; i++) { mask[i] = (uint8_t)((i + t) % 2 == 0); }
}
