// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// template as a picture, in cells: the room with its walls and apples, and the agent between two of its cells.
#include "shoal/canvas.h"
#include "template.h"

SHOAL_FN void template_draw(const TemplateParams *params, const void *shared, const TemplateState *before,
                            const TemplateState *now, float alpha, ShoalCanvas *canvas) {
  const float side = TEMPLATE_SIDE;
  int32_t from = before->agent, to = now->agent;
  float x = shoal_lerp((float)(from % TEMPLATE_SIDE), (float)(to % TEMPLATE_SIDE), alpha) + 0.5f;
  float y = shoal_lerp((float)(from / TEMPLATE_SIDE), (float)(to / TEMPLATE_SIDE), alpha) + 0.5f;
  (void)shared;
  shoal_draw_window(canvas, -3.2f, -1.2f, side + 3.2f, side + 0.4f, SHOAL_NIGHT);
  shoal_draw_number(canvas, 0.0f, -0.6f, 0.4f, SHOAL_LEFT, SHOAL_TEXT, "apples ", (float)(params->apples - now->left),
                    0, "");
  shoal_draw_number(canvas, side, -0.6f, 0.4f, SHOAL_RIGHT, SHOAL_MUTED, "step ", (float)now->head.tick, 0, "");
  shoal_draw_rectangle(canvas, 0.0f, 0.0f, side, side, SHOAL_FLOOR);
  for (int32_t cell = 0; cell < TEMPLATE_CELLS; cell++) {
    float left = (float)(cell % TEMPLATE_SIDE), top = (float)(cell / TEMPLATE_SIDE);
    if (now->cells[cell] == TEMPLATE_WALL) {
      shoal_draw_rounded(canvas, left + 0.03f, top + 0.03f, 0.94f, 0.94f, 0.1f, SHOAL_EDGE);
    } else {
      shoal_draw_circle(canvas, left + 0.5f, top + 0.5f, 0.05f, SHOAL_PANEL);
    }
    if (before->cells[cell] == TEMPLATE_APPLE) {  // one that is eaten between the two states shrinks
      float size = now->cells[cell] == TEMPLATE_APPLE ? 1.0f : 1.0f - alpha;
      shoal_draw_circle(canvas, left + 0.5f, top + 0.54f, 0.28f * size, SHOAL_YELLOW);
      shoal_draw_line(canvas, left + 0.5f, top + 0.28f, left + 0.6f, top + 0.14f, 0.07f * size, SHOAL_GREEN);
    }
  }
  shoal_draw_circle(canvas, x, y, 0.36f, SHOAL_SKY);
  shoal_draw_circle(canvas, x - 0.13f, y - 0.06f, 0.06f, SHOAL_NIGHT);
  shoal_draw_circle(canvas, x + 0.13f, y - 0.06f, 0.06f, SHOAL_NIGHT);
}
