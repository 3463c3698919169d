// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// squared as a picture: the board in units of a cell, y down, the time that is left above it.
#ifndef SHOAL_SQUARED_DRAW_H
#define SHOAL_SQUARED_DRAW_H

#include "shoal/canvas.h"
#include "squared.h"

SHOAL_FN void squared_draw(const SquaredParams *params, const void *shared, const SquaredState *before,
                           const SquaredState *now, float alpha, ShoalCanvas *canvas) {
  (void)shared;
  float column = shoal_lerp((float)before->column, (float)now->column, alpha) + 0.5f;
  float row = shoal_lerp((float)before->row, (float)now->row, alpha) + 0.5f;
  float target_x = (float)now->target_column + 0.5f, target_y = (float)now->target_row + 0.5f;
  float time = shoal_lerp((float)before->head.tick, (float)now->head.tick, alpha);
  float left = shoal_max(1.0f - time / (float)params->deadline, 0.0f);

  shoal_draw_window(canvas, -1.2f, -2.2f, 12.2f, 12.2f, SHOAL_NIGHT);
  shoal_draw_text(canvas, 0.0f, -1.2f, 0.5f, SHOAL_LEFT, SHOAL_MUTED, "time");
  shoal_draw_rounded(canvas, 2.7f, -1.42f, SQUARED_SIDE - 2.7f, 0.44f, 0.22f, SHOAL_PANEL);
  shoal_draw_rounded(canvas, 2.7f, -1.42f, left * (SQUARED_SIDE - 2.7f), 0.44f, 0.22f,
                     left < 0.25f ? SHOAL_RED : SHOAL_GREEN);
  for (int32_t cell = 0; cell < SQUARED_CELLS; cell++) {
    shoal_draw_rounded(canvas, (float)(cell % SQUARED_SIDE) + 0.04f, (float)(cell / SQUARED_SIDE) + 0.04f, 0.92f, 0.92f,
                       0.12f, SHOAL_PANEL);
  }
  shoal_draw_rounded(canvas, target_x - 0.46f, target_y - 0.46f, 0.92f, 0.92f, 0.12f, shoal_fade(SHOAL_YELLOW, 0.25f));
  shoal_draw_ring(canvas, target_x, target_y, 0.28f, 0.12f, SHOAL_YELLOW);
  shoal_draw_circle(canvas, target_x, target_y, 0.1f, SHOAL_YELLOW);
  shoal_draw_line(canvas, (float)before->column + 0.5f, (float)before->row + 0.5f, column, row, 0.3f,
                  shoal_fade(SHOAL_SKY, 0.4f - 0.4f * alpha));
  shoal_draw_rounded(canvas, column - 0.36f, row - 0.36f, 0.72f, 0.72f, 0.2f, SHOAL_SKY);
  shoal_draw_circle(canvas, column - 0.13f, row - 0.06f, 0.07f, SHOAL_NIGHT);
  shoal_draw_circle(canvas, column + 0.13f, row - 0.06f, 0.07f, SHOAL_NIGHT);
}

#endif
