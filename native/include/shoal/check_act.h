// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// For check.h: choosing actions, and trying others in copies of the state: do they matter, and do those of agents who
// are not there.
#ifndef SHOAL_CHECK_ACT_H
#define SHOAL_CHECK_ACT_H

#include "shoal/check_look.h"
#include "shoal/check_world.h"

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

// Step `state` with the actions of `step`, which takes the result; returns the head that step was given.
static ShoalHead check_call_step(CheckState *state, CheckStep *step) {
  memset(step->reward, 0, (size_t)check.spec.agents * sizeof *step->reward);
  memset(step->ended, 0, (size_t)check.spec.agents);
  *step->over = 0;
  state->head.tick++;
  state->head.phase = SHOAL_TAG_STEP;
  ShoalHead head = state->head;
  ShoalResult result = {step->reward, step->ended, step->over, step->metrics};
  SHOAL_ENV_FN(step)(check.params, check.shared, state, step->discrete, step->continuous, &result);
  return head;
}

// Step check.other, a copy of the state, with the actions of check.trial.
static void check_try(void) {
  check_copy(check.other, check.state, check.spec.state_bytes);
  check_copy(check.trial.metrics, check.step.metrics, (int64_t)check.spec.agents * CHECK_METRICS * 4);
  check_call_step(check.other, &check.trial);
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

#endif
