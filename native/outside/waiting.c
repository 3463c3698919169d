// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Calling a worker, and waiting for its answer: spin, sleep; now and then see whether the worker lives and is in time.
#include <errno.h>
#include <sys/wait.h>

#include "engine/engine.h"
#include "outside/exchange.h"

static const double LOOK_SECONDS = 0.05;  // between looks at the worker and the stop flag

static ShoalTurn *turn_of(const ShoalVec *vec, int32_t b) {
  return shoal_turns(&vec->outside->config.shape, vec->outside->config.base) + b;
}

int32_t shoal_outside_answered(const ShoalVec *vec, int32_t b) {
  ShoalTurn *turn = turn_of(vec, b);
  return atomic_load(&turn->reply) == atomic_load(&turn->request);
}

int32_t shoal_outside_given_up(const ShoalVec *vec) {
  return atomic_load(&vec->outside->failed) || shoal_stopped((const ShoalEngine *)(const void *)vec);
}

void shoal_outside_tell(const ShoalVec *vec, int32_t fault, int32_t worker, int32_t env, int32_t generation) {
  struct ShoalOutside *outside = vec->outside;
  if (outside->config.trouble(fault, worker, env, generation) != 0) { atomic_store(&outside->failed, 1); }
}

// See whether the worker of a block that has not answered lives, and is in time.
static void look_after(const ShoalVec *vec, int32_t b) {
  struct ShoalOutside *outside = vec->outside;
  const ShoalOutsideConfig *config = &outside->config;
  int32_t worker = b % config->shape.workers, generation = config->generations[worker];
  const ShoalBell *bell = shoal_bells(config->base) + worker;
  pid_t pid = config->pids[worker];
  double limit = atomic_load(&bell->ready) ? config->timeout : config->start_timeout;
  if (pid > 0) {
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ? errno == ECHILD : info.si_pid == pid) {
      shoal_outside_tell(vec, SHOAL_FAULT_DIED, worker, -1, generation);
      outside->sent[b] = shoal_seconds();
      return;
    }
  }
  if (shoal_seconds() - outside->sent[b] > limit) {
    shoal_outside_tell(vec, SHOAL_FAULT_HUNG, worker, -1, generation);
    outside->sent[b] = shoal_seconds();
  }
}

int32_t shoal_outside_wait(const ShoalVec *vec, int32_t b, double seconds) {
  const ShoalOutsideConfig *config = &vec->outside->config;
  ShoalTurn *turn = turn_of(vec, b);
  if (shoal_outside_answered(vec, b)) { return 1; }
  double began = shoal_seconds(), looked = began, spin = config->spin;
  if (spin > 0.0) { spin = shoal_word_patience(spin, vec->outside->waited[b]); }
  while (!shoal_outside_answered(vec, b)) {
    double now = shoal_seconds(), most = LOOK_SECONDS;
    if (now - looked >= LOOK_SECONDS || now - vec->outside->sent[b] >= LOOK_SECONDS) {
      looked = now;
      look_after(vec, b);
    }
    if (shoal_outside_given_up(vec) || (seconds >= 0.0 && now - began >= seconds)) {
      return shoal_outside_answered(vec, b);
    }
    if (seconds >= 0.0 && seconds < most) { most = seconds; }
    uint32_t seen = atomic_load(&turn->reply);
    if (shoal_outside_answered(vec, b)) { break; }
    if (spin != 0.0) {
      shoal_word_spin(&turn->reply, seen, spin > 0.0 && spin < most ? spin : most);
      if (spin > 0.0) { spin = 0.0; }
      continue;
    }
    atomic_store(&turn->sleeps, 1);
    if (!shoal_outside_answered(vec, b)) { shoal_word_wait(&turn->reply, seen, most); }
    atomic_store(&turn->sleeps, 0);
  }
  vec->outside->waited[b] = shoal_seconds() - began;
  return 1;
}

void shoal_outside_request(const ShoalVec *vec, int32_t b) {
  struct ShoalOutside *outside = vec->outside;
  ShoalBell *bell = shoal_bells(outside->config.base) + b % outside->config.shape.workers;
  outside->sent[b] = shoal_seconds();
  atomic_fetch_add(&turn_of(vec, b)->request, 1);
  if (outside->config.serve) {
    outside->config.serve(b);
    return;
  }
  atomic_fetch_add(&bell->bell, 1);
  if (atomic_exchange(&bell->sleeps, 0)) { shoal_word_wake(&bell->bell); }
}
