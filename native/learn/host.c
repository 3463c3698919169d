// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// What a learner outside this library takes from it: actions drawn from its own outputs, and the order of a pass. Both
// come from the same counter-based numbers as the native learner's.
#include <stdlib.h>

#include "learn/learner.h"

enum { DRAW_ROWS = 256 };  // rows of a task

typedef struct {
  const ShoalPolicy *heads;  // of which only what heads.c reads is filled in
  const float *outputs;
  const uint8_t *masks, *live;
  int64_t stride, first;
  int32_t n, greedy;
  uint64_t seed, clock;
  int32_t *discrete;
  float *raw, *continuous, *log_probs, *scratch;
} Draw;

static void draw_rows(void *context, int32_t task, int32_t thread) {
  const Draw *call = context;
  const ShoalPolicy *heads = call->heads;
  const ShoalSpec *spec = &heads->spec;
  int32_t from = task * DRAW_ROWS, count = shoal_mini(DRAW_ROWS, call->n - from);
  float *probs = call->scratch + (int64_t)thread * 2 * DRAW_ROWS * heads->outputs;
  float *log_probs = probs + (int64_t)DRAW_ROWS * heads->outputs;
  const float *outputs = call->outputs + from * call->stride;
  const uint8_t *masks = call->masks + (int64_t)from * spec->mask_bytes;
  shoal_heads_softmax(heads, outputs, call->stride, masks, spec->mask_bytes, count, probs, log_probs);
  for (int32_t i = 0; i < count; i++) {
    int64_t row = from + i, at = (int64_t)i * heads->outputs;
    int32_t *discrete = call->discrete + row * spec->num_heads;
    float *raw = call->raw + row * spec->num_dims;
    call->log_probs[row] = 0.0f;
    if (!call->live || call->live[row]) {
      call->log_probs[row] = shoal_heads_sample(heads, outputs + i * call->stride, probs + at, log_probs + at,
                                                masks + (int64_t)i * spec->mask_bytes, call->greedy, call->seed,
                                                call->clock, (uint64_t)(call->first + row), discrete, raw);
    } else {
      for (int32_t h = 0; h < spec->num_heads; h++) { discrete[h] = 0; }
      for (int32_t d = 0; d < spec->num_dims; d++) { raw[d] = 0.0f; }
    }
    shoal_heads_action(heads, raw, call->continuous + row * spec->num_dims);
  }
}

int32_t shoal_draw_actions(const ShoalSpec *spec, int32_t threads, int32_t n, int64_t first, const float *outputs,
                           int64_t stride, const float *log_std, const uint8_t *masks, const uint8_t *live,
                           int32_t greedy, uint64_t seed, int64_t clock, int32_t *discrete, float *raw,
                           float *continuous, float *log_probs, char *message) {
  ShoalPolicy *heads = calloc(1, sizeof *heads);
  int32_t tasks = (n + DRAW_ROWS - 1) / DRAW_ROWS, width = spec->num_dims;
  for (int32_t h = 0; h < spec->num_heads; h++) { width += spec->heads[h].size; }
  threads = shoal_maxi(shoal_mini(threads > 0 ? threads : shoal_cores(), tasks), 1);
  float *scratch = malloc(sizeof *scratch * 2 * DRAW_ROWS * (size_t)threads * (size_t)shoal_maxi(width, 1));
  int32_t status = SHOAL_OK;
  if (!heads || !scratch) {
    status = shoal_complain(message, "out of memory for the actions of %d rows", n);
  } else {
    heads->spec = *spec;
    heads->outputs = width;
    heads->log_std = spec->num_dims ? 0 : -1;  // the only parameter, and it begins at theta
    heads->theta = (float *)(uintptr_t)log_std;
    Draw call = {heads, outputs,         masks,    live, stride,     first,     n,      greedy,
                 seed,  (uint64_t)clock, discrete, raw,  continuous, log_probs, scratch};
    shoal_parallel_flushed(threads, tasks, draw_rows, &call);
  }
  free(heads);
  free(scratch);
  return status;
}
