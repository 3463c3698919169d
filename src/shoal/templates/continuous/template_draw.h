// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// template as a picture, in half lengths of the track: the track, the mark, and the cart with an arrow for its speed.
#include "shoal/canvas.h"
#include "template.h"

SHOAL_FN void template_draw(const TemplateParams *params, const void *shared, const TemplateState *before,
                            const TemplateState *now, float alpha, ShoalCanvas *canvas) {
  float x = shoal_lerp(before->position, now->position, alpha) / params->half_length;
  float speed = shoal_lerp(before->speed, now->speed, alpha), mark = now->mark / params->half_length;
  float tip = x + 0.08f * shoal_clamp(speed, -3.0f, 3.0f), head = speed > 0.0f ? -0.04f : 0.04f;
  int32_t near = shoal_abs(now->mark - now->position) < 0.1f;
  (void)shared;
  shoal_draw_window(canvas, -1.2f, -0.7f, 1.2f, 0.675f, SHOAL_FLOOR);
  shoal_draw_number(canvas, -1.1f, -0.57f, 0.06f, SHOAL_LEFT, SHOAL_TEXT, "step ", (float)now->head.tick, 0, "");
  shoal_draw_number(canvas, 1.1f, -0.57f, 0.06f, SHOAL_RIGHT, SHOAL_MUTED, "speed ", now->speed, 2, " m/s");

  // The track between its two ends, and the mark that the cart is to rest at.
  shoal_draw_line(canvas, -1.06f, 0.22f, 1.06f, 0.22f, 0.03f, SHOAL_EDGE);
  shoal_draw_line(canvas, -1.06f, 0.06f, -1.06f, 0.22f, 0.03f, SHOAL_EDGE);
  shoal_draw_line(canvas, 1.06f, 0.06f, 1.06f, 0.22f, 0.03f, SHOAL_EDGE);
  float flag[6] = {mark, -0.30f, mark + 0.16f, -0.23f, mark, -0.16f};
  shoal_draw_line(canvas, mark, -0.30f, mark, 0.21f, 0.016f, SHOAL_YELLOW);
  shoal_draw_polygon(canvas, flag, 3, SHOAL_YELLOW);

  // The cart, and above it which way it goes and how fast.
  shoal_draw_circle(canvas, x - 0.06f, 0.17f, 0.035f, SHOAL_MUTED);
  shoal_draw_circle(canvas, x + 0.06f, 0.17f, 0.035f, SHOAL_MUTED);
  shoal_draw_rounded(canvas, x - 0.12f, 0.03f, 0.24f, 0.12f, 0.03f, near ? SHOAL_GREEN : SHOAL_SKY);
  if (shoal_abs(speed) > 0.6f) {
    float arrow[6] = {tip, -0.05f, tip + head, -0.08f, tip + head, -0.02f};
    shoal_draw_line(canvas, x, -0.05f, tip + head, -0.05f, 0.016f, SHOAL_SKY);
    shoal_draw_polygon(canvas, arrow, 3, SHOAL_SKY);
  }
}
