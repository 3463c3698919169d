// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The shared memory as both sides see it, and the words through which they wake one another.
#ifndef SHOAL_OUTSIDE_MEMORY_H
#define SHOAL_OUTSIDE_MEMORY_H

#include "outside/futex.h"
#include "shoal/outside.h"

// A worker's words. `bell` rises with every request to it; a side that sets `sleeps` looks once more, then sleeps.
typedef struct {
  ShoalWord bell, sleeps, ready, quit;
  _Atomic int32_t at;  // the environment that is being stepped
  uint32_t unused;
  double waited;  // seconds for the last request; the worker's own
  uint8_t unused_too[96];
} ShoalBell;

// A block's words: served when reply has caught up with request.
typedef struct {
  ShoalWord request;
  uint8_t unused[60];
  ShoalWord reply, sleeps;
  uint8_t unused_too[56];
} ShoalTurn;

static inline int32_t shoal_outside_blocks(const ShoalOutsideShape *shape) {
  return (shape->num_envs + shape->block - 1) / shape->block;
}

static inline ShoalBell *shoal_bells(uint8_t *base) { return (ShoalBell *)(void *)base; }

static inline ShoalTurn *shoal_turns(const ShoalOutsideShape *shape, uint8_t *base) {
  return (ShoalTurn *)(void *)(base + (int64_t)shape->workers * (int64_t)sizeof(ShoalBell));
}

#endif
