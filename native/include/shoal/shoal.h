// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The library's plain C interface, as Python binds it (src/shoal/native/structs.py mirrors the structs).
//
// Conventions. Memory belongs to the caller: `*_bytes` says how much an object needs, `*_create` builds it in that
// memory (64-byte aligned, zeroed by the caller), nothing of it is ever freed here (an evaluation allocates and frees a
// workspace of its own). A function that can fail returns SHOAL_OK (a *_bytes function a negative number, a *_create
// function null on failure) and writes one sentence into `message` (SHOAL_MESSAGE bytes) otherwise. One call at a time
// per object. Calls return early, with SHOAL_STOPPED, when *stop becomes non-zero.
#ifndef SHOAL_H
#define SHOAL_H

#include "shoal/vec.h"

#define SHOAL_API __attribute__((visibility("default")))

enum { SHOAL_OK = 0, SHOAL_ERROR = 1, SHOAL_STOPPED = 2 };
enum { SHOAL_MESSAGE = 512 };

// ---------------------------------------------------------------------------------------------------- library

SHOAL_API int32_t shoal_abi(void);
SHOAL_API const char *shoal_isa(void);        // "avx512", "avx2", "generic": what this build was compiled for
SHOAL_API const char *shoal_env_flags(void);  // the compiler's, with which its environments were compiled
SHOAL_API const char *shoal_best_isa(void);   // the best of these that this machine runs
SHOAL_API int32_t shoal_has_bfloat16(void);  // 1: this processor has 16-bit matrix products, and the system grants them
SHOAL_API int32_t shoal_cores(void);         // cores this process may use

// ---------------------------------------------------------------------------------------------------- environments

SHOAL_API int32_t shoal_env_count(void);
SHOAL_API const ShoalEnv *shoal_env_at(int32_t index);
// Fill out (zeroed by the caller) from the params; also completes it: row_bytes is rounded up to a multiple of 4.
// Writes agents and offset into the params' ShoalSizes. observed: rows of the parameter table that are appended to the
// observation, each as a field of one float32 that bears its name.
SHOAL_API int32_t shoal_env_spec(const ShoalEnv *env, void *params, const int32_t *observed, int32_t num_observed,
                                 ShoalSpec *out, char *message);

typedef struct {
  int32_t num_envs, threads;  // threads: 0 = all cores, for single steps as many as pay off
  uint64_t seed;
  int64_t first_index;
  int32_t mode, final_all, max_steps, metric_steps, stagger;  // max_steps, metric_steps: 0 = default, off
  int32_t block;                                              // environments per block; 0 = chosen from the row size
  const volatile int32_t *stop;                               // may be null
  const int32_t *observed;                                    // as shoal_env_spec takes them; copied
  int32_t num_observed;
} ShoalVecConfig;

SHOAL_API int64_t shoal_vec_bytes(const ShoalEnv *env, const void *params, const ShoalVecConfig *config, char *message);
// shared: the environment's Shared block, or null; both it and memory must outlive the vec. params are copied.
SHOAL_API ShoalVec *shoal_vec_create(const ShoalEnv *env, const void *params, const void *shared,
                                     const ShoalVecConfig *config, void *memory, char *message);
// Give every environment Params (and the number of a Shared block) of its own, for now equal ones, in memory of
// shoal_vec_own_bytes that must outlive the vec. Without this all share theirs, which is faster and smaller.
SHOAL_API int64_t shoal_vec_own_bytes(const ShoalEnv *env, int32_t num_envs);
SHOAL_API void shoal_vec_own(ShoalVec *vec, void *memory);
// What environments adopt at their next reset, after shoal_vec_own: params and contexts, which are copied, and shared,
// a table of blocks by number whose last is the newest, and which is read until the next broadcast; blocks that no
// environment names (shoal_vec_array 8) may be freed, and stand in the next table as null. A null table: as before.
SHOAL_API int32_t shoal_vec_broadcast(ShoalVec *vec, const void *params, const ShoalContext *contexts,
                                      int32_t num_contexts, const void *const *shared, int32_t num_shared,
                                      char *message);
// Let several players share the environments, for now player 0 alone, in memory of shoal_vec_seat_bytes that must
// outlive the vec. Who plays the teams of an environment from its next reset on is written to shoal_vec_array 9;
// afterwards statistics are those of player 0.
SHOAL_API int64_t shoal_vec_seat_bytes(const ShoalVec *vec);
SHOAL_API void shoal_vec_seat(ShoalVec *vec, void *memory);
// Bind the step buffers: contiguous arrays over all rows (strides are set here). rows (N, row_bytes) u8, masks
// (N, mask_bytes) u8, final_rows and final_masks like these or both null, rewards (N,) f32, ended (N,) u8,
// discrete (N, heads) i32 and continuous (N, dims) f32, both cleaned in place by a step.
SHOAL_API void shoal_vec_bind(ShoalVec *vec, uint8_t *rows, uint8_t *masks, uint8_t *final_rows, uint8_t *final_masks,
                              float *rewards, uint8_t *ended, int32_t *discrete, float *continuous);
// Start every environment again at episode 0 and observe.
SHOAL_API int32_t shoal_vec_reset(ShoalVec *vec, uint64_t seed, char *message);
// Reset the environments that ended and wait for it (disabled mode): the next episode, as a step would have begun it.
SHOAL_API int32_t shoal_vec_reset_ended(ShoalVec *vec, char *message);
// One step of every environment, over the bound buffers.
SHOAL_API int32_t shoal_vec_step(ShoalVec *vec, char *message);
// `steps` steps with the actions of `cycle` prepared action arrays in turn (discrete (cycle, N, heads), continuous
// (cycle, N, dims)): the engine's own speed, for `bench sim`. Every block runs all its steps while in cache, so blocks
// are at different steps after SHOAL_STOPPED: reset the vec then.
SHOAL_API int32_t shoal_vec_run(ShoalVec *vec, int64_t steps, int32_t cycle, const int32_t *discrete,
                                const float *continuous, char *message);
// The same one step of all environments at a time, over the bound buffers, as a host steps them.
SHOAL_API int32_t shoal_vec_run_in_step(ShoalVec *vec, int64_t steps, int32_t cycle, const int32_t *discrete,
                                        const float *continuous, char *message);
// Time each function of the environment (SHOAL_CALL_*) over the copies of a bound vec of one block and one thread, in
// `samples` samples that lie `steps` steps apart; actions as above. seconds (samples, SHOAL_CALLS + 1): each function
// over all copies, and a whole step. calls, of the same shape: how often each was called, and the resets since the
// sample before.
SHOAL_API int32_t shoal_vec_profile(ShoalVec *vec, int32_t samples, int32_t steps, int32_t cycle,
                                    const int32_t *discrete, const float *continuous, double *seconds, int64_t *calls,
                                    char *message);
// Write the scripted policy's actions for the present states into the bound action buffers.
SHOAL_API int32_t shoal_vec_scripted(ShoalVec *vec, float level, char *message);
// Sums of what was emitted since the last call, SHOAL_STATS_SIZE(metrics) doubles.
SHOAL_API void shoal_vec_stats(ShoalVec *vec, double *out);
// One environment's snapshot: Params, the number of its Shared block, State, accumulators, live, starts. restore
// re-observes it into the bound rows.
SHOAL_API int64_t shoal_vec_snapshot_bytes(const ShoalVec *vec);
SHOAL_API void shoal_vec_snapshot(const ShoalVec *vec, int32_t e, uint8_t *out);
SHOAL_API int32_t shoal_vec_restore(ShoalVec *vec, int32_t e, const uint8_t *in, char *message);
// The snapshots of all environments in order, (num_envs, snapshot bytes). load forgets the statistics that were not
// fetched, and observes nothing.
SHOAL_API void shoal_vec_save(const ShoalVec *vec, uint8_t *out);
SHOAL_API int32_t shoal_vec_load(ShoalVec *vec, const uint8_t *in, char *message);
// Count steps from here on (after shoal_vec_load): shoal_vec_step passes the number to what depends on it.
SHOAL_API void shoal_vec_set_clock(ShoalVec *vec, int64_t clock);
// Emit metrics of lives of the episodes [from, until) alone; returns how many environments are in one of these.
SHOAL_API int32_t shoal_vec_episodes(ShoalVec *vec, uint32_t from, uint32_t until);
// Pointers to the per-row arrays: which = 0 live, 1 starts (u8), 2 returns (f32), 3 lengths (i32),
// 4 states (num_envs, state_bytes) u8, 5 limits (num_envs) i32, 6 waiting (num_envs) u8 or null,
// 7 Params (num_envs, params_bytes) u8, or one for all before shoal_vec_own, 8 numbers of Shared (num_envs) i32 or
// null, and null before shoal_vec_seat: 9 next players (num_envs, teams) i16, 10 players (rows) i16, 11 lives
// (rows, 3 + metrics) f32.
SHOAL_API void *shoal_vec_array(ShoalVec *vec, int32_t which);

// ---------------------------------------------------------------------------------------------------- policies

enum { SHOAL_F32_TENSOR = 0, SHOAL_F64_TENSOR, SHOAL_I64_TENSOR, SHOAL_U8_TENSOR, SHOAL_I32_TENSOR };

enum { SHOAL_NAME = 128 };  // of a tensor's name, with the zero at its end

// A named array inside an object's memory: weights, normaliser, optimizer state.
typedef struct {
  char name[SHOAL_NAME];  // "policy.encoder.weight"
  void *data;
  int32_t dtype, ndim;
  int64_t shape[4];
} ShoalTensor;

enum { SHOAL_CORE_MLP = 0, SHOAL_CORE_MINGRU = 1, SHOAL_CORE_LSTM = 2 };
enum { SHOAL_GRID_ONEHOT = 0, SHOAL_GRID_CONV = 1 };

typedef struct {
  int32_t core, hidden, layers;
  int32_t activation;  // mlp: 0 relu, 1 tanh
  int32_t own_value;   // 1: the value has a trunk of its own
  int32_t normalize;   // 1: vector fields are normalised
  int32_t precision;   // of the factors of matrix products: 0 float32, 1 bfloat16 (where shoal_has_bfloat16)
  int32_t grid;        // how grids are encoded: SHOAL_GRID_*
  float gate_tau;      // mingru: gate biases are logit(1/tau), tau log-uniform in [1.5, gate_tau]; 0: biases 0
  uint64_t seed;       // of the initial weights
} ShoalPolicyConfig;

typedef struct ShoalPolicy ShoalPolicy;

SHOAL_API int64_t shoal_policy_bytes(const ShoalSpec *spec, const ShoalPolicyConfig *config, char *message);
SHOAL_API ShoalPolicy *shoal_policy_create(const ShoalSpec *spec, const ShoalPolicyConfig *config, void *memory,
                                           char *message);
// Weights and normaliser statistics; returns their number (out may be null). After writing to one: shoal_policy_pack.
SHOAL_API int32_t shoal_policy_tensors(ShoalPolicy *policy, ShoalTensor *out, int32_t capacity);
SHOAL_API void shoal_policy_pack(ShoalPolicy *policy);
SHOAL_API int32_t shoal_policy_state_size(const ShoalPolicy *policy);  // floats of recurrent memory per row
SHOAL_API int32_t shoal_policy_outputs(const ShoalPolicy *policy);     // logits and means, in order of heads, dims
// Forward of n rows. state (n, state_size) is read and replaced; starts (n,) u8 or null: rows whose memory is zeroed
// first. logits (n, outputs), values (n,) in scaled units, discrete (n, heads), continuous (n, dims) as the
// environment takes them; each may be null. greedy: 0 samples with hash(seed, ACTION, clock, row).
SHOAL_API int32_t shoal_policy_act(const ShoalPolicy *policy, int32_t n, const uint8_t *rows, const uint8_t *masks,
                                   const uint8_t *starts, float *state, int32_t greedy, uint64_t seed, int64_t clock,
                                   float *logits, float *values, int32_t *discrete, float *continuous, char *message);

enum { SHOAL_PLAYER_SAMPLED = 0, SHOAL_PLAYER_GREEDY = 1, SHOAL_PLAYER_RANDOM = 2, SHOAL_PLAYER_SCRIPTED = 3 };

// Who plays: a policy, sampled or greedy, legal actions at random, or the environment's scripted player of a level.
typedef struct {
  int32_t kind;               // SHOAL_PLAYER_*
  float level;                // of scripted
  const ShoalPolicy *policy;  // of sampled and greedy, else null
} ShoalPlayer;

// Play one whole episode in every environment of the vec (created for this; buffers need not be bound) and add up the
// metrics of every life that ends in it: out as shoal_vec_stats. players (count,): those whom vec->players numbers.
SHOAL_API int32_t shoal_evaluate(ShoalVec *vec, const ShoalPlayer *players, int32_t count, double *out, int64_t *steps,
                                 char *message);

// ---------------------------------------------------------------------------------------------------- learner

enum { SHOAL_OPTIMIZER_MUON = 0, SHOAL_OPTIMIZER_ADAMW = 1 };
enum { SHOAL_SCHEDULE_CONSTANT = 0, SHOAL_SCHEDULE_LINEAR = 1, SHOAL_SCHEDULE_COSINE = 2 };
enum { SHOAL_REWARD_RAW = 0, SHOAL_REWARD_PAST = 1, SHOAL_REWARD_FUTURE = 2 };  // native/learn/statistics.c
enum { SHOAL_ADVANTAGE_SPLIT = 0, SHOAL_ADVANTAGE_SINGLE = 1 };

typedef struct {
  int32_t horizon, segment, minibatch, shard;  // T; S; samples; samples per shard (whole segments)
  int32_t optimizer, schedule, advantage_form, normalize_reward;
  int32_t muon_heads, muon_fused_gates;  // ablations
  float replay_ratio, gamma, gae_lambda, rho_clip, c_clip, advantage_floor;
  float clip_coef, vf_coef, vf_clip, ent_coef, ent_coef_final, ent_coef_continuous, max_grad_norm;  // vf_clip 0: off
  float learning_rate, learning_rate_final, adam_ratio, momentum;
  float priority_alpha, priority_beta, target_kl;  // target_kl 0: off
  int64_t schedule_steps;                          // where schedules end
  uint64_t seed;
  // Who plays where vec->players is not 0, in a table that must outlive the learner, and whose first entry is not used;
  // null: nobody. How they fare is told by the metric `outcome`.
  const ShoalPlayer *players;
  int32_t num_players, outcome;
  int32_t warm;   // 1: statistics were loaded, the first rollout is an ordinary one
  int32_t fault;  // a planted fault, in libraries built for tests; ignored elsewhere
} ShoalTrainConfig;

typedef struct {
  double steps, updates;  // agent steps and minibatches since the run began
  double learning_rate, ent_coef, policy_loss, value_loss, entropy, kl, clip_fraction, explained_variance, grad_norm;
  double first_ratio_error, sigma_return, value_mean;  // value_mean: raw units, over the rollout
  double rollout_seconds, advantage_seconds, update_seconds;
} ShoalLog;

// Where a learner's threads spend their time (shoal_learner_stages). WAIT: between tasks, so also what is done by one
// thread alone, and what the host does between calls.
enum {
  SHOAL_STAGE_WAIT = 0,
  SHOAL_STAGE_GATHER,  // rollout: bookkeeping and normaliser sums
  SHOAL_STAGE_ACT,     // rollout: forward
  SHOAL_STAGE_SAMPLE,  // rollout: actions
  SHOAL_STAGE_SIMULATE,
  SHOAL_STAGE_ADVANTAGE,  // and the order of a pass
  SHOAL_STAGE_FORWARD,    // update
  SHOAL_STAGE_LOSS,
  SHOAL_STAGE_BACKWARD,
  SHOAL_STAGE_OPTIMIZE,
  SHOAL_STAGE_STATISTICS,
  SHOAL_STAGES
};

typedef struct ShoalLearner ShoalLearner;

SHOAL_API int64_t shoal_learner_bytes(const ShoalVec *vec, const ShoalPolicy *policy, const ShoalTrainConfig *config,
                                      char *message);
// The vec must be freshly reset (the learner resets it itself, with stagger as the vec was created).
SHOAL_API ShoalLearner *shoal_learner_create(ShoalVec *vec, ShoalPolicy *policy, const ShoalTrainConfig *config,
                                             void *memory, char *message);
// Observe every environment anew: after shoal_vec_load, before the next rollout.
SHOAL_API void shoal_learner_observe(ShoalLearner *learner);
// Collect one rollout of T steps of every row.
SHOAL_API int32_t shoal_learner_rollout(ShoalLearner *learner, char *message);
// All passes over it; without effect on the weights for the statistics-gathering first rollout.
SHOAL_API int32_t shoal_learner_update(ShoalLearner *learner, ShoalLog *log, char *message);
// Seconds since the last call that the threads together spent in each stage, (SHOAL_STAGES,).
SHOAL_API void shoal_learner_stages(ShoalLearner *learner, double *out);
// Optimizer state, return statistics, counters, memories: with the policy's tensors and the vec, a complete image.
SHOAL_API int32_t shoal_learner_tensors(ShoalLearner *learner, ShoalTensor *out, int32_t capacity);

// ---------------------------------------------------------------------------------------------------- other learners

// Draw the actions of n rows, numbered from `first`, as the native learner draws them: hash(seed, ACTION, clock, row).
// outputs: logits of all heads, then means; `stride` floats from row to row. log_std (dims,) as stored. masks (n,
// mask_bytes). live (n,): rows of absent agents take action 0; null: all are live. discrete (n, heads), raw (n, dims),
// continuous (n, dims) as the environment takes it, log_probs (n,) =.
SHOAL_API int32_t shoal_draw_actions(const ShoalSpec *spec, int32_t threads, int32_t n, int64_t first,
                                     const float *outputs, int64_t stride, const float *log_std, const uint8_t *masks,
                                     const uint8_t *live, int32_t greedy, uint64_t seed, int64_t clock,
                                     int32_t *discrete, float *raw, float *continuous, float *log_probs, char *message);
// The order (count,) = of a pass's segments and their importance weights (count,) =. With alpha > 0 by priority:
// priorities (count,) hold sums of |advantage| and are overwritten; else they may be null.
SHOAL_API void shoal_draw_segments(uint64_t seed, int64_t iteration, int32_t pass, int32_t count, double alpha,
                                   double beta, double *priorities, int32_t *order, float *importance);
// What one step of an LSTM does beside its products, for `rows` rows of `hidden` <= 4096 units, all contiguous. gates
// (rows, 4 hidden): pre-activations in, activations out. before: c before the step, taken as 0 where `starts` is set.
// cells, squashed, y =: c, tanh(c), h. carried =: h as the next step sees it, 0 where `next` is set; `next` (the starts
// of that step) null: not written.
SHOAL_API void shoal_lstm_step(float *gates, const float *before, const uint8_t *starts, const uint8_t *next,
                               float *cells, float *squashed, float *y, float *carried, int32_t rows, int32_t hidden);
// Its gradients. gates, before, squashed, starts as they were; dy: of y; dh: of `carried`, not read where `next` is set
// or null; dc: of c after the step in, before it out; dgates =: of the pre-activations; dbias (4 hidden) += their sum.
SHOAL_API void shoal_lstm_step_back(const float *gates, const float *before, const float *squashed,
                                    const uint8_t *starts, const uint8_t *next, const float *dy, const float *dh,
                                    float *dc, float *dgates, float *dbias, int32_t rows, int32_t hidden);
// What a minGRU layer does beside its products, for `steps` steps of `rows` rows of `hidden` <= 4096 units, all
// contiguous, time first. gates (steps, rows, 3 hidden): pre-activations in, (k, z, q) out (native/nn/mingru.c). state
// (rows, hidden) before the first step, taken as 0 where `starts` (steps, rows) is set. states, y =: s, and what the
// layer gives.
SHOAL_API void shoal_mingru_sequence(float *gates, const float *x, const float *state, const uint8_t *starts,
                                     float *states, float *y, int32_t steps, int32_t rows, int32_t hidden);
// Its gradients. dy: of y in, of x past the products out; carry (rows, hidden): scratch; dgates =: of pre-activations.
SHOAL_API void shoal_mingru_sequence_back(const float *gates, const float *x, const float *state, const uint8_t *starts,
                                          const float *states, float *dy, float *carry, float *dgates, int32_t steps,
                                          int32_t rows, int32_t hidden);

#endif
