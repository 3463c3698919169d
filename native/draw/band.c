// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Triangles hidden by depth, and a band's samples as pixels.
#include "draw/band.h"

int64_t shoal_scene_bytes(int32_t width) { return (int64_t)width * SHOAL_BAND * SHOAL_SAMPLES * 8; }

ShoalBand shoal_band_of(ShoalRaster *raster) {
  float *depth = (float *)(void *)raster->scene;
  uint32_t *samples = (uint32_t *)(void *)(depth + (int64_t)SHOAL_BAND * raster->width * SHOAL_SAMPLES);
  return (ShoalBand){.raster = raster, .depth = depth, .samples = samples};
}

void shoal_band_begin(ShoalBand *band, int32_t top) {
  band->top = top;
  band->bottom = shoal_mini(top + SHOAL_BAND, band->raster->height);
  __builtin_memset(band->depth, 0,
                   sizeof(float) * (uint64_t)(SHOAL_BAND * SHOAL_SAMPLES) * (uint64_t)band->raster->width);
}

static double least(double a, double b) { return a < b ? a : b; }
static double most(double a, double b) { return a > b ? a : b; }

void shoal_band_triangle(const ShoalBand *band, const ShoalCorner *a, const ShoalCorner *b, const ShoalCorner *c,
                         uint32_t colour) {
  double area2 = (b->x - a->x) * (c->y - a->y) - (b->y - a->y) * (c->x - a->x);
  if (!(area2 > 1e-9 || area2 < -1e-9)) { return; }
  double top = most(least(least(a->y, b->y), c->y), band->top),
         bottom = least(most(most(a->y, b->y), c->y), band->bottom);
  double left = most(least(least(a->x, b->x), c->x), 0.0);
  double right = least(most(most(a->x, b->x), c->x), band->raster->width);
  if (!(left < right && top < bottom)) { return; }
  int32_t x0 = (int32_t)left, y0 = (int32_t)top, taken = shoal_samples_of(colour);
  int32_t x1 = shoal_mini((int32_t)right + 1, band->raster->width), y1 = shoal_mini((int32_t)bottom + 1, band->bottom);
  double inverse = 1.0 / area2;
  double bx = (c->y - a->y) * inverse, by = (a->x - c->x) * inverse;  // weight of b: bx (x - ax) + by (y - ay)
  double cx = (a->y - b->y) * inverse, cy = (b->x - a->x) * inverse;
  for (int32_t y = y0; y < y1; y++) {
    for (int32_t x = x0; x < x1; x++) {
      uint32_t pixel = 0;
      for (int32_t s = 0; s < taken; s++) {
        double px = x + shoal_sample_x[s] - a->x, py = y + shoal_sample_y[s] - a->y;
        double wb = bx * px + by * py, wc = cx * px + cy * py, wa = 1.0 - wb - wc;
        if (wa < 0.0 || wb < 0.0 || wc < 0.0) { continue; }
        if (!pixel) { pixel = shoal_shaded(colour, (float)(wa * a->light + wb * b->light + wc * c->light)); }
        shoal_band_put(band, x, y, s, (float)(wa * a->depth + wb * b->depth + wc * c->depth), pixel);
      }
    }
  }
}

void shoal_band_resolve(const ShoalBand *band) {
  for (int32_t y = band->top; y < band->bottom; y++) {
    uint32_t *row = shoal_row(band->raster, y);
    int64_t at = (int64_t)(y - band->top) * band->raster->width * SHOAL_SAMPLES;
    for (int32_t x = 0; x < band->raster->width; x++, at += SHOAL_SAMPLES) {
      uint32_t even = 0x00020002u, odd = 0x00020002u;
      for (int32_t s = 0; s < SHOAL_SAMPLES; s++) {
        uint32_t sample = band->depth[at + s] > 0.0f ? band->samples[at + s] : row[x];
        even += sample & 0x00FF00FFu;
        odd += sample >> 8 & 0x00FF00FFu;
      }
      row[x] = (even >> 2 & 0x00FF00FFu) | (odd >> 2 & 0x00FF00FFu) << 8;
    }
  }
}
