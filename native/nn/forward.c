// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The passes over a tape: rows -> features -> encoder -> core -> heads, and back. The rollout runs the same forward
// with segments of one step, so both give the same bits.
#include "nn/policy.h"

#include <string.h>

enum { GATE_ROWS = 32 };  // rows whose gates are computed and used while they are in the first-level cache

void shoal_tape_take(const ShoalPolicy *policy, ShoalArena *arena, int32_t rows, int32_t training, ShoalTape *tape) {
  int64_t R = rows;
  shoal_take_inputs(policy, arena, rows, training, tape);
  for (int32_t t = 0; t < policy->trunks; t++) {
    for (int32_t l = 0; l <= policy->layers; l++) {
      tape->trunk[t].values[l] = shoal_take(arena, 4 * R * policy->ldh);
      if (l == policy->layers || policy->config.core == SHOAL_CORE_MLP) { continue; }
      tape->trunk[t].gates[l] = shoal_take(arena, 4 * R * policy->ldg);
      tape->trunk[t].states[l] = shoal_take(arena, 4 * R * policy->ldh);
      if (policy->config.core != SHOAL_CORE_LSTM) { continue; }
      tape->trunk[t].squashed[l] = shoal_take(arena, 4 * R * policy->ldh);
      tape->trunk[t].before[l] = shoal_take(arena, 4 * R * policy->ldh);
    }
  }
  tape->out = shoal_take(arena, 4 * R * policy->ldo);
  if (policy->config.precision) {
    int32_t width = (int32_t)(policy->ldx > policy->ldg ? policy->ldx : policy->ldg);
    int64_t words = shoal_gemm16_words(width);
    if (policy->hot16 && shoal_hot16_words(policy->hot, policy->hidden) > words) {
      words = shoal_hot16_words(policy->hot, policy->hidden);
    }
    tape->pairs = shoal_take(arena, 4 * words);
  }
  if (training) {
    tape->dout = shoal_take(arena, 4 * R * policy->ldo);
    tape->dx = shoal_take(arena, 4 * R * policy->ldh);
    for (int32_t i = 0; i < 2 && policy->config.core == SHOAL_CORE_LSTM; i++) {
      tape->carry[i] = shoal_take(arena, 4 * R * policy->ldh);
    }
  }
}

static void activation(const ShoalPolicy *policy, float *values, int32_t rows) {
  for (int32_t r = 0; r < rows; r++) {
    float *v = values + r * (int64_t)policy->ldh;
    if (policy->config.activation) {
      for (int32_t i = 0; i < policy->hidden; i++) { v[i] = shoal_tanh(v[i]); }
    } else {
      for (int32_t i = 0; i < policy->hidden; i++) { v[i] = v[i] > 0.0f ? v[i] : 0.0f; }
    }
  }
}

// dv *= activation'(v), from the activated v.
static void activation_backward(const ShoalPolicy *policy, float *restrict dv, const float *restrict v, int32_t rows) {
  for (int32_t r = 0; r < rows; r++, v += policy->ldh, dv += policy->ldh) {
    if (policy->config.activation) {
      for (int32_t i = 0; i < policy->hidden; i++) { dv[i] *= 1.0f - v[i] * v[i]; }
    } else {
      for (int32_t i = 0; i < policy->hidden; i++) { dv[i] = v[i] > 0.0f ? dv[i] : 0.0f; }
    }
  }
}

void shoal_forward(const ShoalPolicy *policy, const ShoalBatch *batch, ShoalTape *tape) {
  int32_t R = batch->segments * batch->steps, H = policy->hidden;
  int64_t ldh = policy->ldh, ldg = policy->ldg, ldo = policy->ldo;
  for (int32_t r = 0; r < R; r++) {
    int32_t by_step = policy->config.core == SHOAL_CORE_LSTM;  // as shoal_tape_row
    int32_t s = by_step ? r % batch->segments : r / batch->steps, t = by_step ? r / batch->segments : r % batch->steps;
    shoal_encode(policy, batch->rows[s] + (int64_t)t * policy->spec.row_bytes, tape, r);
  }
  for (int32_t n = 0; n < policy->trunks; n++) {
    const ShoalTrunk *trunk = &policy->trunk[n];
    float **values = tape->trunk[n].values;
    shoal_encoder_forward(policy, tape, n, R);
    if (policy->config.core == SHOAL_CORE_MLP) { activation(policy, values[0], R); }
    for (int32_t l = 0; l < policy->layers; l++) {
      const ShoalLinear *layer = &trunk->layers[l];
      if (policy->config.core == SHOAL_CORE_MLP) {
        shoal_product(policy, tape, values[l + 1], ldh, values[l], ldh, layer->forward, layer->padded_bias, R, H, H, 0);
        activation(policy, values[l + 1], R);
      } else if (policy->config.core == SHOAL_CORE_LSTM) {
        shoal_lstm_forward(policy, batch, tape, n, l);
      } else {
        float *gates = tape->trunk[n].gates[l];
        for (int32_t r = 0; r < R; r += GATE_ROWS) {
          int32_t rows = R - r < GATE_ROWS ? R - r : GATE_ROWS;
          shoal_product(policy, tape, gates + r * ldg, ldg, values[l] + r * ldh, ldh, layer->forward,
                        layer->padded_bias, rows, H, 3 * H, 0);
          shoal_mingru_forward(gates, ldg, values[l], values[l + 1], tape->trunk[n].states[l], ldh, batch,
                               (n * policy->layers + l) * H, H, r, r + rows);
        }
      }
    }
  }
  const float *top = tape->trunk[0].values[policy->layers];
  if (policy->trunks == 1) {
    shoal_gemm(tape->out, ldo, top, ldh, policy->head, policy->head_bias, R, H, policy->outputs + 1, 0);
    return;
  }
  shoal_gemm(tape->out, ldo, top, ldh, policy->policy_head.forward, policy->policy_head.padded_bias, R, H,
             policy->outputs, 0);
  const float *weights = policy->theta + policy->parameters[policy->value_head.weight].offset;
  for (int32_t r = 0; r < R; r++) {
    float value = policy->value_head.padded_bias[0];
    const float *row = tape->trunk[1].values[policy->layers] + r * ldh;
    for (int32_t k = 0; k < H; k++) { value = shoal_fma(row[k], weights[k], value); }
    tape->out[r * ldo + policy->outputs] = value;
  }
}

enum { OUTER_ROWS = SHOAL_GEMM16_ROWS };  // rows of a tape whose columns stay in the first-level cache

void shoal_outer(const ShoalPolicy *policy, const ShoalTape *tape, float *gradient, int32_t weight, int32_t bias,
                 const float *dy, int64_t ldy, const float *x, int64_t ldx, int32_t rows) {
  const ShoalParameter *w = &policy->parameters[weight];
  for (int32_t r = 0; r < rows; r += OUTER_ROWS) {
    int32_t count = rows - r < OUTER_ROWS ? rows - r : OUTER_ROWS;
    float *to = gradient + policy->gradient_offset[weight];
    if (policy->config.precision && w->rule == SHOAL_RULE_MUON) {  // heads keep 32 bits
      shoal_gemm16_outer(to, shoal_padded(w->columns), dy + r * ldy, ldy, x + r * ldx, ldx, count, w->rows, w->columns,
                         tape->pairs);
    } else {
      shoal_gemm_outer(to, shoal_padded(w->columns), dy + r * ldy, ldy, x + r * ldx, ldx, count, w->rows, w->columns);
    }
  }
  if (bias >= 0) { shoal_column_sum(gradient + policy->gradient_offset[bias], dy, ldy, rows, w->rows); }
}

static void trunk_backward(const ShoalPolicy *policy, const ShoalBatch *batch, ShoalTape *tape, int32_t n,
                           float *gradient) {
  int32_t R = batch->segments * batch->steps, H = policy->hidden;
  int64_t ldh = policy->ldh, ldg = policy->ldg;
  const ShoalTrunk *trunk = &policy->trunk[n];
  float *dx = tape->dx, **values = tape->trunk[n].values, carry[4096];
  for (int32_t l = policy->layers - 1; l >= 0; l--) {
    const ShoalLinear *layer = &trunk->layers[l];
    if (policy->config.core == SHOAL_CORE_MLP) {
      activation_backward(policy, dx, values[l + 1], R);
      shoal_outer(policy, tape, gradient, layer->weight, layer->bias, dx, ldh, values[l], ldh, R);
      // The activated values are spent: their buffer takes the next gradient.
      shoal_product(policy, tape, values[l + 1], ldh, dx, ldh, layer->backward, 0, R, H, H, 0);
      dx = values[l + 1];
    } else if (policy->config.core == SHOAL_CORE_LSTM) {
      float *gates = tape->trunk[n].gates[l];
      // A few steps at a time, whose gradients are then still in cache for the matrix products.
      int32_t stride = OUTER_ROWS / batch->segments > 1 ? OUTER_ROWS / batch->segments : 1;
      for (int32_t until = batch->steps, from; until > 0; until = from) {
        from = until > stride ? until - stride : 0;
        int64_t r = (int64_t)from * batch->segments;
        int32_t rows = (until - from) * batch->segments;
        float *at = gates + r * ldg;
        shoal_lstm_backward(policy, batch, tape, n, l, from, until, dx);
        shoal_outer(policy, tape, gradient, layer->weight, layer->bias, at, ldg, values[l] + r * ldh, ldh, rows);
        shoal_outer(policy, tape, gradient, trunk->recurrent[l].weight, -1, at, ldg, tape->trunk[n].before[l] + r * ldh,
                    ldh, rows);
        shoal_product(policy, tape, dx + r * ldh, ldh, at, ldg, layer->backward, 0, rows, 4 * H, H, 0);
      }
    } else {
      float *gates = tape->trunk[n].gates[l];
      shoal_mingru_backward(gates, ldg, values[l], dx, tape->trunk[n].states[l], ldh, batch,
                            (n * policy->layers + l) * H, H, carry);
      shoal_outer(policy, tape, gradient, layer->weight, layer->bias, gates, ldg, values[l], ldh, R);
      shoal_product(policy, tape, dx, ldh, gates, ldg, layer->backward, 0, R, 3 * H, H, 1);
    }
  }
  if (policy->config.core == SHOAL_CORE_MLP) { activation_backward(policy, dx, values[0], R); }
  shoal_encoder_backward(policy, tape, n, R, dx, gradient);
}

void shoal_backward(const ShoalPolicy *policy, const ShoalBatch *batch, ShoalTape *tape, float *gradient) {
  int32_t R = batch->segments * batch->steps, H = policy->hidden, outputs = policy->outputs;
  int64_t ldh = policy->ldh, ldo = policy->ldo;
  for (int32_t n = 0; n < policy->trunks; n++) {
    const float *top = tape->trunk[n].values[policy->layers];
    int32_t with_policy = n == 0, with_value = n == policy->trunks - 1;
    if (with_policy) {
      shoal_outer(policy, tape, gradient, policy->policy_head.weight, policy->policy_head.bias, tape->dout, ldo, top,
                  ldh, R);
    }
    if (with_value) {
      shoal_outer(policy, tape, gradient, policy->value_head.weight, policy->value_head.bias, tape->dout + outputs, ldo,
                  top, ldh, R);
    }
    if (with_policy && with_value) {
      shoal_gemm(tape->dx, ldh, tape->dout, ldo, policy->head_backward, 0, R, outputs + 1, H, 0);
    } else if (with_policy) {
      shoal_gemm(tape->dx, ldh, tape->dout, ldo, policy->policy_head.backward, 0, R, outputs, H, 0);
    } else {
      shoal_gemm(tape->dx, ldh, tape->dout + outputs, ldo, policy->value_head.backward, 0, R, 1, H, 0);
    }
    trunk_backward(policy, batch, tape, n, gradient);
  }
}
