// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// What normalisation knows: means and variances of vector features, and the scale of returns. Gathered during a rollout
// and merged, in a fixed order, after the update that used the old ones.
//
// Two scales of returns are offered. PAST: the standard deviation of G <- r + gamma (1 - done) G, the discounted sum of
// what a row was paid so far. FUTURE, the default: the root mean square of the discounted
// sum of what a row will be paid within the rollout, which is what values predict. They differ where pay comes at the
// end of a life: there G is 0 but in one step of it, PAST is far too small and values of +-7 drown the policy's
// gradient.
#include "learn/learner.h"

enum { ROWS = 64 };  // rows of one task of the FUTURE sums

int64_t shoal_return_tasks(const ShoalLearner *learner) { return (learner->N + ROWS - 1) / ROWS; }

float shoal_return_scale(const ShoalLearner *learner) {
  double count = learner->returns[0], variance = count > 0 ? learner->returns[2] / count : 0.0;
  return variance > 0.0 && learner->config.normalize_reward ? (float)__builtin_sqrt(variance + 1e-8) : 1.0f;
}

static void sum_future(void *context, int32_t task, int32_t thread) {
  const ShoalLearner *learner = context;
  int32_t last = shoal_mini((task + 1) * ROWS, learner->N);
  double count = 0.0, squares = 0.0;
  (void)thread;
  for (int32_t n = task * ROWS; n < last; n++) {
    float sum = 0.0f;
    for (int64_t s = (int64_t)(n + 1) * learner->T - 1; s >= (int64_t)n * learner->T; s--) {
      sum = learner->rewards[s] + learner->config.gamma * (learner->ended[s] ? 0.0f : sum);
      if (!learner->learn[s]) {
        sum = 0.0f;
        continue;
      }
      count += 1.0;
      squares += (double)sum * (double)sum;
    }
  }
  learner->return_sums[2 * task] = count;
  learner->return_sums[2 * task + 1] = squares;
}

static void merge_future(ShoalLearner *learner) {
  int32_t tasks = (int32_t)shoal_return_tasks(learner);
  shoal_parallel_staged(learner, SHOAL_STAGE_STATISTICS, tasks, sum_future, learner);
  for (int32_t i = 0; i < tasks; i++) {  // about zero: the mean stays 0 and m2 / count is the mean square
    learner->returns[0] += learner->return_sums[2 * i];
    learner->returns[2] += learner->return_sums[2 * i + 1];
  }
}

void shoal_merge_statistics(ShoalLearner *learner) {
  ShoalPolicy *policy = learner->policy;
  int32_t n = policy->normalised, width = n + 1;
  double shift = learner->returns[1];
  for (int32_t b = 0; b < learner->engine->num_blocks; b++) {
    const double *count = learner->block_sums + (int64_t)b * 3 * width, *sum = count + width, *squares = sum + width;
    // All features share one count; each merge needs the old one.
    double before = policy->count[0];
    for (int32_t j = 0; j < n; j++) {
      double old = before;
      shoal_moments_merge(&old, &policy->mean[j], &policy->m2[j], count[0], (double)policy->center[j], sum[j],
                          squares[j]);
    }
    policy->count[0] = before + count[0];
    if (learner->config.normalize_reward != SHOAL_REWARD_FUTURE) {
      shoal_moments_merge(&learner->returns[0], &learner->returns[1], &learner->returns[2], count[n], shift, sum[n],
                          squares[n]);
    }
  }
  if (learner->config.normalize_reward == SHOAL_REWARD_FUTURE) { merge_future(learner); }
  shoal_lap(learner->scratch, SHOAL_STAGE_STATISTICS);
}
