// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The thread pool: every task runs once, thread numbers are exclusive, nested and concurrent calls and forked children
// work, and tasks see the default floating-point environment. Built with the thread sanitizer as well.
#include "engine/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#endif
#endif

enum { TASKS = 1000, THREADS = 4 };

typedef struct {
  int32_t runs[TASKS];  // not atomic: a task that ran twice, or unsynchronised, is a race
  _Atomic int32_t busy[THREADS];
  int32_t threads;
} Count;

static void count_task(void *context, int32_t task, int32_t thread) {
  Count *count = context;
  CHECK(thread >= 0 && thread < count->threads, "thread=%d of %d", thread, count->threads);
  CHECK(atomic_fetch_add(&count->busy[thread], 1) == 0, "thread %d is two threads", thread);
  count->runs[task]++;
  atomic_fetch_sub(&count->busy[thread], 1);
}

static void check_every_task_runs_once(int32_t threads, int32_t tasks) {
  static Count count;  // visible to the caller when shoal_parallel returns
  memset(&count, 0, sizeof count);
  count.threads = threads < 1 ? 1 : threads;
  shoal_parallel(threads, tasks, count_task, &count);
  for (int32_t i = 0; i < TASKS; i++) {
    CHECK(count.runs[i] == (i < tasks), "task %d of %d ran %d times on %d threads", i, tasks, count.runs[i], threads);
  }
}

static void inner_task(void *context, int32_t task, int32_t thread) {
  (void)task;
  CHECK(thread == 0, "a nested call runs on thread %d", thread);
  ++*(int32_t *)context;
}

static void outer_task(void *context, int32_t task, int32_t thread) {
  int32_t sum = 0;
  (void)thread;
  shoal_parallel(THREADS, 10, inner_task, &sum);
  ((int32_t *)context)[task] = sum;
}

static void check_nested_calls_run(void) {
  int32_t sums[100] = {0};
  shoal_parallel(THREADS, 100, outer_task, sums);
  for (int32_t i = 0; i < 100; i++) { CHECK(sums[i] == 10, "task %d did %d of 10", i, sums[i]); }
}

static void add_task(void *context, int32_t task, int32_t thread) {
  (void)thread;
  ((int32_t *)context)[task] += task;
}

static void *user_main(void *argument) {
  (void)argument;
  for (int32_t round = 0; round < 200; round++) {
    int32_t cells[50] = {0};
    shoal_parallel(THREADS, 50, add_task, cells);
    for (int32_t i = 0; i < 50; i++) { CHECK(cells[i] == i, "cell %d is %d", i, cells[i]); }
  }
  return NULL;
}

static void check_concurrent_callers_work(void) {
  pthread_t users[3];
  for (int32_t i = 0; i < 3; i++) { pthread_create(&users[i], NULL, user_main, NULL); }
  for (int32_t i = 0; i < 3; i++) { pthread_join(users[i], NULL); }
}

// The thread sanitizer does not follow threads into a forked child.
static void check_forked_children_work(void) {
#ifndef THREAD_SANITIZER
  pid_t child = fork();
  if (child == 0) {
    check_every_task_runs_once(THREADS, TASKS);
    check_nested_calls_run();
    _exit(CHECK_RESULT);
  }
  int status = 1;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with status %d", status);
  check_every_task_runs_once(THREADS, TASKS);  // and the parent's pool still does
#endif
}

#if defined(__x86_64__)
#include <immintrin.h>
static void fp_task(void *context, int32_t task, int32_t thread) {
  volatile float tiny = 1e-40f;  // a subnormal
  (void)context;
  CHECK(tiny * 1.0f > 0.0f, "task %d on thread %d flushes subnormals to zero", task, thread);
}

static void check_tasks_keep_subnormals(void) {
  uint32_t before = _mm_getcsr();
  _mm_setcsr(before | 0x8040u);
  shoal_parallel(THREADS, 100, fp_task, NULL);
  shoal_parallel(1, 1, fp_task, NULL);
  CHECK((_mm_getcsr() & 0x8040u) == 0x8040u, "the caller's floating-point environment was not restored");
  _mm_setcsr(before);
}
#else
static void check_tasks_keep_subnormals(void) {}
#endif

int main(void) {
  check_every_task_runs_once(0, 5);
  check_every_task_runs_once(1, TASKS);
  check_every_task_runs_once(2, 1);
  check_every_task_runs_once(THREADS, 0);
  for (int32_t round = 0; round < 2000; round++) { check_every_task_runs_once(1 + round % THREADS, round % TASKS); }
  check_nested_calls_run();
  check_concurrent_callers_work();
  check_forked_children_work();
  usleep(20000);  // long enough for every worker to park
  check_every_task_runs_once(THREADS, TASKS);
  check_tasks_keep_subnormals();
  return CHECK_RESULT;
}
