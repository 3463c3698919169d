// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// A whole policy, encoder -> core -> heads, and the gradient with respect to every parameter. The value reads the
// policy's trunk or has one of its own. In an mlp the encoder with its activation is the first layer.
#include "reference.h"

typedef struct {
  int64_t encoder_dense, encoder_hot, encoder_bias, encoder_own, layers, end;  // offsets into params
} Trunk;

static int32_t core_layers(const ShoalRefPolicy *p) { return p->core == SHOAL_CORE_MLP ? p->layers - 1 : p->layers; }
static int32_t blocks(const ShoalRefPolicy *p) {
  return p->core == SHOAL_CORE_LSTM ? 4 : p->core == SHOAL_CORE_MINGRU ? 3 : 1;
}
static int32_t states(const ShoalRefPolicy *p) {  // arrays (B, H) of state of a layer
  return p->core == SHOAL_CORE_LSTM ? 2 : p->core == SHOAL_CORE_MINGRU ? 1 : 0;
}
// Where a layer's bias lies in it, behind one matrix, or two.
static int64_t bias_in(const ShoalRefPolicy *p) {
  return (int64_t)blocks(p) * p->hidden * p->hidden * (p->core == SHOAL_CORE_LSTM ? 2 : 1);
}
static int64_t layer_params(const ShoalRefPolicy *p) { return bias_in(p) + (int64_t)blocks(p) * p->hidden; }

static Trunk trunk_at(const ShoalRefPolicy *p, int64_t first) {
  Trunk trunk = {.encoder_dense = first};
  trunk.encoder_hot = trunk.encoder_dense + (int64_t)p->hidden * p->dense;
  trunk.encoder_bias = trunk.encoder_hot + (int64_t)p->hidden * p->hot;
  trunk.encoder_own = trunk.encoder_bias + p->hidden;
  trunk.layers = trunk.encoder_own;
  for (int32_t i = 0; i < p->num_encoders; i++) {
    trunk.layers += shoal_ref_encoder_params(&p->encoders[i], p->hidden);
  }
  trunk.end = trunk.layers + core_layers(p) * layer_params(p);
  return trunk;
}

// Offset of the heads: policy (O, H), (O,), value (1, H), (1,), log-std (dims,).
static int64_t heads_at(const ShoalRefPolicy *p) { return (p->own_value ? 2 : 1) * trunk_at(p, 0).end; }
static int64_t value_head_at(const ShoalRefPolicy *p) { return heads_at(p) + (int64_t)p->outputs * (p->hidden + 1); }

int64_t shoal_ref_policy_params(const ShoalRefPolicy *p) { return value_head_at(p) + p->hidden + 1 + p->dims; }

// A trunk's work: the activations x_0 .. x_layers (n, H), then per recurrent layer gates (n, 3H or 4H) and memory (n,
// H).
static int64_t trunk_work(const ShoalRefPolicy *p, int64_t n) {
  int64_t layers = core_layers(p);
  return n * p->hidden * (layers + 1 + (p->core == SHOAL_CORE_MLP ? 0 : (blocks(p) + 1) * layers));
}
static double *activation_at(const ShoalRefPolicy *p, int64_t n, int32_t layer, double *work) {
  return work + n * p->hidden * layer;
}
static double *gates_at(const ShoalRefPolicy *p, int64_t n, int32_t layer, double *work) {
  return work + n * p->hidden * (core_layers(p) + 1 + (blocks(p) + 1) * layer);
}

// Two trunks, then backward's gradients: gates (n, 4H at most) and two activations (n, H), then the own encoders' work.
static int64_t own_work_at(const ShoalRefPolicy *p, int64_t n) { return 2 * trunk_work(p, n) + 6 * n * p->hidden; }
int64_t shoal_ref_policy_work(const ShoalRefPolicy *p, int64_t n) {
  int64_t most = 0;
  for (int32_t i = 0; i < p->num_encoders; i++) {
    int64_t work = shoal_ref_encoder_work(&p->encoders[i], p->hidden);
    most = work > most ? work : most;
  }
  return own_work_at(p, n) + most;
}

// Numbers that the own encoders read of a sample.
static int64_t own_inputs(const ShoalRefPolicy *p) {
  int64_t inputs = 0;
  for (int32_t i = 0; i < p->num_encoders; i++) { inputs += shoal_ref_encoder_inputs(&p->encoders[i]); }
  return inputs;
}

// From own (n, X): x (n, H) +=; or with dx (n, H) in place of x: dparams +=.
static void own_encoders(const ShoalRefPolicy *p, const double *params, Trunk trunk, int64_t n, const double *own,
                         double *x, const double *dx, double *dparams, double *work) {
  int64_t at = trunk.encoder_own, stride = own_inputs(p);
  for (int32_t i = 0; i < p->num_encoders; i++) {
    const ShoalRefEncoder *e = &p->encoders[i];
    if (x) {
      shoal_ref_encoder(e, p->hidden, n, stride, own, params + at, x, work);
    } else {
      shoal_ref_encoder_backward(e, p->hidden, n, stride, own, params + at, dx, dparams + at, work);
    }
    at += shoal_ref_encoder_params(e, p->hidden);
    own += shoal_ref_encoder_inputs(e);
  }
}

// Leaves the trunk's output in the last activation of work.
static void trunk_forward(const ShoalRefPolicy *p, const double *params, Trunk trunk, int32_t segments, int32_t length,
                          const double *dense, const double *hot, const double *own, const uint8_t *starts,
                          const double *state, double *state_out, double *work, double *own_work) {
  int64_t n = (int64_t)segments * length;
  int32_t hidden = p->hidden, mlp = p->core == SHOAL_CORE_MLP;
  double *x = activation_at(p, n, 0, work);
  shoal_ref_linear(n, p->dense, hidden, dense, params + trunk.encoder_dense, params + trunk.encoder_bias, 0, x);
  shoal_ref_linear(n, p->hot, hidden, hot, params + trunk.encoder_hot, 0, 1, x);
  own_encoders(p, params, trunk, n, own, x, 0, 0, own_work);
  if (mlp) { shoal_ref_activation(p->activation, n * hidden, x); }
  for (int32_t layer = 0; layer < core_layers(p); layer++) {
    const double *w = params + trunk.layers + layer * layer_params(p), *b = w + bias_in(p);
    double *y = activation_at(p, n, layer + 1, work);
    if (mlp) {
      shoal_ref_linear(n, hidden, hidden, x, w, b, 0, y);
      shoal_ref_activation(p->activation, n * hidden, y);
    } else {
      double *gates = gates_at(p, n, layer, work), *memory = gates + blocks(p) * n * hidden;
      int64_t size = (int64_t)segments * hidden, at = layer * states(p) * size;
      if (p->core == SHOAL_CORE_LSTM) {
        const double *w_h = w + 4 * (int64_t)hidden * hidden;
        shoal_ref_lstm(segments, length, hidden, x, starts, state + at, w, w_h, b, gates, memory, y);
      } else {
        shoal_ref_mingru(segments, length, hidden, x, starts, state + at, w, b, gates, memory, y);
      }
      for (int64_t i = 0; state_out && i < states(p) * size; i++) {
        int64_t segment = i % size / hidden, unit = i % hidden;
        const double *series = p->core == SHOAL_CORE_LSTM && i < size ? y : memory;
        state_out[at + i] = series[(segment * length + length - 1) * hidden + unit];
      }
    }
    x = y;
  }
}

// dy (n, H): the gradient of the trunk's output on entry; overwritten.
static void trunk_backward(const ShoalRefPolicy *p, const double *params, Trunk trunk, int32_t segments, int32_t length,
                           const double *dense, const double *hot, const double *own, const uint8_t *starts,
                           const double *state, double *dy, double *dx, double *dgates, double *dparams, double *work,
                           double *own_work) {
  int64_t n = (int64_t)segments * length;
  int32_t hidden = p->hidden, mlp = p->core == SHOAL_CORE_MLP;
  for (int32_t layer = core_layers(p) - 1; layer >= 0; layer--) {
    int64_t at = trunk.layers + layer * layer_params(p), bias_at = at + bias_in(p);
    const double *x = activation_at(p, n, layer, work), *y = activation_at(p, n, layer + 1, work);
    if (mlp) {
      shoal_ref_activation_backward(p->activation, n * hidden, y, dy);
      shoal_ref_linear_backward(n, hidden, hidden, x, params + at, dy, dx, dparams + at, dparams + bias_at);
    } else {
      const double *gates = gates_at(p, n, layer, work), *memory = gates + blocks(p) * n * hidden;
      const double *before = state + (int64_t)layer * states(p) * segments * hidden;
      int64_t recurrent_at = at + 4 * (int64_t)hidden * hidden;
      if (p->core == SHOAL_CORE_LSTM) {
        shoal_ref_lstm_backward(segments, length, hidden, x, starts, before, params + at, params + recurrent_at, gates,
                                memory, y, dy, dgates, dx, dparams + at, dparams + recurrent_at, dparams + bias_at);
      } else {
        shoal_ref_mingru_backward(segments, length, hidden, x, starts, before, params + at, gates, memory, dy, dgates,
                                  dx, dparams + at, dparams + bias_at);
      }
    }
    double *swap = dy;
    dy = dx;
    dx = swap;
  }
  if (mlp) { shoal_ref_activation_backward(p->activation, n * hidden, activation_at(p, n, 0, work), dy); }
  shoal_ref_linear_backward(n, p->dense, hidden, dense, params + trunk.encoder_dense, dy, 0,
                            dparams + trunk.encoder_dense, dparams + trunk.encoder_bias);
  shoal_ref_linear_backward(n, p->hot, hidden, hot, params + trunk.encoder_hot, dy, 0, dparams + trunk.encoder_hot, 0);
  own_encoders(p, params, trunk, n, own, 0, dy, dparams, own_work);
}

void shoal_ref_policy_forward(const ShoalRefPolicy *p, const double *params, int32_t segments, int32_t length,
                              const double *dense, const double *hot, const double *own, const uint8_t *starts,
                              const double *state, double *outputs, double *values, double *state_out, double *work) {
  int64_t n = (int64_t)segments * length, policy_head = heads_at(p), value_head = value_head_at(p);
  int64_t state_size = (int64_t)p->layers * states(p) * segments * p->hidden;
  Trunk trunk = trunk_at(p, 0);
  trunk_forward(p, params, trunk, segments, length, dense, hot, own, starts, state, state_out, work,
                work + own_work_at(p, n));
  const double *top = activation_at(p, n, core_layers(p), work), *value_top = top;
  if (p->own_value) {
    double *second = work + trunk_work(p, n);
    trunk_forward(p, params, trunk_at(p, trunk.end), segments, length, dense, hot, own, starts,
                  state ? state + state_size : 0, state_out ? state_out + state_size : 0, second,
                  work + own_work_at(p, n));
    value_top = activation_at(p, n, core_layers(p), second);
  }
  shoal_ref_linear(n, p->hidden, p->outputs, top, params + policy_head,
                   params + policy_head + (int64_t)p->outputs * p->hidden, 0, outputs);
  shoal_ref_linear(n, p->hidden, 1, value_top, params + value_head, params + value_head + p->hidden, 0, values);
}

void shoal_ref_policy_backward(const ShoalRefPolicy *p, const double *params, int32_t segments, int32_t length,
                               const double *dense, const double *hot, const double *own, const uint8_t *starts,
                               const double *state, const double *doutputs, const double *dvalues, double *dparams,
                               double *work) {
  int64_t n = (int64_t)segments * length, policy_head = heads_at(p), value_head = value_head_at(p);
  double *second = work + trunk_work(p, n);
  double *dgates = work + 2 * trunk_work(p, n), *dtop = dgates + 4 * n * p->hidden, *dx = dtop + n * p->hidden;
  Trunk trunk = trunk_at(p, 0);
  const double *top = activation_at(p, n, core_layers(p), work);
  const double *value_top = p->own_value ? activation_at(p, n, core_layers(p), second) : top;
  shoal_ref_linear_backward(n, p->hidden, 1, value_top, params + value_head, dvalues, dtop, dparams + value_head,
                            dparams + value_head + p->hidden);
  if (p->own_value) {
    trunk_backward(p, params, trunk_at(p, trunk.end), segments, length, dense, hot, own, starts,
                   state ? state + (int64_t)p->layers * states(p) * segments * p->hidden : 0, dtop, dx, dgates, dparams,
                   second, work + own_work_at(p, n));
  }
  shoal_ref_linear_backward(n, p->hidden, p->outputs, top, params + policy_head, doutputs, dx, dparams + policy_head,
                            dparams + policy_head + (int64_t)p->outputs * p->hidden);
  for (int64_t i = 0; i < n * p->hidden; i++) { dtop[i] = dx[i] + (p->own_value ? 0.0 : dtop[i]); }
  trunk_backward(p, params, trunk, segments, length, dense, hot, own, starts, state, dtop, dx, dgates, dparams, work,
                 work + own_work_at(p, n));
}
