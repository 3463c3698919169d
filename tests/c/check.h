// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The smallest test harness: CHECK counts and prints failures, a program returns CHECK_RESULT.
#ifndef SHOAL_TESTS_CHECK_H
#define SHOAL_TESTS_CHECK_H

#include <stdatomic.h>
#include <stdio.h>

static _Atomic int check_failures;

#define CHECK(condition, ...)                                         \
  do {                                                                \
    if (!(condition)) {                                               \
      atomic_fetch_add(&check_failures, 1);                           \
      fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
      fprintf(stderr, __VA_ARGS__);                                   \
      fputc('\n', stderr);                                            \
    }                                                                 \
  } while (0)

#define CHECK_RESULT (atomic_load(&check_failures) != 0)

#endif
