// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Contexts: parameters that are drawn from a distribution when an episode begins. A draw is a hash of (the episode's
// key, CONTEXT, the parameter's row in its table), so it depends on nothing that ran before it.
#ifndef SHOAL_CONTEXT_H
#define SHOAL_CONTEXT_H

#include "shoal/env.h"

enum { SHOAL_MAX_CONTEXTS = 32, SHOAL_MAX_OPTIONS = 32 };

// An int parameter takes the nearest whole number of a real draw.
enum {
  SHOAL_CONTEXT_UNIFORM = 0,  // in [a, b]
  SHOAL_CONTEXT_LOGUNIFORM,   // in [a, b], its logarithm uniform
  SHOAL_CONTEXT_NORMAL,       // mean a, standard deviation b, clipped to the table's range
  SHOAL_CONTEXT_RANGE,        // first, first + 1, ..., last
  SHOAL_CONTEXT_CHOICE        // one of the options
};

typedef struct {
  int32_t param;        // row of the parameter table
  int32_t type;         // SHOAL_PARAM_*, of the parameter's four bytes
  int32_t kind;         // SHOAL_CONTEXT_*
  int32_t count;        // options
  int32_t first, last;  // range
  float a, b;
  double low, high;                     // the table's range, to which real draws are clipped
  uint32_t options[SHOAL_MAX_OPTIONS];  // the four bytes of each
} ShoalContext;

// Where a parameter stands in its Params, in bytes.
SHOAL_FN int64_t shoal_param_offset(int32_t param) { return (int64_t)sizeof(ShoalSizes) + 4 * (int64_t)param; }

// The four bytes of a parameter in the episode of that key.
SHOAL_FN uint32_t shoal_context_draw(const ShoalContext *context, uint64_t key) {
  uint64_t hash = shoal_hash(key, SHOAL_TAG_CONTEXT, (uint64_t)context->param, 0), bits = hash >> 32;
  if (context->kind == SHOAL_CONTEXT_CHOICE) {
    return context->options[(bits * (uint64_t)(uint32_t)context->count) >> 32];
  }
  if (context->kind == SHOAL_CONTEXT_RANGE) {
    uint64_t numbers = (uint64_t)((int64_t)context->last - context->first + 1);
    return (uint32_t)context->first + (uint32_t)((bits * numbers) >> 32);
  }
  float u = shoal_uniform_of(hash), a = context->a, b = context->b, x;
  if (context->kind == SHOAL_CONTEXT_UNIFORM) {
    x = shoal_clamp(a + (b - a) * u, a, b);
  } else if (context->kind == SHOAL_CONTEXT_LOGUNIFORM) {
    float log_a = shoal_log(a);
    x = shoal_clamp(shoal_exp(log_a + (shoal_log(b) - log_a) * u), a, b);
  } else {
    float v = shoal_uniform_of(hash << 24);
    x = a + b * (shoal_sqrt(-2.0f * shoal_log(1.0f - u)) * shoal_cos(2.0f * SHOAL_PI * v));
  }
  double clipped = (double)x < context->low ? context->low : (double)x > context->high ? context->high : (double)x;
  return context->type == SHOAL_PARAM_FLOAT ? shoal_to_bits((float)clipped)
                                            : (uint32_t)(int32_t)__builtin_floor(clipped + 0.5);
}

#endif
