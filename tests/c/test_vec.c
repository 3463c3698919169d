// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Every registered environment through the public interface on several threads: for the thread sanitizer, and the
// bytes must not depend on their number, nor on whose the parameters are, nor on steps that are made in halves.
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "params.h"
#include "shoal/shoal.h"

enum { ENVS = 100, STEPS = 60, CYCLE = 3 };

static uint64_t digest_of(uint64_t digest, const void *bytes, int64_t count) {
  for (int64_t i = 0; i < count; i++) { digest = (digest ^ ((const uint8_t *)bytes)[i]) * 0x100000001B3u; }
  return digest;
}

static void *lines(int64_t bytes) {
  size_t whole = ((size_t)bytes + 64) / 64 * 64;
  void *memory = aligned_alloc(64, whole);
  memset(memory, 0, whole);
  return memory;
}

static uint64_t run(const ShoalEnv *env, int32_t threads, int32_t own) {
  char message[SHOAL_MESSAGE] = "";
  ShoalSpec spec = {0};
  uint8_t *params = lines(env->params_bytes);
  fill_params(env, params);
  CHECK(shoal_env_spec(env, params, NULL, 0, &spec, message) == SHOAL_OK, "%s", message);
  ShoalVecConfig config = {.num_envs = ENVS, .threads = threads, .seed = 3, .block = 7, .stagger = 1};
  void *shared = NULL;
  if (env->has_shared) {
    shared = lines(spec.shared_bytes);
    env->shared(params, 5, shared);
  }
  int64_t bytes = shoal_vec_bytes(env, params, &config, message), n = (int64_t)ENVS * spec.agents;
  CHECK(bytes > 0, "%s", message);
  void *memory = lines(bytes);
  ShoalVec *vec = shoal_vec_create(env, params, shared, &config, memory, message);
  CHECK(vec != NULL, "%s", message);
  void *own_memory = lines(shoal_vec_own_bytes(env, ENVS));
  if (own) {
    shoal_vec_own(vec, own_memory);
    CHECK(shoal_vec_broadcast(vec, params, NULL, 0, NULL, 0, message) == SHOAL_OK, "%s", message);
  }
  uint8_t *rows = lines(n * spec.row_bytes), *masks = lines(n * spec.mask_bytes);
  uint8_t *final_rows = lines(n * spec.row_bytes), *final_masks = lines(n * spec.mask_bytes), *ended = lines(n);
  float *rewards = lines(4 * n), *continuous = lines(4 * n * spec.num_dims * CYCLE);
  int32_t *discrete = lines(4 * n * spec.num_heads * CYCLE);
  for (int64_t i = 0; i < n * spec.num_heads * CYCLE; i++) { discrete[i] = (int32_t)(shoal_mix((uint64_t)i) % 5); }
  for (int64_t i = 0; i < n * spec.num_dims * CYCLE; i++) {
    continuous[i] = shoal_uniform_of(shoal_mix((uint64_t)i)) * 2.0f - 1.0f;
  }
  shoal_vec_bind(vec, rows, masks, final_rows, final_masks, rewards, ended, discrete, continuous);
  uint64_t digest = 0xCBF29CE484222325u;
  CHECK(shoal_vec_reset(vec, 3, message) == SHOAL_OK, "%s", message);
  for (int32_t step = 0; step < STEPS; step++) {
    if (threads > 1 && step % 2) {
      CHECK(shoal_vec_step_half(vec, 0, message) == SHOAL_OK, "%s", message);
      CHECK(shoal_vec_step_half(vec, 1, message) == SHOAL_OK, "%s", message);
    } else {
      CHECK(shoal_vec_step(vec, message) == SHOAL_OK, "%s", message);
    }
    digest = digest_of(digest, rows, n * spec.row_bytes);
    digest = digest_of(digest, masks, n * spec.mask_bytes);
    digest = digest_of(digest, rewards, 4 * n);
    digest = digest_of(digest, ended, n);
  }
  if (env->has_scripted) { CHECK(shoal_vec_scripted(vec, 0.5f, message) == SHOAL_OK, "%s", message); }
  CHECK(shoal_vec_run(vec, STEPS, CYCLE, discrete, continuous, message) == SHOAL_OK, "%s", message);
  digest = digest_of(digest, shoal_vec_array(vec, 4), ENVS * spec.state_bytes);
  double stats[SHOAL_STATS_SIZE(64)];
  shoal_vec_stats(vec, stats);
  digest = digest_of(digest, stats, 8 * SHOAL_STATS_SIZE(env->num_metrics));
  void *all[] = {params,     shared,      memory, own_memory, rows,       masks,
                 final_rows, final_masks, ended,  rewards,    continuous, discrete};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) { free(all[i]); }
  return digest;
}

int main(void) {
  for (int32_t i = 0; i < shoal_env_count(); i++) {
    const ShoalEnv *env = shoal_env_at(i);
    uint64_t one = run(env, 1, 0), four = run(env, 4, 0), own = run(env, 4, 1);
    CHECK(one == four && one == own, "%s: 1 thread gives %llx, 4 give %llx, and with own parameters %llx", env->name,
          (unsigned long long)one, (unsigned long long)four, (unsigned long long)own);
  }
  return CHECK_RESULT;
}
