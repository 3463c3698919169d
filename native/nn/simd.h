// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The vector type of this build and the one operation that needs an intrinsic: a fused multiply-add that is fused by
// construction (contraction is off). Everything else in the learner is plain loops that the compiler vectorises.
#ifndef SHOAL_SIMD_H
#define SHOAL_SIMD_H

#include <stddef.h>
#include <stdint.h>

#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__))
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
enum { SHOAL_LANES = 16, SHOAL_TILE_ROWS = 12 };  // 24 accumulators of 32 registers
#elif defined(__AVX2__) && defined(__FMA__)
enum { SHOAL_LANES = 8, SHOAL_TILE_ROWS = 6 };  // 12 of 16
#elif defined(__ARM_NEON)
enum { SHOAL_LANES = 4, SHOAL_TILE_ROWS = 12 };
#else
enum { SHOAL_LANES = 4, SHOAL_TILE_ROWS = 6 };
#endif
enum { SHOAL_TILE_COLUMNS = 2 * SHOAL_LANES };

typedef float shoal_vector __attribute__((vector_size(SHOAL_LANES * 4), aligned(4), may_alias));

static inline shoal_vector shoal_vector_fma(shoal_vector a, shoal_vector b, shoal_vector c) {
#if defined(__AVX512F__)
  return (shoal_vector)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__) && defined(__FMA__)
  return (shoal_vector)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__ARM_NEON)
  return (shoal_vector)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;  // without FMA hardware the two roundings stay: such a build has bits of its own
#endif
}

typedef int32_t shoal_int_vector __attribute__((vector_size(SHOAL_LANES * 4), aligned(4), may_alias));

// Lanes of a where the mask (a comparison's result) is set, of b elsewhere.
static inline shoal_vector shoal_vector_select(shoal_int_vector mask, shoal_vector a, shoal_vector b) {
  return (shoal_vector)((mask & (shoal_int_vector)a) | (~mask & (shoal_int_vector)b));
}

// a > b ? a : b and a < b ? a : b: with a constant first, a NaN in b stays.
static inline shoal_vector shoal_vector_max(shoal_vector a, shoal_vector b) {
#if defined(__AVX512F__)
  return (shoal_vector)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__) && defined(__FMA__)
  return (shoal_vector)_mm256_max_ps((__m256)a, (__m256)b);
#else
  return shoal_vector_select(a > b, a, b);
#endif
}
static inline shoal_vector shoal_vector_min(shoal_vector a, shoal_vector b) {
#if defined(__AVX512F__)
  return (shoal_vector)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__) && defined(__FMA__)
  return (shoal_vector)_mm256_min_ps((__m256)a, (__m256)b);
#else
  return shoal_vector_select(a < b, a, b);
#endif
}

// The scalar twin, and the fused form of env.h's polynomials.
static inline float shoal_fma(float a, float b, float c) {
#if defined(__FMA__) || defined(__ARM_NEON)
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}

#define SHOAL_MADD(a, b, c) shoal_fma(a, b, c)
#include "shoal/env.h"  // after SHOAL_MADD: its maths takes the fused form

#endif
