// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Creating a learner: sizes checked once, memory laid out once.
#include "learn/learner.h"

#include <string.h>
#include <time.h>

#include "learn/optimizer.h"

enum { PASS_ROWS = 256 };     // rows of a forward and backward that share the second-level cache
enum { PASS_SEGMENTS = 12 };  // of lstm, at least: the rows of its recurrent product. Part of the result

double shoal_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

typedef struct {
  ShoalTask *task;
  void *context;
} Flushed;

static void run_flushed(void *context, int32_t task, int32_t thread) {
  const Flushed *call = context;
  uint64_t fp = shoal_fp_flush();
  call->task(call->context, task, thread);
  shoal_fp_leave(fp);
}

void shoal_parallel_flushed(int32_t threads, int32_t tasks, ShoalTask *task, void *context) {
  Flushed call = {task, context};
  shoal_parallel(threads, tasks, run_flushed, &call);
}

typedef struct {
  Flushed call;
  ShoalLearner *learner;
  int32_t stage;
} Staged;

static void run_staged(void *context, int32_t task, int32_t thread) {
  Staged *staged = context;
  ShoalScratch *scratch = &staged->learner->scratch[thread];
  shoal_lap(scratch, SHOAL_STAGE_WAIT);
  run_flushed(&staged->call, task, thread);
  shoal_lap(scratch, staged->stage);
}

void shoal_parallel_staged(ShoalLearner *learner, int32_t stage, int32_t tasks, ShoalTask *task, void *context) {
  Staged staged = {{task, context}, learner, stage};
  shoal_parallel(learner->threads, tasks, run_staged, &staged);
}

void shoal_learner_stages(ShoalLearner *learner, double *out) {
  memset(out, 0, SHOAL_STAGES * sizeof *out);
  for (int32_t t = 0; t < learner->threads; t++) {
    ShoalScratch *scratch = &learner->scratch[t];
    shoal_lap(scratch, SHOAL_STAGE_WAIT);
    for (int32_t i = 0; i < SHOAL_STAGES; i++) { out[i] += scratch->stage_seconds[i]; }
    memset(scratch->stage_seconds, 0, sizeof scratch->stage_seconds);
  }
}

static int32_t describe(ShoalLearner *learner, const ShoalVec *vec, const ShoalPolicy *policy,
                        const ShoalTrainConfig *config, char *message) {
  memset(learner, 0, sizeof *learner);
  learner->engine = (ShoalEngine *)(uintptr_t)vec;
  learner->policy = (ShoalPolicy *)(uintptr_t)policy;
  learner->config = *config;
  int64_t samples = (int64_t)vec->num_envs * vec->agents * config->horizon;
  if (config->horizon < 1 || config->segment < 1 || config->horizon % config->segment) {
    return shoal_complain(message, "segments do not fit the horizon: segment=%d; expected a divisor of horizon=%d",
                          config->segment, config->horizon);
  }
  if (samples > INT32_MAX) {
    return shoal_complain(message, "a rollout is too large: rows * horizon = %lld samples; expected at most %d",
                          (long long)samples, INT32_MAX);
  }
  if (config->minibatch < config->segment || config->minibatch % config->segment || samples % config->minibatch) {
    return shoal_complain(message,
                          "minibatch=%d does not divide the rollout: expected whole segments of %d that divide "
                          "%lld samples",
                          config->minibatch, config->segment, (long long)samples);
  }
  if (config->shard < 1 || !(config->replay_ratio > 0.0f) || config->schedule_steps < 1) {
    return shoal_complain(message,
                          "a number is out of range: shard=%d, replay_ratio=%g, schedule_steps=%lld; expected "
                          "positive ones",
                          config->shard, (double)config->replay_ratio, (long long)config->schedule_steps);
  }
  if (vec->mode != SHOAL_RESET_SAME_STEP || vec->final_all) {
    return shoal_complain(message,
                          "the learner takes a vec in same-step mode without final_all; got mode=%d, "
                          "final_all=%d",
                          vec->mode, vec->final_all);
  }
  if (shoal_check_players(vec, config->players, 1, config->players ? config->num_players : 0, message) != SHOAL_OK) {
    return SHOAL_ERROR;
  }
  learner->guest_state = config->players ? shoal_players_memory(config->players, config->num_players) : 0;
  learner->N = vec->num_envs * vec->agents;
  learner->T = config->horizon;
  learner->S = config->segment;
  learner->M = (int32_t)(samples / config->segment);
  learner->threads = vec->threads;
  learner->batch_segments = config->minibatch / config->segment;
  learner->batches_per_pass = learner->M / learner->batch_segments;
  learner->shard_segments = config->shard / config->segment < 1 ? 1 : config->shard / config->segment;
  if (learner->shard_segments > learner->batch_segments) { learner->shard_segments = learner->batch_segments; }
  learner->num_shards = (learner->batch_segments + learner->shard_segments - 1) / learner->shard_segments;
  int32_t least = policy->config.core == SHOAL_CORE_LSTM ? PASS_SEGMENTS : 1;
  int32_t pass_segments = PASS_ROWS / config->segment < least ? least : PASS_ROWS / config->segment;
  int32_t passes = (learner->shard_segments + pass_segments - 1) / pass_segments;
  pass_segments = (learner->shard_segments + passes - 1) / passes;  // evenly, and at most the shard
  learner->rows_per_pass = pass_segments * config->segment;
  return SHOAL_OK;
}

static void take_scratch(const ShoalLearner *learner, ShoalArena *arena, ShoalScratch *scratch) {
  const ShoalPolicy *policy = learner->policy;
  const ShoalVec *vec = &learner->engine->vec;
  int64_t block = (int64_t)vec->block * vec->agents;
  int64_t rows = block > learner->rows_per_pass ? block : learner->rows_per_pass;
  shoal_tape_take(policy, arena, (int32_t)rows, 1, &scratch->tape);
  scratch->rows = shoal_take(arena, rows * 8);
  scratch->starts = shoal_take(arena, rows * 8);
  scratch->memory = shoal_take(arena, rows * 8);
  scratch->memory_out = shoal_take(arena, rows * 8);
  scratch->final_rows = shoal_take(arena, block * vec->row_bytes);
  scratch->final_masks = shoal_take(arena, vec->mask_bytes);
  scratch->discrete = shoal_take(arena, block * vec->heads * 4);
  scratch->continuous = shoal_take(arena, block * vec->dims * 4);
  scratch->probs = shoal_take(arena, 4 * rows * policy->outputs);
  scratch->log_probs = shoal_take(arena, 4 * rows * policy->outputs);
  scratch->index = shoal_take(arena, 4 * block);
  scratch->seats = shoal_take(arena, 2 * block);
  if (learner->config.players) {
    shoal_turn_take(learner->config.players, learner->config.num_players, (int32_t)block, arena, &scratch->turn);
  }
  int64_t muon = 0;
  for (int32_t i = 0; i < policy->num_parameters; i++) {
    int64_t floats = shoal_muon_floats(policy->parameters[i].rows, policy->parameters[i].columns);
    muon = floats > muon ? floats : muon;
  }
  scratch->muon = shoal_take(arena, 4 * muon);
}

static void lay_out(ShoalLearner *learner, ShoalArena *arena) {
  const ShoalPolicy *policy = learner->policy;
  const ShoalVec *vec = &learner->engine->vec;
  int64_t N = learner->N, T = learner->T, NT = N * T, state = policy->state_size;
  int64_t batches = (int64_t)learner->batches_per_pass * learner->batch_segments;
  learner->counters = shoal_take(arena, 3 * 8);
  learner->momentum = shoal_take(arena, 4 * policy->parameter_count);
  learner->second = shoal_take(arena, 4 * policy->parameter_count);
  learner->memory = shoal_take(arena, 4 * N * state);
  learner->discounted = shoal_take(arena, 4 * N);
  learner->returns = shoal_take(arena, 3 * 8);
  if (learner->config.players) {
    learner->guest_memory = shoal_take(arena, 4 * N * learner->guest_state);
    learner->scores = shoal_take(arena, 16 * (int64_t)learner->engine->num_blocks * learner->config.num_players);
  }
  learner->rows = shoal_take(arena, N * (T + 1) * vec->row_bytes);
  learner->masks = shoal_take(arena, N * (T + 1) * vec->mask_bytes);
  learner->discrete = shoal_take(arena, 4 * NT * vec->heads);
  learner->raw = shoal_take(arena, 4 * NT * vec->dims);
  float **floats[] = {&learner->log_probs,  &learner->values,  &learner->rewards, &learner->final_values,
                      &learner->advantages, &learner->targets, &learner->weights, &learner->new_values};
  for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) { *floats[i] = shoal_take(arena, 4 * NT); }
  learner->ended = shoal_take(arena, NT);
  learner->starts = shoal_take(arena, NT);
  learner->learn = shoal_take(arena, NT);
  learner->segment_memory = shoal_take(arena, 4 * learner->M * state);
  learner->last_values = shoal_take(arena, 4 * N);
  learner->block_steps = shoal_take(arena, 4 * (int64_t)learner->engine->num_blocks);
  learner->block_sums = shoal_take(arena, 8 * (int64_t)learner->engine->num_blocks * 3 * (policy->normalised + 1));
  learner->return_sums = shoal_take(arena, 16 * shoal_return_tasks(learner));
  learner->order = shoal_take(arena, 4 * batches);
  learner->importance = shoal_take(arena, 4 * batches);
  learner->priorities = shoal_take(arena, 8 * (int64_t)learner->M);
  learner->gradients = shoal_take(arena, 4 * learner->num_shards * policy->gradient_count);
  learner->gradient = shoal_take(arena, 4 * policy->parameter_count);
  learner->sums = shoal_take(arena, 8 * (int64_t)learner->num_shards * SHOAL_SUMS);
  learner->ones = shoal_take(arena, T);
  learner->scratch = shoal_take(arena, (int64_t)sizeof(ShoalScratch) * learner->threads);
  for (int32_t t = 0; t < learner->threads; t++) {
    ShoalScratch measured;
    take_scratch(learner, arena, arena->base ? &learner->scratch[t] : &measured);
  }
}

int64_t shoal_learner_bytes(const ShoalVec *vec, const ShoalPolicy *policy, const ShoalTrainConfig *config,
                            char *message) {
  ShoalLearner learner;
  if (describe(&learner, vec, policy, config, message) != SHOAL_OK) { return -1; }
  ShoalArena arena = {0, 0};
  shoal_take(&arena, (int64_t)sizeof learner);
  lay_out(&learner, &arena);
  return arena.used;
}

// Where block b's last observations lie: the next rollout begins by moving them to the front.
static ShoalIo last_rows(const ShoalLearner *learner, int32_t b) {
  const ShoalVec *vec = &learner->engine->vec;
  int64_t row = (int64_t)shoal_block_first(learner->engine, b) * vec->agents;
  ShoalIo io = {0};
  io.row_stride = (int64_t)(learner->T + 1) * vec->row_bytes;
  io.mask_stride = (int64_t)(learner->T + 1) * vec->mask_bytes;
  io.rows = learner->rows + row * io.row_stride + (int64_t)learner->T * vec->row_bytes;
  io.masks = learner->masks + row * io.mask_stride + (int64_t)learner->T * vec->mask_bytes;
  return io;
}

static void reset_block(void *context, int32_t b, int32_t thread) {
  const ShoalLearner *learner = context;
  const ShoalVec *vec = &learner->engine->vec;
  ShoalIo io = last_rows(learner, b);
  (void)thread;
  vec->env->block_reset(vec, shoal_block_first(learner->engine, b), shoal_block_count(learner->engine, b), &io);
}

static void observe_block(void *context, int32_t b, int32_t thread) {
  const ShoalLearner *learner = context;
  const ShoalVec *vec = &learner->engine->vec;
  ShoalIo io = last_rows(learner, b);
  (void)thread;
  vec->env->block_observe(vec, shoal_block_first(learner->engine, b), shoal_block_count(learner->engine, b), &io);
}

void shoal_learner_observe(ShoalLearner *learner) {
  shoal_parallel(learner->threads, learner->engine->num_blocks, observe_block, learner);
}

ShoalLearner *shoal_learner_create(ShoalVec *vec, ShoalPolicy *policy, const ShoalTrainConfig *config, void *memory,
                                   char *message) {
  ShoalArena arena = {memory, 0};
  ShoalLearner *learner = shoal_take(&arena, (int64_t)sizeof *learner);
  if (describe(learner, vec, policy, config, message) != SHOAL_OK) { return 0; }
  lay_out(learner, &arena);
  policy->fault = config->fault;
  memset(learner->ones, 1, (size_t)learner->T);
  for (int32_t t = 0; t < learner->threads; t++) { learner->scratch[t].lap = shoal_seconds(); }
  shoal_parallel(learner->threads, learner->engine->num_blocks, reset_block, learner);
  return learner;
}

int32_t shoal_learner_tensors(ShoalLearner *learner, ShoalTensor *out, int32_t capacity) {
  int64_t parameters = learner->policy->parameter_count, N = learner->N, T = learner->T;
  const ShoalVec *vec = &learner->engine->vec;
  const ShoalTensor tensors[] = {
      {"learner.counters", learner->counters, SHOAL_I64_TENSOR, 1, {3}},
      {"optimizer.momentum", learner->momentum, SHOAL_F32_TENSOR, 1, {parameters}},
      {"optimizer.second", learner->second, SHOAL_F32_TENSOR, 1, {parameters}},
      {"learner.memory", learner->memory, SHOAL_F32_TENSOR, 2, {N, learner->policy->state_size}},
      {"learner.discounted", learner->discounted, SHOAL_F32_TENSOR, 1, {N}},
      {"learner.returns", learner->returns, SHOAL_F64_TENSOR, 1, {3}},
      // The rollout, for tests and custom loops: not part of an image.
      {"rollout.rows", learner->rows, SHOAL_U8_TENSOR, 3, {N, T + 1, vec->row_bytes}},
      {"rollout.masks", learner->masks, SHOAL_U8_TENSOR, 3, {N, T + 1, vec->mask_bytes}},
      {"rollout.discrete", learner->discrete, SHOAL_I32_TENSOR, 3, {N, T, vec->heads}},
      {"rollout.raw", learner->raw, SHOAL_F32_TENSOR, 3, {N, T, vec->dims}},
      {"rollout.log_probs", learner->log_probs, SHOAL_F32_TENSOR, 2, {N, T}},
      {"rollout.values", learner->values, SHOAL_F32_TENSOR, 2, {N, T}},
      {"rollout.rewards", learner->rewards, SHOAL_F32_TENSOR, 2, {N, T}},
      {"rollout.final_values", learner->final_values, SHOAL_F32_TENSOR, 2, {N, T}},
      {"rollout.advantages", learner->advantages, SHOAL_F32_TENSOR, 2, {N, T}},
      {"rollout.targets", learner->targets, SHOAL_F32_TENSOR, 2, {N, T}},
      {"rollout.ended", learner->ended, SHOAL_U8_TENSOR, 2, {N, T}},
      {"rollout.starts", learner->starts, SHOAL_U8_TENSOR, 2, {N, T}},
      {"rollout.learn", learner->learn, SHOAL_U8_TENSOR, 2, {N, T}},
      {"rollout.segment_memory",
       learner->segment_memory,
       SHOAL_F32_TENSOR,
       2,
       {learner->M, learner->policy->state_size}},
      {"rollout.last_values", learner->last_values, SHOAL_F32_TENSOR, 1, {N}},
      {"update.gradient", learner->gradient, SHOAL_F32_TENSOR, 1, {parameters}},
      {"update.order",
       learner->order,
       SHOAL_I32_TENSOR,
       1,
       {(int64_t)learner->batches_per_pass * learner->batch_segments}},
      // Where others play too.
      {"learner.guest_memory", learner->guest_memory, SHOAL_F32_TENSOR, 2, {N, learner->guest_state}},
      {"rollout.scores",
       learner->scores,
       SHOAL_F64_TENSOR,
       3,
       {learner->engine->num_blocks, learner->config.num_players, 2}},
  };
  int32_t count = (int32_t)(sizeof tensors / sizeof *tensors) - (learner->config.players ? 0 : 2);
  for (int32_t i = 0; out && i < count && i < capacity; i++) { out[i] = tensors[i]; }
  return count;
}
