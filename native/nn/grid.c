// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// A grid of categories through two convolutions of 3 x 3 over one-hot channels, each with relu, and a projection.
//
// The first sums table rows (nn/gather.h): 9 neighbours times channels for each cell, where a neighbour outside the
// grid names a row of zeros. Its output stands in an image with a border of one cell of zeros, row by row, U units a
// cell. So the three neighbours of a cell in one image row are 3 U consecutive floats, and the second convolution is
// three products over all positions of the image, the two of the border at the end of each row included and then
// ignored:
//
//    . . . . .        position p of the output, as wide as the bordered image, sees the cells p, p + 1, p + 2 of
//    . a b c .        each of three image rows
//    . d e f .
//    . . . . .
//
// Backward the gradient takes the bordered image's place, and the kernel is turned round.
#include <string.h>

#include "nn/policy.h"

enum { U = SHOAL_CONV_UNITS };

int64_t shoal_conv_work(const ShoalEncode *e, int32_t R) {
  return 2 * shoal_conv_cells(e) * U + (int64_t)R * e->columns * U;
}

void shoal_conv_index(const ShoalEncode *e, const uint8_t *at, int32_t *index) {
  int32_t width = e->channels * e->categories, none = SHOAL_CONV_TAPS * width, places = SHOAL_CONV_TAPS * e->channels;
  for (int32_t i = 0; i < e->count * SHOAL_CONV_TAPS; i++) { index[i] = none; }
  for (int32_t i = 0; i < e->count; i++) {
    int32_t c = i % e->channels, cell = i / e->channels, row = cell / e->columns, column = cell % e->columns;
    int32_t value = c * e->categories + shoal_clampi((int32_t)shoal_element(at, e->dtype, i), 0, e->categories - 1);
    for (int32_t tap = 0; tap < SHOAL_CONV_TAPS; tap++) {  // of the cell that sees this one there
      int32_t y = row + 1 - tap / 3, x = column + 1 - tap % 3;
      if (y < 0 || y >= e->rows || x < 0 || x >= e->columns) { continue; }
      index[(y * e->columns + x) * places + tap * e->channels + c] = tap * width + value;
    }
  }
}

// out: (rows * (columns + 2), U) = (or +=) three products over the bordered image.
static void convolve(const ShoalEncode *e, float *out, const float *image, const float *packed, const float *bias) {
  int32_t wide = e->columns + 2;
  for (int32_t dy = 0; dy < 3; dy++) {
    shoal_gemm(out, U, image + (int64_t)dy * wide * U, U, packed + dy * 3 * U * U, dy ? 0 : bias, e->rows * wide, 3 * U,
               U, dy > 0);
  }
}

// Zero the border, and the two cells behind the image.
static void clear_border(const ShoalEncode *e, float *image) {
  int32_t wide = e->columns + 2;
  memset(image, 0, 4 * U * (size_t)wide);
  for (int32_t y = 1; y <= e->rows; y++) {
    memset(image + (int64_t)y * wide * U, 0, 4 * U);
    memset(image + ((int64_t)y * wide + e->columns + 1) * U, 0, 4 * U);
  }
  memset(image + (int64_t)(e->rows + 1) * wide * U, 0, 4 * U * (size_t)(wide + 2));
}

// Where row y of the grid begins in a bordered image.
static int64_t line_at(const ShoalEncode *e, int32_t y) { return ((int64_t)(y + 1) * (e->columns + 2) + 1) * U; }

void shoal_conv_forward(const ShoalPolicy *policy, const ShoalEncode *e, const ShoalOwn *own, ShoalTape *tape,
                        int32_t n, int32_t R, float *y) {
  const ShoalOwnTape *kept = &tape->trunk[n].own[e->own];
  int32_t places = SHOAL_CONV_TAPS * e->channels, line = e->columns * U;
  int64_t cells = (int64_t)e->rows * e->columns, flat = cells * U;
  for (int32_t r = 0; r < R; r++) {
    float *image = kept->hidden + r * shoal_conv_cells(e) * U;
    const int32_t *index = tape->own[e->own].index + r * cells * places;
    clear_border(e, image);
    for (int32_t row = 0; row < e->rows; row++) {
      float *at = image + line_at(e, row);
      for (int32_t i = 0; i < line; i++) { at[i] = own->bias[0][i % U]; }
      shoal_gather(at, U, own->table, index + row * (int64_t)e->columns * places, places, e->columns, places, U,
                   e->categories);
      for (int32_t i = 0; i < line; i++) { at[i] = at[i] > 0.0f ? at[i] : 0.0f; }
    }
    convolve(e, tape->work, image, own->map, own->bias[1]);
    for (int32_t row = 0; row < e->rows; row++) {
      const float *from = tape->work + (int64_t)row * (e->columns + 2) * U;
      float *to = kept->flat + r * flat + (int64_t)row * line;
      for (int32_t i = 0; i < line; i++) { to[i] = from[i] > 0.0f ? from[i] : 0.0f; }
    }
  }
  for (int32_t row = 0; row < e->rows; row++) {  // image row by image row: what is read of flat stays in cache
    shoal_gemm(y, policy->ldh, kept->flat + (int64_t)row * line, flat,
               own->project + (int64_t)row * line * shoal_padded(policy->hidden), 0, R, line, policy->hidden, 1);
  }
}

void shoal_conv_backward(const ShoalPolicy *policy, const ShoalEncode *e, const ShoalOwn *own, ShoalTape *tape,
                         int32_t n, int32_t R, const float *dy, float *gradient) {
  const ShoalOwnTape *kept = &tape->trunk[n].own[e->own];
  int32_t places = SHOAL_CONV_TAPS * e->channels, wide = e->columns + 2, line = e->columns * U;
  int64_t cells = (int64_t)e->rows * e->columns, flat = cells * U, image_size = shoal_conv_cells(e) * U;
  float *to[SHOAL_OWN_PARAMETERS], *dimage = tape->work, *out = dimage + image_size, *dline = out + image_size;
  for (int32_t i = 0; i < SHOAL_OWN_PARAMETERS; i++) { to[i] = gradient + policy->gradient_offset[own->parameters[i]]; }
  shoal_outer(policy, tape, gradient, own->parameters[4], -1, dy, policy->ldh, kept->flat, flat, R);
  for (int32_t row = 0; row < e->rows; row++) {  // flat, spent, takes its own gradient
    shoal_gemm(dline, line, dy, policy->ldh, own->project_backward + (int64_t)row * line * policy->hidden, 0, R,
               policy->hidden, line, 0);
    for (int32_t r = 0; r < R; r++) {
      float *restrict at = kept->flat + r * flat + (int64_t)row * line;
      const float *restrict d = dline + (int64_t)r * line;
      for (int32_t i = 0; i < line; i++) { at[i] = at[i] > 0.0f ? d[i] : 0.0f; }
    }
  }
  clear_border(e, dimage);
  for (int32_t r = 0; r < R; r++) {
    float *image = kept->hidden + r * image_size, *dflat = kept->flat + r * flat;
    for (int32_t row = 0; row < e->rows; row++) {
      memcpy(dimage + line_at(e, row), dflat + (int64_t)row * line, 4 * (size_t)line);
    }
    shoal_column_sum(to[3], dflat, U, (int32_t)cells, U);
    // The border's gradients are zeros: what these products read there counts for nothing.
    const float *inside = dimage + line_at(e, 0);
    for (int32_t tap = 0; tap < 3; tap++) {
      shoal_gemm_outer(to[2] + tap * 3 * U, SHOAL_CONV_TAPS * U, inside, U, image + (int64_t)tap * wide * U, U,
                       e->rows * wide - 2, U, 3 * U);
    }
    convolve(e, out, dimage, own->map_backward, 0);
    const int32_t *index = tape->own[e->own].index + r * cells * places;
    for (int32_t row = 0; row < e->rows; row++) {
      float *from = out + (int64_t)row * wide * U;
      const float *was = image + line_at(e, row);
      for (int32_t i = 0; i < line; i++) { from[i] = was[i] > 0.0f ? from[i] : 0.0f; }
      shoal_column_sum(to[1], from, U, e->columns, U);
      shoal_scatter(to[0], from, U, index + row * (int64_t)e->columns * places, places, e->columns, places, U,
                    e->categories);
    }
  }
}
