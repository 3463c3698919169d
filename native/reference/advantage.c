// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The advantage of one row, backwards in time. With u_t = r_t + gamma n_t - V_t and w = pi_new / pi_old:
//   (1) error:     E_t = min(w_t, rho) u_t + gamma lambda min(w_t, c) (1 - done_t) E_{t+1}
//   (2) target:    R_t = V_t + E_t
//   (3) advantage: A_t = u_t + gamma lambda (1 - done_t) E_{t+1}
// n_t = 0 if terminated, V of the final observation if truncated, else V_{t+1}. The single form has A = E.
#include "reference.h"

static double least(double a, double b) { return a < b ? a : b; }

void shoal_ref_advantage(int32_t horizon, const double *rewards, const double *values, const double *final_values,
                         double last_value, const uint8_t *ended, const double *ratio, const uint8_t *learn,
                         double gamma, double gae_lambda, double rho_clip, double c_clip, int32_t form, double *error,
                         double *advantage) {
  double next_error = 0.0;
  for (int32_t t = horizon - 1; t >= 0; t--) {
    double next_value = t == horizon - 1 ? last_value : values[t + 1];
    if (ended[t] & SHOAL_TERMINATED) {
      next_value = 0.0;
    } else if (ended[t] & SHOAL_TRUNCATED) {
      next_value = final_values[t];
    }
    double u = rewards[t] + gamma * next_value - values[t];
    double trace = ended[t] ? 0.0 : gamma * gae_lambda * next_error;
    error[t] = least(ratio[t], rho_clip) * u + least(ratio[t], c_clip) * trace;
    advantage[t] = form == SHOAL_ADVANTAGE_SINGLE ? error[t] : u + trace;
    if (!learn[t]) { error[t] = advantage[t] = 0.0; }
    next_error = error[t];
  }
}
