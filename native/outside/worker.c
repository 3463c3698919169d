// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The worker's side of an exchange, and where the arrays of the shared memory lie.
#include <string.h>
#include <unistd.h>

#include "outside/memory.h"

enum { LINE = 64 };
static const double LOOK_SECONDS = 0.5;  // between looks at whether the parent is still there

_Static_assert(sizeof(ShoalBell) == 128 && sizeof(ShoalTurn) == 128, "the host reads these words by offset");

int64_t shoal_outside_layout(const ShoalOutsideShape *shape, int64_t *offsets) {
  int64_t n = shape->num_envs, rows = n * shape->agents, used = 0;
  const int64_t bytes[SHOAL_OUTSIDE_ARRAYS] = {
      [SHOAL_OUTSIDE_WORKERS] = shape->workers * (int64_t)sizeof(ShoalBell),
      [SHOAL_OUTSIDE_BLOCKS] = shoal_outside_blocks(shape) * (int64_t)sizeof(ShoalTurn),
      [SHOAL_OUTSIDE_COMMANDS] = n,
      [SHOAL_OUTSIDE_SEEDS] = n * 8,
      [SHOAL_OUTSIDE_FAULTS] = n,
      [SHOAL_OUTSIDE_OVER] = n,
      [SHOAL_OUTSIDE_RENEWED] = n,
      [SHOAL_OUTSIDE_PARAMS] = n * shape->params_bytes,
      [SHOAL_OUTSIDE_ROWS] = rows * shape->row_bytes,
      [SHOAL_OUTSIDE_FINAL_ROWS] = rows * shape->row_bytes,
      [SHOAL_OUTSIDE_MASKS] = rows * shape->mask_bytes,
      [SHOAL_OUTSIDE_FINAL_MASKS] = rows * shape->mask_bytes,
      [SHOAL_OUTSIDE_DISCRETE] = rows * shape->heads * 4,
      [SHOAL_OUTSIDE_CONTINUOUS] = rows * shape->dims * 4,
      [SHOAL_OUTSIDE_REWARDS] = rows * 4,
      [SHOAL_OUTSIDE_ENDED] = rows,
      [SHOAL_OUTSIDE_LIVE] = rows,
      [SHOAL_OUTSIDE_METRICS] = rows * shape->metrics * 4,
      [SHOAL_OUTSIDE_FINAL_METRICS] = rows * shape->metrics * 4,
      [SHOAL_OUTSIDE_MESSAGES] = n * SHOAL_OUTSIDE_MESSAGE,
  };
  for (int32_t i = 0; i < SHOAL_OUTSIDE_ARRAYS; i++) {
    offsets[i] = used;
    used += (bytes[i] + LINE - 1) / LINE * LINE;
  }
  return used;
}

static int32_t is_finite(const uint8_t *number) {
  uint32_t bits;
  __builtin_memcpy(&bits, number, 4);
  return (bits & 0x7F800000u) != 0x7F800000u;
}

// The first environment of a block with a reward or a float of its rows that is not finite, or -1. finite (row_bytes /
// 4,): is this word of a row a float.
static int32_t find_unfit(const ShoalOutsideWorker *worker, int32_t b) {
  const ShoalOutsideShape *shape = &worker->shape;
  const uint8_t *finite = worker->finite, *base = worker->base;
  int64_t offsets[SHOAL_OUTSIDE_ARRAYS];
  shoal_outside_layout(shape, offsets);
  int32_t first = b * shape->block, last = shoal_mini(first + shape->block, shape->num_envs);
  for (int64_t r = (int64_t)first * shape->agents; r < (int64_t)last * shape->agents; r++) {
    const uint8_t *row = base + offsets[SHOAL_OUTSIDE_ROWS] + r * shape->row_bytes;
    const uint8_t *final_row = base + offsets[SHOAL_OUTSIDE_FINAL_ROWS] + r * shape->row_bytes;
    int32_t e = (int32_t)(r / shape->agents), fit = is_finite(base + offsets[SHOAL_OUTSIDE_REWARDS] + 4 * r);
    int32_t fault = base[offsets[SHOAL_OUTSIDE_FAULTS] + e];
    int32_t ended = base[offsets[SHOAL_OUTSIDE_RENEWED] + e] && !fault;
    for (int32_t w = 0; finite && w < shape->row_bytes / 4; w++) {
      if (finite[w]) { fit &= is_finite(row + 4 * w) && (!ended || is_finite(final_row + 4 * w)); }
    }
    if (!fit) { return e; }
  }
  return -1;
}

void shoal_outside_quit(uint8_t *base, int32_t worker) {
  ShoalBell *bell = shoal_bells(base) + worker;
  atomic_store(&bell->quit, 1);
  atomic_fetch_add(&bell->bell, 1);
  shoal_word_wake(&bell->bell);
}

int32_t shoal_outside_begin(const ShoalOutsideWorker *worker, int32_t b) {
  const ShoalOutsideShape *shape = &worker->shape;
  int64_t offsets[SHOAL_OUTSIDE_ARRAYS];
  shoal_outside_layout(shape, offsets);
  int32_t first = b * shape->block, count = shoal_mini(shape->block, shape->num_envs - first), steps = 0;
  memset(worker->base + offsets[SHOAL_OUTSIDE_RENEWED] + first, 0, (size_t)count);
  const uint8_t *commands = worker->base + offsets[SHOAL_OUTSIDE_COMMANDS] + first;
  for (int32_t i = 0; i < count; i++) { steps += commands[i] == SHOAL_OUTSIDE_STEP; }
  return steps == count ? b : b + SHOAL_OUTSIDE_MIXED;
}

int32_t shoal_outside_answer(const ShoalOutsideWorker *worker, int32_t served) {
  int32_t unfit = find_unfit(worker, served);
  if (unfit < 0) {
    ShoalTurn *turn = shoal_turns(&worker->shape, worker->base) + served;
    atomic_store(&turn->reply, atomic_load(&turn->request));
    if (atomic_exchange(&turn->sleeps, 0)) { shoal_word_wake(&turn->reply); }
  }
  return unfit;
}

// The block of this worker that was asked for and has not been served, or -1: from block `from` on, then those before.
static int32_t find_asked(const ShoalOutsideWorker *worker, int32_t from) {
  const ShoalOutsideShape *shape = &worker->shape;
  ShoalTurn *turns = shoal_turns(shape, worker->base);
  int32_t blocks = shoal_outside_blocks(shape);
  for (int32_t pass = 0; pass < 2; pass++) {
    int32_t end = pass ? shoal_mini(from, blocks) : blocks;
    for (int32_t b = pass ? worker->index : from; b < end; b += shape->workers) {
      if (atomic_load(&turns[b].request) != atomic_load(&turns[b].reply)) { return b; }
    }
  }
  return -1;
}

int32_t shoal_outside_next(const ShoalOutsideWorker *worker, int32_t served) {
  ShoalBell *bell = shoal_bells(worker->base) + worker->index;
  int32_t from = worker->index;
  double began = 0.0, spin = worker->spin;
  if (served >= 0) {
    int32_t unfit = shoal_outside_answer(worker, served);
    if (unfit >= 0) { return -2 - unfit; }
    from = served + worker->shape.workers;
  }
  for (;;) {
    uint32_t seen = atomic_load(&bell->bell);
    if (atomic_load(&bell->quit)) { return -1; }
    int32_t b = find_asked(worker, from);
    if (b >= 0) {
      if (began > 0.0) { bell->waited = shoal_seconds() - began; }
      return shoal_outside_begin(worker, b);
    }
    if (began == 0.0) {
      began = shoal_seconds();
      if (spin >= 0.0) { spin = shoal_word_patience(spin, bell->waited); }
    }
    if (shoal_word_spin(&bell->bell, seen, spin < 0.0 ? LOOK_SECONDS : spin)) { continue; }
    if (worker->parent && getppid() != worker->parent) { return -1; }
    if (spin < 0.0) { continue; }
    atomic_store(&bell->sleeps, 1);
    if (atomic_load(&bell->bell) == seen) { shoal_word_wait(&bell->bell, seen, LOOK_SECONDS); }
    atomic_store(&bell->sleeps, 0);
  }
}
