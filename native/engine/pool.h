// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The thread pool: one per process, made at first use. The caller takes part; workers spin shortly after a job, then
// park. Tasks are handed out from one counter, so which thread runs which task varies: results must not depend on it.
#ifndef SHOAL_ENGINE_POOL_H
#define SHOAL_ENGINE_POOL_H

#include <stdint.h>

enum { SHOAL_MAX_THREADS = 1024 };

// task: 0 .. tasks - 1. thread: 0 .. threads - 1, no two at the same time within one call (for scratch memory).
typedef void ShoalTask(void *context, int32_t task, int32_t thread);

// Run every task, on at most `threads` threads, and return when all have finished. A call from inside a task, or while
// another thread of the program uses the pool, runs serially on the calling thread. In a forked child the pool starts
// anew. Tasks run with the default floating-point environment.
void shoal_parallel(int32_t threads, int32_t tasks, ShoalTask *task, void *context);

#endif
