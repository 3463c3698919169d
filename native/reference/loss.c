// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The loss: sums over learn rows, divided by their number n, with w = pi_new / pi_old,
//   L = 1/n sum omega [ max(-A^ w, -A^ clip(w, 1 +- eps)) + c_v 1/2 (V - R)^2 - c_e H ].
// With value clipping the square is max((V - R)^2, (V_old + clip(V - V_old, +-eps_v) - R)^2).
#include <math.h>

#include "reference.h"

static double clip(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

void shoal_ref_normalize(const ShoalRefCoefficients *coefficients, int64_t n, const uint8_t *learn,
                         const double *advantage, double *out) {
  double count = 0.0, mean = 0.0, square = 0.0;
  for (int64_t i = 0; i < n; i++) {
    if (learn[i]) { count += 1.0, mean += advantage[i]; }
  }
  mean /= count > 0.0 ? count : 1.0;
  for (int64_t i = 0; i < n; i++) {
    if (learn[i]) { square += (advantage[i] - mean) * (advantage[i] - mean); }
  }
  double std = sqrt(square / (count > 0.0 ? count : 1.0));
  if (std < coefficients->advantage_floor) { std = coefficients->advantage_floor; }
  for (int64_t i = 0; i < n; i++) { out[i] = learn[i] ? (advantage[i] - mean) / (std + SHOAL_REF_EPSILON) : 0.0; }
}

void shoal_ref_loss(const ShoalRefCoefficients *coefficients, int64_t n, const uint8_t *learn, const double *log_prob,
                    const double *old_log_prob, const double *values, const double *old_values, const double *returns,
                    const double *advantage, const double *omega, const double *entropy_discrete,
                    const double *entropy_continuous, double *dlog_prob, double *dvalues, double *dentropy_discrete,
                    double *dentropy_continuous, ShoalRefLog *log) {
  const ShoalRefCoefficients *c = coefficients;
  double count = 0.0;
  for (int64_t i = 0; i < n; i++) { count += learn[i] != 0; }
  *log = (ShoalRefLog){0};
  for (int64_t i = 0; i < n; i++) {
    dlog_prob[i] = dvalues[i] = dentropy_discrete[i] = dentropy_continuous[i] = 0.0;
    if (!learn[i]) { continue; }
    double weight = omega[i] / count, log_w = log_prob[i] - old_log_prob[i], w = exp(log_w);
    double plain = -advantage[i] * w, clipped = -advantage[i] * clip(w, 1.0 - c->clip_coef, 1.0 + c->clip_coef);
    double policy = plain >= clipped ? plain : clipped;  // where the clipped one is larger, w is outside: no gradient
    dlog_prob[i] = plain >= clipped ? weight * plain : 0.0;

    double error = values[i] - returns[i], square = error * error, dsquare = 2.0 * error;
    double step = values[i] - old_values[i];
    if (c->vf_clip > 0.0 && fabs(step) > c->vf_clip) {  // inside, both squares are the same but for their rounding
      double near = old_values[i] + clip(step, -c->vf_clip, c->vf_clip) - returns[i];
      if (near * near > square) {
        square = near * near;
        dsquare = 0.0;
      }
    }
    dvalues[i] = weight * c->vf_coef * 0.5 * dsquare;
    dentropy_discrete[i] = -weight * c->ent_coef;
    dentropy_continuous[i] = -weight * c->ent_coef_continuous;

    log->policy_loss += weight * policy;
    log->value_loss += weight * 0.5 * square;
    log->entropy += (entropy_discrete[i] + entropy_continuous[i]) / count;
    log->kl += (w - 1.0 - log_w) / count;
    log->clip_fraction += (fabs(w - 1.0) > c->clip_coef) / count;
    log->ratio_error = fabs(w - 1.0) > log->ratio_error ? fabs(w - 1.0) : log->ratio_error;
    log->loss += weight * (policy + c->vf_coef * 0.5 * square - c->ent_coef * entropy_discrete[i] -
                           c->ent_coef_continuous * entropy_continuous[i]);
  }
}

double shoal_ref_explained_variance(int64_t n, const uint8_t *learn, const double *values, const double *returns) {
  double count = 0.0, mean = 0.0, mean_error = 0.0, square = 0.0, square_error = 0.0;
  for (int64_t i = 0; i < n; i++) {
    if (learn[i]) { count += 1.0, mean += returns[i], mean_error += returns[i] - values[i]; }
  }
  if (count == 0.0) { return 0.0; }
  mean /= count, mean_error /= count;
  for (int64_t i = 0; i < n; i++) {
    if (!learn[i]) { continue; }
    double deviation = returns[i] - mean, error = returns[i] - values[i] - mean_error;
    square += deviation * deviation, square_error += error * error;
  }
  return square > 0.0 ? 1.0 - square_error / square : 0.0;
}
