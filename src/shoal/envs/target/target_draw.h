// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// target as a picture: the pond from above in its own units, fish in a hue each, stars that shrink where they were
// eaten and grow where they come back; above it who has eaten most.
#ifndef SHOAL_TARGET_DRAW_H
#define SHOAL_TARGET_DRAW_H

#include "shoal/canvas.h"
#include "target.h"

#define TARGET_BANNER 60.0f  // height of the strip above the pond

// A star of five points with this radius.
SHOAL_FN void target_draw_star(ShoalCanvas *canvas, float x, float y, float radius, float angle, uint32_t colour) {
  float corners[20];
  for (int32_t i = 0; i < 10; i++) {
    float far = i % 2 ? 0.45f * radius : radius, at = angle + 0.2f * SHOAL_PI * (float)i;
    corners[2 * i] = x + far * shoal_sin(at);
    corners[2 * i + 1] = y - far * shoal_cos(at);
  }
  shoal_draw_polygon(canvas, corners, 10, colour);
}

// A fish with its nose in the direction (cosine, sine); sway in [-1, 1] bends its tail.
SHOAL_FN void target_draw_fish(ShoalCanvas *canvas, float x, float y, float cosine, float sine, float sway,
                               uint32_t colour) {
  SHOAL_TABLE float body[9][2] = {{23, 0},   {15, 7},   {3, 10},  {-10, 6}, {-17, 2},
                                  {-17, -2}, {-10, -6}, {3, -10}, {15, -7}};
  SHOAL_TABLE float tail[4][2] = {{-14, 0}, {-30, 11}, {-24, 0}, {-30, -11}};
  float corners[18];
  for (int32_t i = 0; i < 4; i++) {
    float ahead = 1.25f * tail[i][0], right = 1.25f * tail[i][1] - sway * 0.4f * (ahead + 17.0f);
    corners[2 * i] = x + ahead * cosine - right * sine;
    corners[2 * i + 1] = y + ahead * sine + right * cosine;
  }
  shoal_draw_polygon(canvas, corners, 4, shoal_fade(colour, 0.75f));
  for (int32_t i = 0; i < 9; i++) {
    float ahead = 1.25f * body[i][0], right = 1.25f * body[i][1];
    corners[2 * i] = x + ahead * cosine - right * sine;
    corners[2 * i + 1] = y + ahead * sine + right * cosine;
  }
  shoal_draw_polygon(canvas, corners, 9, colour);
  for (int32_t side = -1; side <= 1; side += 2) {
    float right = 5.6f * (float)side;
    shoal_draw_circle(canvas, x + 16.0f * cosine - right * sine, y + 16.0f * sine + right * cosine, 2.7f, SHOAL_NIGHT);
  }
}

SHOAL_FN void target_draw(const TargetParams *params, const void *shared, const TargetState *before,
                          const TargetState *now, float alpha, ShoalCanvas *canvas) {
  (void)shared;
  int32_t agents = params->agents, stars = params->stars;
  TargetPond was = target_pond(before, agents, stars), pond = target_pond(now, agents, stars);
  float time = shoal_lerp((float)before->head.tick, (float)now->head.tick, alpha), total = 0.0f, most = 1.0f;
  for (int32_t a = 0; a < agents; a++) {
    total += pond.eaten[a];
    most = shoal_max(most, pond.eaten[a]);
  }

  shoal_draw_window(canvas, -14.0f, -TARGET_BANNER, TARGET_WIDTH + 14.0f, TARGET_HEIGHT + 14.0f, SHOAL_NIGHT);
  shoal_draw_rounded(canvas, -8.0f, -8.0f, TARGET_WIDTH + 16.0f, TARGET_HEIGHT + 16.0f, 22.0f, 0x12303FFFu);
  for (int32_t i = 0; i < 9; i++) {  // light on the water
    float x = 60.0f + 110.0f * (float)i, y = 130.0f + 115.0f * (float)(i * 4 % 9 % 5);
    shoal_draw_arc(canvas, x, y, 46.0f, 5.0f, 3.6f, 5.8f, 0x1B4152FFu);
    shoal_draw_arc(canvas, x + 60.0f, y + 36.0f, 30.0f, 4.0f, 3.7f, 5.6f, 0x1B4152FFu);
  }
  shoal_draw_number(canvas, 0.0f, -32.0f, 20.0f, SHOAL_LEFT, SHOAL_TEXT, "stars ", total, 0, "");
  for (int32_t a = 0; a < agents; a++) {  // a bar each
    float width = (TARGET_WIDTH - 240.0f) / (float)agents, x = 240.0f + width * (float)a;
    float share = shoal_lerp(was.eaten[a], pond.eaten[a], alpha) / most;
    shoal_draw_rounded(canvas, x, -40.0f, 0.86f * width, 16.0f, 8.0f, SHOAL_PANEL);
    shoal_draw_rounded(canvas, x, -40.0f, 0.86f * width * shoal_clamp(share, 0.0f, 1.0f), 16.0f, 8.0f, shoal_hue(a));
  }

  for (int32_t s = 0; s < stars; s++) {
    int32_t moved = was.star_x[s] != pond.star_x[s] || was.star_y[s] != pond.star_y[s];
    float angle = 0.02f * time + (float)s, x = pond.star_x[s], y = pond.star_y[s];
    if (moved) {
      float old_x = was.star_x[s], old_y = was.star_y[s];
      target_draw_star(canvas, old_x, old_y, 17.0f * (1.0f - alpha), angle, SHOAL_YELLOW);
      shoal_draw_ring(canvas, old_x, old_y, 12.0f + 26.0f * alpha, 4.0f, shoal_fade(SHOAL_YELLOW, 1.0f - alpha));
    }
    shoal_draw_circle(canvas, x, y, moved ? 26.0f * alpha : 26.0f, shoal_fade(SHOAL_YELLOW, 0.12f));
    target_draw_star(canvas, x, y, moved ? 17.0f * alpha : 17.0f, angle, SHOAL_YELLOW);
  }
  for (int32_t a = 0; a < agents; a++) {
    float x = shoal_lerp(was.x[a], pond.x[a], alpha), y = shoal_lerp(was.y[a], pond.y[a], alpha);
    float cosine = shoal_lerp(was.cosine[a], pond.cosine[a], alpha);
    float sine = shoal_lerp(was.sine[a], pond.sine[a], alpha);
    float length = shoal_max(shoal_sqrt(cosine * cosine + sine * sine), 0.1f);
    float sway = shoal_sin(0.9f * time + 2.0f * (float)a) * (0.3f + 0.035f * pond.speed[a]);
    target_draw_fish(canvas, x, y, cosine / length, sine / length, sway, shoal_hue(a));
  }
}

#endif
