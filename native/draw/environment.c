// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The picture of one environment of a vec: its own drawing, or else what its agents observe, as bars and cells.
#include "engine/engine.h"
#include "shoal/draw.h"

enum { MAX_AGENTS = 4, MAX_BARS = 16, MAX_CELLS = 4096 };

// The picture is laid out in these units, downwards.
static const float WIDE = 576.0f, TALL = 330.0f, EDGE = 16.0f, LINE = 30.0f, TEXT = 10.0f;

static float element(const ShoalField *field, const uint8_t *row, int32_t i) {
  const uint8_t *at = row + field->offset + i * shoal_dtype_bytes(field->dtype);
  switch (field->dtype) {
    case SHOAL_F32: {
      float value;
      __builtin_memcpy(&value, at, sizeof value);
      return value;
    }
    case SHOAL_I16: {
      int16_t value;
      __builtin_memcpy(&value, at, sizeof value);
      return (float)value;
    }
    case SHOAL_I8: return (float)*(const int8_t *)at;
    default: return (float)*at;
  }
}

// A value in [-1, 1] of the length of a bar: by the field's bounds where they are tight, else by a curve that shows
// small values well and large ones still.
static float bar_length(const ShoalField *field, float value) {
  float bound = shoal_max(shoal_abs(field->low), shoal_abs(field->high));
  return bound <= 1000.0f ? shoal_clamp(value / bound, -1.0f, 1.0f) : value / (1.0f + shoal_abs(value));
}

static void draw_bars(const ShoalField *field, const uint8_t *row, int32_t size, float x, float y, float width,
                      float height, ShoalCanvas *canvas) {
  float pitch = width / (float)size, gap = size > 1 ? 4.0f : 0.0f, half = 0.5f * (height - 8.0f);
  for (int32_t i = 0; i < size; i++) {
    float value = element(field, row, i), length = bar_length(field, value), from = x + pitch * (float)i;
    int32_t both = field->low < 0.0f;
    float wide = pitch - gap, zero = both ? from + 0.5f * wide : from, reach = both ? 0.5f * wide : wide;
    shoal_draw_rounded(canvas, from, y - half, wide, 2.0f * half, 3.0f, SHOAL_PANEL);
    shoal_draw_rectangle(canvas, zero, y - half, length * reach, 2.0f * half, length < 0.0f ? SHOAL_ORANGE : SHOAL_SKY);
    if (both) { shoal_draw_rectangle(canvas, zero - 0.5f, y - half, 1.0f, 2.0f * half, SHOAL_MUTED); }
    if (wide >= 40.0f) {
      shoal_draw_number(canvas, from + wide - 5.0f, y, 8.0f, SHOAL_RIGHT, length > 0.7f ? SHOAL_NIGHT : SHOAL_TEXT, "",
                        value, field->dtype == SHOAL_F32 ? 2 : 0, "");
    }
  }
}

// Elements as cells: of a grid by category, else from dark to light. Returns the height used.
static float draw_cells(const ShoalField *field, const uint8_t *row, float x, float y, float width, float height,
                        ShoalCanvas *canvas) {
  uint8_t cells[MAX_CELLS];
  uint32_t colours[16];
  int32_t columns = field->rows > 1 ? field->columns : shoal_mini(field->columns, 32);
  int32_t size = shoal_mini(field->rows * field->columns, MAX_CELLS), rows = (size + columns - 1) / columns;
  int32_t named = field->kind == SHOAL_KIND_GRID || field->kind == SHOAL_KIND_CATEGORY;
  for (int32_t c = 0; c < 16; c++) {
    uint32_t hue = shoal_hue(c - 1);
    colours[c] = named ? (c ? hue : SHOAL_PANEL) : shoal_tint(SHOAL_PANEL, SHOAL_YELLOW, (float)c / 15.0f);
  }
  for (int32_t i = 0; i < rows * columns; i++) {
    float value = i < size ? element(field, row, i * field->channels) : 0.0f;
    float share = shoal_clamp((value - field->low) / (field->high - field->low), 0.0f, 1.0f);
    cells[i] = i >= size ? 255 : (uint8_t)(named ? (value > 15.0f ? 15.0f : shoal_max(value, 0.0f)) : share * 15.0f);
  }
  float pitch = shoal_min(shoal_min(width / (float)columns, height / (float)rows), 14.0f);
  shoal_draw_image(canvas, x, y, pitch * (float)columns, pitch * (float)rows, cells, rows, columns, colours, 16);
  return pitch * (float)rows;
}

static void draw_observation(const ShoalSpec *spec, const uint8_t *row, float top, float bottom, ShoalCanvas *canvas) {
  float x = 150.0f, width = WIDE - x - EDGE, y = top;
  for (int32_t f = 0; f < spec->num_fields; f++) {
    const ShoalField *field = &spec->fields[f];
    int32_t size = field->rows * field->columns * field->channels;
    int32_t bars = size <= MAX_BARS && field->kind != SHOAL_KIND_GRID;
    float share = (bottom - y) / (float)(spec->num_fields - f);
    if (share < 12.0f) {
      shoal_draw_number(canvas, EDGE, y, TEXT, SHOAL_LEFT, SHOAL_MUTED, "and ", (float)(spec->num_fields - f), 0,
                        " more fields");
      return;
    }
    float line = shoal_min(LINE, share);
    shoal_draw_text(canvas, EDGE, y + 0.5f * line, TEXT, SHOAL_LEFT, SHOAL_MUTED, field->name);
    if (bars) {
      draw_bars(field, row, size, x, y + 0.5f * line, width, line, canvas);
      y += line;
    } else {
      y += draw_cells(field, row, x, y + 4.0f, width, shoal_max(share - 8.0f, 4.0f), canvas) + 8.0f;
    }
  }
}

static void draw_fields(const ShoalVec *vec, int32_t e, const ShoalHead *head, ShoalCanvas *canvas) {
  const ShoalEngine *engine = shoal_engine_of((ShoalVec *)(uintptr_t)vec);
  int64_t first = (int64_t)e * vec->agents;
  int32_t shown = shoal_mini(vec->agents, MAX_AGENTS);
  float top = 56.0f, each = (TALL - top - 8.0f) / (float)shown;
  shoal_draw_window(canvas, 0.0f, 0.0f, WIDE, TALL, SHOAL_FLOOR);
  shoal_draw_text(canvas, EDGE, 22.0f, 14.0f, SHOAL_LEFT, SHOAL_TEXT, vec->env->name);
  shoal_draw_number(canvas, WIDE - EDGE, 22.0f, 11.0f, SHOAL_RIGHT, SHOAL_MUTED, "step ", (float)head->tick, 0, "");
  for (int32_t a = 0; a < shown; a++) {
    int64_t row = first + a;
    float y = top + each * (float)a, reward = vec->rewards[row];
    uint32_t tone = reward > 0.0f ? SHOAL_GREEN : reward < 0.0f ? SHOAL_RED : SHOAL_MUTED;
    if (vec->agents > 1) {
      shoal_draw_number(canvas, EDGE, y - 6.0f, TEXT, SHOAL_LEFT, SHOAL_TEXT, "agent ", (float)a, 0, "");
    } else {
      shoal_draw_number(canvas, EDGE, y - 6.0f, TEXT, SHOAL_LEFT, SHOAL_MUTED, "return ", vec->returns[row], 2, "");
    }
    shoal_draw_number(canvas, WIDE - EDGE, y - 6.0f, TEXT, SHOAL_RIGHT, tone, "reward ", reward, 2, "");
    if (!vec->live[row]) {
      shoal_draw_text(canvas, EDGE, y + LINE, TEXT, SHOAL_LEFT, SHOAL_MUTED, "absent");
    } else if (engine->bound) {
      draw_observation(&vec->spec, engine->io.rows + row * engine->io.row_stride, y + 8.0f, y + each - 12.0f, canvas);
    }
  }
}

void shoal_draw_env(ShoalVec *vec, ShoalDrawFn draw, int32_t e, const void *before, float alpha, ShoalCanvas *canvas) {
  const uint8_t *now = vec->state + (int64_t)e * vec->state_bytes;
  uint64_t fp = shoal_fp_enter();
  shoal_draw_clear(canvas, SHOAL_NIGHT);
  if (draw) {
    draw(vec->params, vec->shared, before, now, shoal_clamp(alpha, 0.0f, 1.0f), canvas);
  } else {
    draw_fields(vec, e, (const ShoalHead *)(const void *)now, canvas);
  }
  shoal_fp_leave(fp);
}
