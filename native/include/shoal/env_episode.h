// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// What surrounds the steps of an environment: how an episode begins, how agents are observed, and what an ended life
// leaves in the statistics. Included by env_block.h alone, before env_step.h, whose steps are made of it.
//
// An environment of several agents may help, with a hint that changes no number:
//
//   SHOAL_ENV_OBSERVE_ALL(params)  an expression: with these parameters, and all agents of a world live,
//       game_observe_all(params, shared, const GameState *, void *rows, int64_t row_stride, uint8_t *masks,
//                        int64_t mask_stride)
//   writes the bytes that observe would for each, strides apart. Agents that observe together can be the lanes of a
//   vector, where one alone would sort or search by itself (target).

// 1: the one agent of a world is there in every step: its flag ends the world, and the reset brings it back.
#if defined(SHOAL_ENV_AGENTS) && !defined(SHOAL_HAS_LIVE)
#define SHOAL_ALWAYS_LIVE (SHOAL_ENV_AGENTS == 1)
#else
#define SHOAL_ALWAYS_LIVE 0
#endif

#define SHOAL_INLINE inline __attribute__((always_inline))
#define SHOAL_STATE_AT(states, e, bytes) ((SHOAL_ENV_TYPE(State) *)(void *)((states) + (int64_t)(e) * (bytes)))
#define SHOAL_STATE_OF(vec, e) SHOAL_STATE_AT((vec)->state, e, (vec)->state_bytes)
#ifndef SHOAL_METRIC_COUNT
#define SHOAL_METRIC_COUNT ((int32_t)(sizeof(SHOAL_ENV_TYPE(Metrics)) / sizeof(float)))
#endif

// Append the observed parameters of environment e to a row.
static void SHOAL_LOOP(tell)(const ShoalVec *vec, int32_t e, uint8_t *row) {
  const uint8_t *params = vec->params + e * vec->params_stride;
  for (int32_t k = 0; k < vec->num_observed; k++) {
    uint32_t bits;
    __builtin_memcpy(&bits, params + shoal_param_offset(vec->observed[k]), 4);
    int32_t real = vec->env->params[vec->observed[k]].type == SHOAL_PARAM_FLOAT;
    float value = real ? shoal_from_bits(bits) : (float)(int32_t)bits;
    __builtin_memcpy(row + vec->observed_offset + 4 * k, &value, 4);
  }
}

// Observe the agents of `count` environments from `first` on, or zero row and mask of those that are absent. i: the
// block's index of the first agent.
static SHOAL_INLINE void SHOAL_LOOP(look)(const ShoalVec *vec, int32_t first, int32_t count, int64_t i,
                                          const ShoalIo *io, const int64_t state_bytes, const int32_t own) {
  const SHOAL_ENV_TYPE(Params) common = *SHOAL_PARAMS_OF(vec);  // a copy: the rows cannot alias it
  const uint8_t *states = vec->state + first * state_bytes, *live = vec->live + (int64_t)first * SHOAL_AGENTS(vec);
  int64_t row_stride = io->row_stride, mask_stride = io->mask_stride;
  int64_t row_bytes = vec->row_bytes, mask_bytes = vec->mask_bytes;
  uint8_t *row = io->rows + i * row_stride, *mask = io->masks + i * mask_stride;
  int32_t agents = SHOAL_AGENTS(vec);
  for (int32_t e = 0; e < count; e++) {
    const SHOAL_ENV_TYPE(Params) *params = own ? SHOAL_PARAMS_AT(vec, first + e) : &common;
#ifdef SHOAL_ENV_OBSERVE_ALL
    int32_t all = (SHOAL_ENV_OBSERVE_ALL(params)) != 0;
    for (int32_t a = 0; a < agents; a++) { all &= SHOAL_ALWAYS_LIVE || live[a]; }
    if (all) {
      SHOAL_ENV_FN(observe_all)
      (params, SHOAL_SHARED_OF(vec, first + e), SHOAL_STATE_AT((uint8_t *)states, e, state_bytes), row, row_stride,
       mask, mask_stride);
      live += agents;
      row += agents * row_stride;
      mask += agents * mask_stride;
      continue;
    }
#endif
    for (int32_t a = 0; a < agents; a++, live++, row += row_stride, mask += mask_stride) {
      if (SHOAL_ALWAYS_LIVE || *live) {
        const SHOAL_ENV_TYPE(State) *state = SHOAL_STATE_AT((uint8_t *)states, e, state_bytes);
        SHOAL_ENV_FN(observe)(params, SHOAL_SHARED_OF(vec, first + e), state, a, row, mask);
      } else {
        __builtin_memset(row, 0, (uint64_t)row_bytes);
        if (mask_bytes) { __builtin_memset(mask, 0, (uint64_t)mask_bytes); }
      }
    }
  }
  if (__builtin_expect(vec->num_observed > 0, 0)) {
    row = io->rows + i * row_stride;
    live = vec->live + (int64_t)first * agents;
    for (int32_t r = 0; r < count * agents; r++) {
      if (live[r]) { SHOAL_LOOP(tell)(vec, first + r / agents, row + r * row_stride); }
    }
  }
}

// The same where speed does not matter, wherever the parameters stand.
static void SHOAL_LOOP(look_at)(const ShoalVec *vec, int32_t first, int32_t count, int64_t i, const ShoalIo *io) {
  SHOAL_LOOP(look)(vec, first, count, i, io, vec->state_bytes, 1);
}

// What an environment takes over at its reset: the newest Params, with contexts drawn over them, and Shared.
static __attribute__((noinline)) void SHOAL_LOOP(adopt)(const ShoalVec *vec, int32_t e, uint64_t key) {
  uint8_t *params = vec->params + e * vec->params_stride;
  __builtin_memcpy(params, vec->newest, (uint64_t)vec->params_bytes);
  for (int32_t c = 0; c < vec->num_contexts; c++) {
    uint32_t bits = shoal_context_draw(&vec->contexts[c], key);
    __builtin_memcpy(params + shoal_param_offset(vec->contexts[c].param), &bits, 4);
  }
  if (vec->shared_version) { vec->shared_version[e] = vec->newest_shared; }
}

// Start an episode: State is zero but for its head.
static void SHOAL_LOOP(begin)(const ShoalVec *vec, int32_t e, uint32_t episode) {
  SHOAL_ENV_TYPE(State) *state = SHOAL_STATE_OF(vec, e);
  uint64_t index = (uint64_t)(vec->first_index + e);
  __builtin_memset(state, 0, (uint64_t)vec->state_bytes);
  state->head.key = shoal_hash(vec->seed, SHOAL_TAG_EPISODE, index, episode);
  state->head.episode = episode;
  state->head.phase = SHOAL_TAG_RESET;
  vec->limits[e] = vec->max_steps;
  if (vec->stagger && episode == 0) {
    uint64_t hash = shoal_hash(vec->seed, SHOAL_TAG_STAGGER, index, 0);
    vec->limits[e] = 1 + (int32_t)(((hash >> 32) * (uint64_t)(uint32_t)vec->max_steps) >> 32);
  }
  if (vec->params_stride) { SHOAL_LOOP(adopt)(vec, e, state->head.key); }
  for (int32_t a = 0; vec->players && a < SHOAL_AGENTS(vec); a++) {
    vec->players[(int64_t)e * SHOAL_AGENTS(vec) + a] =
        vec->next_players[(int64_t)e * vec->teams + vec->spec.team_of[a]];
  }
  SHOAL_ENV_FN(reset)(SHOAL_PARAMS_AT(vec, e), SHOAL_SHARED_OF(vec, e), state);
  for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
    int64_t row = (int64_t)e * SHOAL_AGENTS(vec) + a;
#ifdef SHOAL_HAS_LIVE
    vec->live[row] = (uint8_t)(SHOAL_ENV_FN(live)(SHOAL_PARAMS_AT(vec, e), state, a) != 0);
#else
    vec->live[row] = 1;
#endif
    vec->starts[row] = vec->live[row];
  }
}

// The sums of a life that has ended or begins; they stay zero while an agent is absent.
static inline void SHOAL_LOOP(zero_life)(const ShoalVec *vec, int64_t row) {
  vec->returns[row] = 0.0f;
  vec->lengths[row] = 0;
  for (int32_t m = 0; m < SHOAL_METRIC_COUNT; m++) { vec->metric_values[row * SHOAL_METRIC_COUNT + m] = 0.0f; }
  if (vec->since_returns) {
    vec->since_returns[row] = 0.0f;
    vec->since_lengths[row] = 0;
  }
}

static void SHOAL_LOOP(block_reset)(const ShoalVec *vec, int32_t first, int32_t count, const ShoalIo *io) {
  for (int32_t e = first; e < first + count; e++) {
    SHOAL_LOOP(begin)(vec, e, 0);
    if (vec->waiting) { vec->waiting[e] = 0; }
    for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) { SHOAL_LOOP(zero_life)(vec, (int64_t)e * SHOAL_AGENTS(vec) + a); }
  }
  SHOAL_LOOP(look_at)(vec, first, count, 0, io);
}

static void SHOAL_LOOP(block_observe)(const ShoalVec *vec, int32_t first, int32_t count, const ShoalIo *io) {
  SHOAL_LOOP(look_at)(vec, first, count, 0, io);
}
// 6. Add one ended life to the agent's own record, and to the block's statistics if player 0 lived it.
static void SHOAL_LOOP(emit)(const ShoalVec *vec, int64_t row, double *stats) {
  double *out = stats + SHOAL_STATS_FIRST;
  if (vec->players) {
    float *record = vec->lives + row * SHOAL_LIVES_SIZE(SHOAL_METRIC_COUNT);
    record[0] += 1.0f;
    for (int32_t m = 0; m < SHOAL_METRIC_COUNT; m++) {
      record[1 + m] += vec->metric_values[row * SHOAL_METRIC_COUNT + m];
    }
    record[1 + SHOAL_METRIC_COUNT] += vec->returns[row];
    record[2 + SHOAL_METRIC_COUNT] += (float)vec->lengths[row];
    if (vec->players[row]) { return; }
  }
  stats[SHOAL_STATS_LIVES] += 1.0;
  for (int32_t m = 0; m < SHOAL_METRIC_COUNT; m++, out += 2) {
    double value = (double)vec->metric_values[row * SHOAL_METRIC_COUNT + m];
    out[0] += value;
    out[1] += value * value;
  }
  out[0] += (double)vec->returns[row];
  out[1] += (double)vec->returns[row] * (double)vec->returns[row];
  out[2] += (double)vec->lengths[row];
  out[3] += (double)vec->lengths[row] * (double)vec->lengths[row];
}

// A reward counts in the return and length since the last partial emission, which may be now.
static void SHOAL_LOOP(emit_partial)(const ShoalVec *vec, int64_t row, int64_t rows, const ShoalIo *io) {
  int32_t now = (io->clock + 1) % vec->metric_steps == 0;
  for (int64_t r = row; r < row + rows; r++) {
    if (!vec->live[r] || (vec->players && vec->players[r])) { continue; }
    vec->since_returns[r] += vec->rewards[r];
    vec->since_lengths[r]++;
    if (now && !vec->ended[r]) {
      io->stats[SHOAL_STATS_PARTIAL] += 1.0;
      io->stats[SHOAL_STATS_PARTIAL_RETURN] += (double)vec->since_returns[r];
      io->stats[SHOAL_STATS_PARTIAL_LENGTH] += (double)vec->since_lengths[r];
      vec->since_returns[r] = 0.0f;
      vec->since_lengths[r] = 0;
    }
  }
}
