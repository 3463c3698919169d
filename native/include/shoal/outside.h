// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Environments that are stepped elsewhere: by worker processes or threads that run Python. The engine and a worker
// exchange through one block of shared memory, a block of environments at a time:
//
//   engine                                              worker
//   actions, commands, seeds → request[b] += 1, bell →  steps its environments, resets those that ended
//   rewards, flags, rows     ← reply[b] = request[b] ←  (shoal_outside_next)
//
// Nothing is copied but what an environment writes. Each side looks for a moment before it sleeps in a futex on that
// memory, and lets everybody else have its core while it looks: to wake a core that has halted takes 50 us in a virtual
// machine, more than eight copies of a simple environment need.
#ifndef SHOAL_OUTSIDE_H
#define SHOAL_OUTSIDE_H

#include "shoal/shoal.h"

// What a worker is to do with an environment.
enum {
  SHOAL_OUTSIDE_REST = 0,    // nothing
  SHOAL_OUTSIDE_STEP,        // step, and reset it if its world ended
  SHOAL_OUTSIDE_LAST,        // step, and reset it: the time limit is reached
  SHOAL_OUTSIDE_STEP_ALONE,  // step, and leave it as it is
  SHOAL_OUTSIDE_RESET
};

// What went wrong with an environment in this exchange; the worker has made it anew and reset it.
enum {
  SHOAL_FAULT_NONE = 0,
  SHOAL_FAULT_RAISED,    // an exception
  SHOAL_FAULT_NUMBER,    // a reward or observation that is not finite
  SHOAL_FAULT_DIED,      // its worker died
  SHOAL_FAULT_HUNG,      // its worker did not answer in time
  SHOAL_FAULT_HOPELESS,  // it cannot be made anew
  SHOAL_FAULT_OPENED     // it cannot be made a first time
};

enum { SHOAL_OUTSIDE_MESSAGE = 256 };

typedef struct {
  int32_t num_envs, agents, heads, dims, metrics, row_bytes, mask_bytes, params_bytes;
  int32_t block, workers;  // environments in a block; block b belongs to worker b % workers
} ShoalOutsideShape;

// The arrays of the shared memory, N = num_envs, A = agents.
enum {
  SHOAL_OUTSIDE_WORKERS = 0,    // (workers, 128): u32 bell, u32 sleeps, u32 ready, u32 quit, i32 environment at work
  SHOAL_OUTSIDE_BLOCKS,         // (blocks, 128): u32 request, u32 reply at 64, u32 sleeps at 68
  SHOAL_OUTSIDE_COMMANDS,       // u8 (N,)
  SHOAL_OUTSIDE_SEEDS,          // u64 (N,): of the reset, if there is one
  SHOAL_OUTSIDE_FAULTS,         // u8 (N,)
  SHOAL_OUTSIDE_OVER,           // u8 (N,)
  SHOAL_OUTSIDE_RENEWED,        // u8 (N,): was reset after its step; `final` arrays hold what was there before
  SHOAL_OUTSIDE_PARAMS,         // u8 (N, params_bytes): of the episode that a reset begins
  SHOAL_OUTSIDE_ROWS,           // u8 (N, A, row_bytes)
  SHOAL_OUTSIDE_FINAL_ROWS,     // the same
  SHOAL_OUTSIDE_MASKS,          // u8 (N, A, mask_bytes)
  SHOAL_OUTSIDE_FINAL_MASKS,    // the same
  SHOAL_OUTSIDE_DISCRETE,       // i32 (N, A, heads)
  SHOAL_OUTSIDE_CONTINUOUS,     // f32 (N, A, dims)
  SHOAL_OUTSIDE_REWARDS,        // f32 (N, A)
  SHOAL_OUTSIDE_ENDED,          // u8 (N, A)
  SHOAL_OUTSIDE_LIVE,           // u8 (N, A)
  SHOAL_OUTSIDE_METRICS,        // f32 (N, A, metrics)
  SHOAL_OUTSIDE_FINAL_METRICS,  // the same
  SHOAL_OUTSIDE_MESSAGES,       // (N, SHOAL_OUTSIDE_MESSAGE): what went wrong, in words
  SHOAL_OUTSIDE_ARRAYS
};

// Write where each array begins; returns the bytes of the whole.
SHOAL_API int64_t shoal_outside_layout(const ShoalOutsideShape *shape, int64_t *offsets);

// Asked by the engine when something went wrong, with an environment's index (of a worker that died or hung: -1) and
// the worker's generation as the caller saw it. Returns 0 to go on, anything else to give up.
typedef int32_t ShoalTrouble(int32_t fault, int32_t worker, int32_t env, int32_t generation);
// Serves block b on the calling thread.
typedef void ShoalServe(int32_t b);

typedef struct {
  ShoalOutsideShape shape;
  uint8_t *base;  // the shared memory
  ShoalTrouble *trouble;
  ShoalServe *serve;     // or null: workers serve
  int32_t *pids;         // (workers,): of processes; 0: a thread
  int32_t *generations;  // (workers,): rises when one is replaced
  double timeout;        // seconds for one exchange
  double start_timeout;  // the same while a worker starts
  double spin;           // seconds of looking before a sleep; negative: never sleep
} ShoalOutsideConfig;

// The functions of an environment of this kind; the host copies it and puts in name, spec, metrics and parameters.
SHOAL_API const ShoalEnv *shoal_outside_env(void);
// Let a vec of such an environment exchange with workers. `memory` (shoal_outside_bytes, zeroed, 64-byte aligned) must
// outlive it; config is copied.
SHOAL_API int64_t shoal_outside_bytes(const ShoalOutsideShape *shape);
SHOAL_API void shoal_outside_attach(ShoalVec *vec, const ShoalOutsideConfig *config, void *memory);
// Begin the present episode of every environment again: after shoal_vec_load, which cannot reach inside them.
SHOAL_API int32_t shoal_outside_restart(ShoalVec *vec, char *message);
// Hand the bound actions of the blocks with a nonzero byte to their workers.
SHOAL_API int32_t shoal_outside_send(ShoalVec *vec, const uint8_t *blocks, char *message);
// blocks: 1 where a step was sent. Wait until `least` of these have answered, finish the step of all that have, and
// mark them 2.
SHOAL_API int32_t shoal_outside_receive(ShoalVec *vec, int32_t least, uint8_t *blocks, char *message);

// Tell a worker to quit.
SHOAL_API void shoal_outside_quit(uint8_t *base, int32_t worker);

// A worker's side.
typedef struct {
  ShoalOutsideShape shape;
  const uint8_t *finite;  // (row_bytes / 4,): is this word of a row a float, which must be finite; or null
  uint8_t *base;
  double spin;     // as ShoalOutsideConfig has it
  int32_t index;   // of this worker
  int32_t parent;  // the process whose end ends the worker, or 0
} ShoalOutsideWorker;

enum { SHOAL_OUTSIDE_MIXED = 1 << 30 };  // added to a block of which some environments do something else than step

// Prepare the serving of block b; returns it, plus SHOAL_OUTSIDE_MIXED if so.
SHOAL_API int32_t shoal_outside_begin(const ShoalOutsideWorker *worker, int32_t b);
// Answer for block `served`, unless an environment has a number that is not finite: returns it, else -1.
SHOAL_API int32_t shoal_outside_answer(const ShoalOutsideWorker *worker, int32_t served);
// Answer for `served`, the block that was served last, or -1, and wait for more to do. Returns what shoal_outside_begin
// says of the next block to serve; or -1: quit; or -2 - e: environment e has a number that is not finite, and `served`
// has not been answered.
SHOAL_API int32_t shoal_outside_next(const ShoalOutsideWorker *worker, int32_t served);

// Put the larger of two frames of bytes (rows, columns), made smaller by area, behind the older pictures in a stack
// (out_rows, out_columns, depth), the newest last. Returns 1, and does nothing, if a side is above 512 or would grow.
SHOAL_API int32_t shoal_picture_stack(const uint8_t *now, const uint8_t *before, int32_t rows, int32_t columns,
                                      uint8_t *stack, int32_t out_rows, int32_t out_columns, int32_t depth);

#endif
