// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Walk a display list: check each item, put it into pixels, hand it to its shape.
#include "draw/raster.h"
#include "engine/fp.h"

static int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

int64_t shoal_raster_bytes(int32_t width, int32_t height) {
  if (width < 1 || height < 1 || width > SHOAL_MAX_SIDE || height > SHOAL_MAX_SIDE) { return -1; }
  return aligned((int64_t)sizeof(ShoalRaster)) + aligned(4 * ((int64_t)width + 2)) + aligned(width) +
         aligned(SHOAL_GLYPH_SLOTS * (int64_t)sizeof(ShoalGlyph)) + SHOAL_GLYPH_POOL +
         aligned(shoal_scene_bytes(width));
}

ShoalRaster *shoal_raster_create(int32_t width, int32_t height, void *memory) {
  uint8_t *at = (uint8_t *)memory;
  ShoalRaster *raster = (ShoalRaster *)memory;
  at += aligned((int64_t)sizeof *raster);
  raster->width = width;
  raster->height = height;
  raster->cells = (float *)(void *)at;
  at += aligned(4 * ((int64_t)width + 2));
  raster->cover = at;
  at += aligned(width);
  raster->glyphs = (ShoalGlyph *)(void *)at;
  at += aligned(SHOAL_GLYPH_SLOTS * (int64_t)sizeof(ShoalGlyph));
  raster->pool = at;
  raster->scene = at + SHOAL_GLYPH_POOL;
  return raster;
}

static const ShoalArea nothing = {0, 0, 0, 0};

static void fill(ShoalRaster *raster, ShoalArea area, uint32_t colour) {
  for (int32_t y = area.y0; y < area.y1; y++) {
    shoal_span(shoal_row(raster, y), area.x0, area.x1, shoal_pixel(colour), shoal_opacity(colour));
  }
}

// Fill what was to be cleared, but for an area that the next item fills anyhow.
static void clear_around(ShoalRaster *raster, ShoalArea inside) {
  if (!raster->clearing) { return; }
  int32_t width = raster->width, height = raster->height;
  ShoalArea above = {0, 0, width, inside.y0}, below = {0, inside.y1, width, height};
  ShoalArea left = {0, inside.y0, inside.x0, inside.y1}, right = {inside.x1, inside.y0, width, inside.y1};
  fill(raster, above, raster->clear_colour);
  fill(raster, below, raster->clear_colour);
  fill(raster, left, raster->clear_colour);
  fill(raster, right, raster->clear_colour);
  raster->clearing = 0;
}

// Show as much of the world as fits, centred. Without a window, its units are pixels.
static void look_at(ShoalRaster *raster, float left, float top, float right, float bottom) {
  float width = (float)raster->width, height = (float)raster->height;
  float wide = shoal_abs(right - left), tall = shoal_abs(bottom - top);
  if (!(wide > 1e-30f && tall > 1e-30f && wide < 1e30f && tall < 1e30f)) { return; }
  float scale = shoal_min(width / wide, height / tall);
  float x0 = 0.5f * (width - scale * wide), y0 = 0.5f * (height - scale * tall);
  raster->scale = scale;
  raster->scale_x = right > left ? scale : -scale;
  raster->scale_y = bottom > top ? scale : -scale;
  raster->shift_x = x0 - left * raster->scale_x;
  raster->shift_y = y0 - top * raster->scale_y;
  ShoalArea clip = {shoal_to_pixel(shoal_floor(x0 + 0.5f), 0, raster->width),
                    shoal_to_pixel(shoal_floor(y0 + 0.5f), 0, raster->height),
                    shoal_to_pixel(shoal_floor(x0 + scale * wide + 0.5f), 0, raster->width),
                    shoal_to_pixel(shoal_floor(y0 + scale * tall + 0.5f), 0, raster->height)};
  raster->clip = clip;
}

static int32_t is_finite(const float *values, int64_t count) {
  int32_t finite = 1;
  for (int64_t i = 0; i < count; i++) { finite &= values[i] - values[i] == 0.0f; }
  return finite;
}

int32_t shoal_item_is_well_formed(const ShoalItem *item, int64_t left) {
  if (left < (int64_t)sizeof *item || item->bytes < (int32_t)sizeof *item || item->bytes > left || item->bytes % 4) {
    return 0;
  }
  int64_t payload = item->bytes - (int64_t)sizeof *item, needed = 0;
  if (item->n[0] < 0 || item->n[1] < 0 || item->n[2] < 0) { return 0; }
  switch (item->kind) {
    case SHOAL_ITEM_LINE:
    case SHOAL_ITEM_POLYGON: needed = 8 * (int64_t)item->n[0]; break;
    case SHOAL_ITEM_TEXT: needed = item->n[0]; break;
    case SHOAL_ITEM_IMAGE:
      if (item->n[0] > SHOAL_MAX_SIDE || item->n[1] > SHOAL_MAX_SIDE) { return 0; }
      needed = 4 * (int64_t)item->n[2] + (int64_t)item->n[0] * item->n[1];
      break;
    case SHOAL_ITEM_MESH: needed = 12 * ((int64_t)item->n[0] + item->n[1]); break;
    default: break;
  }
  return needed <= payload;
}

static void draw_item(ShoalRaster *raster, const ShoalItem *item) {
  const float *a = item->a, *points = (const float *)(const void *)(item + 1);
  float x = shoal_pixel_x(raster, a[0]), y = shoal_pixel_y(raster, a[1]), scale = raster->scale;
  switch (item->kind) {
    case SHOAL_ITEM_CLEAR:
      raster->clearing = 1;
      raster->clear_colour = item->colour;
      break;
    case SHOAL_ITEM_WINDOW: {
      look_at(raster, a[0], a[1], a[2], a[3]);
      clear_around(raster, shoal_opacity(item->colour) == 256 ? raster->clip : nothing);
      fill(raster, raster->clip, item->colour);
      break;
    }
    case SHOAL_ITEM_RECTANGLE: {
      float far_x = shoal_pixel_x(raster, a[0] + a[2]), far_y = shoal_pixel_y(raster, a[1] + a[3]);
      shoal_raster_rectangle(raster, shoal_min(x, far_x), shoal_min(y, far_y), shoal_max(x, far_x), shoal_max(y, far_y),
                             shoal_near(a[4] * scale), item->colour);
      break;
    }
    case SHOAL_ITEM_CIRCLE: shoal_raster_circle(raster, x, y, shoal_near(a[2] * scale), item->colour); break;
    case SHOAL_ITEM_ARC:
      shoal_raster_arc(raster, x, y, shoal_near(a[2] * scale), shoal_near(a[3] * scale), a[4], a[5], item->colour);
      break;
    case SHOAL_ITEM_LINE:
      if (is_finite(points, 2 * (int64_t)item->n[0])) {
        shoal_raster_lines(raster, points, item->n[0], shoal_near(a[0] * scale), item->colour);
      }
      break;
    case SHOAL_ITEM_POLYGON:
      if (is_finite(points, 2 * (int64_t)item->n[0])) {
        shoal_raster_polygon(raster, points, item->n[0], item->colour);
      }
      break;
    case SHOAL_ITEM_TEXT:
      shoal_raster_text(raster, x, y, shoal_near(a[2] * scale), item->n[1], (const uint8_t *)(item + 1), item->n[0],
                        item->colour);
      break;
    case SHOAL_ITEM_IMAGE: shoal_raster_image(raster, item); break;
    default: break;
  }
}

void shoal_raster_draw(ShoalRaster *raster, const void *items, int64_t bytes, uint8_t *pixels, int64_t stride) {
  const uint8_t *at = (const uint8_t *)items, *end = at + bytes;
  raster->pixels = pixels;
  raster->stride = stride;
  raster->scale = raster->scale_x = raster->scale_y = 1.0f;
  raster->shift_x = raster->shift_y = 0.0f;
  ShoalArea all = {0, 0, raster->width, raster->height};
  raster->clip = all;
  raster->clearing = 0;
  uint64_t fp = shoal_fp_enter();
  while (at < end) {
    const ShoalItem *item = (const ShoalItem *)(const void *)at;
    if (!shoal_item_is_well_formed(item, end - at)) { break; }
    if (is_finite(item->a, 10)) {
      if (item->kind != SHOAL_ITEM_WINDOW) { clear_around(raster, nothing); }
      if (item->kind == SHOAL_ITEM_CAMERA) {
        at = shoal_raster_scene(raster, at, end);
        continue;
      }
      draw_item(raster, item);
    }
    at += item->bytes;
  }
  clear_around(raster, nothing);
  shoal_fp_leave(fp);
}
