// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Sleeping until a word in memory that processes share has changed.
#ifndef SHOAL_OUTSIDE_FUTEX_H
#define SHOAL_OUTSIDE_FUTEX_H

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "engine/pause.h"

typedef _Atomic uint32_t ShoalWord;

// Sleep while *word is `seen`, up to `seconds`; may return early.
static inline void shoal_word_wait(ShoalWord *word, uint32_t seen, double seconds) {
  struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
#ifdef __linux__
  syscall(SYS_futex, word, FUTEX_WAIT, seen, &time, 0, 0);
#else
  if (seconds > 1e-4) { time = (struct timespec){0, 100000}; }  // no futex: look again in a moment
  if (atomic_load(word) == seen) { nanosleep(&time, 0); }
#endif
}

static inline void shoal_word_wake(ShoalWord *word) {
#ifdef __linux__
  syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, 0, 0, 0);
#else
  (void)word;
#endif
}

double shoal_seconds(void);  // the learner's clock

// Wait up to `seconds` for *word to leave `seen`, without a sleep; returns whether it did. Whatever else wants this
// core gets it meanwhile, so a process that waits is in nobody's way.
static inline int32_t shoal_word_spin(ShoalWord *word, uint32_t seen, double seconds) {
  for (double began = shoal_seconds(); atomic_load(word) == seen;) {
    for (int32_t i = 0; i < 16 && atomic_load(word) == seen; i++) { shoal_pause(); }
    if (atomic_load(word) != seen) { break; }
    if (shoal_seconds() - began >= seconds) { return 0; }
    sched_yield();
  }
  return 1;
}

// How long to look before a sleep: not at all where the last wait was so long that looking would have been in vain.
static inline double shoal_word_patience(double spin, double waited) { return waited > 2.0 * spin ? 0.0 : spin; }

#endif
