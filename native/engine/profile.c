// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The time of each function of an environment, by a clock around one block of copies: on states as training meets them,
// a step is taken whole, put back, taken apart, and put as it was after the whole.
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/engine.h"

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

// What reading the clock twice takes.
static double clock_cost(void) {
  double least = 1.0;
  for (int32_t i = 0; i < 1000; i++) {
    double before = seconds_now(), took = seconds_now() - before;
    least = took < least ? took : least;
  }
  return least;
}

static int64_t episodes(const ShoalVec *vec) {
  int64_t sum = 0;
  for (int32_t e = 0; e < vec->num_envs; e++) {
    sum += ((const ShoalHead *)(const void *)(vec->state + e * vec->state_bytes))->episode;
  }
  return sum;
}

static void take_actions(const ShoalVec *vec, int64_t index, const int32_t *discrete, const float *continuous,
                         const ShoalIo *io) {
  int64_t rows = (int64_t)vec->num_envs * vec->agents, heads = rows * vec->heads, dims = rows * vec->dims;
  if (heads) { memcpy(io->discrete, discrete + index * heads, (size_t)heads * sizeof *discrete); }
  if (dims) { memcpy(io->continuous, continuous + index * dims, (size_t)dims * sizeof *continuous); }
}

int32_t shoal_vec_profile(ShoalVec *vec, int32_t samples, int32_t steps, int32_t cycle, const int32_t *discrete,
                          const float *continuous, double *seconds, int64_t *calls, char *message) {
  ShoalEngine *engine = shoal_engine_of(vec);
  if (!engine->bound || vec->threads != 1 || vec->num_envs > SHOAL_RUN || engine->num_blocks != 1) {
    return shoal_complain(message,
                          "a profile is of one block: num_envs=%d, threads=%d; expected bound buffers, at "
                          "most %d environments in one block and one thread",
                          vec->num_envs, vec->threads, SHOAL_RUN);
  }
  int64_t size = shoal_vec_snapshot_bytes(vec) * vec->num_envs;
  uint8_t *before = malloc((size_t)size * 2), *after = before ? before + size : NULL;
  if (!before) { return shoal_complain(message, "no memory for a profile: %lld bytes", (long long)size * 2); }
  double cost = clock_cost();
  uint64_t fp = shoal_fp_enter();
  ShoalIo io = engine->io;
  io.stats = engine->stats;
  int64_t clock = 0;
  for (int32_t sample = 0; sample < samples && !shoal_stopped(engine); sample++) {
    double *spent = seconds + (int64_t)sample * (SHOAL_CALLS + 1);
    int64_t *number = calls + (int64_t)sample * (SHOAL_CALLS + 1), begun = episodes(vec);
    for (int32_t step = 0; step < steps; step++, clock++) {
      take_actions(vec, clock % cycle, discrete, continuous, &io);
      io.clock = clock;
      if (step == steps - 1) { shoal_vec_save(vec, before); }
      double start = seconds_now();
      vec->env->block_step(vec, 0, vec->num_envs, &io);
      spent[SHOAL_CALLS] = seconds_now() - start - cost;
    }
    number[SHOAL_CALLS] = episodes(vec) - begun;  // resets in that many steps
    shoal_vec_save(vec, after);
    for (int32_t call = 0; call < SHOAL_CALLS; call++) {
      shoal_vec_load(vec, before);
      // a respawn needs what a step leaves behind
      if (call == SHOAL_CALL_RESPAWN) { vec->env->block_call(vec, 0, vec->num_envs, SHOAL_CALL_STEP, &io); }
      double start = seconds_now();
      number[call] = vec->env->block_call(vec, 0, vec->num_envs, call, &io);
      spent[call] = seconds_now() - start - cost;
    }
    shoal_vec_load(vec, after);
    vec->env->block_observe(vec, 0, vec->num_envs, &io);  // the masks that the next actions are cleaned by
  }
  shoal_fp_leave(fp);
  free(before);
  return shoal_stopped(engine) ? SHOAL_STOPPED : SHOAL_OK;
}
