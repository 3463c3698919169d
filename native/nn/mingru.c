// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// minGRU with a highway (Feng et al. 2024, arXiv 2410.01201; recurrence in linear space):
//
//   (k~, g, p) = W x + b        k = k~ + 1/2 if k~ >= 0 else sigma(k~)
//   s <- s + sigma(g) (k - s)   y = sigma(p) s + (1 - sigma(p)) x
//
// The gates depend on x alone, so one matrix product serves all steps; only the line of s is sequential in time, and
// it is vectorised over units. A step whose `starts` is set begins from s = 0.
//
// Forward overwrites the pre-activations with (k, z, q) = (k, sigma(g), sigma(p)); backward overwrites those with
// their gradients, which the layer's two matrix products then read.
#include "nn/policy.h"

static inline float sigmoid(float x) { return 1.0f / (1.0f + shoal_exp(-x)); }

static void activate(float *restrict gates, int32_t hidden) {
  for (int32_t i = 0; i < hidden; i++) {
    float k = gates[i];
    gates[i] = k >= 0.0f ? k + 0.5f : sigmoid(k);
  }
  for (int32_t i = hidden; i < 3 * hidden; i++) { gates[i] = sigmoid(gates[i]); }
}

static void advance(const float *restrict gates, const float *restrict x, const float *restrict before,
                    float *restrict after, float *restrict y, int32_t hidden) {
  const float *k = gates, *z = gates + hidden, *q = gates + 2 * hidden;
  for (int32_t i = 0; i < hidden; i++) {
    float s = shoal_fma(z[i], k[i] - before[i], before[i]);
    after[i] = s;
    y[i] = shoal_fma(q[i], s - x[i], x[i]);
  }
}

void shoal_mingru_forward(float *gates, int64_t ldg, const float *x, float *y, float *states, int64_t ldh,
                          const ShoalBatch *batch, int32_t memory_offset, int32_t hidden) {
  static const float zero[4096];
  for (int32_t s = 0; s < batch->segments; s++) {
    const float *before = batch->memory[s] + memory_offset;
    const uint8_t *starts = batch->starts[s];
    for (int32_t t = 0; t < batch->steps; t++) {
      int64_t r = (int64_t)s * batch->steps + t;
      activate(gates + r * ldg, hidden);
      advance(gates + r * ldg, x + r * ldh, starts && starts[t] ? zero : before, states + r * ldh, y + r * ldh, hidden);
      before = states + r * ldh;
    }
    if (batch->memory_out) {
      float *out = batch->memory_out[s] + memory_offset;
      for (int32_t i = 0; i < hidden; i++) { out[i] = before[i]; }
    }
  }
}

// One step backwards. carry (hidden,): the gradient with respect to this step's state from the step after it, in;
// with respect to the state before it, out.
static void retreat(float *restrict gates, const float *restrict x, const float *restrict before,
                    const float *restrict after, float *restrict dy, float *restrict carry, int32_t hidden) {
  float *restrict k = gates, *restrict z = gates + hidden, *restrict q = gates + 2 * hidden;
  for (int32_t i = 0; i < hidden; i++) {
    float ds = shoal_fma(dy[i], q[i], carry[i]);
    float dq = dy[i] * (after[i] - x[i]);
    float dz = ds * (k[i] - before[i]);
    float dk = ds * z[i];
    carry[i] = ds * (1.0f - z[i]);
    dy[i] = dy[i] * (1.0f - q[i]);
    k[i] = k[i] >= 0.5f ? dk : dk * (k[i] * (1.0f - k[i]));
    z[i] = dz * (z[i] * (1.0f - z[i]));
    q[i] = dq * (q[i] * (1.0f - q[i]));
  }
}

void shoal_mingru_backward(float *gates, int64_t ldg, const float *x, float *dy, const float *states, int64_t ldh,
                           const ShoalBatch *batch, int32_t memory_offset, int32_t hidden, float *carry) {
  static const float zero[4096];
  for (int32_t s = 0; s < batch->segments; s++) {
    const uint8_t *starts = batch->starts[s];
    for (int32_t i = 0; i < hidden; i++) { carry[i] = 0.0f; }
    for (int32_t t = batch->steps - 1; t >= 0; t--) {
      int64_t r = (int64_t)s * batch->steps + t;
      int32_t fresh = starts && starts[t];
      const float *before = fresh ? zero : t ? states + (r - 1) * ldh : batch->memory[s] + memory_offset;
      retreat(gates + r * ldg, x + r * ldh, before, states + r * ldh, dy + r * ldh, carry, hidden);
      if (fresh) {
        for (int32_t i = 0; i < hidden; i++) { carry[i] = 0.0f; }
      }
    }
  }
}
