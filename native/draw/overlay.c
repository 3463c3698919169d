// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// What the agent chose, drawn beside or over any environment: a bar for each action with its probability, the chosen
// one lit, a slider for each continuous dimension, and the value estimate over time.
#include "shoal/draw.h"

static const float EDGE = 10.0f, TEXT = 8.0f;  // of the panel, in its own units: pixels where it is as large as asked

// Copy the i-th of "stay|left|right" into out (24 bytes), or its number where there are no labels.
static void label_of(const char *labels, int32_t i, char *out) {
  int32_t used = 0;
  for (int32_t skip = i; labels && *labels && skip;) { skip -= *labels++ == '|'; }
  while (labels && *labels && *labels != '|' && used < 23) { out[used++] = *labels++; }
  out[used] = 0;
  if (!used) { shoal_format(out, (float)i, 0); }
}

// The rows of a head: its name, then a bar for each action, as many as fit.
static float draw_head(const ShoalDiscrete *head, const float *probabilities, int32_t chosen, float y, float width,
                       float pitch, int32_t shown, ShoalCanvas *canvas) {
  float bar = EDGE + 0.36f * width, length = width - EDGE - bar - (probabilities ? 30.0f : 0.0f);
  shoal_draw_text(canvas, EDGE, y + 0.5f * pitch, TEXT, SHOAL_LEFT, SHOAL_MUTED, head->name);
  if (shown < head->size) {
    shoal_draw_number(canvas, width - EDGE, y + 0.5f * pitch, TEXT, SHOAL_RIGHT, SHOAL_MUTED, "of ", (float)head->size,
                      0, "");
  }
  // Too many for the room: a run of them that holds the chosen one.
  int32_t first = shoal_clampi(chosen - shown / 2, 0, head->size - shown);
  for (int32_t i = 0; i < shown; i++) {
    char label[24];
    int32_t action = first + i, lit = action == chosen;
    float share = probabilities ? shoal_clamp(probabilities[action], 0.0f, 1.0f) : lit ? 1.0f : 0.0f;
    y += pitch;
    label_of(head->labels, action, label);
    shoal_draw_text(canvas, EDGE + 4.0f, y + 0.5f * pitch, TEXT, SHOAL_LEFT, lit ? SHOAL_TEXT : SHOAL_MUTED, label);
    shoal_draw_rounded(canvas, bar, y + 0.14f * pitch, length, 0.72f * pitch, 3.0f, shoal_fade(SHOAL_EDGE, 0.45f));
    shoal_draw_rounded(canvas, bar, y + 0.14f * pitch, share * length, 0.72f * pitch, 3.0f,
                       lit ? SHOAL_SKY : shoal_fade(SHOAL_SKY, 0.4f));
    if (probabilities) {
      shoal_draw_number(canvas, width - EDGE, y + 0.5f * pitch, TEXT, SHOAL_RIGHT, lit ? SHOAL_TEXT : SHOAL_MUTED, "",
                        100.0f * share, 0, "%");
    }
  }
  return y + 1.3f * pitch;
}

static float draw_dimension(const ShoalContinuous *dim, float value, float y, float width, float pitch,
                            ShoalCanvas *canvas) {
  float bar = EDGE + 0.36f * width, length = width - EDGE - bar;
  float middle = y + 0.5f * pitch, share = shoal_clamp((value - dim->low) / (dim->high - dim->low), 0.0f, 1.0f);
  float zero = shoal_clamp((0.0f - dim->low) / (dim->high - dim->low), 0.0f, 1.0f);
  shoal_draw_text(canvas, EDGE, middle, TEXT, SHOAL_LEFT, SHOAL_MUTED, dim->name);
  shoal_draw_rounded(canvas, bar, middle - 2.0f, length, 4.0f, 2.0f, shoal_fade(SHOAL_EDGE, 0.45f));
  shoal_draw_rectangle(canvas, bar + zero * length, middle - 2.0f, (share - zero) * length, 4.0f, SHOAL_SKY);
  shoal_draw_rectangle(canvas, bar + zero * length - 0.5f, middle - 5.0f, 1.0f, 10.0f, SHOAL_MUTED);
  shoal_draw_circle(canvas, bar + share * length, middle, 5.0f, SHOAL_TEXT);
  return y + pitch;
}

// The last values as a line between their lowest and highest, with zero where it lies between them.
static void draw_values(const float *values, int32_t count, float top, float bottom, float width, ShoalCanvas *canvas) {
  enum { MOST = 512 };
  float points[2 * MOST], low = 3e38f, high = -3e38f, left = EDGE, right = width - EDGE, graph = top + 18.0f;
  if (count > MOST) {
    values += count - MOST;
    count = MOST;
  }
  for (int32_t i = 0; i < count; i++) {
    float value = values[i] - values[i] == 0.0f ? values[i] : 0.0f;
    low = shoal_min(low, value);
    high = shoal_max(high, value);
  }
  shoal_draw_text(canvas, left, top + 7.0f, TEXT, SHOAL_LEFT, SHOAL_MUTED, "value");
  shoal_draw_number(canvas, right, top + 7.0f, TEXT, SHOAL_RIGHT, SHOAL_TEXT, "", values[count - 1], 2, "");
  shoal_draw_rounded(canvas, left, graph, right - left, bottom - graph, 3.0f, shoal_fade(SHOAL_EDGE, 0.45f));
  float spread = shoal_max(high - low, 1e-6f), inner = bottom - graph - 10.0f;
  for (int32_t i = 0; i < count; i++) {
    float value = values[i] - values[i] == 0.0f ? values[i] : 0.0f;
    points[2 * i] = left + 5.0f + (right - left - 10.0f) * (float)i / (float)shoal_maxi(count - 1, 1);
    points[2 * i + 1] = bottom - 5.0f - inner * (high > low ? (value - low) / spread : 0.5f);
  }
  if (low < 0.0f && high > 0.0f) {
    float zero = bottom - 5.0f - inner * (0.0f - low) / spread;
    shoal_draw_line(canvas, left + 5.0f, zero, right - 5.0f, zero, 1.0f, SHOAL_EDGE);
  }
  shoal_draw_lines(canvas, points, count, 1.6f, SHOAL_YELLOW);
  shoal_draw_circle(canvas, points[2 * count - 2], points[2 * count - 1], 2.5f, SHOAL_YELLOW);
}

void shoal_draw_overlay(const ShoalSpec *spec, const ShoalOverlay *overlay, float width, float height,
                        ShoalCanvas *canvas) {
  int32_t heads = overlay->discrete ? spec->num_heads : 0, dims = overlay->continuous ? spec->num_dims : 0;
  int32_t with_values = overlay->values && overlay->num_values > 0, lines = dims, at = 0;
  float graph = with_values ? shoal_max(0.22f * height, 44.0f) : 0.0f, room = height - graph - 2.0f * EDGE;
  shoal_draw_window(canvas, 0.0f, 0.0f, width, height, overlay->background);
  // Bars get closer when there are many; closer than 11 units the longest heads show fewer of theirs.
  int32_t most = 0;
  for (int32_t h = 0; h < heads; h++) { most = shoal_maxi(most, spec->heads[h].size); }
  float pitch = 16.0f;
  for (; most > 0 || dims; most--) {
    lines = dims;
    for (int32_t h = 0; h < heads; h++) { lines += 1 + shoal_mini(spec->heads[h].size, most); }
    pitch = shoal_min(room / ((float)lines + 0.3f * (float)heads), 16.0f);
    if (pitch >= 11.0f || most <= 1) { break; }
  }
  float y = EDGE;
  for (int32_t h = 0; h < heads; h++) {
    int32_t size = spec->heads[h].size;
    y = draw_head(&spec->heads[h], overlay->probabilities ? overlay->probabilities + at : 0, overlay->discrete[h], y,
                  width, pitch, shoal_mini(size, most), canvas);
    at += size;
  }
  for (int32_t d = 0; d < dims; d++) {
    y = draw_dimension(&spec->dims[d], overlay->continuous[d], y, width, pitch, canvas);
  }
  if (with_values) {
    draw_values(overlay->values, overlay->num_values, height - graph - 0.5f * EDGE, height - EDGE, width, canvas);
  }
}
