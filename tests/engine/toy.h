// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// toy: an environment whose agents end when they say so, so that a test can write down what the engine must do.
// Compiled with none or some of TOY_LIVE (who ends is absent for two steps), TOY_RESPAWN.
//
// Observation  episode, tick, agent, born (tick of the agent's reset or respawn)
// Action       `end`: 0 go on, 1 terminate, 2 truncate, 3 both, 4 the world is over; `pick`: 1 or 2 are legal;
//              `push` in [-1, 2], `far` in [1, 3]
// Reward       tick + 10 * agent; absent agents write garbage everywhere
// Metrics      perf is 0.5, score counts the steps of the life by adding 1
#include "shoal/env.h"

#define TOY_PARAMS(F, I, B, C) I(agents, 2, 1, 8, "", SIZE, "agents in a world")
#define TOY_METRICS(M) M(perf, "0..1: one half") M(score, "steps of the life")
SHOAL_PARAMS_STRUCT(Toy, TOY_PARAMS)
SHOAL_METRICS_STRUCT(Toy, TOY_METRICS)

typedef struct {
  ShoalHead head;
  int32_t wait[8];  // steps until the agent is back; 0: it is there
  int32_t born[8];  // tick
} ToyState;

SHOAL_HOST const char *toy_spec(const ToyParams *params, ShoalSpec *out) {
  out->version = 1;
  out->agents = params->agents;
  out->max_steps = 100;
  shoal_field(out, "state", SHOAL_KIND_VECTOR, SHOAL_F32, 1, 4, 1, 0, 0.0f, 1000.0f, "episode, tick, agent, born");
  shoal_discrete(out, "end", 5, 0, "on|terminate|truncate|both|over");
  shoal_discrete(out, "pick", 3, 1, "never|this|that");
  shoal_continuous(out, "push", -1.0f, 2.0f);
  shoal_continuous(out, "far", 1.0f, 3.0f);
  return 0;
}

SHOAL_FN void toy_reset(const ToyParams *params, const void *shared, ToyState *state) {
  (void)params, (void)shared, (void)state;
}

SHOAL_FN void toy_step(const ToyParams *params, const void *shared, ToyState *state, const int32_t *discrete,
                       const float *continuous, const ShoalResult *result) {
  ToyMetrics *metrics = (ToyMetrics *)result->metrics;
  (void)shared, (void)continuous;
  for (int32_t a = 0; a < params->agents; a++) {
    int32_t end = discrete[2 * a];
    if (state->wait[a] > 0) {
      result->reward[a] = 999.0f;
      result->ended[a] = 3;
      metrics[a].perf = metrics[a].score = 777.0f;
      state->wait[a]--;
      continue;
    }
    result->reward[a] = (float)(state->head.tick + 10u * (uint32_t)a);
    result->ended[a] = (uint8_t)(end < 4 ? end : 0);
    if (end == 4) { *result->over = 1; }
    metrics[a].perf = 0.5f;
    metrics[a].score += 1.0f;
#ifdef TOY_LIVE
    state->wait[a] = result->ended[a] ? 2 : 0;
#endif
  }
}

SHOAL_FN void toy_observe(const ToyParams *params, const void *shared, const ToyState *state, int32_t agent, void *row,
                          uint8_t *mask) {
  float *out = (float *)row;
  (void)params, (void)shared;
  out[0] = (float)state->head.episode;
  out[1] = (float)state->head.tick;
  out[2] = (float)agent;
  out[3] = (float)state->born[agent];
  mask[0] = 0;
  mask[1] = mask[2] = 1;
}

#ifdef TOY_LIVE
#define SHOAL_HAS_LIVE
SHOAL_FN int32_t toy_live(const ToyParams *params, const ToyState *state, int32_t agent) {
  (void)params;
  return state->wait[agent] == 0;
}
#endif

#ifdef TOY_RESPAWN
#define SHOAL_HAS_RESPAWN
SHOAL_FN void toy_respawn(const ToyParams *params, const void *shared, ToyState *state, int32_t agent) {
  (void)params, (void)shared;
  state->born[agent] = (int32_t)state->head.tick;
}
#endif
