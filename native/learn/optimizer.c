// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
#include "nn/gemm.h"  // first: it gives env.h the fused multiply-add

#include "learn/optimizer.h"

#include <string.h>

// Workspace: X^T and its successor (long, short) each, the Gram matrix and the polynomial of it (short, short) each,
// and one packed right-hand side.
int64_t shoal_muon_floats(int32_t rows, int32_t columns) {
  int64_t a = rows < columns ? rows : columns, b = rows < columns ? columns : rows, lda = shoal_stride((int32_t)a);
  return (2 * b + 3 * a) * lda;
}

// y (n, n) is known to be symmetric, and has its panels on and below the diagonal: rows first to first + rows of them.
static void mirror(float *y, int64_t ld, int32_t first, int32_t rows) {
  for (int32_t i = first; i < first + rows; i++) {
    for (int32_t j = 0; j < first; j++) { y[j * ld + i] = y[i * ld + j]; }
  }
}

// Both products of a symmetric result are made to the diagonal alone: the other half are the same sums of the same
// products. X is kept transposed, so that no product needs a transposed copy of it.
void shoal_muon(float *w, const float *g, float *m, int32_t rows, int32_t columns, float scale, float rate,
                float momentum, float *workspace) {
  int32_t tall = rows > columns, a = tall ? columns : rows, b = tall ? rows : columns;
  int64_t lda = shoal_stride(a);
  float *x = workspace, *y = x + b * lda, *gram = y + b * lda, *poly = gram + a * lda, *packed = poly + a * lda;
  double norm = 0.0;
  for (int32_t r = 0; r < rows; r++) {
    for (int32_t c = 0; c < columns; c++) {
      int64_t i = (int64_t)r * columns + c;
      float gradient = g[i] * scale;
      m[i] = shoal_fma(momentum, m[i], gradient);
      float u = shoal_fma(momentum, m[i], gradient);
      x[tall ? r * lda + c : c * lda + r] = u;
      norm += (double)u * (double)u;
    }
  }
  float inverse = (float)(1.0 / (__builtin_sqrt(norm) + 1e-7));
  for (int32_t i = 0; i < b; i++) {
    for (int32_t j = 0; j < a; j++) { x[i * lda + j] *= inverse; }
  }
  for (int32_t iteration = 0; iteration < 5; iteration++) {
    // A = X X^T;  P = -4.7750 A + 2.0315 A A;  X <- 3.4445 X + P X
    memset(gram, 0, 4 * (size_t)(a * lda));
    for (int32_t r = 0; r < a; r += SHOAL_PANEL) {
      int32_t count = a - r < SHOAL_PANEL ? a - r : SHOAL_PANEL;
      shoal_gemm_outer(gram + r * lda, lda, x + r, lda, x, lda, b, count, r + count);
      mirror(gram, lda, r, count);
    }
    shoal_pack(packed, gram, a, a, lda);
    for (int32_t r = 0; r < a; r += SHOAL_PANEL) {
      int32_t count = a - r < SHOAL_PANEL ? a - r : SHOAL_PANEL;
      shoal_gemm(poly + r * lda, lda, gram + r * lda, lda, packed, 0, count, a, r + count, 0);
      mirror(poly, lda, r, count);
    }
    for (int32_t i = 0; i < a; i++) {
      for (int32_t j = 0; j < a; j++) {
        poly[i * lda + j] = shoal_fma(2.0315f, poly[i * lda + j], -4.7750f * gram[i * lda + j]);
      }
    }
    shoal_pack(packed, poly, a, a, lda);
    shoal_gemm(y, lda, x, lda, packed, 0, b, a, a, 0);
    for (int32_t i = 0; i < b; i++) {
      for (int32_t j = 0; j < a; j++) { x[i * lda + j] = shoal_fma(3.4445f, x[i * lda + j], y[i * lda + j]); }
    }
  }
  float step = rate * shoal_sqrt(shoal_max(1.0f, (float)rows / (float)columns));
  for (int32_t r = 0; r < rows; r++) {
    for (int32_t c = 0; c < columns; c++) { w[(int64_t)r * columns + c] -= step * x[tall ? r * lda + c : c * lda + r]; }
  }
}

static double power(double base, int64_t exponent) {
  double result = 1.0;
  for (; exponent > 0; exponent /= 2, base *= base) { result *= exponent % 2 ? base : 1.0; }
  return result;
}

void shoal_adamw(float *restrict w, const float *restrict g, float *restrict m, float *restrict v, int64_t n,
                 float scale, float rate, int64_t step) {
  double beta1 = power(0.9, step), beta2 = power(0.999, step);
  float size = (float)((double)rate / (1.0 - beta1)), correction = (float)(1.0 / (1.0 - beta2));
  for (int64_t i = 0; i < n; i++) {
    float gradient = g[i] * scale;
    m[i] = shoal_fma(0.1f, gradient - m[i], m[i]);
    v[i] = shoal_fma(0.001f, gradient * gradient - v[i], v[i]);
    w[i] -= size * m[i] / (shoal_sqrt(v[i] * correction) + 1e-8f);
  }
}
