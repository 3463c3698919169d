// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The samples of a band of rows: a 3-D scene is drawn band by band, so that they stay in cache. A sample keeps the
// inverse of its depth along the view, which is linear on the screen (0: nothing was drawn there), and its colour. A
// translucent item takes only some of a pixel's samples.
#ifndef SHOAL_DRAW_BAND_H
#define SHOAL_DRAW_BAND_H

#include "draw/raster.h"

enum { SHOAL_BAND = 32, SHOAL_SAMPLES = 4 };

typedef struct {
  ShoalRaster *raster;
  int32_t top, bottom;  // its rows, at most SHOAL_BAND
  float *depth;         // (SHOAL_BAND, width, SHOAL_SAMPLES), 1 / z
  uint32_t *samples;    // (SHOAL_BAND, width, SHOAL_SAMPLES), pixels
} ShoalBand;

// A corner on the screen. light: how bright the surface is there.
typedef struct {
  double x, y, depth, light;
} ShoalCorner;

// Where a pixel's samples lie: a rotated grid, no two in a row or column.
static const double shoal_sample_x[SHOAL_SAMPLES] = {0.375, 0.875, 0.125, 0.625},
                    shoal_sample_y[SHOAL_SAMPLES] = {0.125, 0.375, 0.625, 0.875};

static inline uint32_t shoal_shaded(uint32_t colour, float light) {
  uint32_t out = 0xFF000000u;
  float bright = shoal_clamp(light, 0.0f, 1.2f);
  for (int32_t c = 0; c < 3; c++) {
    float value = (float)(colour >> (24 - 8 * c) & 0xFFu) * bright;
    out |= (uint32_t)(int32_t)shoal_min(value + 0.5f, 255.0f) << (8 * c);
  }
  return out;
}

// How many of a pixel's samples an item takes.
static inline int32_t shoal_samples_of(uint32_t colour) {
  return (int32_t)((shoal_opacity(colour) * SHOAL_SAMPLES + 128u) >> 8);
}

static inline void shoal_band_put(const ShoalBand *band, int32_t x, int32_t y, int32_t sample, float depth,
                                  uint32_t pixel) {
  int64_t at = ((int64_t)(y - band->top) * band->raster->width + x) * SHOAL_SAMPLES + sample;
  if (depth > band->depth[at]) {
    band->depth[at] = depth;
    band->samples[at] = pixel;
  }
}

// A band of no rows yet, in the memory of the raster.
ShoalBand shoal_band_of(ShoalRaster *raster);
// Take the rows from `top` on, with nothing drawn there.
void shoal_band_begin(ShoalBand *band, int32_t top);
void shoal_band_triangle(const ShoalBand *band, const ShoalCorner *a, const ShoalCorner *b, const ShoalCorner *c,
                         uint32_t colour);
// Write the band into the picture: a pixel is the mean of its samples, and where nothing was drawn, a sample is what
// lies behind.
void shoal_band_resolve(const ShoalBand *band);

#endif
