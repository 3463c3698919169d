// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// N copies of an environment in the caller's memory, cut into blocks that are the tasks of the thread pool. A block's
// size depends on the environment alone, and statistics are kept per block and added in block order, so every number
// is the same for any number of threads.
#include <string.h>

#include "engine/engine.h"

enum { BLOCK_ROWS = 96, LINE = 64 };

// ---------------------------------------------------------------------------------------------------- creation

static int64_t round_up(int64_t bytes, int64_t unit) { return (bytes + unit - 1) / unit * unit; }

// Hand out the next `bytes` of the arena, on a cache line. With a null base only `used` moves.
static void *take(uint8_t *base, int64_t *used, int64_t bytes) {
  void *out = base ? base + *used : NULL;
  *used += round_up(bytes, LINE);
  return out;
}

// The buffers of one block, as shoal_vec_run uses them; returns their size in bytes.
static int64_t scratch_layout(const ShoalVec *vec, uint8_t *base, ShoalIo *io) {
  int64_t rows = (int64_t)vec->block * vec->agents, used = 0;
  io->discrete = take(base, &used, rows * vec->heads * 4);
  io->continuous = take(base, &used, rows * vec->dims * 4);
  io->rows = take(base, &used, rows * vec->row_bytes);
  io->masks = take(base, &used, rows * vec->mask_bytes);
  io->legal = io->masks;
  io->rewards = take(base, &used, rows * 4);
  io->ended = take(base, &used, rows);
  io->final_rows = io->final_masks = NULL;
  io->row_stride = vec->row_bytes;
  io->mask_stride = vec->mask_bytes;
  io->final_stride = io->final_mask_stride = 0;
  io->stride = 1;
  return used;
}

// Place every array of the engine in `base`; returns the bytes that it takes.
static int64_t layout(ShoalEngine *engine, uint8_t *base) {
  ShoalVec *vec = &engine->vec;
  int64_t envs = vec->num_envs, rows = envs * vec->agents, used = round_up((int64_t)sizeof *engine, LINE);
  ShoalIo unused;
  vec->params = take(base, &used, vec->params_bytes);
  vec->state = take(base, &used, envs * vec->state_bytes);
  vec->limits = take(base, &used, envs * 4);
  vec->waiting = vec->mode == SHOAL_RESET_SAME_STEP ? NULL : take(base, &used, envs);
  vec->rewards = take(base, &used, rows * 4);
  vec->ended = take(base, &used, rows);
  vec->returns = take(base, &used, rows * 4);
  vec->lengths = take(base, &used, rows * 4);
  vec->metric_values = take(base, &used, rows * vec->metrics * 4);
  vec->since_returns = vec->metric_steps ? take(base, &used, rows * 4) : NULL;
  vec->since_lengths = vec->metric_steps ? take(base, &used, rows * 4) : NULL;
  vec->live = take(base, &used, rows);
  vec->starts = take(base, &used, rows);
  engine->stats = take(base, &used, engine->num_blocks * engine->stats_stride * 8);
  engine->scratch_stride = scratch_layout(vec, NULL, &unused);
  engine->scratch = take(base, &used, engine->scratch_stride * vec->threads);
  return used;
}

// Fill the engine's sizes from what was asked for.
static int32_t describe(ShoalEngine *engine, const ShoalEnv *env, const void *params, const ShoalVecConfig *config,
                        char *message) {
  ShoalVec *vec = &engine->vec;
  memset(engine, 0, sizeof *engine);
  if (shoal_spec_of(env, params, &vec->spec, message) != SHOAL_OK) { return SHOAL_ERROR; }
  int64_t most = INT32_MAX / vec->spec.agents;
  if (config->num_envs < 1 || config->num_envs > most) {
    return shoal_complain(message, "no such number of environments: num_envs=%d; expected 1 to %lld", config->num_envs,
                          (long long)most);
  }
  if (config->threads < 0 || config->threads > SHOAL_MAX_THREADS) {
    return shoal_complain(message, "no such number of threads: threads=%d; expected 0 (all cores) to %d",
                          config->threads, SHOAL_MAX_THREADS);
  }
  if (config->mode < SHOAL_RESET_SAME_STEP || config->mode > SHOAL_RESET_DISABLED) {
    return shoal_complain(message, "no such reset mode: mode=%d; expected 0 (same-step), 1 (next-step) or 2 (disabled)",
                          config->mode);
  }
  if (config->max_steps < 0 || config->metric_steps < 0 || config->block < 0) {
    return shoal_complain(message, "a count is negative: max_steps=%d, metric_steps=%d, block=%d; expected at least 0",
                          config->max_steps, config->metric_steps, config->block);
  }
  vec->env = env;
  vec->num_envs = config->num_envs;
  vec->agents = vec->spec.agents;
  vec->heads = vec->spec.num_heads;
  vec->dims = vec->spec.num_dims;
  vec->metrics = env->num_metrics;
  vec->max_steps = config->max_steps ? config->max_steps : vec->spec.max_steps;
  vec->row_bytes = vec->spec.row_bytes;
  vec->mask_bytes = vec->spec.mask_bytes;
  vec->mode = config->mode;
  vec->final_all = config->final_all != 0;
  vec->metric_steps = config->metric_steps;
  vec->stagger = config->stagger != 0;
  vec->threads = config->threads ? config->threads : shoal_cores();
  vec->block = config->block ? config->block : BLOCK_ROWS / vec->agents;
  vec->block = vec->block < 1 ? 1 : vec->block > vec->num_envs ? vec->num_envs : vec->block;
  vec->first_index = config->first_index;
  vec->seed = config->seed;
  vec->emit_from = vec->stagger ? 1 : 0;  // a staggered first episode was cut short: it says nothing
  vec->emit_until = UINT32_MAX;
  vec->state_bytes = vec->spec.state_bytes;
  vec->params_bytes = env->params_bytes;
  engine->stop = config->stop;
  engine->num_blocks = (vec->num_envs + vec->block - 1) / vec->block;
  engine->stats_stride = round_up(SHOAL_STATS_SIZE(vec->metrics), LINE / 8);
  return SHOAL_OK;
}

int64_t shoal_vec_bytes(const ShoalEnv *env, const void *params, const ShoalVecConfig *config, char *message) {
  ShoalEngine engine;
  if (describe(&engine, env, params, config, message) != SHOAL_OK) { return -1; }
  return layout(&engine, NULL);
}

ShoalVec *shoal_vec_create(const ShoalEnv *env, const void *params, const void *shared, const ShoalVecConfig *config,
                           void *memory, char *message) {
  ShoalEngine *engine = memory;
  if ((uintptr_t)memory % LINE != 0) {
    shoal_complain(message, "the vec's memory is misaligned: address=%p; expected a multiple of %d", memory, LINE);
    return NULL;
  }
  if (describe(engine, env, params, config, message) != SHOAL_OK) { return NULL; }
  if (env->has_shared && !shared) {
    shoal_complain(message, "%s has a Shared block: shared=null; expected %lld bytes filled by the environment",
                   env->name, (long long)engine->vec.spec.shared_bytes);
    return NULL;
  }
  layout(engine, memory);
  ShoalVec *vec = &engine->vec;
  memcpy(vec->params, params, (size_t)vec->params_bytes);
  shoal_sizes_into(&vec->spec, vec->params);
  vec->shared = shared;
  return vec;
}

void shoal_vec_bind(ShoalVec *vec, uint8_t *rows, uint8_t *masks, uint8_t *final_rows, uint8_t *final_masks,
                    float *rewards, uint8_t *ended, int32_t *discrete, float *continuous) {
  ShoalEngine *engine = shoal_engine_of(vec);
  // An array without elements is never touched; it still needs an address that pointer arithmetic may start from.
  uint8_t *empty = (uint8_t *)engine;
  engine->io = (ShoalIo){
      .discrete = vec->heads ? discrete : (int32_t *)(void *)empty,
      .continuous = vec->dims ? continuous : (float *)(void *)empty,
      .rows = rows,
      .masks = vec->mask_bytes ? masks : empty,
      .legal = vec->mask_bytes ? masks : empty,
      .final_rows = final_rows,
      .final_masks = vec->mask_bytes ? final_masks : empty,
      .rewards = rewards,
      .ended = ended,
      .row_stride = vec->row_bytes,
      .mask_stride = vec->mask_bytes,
      .final_stride = vec->row_bytes,
      .final_mask_stride = vec->mask_bytes,
      .stride = 1,
  };
  engine->bound = 1;
}

static int32_t complain_about_binding(const ShoalEngine *engine, char *message) {
  const ShoalIo *io = &engine->io;
  if (!engine->bound || !io->discrete || !io->continuous || !io->rows || !io->masks || !io->rewards || !io->ended ||
      (io->final_rows && !io->final_masks)) {
    shoal_complain(message,
                   "a step buffer of %s is missing; expected shoal_vec_bind with every array that has elements",
                   engine->vec.env->name);
    return 1;
  }
  return 0;
}

// ---------------------------------------------------------------------------------------------------- blocks

// The bound buffers from environment `first` on, with block b's statistics.
static ShoalIo slice(const ShoalEngine *engine, int32_t first, int32_t b) {
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
  ShoalIo io = slice(engine, first, b);
  (void)thread;
  engine->vec.env->block_reset(&engine->vec, first, shoal_block_count(engine, b), &io);
}

static void step_block(void *context, int32_t b, int32_t thread) {
  const ShoalEngine *engine = context;
  int32_t first = shoal_block_first(engine, b);
  ShoalIo io = slice(engine, first, b);
  (void)thread;
  if (shoal_stopped(engine)) { return; }
  engine->vec.env->block_step(&engine->vec, first, shoal_block_count(engine, b), &io);
}

static void observe_block(void *context, int32_t b, int32_t thread) {
  const ShoalEngine *engine = context;
  int32_t first = shoal_block_first(engine, b);
  ShoalIo io = slice(engine, first, b);
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
  ShoalIo io = slice(engine, first, b);
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
  scratch_layout(vec, engine->scratch + thread * engine->scratch_stride, &io);
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
  ShoalIo io = slice(call->engine, first, b);
  (void)thread;
  take_actions(call, call->steps % call->cycle * all + row, (int64_t)count * vec->agents, &io);
  vec->env->block_step(vec, first, count, &io);
}

// ---------------------------------------------------------------------------------------------------- steps

int32_t shoal_vec_reset(ShoalVec *vec, uint64_t seed, char *message) {
  ShoalEngine *engine = shoal_engine_of(vec);
  if (complain_about_binding(engine, message)) { return SHOAL_ERROR; }
  int64_t rows = (int64_t)vec->num_envs * vec->agents;
  vec->seed = seed;
  engine->clock = 0;
  memset(engine->stats, 0, (size_t)(engine->num_blocks * engine->stats_stride * 8));
  memset(vec->rewards, 0, (size_t)rows * sizeof *vec->rewards);
  memset(vec->ended, 0, (size_t)rows);
  memset(engine->io.rewards, 0, (size_t)rows * sizeof *vec->rewards);
  memset(engine->io.ended, 0, (size_t)rows);
  shoal_parallel(vec->threads, engine->num_blocks, reset_block, engine);
  return SHOAL_OK;
}

int32_t shoal_vec_reset_ended(ShoalVec *vec, char *message) {
  ShoalEngine *engine = shoal_engine_of(vec);
  if (complain_about_binding(engine, message)) { return SHOAL_ERROR; }
  for (int32_t e = 0; vec->waiting && e < vec->num_envs; e++) {
    if (!vec->waiting[e]) { continue; }
    ShoalIo io = slice(engine, e, e / vec->block);
    uint64_t fp = shoal_fp_enter();
    vec->env->block_step(vec, e, 1, &io);  // of a waiting environment: the reset
    shoal_fp_leave(fp);
  }
  return SHOAL_OK;
}

int32_t shoal_vec_step(ShoalVec *vec, char *message) {
  ShoalEngine *engine = shoal_engine_of(vec);
  if (complain_about_binding(engine, message)) { return SHOAL_ERROR; }
  for (int32_t e = 0; vec->mode == SHOAL_RESET_DISABLED && e < vec->num_envs; e++) {
    if (vec->waiting[e]) {
      return shoal_complain(message,
                            "an ended environment was stepped: environment=%d; expected a reset first, since automatic "
                            "resets are disabled",
                            e);
    }
  }
  shoal_parallel(vec->threads, engine->num_blocks, step_block, engine);
  if (shoal_stopped(engine)) { return SHOAL_STOPPED; }
  engine->clock++;
  return SHOAL_OK;
}

int32_t shoal_vec_scripted(ShoalVec *vec, float level, char *message) {
  ShoalEngine *engine = shoal_engine_of(vec);
  if (complain_about_binding(engine, message)) { return SHOAL_ERROR; }
  if (!vec->env->has_scripted) {
    return shoal_complain(message, "%s has no scripted policy; expected an environment that defines SHOAL_HAS_SCRIPTED",
                          vec->env->name);
  }
  ScriptedCall call = {engine, level};
  shoal_parallel(vec->threads, engine->num_blocks, scripted_block, &call);
  return SHOAL_OK;
}

static int32_t check_run(ShoalVec *vec, int64_t steps, int32_t cycle, char *message) {
  if (complain_about_binding(shoal_engine_of(vec), message)) { return SHOAL_ERROR; }
  if (vec->mode != SHOAL_RESET_SAME_STEP) {
    return shoal_complain(message, "this vec does not reset within a step: mode=%d; expected 0 (same-step)", vec->mode);
  }
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

// Copy `bytes` of one environment's share of an array to or from the snapshot at *place, and advance it.
static void carry(void *array, int64_t bytes, int32_t e, uint8_t **place, int32_t restoring) {
  uint8_t *mine = (uint8_t *)array + bytes * e;
  if (!array) { return; }
  if (restoring) {
    memcpy(mine, *place, (size_t)bytes);
  } else {
    memcpy(*place, mine, (size_t)bytes);
  }
  *place += bytes;
}

// Everything that one environment owns, in the order of a snapshot.
static void carry_all(const ShoalVec *vec, int32_t e, uint8_t *place, int32_t restoring) {
  int64_t agents = vec->agents;
  carry(vec->state, vec->state_bytes, e, &place, restoring);
  carry(vec->limits, 4, e, &place, restoring);
  carry(vec->returns, agents * 4, e, &place, restoring);
  carry(vec->lengths, agents * 4, e, &place, restoring);
  carry(vec->metric_values, agents * vec->metrics * 4, e, &place, restoring);
  carry(vec->since_returns, agents * 4, e, &place, restoring);
  carry(vec->since_lengths, agents * 4, e, &place, restoring);
  carry(vec->live, agents, e, &place, restoring);
  carry(vec->starts, agents, e, &place, restoring);
  carry(vec->waiting, 1, e, &place, restoring);
}

int64_t shoal_vec_snapshot_bytes(const ShoalVec *vec) {
  int64_t per_agent = 4 + 4 + 4 * (int64_t)vec->metrics + (vec->since_returns ? 8 : 0) + 2;
  return vec->state_bytes + 4 + vec->agents * per_agent + (vec->waiting ? 1 : 0);
}

void shoal_vec_snapshot(const ShoalVec *vec, int32_t e, uint8_t *out) { carry_all(vec, e, out, 0); }

void shoal_vec_restore(ShoalVec *vec, int32_t e, const uint8_t *in) {
  const ShoalEngine *engine = shoal_engine_of(vec);
  carry_all(vec, e, (uint8_t *)(uintptr_t)in, 1);
  if (!engine->bound) { return; }
  ShoalIo io = slice(engine, e, e / vec->block);
  uint64_t fp = shoal_fp_enter();
  vec->env->block_observe(vec, e, 1, &io);
  shoal_fp_leave(fp);
}

typedef struct {
  const ShoalVec *vec;
  uint8_t *place;  // (num_envs, snapshot bytes)
  int64_t bytes;
  int32_t restoring;
} CarryCall;

static void carry_block(void *context, int32_t b, int32_t thread) {
  const CarryCall *call = context;
  int32_t first = b * call->vec->block, last = first + call->vec->block;
  (void)thread;
  for (int32_t e = first; e < last && e < call->vec->num_envs; e++) {
    carry_all(call->vec, e, call->place + call->bytes * e, call->restoring);
  }
}

void shoal_vec_save(const ShoalVec *vec, uint8_t *out) {
  const ShoalEngine *engine = shoal_engine_of((ShoalVec *)(uintptr_t)vec);
  CarryCall call = {vec, out, shoal_vec_snapshot_bytes(vec), 0};
  shoal_parallel(vec->threads, engine->num_blocks, carry_block, &call);
}

void shoal_vec_load(ShoalVec *vec, const uint8_t *in) {
  ShoalEngine *engine = shoal_engine_of(vec);
  CarryCall call = {vec, (uint8_t *)(uintptr_t)in, shoal_vec_snapshot_bytes(vec), 1};
  shoal_parallel(vec->threads, engine->num_blocks, carry_block, &call);
  memset(engine->stats, 0, (size_t)(engine->num_blocks * engine->stats_stride * 8));
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
  void *arrays[] = {vec->live, vec->starts, vec->returns, vec->lengths, vec->state, vec->limits, vec->waiting};
  return which >= 0 && which < (int32_t)(sizeof arrays / sizeof *arrays) ? arrays[which] : NULL;
}
