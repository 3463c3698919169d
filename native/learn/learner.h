// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The learner's state and storage. N rows (agents of all environments), T steps, S steps a segment, M = N T / S
// segments. Storage is segment-major: sample (n, t) is at n * T + t, so a segment is contiguous.
#ifndef SHOAL_LEARNER_H
#define SHOAL_LEARNER_H

#include "nn/policy.h"

#include "engine/engine.h"
#include "learn/advantage.h"
#include "learn/heads.h"
#include "learn/normalise.h"
#include "learn/players.h"

// Sums that a shard of a minibatch (or a block of a rollout) leaves, added in a fixed tree.
enum {
  SHOAL_SUM_COUNT = 0,  // learn rows
  SHOAL_SUM_ADVANTAGE,
  SHOAL_SUM_ADVANTAGE2,
  SHOAL_SUM_POLICY_LOSS,
  SHOAL_SUM_VALUE_LOSS,
  SHOAL_SUM_ENTROPY,
  SHOAL_SUM_KL,
  SHOAL_SUM_CLIPPED,
  SHOAL_SUM_RATIO_ERROR,  // a maximum, not a sum
  SHOAL_SUMS = 16
};

// One thread's scratch.
typedef struct {
  ShoalTape tape;
  const uint8_t **rows, **starts;  // pointers of a ShoalBatch
  const float **memory;
  float **memory_out;
  uint8_t *final_rows, *final_masks;
  int32_t *discrete;  // actions as the environment takes them
  float *continuous;
  float *probs, *log_probs;  // (rows of a pass or block, outputs)
  int32_t *index;            // rows of the block that the learner plays
  int16_t *seats;            // (rows,): who made the step
  ShoalTurnScratch turn;     // of the other players
  float *muon;
  double lap, stage_seconds[SHOAL_STAGES];  // when this thread last told its time, and where it went
} ShoalScratch;

struct ShoalLearner {
  ShoalEngine *engine;
  ShoalPolicy *policy;
  ShoalTrainConfig config;
  int32_t N, T, S, M, threads;
  int32_t rows_per_pass;  // of one forward and backward in an update: whole segments
  int32_t batch_segments, shard_segments, num_shards, batches_per_pass;
  // persistent: with the policy and the vec, a complete image between iterations
  int64_t *counters;    // [0] rollouts, [1] minibatches, [2] steps of the vec
  float *momentum;      // (parameter_count,): Muon's m, AdamW's m
  float *second;        // (parameter_count,): AdamW's v
  float *memory;        // (N, state_size)
  float *discounted;    // (N,): G of reward scaling
  double *returns;      // count, mean, M2 of G
  float *guest_memory;  // (N, guest_state): of the other players
  int64_t guest_state;
  // storage of one rollout
  uint8_t *rows;      // (N, T + 1, row_bytes)
  uint8_t *masks;     // (N, T + 1, mask_bytes)
  int32_t *discrete;  // (N, T, heads)
  float *raw;         // (N, T, dims)
  float *log_probs, *values, *rewards, *final_values, *advantages, *targets, *weights, *new_values;  // (N, T)
  uint8_t *ended, *starts, *learn;                                                                   // (N, T)
  float *segment_memory;                                                                             // (M, state_size)
  float *last_values;                                                                                // (N,)
  double *block_sums;    // (blocks, 3 * (normalised + 1)): normaliser statistics of this rollout
  int32_t *block_steps;  // (blocks,): steps taken in this rollout, of environments that are stepped elsewhere
  double *scores;  // (blocks, players, 2): lives that ended against each other player, and the sum of their outcomes
  double *return_sums;  // (shoal_return_tasks, 2): count and sum of squares of future returns
  // an update
  int32_t *order;      // (max(M, batches * batch_segments),): segments of this pass, minibatch by minibatch
  float *importance;   // the same: omega of each
  double *priorities;  // (M,)
  float *gradients;    // (num_shards, gradient_count)
  float *gradient;     // (parameter_count,)
  double *sums;        // (num_shards, SHOAL_SUMS)
  uint8_t *ones;       // (T,): every step starts (a planted fault)
  int64_t scratch_bytes;
  ShoalScratch *scratch;  // (threads,)
  double rollout_seconds;
};

double shoal_seconds(void);
// Count the time since this thread's last lap for a stage. One costs 20 to 50 ns, so: per block and step, not per row.
static inline void shoal_lap(ShoalScratch *scratch, int32_t stage) {
  double now = shoal_seconds();
  scratch->stage_seconds[stage] += now - scratch->lap;
  scratch->lap = now;
}
// shoal_parallel with subnormals flushed to zero in every task (engine/fp.h).
void shoal_parallel_flushed(int32_t threads, int32_t tasks, ShoalTask *task, void *context);
// The same on the learner's threads, counting for `stage` what the tasks' own laps leave.
void shoal_parallel_staged(ShoalLearner *learner, int32_t stage, int32_t tasks, ShoalTask *task, void *context);
float shoal_return_scale(const ShoalLearner *learner);  // what rewards are divided by
int64_t shoal_return_tasks(const ShoalLearner *learner);
void shoal_merge_statistics(ShoalLearner *learner);
// Parts of one update, in the order of their use.
void shoal_compute_advantages(ShoalLearner *learner);
void shoal_draw_pass(ShoalLearner *learner, int32_t pass, double progress);
int32_t shoal_optimize(ShoalLearner *learner, float learning_rate, double *grad_norm, char *message);

#endif
