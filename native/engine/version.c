// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// What environments adopt at their next reset: Params, the distributions that contexts are drawn from, a Shared block.
//
// An environment that adopted Params has a copy, so nothing needs the old ones. Shared blocks are large: environments
// name theirs by its number in a table of the caller's, who may free one that no environment names.
#include <string.h>

#include "engine/engine.h"

int64_t shoal_vec_own_bytes(const ShoalEnv *env, int32_t num_envs) {
  return (int64_t)num_envs * (env->params_bytes + (env->has_shared ? 4 : 0));
}

void shoal_vec_own(ShoalVec *vec, void *memory) {
  uint8_t *params = memory;
  int32_t *versions = (int32_t *)(void *)(params + vec->num_envs * vec->params_bytes);  // Params are whole words
  if (vec->params_stride) { return; }
  for (int32_t e = 0; e < vec->num_envs; e++) {
    memcpy(params + e * vec->params_bytes, vec->newest, (size_t)vec->params_bytes);
    if (vec->env->has_shared) { versions[e] = vec->newest_shared; }
  }
  vec->params = params;
  vec->params_stride = vec->params_bytes;
  vec->shared_version = vec->env->has_shared ? versions : NULL;
}

// Is it safe to draw from: the numbers themselves are the host's business, which knows how they were written.
static int32_t check_context(const ShoalVec *vec, const ShoalContext *context, char *message) {
  const ShoalEnv *env = vec->env;
  if (context->param < 0 || context->param >= env->num_params || env->params[context->param].role != SHOAL_ROLE_VALUE ||
      context->type != env->params[context->param].type) {
    return shoal_complain(message, "%s has no VALUE parameter of that type to draw: param=%d, type=%d", env->name,
                          context->param, context->type);
  }
  int32_t options =
      context->kind != SHOAL_CONTEXT_CHOICE || (context->count >= 1 && context->count <= SHOAL_MAX_OPTIONS);
  int32_t range = context->kind != SHOAL_CONTEXT_RANGE || context->first <= context->last;
  if (context->kind < 0 || context->kind > SHOAL_CONTEXT_CHOICE || !options || !range) {
    return shoal_complain(message, "%s.%s has no such distribution: kind=%d, count=%d, first=%d, last=%d", env->name,
                          env->params[context->param].name, context->kind, context->count, context->first,
                          context->last);
  }
  return SHOAL_OK;
}

int32_t shoal_vec_broadcast(ShoalVec *vec, const void *params, const ShoalContext *contexts, int32_t num_contexts,
                            const void *const *shared, int32_t num_shared, char *message) {
  const ShoalEnv *env = vec->env;
  if (!vec->params_stride) {
    return shoal_complain(message, "the environments of %s share their parameters; expected shoal_vec_own before",
                          env->name);
  }
  if (num_contexts < 0 || num_contexts > SHOAL_MAX_CONTEXTS) {
    return shoal_complain(message, "too many contexts of %s: num_contexts=%d; expected 0 to %d", env->name,
                          num_contexts, SHOAL_MAX_CONTEXTS);
  }
  for (int32_t c = 0; c < num_contexts; c++) {
    if (check_context(vec, &contexts[c], message) != SHOAL_OK) { return SHOAL_ERROR; }
  }
  for (int32_t p = 0; p < env->num_params; p++) {
    int64_t at = shoal_param_offset(p);
    if (env->params[p].role == SHOAL_ROLE_SIZE && memcmp((const uint8_t *)params + at, vec->newest + at, 4) != 0) {
      return shoal_complain(message, "%s.%s is fixed at creation; a broadcast may not change it", env->name,
                            env->params[p].name);
    }
  }
  if (shared && (!env->has_shared || num_shared < 1 || !shared[num_shared - 1])) {
    return shoal_complain(message, "%s takes no such Shared: num_shared=%d; expected at least one, of which the last",
                          env->name, num_shared);
  }
  memcpy(vec->newest, params, (size_t)vec->params_bytes);
  shoal_sizes_into(&vec->spec, vec->newest);
  if (num_contexts) { memcpy(vec->contexts, contexts, (size_t)num_contexts * sizeof *contexts); }
  vec->num_contexts = num_contexts;
  if (shared) {
    vec->shared = (const uint8_t *const *)shared;
    vec->newest_shared = num_shared - 1;
  }
  return SHOAL_OK;
}
