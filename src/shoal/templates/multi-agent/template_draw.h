// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// template as a picture, in cells: the field, and in a hue of its own each walker with its goal and the way to it.
#include "shoal/canvas.h"
#include "template.h"

SHOAL_FN void template_draw(const TemplateParams *params, const void *shared, const TemplateState *before,
                            const TemplateState *now, float alpha, ShoalCanvas *canvas) {
  const float side = TEMPLATE_SIDE;
  (void)shared;
  shoal_draw_window(canvas, -5.0f, -1.6f, side + 5.0f, side + 0.6f, SHOAL_NIGHT);
  shoal_draw_number(canvas, 0.0f, -0.8f, 0.5f, SHOAL_LEFT, SHOAL_TEXT, "step ", (float)now->head.tick, 0, "");
  for (int32_t cell = 0; cell < TEMPLATE_SIDE * TEMPLATE_SIDE; cell++) {
    float left = (float)(cell % TEMPLATE_SIDE), top = (float)(cell / TEMPLATE_SIDE);
    shoal_draw_rounded(canvas, left + 0.04f, top + 0.04f, 0.92f, 0.92f, 0.1f, SHOAL_FLOOR);
  }
  // Goals and ways first, so that walkers stand on top of them. Who has another goal than before has ended meanwhile:
  // it stands on a new cell, which it did not walk to.
  for (int32_t layer = 0; layer < 2; layer++) {
    for (int32_t i = 0; i < params->size.agents; i++) {
      int32_t fresh = before->goal_x[i] != now->goal_x[i] || before->goal_y[i] != now->goal_y[i];
      float x = shoal_lerp((float)(fresh ? now : before)->x[i], (float)now->x[i], alpha) + 0.5f;
      float y = shoal_lerp((float)(fresh ? now : before)->y[i], (float)now->y[i], alpha) + 0.5f;
      float goal_x = (float)now->goal_x[i] + 0.5f, goal_y = (float)now->goal_y[i] + 0.5f;
      float size = fresh ? 0.38f * alpha : 0.38f;
      if (layer == 0) {
        shoal_draw_line(canvas, x, y, goal_x, goal_y, 0.06f, shoal_fade(shoal_hue(i), 0.3f));
        shoal_draw_ring(canvas, goal_x, goal_y, 0.3f, 0.12f, shoal_hue(i));
        continue;
      }
      shoal_draw_circle(canvas, x, y, size, shoal_hue(i));
      shoal_draw_circle(canvas, x - 0.36f * size, y - 0.15f * size, 0.18f * size, SHOAL_NIGHT);
      shoal_draw_circle(canvas, x + 0.36f * size, y - 0.15f * size, 0.18f * size, SHOAL_NIGHT);
    }
  }
}
