// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
#include "nn/gemm.h"  // first: it gives env.h the fused multiply-add

#include "learn/optimizer.h"

// Workspace: x and its successor (short, long) each, the Gram matrix and the polynomial of it (short, short) each, and
// one packed right-hand side.
int64_t shoal_muon_floats(int32_t rows, int32_t columns) {
  int64_t a = rows < columns ? rows : columns, b = rows < columns ? columns : rows;
  int64_t lda = shoal_padded((int32_t)a), ldb = shoal_padded((int32_t)b);
  return 2 * a * ldb + 2 * a * lda + ldb * a + lda * b + 64;
}

// y (n, n) = x (n, inner) * packed, known to be symmetric: panels on and below the diagonal, the rest by mirroring.
// Both halves are the same sums of the same products, so the bits are those of the whole product.
static void symmetric_product(float *y, int64_t ld, const float *x, int64_t ldx, const float *packed, int32_t n,
                              int32_t inner) {
  for (int32_t r = 0; r < n; r += SHOAL_PANEL) {
    int32_t rows = n - r < SHOAL_PANEL ? n - r : SHOAL_PANEL;
    shoal_gemm(y + r * ld, ld, x + r * ldx, ldx, packed, 0, rows, inner, r + rows, 0);
    for (int32_t i = r; i < r + rows; i++) {
      for (int32_t j = 0; j < r; j++) { y[j * ld + i] = y[i * ld + j]; }
    }
  }
}

void shoal_muon(float *w, const float *g, float *m, int32_t rows, int32_t columns, float scale, float rate,
                float momentum, float *workspace) {
  int32_t transposed = rows > columns, a = transposed ? columns : rows, b = transposed ? rows : columns;
  int64_t lda = shoal_padded(a), ldb = shoal_padded(b);
  float *x = workspace, *y = x + a * ldb, *gram = y + a * ldb, *poly = gram + a * lda, *packed = poly + a * lda;
  double norm = 0.0;
  for (int32_t r = 0; r < rows; r++) {
    for (int32_t c = 0; c < columns; c++) {
      int64_t i = (int64_t)r * columns + c;
      float gradient = g[i] * scale;
      m[i] = shoal_fma(momentum, m[i], gradient);
      float u = shoal_fma(momentum, m[i], gradient);
      x[transposed ? c * ldb + r : r * ldb + c] = u;
      norm += (double)u * (double)u;
    }
  }
  float inverse = (float)(1.0 / (__builtin_sqrt(norm) + 1e-7));
  for (int32_t i = 0; i < a; i++) {
    for (int32_t j = 0; j < b; j++) { x[i * ldb + j] *= inverse; }
  }
  for (int32_t iteration = 0; iteration < 5; iteration++) {
    // A = X X^T;  P = -4.7750 A + 2.0315 A A;  X <- 3.4445 X + P X
    shoal_pack_transposed(packed, x, b, a, ldb);
    symmetric_product(gram, lda, x, ldb, packed, a, b);
    shoal_pack(packed, gram, a, a, lda);
    symmetric_product(poly, lda, gram, lda, packed, a, a);
    for (int32_t i = 0; i < a; i++) {
      for (int32_t j = 0; j < a; j++) {
        poly[i * lda + j] = shoal_fma(2.0315f, poly[i * lda + j], -4.7750f * gram[i * lda + j]);
      }
    }
    shoal_pack(packed, x, a, b, ldb);
    shoal_gemm(y, ldb, poly, lda, packed, 0, a, a, b, 0);
    for (int32_t i = 0; i < a; i++) {
      for (int32_t j = 0; j < b; j++) { x[i * ldb + j] = shoal_fma(3.4445f, x[i * ldb + j], y[i * ldb + j]); }
    }
  }
  float step = rate * shoal_sqrt(shoal_max(1.0f, (float)rows / (float)columns));
  for (int32_t r = 0; r < rows; r++) {
    for (int32_t c = 0; c < columns; c++) {
      w[(int64_t)r * columns + c] -= step * x[transposed ? c * ldb + r : r * ldb + c];
    }
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
