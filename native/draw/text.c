// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Text: glyphs are made of the font's strokes once per height and kept in the rasteriser's memory, as coverage that is
// then blended in. Heights are whole pixels and glyphs start on whole pixels; up to SNAP pixels the strokes' points are
// moved to whole pixels too, and the strokes are whole pixels wide, so that small text is sharp.
#include "draw/raster.h"

enum { SNAP = 30, MAX_POINTS = 96, CURVE = 5 };

#define SMALLEST \
  2.5f  // pixels that a text must have been asked to be high: in a thumbnail, small print would be in the way

// How a character's grid becomes pixels at one height.
typedef struct {
  float unit, stroke;  // pixels of a grid unit; width of the strokes
  int32_t snap;
} Scale;

static Scale scale_of(int32_t size) {
  Scale scale = {0.0f, 0.135f * (float)size, size <= SNAP};
  if (scale.snap) { scale.stroke = shoal_max(shoal_floor(scale.stroke + 0.5f), 1.0f); }
  scale.unit = ((float)size - scale.stroke) / 12.0f;
  return scale;
}

static float whole(float x, int32_t snap) { return snap ? shoal_floor(x + 0.5f) : x; }

static int32_t is_round(char letter) { return letter >= 'A' && letter <= 'Z'; }
static float height_of(char letter) { return (float)(letter - (is_round(letter) ? 'A' : 'a')) - 4.0f; }

// The glyph's width in grid units: digits have one width, so that numbers do not wobble.
static int32_t grid_width(int32_t character, const char *strokes, int32_t *centred) {
  int32_t width = character >= '0' && character <= '9' ? 7 : 0;
  for (const char *at = strokes; *at; at++) {
    if (*at >= '0' && *at <= '9') { width = shoal_maxi(width, *at - '0'); }
  }
  *centred = 0;  // an upright stands exactly in the middle
  for (const char *at = strokes; *at && at[1] && at[2] && at[3]; at++) {
    if (*at >= '0' && *at <= '9' && at[2] == *at && 2 * (*at - '0') == width && at[1] != at[3]) { *centred = 1; }
  }
  return width;
}

// Pixels between the outermost strokes' middles.
static float inner_width(int32_t character, const char *strokes, const Scale *scale) {
  int32_t centred, units = grid_width(character, strokes, &centred);
  float width = whole((float)units * scale->unit, scale->snap);
  if (scale->snap && centred && ((int32_t)width & 1)) { width += 1.0f; }
  return width;
}

// Pixels between two characters.
static int32_t gap_of(const Scale *scale) { return shoal_maxi((int32_t)(2.2f * scale->unit + 0.5f), 1); }

static int32_t advance_of(int32_t character, const Scale *scale) {
  const char *strokes = shoal_font_strokes(character);
  if (!strokes) { return (int32_t)(5.0f * scale->unit + 0.5f) + gap_of(scale); }
  return (int32_t)(inner_width(character, strokes, scale) + scale->stroke + 0.5f) + gap_of(scale);
}

// ---------------------------------------------------------------------------------------------------- strokes

typedef struct {
  float x[MAX_POINTS], y[MAX_POINTS];  // pixels, y up from the baseline
  int32_t starts[MAX_POINTS], count;   // starts: the point begins a stroke
} Outline;

static void add_point(Outline *out, float x, float y, int32_t starts) {
  if (out->count == MAX_POINTS) { return; }
  out->x[out->count] = x;
  out->y[out->count] = y;
  out->starts[out->count++] = starts;
}

static float distance(const float *a, const float *b) {
  return shoal_sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]));
}

// One stroke of `count` points, its round corners as curves.
static void add_stroke(Outline *out, float points[][2], const int32_t *round, int32_t count) {
  for (int32_t i = 0; i < count; i++) {
    const float *p = points[i], *before = points[shoal_maxi(i - 1, 0)], *after = points[shoal_mini(i + 1, count - 1)];
    float in = distance(before, p), away = distance(p, after);
    if (!round[i] || i == 0 || i == count - 1 || in < 0.01f || away < 0.01f) {
      add_point(out, p[0], p[1], i == 0);
      continue;
    }
    float cut = shoal_min(in * (round[i - 1] ? 0.5f : 1.0f), away * (round[i + 1] ? 0.5f : 1.0f));
    float from[2] = {p[0] + (before[0] - p[0]) * cut / in, p[1] + (before[1] - p[1]) * cut / in};
    float to[2] = {p[0] + (after[0] - p[0]) * cut / away, p[1] + (after[1] - p[1]) * cut / away};
    for (int32_t k = 0; k <= CURVE; k++) {
      float t = (float)k / CURVE, a = (1.0f - t) * (1.0f - t), b = 2.0f * t * (1.0f - t), c = t * t;
      add_point(out, a * from[0] + b * p[0] + c * to[0], a * from[1] + b * p[1] + c * to[1], 0);
    }
  }
}

static void outline_of(Outline *out, int32_t character, const Scale *scale) {
  const char *at = shoal_font_strokes(character);
  int32_t centred, units = grid_width(character, at, &centred);
  float width = inner_width(character, at, scale), stretch = units ? width / (float)units : 0.0f;
  out->count = 0;
  while (*at) {
    float points[16][2];
    int32_t round[16], count = 0;
    for (; *at && *at != ' ' && count < 16; at += 2) {
      points[count][0] = (float)(*at - '0') * stretch;
      points[count][1] = whole(height_of(at[1]) * scale->unit, scale->snap);
      round[count++] = is_round(at[1]);
    }
    add_stroke(out, points, round, count);
    at += *at == ' ';
  }
}

// ---------------------------------------------------------------------------------------------------- glyphs

// Coverage is the distance to the nearest stroke, the larger where several meet.
static void make_glyph(ShoalGlyph *glyph, uint8_t *cover, const Outline *outline, const Scale *scale) {
  float half = 0.5f * scale->stroke, reach = half + 0.5f;
  for (int32_t row = 0; row < glyph->height; row++) {
    float y = (float)(glyph->height - row - glyph->below) - 0.5f - half;  // from the middle of the baseline's stroke
    for (int32_t column = 0; column < glyph->width; column++) {
      float x = (float)(column + glyph->left) + 0.5f - half, best = reach * reach;
      for (int32_t i = 0; i < outline->count; i++) {
        int32_t j = i + 1 < outline->count && !outline->starts[i + 1] ? i + 1 : i;
        float px = x - outline->x[i], py = y - outline->y[i];
        float dx = outline->x[j] - outline->x[i], dy = outline->y[j] - outline->y[i];
        float length2 = dx * dx + dy * dy, inverse = length2 > 1e-9f ? 1.0f / length2 : 0.0f;
        float t = shoal_clamp((px * dx + py * dy) * inverse, 0.0f, 1.0f);
        float ex = px - t * dx, ey = py - t * dy;
        best = shoal_min(best, ex * ex + ey * ey);
      }
      float edge = shoal_clamp(reach - shoal_sqrt(best), 0.0f, 1.0f);
      cover[row * glyph->width + column] = (uint8_t)(edge * 255.0f + 0.5f);
    }
  }
}

static const ShoalGlyph *glyph_of(ShoalRaster *raster, int32_t character, int32_t size, const Scale *scale) {
  uint32_t slot = ((uint32_t)character * 31u + (uint32_t)size * 131u) % SHOAL_GLYPH_SLOTS;
  ShoalGlyph *glyph = &raster->glyphs[slot];
  if (glyph->character == character && glyph->size == size) { return glyph; }
  int32_t depth = (int32_t)(4.0f * scale->unit + scale->stroke) + 2;
  int32_t width = (int32_t)(inner_width(character, shoal_font_strokes(character), scale) + scale->stroke) + 3;
  int32_t height = size + 2 * depth;
  if (width * height > SHOAL_GLYPH_POOL - raster->glyphs_used) {  // full: begin anew
    __builtin_memset(raster->glyphs, 0, SHOAL_GLYPH_SLOTS * sizeof *raster->glyphs);
    raster->glyphs_used = 0;
  }
  ShoalGlyph made = {character, size, -1, width, height, depth, raster->glyphs_used};
  Outline outline;
  outline_of(&outline, character, scale);
  make_glyph(&made, raster->pool + made.at, &outline, scale);
  raster->glyphs_used += width * height;
  *glyph = made;
  return glyph;
}

static void blend_glyph(ShoalRaster *raster, const ShoalGlyph *glyph, int32_t x, int32_t baseline, uint32_t colour) {
  ShoalArea clip = raster->clip;
  uint32_t pixel = shoal_pixel(colour), opacity = shoal_opacity(colour);
  int32_t left = x + glyph->left, top = baseline - (glyph->height - glyph->below);
  int32_t x0 = shoal_maxi(left, clip.x0), x1 = shoal_mini(left + glyph->width, clip.x1);
  int32_t y0 = shoal_maxi(top, clip.y0), y1 = shoal_mini(top + glyph->height, clip.y1);
  for (int32_t y = y0; y < y1; y++) {
    uint32_t *row = shoal_row(raster, y);
    const uint8_t *cover = raster->pool + glyph->at + (y - top) * glyph->width;
    for (int32_t px = x0; px < x1; px++) {
      uint32_t value = cover[px - left];
      row[px] = shoal_blend(row[px], pixel, (value + (value >> 7)) * opacity >> 8);
    }
  }
}

void shoal_raster_text(ShoalRaster *raster, float x, float y, float size, int32_t align, const uint8_t *text,
                       int32_t length, uint32_t colour) {
  if (!(size >= SMALLEST)) { return; }
  int32_t height = shoal_to_pixel(size + 0.5f, SHOAL_GLYPH_MIN, SHOAL_GLYPH_MAX);
  Scale scale = scale_of(height);
  int64_t width = 0;
  for (int32_t i = 0; i < length; i++) { width += advance_of(text[i], &scale); }
  width -= length ? gap_of(&scale) : 0;  // none after the last
  float share = align == SHOAL_CENTRE ? 0.5f : align == SHOAL_RIGHT ? 1.0f : 0.0f;
  int64_t at = (int64_t)shoal_floor(x - share * (float)width + 0.5f);
  int32_t baseline = (int32_t)shoal_floor(y + 0.5f * (float)height + 0.5f);
  for (int32_t i = 0; i < length && at < raster->clip.x1; i++) {
    int32_t advance = advance_of(text[i], &scale);
    if (shoal_font_strokes(text[i]) && at + 2 * advance + 8 > raster->clip.x0) {
      blend_glyph(raster, glyph_of(raster, text[i], height, &scale), (int32_t)at, baseline, colour);
    }
    at += advance;
  }
}
