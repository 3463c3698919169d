// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Makes an environment's drawing an object of its own, apart from the simulation's. Included after <name>_draw.h by a
// generated file:
//
//   #include "breakout_draw.h"
//   #define SHOAL_ENV_NAME "breakout"
//   #define SHOAL_ENV_FN(name) breakout_##name
//   #define SHOAL_ENV_TYPE(name) Breakout##name
//   #include "shoal/draw_block.h"
//
// It exports one symbol, <name>_drawing, a ShoalDrawing. That of an environment outside the package is compiled the
// same way (src/shoal/compile.py) into a library of its own, when it is first drawn, where that symbol is looked up and
// its abi checked (src/shoal/drawing.py).
#include "shoal/canvas.h"

static void SHOAL_LOOP(draw_any)(const void *params, const void *shared, const void *before, const void *now,
                                 float alpha, ShoalCanvas *canvas) {
  const ShoalHead *was = (const ShoalHead *)before, *is = (const ShoalHead *)now;
  if (!was || was->key != is->key || was->episode != is->episode) { before = now; }  // nothing is between two episodes
  SHOAL_ENV_FN(draw)((const SHOAL_ENV_TYPE(Params) *)params, shared, (const SHOAL_ENV_TYPE(State) *)before,
                     (const SHOAL_ENV_TYPE(State) *)now, alpha, canvas);
}

extern const ShoalDrawing SHOAL_ENV_FN(drawing);
const ShoalDrawing SHOAL_ENV_FN(drawing) = {SHOAL_ABI, SHOAL_ENV_NAME, SHOAL_LOOP(draw_any)};
