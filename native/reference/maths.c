// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The maths and random numbers of env.h over arrays, for their tests: exactly what environments inline.
#include "reference.h"

void shoal_ref_env_maths(int32_t function, int64_t n, const float *x, float *out) {
  for (int64_t i = 0; i < n; i++) {
    switch (function) {
      case 0: out[i] = shoal_exp(x[i]); break;
      case 1: out[i] = shoal_log(x[i]); break;
      case 2: out[i] = shoal_sin(x[i]); break;
      case 3: out[i] = shoal_cos(x[i]); break;
      case 4: out[i] = shoal_tanh(x[i]); break;
      default: out[i] = shoal_sqrt(x[i]); break;
    }
  }
}

void shoal_ref_env_hash(uint64_t key, uint32_t tag, uint64_t first, uint64_t b, int64_t n, uint64_t *out) {
  for (int64_t i = 0; i < n; i++) { out[i] = shoal_hash(key, tag, first + (uint64_t)i, b); }
}

void shoal_ref_env_uniform(int64_t n, const uint64_t *hash, float *out) {
  for (int64_t i = 0; i < n; i++) { out[i] = shoal_uniform_of(hash[i]); }
}

void shoal_ref_env_below(uint64_t key, int32_t bound, int64_t n, int32_t *out) {
  ShoalHead head = {.key = key};
  for (int64_t i = 0; i < n; i++) { out[i] = shoal_below(&head, bound); }
}
