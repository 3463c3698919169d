// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Advantages and value targets of one row of T steps (docs/concepts/algorithm.md):
//
//   n_t = 0 if terminated, V_final_t if truncated, V_{t+1} inside the rollout, V_T at the end
//   u_t = r_t + gamma n_t - V_t
//   (1) E_t = min(w_t, rho) u_t + gamma lambda min(w_t, c) (1 - done_t) E_{t+1}
//   (2) R_t = V_t + E_t
//   (3) A_t = u_t + gamma lambda (1 - done_t) E_{t+1}
//
// w = 1 gives generalised advantage estimation (Schulman et al. 2016) for both; c = 1 gives V-trace's error (Espeholt
// et al. 2018, with lambda). The single-output form has A = E. Rows with learn = 0 have E = A = 0 and cut the trace.
#ifndef SHOAL_ADVANTAGE_H
#define SHOAL_ADVANTAGE_H

#include "shoal/shoal.h"

typedef struct {
  float gamma, gae_lambda, rho_clip, c_clip;
  int32_t single;      // the single-output form
  float reward_scale;  // rewards are multiplied by it and clipped to +-reward_clip
  float reward_clip;
} ShoalAdvantage;

// rewards, values, final_values, weights (T,) f32; ended (T,) SHOAL_TERMINATED | SHOAL_TRUNCATED; learn (T,) u8;
// last_value: V_T. Writes advantages and targets (T,).
SHOAL_API void shoal_advantage(const ShoalAdvantage *config, int32_t steps, const float *rewards, const float *values,
                               const float *final_values, const float *weights, const uint8_t *ended,
                               const uint8_t *learn, float last_value, float *advantages, float *targets);

#endif
