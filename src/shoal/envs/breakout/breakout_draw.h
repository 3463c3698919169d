// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// breakout as a picture: the field with its walls, bricks in a hue a row, score and spare balls above them.
#ifndef SHOAL_BREAKOUT_DRAW_H
#define SHOAL_BREAKOUT_DRAW_H

#include "breakout.h"
#include "shoal/canvas.h"

// A brick that breaks between the two states fades.
SHOAL_FN void breakout_draw_bricks(const BreakoutState *before, const BreakoutState *now, float alpha,
                                   ShoalCanvas *canvas) {
  SHOAL_TABLE uint32_t hues[BREAKOUT_ROWS] = {SHOAL_RED,   SHOAL_ORANGE, SHOAL_YELLOW,
                                              SHOAL_GREEN, SHOAL_SKY,    SHOAL_BLUE};
  for (int32_t brick = 0; brick < BREAKOUT_BRICKS; brick++) {
    int32_t row = brick / BREAKOUT_COLUMNS, column = brick % BREAKOUT_COLUMNS;
    float opacity = breakout_intact(now, brick) ? 1.0f : breakout_intact(before, brick) ? 1.0f - alpha : 0.0f;
    if (opacity > 0.0f) {
      shoal_draw_rounded(canvas, (float)column * BREAKOUT_BRICK_WIDTH + 1.0f,
                         BREAKOUT_WALL_TOP + (float)row * BREAKOUT_BRICK_HEIGHT + 1.0f, BREAKOUT_BRICK_WIDTH - 2.0f,
                         BREAKOUT_BRICK_HEIGHT - 2.0f, 2.5f, shoal_fade(hues[row], opacity));
    }
  }
}

SHOAL_FN void breakout_draw(const BreakoutParams *params, const void *shared, const BreakoutState *before,
                            const BreakoutState *now, float alpha, ShoalCanvas *canvas) {
  (void)shared;
  if (now->spare_balls != before->spare_balls) { before = now; }  // a new ball does not fly in from the old one's end
  float radius = 0.5f * params->ball_size;
  float x = shoal_lerp(before->ball_x, now->ball_x, alpha) + radius;
  float y = shoal_lerp(before->ball_y, now->ball_y, alpha) + radius;
  float paddle = shoal_lerp(before->paddle_x, now->paddle_x, alpha);
  float width = shoal_lerp(before->paddle_width, now->paddle_width, alpha);

  shoal_draw_window(canvas, 0.0f, 0.0f, BREAKOUT_WIDTH, BREAKOUT_HEIGHT, SHOAL_FLOOR);
  shoal_draw_number(canvas, 12.0f, 25.0f, 16.0f, SHOAL_LEFT, SHOAL_TEXT, "score ", (float)now->score, 0, "");
  for (int32_t ball = 0; ball < now->spare_balls && ball < 20; ball++) {
    shoal_draw_circle(canvas, BREAKOUT_WIDTH - 17.0f - 16.0f * (float)ball, 25.0f, 5.0f, SHOAL_TEXT);
  }
  breakout_draw_bricks(before, now, alpha, canvas);
  for (int32_t ghost = 3; ghost > 0 && now->launched; ghost--) {  // where it came from, fainter with distance
    float back = 1.6f * (float)ghost;
    shoal_draw_circle(canvas, x - back * now->ball_vx, y - back * now->ball_vy, radius * (1.0f - 0.12f * (float)ghost),
                      shoal_fade(SHOAL_SKY, 0.16f - 0.04f * (float)ghost));
  }
  shoal_draw_circle(canvas, x, y, radius, SHOAL_TEXT);
  shoal_draw_rounded(canvas, paddle, BREAKOUT_PADDLE_Y, width, 8.0f, 4.0f, SHOAL_SKY);
}

#endif
