// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Playing without learning: batches of observations from Python, and whole evaluation episodes.
#include <stdlib.h>
#include <string.h>

#include "learn/learner.h"
#include "learn/players.h"

enum { ACT_ROWS = 96 };

// Both are off the hot path: their workspace is one allocation per call, freed before it returns.
typedef struct {
  ShoalTape tape;
  const uint8_t **rows, **starts;
  const float **memory;
  float **memory_out, *raw, *probs, *log_probs;
  int32_t *discrete;
} Workspace;

static void take_workspace(Workspace *work, ShoalArena *arena, const ShoalPolicy *policy) {
  shoal_tape_take(policy, arena, ACT_ROWS, 0, &work->tape);
  work->probs = shoal_take(arena, 4 * (int64_t)ACT_ROWS * policy->outputs);
  work->log_probs = shoal_take(arena, 4 * (int64_t)ACT_ROWS * policy->outputs);
  work->rows = shoal_take(arena, 8 * ACT_ROWS);
  work->starts = shoal_take(arena, 8 * ACT_ROWS);
  work->memory = shoal_take(arena, 8 * ACT_ROWS);
  work->memory_out = shoal_take(arena, 8 * ACT_ROWS);
  work->raw = shoal_take(arena, 4 * SHOAL_MAX_DIMS);
  work->discrete = shoal_take(arena, 4 * SHOAL_MAX_HEADS);
}

// A workspace in one zeroed allocation, which the caller frees; null when memory ran out.
static Workspace *make_workspace(const ShoalPolicy *policy) {
  ShoalArena arena = {0, 0};
  Workspace unused;
  take_workspace(&unused, &arena, policy);
  int64_t head = ((int64_t)sizeof(Workspace) + 63) / 64 * 64;
  uint8_t *base = aligned_alloc(64, (size_t)(head + arena.used));
  if (!base) { return 0; }
  memset(base, 0, (size_t)(head + arena.used));
  ShoalArena place = {base + head, 0};
  take_workspace((Workspace *)(void *)base, &place, policy);
  return (Workspace *)(void *)base;
}

int32_t shoal_policy_act(const ShoalPolicy *policy, int32_t n, const uint8_t *rows, const uint8_t *masks,
                         const uint8_t *starts, float *state, int32_t greedy, uint64_t seed, int64_t clock,
                         float *logits, float *values, int32_t *discrete, float *continuous, char *message) {
  Workspace *work = make_workspace(policy);
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

// One thread's workspace for a block of an evaluation.
typedef struct {
  ShoalTurnScratch turn;
  float *memory, *continuous, *rewards;
  uint8_t *rows[2], *masks[2], *ended;  // observations of now and of the step before, in turn
  int32_t *discrete;
} Board;

typedef struct {
  ShoalEngine *engine;
  const ShoalPlayer *players;
  int32_t num_players;
  int64_t memory_stride;
  Board *boards;   // (threads,)
  int64_t *steps;  // (blocks,)
} Evaluation;

static void take_board(const Evaluation *call, ShoalArena *arena, Board *board) {
  const ShoalVec *vec = &call->engine->vec;
  int64_t rows = (int64_t)vec->block * vec->agents;
  shoal_turn_take(call->players, call->num_players, (int32_t)rows, arena, &board->turn);
  board->memory = shoal_take(arena, 4 * rows * call->memory_stride);
  board->discrete = shoal_take(arena, 4 * rows * vec->heads);
  board->continuous = shoal_take(arena, 4 * rows * vec->dims);
  for (int32_t i = 0; i < 2; i++) {
    board->rows[i] = shoal_take(arena, rows * vec->row_bytes);
    board->masks[i] = shoal_take(arena, rows * vec->mask_bytes);
  }
  board->rewards = shoal_take(arena, 4 * rows);
  board->ended = shoal_take(arena, rows);
}

// One zeroed allocation, which the caller frees: steps of the blocks, then boards of the threads. Non-zero if there is
// no memory.
static int32_t set_up(Evaluation *call) {
  const ShoalVec *vec = &call->engine->vec;
  ShoalArena arena = {0, 0};
  for (int32_t pass = 0; pass < 2; pass++) {
    call->steps = shoal_take(&arena, 8 * (int64_t)call->engine->num_blocks);
    call->boards = shoal_take(&arena, (int64_t)sizeof(Board) * vec->threads);
    for (int32_t i = 0; i < vec->threads; i++) {
      Board measured;
      take_board(call, &arena, arena.base ? &call->boards[i] : &measured);
    }
    if (pass == 0) {
      size_t bytes = (size_t)(arena.used + 63) / 64 * 64;
      arena = (ShoalArena){aligned_alloc(64, bytes), 0};
      if (!arena.base) { return 1; }
      memset(arena.base, 0, bytes);
    }
  }
  return 0;
}

static void evaluate_block(void *context, int32_t b, int32_t thread) {
  const Evaluation *call = context;
  const ShoalVec *vec = &call->engine->vec;
  Board *board = &call->boards[thread];
  int32_t first = shoal_block_first(call->engine, b), count = shoal_block_count(call->engine, b);
  int32_t rows = count * vec->agents, now = 0;
  ShoalIo io = {.discrete = board->discrete,
                .continuous = board->continuous,
                .rows = board->rows[0],
                .masks = board->masks[0],
                .rewards = board->rewards,
                .ended = board->ended,
                .stats = shoal_block_stats(call->engine, b),
                .row_stride = vec->row_bytes,
                .mask_stride = vec->mask_bytes,
                .stride = 1};
  uint64_t fp = shoal_fp_enter();
  vec->env->block_reset(vec, first, count, &io);
  shoal_fp_leave(fp);
  memset(board->memory, 0, 4 * (size_t)rows * (size_t)call->memory_stride);
  for (int64_t t = 0;; t++) {
    int32_t playing = 0;
    for (int32_t e = first; e < first + count; e++) {
      const ShoalHead *head = (const ShoalHead *)(const void *)(vec->state + (int64_t)e * vec->state_bytes);
      playing += head->episode == 0;
    }
    if (!playing || shoal_stopped(call->engine)) { return; }
    call->steps[b] += (int64_t)playing * vec->agents;
    io.clock = t;
    ShoalTurn turn = {.vec = vec,
                      .first = first,
                      .count = count,
                      .rows = board->rows[now],
                      .masks = board->masks[now],
                      .row_stride = vec->row_bytes,
                      .mask_stride = vec->mask_bytes,
                      .memory = board->memory,
                      .memory_stride = call->memory_stride,
                      .discrete = board->discrete,
                      .continuous = board->continuous,
                      .seed = vec->seed,
                      .clock = t};
    for (int32_t k = 0; k < call->num_players; k++) { shoal_take_turn(&turn, call->players, k, &board->turn); }
    io.legal = board->masks[now];
    now = 1 - now;
    io.rows = board->rows[now];
    io.masks = board->masks[now];
    fp = shoal_fp_enter();
    vec->env->block_step(vec, first, count, &io);
    shoal_fp_leave(fp);
  }
}

int32_t shoal_evaluate(ShoalVec *vec, const ShoalPlayer *players, int32_t count, double *out, int64_t *steps,
                       char *message) {
  ShoalEngine *engine = shoal_engine_of(vec);
  if (shoal_check_players(vec, players, 0, count, message) != SHOAL_OK) { return SHOAL_ERROR; }
  if (vec->mode != SHOAL_RESET_SAME_STEP || vec->stagger) {
    return shoal_complain(message,
                          "an evaluation takes a vec in same-step mode without stagger; got mode=%d, stagger=%d",
                          vec->mode, vec->stagger);
  }
  Evaluation call = {.engine = engine,
                     .players = players,
                     .num_players = count,
                     .memory_stride = shoal_players_memory(players, count)};
  if (set_up(&call)) {
    return shoal_complain(message, "out of memory for an evaluation of %d environments", vec->num_envs);
  }
  vec->emit_from = 0;
  vec->emit_until = 1;
  shoal_vec_stats(vec, out);  // forget what an earlier evaluation left
  shoal_parallel_flushed(vec->threads, engine->num_blocks, evaluate_block, &call);
  shoal_vec_stats(vec, out);
  *steps = 0;
  for (int32_t b = 0; b < engine->num_blocks; b++) { *steps += call.steps[b]; }
  free(call.steps);
  return shoal_stopped(engine) ? SHOAL_STOPPED : SHOAL_OK;
}
