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

// Steps of the inner index by which panels are fetched into the first-level cache before their use: the processor's own
// prefetcher starts anew at every page. LINE: floats of a cache line.
enum { AHEAD = 16, LINE = 16 };

// One tile of y: `count` rows by one or two vectors (constants after inlining).
static inline __attribute__((always_inline)) void tile(float *y, int64_t ldy, const float *x, int64_t ldx,
                                                       const float *panel, const float *bias, int32_t inner,
                                                       int32_t accumulate, int32_t count, int32_t two) {
  shoal_vector left[SHOAL_TILE_ROWS], right[SHOAL_TILE_ROWS];
  for (int32_t i = 0; i < count; i++) {
    if (bias) {
      left[i] = *(const shoal_vector *)bias;
      if (two) { right[i] = *(const shoal_vector *)(bias + SHOAL_LANES); }
    } else if (accumulate) {
      left[i] = *(const shoal_vector *)(y + i * ldy);
      if (two) { right[i] = *(const shoal_vector *)(y + i * ldy + SHOAL_LANES); }
    } else {
      left[i] = right[i] = (shoal_vector){0};
    }
  }
  for (int32_t k = 0; k < inner; k++) {
    for (int32_t j = 0; j < (two ? SHOAL_TILE_COLUMNS : SHOAL_LANES); j += LINE) {
      __builtin_prefetch(panel + (int64_t)(k + AHEAD) * SHOAL_PANEL + j);
    }
    shoal_vector w0 = *(const shoal_vector *)(panel + (int64_t)k * SHOAL_PANEL), w1 = w0;
    if (two) { w1 = *(const shoal_vector *)(panel + (int64_t)k * SHOAL_PANEL + SHOAL_LANES); }
#pragma GCC unroll 12
    for (int32_t i = 0; i < count; i++) {
      shoal_vector a = x[i * ldx + k] - (shoal_vector){0};
      left[i] = shoal_vector_fma(a, w0, left[i]);
      if (two) { right[i] = shoal_vector_fma(a, w1, right[i]); }
    }
  }
  for (int32_t i = 0; i < count; i++) {
    *(shoal_vector *)(y + i * ldy) = left[i];
    if (two) { *(shoal_vector *)(y + i * ldy + SHOAL_LANES) = right[i]; }
  }
}

// Rows of the next tile: all, but for the last two tiles, which share evenly: a tile of few rows waits for its own
// sums.
static inline int32_t tile_rows(int32_t left) {
  if (left >= 2 * SHOAL_TILE_ROWS || left <= SHOAL_TILE_ROWS) {
    return left < SHOAL_TILE_ROWS ? left : SHOAL_TILE_ROWS;
  }
  return (left + 1) / 2;
}

#define SHOAL_TILE_CASE(n, ...) \
  case n: tile(__VA_ARGS__, n, two); break;

static inline __attribute__((always_inline)) void tile_of(float *y, int64_t ldy, const float *x, int64_t ldx,
                                                          const float *panel, const float *bias, int32_t inner,
                                                          int32_t accumulate, int32_t count, int32_t two) {
  switch (count) {
    SHOAL_TILE_CASE(1, y, ldy, x, ldx, panel, bias, inner, accumulate)
    SHOAL_TILE_CASE(2, y, ldy, x, ldx, panel, bias, inner, accumulate)
    SHOAL_TILE_CASE(3, y, ldy, x, ldx, panel, bias, inner, accumulate)
    SHOAL_TILE_CASE(4, y, ldy, x, ldx, panel, bias, inner, accumulate)
    SHOAL_TILE_CASE(5, y, ldy, x, ldx, panel, bias, inner, accumulate)
    SHOAL_TILE_CASE(6, y, ldy, x, ldx, panel, bias, inner, accumulate)
#if defined(__AVX512F__) || defined(__ARM_NEON)
    SHOAL_TILE_CASE(7, y, ldy, x, ldx, panel, bias, inner, accumulate)
    SHOAL_TILE_CASE(8, y, ldy, x, ldx, panel, bias, inner, accumulate)
    SHOAL_TILE_CASE(9, y, ldy, x, ldx, panel, bias, inner, accumulate)
    SHOAL_TILE_CASE(10, y, ldy, x, ldx, panel, bias, inner, accumulate)
    SHOAL_TILE_CASE(11, y, ldy, x, ldx, panel, bias, inner, accumulate)
    SHOAL_TILE_CASE(12, y, ldy, x, ldx, panel, bias, inner, accumulate)
#endif
  }
}

void shoal_gemm(float *y, int64_t ldy, const float *x, int64_t ldx, const float *packed, const float *bias,
                int32_t rows, int32_t inner, int32_t columns, int32_t accumulate) {
  // Rows outside, panels inside: a tile's rows of x stay in the first-level cache, the panels in the second.
  for (int32_t r = 0, count; r < rows; r += count) {
    count = tile_rows(rows - r);
    for (int32_t c = 0; c < columns; c += SHOAL_TILE_COLUMNS) {
      const float *panel = packed + (int64_t)(c / SHOAL_PANEL) * SHOAL_PANEL * inner + c % SHOAL_PANEL;
      const float *b = bias ? bias + c : 0;
      if (columns - c > SHOAL_LANES) {
        tile_of(y + r * ldy + c, ldy, x + r * ldx, ldx, panel, b, inner, accumulate, count, 1);
      } else {
        tile_of(y + r * ldy + c, ldy, x + r * ldx, ldx, panel, b, inner, accumulate, count, 0);
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
  // The next tile of w, which a large tape may have driven out of the second-level cache.
  for (int32_t i = count; i < 2 * count; i++) {
    for (int32_t j = 0; j < SHOAL_TILE_COLUMNS; j += LINE) { __builtin_prefetch(w + i * ldw + j); }
  }
  for (int32_t r = 0; r < rows; r++) {
    __builtin_prefetch(dy + (r + AHEAD / 2) * ldy + count - 1);
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

// `vectors` (a constant) neighbouring vectors of columns, kept in registers over all rows.
static inline __attribute__((always_inline)) void sum_vectors(float *sum, const float *x, int64_t ldx, int32_t rows,
                                                              int32_t vectors) {
  shoal_vector total[8];
  for (int32_t i = 0; i < vectors; i++) { total[i] = *(const shoal_vector *)(sum + i * SHOAL_LANES); }
  for (int32_t r = 0; r < rows; r++) {
#pragma GCC unroll 8
    for (int32_t i = 0; i < vectors; i++) { total[i] += *(const shoal_vector *)(x + r * ldx + i * SHOAL_LANES); }
  }
  for (int32_t i = 0; i < vectors; i++) { *(shoal_vector *)(sum + i * SHOAL_LANES) = total[i]; }
}

void shoal_column_sum(float *sum, const float *x, int64_t ldx, int32_t rows, int32_t columns) {
  int32_t c = 0;
  for (; c + 8 * SHOAL_LANES <= columns; c += 8 * SHOAL_LANES) { sum_vectors(sum + c, x + c, ldx, rows, 8); }
  for (; c + SHOAL_LANES <= columns; c += SHOAL_LANES) { sum_vectors(sum + c, x + c, ldx, rows, 1); }
  for (; c < columns; c++) {
    for (int32_t r = 0; r < rows; r++) { sum[c] += x[r * ldx + c]; }
  }
}
