// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The LSTM layer, gate blocks in torch's order:
//   (i, f, g, o) = W_x x + W_h h + b,   c <- sigmoid(f) c + sigmoid(i) tanh(g),   h <- sigmoid(o) tanh(c),   y = h.
// h and c become 0 before a step that starts a life. A segment begins from a stored state, through which no gradient
// flows.
#include <math.h>

#include "reference.h"

static double sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }

// Of `series` (B, S, H), what unit j had before step t of segment b; `state` (B, H) holds it at the first step.
static double before(int64_t b, int32_t t, int32_t j, int32_t length, int32_t hidden, const uint8_t *starts,
                     const double *state, const double *series) {
  if (starts[b * length + t]) { return 0.0; }
  return t == 0 ? state[b * hidden + j] : series[(b * length + t - 1) * hidden + j];
}

void shoal_ref_lstm(int32_t segments, int32_t length, int32_t hidden, const double *x, const uint8_t *starts,
                    const double *state, const double *w_x, const double *w_h, const double *b, double *gates,
                    double *cell, double *y) {
  const double *cell_state = state + (int64_t)segments * hidden;
  shoal_ref_linear((int64_t)segments * length, hidden, 4 * hidden, x, w_x, b, 0, gates);
  for (int64_t segment = 0; segment < segments; segment++) {
    for (int32_t t = 0; t < length; t++) {
      int64_t n = segment * length + t;
      double *gate = gates + n * 4 * hidden;
      for (int32_t row = 0; row < 4 * hidden; row++) {
        for (int32_t j = 0; j < hidden; j++) {
          gate[row] += w_h[(int64_t)row * hidden + j] * before(segment, t, j, length, hidden, starts, state, y);
        }
      }
      for (int32_t j = 0; j < hidden; j++) {
        double i = sigmoid(gate[j]), f = sigmoid(gate[hidden + j]), g = tanh(gate[2 * hidden + j]);
        double c = f * before(segment, t, j, length, hidden, starts, cell_state, cell) + i * g;
        cell[n * hidden + j] = c;
        y[n * hidden + j] = sigmoid(gate[3 * hidden + j]) * tanh(c);
      }
    }
  }
}

void shoal_ref_lstm_backward(int32_t segments, int32_t length, int32_t hidden, const double *x, const uint8_t *starts,
                             const double *state, const double *w_x, const double *w_h, const double *gates,
                             const double *cell, const double *y, const double *dy, double *dgates, double *dx,
                             double *dw_x, double *dw_h, double *db) {
  const double *cell_state = state + (int64_t)segments * hidden;
  for (int64_t segment = 0; segment < segments; segment++) {
    for (int32_t t = length - 1; t >= 0; t--) {
      // Nothing flows back from a step that began from 0. dx holds, at the step behind, the gradient of its cell.
      int64_t n = segment * length + t;
      int32_t joined = t + 1 < length && !starts[n + 1];
      const double *gate = gates + n * 4 * hidden;
      double *dgate = dgates + n * 4 * hidden;
      for (int32_t j = 0; j < hidden; j++) {
        double i = sigmoid(gate[j]), f = sigmoid(gate[hidden + j]), g = tanh(gate[2 * hidden + j]);
        double o = sigmoid(gate[3 * hidden + j]), squashed = tanh(cell[n * hidden + j]);
        double dh = dy[n * hidden + j], dc = 0.0;
        if (joined) {
          for (int32_t row = 0; row < 4 * hidden; row++) {
            dh += dgate[4 * hidden + row] * w_h[(int64_t)row * hidden + j];
          }
          dc = dx[(n + 1) * hidden + j] * sigmoid(gate[5 * hidden + j]);
        }
        dc += dh * o * (1.0 - squashed * squashed);
        dx[n * hidden + j] = dc;
        dgate[j] = dc * g * i * (1.0 - i);
        dgate[hidden + j] = dc * before(segment, t, j, length, hidden, starts, cell_state, cell) * f * (1.0 - f);
        dgate[2 * hidden + j] = dc * i * (1.0 - g * g);
        dgate[3 * hidden + j] = dh * squashed * o * (1.0 - o);
      }
      for (int32_t row = 0; row < 4 * hidden; row++) {
        for (int32_t j = 0; j < hidden; j++) {
          dw_h[(int64_t)row * hidden + j] += dgate[row] * before(segment, t, j, length, hidden, starts, state, y);
        }
      }
    }
  }
  shoal_ref_linear_backward((int64_t)segments * length, hidden, 4 * hidden, x, w_x, dgates, dx, dw_x, db);
}
