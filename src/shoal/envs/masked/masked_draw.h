// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// masked as a picture: the doors, of which one stands open and one is a trap, and the agent at the one it chose.
#ifndef SHOAL_MASKED_DRAW_H
#define SHOAL_MASKED_DRAW_H

#include "masked.h"
#include "shoal/canvas.h"

// Doors stand in rows of so many, `pitch` apart.
typedef struct {
  int32_t columns, rows;
  float pitch, height;
} MaskedWall;

SHOAL_FN MaskedWall masked_wall(int32_t doors) {
  MaskedWall wall;
  wall.rows = doors <= 6 ? 1 : doors <= 24 ? 2 : 4;
  wall.columns = (doors + wall.rows - 1) / wall.rows;
  wall.pitch = shoal_min(536.0f / (float)wall.columns, 110.0f);
  wall.height = shoal_min(270.0f / (float)wall.rows, 130.0f);
  return wall;
}

// The middle of a door's sill, where who takes it stands.
SHOAL_FN void masked_place(const MaskedWall *wall, int32_t door, float *x, float *y) {
  int32_t row = door / wall->columns, column = door % wall->columns;
  *x = 288.0f + wall->pitch * ((float)column - 0.5f * (float)(wall->columns - 1));
  *y = 186.0f + wall->height * ((float)row + 0.86f - 0.5f * (float)wall->rows);
}

// `open` in 0 .. 1: how far the leaf has swung back from what is behind it.
SHOAL_FN void masked_draw_door(ShoalCanvas *canvas, const MaskedWall *wall, int32_t door, float open) {
  float x = 0.0f, y = 0.0f, wide = 0.62f * wall->pitch, tall = 0.74f * wall->height, frame = 0.06f * wide;
  uint32_t behind = door ? SHOAL_YELLOW : shoal_tint(SHOAL_NIGHT, SHOAL_RED, 0.55f);
  masked_place(wall, door, &x, &y);
  float left = x - 0.5f * wide, top = y - tall;
  shoal_draw_rounded(canvas, left - frame, top - frame, wide + 2.0f * frame, tall + frame, frame, SHOAL_EDGE);
  shoal_draw_rectangle(canvas, left, top, wide, tall, shoal_tint(SHOAL_NIGHT, behind, open));
  if (!door) {  // the trap: always ajar, with what warns of it in a shape as well as in a colour
    shoal_draw_verdict(canvas, x + 0.06f * wide, top + 0.42f * tall, 0.6f * wide, 0, 1.0f);
  }
  float leaf = wide * (1.0f - 0.8f * open), lower = 0.09f * tall * open;  // nearer to us, so larger, at its free end
  float corners[8] = {left, top, left + leaf, top + lower, left + leaf, y + lower, left, y};
  shoal_draw_polygon(canvas, corners, 4, shoal_tint(SHOAL_PANEL, SHOAL_EDGE, open));
  if (open < 0.5f) { shoal_draw_circle(canvas, left + 0.8f * leaf, y - 0.45f * tall, 0.06f * wide, SHOAL_MUTED); }
}

SHOAL_FN void masked_draw(const MaskedParams *params, const void *shared, const MaskedState *before,
                          const MaskedState *now, float alpha, ShoalCanvas *canvas) {
  MaskedWall wall = masked_wall(params->doors);
  float walk = shoal_min(1.6f * alpha, 1.0f), swing = shoal_clamp(4.0f * alpha - 3.0f, 0.0f, 1.0f);
  float from_x = 288.0f, from_y = 312.0f, to_x = 288.0f, to_y = 312.0f, size = 0.17f * wall.pitch;
  int32_t last = params->doors - 1;
  (void)shared;
  if (before->head.tick) { masked_place(&wall, shoal_clampi(before->chosen, 0, last), &from_x, &from_y); }
  if (now->head.tick) { masked_place(&wall, shoal_clampi(now->chosen, 0, last), &to_x, &to_y); }
  size = shoal_min(size, 0.18f * wall.height);

  shoal_draw_window(canvas, 0.0f, 0.0f, 576.0f, 330.0f, SHOAL_FLOOR);
  shoal_draw_number(canvas, 20.0f, 30.0f, 14.0f, SHOAL_LEFT, SHOAL_TEXT, "through ", (float)now->through, 0, "");
  shoal_draw_number(canvas, 556.0f, 30.0f, 14.0f, SHOAL_RIGHT, SHOAL_MUTED, "step ", (float)now->head.tick, 0, "");
  for (int32_t door = 0; door <= last; door++) {
    float open = shoal_lerp((float)(door == before->open), (float)(door == now->open), swing);
    masked_draw_door(canvas, &wall, door, door ? open : 0.75f);
  }
  float x = shoal_lerp(from_x, to_x, walk), y = shoal_lerp(from_y, to_y, walk) - 0.6f * size;
  if (before->head.tick != now->head.tick) { y -= 60.0f * walk * (1.0f - walk); }  // a small leap
  shoal_draw_circle(canvas, x, y, 1.15f * size, SHOAL_NIGHT);
  shoal_draw_circle(canvas, x, y, size, SHOAL_SKY);
  shoal_draw_circle(canvas, x - 0.36f * size, y - 0.1f * size, 0.17f * size, SHOAL_NIGHT);
  shoal_draw_circle(canvas, x + 0.36f * size, y - 0.1f * size, 0.17f * size, SHOAL_NIGHT);
  if (now->head.tick && walk >= 1.0f) {
    shoal_draw_circle(canvas, x + 1.25f * size, y - 1.2f * size, 0.8f * size, SHOAL_NIGHT);
    shoal_draw_verdict(canvas, x + 1.25f * size, y - 1.2f * size, size, now->chosen != 0, 1.0f);
  }
}

#endif
