// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000); gate blocks in torch's order:
//
//   (i, f, g, o) = W_x x + W_h h + b
//   c <- sigma(f) c + sigma(i) tanh(g)        h <- sigma(o) tanh(c)        y = h
//
// W_x x + b of all steps is one matrix product, made before. What follows goes step by step over all segments of the
// pass, so that W_h h is one product of as many rows as there are segments. Each gate is one chain over x, then over h,
// in the rollout as in the update. A step whose `starts` is set begins from h = c = 0.
//
// Forward overwrites the pre-activations with (sigma(i), sigma(f), tanh(g), sigma(o)); backward overwrites those with
// the gradients of the pre-activations, which the layer's matrix products then read.
#include <string.h>

#include "nn/policy.h"

// One step of one row. Two gates share a division: 1 / (a b) times b is 1 / a, and exponents are bounded so that no
// product overflows (a gate at -40 is shut, tanh at -20 is -1, in float32). tanh is accurate to 1e-7 absolutely, which
// is what its sums with other terms keep.
static void activate(float *restrict i, float *restrict f, float *restrict g, float *restrict o,
                     const float *restrict before, float *restrict cell, float *restrict squashed, float *restrict y,
                     int32_t hidden) {
  for (int32_t j = 0; j < hidden; j++) {
    float ei = 1.0f + shoal_exp(-(i[j] < -40.0f ? -40.0f : i[j]));
    float ef = 1.0f + shoal_exp(-(f[j] < -40.0f ? -40.0f : f[j]));
    float eo = 1.0f + shoal_exp(-(o[j] < -40.0f ? -40.0f : o[j]));
    float eg = shoal_exp(-2.0f * (g[j] < -20.0f ? -20.0f : g[j]));
    float inverse = 1.0f / (ei * ef), input = ef * inverse, forget = ei * inverse;
    inverse = 1.0f / (eo * (1.0f + eg));
    float output = (1.0f + eg) * inverse, candidate = (1.0f - eg) * (eo * inverse);
    float c = shoal_fma(forget, before[j], input * candidate);
    float ec = shoal_exp(-2.0f * (c < -20.0f ? -20.0f : c)), tanh_c = (1.0f - ec) / (1.0f + ec);
    i[j] = input;
    f[j] = forget;
    g[j] = candidate;
    o[j] = output;
    cell[j] = c;
    squashed[j] = tanh_c;
    y[j] = output * tanh_c;
  }
}

void shoal_lstm_forward(const ShoalPolicy *policy, const ShoalBatch *batch, ShoalTape *tape, int32_t trunk,
                        int32_t layer) {
  static const float zero[4096];
  int32_t n = batch->segments, H = policy->hidden, at = (trunk * policy->layers + layer) * 2 * H;
  int64_t ldh = policy->ldh, ldg = policy->ldg;
  size_t bytes = 4 * (size_t)H;
  float *gates = tape->trunk[trunk].gates[layer], *before = tape->trunk[trunk].before[layer];
  float *cells = tape->trunk[trunk].states[layer], *squashed = tape->trunk[trunk].squashed[layer];
  float *y = tape->trunk[trunk].values[layer + 1];
  for (int32_t t = 0; t < batch->steps; t++) {
    int64_t first = (int64_t)t * n, last = first - n;  // rows of this step and of the one before
    for (int32_t s = 0; s < n; s++) {
      const float *h = t ? y + (last + s) * ldh : batch->memory[s] + at;
      memcpy(before + (first + s) * ldh, batch->starts[s] && batch->starts[s][t] ? zero : h, bytes);
    }
    shoal_gemm(gates + first * ldg, ldg, before + first * ldh, ldh, policy->trunk[trunk].recurrent[layer].forward, 0, n,
               H, 4 * H, 1);
    for (int32_t s = 0; s < n; s++) {
      int64_t r = first + s;
      const float *c = t ? cells + (last + s) * ldh : batch->memory[s] + at + H;
      float *gate = gates + r * ldg;
      activate(gate, gate + H, gate + 2 * H, gate + 3 * H, batch->starts[s] && batch->starts[s][t] ? zero : c,
               cells + r * ldh, squashed + r * ldh, y + r * ldh, H);
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
                         int32_t layer, const float *dy) {
  static const float zero[4096];
  int32_t n = batch->segments, H = policy->hidden, at = (trunk * policy->layers + layer) * 2 * H;
  int64_t ldh = policy->ldh, ldg = policy->ldg;
  float *gates = tape->trunk[trunk].gates[layer], *cells = tape->trunk[trunk].states[layer];
  float *squashed = tape->trunk[trunk].squashed[layer], *dh = tape->carry[0], *dc = tape->carry[1];
  memset(dc, 0, 4 * (size_t)(n * ldh));
  for (int32_t t = batch->steps - 1; t >= 0; t--) {
    int64_t first = (int64_t)t * n;
    if (t < batch->steps - 1) {
      shoal_gemm(dh, ldh, gates + (first + n) * ldg, ldg, policy->trunk[trunk].recurrent[layer].backward, 0, n, 4 * H,
                 H, 0);
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
