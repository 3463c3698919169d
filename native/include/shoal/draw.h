// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// From a display list (canvas.h) to pixels, and the drawings that come with the library. Conventions as in shoal.h.
#ifndef SHOAL_DRAW_H
#define SHOAL_DRAW_H

#include "shoal/canvas.h"
#include "shoal/shoal.h"

enum { SHOAL_MAX_SIDE = 16384 };  // pixels, of a picture

typedef struct ShoalRaster ShoalRaster;

// What a rasteriser for pictures of this size needs; negative for an impossible size. One rasteriser draws one picture
// at a time; several may draw at once.
SHOAL_API int64_t shoal_raster_bytes(int32_t width, int32_t height);
SHOAL_API ShoalRaster *shoal_raster_create(int32_t width, int32_t height, void *memory);
// Draw `bytes` of items into pixels: RGBA8, rows top down, `stride` bytes apart, 4-byte aligned. The same list gives
// the same bits on every machine. Items that are not well formed end the list; any numbers in them are safe.
SHOAL_API void shoal_raster_draw(ShoalRaster *raster, const void *items, int64_t bytes, uint8_t *pixels,
                                 int64_t stride);

// The drawing of environment shoal_env_at(index), or null if it has none.
SHOAL_API ShoalDrawFn shoal_env_draw(int32_t index);
// Append environment `e` of a vec as it is between `before` (State bytes of the step before, or null) and now, by
// `draw` or, if that is null, as bars of its observation.
SHOAL_API void shoal_draw_env(ShoalVec *vec, ShoalDrawFn draw, int32_t e, const void *before, float alpha,
                              ShoalCanvas *canvas);

// What an agent chose; any pointer may be null, and leaves its part out.
typedef struct {
  const float *probabilities;  // of every action, head after head
  const int32_t *discrete;     // (heads,): the chosen ones
  const float *continuous;     // (dims,)
  const float *values;         // (num_values,): value estimates, oldest first
  int32_t num_values;
  uint32_t background;  // of the panel; may be translucent
} ShoalOverlay;

// Append a panel of width x height units (100 to 300 wide suits it) that shows the choice as bars and sliders.
SHOAL_API void shoal_draw_overlay(const ShoalSpec *spec, const ShoalOverlay *overlay, float width, float height,
                                  ShoalCanvas *canvas);

#endif
