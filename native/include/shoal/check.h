// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// A program that plays one copy of an environment and reports what breaks the contract: `shoal check` compiles it under
// sanitizers. It is the engine's order of events again, without speed: one copy, plain loops, and every array (even
// each agent's row) an allocation of its own between bands, so that an access outside of any is seen at once.
//
//   #include "game.h"
//   #define SHOAL_ENV_FN(name) game_##name
//   #define SHOAL_ENV_TYPE(name) Game##name
//   #define SHOAL_ENV_TABLE(name) GAME_##name
//   #include "shoal/check.h"
//
// `check SEED STEPS SECONDS LIMIT PARAMS [trace]`: steps of the world at most, time limit of an episode (0: the
// environment's), the table's values as hexadecimal bytes. Each line on stdout is a key and `name=value` fields between
// tabs; a finding is reported once. src/shoal/check/play.py makes sentences of them.
#ifndef SHOAL_CHECK_H
#define SHOAL_CHECK_H

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shoal/check_room.h"
#include "shoal/env.h"

enum {
  CHECK_HANG = 10,        // seconds after which a call counts as one that never returns
  CHECK_PAIRS = 64,       // actions of a head that are compared with one another
  CHECK_ALTERNATIVES = 4  // actions tried before an agent's choice counts as without effect
};

typedef SHOAL_ENV_TYPE(Params) CheckParams;
typedef SHOAL_ENV_TYPE(State) CheckState;
typedef SHOAL_ENV_TYPE(Metrics) CheckMetrics;
#ifdef SHOAL_HAS_SHARED
typedef SHOAL_ENV_TYPE(Shared) CheckShared;
#else
typedef void CheckShared;
#endif

#define CHECK_METRIC_NAME(name, doc) #name,
static const char *const check_metric_names[] = {SHOAL_ENV_TABLE(METRICS)(CHECK_METRIC_NAME)};
enum { CHECK_METRICS = sizeof check_metric_names / sizeof *check_metric_names };

// What a step reads and writes, apart from State.
typedef struct {
  int32_t *discrete;  // (agents, heads)
  float *continuous;  // (agents, dims)
  float *reward;      // (agents,)
  uint8_t *ended;     // (agents,)
  uint8_t *over;      // one
  float *metrics;     // (agents, CHECK_METRICS)
} CheckStep;

static struct {
  ShoalSpec spec;
  CheckParams *params, *params_kept;
  CheckShared *shared, *shared_kept;
  CheckState *state, *other, *kept;
  CheckStep step, trial;
  uint8_t *live;                 // (agents,)
  uint8_t **row, **row_again;    // (agents,) of row_bytes: over memory of 0x00 and of 0xFF
  uint8_t **mask, **mask_again;  // (agents,) of mask_bytes
  uint64_t seed, rng, hash;
  int32_t trace;                                            // print hashes of what each step leads to
  int32_t limit, manner;                                    // manner: how this episode's actions are chosen
  uint32_t lives, alone;                                    // lives that ended; steps in a row with nobody live
  uint32_t truncations, truncation_first, truncation_last;  // by step itself, and the least and greatest of their ticks
  uint32_t terminations, terminations_last, termination_last;  // how many, how many on the greatest tick, that tick
  uint32_t tried[SHOAL_MAX_HEADS][CHECK_PAIRS][CHECK_PAIRS], differed[SHOAL_MAX_HEADS][CHECK_PAIRS][CHECK_PAIRS];
  uint32_t still_tried[SHOAL_MAX_HEADS][CHECK_PAIRS], still[SHOAL_MAX_HEADS][CHECK_PAIRS];
  uint32_t dim_tried[SHOAL_MAX_DIMS], dim_differed[SHOAL_MAX_DIMS];
  uint32_t choices, idle;  // states in which a live agent could choose; in which no choice changed anything
  double *clock;           // (elements, 3): sums of x, x x, x tick over the rows that were seen
  double clock_rows, clock_tick, clock_ticks;  // their number, sums of tick and of tick tick
} check;

// ---------------------------------------------------------------------------------------------------- small things

static uint32_t check_draw(uint32_t n) {
  check.rng += 0x9E3779B97F4A7C15u;
  return (uint32_t)(((shoal_mix(check.rng) >> 32) * n) >> 32);
}

static void check_hash(const void *data, int64_t bytes) {
  const uint8_t *byte = (const uint8_t *)data;
  for (int64_t i = 0; i < bytes; i++) { check.hash = (check.hash ^ byte[i]) * 0x100000001B3u; }
}

static uint64_t check_hash_of(const void *data, int64_t bytes) {
  uint64_t kept = check.hash, found;
  check.hash = 0;
  check_hash(data, bytes);
  found = check.hash;
  check.hash = kept;
  return found;
}

// The first byte in which two arrays differ, or -1.
static int64_t check_first_difference(const void *a, const void *b, int64_t bytes) {
  const uint8_t *x = (const uint8_t *)a, *y = (const uint8_t *)b;
  if (bytes == 0 || memcmp(x, y, (size_t)bytes) == 0) { return -1; }
  for (int64_t i = 0; i < bytes; i++) {
    if (x[i] != y[i]) { return i; }
  }
  return -1;
}

static void check_copy(void *to, const void *from, int64_t bytes) {
  if (bytes) { memcpy(to, from, (size_t)bytes); }
}

static void check_keep_state(void) { check_copy(check.kept, check.state, check.spec.state_bytes); }

// A function that only reads has run since check_keep_state.
static void check_state_is_kept(const char *function, int32_t agent) {
  int64_t at = check_first_difference(check.kept, check.state, check.spec.state_bytes);
  if (at >= 0) {
    check_found("writes-state", function, "function=%s\toffset=%lld\tagent=%d", function, (long long)at, agent);
    check_copy(check.state, check.kept, check.spec.state_bytes);
  }
}

static void check_head(const ShoalHead *before, const char *function) {
  const ShoalHead *now = &check.state->head;
  const char *field = now->key != before->key           ? "key"
                      : now->episode != before->episode ? "episode"
                      : now->tick != before->tick       ? "tick"
                      : now->phase != before->phase     ? "phase"
                      : now->draws < before->draws      ? "draws"
                                                        : NULL;
  if (field) {
    check_found("writes-head", field, "function=%s\tfield=%s\ttick=%u", function, field, before->tick);
    check.state->head = *before;  // as the engine's count would have it
  }
}

// ---------------------------------------------------------------------------------------------------- observing

static float check_element(const ShoalField *field, const uint8_t *row, int32_t i) {
  const uint8_t *at = row + field->offset;
  float x;
  int16_t wide;
  switch (field->dtype) {
    case SHOAL_U8: return (float)at[i];
    case SHOAL_I8: return (float)(int8_t)at[i];
    case SHOAL_I16: memcpy(&wide, at + 2 * i, 2); return (float)wide;
    default: memcpy(&x, at + 4 * i, 4); return x;
  }
}

static void check_row(int32_t agent, const uint8_t *row) {
  double tick = (double)check.state->head.tick, *sums = check.clock;
  check.clock_rows += 1.0;
  check.clock_tick += tick;
  check.clock_ticks += tick * tick;
  for (int32_t f = 0; f < check.spec.num_fields; f++) {
    const ShoalField *field = &check.spec.fields[f];
    int32_t counted = field->kind == SHOAL_KIND_GRID || field->kind == SHOAL_KIND_CATEGORY;
    float high = counted ? (float)(field->categories - 1) : field->high, low = counted ? 0.0f : field->low;
    for (int32_t i = 0; i < field->rows * field->columns * field->channels; i++, sums += 3) {
      float x = check_element(field, row, i);
      if (!(x >= low && x <= high)) {
        check_found("outside-field", field->name,
                    "field=%s\telement=%d\tvalue=%.9g\tlow=%.9g\thigh=%.9g\tagent=%d\ttick=%u", field->name, i,
                    (double)x, (double)low, (double)high, agent, check.state->head.tick);
      } else {
        sums[0] += (double)x;
        sums[1] += (double)x * (double)x;
        sums[2] += (double)x * tick;
      }
    }
  }
}

static void check_mask(int32_t agent, const uint8_t *mask) {
  for (int32_t h = 0; h < check.spec.num_heads; h++) {
    const ShoalDiscrete *head = &check.spec.heads[h];
    int32_t legal = 0;
    if (!head->masked) { continue; }
    for (int32_t i = 0; i < head->size; i++) {
      legal += mask[i] != 0;
      if (mask[i] > 1) {
        check_found("mask-value", head->name, "head=%s\taction=%d\tvalue=%d\tagent=%d\ttick=%u", head->name, i, mask[i],
                    agent, check.state->head.tick);
      }
    }
    if (!legal) {
      check_found("no-legal-action", head->name, "head=%s\tagent=%d\ttick=%u", head->name, agent,
                  check.state->head.tick);
    }
    mask += head->size;
  }
}

// Observe an agent twice, over memory of zeros and of ones.
static void check_look(int32_t a) {
  int64_t row_bytes = check.spec.row_bytes, mask_bytes = check.spec.mask_bytes, at;
  memset(check.row[a], 0x00, (size_t)row_bytes);
  memset(check.row_again[a], 0xFF, (size_t)row_bytes);
  memset(check.mask[a], 0x00, (size_t)mask_bytes);
  memset(check.mask_again[a], 0xFF, (size_t)mask_bytes);
  check_keep_state();
  SHOAL_ENV_FN(observe)(check.params, check.shared, check.state, a, check.row[a], check.mask[a]);
  check_state_is_kept("observe", a);
  SHOAL_ENV_FN(observe)(check.params, check.shared, check.state, a, check.row_again[a], check.mask_again[a]);
  check_state_is_kept("observe", a);
  at = check_first_difference(check.row[a], check.row_again[a], row_bytes);
  if (at >= 0) {
    check_found("row-unwritten", "", "offset=%lld\tagent=%d\ttick=%u", (long long)at, a, check.state->head.tick);
  }
  at = check_first_difference(check.mask[a], check.mask_again[a], mask_bytes);
  if (at >= 0) {
    check_found("mask-unwritten", "", "offset=%lld\tagent=%d\ttick=%u", (long long)at, a, check.state->head.tick);
  }
  check_row(a, check.row[a]);
  check_mask(a, check.mask[a]);
  check_hash(check.row[a], row_bytes);
  check_hash(check.mask[a], mask_bytes);
}

static uint8_t check_is_live(int32_t a) {
#ifdef SHOAL_HAS_LIVE
  check_keep_state();
  uint8_t live = SHOAL_ENV_FN(live)(check.params, check.state, a) != 0;
  check_state_is_kept("live", a);
  return live;
#else
  (void)a;
  return 1;
#endif
}

// ---------------------------------------------------------------------------------------------------- acting

static int32_t check_is_legal(int32_t agent, int32_t head, int32_t action) {
  const uint8_t *mask = check.mask[agent];
  for (int32_t h = 0; h < head; h++) { mask += check.spec.heads[h].masked ? check.spec.heads[h].size : 0; }
  return !check.spec.heads[head].masked || mask[action] != 0;
}

// Any legal action of an agent, or any at all where there is none or it is absent.
static int32_t check_some_action(int32_t agent, int32_t head) {
  int32_t size = check.spec.heads[head].size, action = (int32_t)check_draw((uint32_t)size);
  for (int32_t i = 0; check.live[agent] && i < size && !check_is_legal(agent, head, action); i++) {
    action = (action + 1) % size;
  }
  return action;
}

static float check_some_number(int32_t dim) {
  const ShoalContinuous *bounds = &check.spec.dims[dim];
  uint32_t extreme = check_draw(8);
  if (extreme < 2) { return extreme ? bounds->high : bounds->low; }
  return bounds->low + (bounds->high - bounds->low) * (float)check_draw(1 << 24) * 0x1p-24f;
}

// The scripted policy's choice; says so where it is none.
static void check_script(int32_t a) {
#ifdef SHOAL_HAS_SCRIPTED
  int32_t heads = check.spec.num_heads, dims = check.spec.num_dims;
  int32_t *discrete = check.step.discrete + a * heads;
  float *continuous = check.step.continuous + a * dims;
  for (int32_t h = 0; h < heads; h++) { discrete[h] = -1; }
  for (int32_t d = 0; d < dims; d++) { continuous[d] = shoal_from_bits(0x7FC00000u); }
  check_keep_state();
  SHOAL_ENV_FN(scripted)
  (check.params, check.shared, check.state, a, (float)check_draw(3) * 0.5f, shoal_mix(check.rng), discrete, continuous);
  check_state_is_kept("scripted", a);
  for (int32_t h = 0; h < heads; h++) {
    int32_t inside = discrete[h] >= 0 && discrete[h] < check.spec.heads[h].size;
    if (!inside || !check_is_legal(a, h, discrete[h])) {
      check_found("scripted-illegal", check.spec.heads[h].name, "head=%s\taction=%d\tagent=%d\ttick=%u",
                  check.spec.heads[h].name, discrete[h], a, check.state->head.tick);
      discrete[h] = check_some_action(a, h);
    }
  }
  for (int32_t d = 0; d < dims; d++) {
    if (!(continuous[d] >= check.spec.dims[d].low && continuous[d] <= check.spec.dims[d].high)) {
      float x = continuous[d];
      if (x - x != 0.0f) {
        check_found("scripted-illegal", check.spec.dims[d].name, "head=%s\tnumber=%g\tagent=%d\ttick=%u",
                    check.spec.dims[d].name, (double)x, a, check.state->head.tick);
      }
      continuous[d] =
          x - x == 0.0f ? shoal_clamp(x, check.spec.dims[d].low, check.spec.dims[d].high) : check_some_number(d);
    }
  }
#else
  (void)a;
#endif
}

// Actions of live agents; those of absent ones are zero, as the engine has them.
static void check_act(void) {
  int32_t heads = check.spec.num_heads, dims = check.spec.num_dims;
  for (int32_t a = 0; a < check.spec.agents; a++) {
    int32_t *discrete = check.step.discrete + a * heads;
    float *continuous = check.step.continuous + a * dims;
    if (!check.live[a]) {
      memset(discrete, 0, (size_t)heads * sizeof *discrete);
      memset(continuous, 0, (size_t)dims * sizeof *continuous);
      continue;
    }
    if (check.manner == 0) {
      check_script(a);
      continue;
    }
    for (int32_t h = 0; h < heads; h++) {
      int32_t keep = check.manner == 1 && check_draw(10) && check_is_legal(a, h, discrete[h]);
      if (!keep) { discrete[h] = check_some_action(a, h); }
    }
    for (int32_t d = 0; d < dims; d++) {
      if (check.manner != 1 || !check_draw(10)) { continuous[d] = check_some_number(d); }
    }
  }
}

// Step check.other, a copy of the state, with the actions of check.trial.
static void check_try(void) {
  int64_t agents = check.spec.agents;
  check_copy(check.other, check.state, check.spec.state_bytes);
  check_copy(check.trial.metrics, check.step.metrics, agents * CHECK_METRICS * 4);
  memset(check.trial.reward, 0, (size_t)agents * sizeof *check.trial.reward);
  memset(check.trial.ended, 0, (size_t)agents);
  *check.trial.over = 0;
  check.other->head.tick++;
  check.other->head.phase = SHOAL_TAG_STEP;
  ShoalResult result = {check.trial.reward, check.trial.ended, check.trial.over, check.trial.metrics};
  SHOAL_ENV_FN(step)
  (check.params, check.shared, check.other, check.trial.discrete, check.trial.continuous, &result);
}

// A hash of all that the trial led to.
static uint64_t check_outcome(void) {
  uint64_t kept = check.hash, outcome;
  check_try();
  check_hash(check.other, check.spec.state_bytes);
  check_hash(check.trial.reward, check.spec.agents * 4);
  check_hash(check.trial.ended, check.spec.agents);
  check_hash(check.trial.over, 1);
  outcome = check.hash;
  check.hash = kept;
  return outcome;
}

static void check_same_actions(void) {
  check_copy(check.trial.discrete, check.step.discrete, (int64_t)check.spec.agents * check.spec.num_heads * 4);
  check_copy(check.trial.continuous, check.step.continuous, (int64_t)check.spec.agents * check.spec.num_dims * 4);
}

// The trial moved nothing but the clock, and brought nothing.
static int32_t check_is_still(void) {
  const int64_t head = sizeof(ShoalHead);
  const uint8_t *now = (const uint8_t *)check.other, *before = (const uint8_t *)check.state;
  return check_first_difference(now + head, before + head, check.spec.state_bytes - head) < 0 &&
         check.trial.reward[0] == 0.0f && !check.trial.ended[0] && !*check.trial.over;
}

// Does it matter what one of the agents does here: one action against another, then its whole choice.
static void check_effects(void) {
  int32_t a = (int32_t)check_draw((uint32_t)check.spec.agents), heads = check.spec.num_heads,
          dims = check.spec.num_dims;
  if (!check.live[a]) { return; }
  check_same_actions();
  uint64_t usual = check_outcome(), other;
  int32_t chose = 0, matters = 0;
  for (int32_t h = 0; h < heads; h++) {
    int32_t was = check.step.discrete[a * heads + h], action = check_some_action(a, h);
    if (action == was || !check_is_legal(a, h, action)) { continue; }
    check.trial.discrete[a * heads + h] = action;
    other = check_outcome();
    check.trial.discrete[a * heads + h] = was;
    chose = 1;
    matters |= other != usual;
    if (was >= CHECK_PAIRS || action >= CHECK_PAIRS) { continue; }
    if (check.spec.agents == 1 && heads + dims == 1) {
      check.still_tried[h][action]++;
      check.still[h][action] += (uint32_t)check_is_still();
    }
    check.tried[h][shoal_mini(was, action)][shoal_maxi(was, action)]++;
    check.differed[h][shoal_mini(was, action)][shoal_maxi(was, action)] += other != usual;
  }
  for (int32_t d = 0; d < dims; d++) {
    float was = check.step.continuous[a * dims + d], middle = 0.5f * (check.spec.dims[d].low + check.spec.dims[d].high);
    check.trial.continuous[a * dims + d] = was < middle ? check.spec.dims[d].high : check.spec.dims[d].low;
    other = check_outcome();
    check.trial.continuous[a * dims + d] = was;
    chose = 1;
    matters |= other != usual;
    check.dim_tried[d]++;
    check.dim_differed[d] += other != usual;
  }
  for (int32_t i = 0; chose && !matters && i < CHECK_ALTERNATIVES; i++) {
    for (int32_t h = 0; h < heads; h++) { check.trial.discrete[a * heads + h] = check_some_action(a, h); }
    for (int32_t d = 0; d < dims; d++) { check.trial.continuous[a * dims + d] = check_some_number(d); }
    matters = check_outcome() != usual;
  }
  check.choices += (uint32_t)chose;
  check.idle += (uint32_t)(chose && !matters);
}

// The same step with other actions of absent agents leads to the same.
static void check_absent(void) {
  int32_t heads = check.spec.num_heads, dims = check.spec.num_dims, absent = -1;
  check_same_actions();
  for (int32_t a = 0; a < check.spec.agents; a++) {
    if (check.live[a]) { continue; }
    absent = a;
    for (int32_t h = 0; h < heads; h++) { check.trial.discrete[a * heads + h] = check_some_action(a, h); }
    for (int32_t d = 0; d < dims; d++) { check.trial.continuous[a * dims + d] = check_some_number(d); }
  }
  if (absent < 0) { return; }
  check_try();
  check_copy(check.kept, check.other, check.spec.state_bytes);
  check_copy(check.trial.discrete, check.step.discrete, (int64_t)check.spec.agents * heads * 4);
  check_copy(check.trial.continuous, check.step.continuous, (int64_t)check.spec.agents * dims * 4);
  float rewards[SHOAL_MAX_AGENTS];
  uint8_t flags[SHOAL_MAX_AGENTS];
  memcpy(rewards, check.trial.reward, (size_t)check.spec.agents * sizeof *rewards);
  memcpy(flags, check.trial.ended, (size_t)check.spec.agents);
  check_try();
  int64_t at = check_first_difference(check.kept, check.other, check.spec.state_bytes);
  if (at >= 0) {
    check_found("absent-acts", "", "offset=%lld\tagent=%d\ttick=%u", (long long)at, absent, check.other->head.tick);
  }
  for (int32_t a = 0; a < check.spec.agents; a++) {
    if (check.live[a] && (memcmp(&rewards[a], &check.trial.reward[a], 4) || flags[a] != check.trial.ended[a])) {
      check_found("absent-acts", "", "of=%d\tagent=%d\ttick=%u", a, absent, check.other->head.tick);
    }
  }
}

// ---------------------------------------------------------------------------------------------------- an episode

static void check_begin(uint32_t episode) {
  ShoalHead head = {
      .key = shoal_hash(check.seed, SHOAL_TAG_EPISODE, 0, episode), .episode = episode, .phase = SHOAL_TAG_RESET};
  memset(check.state, 0, (size_t)check.spec.state_bytes);
  check.state->head = head;
  SHOAL_ENV_FN(reset)(check.params, check.shared, check.state);
  check_head(&head, "reset");
  for (int32_t a = 0; a < check.spec.agents; a++) { check.live[a] = check_is_live(a); }
  check.manner = (int32_t)check_draw(4);
#ifndef SHOAL_HAS_SCRIPTED
  check.manner = shoal_maxi(check.manner, 1);
#endif
}

static void check_life(int32_t a) {
  float *metrics = check.step.metrics + a * CHECK_METRICS;
  check.lives++;
  for (int32_t m = 0; m < CHECK_METRICS; m++) {
    int32_t perf = strcmp(check_metric_names[m], "perf") == 0;
    int32_t finite = metrics[m] - metrics[m] == 0.0f;
    if (!finite || (perf && !(metrics[m] >= 0.0f && metrics[m] <= 1.0f))) {
      check_found("metric", check_metric_names[m], "metric=%s\tvalue=%.9g\tagent=%d\ttick=%u", check_metric_names[m],
                  (double)metrics[m], a, check.state->head.tick);
    }
    metrics[m] = 0.0f;
  }
}

// What step decided about live agents, before the engine adds the time limit.
static void check_flags(void) {
  uint32_t tick = check.state->head.tick, truncated = *check.step.over, terminated = 0;
  for (int32_t a = 0; a < check.spec.agents; a++) {
    uint8_t ended = check.step.ended[a];
    if (!check.live[a]) { continue; }
    if (ended > (SHOAL_TERMINATED | SHOAL_TRUNCATED)) {
      check_found("flag", "", "value=%d\tagent=%d\ttick=%u", ended, a, tick);
    }
    truncated |= ended & SHOAL_TRUNCATED;
    terminated |= ended & SHOAL_TERMINATED;
    if (check.step.reward[a] - check.step.reward[a] != 0.0f) {
      check_found("reward", "", "value=%g\tagent=%d\ttick=%u", (double)check.step.reward[a], a, tick);
    }
  }
  if (truncated && !terminated) {
    check.truncation_first =
        check.truncations++ ? (tick < check.truncation_first ? tick : check.truncation_first) : tick;
    check.truncation_last = tick > check.truncation_last ? tick : check.truncation_last;
  }
  if (terminated) {
    check.terminations++;
    check.terminations_last =
        tick > check.termination_last ? 1 : check.terminations_last + (tick == check.termination_last);
    check.termination_last = tick > check.termination_last ? tick : check.termination_last;
  }
}

// 5 to 8 of CONTRACT's step.
static void check_finish(int32_t over) {
  uint8_t was[SHOAL_MAX_AGENTS], ended[SHOAL_MAX_AGENTS];
  int32_t agents = check.spec.agents, anyone = 0;
  memcpy(was, check.live, (size_t)agents);
  memcpy(ended, check.step.ended, (size_t)agents);
  for (int32_t a = 0; a < agents; a++) {
    if (over && was[a] && !ended[a]) { ended[a] = SHOAL_TRUNCATED; }
    if (ended[a] == SHOAL_TRUNCATED) { check_look(a); }
    if (ended[a]) { check_life(a); }
  }
  if (over) {
    check_begin(check.state->head.episode + 1);
    return;
  }
#ifdef SHOAL_HAS_RESPAWN
  check.state->head.phase = SHOAL_TAG_RESPAWN;
  for (int32_t a = 0; a < agents; a++) {
    ShoalHead head = check.state->head;
    if (ended[a]) {
      SHOAL_ENV_FN(respawn)(check.params, check.shared, check.state, a);
      check_head(&head, "respawn");
    }
  }
#endif
  for (int32_t a = 0; a < agents; a++) {
    check.live[a] = check_is_live(a);
#if !defined(SHOAL_HAS_LIVE) && !defined(SHOAL_HAS_RESPAWN)
    check.live[a] = was[a] && !ended[a];
#endif
    anyone |= check.live[a];
    if (was[a] && !check.live[a] && !ended[a]) {
      check_found("left", "", "agent=%d\ttick=%u", a, check.state->head.tick);
    }
  }
  check.alone = anyone ? 0 : check.alone + 1;
  if (check.alone == 1000) { check_found("alone", "", "tick=%u", check.state->head.tick); }
}

static void check_one_step(int32_t trials) {
  int32_t agents = check.spec.agents, over, remaining = 0;
  check_act();
  check_absent();
  if (trials) { check_effects(); }
  memset(check.step.reward, 0, (size_t)agents * sizeof *check.step.reward);
  memset(check.step.ended, 0, (size_t)agents);
  *check.step.over = 0;
  check.state->head.tick++;
  check.state->head.phase = SHOAL_TAG_STEP;
  ShoalHead head = check.state->head;
  ShoalResult result = {check.step.reward, check.step.ended, check.step.over, check.step.metrics};
  SHOAL_ENV_FN(step)
  (check.params, check.shared, check.state, check.step.discrete, check.step.continuous, &result);
  check_head(&head, "step");
  for (int32_t a = 0; a < agents; a++) {
    if (!check.live[a]) {
      check.step.reward[a] = 0.0f;
      check.step.ended[a] = 0;
      memset(check.step.metrics + a * CHECK_METRICS, 0, CHECK_METRICS * sizeof(float));
    }
    remaining |= check.live[a] && !check.step.ended[a];
  }
  check_flags();
  check_hash(check.state, check.spec.state_bytes);
  check_hash(check.step.reward, agents * 4);
  check_hash(check.step.ended, agents);
  over = *check.step.over || check.state->head.tick >= (uint32_t)check.limit;
#if !defined(SHOAL_HAS_LIVE) && !defined(SHOAL_HAS_RESPAWN)
  over |= !remaining;
#endif
  if (check.trace) {
    printf("trace\tState=%016llx\tresult->reward=%016llx\tresult->ended=%016llx\tresult->metrics=%016llx\n",
           (unsigned long long)check_hash_of(check.state, check.spec.state_bytes),
           (unsigned long long)check_hash_of(check.step.reward, agents * 4),
           (unsigned long long)check_hash_of(check.step.ended, agents),
           (unsigned long long)check_hash_of(check.step.metrics, (int64_t)agents * CHECK_METRICS * 4));
  }
  check_finish(over);
  for (int32_t a = 0; a < agents; a++) {
    if (check.live[a]) { check_look(a); }
  }
}

// ---------------------------------------------------------------------------------------------------- the program

// Allocate everything, or say why the environment refuses these parameters.
static int32_t check_create(const char *hexadecimal) {
  check.params = (CheckParams *)check_room("Params", sizeof *check.params);
  uint8_t *table = (uint8_t *)check.params + sizeof(ShoalSizes);
  for (size_t i = 0; i + sizeof(ShoalSizes) < sizeof *check.params && hexadecimal[2 * i]; i++) {
    char pair[3] = {hexadecimal[2 * i], hexadecimal[2 * i + 1], 0};
    table[i] = (uint8_t)strtoul(pair, NULL, 16);
  }
  const char *refusal = SHOAL_ENV_FN(spec)(check.params, &check.spec);
  if (refusal) {
    printf("refused\tsentence=%s\n", refusal);
    return 0;
  }
  ShoalSpec *spec = &check.spec;
  if (spec->state_bytes == 0) { spec->state_bytes = (int64_t)sizeof(CheckState); }
  spec->row_bytes = (spec->row_bytes + 3) / 4 * 4;
  check.params->size.agents = spec->agents;
  memcpy(check.params->size.offset, spec->offset, sizeof spec->offset);
  check.params_kept = (CheckParams *)check_room("Params", sizeof *check.params);
  memcpy(check.params_kept, check.params, sizeof *check.params);
#ifdef SHOAL_HAS_SHARED
  spec->shared_bytes = SHOAL_ENV_FN(shared_bytes)(check.params);
  check.shared = (CheckShared *)check_room("Shared", spec->shared_bytes);
  check.shared_kept = (CheckShared *)check_room("Shared", spec->shared_bytes);
  memset(check.shared_kept, 0xFF, (size_t)spec->shared_bytes);
  SHOAL_ENV_FN(shared)(check.params, check.seed, check.shared_kept);
  SHOAL_ENV_FN(shared)(check.params, check.seed, check.shared);
  int64_t at = check_first_difference(check.shared, check.shared_kept, spec->shared_bytes);
  if (at >= 0) { check_found("shared-unwritten", "", "offset=%lld", (long long)at); }
  check_copy(check.shared_kept, check.shared, spec->shared_bytes);
#endif
  int64_t agents = spec->agents, elements = 0;
  CheckState **states[] = {&check.state, &check.other, &check.kept};
  CheckStep *steps[] = {&check.step, &check.trial};
  for (size_t i = 0; i < 3; i++) { *states[i] = (CheckState *)check_room("State", spec->state_bytes); }
  for (size_t i = 0; i < 2; i++) {
    steps[i]->discrete = (int32_t *)check_room("the discrete actions", agents * spec->num_heads * 4);
    steps[i]->continuous = (float *)check_room("the continuous actions", agents * spec->num_dims * 4);
    steps[i]->reward = (float *)check_room("result->reward", agents * 4);
    steps[i]->ended = (uint8_t *)check_room("result->ended", agents);
    steps[i]->over = (uint8_t *)check_room("result->over", 1);
    steps[i]->metrics = (float *)check_room("result->metrics", agents * CHECK_METRICS * 4);
  }
  uint8_t ***places[] = {&check.row, &check.row_again, &check.mask, &check.mask_again};
  for (size_t i = 0; i < 4; i++) {
    *places[i] = (uint8_t **)calloc((size_t)agents, sizeof(uint8_t *));
    for (int32_t a = 0; a < agents; a++) {
      (*places[i])[a] = (uint8_t *)check_room(i < 2 ? "the observation row" : "the action mask",
                                              i < 2 ? spec->row_bytes : spec->mask_bytes);
    }
  }
  check.live = (uint8_t *)check_room("live", agents);
  for (int32_t f = 0; f < spec->num_fields; f++) {
    elements += (int64_t)spec->fields[f].rows * spec->fields[f].columns * spec->fields[f].channels;
  }
  check.clock = (double *)calloc((size_t)elements * 3, sizeof *check.clock);
  return 1;
}

// The greatest correlation of any element of the rows with the tick.
static double check_clock(void) {
  double greatest = 0.0, n = check.clock_rows, spread = n * check.clock_ticks - check.clock_tick * check.clock_tick;
  const double *sums = check.clock;
  for (int32_t f = 0; f < check.spec.num_fields; f++) {
    const ShoalField *field = &check.spec.fields[f];
    for (int32_t i = 0; i < field->rows * field->columns * field->channels; i++, sums += 3) {
      double mine = n * sums[1] - sums[0] * sums[0], both = n * sums[2] - sums[0] * check.clock_tick;
      double square = mine * spread > 0.0 ? both * both / (mine * spread) : 0.0;
      greatest = square > greatest ? square : greatest;
    }
  }
  return greatest;
}

static void check_report(int64_t steps, double seconds) {
  if (check_first_difference(check.params, check.params_kept, sizeof *check.params) >= 0) {
    check_found("writes-params", "", "offset=%lld",
                (long long)check_first_difference(check.params, check.params_kept, sizeof *check.params));
  }
  int64_t at = check_first_difference(check.shared, check.shared_kept, check.spec.shared_bytes);
  if (at >= 0) { check_found("writes-shared", "", "offset=%lld", (long long)at); }
  check_bands();
  for (int32_t h = 0; h < check.spec.num_heads; h++) {
    for (int32_t i = 0; i < CHECK_PAIRS; i++) {
      if (check.still_tried[h][i]) {
        printf("still\thead=%d\taction=%d\ttried=%u\tstill=%u\n", h, i, check.still_tried[h][i], check.still[h][i]);
      }
      for (int32_t j = i + 1; j < CHECK_PAIRS; j++) {
        if (!check.tried[h][i][j]) { continue; }
        printf("pair\thead=%d\tfirst=%d\tsecond=%d\ttried=%u\tdiffered=%u\n", h, i, j, check.tried[h][i][j],
               check.differed[h][i][j]);
      }
    }
  }
  for (int32_t d = 0; d < check.spec.num_dims; d++) {
    printf("dim\tdim=%d\ttried=%u\tdiffered=%u\n", d, check.dim_tried[d], check.dim_differed[d]);
  }
  printf(
      "played\tsteps=%lld\tseconds=%.3f\tlives=%u\thash=%016llx\tclock=%.4f\tchoices=%u\tidle=%u\ttruncations=%u\t"
      "truncation_first=%u\ttruncation_last=%u\tterminations=%u\tterminations_last=%u\ttermination_last=%u\n",
      (long long)steps, seconds, check.lives, (unsigned long long)check.hash, check_clock(), check.choices, check.idle,
      check.truncations, check.truncation_first, check.truncation_last, check.terminations, check.terminations_last,
      check.termination_last);
}

int main(int argc, char **argv) {
  if (argc < 6) { return 2; }
  check.trace = argc > 6;
  check.seed = strtoull(argv[1], NULL, 10);
  check.rng = shoal_mix(check.seed);
  int64_t steps = atoll(argv[2]), step = 0;
  double seconds = atof(argv[3]);
  signal(SIGALRM, check_hung);
  alarm(CHECK_HANG);
  if (!check_create(argv[5])) { return 0; }
  check.limit = atoi(argv[4]) ? atoi(argv[4]) : check.spec.max_steps;
  clock_t began = clock();
  check_begin(0);
  for (int32_t a = 0; a < check.spec.agents; a++) {
    if (check.live[a]) { check_look(a); }
  }
  for (; step < steps && (double)(clock() - began) < seconds * (double)CLOCKS_PER_SEC; step++) {
    if (step % 256 == 0) { alarm(CHECK_HANG); }
    check_one_step(step % 2 == 0);
  }
  check_report(step, (double)(clock() - began) / (double)CLOCKS_PER_SEC);
  return 0;
}

#endif
