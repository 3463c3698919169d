// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// pong as a picture: the field with y up, the opponent on the left, the agent on the right, the points above.
#ifndef SHOAL_PONG_DRAW_H
#define SHOAL_PONG_DRAW_H

#include "pong.h"
#include "shoal/canvas.h"

#define PONG_MARGIN 44.0f   // px around the field: half a paddle reaches into it
#define PONG_HEADER 100.0f  // px above the field
#define PONG_THICK 16.0f    // px, of the paddles, which end at the field's edge

SHOAL_FN void pong_draw(const PongParams *params, const void *shared, const PongState *before, const PongState *now,
                        float alpha, ShoalCanvas *canvas) {
  (void)shared;
  int32_t own_point = now->own_points != before->own_points;
  int32_t opponent_point = now->opponent_points != before->opponent_points;
  if (own_point || opponent_point) { before = now; }  // a round's first ball does not fly in from the last one's end
  uint32_t own = own_point ? shoal_tint(SHOAL_YELLOW, SHOAL_SKY, alpha) : SHOAL_SKY;
  uint32_t opponent = opponent_point ? shoal_tint(SHOAL_YELLOW, SHOAL_ORANGE, alpha) : SHOAL_ORANGE;
  float x = shoal_lerp(before->ball_x, now->ball_x, alpha) + 0.5f * PONG_BALL;
  float y = shoal_lerp(before->ball_y, now->ball_y, alpha) + 0.5f * PONG_BALL;
  float own_y = shoal_lerp(before->own_y, now->own_y, alpha);
  float opponent_y = shoal_lerp(before->opponent_y, now->opponent_y, alpha);
  float middle = 0.5f * PONG_WIDTH, top = PONG_HEIGHT + PONG_HEADER, height = params->paddle_height;

  shoal_draw_window(canvas, -PONG_MARGIN, top, PONG_WIDTH + PONG_MARGIN, -PONG_MARGIN, SHOAL_NIGHT);
  shoal_draw_rectangle(canvas, 0.0f, 0.0f, PONG_WIDTH, PONG_HEIGHT, SHOAL_FLOOR);
  for (int32_t dash = 0; dash < 16; dash++) {
    shoal_draw_rectangle(canvas, middle - 3.0f, 40.0f * (float)dash + 10.0f, 6.0f, 20.0f, SHOAL_EDGE);
  }
  shoal_draw_rectangle(canvas, 0.0f, -6.0f, PONG_WIDTH, 6.0f, SHOAL_EDGE);
  shoal_draw_rectangle(canvas, 0.0f, PONG_HEIGHT, PONG_WIDTH, 6.0f, SHOAL_EDGE);

  float line = PONG_HEIGHT + 0.5f * PONG_HEADER + 6.0f;
  shoal_draw_number(canvas, 0.5f * middle, line, 44.0f, SHOAL_CENTRE, opponent, "", (float)now->opponent_points, 0, "");
  shoal_draw_number(canvas, 1.5f * middle, line, 44.0f, SHOAL_CENTRE, own, "", (float)now->own_points, 0, "");

  shoal_draw_rounded(canvas, -PONG_THICK, opponent_y, PONG_THICK, height, 7.0f, opponent);
  shoal_draw_rounded(canvas, PONG_WIDTH, own_y, PONG_THICK, height, 7.0f, own);
  for (int32_t ghost = 3; ghost > 0; ghost--) {  // where it came from, fainter with distance
    float back = 1.2f * (float)ghost;
    shoal_draw_circle(canvas, x - back * now->ball_vx, y - back * now->ball_vy,
                      0.5f * PONG_BALL * (1.0f - 0.12f * (float)ghost),
                      shoal_fade(SHOAL_TEXT, 0.16f - 0.04f * (float)ghost));
  }
  shoal_draw_circle(canvas, x, y, 0.5f * PONG_BALL, SHOAL_TEXT);
}

#endif
