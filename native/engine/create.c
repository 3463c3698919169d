// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Creation of a vec: its sizes, checked; its arrays, laid out in the caller's memory; its step buffers, bound.
#include <string.h>

#include "engine/engine.h"

enum { BLOCK_ROWS = 96, LINE = 64 };

static int64_t round_up(int64_t bytes, int64_t unit) { return (bytes + unit - 1) / unit * unit; }

// Hand out the next `bytes` of the arena, on a cache line. With a null base only `used` moves.
static void *take(uint8_t *base, int64_t *used, int64_t bytes) {
  void *out = base ? base + *used : NULL;
  *used += round_up(bytes, LINE);
  return out;
}

// The buffers of one block, as shoal_vec_run uses them; returns their size in bytes.
int64_t shoal_scratch_layout(const ShoalVec *vec, uint8_t *base, ShoalIo *io) {
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
  vec->newest = take(base, &used, vec->params_bytes);
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
  engine->scratch_stride = shoal_scratch_layout(vec, NULL, &unused);
  engine->scratch = take(base, &used, engine->scratch_stride * vec->threads);
  return used;
}

// Fill the engine's sizes from what was asked for.
static int32_t describe(ShoalEngine *engine, const ShoalEnv *env, const void *params, const ShoalVecConfig *config,
                        char *message) {
  ShoalVec *vec = &engine->vec;
  memset(engine, 0, sizeof *engine);
  if (shoal_spec_of(env, params, &vec->spec, message) != SHOAL_OK ||
      shoal_spec_observe(env, config->observed, config->num_observed, &vec->spec, message) != SHOAL_OK) {
    return SHOAL_ERROR;
  }
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
  vec->teams = shoal_spec_teams(&vec->spec);
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
  engine->chooses_threads = config->threads == 0;
  vec->block = config->block ? config->block : BLOCK_ROWS / vec->agents;
  vec->block = vec->block < 1 ? 1 : vec->block > vec->num_envs ? vec->num_envs : vec->block;
  vec->first_index = config->first_index;
  vec->seed = config->seed;
  vec->emit_from = vec->stagger ? 1 : 0;  // a staggered first episode was cut short: it says nothing
  vec->emit_until = UINT32_MAX;
  vec->state_bytes = vec->spec.state_bytes;
  vec->params_bytes = env->params_bytes;
  vec->num_observed = config->num_observed;
  for (int32_t k = 0; k < vec->num_observed; k++) { vec->observed[k] = config->observed[k]; }
  if (vec->num_observed) { vec->observed_offset = vec->spec.fields[vec->spec.num_fields - vec->num_observed].offset; }
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
  memcpy(vec->newest, params, (size_t)vec->params_bytes);
  shoal_sizes_into(&vec->spec, vec->newest);
  vec->params = vec->newest;
  engine->first_shared = shared;
  vec->shared = &engine->first_shared;
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

int32_t shoal_complain_about_binding(const ShoalEngine *engine, char *message) {
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
