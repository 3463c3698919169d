// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// A policy: encoder -> core -> heads over packed observation rows, with its parameters in one flat array, and the
// "tape" of one forward pass over a few segments from which the backward pass runs.
//
// Letters: R rows of a pass (segments x steps), K features, H hidden units, L layers, O outputs (logits, then means).
// Every matrix is stored (outputs, inputs), as torch does.
#ifndef SHOAL_POLICY_H
#define SHOAL_POLICY_H

#include "nn/gemm.h"

#include "nn/arena.h"
#include "nn/encoders.h"
#include "nn/gemm16.h"
#include "shoal/shoal.h"

enum { SHOAL_MAX_LAYERS = 8 };
enum { SHOAL_MAX_PARAMETERS = 2 * (3 + SHOAL_OWN_PARAMETERS * SHOAL_OWN_MOST + 3 * SHOAL_MAX_LAYERS) + 5 };
enum { SHOAL_MAX_BLOCKS = 4 };  // gate blocks of a matrix
enum { SHOAL_RULE_ADAM = 0, SHOAL_RULE_MUON = 1 };

// Faults that tests plant, in a library built with SHOAL_FAULTS alone; elsewhere the test is the constant 0.
enum {
  SHOAL_FAULT_NONE = 0,
  SHOAL_FAULT_STATE_KEPT,      // the memory is not reset where a life starts
  SHOAL_FAULT_MASK_IGNORED,    // in sampling, log-probability and entropy
  SHOAL_FAULT_TRUNCATED_ENDS,  // truncated is taken for terminated
  SHOAL_FAULT_NO_BOOTSTRAP,    // the value after the last step is 0
  SHOAL_FAULT_ABSENT_LEARNT,   // rows of absent agents enter the loss
  SHOAL_FAULT_HEAD_LEFT_OUT,   // the last head's log-probability is left out
  SHOAL_FAULT_CLIPPED_SCORED,  // the clipped action is scored in place of the raw one
  SHOAL_FAULT_MEMORY_LOST,     // the memory is zeroed at every step
  SHOAL_FAULT_COUNT_IGNORED    // all entities of a set are taken for valid
};
#ifdef SHOAL_FAULTS
#define SHOAL_FAULT(policy, name) ((policy)->fault == SHOAL_FAULT_##name)
#else
#define SHOAL_FAULT(policy, name) ((void)(policy), 0)
#endif

// One named parameter in the flat array.
typedef struct {
  char name[SHOAL_NAME];
  int64_t offset;
  int32_t rows, columns;  // a vector has one column; so may a matrix
  int32_t taps;           // of a convolution's kernel, whose columns are (columns / taps, 3, 3); else 0
  // How the passes order it: with inner > 1, column a * inner + b stands at b * (columns / inner) + a; table: as
  // (columns, rows). Gradient buffers have this order too.
  int32_t inner, table;
  int32_t vector;  // 1: a bias or a log-std
  int32_t blocks;  // gate blocks stacked in the rows; each is a matrix of its own for initialisation and Muon
  int32_t rule;
  int32_t head;  // 1: a head's matrix (for the ablation that gives heads to Muon)
  float gain;    // of the orthogonal initialisation; 0: zeros
  float spread;  // above 0: normals of that standard deviation instead
} ShoalParameter;

typedef struct {
  int32_t weight, bias;       // parameter indices; a bias of -1: none
  float *forward, *backward;  // packed: (K -> outputs) and its transpose; pairs of 16 bits where policy.precision asks
  float *padded_bias;
} ShoalLinear;

typedef struct ShoalTrunk {
  int32_t dense, onehot, bias;  // parameter indices; -1 where there are no such features
  float *encoder, *encoder_bias;
  float *onehot_table;  // (hot, padded H); packed pairs where policy.hot16
  ShoalOwn own[SHOAL_OWN_MOST];
  ShoalLinear layers[SHOAL_MAX_LAYERS];     // what reads a layer's input; of lstm W_x
  ShoalLinear recurrent[SHOAL_MAX_LAYERS];  // lstm: W_h, without a bias
} ShoalTrunk;

struct ShoalPolicy {
  ShoalSpec spec;
  ShoalPolicyConfig config;
  int32_t dense, ldx;               // features of DENSE fields; padded row length
  int32_t hot, hots;                // columns of all one-hots, and how many of them are 1: the fields' elements
  int32_t hot16;                    // one-hots are multiplied on the tile unit (nn/gemm16.h)
  int32_t indices;                  // of a row: the one-hots', then the embeddings'
  int32_t num_encodes, normalised;  // fields; number of normalised features
  int32_t num_own;                  // own encoders
  ShoalEncode encodes[SHOAL_MAX_FIELDS];
  int32_t hidden, ldh, ldg, layers, trunks, state_size;
  int32_t gates;                 // blocks of a core layer's matrices: mlp 1, mingru 3, lstm 4
  int32_t logits, outputs, ldo;  // discrete logits, + means; row length of the tape's outputs
  int32_t num_parameters;
  int64_t parameter_count, gradient_count;
  ShoalParameter parameters[SHOAL_MAX_PARAMETERS];
  int64_t gradient_offset[SHOAL_MAX_PARAMETERS];  // into a gradient buffer, where matrix rows are padded
  ShoalTrunk trunk[2];
  ShoalLinear policy_head, value_head;
  int32_t log_std;                          // parameter index, or -1
  float *head, *head_backward, *head_bias;  // packed: policy and value heads of a shared trunk side by side
  float *theta;                             // (parameter_count,)
  double *count, *mean, *m2;                // normaliser: (1,), (normalised,), (normalised,)
  int32_t fault;                            // SHOAL_FAULT_*
  float *center, *scale;                    // what encoding uses: mean and 1 / max(std, 1e-3)
  float *arranged;                          // workspace of packing: one parameter in the order of the passes
};

// One forward pass over R = segments * steps rows, in the order of shoal_tape_row.
typedef struct ShoalTape {
  float *x;        // (R, ldx) dense features
  int32_t *index;  // (R, indices): columns of one-hots, rows of embeddings' tables
  ShoalOwnInput own[SHOAL_OWN_MOST];
  float *work;  // of own encoders
  struct {
    ShoalOwnTape own[SHOAL_OWN_MOST];
    float *values[SHOAL_MAX_LAYERS + 1];  // (R, ldh): encoder output, then each layer's
    float *gates[SHOAL_MAX_LAYERS];       // (R, ldg): the gates, activated; their gradients in backward
    float *states[SHOAL_MAX_LAYERS];      // (R, ldh): the recurrent state after each step; of lstm the cell
    float *squashed[SHOAL_MAX_LAYERS];    // (R, ldh), lstm: tanh of the cell
    float *before[SHOAL_MAX_LAYERS];      // (R, ldh), lstm: h before each step, 0 where a life starts
  } trunk[2];
  float *out;       // (R, ldo): outputs, then the value at index `outputs`
  float *dout;      // (R, ldo), zero beyond the value
  float *dx;        // (R, ldh)
  float *carry[2];  // (R, ldh), lstm: what flows back in time, to h and to the cell of each segment
  uint32_t *pairs;  // bfloat16: workspace of the products
} ShoalTape;

// Where a pass finds a segment's things; strides in bytes for rows, in elements otherwise.
typedef struct {
  int32_t segments, steps;
  const uint8_t *const *rows;    // (segments,): first observation row of each; consecutive steps are row_bytes apart
  const uint8_t *const *starts;  // (segments,): `steps` consecutive bytes each; entries may be null (no reset inside)
  const float *const *memory;    // (segments,): state before the first step; may be null when state_size is 0
  float *const *memory_out;      // (segments,): state after the last step is written here; null: dropped
} ShoalBatch;

// The tape's row of step t of segment s. Rows go segment by segment, but of lstm step by step: its recurrent product
// takes all segments at once.
static inline int64_t shoal_tape_row(const ShoalPolicy *policy, const ShoalBatch *batch, int32_t s, int32_t t) {
  return policy->config.core == SHOAL_CORE_LSTM ? (int64_t)t * batch->segments + s : (int64_t)s * batch->steps + t;
}

// Declare a parameter of that many rows and columns; returns its index. gain 0: a vector.
int32_t shoal_add_parameter(ShoalPolicy *policy, const char *prefix, const char *name, int32_t rows, int32_t columns,
                            int32_t blocks, int32_t rule, float gain);
// Copy a parameter in the passes' order: to (rows, columns), or for a table (columns, padded rows).
void shoal_arrange(const ShoalPolicy *policy, int32_t parameter, float *to);
// Floats of the gradient buffer that a parameter takes.
int64_t shoal_gradient_size(const ShoalParameter *p);
// Add the gradient of a matrix from dy (rows, outputs) and x (rows, inputs), and of its bias (-1: none).
void shoal_outer(const ShoalPolicy *policy, const ShoalTape *tape, float *gradient, int32_t weight, int32_t bias,
                 const float *dy, int64_t ldy, const float *x, int64_t ldx, int32_t rows);

void shoal_tape_take(const ShoalPolicy *policy, ShoalArena *arena, int32_t rows, int32_t training, ShoalTape *tape);
// Element i of an array of dtype at `at`, as a float.
static inline float shoal_element(const uint8_t *at, int32_t dtype, int32_t i) {
  switch (dtype) {
    case SHOAL_U8: return (float)at[i];
    case SHOAL_I8: return (float)(int8_t)at[i];
    case SHOAL_I16: {
      int16_t v;
      __builtin_memcpy(&v, at + 2 * i, 2);
      return (float)v;
    }
    default: {
      float v;
      __builtin_memcpy(&v, at + 4 * i, 4);
      return v;
    }
  }
}

// y = x * packed (+ bias, + y), as shoal_gemm, in the policy's precision.
static inline void shoal_product(const ShoalPolicy *policy, const ShoalTape *tape, float *y, int64_t ldy,
                                 const float *x, int64_t ldx, const float *packed, const float *bias, int32_t rows,
                                 int32_t inner, int32_t columns, int32_t accumulate) {
  if (policy->config.precision) {
    const uint32_t *pairs = (const uint32_t *)(const void *)packed;
    shoal_gemm16(y, ldy, x, ldx, pairs, bias, rows, inner, columns, accumulate, tape->pairs);
  } else {
    shoal_gemm(y, ldy, x, ldx, packed, bias, rows, inner, columns, accumulate);
  }
}

void shoal_forward(const ShoalPolicy *policy, const ShoalBatch *batch, ShoalTape *tape);
// Add the gradient of a loss, given tape->dout, to `gradient` (gradient_count,; layout of gradient_offset).
void shoal_backward(const ShoalPolicy *policy, const ShoalBatch *batch, ShoalTape *tape, float *gradient);

// minGRU over the rows first to last of a pass: gates (pre-activations in, k, z, q out), then the recurrence.
void shoal_mingru_forward(float *gates, int64_t ldg, const float *x, float *y, float *states, int64_t ldh,
                          const ShoalBatch *batch, int32_t memory_offset, int32_t hidden, int32_t first, int32_t last);
// dy (R, ldh) is replaced by the part of dx that passes by the gates; gates by their gradients.
void shoal_mingru_backward(float *gates, int64_t ldg, const float *x, float *dy, const float *states, int64_t ldh,
                           const ShoalBatch *batch, int32_t memory_offset, int32_t hidden, float *carry);

// LSTM layer over R rows: values[layer] -> values[layer + 1]. Backward, given dy, replaces the gates of the steps from
// `from` to before `until` by their gradients; it is called for all steps, the last first.
void shoal_lstm_forward(const ShoalPolicy *policy, const ShoalBatch *batch, ShoalTape *tape, int32_t trunk,
                        int32_t layer);
void shoal_lstm_backward(const ShoalPolicy *policy, const ShoalBatch *batch, ShoalTape *tape, int32_t trunk,
                         int32_t layer, int32_t from, int32_t until, const float *dy);

// Write the parameters' initial values: orthogonal, from hash(seed, INIT, tensor).
void shoal_initialise(ShoalPolicy *policy);

#endif
