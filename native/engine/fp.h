// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The floating-point environment of native code: round to nearest, subnormals kept. A host program may have changed it
// (flush-to-zero is a popular switch), and results must not depend on that. The learner's own arithmetic flushes
// subnormals to zero: a policy that has become sure of itself makes gradients of them, at a tenth of the speed.
// Environments always run with subnormals, as they do in a browser.
#ifndef SHOAL_ENGINE_FP_H
#define SHOAL_ENGINE_FP_H

#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>

// Set the default environment; returns the previous one for shoal_fp_leave.
static inline uint64_t shoal_fp_enter(void) {
  uint32_t before = _mm_getcsr();
  _mm_setcsr(0x1F80u);  // all exceptions masked, nearest, no flush-to-zero, no denormals-are-zero
  return before;
}
static inline void shoal_fp_leave(uint64_t before) { _mm_setcsr((uint32_t)before); }
// The same with subnormal operands and results taken for zero.
static inline uint64_t shoal_fp_flush(void) {
  uint32_t before = _mm_getcsr();
  _mm_setcsr(0x9FC0u);
  return before;
}

#elif defined(__aarch64__)

static inline uint64_t shoal_fp_enter(void) {
  uint64_t before;
  __asm__ volatile("mrs %0, fpcr" : "=r"(before));
  __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0));
  return before;
}
static inline void shoal_fp_leave(uint64_t before) { __asm__ volatile("msr fpcr, %0" : : "r"(before)); }
static inline uint64_t shoal_fp_flush(void) {
  uint64_t before;
  __asm__ volatile("mrs %0, fpcr" : "=r"(before));
  __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)1 << 24));
  return before;
}

#else

static inline uint64_t shoal_fp_enter(void) { return 0; }
static inline void shoal_fp_leave(uint64_t before) { (void)before; }
static inline uint64_t shoal_fp_flush(void) { return 0; }

#endif
#endif
