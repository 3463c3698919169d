// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// For `--debug`: an environment's functions, each called with copies of everything it gets, every copy an allocation of
// its own and of exactly its size. AddressSanitizer surrounds allocations with forbidden bytes, so the first access
// beyond a State, a row, a mask or a result stops the program, and not only one beyond thousands of them side by side.
// The name of the function that made the allocation tells what it was. Included between an environment's header, whose
// functions are SHOAL_OWN_FN(name), and env_block.h, which calls those defined here.
#include "shoal/vec.h"

extern void *malloc(__SIZE_TYPE__ bytes);
extern void free(void *memory);

#define SHOAL_GUARD_PARAMS const SHOAL_ENV_TYPE(Params)
#define SHOAL_GUARD_STATE SHOAL_ENV_TYPE(State)
#define SHOAL_GUARD(what)                                                                              \
  static __attribute__((noinline, unused)) void *shoal_guard_##what(const void *from, int64_t bytes) { \
    void *memory = malloc((__SIZE_TYPE__)bytes);                                                       \
    if (bytes) { __builtin_memcpy(memory, from, (__SIZE_TYPE__)bytes); }                               \
    return memory;                                                                                     \
  }
SHOAL_GUARD(params)
SHOAL_GUARD(state)
SHOAL_GUARD(discrete)
SHOAL_GUARD(continuous)
SHOAL_GUARD(reward)
SHOAL_GUARD(ended)
SHOAL_GUARD(over)
SHOAL_GUARD(metrics)
SHOAL_GUARD(row)
SHOAL_GUARD(mask)
SHOAL_GUARD(shared)

// Copy back what a function was to write, and free the copy.
static inline void shoal_guard_end(void *memory, void *to, int64_t bytes) {
  if (to && bytes) { __builtin_memcpy(to, memory, (__SIZE_TYPE__)bytes); }
  free(memory);
}

SHOAL_HOST const char *SHOAL_ENV_FN(spec)(SHOAL_GUARD_PARAMS *params, ShoalSpec *out) {
  return SHOAL_OWN_FN(spec)(params, out);
}

// The sizes of everything, which depend on the params. Slow, and that does not matter here.
static ShoalSpec SHOAL_LOOP(sizes)(SHOAL_GUARD_PARAMS *params) {
  ShoalSpec spec;
  __builtin_memset(&spec, 0, sizeof spec);
  SHOAL_OWN_FN(spec)(params, &spec);
  if (spec.state_bytes == 0) { spec.state_bytes = (int64_t)sizeof(SHOAL_GUARD_STATE); }
  return spec;
}

SHOAL_FN void SHOAL_ENV_FN(reset)(SHOAL_GUARD_PARAMS *params, const void *shared, SHOAL_GUARD_STATE *state) {
  ShoalSpec spec = SHOAL_LOOP(sizes)(params);
  void *own_params = shoal_guard_params(params, (int64_t)sizeof *params);
  void *own_state = shoal_guard_state(state, spec.state_bytes);
  SHOAL_OWN_FN(reset)((SHOAL_GUARD_PARAMS *)own_params, shared, (SHOAL_GUARD_STATE *)own_state);
  shoal_guard_end(own_state, state, spec.state_bytes);
  shoal_guard_end(own_params, 0, 0);
}

SHOAL_FN void SHOAL_ENV_FN(step)(SHOAL_GUARD_PARAMS *params, const void *shared, SHOAL_GUARD_STATE *state,
                                 const int32_t *discrete, const float *continuous, const ShoalResult *result) {
  ShoalSpec spec = SHOAL_LOOP(sizes)(params);
  const int64_t agents = spec.agents, floats = agents * (int64_t)sizeof(float);
  const int64_t metrics = agents * (int64_t)sizeof(SHOAL_ENV_TYPE(Metrics));
  void *own_params = shoal_guard_params(params, (int64_t)sizeof *params);
  void *own_state = shoal_guard_state(state, spec.state_bytes);
  void *own_discrete = shoal_guard_discrete(discrete, agents * spec.num_heads * (int64_t)sizeof *discrete);
  void *own_continuous = shoal_guard_continuous(continuous, agents * spec.num_dims * (int64_t)sizeof *continuous);
  ShoalResult own = {(float *)shoal_guard_reward(result->reward, floats),
                     (uint8_t *)shoal_guard_ended(result->ended, agents), (uint8_t *)shoal_guard_over(result->over, 1),
                     shoal_guard_metrics(result->metrics, metrics)};
  SHOAL_OWN_FN(step)((SHOAL_GUARD_PARAMS *)own_params, shared, (SHOAL_GUARD_STATE *)own_state,
                     (const int32_t *)own_discrete, (const float *)own_continuous, &own);
  shoal_guard_end(own.metrics, result->metrics, metrics);
  shoal_guard_end(own.over, result->over, 1);
  shoal_guard_end(own.ended, result->ended, agents);
  shoal_guard_end(own.reward, result->reward, floats);
  shoal_guard_end(own_continuous, 0, 0);
  shoal_guard_end(own_discrete, 0, 0);
  shoal_guard_end(own_state, state, spec.state_bytes);
  shoal_guard_end(own_params, 0, 0);
}

SHOAL_FN void SHOAL_ENV_FN(observe)(SHOAL_GUARD_PARAMS *params, const void *shared, const SHOAL_GUARD_STATE *state,
                                    int32_t agent, void *row, uint8_t *mask) {
  ShoalSpec spec = SHOAL_LOOP(sizes)(params);
  void *own_params = shoal_guard_params(params, (int64_t)sizeof *params);
  void *own_state = shoal_guard_state(state, spec.state_bytes);
  void *own_row = shoal_guard_row(row, spec.row_bytes), *own_mask = shoal_guard_mask(mask, spec.mask_bytes);
  SHOAL_OWN_FN(observe)
  ((SHOAL_GUARD_PARAMS *)own_params, shared, (const SHOAL_GUARD_STATE *)own_state, agent, own_row, (uint8_t *)own_mask);
  shoal_guard_end(own_mask, mask, spec.mask_bytes);
  shoal_guard_end(own_row, row, spec.row_bytes);
  shoal_guard_end(own_state, 0, 0);
  shoal_guard_end(own_params, 0, 0);
}

#undef SHOAL_ENV_OBSERVE_ALL  // rows side by side would have no forbidden bytes between them

#ifdef SHOAL_HAS_SHARED
SHOAL_HOST int64_t SHOAL_ENV_FN(shared_bytes)(SHOAL_GUARD_PARAMS *params) { return SHOAL_OWN_FN(shared_bytes)(params); }

SHOAL_HOST void SHOAL_ENV_FN(shared)(SHOAL_GUARD_PARAMS *params, uint64_t seed, SHOAL_ENV_TYPE(Shared) * out) {
  int64_t bytes = SHOAL_OWN_FN(shared_bytes)(params);
  void *own = shoal_guard_shared(out, bytes);
  SHOAL_OWN_FN(shared)(params, seed, (SHOAL_ENV_TYPE(Shared) *)own);
  shoal_guard_end(own, out, bytes);
}
#endif

#ifdef SHOAL_HAS_RESPAWN
SHOAL_FN void SHOAL_ENV_FN(respawn)(SHOAL_GUARD_PARAMS *params, const void *shared, SHOAL_GUARD_STATE *state,
                                    int32_t agent) {
  ShoalSpec spec = SHOAL_LOOP(sizes)(params);
  void *own_state = shoal_guard_state(state, spec.state_bytes);
  SHOAL_OWN_FN(respawn)(params, shared, (SHOAL_GUARD_STATE *)own_state, agent);
  shoal_guard_end(own_state, state, spec.state_bytes);
}
#endif

#ifdef SHOAL_HAS_LIVE
SHOAL_FN int32_t SHOAL_ENV_FN(live)(SHOAL_GUARD_PARAMS *params, const SHOAL_GUARD_STATE *state, int32_t agent) {
  void *own_state = shoal_guard_state(state, SHOAL_LOOP(sizes)(params).state_bytes);
  int32_t live = SHOAL_OWN_FN(live)(params, (const SHOAL_GUARD_STATE *)own_state, agent);
  shoal_guard_end(own_state, 0, 0);
  return live;
}
#endif

#ifdef SHOAL_HAS_SCRIPTED
SHOAL_FN void SHOAL_ENV_FN(scripted)(SHOAL_GUARD_PARAMS *params, const void *shared, const SHOAL_GUARD_STATE *state,
                                     int32_t agent, float level, uint64_t rng, int32_t *discrete, float *continuous) {
  ShoalSpec spec = SHOAL_LOOP(sizes)(params);
  const int64_t heads = spec.num_heads * (int64_t)sizeof *discrete, dims = spec.num_dims * (int64_t)sizeof *continuous;
  void *own_state = shoal_guard_state(state, spec.state_bytes);
  void *own_discrete = shoal_guard_discrete(discrete, heads),
       *own_continuous = shoal_guard_continuous(continuous, dims);
  SHOAL_OWN_FN(scripted)
  (params, shared, (const SHOAL_GUARD_STATE *)own_state, agent, level, rng, (int32_t *)own_discrete,
   (float *)own_continuous);
  shoal_guard_end(own_continuous, continuous, dims);
  shoal_guard_end(own_discrete, discrete, heads);
  shoal_guard_end(own_state, 0, 0);
}
#endif
