// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Global-norm clip, AdamW without decay (Loshchilov, Hutter 2019), and Muon (Jordan et al. 2024) in float64.
#include <math.h>

#include "reference.h"

double shoal_ref_clip_norm(int64_t n, double max_norm, double *gradient) {
  double square = 0.0;
  for (int64_t i = 0; i < n; i++) { square += gradient[i] * gradient[i]; }
  double norm = sqrt(square), scale = norm > max_norm ? max_norm / norm : 1.0;
  for (int64_t i = 0; i < n; i++) { gradient[i] *= scale; }
  return norm;
}

void shoal_ref_adamw(int64_t n, int64_t t, double learning_rate, const double *gradient, double *m, double *v,
                     double *weights) {
  const double beta1 = 0.9, beta2 = 0.999;
  for (int64_t i = 0; i < n; i++) {
    m[i] = beta1 * m[i] + (1.0 - beta1) * gradient[i];
    v[i] = beta2 * v[i] + (1.0 - beta2) * gradient[i] * gradient[i];
    double m_hat = m[i] / (1.0 - pow(beta1, (double)t)), v_hat = v[i] / (1.0 - pow(beta2, (double)t));
    weights[i] -= learning_rate * m_hat / (sqrt(v_hat) + SHOAL_REF_EPSILON);
  }
}

// out (a, c) = x (a, b) y (b, c).
static void multiply(int32_t a, int32_t b, int32_t c, const double *x, const double *y, double *out) {
  for (int64_t i = 0; i < a; i++) {
    for (int32_t k = 0; k < c; k++) {
      double sum = 0.0;
      for (int32_t j = 0; j < b; j++) { sum += x[i * b + j] * y[(int64_t)j * c + k]; }
      out[i * c + k] = sum;
    }
  }
}

// out (cols, rows) = transpose of x (rows, cols).
static void transpose(int32_t rows, int32_t cols, const double *x, double *out) {
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < cols; j++) { out[j * rows + i] = x[i * cols + j]; }
  }
}

// X <- a X + (b A + c A A) X with A = X X^T, X short by long.
void shoal_ref_newton_schulz(int32_t rows, int32_t cols, double *x, double *work) {
  const double a = 3.4445, b = -4.7750, c = 2.0315;
  int32_t tall = rows > cols, small = tall ? cols : rows, large = tall ? rows : cols;
  int64_t size = (int64_t)small * large;
  double *wide = work, *other = wide + size, *gram = other + size, *square = gram + (int64_t)small * small;

  double norm = 0.0;
  for (int64_t i = 0; i < size; i++) { norm += x[i] * x[i]; }
  norm = sqrt(norm) + 1e-7;
  for (int64_t i = 0; i < size; i++) { x[i] /= norm; }
  if (tall) {
    transpose(rows, cols, x, wide);
  } else {
    for (int64_t i = 0; i < size; i++) { wide[i] = x[i]; }
  }
  for (int32_t step = 0; step < 5; step++) {
    transpose(small, large, wide, other);
    multiply(small, large, small, wide, other, gram);
    multiply(small, small, small, gram, gram, square);
    for (int64_t i = 0; i < (int64_t)small * small; i++) { gram[i] = b * gram[i] + c * square[i]; }
    multiply(small, small, large, gram, wide, other);
    for (int64_t i = 0; i < size; i++) { wide[i] = a * wide[i] + other[i]; }
  }
  if (tall) {
    transpose(small, large, wide, x);
  } else {
    for (int64_t i = 0; i < size; i++) { x[i] = wide[i]; }
  }
}

void shoal_ref_muon(int32_t rows, int32_t cols, double learning_rate, double momentum, const double *gradient,
                    double *m, double *weights, double *work) {
  int64_t size = (int64_t)rows * cols;
  double *u = work;
  for (int64_t i = 0; i < size; i++) {
    m[i] = momentum * m[i] + gradient[i];
    u[i] = gradient[i] + momentum * m[i];
  }
  shoal_ref_newton_schulz(rows, cols, u, work + size);
  double scale = rows > cols ? sqrt((double)rows / cols) : 1.0;
  for (int64_t i = 0; i < size; i++) { weights[i] -= learning_rate * scale * u[i]; }
}
