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
  for (int32_t i = 0; i < params->size.agents; i++) {  // all goals and ways first: walkers stand on top of them
    float goal_x = (float)now->goal_x[i] + 0.5f, goal_y = (float)now->goal_y[i] + 0.5f;
    uint32_t hue = shoal_hue(i);
    shoal_draw_line(canvas, (float)now->x[i] + 0.5f, (float)now->y[i] + 0.5f, goal_x, goal_y, 0.06f,
                    shoal_fade(hue, 0.3f));
    shoal_draw_ring(canvas, goal_x, goal_y, 0.3f, 0.12f, hue);
  }
  for (int32_t i = 0; i < params->size.agents; i++) {
    // Who has another goal than before has ended meanwhile: it stands on a new cell, which it did not walk to.
    int32_t fresh = before->goal_x[i] != now->goal_x[i] || before->goal_y[i] != now->goal_y[i];
    float x = (fresh ? (float)now->x[i] : shoal_lerp((float)before->x[i], (float)now->x[i], alpha)) + 0.5f;
    float y = (fresh ? (float)now->y[i] : shoal_lerp((float)before->y[i], (float)now->y[i], alpha)) + 0.5f;
    float size = fresh ? 0.38f * alpha : 0.38f;
    shoal_draw_circle(canvas, x, y, size, shoal_hue(i));
    shoal_draw_circle(canvas, x - 0.36f * size, y - 0.15f * size, 0.18f * size, SHOAL_NIGHT);
    shoal_draw_circle(canvas, x + 0.36f * size, y - 0.15f * size, 0.18f * size, SHOAL_NIGHT);
  }
}
