// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Several players in one vec: who plays each team is adopted at an environment's reset (env_episode.h, `begin`), so
// nobody changes in the middle of a game.
#include <string.h>

#include "engine/engine.h"

int64_t shoal_lives_bytes(const ShoalVec *vec) {
  return (int64_t)vec->num_envs * vec->agents * SHOAL_LIVES_SIZE(vec->metrics) * 4;
}

int64_t shoal_vec_seat_bytes(const ShoalVec *vec) {
  return shoal_lives_bytes(vec) + (int64_t)vec->num_envs * (vec->agents + vec->teams) * 2;
}

void shoal_vec_seat(ShoalVec *vec, void *memory) {
  memset(memory, 0, (size_t)shoal_vec_seat_bytes(vec));
  vec->lives = memory;
  vec->players = (int16_t *)(void *)((uint8_t *)memory + shoal_lives_bytes(vec));
  vec->next_players = vec->players + (int64_t)vec->num_envs * vec->agents;
}
