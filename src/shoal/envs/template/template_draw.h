// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// template as a picture, in cells: the line, the goal, and the agent between two of its cells.
#include "shoal/canvas.h"
#include "template.h"

SHOAL_FN void template_draw(const TemplateParams *params, const void *shared, const TemplateState *before,
                            const TemplateState *now, float alpha, ShoalCanvas *canvas) {
  float half = (float)params->length, wide = half + 1.5f, tall = 0.55f * wide, goal = (float)now->goal;
  float x = shoal_lerp((float)before->position, (float)now->position, alpha), size = shoal_max(0.04f * wide, 0.4f);
  (void)shared;
  shoal_draw_window(canvas, -wide, -tall, wide, tall, SHOAL_FLOOR);
  shoal_draw_number(canvas, -half, -0.8f * tall, 0.07f * tall, SHOAL_LEFT, SHOAL_TEXT, "step ", (float)now->head.tick,
                    0, "");
  shoal_draw_line(canvas, -half, 0.0f, half, 0.0f, 0.16f * size, SHOAL_EDGE);
  for (int32_t cell = -params->length; cell <= params->length && params->length <= 40; cell++) {
    shoal_draw_circle(canvas, (float)cell, 0.0f, 0.4f * size, SHOAL_EDGE);
  }
  shoal_draw_ring(canvas, goal, 0.0f, 1.5f * size, 0.4f * size, SHOAL_YELLOW);
  shoal_draw_circle(canvas, x, 0.0f, size, SHOAL_SKY);
}
