// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The display list: what an environment's drawing appends to, and the only header that <name>_draw.h needs beside the
// environment's own. No graphics library, no heap, no standard header; C11 and C++17, freestanding.
//
//   #include "game.h"
//   #include "shoal/canvas.h"
//   SHOAL_FN void game_draw(const GameParams *params, const void *shared, const GameState *before,
//                           const GameState *now, float alpha, ShoalCanvas *canvas) {
//     shoal_draw_window(canvas, 0, 0, 16, 9, SHOAL_FLOOR);  // left, top, right, bottom in the environment's own units
//     shoal_draw_circle(canvas, shoal_lerp(before->x, now->x, alpha), now->y, 0.5f, SHOAL_SKY);
//     shoal_draw_number(canvas, 0.5f, 0.7f, 0.6f, SHOAL_LEFT, SHOAL_TEXT, "score ", now->score, 0, "");
//   }
//
// `before` and `now` are two consecutive states, alpha in [0, 1] is the time between them: positions are interpolated,
// so that a slow world moves smoothly. The caller passes before == now where there is nothing between the two (the
// first frame, and across a reset), so a drawing never compares episodes.
//
// Coordinates. 2-D items are in the units of the window: the picture shows it as large as fits, centred, and cuts off
// what is outside. Its corners say which way the axes point: top < bottom is y down, top > bottom is y up. 3-D items
// are in any unit, right-handed, z up. Later items cover earlier ones; the 3-D items after a camera hide one another by
// depth and are covered by the 2-D items that follow. Items with a NaN or infinity are left out.
//
// Colours are 0xRRGGBBAA. The seven hues are Okabe and Ito's (2008), told apart with every kind of colour blindness.
#ifndef SHOAL_CANVAS_H
#define SHOAL_CANVAS_H

#include "shoal/env.h"

#define SHOAL_ORANGE 0xE69F00FFu
#define SHOAL_SKY 0x56B4E9FFu
#define SHOAL_GREEN 0x009E73FFu
#define SHOAL_YELLOW 0xF0E442FFu
#define SHOAL_BLUE 0x0072B2FFu
#define SHOAL_RED 0xD55E00FFu
#define SHOAL_PINK 0xCC79A7FFu

#define SHOAL_NIGHT 0x11151CFFu  // the background around the window
#define SHOAL_FLOOR 0x1A212BFFu  // the ground that things stand on
#define SHOAL_PANEL 0x242D3AFFu  // a raised area, an empty bar
#define SHOAL_EDGE 0x3A4657FFu   // outlines, grids
#define SHOAL_MUTED 0x8A97A8FFu  // secondary text
#define SHOAL_TEXT 0xE6EBF2FFu   // text, the thing to look at

// An item: this head, then its payload. a and n by kind ("-": unused; points, corners and sizes in window units):
//   kind        a                                             n                          payload
//   CLEAR       -                                             -                          -
//   WINDOW      left, top, right, bottom                      -                          -
//   RECTANGLE   x, y, width, height, radius of the corners    -                          -
//   CIRCLE      x, y, radius                                  -                          -
//   ARC         x, y, radius, width, from, to (rad)           -                          -
//   LINE        width                                         points                     x, y f32 each
//   POLYGON     -                                             points                     x, y f32 each
//   TEXT        x, y, height of a capital                     bytes, SHOAL_LEFT ..       bytes
//   IMAGE       x, y, width, height                           rows, columns, colours     colours u32, cells u8
//   CAMERA      eye, target (3 each), field of view (rad)     -                          -
//   GROUND      height, spacing, extent                       -                          -
//   BOX         centre, half sizes (3 each), quaternion wxyz  -                          -
//   SPHERE      centre (3), radius                            -                          -
//   CYLINDER    ends (3 each), radius at each                 -                          -
//   LINE3       ends (3 each), width in pixels                -                          -
//   MESH        -                                             vertices, triangles        3 f32 each, 3 i32 each
enum {
  SHOAL_ITEM_CLEAR = 1,
  SHOAL_ITEM_WINDOW,
  SHOAL_ITEM_RECTANGLE,
  SHOAL_ITEM_CIRCLE,
  SHOAL_ITEM_ARC,
  SHOAL_ITEM_LINE,
  SHOAL_ITEM_POLYGON,
  SHOAL_ITEM_TEXT,
  SHOAL_ITEM_IMAGE,
  SHOAL_ITEM_CAMERA,
  SHOAL_ITEM_GROUND,
  SHOAL_ITEM_BOX,
  SHOAL_ITEM_SPHERE,
  SHOAL_ITEM_CYLINDER,
  SHOAL_ITEM_LINE3,
  SHOAL_ITEM_MESH
};

enum { SHOAL_LEFT = 0, SHOAL_CENTRE = 1, SHOAL_RIGHT = 2 };  // which point of a text its x is

typedef struct {
  int32_t kind;
  int32_t bytes;  // of head and payload, a multiple of 4
  uint32_t colour;
  int32_t n[3];
  float a[10];
} ShoalItem;

// The list lies in the caller's memory, aligned to 4 bytes.
typedef struct {
  uint8_t *items;
  int32_t capacity, used;  // bytes
  int32_t dropped;         // items that did not fit: more than 0 says that the list is incomplete
} ShoalCanvas;

typedef void (*ShoalDrawFn)(const void *params, const void *shared, const void *before, const void *now, float alpha,
                            ShoalCanvas *canvas);

// What a drawing's object file exports as <name>_drawing (draw_block.h).
typedef struct {
  int32_t abi;
  const char *name;  // of the environment
  ShoalDrawFn draw;
} ShoalDrawing;

// ---------------------------------------------------------------------------------------------------- helpers

SHOAL_FN float shoal_lerp(float from, float to, float alpha) { return from + (to - from) * alpha; }

// A colour with its opacity multiplied by one in [0, 1].
SHOAL_FN uint32_t shoal_fade(uint32_t colour, float opacity) {
  float alpha = (float)(colour & 0xFFu) * shoal_clamp(opacity, 0.0f, 1.0f);
  return (colour & 0xFFFFFF00u) | (uint32_t)(alpha + 0.5f);
}

// A colour between two, opacity included.
SHOAL_FN uint32_t shoal_tint(uint32_t from, uint32_t to, float share) {
  uint32_t out = 0;
  float t = shoal_clamp(share, 0.0f, 1.0f);
  for (int32_t shift = 0; shift < 32; shift += 8) {
    float value = shoal_lerp((float)(from >> shift & 0xFFu), (float)(to >> shift & 0xFFu), t);
    out |= (uint32_t)(value + 0.5f) << shift;
  }
  return out;
}

// The colour of the i-th of several things (teams, heads, kinds); repeats after seven.
SHOAL_FN uint32_t shoal_hue(int32_t i) {
  SHOAL_TABLE uint32_t hues[7] = {SHOAL_SKY,    SHOAL_ORANGE, SHOAL_GREEN, SHOAL_PINK,
                                  SHOAL_YELLOW, SHOAL_RED,    SHOAL_BLUE};
  return hues[(uint32_t)i % 7u];
}

// An empty list in `capacity` bytes of memory, which the caller keeps.
SHOAL_FN void shoal_canvas_begin(ShoalCanvas *canvas, void *memory, int32_t capacity) {
  canvas->items = (uint8_t *)memory;
  canvas->capacity = capacity;
  canvas->used = 0;
  canvas->dropped = 0;
}

// A new item with room for a payload, zero but for its head; null (and counted) when it does not fit.
SHOAL_FN ShoalItem *shoal_canvas_add(ShoalCanvas *canvas, int32_t kind, uint32_t colour, int64_t payload) {
  int64_t bytes = (int64_t)sizeof(ShoalItem) + (payload + 3) / 4 * 4;
  if (payload < 0 || bytes > canvas->capacity - canvas->used) {
    canvas->dropped++;
    return 0;
  }
  ShoalItem *item = (ShoalItem *)(void *)(canvas->items + canvas->used);
  __builtin_memset(item, 0, (uint64_t)bytes);
  item->kind = kind;
  item->bytes = (int32_t)bytes;
  item->colour = colour;
  canvas->used += (int32_t)bytes;
  return item;
}

SHOAL_FN void shoal_canvas_values(ShoalCanvas *canvas, int32_t kind, uint32_t colour, const float *values,
                                  int32_t count) {
  ShoalItem *item = shoal_canvas_add(canvas, kind, colour, 0);
  if (item) { __builtin_memcpy(item->a, values, sizeof(float) * (uint64_t)count); }
}

// ---------------------------------------------------------------------------------------------------- 2-D

// Fill the whole picture. A list that does not begin with this is drawn over what is there.
SHOAL_FN void shoal_draw_clear(ShoalCanvas *canvas, uint32_t colour) {
  shoal_canvas_add(canvas, SHOAL_ITEM_CLEAR, colour, 0);
}

// The part of the world that the 2-D items after it show, filled with a colour (0: left as it is).
SHOAL_FN void shoal_draw_window(ShoalCanvas *canvas, float left, float top, float right, float bottom,
                                uint32_t colour) {
  float values[4] = {left, top, right, bottom};
  shoal_canvas_values(canvas, SHOAL_ITEM_WINDOW, colour, values, 4);
}

// (x, y) is any corner; the sizes may be negative. radius 0: sharp corners.
SHOAL_FN void shoal_draw_rounded(ShoalCanvas *canvas, float x, float y, float width, float height, float radius,
                                 uint32_t colour) {
  float values[5] = {x, y, width, height, radius};
  shoal_canvas_values(canvas, SHOAL_ITEM_RECTANGLE, colour, values, 5);
}

SHOAL_FN void shoal_draw_rectangle(ShoalCanvas *canvas, float x, float y, float width, float height, uint32_t colour) {
  shoal_draw_rounded(canvas, x, y, width, height, 0.0f, colour);
}

SHOAL_FN void shoal_draw_circle(ShoalCanvas *canvas, float x, float y, float radius, uint32_t colour) {
  float values[3] = {x, y, radius};
  shoal_canvas_values(canvas, SHOAL_ITEM_CIRCLE, colour, values, 3);
}

// A band of `width` around the circle, from one angle to a larger one, which run from the x axis to the y axis.
SHOAL_FN void shoal_draw_arc(ShoalCanvas *canvas, float x, float y, float radius, float width, float from, float to,
                             uint32_t colour) {
  float values[6] = {x, y, radius, width, from, to};
  shoal_canvas_values(canvas, SHOAL_ITEM_ARC, colour, values, 6);
}

SHOAL_FN void shoal_draw_ring(ShoalCanvas *canvas, float x, float y, float radius, float width, uint32_t colour) {
  shoal_draw_arc(canvas, x, y, radius, width, 0.0f, 7.0f, colour);
}

SHOAL_FN void shoal_canvas_points(ShoalCanvas *canvas, int32_t kind, const float *points, int32_t count, float width,
                                  uint32_t colour) {
  ShoalItem *item = shoal_canvas_add(canvas, kind, colour, 8 * (int64_t)count);
  if (!item) { return; }
  item->n[0] = count;
  item->a[0] = width;
  __builtin_memcpy(item + 1, points, 8 * (uint64_t)count);
}

// Through points (count, 2), with round joints and ends; at least a pixel wide.
SHOAL_FN void shoal_draw_lines(ShoalCanvas *canvas, const float *points, int32_t count, float width, uint32_t colour) {
  shoal_canvas_points(canvas, SHOAL_ITEM_LINE, points, count, width, colour);
}

SHOAL_FN void shoal_draw_line(ShoalCanvas *canvas, float x0, float y0, float x1, float y1, float width,
                              uint32_t colour) {
  float points[4] = {x0, y0, x1, y1};
  shoal_draw_lines(canvas, points, 2, width, colour);
}

// A filled polygon with corners (count, 2); it may be concave.
SHOAL_FN void shoal_draw_polygon(ShoalCanvas *canvas, const float *corners, int32_t count, uint32_t colour) {
  shoal_canvas_points(canvas, SHOAL_ITEM_POLYGON, corners, count, 0.0f, colour);
}

// Right or wrong, told apart by shape too: a check mark or a cross, `size` across, around (x, y), where y runs down.
SHOAL_FN void shoal_draw_verdict(ShoalCanvas *canvas, float x, float y, float size, int32_t right, float opacity) {
  float half = 0.5f * size, width = 0.18f * size;
  float check[6] = {x - half, y, x - 0.1f * size, y + 0.8f * half, x + half, y - 0.8f * half};
  if (right) {
    shoal_draw_lines(canvas, check, 3, width, shoal_fade(SHOAL_GREEN, opacity));
    return;
  }
  half *= 0.8f;
  shoal_draw_line(canvas, x - half, y - half, x + half, y + half, width, shoal_fade(SHOAL_RED, opacity));
  shoal_draw_line(canvas, x - half, y + half, x + half, y - half, width, shoal_fade(SHOAL_RED, opacity));
}

// One line of ASCII text, `height` the height of a capital, y its middle. In a small picture it is kept legible, at 7
// pixels; where it should have less than 2.5, it is left out.
SHOAL_FN void shoal_draw_text(ShoalCanvas *canvas, float x, float y, float height, int32_t align, uint32_t colour,
                              const char *text) {
  int32_t length = 0;
  while (text[length] && length < 1024) { length++; }
  ShoalItem *item = shoal_canvas_add(canvas, SHOAL_ITEM_TEXT, colour, length);
  if (!item) { return; }
  item->n[0] = length;
  item->n[1] = align;
  item->a[0] = x;
  item->a[1] = y;
  item->a[2] = height;
  __builtin_memcpy(item + 1, text, (uint64_t)length);
}

// Write `value` with so many decimals (0 to 6), ended by a zero, into out (at least 24 bytes); returns its length.
SHOAL_FN int32_t shoal_format(char *out, float value, int32_t decimals) {
  char digits[24];
  int32_t used = 0, count = 0, minus = value < 0.0f;
  double scale = 1.0, magnitude = minus ? -(double)value : (double)value;
  decimals = shoal_clampi(decimals, 0, 6);
  for (int32_t d = 0; d < decimals; d++) { scale *= 10.0; }
  if (!(magnitude < 1e9)) {  // also NaN
    const char *word = magnitude == magnitude ? (minus ? "-big" : "big") : "nan";
    for (; word[used]; used++) { out[used] = word[used]; }
    out[used] = 0;
    return used;
  }
  uint64_t number = (uint64_t)(magnitude * scale + 0.5);
  if (minus && number) { out[used++] = '-'; }
  do {
    digits[count++] = (char)('0' + number % 10);
    number /= 10;
    if (count == decimals) { digits[count++] = '.'; }
  } while (number || count <= decimals + (decimals > 0));
  while (count) { out[used++] = digits[--count]; }
  out[used] = 0;
  return used;
}

// Text around a number: "score " 12 "".
SHOAL_FN void shoal_draw_number(ShoalCanvas *canvas, float x, float y, float height, int32_t align, uint32_t colour,
                                const char *prefix, float value, int32_t decimals, const char *suffix) {
  char text[128];
  int32_t used = 0;
  for (; *prefix && used < 48; prefix++) { text[used++] = *prefix; }
  used += shoal_format(text + used, value, decimals);
  for (; *suffix && used < 120; suffix++) { text[used++] = *suffix; }
  text[used] = 0;
  shoal_draw_text(canvas, x, y, height, align, colour, text);
}

// Cells (rows, columns), row 0 at y, each an index into the colours; a cell beyond them is left out.
SHOAL_FN void shoal_draw_image(ShoalCanvas *canvas, float x, float y, float width, float height, const uint8_t *cells,
                               int32_t rows, int32_t columns, const uint32_t *colours, int32_t num_colours) {
  int64_t size = (int64_t)rows * columns;
  ShoalItem *item = shoal_canvas_add(canvas, SHOAL_ITEM_IMAGE, 0, 4 * (int64_t)num_colours + size);
  if (!item) { return; }
  float values[4] = {x, y, width, height};
  __builtin_memcpy(item->a, values, sizeof values);
  item->n[0] = rows;
  item->n[1] = columns;
  item->n[2] = num_colours;
  uint32_t *palette = (uint32_t *)(void *)(item + 1);
  __builtin_memcpy(palette, colours, 4 * (uint64_t)num_colours);
  __builtin_memcpy(palette + num_colours, cells, (uint64_t)size);
}

// ---------------------------------------------------------------------------------------------------- 3-D

// Begin a 3-D scene: look from `eye` at `target`, `view` radians of the picture's smaller side.
SHOAL_FN void shoal_draw_camera(ShoalCanvas *canvas, const float eye[3], const float target[3], float view) {
  float values[7] = {eye[0], eye[1], eye[2], target[0], target[1], target[2], view};
  shoal_canvas_values(canvas, SHOAL_ITEM_CAMERA, 0, values, 7);
}

// A level grid of lines `spacing` apart at z = height, fading towards `extent` from the camera's target.
SHOAL_FN void shoal_draw_ground(ShoalCanvas *canvas, float height, float spacing, float extent, uint32_t colour) {
  float values[3] = {height, spacing, extent};
  shoal_canvas_values(canvas, SHOAL_ITEM_GROUND, colour, values, 3);
}

// rotation: a unit quaternion w, x, y, z.
SHOAL_FN void shoal_draw_box(ShoalCanvas *canvas, const float centre[3], const float half[3], const float rotation[4],
                             uint32_t colour) {
  float values[10] = {centre[0], centre[1],   centre[2],   half[0],     half[1],
                      half[2],   rotation[0], rotation[1], rotation[2], rotation[3]};
  shoal_canvas_values(canvas, SHOAL_ITEM_BOX, colour, values, 10);
}

SHOAL_FN void shoal_draw_sphere(ShoalCanvas *canvas, const float centre[3], float radius, uint32_t colour) {
  float values[4] = {centre[0], centre[1], centre[2], radius};
  shoal_canvas_values(canvas, SHOAL_ITEM_SPHERE, colour, values, 4);
}

// With a radius at each end, so also a cone.
SHOAL_FN void shoal_draw_cylinder(ShoalCanvas *canvas, const float from[3], const float to[3], float from_radius,
                                  float to_radius, uint32_t colour) {
  float values[8] = {from[0], from[1], from[2], to[0], to[1], to[2], from_radius, to_radius};
  shoal_canvas_values(canvas, SHOAL_ITEM_CYLINDER, colour, values, 8);
}

SHOAL_FN void shoal_draw_line3(ShoalCanvas *canvas, const float from[3], const float to[3], float pixels,
                               uint32_t colour) {
  float values[7] = {from[0], from[1], from[2], to[0], to[1], to[2], pixels};
  shoal_canvas_values(canvas, SHOAL_ITEM_LINE3, colour, values, 7);
}

// Triangles (count, 3), counter-clockwise seen from outside, of indices into vertices (num_vertices, 3).
SHOAL_FN void shoal_draw_mesh(ShoalCanvas *canvas, const float *vertices, int32_t num_vertices,
                              const int32_t *triangles, int32_t num_triangles, uint32_t colour) {
  ShoalItem *item =
      shoal_canvas_add(canvas, SHOAL_ITEM_MESH, colour, 12 * (int64_t)num_vertices + 12 * (int64_t)num_triangles);
  if (!item) { return; }
  item->n[0] = num_vertices;
  item->n[1] = num_triangles;
  float *out = (float *)(void *)(item + 1);
  __builtin_memcpy(out, vertices, 12 * (uint64_t)num_vertices);
  __builtin_memcpy(out + 3 * (int64_t)num_vertices, triangles, 12 * (uint64_t)num_triangles);
}

#endif
