// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// What the engine keeps of an exchange with workers, and how it calls them.
#ifndef SHOAL_OUTSIDE_EXCHANGE_H
#define SHOAL_OUTSIDE_EXCHANGE_H

#include "outside/memory.h"

// What a worker writes about one environment.
typedef struct {
  int32_t agents, row_bytes, mask_bytes, metrics;
  const uint8_t *command, *fault, *over, *renewed;
  const uint8_t *rows, *final_rows, *masks, *final_masks, *ended, *live;
  const float *rewards, *metric_values, *final_metrics;
  uint8_t *kept;  // the rows before this step, for one that failed
} ShoalOutsideSlot;

struct ShoalOutside {
  ShoalOutsideConfig config;
  ShoalOutsideSlot *slots;  // (num_envs,)
  double *sent;             // (blocks,): when
  double *waited;           // (blocks,): seconds for the last answer that had to be waited for
  uint8_t *discrete, *continuous, *commands, *params, *faults;
  uint64_t *seeds;
  _Atomic int32_t failed;
};

// Ask the worker of block b for what its commands say.
void shoal_outside_request(const ShoalVec *vec, int32_t b);
// Whether nothing that was asked of block b is under way.
int32_t shoal_outside_answered(const ShoalVec *vec, int32_t b);
// Wait up to `seconds` (negative: for as long as it takes) for a block's answer; returns whether it is there.
int32_t shoal_outside_wait(const ShoalVec *vec, int32_t b, double seconds);
// Say what went wrong; the host may give up.
void shoal_outside_tell(const ShoalVec *vec, int32_t fault, int32_t worker, int32_t env, int32_t generation);
int32_t shoal_outside_given_up(const ShoalVec *vec);

#endif
