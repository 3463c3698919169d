// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Ask an environment for its spec and check it, once, at the boundary.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"

int32_t shoal_complain(char *message, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, SHOAL_MESSAGE, format, arguments);
  va_end(arguments);
  return SHOAL_ERROR;
}

static int32_t complain_about_fields(const char *env, const ShoalSpec *spec, char *message) {
  if (spec->num_fields < 1 || spec->num_fields > SHOAL_MAX_FIELDS) {
    return shoal_complain(message, "%s declares no usable observation: num_fields=%d; expected 1 to %d", env,
                          spec->num_fields, SHOAL_MAX_FIELDS);
  }
  for (int32_t f = 0; f < spec->num_fields; f++) {
    const ShoalField *field = &spec->fields[f];
    for (int32_t g = 0; g < f; g++) {
      if (strcmp(field->name, spec->fields[g].name) == 0) {
        return shoal_complain(message, "%s names two observation fields `%s`; expected unique names", env, field->name);
      }
    }
    if (field->rows < 1 || field->columns < 1 || field->channels < 1) {
      return shoal_complain(message,
                            "%s.%s has an empty shape: rows=%d, columns=%d, channels=%d; expected at least 1 each", env,
                            field->name, field->rows, field->columns, field->channels);
    }
    if (!(field->low < field->high)) {
      return shoal_complain(message, "%s.%s has empty bounds: low=%g, high=%g; expected low < high", env, field->name,
                            (double)field->low, (double)field->high);
    }
    int32_t counted = field->kind == SHOAL_KIND_GRID || field->kind == SHOAL_KIND_CATEGORY;
    if (counted && field->categories < 1) {
      return shoal_complain(message, "%s.%s counts no categories: categories=%d; expected at least 1", env, field->name,
                            field->categories);
    }
    if (field->kind == SHOAL_KIND_SET) {
      int32_t c = field->count_field;
      if (c < 0 || c >= spec->num_fields || spec->fields[c].dtype != SHOAL_I16) {
        return shoal_complain(
            message,
            "%s.%s does not say how many entities are valid: count_field=%d; expected the index of an i16 "
            "field",
            env, field->name, c);
      }
    }
  }
  return 0;
}

static int32_t complain_about_actions(const char *env, const ShoalSpec *spec, char *message) {
  if (spec->num_heads < 0 || spec->num_heads > SHOAL_MAX_HEADS || spec->num_dims < 0 ||
      spec->num_dims > SHOAL_MAX_DIMS || spec->num_heads + spec->num_dims < 1) {
    return shoal_complain(
        message,
        "%s declares no usable actions: num_heads=%d, num_dims=%d; expected 0 to %d and 0 to %d, at least "
        "one in all",
        env, spec->num_heads, spec->num_dims, SHOAL_MAX_HEADS, SHOAL_MAX_DIMS);
  }
  for (int32_t h = 0; h < spec->num_heads; h++) {
    if (spec->heads[h].size < 1) {
      return shoal_complain(message, "%s has an empty action head `%s`: size=%d; expected at least 1", env,
                            spec->heads[h].name, spec->heads[h].size);
    }
  }
  for (int32_t d = 0; d < spec->num_dims; d++) {
    if (!(spec->dims[d].low < spec->dims[d].high)) {
      return shoal_complain(message, "%s has an action `%s` with empty bounds: low=%g, high=%g; expected low < high",
                            env, spec->dims[d].name, (double)spec->dims[d].low, (double)spec->dims[d].high);
    }
  }
  return 0;
}

int32_t shoal_spec_teams(const ShoalSpec *spec) {
  int32_t teams = 1;
  for (int32_t a = 0; a < spec->agents; a++) { teams = spec->team_of[a] >= teams ? spec->team_of[a] + 1 : teams; }
  return teams;
}

static int32_t complain_about_teams(const char *env, const ShoalSpec *spec, char *message) {
  for (int32_t a = 0; a < spec->agents; a++) {
    if (spec->team_of[a] < 0 || spec->team_of[a] >= spec->agents) {
      return shoal_complain(message, "%s has an agent of an impossible team: team_of[%d]=%d; expected 0 to %d", env, a,
                            spec->team_of[a], spec->agents - 1);
    }
  }
  return 0;
}

static int32_t complain_about_sizes(const char *env, const ShoalSpec *spec, char *message) {
  if (spec->agents < 1 || spec->agents > SHOAL_MAX_AGENTS) {
    return shoal_complain(message, "%s has an impossible number of agents: agents=%d; expected 1 to %d", env,
                          spec->agents, SHOAL_MAX_AGENTS);
  }
  if (spec->max_steps < 1) {
    return shoal_complain(message, "%s has no time limit: max_steps=%d; expected at least 1", env, spec->max_steps);
  }
  if (spec->state_bytes < (int64_t)sizeof(ShoalHead) || spec->state_bytes % 8 != 0) {
    return shoal_complain(message,
                          "%s has a State of the wrong size: state_bytes=%lld; expected a multiple of 8, at least %d",
                          env, (long long)spec->state_bytes, (int)sizeof(ShoalHead));
  }
  if (spec->shared_bytes < 0) {
    return shoal_complain(message, "%s has a Shared of the wrong size: shared_bytes=%lld; expected at least 0", env,
                          (long long)spec->shared_bytes);
  }
  return 0;
}

int32_t shoal_spec_of(const ShoalEnv *env, const void *params, ShoalSpec *out, char *message) {
  if (env->abi != SHOAL_ABI) {
    return shoal_complain(message, "%s was built for another version of the interface: abi=%d; expected %d", env->name,
                          env->abi, SHOAL_ABI);
  }
  const char *sentence = env->spec(params, out);
  if (sentence) { return shoal_complain(message, "%s: %s", env->name, sentence); }
  if (complain_about_sizes(env->name, out, message) || complain_about_teams(env->name, out, message) ||
      complain_about_fields(env->name, out, message) || complain_about_actions(env->name, out, message)) {
    return SHOAL_ERROR;
  }
  out->row_bytes = (out->row_bytes + 3) / 4 * 4;
  return SHOAL_OK;
}

int32_t shoal_spec_observe(const ShoalEnv *env, const int32_t *params, int32_t count, ShoalSpec *out, char *message) {
  if (count < 0 || count > SHOAL_MAX_CONTEXTS || out->num_fields + count > SHOAL_MAX_FIELDS) {
    return shoal_complain(message,
                          "%s cannot show so many parameters: %d, beside %d fields; expected at most %d in all",
                          env->name, count, out->num_fields, SHOAL_MAX_FIELDS);
  }
  for (int32_t k = 0; k < count; k++) {
    if (params[k] < 0 || params[k] >= env->num_params || env->params[params[k]].role != SHOAL_ROLE_VALUE) {
      return shoal_complain(message, "%s has no VALUE parameter %d to observe", env->name, params[k]);
    }
    const ShoalParam *param = &env->params[params[k]];
    float high = (float)param->high;
    if (param->type == SHOAL_PARAM_CHOICE) {
      for (const char *c = param->choices; *c; c++) { high += *c == '|'; }
    }
    shoal_field(out, param->name, SHOAL_KIND_VECTOR, SHOAL_F32, 1, 1, 1, 0, (float)param->low, high, param->doc);
  }
  return count && complain_about_fields(env->name, out, message) ? SHOAL_ERROR : SHOAL_OK;
}

void shoal_sizes_into(const ShoalSpec *spec, void *params) {
  ShoalSizes *sizes = (ShoalSizes *)params;
  sizes->agents = spec->agents;
  memcpy(sizes->offset, spec->offset, sizeof sizes->offset);
}

int32_t shoal_env_spec(const ShoalEnv *env, void *params, const int32_t *observed, int32_t num_observed, ShoalSpec *out,
                       char *message) {
  if (shoal_spec_of(env, params, out, message) != SHOAL_OK ||
      shoal_spec_observe(env, observed, num_observed, out, message) != SHOAL_OK) {
    return SHOAL_ERROR;
  }
  shoal_sizes_into(out, params);
  return SHOAL_OK;
}
