// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Indices go in groups whose table rows stay in the first-level cache while all rows of a pass are summed; within a
// group a row's sums stay in registers. Eight sums at a time hide the latency of an addition.
#include "nn/gather.h"

enum { SUMS = 8, CACHE_FLOATS = 6144 };  // half of a first-level cache of 48 KB; 3/4 of one of 32 KB

// Indices of one group.
static int32_t group_of(int32_t width, int32_t span) {
  int32_t group = CACHE_FLOATS / (width * span);
  return group < SUMS ? SUMS : group;
}

// `rows` rows by `vectors` vectors (constants whose product is SUMS at most).
static inline __attribute__((always_inline)) void gather_block(float *y, int64_t ldy, const float *table, int64_t ldt,
                                                               const int32_t *index, int64_t ldi, int32_t count,
                                                               int32_t rows, int32_t vectors) {
  shoal_vector sum[SUMS];
  for (int32_t r = 0; r < rows; r++) {
    for (int32_t v = 0; v < vectors; v++) {
      sum[r * vectors + v] = *(const shoal_vector *)(y + r * ldy + v * SHOAL_LANES);
    }
  }
  for (int32_t i = 0; i < count; i++) {
#pragma GCC unroll 8
    for (int32_t r = 0; r < rows; r++) {
      const float *at = table + index[r * ldi + i] * ldt;
#pragma GCC unroll 8
      for (int32_t v = 0; v < vectors; v++) { sum[r * vectors + v] += *(const shoal_vector *)(at + v * SHOAL_LANES); }
    }
  }
  for (int32_t r = 0; r < rows; r++) {
    for (int32_t v = 0; v < vectors; v++) { *(shoal_vector *)(y + r * ldy + v * SHOAL_LANES) = sum[r * vectors + v]; }
  }
}

void shoal_gather(float *y, int64_t ldy, const float *table, const int32_t *index, int64_t ldi, int32_t rows,
                  int32_t count, int32_t width, int32_t span) {
  int32_t group = group_of(width, span);
  for (int32_t i = 0; i < count; i += group) {
    int32_t n = count - i < group ? count - i : group;
    for (int32_t c = 0, vectors; c < width; c += vectors * SHOAL_LANES) {
      int32_t left = (width - c) / SHOAL_LANES, r = 0;
      const float *panel = table + c;
      const int32_t *from = index + i;
      vectors = left >= 8 ? 8 : left >= 4 ? 4 : 2;
      if (vectors == 8) {
        for (; r < rows; r++) { gather_block(y + r * ldy + c, ldy, panel, width, from + r * ldi, ldi, n, 1, 8); }
      } else if (vectors == 4) {
        for (; r + 2 <= rows; r += 2) {
          gather_block(y + r * ldy + c, ldy, panel, width, from + r * ldi, ldi, n, 2, 4);
        }
        if (r < rows) { gather_block(y + r * ldy + c, ldy, panel, width, from + r * ldi, ldi, n, 1, 4); }
      } else {
        for (; r + 4 <= rows; r += 4) {
          gather_block(y + r * ldy + c, ldy, panel, width, from + r * ldi, ldi, n, 4, 2);
        }
        for (; r < rows; r++) { gather_block(y + r * ldy + c, ldy, panel, width, from + r * ldi, ldi, n, 1, 2); }
      }
    }
  }
}

static inline __attribute__((always_inline)) void scatter_block(float *table, int64_t ldt, const float *dy, int64_t ldy,
                                                                const int32_t *index, int64_t ldi, int32_t rows,
                                                                int32_t count, int32_t vectors) {
  for (int32_t r = 0; r < rows; r++, dy += ldy, index += ldi) {
    shoal_vector d[SUMS];
    for (int32_t v = 0; v < vectors; v++) { d[v] = *(const shoal_vector *)(dy + v * SHOAL_LANES); }
    for (int32_t i = 0; i < count; i++) {
      float *at = table + index[i] * ldt;
#pragma GCC unroll 8
      for (int32_t v = 0; v < vectors; v++) { *(shoal_vector *)(at + v * SHOAL_LANES) += d[v]; }
    }
  }
}

void shoal_scatter(float *table, const float *dy, int64_t ldy, const int32_t *index, int64_t ldi, int32_t rows,
                   int32_t count, int32_t width, int32_t span) {
  int32_t group = group_of(width, span);
  for (int32_t i = 0; i < count; i += group) {
    int32_t n = count - i < group ? count - i : group;
    for (int32_t c = 0, vectors; c < width; c += vectors * SHOAL_LANES) {
      int32_t left = (width - c) / SHOAL_LANES;
      vectors = left >= 8 ? 8 : left >= 4 ? 4 : 2;
      if (vectors == 8) {
        scatter_block(table + c, width, dy + c, ldy, index + i, ldi, rows, n, 8);
      } else if (vectors == 4) {
        scatter_block(table + c, width, dy + c, ldy, index + i, ldi, rows, n, 4);
      } else {
        scatter_block(table + c, width, dy + c, ldy, index + i, ldi, rows, n, 2);
      }
    }
  }
}
