// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// What the rasteriser's files share. Pixel coordinates are continuous: pixel i covers [i, i + 1), its centre is i +
// 0.5. A shape's coverage of a pixel is a number in [0, 1], exact for rectangles and polygons and within a few percent
// for round shapes (from the distance to the edge); colours are blended as they are stored (sRGB), in integers.
#ifndef SHOAL_DRAW_RASTER_H
#define SHOAL_DRAW_RASTER_H

#include "shoal/draw.h"

#define SHOAL_FAR 1.0e6f  // pixels; coordinates beyond are moved here

// Pixels x0 <= x < x1, y0 <= y < y1.
typedef struct {
  int32_t x0, y0, x1, y1;
} ShoalArea;

enum { SHOAL_GLYPH_SLOTS = 1024, SHOAL_GLYPH_POOL = 1 << 18, SHOAL_GLYPH_MIN = 7, SHOAL_GLYPH_MAX = 240 };

// Coverage of a character at one height, as bytes (height, width); the same whether it was kept or is made anew.
typedef struct {
  int32_t character, size, left, width, height, below, at;  // below: rows under the baseline; at: offset in the pool
} ShoalGlyph;

struct ShoalRaster {
  int32_t width, height;
  uint8_t *pixels;
  int64_t stride;
  ShoalArea clip;
  float scale_x, scale_y, shift_x, shift_y;  // window units to pixels; the scales differ at most in sign
  float scale;
  int32_t clearing;  // the picture is still to be filled with
  uint32_t clear_colour;
  float *cells;    // (width + 2,): a polygon's changes of coverage along a row
  uint8_t *cover;  // (width,): coverage of a row, 0..255
  int32_t glyphs_used;
  ShoalGlyph *glyphs;  // (SHOAL_GLYPH_SLOTS,)
  uint8_t *pool;       // (SHOAL_GLYPH_POOL,)
  uint8_t *scene;      // the samples of a band of rows (band.h)
};

// Whether the item lies within the `left` bytes of its list and its payload holds what it says.
int32_t shoal_item_is_well_formed(const ShoalItem *item, int64_t left);

void shoal_raster_rectangle(ShoalRaster *raster, float x0, float y0, float x1, float y1, float radius, uint32_t colour);
void shoal_raster_arc(ShoalRaster *raster, float x, float y, float radius, float width, float from, float to,
                      uint32_t colour);
void shoal_raster_circle(ShoalRaster *raster, float x, float y, float radius, uint32_t colour);
// points (count, 2) in window units
void shoal_raster_lines(ShoalRaster *raster, const float *points, int32_t count, float width, uint32_t colour);
void shoal_raster_polygon(ShoalRaster *raster, const float *points, int32_t count, uint32_t colour);
void shoal_raster_image(ShoalRaster *raster, const ShoalItem *item);
// x: the end or the middle that `align` names, y: the middle of the capitals; pixels
void shoal_raster_text(ShoalRaster *raster, float x, float y, float size, int32_t align, const uint8_t *text,
                       int32_t length, uint32_t colour);
int64_t shoal_scene_bytes(int32_t width);
// Draw the 3-D items from a camera up to the next 2-D item or camera; returns where they end.
const uint8_t *shoal_raster_scene(ShoalRaster *raster, const uint8_t *items, const uint8_t *end);

// The strokes of a character (font.c): words of points, see there. null: it has none.
const char *shoal_font_strokes(int32_t character);

// ---------------------------------------------------------------------------------------------------- pixels

static inline int32_t shoal_to_pixel(float x, int32_t low, int32_t high) {
  return (int32_t)shoal_clamp(x, (float)low, (float)high);
}

static inline float shoal_near(float x) { return shoal_clamp(x, -SHOAL_FAR, SHOAL_FAR); }

static inline float shoal_pixel_x(const ShoalRaster *raster, float x) {
  return shoal_near(x * raster->scale_x + raster->shift_x);
}
static inline float shoal_pixel_y(const ShoalRaster *raster, float y) {
  return shoal_near(y * raster->scale_y + raster->shift_y);
}

static inline ShoalArea shoal_area_of(const ShoalRaster *raster, float x0, float y0, float x1, float y1) {
  ShoalArea clip = raster->clip;
  ShoalArea area = {shoal_to_pixel(shoal_floor(x0), clip.x0, clip.x1),
                    shoal_to_pixel(shoal_floor(y0), clip.y0, clip.y1),
                    shoal_to_pixel(shoal_floor(x1) + 1.0f, clip.x0, clip.x1),
                    shoal_to_pixel(shoal_floor(y1) + 1.0f, clip.y0, clip.y1)};
  return area;
}

static inline uint32_t *shoal_row(const ShoalRaster *raster, int32_t y) {
  return (uint32_t *)(void *)(raster->pixels + (int64_t)y * raster->stride);
}

// 0xRRGGBBAA as an opaque pixel in memory order R, G, B, A.
static inline uint32_t shoal_pixel(uint32_t colour) { return __builtin_bswap32(colour) | 0xFF000000u; }

// Opacity 0..256, so that 255 becomes all of it.
static inline uint32_t shoal_opacity(uint32_t colour) { return (colour & 0xFFu) + (colour >> 7 & 1u); }

static inline uint32_t shoal_blend(uint32_t under, uint32_t over, uint32_t weight) {
  uint32_t rest = 256u - weight;
  uint32_t even = (under & 0x00FF00FFu) * rest + (over & 0x00FF00FFu) * weight + 0x00800080u;
  uint32_t odd = (under >> 8 & 0x00FF00FFu) * rest + (over >> 8 & 0x00FF00FFu) * weight + 0x00800080u;
  return (even >> 8 & 0x00FF00FFu) | (odd & 0xFF00FF00u);
}

// coverage in [0, 1], opacity as a float 0..256.
static inline uint32_t shoal_weight(float coverage, float opacity) {
  return (uint32_t)(int32_t)(coverage * opacity + 0.5f);
}

static inline void shoal_span(uint32_t *row, int32_t x0, int32_t x1, uint32_t pixel, uint32_t weight) {
  if (weight >= 256u) {
    for (int32_t x = x0; x < x1; x++) { row[x] = pixel; }
  } else if (weight) {
    for (int32_t x = x0; x < x1; x++) { row[x] = shoal_blend(row[x], pixel, weight); }
  }
}

#endif
