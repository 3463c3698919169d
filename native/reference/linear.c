// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The linear layer, y = x w^T + b, and its gradients.
#include "reference.h"

void shoal_ref_linear(int64_t n, int32_t in, int32_t out, const double *x, const double *w, const double *b,
                      int32_t accumulate, double *y) {
  for (int64_t i = 0; i < n; i++) {
    for (int32_t o = 0; o < out; o++) {
      double sum = b ? b[o] : 0.0;
      for (int32_t k = 0; k < in; k++) { sum += x[i * in + k] * w[(int64_t)o * in + k]; }
      y[i * out + o] = accumulate ? y[i * out + o] + sum : sum;
    }
  }
}

void shoal_ref_linear_backward(int64_t n, int32_t in, int32_t out, const double *x, const double *w, const double *dy,
                               double *dx, double *dw, double *db) {
  for (int64_t i = 0; i < n; i++) {
    for (int32_t k = 0; dx && k < in; k++) {
      double sum = 0.0;
      for (int32_t o = 0; o < out; o++) { sum += dy[i * out + o] * w[(int64_t)o * in + k]; }
      dx[i * in + k] = sum;
    }
    for (int32_t o = 0; o < out; o++) {
      for (int32_t k = 0; k < in; k++) { dw[(int64_t)o * in + k] += dy[i * out + o] * x[i * in + k]; }
      if (db) { db[o] += dy[i * out + o]; }
    }
  }
}
