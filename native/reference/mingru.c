// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The minGRU layer (Feng et al. 2024, in linear space, with a highway):
//   (k~, g, p) = W x + b,   k = k~ + 1/2 if k~ >= 0 else sigmoid(k~),
//   s <- s + sigmoid(g) (k - s),   y = sigmoid(p) s + (1 - sigmoid(p)) x.
// s becomes 0 before a step that starts a life. A segment begins from a stored state, through which no gradient flows.
#include <math.h>

#include "reference.h"

static double sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }

// s before step t of segment b.
static double before(int64_t b, int32_t t, int32_t j, int32_t length, int32_t hidden, const uint8_t *starts,
                     const double *state, const double *memory) {
  if (starts[b * length + t]) { return 0.0; }
  return t == 0 ? state[b * hidden + j] : memory[(b * length + t - 1) * hidden + j];
}

void shoal_ref_mingru(int32_t segments, int32_t length, int32_t hidden, const double *x, const uint8_t *starts,
                      const double *state, const double *w, const double *b, double *gates, double *memory, double *y) {
  shoal_ref_linear((int64_t)segments * length, hidden, 3 * hidden, x, w, b, 0, gates);
  for (int64_t segment = 0; segment < segments; segment++) {
    for (int32_t t = 0; t < length; t++) {
      int64_t i = segment * length + t;
      for (int32_t j = 0; j < hidden; j++) {
        const double *gate = gates + i * 3 * hidden + j;
        double k = gate[0] >= 0.0 ? gate[0] + 0.5 : sigmoid(gate[0]);
        double g = sigmoid(gate[hidden]), p = sigmoid(gate[2 * hidden]);
        double s = before(segment, t, j, length, hidden, starts, state, memory);
        s = s + g * (k - s);
        memory[i * hidden + j] = s;
        y[i * hidden + j] = p * s + (1.0 - p) * x[i * hidden + j];
      }
    }
  }
}

void shoal_ref_mingru_backward(int32_t segments, int32_t length, int32_t hidden, const double *x, const uint8_t *starts,
                               const double *state, const double *w, const double *gates, const double *memory,
                               const double *dy, double *dgates, double *dx, double *dw, double *db) {
  for (int64_t segment = 0; segment < segments; segment++) {
    for (int32_t j = 0; j < hidden; j++) {
      double carry = 0.0;  // gradient of s after step t that comes from the steps behind t
      for (int32_t t = length - 1; t >= 0; t--) {
        int64_t i = segment * length + t;
        const double *gate = gates + i * 3 * hidden + j;
        double *dgate = dgates + i * 3 * hidden + j;
        double k = gate[0] >= 0.0 ? gate[0] + 0.5 : sigmoid(gate[0]);
        double g = sigmoid(gate[hidden]), p = sigmoid(gate[2 * hidden]);
        double old = before(segment, t, j, length, hidden, starts, state, memory);
        double ds = carry + dy[i * hidden + j] * p;
        double dk = ds * g, dg = ds * (k - old), dp = dy[i * hidden + j] * (memory[i * hidden + j] - x[i * hidden + j]);
        dgate[0] = dk * (gate[0] >= 0.0 ? 1.0 : k * (1.0 - k));
        dgate[hidden] = dg * g * (1.0 - g);
        dgate[2 * hidden] = dp * p * (1.0 - p);
        carry = starts[i] ? 0.0 : ds * (1.0 - g);
      }
    }
  }
  shoal_ref_linear_backward((int64_t)segments * length, hidden, 3 * hidden, x, w, dgates, dx, dw, db);
  for (int64_t i = 0; i < (int64_t)segments * length; i++) {  // the highway
    for (int32_t j = 0; j < hidden; j++) {
      dx[i * hidden + j] += dy[i * hidden + j] * (1.0 - sigmoid(gates[i * 3 * hidden + 2 * hidden + j]));
    }
  }
}
