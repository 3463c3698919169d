// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// A step of a block of environments, numbered as in docs/concepts/contract.md. Included by env_block.h alone.
//
// The block is taken in runs of up to SHOAL_RUN environments, and each number is a loop over the run: environments do
// not see one another, so the order within each is the contract's, while plain loops vectorise and an environment does
// not wait for another's long chain of arithmetic. A run's states and rows fit the first cache, or nearly.
//
// An environment's header may help, with two hints that change no number:
//
//   SHOAL_ENV_USUAL(params)  an expression: the parameters that the compiler may take as given in an instance of the
//                            step of their own. With others the general instance runs. Where environments have
//                            parameters of their own, those of a whole run must be usual.
//   SHOAL_ENV_LANES          with usual parameters `step` has no branch: copies become lanes of a vector. It pays where
//                            arithmetic outweighs collecting fields from the states (cartpole; not squared), and
//                            takes the compiler's -fopenmp-simd.

#ifndef SHOAL_ENV_USUAL
#define SHOAL_ENV_USUAL(params) 1
#endif

#ifdef SHOAL_ENV_LANES
#define SHOAL_RUN_PRAGMA _Pragma("omp simd")
// GCC makes lanes of the fields of structs whose size it does not know, and of others only if it is a power of two.
#define SHOAL_RUN_STRIDE(vec, bytes) ((vec)->state_bytes)
#ifndef __clang__
// A call that is left makes no lanes, and there are more instances than GCC inlines by itself.
static inline __attribute__((always_inline)) __typeof__(SHOAL_ENV_FN(step)) SHOAL_ENV_FN(step);
#endif
#else
#define SHOAL_RUN_PRAGMA
#define SHOAL_RUN_STRIDE(vec, bytes) (bytes)
#endif

#define SHOAL_PARAMS_ROW(rows, e, stride) \
  ((const SHOAL_ENV_TYPE(Params) *)(const void *)((rows) + (int64_t)(e) * (stride)))

// 1. Clean the actions of `rows` agents in place; returns how many were bad. heads and dims are constants in the
// instance that matters, so that these loops vectorise.
static SHOAL_INLINE int32_t SHOAL_LOOP(clean)(const ShoalVec *vec, int64_t rows, const uint8_t *restrict live,
                                              int32_t *restrict discrete, float *restrict continuous,
                                              const uint8_t *legal, int64_t legal_stride, const int32_t heads,
                                              const int32_t dims) {
  int32_t bad = 0;
  for (int32_t h = 0; h < heads; h++) {
    int32_t size = vec->spec.heads[h].size;
    if (!vec->spec.heads[h].masked) {
      for (int64_t r = 0; r < rows; r++) {
        int32_t action = discrete[r * heads + h], out = (uint32_t)action >= (uint32_t)size;
        int32_t there = SHOAL_ALWAYS_LIVE || live[r];
        discrete[r * heads + h] = (out | !there) ? 0 : action;
        bad += out & there;
      }
      continue;
    }
    for (int64_t r = 0; r < rows; r++) {
      const uint8_t *mask = legal + r * legal_stride;
      int32_t action = discrete[r * heads + h];
      if (!SHOAL_ALWAYS_LIVE && !live[r]) {
        discrete[r * heads + h] = 0;
      } else if (__builtin_expect((uint32_t)action >= (uint32_t)size || !mask[action], 0)) {
        for (action = 0; action < size - 1 && !mask[action];) { action++; }
        discrete[r * heads + h] = action;
        bad++;
      }
    }
    legal += size;
  }
  for (int32_t d = 0; d < dims; d++) {
    float low = vec->spec.dims[d].low, high = vec->spec.dims[d].high;
    for (int64_t r = 0; r < rows; r++) {
      float x = continuous[r * dims + d];
      float clean = shoal_clamp(x - x == 0.0f ? x : 0.0f, low, high);
      int32_t there = SHOAL_ALWAYS_LIVE || live[r];
      bad += there & (clean != x);
      continuous[r * dims + d] = there ? clean : 0.0f;
    }
  }
  return bad;
}

// 5 to 8, but for the rows, of an environment in which something ended. i: the block's index of its first agent.
// Returns the number of agents that were flagged.
static __attribute__((noinline)) int32_t SHOAL_LOOP(finish)(const ShoalVec *vec, int32_t e, int64_t i, int32_t over,
                                                            const ShoalIo *io) {
  const SHOAL_ENV_TYPE(Params) *params = SHOAL_PARAMS_AT(vec, e);
  SHOAL_ENV_TYPE(State) *state = SHOAL_STATE_OF(vec, e);
  int64_t base = (int64_t)e * SHOAL_AGENTS(vec);
  int32_t flagged = 0, emits = state->head.episode >= vec->emit_from && state->head.episode < vec->emit_until;
  for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
    uint8_t ended = vec->ended[base + a];
    if (!ended) { continue; }
    flagged++;
    if (io->final_rows && (vec->final_all || !(ended & SHOAL_TERMINATED))) {  // 5
      uint8_t *row = io->final_rows + (i + a) * io->final_stride;
      SHOAL_ENV_FN(observe)(params, SHOAL_SHARED_OF(vec, e), state, a, row,
                            io->final_masks + (i + a) * io->final_mask_stride);
      if (vec->num_observed) { SHOAL_LOOP(tell)(vec, e, row); }
    }
    if (emits) { SHOAL_LOOP(emit)(vec, base + a, io->stats); }  // 6
    SHOAL_LOOP(zero_life)(vec, base + a);
  }
  if (over && vec->mode != SHOAL_RESET_SAME_STEP) {  // the ordinary rows hold the final observations
    vec->waiting[e] = 1;
    return flagged;
  }
  if (over) {  // 7
    SHOAL_LOOP(begin)(vec, e, state->head.episode + 1);
    return flagged;
  }
#ifdef SHOAL_HAS_RESPAWN
  state->head.phase = SHOAL_TAG_RESPAWN;
  for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
    if (vec->ended[base + a]) { SHOAL_ENV_FN(respawn)(params, SHOAL_SHARED_OF(vec, e), state, a); }
  }
#endif
  for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {  // 8
    uint8_t was = vec->live[base + a], ended = vec->ended[base + a];
#if defined(SHOAL_HAS_LIVE)
    uint8_t now = (uint8_t)(SHOAL_ENV_FN(live)(params, state, a) != 0);
#elif defined(SHOAL_HAS_RESPAWN)
    uint8_t now = 1;
#else
    uint8_t now = (uint8_t)(was && !ended);
#endif
    vec->live[base + a] = now;
    vec->starts[base + a] = (uint8_t)(now && (ended || !was));
  }
  return flagged;
}

// 1 to 4 for `count` environments from `first` on, none of which waits. i: the block's index of their first agent.
// Writes over[e] and the list of environments in which something ended (offsets from `first`); returns its length.
static SHOAL_INLINE int32_t SHOAL_LOOP(advance)(const ShoalVec *vec, int32_t first, int32_t count, int64_t i,
                                                const ShoalIo *io, const int32_t heads, const int32_t dims,
                                                const int64_t state_bytes, const int32_t usual, const int32_t own,
                                                uint8_t *over, int32_t *changed) {
  const SHOAL_ENV_TYPE(Params) common = *SHOAL_PARAMS_OF(vec);  // a copy: nothing written here can alias it
  if (usual && !own && !SHOAL_ENV_USUAL(&common)) { __builtin_unreachable(); }
  const int32_t agents = SHOAL_AGENTS(vec);
  const int64_t base = (int64_t)first * agents, rows = (int64_t)count * agents;
  const int64_t stride = SHOAL_RUN_STRIDE(vec, state_bytes), out_stride = io->stride;
  const int64_t params_stride = vec->params_stride;
  const uint8_t *restrict params_rows = vec->params + first * params_stride;
  uint8_t *restrict states = vec->state + first * state_bytes;
  uint8_t *restrict ended = vec->ended + base, *restrict out_ended = io->ended + i * out_stride;
  float *restrict rewards = vec->rewards + base, *restrict out_rewards = io->rewards + i * out_stride;
  float *restrict returns = vec->returns + base, *restrict continuous = io->continuous + i * dims;
  float *restrict metrics = vec->metric_values + base * SHOAL_METRIC_COUNT;
  int32_t *restrict lengths = vec->lengths + base, *restrict discrete = io->discrete + i * heads;
  const int32_t *restrict limits = vec->limits + first;
  const uint8_t *restrict live = vec->live + base;
  uint8_t something[SHOAL_RUN];
  int32_t changes = 0;

  int32_t bad = SHOAL_LOOP(clean)(vec, rows, live, discrete, continuous, io->legal + i * io->mask_stride,
                                  io->mask_stride, heads, dims);  // 1
  if (bad) { io->stats[SHOAL_STATS_BAD] += (double)bad; }
  __builtin_memset(rewards, 0, (uint64_t)rows * sizeof *rewards);
  __builtin_memset(ended, 0, (uint64_t)rows);

  SHOAL_RUN_PRAGMA
  for (int32_t e = 0; e < count; e++) {  // 2, and the time limit of 3
    SHOAL_ENV_TYPE(State) *state = SHOAL_STATE_AT(states, e, stride);
    state->head.tick++;
    state->head.phase = SHOAL_TAG_STEP;
    over[e] = 0;
    ShoalResult result = {rewards + e * agents, ended + e * agents, over + e,
                          metrics + e * agents * SHOAL_METRIC_COUNT};
    const SHOAL_ENV_TYPE(Params) *params = own ? SHOAL_PARAMS_ROW(params_rows, e, params_stride) : &common;
    if (usual && own && !SHOAL_ENV_USUAL(params)) { __builtin_unreachable(); }
    SHOAL_ENV_FN(step)(params, SHOAL_SHARED_OF(vec, first + e), state, discrete + e * agents * heads,
                       continuous + e * agents * dims, &result);
    over[e] |= state->head.tick >= (uint32_t)limits[e];
  }
  for (int64_t r = 0; r < rows && !SHOAL_ALWAYS_LIVE; r++) {
    if (__builtin_expect(live[r], 1)) { continue; }
    rewards[r] = 0.0f;
    ended[r] = 0;
    for (int32_t m = 0; m < SHOAL_METRIC_COUNT; m++) { metrics[r * SHOAL_METRIC_COUNT + m] = 0.0f; }
  }
  for (int64_t r = 0; r < rows; r++) {
    returns[r] += rewards[r];
    lengths[r] += SHOAL_ALWAYS_LIVE || live[r];
  }

  for (int32_t e = 0; e < count; e++) {
    uint8_t *restrict flags = ended + e * agents;
    const uint8_t *restrict there = live + e * agents;
    int32_t any = 0, remaining = 0;
    for (int32_t a = 0; a < agents; a++) {
      any |= flags[a];
      remaining |= (SHOAL_ALWAYS_LIVE || there[a]) & !flags[a];
    }
#if !defined(SHOAL_HAS_LIVE) && !defined(SHOAL_HAS_RESPAWN)
    over[e] |= !remaining;  // 3
#endif
    for (int32_t a = 0; a < agents; a++) {  // 4
      int32_t cut = (over[e] != 0) & (SHOAL_ALWAYS_LIVE || there[a]) & !flags[a];
      flags[a] = (uint8_t)(flags[a] | (cut ? SHOAL_TRUNCATED : 0));
    }
    something[e] = (any != 0) | (over[e] != 0) | SHOAL_LIVE_CHANGES;
  }
#ifdef SHOAL_ENV_LANES
  for (int32_t e = 0; vec->waiting && e < count; e++) { something[e] &= !vec->waiting[first + e]; }  // step_through
#endif
  for (int64_t r = 0; r < rows; r++) {
    out_rewards[r * out_stride] = rewards[r];
    out_ended[r * out_stride] = ended[r];
  }
  for (int32_t e = 0; e < count; e++) {  // a list, since no branch can be predicted to end a life
    changed[changes] = e;
    changes += something[e];
  }
  return changes;
}

// The whole step of `count` environments from `first` on, none of which waits. Returns how many agents were flagged.
static SHOAL_INLINE int32_t SHOAL_LOOP(step_run)(const ShoalVec *vec, int32_t first, int32_t count, int64_t i,
                                                 const ShoalIo *io, const int32_t heads, const int32_t dims,
                                                 const int64_t state_bytes, const int32_t usual, const int32_t own) {
  int64_t base = (int64_t)first * SHOAL_AGENTS(vec), rows = (int64_t)count * SHOAL_AGENTS(vec);
  uint8_t over[SHOAL_RUN];
  int32_t changed[SHOAL_RUN], flagged = 0;
  int32_t changes =
      SHOAL_LOOP(advance)(vec, first, count, i, io, heads, dims, state_bytes, usual, own, over, changed);  // 1 to 4
  if (vec->metric_steps) { SHOAL_LOOP(emit_partial)(vec, base, rows, io); }
  __builtin_memset(vec->starts + base, 0, (uint64_t)rows);
  for (int32_t c = 0; c < changes; c++) {  // 5 to 8
    int32_t e = changed[c];
    flagged += SHOAL_LOOP(finish)(vec, first + e, i + (int64_t)e * SHOAL_AGENTS(vec), over[e], io);
  }
  SHOAL_LOOP(look)(vec, first, count, i, io, state_bytes, own);  // 8
  return flagged;
}

// The run with what most environments have as constants, one head and a State without arrays of run-time length, or
// else with what this one has: with parameters that all share, and with those of every environment's own.
static int32_t SHOAL_LOOP(step_shared)(const ShoalVec *vec, int32_t first, int32_t count, int64_t i,
                                       const ShoalIo *io) {
  const int64_t bytes = sizeof(SHOAL_ENV_TYPE(State));
  if (vec->spec.state_bytes == bytes && vec->heads == 1 && vec->dims == 0 && SHOAL_ENV_USUAL(SHOAL_PARAMS_OF(vec))) {
    return SHOAL_LOOP(step_run)(vec, first, count, i, io, 1, 0, bytes, 1, 0);
  }
  return SHOAL_LOOP(step_run)(vec, first, count, i, io, vec->heads, vec->dims, vec->state_bytes, 0, 0);
}

static __attribute__((noinline)) int32_t SHOAL_LOOP(step_own)(const ShoalVec *vec, int32_t first, int32_t count,
                                                              int64_t i, const ShoalIo *io) {
  const int64_t bytes = sizeof(SHOAL_ENV_TYPE(State));
  int32_t usual = vec->spec.state_bytes == bytes && vec->heads == 1 && vec->dims == 0;
  for (int32_t e = first; e < first + count; e++) { usual &= (SHOAL_ENV_USUAL(SHOAL_PARAMS_AT(vec, e))) != 0; }
  if (usual) { return SHOAL_LOOP(step_run)(vec, first, count, i, io, 1, 0, bytes, 1, 1); }
  return SHOAL_LOOP(step_run)(vec, first, count, i, io, vec->heads, vec->dims, vec->state_bytes, 0, 1);
}

// Next-step mode: the call after an environment's end only resets it. A host may let one wait that has not ended.
static void SHOAL_LOOP(step_waiting)(const ShoalVec *vec, int32_t e, int64_t i, const ShoalIo *io) {
  vec->waiting[e] = 0;
  SHOAL_LOOP(begin)(vec, e, SHOAL_STATE_OF(vec, e)->head.episode + 1);
  for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
    SHOAL_LOOP(zero_life)(vec, (int64_t)e * SHOAL_AGENTS(vec) + a);
    vec->rewards[(int64_t)e * SHOAL_AGENTS(vec) + a] = 0.0f;
    vec->ended[(int64_t)e * SHOAL_AGENTS(vec) + a] = 0;
    io->rewards[(i + a) * io->stride] = 0.0f;
    io->ended[(i + a) * io->stride] = 0;
  }
  SHOAL_LOOP(look_at)(vec, e, 1, i, io);
}

static SHOAL_INLINE int32_t SHOAL_LOOP(step_all)(const ShoalVec *vec, int32_t first, int32_t count, int64_t i,
                                                 const ShoalIo *io) {
  return vec->params_stride ? SHOAL_LOOP(step_own)(vec, first, count, i, io)
                            : SHOAL_LOOP(step_shared)(vec, first, count, i, io);
}

#ifdef SHOAL_ENV_LANES
enum { SHOAL_KEPT_BYTES = 4096 };

// Environments that wait would cut a run into pieces too short for lanes. They are reset, stepped with the others by
// any legal action, and put back as the reset left them. Returns -1, with nothing done, where that is not possible.
static int32_t SHOAL_LOOP(step_through)(const ShoalVec *vec, int32_t first, int32_t count, int64_t i,
                                        const ShoalIo *io) {
  uint8_t kept[SHOAL_KEPT_BYTES];
  int32_t waiting[SHOAL_RUN], number = 0, heads = vec->heads, dims = vec->dims;
  const int64_t bytes = vec->state_bytes;
  for (int32_t e = 0; e < count; e++) {
    waiting[number] = e;
    number += vec->waiting[first + e] != 0;
  }
  if (!SHOAL_ALWAYS_LIVE || vec->metric_steps || number * bytes > SHOAL_KEPT_BYTES) { return -1; }
  for (int32_t w = 0; w < number; w++) {
    int64_t e = first + waiting[w], at = i + waiting[w];
    SHOAL_LOOP(begin)(vec, (int32_t)e, SHOAL_STATE_OF(vec, e)->head.episode + 1);
    __builtin_memcpy(kept + w * bytes, SHOAL_STATE_OF(vec, e), (uint64_t)bytes);
    SHOAL_LOOP(clean)(vec, 1, vec->live + e, io->discrete + at * heads, io->continuous + at * dims,
                      io->legal + at * io->mask_stride, io->mask_stride, heads, dims);
  }
  int32_t flagged = SHOAL_LOOP(step_all)(vec, first, count, i, io);
  for (int32_t w = 0; w < number; w++) {
    int64_t e = first + waiting[w], at = i + waiting[w];
    __builtin_memcpy(SHOAL_STATE_OF(vec, e), kept + w * bytes, (uint64_t)bytes);
    SHOAL_LOOP(zero_life)(vec, e);
    vec->waiting[e] = vec->ended[e] = io->ended[at * io->stride] = 0;
    vec->rewards[e] = io->rewards[at * io->stride] = 0.0f;
    vec->starts[e] = 1;
    SHOAL_LOOP(look_at)(vec, (int32_t)e, 1, at, io);
  }
  return flagged;
}
#endif

static int32_t SHOAL_LOOP(block_step)(const ShoalVec *vec, int32_t first, int32_t count, const ShoalIo *io) {
  int32_t flagged = 0;
  for (int32_t e = 0; e < count;) {
    int64_t i = (int64_t)e * SHOAL_AGENTS(vec);
    int32_t run = count - e < SHOAL_RUN ? count - e : SHOAL_RUN;
#ifdef SHOAL_ENV_LANES
    int32_t through = vec->waiting && run > 1 ? SHOAL_LOOP(step_through)(vec, first + e, run, i, io) : -1;
    if (through >= 0) {
      flagged += through;
      e += run;
      continue;
    }
#endif
    if (vec->waiting && vec->waiting[first + e]) {
      SHOAL_LOOP(step_waiting)(vec, first + e, i, io);
      e++;
      continue;
    }
    for (int32_t k = 1; vec->waiting && k < run; k++) {
      if (vec->waiting[first + e + k]) { run = k; }
    }
    flagged += SHOAL_LOOP(step_all)(vec, first + e, run, i, io);
    e += run;
  }
  return flagged;
}
