// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Every operation here takes its arrays from an arena, makes `calls` calls and returns the floating-point operations of
// one. With no memory behind the arena and no calls it only measures what it needs.
#include "nn/policy.h"

#include "bench/bench.h"

#include <string.h>

#include "learn/advantage.h"
#include "learn/learner.h"
#include "learn/optimizer.h"

typedef double Operation(const ShoalBench *bench, ShoalArena *arena, int64_t calls);

enum { TRANSCENDENTAL = 20 };  // floating-point operations counted for an exponential or a logarithm

static float *floats(ShoalArena *arena, int64_t count) { return shoal_take(arena, 4 * count); }

// ---------------------------------------------------------------------------------------------------- products

static double gemm(const ShoalBench *bench, ShoalArena *arena, int64_t calls) {
  int64_t rows = bench->rows, ldx = shoal_padded(bench->inputs), ldy = shoal_padded(bench->outputs);
  float *x = floats(arena, rows * ldx), *packed = floats(arena, ldy * bench->inputs), *bias = floats(arena, ldy);
  float *y = floats(arena, rows * ldy);
  for (int64_t i = 0; i < calls; i++) {
    shoal_gemm(y, ldy, x, ldx, packed, bias, bench->rows, bench->inputs, bench->outputs, 0);
  }
  return 2.0 * (double)rows * bench->inputs * bench->outputs;
}

static double gemm_outer(const ShoalBench *bench, ShoalArena *arena, int64_t calls) {
  int64_t rows = bench->rows, ldx = shoal_padded(bench->inputs), ldy = shoal_padded(bench->outputs);
  float *x = floats(arena, rows * ldx), *dy = floats(arena, rows * ldy), *w = floats(arena, bench->outputs * ldx);
  for (int64_t i = 0; i < calls; i++) {
    shoal_gemm_outer(w, ldx, dy, ldy, x, ldx, bench->rows, bench->outputs, bench->inputs);
  }
  return 2.0 * (double)rows * bench->inputs * bench->outputs;
}

// ---------------------------------------------------------------------------------------------------- cores

// A batch of whole segments without a start inside; rows and memory may be null where they are not read.
static ShoalBatch batch_of(const ShoalBench *bench, ShoalArena *arena, const uint8_t *rows, int64_t row_bytes,
                           const float *memory) {
  int32_t segments = bench->rows / bench->steps;
  const uint8_t **row_of = shoal_take(arena, 8 * (int64_t)segments),
                **starts = shoal_take(arena, 8 * (int64_t)segments);
  const float **memory_of = shoal_take(arena, 8 * (int64_t)segments);
  for (int32_t s = 0; arena->base && s < segments; s++) {
    row_of[s] = rows ? rows + (int64_t)s * bench->steps * row_bytes : 0;
    starts[s] = 0;
    memory_of[s] = memory;
  }
  return (ShoalBatch){segments, bench->steps, row_of, starts, memory_of, 0};
}

static double mingru_forward(const ShoalBench *bench, ShoalArena *arena, int64_t calls) {
  int32_t H = bench->outputs;
  int64_t rows = bench->rows, ldh = shoal_padded(H), ldg = shoal_padded(3 * H);
  float *gates = floats(arena, rows * ldg), *x = floats(arena, rows * ldh), *y = floats(arena, rows * ldh);
  float *states = floats(arena, rows * ldh);
  ShoalBatch batch = batch_of(bench, arena, 0, 0, floats(arena, ldh));
  for (int64_t i = 0; i < calls; i++) {
    shoal_mingru_forward(gates, ldg, x, y, states, ldh, &batch, 0, H, 0, bench->rows);
  }
  return (double)rows * H * (3.0 * (TRANSCENDENTAL + 2) + 1.0 + 6.0);
}

static double mingru_backward(const ShoalBench *bench, ShoalArena *arena, int64_t calls) {
  int32_t H = bench->outputs;
  int64_t rows = bench->rows, ldh = shoal_padded(H), ldg = shoal_padded(3 * H);
  float *gates = floats(arena, rows * ldg), *x = floats(arena, rows * ldh), *dy = floats(arena, rows * ldh);
  float *states = floats(arena, rows * ldh), *carry = floats(arena, ldh);
  ShoalBatch batch = batch_of(bench, arena, 0, 0, floats(arena, ldh));
  for (int64_t i = 0; i < calls; i++) { shoal_mingru_backward(gates, ldg, x, dy, states, ldh, &batch, 0, H, carry); }
  return (double)rows * H * 21.0;
}

// ---------------------------------------------------------------------------------------------------- rows of a policy

// Multiply-adds of a row: of all matrices, of the encoders' among them, and of those among these whose input needs no
// gradient. An addition is half a multiply-add. Sets count in full.
typedef struct {
  double all, encoder, inputs;
} Products;

static Products products(const ShoalPolicy *policy) {
  double H = policy->hidden, units = SHOAL_CONV_UNITS, taps = SHOAL_CONV_TAPS;
  double encoder = H * (policy->dense + 0.5 * policy->hots), inputs = encoder, rest = 0.0;
  for (int32_t f = 0; f < policy->num_encodes; f++) {
    const ShoalEncode *e = &policy->encodes[f];
    double cells = (double)e->rows * e->columns, first = 0.0;
    if (e->encoder == SHOAL_ENCODER_EMBEDDING) {
      first = 0.5 * e->count * H;
    } else if (e->encoder == SHOAL_ENCODER_CONV) {
      first = 0.5 * cells * taps * e->channels * units;
      encoder += cells * units * (taps * units + H);
    } else if (e->encoder == SHOAL_ENCODER_ENTITIES) {
      first = cells * e->channels * SHOAL_ENTITY_UNITS;
      encoder += e->rows * H * SHOAL_ENTITY_UNITS;
    }
    encoder += first;
    inputs += first;
  }
  for (int32_t i = 0; i < policy->num_parameters; i++) {
    const ShoalParameter *p = &policy->parameters[i];
    rest += p->vector || strstr(p->name, "encoder.") ? 0.0 : (double)p->rows * p->columns;
  }
  return (Products){policy->trunks * encoder + rest, policy->trunks * encoder, policy->trunks * inputs};
}

// Zeros, but for bytes of categories, which are drawn, and for sets, all of whose entities are valid.
static uint8_t *observations(const ShoalBench *bench, ShoalArena *arena) {
  const ShoalPolicy *policy = bench->policy;
  int64_t bytes = policy->spec.row_bytes;
  uint8_t *rows = shoal_take(arena, bench->rows * bytes);
  if (!arena->base) { return rows; }
  memset(rows, 0, (size_t)(bench->rows * bytes));
  for (int32_t f = 0; f < policy->num_encodes; f++) {
    const ShoalEncode *e = &policy->encodes[f];
    int16_t valid = (int16_t)e->rows;
    for (int32_t r = 0; r < bench->rows; r++) {
      uint8_t *row = rows + r * bytes;
      if (e->encoder == SHOAL_ENCODER_ENTITIES) { memcpy(row + e->valid, &valid, sizeof valid); }
      for (int32_t i = 0; e->categories && e->dtype == SHOAL_U8 && i < e->count; i++) {
        row[e->offset + i] = (uint8_t)(shoal_hash(0, 0, (uint64_t)r, (uint64_t)i) % (uint64_t)e->categories);
      }
    }
  }
  return rows;
}

static double encode(const ShoalBench *bench, ShoalArena *arena, int64_t calls) {
  const ShoalPolicy *policy = bench->policy;
  int64_t bytes = policy->spec.row_bytes;
  uint8_t *rows = observations(bench, arena);
  ShoalTape tape;
  shoal_tape_take(policy, arena, bench->rows, 0, &tape);
  for (int64_t i = 0; i < calls; i++) {
    for (int32_t r = 0; r < bench->rows; r++) { shoal_encode(policy, rows + r * bytes, &tape, r); }
  }
  return (double)bench->rows * (policy->dense + 3.0 * policy->normalised + policy->indices);
}

// The encoder's forward pass, from encoded rows, and its backward pass.
static double encoder(const ShoalBench *bench, ShoalArena *arena, int64_t calls) {
  const ShoalPolicy *policy = bench->policy;
  uint8_t *rows = observations(bench, arena);
  float *dx = floats(arena, bench->rows * (int64_t)policy->ldh), *gradient = floats(arena, policy->gradient_count);
  ShoalTape tape;
  shoal_tape_take(policy, arena, bench->rows, 1, &tape);
  for (int32_t r = 0; calls && r < bench->rows; r++) {
    shoal_encode(policy, rows + (int64_t)r * policy->spec.row_bytes, &tape, r);
  }
  for (int64_t i = 0; i < calls; i++) {
    shoal_encoder_forward(policy, &tape, 0, bench->rows);
    shoal_encoder_backward(policy, &tape, 0, bench->rows, dx, gradient);
  }
  Products found = products(policy);
  return 2.0 * bench->rows * (3.0 * found.encoder - found.inputs) / policy->trunks;
}

// What the heads of a policy read and write, over all rows.
typedef struct {
  float *out, *dout, *probs, *log_probs, raw[SHOAL_MAX_DIMS], dlog_std[SHOAL_MAX_DIMS];
  uint8_t *masks;
  int32_t discrete[SHOAL_MAX_HEADS];
} Heads;

static void take_heads(const ShoalBench *bench, ShoalArena *arena, Heads *heads) {
  const ShoalPolicy *policy = bench->policy;
  int64_t rows = bench->rows, mask_bytes = policy->spec.mask_bytes;
  memset(heads, 0, sizeof *heads);
  heads->out = floats(arena, rows * policy->ldo);
  heads->dout = floats(arena, rows * policy->ldo);
  heads->probs = floats(arena, rows * policy->outputs);
  heads->log_probs = floats(arena, rows * policy->outputs);
  heads->masks = shoal_take(arena, rows * mask_bytes);
  if (arena->base) { memset(heads->masks, 1, (size_t)(rows * mask_bytes)); }
}

static double softmax_flops(const ShoalPolicy *policy) {
  return policy->logits * (TRANSCENDENTAL + 6.0) + policy->spec.num_heads * (double)TRANSCENDENTAL;
}

static double sample(const ShoalBench *bench, ShoalArena *arena, int64_t calls) {
  const ShoalPolicy *policy = bench->policy;
  int64_t ldo = policy->ldo, bytes = policy->spec.mask_bytes, outputs = policy->outputs;
  Heads h;
  take_heads(bench, arena, &h);
  for (int64_t i = 0; i < calls; i++) {
    shoal_heads_softmax(policy, h.out, ldo, h.masks, bytes, bench->rows, h.probs, h.log_probs);
    for (int32_t r = 0; r < bench->rows; r++) {
      shoal_heads_sample(policy, h.out + r * ldo, h.probs + r * outputs, h.log_probs + r * outputs, h.masks + r * bytes,
                         0, 1, (uint64_t)i, (uint64_t)r, h.discrete, h.raw);
    }
  }
  return (double)bench->rows * (softmax_flops(policy) + policy->spec.num_dims * 4.0 * TRANSCENDENTAL);
}

// Score and gradient of the heads, which is what a loss costs beside a few operations on scalars.
static double loss(const ShoalBench *bench, ShoalArena *arena, int64_t calls) {
  const ShoalPolicy *policy = bench->policy;
  int64_t ldo = policy->ldo, bytes = policy->spec.mask_bytes, outputs = policy->outputs;
  Heads h;
  take_heads(bench, arena, &h);
  for (int64_t i = 0; i < calls; i++) {
    shoal_heads_softmax(policy, h.out, ldo, h.masks, bytes, bench->rows, h.probs, h.log_probs);
    for (int32_t r = 0; r < bench->rows; r++) {
      float *probs = h.probs + r * outputs, *log_probs = h.log_probs + r * outputs;
      const uint8_t *mask = h.masks + r * bytes;
      ShoalScore score = shoal_heads_score(policy, h.out + r * ldo, mask, h.discrete, h.raw, probs, log_probs);
      shoal_heads_backward(policy, mask, h.discrete, probs, log_probs, score.log_prob, score.entropy, 0.0f,
                           h.dout + r * ldo, h.dlog_std);
    }
  }
  return (double)bench->rows *
         (softmax_flops(policy) + policy->logits * 11.0 + policy->spec.num_dims * (2.0 * TRANSCENDENTAL + 20.0));
}

static ShoalBatch policy_batch(const ShoalBench *bench, ShoalArena *arena) {
  uint8_t *rows = observations(bench, arena);
  return batch_of(bench, arena, rows, bench->policy->spec.row_bytes, floats(arena, bench->policy->state_size));
}

static double forward(const ShoalBench *bench, ShoalArena *arena, int64_t calls) {
  ShoalTape tape;
  shoal_tape_take(bench->policy, arena, bench->rows, 0, &tape);
  ShoalBatch batch = policy_batch(bench, arena);
  for (int64_t i = 0; i < calls; i++) { shoal_forward(bench->policy, &batch, &tape); }
  return 2.0 * bench->rows * products(bench->policy).all;
}

static double forward_backward(const ShoalBench *bench, ShoalArena *arena, int64_t calls) {
  ShoalTape tape;
  shoal_tape_take(bench->policy, arena, bench->rows, 1, &tape);
  ShoalBatch batch = policy_batch(bench, arena);
  float *gradient = floats(arena, bench->policy->gradient_count);
  for (int64_t i = 0; i < calls; i++) {
    shoal_forward(bench->policy, &batch, &tape);
    shoal_backward(bench->policy, &batch, &tape, gradient);
  }
  Products found = products(bench->policy);
  return 2.0 * bench->rows * (3.0 * found.all - found.inputs);
}

// ---------------------------------------------------------------------------------------------------- learning

static double advantage(const ShoalBench *bench, ShoalArena *arena, int64_t calls) {
  const ShoalAdvantage config = {0.99f, 0.95f, 1.0f, 1.0f, 0, 1.0f, 10.0f};
  int64_t rows = bench->rows;
  float *rewards = floats(arena, rows), *values = floats(arena, rows), *finals = floats(arena, rows);
  float *weights = floats(arena, rows), *advantages = floats(arena, rows), *targets = floats(arena, rows);
  uint8_t *ended = shoal_take(arena, rows), *learn = shoal_take(arena, rows);
  if (arena->base) {
    memset(ended, 0, (size_t)rows);
    memset(learn, 1, (size_t)rows);
  }
  for (int64_t i = 0; i < calls; i++) {
    for (int64_t at = 0; at < rows; at += bench->steps) {
      shoal_advantage(&config, bench->steps, rewards + at, values + at, finals + at, weights + at, ended + at,
                      learn + at, 0.0f, advantages + at, targets + at);
    }
  }
  return (double)rows * 16.0;
}

static double muon(const ShoalBench *bench, ShoalArena *arena, int64_t calls) {
  int64_t size = (int64_t)bench->inputs * bench->outputs;
  float *w = floats(arena, size), *g = floats(arena, size), *m = floats(arena, size);
  float *workspace = floats(arena, shoal_muon_floats(bench->outputs, bench->inputs));
  for (int64_t i = 0; i < calls; i++) {
    shoal_muon(w, g, m, bench->outputs, bench->inputs, 1.0f, 1e-6f, 0.95f, workspace);
  }
  double a = shoal_mini(bench->inputs, bench->outputs), b = (double)size / a;
  return 5.0 * (2.0 * a * a * b + a * (a + 1.0) * (a + b));  // two of the three products are symmetric
}

static double adamw(const ShoalBench *bench, ShoalArena *arena, int64_t calls) {
  int64_t size = (int64_t)bench->inputs * bench->outputs;
  float *w = floats(arena, size), *g = floats(arena, size), *m = floats(arena, size), *v = floats(arena, size);
  if (arena->base) { memset(v, 0, 4 * (size_t)size); }
  for (int64_t i = 0; i < calls; i++) { shoal_adamw(w, g, m, v, size, 1.0f, 1e-6f, 1 + i); }
  return (double)size * 14.0;
}

// ---------------------------------------------------------------------------------------------------- the table

static const struct {
  const char *name;
  int32_t shapes;
  Operation *run;
} operations[] = {
    {"gemm", SHOAL_BENCH_PRODUCTS, gemm},
    {"gemm_outer", SHOAL_BENCH_GRADIENTS, gemm_outer},
    {"mingru_forward", SHOAL_BENCH_UNITS, mingru_forward},
    {"mingru_backward", SHOAL_BENCH_UNITS, mingru_backward},
    {"encode", SHOAL_BENCH_POLICY, encode},
    {"encoder", SHOAL_BENCH_POLICY, encoder},
    {"sample", SHOAL_BENCH_POLICY, sample},
    {"loss", SHOAL_BENCH_POLICY, loss},
    {"forward", SHOAL_BENCH_POLICY, forward},
    {"forward_backward", SHOAL_BENCH_POLICY, forward_backward},
    {"advantage", SHOAL_BENCH_POLICY, advantage},
    {"muon", SHOAL_BENCH_BLOCKS, muon},
    {"adamw", SHOAL_BENCH_BLOCKS, adamw},
};

static int32_t known(int32_t operation) {
  return operation >= 0 && operation < (int32_t)(sizeof operations / sizeof *operations);
}

const char *shoal_bench_name(int32_t operation) { return known(operation) ? operations[operation].name : 0; }

int32_t shoal_bench_shapes(int32_t operation) { return known(operation) ? operations[operation].shapes : -1; }

double shoal_bench_flops(int32_t operation, const ShoalBench *bench) {
  ShoalArena arena = {0, 0};
  return operations[operation].run(bench, &arena, 0);
}

int64_t shoal_bench_bytes(int32_t operation, const ShoalBench *bench) {
  ShoalArena arena = {0, 0};
  operations[operation].run(bench, &arena, 0);
  return arena.used;
}

typedef struct {
  int32_t operation;
  const ShoalBench *bench;
  int64_t calls, bytes;
  uint8_t *memory;
} Call;

static void run_share(void *context, int32_t task, int32_t thread) {
  const Call *call = context;
  (void)thread;
  ShoalArena arena = {call->memory + task * call->bytes, 0};
  operations[call->operation].run(call->bench, &arena, call->calls);
}

double shoal_bench_run(int32_t operation, const ShoalBench *bench, int32_t threads, int64_t calls, void *memory) {
  Call call = {operation, bench, calls, shoal_bench_bytes(operation, bench), memory};
  double start = shoal_seconds();
  shoal_parallel_flushed(threads, threads, run_share, &call);
  return shoal_seconds() - start;
}
