// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// For check.h: arrays between guard bands, findings that are reported once, and a call that never returns.
#ifndef SHOAL_CHECK_ROOM_H
#define SHOAL_CHECK_ROOM_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#define CHECK_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHECK_SANITIZED 1
#endif
#endif

#ifdef CHECK_SANITIZED
enum { CHECK_BAND = 0 };  // the sanitizer lays red zones around each allocation
void __sanitizer_print_stack_trace(void);
#else
enum { CHECK_BAND = 64 };
#endif
enum { CHECK_PATTERN = 0xA5, CHECK_MAX_FOUND = 64 };

// ---------------------------------------------------------------------------------------------------- findings

// Print a finding, once for each key and `which` (a field, a metric, a function).
static void check_found(const char *key, const char *which, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void check_found(const char *key, const char *which, const char *format, ...) {
  static char seen[CHECK_MAX_FOUND][96];
  static int32_t count;
  char name[96];
  snprintf(name, sizeof name, "%s %s", key, which);
  for (int32_t i = 0; i < count; i++) {
    if (strcmp(seen[i], name) == 0) { return; }
  }
  if (count == CHECK_MAX_FOUND) { return; }
  memcpy(seen[count++], name, sizeof name);
  va_list arguments;
  va_start(arguments, format);
  printf("%s\t", key);
  vprintf(format, arguments);
  printf("\n");
  fflush(stdout);
  va_end(arguments);
}

// ---------------------------------------------------------------------------------------------------- arrays

typedef struct CheckRoom {
  struct CheckRoom *next;
  const char *name;
  uint8_t *memory;
  int64_t bytes;
} CheckRoom;

static CheckRoom *check_rooms;

// Zeroed memory of exactly `bytes`, between bands. The line on stdout tells whose an address in a report is.
static void *check_room(const char *name, int64_t bytes) {
  CheckRoom *room = (CheckRoom *)malloc(sizeof *room);
  uint8_t *memory = (uint8_t *)malloc((size_t)bytes + 2 * CHECK_BAND);
  if (!room || !memory) {
    printf("memory\tbytes=%lld\n", (long long)bytes);
    exit(0);
  }
  memset(memory, CHECK_PATTERN, (size_t)bytes + 2 * CHECK_BAND);
  memset(memory + CHECK_BAND, 0, (size_t)bytes);
  *room = (CheckRoom){check_rooms, name, memory, bytes};
  check_rooms = room;
#ifdef CHECK_SANITIZED
  printf("room\tname=%s\taddress=%p\tbytes=%lld\n", name, (void *)memory, (long long)bytes);
  fflush(stdout);
#endif
  return memory + CHECK_BAND;
}

static void check_bands(void) {
  for (const CheckRoom *room = check_rooms; room; room = room->next) {
    for (int64_t i = 0; i < CHECK_BAND; i++) {
      int64_t after = CHECK_BAND + room->bytes + i;
      if (room->memory[after] != CHECK_PATTERN) {
        check_found("band", room->name, "name=%s\toffset=%lld", room->name, (long long)(room->bytes + i));
      }
      if (room->memory[i] != CHECK_PATTERN) {
        check_found("band", room->name, "name=%s\toffset=%lld", room->name, (long long)(i - CHECK_BAND));
      }
    }
  }
}

// ---------------------------------------------------------------------------------------------------- hanging

// On SIGVTALRM: a function of the environment did not return.
static void check_hung(int number) {
  (void)number;
#ifdef CHECK_SANITIZED
  __sanitizer_print_stack_trace();
#endif
  static const char line[] = "hung\t\n";
  ssize_t written = write(STDOUT_FILENO, line, sizeof line - 1);
  (void)written;
  _exit(0);
}

#endif
