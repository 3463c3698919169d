// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The engine's side of an exchange. What happens around a step is env_step.h's, as for every environment: here stand
// the functions that it calls, which read what a worker wrote, and around its loops the exchange itself. Per block:
//
//   send    clean the actions and hand them over, each environment with a command and the seed of the episode that
//           would follow; whether this step reaches the time limit is known before, so one exchange does all
//   ready   wait for the worker (waiting.c)
//   finish  env_step.h's block_step over what came back
#include <string.h>

#include "engine/engine.h"
#include "outside/exchange.h"

// ---------------------------------------------------------------------------------------------------- one environment

#define OUTSIDE_PARAMS(F, I, B, C)
#define OUTSIDE_METRICS(M) M(perf, "") M(score, "")
SHOAL_PARAMS_STRUCT(Outside, OUTSIDE_PARAMS)
SHOAL_METRICS_STRUCT(Outside, OUTSIDE_METRICS)
typedef struct {
  ShoalHead head;
  uint8_t live[];  // (agents,)
} OutsideState;

static const char *outside_spec(const OutsideParams *params, ShoalSpec *out) {
  (void)params;
  (void)out;
  return "the host declares it";
}

static void take_live(const ShoalOutsideSlot *slot, OutsideState *state) {
  memcpy(state->live, slot->live, (size_t)slot->agents);
}

static void outside_reset(const OutsideParams *params, const void *shared, OutsideState *state) {
  (void)params;
  take_live(shared, state);
}

static void outside_step(const OutsideParams *params, const void *shared, OutsideState *state, const int32_t *discrete,
                         const float *continuous, const ShoalResult *result) {
  const ShoalOutsideSlot *slot = shared;
  (void)params;
  (void)discrete;
  (void)continuous;
  if (*slot->command == SHOAL_OUTSIDE_REST) { return; }
  if (*slot->fault) {  // the episode is cut here
    *result->over = 1;
    return;
  }
  memcpy(result->reward, slot->rewards, (size_t)slot->agents * 4);
  memcpy(result->ended, slot->ended, (size_t)slot->agents);
  memcpy(result->metrics, *slot->renewed ? slot->final_metrics : slot->metric_values,
         (size_t)slot->agents * (size_t)slot->metrics * 4);
  *result->over = *slot->over;
  take_live(slot, state);
}

static int32_t outside_live(const OutsideParams *params, const OutsideState *state, int32_t agent) {
  (void)params;
  return state->live[agent];
}

static void outside_observe(const OutsideParams *params, const void *shared, const OutsideState *state, int32_t agent,
                            void *row, uint8_t *mask) {
  const ShoalOutsideSlot *slot = shared;
  (void)params;
  // The episode that has just ended is looked at once more.
  int32_t before = *slot->renewed && state->head.phase == SHOAL_TAG_STEP && *slot->command != SHOAL_OUTSIDE_REST;
  const uint8_t *rows = !before ? slot->rows : *slot->fault ? slot->kept : slot->final_rows;
  memcpy(row, rows + (int64_t)agent * slot->row_bytes, (size_t)slot->row_bytes);
  if (slot->mask_bytes) {
    const uint8_t *masks = before && !*slot->fault ? slot->final_masks : slot->masks;
    memcpy(mask, masks + (int64_t)agent * slot->mask_bytes, (size_t)slot->mask_bytes);
  }
}

#define SHOAL_HAS_LIVE
#define SHOAL_SHARED_OF(vec, e) ((const void *)&(vec)->outside->slots[e])
#define SHOAL_METRIC_COUNT ((vec)->metrics)
#define SHOAL_ENV_NAME "outside"
#define SHOAL_ENV_FN(name) outside_##name
#define SHOAL_ENV_TYPE(name) Outside##name
#define SHOAL_ENV_TABLE(name) OUTSIDE_##name
#include "shoal/env_block.h"

// ---------------------------------------------------------------------------------------------------- exchange

// What a reset of environment e to `episode` needs to know.
static void announce(const ShoalVec *vec, int32_t e, uint32_t episode) {
  struct ShoalOutside *outside = vec->outside;
  uint64_t key = shoal_hash(vec->seed, SHOAL_TAG_EPISODE, (uint64_t)(vec->first_index + e), episode);
  uint8_t *params = outside->params + (int64_t)e * outside->config.shape.params_bytes;
  outside->seeds[e] = key >> 33;  // 31 bits: every library takes such a seed
  memcpy(params, vec->newest, (size_t)vec->params_bytes);
  for (int32_t c = 0; c < vec->num_contexts; c++) {
    uint32_t bits = shoal_context_draw(&vec->contexts[c], key);
    memcpy(params + shoal_param_offset(vec->contexts[c].param), &bits, 4);
  }
}

// Wait until nothing that was asked of a block before is under way, as a call that was stopped leaves it; returns
// whether that is so.
static int32_t settle(const ShoalVec *vec, int32_t b) {
  return shoal_outside_wait(vec, b, -1.0) && !shoal_outside_given_up(vec);
}

// Forget what was asked of the environments of a block, and of their faults.
static void clear(const ShoalVec *vec, int32_t b) {
  int32_t first = b * vec->block, count = shoal_mini(vec->block, vec->num_envs - first);
  memset(vec->outside->commands + first, SHOAL_OUTSIDE_REST, (size_t)count);
  memset(vec->outside->faults + first, SHOAL_FAULT_NONE, (size_t)count);
}

static const ShoalHead *outside_head(const ShoalVec *vec, int32_t e) { return &SHOAL_STATE_OF(vec, e)->head; }

// Ask for the reset of environments to the present episode, or to episode 0.
static void ask_reset(const ShoalVec *vec, int32_t first, int32_t count, int32_t from_zero) {
  int32_t b = first / vec->block;
  if (!settle(vec, b)) { return; }
  clear(vec, b);
  for (int32_t e = first; e < first + count; e++) {
    uint32_t episode = from_zero ? 0 : outside_head(vec, e)->episode;
    vec->outside->commands[e] = SHOAL_OUTSIDE_RESET;
    announce(vec, e, episode);
  }
  shoal_outside_request(vec, b);
}

static void send_block(const ShoalVec *vec, int32_t first, int32_t count, const ShoalIo *io) {
  struct ShoalOutside *outside = vec->outside;
  int32_t b = first / vec->block;
  int64_t row = (int64_t)first * vec->agents, rows = (int64_t)count * vec->agents;
  if (!settle(vec, b)) { return; }
  clear(vec, b);
  int32_t bad = SHOAL_LOOP(clean)(vec, rows, vec->live + row, io->discrete, io->continuous, io->legal, io->mask_stride,
                                  vec->heads, vec->dims);
  io->stats[SHOAL_STATS_BAD] += (double)bad;
  memcpy(outside->discrete + row * vec->heads * 4, io->discrete, (size_t)(rows * vec->heads) * 4);
  memcpy(outside->continuous + row * vec->dims * 4, io->continuous, (size_t)(rows * vec->dims) * 4);
  for (int32_t e = first; e < first + count; e++) {
    const ShoalHead *head = outside_head(vec, e);
    ShoalOutsideSlot *slot = &outside->slots[e];
    uint8_t *command = outside->commands + e;
    if (vec->waiting && vec->waiting[e]) {
      *command = SHOAL_OUTSIDE_RESET;
    } else if (head->episode >= vec->emit_until) {
      continue;  // an evaluation counts none of it
    } else if (vec->mode != SHOAL_RESET_SAME_STEP) {
      *command = SHOAL_OUTSIDE_STEP_ALONE;
    } else {
      *command = head->tick + 1 >= (uint32_t)vec->limits[e] ? SHOAL_OUTSIDE_LAST : SHOAL_OUTSIDE_STEP;
    }
    announce(vec, e, head->episode + 1);
    memcpy(slot->kept, slot->rows, (size_t)slot->agents * (size_t)slot->row_bytes);
  }
  shoal_outside_request(vec, b);
}

static void report_faults(const ShoalVec *vec, int32_t first, int32_t count) {
  const ShoalOutsideConfig *config = &vec->outside->config;
  int32_t worker = first / vec->block % config->shape.workers;
  for (int32_t e = first; e < first + count; e++) {
    int32_t fault = vec->outside->faults[e];
    if (fault) { shoal_outside_tell(vec, fault, worker, e, config->generations[worker]); }
  }
}

static int32_t finish_block(const ShoalVec *vec, int32_t first, int32_t count, const ShoalIo *io) {
  if (!shoal_outside_answered(vec, first / vec->block)) { return 0; }
  report_faults(vec, first, count);
  if (shoal_outside_given_up(vec)) { return 0; }
  ShoalIo own = *io;
  int64_t row = (int64_t)first * vec->agents;
  own.discrete = (int32_t *)(void *)(vec->outside->discrete + row * vec->heads * 4);  // clean already
  own.continuous = (float *)(void *)(vec->outside->continuous + row * vec->dims * 4);
  return SHOAL_LOOP(block_step)(vec, first, count, &own);
}

static int32_t ready_block(const ShoalVec *vec, int32_t first, double seconds) {
  return shoal_outside_wait(vec, first / vec->block, seconds);
}

// ---------------------------------------------------------------------------------------------------- block functions

static int32_t exchange_step(const ShoalVec *vec, int32_t first, int32_t count, const ShoalIo *io) {
  send_block(vec, first, count, io);
  shoal_outside_wait(vec, first / vec->block, -1.0);
  return finish_block(vec, first, count, io);
}

static void exchange_reset(const ShoalVec *vec, int32_t first, int32_t count, const ShoalIo *io) {
  ask_reset(vec, first, count, 1);
  shoal_outside_wait(vec, first / vec->block, -1.0);
  report_faults(vec, first, count);
  SHOAL_LOOP(block_reset)(vec, first, count, io);
}

const ShoalEnv *shoal_outside_env(void) {
  static const ShoalSplit split = {send_block, ready_block, finish_block};
  static const ShoalEnv env = {
      .abi = SHOAL_ABI,
      .name = "outside",
      .params_bytes = (int64_t)sizeof(OutsideParams),
      .has_live = 1,
      .block_reset = exchange_reset,
      .block_step = exchange_step,
      .block_observe = SHOAL_LOOP(block_observe),
      .split = &split,
  };
  return &env;
}

// ---------------------------------------------------------------------------------------------------- whole vec

static int64_t lay_out(const ShoalOutsideShape *shape, uint8_t *base, struct ShoalOutside **out) {
  int64_t slots = (int64_t)sizeof(struct ShoalOutside),
          sent = slots + shape->num_envs * (int64_t)sizeof(ShoalOutsideSlot);
  int64_t waited = sent + shoal_outside_blocks(shape) * (int64_t)sizeof(double);
  int64_t kept = waited + shoal_outside_blocks(shape) * (int64_t)sizeof(double);
  if (out) {
    *out = (struct ShoalOutside *)(void *)base;
    (*out)->slots = (ShoalOutsideSlot *)(void *)(base + slots);
    (*out)->sent = (double *)(void *)(base + sent);
    (*out)->waited = (double *)(void *)(base + waited);
    (*out)->slots->kept = base + kept;
  }
  return kept + (int64_t)shape->num_envs * shape->agents * shape->row_bytes;
}

int64_t shoal_outside_bytes(const ShoalOutsideShape *shape) { return lay_out(shape, 0, 0); }

void shoal_outside_attach(ShoalVec *vec, const ShoalOutsideConfig *config, void *memory) {
  const ShoalOutsideShape *shape = &config->shape;
  int64_t at[SHOAL_OUTSIDE_ARRAYS], agents = shape->agents;
  struct ShoalOutside *outside;
  uint8_t *base = config->base;
  shoal_outside_layout(shape, at);
  lay_out(shape, memory, &outside);
  uint8_t *kept = outside->slots->kept;
  outside->config = *config;
  outside->commands = base + at[SHOAL_OUTSIDE_COMMANDS];
  outside->seeds = (uint64_t *)(void *)(base + at[SHOAL_OUTSIDE_SEEDS]);
  outside->faults = base + at[SHOAL_OUTSIDE_FAULTS];
  outside->params = base + at[SHOAL_OUTSIDE_PARAMS];
  outside->discrete = base + at[SHOAL_OUTSIDE_DISCRETE];
  outside->continuous = base + at[SHOAL_OUTSIDE_CONTINUOUS];
  for (int64_t e = 0; e < shape->num_envs; e++) {
    int64_t row = e * agents;
    outside->slots[e] = (ShoalOutsideSlot){
        .agents = shape->agents,
        .row_bytes = shape->row_bytes,
        .mask_bytes = shape->mask_bytes,
        .metrics = shape->metrics,
        .command = outside->commands + e,
        .fault = outside->faults + e,
        .over = base + at[SHOAL_OUTSIDE_OVER] + e,
        .renewed = base + at[SHOAL_OUTSIDE_RENEWED] + e,
        .rows = base + at[SHOAL_OUTSIDE_ROWS] + row * shape->row_bytes,
        .final_rows = base + at[SHOAL_OUTSIDE_FINAL_ROWS] + row * shape->row_bytes,
        .masks = base + at[SHOAL_OUTSIDE_MASKS] + row * shape->mask_bytes,
        .final_masks = base + at[SHOAL_OUTSIDE_FINAL_MASKS] + row * shape->mask_bytes,
        .ended = base + at[SHOAL_OUTSIDE_ENDED] + row,
        .live = base + at[SHOAL_OUTSIDE_LIVE] + row,
        .rewards = (const float *)(const void *)(base + at[SHOAL_OUTSIDE_REWARDS]) + row,
        .metric_values = (const float *)(const void *)(base + at[SHOAL_OUTSIDE_METRICS]) + row * shape->metrics,
        .final_metrics = (const float *)(const void *)(base + at[SHOAL_OUTSIDE_FINAL_METRICS]) + row * shape->metrics,
        .kept = kept + row * shape->row_bytes,
    };
  }
  vec->outside = outside;
}

int32_t shoal_outside_restart(ShoalVec *vec, char *message) {
  ShoalEngine *engine = shoal_engine_of(vec);
  if (!vec->outside) { return shoal_complain(message, "%s is not stepped elsewhere", vec->env->name); }
  for (int32_t b = 0; b < engine->num_blocks; b++) {
    ask_reset(vec, shoal_block_first(engine, b), shoal_block_count(engine, b), 0);
  }
  for (int32_t b = 0; b < engine->num_blocks; b++) {
    int32_t first = shoal_block_first(engine, b), count = shoal_block_count(engine, b);
    shoal_outside_wait(vec, b, -1.0);
    report_faults(vec, first, count);
    for (int32_t e = first; e < first + count; e++) {
      SHOAL_LOOP(begin)(vec, e, outside_head(vec, e)->episode);
      if (vec->waiting) { vec->waiting[e] = 0; }
      for (int32_t a = 0; a < vec->agents; a++) { SHOAL_LOOP(zero_life)(vec, (int64_t)e * vec->agents + a); }
    }
  }
  return shoal_outside_given_up(vec) ? SHOAL_STOPPED : SHOAL_OK;
}

int32_t shoal_outside_send(ShoalVec *vec, const uint8_t *blocks, char *message) {
  ShoalEngine *engine = shoal_engine_of(vec);
  if (shoal_complain_about_binding(engine, message)) { return SHOAL_ERROR; }
  for (int32_t b = 0; b < engine->num_blocks; b++) {
    ShoalIo io = shoal_slice(engine, shoal_block_first(engine, b), b);
    if (blocks[b]) { vec->env->split->send(vec, shoal_block_first(engine, b), shoal_block_count(engine, b), &io); }
  }
  return shoal_outside_given_up(vec) ? SHOAL_STOPPED : SHOAL_OK;
}

int32_t shoal_outside_receive(ShoalVec *vec, int32_t least, uint8_t *blocks, char *message) {
  ShoalEngine *engine = shoal_engine_of(vec);
  if (shoal_complain_about_binding(engine, message)) { return SHOAL_ERROR; }
  int32_t sent = 0, received = 0;
  for (int32_t b = 0; b < engine->num_blocks; b++) { sent += blocks[b] != 0; }
  if (least > sent) {
    return shoal_complain(message, "more blocks are waited for than were sent: %d; expected at most %d", least, sent);
  }
  for (double patience = 0.0; received < least && !shoal_outside_given_up(vec); patience = 1e-3) {
    for (int32_t b = 0; b < engine->num_blocks; b++) {
      int32_t first = shoal_block_first(engine, b), count = shoal_block_count(engine, b);
      if (blocks[b] != 1 || !vec->env->split->ready(vec, first, received < least ? patience : 0.0)) { continue; }
      ShoalIo io = shoal_slice(engine, first, b);
      uint64_t fp = shoal_fp_enter();
      vec->env->split->finish(vec, first, count, &io);
      shoal_fp_leave(fp);
      blocks[b] = 2;
      received++;
    }
  }
  return shoal_outside_given_up(vec) ? SHOAL_STOPPED : SHOAL_OK;
}
