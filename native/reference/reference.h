// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Every operation of the learner in float64, written to be read: plain loops, no vectors, no threads, no allocation.
// tests/native compares each with an independent oracle, and the fast float32 versions in nn/ and learn/ with each.
//
// Shape letters: n samples (B segments of S steps, segment-major: sample b * S + t), D dense features (vector and flag
// fields), K one-hot features (grid and category fields), H hidden, L layers, O outputs (logits of all heads in order,
// then the means of the continuous dimensions). Matrices are row-major; a weight is (outputs, inputs).
// "=" in a comment: the array is overwritten; "+=": added to.
#ifndef SHOAL_REFERENCE_H
#define SHOAL_REFERENCE_H

#include "shoal/shoal.h"

#define SHOAL_REF_EPSILON 1e-8  // of the advantage's standard deviation, the return's variance and AdamW

// ---------------------------------------------------------------------------------------------------- linear.c

// y (n, out) = x (n, in) w^T + b, w (out, in), b (out,) or null. accumulate: += instead of =.
SHOAL_API void shoal_ref_linear(int64_t n, int32_t in, int32_t out, const double *x, const double *w, const double *b,
                                int32_t accumulate, double *y);
// From dy (n, out): dx (n, in) = dy w, dw (out, in) += dy^T x, db (out,) += column sums of dy; dx, db may be null.
SHOAL_API void shoal_ref_linear_backward(int64_t n, int32_t in, int32_t out, const double *x, const double *w,
                                         const double *dy, double *dx, double *dw, double *db);

// ---------------------------------------------------------------------------------------------------- encoding.c

// An encoder with parameters of its own, for one field (encoders.c).
enum { SHOAL_REF_EMBEDDING = 0, SHOAL_REF_CONV = 1, SHOAL_REF_ENTITIES = 2 };
enum { SHOAL_REF_OWN = 8 };
typedef struct {
  int32_t kind, rows, columns, channels, categories;
} ShoalRefEncoder;

// The number of dense features D, of one-hot features K, and of own inputs X; encoders (SHOAL_REF_OWN,): the own ones.
// grid: SHOAL_GRID_*. Returns the number of these, -1 for a field kind without an encoder.
SHOAL_API int32_t shoal_ref_features(const ShoalSpec *spec, int32_t grid, int32_t *dense, int32_t *hot, int32_t *own,
                                     ShoalRefEncoder *encoders);
// rows (n, row_bytes) -> dense (n, D) =, hot (n, K) =, own (n, X) =. mean, sigma (D,) are read at vector features,
// null: raw. Own inputs are a field's elements, of a set behind the number of valid entities.
SHOAL_API void shoal_ref_encode(const ShoalSpec *spec, int32_t grid, int64_t n, const uint8_t *rows, const double *mean,
                                const double *sigma, double *dense, double *hot, double *own);

// ---------------------------------------------------------------------------------------------------- encoders.c

// Numbers that an encoder reads of a sample; its parameters, for hidden units H; doubles of work.
//   embedding   table (elements * categories, H)
//   conv        kernel (32, channels * categories, 3, 3), bias (32,), kernel (32, 32, 3, 3), bias (32,), project (H, 32
//   *
//               rows * columns), its columns channel by channel
//   entities    map (32, columns * channels), bias (32,), project (H, 32)
SHOAL_API int64_t shoal_ref_encoder_inputs(const ShoalRefEncoder *e);
SHOAL_API int64_t shoal_ref_encoder_params(const ShoalRefEncoder *e, int32_t hidden);
SHOAL_API int64_t shoal_ref_encoder_work(const ShoalRefEncoder *e, int32_t hidden);
// y (n, H) += what n samples give; sample i begins at x + i * stride.
SHOAL_API void shoal_ref_encoder(const ShoalRefEncoder *e, int32_t hidden, int64_t n, int64_t stride, const double *x,
                                 const double *params, double *y, double *work);
// From dy (n, H): dparams +=.
SHOAL_API void shoal_ref_encoder_backward(const ShoalRefEncoder *e, int32_t hidden, int64_t n, int64_t stride,
                                          const double *x, const double *params, const double *dy, double *dparams,
                                          double *work);

// ---------------------------------------------------------------------------------------------------- mingru.c

// One layer over B segments: x (B, S, H), starts (B, S), state (B, H) before the first step, w (3H, H) and b (3H,) with
// the blocks k, g, p. gates (B, S, 3H) = pre-activations, memory (B, S, H) = s after each step, y (B, S, H) =.
SHOAL_API void shoal_ref_mingru(int32_t segments, int32_t length, int32_t hidden, const double *x,
                                const uint8_t *starts, const double *state, const double *w, const double *b,
                                double *gates, double *memory, double *y);
// From dy (B, S, H): dgates (B, S, 3H) =, dx (B, S, H) =, dw +=, db +=. None flows into state.
SHOAL_API void shoal_ref_mingru_backward(int32_t segments, int32_t length, int32_t hidden, const double *x,
                                         const uint8_t *starts, const double *state, const double *w,
                                         const double *gates, const double *memory, const double *dy, double *dgates,
                                         double *dx, double *dw, double *db);

// ---------------------------------------------------------------------------------------------------- lstm.c

// One layer over B segments: x (B, S, H), starts (B, S), state (2, B, H) = h and c before the first step, w_x and w_h
// (4H, H) and b (4H,) with the blocks i, f, g, o. gates (B, S, 4H) = pre-activations, cell (B, S, H) = c and
// y (B, S, H) = h after each step.
SHOAL_API void shoal_ref_lstm(int32_t segments, int32_t length, int32_t hidden, const double *x, const uint8_t *starts,
                              const double *state, const double *w_x, const double *w_h, const double *b, double *gates,
                              double *cell, double *y);
// From dy (B, S, H): dgates (B, S, 4H) =, dx (B, S, H) =, dw_x +=, dw_h +=, db +=. None flows into state.
SHOAL_API void shoal_ref_lstm_backward(int32_t segments, int32_t length, int32_t hidden, const double *x,
                                       const uint8_t *starts, const double *state, const double *w_x, const double *w_h,
                                       const double *gates, const double *cell, const double *y, const double *dy,
                                       double *dgates, double *dx, double *dw_x, double *dw_h, double *db);

// ---------------------------------------------------------------------------------------------------- mlp.c

// x (n,) = f(x). kind: 0 relu, 1 tanh.
SHOAL_API void shoal_ref_activation(int32_t kind, int64_t n, double *x);
// dy (n,) = dy f'(x), from y = f(x).
SHOAL_API void shoal_ref_activation_backward(int32_t kind, int64_t n, const double *y, double *dy);

// ---------------------------------------------------------------------------------------------------- heads.c

// outputs (n, O), log_std (dims,) as stored, masks (n, mask_bytes), discrete (n, heads), continuous (n, dims) raw
// samples -> log_prob (n,) =, entropy of the discrete heads (n,) = and of the continuous dimensions (n,) =.
SHOAL_API void shoal_ref_heads(const ShoalSpec *spec, int64_t n, const double *outputs, const double *log_std,
                               const uint8_t *masks, const int32_t *discrete, const double *continuous,
                               double *log_prob, double *entropy_discrete, double *entropy_continuous);
// From the gradients of those three: doutputs (n, O) =, dlog_std (dims,) +=.
SHOAL_API void shoal_ref_heads_backward(const ShoalSpec *spec, int64_t n, const double *outputs, const double *log_std,
                                        const uint8_t *masks, const int32_t *discrete, const double *continuous,
                                        const double *dlog_prob, const double *dentropy_discrete,
                                        const double *dentropy_continuous, double *doutputs, double *dlog_std);

// ---------------------------------------------------------------------------------------------------- loss.c

typedef struct {
  double clip_coef, vf_coef, vf_clip, ent_coef, ent_coef_continuous, advantage_floor;  // vf_clip 0: off
} ShoalRefCoefficients;

typedef struct {
  double loss, policy_loss, value_loss, entropy, kl, clip_fraction, ratio_error;
} ShoalRefLog;

// out (n,) = (advantage - mean) / (max(std, advantage_floor) + 1e-8) over the learn rows (population std), 0 elsewhere.
SHOAL_API void shoal_ref_normalize(const ShoalRefCoefficients *coefficients, int64_t n, const uint8_t *learn,
                                   const double *advantage, double *out);
// The loss over n samples and its gradients, each (n,) =. advantage is normalised already; omega: importance weights.
SHOAL_API void shoal_ref_loss(const ShoalRefCoefficients *coefficients, int64_t n, const uint8_t *learn,
                              const double *log_prob, const double *old_log_prob, const double *values,
                              const double *old_values, const double *returns, const double *advantage,
                              const double *omega, const double *entropy_discrete, const double *entropy_continuous,
                              double *dlog_prob, double *dvalues, double *dentropy_discrete,
                              double *dentropy_continuous, ShoalRefLog *log);
// 1 - var(returns - values) / var(returns) over the learn rows; 0 when the returns do not vary.
SHOAL_API double shoal_ref_explained_variance(int64_t n, const uint8_t *learn, const double *values,
                                              const double *returns);

// ---------------------------------------------------------------------------------------------------- policy.c

typedef struct {
  int32_t dense, hot, outputs, dims;  // D, K, O, continuous dimensions
  int32_t core, hidden, layers, activation, own_value;
  int32_t num_encoders;
  ShoalRefEncoder encoders[SHOAL_REF_OWN];
} ShoalRefPolicy;

// Parameters stand in one array: trunk, value trunk if own_value; a trunk = encoder (H, D), (H, K), bias (H,), those of
// the own encoders, then per core layer its matrices and a bias: mingru L x [(3H, H), (3H,)], lstm L x [(4H, H), (4H,
// H), (4H,)], mlp (L - 1) x
// [(H, H), (H,)]. Then policy head (O, H), (O,), value head (1, H), (1,), log-std (dims,).
SHOAL_API int64_t shoal_ref_policy_params(const ShoalRefPolicy *policy);
// Doubles of `work` for n samples: what forward keeps for backward.
SHOAL_API int64_t shoal_ref_policy_work(const ShoalRefPolicy *policy, int64_t n);
// dense (B, S, D), hot (B, S, K), own (B, S, X), starts (B, S), state at each segment's start (mingru (trunks, L, B,
// H), lstm (trunks, L, 2, B, H), mlp null)
// -> outputs (B, S, O) =, values (B, S) =, state_out as state = after the last step (may be null).
SHOAL_API void shoal_ref_policy_forward(const ShoalRefPolicy *policy, const double *params, int32_t segments,
                                        int32_t length, const double *dense, const double *hot, const double *own,
                                        const uint8_t *starts, const double *state, double *outputs, double *values,
                                        double *state_out, double *work);
// From doutputs (B, S, O) and dvalues (B, S), with work as forward left it: dparams +=.
SHOAL_API void shoal_ref_policy_backward(const ShoalRefPolicy *policy, const double *params, int32_t segments,
                                         int32_t length, const double *dense, const double *hot, const double *own,
                                         const uint8_t *starts, const double *state, const double *doutputs,
                                         const double *dvalues, double *dparams, double *work);

// ---------------------------------------------------------------------------------------------------- advantage.c

// One row of T steps. rewards (T,) scaled; values (T,), final_values (T,) read where truncated and not terminated;
// last_value: V after step T; ended (T,) bits; ratio (T,) w; learn (T,). form: SHOAL_ADVANTAGE_SPLIT or _SINGLE.
// error (T,) = E, advantage (T,) = A. The value target is values + error.
SHOAL_API void shoal_ref_advantage(int32_t horizon, const double *rewards, const double *values,
                                   const double *final_values, double last_value, const uint8_t *ended,
                                   const double *ratio, const uint8_t *learn, double gamma, double gae_lambda,
                                   double rho_clip, double c_clip, int32_t form, double *error, double *advantage);

// ---------------------------------------------------------------------------------------------------- normaliser.c

// Merge x (n, features), learn rows only, into the cumulative count (1,), mean and m2 (features,): sums of squared
// deviations from the mean.
SHOAL_API void shoal_ref_merge(int64_t n, int32_t features, const double *x, const uint8_t *learn, double *count,
                               double *mean, double *m2);
// One row: g_t = r_t + gamma (1 - done_{t-1}) g_{t-1}; carry (1,) holds (1 - done) g between calls; g (T,) =.
SHOAL_API void shoal_ref_returns(int32_t horizon, const double *rewards, const uint8_t *ended, double gamma,
                                 double *carry, double *g);
// sigma_G from the cumulative statistics, and clip(r / sigma_G, +-10) in place over n rewards.
SHOAL_API double shoal_ref_return_sigma(double count, double m2);
SHOAL_API void shoal_ref_scale_rewards(int64_t n, double sigma, double *rewards);

// ---------------------------------------------------------------------------------------------------- optimizer.c

// Scale all n gradients by min(1, max_norm / norm); returns the norm before.
SHOAL_API double shoal_ref_clip_norm(int64_t n, double max_norm, double *gradient);
// Step t >= 1 of AdamW (0.9, 0.999, 1e-8, no decay) over n weights; m, v (n,) are its moments.
SHOAL_API void shoal_ref_adamw(int64_t n, int64_t t, double learning_rate, const double *gradient, double *m, double *v,
                               double *weights);
// x (rows, cols) = five Newton-Schulz steps towards its nearest semi-orthogonal matrix. work: min(rows, cols) *
// (2 min(rows, cols) + 2 max(rows, cols)) doubles.
SHOAL_API void shoal_ref_newton_schulz(int32_t rows, int32_t cols, double *x, double *work);
// One step of Muon on one matrix; m (rows, cols) is its momentum. work: that of newton_schulz + rows * cols.
SHOAL_API void shoal_ref_muon(int32_t rows, int32_t cols, double learning_rate, double momentum, const double *gradient,
                              double *m, double *weights, double *work);

// ---------------------------------------------------------------------------------------------------- schedule.c

// The factor in [0, 1] at progress = step / total. kind: SHOAL_SCHEDULE_*.
SHOAL_API double shoal_ref_schedule(int32_t kind, double progress);
// Between first (factor 1) and last (factor 0).
SHOAL_API double shoal_ref_anneal(double first, double last, double factor);

// ---------------------------------------------------------------------------------------------------- sampling.c

// The first index whose cumulative probability exceeds u in [0, 1), else the last legal one.
SHOAL_API int32_t shoal_ref_sample_discrete(int32_t size, const double *logits, const uint8_t *mask, double u);
// Box-Muller, cosine branch: sqrt(-2 ln u) cos(2 pi v), u in (0, 1], v in [0, 1).
SHOAL_API double shoal_ref_sample_normal(double u, double v);
// p (M,) = (sum over learn samples of |advantage (M, S)|)^alpha, normalised; uniform if all are 0.
SHOAL_API void shoal_ref_priorities(int32_t segments, int32_t length, const double *advantage, const uint8_t *learn,
                                    double alpha, double *p);
// omega (M,) = (M p)^-beta.
SHOAL_API void shoal_ref_importance(int32_t segments, const double *p, double beta, double *omega);
// Systematic resampling: drawn (count,) = the segments in which (u + i) / count fall, u in [0, 1).
SHOAL_API void shoal_ref_resample(int32_t segments, const double *p, int32_t count, double u, int32_t *drawn);
// Fisher-Yates over items (n,), from the last: item i changes places with one of 0 .. i, chosen by the upper 32 bits of
// hash(key, BATCH, i, 0).
SHOAL_API void shoal_ref_permute(int32_t n, uint64_t key, int32_t *items);

// ---------------------------------------------------------------------------------------------------- maths.c

// out (n,) = env.h's functions, as this library was compiled. function: 0 exp, 1 log, 2 sin, 3 cos, 4 tanh, 5 sqrt.
SHOAL_API void shoal_ref_env_maths(int32_t function, int64_t n, const float *x, float *out);
// out (n,) = shoal_hash(key, tag, first + i, b), and the uniform made of a hash.
SHOAL_API void shoal_ref_env_hash(uint64_t key, uint32_t tag, uint64_t first, uint64_t b, int64_t n, uint64_t *out);
SHOAL_API void shoal_ref_env_uniform(int64_t n, const uint64_t *hash, float *out);
// out (n,) = shoal_below(head, bound) in sequence, from draws = 0.
SHOAL_API void shoal_ref_env_below(uint64_t key, int32_t bound, int64_t n, int32_t *out);

#endif
