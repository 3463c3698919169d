// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000); gate blocks in torch's order:
//
//   (i, f, g, o) = W_x x + W_h h + b
//   c <- sigma(f) c + sigma(i) tanh(g)        h <- sigma(o) tanh(c)        y = h
//
// Time is outside and the segments of the pass are inside, so that W_h h is one product of as many rows as there are
// segments, and a step's gates are used while they are in cache. Each gate is one chain over x, then over h, in the
// rollout as in the update. A step whose `starts` is set begins from h = c = 0.
//
// Forward overwrites the pre-activations with (sigma(i), sigma(f), tanh(g), sigma(o)); backward overwrites those with
// the gradients of the pre-activations, which the layer's matrix products then read.
#include <string.h>

#include "nn/gemm.h"
#include "nn/policy.h"
#include "nn/vector_math.h"
#include "shoal/shoal.h"

// Of `vectors` (1 or 2) of units of one step: the gates and the cell; then its squashing and the output. Each in a loop
// of its own, so that chains of dependent operations overlap (vector_math.h). The gates hold pre-activations on entry,
// activations on return. n: units that are left. With a, b, c = 1 + exp(-x), 1/a = bc / abc, so that functions share a
// division; tanh(x) = 2 sigma(2x) - 1 is accurate to 2e-7 absolutely, which is what is left of it in sums.
static inline __attribute__((always_inline)) void advance_cell(float *i, float *f, float *g, const float *before,
                                                               float *cell, int32_t n, int32_t vectors) {
  const shoal_vector two = shoal_vector_of(2.0f);
  shoal_vector d[6];
  for (int32_t v = 0; v < vectors; v++) {
    int32_t j = v * SHOAL_LANES;
    d[3 * v] = shoal_vector_load(i + j, n - j);
    d[3 * v + 1] = shoal_vector_load(f + j, n - j);
    d[3 * v + 2] = two * shoal_vector_load(g + j, n - j);
  }
  shoal_logistic_denominators(d, 3 * vectors);
  for (int32_t v = 0; v < vectors; v++) {
    int32_t j = v * SHOAL_LANES;
    shoal_vector a = d[3 * v], b = d[3 * v + 1], c = d[3 * v + 2], ab = a * b, inverse = 1.0f / (ab * c);
    shoal_vector input = (b * c) * inverse, forget = (a * c) * inverse, candidate = (two - c) * (ab * inverse);
    shoal_vector_store(i + j, input, n - j);
    shoal_vector_store(f + j, forget, n - j);
    shoal_vector_store(g + j, candidate, n - j);
    shoal_vector old = shoal_vector_load(before + j, n - j);
    shoal_vector_store(cell + j, shoal_vector_fma(forget, old, input * candidate), n - j);
  }
}

static inline __attribute__((always_inline)) void put_out(float *o, const float *cell, float *squashed, float *y,
                                                          int32_t n, int32_t vectors) {
  const shoal_vector two = shoal_vector_of(2.0f);
  shoal_vector d[4];
  for (int32_t v = 0; v < vectors; v++) {
    int32_t j = v * SHOAL_LANES;
    d[2 * v] = shoal_vector_load(o + j, n - j);
    d[2 * v + 1] = two * shoal_vector_load(cell + j, n - j);
  }
  shoal_logistic_denominators(d, 2 * vectors);
  for (int32_t v = 0; v < vectors; v++) {
    int32_t j = v * SHOAL_LANES;
    shoal_vector a = d[2 * v], b = d[2 * v + 1], inverse = 1.0f / (a * b);
    shoal_vector output = b * inverse, tanh_c = (two - b) * (a * inverse);
    shoal_vector_store(o + j, output, n - j);
    shoal_vector_store(squashed + j, tanh_c, n - j);
    shoal_vector_store(y + j, output * tanh_c, n - j);
  }
}

static void activate(float *gates, const float *before, float *cell, float *squashed, float *y, int32_t hidden) {
  float *i = gates, *f = gates + hidden, *g = gates + 2 * hidden, *o = gates + 3 * hidden;
  int32_t j = 0, pair = 2 * SHOAL_LANES;
  for (; j + pair <= hidden; j += pair) { advance_cell(i + j, f + j, g + j, before + j, cell + j, pair, 2); }
  for (; j < hidden; j += SHOAL_LANES) { advance_cell(i + j, f + j, g + j, before + j, cell + j, hidden - j, 1); }
  for (j = 0; j + pair <= hidden; j += pair) { put_out(o + j, cell + j, squashed + j, y + j, pair, 2); }
  for (; j < hidden; j += SHOAL_LANES) { put_out(o + j, cell + j, squashed + j, y + j, hidden - j, 1); }
}

void shoal_lstm_forward(const ShoalPolicy *policy, const ShoalBatch *batch, ShoalTape *tape, int32_t trunk,
                        int32_t layer) {
  static const float zero[4096];
  int32_t n = batch->segments, H = policy->hidden, at = (trunk * policy->layers + layer) * 2 * H;
  int64_t ldh = policy->ldh, ldg = policy->ldg;
  size_t bytes = 4 * (size_t)H;
  float *gates = tape->trunk[trunk].gates[layer], *before = tape->trunk[trunk].before[layer];
  float *cells = tape->trunk[trunk].states[layer], *squashed = tape->trunk[trunk].squashed[layer];
  float *y = tape->trunk[trunk].values[layer + 1], *x = tape->trunk[trunk].values[layer];
  const ShoalLinear *input = &policy->trunk[trunk].layers[layer], *recurrent = &policy->trunk[trunk].recurrent[layer];
  for (int32_t t = 0; t < batch->steps; t++) {
    int64_t first = (int64_t)t * n, last = first - n;  // rows of this step and of the one before
    for (int32_t s = 0; s < n; s++) {
      const float *h = t ? y + (last + s) * ldh : batch->memory[s] + at;
      memcpy(before + (first + s) * ldh, batch->starts[s] && batch->starts[s][t] ? zero : h, bytes);
    }
    float *at_gates = gates + first * ldg;
    shoal_product(policy, tape, at_gates, ldg, x + first * ldh, ldh, input->forward, input->padded_bias, n, H, 4 * H,
                  0);
    shoal_product(policy, tape, at_gates, ldg, before + first * ldh, ldh, recurrent->forward, 0, n, H, 4 * H, 1);
    for (int32_t s = 0; s < n; s++) {
      int64_t r = first + s;
      const float *c = t ? cells + (last + s) * ldh : batch->memory[s] + at + H;
      activate(gates + r * ldg, batch->starts[s] && batch->starts[s][t] ? zero : c, cells + r * ldh, squashed + r * ldh,
               y + r * ldh, H);
    }
  }
  int64_t end = (int64_t)(batch->steps - 1) * n;
  for (int32_t s = 0; s < n && batch->memory_out; s++) {
    memcpy(batch->memory_out[s] + at, y + (end + s) * ldh, bytes);
    memcpy(batch->memory_out[s] + at + H, cells + (end + s) * ldh, bytes);
  }
}

// One step of one row backwards. dh and dc (hidden,) come from the step after; dc leaves for the step before.
static void retreat(float *restrict i, float *restrict f, float *restrict g, float *restrict o,
                    const float *restrict before, const float *restrict squashed, const float *restrict dy,
                    const float *restrict dh, float *restrict dc, int32_t hidden) {
  for (int32_t j = 0; j < hidden; j++) {
    float d = dy[j] + dh[j], tanh_c = squashed[j];
    float c = shoal_fma(d * o[j], 1.0f - tanh_c * tanh_c, dc[j]);
    dc[j] = c * f[j];
    o[j] = d * tanh_c * (o[j] * (1.0f - o[j]));
    f[j] = c * before[j] * (f[j] * (1.0f - f[j]));
    float input = i[j], candidate = g[j];
    i[j] = c * candidate * (input * (1.0f - input));
    g[j] = c * input * (1.0f - candidate * candidate);
  }
}

void shoal_lstm_backward(const ShoalPolicy *policy, const ShoalBatch *batch, ShoalTape *tape, int32_t trunk,
                         int32_t layer, int32_t from, int32_t until, const float *dy) {
  static const float zero[4096];
  int32_t n = batch->segments, H = policy->hidden, at = (trunk * policy->layers + layer) * 2 * H;
  int64_t ldh = policy->ldh, ldg = policy->ldg;
  float *gates = tape->trunk[trunk].gates[layer], *cells = tape->trunk[trunk].states[layer];
  float *squashed = tape->trunk[trunk].squashed[layer], *dh = tape->carry[0], *dc = tape->carry[1];
  if (until == batch->steps) { memset(dc, 0, 4 * (size_t)(n * ldh)); }
  for (int32_t t = until - 1; t >= from; t--) {
    int64_t first = (int64_t)t * n;
    if (t < batch->steps - 1) {
      shoal_product(policy, tape, dh, ldh, gates + (first + n) * ldg, ldg,
                    policy->trunk[trunk].recurrent[layer].backward, 0, n, 4 * H, H, 0);
    }
    for (int32_t s = 0; s < n; s++) {
      const uint8_t *starts = batch->starts[s];
      int64_t r = first + s;
      int32_t fresh = starts && starts[t], cut = t == batch->steps - 1 || (starts && starts[t + 1]);
      const float *c = t ? cells + (r - n) * ldh : batch->memory[s] + at + H;
      float *gate = gates + r * ldg;
      retreat(gate, gate + H, gate + 2 * H, gate + 3 * H, fresh ? zero : c, squashed + r * ldh, dy + r * ldh,
              cut ? zero : dh + s * ldh, dc + s * ldh, H);
      if (fresh) { memset(dc + s * ldh, 0, 4 * (size_t)H); }
    }
  }
}

// ---------------------------------------------------------------------------------------------------- a layer alone

// For hosts that have the rest of a network elsewhere: everything (steps, rows, hidden), time first, contiguous.
enum {
  TOGETHER = 128,      // rows of a step: few enough for their gates to stay in cache
  GRADIENT_ROWS = 512  // rows of a product of gradients, of several steps: enough to be fast
};

int64_t shoal_lstm_scratch(int32_t rows, int32_t hidden) {
  int64_t H = hidden, most = rows > GRADIENT_ROWS ? rows : GRADIENT_ROWS;
  return 8 * H * H + most * 4 * H + 2 * rows * H;
}

// gates (n, 4H) = x W_x^T + before W_h^T + b, from packed weights.
static void preactivate(float *gates, const float *x, const float *before, const float *packed, const float *bias,
                        int32_t n, int32_t hidden) {
  int64_t H = hidden;
  shoal_gemm(gates, 4 * H, x, H, packed, bias, n, hidden, 4 * hidden, 0);
  shoal_gemm(gates, 4 * H, before, H, packed + 4 * H * H, 0, n, hidden, 4 * hidden, 1);
}

static void pack_both(float *packed, const float *weight_x, const float *weight_h, int32_t hidden) {
  int64_t H = hidden;
  shoal_pack_transposed(packed, weight_x, hidden, 4 * hidden, H);
  shoal_pack_transposed(packed + 4 * H * H, weight_h, hidden, 4 * hidden, H);
}

void shoal_lstm_act(const float *x, const float *weight_x, const float *weight_h, const float *bias, const float *state,
                    const uint8_t *starts, float *after, float *scratch, int32_t rows, int32_t hidden) {
  static const float zero[4096];
  float squashed[4096];
  int64_t H = hidden;
  float *gates = scratch + 8 * H * H, *before = gates + 4 * TOGETHER * H;
  pack_both(scratch, weight_x, weight_h, hidden);
  for (int64_t first = 0; first < rows; first += TOGETHER) {
    int32_t n = rows - first < TOGETHER ? (int32_t)(rows - first) : TOGETHER;
    const float *h = state + 2 * first * H;
    for (int64_t s = 0; s < n; s++) { memcpy(before + s * H, starts[first + s] ? zero : h + 2 * s * H, 4 * (size_t)H); }
    preactivate(gates, x + first * H, before, scratch, bias, n, hidden);
    for (int64_t s = 0; s < n; s++) {
      float *to = after + 2 * (first + s) * H;
      activate(gates + 4 * s * H, starts[first + s] ? zero : h + (2 * s + 1) * H, to + H, squashed, to, hidden);
    }
  }
}

void shoal_lstm_sequence(const float *x, const float *weight_x, const float *weight_h, const float *bias,
                         const float *state, const uint8_t *starts, float *gates, float *before, float *cells,
                         float *squashed, float *y, float *scratch, int32_t steps, int32_t rows, int32_t hidden) {
  static const float zero[4096];
  int64_t H = hidden;
  pack_both(scratch, weight_x, weight_h, hidden);
  for (int64_t first = 0; first < rows; first += TOGETHER) {
    int32_t n = rows - first < TOGETHER ? (int32_t)(rows - first) : TOGETHER;
    for (int64_t t = 0; t < steps; t++) {
      int64_t at = t * rows + first;
      for (int64_t s = 0; s < n; s++) {
        const float *h = t ? y + (at - rows + s) * H : state + 2 * (first + s) * H;
        memcpy(before + (at + s) * H, starts[at + s] ? zero : h, 4 * (size_t)H);
      }
      preactivate(gates + 4 * at * H, x + at * H, before + at * H, scratch, bias, n, hidden);
      for (int64_t s = 0; s < n; s++) {
        int64_t r = at + s;
        const float *c = t ? cells + (r - rows) * H : state + (2 * r + 1) * H;
        activate(gates + 4 * r * H, starts[r] ? zero : c, cells + r * H, squashed + r * H, y + r * H, hidden);
      }
    }
  }
}

void shoal_lstm_sequence_back(const float *x, const float *weight_x, const float *weight_h, const float *state,
                              const uint8_t *starts, const float *gates, const float *before, const float *cells,
                              const float *squashed, const float *dy, float *dx, float *dweight_x, float *dweight_h,
                              float *dbias, float *scratch, int32_t steps, int32_t rows, int32_t hidden) {
  static const float zero[4096];
  int64_t H = hidden, some = GRADIENT_ROWS > rows ? GRADIENT_ROWS / rows : 1;
  float *packed_x = scratch, *packed_h = packed_x + 4 * H * H, *dh = packed_h + 4 * H * H, *dc = dh + rows * H;
  float *dgates = dc + rows * H;  // of `some` steps
  shoal_pack(packed_x, weight_x, 4 * hidden, hidden, H);
  shoal_pack(packed_h, weight_h, 4 * hidden, hidden, H);
  memset(dc, 0, 4 * (size_t)(rows * H));
  for (int64_t until = steps; until > 0; until -= some) {
    int64_t from = until > some ? until - some : 0, at = from * rows;
    int32_t count = (int32_t)(until - from) * rows;
    memcpy(dgates, gates + 4 * at * H, 16 * (size_t)(count * H));
    for (int64_t t = until - 1; t >= from; t--) {
      float *here = dgates + 4 * (t - from) * rows * H;
      for (int64_t s = 0; s < rows; s++) {
        int64_t r = t * rows + s;
        int32_t cut = t == steps - 1 || starts[r + rows];
        const float *c = t ? cells + (r - rows) * H : state + (2 * r + 1) * H;
        float *gate = here + 4 * s * H;
        retreat(gate, gate + H, gate + 2 * H, gate + 3 * H, starts[r] ? zero : c, squashed + r * H, dy + r * H,
                cut ? zero : dh + s * H, dc + s * H, hidden);
        if (starts[r]) { memset(dc + s * H, 0, 4 * (size_t)H); }
      }
      if (t) { shoal_gemm(dh, H, here, 4 * H, packed_h, 0, rows, 4 * hidden, hidden, 0); }
    }
    shoal_gemm(dx + at * H, H, dgates, 4 * H, packed_x, 0, count, 4 * hidden, hidden, 0);
    shoal_gemm_outer(dweight_x, H, dgates, 4 * H, x + at * H, H, count, 4 * hidden, hidden);
    shoal_gemm_outer(dweight_h, H, dgates, 4 * H, before + at * H, H, count, 4 * hidden, hidden);
    shoal_column_sum(dbias, dgates, 4 * H, count, 4 * hidden);
  }
}
