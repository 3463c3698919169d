// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Log-probabilities and entropies of the actions that were taken, summed over heads and dimensions, and their
// gradients. A masked logit takes no part. A continuous dimension is a Gaussian around its mean with a log-std that
// does not depend on the state, clipped to [-4, 0.5]; its raw sample is scored.
#include <math.h>

#include "reference.h"

#define LOG_STD_LOW -4.0
#define LOG_STD_HIGH 0.5
#define HALF_LOG_2PI 0.91893853320467274178

static double clipped_log_std(double x) { return x < LOG_STD_LOW ? LOG_STD_LOW : x > LOG_STD_HIGH ? LOG_STD_HIGH : x; }

static int32_t outputs_of(const ShoalSpec *spec) {
  int32_t outputs = spec->num_dims;
  for (int32_t h = 0; h < spec->num_heads; h++) { outputs += spec->heads[h].size; }
  return outputs;
}

// log of the sum of exp over the legal logits.
static double log_sum(int32_t size, const double *logits, const uint8_t *mask) {
  double top = -INFINITY, sum = 0.0;
  for (int32_t a = 0; a < size; a++) {
    if (!mask || mask[a]) { top = logits[a] > top ? logits[a] : top; }
  }
  for (int32_t a = 0; a < size; a++) {
    if (!mask || mask[a]) { sum += exp(logits[a] - top); }
  }
  return top + log(sum);
}

// H = -sum p log p over the legal actions.
static double entropy_of(int32_t size, const double *logits, const uint8_t *mask) {
  double total = log_sum(size, logits, mask), entropy = 0.0;
  for (int32_t a = 0; a < size; a++) {
    if (!mask || mask[a]) { entropy -= exp(logits[a] - total) * (logits[a] - total); }
  }
  return entropy;
}

void shoal_ref_heads(const ShoalSpec *spec, int64_t n, const double *outputs, const double *log_std,
                     const uint8_t *masks, const int32_t *discrete, const double *continuous, double *log_prob,
                     double *entropy_discrete, double *entropy_continuous) {
  int32_t width = outputs_of(spec);
  for (int64_t i = 0; i < n; i++) {
    const double *out = outputs + i * width;
    const uint8_t *mask = masks + i * spec->mask_bytes;
    log_prob[i] = entropy_discrete[i] = entropy_continuous[i] = 0.0;
    for (int32_t h = 0; h < spec->num_heads; h++) {
      int32_t size = spec->heads[h].size, masked = spec->heads[h].masked;
      log_prob[i] += out[discrete[i * spec->num_heads + h]] - log_sum(size, out, masked ? mask : 0);
      entropy_discrete[i] += entropy_of(size, out, masked ? mask : 0);
      out += size;
      mask += masked ? size : 0;
    }
    for (int32_t d = 0; d < spec->num_dims; d++) {
      double log_sigma = clipped_log_std(log_std[d]);
      double z = (continuous[i * spec->num_dims + d] - out[d]) / exp(log_sigma);
      log_prob[i] += -0.5 * z * z - log_sigma - HALF_LOG_2PI;
      entropy_continuous[i] += log_sigma + 0.5 + HALF_LOG_2PI;
    }
  }
}

void shoal_ref_heads_backward(const ShoalSpec *spec, int64_t n, const double *outputs, const double *log_std,
                              const uint8_t *masks, const int32_t *discrete, const double *continuous,
                              const double *dlog_prob, const double *dentropy_discrete,
                              const double *dentropy_continuous, double *doutputs, double *dlog_std) {
  int32_t width = outputs_of(spec);
  for (int64_t i = 0; i < n; i++) {
    const double *out = outputs + i * width;
    double *dout = doutputs + i * width;
    const uint8_t *mask = masks + i * spec->mask_bytes;
    for (int32_t h = 0; h < spec->num_heads; h++) {
      int32_t size = spec->heads[h].size, masked = spec->heads[h].masked;
      const uint8_t *legal = masked ? mask : 0;
      double total = log_sum(size, out, legal), entropy = entropy_of(size, out, legal);
      for (int32_t a = 0; a < size; a++) {
        dout[a] = 0.0;
        if (legal && !legal[a]) { continue; }
        double log_p = out[a] - total, p = exp(log_p), taken = discrete[i * spec->num_heads + h] == a;
        dout[a] = dlog_prob[i] * (taken - p);                     // d log p(taken) / d logit
        dout[a] -= dentropy_discrete[i] * p * (log_p + entropy);  // dH / d logit
      }
      out += size;
      dout += size;
      mask += masked ? size : 0;
    }
    for (int32_t d = 0; d < spec->num_dims; d++) {
      double log_sigma = clipped_log_std(log_std[d]), sigma = exp(log_sigma);
      double z = (continuous[i * spec->num_dims + d] - out[d]) / sigma;
      dout[d] = dlog_prob[i] * z / sigma;
      if (log_std[d] >= LOG_STD_LOW && log_std[d] <= LOG_STD_HIGH) {  // the clip passes no gradient outside
        dlog_std[d] += dlog_prob[i] * (z * z - 1.0) + dentropy_continuous[i];
      }
    }
  }
}
