// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Laying out an object's memory. The same code measures (base null: only `used` grows) and places.
#ifndef SHOAL_ARENA_H
#define SHOAL_ARENA_H

#include "nn/simd.h"

typedef struct {
  uint8_t *base;
  int64_t used;
} ShoalArena;

// The next `bytes`, 64-byte aligned, with a cache line of slack behind for vector loads that overhang.
static inline void *shoal_take(ShoalArena *arena, int64_t bytes) {
  uint8_t *at = arena->base ? arena->base + arena->used : 0;
  arena->used += (bytes + 128 + 63) / 64 * 64;
  return at;
}

#endif
