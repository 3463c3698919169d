// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Matrix products of 16-bit factors (bfloat16, rounded to nearest even) with 32-bit sums, on the tile unit (AMX) of
// processors that have one. A step of the inner index takes a pair of factors: every output is one chain over the pairs
// in order, so here too a row's result does not depend on the batch around it.
#ifndef SHOAL_GEMM16_H
#define SHOAL_GEMM16_H

#include "nn/gemm.h"
#include "shoal/shoal.h"

enum { SHOAL_GEMM16_ROWS = 96 };  // rows of one call of shoal_gemm16_outer, at most

// The packing of gemm.h with pairs along the inner index, which is padded to whole tiles: pair k of column c is
// packed[(c / SHOAL_PANEL * shoal_pairs(inner) + k) * SHOAL_PANEL + c % SHOAL_PANEL].
// Element (k, c) of the source is source[k * step + c * next].
SHOAL_API void shoal_pack16(uint32_t *packed, const float *source, int32_t inner, int32_t columns, int64_t step,
                            int64_t next);

static inline int64_t shoal_pairs(int32_t inner) { return shoal_padded(inner) / 2; }

// 32-bit words of the workspace that the products below take, for rows of at most `width` floats on either side.
static inline int64_t shoal_gemm16_words(int32_t width) { return SHOAL_GEMM16_ROWS * (int64_t)shoal_padded(width); }

// As shoal_gemm and shoal_gemm_outer. workspace: shoal_gemm16_words, 64-byte aligned.
SHOAL_API void shoal_gemm16(float *y, int64_t ldy, const float *x, int64_t ldx, const uint32_t *packed,
                            const float *bias, int32_t rows, int32_t inner, int32_t columns, int32_t accumulate,
                            uint32_t *workspace);
SHOAL_API void shoal_gemm16_outer(float *w, int64_t ldw, const float *dy, int64_t ldy, const float *x, int64_t ldx,
                                  int32_t rows, int32_t outputs, int32_t inputs, uint32_t *workspace);

// Products with a matrix of one-hots, whose ones are at index (rows, count; row stride ldi), no column twice in a row:
// y += ones * packed (from `hot` x columns), and table (hot, padded columns) += ones^T * dy. As shoal_gather and
// shoal_scatter with tables of rounded factors; zeros are multiplied, which the tile unit does faster than the others
// find the ones where those are not far apart. workspace: shoal_hot16_words.
SHOAL_API void shoal_hot16(float *y, int64_t ldy, const uint32_t *packed, const int32_t *index, int64_t ldi,
                           int32_t rows, int32_t count, int32_t hot, int32_t columns, uint32_t *workspace);
SHOAL_API void shoal_hot16_outer(float *table, const float *dy, int64_t ldy, const int32_t *index, int64_t ldi,
                                 int32_t rows, int32_t count, int32_t hot, int32_t columns, uint32_t *workspace);

static inline int64_t shoal_hot16_words(int32_t hot, int32_t columns) {
  return SHOAL_GEMM16_ROWS / 2 * (shoal_padded(hot) + (int64_t)shoal_padded(columns));
}

#endif
