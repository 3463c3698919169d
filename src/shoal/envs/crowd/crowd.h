// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// crowd: agents of one world who come and go, each with a bit of its own. The probe of absence and identity.
//
// Observation  reading  1000 - 1 or 1000 + 1 in the first row of a life: the agent's bit; 1000 afterwards
// Action       answer   0 or 1
// Reward       +1 for the agent's own bit, -1 for the other
// Start        agents present or away at random
// Terminated   a life, after any step, with probability 1/life; the agent then stays away for 1 .. 2 away - 1 steps,
//              uniformly, and returns with a new bit
// Truncated    the world, after 256 steps (vec.max_steps)
// Version 1.
//
// For absent agents `step` writes rewards of +-1e6, flags and metrics that mean nothing: the engine must drop them. An
// absent agent's row is zero: counted by the normaliser, such rows make the spread of the readings a few hundred in
// place of 1, and the bit drowns. To be right after the first row of a life takes a memory for each agent that is its
// own and starts afresh in each of its lives.
#include "shoal/env.h"

enum { CROWD_MOST = 64 };

#define CROWD_PARAMS(F, I, B, C)                              \
  I(agents, 16, 1, CROWD_MOST, "", SIZE, "agents in a world") \
  F(life, 8, 1, 200, "steps", VALUE, "mean length of a life") \
  I(away, 8, 1, 1000, "steps", VALUE, "mean length of an absence")
#define CROWD_METRICS(M)                            \
  M(perf, "0..1: share of right answers in a life") \
  M(score, "right answers minus wrong ones in a life")
SHOAL_PARAMS_STRUCT(Crowd, CROWD_PARAMS)
SHOAL_METRICS_STRUCT(Crowd, CROWD_METRICS)

#define SHOAL_HAS_LIVE
#define SHOAL_HAS_SCRIPTED

typedef struct {
  ShoalHead head;
  int32_t bit[CROWD_MOST];
  int32_t age[CROWD_MOST];     // steps of this life
  int32_t away[CROWD_MOST];    // steps until the return; 0: present
  uint8_t answer[CROWD_MOST];  // the last of this life, to be drawn: 1 or 2 for 0 or 1; 0: none yet
} CrowdState;

SHOAL_HOST const char *crowd_spec(const CrowdParams *params, ShoalSpec *out) {
  out->version = 1;
  out->agents = params->agents;
  out->max_steps = 256;
  shoal_field(out, "reading", SHOAL_KIND_VECTOR, SHOAL_F32, 1, 1, 1, 0, 999.0f, 1001.0f, "1000, and the bit at first");
  shoal_discrete(out, "answer", 2, 0, "0|1");
  return 0;
}

SHOAL_FN void crowd_reset(const CrowdParams *params, const void *shared, CrowdState *state) {
  (void)shared;
  for (int32_t a = 0; a < params->agents; a++) {
    state->bit[a] = shoal_below(&state->head, 2);
    state->away[a] = shoal_below(&state->head, 2) * shoal_below(&state->head, 2 * params->away);
  }
}

SHOAL_FN void crowd_step(const CrowdParams *params, const void *shared, CrowdState *state, const int32_t *discrete,
                         const float *continuous, const ShoalResult *result) {
  CrowdMetrics *metrics = (CrowdMetrics *)result->metrics;
  (void)shared, (void)continuous;
  for (int32_t a = 0; a < params->agents; a++) {
    if (state->away[a] > 0) {
      result->reward[a] = state->away[a] & 1 ? 1e6f : -1e6f;  // garbage, for the engine to drop
      result->ended[a] = SHOAL_TRUNCATED;
      metrics[a].perf = 1e6f;
      if (--state->away[a] == 0) {
        state->bit[a] = shoal_below(&state->head, 2);
        state->age[a] = 0;
        state->answer[a] = 0;
      }
      continue;
    }
    int32_t right = discrete[a] == state->bit[a];
    state->age[a]++;
    state->answer[a] = (uint8_t)(1 + discrete[a]);
    result->reward[a] = right ? 1.0f : -1.0f;
    metrics[a].score += result->reward[a];
    metrics[a].perf = 0.5f + 0.5f * metrics[a].score / (float)state->age[a];
    if (shoal_uniform(&state->head, 0.0f, params->life) < 1.0f) {
      result->ended[a] = SHOAL_TERMINATED;
      state->away[a] = 1 + shoal_below(&state->head, 2 * params->away - 1);
    }
  }
}

SHOAL_FN void crowd_observe(const CrowdParams *params, const void *shared, const CrowdState *state, int32_t agent,
                            void *row, uint8_t *mask) {
  (void)params, (void)shared, (void)mask;
  *(float *)row = 1000.0f + (state->age[agent] ? 0.0f : state->bit[agent] ? 1.0f : -1.0f);
}

SHOAL_FN int32_t crowd_live(const CrowdParams *params, const CrowdState *state, int32_t agent) {
  (void)params;
  return state->away[agent] == 0;
}

// Knows the agent's bit; below level 1 sometimes answers at random.
SHOAL_FN void crowd_scripted(const CrowdParams *params, const void *shared, const CrowdState *state, int32_t agent,
                             float level, uint64_t rng, int32_t *discrete, float *continuous) {
  (void)params, (void)shared, (void)continuous;
  discrete[0] = shoal_uniform_of(rng) < level ? state->bit[agent] : (int32_t)(rng & 1);
}
