// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The micro-kernel holds a tile of SHOAL_TILE_ROWS x (2 vectors) outputs in registers and walks the inner index once:
// two loads of the packed panel and one broadcast a row feed two fused multiply-adds a row. On AVX-512 that is 24
// accumulators, 14 loads and 24 multiply-adds a step, bound by the multiply-add ports.
#include "nn/gemm.h"

void shoal_pack(float *packed, const float *source, int32_t inner, int32_t columns, int64_t ld) {
  for (int32_t c = 0; c < columns; c += SHOAL_PANEL) {
    int32_t width = columns - c < SHOAL_PANEL ? columns - c : SHOAL_PANEL;
    for (int32_t k = 0; k < inner; k++, packed += SHOAL_PANEL) {
      for (int32_t j = 0; j < width; j++) { packed[j] = source[k * ld + c + j]; }
      for (int32_t j = width; j < SHOAL_PANEL; j++) { packed[j] = 0.0f; }
    }
  }
}

void shoal_pack_transposed(float *packed, const float *source, int32_t inner, int32_t columns, int64_t ld) {
  for (int32_t c = 0; c < columns; c += SHOAL_PANEL) {
    int32_t width = columns - c < SHOAL_PANEL ? columns - c : SHOAL_PANEL;
    for (int32_t k = 0; k < inner; k++, packed += SHOAL_PANEL) {
      for (int32_t j = 0; j < width; j++) { packed[j] = source[(c + j) * ld + k]; }
      for (int32_t j = width; j < SHOAL_PANEL; j++) { packed[j] = 0.0f; }
    }
  }
}

// One tile of y: `count` rows (a constant after inlining) by two vectors.
static inline __attribute__((always_inline)) void tile(float *y, int64_t ldy, const float *x, int64_t ldx,
                                                       const float *panel, const float *bias, int32_t inner,
                                                       int32_t accumulate, int32_t count) {
  shoal_vector left[SHOAL_TILE_ROWS], right[SHOAL_TILE_ROWS];
  for (int32_t i = 0; i < count; i++) {
    if (bias) {
      left[i] = *(const shoal_vector *)bias;
      right[i] = *(const shoal_vector *)(bias + SHOAL_LANES);
    } else if (accumulate) {
      left[i] = *(const shoal_vector *)(y + i * ldy);
      right[i] = *(const shoal_vector *)(y + i * ldy + SHOAL_LANES);
    } else {
      left[i] = (shoal_vector){0};
      right[i] = (shoal_vector){0};
    }
  }
  for (int32_t k = 0; k < inner; k++) {
    shoal_vector w0 = *(const shoal_vector *)(panel + (int64_t)k * SHOAL_PANEL);
    shoal_vector w1 = *(const shoal_vector *)(panel + (int64_t)k * SHOAL_PANEL + SHOAL_LANES);
#pragma GCC unroll 12
    for (int32_t i = 0; i < count; i++) {
      shoal_vector a = x[i * ldx + k] - (shoal_vector){0};
      left[i] = shoal_vector_fma(a, w0, left[i]);
      right[i] = shoal_vector_fma(a, w1, right[i]);
    }
  }
  for (int32_t i = 0; i < count; i++) {
    *(shoal_vector *)(y + i * ldy) = left[i];
    *(shoal_vector *)(y + i * ldy + SHOAL_LANES) = right[i];
  }
}

#define SHOAL_TILE_CASE(n, ...) \
  case n: tile(__VA_ARGS__, n); break;

void shoal_gemm(float *y, int64_t ldy, const float *x, int64_t ldx, const float *packed, const float *bias,
                int32_t rows, int32_t inner, int32_t columns, int32_t accumulate) {
  // Rows outside, panels inside: a tile's rows of x stay in the first-level cache, the panels in the second.
  for (int32_t r = 0; r < rows; r += SHOAL_TILE_ROWS) {
    int32_t count = rows - r < SHOAL_TILE_ROWS ? rows - r : SHOAL_TILE_ROWS;
    for (int32_t c = 0; c < columns; c += SHOAL_TILE_COLUMNS) {
      const float *panel = packed + (int64_t)(c / SHOAL_PANEL) * SHOAL_PANEL * inner + c % SHOAL_PANEL;
      const float *b = bias ? bias + c : 0;
      float *out = y + r * ldy + c;
      const float *in = x + r * ldx;
      switch (count) {
        SHOAL_TILE_CASE(1, out, ldy, in, ldx, panel, b, inner, accumulate)
        SHOAL_TILE_CASE(2, out, ldy, in, ldx, panel, b, inner, accumulate)
        SHOAL_TILE_CASE(3, out, ldy, in, ldx, panel, b, inner, accumulate)
        SHOAL_TILE_CASE(4, out, ldy, in, ldx, panel, b, inner, accumulate)
        SHOAL_TILE_CASE(5, out, ldy, in, ldx, panel, b, inner, accumulate)
        SHOAL_TILE_CASE(6, out, ldy, in, ldx, panel, b, inner, accumulate)
#if defined(__AVX512F__) || defined(__ARM_NEON)
        SHOAL_TILE_CASE(7, out, ldy, in, ldx, panel, b, inner, accumulate)
        SHOAL_TILE_CASE(8, out, ldy, in, ldx, panel, b, inner, accumulate)
        SHOAL_TILE_CASE(9, out, ldy, in, ldx, panel, b, inner, accumulate)
        SHOAL_TILE_CASE(10, out, ldy, in, ldx, panel, b, inner, accumulate)
        SHOAL_TILE_CASE(11, out, ldy, in, ldx, panel, b, inner, accumulate)
        SHOAL_TILE_CASE(12, out, ldy, in, ldx, panel, b, inner, accumulate)
#endif
      }
    }
  }
}

// One tile of a weight gradient: `count` outputs by two vectors of inputs, over all rows.
static inline __attribute__((always_inline)) void tile_outer(float *w, int64_t ldw, const float *dy, int64_t ldy,
                                                             const float *x, int64_t ldx, int32_t rows, int32_t count) {
  shoal_vector left[SHOAL_TILE_ROWS], right[SHOAL_TILE_ROWS];
  for (int32_t i = 0; i < count; i++) {
    left[i] = *(const shoal_vector *)(w + i * ldw);
    right[i] = *(const shoal_vector *)(w + i * ldw + SHOAL_LANES);
  }
  for (int32_t r = 0; r < rows; r++) {
    shoal_vector x0 = *(const shoal_vector *)(x + r * ldx);
    shoal_vector x1 = *(const shoal_vector *)(x + r * ldx + SHOAL_LANES);
#pragma GCC unroll 12
    for (int32_t i = 0; i < count; i++) {
      shoal_vector a = dy[r * ldy + i] - (shoal_vector){0};
      left[i] = shoal_vector_fma(a, x0, left[i]);
      right[i] = shoal_vector_fma(a, x1, right[i]);
    }
  }
  for (int32_t i = 0; i < count; i++) {
    *(shoal_vector *)(w + i * ldw) = left[i];
    *(shoal_vector *)(w + i * ldw + SHOAL_LANES) = right[i];
  }
}

#define SHOAL_OUTER_CASE(n, ...) \
  case n: tile_outer(__VA_ARGS__, n); break;

void shoal_gemm_outer(float *w, int64_t ldw, const float *dy, int64_t ldy, const float *x, int64_t ldx, int32_t rows,
                      int32_t outputs, int32_t inputs) {
  for (int32_t c = 0; c < inputs; c += SHOAL_TILE_COLUMNS) {
    for (int32_t o = 0; o < outputs; o += SHOAL_TILE_ROWS) {
      int32_t count = outputs - o < SHOAL_TILE_ROWS ? outputs - o : SHOAL_TILE_ROWS;
      float *out = w + o * ldw + c;
      const float *left = dy + o, *right = x + c;
      switch (count) {
        SHOAL_OUTER_CASE(1, out, ldw, left, ldy, right, ldx, rows)
        SHOAL_OUTER_CASE(2, out, ldw, left, ldy, right, ldx, rows)
        SHOAL_OUTER_CASE(3, out, ldw, left, ldy, right, ldx, rows)
        SHOAL_OUTER_CASE(4, out, ldw, left, ldy, right, ldx, rows)
        SHOAL_OUTER_CASE(5, out, ldw, left, ldy, right, ldx, rows)
        SHOAL_OUTER_CASE(6, out, ldw, left, ldy, right, ldx, rows)
#if defined(__AVX512F__) || defined(__ARM_NEON)
        SHOAL_OUTER_CASE(7, out, ldw, left, ldy, right, ldx, rows)
        SHOAL_OUTER_CASE(8, out, ldw, left, ldy, right, ldx, rows)
        SHOAL_OUTER_CASE(9, out, ldw, left, ldy, right, ldx, rows)
        SHOAL_OUTER_CASE(10, out, ldw, left, ldy, right, ldx, rows)
        SHOAL_OUTER_CASE(11, out, ldw, left, ldy, right, ldx, rows)
        SHOAL_OUTER_CASE(12, out, ldw, left, ldy, right, ldx, rows)
#endif
      }
    }
  }
}

void shoal_column_sum(float *sum, const float *x, int64_t ldx, int32_t rows, int32_t columns) {
  for (int32_t r = 0; r < rows; r++) {
    for (int32_t c = 0; c < columns; c++) { sum[c] += x[r * ldx + c]; }
  }
}
