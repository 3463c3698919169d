// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// From a policy's outputs to actions, log-probabilities, entropies and their gradients. One row at a time: `out` holds
// the logits of every discrete head, then the means of the continuous dimensions. Log-probabilities and entropies of
// heads and dimensions add. Masked logits take no part in anything. Continuous dimensions are Gaussian with a
// state-independent log-std within [-4, 0.5], live in [-1, 1], and are scored on the raw, unclipped sample.
#ifndef SHOAL_HEADS_H
#define SHOAL_HEADS_H

#include "nn/policy.h"

// Log-probabilities and probabilities (0 where illegal) of all heads of `rows` rows, into probs and log_probs
// (rows, outputs). out has row length ldo; masks are mask_stride bytes apart.
void shoal_heads_softmax(const ShoalPolicy *policy, const float *out, int64_t ldo, const uint8_t *masks,
                         int64_t mask_stride, int32_t rows, float *probs, float *log_probs);

// Draw (or, if greedy, choose the likeliest) action. discrete (heads,), raw (dims,): the unclipped sample. Random
// numbers: hash(seed, ACTION, clock, row * 64 + head), or + 32 + dimension. probs and log_probs: this row of
// shoal_heads_softmax. Returns the log-probability.
float shoal_heads_sample(const ShoalPolicy *policy, const float *out, const float *probs, const float *log_probs,
                         const uint8_t *mask, int32_t greedy, uint64_t seed, uint64_t clock, uint64_t row,
                         int32_t *discrete, float *raw);

// What the environment receives for a raw sample: clipped to [-1, 1], then mapped to the declared bounds.
void shoal_heads_action(const ShoalPolicy *policy, const float *raw, float *continuous);

typedef struct {
  float log_prob, entropy, entropy_continuous;
} ShoalScore;

// Score a stored action. probs, log_probs: this row of shoal_heads_softmax; the entries of probs beyond the logits are
// set to (x - mean) / std.
ShoalScore shoal_heads_score(const ShoalPolicy *policy, const float *out, const uint8_t *mask, const int32_t *discrete,
                             const float *raw, float *probs, const float *log_probs);

// Gradient with respect to the outputs of  dlogp * log_prob + dentropy * entropy, after shoal_heads_score; written to
// dout (outputs,). Adds the gradient with respect to log_std (also of dentropy_continuous) to dlog_std (dims,).
void shoal_heads_backward(const ShoalPolicy *policy, const uint8_t *mask, const int32_t *discrete, const float *probs,
                          const float *log_probs, float dlogp, float dentropy, float dentropy_continuous, float *dout,
                          float *dlog_std);

#endif
