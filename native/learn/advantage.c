// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
#include "learn/advantage.h"

void shoal_advantage(const ShoalAdvantage *config, int32_t steps, const float *rewards, const float *values,
                     const float *final_values, const float *weights, const uint8_t *ended, const uint8_t *learn,
                     float last_value, float *advantages, float *targets) {
  float error = 0.0f, trace = config->gamma * config->gae_lambda;
  for (int32_t t = steps - 1; t >= 0; t--) {
    // In this order a NaN stays one, for the loss to be caught.
    float reward = shoal_min(config->reward_clip, shoal_max(-config->reward_clip, rewards[t] * config->reward_scale));
    float next = t == steps - 1 ? last_value : values[t + 1];
    if (ended[t]) { next = ended[t] & SHOAL_TERMINATED ? 0.0f : final_values[t]; }
    float u = reward + config->gamma * next - values[t];
    float carried = ended[t] ? 0.0f : trace * error;
    error = shoal_min(weights[t], config->rho_clip) * u + shoal_min(weights[t], config->c_clip) * carried;
    float advantage = config->single ? error : u + carried;
    if (!learn[t]) {
      error = 0.0f;
      advantage = 0.0f;
    }
    advantages[t] = advantage;
    targets[t] = values[t] + error;
  }
}
