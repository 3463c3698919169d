// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// For check.h: observing, and what a row, a mask or a reading function can do wrong.
#ifndef SHOAL_CHECK_LOOK_H
#define SHOAL_CHECK_LOOK_H

#include "shoal/check_world.h"

static float check_element(const ShoalField *field, const uint8_t *row, int32_t i) {
  const uint8_t *at = row + field->offset;
  float x;
  int16_t wide;
  switch (field->dtype) {
    case SHOAL_U8: return (float)at[i];
    case SHOAL_I8: return (float)(int8_t)at[i];
    case SHOAL_I16: memcpy(&wide, at + 2 * i, 2); return (float)wide;
    default: memcpy(&x, at + 4 * i, 4); return x;
  }
}

static void check_row(int32_t agent, const uint8_t *row) {
  double tick = (double)check.state->head.tick, *sums = check.clock;
  check.clock_rows += 1.0;
  check.clock_tick += tick;
  check.clock_ticks += tick * tick;
  for (int32_t f = 0; f < check.spec.num_fields; f++) {
    const ShoalField *field = &check.spec.fields[f];
    int32_t counted = field->kind == SHOAL_KIND_GRID || field->kind == SHOAL_KIND_CATEGORY;
    float high = counted ? (float)(field->categories - 1) : field->high, low = counted ? 0.0f : field->low;
    for (int32_t i = 0; i < field->rows * field->columns * field->channels; i++, sums += 3) {
      float x = check_element(field, row, i);
      if (!(x >= low && x <= high)) {
        check_found("outside-field", field->name,
                    "field=%s\telement=%d\tvalue=%.9g\tlow=%.9g\thigh=%.9g\tagent=%d\ttick=%u", field->name, i,
                    (double)x, (double)low, (double)high, agent, check.state->head.tick);
      } else {
        sums[0] += (double)x;
        sums[1] += (double)x * (double)x;
        sums[2] += (double)x * tick;
      }
    }
  }
}

static void check_mask(int32_t agent, const uint8_t *mask) {
  for (int32_t h = 0; h < check.spec.num_heads; h++) {
    const ShoalDiscrete *head = &check.spec.heads[h];
    int32_t legal = 0;
    if (!head->masked) { continue; }
    for (int32_t i = 0; i < head->size; i++) {
      legal += mask[i] != 0;
      if (mask[i] > 1) {
        check_found("mask-value", head->name, "head=%s\taction=%d\tvalue=%d\tagent=%d\ttick=%u", head->name, i, mask[i],
                    agent, check.state->head.tick);
      }
    }
    if (!legal) {
      check_found("no-legal-action", head->name, "head=%s\tagent=%d\ttick=%u", head->name, agent,
                  check.state->head.tick);
    }
    mask += head->size;
  }
}

// Observe an agent twice, over memory of zeros and of ones.
static void check_look(int32_t a) {
  int64_t row_bytes = check.spec.row_bytes, mask_bytes = check.spec.mask_bytes, at;
  memset(check.row[a], 0x00, (size_t)row_bytes);
  memset(check.row_again[a], 0xFF, (size_t)row_bytes);
  memset(check.mask[a], 0x00, (size_t)mask_bytes);
  memset(check.mask_again[a], 0xFF, (size_t)mask_bytes);
  check_keep_state();
  SHOAL_ENV_FN(observe)(check.params, check.shared, check.state, a, check.row[a], check.mask[a]);
  check_state_is_kept("observe", a);
  SHOAL_ENV_FN(observe)(check.params, check.shared, check.state, a, check.row_again[a], check.mask_again[a]);
  check_state_is_kept("observe", a);
  at = check_first_difference(check.row[a], check.row_again[a], row_bytes);
  if (at >= 0) {
    check_found("row-unwritten", "", "offset=%lld\tagent=%d\ttick=%u", (long long)at, a, check.state->head.tick);
  }
  at = check_first_difference(check.mask[a], check.mask_again[a], mask_bytes);
  if (at >= 0) {
    check_found("mask-unwritten", "", "offset=%lld\tagent=%d\ttick=%u", (long long)at, a, check.state->head.tick);
  }
  check_row(a, check.row[a]);
  check_mask(a, check.mask[a]);
  check_hash(check.row[a], row_bytes);
  check_hash(check.mask[a], mask_bytes);
}

// Observe all agents that are live. If that is everyone, the hint of env_episode.h must write the same.
static void check_look_around(void) {
  int32_t everyone = 1;
  for (int32_t a = 0; a < check.spec.agents; a++) {
    if (check.live[a]) { check_look(a); }
    everyone &= check.live[a];
  }
#ifdef SHOAL_ENV_OBSERVE_ALL
  int64_t row_bytes = check.spec.row_bytes, mask_bytes = check.spec.mask_bytes;
  if (!everyone || !(SHOAL_ENV_OBSERVE_ALL(check.params))) { return; }
  memset(check.rows, 0xFF, (size_t)(check.spec.agents * row_bytes));
  memset(check.masks, 0xFF, (size_t)(check.spec.agents * mask_bytes));
  check_keep_state();
  SHOAL_ENV_FN(observe_all)
  (check.params, check.shared, check.state, check.rows, row_bytes, check.masks, mask_bytes);
  check_state_is_kept("observe_all", 0);
  for (int32_t a = 0; a < check.spec.agents; a++) {
    int64_t row = check_first_difference(check.rows + a * row_bytes, check.row[a], row_bytes);
    int64_t mask = check_first_difference(check.masks + a * mask_bytes, check.mask[a], mask_bytes);
    if (row >= 0 || mask >= 0) {
      check_found("together", "", "part=%s\toffset=%lld\tagent=%d\ttick=%u", row >= 0 ? "row" : "mask",
                  (long long)(row >= 0 ? row : mask), a, check.state->head.tick);
    }
  }
#else
  (void)everyone;
#endif
}

static uint8_t check_is_live(int32_t a) {
#ifdef SHOAL_HAS_LIVE
  check_keep_state();
  uint8_t live = SHOAL_ENV_FN(live)(check.params, check.state, a) != 0;
  check_state_is_kept("live", a);
  return live;
#else
  (void)a;
  return 1;
#endif
}

// Draw the present state; a drawing only reads.
static void check_draw_state(void) {
#ifdef CHECK_DRAWS
  static _Alignas(16) uint8_t items[1 << 16];
  ShoalCanvas canvas;
  shoal_canvas_begin(&canvas, items, sizeof items);
  check_keep_state();
  check_copy(check.other, check.state, check.spec.state_bytes);
  SHOAL_ENV_FN(draw)(check.params, check.shared, check.other, check.state, 0.5f, &canvas);
  check_state_is_kept("draw", 0);
  int64_t at = check_first_difference(check.kept, check.other, check.spec.state_bytes);
  if (at >= 0) { check_found("writes-state", "draw", "function=draw\toffset=%lld\tagent=0", (long long)at); }
#endif
}

#endif
