// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The newest picture of a screen, put into a stack: the larger of two frames, made smaller by area, behind those
// before.
//
//   small[i, j] = sum over rows y and columns x of overlap(i, y) overlap(j, x) max(now, before)[y, x], rounded half up
//
// Overlaps are whole numbers: a pixel of the screen is `out_rows` units high and one of the small picture `rows`. So
// the mean is exact, and its bits are the same everywhere.
#include <string.h>

#include "shoal/outside.h"

enum { SHOAL_PICTURE_SIDE = 512 };  // of a screen at most: a row of sums is kept on the stack

// Units that the pixel [at, at + 1) of `length` units shares with [first, end).
static int32_t overlap(int32_t at, int32_t length, int32_t first, int32_t end) {
  int32_t low = at * length > first ? at * length : first;
  int32_t high = (at + 1) * length < end ? (at + 1) * length : end;
  return high - low;
}

int32_t shoal_picture_stack(const uint8_t *now, const uint8_t *before, int32_t rows, int32_t columns, uint8_t *stack,
                            int32_t out_rows, int32_t out_columns, int32_t depth) {
  if (columns > SHOAL_PICTURE_SIDE || rows > SHOAL_PICTURE_SIDE || out_rows > rows || out_columns > columns) {
    return SHOAL_ERROR;
  }
  uint32_t sums[SHOAL_PICTURE_SIDE];
  int32_t begin[SHOAL_PICTURE_SIDE];  // the first column that an output column overlaps
  for (int32_t j = 0; j < out_columns; j++) { begin[j] = j * columns / out_columns; }
  // Divide by 2 area with a product: off by less than 2^-21 of a level, since 2 sum + area < 2^28.
  uint64_t area = (uint64_t)rows * (uint64_t)columns, inverse = ((1ULL << 48) + 2 * area - 1) / (2 * area);
  for (int32_t i = 0; i < out_rows; i++) {
    int32_t top = i * rows, bottom = top + rows;  // in units
    memset(sums, 0, (size_t)columns * sizeof *sums);
    for (int32_t y = top / out_rows; y * out_rows < bottom; y++) {
      uint32_t weight = (uint32_t)overlap(y, out_rows, top, bottom);
      const uint8_t *a = now + (int64_t)y * columns, *b = before + (int64_t)y * columns;
      for (int32_t x = 0; x < columns; x++) { sums[x] += weight * (a[x] > b[x] ? a[x] : b[x]); }
    }
    uint8_t *pixel = stack + (int64_t)i * out_columns * depth;  // oldest first
    for (int32_t j = 0; j < out_columns; j++, pixel += depth) {
      int32_t left = j * columns, right = left + columns;
      uint32_t sum = 0;
      for (int32_t x = begin[j]; x * out_columns < right; x++) {
        sum += (uint32_t)overlap(x, out_columns, left, right) * sums[x];
      }
      for (int32_t d = 0; d + 1 < depth; d++) { pixel[d] = pixel[d + 1]; }
      pixel[depth - 1] = (uint8_t)((2 * (uint64_t)sum + area) * inverse >> 48);
    }
  }
  return SHOAL_OK;
}
