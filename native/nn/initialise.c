// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Initial weights: orthogonal (Saxe et al. 2014) by Gram-Schmidt, twice for accuracy, in float64 over hash normals, so
// that they have the same bits on every machine (a LAPACK routine's do not).
#include "nn/policy.h"

// A standard normal: Box-Muller's cosine branch on one hash.
static double normal_at(uint64_t seed, uint64_t tensor, uint64_t index) {
  uint64_t hash = shoal_hash(seed, SHOAL_TAG_INIT, tensor, index);
  float u = 1.0f - shoal_uniform_of(hash), v = shoal_uniform_of(hash << 24);
  return (double)(shoal_sqrt(-2.0f * shoal_log(u)) * shoal_cos(2.0f * SHOAL_PI * v));
}

// Orthonormal rows (rows <= columns) or columns (rows > columns), times gain, into w (rows, columns).
static void orthogonal(float *w, int32_t rows, int32_t columns, double gain, uint64_t seed, uint64_t tensor) {
  // `count` vectors of `size`: the short side indexes vectors. Vector i, element j lies at i * a + j * b.
  int32_t count = rows < columns ? rows : columns, size = rows < columns ? columns : rows;
  int64_t a = rows < columns ? columns : 1, b = rows < columns ? 1 : columns;
  double vector[4096 * 4];
  for (int32_t i = 0; i < count; i++) {
    for (int32_t j = 0; j < size; j++) {
      vector[j] = normal_at(seed, tensor, (uint64_t)i * (uint64_t)size + (uint64_t)j);
    }
    for (int32_t pass = 0; pass < 2; pass++) {
      for (int32_t p = 0; p < i; p++) {
        double dot = 0.0;
        for (int32_t j = 0; j < size; j++) { dot += vector[j] * (double)w[p * a + j * b]; }
        for (int32_t j = 0; j < size; j++) { vector[j] -= dot * (double)w[p * a + j * b]; }
      }
    }
    double norm = 0.0;
    for (int32_t j = 0; j < size; j++) { norm += vector[j] * vector[j]; }
    norm = 1.0 / __builtin_sqrt(norm);
    for (int32_t j = 0; j < size; j++) { w[i * a + j * b] = (float)(vector[j] * norm); }
  }
  for (int64_t i = 0; i < (int64_t)rows * columns; i++) { w[i] = (float)((double)w[i] * gain); }
}

void shoal_initialise(ShoalPolicy *policy) {
  uint64_t seed = policy->config.seed;
  int32_t H = policy->hidden;
  for (int32_t i = 0; i < policy->num_parameters; i++) {
    const ShoalParameter *p = &policy->parameters[i];
    int32_t rows = p->rows / p->blocks;
    if (p->spread > 0.0f) {
      float *w = policy->theta + p->offset;
      for (int64_t j = 0; j < (int64_t)p->rows * p->columns; j++) {
        w[j] = p->spread * (float)normal_at(seed, (uint64_t)(i * SHOAL_MAX_BLOCKS), (uint64_t)j);
      }
      continue;
    }
    for (int32_t block = 0; block < p->blocks && p->gain > 0.0f; block++) {
      orthogonal(policy->theta + p->offset + (int64_t)block * rows * p->columns, rows, p->columns, (double)p->gain,
                 seed, (uint64_t)(i * SHOAL_MAX_BLOCKS + block));
    }
  }
  if (policy->log_std >= 0) {
    float *log_std = policy->theta + policy->parameters[policy->log_std].offset;
    for (int32_t d = 0; d < policy->spec.num_dims; d++) { log_std[d] = -0.5f; }
  }
  for (int32_t t = 0; t < policy->trunks && policy->config.core == SHOAL_CORE_LSTM; t++) {
    for (int32_t l = 0; l < policy->layers; l++) {  // a forget gate starts open: its bias is 1
      float *bias = policy->theta + policy->parameters[policy->trunk[t].layers[l].bias].offset + H;
      for (int32_t j = 0; j < H; j++) { bias[j] = 1.0f; }
    }
  }
  if (policy->config.core != SHOAL_CORE_MINGRU || policy->config.gate_tau <= 1.5f) { return; }
  // b_g = logit(1 / tau), tau log-uniform in [1.5, gate_tau] over units: tau - 1 odds against an update.
  for (int32_t t = 0; t < policy->trunks; t++) {
    for (int32_t l = 0; l < policy->layers; l++) {
      int32_t index = policy->trunk[t].layers[l].bias;
      float *bias = policy->theta + policy->parameters[index].offset + H;
      for (int32_t j = 0; j < H; j++) {
        float u = shoal_uniform_of(shoal_hash(seed, SHOAL_TAG_INIT, (uint64_t)(index * SHOAL_MAX_BLOCKS), (uint64_t)j));
        float tau = shoal_exp(shoal_log(1.5f) + u * (shoal_log(policy->config.gate_tau) - shoal_log(1.5f)));
        bias[j] = -shoal_log(tau - 1.0f);
      }
    }
  }
}
