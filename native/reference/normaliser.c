// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Cumulative statistics of observations and returns. Two sets (count, mean, m2) merge as in Chan, Golub, LeVeque 1979:
//   mean = mean_a + delta n_b / n,   m2 = m2_a + m2_b + delta^2 n_a n_b / n,   delta = mean_b - mean_a.
#include <math.h>

#include "reference.h"

void shoal_ref_merge(int64_t n, int32_t features, const double *x, const uint8_t *learn, double *count, double *mean,
                     double *m2) {
  double rows = 0.0;
  for (int64_t i = 0; i < n; i++) { rows += learn[i] != 0; }
  if (rows == 0.0) { return; }
  double total = *count + rows;
  for (int32_t f = 0; f < features; f++) {
    double new_mean = 0.0, new_m2 = 0.0;
    for (int64_t i = 0; i < n; i++) { new_mean += learn[i] ? x[i * features + f] / rows : 0.0; }
    for (int64_t i = 0; i < n; i++) {
      double deviation = x[i * features + f] - new_mean;
      new_m2 += learn[i] ? deviation * deviation : 0.0;
    }
    double delta = new_mean - mean[f];
    mean[f] += delta * rows / total;
    m2[f] += new_m2 + delta * delta * *count * rows / total;
  }
  *count = total;
}

void shoal_ref_returns(int32_t horizon, const double *rewards, const uint8_t *ended, double gamma, double *carry,
                       double *g) {
  for (int32_t t = 0; t < horizon; t++) {
    g[t] = rewards[t] + gamma * *carry;
    *carry = ended[t] ? 0.0 : g[t];
  }
}

double shoal_ref_return_sigma(double count, double m2) {
  double variance = count > 0.0 ? m2 / count : 0.0;
  return variance > 0.0 ? sqrt(variance + SHOAL_REF_EPSILON) : 1.0;
}

void shoal_ref_scale_rewards(int64_t n, double sigma, double *rewards) {
  for (int64_t i = 0; i < n; i++) {
    double r = rewards[i] / sigma;
    rewards[i] = r < -10.0 ? -10.0 : r > 10.0 ? 10.0 : r;
  }
}
