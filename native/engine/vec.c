// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// N copies of an environment in the caller's memory, cut into blocks that are the tasks of the thread pool. A block's
// size depends on the environment alone, and statistics are kept per block and added in block order, so every number
// is the same for any number of threads.
#include <string.h>
#include <time.h>

#include "engine/engine.h"

// To wake parked threads takes about as long as TOO_SHORT: a step that one thread does in that time stays with it. A
// few steps in a row are timed every now and then, since they may become longer as episodes go on.
enum { TOO_SHORT = 100000 /* nanoseconds */, TIMED_STEPS = 4, TIMED_EVERY = 1024 };

// ---------------------------------------------------------------------------------------------------- blocks

// The bound buffers from environment `first` on, with block b's statistics.
ShoalIo shoal_slice(const ShoalEngine *engine, int32_t first, int32_t b) {
  const ShoalVec *vec = &engine->vec;
  ShoalIo io = engine->io;
  int64_t row = (int64_t)first * vec->agents;
  io.discrete += row * vec->heads;
  io.continuous += row * vec->dims;
  io.rows += row * io.row_stride;
  io.masks += row * io.mask_stride;
  io.legal += row * io.mask_stride;
  if (io.final_rows) {
    io.final_rows += row * io.final_stride;
    io.final_masks += row * io.final_mask_stride;
  }
  io.rewards += row;
  io.ended += row;
  io.stats = shoal_block_stats(engine, b);
  io.clock = engine->clock;
  return io;
}

static void reset_block(void *context, int32_t b, int32_t thread) {
  const ShoalEngine *engine = context;
  int32_t first = shoal_block_first(engine, b);
  ShoalIo io = shoal_slice(engine, first, b);
  (void)thread;
  engine->vec.env->block_reset(&engine->vec, first, shoal_block_count(engine, b), &io);
}

static void step_block(void *context, int32_t b, int32_t thread) {
  const ShoalEngine *engine = context;
  int32_t first = shoal_block_first(engine, b);
  ShoalIo io = shoal_slice(engine, first, b);
  (void)thread;
  if (shoal_stopped(engine)) { return; }
  engine->vec.env->block_step(&engine->vec, first, shoal_block_count(engine, b), &io);
}

typedef struct {
  ShoalEngine *engine;
  int32_t first;  // block
} PartCall;

static void step_part_block(void *context, int32_t b, int32_t thread) {
  const PartCall *call = context;
  step_block(call->engine, call->first + b, thread);
}

// Environments that are stepped elsewhere, of blocks [from, until): all of them at once, whatever the number of threads
// here. What was sent last is waited for first: by then the rest is there, and this thread sleeps once, not once a
// block.
static void step_split(const ShoalEngine *engine, int32_t from, int32_t until) {
  const ShoalVec *vec = &engine->vec;
  uint64_t fp = shoal_fp_enter();
  for (int32_t b = from; b < until && !shoal_stopped(engine); b++) {
    int32_t first = shoal_block_first(engine, b);
    ShoalIo io = shoal_slice(engine, first, b);
    vec->env->split->send(vec, first, shoal_block_count(engine, b), &io);
  }
  for (int32_t b = until - 1; b >= from && !shoal_stopped(engine); b--) {
    vec->env->split->ready(vec, shoal_block_first(engine, b), -1.0);
  }
  for (int32_t b = from; b < until && !shoal_stopped(engine); b++) {
    int32_t first = shoal_block_first(engine, b);
    ShoalIo io = shoal_slice(engine, first, b);
    vec->env->split->finish(vec, first, shoal_block_count(engine, b), &io);
  }
  shoal_fp_leave(fp);
}

static void observe_block(void *context, int32_t b, int32_t thread) {
  const ShoalEngine *engine = context;
  int32_t first = shoal_block_first(engine, b);
  ShoalIo io = shoal_slice(engine, first, b);
  (void)thread;
  engine->vec.env->block_observe(&engine->vec, first, shoal_block_count(engine, b), &io);
}

typedef struct {
  const ShoalEngine *engine;
  float level;
} ScriptedCall;

static void scripted_block(void *context, int32_t b, int32_t thread) {
  const ScriptedCall *call = context;
  const ShoalEngine *engine = call->engine;
  int32_t first = shoal_block_first(engine, b);
  ShoalIo io = shoal_slice(engine, first, b);
  (void)thread;
  engine->vec.env->block_scripted(&engine->vec, first, shoal_block_count(engine, b), call->level, &io);
}

typedef struct {
  const ShoalEngine *engine;
  int64_t steps;
  int32_t cycle;
  const int32_t *discrete;  // (cycle, N, heads)
  const float *continuous;  // (cycle, N, dims)
} RunCall;

// Copy the prepared actions of `rows` rows, which a step cleans in place.
static void take_actions(const RunCall *call, int64_t from, int64_t rows, const ShoalIo *io) {
  int64_t heads = call->engine->vec.heads, dims = call->engine->vec.dims;
  if (heads) { memcpy(io->discrete, call->discrete + from * heads, (size_t)(rows * heads) * sizeof *io->discrete); }
  if (dims) { memcpy(io->continuous, call->continuous + from * dims, (size_t)(rows * dims) * sizeof *io->continuous); }
}

// All steps of one block, in the thread's own small buffers.
static void run_block(void *context, int32_t b, int32_t thread) {
  const RunCall *call = context;
  const ShoalEngine *engine = call->engine;
  const ShoalVec *vec = &engine->vec;
  int32_t first = shoal_block_first(engine, b), count = shoal_block_count(engine, b);
  int64_t all = (int64_t)vec->num_envs * vec->agents, row = (int64_t)first * vec->agents;
  int64_t rows = (int64_t)count * vec->agents;
  ShoalIo io;
  shoal_scratch_layout(vec, engine->scratch + thread * engine->scratch_stride, &io);
  io.stats = shoal_block_stats(engine, b);
  io.clock = engine->clock;
  vec->env->block_observe(vec, first, count, &io);
  for (int64_t step = 0; step < call->steps && !shoal_stopped(engine); step++, io.clock++) {
    take_actions(call, step % call->cycle * all + row, rows, &io);
    vec->env->block_step(vec, first, count, &io);
  }
}

// One step of one block over the bound buffers; `steps` numbers it.
static void run_block_once(void *context, int32_t b, int32_t thread) {
  const RunCall *call = context;
  const ShoalVec *vec = &call->engine->vec;
  int32_t first = shoal_block_first(call->engine, b), count = shoal_block_count(call->engine, b);
  int64_t all = (int64_t)vec->num_envs * vec->agents, row = (int64_t)first * vec->agents;
  ShoalIo io = shoal_slice(call->engine, first, b);
  (void)thread;
  take_actions(call, call->steps % call->cycle * all + row, (int64_t)count * vec->agents, &io);
  vec->env->block_step(vec, first, count, &io);
}

// ---------------------------------------------------------------------------------------------------- steps

int32_t shoal_vec_reset(ShoalVec *vec, uint64_t seed, char *message) {
  ShoalEngine *engine = shoal_engine_of(vec);
  if (shoal_complain_about_binding(engine, message)) { return SHOAL_ERROR; }
  int64_t rows = (int64_t)vec->num_envs * vec->agents;
  vec->seed = seed;
  engine->clock = 0;
  memset(engine->stats, 0, (size_t)(engine->num_blocks * engine->stats_stride * 8));
  if (vec->lives) { memset(vec->lives, 0, (size_t)shoal_lives_bytes(vec)); }
  memset(vec->rewards, 0, (size_t)rows * sizeof *vec->rewards);
  memset(vec->ended, 0, (size_t)rows);
  memset(engine->io.rewards, 0, (size_t)rows * sizeof *vec->rewards);
  memset(engine->io.ended, 0, (size_t)rows);
  shoal_parallel(vec->threads, engine->num_blocks, reset_block, engine);
  return SHOAL_OK;
}

int32_t shoal_vec_reset_ended(ShoalVec *vec, char *message) {
  ShoalEngine *engine = shoal_engine_of(vec);
  if (shoal_complain_about_binding(engine, message)) { return SHOAL_ERROR; }
  for (int32_t e = 0; vec->waiting && e < vec->num_envs; e++) {
    if (!vec->waiting[e]) { continue; }
    ShoalIo io = shoal_slice(engine, e, e / vec->block);
    uint64_t fp = shoal_fp_enter();
    vec->env->block_step(vec, e, 1, &io);  // of a waiting environment: the reset
    shoal_fp_leave(fp);
  }
  return SHOAL_OK;
}

static int64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int32_t shoal_vec_step(ShoalVec *vec, char *message) {
  ShoalEngine *engine = shoal_engine_of(vec);
  if (shoal_complain_about_binding(engine, message)) { return SHOAL_ERROR; }
  for (int32_t e = 0; vec->mode == SHOAL_RESET_DISABLED && e < vec->num_envs; e++) {
    if (vec->waiting[e]) {
      return shoal_complain(message,
                            "an ended environment was stepped: environment=%d; expected a reset first, since automatic "
                            "resets are disabled",
                            e);
    }
  }
  int64_t turn = engine->clock % TIMED_EVERY;
  if (vec->env->split) {
    step_split(engine, 0, engine->num_blocks);
  } else if (!engine->chooses_threads || vec->threads == 1) {
    shoal_parallel(vec->threads, engine->num_blocks, step_block, engine);
  } else if (turn < TIMED_STEPS) {
    int64_t begun = nanoseconds();
    shoal_parallel(1, engine->num_blocks, step_block, engine);
    int64_t spent = nanoseconds() - begun;
    engine->alone = turn == 0 || spent < engine->alone ? spent : engine->alone;
  } else {
    shoal_parallel(engine->alone < TOO_SHORT ? 1 : vec->threads, engine->num_blocks, step_block, engine);
  }
  if (shoal_stopped(engine)) { return SHOAL_STOPPED; }
  engine->clock++;
  return SHOAL_OK;
}

static int32_t complain_about_mode(const ShoalVec *vec, char *message) {
  return shoal_complain(message, "this vec does not reset within a step: mode=%d; expected 0 (same-step)", vec->mode);
}

static int32_t half_of_blocks(const ShoalEngine *engine) { return engine->num_blocks / 2; }

int32_t shoal_vec_half(ShoalVec *vec) {
  const ShoalEngine *engine = shoal_engine_of(vec);
  return half_of_blocks(engine) * vec->block;
}

int32_t shoal_vec_step_half(ShoalVec *vec, int32_t half, char *message) {
  ShoalEngine *engine = shoal_engine_of(vec);
  if (shoal_complain_about_binding(engine, message)) { return SHOAL_ERROR; }
  if (vec->mode != SHOAL_RESET_SAME_STEP) { return complain_about_mode(vec, message); }
  int32_t from = half ? half_of_blocks(engine) : 0, until = half ? engine->num_blocks : half_of_blocks(engine);
  PartCall call = {engine, from};
  if (vec->env->split) {
    step_split(engine, from, until);
  } else {
    shoal_parallel(vec->threads, until - from, step_part_block, &call);
  }
  if (shoal_stopped(engine)) { return SHOAL_STOPPED; }
  engine->clock += half != 0;
  return SHOAL_OK;
}

int32_t shoal_vec_scripted(ShoalVec *vec, float level, char *message) {
  ShoalEngine *engine = shoal_engine_of(vec);
  if (shoal_complain_about_binding(engine, message)) { return SHOAL_ERROR; }
  if (!vec->env->has_scripted) {
    return shoal_complain(message, "%s has no scripted policy; expected an environment that defines SHOAL_HAS_SCRIPTED",
                          vec->env->name);
  }
  ScriptedCall call = {engine, level};
  shoal_parallel(vec->threads, engine->num_blocks, scripted_block, &call);
  return SHOAL_OK;
}

static int32_t check_run(ShoalVec *vec, int64_t steps, int32_t cycle, char *message) {
  if (shoal_complain_about_binding(shoal_engine_of(vec), message)) { return SHOAL_ERROR; }
  if (vec->mode != SHOAL_RESET_SAME_STEP) { return complain_about_mode(vec, message); }
  if (steps < 0 || cycle < 1) {
    return shoal_complain(message, "nothing to run: steps=%lld, cycle=%d; expected at least 0 and at least 1",
                          (long long)steps, cycle);
  }
  return SHOAL_OK;
}

int32_t shoal_vec_run(ShoalVec *vec, int64_t steps, int32_t cycle, const int32_t *discrete, const float *continuous,
                      char *message) {
  ShoalEngine *engine = shoal_engine_of(vec);
  if (check_run(vec, steps, cycle, message) != SHOAL_OK) { return SHOAL_ERROR; }
  RunCall call = {engine, steps, cycle, discrete, continuous};
  shoal_parallel(vec->threads, engine->num_blocks, run_block, &call);
  shoal_parallel(vec->threads, engine->num_blocks, observe_block, engine);
  engine->clock += steps;
  return shoal_stopped(engine) ? SHOAL_STOPPED : SHOAL_OK;
}

int32_t shoal_vec_run_in_step(ShoalVec *vec, int64_t steps, int32_t cycle, const int32_t *discrete,
                              const float *continuous, char *message) {
  ShoalEngine *engine = shoal_engine_of(vec);
  if (check_run(vec, steps, cycle, message) != SHOAL_OK) { return SHOAL_ERROR; }
  for (int64_t step = 0; step < steps && !shoal_stopped(engine); step++, engine->clock++) {
    RunCall call = {engine, step, cycle, discrete, continuous};
    if (vec->env->split) {
      int64_t all = (int64_t)vec->num_envs * vec->agents;
      take_actions(&call, step % cycle * all, all, &engine->io);
      step_split(engine, 0, engine->num_blocks);
      continue;
    }
    shoal_parallel(vec->threads, engine->num_blocks, run_block_once, &call);
  }
  return shoal_stopped(engine) ? SHOAL_STOPPED : SHOAL_OK;
}

// ---------------------------------------------------------------------------------------------------- results

void shoal_vec_stats(ShoalVec *vec, double *out) {
  ShoalEngine *engine = shoal_engine_of(vec);
  int32_t size = SHOAL_STATS_SIZE(vec->metrics);
  memset(out, 0, (size_t)size * sizeof *out);
  for (int32_t b = 0; b < engine->num_blocks; b++) {
    double *stats = shoal_block_stats(engine, b);
    for (int32_t i = 0; i < size; i++) { out[i] += stats[i]; }
    memset(stats, 0, (size_t)size * sizeof *stats);
  }
}

void shoal_vec_set_clock(ShoalVec *vec, int64_t clock) { shoal_engine_of(vec)->clock = clock; }

int32_t shoal_vec_episodes(ShoalVec *vec, uint32_t from, uint32_t until) {
  int32_t inside = 0;
  vec->emit_from = from;
  vec->emit_until = until;
  for (int32_t e = 0; e < vec->num_envs; e++) {
    const ShoalHead *head = (const ShoalHead *)(const void *)(vec->state + (int64_t)e * vec->state_bytes);
    inside += head->episode >= from && head->episode < until;
  }
  return inside;
}

void *shoal_vec_array(ShoalVec *vec, int32_t which) {
  void *arrays[] = {vec->live,    vec->starts, vec->returns,        vec->lengths,      vec->state,   vec->limits,
                    vec->waiting, vec->params, vec->shared_version, vec->next_players, vec->players, vec->lives};
  return which >= 0 && which < (int32_t)(sizeof arrays / sizeof *arrays) ? arrays[which] : NULL;
}
