// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Products with a matrix of one-hots, as the sums of table rows that they are. A dense product adds the same numbers in
// the same order, and zeros between them: the bits are its own, at a fraction of the operations.
#ifndef SHOAL_GATHER_H
#define SHOAL_GATHER_H

#include "nn/gemm.h"

// y (rows, width) += the rows of table (.., width) that index (rows, count; row stride ldi) names, in index order.
// width is a multiple of SHOAL_PANEL; span: how many table rows an index can name, for the blocking alone.
void shoal_gather(float *y, int64_t ldy, const float *table, const int32_t *index, int64_t ldi, int32_t rows,
                  int32_t count, int32_t width, int32_t span);
// The rows of table that index names += dy (rows, width), row by row. The table rows that two indices of one row of
// `index` name must not be the same.
void shoal_scatter(float *table, const float *dy, int64_t ldy, const int32_t *index, int64_t ldi, int32_t rows,
                   int32_t count, int32_t width, int32_t span);

#endif
