// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// From the shards' gradients to new weights: fixed-tree sum, global norm, clipping, Muon or AdamW for each parameter.
#include <string.h>

#include "learn/learner.h"
#include "learn/optimizer.h"

enum { CHUNK = 4096 };  // floats of the gradient that one task sums over the shards

// Sum the shards as a fixed binary tree: shard i takes shard i + stride, for stride 1, 2, 4, …
static void sum_chunk(void *context, int32_t task, int32_t thread) {
  ShoalLearner *learner = context;
  int64_t size = learner->policy->gradient_count, first = (int64_t)task * CHUNK;
  int64_t count = size - first < CHUNK ? size - first : CHUNK;
  (void)thread;
  for (int32_t stride = 1; stride < learner->num_shards; stride *= 2) {
    for (int32_t i = 0; i + stride < learner->num_shards; i += 2 * stride) {
      float *restrict to = learner->gradients + i * size + first;
      const float *restrict from = learner->gradients + (i + stride) * size + first;
      for (int64_t j = 0; j < count; j++) { to[j] += from[j]; }
    }
  }
}

// From the passes' order to the parameter's own: gradients[0] -> gradient; returns the sum of squares of parameter p.
static double unpad(ShoalLearner *learner, int32_t index) {
  const ShoalPolicy *policy = learner->policy;
  const ShoalParameter *p = &policy->parameters[index];
  const float *from = learner->gradients + policy->gradient_offset[index];
  float *to = learner->gradient + p->offset;
  int32_t inner = p->inner, outer = p->columns / inner;
  int64_t step = p->table ? shoal_padded(p->rows) : 1, ld = p->table || p->vector ? 1 : shoal_padded(p->columns);
  double lanes[16] = {0.0}, sum = 0.0;
  for (int32_t r = 0; r < p->rows; r++) {
    float *row = to + (int64_t)r * p->columns;
    for (int32_t a = 0, c = 0; a < outer; a++) {
      for (int32_t b = 0; b < inner; b++, c++) {
        float g = from[r * ld + ((int64_t)b * outer + a) * step];  // as shoal_arrange
        row[c] = g;
        lanes[c & 15] += (double)g * (double)g;
      }
    }
  }
  for (int32_t i = 0; i < 16; i++) { sum += lanes[i]; }
  return sum;
}

typedef struct {
  ShoalLearner *learner;
  float scale, rate;
} Step;

static int32_t uses_muon(const ShoalLearner *learner, const ShoalParameter *p) {
  if (learner->config.optimizer != SHOAL_OPTIMIZER_MUON) { return 0; }
  return p->rule == SHOAL_RULE_MUON || (learner->config.muon_heads && p->head);
}

// One task: one block of one matrix, or a whole parameter under AdamW.
static void update_one(void *context, int32_t task, int32_t thread) {
  const Step *step = context;
  ShoalLearner *learner = step->learner;
  const ShoalTrainConfig *config = &learner->config;
  const ShoalPolicy *policy = learner->policy;
  int32_t index = task / SHOAL_MAX_BLOCKS, block = task % SHOAL_MAX_BLOCKS;
  const ShoalParameter *p = &policy->parameters[index];
  float *w = policy->theta + p->offset, *m = learner->momentum + p->offset;
  const float *g = learner->gradient + p->offset;
  if (uses_muon(learner, p)) {
    int32_t blocks = config->muon_fused_gates ? 1 : p->blocks, rows = p->rows / blocks;
    int64_t at = (int64_t)block * rows * p->columns;
    if (block >= blocks) { return; }
    shoal_muon(w + at, g + at, m + at, rows, p->columns, step->scale, step->rate, config->momentum,
               learner->scratch[thread].muon);
  } else if (block == 0) {
    float ratio = config->optimizer == SHOAL_OPTIMIZER_MUON ? config->adam_ratio : 1.0f;
    shoal_adamw(w, g, m, learner->second + p->offset, (int64_t)p->rows * p->columns, step->scale, step->rate * ratio,
                learner->counters[1]);
  }
}

int32_t shoal_optimize(ShoalLearner *learner, float learning_rate, double *grad_norm, char *message) {
  ShoalPolicy *policy = learner->policy;
  int32_t chunks = (int32_t)((policy->gradient_count + CHUNK - 1) / CHUNK);
  shoal_parallel_staged(learner, SHOAL_STAGE_OPTIMIZE, chunks, sum_chunk, learner);
  double squares = 0.0;
  for (int32_t i = 0; i < policy->num_parameters; i++) {
    double sum = unpad(learner, i);
    if (!(sum - sum == 0.0)) {
      return shoal_complain(message, "a gradient is not finite: %s; the weights keep their last good values",
                            policy->parameters[i].name);
    }
    squares += sum;
  }
  *grad_norm = __builtin_sqrt(squares);
  double limit = (double)learner->config.max_grad_norm;
  Step step = {learner, limit > 0.0 && *grad_norm > limit ? (float)(limit / *grad_norm) : 1.0f, learning_rate};
  learner->counters[1]++;
  shoal_lap(learner->scratch, SHOAL_STAGE_OPTIMIZE);
  shoal_parallel_staged(learner, SHOAL_STAGE_OPTIMIZE, SHOAL_MAX_BLOCKS * policy->num_parameters, update_one, &step);
  shoal_policy_pack(policy);
  shoal_lap(learner->scratch, SHOAL_STAGE_OPTIMIZE);
  return SHOAL_OK;
}
