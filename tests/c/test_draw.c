// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Random display lists into pictures of random sizes: `test_draw [LISTS]`. Numbers range from ordinary to absurd, lists
// are cut off and overwritten anywhere, and every buffer is an allocation of exactly its size, next to which the
// address sanitizer sees any access.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "shoal/draw.h"

enum { MOST = 1 << 15 };

static uint64_t counter;
static uint32_t next(void) { return (uint32_t)(shoal_mix(++counter * 0x9E3779B97F4A7C15u) >> 32); }
static int32_t below(int32_t n) { return (int32_t)(((uint64_t)next() * (uint32_t)n) >> 32); }

// Mostly within the picture, at times near it, huge, tiny, or any 32 bits at all.
static float number(void) {
  static const float odd[] = {0.0f, -0.0f, 1e-30f, 1e6f, -1e9f, 3e38f, -3e38f, 1e19f, 0.5f, 16384.0f};
  switch (below(16)) {
    case 0: return shoal_from_bits(next());
    case 1: return odd[below(10)];
    case 2: return shoal_uniform_of((uint64_t)next() << 32) * 2000.0f - 1000.0f;
    case 3: return (float)below(64);
    default: return shoal_uniform_of((uint64_t)next() << 32) * 120.0f - 20.0f;
  }
}

static uint32_t colour(void) { return next() | (below(2) ? 0xFFu : 0u); }

static void append(ShoalCanvas *canvas) {
  float a[10], points[256];
  uint8_t cells[64];
  uint32_t colours[4] = {colour(), colour(), colour(), colour()};
  int32_t triangles[24], kind = 1 + below(SHOAL_ITEM_MESH), count = below(20);
  char text[64];
  for (int32_t i = 0; i < 10; i++) { a[i] = number(); }
  for (int32_t i = 0; i < 256; i++) { points[i] = number(); }
  for (int32_t i = 0; i < 64; i++) { cells[i] = (uint8_t)below(6); }
  for (int32_t i = 0; i < 24; i++) { triangles[i] = below(24) - 2; }
  for (int32_t i = 0; i < 63; i++) { text[i] = (char)(1 + below(255)); }
  text[below(64)] = 0;
  text[63] = 0;
  switch (kind) {
    case SHOAL_ITEM_LINE: shoal_draw_lines(canvas, points, count, a[0], colour()); break;
    case SHOAL_ITEM_POLYGON: shoal_draw_polygon(canvas, points, count, colour()); break;
    case SHOAL_ITEM_TEXT: shoal_draw_text(canvas, a[0], a[1], a[2], below(4), colour(), text); break;
    case SHOAL_ITEM_IMAGE:
      shoal_draw_image(canvas, a[0], a[1], a[2], a[3], cells, below(9), below(8), colours, below(5));
      break;
    case SHOAL_ITEM_MESH: shoal_draw_mesh(canvas, points, below(24), triangles, below(9), colour()); break;
    case SHOAL_ITEM_WINDOW:  // an ordinary one now and then, or little is ever seen
      if (below(2)) {
        shoal_draw_window(canvas, 0.0f, 0.0f, 90.0f, 60.0f, colour());
        break;
      }
      shoal_canvas_values(canvas, kind, colour(), a, 10);
      break;
    default: shoal_canvas_values(canvas, kind, colour(), a, 10);
  }
}

static void draw_once(void) {
  int32_t width = 1 + below(below(8) ? 90 : 700), height = 1 + below(below(8) ? 70 : 90), margin = 4 * below(3);
  int32_t capacity = below(4) ? MOST : below(400);
  uint8_t *list = malloc((size_t)capacity + (capacity == 0)), *copy;
  ShoalCanvas canvas;
  shoal_canvas_begin(&canvas, list, capacity);
  for (int32_t items = below(24); items >= 0; items--) { append(&canvas); }
  CHECK(canvas.used <= capacity, "%d of %d", canvas.used, capacity);

  int32_t bytes = canvas.used;
  if (below(3) == 0) {  // cut off
    bytes = below(bytes + 1);
  }
  copy = malloc((size_t)bytes + (bytes == 0));
  memcpy(copy, list, (size_t)bytes);
  for (int32_t faults = below(3) ? 0 : below(8); faults > 0 && bytes >= 4; faults--) {  // heads most of all
    int32_t at = below(2) ? below(bytes / 4) * 4 : below((bytes + 63) / 64) * 64 + 4 * below(6);
    uint32_t value = below(2) ? next() : (uint32_t)below(100);
    if (at + 4 <= bytes) { memcpy(copy + at, &value, 4); }
  }

  int64_t stride = 4 * (int64_t)width + margin, size = shoal_raster_bytes(width, height);
  uint8_t *pixels = malloc((size_t)(stride * (height - 1) + 4 * width)), *memory = aligned_alloc(64, (size_t)size);
  memset(pixels, 0x5A, (size_t)(stride * (height - 1) + 4 * width));
  memset(memory, 0, (size_t)size);
  ShoalRaster *raster = shoal_raster_create(width, height, memory);
  shoal_raster_draw(raster, copy, bytes, pixels, stride);
  for (int32_t y = 0; y + 1 < height; y++) {
    for (int32_t m = 0; m < margin; m++) {
      CHECK(pixels[y * stride + 4 * width + m] == 0x5A, "row %d wrote beside the picture", y);
    }
  }
  free(memory);
  free(pixels);
  free(copy);
  free(list);
}

int main(int argc, char **argv) {
  int64_t lists = argc > 1 ? atoll(argv[1]) : 3000;
  CHECK(shoal_raster_bytes(0, 10) < 0 && shoal_raster_bytes(10, SHOAL_MAX_SIDE + 1) < 0, "an impossible size");
  for (int64_t i = 0; i < lists; i++) { draw_once(); }
  return CHECK_RESULT;
}
