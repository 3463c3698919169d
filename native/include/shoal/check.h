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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "shoal/check_act.h"
#include "shoal/check_look.h"
#include "shoal/check_world.h"

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

// 5 to 8 of a step (docs/concepts/contract.md).
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
  ShoalHead head = check_call_step(check.state, &check.step);
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
  check_look_around();
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
  check.rows = (uint8_t *)check_room("the observation rows", agents * spec->row_bytes);
  check.masks = (uint8_t *)check_room("the action masks", agents * spec->mask_bytes);
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

// From here on, so much of the processor's time may pass until the next call: on a busy machine seconds say little.
static void check_watch(void) {
  struct itimerval left = {{0, 0}, {CHECK_HANG, 0}};
  setitimer(ITIMER_VIRTUAL, &left, NULL);
}

int main(int argc, char **argv) {
  if (argc < 6) { return 2; }
  check.trace = argc > 6;
  check.seed = strtoull(argv[1], NULL, 10);
  check.rng = shoal_mix(check.seed);
  int64_t steps = atoll(argv[2]), step = 0;
  double seconds = atof(argv[3]);
  signal(SIGVTALRM, check_hung);
  check_watch();
  if (!check_create(argv[5])) { return 0; }
  check.limit = atoi(argv[4]) ? atoi(argv[4]) : check.spec.max_steps;
  clock_t began = clock();
  check_begin(0);
  check_look_around();
  for (; step < steps && (double)(clock() - began) < seconds * (double)CLOCKS_PER_SEC; step++) {
    if (step % 256 == 0) { check_watch(); }
    check_one_step(step % 2 == 0);
    if (step % 16 == 0) { check_draw_state(); }
  }
  check_report(step, (double)(clock() - began) / (double)CLOCKS_PER_SEC);
  return 0;
}

#endif
