// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// One update: advantages of all segments, then passes of minibatches. A minibatch is cut into shards of a fixed number
// of segments; each shard runs forward, loss and backward a few segments at a time and leaves its own gradient.
#include <string.h>

#include "learn/learner.h"

typedef struct {
  ShoalLearner *learner;
  int32_t batch;  // index within the pass
  float mean, inverse_std, inverse_count;
  float ent_coef;
} Minibatch;

// ---------------------------------------------------------------------------------------------------- advantages

typedef struct {
  const ShoalLearner *learner;
  ShoalAdvantage config;
} AdvantageCall;

enum { ADVANTAGE_ROWS = 64 };

static void advantage_rows(void *context, int32_t task, int32_t thread) {
  const AdvantageCall *call = context;
  const ShoalLearner *learner = call->learner;
  int32_t first = task * ADVANTAGE_ROWS, last = shoal_mini(first + ADVANTAGE_ROWS, learner->N);
  (void)thread;
  for (int32_t n = first; n < last; n++) {
    int64_t at = (int64_t)n * learner->T;
    shoal_advantage(&call->config, learner->T, learner->rewards + at, learner->new_values + at,
                    learner->final_values + at, learner->weights + at, learner->ended + at, learner->learn + at,
                    learner->last_values[n], learner->advantages + at, learner->targets + at);
  }
}

void shoal_compute_advantages(ShoalLearner *learner) {
  const ShoalTrainConfig *config = &learner->config;
  AdvantageCall call = {learner,
                        {config->gamma, config->gae_lambda, config->rho_clip, config->c_clip, config->advantage_form,
                         1.0f / shoal_return_scale(learner), config->normalize_reward ? 10.0f : 3.4e38f}};
  int32_t tasks = (learner->N + ADVANTAGE_ROWS - 1) / ADVANTAGE_ROWS;
  shoal_parallel_staged(learner, SHOAL_STAGE_ADVANTAGE, tasks, advantage_rows, &call);
}

// ---------------------------------------------------------------------------------------------------- a minibatch

// The segments of one shard of a minibatch: first position in the pass's order, and how many.
static int32_t shard_of(const Minibatch *mb, int32_t shard, int32_t *first) {
  const ShoalLearner *learner = mb->learner;
  int32_t from = shard * learner->shard_segments;
  *first = mb->batch * learner->batch_segments + from;
  return shoal_mini(learner->shard_segments, learner->batch_segments - from);
}

static void measure_shard(void *context, int32_t shard, int32_t thread) {
  const Minibatch *mb = context;
  const ShoalLearner *learner = mb->learner;
  int32_t first, count = shard_of(mb, shard, &first);
  double n = 0.0, sum = 0.0, squares = 0.0, *sums = learner->sums + (int64_t)shard * SHOAL_SUMS;
  (void)thread;
  for (int32_t i = first; i < first + count; i++) {
    int64_t at = (int64_t)learner->order[i] * learner->S;
    for (int64_t s = at; s < at + learner->S; s++) {
      if (!learner->learn[s]) { continue; }
      double a = (double)learner->advantages[s];
      n += 1.0;
      sum += a;
      squares += a * a;
    }
  }
  memset(sums, 0, 8 * SHOAL_SUMS);
  sums[SHOAL_SUM_COUNT] = n;
  sums[SHOAL_SUM_ADVANTAGE] = sum;
  sums[SHOAL_SUM_ADVANTAGE2] = squares;
}

// Loss and gradient of one sample, which is row r of the pass and `step` of its segment, of which scratch holds the
// softmax.
static void sample_loss(const Minibatch *mb, const ShoalScratch *scratch, int64_t r, int32_t step, int64_t sample,
                        float omega, float *dlog_std, double *sums) {
  ShoalLearner *learner = mb->learner;
  const ShoalPolicy *policy = learner->policy;
  const ShoalTrainConfig *config = &learner->config;
  const ShoalVec *vec = &learner->engine->vec;
  int64_t n = sample / learner->T, t = sample % learner->T;
  const uint8_t *mask = learner->masks + (n * (learner->T + 1) + t) * vec->mask_bytes;
  const int32_t *discrete = learner->discrete + sample * vec->heads;
  const float *raw = learner->raw + sample * vec->dims, *out = scratch->tape.out + r * policy->ldo;
  float *dout = scratch->tape.dout + r * policy->ldo, *probs = scratch->probs + (int64_t)step * policy->outputs;
  const float *log_probs = scratch->log_probs + (int64_t)step * policy->outputs;
  float value = out[policy->outputs];
  // By priority a segment may be drawn twice: two shards then store the same bits, which takes an atomic to be defined.
  __atomic_store(&learner->new_values[sample], &value, __ATOMIC_RELAXED);
  if (!learner->learn[sample]) {
    memset(dout, 0, 4 * (size_t)policy->ldo);
    return;
  }
  ShoalScore score = shoal_heads_score(policy, out, mask, discrete, raw, probs, log_probs);
  float log_ratio = score.log_prob - learner->log_probs[sample], ratio = shoal_exp(log_ratio);
  __atomic_store(&learner->weights[sample], &ratio, __ATOMIC_RELAXED);
  float advantage = (learner->advantages[sample] - mb->mean) * mb->inverse_std;
  float clipped = shoal_clamp(ratio, 1.0f - config->clip_coef, 1.0f + config->clip_coef);
  float plain_loss = -advantage * ratio, clipped_loss = -advantage * clipped;
  float target = learner->targets[sample], error = value - target, dvalue = error, value_loss = 0.5f * error * error;
  if (config->vf_clip > 0.0f) {
    float old = learner->values[sample], move = shoal_clamp(value - old, -config->vf_clip, config->vf_clip);
    float bounded = old + move - target;
    if (bounded * bounded > error * error) {
      value_loss = 0.5f * bounded * bounded;
      dvalue = move == value - old ? bounded : 0.0f;
    }
  }
  float weight = omega * mb->inverse_count;
  float dlogp = plain_loss >= clipped_loss ? -advantage * ratio * weight : 0.0f;
  shoal_heads_backward(policy, mask, discrete, probs, log_probs, dlogp, -mb->ent_coef * weight,
                       -config->ent_coef_continuous * weight, dout, dlog_std);
  dout[policy->outputs] = config->vf_coef * dvalue * weight;
  double error_of_ratio = (double)shoal_abs(ratio - 1.0f);
  sums[SHOAL_SUM_POLICY_LOSS] += (double)(omega * shoal_max(plain_loss, clipped_loss));
  sums[SHOAL_SUM_VALUE_LOSS] += (double)(omega * value_loss);
  sums[SHOAL_SUM_ENTROPY] += (double)(score.entropy + score.entropy_continuous);
  sums[SHOAL_SUM_KL] += (double)(ratio - 1.0f - log_ratio);
  sums[SHOAL_SUM_CLIPPED] += shoal_abs(ratio - 1.0f) > config->clip_coef ? 1.0 : 0.0;
  // Written so that a NaN is kept, not lost.
  sums[SHOAL_SUM_RATIO_ERROR] =
      !(error_of_ratio <= sums[SHOAL_SUM_RATIO_ERROR]) ? error_of_ratio : sums[SHOAL_SUM_RATIO_ERROR];
}

// Observations of the segment at a position of the pass's order, to be fetched ahead; null beyond the shard.
static const uint8_t *upcoming(const ShoalLearner *learner, int32_t position, int32_t end) {
  if (position >= end) { return 0; }
  int64_t sample = (int64_t)learner->order[position] * learner->S;
  int64_t row = sample / learner->T, t = sample % learner->T;
  return learner->rows + (row * (learner->T + 1) + t) * learner->policy->spec.row_bytes;
}

static void train_shard(void *context, int32_t shard, int32_t thread) {
  const Minibatch *mb = context;
  ShoalLearner *learner = mb->learner;
  const ShoalPolicy *policy = learner->policy;
  const ShoalVec *vec = &learner->engine->vec;
  ShoalScratch *scratch = &learner->scratch[thread];
  int32_t first, count = shard_of(mb, shard, &first), S = learner->S, segments = learner->rows_per_pass / S;
  float *gradient = learner->gradients + shard * policy->gradient_count;
  double *sums = learner->sums + (int64_t)shard * SHOAL_SUMS;
  float dlog_std[SHOAL_MAX_DIMS] = {0.0f};
  memset(gradient, 0, 4 * (size_t)policy->gradient_count);
  for (int32_t done = 0; done < count && !shoal_stopped(learner->engine); done += segments) {
    int32_t n = shoal_mini(segments, count - done);
    for (int32_t i = 0; i < n; i++) {
      int64_t segment = learner->order[first + done + i], sample = segment * S;
      int64_t row = sample / learner->T, t = sample % learner->T;
      scratch->rows[i] = learner->rows + (row * (learner->T + 1) + t) * policy->spec.row_bytes;
      scratch->starts[i] = SHOAL_FAULT(policy, STATE_KEPT)    ? 0
                           : SHOAL_FAULT(policy, MEMORY_LOST) ? learner->ones
                                                              : learner->starts + sample;
      scratch->memory[i] = learner->segment_memory + segment * policy->state_size;
    }
    ShoalBatch batch = {n, S, scratch->rows, scratch->starts, scratch->memory, 0};
    shoal_forward(policy, &batch, &scratch->tape);
    shoal_lap(scratch, SHOAL_STAGE_FORWARD);
    for (int32_t i = 0; i < n; i++) {
      int64_t sample = (int64_t)learner->order[first + done + i] * S;
      float omega = learner->importance[first + done + i];
      int64_t row = sample / learner->T, t0 = sample % learner->T;
      int64_t r = shoal_tape_row(policy, &batch, i, 0), stride = shoal_tape_row(policy, &batch, i, 1) - r;
      shoal_heads_softmax(policy, scratch->tape.out + r * policy->ldo, stride * policy->ldo,
                          learner->masks + (row * (learner->T + 1) + t0) * vec->mask_bytes, vec->mask_bytes, S,
                          scratch->probs, scratch->log_probs);
      const uint8_t *next = upcoming(learner, first + done + n + i, first + count);
      for (int32_t t = 0; t < S; t++) {
        for (int32_t b = 0; next && b < vec->row_bytes; b += 64) {
          __builtin_prefetch(next + (int64_t)t * vec->row_bytes + b, 0, 2);
        }
        sample_loss(mb, scratch, shoal_tape_row(policy, &batch, i, t), t, sample + t, omega, dlog_std, sums);
      }
    }
    shoal_lap(scratch, SHOAL_STAGE_LOSS);
    shoal_backward(policy, &batch, &scratch->tape, gradient);
    shoal_lap(scratch, SHOAL_STAGE_BACKWARD);
  }
  if (policy->log_std >= 0) {
    memcpy(gradient + policy->gradient_offset[policy->log_std], dlog_std, 4 * (size_t)policy->spec.num_dims);
  }
}

// The shards' sums, added as the same fixed tree as the gradients; the result lies in shard 0.
static const double *fold(ShoalLearner *learner) {
  for (int32_t stride = 1; stride < learner->num_shards; stride *= 2) {
    for (int32_t i = 0; i + stride < learner->num_shards; i += 2 * stride) {
      double *to = learner->sums + (int64_t)i * SHOAL_SUMS, *from = learner->sums + (int64_t)(i + stride) * SHOAL_SUMS;
      double worst = to[SHOAL_SUM_RATIO_ERROR];
      worst = !(from[SHOAL_SUM_RATIO_ERROR] <= worst) ? from[SHOAL_SUM_RATIO_ERROR] : worst;
      for (int32_t k = 0; k < SHOAL_SUMS; k++) { to[k] += from[k]; }
      to[SHOAL_SUM_RATIO_ERROR] = worst;
    }
  }
  return learner->sums;
}

static int32_t train_minibatch(ShoalLearner *learner, int32_t batch, double learning_rate, double ent_coef,
                               ShoalLog *log, char *message) {
  Minibatch mb = {.learner = learner, .batch = batch, .ent_coef = (float)ent_coef};
  shoal_parallel_staged(learner, SHOAL_STAGE_LOSS, learner->num_shards, measure_shard, &mb);
  const double *sums = fold(learner);
  double count = sums[SHOAL_SUM_COUNT];
  if (count == 0.0) { return SHOAL_OK; }  // nobody learnt in these segments
  double mean = sums[SHOAL_SUM_ADVANTAGE] / count, variance = sums[SHOAL_SUM_ADVANTAGE2] / count - mean * mean;
  mb.mean = (float)mean;
  double spread = __builtin_sqrt(variance > 0.0 ? variance : 0.0), least = (double)learner->config.advantage_floor;
  mb.inverse_std = (float)(1.0 / ((spread > least ? spread : least) + 1e-8));
  mb.inverse_count = (float)(1.0 / count);
  memset(learner->sums, 0, 8 * (size_t)learner->num_shards * SHOAL_SUMS);
  shoal_parallel_staged(learner, SHOAL_STAGE_BACKWARD, learner->num_shards, train_shard, &mb);
  if (shoal_stopped(learner->engine)) { return SHOAL_STOPPED; }
  sums = fold(learner);
  double policy_loss = sums[SHOAL_SUM_POLICY_LOSS] / count, value_loss = sums[SHOAL_SUM_VALUE_LOSS] / count;
  if (!(policy_loss - policy_loss == 0.0) || !(value_loss - value_loss == 0.0)) {
    return shoal_complain(message,
                          "the loss is not finite: policy %g, value %g; the weights keep their last good values",
                          policy_loss, value_loss);
  }
  log->policy_loss += policy_loss;
  log->value_loss += value_loss;
  log->entropy += sums[SHOAL_SUM_ENTROPY] / count;
  log->kl += sums[SHOAL_SUM_KL] / count;
  log->clip_fraction += sums[SHOAL_SUM_CLIPPED] / count;
  if (log->updates == 0.0) { log->first_ratio_error = sums[SHOAL_SUM_RATIO_ERROR]; }
  log->updates += 1.0;
  double grad_norm;
  int32_t status = shoal_optimize(learner, (float)learning_rate, &grad_norm, message);
  log->grad_norm += grad_norm;
  return status;
}

// ---------------------------------------------------------------------------------------------------- an update

// Schedule factor at the iteration's first step.
static double schedule(int32_t kind, double progress) {
  double p = progress < 1.0 ? progress : 1.0;
  if (kind == SHOAL_SCHEDULE_LINEAR) { return 1.0 - p; }
  if (kind == SHOAL_SCHEDULE_COSINE) { return 0.5 + 0.5 * (double)shoal_cos((float)p * SHOAL_PI); }
  return 1.0;
}

static void explain(const ShoalLearner *learner, ShoalLog *log) {
  double n = 0.0, value = 0.0, target = 0.0, target2 = 0.0, rest = 0.0, rest2 = 0.0;
  for (int64_t s = 0; s < (int64_t)learner->N * learner->T; s++) {
    if (!learner->learn[s]) { continue; }
    double t = (double)learner->targets[s], r = t - (double)learner->values[s];
    n += 1.0;
    value += (double)learner->values[s];
    target += t;
    target2 += t * t;
    rest += r;
    rest2 += r * r;
  }
  if (n == 0.0) { return; }
  double variance = target2 / n - target / n * (target / n), unexplained = rest2 / n - rest / n * (rest / n);
  log->explained_variance = variance > 0.0 ? 1.0 - unexplained / variance : 0.0;
  log->value_mean = value / n * log->sigma_return;
}

int32_t shoal_learner_update(ShoalLearner *learner, ShoalLog *log, char *message) {
  const ShoalTrainConfig *config = &learner->config;
  int64_t samples = (int64_t)learner->N * learner->T;
  double start = shoal_seconds(),
         progress = (double)(learner->counters[2] - learner->T) * learner->N / (double)config->schedule_steps;
  shoal_lap(learner->scratch, SHOAL_STAGE_WAIT);
  memset(log, 0, sizeof *log);
  log->steps = (double)learner->counters[2] * learner->N;
  log->sigma_return = (double)shoal_return_scale(learner);
  log->rollout_seconds = learner->rollout_seconds;
  double factor = schedule(config->schedule, progress);
  log->learning_rate =
      (double)config->learning_rate_final + (double)(config->learning_rate - config->learning_rate_final) * factor;
  log->ent_coef = (double)config->ent_coef_final + (double)(config->ent_coef - config->ent_coef_final) * factor;
  // A run that loaded no statistics only gathers them in its first rollout.
  int32_t gathering = learner->counters[0] == 1 && !config->warm;
  memcpy(learner->new_values, learner->values, 4 * (size_t)samples);
  for (int64_t s = 0; s < samples; s++) { learner->weights[s] = 1.0f; }
  shoal_lap(learner->scratch, SHOAL_STAGE_ADVANTAGE);
  if (SHOAL_FAULT(learner->policy, TRUNCATED_ENDS)) {
    for (int64_t s = 0; s < samples; s++) { learner->ended[s] = learner->ended[s] ? SHOAL_TERMINATED : 0; }
  }
  int32_t status = SHOAL_OK, passes = 0;
  double wanted = (double)config->replay_ratio * learner->batches_per_pass;
  int32_t minibatches = gathering ? 0 : (int32_t)wanted + ((double)(int32_t)wanted < wanted);
  for (int32_t i = 0; (i < minibatches || i == 0) && status == SHOAL_OK; i++) {
    int32_t batch = i % learner->batches_per_pass;
    if (batch == 0) {
      double begun = shoal_seconds();
      shoal_compute_advantages(learner);
      if (i == 0) { explain(learner, log); }
      if (gathering) { break; }
      shoal_draw_pass(learner, passes++, progress);
      shoal_lap(learner->scratch, SHOAL_STAGE_ADVANTAGE);
      log->advantage_seconds += shoal_seconds() - begun;
    }
    double kl = log->kl;
    status = train_minibatch(learner, batch, log->learning_rate, log->ent_coef, log, message);
    if (config->target_kl > 0.0f && log->kl - kl > (double)config->target_kl) { break; }
  }
  if (log->updates > 0.0) {
    double n = log->updates;
    log->policy_loss /= n;
    log->value_loss /= n;
    log->entropy /= n;
    log->kl /= n;
    log->clip_fraction /= n;
    log->grad_norm /= n;
  }
  log->updates = (double)learner->counters[1];
  if (status != SHOAL_OK) { return status; }
  shoal_merge_statistics(learner);
  shoal_policy_pack(learner->policy);
  if (gathering) { memset(learner->memory, 0, 4 * (size_t)learner->N * (size_t)learner->policy->state_size); }
  log->update_seconds = shoal_seconds() - start - log->advantage_seconds;
  return SHOAL_OK;
}
