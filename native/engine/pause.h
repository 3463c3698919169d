// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Looking at a word again and again.
#ifndef SHOAL_ENGINE_PAUSE_H
#define SHOAL_ENGINE_PAUSE_H

// Leave the core's units to its other thread for some cycles.
static inline void shoal_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#endif
