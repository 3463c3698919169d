// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Building a policy: which features a row gives, which parameters there are, where they lie, how they are packed.
#include "nn/policy.h"

#include <stdio.h>
#include <string.h>

int64_t shoal_gradient_size(const ShoalParameter *p) {
  if (p->vector) { return shoal_padded(p->rows); }
  if (p->table) { return (int64_t)(p->columns + 1) * shoal_padded(p->rows); }  // the last row takes what is dropped
  return (int64_t)p->rows * shoal_padded(p->columns);
}

int32_t shoal_add_parameter(ShoalPolicy *policy, const char *prefix, const char *name, int32_t rows, int32_t columns,
                            int32_t blocks, int32_t rule, float gain) {
  ShoalParameter *p = &policy->parameters[policy->num_parameters];
  snprintf(p->name, sizeof p->name, "policy.%s%s", prefix, name);
  p->rows = rows;
  p->columns = columns;
  p->inner = 1;
  p->blocks = blocks;
  p->rule = rule;
  p->gain = gain;
  p->vector = gain == 0.0f;  // matrices alone start from something
  p->offset = policy->parameter_count;
  policy->parameter_count += (int64_t)rows * columns;
  return policy->num_parameters++;
}

static const char *plan_parameters(ShoalPolicy *policy) {
  int32_t H = policy->hidden, blocks = policy->gates, lstm = policy->config.core == SHOAL_CORE_LSTM;
  float gain = policy->config.core == SHOAL_CORE_MLP ? 1.41421356f : 1.0f;
  for (int32_t t = 0; t < policy->trunks; t++) {
    ShoalTrunk *trunk = &policy->trunk[t];
    const char *prefix = t ? "value_trunk." : "";
    trunk->dense = trunk->onehot = -1;
    if (policy->dense) {
      trunk->dense =
          shoal_add_parameter(policy, prefix, "encoder.weight", H, policy->dense, 1, SHOAL_RULE_MUON, 1.41421356f);
    }
    if (policy->hot) {
      trunk->onehot =
          shoal_add_parameter(policy, prefix, "encoder.onehot", H, policy->hot, 1, SHOAL_RULE_ADAM, 1.41421356f);
      policy->parameters[trunk->onehot].table = 1;
    }
    trunk->bias = shoal_add_parameter(policy, prefix, "encoder.bias", H, 1, 1, SHOAL_RULE_ADAM, 0.0f);
    const char *message = shoal_plan_own(policy, trunk, prefix);
    if (message) { return message; }
    for (int32_t l = 0; l < policy->layers; l++) {
      char name[32];
      snprintf(name, sizeof name, lstm ? "core.%d.weight_x" : "core.%d.weight", l);
      trunk->layers[l].weight = shoal_add_parameter(policy, prefix, name, blocks * H, H, blocks, SHOAL_RULE_MUON, gain);
      if (lstm) {
        snprintf(name, sizeof name, "core.%d.weight_h", l);
        trunk->recurrent[l].weight =
            shoal_add_parameter(policy, prefix, name, blocks * H, H, blocks, SHOAL_RULE_MUON, gain);
        trunk->recurrent[l].bias = -1;
      }
      snprintf(name, sizeof name, "core.%d.bias", l);
      trunk->layers[l].bias = shoal_add_parameter(policy, prefix, name, blocks * H, 1, 1, SHOAL_RULE_ADAM, 0.0f);
    }
  }
  policy->policy_head.weight =
      shoal_add_parameter(policy, "", "head.weight", policy->outputs, H, 1, SHOAL_RULE_ADAM, 0.01f);
  policy->policy_head.bias = shoal_add_parameter(policy, "", "head.bias", policy->outputs, 1, 1, SHOAL_RULE_ADAM, 0.0f);
  policy->value_head.weight = shoal_add_parameter(policy, "", "value.weight", 1, H, 1, SHOAL_RULE_ADAM, 1.0f);
  policy->value_head.bias = shoal_add_parameter(policy, "", "value.bias", 1, 1, 1, SHOAL_RULE_ADAM, 0.0f);
  policy->parameters[policy->policy_head.weight].head = 1;
  policy->parameters[policy->value_head.weight].head = 1;
  policy->log_std = -1;
  if (policy->spec.num_dims) {
    policy->log_std = shoal_add_parameter(policy, "", "log_std", policy->spec.num_dims, 1, 1, SHOAL_RULE_ADAM, 0.0f);
  }
  for (int32_t i = 0; i < policy->num_parameters; i++) {
    policy->gradient_offset[i] = policy->gradient_count;
    policy->gradient_count += shoal_gradient_size(&policy->parameters[i]);
  }
  return 0;
}

// A packed matrix, in either precision.
static float *take_packed(ShoalArena *arena, int32_t columns, int32_t inner) {
  int64_t pairs = shoal_pairs(inner);
  return shoal_take(arena, 4 * (int64_t)shoal_padded(columns) * (pairs > inner ? pairs : inner));
}

static void take_linear(ShoalArena *arena, ShoalLinear *linear, int32_t outputs, int32_t inputs) {
  linear->forward = take_packed(arena, outputs, inputs);
  linear->backward = take_packed(arena, inputs, outputs);
  linear->padded_bias = shoal_take(arena, 4 * (int64_t)shoal_padded(outputs));
}

static void lay_out(ShoalPolicy *policy, ShoalArena *arena) {
  int32_t H = policy->hidden, gates = policy->gates * H;
  policy->theta = shoal_take(arena, 4 * policy->parameter_count);
  policy->count = shoal_take(arena, 8);
  policy->mean = shoal_take(arena, 8 * (int64_t)policy->normalised);
  policy->m2 = shoal_take(arena, 8 * (int64_t)policy->normalised);
  policy->center = shoal_take(arena, 4 * (int64_t)policy->normalised);
  policy->scale = shoal_take(arena, 4 * (int64_t)policy->normalised);
  for (int32_t t = 0; t < policy->trunks; t++) {
    policy->trunk[t].encoder = take_packed(arena, H, policy->dense);
    policy->trunk[t].onehot_table = take_packed(arena, H, policy->hot);
    policy->trunk[t].encoder_bias = shoal_take(arena, 4 * (int64_t)shoal_padded(H));
    shoal_take_own(policy, arena, &policy->trunk[t]);
    for (int32_t l = 0; l < policy->layers; l++) {
      take_linear(arena, &policy->trunk[t].layers[l], gates, H);
      if (policy->config.core == SHOAL_CORE_LSTM) { take_linear(arena, &policy->trunk[t].recurrent[l], gates, H); }
    }
  }
  take_linear(arena, &policy->policy_head, policy->outputs, H);
  take_linear(arena, &policy->value_head, 1, H);
  policy->head = shoal_take(arena, 4 * (int64_t)policy->ldo * H);
  policy->head_backward = shoal_take(arena, 4 * (int64_t)shoal_padded(H) * (policy->outputs + 1));
  policy->head_bias = shoal_take(arena, 4 * (int64_t)policy->ldo);
  int64_t largest = 0;
  for (int32_t i = 0; i < policy->num_parameters; i++) {
    const ShoalParameter *p = &policy->parameters[i];
    if (p->inner > 1 && !p->table && (int64_t)p->rows * p->columns > largest) {
      largest = (int64_t)p->rows * p->columns;
    }
  }
  policy->arranged = shoal_take(arena, 4 * largest);
}

enum { HOT16_LEAST = 16 };  // one-hots of a row, below which their table rows are few anyway

static const char *plan(ShoalPolicy *policy, const ShoalSpec *spec, const ShoalPolicyConfig *config) {
  memset(policy, 0, sizeof *policy);
  policy->spec = *spec;
  policy->config = *config;
  if (config->hidden < 1 || config->hidden > 4096) { return "policy.hidden must be between 1 and 4096"; }
  if (config->layers < 1 || config->layers > SHOAL_MAX_LAYERS) { return "policy.layers must be between 1 and 8"; }
  if (config->precision && !shoal_has_bfloat16()) {
    return "policy.precision is bfloat16, but this processor has no 16-bit matrix products (AMX); expected float32";
  }
  for (int32_t h = 0; h < spec->num_heads; h++) {  // the scratch of sampling has that size
    if (spec->heads[h].size > 1024) { return "the native backend takes action heads of at most 1024 actions"; }
  }
  policy->hidden = config->hidden;
  const char *message = shoal_plan_fields(policy);
  if (message) { return message; }
  // A product takes time by its columns, sums of table rows by their ones; where every 16th is 1 they are equal.
  policy->hot16 = config->precision && policy->hots >= HOT16_LEAST && policy->hot <= 16 * policy->hots;
  policy->layers = config->core == SHOAL_CORE_MLP ? config->layers - 1 : config->layers;
  policy->gates = config->core == SHOAL_CORE_LSTM ? 4 : config->core == SHOAL_CORE_MINGRU ? 3 : 1;
  policy->trunks = config->own_value ? 2 : 1;
  policy->ldx = shoal_stride(policy->dense);
  policy->ldh = shoal_stride(policy->hidden);
  policy->ldg = shoal_stride(policy->gates * policy->hidden);
  int32_t states = config->core == SHOAL_CORE_LSTM ? 2 : config->core == SHOAL_CORE_MINGRU ? 1 : 0;
  policy->state_size = policy->trunks * policy->layers * states * policy->hidden;
  for (int32_t h = 0; h < spec->num_heads; h++) { policy->logits += spec->heads[h].size; }
  policy->outputs = policy->logits + spec->num_dims;
  policy->ldo = shoal_padded(policy->outputs + 1);
  return plan_parameters(policy);
}

int64_t shoal_policy_bytes(const ShoalSpec *spec, const ShoalPolicyConfig *config, char *message) {
  ShoalPolicy policy;
  const char *error = plan(&policy, spec, config);
  if (error) {
    snprintf(message, SHOAL_MESSAGE, "%s", error);
    return -1;
  }
  ShoalArena arena = {0, 0};
  shoal_take(&arena, (int64_t)sizeof(ShoalPolicy));
  lay_out(&policy, &arena);
  return arena.used;
}

ShoalPolicy *shoal_policy_create(const ShoalSpec *spec, const ShoalPolicyConfig *config, void *memory, char *message) {
  ShoalArena arena = {memory, 0};
  ShoalPolicy *policy = shoal_take(&arena, (int64_t)sizeof(ShoalPolicy));
  const char *error = plan(policy, spec, config);
  if (error) {
    snprintf(message, SHOAL_MESSAGE, "%s", error);
    return 0;
  }
  lay_out(policy, &arena);
  shoal_initialise(policy);
  for (int32_t i = 0; i < policy->normalised; i++) { policy->m2[i] = 0.0; }
  shoal_policy_pack(policy);
  return policy;
}

int32_t shoal_policy_tensors(ShoalPolicy *policy, ShoalTensor *out, int32_t capacity) {
  int32_t n = 0;
  for (int32_t i = 0; i < policy->num_parameters; i++, n++) {
    const ShoalParameter *p = &policy->parameters[i];
    if (!out || n >= capacity) { continue; }
    memcpy(out[n].name, p->name, sizeof out[n].name);
    out[n].data = policy->theta + p->offset;
    out[n].dtype = SHOAL_F32_TENSOR;
    out[n].ndim = p->vector ? 1 : p->taps ? 4 : 2;
    out[n].shape[0] = p->rows;
    out[n].shape[1] = p->taps ? p->columns / p->taps : p->columns;
    out[n].shape[2] = out[n].shape[3] = 3;  // of a kernel
  }
  const char *names[3] = {"normalizer.count", "normalizer.mean", "normalizer.m2"};
  double *data[3] = {policy->count, policy->mean, policy->m2};
  for (int32_t i = 0; i < 3; i++, n++) {
    if (!out || n >= capacity) { continue; }
    snprintf(out[n].name, sizeof out[n].name, "%s", names[i]);
    out[n].data = data[i];
    out[n].dtype = SHOAL_F64_TENSOR;
    out[n].ndim = 1;
    out[n].shape[0] = i ? policy->normalised : 1;
  }
  return n;
}

int32_t shoal_policy_state_size(const ShoalPolicy *policy) { return policy->state_size; }
int32_t shoal_policy_outputs(const ShoalPolicy *policy) { return policy->outputs; }

static uint32_t *pairs_of(float *packed) { return (uint32_t *)(void *)packed; }

static void pack_linear(const ShoalPolicy *policy, ShoalLinear *linear, int32_t precision) {
  const ShoalParameter *w = &policy->parameters[linear->weight];
  const float *from = policy->theta + w->offset;
  if (precision) {
    shoal_pack16(pairs_of(linear->forward), from, w->columns, w->rows, 1, w->columns);
    shoal_pack16(pairs_of(linear->backward), from, w->rows, w->columns, w->columns, 1);
  } else {
    shoal_pack_transposed(linear->forward, from, w->columns, w->rows, w->columns);
    shoal_pack(linear->backward, from, w->rows, w->columns, w->columns);
  }
  if (linear->bias < 0) { return; }
  const ShoalParameter *b = &policy->parameters[linear->bias];
  memcpy(linear->padded_bias, policy->theta + b->offset, 4 * (size_t)b->rows);
}

void shoal_arrange(const ShoalPolicy *policy, int32_t parameter, float *restrict to) {
  const ShoalParameter *p = &policy->parameters[parameter];
  const float *restrict from = policy->theta + p->offset;
  int32_t inner = p->inner, outer = p->columns / inner, ld = p->table ? shoal_padded(p->rows) : p->columns;
  for (int32_t r = 0; r < (p->table ? ld : p->rows); r++) {
    for (int32_t b = 0; b < inner; b++) {
      for (int32_t a = 0; a < outer; a++) {
        float value = r < p->rows ? from[(int64_t)r * p->columns + a * inner + b] : 0.0f;
        int64_t at = (int64_t)b * outer + a;
        to[p->table ? at * ld + r : (int64_t)r * ld + at] = value;
      }
    }
  }
}

void shoal_policy_pack(ShoalPolicy *policy) {
  int32_t H = policy->hidden, precision = policy->config.precision;
  for (int32_t t = 0; t < policy->trunks; t++) {
    ShoalTrunk *trunk = &policy->trunk[t];
    if (trunk->dense >= 0) {
      const float *w = policy->theta + policy->parameters[trunk->dense].offset;
      if (precision) {
        shoal_pack16(pairs_of(trunk->encoder), w, policy->dense, H, 1, policy->dense);
      } else {
        shoal_pack_transposed(trunk->encoder, w, policy->dense, H, policy->dense);
      }
    }
    if (trunk->onehot >= 0 && policy->hot16) {
      const float *w = policy->theta + policy->parameters[trunk->onehot].offset;
      shoal_pack16(pairs_of(trunk->onehot_table), w, policy->hot, H, 1, policy->hot);
    } else if (trunk->onehot >= 0) {
      shoal_arrange(policy, trunk->onehot, trunk->onehot_table);
    }
    shoal_pack_own(policy, trunk);
    memcpy(trunk->encoder_bias, policy->theta + policy->parameters[trunk->bias].offset, 4 * (size_t)H);
    for (int32_t l = 0; l < policy->layers; l++) {
      pack_linear(policy, &trunk->layers[l], precision);
      if (policy->config.core == SHOAL_CORE_LSTM) { pack_linear(policy, &trunk->recurrent[l], precision); }
    }
  }
  pack_linear(policy, &policy->policy_head, 0);  // heads are small, and read at full precision
  pack_linear(policy, &policy->value_head, 0);
  // Both heads as one matrix, for a shared trunk: column `outputs` is the value.
  const float *w = policy->theta + policy->parameters[policy->policy_head.weight].offset;
  const float *v = policy->theta + policy->parameters[policy->value_head.weight].offset;
  for (int32_t c = 0; c < policy->ldo; c++) {
    const float *row = c < policy->outputs ? w + (int64_t)c * H : c == policy->outputs ? v : 0;
    float *panel = policy->head + (int64_t)(c / SHOAL_PANEL) * SHOAL_PANEL * H + c % SHOAL_PANEL;
    for (int32_t k = 0; k < H; k++) { panel[(int64_t)k * SHOAL_PANEL] = row ? row[k] : 0.0f; }
  }
  memcpy(policy->head_bias, policy->policy_head.padded_bias, 4 * (size_t)policy->outputs);
  policy->head_bias[policy->outputs] = policy->value_head.padded_bias[0];
  int32_t outputs = policy->outputs;
  for (int32_t k = 0; k < shoal_padded(H); k += SHOAL_PANEL) {
    for (int32_t c = 0; c <= outputs; c++) {
      const float *row = c < outputs ? w + (int64_t)c * H : v;
      float *panel = policy->head_backward + ((int64_t)k * (outputs + 1) + (int64_t)c * SHOAL_PANEL);
      for (int32_t j = 0; j < SHOAL_PANEL; j++) { panel[j] = k + j < H ? row[k + j] : 0.0f; }
    }
  }
  // Normaliser: mean and standard deviation as encoding uses them; before any data, 0 and 1.
  for (int32_t i = 0; i < policy->normalised; i++) {
    double variance = policy->count[0] > 0 ? policy->m2[i] / policy->count[0] : 1.0;
    double std = __builtin_sqrt(variance > 0 ? variance : 0.0);
    policy->center[i] = policy->count[0] > 0 ? (float)policy->mean[i] : 0.0f;
    policy->scale[i] = (float)(1.0 / (std > 1e-3 ? std : 1e-3));
  }
}
