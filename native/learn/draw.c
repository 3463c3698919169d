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

void shoal_draw_segments(uint64_t seed, int64_t iteration, int32_t pass, int32_t count, double alpha, double beta,
                         double *priorities, int32_t *order, float *importance) {
  uint64_t key = shoal_hash(seed, SHOAL_TAG_BATCH, (uint64_t)iteration, (uint64_t)pass);
  double total = 0.0;
  for (int32_t i = 0; i < count; i++) {
    order[i] = i;
    importance[i] = 1.0f;
  }
  for (int32_t i = 0; alpha > 0.0 && i < count; i++) {
    priorities[i] = power(priorities[i], alpha);
    total += priorities[i];
  }
  if (total > 0.0) {
    // Systematic resampling: `count` evenly spaced points with one random offset over the cumulative sum.
    double offset = (double)shoal_uniform_of(shoal_mix(key ^ 0xD1B54A32D192ED03u)), cumulative = 0.0;
    int32_t segment = -1;
    for (int32_t i = 0; i < count; i++) {
      double point = ((double)i + offset) / (double)count * total;
      while (segment < count - 1 && (segment < 0 || cumulative <= point)) { cumulative += priorities[++segment]; }
      order[i] = segment;
      importance[i] = (float)__builtin_pow((double)count * priorities[segment] / total, -beta);
    }
  }
  permute(order, importance, count, key);
}

void shoal_draw_pass(ShoalLearner *learner, int32_t pass, double progress) {
  const ShoalTrainConfig *config = &learner->config;
  double alpha = (double)config->priority_alpha, beta = (double)config->priority_beta;
  for (int32_t i = 0; alpha > 0.0 && i < learner->M; i++) {
    double sum = 0.0;
    for (int64_t s = (int64_t)i * learner->S; s < (int64_t)(i + 1) * learner->S; s++) {
      sum += learner->learn[s] ? (double)shoal_abs(learner->advantages[s]) : 0.0;
    }
    learner->priorities[i] = sum;
  }
  beta += (1.0 - beta) * (progress < 1.0 ? progress : 1.0);
  shoal_draw_segments(config->seed, learner->counters[0], pass, learner->M, alpha, beta, learner->priorities,
                      learner->order, learner->importance);
}
