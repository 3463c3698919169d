// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Matrix products for layers of 16 to 1,024 units. Every output is one chain of fused multiply-adds over the inner
// index in order, whatever the tile it falls into, so a row's result does not depend on the batch around it.
#ifndef SHOAL_GEMM_H
#define SHOAL_GEMM_H

#include "nn/simd.h"

// Right-hand matrices are packed in panels of SHOAL_PANEL columns (a multiple of every build's tile width, so that
// layouts are the same on every instruction set): panel p holds [inner][SHOAL_PANEL], zero beyond the last column.
enum { SHOAL_PANEL = 32 };
static inline int32_t shoal_padded(int32_t n) { return (n + SHOAL_PANEL - 1) / SHOAL_PANEL * SHOAL_PANEL; }
// Floats from one row to the next where columns are walked down: an odd number of panels. With rows a multiple of 512
// bytes apart they would share a few sets of the first-level cache.
static inline int32_t shoal_stride(int32_t n) { return shoal_padded(n) | SHOAL_PANEL; }

// packed (shoal_padded(columns) * inner) = source (inner, columns), row stride ld.
void shoal_pack(float *packed, const float *source, int32_t inner, int32_t columns, int64_t ld);
// The same from a source stored as (columns, inner), row stride ld.
void shoal_pack_transposed(float *packed, const float *source, int32_t inner, int32_t columns, int64_t ld);

// y (rows, columns) = x (rows, inner) * packed, + bias (columns padded, or null), + y itself if accumulate.
// y's rows are written up to a multiple of SHOAL_LANES * 2 columns: ldy >= shoal_padded(columns).
void shoal_gemm(float *y, int64_t ldy, const float *x, int64_t ldx, const float *packed, const float *bias,
                int32_t rows, int32_t inner, int32_t columns, int32_t accumulate);

// w (outputs, inputs) += sum over rows, in order, of dy (rows, outputs)^T x (rows, inputs). ldw and ldx are at least
// shoal_padded(inputs); what lies in x's padding goes to w's padding.
void shoal_gemm_outer(float *w, int64_t ldw, const float *dy, int64_t ldy, const float *x, int64_t ldx, int32_t rows,
                      int32_t outputs, int32_t inputs);

// sum (columns) += rows of x (rows, columns), in order.
void shoal_column_sum(float *sum, const float *x, int64_t ldx, int32_t rows, int32_t columns);

#endif
