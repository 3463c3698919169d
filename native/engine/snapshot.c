// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Snapshots: everything that one environment owns, as bytes; its Shared block by number.
#include <string.h>

#include "engine/engine.h"

// Copy `bytes` of one environment's share of an array to or from the snapshot at *place, and advance it.
static void carry(void *array, int64_t bytes, int32_t e, uint8_t **place, int32_t restoring) {
  uint8_t *mine = (uint8_t *)array + bytes * e;
  if (!array) { return; }
  if (restoring) {
    memcpy(mine, *place, (size_t)bytes);
  } else {
    memcpy(*place, mine, (size_t)bytes);
  }
  *place += bytes;
}

// Params, then the number of the Shared block. They are not restored where all environments share them.
static uint8_t *carry_version(const ShoalVec *vec, int32_t e, uint8_t *place, int32_t restoring) {
  int32_t own = vec->params_stride != 0, number = vec->newest_shared;
  if (own || !restoring) {
    uint8_t *after = place;
    carry(vec->params, vec->params_bytes, own ? e : 0, &after, restoring);
  }
  place += vec->params_bytes;
  if (!vec->env->has_shared) { return place; }
  if (own && restoring) { memcpy(&vec->shared_version[e], place, sizeof number); }
  if (own) { number = vec->shared_version[e]; }
  if (!restoring) { memcpy(place, &number, sizeof number); }
  return place + sizeof number;
}

// Everything that one environment owns, in the order of a snapshot.
static void carry_all(const ShoalVec *vec, int32_t e, uint8_t *place, int32_t restoring) {
  int64_t agents = vec->agents;
  place = carry_version(vec, e, place, restoring);
  carry(vec->state, vec->state_bytes, e, &place, restoring);
  carry(vec->limits, 4, e, &place, restoring);
  carry(vec->returns, agents * 4, e, &place, restoring);
  carry(vec->lengths, agents * 4, e, &place, restoring);
  carry(vec->metric_values, agents * vec->metrics * 4, e, &place, restoring);
  carry(vec->since_returns, agents * 4, e, &place, restoring);
  carry(vec->since_lengths, agents * 4, e, &place, restoring);
  carry(vec->live, agents, e, &place, restoring);
  carry(vec->starts, agents, e, &place, restoring);
  carry(vec->waiting, 1, e, &place, restoring);
  carry(vec->players, agents * 2, e, &place, restoring);
}

int64_t shoal_vec_snapshot_bytes(const ShoalVec *vec) {
  int64_t per_agent = 4 + 4 + 4 * (int64_t)vec->metrics + (vec->since_returns ? 8 : 0) + 2 + (vec->players ? 2 : 0);
  int64_t version = vec->params_bytes + (vec->env->has_shared ? 4 : 0);
  return version + vec->state_bytes + 4 + vec->agents * per_agent + (vec->waiting ? 1 : 0);
}

void shoal_vec_snapshot(const ShoalVec *vec, int32_t e, uint8_t *out) { carry_all(vec, e, out, 0); }

// May the environment of this snapshot go on in this vec.
static int32_t check_version(const ShoalVec *vec, const uint8_t *in, char *message) {
  int32_t own = vec->params_stride != 0, number = vec->newest_shared;
  if (!own && memcmp(in, vec->newest, (size_t)vec->params_bytes) != 0) {
    return shoal_complain(message,
                          "the snapshot of %s has other parameters than this vec, whose environments share theirs; "
                          "expected a vec with parameters of their own",
                          vec->env->name);
  }
  if (vec->env->has_shared) { memcpy(&number, in + vec->params_bytes, sizeof number); }
  if (number < 0 || number > vec->newest_shared || (!own && number != vec->newest_shared) ||
      (vec->env->has_shared && !vec->shared[number])) {
    return shoal_complain(message, "the snapshot of %s is of a Shared block that is gone: version=%d; newest is %d",
                          vec->env->name, number, vec->newest_shared);
  }
  return SHOAL_OK;
}

int32_t shoal_vec_restore(ShoalVec *vec, int32_t e, const uint8_t *in, char *message) {
  const ShoalEngine *engine = shoal_engine_of(vec);
  if (check_version(vec, in, message) != SHOAL_OK) { return SHOAL_ERROR; }
  carry_all(vec, e, (uint8_t *)(uintptr_t)in, 1);
  if (!engine->bound) { return SHOAL_OK; }
  ShoalIo io = shoal_slice(engine, e, e / vec->block);
  uint64_t fp = shoal_fp_enter();
  vec->env->block_observe(vec, e, 1, &io);
  shoal_fp_leave(fp);
  return SHOAL_OK;
}

typedef struct {
  const ShoalVec *vec;
  uint8_t *place;  // (num_envs, snapshot bytes)
  int64_t bytes;
  int32_t restoring;
} CarryCall;

static void carry_block(void *context, int32_t b, int32_t thread) {
  const CarryCall *call = context;
  int32_t first = b * call->vec->block, last = first + call->vec->block;
  (void)thread;
  for (int32_t e = first; e < last && e < call->vec->num_envs; e++) {
    carry_all(call->vec, e, call->place + call->bytes * e, call->restoring);
  }
}

void shoal_vec_save(const ShoalVec *vec, uint8_t *out) {
  const ShoalEngine *engine = shoal_engine_of((ShoalVec *)(uintptr_t)vec);
  CarryCall call = {vec, out, shoal_vec_snapshot_bytes(vec), 0};
  shoal_parallel(vec->threads, engine->num_blocks, carry_block, &call);
}

int32_t shoal_vec_load(ShoalVec *vec, const uint8_t *in, char *message) {
  ShoalEngine *engine = shoal_engine_of(vec);
  CarryCall call = {vec, (uint8_t *)(uintptr_t)in, shoal_vec_snapshot_bytes(vec), 1};
  for (int32_t e = 0; e < vec->num_envs; e++) {
    if (check_version(vec, in + call.bytes * e, message) != SHOAL_OK) { return SHOAL_ERROR; }
  }
  shoal_parallel(vec->threads, engine->num_blocks, carry_block, &call);
  memset(engine->stats, 0, (size_t)(engine->num_blocks * engine->stats_stride * 8));
  if (vec->lives) { memset(vec->lives, 0, (size_t)shoal_lives_bytes(vec)); }
  return SHOAL_OK;
}
