// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The picture of one environment of a vec.
#include "engine/engine.h"
#include "shoal/draw.h"

void shoal_draw_env(ShoalVec *vec, ShoalDrawFn draw, int32_t e, const void *before, float alpha, ShoalCanvas *canvas) {
  const uint8_t *now = vec->state + (int64_t)e * vec->state_bytes;
  shoal_draw_clear(canvas, SHOAL_NIGHT);
  if (draw) { draw(vec->params, vec->shared, before, now, alpha, canvas); }
}
