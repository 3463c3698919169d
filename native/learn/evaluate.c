// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Playing without learning: batches of observations from Python, and whole evaluation episodes.
#include <stdlib.h>
#include <string.h>

#include "learn/learner.h"

enum { ACT_ROWS = 96 };

// Evaluation is off the hot path: its workspace is one allocation per call, freed before it returns.
typedef struct {
  ShoalTape tape;
  const uint8_t **rows, **starts;
  const float **memory;
  float **memory_out, *state, *raw, *continuous, *probs, *log_probs;
  uint8_t *row_data[2], *mask_data[2];
  float *rewards;
  uint8_t *ended;
  int32_t *discrete;
} Workspace;

static void take_workspace(Workspace *work, ShoalArena *arena, const ShoalPolicy *policy, const ShoalVec *vec,
                           int64_t rows) {
  if (policy) {
    shoal_tape_take(policy, arena, (int32_t)rows, 0, &work->tape);
    work->state = shoal_take(arena, 4 * rows * policy->state_size);
    work->probs = shoal_take(arena, 4 * rows * policy->outputs);
    work->log_probs = shoal_take(arena, 4 * rows * policy->outputs);
  }
  work->rows = shoal_take(arena, 8 * rows);
  work->starts = shoal_take(arena, 8 * rows);
  work->memory = shoal_take(arena, 8 * rows);
  work->memory_out = shoal_take(arena, 8 * rows);
  work->raw = shoal_take(arena, 4 * rows * SHOAL_MAX_DIMS);
  work->discrete = shoal_take(arena, 4 * rows * SHOAL_MAX_HEADS);
  work->continuous = shoal_take(arena, 4 * rows * SHOAL_MAX_DIMS);
  if (vec) {
    for (int32_t i = 0; i < 2; i++) {
      work->row_data[i] = shoal_take(arena, rows * vec->row_bytes);
      work->mask_data[i] = shoal_take(arena, rows * vec->mask_bytes);
    }
    work->rewards = shoal_take(arena, 4 * rows);
    work->ended = shoal_take(arena, rows);
  }
}

// All workspaces in one zeroed allocation, which the caller frees; null when memory ran out.
static Workspace *make_workspaces(int32_t count, const ShoalPolicy *policy, const ShoalVec *vec, int64_t rows) {
  ShoalArena arena = {0, 0};
  Workspace unused;
  take_workspace(&unused, &arena, policy, vec, rows);
  int64_t each = arena.used, head = ((int64_t)sizeof(Workspace) * count + 63) / 64 * 64;
  uint8_t *base = aligned_alloc(64, (size_t)(head + each * count));
  if (!base) { return 0; }
  memset(base, 0, (size_t)(head + each * count));
  for (int32_t i = 0; i < count; i++) {
    ShoalArena place = {base + head + each * i, 0};
    take_workspace((Workspace *)(void *)base + i, &place, policy, vec, rows);
  }
  return (Workspace *)(void *)base;
}

int32_t shoal_policy_act(const ShoalPolicy *policy, int32_t n, const uint8_t *rows, const uint8_t *masks,
                         const uint8_t *starts, float *state, int32_t greedy, uint64_t seed, int64_t clock,
                         float *logits, float *values, int32_t *discrete, float *continuous, char *message) {
  Workspace *work = make_workspaces(1, policy, 0, ACT_ROWS);
  const ShoalSpec *spec = &policy->spec;
  if (!work) { return shoal_complain(message, "out of memory for a batch of %d observations", n); }
  for (int32_t first = 0; first < n; first += ACT_ROWS) {
    int32_t count = shoal_mini(ACT_ROWS, n - first);
    for (int32_t i = 0; i < count; i++) {
      work->rows[i] = rows + (int64_t)(first + i) * spec->row_bytes;
      work->starts[i] = starts ? starts + first + i : 0;
      work->memory[i] = work->memory_out[i] = state + (int64_t)(first + i) * policy->state_size;
    }
    ShoalBatch batch = {count, 1, work->rows, work->starts, work->memory, work->memory_out};
    uint64_t fp = shoal_fp_flush();
    shoal_forward(policy, &batch, &work->tape);
    if (discrete || continuous) {
      shoal_heads_softmax(policy, work->tape.out, policy->ldo, masks + (int64_t)first * spec->mask_bytes,
                          spec->mask_bytes, count, work->probs, work->log_probs);
    }
    for (int32_t i = 0; i < count; i++) {
      const float *out = work->tape.out + (int64_t)i * policy->ldo;
      int64_t row = first + i, at = (int64_t)i * policy->outputs;
      if (logits) { memcpy(logits + row * policy->outputs, out, 4 * (size_t)policy->outputs); }
      if (values) { values[row] = out[policy->outputs]; }
      if (!discrete && !continuous) { continue; }
      shoal_heads_sample(policy, out, work->probs + at, work->log_probs + at, masks + row * spec->mask_bytes, greedy,
                         seed, (uint64_t)clock, (uint64_t)row, work->discrete, work->raw);
      if (discrete) { memcpy(discrete + row * spec->num_heads, work->discrete, 4 * (size_t)spec->num_heads); }
      if (continuous) { shoal_heads_action(policy, work->raw, continuous + row * spec->num_dims); }
    }
    shoal_fp_leave(fp);
  }
  free(work);
  return SHOAL_OK;
}

// ---------------------------------------------------------------------------------------------------- evaluation

typedef struct {
  ShoalEngine *engine;
  const ShoalPolicy *policy;
  Workspace *work;
  int32_t player;
  float level;
  int64_t *steps;  // (blocks,)
} Evaluation;

// Uniform over legal actions and over continuous bounds.
static void random_action(const ShoalVec *vec, const uint8_t *mask, uint64_t clock, uint64_t row, int32_t *discrete,
                          float *continuous) {
  for (int32_t h = 0; h < vec->heads; h++) {
    int32_t size = vec->spec.heads[h].size, masked = vec->spec.heads[h].masked, legal = 0;
    for (int32_t i = 0; i < size; i++) { legal += !masked || mask[i]; }
    uint64_t hash = shoal_hash(vec->seed, SHOAL_TAG_ACTION, clock, row * 64 + (uint64_t)h);
    int32_t pick = (int32_t)(((hash >> 32) * (uint64_t)(uint32_t)legal) >> 32);
    discrete[h] = 0;
    for (int32_t i = 0; i < size; i++) {
      if ((!masked || mask[i]) && pick-- == 0) { discrete[h] = i; }
    }
    mask += masked ? size : 0;
  }
  for (int32_t d = 0; d < vec->dims; d++) {
    float u = shoal_uniform_of(shoal_hash(vec->seed, SHOAL_TAG_ACTION, clock, row * 64 + 32 + (uint64_t)d));
    continuous[d] = vec->spec.dims[d].low + u * (vec->spec.dims[d].high - vec->spec.dims[d].low);
  }
}

static void evaluate_block(void *context, int32_t b, int32_t thread) {
  const Evaluation *call = context;
  const ShoalVec *vec = &call->engine->vec;
  const ShoalPolicy *policy = call->policy;
  Workspace *work = (Workspace *)(void *)call->work + thread;
  int32_t first = shoal_block_first(call->engine, b), count = shoal_block_count(call->engine, b);
  int32_t rows = count * vec->agents, now = 0;
  int64_t row0 = (int64_t)first * vec->agents;
  ShoalIo io = {.discrete = work->discrete,
                .continuous = work->continuous,
                .rows = work->row_data[0],
                .masks = work->mask_data[0],
                .rewards = work->rewards,
                .ended = work->ended,
                .stats = shoal_block_stats(call->engine, b),
                .row_stride = vec->row_bytes,
                .mask_stride = vec->mask_bytes,
                .stride = 1};
  uint64_t fp = shoal_fp_enter();
  vec->env->block_reset(vec, first, count, &io);
  shoal_fp_leave(fp);
  if (policy) { memset(work->state, 0, 4 * (size_t)rows * (size_t)policy->state_size); }
  for (int64_t t = 0;; t++) {
    int32_t playing = 0;
    for (int32_t e = first; e < first + count; e++) {
      const ShoalHead *head = (const ShoalHead *)(const void *)(vec->state + (int64_t)e * vec->state_bytes);
      playing += head->episode == 0;
    }
    if (!playing || shoal_stopped(call->engine)) { return; }
    call->steps[b] += (int64_t)playing * vec->agents;
    io.clock = t;
    if (call->player == SHOAL_PLAYER_SCRIPTED) {
      fp = shoal_fp_enter();
      vec->env->block_scripted(vec, first, count, call->level, &io);
      shoal_fp_leave(fp);
    } else if (call->player == SHOAL_PLAYER_RANDOM) {
      for (int32_t i = 0; i < rows; i++) {
        random_action(vec, work->mask_data[now] + (int64_t)i * vec->mask_bytes, (uint64_t)t, (uint64_t)(row0 + i),
                      work->discrete + (int64_t)i * vec->heads, work->continuous + (int64_t)i * vec->dims);
      }
    } else {
      for (int32_t i = 0; i < rows; i++) {
        work->rows[i] = work->row_data[now] + (int64_t)i * vec->row_bytes;
        work->starts[i] = SHOAL_FAULT(policy, STATE_KEPT) ? 0 : vec->starts + row0 + i;
        if (SHOAL_FAULT(policy, MEMORY_LOST)) { work->starts[i] = (const uint8_t *)"\1"; }
        work->memory[i] = work->memory_out[i] = work->state + (int64_t)i * policy->state_size;
      }
      ShoalBatch batch = {rows, 1, work->rows, work->starts, work->memory, work->memory_out};
      shoal_forward(policy, &batch, &work->tape);
      shoal_heads_softmax(policy, work->tape.out, policy->ldo, work->mask_data[now], vec->mask_bytes, rows, work->probs,
                          work->log_probs);
      for (int32_t i = 0; i < rows; i++) {
        if (!vec->live[row0 + i]) { continue; }
        int64_t at = (int64_t)i * policy->outputs;
        shoal_heads_sample(policy, work->tape.out + (int64_t)i * policy->ldo, work->probs + at, work->log_probs + at,
                           work->mask_data[now] + (int64_t)i * vec->mask_bytes, call->player == SHOAL_PLAYER_GREEDY,
                           vec->seed, (uint64_t)t, (uint64_t)(row0 + i), work->discrete + (int64_t)i * vec->heads,
                           work->raw);
        shoal_heads_action(policy, work->raw, work->continuous + (int64_t)i * vec->dims);
      }
    }
    io.legal = work->mask_data[now];
    now = 1 - now;
    io.rows = work->row_data[now];
    io.masks = work->mask_data[now];
    fp = shoal_fp_enter();
    vec->env->block_step(vec, first, count, &io);
    shoal_fp_leave(fp);
  }
}

int32_t shoal_evaluate(ShoalVec *vec, const ShoalPolicy *policy, int32_t player, float level, double *out,
                       int64_t *steps, char *message) {
  ShoalEngine *engine = shoal_engine_of(vec);
  int32_t plays = player == SHOAL_PLAYER_SAMPLED || player == SHOAL_PLAYER_GREEDY;
  if (plays && !policy) { return shoal_complain(message, "a policy is missing: player=%d; expected a policy", player); }
  if (player == SHOAL_PLAYER_SCRIPTED && !vec->env->has_scripted) {
    return shoal_complain(message, "%s has no scripted policy", vec->env->name);
  }
  if (vec->mode != SHOAL_RESET_SAME_STEP || vec->stagger) {
    return shoal_complain(message,
                          "an evaluation takes a vec in same-step mode without stagger; got mode=%d, stagger=%d",
                          vec->mode, vec->stagger);
  }
  int64_t *counts = calloc((size_t)engine->num_blocks, sizeof *counts);
  Workspace *work = make_workspaces(vec->threads, plays ? policy : 0, vec, (int64_t)vec->block * vec->agents);
  int32_t status = SHOAL_OK;
  if (!counts || !work) {
    status = shoal_complain(message, "out of memory for an evaluation of %d environments", vec->num_envs);
  } else {
    Evaluation call = {engine, plays ? policy : 0, work, player, level, counts};
    vec->emit_from = 0;
    vec->emit_until = 1;
    shoal_vec_stats(vec, out);  // forget what an earlier evaluation left
    shoal_parallel_flushed(vec->threads, engine->num_blocks, evaluate_block, &call);
    shoal_vec_stats(vec, out);
    *steps = 0;
    for (int32_t b = 0; b < engine->num_blocks; b++) { *steps += counts[b]; }
    status = shoal_stopped(engine) ? SHOAL_STOPPED : SHOAL_OK;
  }
  free(counts);
  free(work);
  return status;
}
