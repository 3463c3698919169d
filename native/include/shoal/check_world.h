// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// For check.h: all that the program knows, in one place, and what each of its parts needs.
#ifndef SHOAL_CHECK_WORLD_H
#define SHOAL_CHECK_WORLD_H

#include <stdint.h>
#include <string.h>

#include "shoal/check_room.h"
#include "shoal/env.h"

enum {
  CHECK_HANG = 10,        // the processor's seconds after which a call counts as one that never returns
  CHECK_PAIRS = 64,       // actions of a head that are compared with one another
  CHECK_ALTERNATIVES = 4  // actions tried before an agent's choice counts as without effect
};

typedef SHOAL_ENV_TYPE(Params) CheckParams;
typedef SHOAL_ENV_TYPE(State) CheckState;
typedef SHOAL_ENV_TYPE(Metrics) CheckMetrics;
#ifdef SHOAL_HAS_SHARED
typedef SHOAL_ENV_TYPE(Shared) CheckShared;
#else
typedef void CheckShared;
#endif

#define CHECK_METRIC_NAME(name, doc) #name,
static const char *const check_metric_names[] = {SHOAL_ENV_TABLE(METRICS)(CHECK_METRIC_NAME)};
enum { CHECK_METRICS = sizeof check_metric_names / sizeof *check_metric_names };

// What a step reads and writes, apart from State.
typedef struct {
  int32_t *discrete;  // (agents, heads)
  float *continuous;  // (agents, dims)
  float *reward;      // (agents,)
  uint8_t *ended;     // (agents,)
  uint8_t *over;      // one
  float *metrics;     // (agents, CHECK_METRICS)
} CheckStep;

static struct {
  ShoalSpec spec;
  CheckParams *params, *params_kept;
  CheckShared *shared, *shared_kept;
  CheckState *state, *other, *kept;
  CheckStep step, trial;
  uint8_t *live;                 // (agents,)
  uint8_t **row, **row_again;    // (agents,) of row_bytes: over memory of 0x00 and of 0xFF
  uint8_t **mask, **mask_again;  // (agents,) of mask_bytes
  uint8_t *rows, *masks;         // (agents, row_bytes) and (agents, mask_bytes): of all that observe together
  uint64_t seed, rng, hash;
  int32_t trace;                                            // print hashes of what each step leads to
  int32_t limit, manner;                                    // manner: how this episode's actions are chosen
  uint32_t lives, alone;                                    // lives that ended; steps in a row with nobody live
  uint32_t truncations, truncation_first, truncation_last;  // by step itself, and the least and greatest of their ticks
  uint32_t terminations, terminations_last, termination_last;  // how many, how many on the greatest tick, that tick
  uint32_t tried[SHOAL_MAX_HEADS][CHECK_PAIRS][CHECK_PAIRS], differed[SHOAL_MAX_HEADS][CHECK_PAIRS][CHECK_PAIRS];
  uint32_t still_tried[SHOAL_MAX_HEADS][CHECK_PAIRS], still[SHOAL_MAX_HEADS][CHECK_PAIRS];
  uint32_t dim_tried[SHOAL_MAX_DIMS], dim_differed[SHOAL_MAX_DIMS];
  uint32_t choices, idle;  // states in which a live agent could choose; in which no choice changed anything
  double *clock;           // (elements, 3): sums of x, x x, x tick over the rows that were seen
  double clock_rows, clock_tick, clock_ticks;  // their number, sums of tick and of tick tick
} check;

static uint32_t check_draw(uint32_t n) {
  check.rng += 0x9E3779B97F4A7C15u;
  return (uint32_t)(((shoal_mix(check.rng) >> 32) * n) >> 32);
}

static void check_hash(const void *data, int64_t bytes) {
  const uint8_t *byte = (const uint8_t *)data;
  for (int64_t i = 0; i < bytes; i++) { check.hash = (check.hash ^ byte[i]) * 0x100000001B3u; }
}

static uint64_t check_hash_of(const void *data, int64_t bytes) {
  uint64_t kept = check.hash, found;
  check.hash = 0;
  check_hash(data, bytes);
  found = check.hash;
  check.hash = kept;
  return found;
}

// The first byte in which two arrays differ, or -1.
static int64_t check_first_difference(const void *a, const void *b, int64_t bytes) {
  const uint8_t *x = (const uint8_t *)a, *y = (const uint8_t *)b;
  if (bytes == 0 || memcmp(x, y, (size_t)bytes) == 0) { return -1; }
  for (int64_t i = 0; i < bytes; i++) {
    if (x[i] != y[i]) { return i; }
  }
  return -1;
}

static void check_copy(void *to, const void *from, int64_t bytes) {
  if (bytes) { memcpy(to, from, (size_t)bytes); }
}

static void check_keep_state(void) { check_copy(check.kept, check.state, check.spec.state_bytes); }

// A function that only reads has run since check_keep_state.
static void check_state_is_kept(const char *function, int32_t agent) {
  int64_t at = check_first_difference(check.kept, check.state, check.spec.state_bytes);
  if (at >= 0) {
    check_found("writes-state", function, "function=%s\toffset=%lld\tagent=%d", function, (long long)at, agent);
    check_copy(check.state, check.kept, check.spec.state_bytes);
  }
}

static void check_head(const ShoalHead *before, const char *function) {
  const ShoalHead *now = &check.state->head;
  const char *field = now->key != before->key           ? "key"
                      : now->episode != before->episode ? "episode"
                      : now->tick != before->tick       ? "tick"
                      : now->phase != before->phase     ? "phase"
                      : now->draws < before->draws      ? "draws"
                                                        : NULL;
  if (field) {
    check_found("writes-head", field, "function=%s\tfield=%s\ttick=%u", function, field, before->tick);
    check.state->head = *before;  // as the engine's count would have it
  }
}

#endif
