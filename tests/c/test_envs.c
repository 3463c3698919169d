// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Random actions, some of them absurd, in every registered environment: `test_envs [STEPS [NAME...]]`, steps of an
// agent. Each array is an allocation of its own size: an access outside any of them is next to a guard band, which the
// address sanitizer sees at once and this program checks at the end. First with one copy, whose arrays have no
// neighbour, then with so many that the block's loops run as vectors with a rest, then with copies that wait for their
// reset between others that do not, and with copies whose parameters are their own and drawn at every reset.
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "params.h"
#include "shoal/shoal.h"

#ifdef __SANITIZE_ADDRESS__
enum { BAND = 0 };
#else
enum { BAND = 64 };
#endif
enum { MAX_BUFFERS = 32, PATTERN = 0xA5 };
enum { COPIES = SHOAL_RUN + 13 };  // two runs, of which neither is a whole number of vectors

// ---------------------------------------------------------------------------------------------------- guarded memory

static struct {
  uint8_t *memory;
  size_t bytes;
  const char *name;
} buffers[MAX_BUFFERS];
static int32_t num_buffers;

// Memory of exactly `bytes`, between bands. The address sanitizer lays its own red zones around an allocation.
static void *guarded(const char *name, int64_t bytes) {
  uint8_t *memory = malloc((size_t)bytes + 2 * BAND + (bytes == 0));
  memset(memory, PATTERN, (size_t)bytes + 2 * BAND);
  memset(memory + BAND, 0, (size_t)bytes);
  buffers[num_buffers].memory = memory;
  buffers[num_buffers].bytes = (size_t)bytes;
  buffers[num_buffers++].name = name;
  return memory + BAND;
}

static void release(const char *env) {
  for (int32_t b = 0; b < num_buffers; b++) {
    for (int32_t i = 0; i < BAND; i++) {
      uint8_t before = buffers[b].memory[i], after = buffers[b].memory[BAND + buffers[b].bytes + (size_t)i];
      CHECK(before == PATTERN && after == PATTERN, "%s wrote outside %s", env, buffers[b].name);
    }
    free(buffers[b].memory);
  }
  num_buffers = 0;
}

// ---------------------------------------------------------------------------------------------------- one environment

typedef struct {
  int32_t copies, mode, own;
  double share;  // of the steps
} Phase;

static uint64_t rng;
static uint32_t draw(uint32_t n) {
  rng += 0x9E3779B97F4A7C15u;
  return (uint32_t)(((shoal_mix(rng) >> 32) * n) >> 32);
}

static void act(const ShoalVec *vec, const ShoalIo *io) {
  static const float odd[] = {INFINITY, -INFINITY, NAN, 1e30f, -0.0f, 1e-40f};
  for (int32_t i = 0; i < vec->num_envs * vec->agents * vec->heads; i++) {
    uint32_t size = (uint32_t)vec->spec.heads[i % vec->heads].size;
    io->discrete[i] = draw(50) ? (int32_t)draw(size) : (int32_t)shoal_mix(rng);
  }
  for (int32_t i = 0; i < vec->num_envs * vec->agents * vec->dims; i++) {
    io->continuous[i] = draw(50) ? (float)draw(1 << 24) * 0x1p-22f - 2.0f : odd[draw(6)];
  }
}

static void check_legal(const ShoalVec *vec, const ShoalIo *io) {
  for (int32_t r = 0; vec->mask_bytes && r < vec->num_envs * vec->agents; r++) {
    const uint8_t *mask = io->masks + r * io->mask_stride;
    for (int32_t h = 0; h < vec->heads && vec->live[r]; h++) {
      int32_t size = vec->spec.heads[h].size, legal = 0;
      if (!vec->spec.heads[h].masked) { continue; }
      for (int32_t i = 0; i < size; i++) { legal += mask[i] != 0; }
      CHECK(legal > 0, "%s: head %d of row %d has no legal action", vec->env->name, h, r);
      mask += size;
    }
  }
}

// Contexts that always draw the default, for every parameter that can be drawn.
static void draw_defaults(ShoalVec *vec) {
  for (int32_t p = 0; p < vec->env->num_params && vec->num_contexts < SHOAL_MAX_CONTEXTS; p++) {
    if (vec->env->params[p].role != SHOAL_ROLE_VALUE) { continue; }
    ShoalContext *context = &vec->contexts[vec->num_contexts++];
    context->param = p;
    context->kind = SHOAL_CONTEXT_CHOICE;
    context->count = 1;
    memcpy(context->options, vec->newest + shoal_param_offset(p), 4);
  }
}

static void run(const ShoalEnv *env, int64_t steps, Phase phase) {
  char message[SHOAL_MESSAGE];
  ShoalVec vec = {.env = env, .num_envs = phase.copies, .seed = 11, .emit_until = UINT32_MAX, .metric_steps = 7};
  const uint8_t *shared = NULL;
  vec.newest = vec.params = guarded("params", env->params_bytes);
  fill_params(env, vec.params);
  if (shoal_env_spec(env, vec.params, NULL, 0, &vec.spec, message) != SHOAL_OK) {
    CHECK(0, "%s", message);
    release(env->name);
    return;
  }
  const ShoalSpec *spec = &vec.spec;
  int64_t rows = (int64_t)phase.copies * spec->agents;
  vec.agents = spec->agents, vec.heads = spec->num_heads, vec.dims = spec->num_dims, vec.metrics = env->num_metrics;
  vec.max_steps = spec->max_steps, vec.row_bytes = spec->row_bytes, vec.mask_bytes = spec->mask_bytes;
  vec.state_bytes = spec->state_bytes, vec.params_bytes = env->params_bytes, vec.threads = 1, vec.block = phase.copies;
  vec.mode = phase.mode;
  if (phase.own) {
    vec.params = guarded("own params", phase.copies * env->params_bytes);
    vec.params_stride = env->params_bytes;
    draw_defaults(&vec);
  }
  if (env->has_shared) {
    uint8_t *block = guarded("shared", spec->shared_bytes);
    env->shared(vec.newest, 5, block);
    shared = block;
  }
  vec.shared = &shared;
  vec.state = guarded("state", phase.copies * spec->state_bytes);
  vec.limits = guarded("limits", 4 * phase.copies);
  if (phase.mode != SHOAL_RESET_SAME_STEP) { vec.waiting = guarded("waiting", phase.copies); }
  vec.rewards = guarded("rewards", 4 * rows);
  vec.ended = guarded("ended", rows);
  vec.returns = guarded("returns", 4 * rows);
  vec.lengths = guarded("lengths", 4 * rows);
  vec.metric_values = guarded("metrics", 4 * rows * vec.metrics);
  vec.since_returns = guarded("since_returns", 4 * rows);
  vec.since_lengths = guarded("since_lengths", 4 * rows);
  vec.live = guarded("live", rows);
  vec.starts = guarded("starts", rows);
  ShoalIo io = {.stride = 1,
                .row_stride = spec->row_bytes,
                .mask_stride = spec->mask_bytes,
                .final_stride = spec->row_bytes,
                .final_mask_stride = spec->mask_bytes};
  io.discrete = guarded("discrete", 4 * rows * vec.heads);
  io.continuous = guarded("continuous", 4 * rows * vec.dims);
  io.rows = guarded("rows", rows * spec->row_bytes);
  io.masks = guarded("masks", rows * spec->mask_bytes);
  io.legal = io.masks;
  io.final_rows = guarded("final_rows", rows * spec->row_bytes);
  io.final_masks = guarded("final_masks", rows * spec->mask_bytes);
  io.rewards = guarded("step rewards", 4 * rows);
  io.ended = guarded("step ended", rows);
  io.stats = guarded("statistics", 8 * SHOAL_STATS_SIZE(vec.metrics));

  env->block_reset(&vec, 0, phase.copies, &io);
  for (io.clock = 0; io.clock * rows < steps; io.clock++) {
    act(&vec, &io);
    if (env->has_scripted && draw(2)) { env->block_scripted(&vec, 0, phase.copies, 0.7f, &io); }
    vec.final_all = (int32_t)draw(2);
    env->block_step(&vec, 0, phase.copies, &io);
    check_legal(&vec, &io);
    for (int64_t r = 0; r < rows; r++) {
      CHECK(isfinite(io.rewards[r]), "%s: reward=%g at step %lld", env->name, (double)io.rewards[r],
            (long long)io.clock);
    }
    if (atomic_load(&check_failures) > 10) { break; }
  }
  CHECK(io.stats[SHOAL_STATS_LIVES] > 0 || io.stats[SHOAL_STATS_PARTIAL] > 0, "%s: nothing happened", env->name);
  release(env->name);
}

int main(int argc, char **argv) {
  static const Phase phases[] = {{1, SHOAL_RESET_SAME_STEP, 0, 0.1},
                                 {COPIES, SHOAL_RESET_SAME_STEP, 0, 0.7},
                                 {COPIES, SHOAL_RESET_SAME_STEP, 1, 0.1},
                                 {COPIES, SHOAL_RESET_NEXT_STEP, 1, 0.1}};
  int64_t steps = argc > 1 ? atoll(argv[1]) : 1000000;
  for (int32_t i = 0; i < shoal_env_count(); i++) {
    const ShoalEnv *env = shoal_env_at(i);
    int32_t wanted = argc <= 2;
    for (int32_t k = 2; k < argc; k++) { wanted |= strcmp(argv[k], env->name) == 0; }
    rng = 1;
    for (size_t k = 0; wanted && k < sizeof phases / sizeof *phases; k++) {
      run(env, (int64_t)((double)steps * phases[k].share), phases[k]);
    }
  }
  return CHECK_RESULT;
}
