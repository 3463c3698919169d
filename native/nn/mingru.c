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
#include <string.h>

#include "nn/policy.h"
#include "nn/vector_math.h"
#include "shoal/shoal.h"

// `vectors` (1 or 2) of units of one step: gates hold pre-activations on entry, (k, z, q) on return. The three logistic
// functions of a unit share one division: with a, b, c = 1 + exp(-x), 1/a = bc / abc. n: units that are left.
static inline __attribute__((always_inline)) void advance_units(float *ks, float *zs, float *qs, const float *x,
                                                                const float *before, float *after, float *y, int32_t n,
                                                                int32_t vectors) {
  shoal_vector denominators[6], linear[2];
  for (int32_t j = 0; j < vectors; j++) {
    int32_t i = j * SHOAL_LANES;
    denominators[3 * j] = linear[j] = shoal_vector_load(ks + i, n - i);
    denominators[3 * j + 1] = shoal_vector_load(zs + i, n - i);
    denominators[3 * j + 2] = shoal_vector_load(qs + i, n - i);
  }
  shoal_logistic_denominators(denominators, 3 * vectors);
  for (int32_t j = 0; j < vectors; j++) {
    int32_t i = j * SHOAL_LANES;
    shoal_vector a = denominators[3 * j], b = denominators[3 * j + 1], c = denominators[3 * j + 2];
    shoal_vector ab = a * b, bc = b * c, inverse = 1.0f / (ab * c);
    shoal_vector k = shoal_vector_select(linear[j] >= 0.0f, linear[j] + 0.5f, bc * inverse);
    shoal_vector z = (a * c) * inverse, q = ab * inverse;
    shoal_vector old = shoal_vector_load(before + i, n - i), in = shoal_vector_load(x + i, n - i);
    shoal_vector s = shoal_vector_fma(z, k - old, old);
    shoal_vector_store(ks + i, k, n - i);
    shoal_vector_store(zs + i, z, n - i);
    shoal_vector_store(qs + i, q, n - i);
    shoal_vector_store(after + i, s, n - i);
    shoal_vector_store(y + i, shoal_vector_fma(q, s - in, in), n - i);
  }
}

static void advance(float *gates, const float *x, const float *before, float *after, float *y, int32_t hidden) {
  float *ks = gates, *zs = gates + hidden, *qs = gates + 2 * hidden;
  int32_t i = 0;
  for (; i + 2 * SHOAL_LANES <= hidden; i += 2 * SHOAL_LANES) {
    advance_units(ks + i, zs + i, qs + i, x + i, before + i, after + i, y + i, 2 * SHOAL_LANES, 2);
  }
  for (; i < hidden; i += SHOAL_LANES) {
    advance_units(ks + i, zs + i, qs + i, x + i, before + i, after + i, y + i, hidden - i, 1);
  }
}

void shoal_mingru_forward(float *gates, int64_t ldg, const float *x, float *y, float *states, int64_t ldh,
                          const ShoalBatch *batch, int32_t memory_offset, int32_t hidden, int32_t first, int32_t last) {
  static const float zero[4096];
  int32_t s = first / batch->steps, t = first % batch->steps;
  for (int64_t r = first; r < last; r++) {
    const uint8_t *starts = batch->starts[s];
    const float *before = t ? states + (r - 1) * ldh : batch->memory[s] + memory_offset;
    advance(gates + r * ldg, x + r * ldh, starts && starts[t] ? zero : before, states + r * ldh, y + r * ldh, hidden);
    if (++t < batch->steps) { continue; }
    if (batch->memory_out) {
      float *out = batch->memory_out[s] + memory_offset;
      for (int32_t i = 0; i < hidden; i++) { out[i] = states[r * ldh + i]; }
    }
    t = 0;
    s++;
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

void shoal_mingru_sequence(float *gates, const float *x, const float *state, const uint8_t *starts, float *states,
                           float *y, int32_t steps, int32_t rows, int32_t hidden) {
  static const float zero[4096];
  int64_t H = hidden, count = (int64_t)steps * rows;
  for (int64_t r = 0; r < count; r++) {
    const float *before = starts[r] ? zero : r < rows ? state + r * H : states + (r - rows) * H;
    advance(gates + 3 * r * H, x + r * H, before, states + r * H, y + r * H, hidden);
  }
}

void shoal_mingru_sequence_back(const float *gates, const float *x, const float *state, const uint8_t *starts,
                                const float *states, float *dy, float *carry, float *dgates, int32_t steps,
                                int32_t rows, int32_t hidden) {
  static const float zero[4096];
  int64_t H = hidden;
  memset(carry, 0, 4 * (size_t)(rows * H));
  for (int64_t r = (int64_t)steps * rows - 1; r >= 0; r--) {
    const float *before = starts[r] ? zero : r < rows ? state + r * H : states + (r - rows) * H;
    float *to = carry + r % rows * H;
    memcpy(dgates + 3 * r * H, gates + 3 * r * H, 12 * (size_t)H);
    retreat(dgates + 3 * r * H, x + r * H, before, states + r * H, dy + r * H, to, hidden);
    if (starts[r]) { memset(to, 0, 4 * (size_t)H); }
  }
}
