// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// cartpole as a picture: metres, y up from the hinge, the pole within the wedge of angles that it may take.
#ifndef SHOAL_CARTPOLE_DRAW_H
#define SHOAL_CARTPOLE_DRAW_H

#include "cartpole.h"
#include "shoal/canvas.h"

SHOAL_FN void cartpole_draw(const CartpoleParams *params, const void *shared, const CartpoleState *before,
                            const CartpoleState *now, float alpha, ShoalCanvas *canvas) {
  (void)shared;
  float length = 2.0f * params->pole_half_length, limit = params->angle_limit * CARTPOLE_RADIANS;
  float x = shoal_lerp(before->x, now->x, alpha), theta = shoal_lerp(before->theta, now->theta, alpha);
  // What is shown grows with the track and the pole; everything but these two has the size of the picture.
  float wide = shoal_max(1.2f * params->x_limit, 1.7f * length), unit = wide / 2.88f;
  float left = -params->x_limit, right = params->x_limit, rail = -0.34f * unit;
  float tip_x = x + length * shoal_sin(theta), tip_y = length * shoal_cos(theta);

  shoal_draw_window(canvas, -wide, 0.78f * wide, wide, -0.366f * wide, SHOAL_FLOOR);
  shoal_draw_rectangle(canvas, -wide, rail, 2.0f * wide, -wide, SHOAL_NIGHT);
  shoal_draw_rectangle(canvas, -wide, rail, wide + left, wide * 2.0f, shoal_fade(SHOAL_RED, 0.10f));
  shoal_draw_rectangle(canvas, right, rail, wide - right, wide * 2.0f, shoal_fade(SHOAL_RED, 0.10f));
  shoal_draw_line(canvas, -wide, rail, wide, rail, 0.03f * unit, SHOAL_EDGE);
  for (int32_t mark = -4; mark <= 4; mark++) {
    float at = 0.25f * (float)mark * params->x_limit;
    shoal_draw_line(canvas, at, rail - 0.06f * unit, at, rail - 0.14f * unit, 0.02f * unit, SHOAL_EDGE);
  }
  shoal_draw_line(canvas, left, rail - 0.2f * unit, left, rail + 0.2f * unit, 0.03f * unit, SHOAL_RED);
  shoal_draw_line(canvas, right, rail - 0.2f * unit, right, rail + 0.2f * unit, 0.03f * unit, SHOAL_RED);
  shoal_draw_number(canvas, -0.95f * wide, 0.68f * wide, 0.14f * unit, SHOAL_LEFT, SHOAL_TEXT, "step ",
                    (float)now->head.tick, 0, "");
  shoal_draw_number(canvas, 0.95f * wide, 0.68f * wide, 0.14f * unit, SHOAL_RIGHT, SHOAL_MUTED, "lean ",
                    theta / CARTPOLE_RADIANS, 1, "");  // degrees; short enough for small pictures

  // Angles run from the x axis to the y axis, theta from the y axis to the x axis.
  shoal_draw_arc(canvas, x, 0.0f, 0.5f * length, length, 0.5f * SHOAL_PI - limit, 0.5f * SHOAL_PI + limit,
                 shoal_fade(SHOAL_PANEL, 0.8f));
  shoal_draw_circle(canvas, x - 0.17f * unit, rail + 0.08f * unit, 0.08f * unit, SHOAL_MUTED);
  shoal_draw_circle(canvas, x + 0.17f * unit, rail + 0.08f * unit, 0.08f * unit, SHOAL_MUTED);
  shoal_draw_rounded(canvas, x - 0.32f * unit, rail + 0.10f * unit, 0.64f * unit, 0.26f * unit, 0.06f * unit,
                     SHOAL_SKY);
  shoal_draw_line(canvas, x, 0.0f, tip_x, tip_y, 0.10f * unit, SHOAL_ORANGE);
  shoal_draw_circle(canvas, x, 0.0f, 0.05f * unit, SHOAL_NIGHT);
}

#endif
