// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// An LSTM layer alone (shoal.h) for the address sanitizer: every array has exactly the size that is stated, and one
// step without a way back gives what a sequence of one step gives. tests/backends compares the numbers with torch's.
#include <stdlib.h>

#include "check.h"
#include "shoal/env.h"
#include "shoal/shoal.h"

static float *noise(int64_t count) {
  float *out = malloc((size_t)count * sizeof *out);
  for (int64_t i = 0; i < count; i++) { out[i] = shoal_uniform_of(shoal_mix((uint64_t)i)) - 0.5f; }
  return out;
}

static void check(int32_t steps, int32_t rows, int32_t hidden) {
  int64_t H = hidden, all = (int64_t)steps * rows;
  float *x = noise(all * H), *weight_x = noise(4 * H * H), *weight_h = noise(4 * H * H), *bias = noise(4 * H);
  float *state = noise(2 * rows * H), *gates = noise(4 * all * H), *before = noise(all * H), *cells = noise(all * H);
  float *squashed = noise(all * H), *y = noise(all * H), *dy = noise(all * H), *dx = noise(all * H);
  float *dweight_x = noise(4 * H * H), *dweight_h = noise(4 * H * H), *dbias = noise(4 * H),
        *after = noise(2 * rows * H);
  float *scratch = noise(shoal_lstm_scratch(rows, hidden));
  uint8_t *starts = malloc((size_t)all);
  for (int64_t i = 0; i < all; i++) { starts[i] = i % 5 == 0; }
  shoal_lstm_sequence(x, weight_x, weight_h, bias, state, starts, gates, before, cells, squashed, y, scratch, steps,
                      rows, hidden);
  shoal_lstm_act(x, weight_x, weight_h, bias, state, starts, after, scratch, rows, hidden);
  for (int64_t i = 0; i < rows * H; i++) {
    int64_t r = i / H, j = i % H;
    CHECK(after[2 * r * H + j] == y[i] && after[(2 * r + 1) * H + j] == cells[i], "row %d unit %d", (int)r, (int)j);
  }
  shoal_lstm_sequence_back(x, weight_x, weight_h, state, starts, gates, before, cells, squashed, dy, dx, dweight_x,
                           dweight_h, dbias, scratch, steps, rows, hidden);
  float *arrays[] = {x, weight_x, weight_h,  bias,      state, gates, before, cells,  squashed,
                     y, dy,       dweight_x, dweight_h, dbias, after, dx,     scratch};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) { free(arrays[i]); }
  free(starts);
}

int main(void) {
  int32_t shapes[][3] = {{1, 1, 32}, {1, 129, 64}, {3, 150, 32}, {29, 60, 32}, {2, 700, 32}, {5, 7, 160}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) { check(shapes[i][0], shapes[i][1], shapes[i][2]); }
  return CHECK_RESULT;
}
