// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// What this build was compiled for, what the machine runs, and how many cores this process may use.
#if defined(__linux__)
#define _GNU_SOURCE
#include <sched.h>
#endif
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "shoal/shoal.h"

int32_t shoal_abi(void) { return SHOAL_ABI; }

const char *shoal_isa(void) { return SHOAL_ISA; }

const char *shoal_env_flags(void) { return SHOAL_ENV_FLAGS; }

const char *shoal_best_isa(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  int32_t avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                 __builtin_cpu_supports("bmi2");
  int32_t avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512vl");
  return avx512 ? "avx512" : avx2 ? "avx2" : "generic";
#else
  return "generic";
#endif
}

#if defined(__linux__)
// The share of cores that the container's quota grants, rounded up; a large number where there is none.
static int32_t quota_cores(void) {
  long long quota = -1, period = 0;
  FILE *file = fopen("/sys/fs/cgroup/cpu.max", "r");
  if (file) {
    if (fscanf(file, "%lld %lld", &quota, &period) != 2) { quota = -1; }
    fclose(file);
  }
  return quota > 0 && period > 0 ? (int32_t)((quota + period - 1) / period) : INT32_MAX;
}
#endif

int32_t shoal_cores(void) {
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) { cores = CPU_COUNT(&set); }
  int32_t quota = quota_cores();
  if (quota < cores) { cores = quota; }
#endif
  return cores < 1 ? 1 : (int32_t)cores;
}
