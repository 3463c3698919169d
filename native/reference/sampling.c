// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Drawing actions and minibatches from given uniform numbers.
#include <math.h>

#include "reference.h"

int32_t shoal_ref_sample_discrete(int32_t size, const double *logits, const uint8_t *mask, double u) {
  double top = -INFINITY, total = 0.0, cumulative = 0.0;
  int32_t last = 0;
  for (int32_t a = 0; a < size; a++) {
    if ((!mask || mask[a]) && logits[a] > top) { top = logits[a]; }
  }
  for (int32_t a = 0; a < size; a++) {
    if (!mask || mask[a]) { total += exp(logits[a] - top); }
  }
  for (int32_t a = 0; a < size; a++) {
    if (mask && !mask[a]) { continue; }
    cumulative += exp(logits[a] - top) / total;
    if (cumulative > u) { return a; }
    last = a;
  }
  return last;
}

double shoal_ref_sample_normal(double u, double v) { return sqrt(-2.0 * log(u)) * cos(6.28318530717958647693 * v); }

void shoal_ref_priorities(int32_t segments, int32_t length, const double *advantage, const uint8_t *learn, double alpha,
                          double *p) {
  double total = 0.0;
  for (int64_t m = 0; m < segments; m++) {
    double sum = 0.0;
    for (int32_t t = 0; t < length; t++) { sum += learn[m * length + t] ? fabs(advantage[m * length + t]) : 0.0; }
    p[m] = sum > 0.0 ? pow(sum, alpha) : 0.0;
    total += p[m];
  }
  for (int32_t m = 0; m < segments; m++) { p[m] = total > 0.0 ? p[m] / total : 1.0 / segments; }
}

void shoal_ref_importance(int32_t segments, const double *p, double beta, double *omega) {
  for (int32_t m = 0; m < segments; m++) { omega[m] = p[m] > 0.0 ? pow(segments * p[m], -beta) : 0.0; }
}

void shoal_ref_resample(int32_t segments, const double *p, int32_t count, double u, int32_t *drawn) {
  double cumulative = 0.0;
  int32_t i = 0;
  for (int32_t m = 0; m < segments; m++) {
    cumulative += p[m];
    while (i < count && (u + i) / count < cumulative) { drawn[i++] = m; }
  }
  while (i < count) { drawn[i++] = segments - 1; }  // the sum of p may round to just below 1
}

void shoal_ref_permute(int32_t n, uint64_t key, int32_t *items) {
  for (int32_t i = n - 1; i > 0; i--) {
    uint64_t hash = shoal_hash(key, SHOAL_TAG_BATCH, (uint64_t)i, 0);
    int32_t j = (int32_t)(((hash >> 32) * (uint64_t)(i + 1)) >> 32);
    int32_t swap = items[i];
    items[i] = items[j];
    items[j] = swap;
  }
}
