// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// How a job runs. The caller writes the job's fields and opens the gate: one 64-bit word that holds the generation of
// the job, how many threads may join, whether it is closed, and how many workers are inside.
//
//   63        32 31          17 16     15          0
//   [generation] [thread limit] [shut] [workers inside]
//
// A worker joins by adding 1 to an open gate (a compare-and-swap, so never to one that has just been shut) and leaves
// by subtracting 1. When the counter of tasks has run out the caller shuts the gate and waits for those inside. A
// worker that wakes late finds the gate shut and delays nobody, which matters when cores are shared.
#include "engine/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

#include "engine/fp.h"
#include "engine/pause.h"

enum { SPINS = 2000 };  // pauses before parking: some 20 to 80 microseconds
#define GATE_INSIDE UINT64_C(0xFFFF)
#define GATE_SHUT (UINT64_C(1) << 16)
#define GATE_LIMIT(gate) ((int32_t)((gate) >> 17 & 0x7FFF))
#define GATE_GENERATION(gate) ((uint32_t)((gate) >> 32))

typedef struct {
  ShoalTask *task;
  void *context;
  int32_t tasks;
  _Atomic int32_t next;  // the next task to hand out
} Job;

static struct {
  pthread_mutex_t owner;   // held by the one caller that uses the pool
  pthread_mutex_t mutex;   // guards the two conditions
  pthread_cond_t opened;   // the gate opened for a new job
  pthread_cond_t emptied;  // the last worker left a shut gate
  _Atomic uint64_t gate;
  _Atomic int32_t parked;  // workers asleep, or about to be
  int32_t workers;
  uint32_t generation;
  int32_t watches_fork;
  Job job;
} pool = {.owner = PTHREAD_MUTEX_INITIALIZER,
          .mutex = PTHREAD_MUTEX_INITIALIZER,
          .opened = PTHREAD_COND_INITIALIZER,
          .emptied = PTHREAD_COND_INITIALIZER,
          .gate = GATE_SHUT};

static _Thread_local int32_t inside_task;

static void run_tasks(Job *job, int32_t thread) {
  inside_task = 1;
  for (;;) {
    int32_t task = atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed);
    if (task >= job->tasks) { break; }
    job->task(job->context, task, thread);
  }
  inside_task = 0;
}

static void *worker_main(void *argument) {
  int32_t thread = (int32_t)(intptr_t)argument;
  uint32_t seen = 0;  // the last generation this worker has dealt with
  shoal_fp_enter();
  for (;;) {
    uint64_t gate = atomic_load(&pool.gate);
    for (int32_t spin = 0; GATE_GENERATION(gate) == seen && spin < SPINS; spin++) {
      shoal_pause();
      gate = atomic_load(&pool.gate);
    }
    if (GATE_GENERATION(gate) == seen) {
      pthread_mutex_lock(&pool.mutex);
      atomic_fetch_add(&pool.parked, 1);
      while (GATE_GENERATION(gate = atomic_load(&pool.gate)) == seen) { pthread_cond_wait(&pool.opened, &pool.mutex); }
      atomic_fetch_sub(&pool.parked, 1);
      pthread_mutex_unlock(&pool.mutex);
    }
    seen = GATE_GENERATION(gate);
    int32_t joined = 0;
    while (!joined && GATE_GENERATION(gate) == seen && !(gate & GATE_SHUT) && thread < GATE_LIMIT(gate)) {
      joined = atomic_compare_exchange_weak(&pool.gate, &gate, gate + 1);
    }
    if (!joined) { continue; }
    run_tasks(&pool.job, thread);
    gate = atomic_fetch_sub(&pool.gate, 1);
    if ((gate & GATE_SHUT) && (gate & GATE_INSIDE) == 1) {
      pthread_mutex_lock(&pool.mutex);
      pthread_cond_signal(&pool.emptied);
      pthread_mutex_unlock(&pool.mutex);
    }
  }
  return NULL;
}

// In a forked child only the forking thread exists: forget the workers and whatever they were doing.
static void forget_after_fork(void) {
  pool.owner = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
  pool.mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
  pool.opened = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
  pool.emptied = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
  atomic_store(&pool.gate, (uint64_t)pool.generation << 32 | GATE_SHUT);
  atomic_store(&pool.parked, 0);
  pool.workers = 0;
  inside_task = 0;
}

// Have at least `wanted` workers, or as many as the system gives.
static void grow(int32_t wanted) {
  if (!pool.watches_fork) {
    pthread_atfork(NULL, NULL, forget_after_fork);
    pool.watches_fork = 1;
  }
  sigset_t all, before;  // signals are for the host's own threads
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, (size_t)4 << 20);
  while (pool.workers < wanted) {
    pthread_t thread;
    void *index = (void *)(intptr_t)(pool.workers + 1);
    if (pthread_create(&thread, &attributes, worker_main, index) != 0) { break; }
    pool.workers++;
  }
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void run_serially(int32_t tasks, ShoalTask *task, void *context) {
  int32_t nested = inside_task;
  inside_task = 1;
  for (int32_t i = 0; i < tasks; i++) { task(context, i, 0); }
  inside_task = nested;
}

void shoal_parallel(int32_t threads, int32_t tasks, ShoalTask *task, void *context) {
  uint64_t fp = shoal_fp_enter();
  threads = threads > tasks ? tasks : threads;
  threads = threads > SHOAL_MAX_THREADS ? SHOAL_MAX_THREADS : threads;
  if (threads <= 1 || inside_task || pthread_mutex_trylock(&pool.owner) != 0) {
    run_serially(tasks, task, context);
    shoal_fp_leave(fp);
    return;
  }
  if (pool.workers < threads - 1) { grow(threads - 1); }

  pool.job.task = task;
  pool.job.context = context;
  pool.job.tasks = tasks;
  atomic_store_explicit(&pool.job.next, 0, memory_order_relaxed);
  pool.generation++;
  atomic_store(&pool.gate, (uint64_t)pool.generation << 32 | (uint64_t)threads << 17);
  if (atomic_load(&pool.parked) > 0) {
    pthread_mutex_lock(&pool.mutex);
    pthread_cond_broadcast(&pool.opened);
    pthread_mutex_unlock(&pool.mutex);
  }
  run_tasks(&pool.job, 0);

  uint64_t gate = atomic_fetch_or(&pool.gate, GATE_SHUT);
  for (int32_t spin = 0; (gate & GATE_INSIDE) && spin < SPINS; spin++) {
    shoal_pause();
    gate = atomic_load(&pool.gate);
  }
  if (gate & GATE_INSIDE) {
    pthread_mutex_lock(&pool.mutex);
    while (atomic_load(&pool.gate) & GATE_INSIDE) { pthread_cond_wait(&pool.emptied, &pool.mutex); }
    pthread_mutex_unlock(&pool.mutex);
  }
  pthread_mutex_unlock(&pool.owner);
  shoal_fp_leave(fp);
}
