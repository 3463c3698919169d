// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// One function of an environment at a time, over a block of copies, as a step calls it: what `shoal profile` times.
// States and accumulators are left as the function leaves them; native/engine/profile.c puts them back. Included by
// env_block.h alone.

static SHOAL_INLINE void SHOAL_LOOP(call_step)(const ShoalVec *vec, int32_t first, int32_t count, const ShoalIo *io,
                                               const int32_t heads, const int32_t dims, const int64_t state_bytes,
                                               const int32_t usual, const int32_t own) {
  const SHOAL_ENV_TYPE(Params) common = *SHOAL_PARAMS_OF(vec);
  if (usual && !SHOAL_ENV_USUAL(&common)) { __builtin_unreachable(); }
  const int32_t agents = SHOAL_AGENTS(vec);
  const int64_t base = (int64_t)first * agents, stride = SHOAL_RUN_STRIDE(vec, state_bytes);
  uint8_t *restrict states = vec->state + first * state_bytes, *restrict ended = vec->ended + base;
  float *restrict rewards = vec->rewards + base, *restrict continuous = io->continuous;
  float *restrict metrics = vec->metric_values + base * SHOAL_METRIC_COUNT;
  int32_t *restrict discrete = io->discrete;
  uint8_t over[SHOAL_RUN] = {0};
  __builtin_memset(rewards, 0, (uint64_t)(count * agents) * sizeof *rewards);
  __builtin_memset(ended, 0, (uint64_t)(count * agents));
  SHOAL_RUN_PRAGMA
  for (int32_t e = 0; e < count; e++) {
    SHOAL_ENV_TYPE(State) *state = SHOAL_STATE_AT(states, e, stride);
    state->head.tick++;
    state->head.phase = SHOAL_TAG_STEP;
    ShoalResult result = {rewards + e * agents, ended + e * agents, over + e,
                          metrics + e * agents * SHOAL_METRIC_COUNT};
    const SHOAL_ENV_TYPE(Params) *params = own ? SHOAL_PARAMS_AT(vec, first + e) : &common;
    SHOAL_ENV_FN(step)(params, SHOAL_SHARED_OF(vec, first + e), state, discrete + e * agents * heads,
                       continuous + e * agents * dims, &result);
  }
}

static int64_t SHOAL_LOOP(block_call)(const ShoalVec *vec, int32_t first, int32_t count, int32_t call,
                                      const ShoalIo *io) {
  const int64_t bytes = sizeof(SHOAL_ENV_TYPE(State)), rows = (int64_t)count * SHOAL_AGENTS(vec);
  int64_t calls = 0;
  switch (call) {
    case SHOAL_CALL_STEP:
      if (vec->params_stride) {
        SHOAL_LOOP(call_step)(vec, first, count, io, vec->heads, vec->dims, vec->state_bytes, 0, 1);
      } else if (vec->spec.state_bytes == bytes && vec->heads == 1 && vec->dims == 0 &&
                 SHOAL_ENV_USUAL(SHOAL_PARAMS_OF(vec))) {
        SHOAL_LOOP(call_step)(vec, first, count, io, 1, 0, bytes, 1, 0);
      } else {
        SHOAL_LOOP(call_step)(vec, first, count, io, vec->heads, vec->dims, vec->state_bytes, 0, 0);
      }
      return count;
    case SHOAL_CALL_OBSERVE:
      if (vec->params_stride) {
        SHOAL_LOOP(look_at)(vec, first, count, 0, io);
      } else {
        SHOAL_LOOP(look)(vec, first, count, 0, io, vec->spec.state_bytes == bytes ? bytes : vec->state_bytes, 0);
      }
      return rows;
    case SHOAL_CALL_RESET:
      for (int32_t e = first; e < first + count; e++) {
        SHOAL_ENV_TYPE(State) *state = SHOAL_STATE_OF(vec, e);
        ShoalHead head = state->head;
        __builtin_memset(state, 0, (uint64_t)vec->state_bytes);
        state->head.key = head.key;
        state->head.episode = head.episode;
        state->head.phase = SHOAL_TAG_RESET;
        SHOAL_ENV_FN(reset)(SHOAL_PARAMS_AT(vec, e), SHOAL_SHARED_OF(vec, e), state);
      }
      return count;
#ifdef SHOAL_HAS_RESPAWN
    case SHOAL_CALL_RESPAWN:  // of the agents that the step flagged
      for (int32_t e = first; e < first + count; e++) {
        SHOAL_ENV_TYPE(State) *state = SHOAL_STATE_OF(vec, e);
        state->head.phase = SHOAL_TAG_RESPAWN;
        for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
          if (!vec->ended[(int64_t)e * SHOAL_AGENTS(vec) + a]) { continue; }
          SHOAL_ENV_FN(respawn)(SHOAL_PARAMS_AT(vec, e), SHOAL_SHARED_OF(vec, e), state, a);
          calls++;
        }
      }
      return calls;
#endif
#ifdef SHOAL_HAS_LIVE
    case SHOAL_CALL_LIVE:
      for (int32_t e = first; e < first + count; e++) {
        for (int32_t a = 0; a < SHOAL_AGENTS(vec); a++) {
          vec->live[(int64_t)e * SHOAL_AGENTS(vec) + a] =
              (uint8_t)(SHOAL_ENV_FN(live)(SHOAL_PARAMS_AT(vec, e), SHOAL_STATE_OF(vec, e), a) != 0);
        }
      }
      return rows;
#endif
#ifdef SHOAL_HAS_SCRIPTED
    case SHOAL_CALL_SCRIPTED: SHOAL_LOOP(block_scripted)(vec, first, count, 1.0f, io); return rows;
#endif
    default: return calls;
  }
}
