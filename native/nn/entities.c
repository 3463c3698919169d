// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// A set of entities: each goes through the same map, h = relu(W x + b), and projection, P h; of every unit the largest
// over the valid entities counts, 0 where there are none. The projection comes before the maximum: behind it, units
// would see no more of a set than its convex hull (relu and maximum can change places), and not the nearest of it.
//
// Entities of all rows lie one after the other, so that a pass over a few rows is a product of many.
#include <string.h>

#include "nn/policy.h"

enum { UNITS = SHOAL_ENTITY_UNITS, FEW = 64 };  // entities from which on a product is worth its call

int64_t shoal_entities_work(const ShoalPolicy *policy, const ShoalEncode *e) {
  return (int64_t)(FEW + e->rows) * (policy->ldh + UNITS);
}

// The end of a run of rows from r that have FEW entities together, or R.
static int32_t run_from(const int32_t *first, int32_t r, int32_t R) {
  int32_t end = r + 1;
  while (end < R && first[end] - first[r] < FEW) { end++; }
  return end;
}

void shoal_entities_forward(const ShoalPolicy *policy, const ShoalEncode *e, const ShoalOwn *own, ShoalTape *tape,
                            int32_t n, int32_t R, float *y) {
  const ShoalOwnInput *in = &tape->own[e->own];
  const ShoalOwnTape *kept = &tape->trunk[n].own[e->own];
  int32_t features = e->columns * e->channels, H = policy->hidden, wide = shoal_padded(H);
  int64_t ld = shoal_padded(features), ldh = policy->ldh;
  shoal_gemm(kept->hidden, UNITS, in->entities, ld, own->map, own->bias[0], in->first[R], features, UNITS, 0);
  for (int64_t i = 0; i < (int64_t)in->first[R] * UNITS; i++) {
    kept->hidden[i] = kept->hidden[i] > 0.0f ? kept->hidden[i] : 0.0f;
  }
  for (int32_t r = 0, end; r < R; r = end) {
    end = run_from(in->first, r, R);
    int32_t from = in->first[r];
    shoal_gemm(tape->work, ldh, kept->hidden + (int64_t)from * UNITS, UNITS, own->project, 0, in->first[end] - from,
               UNITS, H, 0);
    for (; r < end; r++) {
      int32_t count = in->first[r + 1] - in->first[r];
      const float *of = tape->work + (in->first[r] - from) * ldh;
      float *restrict to = y + r * ldh;
      int32_t *restrict best = kept->best ? kept->best + (int64_t)r * wide : 0;
      for (int32_t c = 0; c < H; c += SHOAL_LANES) {
        shoal_vector most = {0};
        shoal_int_vector where = (shoal_int_vector){0} - 1;
        for (int32_t i = 0; i < count; i++) {
          shoal_vector value = *(const shoal_vector *)(of + i * ldh + c);
          shoal_int_vector more = ~(shoal_int_vector)(value <= most) & (shoal_int_vector)(most == most);  // a NaN stays
          if (i == 0) { more = ~(shoal_int_vector){0}; }
          most = shoal_vector_select(more, value, most);
          where = (more & i) | (~more & where);
        }
        *(shoal_vector *)(to + c) += most;
        if (best) { *(shoal_int_vector *)(best + c) = where; }
      }
    }
  }
}

void shoal_entities_backward(const ShoalPolicy *policy, const ShoalEncode *e, const ShoalOwn *own, ShoalTape *tape,
                             int32_t n, int32_t R, const float *dy, float *gradient) {
  const ShoalOwnInput *in = &tape->own[e->own];
  const ShoalOwnTape *kept = &tape->trunk[n].own[e->own];
  int32_t features = e->columns * e->channels, H = policy->hidden, wide = shoal_padded(H);
  int64_t ld = shoal_padded(features), ldh = policy->ldh;
  float *dvalue = tape->work, *dhidden = tape->work + (FEW + e->rows) * ldh;
  for (int32_t r = 0, end; r < R; r = end) {
    end = run_from(in->first, r, R);
    int32_t from = in->first[r], count = in->first[end] - from;
    if (!count) { continue; }
    memset(dvalue, 0, 4 * (size_t)count * (size_t)ldh);
    for (int32_t i = r; i < end; i++) {
      if (in->first[i + 1] == in->first[i]) { continue; }
      const int32_t *best = kept->best + (int64_t)i * wide;
      float *to = dvalue + (in->first[i] - from) * ldh;
      for (int32_t c = 0; c < H; c++) { to[best[c] * ldh + c] = dy[i * ldh + c]; }
    }
    const float *hidden = kept->hidden + (int64_t)from * UNITS;
    shoal_gemm_outer(gradient + policy->gradient_offset[own->parameters[2]], UNITS, dvalue, ldh, hidden, UNITS, count,
                     H, UNITS);
    shoal_gemm(dhidden, UNITS, dvalue, ldh, own->project_backward, 0, count, H, UNITS, 0);
    for (int32_t i = 0; i < count * UNITS; i++) { dhidden[i] = hidden[i] > 0.0f ? dhidden[i] : 0.0f; }
    shoal_gemm_outer(gradient + policy->gradient_offset[own->parameters[0]], ld, dhidden, UNITS,
                     in->entities + from * ld, ld, count, UNITS, features);
    shoal_column_sum(gradient + policy->gradient_offset[own->parameters[1]], dhidden, UNITS, count, UNITS);
  }
}
