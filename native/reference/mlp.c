// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The mlp core's activations; its layers are linear.c.
#include <math.h>

#include "reference.h"

void shoal_ref_activation(int32_t kind, int64_t n, double *x) {
  for (int64_t i = 0; i < n; i++) { x[i] = kind ? tanh(x[i]) : x[i] > 0.0 ? x[i] : 0.0; }
}

void shoal_ref_activation_backward(int32_t kind, int64_t n, const double *y, double *dy) {
  for (int64_t i = 0; i < n; i++) { dy[i] *= kind ? 1.0 - y[i] * y[i] : y[i] > 0.0 ? 1.0 : 0.0; }
}
