// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The worker's side of an exchange, and where the arrays of the shared memory lie.
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
static int32_t find_unfit(const ShoalOutsideShape *shape, const uint8_t *finite, const uint8_t *base, int32_t b) {
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

int32_t shoal_outside_answer(const ShoalOutsideShape *shape, const uint8_t *finite, uint8_t *base, int32_t served) {
  int32_t unfit = find_unfit(shape, finite, base, served);
  if (unfit < 0) {
    ShoalTurn *turn = shoal_turns(shape, base) + served;
    atomic_store(&turn->reply, atomic_load(&turn->request));
    if (atomic_exchange(&turn->sleeps, 0)) { shoal_word_wake(&turn->reply); }
  }
  return unfit;
}

int32_t shoal_outside_next(const ShoalOutsideShape *shape, const uint8_t *finite, uint8_t *base, int32_t worker,
                           int32_t served, int32_t spins, int32_t parent) {
  ShoalBell *bell = shoal_bells(base) + worker;
  ShoalTurn *turns = shoal_turns(shape, base);
  int32_t blocks = shoal_outside_blocks(shape), from = worker;
  if (served >= 0) {
    int32_t unfit = shoal_outside_answer(shape, finite, base, served);
    if (unfit >= 0) { return -2 - unfit; }
    from = served + shape->workers;
  }
  for (;;) {
    uint32_t seen = atomic_load(&bell->bell);
    if (atomic_load(&bell->quit)) { return -1; }
    for (int32_t pass = 0; pass < 2; pass++) {  // from the block after the last one on, then the ones before
      for (int32_t b = pass ? worker : from; b < (pass ? shoal_mini(from, blocks) : blocks); b += shape->workers) {
        if (atomic_load(&turns[b].request) != atomic_load(&turns[b].reply)) { return b; }
      }
    }
    int32_t spun = 0;
    while (atomic_load(&bell->bell) == seen && (spins < 0 ? spun < (1 << 20) : spun < spins)) {
      shoal_pause();
      spun++;
    }
    if (atomic_load(&bell->bell) != seen) { continue; }
    if (parent && getppid() != parent) { return -1; }
    if (spins < 0) { continue; }
    atomic_store(&bell->sleeps, 1);
    if (atomic_load(&bell->bell) == seen) { shoal_word_wait(&bell->bell, seen, LOOK_SECONDS); }
    atomic_store(&bell->sleeps, 0);
  }
}
