// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// levels: an environment with a Shared block and one VALUE parameter of every type, which says what it sees of them.
//
// Observation  level of the Shared block, pull, tick
// Action       `end`: 1 terminates
// Reward       pull
#include "shoal/env.h"

#define LEVELS_PARAMS(F, I, B, C)                       \
  I(agents, 1, 1, 4, "", SIZE, "agents in a world")     \
  F(pull, 1.0f, -10, 10, "N", VALUE, "the reward")      \
  I(lives, 3, 1, 2000000000, "", VALUE, "whole number") \
  B(wind, 0, VALUE, "a switch")                         \
  C(task, "hover", "hover|orbit|race", VALUE, "a choice")
#define LEVELS_METRICS(M) M(perf, "0..1: one half") M(score, "pull")
SHOAL_PARAMS_STRUCT(Levels, LEVELS_PARAMS)
SHOAL_METRICS_STRUCT(Levels, LEVELS_METRICS)

typedef struct {
  ShoalHead head;
} LevelsState;

typedef struct {
  float level, pull;  // pull: as it was when the block was built
} LevelsShared;

#define SHOAL_HAS_SHARED
SHOAL_HOST int64_t levels_shared_bytes(const LevelsParams *params) {
  (void)params;
  return (int64_t)sizeof(LevelsShared);
}

SHOAL_HOST void levels_shared(const LevelsParams *params, uint64_t seed, LevelsShared *out) {
  out->level = (float)(seed % 1000);
  out->pull = params->pull;
}

SHOAL_HOST const char *levels_spec(const LevelsParams *params, ShoalSpec *out) {
  out->version = 1;
  out->agents = params->agents;
  out->max_steps = 20;
  shoal_field(out, "state", SHOAL_KIND_VECTOR, SHOAL_F32, 1, 3, 1, 0, -1000.0f, 1000.0f, "level, pull, tick");
  shoal_discrete(out, "end", 2, 0, "on|end");
  return 0;
}

SHOAL_FN void levels_reset(const LevelsParams *params, const LevelsShared *shared, LevelsState *state) {
  (void)params, (void)shared, (void)state;
}

SHOAL_FN void levels_step(const LevelsParams *params, const LevelsShared *shared, LevelsState *state,
                          const int32_t *discrete, const float *continuous, const ShoalResult *result) {
  LevelsMetrics *metrics = (LevelsMetrics *)result->metrics;
  (void)shared, (void)state, (void)continuous;
  for (int32_t a = 0; a < params->agents; a++) {
    result->reward[a] = params->pull;
    result->ended[a] = discrete[a] ? SHOAL_TERMINATED : 0;
    metrics[a].perf = 0.5f;
    metrics[a].score = params->pull;
  }
}

SHOAL_FN void levels_observe(const LevelsParams *params, const LevelsShared *shared, const LevelsState *state,
                             int32_t agent, void *row, uint8_t *mask) {
  float *out = (float *)row;
  (void)agent, (void)mask;
  out[0] = shared->level;
  out[1] = params->pull;
  out[2] = (float)state->head.tick;
}
