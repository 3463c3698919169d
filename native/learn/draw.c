// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Which segments a pass trains on, minibatch by minibatch, and with what weight.
#include <string.h>

#include "learn/learner.h"

// x^p for x >= 0, by exp and log in float64 series: used on M numbers a pass, so plain and exact enough.
static double power(double x, double p) { return x > 0.0 ? __builtin_pow(x, p) : 0.0; }

// Fisher-Yates over order, importance staying with its segment; random numbers: hash(seed, BATCH, iteration, pass).
static void permute(int32_t *order, float *importance, int32_t n, uint64_t key) {
  for (int32_t i = n - 1; i > 0; i--) {
    uint64_t hash = shoal_mix(key + 0x9E3779B97F4A7C15u * (uint64_t)i);
    int32_t j = (int32_t)(((hash >> 32) * (uint64_t)(uint32_t)(i + 1)) >> 32);
    int32_t segment = order[i];
    float weight = importance[i];
    order[i] = order[j];
    importance[i] = importance[j];
    order[j] = segment;
    importance[j] = weight;
  }
}

void shoal_draw_pass(ShoalLearner *learner, int32_t pass, double progress) {
  int32_t M = learner->M, S = learner->S;
  uint64_t key = shoal_hash(learner->config.seed, SHOAL_TAG_BATCH, (uint64_t)learner->counters[0], (uint64_t)pass);
  double alpha = (double)learner->config.priority_alpha, total = 0.0;
  for (int32_t i = 0; i < M; i++) {
    learner->order[i] = i;
    learner->importance[i] = 1.0f;
  }
  if (alpha > 0.0) {
    for (int32_t i = 0; i < M; i++) {
      double sum = 0.0;
      for (int64_t s = (int64_t)i * S; s < (int64_t)(i + 1) * S; s++) {
        sum += learner->learn[s] ? (double)shoal_abs(learner->advantages[s]) : 0.0;
      }
      learner->priorities[i] = power(sum, alpha);
      total += learner->priorities[i];
    }
  }
  if (total > 0.0) {
    // Systematic resampling: M evenly spaced points with one random offset over the cumulative sum.
    double beta = (double)learner->config.priority_beta;
    beta += (1.0 - beta) * (progress < 1.0 ? progress : 1.0);
    double offset = (double)shoal_uniform_of(shoal_mix(key ^ 0xD1B54A32D192ED03u)), cumulative = 0.0;
    int32_t segment = -1;
    for (int32_t i = 0; i < M; i++) {
      double point = ((double)i + offset) / (double)M * total;
      while (segment < M - 1 && (segment < 0 || cumulative <= point)) { cumulative += learner->priorities[++segment]; }
      learner->order[i] = segment;
      learner->importance[i] = (float)__builtin_pow((double)M * learner->priorities[segment] / total, -beta);
    }
  }
  permute(learner->order, learner->importance, M, key);
}
