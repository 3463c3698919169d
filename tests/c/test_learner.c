// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// A few iterations of training and an evaluation on several threads, for the sanitizers; the weights must have the
// same bytes as on one thread. The environments differ in heads, masks, dimensions and absent agents.
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "check.h"
#include "params.h"
#include "shoal/shoal.h"

enum { ENVS = 64, ITERATIONS = 3, TENSORS = 64 };

static void *lines(int64_t bytes) {
  size_t whole = ((size_t)bytes + 64) / 64 * 64;
  void *memory = aligned_alloc(64, whole);
  memset(memory, 0, whole);
  return memory;
}

static const ShoalEnv *find(const char *name) {
  for (int32_t i = 0; i < shoal_env_count(); i++) {
    if (strcmp(shoal_env_at(i)->name, name) == 0) { return shoal_env_at(i); }
  }
  return NULL;
}

static uint64_t digest_of(ShoalTensor *tensors, int32_t count) {
  static const int64_t bytes_of[] = {4, 8, 8, 1};  // in order of dtype
  uint64_t digest = 0xCBF29CE484222325u;
  for (int32_t i = 0; i < count; i++) {
    int64_t bytes = bytes_of[tensors[i].dtype];
    for (int32_t d = 0; d < tensors[i].ndim; d++) { bytes *= tensors[i].shape[d]; }
    for (int64_t b = 0; b < bytes; b++) { digest = (digest ^ ((uint8_t *)tensors[i].data)[b]) * 0x100000001B3u; }
  }
  return digest;
}

enum { PLAYERS = 4 };

// Let others play some environments: the numbers of a table of the learner, a policy, random and scripted moves.
static void *seat(ShoalVec *vec) {
  void *memory = lines(shoal_vec_seat_bytes(vec));
  shoal_vec_seat(vec, memory);
  for (int32_t e = 0; e < ENVS; e++) {
    for (int32_t t = 0; t < vec->teams; t++) { vec->next_players[e * vec->teams + t] = (int16_t)((e + t) % PLAYERS); }
  }
  return memory;
}

static uint64_t train(const ShoalEnv *env, int32_t core, int32_t threads) {
  char message[SHOAL_MESSAGE] = "";
  ShoalSpec spec = {0};
  uint8_t *params = lines(env->params_bytes);
  fill_params(env, params);
  CHECK(shoal_env_spec(env, params, NULL, 0, &spec, message) == SHOAL_OK, "%s", message);
  ShoalVecConfig config = {.num_envs = ENVS, .threads = threads, .seed = 3, .stagger = 1, .max_steps = 40};
  config.block = 9;  // several blocks, the last one smaller
  void *vec_memory = lines(shoal_vec_bytes(env, params, &config, message));
  ShoalVec *vec = shoal_vec_create(env, params, NULL, &config, vec_memory, message);
  CHECK(vec != NULL, "%s", message);

  ShoalPolicyConfig shape = {.core = core, .hidden = 24, .layers = 2, .normalize = 1, .gate_tau = 16, .seed = 4};
  shape.grid = core == SHOAL_CORE_MINGRU ? SHOAL_GRID_CONV : SHOAL_GRID_ONEHOT;
  int64_t policy_bytes = shoal_policy_bytes(&spec, &shape, message);
  CHECK(policy_bytes > 0, "%s", message);
  void *policy_memory = lines(policy_bytes);
  ShoalPolicy *policy = shoal_policy_create(&spec, &shape, policy_memory, message);

  ShoalPolicyConfig small = {.core = SHOAL_CORE_LSTM, .hidden = 7, .layers = 1, .normalize = 1, .seed = 6};
  void *other_memory = lines(shoal_policy_bytes(&spec, &small, message));
  ShoalPlayer players[PLAYERS] = {
      {SHOAL_PLAYER_SAMPLED, 1.0f, policy},
      {SHOAL_PLAYER_SAMPLED, 1.0f, shoal_policy_create(&spec, &small, other_memory, message)},
      {SHOAL_PLAYER_RANDOM, 1.0f, NULL},
      {env->has_scripted ? SHOAL_PLAYER_SCRIPTED : SHOAL_PLAYER_RANDOM, 0.5f, NULL}};
  void *seats = seat(vec);

  int32_t samples = ENVS * spec.agents * 16;
  ShoalTrainConfig settings = {.horizon = 16,
                               .segment = 8,
                               .minibatch = samples / 4,
                               .shard = samples / 16,  // four shards a minibatch
                               .schedule = SHOAL_SCHEDULE_COSINE,
                               .normalize_reward = 1,
                               .replay_ratio = 1.5f,
                               .gamma = 0.99f,
                               .gae_lambda = 0.95f,
                               .rho_clip = 1,
                               .c_clip = 1,
                               .clip_coef = 0.2f,
                               .vf_coef = 1,
                               .ent_coef = 0.005f,
                               .ent_coef_final = 0.0005f,
                               .max_grad_norm = 1,
                               .learning_rate = 0.015f,
                               .adam_ratio = 0.1f,
                               .momentum = 0.95f,
                               .priority_alpha = 0.5f,
                               .priority_beta = 0.4f,
                               .schedule_steps = 100000,
                               .seed = 5,
                               .players = players,
                               .num_players = PLAYERS};
  int64_t learner_bytes = shoal_learner_bytes(vec, policy, &settings, message);
  CHECK(learner_bytes > 0, "%s", message);
  void *learner_memory = lines(learner_bytes);
  ShoalLearner *learner = shoal_learner_create(vec, policy, &settings, learner_memory, message);
  CHECK(learner != NULL, "%s", message);
  ShoalLog log = {0};
  uint8_t *image = lines(ENVS * shoal_vec_snapshot_bytes(vec));
  for (int32_t i = 0; i < ITERATIONS; i++) {
    if (threads > 1) {  // to save, to load and to observe again changes nothing
      shoal_vec_save(vec, image);
      CHECK(shoal_vec_load(vec, image, message) == SHOAL_OK, "%s", message);
      shoal_learner_observe(learner);
    }
    CHECK(shoal_learner_rollout(learner, message) == SHOAL_OK, "%s", message);
    CHECK(shoal_learner_update(learner, &log, message) == SHOAL_OK, "%s", message);
  }
  CHECK(log.updates > 0 && isfinite(log.policy_loss), "%s: %g updates, loss %g", env->name, log.updates,
        log.policy_loss);
  CHECK(log.first_ratio_error < 1e-4, "%s: first_ratio_error=%g", env->name, log.first_ratio_error);

  ShoalTensor tensors[TENSORS];
  uint64_t digest = digest_of(tensors, shoal_policy_tensors(policy, tensors, TENSORS));
  double stats[SHOAL_STATS_SIZE(64)];
  int64_t steps = 0;
  config.stagger = 0;  // an evaluation plays whole episodes
  vec = shoal_vec_create(env, params, NULL, &config, vec_memory, message);
  int32_t code = shoal_evaluate(vec, players, 1, stats, &steps, message);
  CHECK(code == SHOAL_OK && steps > 0, "%s: %s", env->name, message);
  double alone = stats[SHOAL_STATS_LIVES];
  free(seats);
  seats = seat(vec);
  code = shoal_evaluate(vec, players, PLAYERS, stats, &steps, message);
  CHECK(code == SHOAL_OK && stats[SHOAL_STATS_LIVES] < alone, "%s: %g of %g lives are player 0's: %s", env->name,
        stats[SHOAL_STATS_LIVES], alone, message);
  void *all[] = {params, vec_memory, policy_memory, other_memory, learner_memory, image, seats};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) { free(all[i]); }
  return digest;
}

int main(void) {
  const char *names[] = {"template", "masked", "mixed", "crowd", "squared", "sights"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const ShoalEnv *env = find(names[i]);
    CHECK(env != NULL, "no environment is called %s", names[i]);
    for (int32_t core = SHOAL_CORE_MLP; env && core <= SHOAL_CORE_LSTM; core++) {
      uint64_t one = train(env, core, 1), four = train(env, core, 4);
      CHECK(one == four, "%s, core %d: other weights on 4 threads than on 1", names[i], core);
    }
  }
  return CHECK_RESULT;
}
