// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The learner's operations one at a time, for `shoal bench kernels`. A new operation is a function and a table row in
// kernels.c.
#ifndef SHOAL_BENCH_H
#define SHOAL_BENCH_H

#include "shoal/shoal.h"

// Which shapes an operation is measured on.
enum {
  SHOAL_BENCH_PRODUCTS = 0,   // inputs x outputs of every matrix product of a forward and backward pass
  SHOAL_BENCH_GRADIENTS = 1,  // inputs x outputs of every layer
  SHOAL_BENCH_BLOCKS = 2,     // inputs x outputs of every matrix that Muon orthogonalises; one call is one "row"
  SHOAL_BENCH_UNITS = 3,      // outputs = hidden units
  SHOAL_BENCH_POLICY = 4      // whole rows of the policy
};

typedef struct {
  int32_t rows;               // of one call; whole segments
  int32_t steps;              // of a segment
  int32_t inputs, outputs;    // of a matrix
  const ShoalPolicy *policy;  // for SHOAL_BENCH_POLICY; otherwise may be null
} ShoalBench;

// The name of an operation, null beyond the last; and which shapes it takes.
SHOAL_API const char *shoal_bench_name(int32_t operation);
SHOAL_API int32_t shoal_bench_shapes(int32_t operation);
// Floating-point operations of one call: of matrix products exactly, elsewhere by the formula as it is written, with 20
// for an exponential or a logarithm and 1 for a division or a square root.
SHOAL_API double shoal_bench_flops(int32_t operation, const ShoalBench *bench);
// Bytes that one thread works on.
SHOAL_API int64_t shoal_bench_bytes(int32_t operation, const ShoalBench *bench);
// Run `calls` calls on each of `threads` threads and return the seconds from the first to the last. memory: `threads`
// times shoal_bench_bytes, 64-byte aligned, filled with floats of ordinary size, which lose their meaning.
SHOAL_API double shoal_bench_run(int32_t operation, const ShoalBench *bench, int32_t threads, int64_t calls,
                                 void *memory);

#endif
