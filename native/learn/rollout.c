// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Collecting one rollout: blocks of environments outside, time inside, no barrier. Per row and step: zero the
// memory if a life starts, store it if a segment starts, forward, sample, step the world, keep the new memory; value
// the final observation where an agent was truncated. Rows that another player plays are stepped, and not learnt from
// (learn/players.h).
#include "learn/learner.h"

#include <string.h>

typedef struct {
  ShoalLearner *learner;
  int32_t first, count, b;  // environments; block
  int64_t row;              // first row
  int32_t rows;
  int32_t learners;  // rows that the learner plays in this step, in scratch->index
  ShoalScratch *scratch;
  double *sums;    // (3, normalised + 1)
  double *scores;  // (players, 2), or null
} Block;

// Add this step's observations (and G, in the last column) to the normaliser's sums, shifted by the present means.
static void gather(const Block *block, int32_t t) {
  const ShoalLearner *learner = block->learner;
  const ShoalPolicy *policy = learner->policy;
  int32_t n = policy->normalised;
  double *count = block->sums, *sum = count + n + 1, *squares = sum + n + 1;
  for (int32_t i = 0; i < block->rows; i++) {
    if (!learner->learn[(block->row + i) * learner->T + t]) { continue; }
    const uint8_t *row = learner->rows + ((block->row + i) * (learner->T + 1) + t) * policy->spec.row_bytes;
    for (int32_t f = 0; f < policy->num_encodes; f++) {
      const ShoalEncode *e = &policy->encodes[f];
      for (int32_t k = 0; e->normalised >= 0 && k < e->count; k++) {
        int32_t j = e->normalised + k;
        double d = (double)shoal_element(row + e->offset, e->dtype, k) - (double)policy->center[j];
        sum[j] += d;
        squares[j] += d * d;
      }
    }
    if (n) { count[0] += 1.0; }  // without features this is G's count
  }
}

// The rows that the learner plays at t.
static ShoalBatch batch_of(Block *block, int32_t t) {
  const ShoalLearner *learner = block->learner;
  const ShoalPolicy *policy = learner->policy;
  const ShoalVec *vec = &learner->engine->vec;
  ShoalScratch *scratch = block->scratch;
  block->learners = shoal_rows_of(vec, block->first, block->count, 0, scratch->index);
  for (int32_t k = 0; k < block->learners; k++) {
    int64_t row = block->row + scratch->index[k];
    scratch->rows[k] = learner->rows + (row * (learner->T + 1) + t) * policy->spec.row_bytes;
    scratch->starts[k] = SHOAL_FAULT(policy, STATE_KEPT)    ? 0
                         : SHOAL_FAULT(policy, MEMORY_LOST) ? learner->ones
                                                            : vec->starts + row;
    scratch->memory[k] = scratch->memory_out[k] = learner->memory + row * policy->state_size;
  }
  return (ShoalBatch){block->learners, 1, scratch->rows, scratch->starts, scratch->memory, scratch->memory_out};
}

// Value the final observations of agents that were truncated at t: f(final observation, h'), not committed.
static void value_finals(const Block *block, int32_t t) {
  const ShoalLearner *learner = block->learner;
  const ShoalPolicy *policy = learner->policy;
  ShoalScratch *scratch = block->scratch;
  int32_t n = 0;
  for (int32_t i = 0; i < block->rows; i++) {
    int64_t sample = (block->row + i) * learner->T + t;
    if (learner->ended[sample] != SHOAL_TRUNCATED || !learner->learn[sample]) { continue; }
    scratch->rows[n] = scratch->final_rows + (int64_t)i * policy->spec.row_bytes;
    scratch->starts[n] = SHOAL_FAULT(policy, MEMORY_LOST) ? learner->ones : 0;
    scratch->memory[n++] = learner->memory + (block->row + i) * policy->state_size;
  }
  if (!n) { return; }
  ShoalBatch batch = {n, 1, scratch->rows, scratch->starts, scratch->memory, 0};
  shoal_forward(policy, &batch, &scratch->tape);
  n = 0;
  for (int32_t i = 0; i < block->rows; i++) {
    int64_t sample = (block->row + i) * learner->T + t;
    if (learner->ended[sample] != SHOAL_TRUNCATED || !learner->learn[sample]) { continue; }
    learner->final_values[sample] = scratch->tape.out[(int64_t)n++ * policy->ldo + policy->outputs];
  }
}

// What the learner does at t, from the batch's outputs.
static void choose_own(const Block *block, int32_t t, int64_t clock) {
  ShoalLearner *learner = block->learner;
  const ShoalPolicy *policy = learner->policy;
  const ShoalVec *vec = &learner->engine->vec;
  ShoalScratch *scratch = block->scratch;
  int64_t mask_stride = (int64_t)(learner->T + 1) * vec->mask_bytes;
  const uint8_t *masks = learner->masks + (block->row * (learner->T + 1) + t) * vec->mask_bytes;
  for (int32_t k = 0; k < block->learners;) {  // runs of rows that lie side by side
    int32_t run = 1, i = scratch->index[k];
    while (k + run < block->learners && scratch->index[k + run] == i + run) { run++; }
    shoal_heads_softmax(policy, scratch->tape.out + (int64_t)k * policy->ldo, policy->ldo, masks + i * mask_stride,
                        mask_stride, run, scratch->probs + (int64_t)k * policy->outputs,
                        scratch->log_probs + (int64_t)k * policy->outputs);
    k += run;
  }
  for (int32_t k = 0; k < block->learners; k++) {
    int32_t i = scratch->index[k];
    int64_t row = block->row + i, sample = row * learner->T + t, at = (int64_t)k * policy->outputs;
    const float *out = scratch->tape.out + (int64_t)k * policy->ldo;
    int32_t *discrete = learner->discrete + sample * vec->heads;
    float *raw = learner->raw + sample * vec->dims;
    learner->values[sample] = out[policy->outputs];
    learner->log_probs[sample] = 0.0f;
    if (vec->live[row] || SHOAL_FAULT(policy, ABSENT_LEARNT)) {
      learner->log_probs[sample] =
          shoal_heads_sample(policy, out, scratch->probs + at, scratch->log_probs + at, masks + i * mask_stride, 0,
                             learner->config.seed, (uint64_t)clock, (uint64_t)row, discrete, raw);
    } else {
      memset(discrete, 0, 4 * (size_t)vec->heads);
      memset(raw, 0, 4 * (size_t)vec->dims);
    }
    for (int32_t h = 0; h < vec->heads; h++) { scratch->discrete[(int64_t)i * vec->heads + h] = discrete[h]; }
    shoal_heads_action(policy, raw, scratch->continuous + (int64_t)i * vec->dims);
  }
}

// What the others do at t; their samples hold zeros.
static void choose_for_others(const Block *block, int32_t t, int64_t clock) {
  ShoalLearner *learner = block->learner;
  const ShoalVec *vec = &learner->engine->vec;
  ShoalScratch *scratch = block->scratch;
  int64_t at = block->row * (learner->T + 1) + t;
  ShoalTurn turn = {.vec = vec,
                    .first = block->first,
                    .count = block->count,
                    .rows = learner->rows + at * vec->row_bytes,
                    .masks = learner->masks + at * vec->mask_bytes,
                    .row_stride = (int64_t)(learner->T + 1) * vec->row_bytes,
                    .mask_stride = (int64_t)(learner->T + 1) * vec->mask_bytes,
                    .memory = learner->guest_memory + block->row * learner->guest_state,
                    .memory_stride = learner->guest_state,
                    .discrete = scratch->discrete,
                    .continuous = scratch->continuous,
                    .seed = learner->config.seed,
                    .clock = clock};
  for (int32_t k = 1; k < learner->config.num_players; k++) {
    shoal_take_turn(&turn, learner->config.players, k, &scratch->turn);
  }
  for (int32_t i = 0; i < block->rows; i++) {
    int64_t row = block->row + i, sample = row * learner->T + t;
    scratch->seats[i] = vec->players[row];
    if (!scratch->seats[i]) { continue; }
    memset(learner->discrete + sample * vec->heads, 0, 4 * (size_t)vec->heads);
    memset(learner->raw + sample * vec->dims, 0, 4 * (size_t)vec->dims);
    learner->values[sample] = learner->log_probs[sample] = 0.0f;
  }
}

// Note how the learner's lives that just ended fared, for everyone whom it met in them.
static void keep_scores(const Block *block) {
  const ShoalLearner *learner = block->learner;
  const ShoalVec *vec = &learner->engine->vec;
  int64_t size = SHOAL_LIVES_SIZE(vec->metrics);
  float *lives = vec->lives + block->row * size;
  for (int32_t i = 0; i < block->rows; i++) {
    float *record = lives + i * size;
    int32_t world = i / vec->agents * vec->agents;
    for (int32_t k = world; record[0] > 0.0f && !block->scratch->seats[i] && k < world + vec->agents; k++) {
      double *score = block->scores + 2 * block->scratch->seats[k];
      if (!block->scratch->seats[k]) { continue; }
      score[0] += (double)record[0];
      score[1] += (double)record[1 + learner->config.outcome];
    }
  }
  memset(lives, 0, 4 * (size_t)(block->rows * size));
}

// Observe, remember, and choose the actions of step t.
static void choose(Block *block, int32_t t, int64_t clock) {
  ShoalLearner *learner = block->learner;
  const ShoalPolicy *policy = learner->policy;
  const ShoalVec *vec = &learner->engine->vec;
  ShoalScratch *scratch = block->scratch;
  int32_t T = learner->T, state = policy->state_size;
  ShoalBatch batch = batch_of(block, t);
  for (int32_t i = 0; i < block->rows; i++) {
    int64_t row = block->row + i, sample = row * T + t;
    learner->starts[sample] = vec->starts[row];
    learner->learn[sample] =
        (vec->live[row] && !(vec->players && vec->players[row])) || SHOAL_FAULT(policy, ABSENT_LEARNT);
    if (t % learner->S == 0 && state) {
      memcpy(learner->segment_memory + (sample / learner->S) * state, learner->memory + row * state, 4 * (size_t)state);
    }
  }
  gather(block, t);
  shoal_lap(scratch, SHOAL_STAGE_GATHER);
  shoal_forward(policy, &batch, &scratch->tape);
  shoal_lap(scratch, SHOAL_STAGE_ACT);
  choose_own(block, t, clock);
  shoal_lap(scratch, SHOAL_STAGE_SAMPLE);
  if (block->scores) {
    choose_for_others(block, t, clock);
    shoal_lap(scratch, SHOAL_STAGE_ACT);
  }
}

// The buffers of step t.
static ShoalIo io_of(const Block *block, int32_t t, int64_t clock) {
  const ShoalLearner *learner = block->learner;
  const ShoalVec *vec = &learner->engine->vec;
  ShoalScratch *scratch = block->scratch;
  int32_t T = learner->T;
  return (ShoalIo){
      .discrete = scratch->discrete,
      .continuous = scratch->continuous,
      .rows = learner->rows + (block->row * (T + 1) + t + 1) * vec->row_bytes,
      .masks = learner->masks + (block->row * (T + 1) + t + 1) * vec->mask_bytes,
      .legal = learner->masks + (block->row * (T + 1) + t) * vec->mask_bytes,
      .final_rows = scratch->final_rows,
      .final_masks = scratch->final_masks,
      .rewards = learner->rewards + block->row * T + t,
      .ended = learner->ended + block->row * T + t,
      .stats = shoal_block_stats(learner->engine, block->b),
      .row_stride = (int64_t)(T + 1) * vec->row_bytes,
      .mask_stride = (int64_t)(T + 1) * vec->mask_bytes,
      .final_stride = vec->row_bytes,
      .stride = T,
      .clock = clock,
  };
}

// Keep what came of step t.
static void take(const Block *block, int32_t t, int32_t flagged) {
  ShoalLearner *learner = block->learner;
  const ShoalPolicy *policy = learner->policy;
  ShoalScratch *scratch = block->scratch;
  int32_t T = learner->T;
  shoal_lap(scratch, SHOAL_STAGE_SIMULATE);
  if (flagged) {
    value_finals(block, t);
    if (block->scores) { keep_scores(block); }
    shoal_lap(scratch, SHOAL_STAGE_ACT);
  }
  int32_t n = policy->normalised;
  double shift = learner->returns[1];
  for (int32_t i = 0; i < block->rows; i++) {
    int64_t row = block->row + i, sample = row * T + t;
    if (!learner->learn[sample]) { continue; }
    float *g = learner->discounted + row;
    *g = learner->rewards[sample] + learner->config.gamma * (learner->starts[sample] ? 0.0f : *g);
    block->sums[n] += 1.0;
    block->sums[2 * n + 1] += (double)*g - shift;
    block->sums[3 * n + 2] += ((double)*g - shift) * ((double)*g - shift);
  }
}

static void step(Block *block, int32_t t, int64_t clock) {
  const ShoalVec *vec = &block->learner->engine->vec;
  choose(block, t, clock);
  ShoalIo io = io_of(block, t, clock);
  uint64_t fp = shoal_fp_enter();
  int32_t flagged = vec->env->block_step(vec, block->first, block->count, &io);
  shoal_fp_leave(fp);
  take(block, t, flagged);
}

static Block block_of(ShoalLearner *learner, int32_t b, int32_t thread) {
  int32_t agents = learner->engine->vec.agents, stats = 3 * (learner->policy->normalised + 1);
  Block block = {.learner = learner,
                 .b = b,
                 .first = shoal_block_first(learner->engine, b),
                 .count = shoal_block_count(learner->engine, b),
                 .scratch = &learner->scratch[thread],
                 .sums = learner->block_sums + (int64_t)b * stats};
  block.row = (int64_t)block.first * agents;
  block.rows = block.count * agents;
  if (learner->engine->vec.players && learner->config.players) {
    block.scores = learner->scores + (int64_t)b * learner->config.num_players * 2;
  }
  return block;
}

// Block b at the start of a rollout: its last observations of the one before are its first.
static Block begin(ShoalLearner *learner, int32_t b, int32_t thread) {
  const ShoalVec *vec = &learner->engine->vec;
  int32_t T = learner->T;
  Block block = block_of(learner, b, thread);
  memset(block.sums, 0, 24 * (size_t)(learner->policy->normalised + 1));
  if (block.scores) { memset(block.scores, 0, 16 * (size_t)learner->config.num_players); }
  for (int32_t i = 0; i < block.rows; i++) {
    uint8_t *rows = learner->rows + (block.row + i) * (T + 1) * vec->row_bytes;
    uint8_t *masks = learner->masks + (block.row + i) * (T + 1) * vec->mask_bytes;
    memcpy(rows, rows + (int64_t)T * vec->row_bytes, (size_t)vec->row_bytes);
    memcpy(masks, masks + (int64_t)T * vec->mask_bytes, (size_t)vec->mask_bytes);
  }
  return block;
}

// Value what is observed after the last step.
static void value_last(Block *block) {
  const ShoalLearner *learner = block->learner;
  const ShoalPolicy *policy = learner->policy;
  ShoalBatch batch = batch_of(block, learner->T);
  shoal_lap(block->scratch, SHOAL_STAGE_GATHER);
  batch.memory_out = 0;
  shoal_forward(policy, &batch, &block->scratch->tape);
  memset(learner->last_values + block->row, 0, 4 * (size_t)block->rows);
  for (int32_t k = 0; k < block->learners; k++) {
    float value = block->scratch->tape.out[(int64_t)k * policy->ldo + policy->outputs];
    learner->last_values[block->row + block->scratch->index[k]] = SHOAL_FAULT(policy, NO_BOOTSTRAP) ? 0.0f : value;
  }
}

static void collect(void *context, int32_t b, int32_t thread) {
  ShoalLearner *learner = context;
  Block block = begin(learner, b, thread);
  for (int32_t t = 0; t < learner->T; t++) {
    if (shoal_stopped(learner->engine)) { return; }
    step(&block, t, learner->counters[2] + t);
  }
  value_last(&block);
}

// ---------------------------------------------------------------------------------------------------- in two halves

static const double PATIENCE = 1e-3;  // seconds that a thread waits for one block before it looks at its others

static void choose_and_send(Block *block, int32_t t) {
  const ShoalVec *vec = &block->learner->engine->vec;
  int64_t clock = block->learner->counters[2] + t;
  choose(block, t, clock);
  ShoalIo io = io_of(block, t, clock);
  uint64_t fp = shoal_fp_enter();
  vec->env->split->send(vec, block->first, block->count, &io);
  shoal_fp_leave(fp);
}

// Every groups-th block from block g on: while some are stepped elsewhere, this thread chooses the actions of others.
// Each goes on as soon as it was stepped, and what it does depends on no other.
static void collect_group(void *context, int32_t g, int32_t thread) {
  ShoalLearner *learner = context;
  const ShoalVec *vec = &learner->engine->vec;
  int32_t blocks = learner->engine->num_blocks, groups = shoal_mini(learner->threads, blocks), left = 0;
  for (int32_t b = g; b < blocks; b += groups, left++) {
    Block block = begin(learner, b, thread);
    learner->block_steps[b] = 0;
    choose_and_send(&block, 0);
  }
  for (int32_t idle = 0; left && !shoal_stopped(learner->engine);) {
    int32_t moved = 0;
    for (int32_t b = g; b < blocks && !shoal_stopped(learner->engine); b += groups) {
      int32_t t = learner->block_steps[b];
      Block block = block_of(learner, b, thread);
      if (t == learner->T || !vec->env->split->ready(vec, block.first, idle ? PATIENCE : 0.0)) { continue; }
      ShoalIo io = io_of(&block, t, learner->counters[2] + t);
      uint64_t fp = shoal_fp_enter();
      int32_t flagged = vec->env->split->finish(vec, block.first, block.count, &io);
      shoal_fp_leave(fp);
      take(&block, t, flagged);
      learner->block_steps[b] = ++t;
      if (t < learner->T) {
        choose_and_send(&block, t);
      } else {
        value_last(&block);
        left--;
      }
      moved = 1;
      idle = 0;
    }
    idle = !moved;
  }
}

int32_t shoal_learner_rollout(ShoalLearner *learner, char *message) {
  (void)message;
  double start = shoal_seconds();
  int32_t blocks = learner->engine->num_blocks;
  if (learner->engine->vec.env->split) {
    shoal_parallel_staged(learner, SHOAL_STAGE_ACT, shoal_mini(learner->threads, blocks), collect_group, learner);
  } else {
    shoal_parallel_staged(learner, SHOAL_STAGE_ACT, blocks, collect, learner);
  }
  if (shoal_stopped(learner->engine)) { return SHOAL_STOPPED; }
  learner->counters[0]++;
  learner->counters[2] += learner->T;
  learner->rollout_seconds = shoal_seconds() - start;
  return SHOAL_OK;
}
