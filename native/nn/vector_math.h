// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The logistic function for the gates of recurrent cores, on the vectors of this build. The loops that a compiler makes
// of env.h's scalar functions take a third longer: it turns the clamps into mask operations, and orders chain by chain.
#ifndef SHOAL_VECTOR_MATH_H
#define SHOAL_VECTOR_MATH_H

#include "nn/simd.h"

static inline shoal_vector shoal_vector_of(float x) { return x - (shoal_vector){0}; }

// `count` floats, zeros beyond them; a full vector where count allows.
static inline shoal_vector shoal_vector_load(const float *at, int32_t count) {
  shoal_vector v = {0};
  if (count >= SHOAL_LANES) { return *(const shoal_vector *)at; }
  __builtin_memcpy(&v, at, 4 * (size_t)count);
  return v;
}
static inline void shoal_vector_store(float *at, shoal_vector v, int32_t count) {
  if (count >= SHOAL_LANES) {
    *(shoal_vector *)at = v;
  } else {
    __builtin_memcpy(at, &v, 4 * (size_t)count);
  }
}

// x[j] <- 1 + e^-x[j] for |x| <= 28, clamped: denominators of logistic functions, within 6e-7 relatively (a logistic:
// 7e-8). Three may be multiplied without overflow, so that gates share one division; beyond 28 a logistic is held
// within 7e-13 of 0 or 1. NaN stays NaN. e^-x = 2^n 2^r, n = round(-x log2 e), |r| <= 1/2; 2^r by its minimax
// polynomial with 2^0 = 1.
//
// The `count` (a constant, at most 6) vectors go through every step side by side: one after the other, each chain of 12
// dependent operations fills the processor's scheduler and it finds no second one to overlap.
static inline __attribute__((always_inline)) void shoal_logistic_denominators(shoal_vector *x, int32_t count) {
  static const float c[] = {1.3264727273e-3f, 9.6715127560e-3f, 5.5507337441e-2f, 2.4022242084e-1f, 6.9314697760e-1f};
  const shoal_vector log2e = shoal_vector_of(-1.44269504f);
  // 1.5 * 2^23 + 127: the sum rounds to an integer, and the low bits of its mantissa are n with a float's bias.
  const shoal_vector magic = shoal_vector_of(12583039.0f), one = shoal_vector_of(1.0f);
  shoal_vector shifted[6], r[6], p[6];
#define SHOAL_SIDE_BY_SIDE _Pragma("GCC unroll 6") for (int32_t j = 0; j < count; j++)
  SHOAL_SIDE_BY_SIDE x[j] = shoal_vector_max(shoal_vector_of(-28.0f), shoal_vector_min(shoal_vector_of(28.0f), x[j]));
  SHOAL_SIDE_BY_SIDE shifted[j] = shoal_vector_fma(x[j], log2e, magic);
  SHOAL_SIDE_BY_SIDE r[j] = shoal_vector_fma(x[j], log2e, magic - shifted[j]);
  SHOAL_SIDE_BY_SIDE p[j] = shoal_vector_of(c[0]);
#pragma GCC unroll 4
  for (int32_t i = 1; i < 5; i++) { SHOAL_SIDE_BY_SIDE p[j] = shoal_vector_fma(p[j], r[j], shoal_vector_of(c[i])); }
  SHOAL_SIDE_BY_SIDE p[j] = shoal_vector_fma(p[j], r[j], one);
  SHOAL_SIDE_BY_SIDE x[j] = shoal_vector_fma(p[j], (shoal_vector)((shoal_int_vector)shifted[j] << 23), one);
#undef SHOAL_SIDE_BY_SIDE
}

#endif
