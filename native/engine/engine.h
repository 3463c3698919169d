// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// What the rest of the library may know about a vec beyond the public ShoalVec: its blocks, its statistics, its bound
// buffers and its stop flag.
#ifndef SHOAL_ENGINE_ENGINE_H
#define SHOAL_ENGINE_ENGINE_H

#include <stdint.h>

#include "engine/fp.h"
#include "engine/pool.h"
#include "shoal/shoal.h"

// Write a sentence (no trailing full stop) into `message`; returns SHOAL_ERROR.
int32_t shoal_complain(char *message, const char *format, ...) __attribute__((format(printf, 2, 3)));

// The checked spec of an environment with these params; `out` is zeroed by the caller.
int32_t shoal_spec_of(const ShoalEnv *env, const void *params, ShoalSpec *out, char *message);
// How many teams there are: they are numbered from 0.
int32_t shoal_spec_teams(const ShoalSpec *spec);
// Append the VALUE parameters that the policy may see to the observation row.
int32_t shoal_spec_observe(const ShoalEnv *env, const int32_t *params, int32_t count, ShoalSpec *out, char *message);
// Write what spec computed into the head of the params.
void shoal_sizes_into(const ShoalSpec *spec, void *params);

// The object behind a ShoalVec pointer.
typedef struct {
  ShoalVec vec;
  const volatile int32_t *stop;  // or null
  int64_t clock;                 // steps made since the reset
  int32_t chooses_threads;       // steps wake other threads only where that pays off
  int64_t alone;                 // nanoseconds of the quickest of the last timed steps of one thread
  int32_t num_blocks;            // block b holds environments b * vec.block to min(num_envs, (b + 1) * vec.block) - 1
  int32_t bound;                 // shoal_vec_bind was called
  int64_t stats_stride;          // doubles from one block's statistics to the next, whole cache lines
  double *stats;                 // (num_blocks, stats_stride)
  int64_t scratch_stride;        // bytes of one thread's scratch
  uint8_t *scratch;              // (threads, scratch_stride): the buffers of shoal_vec_run
  ShoalIo io;                    // the bound buffers, from row 0
  const uint8_t *first_shared;   // the Shared block of creation, or null
} ShoalEngine;

static inline ShoalEngine *shoal_engine_of(ShoalVec *vec) { return (ShoalEngine *)(void *)vec; }

static inline int32_t shoal_stopped(const ShoalEngine *engine) { return engine->stop && *engine->stop != 0; }

// The first environment of block b, and how many it holds.
static inline int32_t shoal_block_first(const ShoalEngine *engine, int32_t b) { return b * engine->vec.block; }
static inline int32_t shoal_block_count(const ShoalEngine *engine, int32_t b) {
  int32_t rest = engine->vec.num_envs - b * engine->vec.block;
  return rest < engine->vec.block ? rest : engine->vec.block;
}
static inline double *shoal_block_stats(const ShoalEngine *engine, int32_t b) {
  return engine->stats + (int64_t)b * engine->stats_stride;
}

// The buffers of one block, as shoal_vec_run uses them, at `base`; returns their size in bytes.
int64_t shoal_scratch_layout(const ShoalVec *vec, uint8_t *base, ShoalIo *io);
// The bound buffers from environment `first` on, with block b's statistics.
ShoalIo shoal_slice(const ShoalEngine *engine, int32_t first, int32_t b);
// The bytes of vec->lives.
int64_t shoal_lives_bytes(const ShoalVec *vec);
// Non-zero, with a sentence, unless every step buffer is bound.
int32_t shoal_complain_about_binding(const ShoalEngine *engine, char *message);

#endif
