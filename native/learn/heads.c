// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
#include "learn/heads.h"

#define LOG_2PI_HALF 0.918938533f

static inline const uint8_t *mask_of(const ShoalPolicy *policy, int32_t head, const uint8_t *mask) {
  return policy->spec.heads[head].masked && !SHOAL_FAULT(policy, MASK_IGNORED) ? mask : 0;
}

// ---------------------------------------------------------------------------------------------------- probabilities

enum { SIDE = 16 };  // rows that go through a softmax side by side, as lanes of vectors

// Element i of `rows` rows, side by side; the last row fills the rest.
static inline void take(float *restrict to, const float *from, int64_t ld, int32_t rows, int32_t i) {
  for (int32_t r = 0; r < SIDE; r++) { to[r] = from[(r < rows ? r : rows - 1) * ld + i]; }
}

// One head of at most SIDE rows. Lanes are independent and run the same operations, so a row's bits do not depend on
// its neighbours.
static void softmax(const float *out, int64_t ldo, const uint8_t *mask, int64_t mask_stride, int32_t rows, int32_t size,
                    float *probs, float *log_probs, int64_t ld) {
  float logit[SIDE], top[SIDE], sum[SIDE] = {0.0f}, log_sum[SIDE], e[SIDE];
  int32_t legal[SIDE];
  for (int32_t r = 0; r < SIDE; r++) {
    top[r] = -3.4e38f;
    legal[r] = 1;
  }
  for (int32_t i = 0; i < size; i++) {
    take(logit, out, ldo, rows, i);
    for (int32_t r = 0; mask && r < rows; r++) { legal[r] = mask[r * mask_stride + i]; }
    for (int32_t r = 0; r < SIDE; r++) { top[r] = legal[r] && logit[r] > top[r] ? logit[r] : top[r]; }
  }
  for (int32_t i = 0; i < size; i++) {
    take(logit, out, ldo, rows, i);
    for (int32_t r = 0; mask && r < rows; r++) { legal[r] = mask[r * mask_stride + i]; }
    for (int32_t r = 0; r < SIDE; r++) {
      e[r] = shoal_exp(logit[r] - top[r]);
      e[r] = legal[r] ? e[r] : 0.0f;
      sum[r] += e[r];
    }
    for (int32_t r = 0; r < rows; r++) { probs[r * ld + i] = e[r]; }
  }
  for (int32_t r = 0; r < SIDE; r++) {
    log_sum[r] = shoal_log(sum[r]);
    sum[r] = 1.0f / sum[r];
  }
  for (int32_t i = 0; i < size; i++) {
    for (int32_t r = 0; r < rows; r++) {
      probs[r * ld + i] *= sum[r];
      log_probs[r * ld + i] = out[r * ldo + i] - top[r] - log_sum[r];
    }
  }
}

void shoal_heads_softmax(const ShoalPolicy *policy, const float *out, int64_t ldo, const uint8_t *masks,
                         int64_t mask_stride, int32_t rows, float *probs, float *log_probs) {
  int32_t ld = policy->outputs;
  for (int32_t first = 0; first < rows; first += SIDE) {
    const float *from = out + first * ldo;
    const uint8_t *mask = masks + first * mask_stride;
    int64_t at = (int64_t)first * ld;
    for (int32_t h = 0; h < policy->spec.num_heads; h++) {
      int32_t size = policy->spec.heads[h].size;
      softmax(from, ldo, mask_of(policy, h, mask), mask_stride, shoal_mini(SIDE, rows - first), size, probs + at,
              log_probs + at, ld);
      from += size;
      at += size;
      mask += policy->spec.heads[h].masked ? size : 0;
    }
  }
}

// ---------------------------------------------------------------------------------------------------- actions

static inline float std_of(const ShoalPolicy *policy, int32_t dim, float *log_std) {
  float raw = policy->theta[policy->parameters[policy->log_std].offset + dim];
  *log_std = shoal_clamp(raw, -4.0f, 0.5f);
  return shoal_exp(*log_std);
}

static inline float scored(const ShoalPolicy *policy, float raw) {
  return SHOAL_FAULT(policy, CLIPPED_SCORED) ? shoal_clamp(raw, -1.0f, 1.0f) : raw;
}

float shoal_heads_sample(const ShoalPolicy *policy, const float *out, const float *probs, const float *log_probs,
                         const uint8_t *mask, int32_t greedy, uint64_t seed, uint64_t clock, uint64_t row,
                         int32_t *discrete, float *raw) {
  float total = 0.0f;
  for (int32_t h = 0; h < policy->spec.num_heads; h++) {
    int32_t size = policy->spec.heads[h].size, chosen = -1;
    const uint8_t *legal = mask_of(policy, h, mask);
    if (greedy) {
      for (int32_t i = 0; i < size; i++) {
        if ((!legal || legal[i]) && (chosen < 0 || out[i] > out[chosen])) { chosen = i; }
      }
    } else {
      float u = shoal_uniform_of(shoal_hash(seed, SHOAL_TAG_ACTION, clock, row * 64 + (uint64_t)h)), cumulative = 0.0f;
      for (int32_t i = 0; i < size; i++) {
        if (legal && !legal[i]) { continue; }
        chosen = i;  // the last legal one if rounding leaves the sum below u
        cumulative += probs[i];
        if (cumulative > u) { break; }
      }
    }
    discrete[h] = chosen < 0 ? 0 : chosen;
    if (!(SHOAL_FAULT(policy, HEAD_LEFT_OUT) && h == policy->spec.num_heads - 1)) { total += log_probs[discrete[h]]; }
    out += size;
    probs += size;
    log_probs += size;
    mask += policy->spec.heads[h].masked ? size : 0;
  }
  for (int32_t d = 0; d < policy->spec.num_dims; d++) {
    float log_std, std = std_of(policy, d, &log_std), normal = 0.0f;
    if (!greedy) {
      uint64_t hash = shoal_hash(seed, SHOAL_TAG_ACTION, clock, row * 64 + 32 + (uint64_t)d);
      float u = 1.0f - shoal_uniform_of(hash), v = shoal_uniform_of(hash << 24);
      normal = shoal_sqrt(-2.0f * shoal_log(u)) * shoal_cos(2.0f * SHOAL_PI * v);
    }
    raw[d] = out[d] + std * normal;
    float z = (scored(policy, raw[d]) - out[d]) / std;
    total += -0.5f * z * z - log_std - LOG_2PI_HALF;
  }
  return total;
}

void shoal_heads_action(const ShoalPolicy *policy, const float *raw, float *continuous) {
  for (int32_t d = 0; d < policy->spec.num_dims; d++) {
    float low = policy->spec.dims[d].low, high = policy->spec.dims[d].high;
    float unit = (shoal_clamp(raw[d], -1.0f, 1.0f) + 1.0f) * 0.5f;
    continuous[d] = shoal_clamp(low + unit * (high - low), low, high);
  }
}

ShoalScore shoal_heads_score(const ShoalPolicy *policy, const float *out, const uint8_t *mask, const int32_t *discrete,
                             const float *raw, float *probs, const float *log_probs) {
  ShoalScore score = {0.0f, 0.0f, 0.0f};
  for (int32_t h = 0; h < policy->spec.num_heads; h++) {
    int32_t size = policy->spec.heads[h].size;
    const uint8_t *legal = mask_of(policy, h, mask);
    if (!(SHOAL_FAULT(policy, HEAD_LEFT_OUT) && h == policy->spec.num_heads - 1)) {
      score.log_prob += log_probs[discrete[h]];
    }
    for (int32_t i = 0; i < size; i++) { score.entropy -= !legal || legal[i] ? probs[i] * log_probs[i] : 0.0f; }
    out += size;
    probs += size;
    log_probs += size;
    mask += policy->spec.heads[h].masked ? size : 0;
  }
  for (int32_t d = 0; d < policy->spec.num_dims; d++) {
    float log_std, std = std_of(policy, d, &log_std), z = (scored(policy, raw[d]) - out[d]) / std;
    probs[d] = z;
    score.log_prob += -0.5f * z * z - log_std - LOG_2PI_HALF;
    score.entropy_continuous += 0.5f + LOG_2PI_HALF + log_std;
  }
  return score;
}

void shoal_heads_backward(const ShoalPolicy *policy, const uint8_t *mask, const int32_t *discrete, const float *probs,
                          const float *log_probs, float dlogp, float dentropy, float dentropy_continuous, float *dout,
                          float *dlog_std) {
  for (int32_t h = 0; h < policy->spec.num_heads; h++) {
    int32_t size = policy->spec.heads[h].size;
    const uint8_t *legal = mask_of(policy, h, mask);
    float entropy = 0.0f, d = SHOAL_FAULT(policy, HEAD_LEFT_OUT) && h == policy->spec.num_heads - 1 ? 0.0f : dlogp;
    for (int32_t i = 0; i < size; i++) { entropy -= !legal || legal[i] ? probs[i] * log_probs[i] : 0.0f; }
    for (int32_t i = 0; i < size; i++) {
      // d log p_a / d l_i = [i = a] - p_i;  d H / d l_i = -p_i (log p_i + H)
      float slope = d * ((i == discrete[h] ? 1.0f : 0.0f) - probs[i]) - dentropy * probs[i] * (log_probs[i] + entropy);
      dout[i] = !legal || legal[i] ? slope : 0.0f;
    }
    dout += size;
    probs += size;
    log_probs += size;
    mask += policy->spec.heads[h].masked ? size : 0;
  }
  for (int32_t d = 0; d < policy->spec.num_dims; d++) {
    float log_std, std = std_of(policy, d, &log_std), z = probs[d];
    float raw = policy->theta[policy->parameters[policy->log_std].offset + d];
    dout[d] = dlogp * z / std;
    if (raw >= -4.0f && raw <= 0.5f) { dlog_std[d] += dlogp * (z * z - 1.0f) + dentropy_continuous; }
  }
}
